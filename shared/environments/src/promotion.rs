//! Which environment a version comes from, how long it has to serve there, and who lets it in.

use rollout::{EnvironmentName, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::span::Span;

/// What a version needs before it may be rolled out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The environment below, where there is one.
    pub below: Option<Below>,
    /// Who lets it in.
    pub approvals: ApprovalSettings,
}

/// The environment below: a version comes here only once it was promoted there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The environment, as its folder and its stack are called.
    pub after: EnvironmentName,
    /// What a version has to have served there.
    pub soak: Soak,
}

/// What a version has to have served in the environment below since it was promoted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Soak {
    /// So long.
    pub time: Span,
    /// So many requests. They are read from the load balancer's metrics there, which needs both environments in one
    /// account and region.
    pub requests: u64,
}

impl Default for Soak {
    fn default() -> Self {
        Self { time: Span::of(0), requests: 0 }
    }
}

/// Who lets a version in, and how long that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalSettings {
    /// Whether every rollout needs an approval before its first weight, whatever its steps say.
    pub required: bool,
    /// Who may approve; everybody where the list is empty.
    pub approvers: Vec<String>,
    /// Whether who asked for the rollout may not approve it.
    pub not_the_starter: bool,
    /// How long an approval is waited for before the rollout is rolled back.
    pub expires: Span,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self { required: false, approvers: Vec::new(), not_the_starter: false, expires: Span::of(24 * 3600) }
    }
}

/// The block as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Promotion")]
pub(crate) struct WrittenPromotion {
    /// The environment below, as its folder and its stack are called: a version comes here only once it was promoted
    /// there.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<EnvironmentName>,
    /// What a version has to have served there since.
    #[serde(skip_serializing_if = "Option::is_none")]
    soak: Option<Soak>,
    /// Who lets it in.
    #[serde(skip_serializing_if = "is_usual")]
    approvals: ApprovalSettings,
}

fn is_usual(approvals: &ApprovalSettings) -> bool {
    *approvals == ApprovalSettings::default()
}

/// As approvals are compared: [`rollout::Approvals::permit`].
fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Why the block was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPromotion {
    /// A version would have to be here before it may come here.
    #[error("an environment cannot be after itself, {0}: write the one below it, or leave `after` out")]
    Itself(String),
    /// There is nowhere to soak.
    #[error("there is no environment to soak in: add `after: ENVIRONMENT` to the block, or leave `soak` out")]
    SoakNowhere,
    /// An approver is nobody.
    #[error("an approver has no name: write the name with which they approve, or leave the line out")]
    Nobody,
    /// An approver is there twice.
    #[error("approver {0:?} is there twice: leave one of the two out")]
    Twice(String),
}

impl Promotion {
    /// Checks the block of an environment of this name; otherwise the keys to what is to blame, and why.
    pub(crate) fn read(
        written: WrittenPromotion,
        own: &str,
    ) -> Result<Self, (Vec<crate::place::Part>, InvalidPromotion)> {
        use crate::place::Part;
        let key = |keys: &[&str]| keys.iter().map(|key| Part::Key((*key).to_owned())).collect::<Vec<_>>();
        let WrittenPromotion { after, soak, approvals } = written;
        let below = match (after, soak) {
            (Some(after), _) if after.as_str() == own => {
                return Err((key(&["after"]), InvalidPromotion::Itself(own.to_owned())));
            }
            (Some(after), soak) => Some(Below { after, soak: soak.unwrap_or_default() }),
            (None, Some(_)) => return Err((key(&["soak"]), InvalidPromotion::SoakNowhere)),
            (None, None) => None,
        };
        for (index, approver) in approvals.approvers.iter().enumerate() {
            let wrong = if approver.trim().is_empty() {
                InvalidPromotion::Nobody
            } else if approvals.approvers.iter().take(index).any(|before| is_same(before, approver)) {
                InvalidPromotion::Twice(approver.clone())
            } else {
                continue;
            };
            let place = key(&["approvals", "approvers"]).into_iter().chain([Part::Item(index)]);
            return Err((place.collect(), wrong));
        }
        Ok(Self { below, approvals })
    }
}

impl From<Promotion> for WrittenPromotion {
    fn from(valid: Promotion) -> Self {
        let Promotion { below, approvals } = valid;
        let (after, soak) = match below {
            Some(Below { after, soak }) => (Some(after), (soak != Soak::default()).then_some(soak)),
            None => (None, None),
        };
        Self { after, soak, approvals }
    }
}

impl Soak {
    /// Whether a version has to serve at all.
    pub fn is_needed(self) -> bool {
        self.requests > 0 || self.time.seconds() > Seconds(0)
    }
}
