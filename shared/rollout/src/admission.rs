//! What decides whether a rollout may begin, and who may let it go on.

use std::fmt;

use analysis::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may let a step that waits for it be taken, and how long that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// How long an approval is waited for before the rollout is rolled back.
    pub expires: Seconds,
    /// Who may approve; anybody where nobody is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Whether whoever asked for the rollout may not approve it: separation of duties.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_the_starter: bool,
}

/// Why somebody's approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MayNotApprove {
    /// The plan names approvers, and this is none of them.
    #[error("{by} is not an approver; nothing was changed: one of {} has to approve", approvers.join(", "))]
    NotAnApprover {
        /// Who.
        by: String,
        /// Who may.
        approvers: Vec<String>,
    },
    /// The plan keeps whoever asked for the rollout from approving it.
    #[error(
        "{by} asked for this rollout and may not approve it (not_the_starter); nothing was changed: \
         somebody else has to approve"
    )]
    TheStarter {
        /// Who.
        by: String,
    },
}

impl Approvals {
    /// Anybody's, within this time.
    pub const fn of_anybody(expires: Seconds) -> Self {
        Self { expires, approvers: Vec::new(), not_the_starter: false }
    }

    /// Whether `by` may approve what `starter` asked for. Names are compared without regard to letter case and to
    /// spaces around them, so that nobody is somebody else by writing their own name differently.
    ///
    /// # Errors
    /// [`MayNotApprove`].
    pub fn permit(&self, starter: &str, by: &str) -> Result<(), MayNotApprove> {
        if self.not_the_starter && is_same(starter, by) {
            return Err(MayNotApprove::TheStarter { by: by.to_owned() });
        }
        if self.approvers.is_empty() || self.approvers.iter().any(|approver| is_same(approver, by)) {
            return Ok(());
        }
        Err(MayNotApprove::NotAnApprover { by: by.to_owned(), approvers: self.approvers.clone() })
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Which published configuration a plan was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Configured {
    /// The configuration's version, from 1; 0 for a plan of a configuration that nobody has published.
    pub version: u64,
    /// SHA-256 of the configuration in hexadecimal; empty where it was not published.
    pub digest: String,
}

/// What may keep a rollout from beginning, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GateName {
    /// Another rollout holds the service.
    Lease,
    /// The environment's line is stopped.
    Line,
    /// A freeze: a window of the configuration, or a person's.
    Freeze,
    /// The version was rolled back before.
    Barred,
    /// The version was not promoted in the environment below, or not served there long enough.
    Promotion,
    /// The load balancer's rule cannot carry a rollout.
    Rule,
    /// The live colour could not take a rollback.
    RollbackTarget,
    /// A guardrail is in ALARM, or is missing.
    Guardrails,
}

impl GateName {
    /// Every gate, in order.
    pub const ALL: [Self; 8] = [
        Self::Lease,
        Self::Line,
        Self::Freeze,
        Self::Barred,
        Self::Promotion,
        Self::Rule,
        Self::RollbackTarget,
        Self::Guardrails,
    ];

