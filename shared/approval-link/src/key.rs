use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rollout::EnvironmentName;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::claim::Claim;
use crate::link::{self, Link, LinkError, Parts};

/// What is signed beside the claim, so that the key signs nothing else alike.
const PURPOSE: &[u8] = b"ace-flow approval link, version 1";
/// What a key is hashed with to name it.
const NAMING: &[u8] = b"ace-flow approval key";

/// Which key signed a link: the first four bytes of a hash of the key, which say nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; Self::BYTES]);

impl KeyId {
    pub(crate) const BYTES: usize = 4;
}

/// A key that could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key for approval links is shorter than {} bytes: generate one at random, as infra/template.yaml does",
    Key::MIN_BYTES
)]
pub struct WeakKey;

/// A secret that signs links. `Debug` shows which it is and nothing of it; its state is overwritten when it is
/// dropped.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    mac: Hmac<Sha256>,
}

impl Key {
    /// Shortest key, in bytes: the length of the hash, as RFC 2104 recommends it ("Keys").
    pub const MIN_BYTES: usize = 32;

    /// The key in this text or these bytes.
    ///
    /// # Errors
    /// [`WeakKey`] if it is too short.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, WeakKey> {
        let secret = secret.as_ref();
        if secret.len() < Self::MIN_BYTES {
            return Err(WeakKey);
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| WeakKey)?;
        let name = Sha256::new().chain_update(NAMING).chain_update(secret).finalize();
        let id = name.first_chunk().copied().map(KeyId).ok_or(WeakKey)?;
        Ok(Self { id, mac })
    }

    /// Which key it is.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    fn over(&self, claim: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(PURPOSE);
        mac.update(&self.id.0);
        mac.update(claim);
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of an environment: one signs, and the one before it is still accepted, so that links outlive a rotation.
#[derive(Clone, Debug)]
pub struct Keyring {
    current: Key,
    previous: Option<Key>,
}

impl Keyring {
    /// These keys.
    pub const fn new(current: Key, previous: Option<Key>) -> Self {
        Self { current, previous }
    }

    /// A link for a claim, signed with the current key.
    pub fn sign(&self, claim: &Claim) -> Link {
        let claim = claim.write();
        let signature = self.current.over(claim.as_bytes()).finalize().into_bytes();
        link::join(self.current.id, &signature.into(), claim.as_bytes())
    }

    /// The claim of a link that one of these keys signed, for this environment. It may have expired: see
    /// [`Claim::alive`].
    ///
    /// # Errors
    /// [`LinkError`], except [`Expired`](LinkError::Expired).
    pub fn read(&self, link: &Link, environment: &EnvironmentName) -> Result<Claim, LinkError> {
        let bytes = link::bytes(link)?;
        let Parts { key, signature, claim } = link::split(&bytes)?;
        let key = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|known| known.id == key)
            .ok_or(LinkError::UnknownKey)?;
        // In constant time.
        key.over(claim).verify_slice(signature).map_err(|_| LinkError::Forged)?;
        let text = Zeroizing::new(String::from_utf8(claim.to_vec()).map_err(|_| LinkError::Malformed)?);
        let claim = Claim::read(&text).ok_or(LinkError::Malformed)?;
        if claim.environment == *environment { Ok(claim) } else { Err(LinkError::OtherEnvironment) }
    }

    /// The claim of a link that can be used now.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn verify(
        &self,
        link: &Link,
        environment: &EnvironmentName,
        now: jiff::Timestamp,
    ) -> Result<Claim, LinkError> {
        let claim = self.read(link, environment)?;
        claim.alive(now)?;
        Ok(claim)
    }
}
