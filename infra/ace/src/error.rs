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
    #[error("{path} is not a valid configuration")]
    Configuration {
        path: String,
        #[source]
        source: environments::InvalidConfiguration,
    },
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
    #[error("there is no rollout {id} in {store}")]
    #[diagnostic(help("`ace status` lists those that are there"))]
    NoRollout { id: rollout::RolloutId, store: String },
    #[error("nothing was rolled out here yet: there is no store {store}")]
    #[diagnostic(help("`ace run EVENT` plays a rollout; --store names another file"))]
    NoStore { store: String },
    #[error(transparent)]
    Store(#[from] local_stack::OpenError),
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
}

/// A reason that is only text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reason(pub(crate) String);

impl AceError {
    /// Whether the mistake is not the user's.
    pub(crate) const fn is_ours(&self) -> bool {
        match self {
            Self::Unreadable { .. }
            | Self::Json { .. }
            | Self::Event { .. }
            | Self::Configuration { .. }
            | Self::Unknown { .. }
            | Self::Rejected { .. }
            | Self::Invalid { .. }
            | Self::NoRollout { .. }
            | Self::NoStore { .. }
            | Self::Store(_) => false,
            #[cfg(feature = "aws")]
            Self::Aws(_) => false,
            Self::Plant(_) | Self::Stack(_) | Self::Port(_) | Self::Prober(_) => true,
        }
    }
}
