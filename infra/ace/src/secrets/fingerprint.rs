//! Fingerprints of values: whether two are the same, without the values.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::SecretsError;
use super::random;

const KEY_BYTES: usize = 32;

/// Makes fingerprints with a key that does not leave this machine: whoever sees a fingerprint cannot try passwords
/// on it, and fingerprints of two machines tell nothing about each other.
pub(crate) struct Fingerprints(Zeroizing<Vec<u8>>);

/// HMAC-SHA-256 of a value. Shown as its first eight hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprints {
    /// With the key in this folder, which is made when it is missing.
    pub(crate) fn open(state: &Path) -> Result<Self, SecretsError> {
        let path = state.join("fingerprint.key");
        let place = |source| SecretsError::Place { place: path.display().to_string(), source };
        private_folder(state).map_err(place)?;
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(mut file) => {
                let key = random::bytes::<KEY_BYTES>()?;
                file.write_all(&*key).map_err(place)?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(place(error)),
        }
        let key = Zeroizing::new(fs::read(&path).map_err(place)?);
        if key.len() == KEY_BYTES {
            Ok(Self(key))
        } else {
            let short = "it has not the 32 bytes of a key: remove it, it is made again";
            Err(place(std::io::Error::new(ErrorKind::InvalidData, short)))
        }
    }

    pub(crate) fn of(&self, value: &str) -> Fingerprint {
        // A key of any length will do, so that this does not fail.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).map(|mac| mac.chain_update(value).finalize());
        Fingerprint(mac.map(|mac| mac.into_bytes().into()).unwrap_or_default())
    }
}

/// Makes a folder that only its owner can look into, unless it is there.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

impl Fingerprint {
    /// All of it, in hex.
    pub(crate) fn whole(&self) -> String {
        self.0.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
