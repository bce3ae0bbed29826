use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is asked to approve: a name or an address, as the configuration lists them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = 128))]
pub struct Approver(String);

/// A text that cannot name a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an approver is named with 1 to {} bytes, without control or invisible characters and without spaces around them",
    Approver::MAX_BYTES
)]
pub struct InvalidApprover;

impl Approver {
    /// Longest name, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Approver {
    type Error = InvalidApprover;

    fn try_from(text: String) -> Result<Self, InvalidApprover> {
        let good = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.trim() == text
            && !text.chars().any(|c| c.is_control() || is_invisible(c));
        if good { Ok(Self(text)) } else { Err(InvalidApprover) }
    }
}

impl FromStr for Approver {
    type Err = InvalidApprover;

    fn from_str(text: &str) -> Result<Self, InvalidApprover> {
        Self::try_from(text.to_owned())
    }
}

/// Characters that show nothing or turn the direction of others: two names that look alike would be two people.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl From<Approver> for String {
    fn from(approver: Approver) -> Self {
        approver.0
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
