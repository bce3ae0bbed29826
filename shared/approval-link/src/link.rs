use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::approver::Approver;
use crate::key::KeyId;

/// The only layout there is: this byte, the key's id, the signature, the claim.
const VERSION: u8 = 1;
/// HMAC-SHA256, not cut.
const SIGNATURE: usize = 32;

/// The bytes before the claim.
const HEAD: usize = 1 + KeyId::BYTES + SIGNATURE;
/// Names at their longest (32 and 80 bytes, and the approver's), numbers at theirs (20, 5, 22 and 13), a line feed after
/// each but the last.
const LONGEST_CLAIM: usize = 32 + 80 + 20 + 5 + 22 + 13 + Approver::MAX_BYTES + 6;

/// Why a link is of no use. Holds no part of the link or of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is not a link of ours, or was cut off.
    #[error("this is not a whole approval link: open it from where it was sent, or ask for a new one")]
    Malformed,
    /// No key that is known has signed it.
    #[error("this link was signed with a key that is not in use any more: ask for a new one")]
    UnknownKey,
    /// The signature is not that of the claim.
    #[error("the signature of this link is wrong: open it from where it was sent, or ask for a new one")]
    Forged,
    /// It is for another environment.
    #[error("this link is for another environment: open it from where it was sent")]
    OtherEnvironment,
    /// It was valid.
    #[error("this link expired at {at}: ask for a new one")]
    Expired {
        /// Since when it is of no use.
        at: Timestamp,
    },
}

/// A signed claim as text that fits into an address: letters, digits, `-` and `_`. It is a credential: `Debug` is
/// redacted, there is no `Display`, and memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(Zeroizing<String>);

impl Link {
    /// Longest link, in characters.
    pub const MAX_BYTES: usize = ((HEAD + LONGEST_CLAIM) * 4).div_ceil(3);

    /// The text itself, for the address that is handed to the approver.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A name for the link that can be written down: a hash, of which the link cannot be made.
    pub fn id(&self) -> LinkId {
        let hash = Sha256::digest(self.0.as_bytes());
        let start = hash.first_chunk().copied().unwrap_or_default();
        LinkId(u32::from_be_bytes(start))
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Looks at length and characters only.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        if (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(LinkError::Malformed)
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}, redacted)", self.id())
    }
}

/// Which link it was, for logs and history: eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(u32);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

pub(crate) struct Parts<'a> {
    pub(crate) key: KeyId,
    pub(crate) signature: &'a [u8],
    pub(crate) claim: &'a [u8],
}

pub(crate) fn join(key: KeyId, signature: &[u8; SIGNATURE], claim: &[u8]) -> Link {
    let bytes = Zeroizing::new([&[VERSION], &key.0[..], signature, claim].concat());
    Link(Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes)))
}

/// The bytes of a link. There is one text for any bytes: the engine refuses padding and stray bits at the end.
pub(crate) fn bytes(link: &Link) -> Result<Zeroizing<Vec<u8>>, LinkError> {
    URL_SAFE_NO_PAD.decode(link.0.as_bytes()).map(Zeroizing::new).map_err(|_| LinkError::Malformed)
}

pub(crate) fn split(bytes: &[u8]) -> Result<Parts<'_>, LinkError> {
    let parts = || {
        let (version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (signature, claim) = rest.split_at_checked(SIGNATURE)?;
        (*version == VERSION).then_some(Parts { key: KeyId(*key), signature, claim })
    };
    parts().ok_or(LinkError::Malformed)
}
