use miette::Diagnostic;
use secrets::{InvalidKey, Key, KeyClash, VaultError};

/// Why secrets could not be read or changed. None holds a value.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum SecretsError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Key(#[from] InvalidKey),
    #[error(transparent)]
    Clash(#[from] KeyClash),
    #[error(
        "a secret's value is not taken as an argument: other users see it in the list of processes, and the shell keeps it"
    )]
    #[diagnostic(help(
        "give it on standard input (ace secrets set KEY ... < file), or type it when asked, or use --editor; take the \
         value that was typed for known to others, and do not use it"
    ))]
    ValueAsArgument,
    #[error("the value of {key} is empty")]
    #[diagnostic(help("give it on standard input, or use --editor"))]
    Empty { key: Key },
    #[error("the value of {key} is no text in UTF-8")]
    #[diagnostic(help("encode binary values, for example in Base64"))]
    NotText { key: Key },
    #[error("the value of {key} is longer than {limit} bytes, which is all that Secrets Manager takes")]
    #[diagnostic(help("keep large files elsewhere, and their key here"))]
    TooLong { key: Key, limit: usize },
    #[error("the value cannot be read")]
    Unreadable {
        #[source]
        source: std::io::Error,
    },
    #[error("EDITOR names no editor")]
    #[diagnostic(help("export EDITOR=vi, or give the value on standard input"))]
    NoEditor,
    #[error("the editor ended without success: nothing was changed")]
    #[diagnostic(help("EDITOR has to wait until the file is closed, as `code --wait` does"))]
    Editor,
    #[error("interrupted: nothing was changed")]
    Interrupted,
    #[error("{place} cannot be used")]
    #[diagnostic(help("make it a place that you can write to, or name another one with --state"))]
    Place {
        place: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{place} is refused:\n\n{mistakes}")]
    Mistakes { place: String, mistakes: String },
    #[error(
        "environment {environment} may not have values of secrets in a file: only local and development may"
    )]
    #[diagnostic(help("leave --embedded out: its secrets are in Secrets Manager"))]
    NoValuesInFile { environment: String },
    #[cfg(not(feature = "aws"))]
    #[error("this ace cannot ask Secrets Manager")]
    #[diagnostic(help("build ace with `--features aws`, or use --environment local or --embedded"))]
    WithoutAws,
    #[cfg(feature = "aws")]
    #[error("cannot reach AWS")]
    Aws(#[source] aws_client::ConfigError),
    #[error("there is no secret {key} in {place}")]
    #[diagnostic(help("`ace secrets get` shows those that are there, `ace secrets set` makes one"))]
    NoKey { key: Key, place: String },
    #[error("{key} was changed by somebody else meanwhile: nothing was written")]
    #[diagnostic(help(
        "look at it (ace secrets get {key}), and set it again if that is still what you want"
    ))]
    KeyChanged { key: Key },
    #[error("secret {place} is changed by others all the time: nothing was written")]
    #[diagnostic(help("try again in a moment"))]
    Contended { place: String },
    #[error("the new value of {key} is the one that it has")]
    #[diagnostic(help("a rotation needs another value"))]
    SameValue { key: Key },
    #[error("the new value of {key} does not work ({how}): it was withdrawn, and what was current stays")]
    #[diagnostic(help(
        "the command gets the value on its standard input, without a line end, and has to end with 0; its output is not \
         shown, as it may hold the value: let it write to a file"
    ))]
    Unverified { key: Key, how: String },
    #[error("the command of --verify cannot be run")]
    Verify {
        #[source]
        source: std::io::Error,
    },
    #[error("the previous version of {place} has no other value of {key}: there is nothing to bring back")]
    #[diagnostic(help("`ace secrets get --stage previous` shows what it has"))]
    NothingToBringBack { key: Key, place: String },
    #[error("no rotation of {place} is under way")]
    NoRotation { place: String },
    #[error("the system gives no random numbers: {reason}")]
    Random { reason: String },
    #[error("a file is its own secret: there is nothing to compare it with")]
    #[diagnostic(help("name another environment with --against"))]
    NothingToCompare,
    #[error("secrets differ: {missing} missing, {shared} with the same value in two environments")]
    #[diagnostic(help("each is shown above"))]
    Differ { missing: usize, shared: usize },
}

impl SecretsError {
    /// Whether the mistake is not the user's.
    pub(crate) const fn is_ours(&self) -> bool {
        match self {
            Self::Vault(error) => error.is_transient(),
            Self::Random { .. } | Self::Contended { .. } => true,
            _ => false,
        }
    }
}
