use alerting::ConditionError;
use contract::Failure;
use miette::{Diagnostic, SourceSpan};
use rollout::EnvironmentName;

/// Why nothing could be told about alerts, or ordered.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum DeskError {
    #[error("the condition cannot be read at column {column}: {found}")]
    #[diagnostic(help("{remedy}"))]
    Condition {
        column: usize,
        found: String,
        remedy: String,
        #[source_code]
        text: String,
        #[label("here")]
        place: SourceSpan,
    },
    #[error("{path} is no event that alerts are about: {reason}")]
    #[diagnostic(help(
        "an alarm (SNS or EventBridge), a status or an outcome of a rollout is one; the samples in events/ show the shapes"
    ))]
    NoEvent { path: String, reason: String },
    #[error("{at} is before the event, which is of {event}")]
    #[diagnostic(help("leave --at out, or name a later time"))]
    TooEarly { at: jiff::Timestamp, event: jiff::Timestamp },
    #[error("the rehearsal failed ({})", .0.name)]
    Rehearsal(#[source] Failure),
    #[error("environment {environment} has no configuration")]
    #[diagnostic(help("`ace publish --environment {environment}` publishes what its files say"))]
    NotPublished { environment: EnvironmentName },
    #[error("environment {environment} has no rule {name:?}: {known}")]
    #[diagnostic(help("name one of these, or leave --rule out"))]
    NoRule { environment: EnvironmentName, name: String, known: String },
    #[error("{text:?} names nothing that is routed in environment {environment}: {known}")]
    #[diagnostic(help("write one of these, or a service of one as environment/service"))]
    NoSubject { text: String, environment: EnvironmentName, known: String },
    #[error("no group of alerts of environment {environment} begins with {id}")]
    #[diagnostic(help(
        "`ace alerts list --all --environment {environment}` shows those that are remembered"
    ))]
    NoGroup { id: String, environment: EnvironmentName },
    #[error("no silence of environment {environment} that holds begins with {id}")]
    #[diagnostic(help("`ace alerts silences --environment {environment}` shows those that do"))]
    NoSilence { id: String, environment: EnvironmentName },
    #[error("several begin with {id}:{list}")]
    #[diagnostic(help("write more of the one that is meant"))]
    Several { id: String, list: String },
    #[error("the answer of alert-router is none")]
    #[diagnostic(help("the stack is of another version than this ace: deploy it again"))]
    Answer(#[source] serde_json::Error),
}

impl DeskError {
    /// A condition that cannot be read, with the characters that are to blame.
    pub(super) fn condition(error: &ConditionError) -> Self {
        let text = error.text().to_owned();
        let bytes = |characters: usize| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
        let (begin, end) = (bytes(error.offset()), bytes(error.offset() + error.length()));
        Self::Condition {
            column: error.column(),
            found: error.found().to_owned(),
            remedy: error.remedy().to_owned(),
            place: SourceSpan::new(begin.into(), end - begin),
            text,
        }
    }

    /// Whether the mistake is not the user's.
    pub(crate) const fn is_ours(&self) -> bool {
        match self {
            Self::Condition { .. }
            | Self::NoEvent { .. }
            | Self::TooEarly { .. }
            | Self::NotPublished { .. }
            | Self::NoRule { .. }
            | Self::NoSubject { .. }
            | Self::NoGroup { .. }
            | Self::NoSilence { .. }
            | Self::Several { .. } => false,
            Self::Rehearsal(_) | Self::Answer(_) => true,
        }
    }
}