    /// The gate's name as it is written and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Line => "line",
            Self::Freeze => "freeze",
            Self::Barred => "barred",
            Self::Promotion => "promotion",
            Self::Rule => "rule",
            Self::RollbackTarget => "rollback-target",
            Self::Guardrails => "guardrails",
        }
    }

    /// Whether a person may pass it with a reason. What protects the traffic itself has no exception.
    pub const fn can_be_overridden(self) -> bool {
        match self {
            Self::Freeze | Self::Promotion => true,
            Self::Lease
            | Self::Line
            | Self::Barred
            | Self::Rule
            | Self::RollbackTarget
            | Self::Guardrails => false,
        }
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The gates that a person had a rollout pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overridden {
    /// Which, each once and in order.
    pub gates: Vec<GateName>,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Gates that cannot be overridden as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOverride {
    /// No gate is named.
    #[error("no gate is named: name promotion, freeze or both, or leave the override out")]
    NoGate,
    /// A gate has no exception.
    #[error("gate {0} cannot be overridden, only promotion and freeze can: do what it asks for instead")]
    NotThisGate(GateName),
    /// It has no reason.
    #[error("the reason is empty: say why, it is kept in the rollout's history")]
    NoReason,
}

impl Overridden {
    /// These gates, for a reason.
    ///
    /// # Errors
    /// [`InvalidOverride`].
    pub fn new(mut gates: Vec<GateName>, by: String, why: String) -> Result<Self, InvalidOverride> {
        if let Some(gate) = gates.iter().find(|gate| !gate.can_be_overridden()) {
            return Err(InvalidOverride::NotThisGate(*gate));
        }
        if why.trim().is_empty() {
            return Err(InvalidOverride::NoReason);
        }
        gates.sort_unstable();
        gates.dedup();
        if gates.is_empty() { Err(InvalidOverride::NoGate) } else { Ok(Self { gates, by, why }) }
    }

    /// Whether it passes this gate.
    pub fn passes(&self, gate: GateName) -> bool {
        self.gates.contains(&gate)
    }
}

impl fmt::Display for Overridden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gates: Vec<&str> = self.gates.iter().map(|gate| gate.as_str()).collect();
        write!(f, "{} overridden by {}: {}", gates.join(" and "), self.by, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approvals(approvers: &[&str], not_the_starter: bool) -> Approvals {
        let approvers = approvers.iter().map(|&name| name.to_owned()).collect();
        Approvals { expires: Seconds(60), approvers, not_the_starter }
    }

    #[test]
    fn only_approvers_approve_and_the_starter_only_where_that_is_allowed() {
        let both = ["ann@example.com", "bob@example.com"];
        for (approvals, by, expected) in [
            (approvals(&[], false), "ann@example.com", Ok(())),
            (approvals(&[], false), "anybody", Ok(())),
            (approvals(&[], true), "bob@example.com", Ok(())),
            (approvals(&[], true), " Ann@Example.com", Err("may not approve it")),
            (approvals(&both, false), "ANN@example.com ", Ok(())),
            (approvals(&both, true), "ann@example.com", Err("may not approve it")),
            (approvals(&both, true), "bob@example.com", Ok(())),
            (
                approvals(&both, true),
                "eve@example.com",
                Err("one of ann@example.com, bob@example.com has to"),
            ),
            (approvals(&both, false), "", Err(" is not an approver")),
        ] {
            let found = approvals.permit("ann@example.com", by).map_err(|error| error.to_string());
            match (&found, expected) {
                (Ok(()), Ok(())) => {}
                (Err(says), Err(part)) => assert!(says.contains(part), "{says}"),
                other => panic!("{by}: {other:?}"),
            }
        }
    }

    #[test]
    fn gates_have_the_names_they_are_stored_with() {
        for gate in GateName::ALL {
            assert_eq!(serde_json::to_value(gate).unwrap(), gate.as_str());
        }
        assert!(GateName::ALL.is_sorted());
    }

    #[test]
    fn only_what_does_not_protect_traffic_is_overridden_and_only_with_a_reason() {
        let new =
            |gates: &[GateName], why: &str| Overridden::new(gates.to_vec(), "ann".to_owned(), why.to_owned());
        for gate in GateName::ALL {
            let made = new(&[GateName::Freeze, gate], "hot fix");
            match gate {
                GateName::Freeze | GateName::Promotion => assert!(made.unwrap().passes(gate)),
                _ => assert_eq!(made, Err(InvalidOverride::NotThisGate(gate))),
            }
        }
        assert_eq!(new(&[], "hot fix"), Err(InvalidOverride::NoGate));
        assert_eq!(new(&[GateName::Freeze], " \n"), Err(InvalidOverride::NoReason));
        let both = new(&[GateName::Promotion, GateName::Freeze, GateName::Promotion], "hot fix").unwrap();
        assert_eq!(both.to_string(), "freeze and promotion overridden by ann: hot fix");
    }
}
