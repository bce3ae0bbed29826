use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a function answers. Every field is always written: a Choice or Wait state has no Catch, so a field that is
/// missing would end the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply<N> {
    /// Where the state machine goes.
    pub next: N,
    /// How long it waits first, in seconds, where it waits.
    pub wait_seconds: u32,
    /// The rollout; empty where there is none.
    pub rollout_id: String,
    /// The rollout's epoch; 0 where there is none.
    pub epoch: u64,
    /// The environment.
    pub environment: String,
    /// The service; empty where it is not known.
    pub service: String,
    /// Why, for a person.
    pub reason: String,
}

/// A set of answers that a Choice state branches on.
pub trait Next: Serialize + Sized + Copy + 'static {
    /// Every answer.
    const ALL: &'static [Self];

    /// The answer as the Choice compares it.
    fn as_str(self) -> &'static str;
}

macro_rules! next {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $variant,)+
        }

        impl Next for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

next! {
    /// What start-deploy answers.
    StartDeployNext {
        /// A rollout began.
        Started = "started",
        /// The event was delivered before, to another execution.
        Duplicate = "duplicate",
        /// The event starts nothing.
        Ignored = "ignored",
        /// The policy gate said no.
        Refused = "refused",
        /// The rollout is being rolled back already.
        RollBack = "roll_back",
    }
}

next! {
    /// What health-check answers.
    HealthCheckNext {
        /// Look again after the wait.
        Wait = "wait",
        /// Something is out of order: nothing moves until it is mended or the rollout rolls back.
        Hold = "hold",
        /// The next step may be taken.
        Promote = "promote",
        /// Roll back.
        RollBack = "roll_back",
        /// Somebody else ended the rollout.
        Ended = "ended",
    }
}

next! {
    /// What promote-step answers.
    PromoteStepNext {
        /// The weight is set: look after the wait.
        Wait = "wait",
        /// The new version is live.
        Promoted = "promoted",
        /// Roll back.
        RollBack = "roll_back",
        /// Somebody else ended the rollout; or what was asked for was about none that is under way.
        Ended = "ended",
    }
}

next! {
    /// What rollback answers.
    RollbackNext {
        /// Weight 0 is set: verify after the wait.
        Settle = "settle",
        /// Weight 0 is verified.
        RolledBack = "rolled_back",
        /// There is nothing to roll back.
        Nothing = "nothing",
        /// The execution failed before it had started a rollout: there is nothing to roll back, and a deployment that
        /// did not happen.
        NotStarted = "not_started",
    }
}
