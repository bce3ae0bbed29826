use miette::Diagnostic;
use rollout::EnvironmentName;
use schedule::InvalidOverride;

use crate::backend::Where;

/// Why nothing could be told of a schedule, or ordered.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ScheduleError {
    #[error("environment {environment} has no block cost: nothing of it is stopped")]
    #[diagnostic(help(
        "copy .ace-flow/templates/cost.example.yml, which `ace init` writes, into its folder overrides/"
    ))]
    NoBlock { environment: EnvironmentName },
    #[error("environment {environment} has no block cost that is published: nothing of it is stopped")]
    #[diagnostic(help("`ace publish{flags}` publishes what its files say"))]
    NotPublished { environment: EnvironmentName, flags: String },
    #[error("environment {environment} is production: nothing of it is ever stopped")]
    Production { environment: EnvironmentName },
    #[error("the override has no end")]
    #[diagnostic(help(
        "write until when it holds, with --until 23:00 or --for 3h; what is to last belongs in the configuration"
    ))]
    NoEnd,
    #[error("{text:?} is no time")]
    #[diagnostic(help(
        "write 23:00 or 2026-12-01T06:00, by the clock of the schedule, or an instant like 2026-12-01T05:00Z"
    ))]
    NoTime { text: String },
    #[error("the override is refused")]
    #[diagnostic(help("correct {key}, or leave the override out"))]
    Override {
        key: &'static str,
        #[source]
        source: InvalidOverride,
    },
    #[error("environment {environment} has no resource {text:?}: {known}")]
    #[diagnostic(help("name it as `ace schedule show{flags}` does, like rds:orders-db, or by its ARN"))]
    NoResource { text: String, environment: EnvironmentName, known: String, flags: String },
    #[error("several resources are called {text:?}:{list}")]
    #[diagnostic(help("name the one that is meant with its kind, or by its ARN"))]
    SeveralResources { text: String, list: String },
    #[error("no override of environment {environment} begins with {id}")]
    #[diagnostic(help("`ace schedule show{flags}` shows those that hold"))]
    NoOverride { id: String, environment: EnvironmentName, flags: String },
    #[error("several overrides begin with {id}:{list}")]
    #[diagnostic(help("write more of the one that is meant"))]
    SeveralOverrides { id: String, list: String },
    #[error("nothing is known of what was off in {environment}: {why}")]
    #[diagnostic(help(
        "what was off is known by a stack: name it with --environment, --embedded or --store"
    ))]
    NoStack { environment: EnvironmentName, why: String },
    #[error("the answer of cost-optimizer is none")]
    #[diagnostic(help("the stack is of another version than this ace: deploy it again"))]
    Answer(#[source] serde_json::Error),
}

impl ScheduleError {
    /// Why there is nothing to order there.
    pub(super) fn not_published(place: &Where) -> Self {
        let environment = place.environment.clone();
        if cost::is_production(environment.as_str()) {
            return Self::Production { environment };
        }
        Self::NotPublished { environment, flags: place.flags() }
    }

    /// Why nothing is shown of it.
    pub(super) fn no_block(environment: &EnvironmentName) -> Self {
        let environment = environment.clone();
        let is_production = cost::is_production(environment.as_str());
        if is_production { Self::Production { environment } } else { Self::NoBlock { environment } }
    }

    /// Whether the mistake is not the user's.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::Answer(_))
    }
}
