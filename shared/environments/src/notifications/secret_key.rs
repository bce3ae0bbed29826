use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The dotted key of a secret of this environment, like `external_apis.slack_webhook`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend(
    "pattern" = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
    "examples" = ["external_apis.slack_webhook"]
))]
pub struct SecretKey(String);

/// A text that is no key of a secret. It may be the secret, and is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no key of a secret: write where it is in secrets.yml, like external_apis.slack_webhook, never its value"
)]
pub struct InvalidSecretKey;

impl SecretKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretKey {
    type Error = InvalidSecretKey;

    fn try_from(text: String) -> Result<Self, InvalidSecretKey> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        // Longer than any key that people give; a token is.
        if text.len() <= 128 && text.split('.').all(is_part) { Ok(Self(text)) } else { Err(InvalidSecretKey) }
    }
}

impl From<SecretKey> for String {
    fn from(key: SecretKey) -> Self {
        key.0
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
