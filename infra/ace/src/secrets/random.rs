//! Random values, from the system's generator.

use secrets::{Secret, VersionId};
use zeroize::Zeroizing;

use super::Alphabet;
use super::error::SecretsError;

pub(crate) fn bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, SecretsError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| SecretsError::Random { reason: error.to_string() })?;
    Ok(bytes)
}

/// A version's id that nobody else has.
pub(crate) fn version() -> Result<VersionId, SecretsError> {
    let text = bytes::<16>()?.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    text.parse().map_err(|_| SecretsError::Random { reason: "it made no version id".to_owned() })
}

impl Alphabet {
    fn characters(self) -> Vec<u8> {
        let alphanumeric = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9');
        match self {
            Self::Alphanumeric => alphanumeric.collect(),
            Self::Hex => (b'0'..=b'9').chain(b'a'..=b'f').collect(),
            Self::Urlsafe => alphanumeric.chain([b'-', b'_']).collect(),
            Self::Printable => (b'!'..=b'~').collect(),
        }
    }
}

/// A value of so many characters, each as likely as every other.
pub(crate) fn value(length: u16, alphabet: Alphabet) -> Result<Secret, SecretsError> {
    let characters = alphabet.characters();
    let length = usize::from(length);
    // The greatest multiple of the alphabet's size that a byte can hold: what is above would favour the first ones.
    let fair = 256 - 256 % characters.len();
    let mut text = Zeroizing::new(String::with_capacity(length));
    while text.len() < length {
        for byte in bytes::<64>()?.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair) {
            if let Some(character) = characters.get(byte % characters.len())
                && text.len() < length
            {
                text.push(char::from(*character));
            }
        }
    }
    Ok(Secret::new(std::mem::take(&mut *text)))
}
