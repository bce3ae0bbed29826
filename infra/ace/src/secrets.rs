//! `ace secrets`: reads, sets, compares and rotates the secrets of an environment. No value is in an argument, and none
//! is shown unless it is asked for by `--reveal`.

mod channels;
mod diff;
mod editor;
mod error;
mod file;
mod fingerprint;
mod get;
mod input;
mod place;
mod random;
mod rotate;
mod set;
mod verify;
mod yaml;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use rollout::EnvironmentName;
use secrets::Key;

use crate::Ending;
use crate::arguments::{Files, OutputArgument};

pub(crate) use channels::FileSecrets;
pub(crate) use error::SecretsError;

/// `ace secrets`.
#[derive(Debug, Args)]
pub(crate) struct Secrets {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show which secrets there are: their keys, lengths and fingerprints. A fingerprint is keyed with a key of this
    /// folder, and says only whether two values are the same.
    Get(Get),
    /// Set a secret from standard input, or from an editor; create it where it is missing. Nobody else's change is lost.
    Set(Set),
    /// Compare secrets.yml with what is stored, and with another environment. Exit code 1 if something is missing, or
    /// two environments have the same value.
    Diff(Diff),
    /// Give a secret a new value, as AWSPENDING until it is known to work; what it was stays as AWSPREVIOUS.
    Rotate(Rotate),
}

#[derive(Debug, Args)]
struct Get {
    /// Only this one: group.name, such as database.password.
    key: Option<String>,
    /// Show its value.
    #[arg(long, requires = "key")]
    reveal: bool,
    /// Which version.
    #[arg(long, value_enum, default_value_t)]
    stage: StageArgument,
    #[command(flatten)]
    place: Files,
    #[command(flatten)]
    output: OutputArgument,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum StageArgument {
    /// AWSCURRENT: what is used.
    #[default]
    Current,
    /// AWSPREVIOUS: what was used before.
    Previous,
    /// AWSPENDING: what a rotation has prepared.
    Pending,
}

#[derive(Debug, Args)]
struct Set {
    /// Which: group.name, such as database.password.
    #[arg(required_unless_present = "from_file")]
    key: Option<String>,
    /// Write the value in $EDITOR, in a file that nobody else can read and that is gone afterwards.
    #[arg(long)]
    editor: bool,
    /// Set all values of a file like secrets.yml. References in it are left out.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "editor"])]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    refused: Refused,
    #[command(flatten)]
    place: Files,
    #[command(flatten)]
    output: OutputArgument,
}

/// Values that somebody gives as arguments all the same. They are taken here so that nothing repeats them.
#[derive(Args)]
struct Refused {
    #[arg(hide = true, value_name = "VALUE")]
    values: Vec<OsString>,
    #[arg(long, hide = true, num_args = 0..=1, allow_hyphen_values = true, default_missing_value = "")]
    value: Option<OsString>,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Refused {
    fn check(&self) -> Result<(), SecretsError> {
        if self.values.is_empty() && self.value.is_none() {
            Ok(())
        } else {
            Err(SecretsError::ValueAsArgument)
        }
    }
}

#[derive(Debug, Args)]
struct Diff {
    /// Another environment to compare with.
    #[arg(long, value_name = "NAME")]
    against: Option<EnvironmentName>,
    #[command(flatten)]
    place: Files,
    #[command(flatten)]
    output: OutputArgument,
}

#[derive(Debug, Args)]
struct Rotate {
    /// Which: group.name, such as database.password.
    #[arg(required_unless_present = "abandon")]
    key: Option<String>,
    /// Characters of the new value.
    #[arg(long, default_value = "32", value_name = "N", value_parser = clap::value_parser!(u16).range(16..=4096))]
    length: u16,
    /// What they are.
    #[arg(long, value_enum, default_value_t)]
    alphabet: Alphabet,
    /// Take the new value from standard input instead of making one.
    #[arg(long, conflicts_with_all = ["length", "alphabet"])]
    stdin: bool,
    /// Run this with the new value on its standard input before it is put to use: a shell's command that ends with 0
    /// if the value works. What it prints is not shown.
    #[arg(long, value_name = "COMMAND")]
    verify: Option<String>,
    /// Bring the previous value back.
    #[arg(long, conflicts_with_all = ["length", "alphabet", "stdin", "verify"])]
    rollback: bool,
    /// Give up a rotation that was interrupted: what is current stays.
    #[arg(long, conflicts_with_all = ["key", "length", "alphabet", "stdin", "verify", "rollback"])]
    abandon: bool,
    #[command(flatten)]
    refused: Refused,
    #[command(flatten)]
    place: Files,
    #[command(flatten)]
    output: OutputArgument,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alphabet {
    /// A-Z, a-z, 0-9: 5.95 bits each.
    #[default]
    Alphanumeric,
    /// 0-9, a-f: 4 bits each.
    Hex,
    /// A-Z, a-z, 0-9, - and _: 6 bits each.
    Urlsafe,
    /// Every printable ASCII character but the space: 6.55 bits each.
    Printable,
}

pub(crate) async fn act(arguments: &Secrets) -> Result<Ending, SecretsError> {
    match &arguments.command {
        What::Get(arguments) => get::get(arguments).await,
        What::Set(arguments) => set::set(arguments).await,
        What::Diff(arguments) => diff::diff(arguments).await,
        What::Rotate(arguments) => rotate::rotate(arguments).await,
    }
}

/// A key, read here and not by clap, which would repeat a value that was typed in its place.
fn key(text: Option<&String>) -> Result<Key, SecretsError> {
    Ok(text.map_or("", String::as_str).parse()?)
}
