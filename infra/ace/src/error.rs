use miette::Diagnostic;

/// What `ace` ends with.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum AceError {
    #[error("cannot read {path}")]
    #[diagnostic(help("{help}"))]
    Unreadable {
        path: String,
        help: String,
        #[source]
        source: std::io::Error,
    },
    #[error("there are two price lists: {one} and {other}")]
    #[diagnostic(help("leave one of the two out: nobody could tell which counts"))]
    TwoPrices { one: String, other: String },
    #[error("{path} is not JSON")]
    #[diagnostic(help(
        "an event is one JSON object, as EventBridge delivers it; the samples are in events/"
    ))]
    Json {
        path: String,
        #[source]
        source: serde_json::Error,
        #[source_code]
        text: miette::NamedSource<String>,
        #[label("here")]
        place: miette::SourceSpan,
    },
    #[error("{path} is not an event that starts a rollout: {reason}")]
    #[diagnostic(help("the samples in events/ show the shapes"))]
    Event { path: String, reason: String },
    #[error("the event asks for something that the configuration does not have")]
    #[diagnostic(help("the configuration is {path}"))]
    Unknown {
        path: String,
        #[source]
        source: environments::UnknownService,
    },
    #[error("the event was rejected ({name}), and nothing was written")]
    Rejected {
        name: String,
        #[source]
        source: Reason,
    },
    #[error("the configuration is refused; errors: {errors}")]
    #[diagnostic(help("each is shown with its place and its remedy"))]
    Invalid { errors: usize },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Init(#[from] crate::init::InitError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error("there is no rollout {id} in {store}")]
    #[diagnostic(help("`ace status` lists those that are there"))]
    NoRollout { id: rollout::RolloutId, store: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Backend(#[from] crate::backend::BackendError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Operator(#[from] crate::operator::OperatorError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    AlertDesk(#[from] crate::alerts::DeskError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Schedule(#[from] crate::costs::ScheduleError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Secrets(#[from] crate::secrets::SecretsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Features(#[from] crate::features::FeaturesError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Alerts(#[from] crate::alerts::AlertsError),
    #[error(transparent)]
    Plant(#[from] local_stack::PlantError),
    #[error(transparent)]
    Stack(#[from] local_stack::StackError),
    #[error(transparent)]
    Port(#[from] engine::ports::PortError),
    #[cfg(feature = "aws")]
    #[error("cannot reach AWS")]
    Aws(#[source] aws_client::ConfigError),
    #[error("cannot start the HTTP client: {0}")]
    Prober(String),
    #[error("the configuration does not have what was asked for")]
    #[diagnostic(help("the configuration is {path}"))]
    UnknownService {
        path: String,
        #[source]
        source: Reason,
    },
    #[error("{path} is not a policy that can be played: {reason}")]
    #[diagnostic(help(
        "write what stands under `judge` in the configuration, such as `preset: cautious`, or a peer's rule, \
                       such as `alarm: {{ threshold: 1 }}`"
    ))]
    NotAPolicy { path: String, reason: String },
    #[error("{path} has no minutes that can be played")]
    Csv {
        path: String,
        #[source]
        source: foresight::CsvError,
    },
    #[error("cannot write {path}")]
    Unwritable {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("there is no time from {from} to {to}")]
    #[diagnostic(help("let --to be later than --from"))]
    EmptyTime { from: jiff::Timestamp, to: jiff::Timestamp },
    #[cfg(not(feature = "aws"))]
    #[error("this ace cannot ask CloudWatch")]
    #[diagnostic(help("give the minutes with --csv FILE, or build ace with `--features aws`"))]
    WithoutAws,
    #[cfg(feature = "aws")]
    #[error("CloudWatch is asked for a time, and none was given")]
    #[diagnostic(help(
        "give --from and --to, such as --from 2026-03-01T00:00Z; minutes are kept for 15 days"
    ))]
    NoTime,
    #[cfg(feature = "aws")]
    #[error("past minutes cannot be read: {reason}")]
    NoMinutes { reason: String },
    #[error(transparent)]
    Plan(#[from] foresight::PlanError),
    #[error(transparent)]
    Traffic(#[from] foresight::TrafficError),
    #[error(transparent)]
    Past(#[from] foresight::PastError),
    #[error(transparent)]
    Backtest(#[from] foresight::BacktestError),
    #[error(transparent)]
    Line(#[from] crate::judge::LineError),
    #[error("{lines} lines were refused, and their runs held")]
    #[diagnostic(help("each was told of above, with its line and what to write"))]
    LinesRefused { lines: u64 },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Bootstrap(#[from] crate::bootstrap::BootstrapError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Shell(#[from] crate::shell::ShellError),
}

/// A reason that is only text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reason(pub(crate) String);

impl AceError {
    /// Whether the mistake is not the user's.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Unreadable { .. }
            | Self::TwoPrices { .. }
            | Self::Json { .. }
            | Self::Event { .. }
            | Self::Unknown { .. }
            | Self::Rejected { .. }
            | Self::Invalid { .. }
            | Self::Init(_)
            | Self::Config(_)
            | Self::NoRollout { .. }
            | Self::Operator(_)
            | Self::UnknownService { .. }
            | Self::NotAPolicy { .. }
            | Self::Csv { .. }
            | Self::Unwritable { .. }
            | Self::EmptyTime { .. }
            | Self::Plan(_)
            | Self::Traffic(_)
            | Self::Past(_)
            | Self::Backtest(_)
            | Self::Line(_)
            | Self::LinesRefused { .. }
            | Self::Shell(_) => false,
            Self::Bootstrap(error) => error.is_ours(),
            Self::Backend(error) => error.is_ours(),
            #[cfg(not(feature = "aws"))]
            Self::WithoutAws => false,
            #[cfg(feature = "aws")]
            Self::Aws(_) | Self::NoTime => false,
            #[cfg(feature = "aws")]
            Self::NoMinutes { .. } => true,
            Self::AlertDesk(error) => error.is_ours(),
            Self::Schedule(error) => error.is_ours(),
            Self::Secrets(error) => error.is_ours(),
            Self::Features(error) => error.is_ours(),
            Self::Alerts(error) => error.is_ours(),
            Self::Plant(_) | Self::Stack(_) | Self::Port(_) | Self::Prober(_) => true,
        }
    }
}
