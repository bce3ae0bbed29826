//! `ace features`: the feature flags of an environment, and what its services can read.

use std::collections::BTreeMap;

use clap::Args;
use console::Style;
use environments::tree::{Chosen, Strictness};
use feature_flags::{Change, FileShelf, Flags, FlagsError, Published, Shelf, publish};
use miette::Diagnostic;
use rollout::EnvironmentName;
use serde_json::json;

use crate::Ending;
use crate::arguments::{Files, Output, OutputArgument};
use crate::backend::is_here;
use crate::error::AceError;
use crate::{checked, folders};

/// `ace features`.
#[derive(Debug, Args)]
pub(crate) struct Features {
    /// Publish what is configured, if it differs.
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    output: OutputArgument,
}

/// Why flags could not be shown or published.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum FeaturesError {
    #[error(transparent)]
    Flags(FlagsError),
    #[error("the configuration of environment {environment} is published, and its feature flags are not")]
    #[diagnostic(help("no rollout was started: run the same again when that is mended"))]
    NotPublished {
        environment: EnvironmentName,
        #[source]
        source: FlagsError,
    },
    #[error("environment {environment} is refused:\n\n{mistakes}")]
    Refused { environment: EnvironmentName, mistakes: String },
    #[cfg(not(feature = "aws"))]
    #[error("this ace cannot ask Parameter Store")]
    #[diagnostic(help("build ace with `--features aws`, or use --environment local or --embedded"))]
    WithoutAws,
    #[cfg(feature = "aws")]
    #[error("cannot reach AWS")]
    Aws(#[source] aws_client::ConfigError),
}

impl From<FlagsError> for FeaturesError {
    fn from(error: FlagsError) -> Self {
        Self::Flags(for_a_person(error))
    }
}

/// An adapter speaks to whoever deploys a function; here it is a person who lacks a permission.
fn for_a_person(error: FlagsError) -> FlagsError {
    match error {
        FlagsError::Place { place, detail, transient, .. } if detail.contains("was denied") => {
            let remedy = "allow the action on it to your role, or take other credentials".to_owned();
            FlagsError::Place { place, detail, remedy, transient }
        }
        other => other,
    }
}

impl FeaturesError {
    /// What keeps a rollout from being asked for.
    pub(crate) fn not_published(environment: &EnvironmentName, source: FlagsError) -> Self {
        Self::NotPublished { environment: environment.clone(), source: for_a_person(source) }
    }

    /// Whether the mistake is not the user's.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::Flags(error) | Self::NotPublished { source: error, .. } if error.is_transient())
    }
}

pub(crate) async fn act(arguments: &Features) -> Result<Ending, AceError> {
    let configured = configured(arguments)?;
    let shelf = shelf(arguments)?;
    if arguments.publish {
        let published = publish(&*shelf, &arguments.files.environment, &configured).await;
        told(&arguments.files.environment, &published.map_err(FeaturesError::from)?, arguments.output.output);
        return Ok(Ending::Good);
    }
    let stored = shelf.read(&arguments.files.environment).await.map_err(FeaturesError::from)?;
    let none = Flags::new();
    let document = stored.as_ref().map(|stored| &stored.document);
    if let Some(Err(why)) = document {
        eprintln!("what is published was not published by ace: {why}");
    }
    let document = document.and_then(|document| document.as_ref().ok());
    show(arguments.output.output, &configured, document.map_or(&none, |document| document.flags()));
    if arguments.output.output == Output::Human {
        match document {
            Some(document) => println!("published: version {}, {}", document.version(), document.digest()),
            None => println!(
                "not published: ace features --environment {} --publish",
                arguments.files.environment
            ),
        }
    }
    Ok(Ending::Good)
}

fn configured(arguments: &Features) -> Result<Flags, AceError> {
    let environment = &arguments.files.environment;
    let (asked, others) = folders::one(&arguments.files.tree, environment.as_str())?;
    let refused = |refused: environments::tree::Refused| FeaturesError::Refused {
        environment: environment.clone(),
        mistakes: refused.to_string(),
    };
    let Chosen { environment, .. } = checked::among(&asked, &others, Strictness::Lenient).map_err(refused)?;
    Ok(environment.sections.features)
}

fn shelf(arguments: &Features) -> Result<Box<dyn Shelf>, FeaturesError> {
    if is_here(&arguments.files.environment, arguments.files.embedded) {
        return Ok(Box::new(FileShelf::new(arguments.files.state.clone())));
    }
    parameter_store()
}

#[cfg(feature = "aws")]
fn parameter_store() -> Result<Box<dyn Shelf>, FeaturesError> {
    let config = aws_client::from_env().map_err(FeaturesError::Aws)?;
    Ok(Box::new(feature_flags::ParameterStore::new(&config)))
}

#[cfg(not(feature = "aws"))]
fn parameter_store() -> Result<Box<dyn Shelf>, FeaturesError> {
    Err(FeaturesError::WithoutAws)
}

fn show(output: Output, configured: &Flags, published: &Flags) {
    let both: BTreeMap<&String, (Option<&bool>, Option<&bool>)> = configured
        .keys()
        .chain(published.keys())
        .map(|name| (name, (configured.get(name), published.get(name))))
        .collect();
    let width = both.keys().map(|name| name.len()).max().unwrap_or(0).max("flag".len());
    let word = |flag: Option<&bool>| match flag {
        Some(true) => "on",
        Some(false) => "off",
        None => "-",
    };
    if output == Output::Human {
        println!("{:width$}  configured  published", Style::new().bold().apply_to("flag"));
    }
    for (name, (configured, published)) in both {
        match output {
            Output::Human => {
                let note = if configured == published { "" } else { "  differs" };
                println!("{name:width$}  {:10}  {:9}{note}", word(configured), word(published));
            }
            Output::Json => {
                println!("{}", json!({ "flag": name, "configured": configured, "published": published }));
            }
        }
    }
}

/// What came of publishing, in a line of its own.
pub(crate) fn told(environment: &EnvironmentName, published: &Published, output: Output) {
    let Published { document, written, .. } = published;
    if let Some(why) = &published.replaced {
        eprintln!("what was published was not published by ace, and is replaced: {why}");
    }
    if output == Output::Json {
        println!(
            "{}",
            json!({
                "kind": "features", "environment": environment, "version": document.version(),
                "digest": document.digest(), "published": written, "flags": document.flags(),
                "changes": published.changes,
            })
        );
        return;
    }
    let (version, count) = (document.version(), document.flags().len());
    let count = format!("{count} feature {}", if count == 1 { "flag" } else { "flags" });
    if *written {
        println!("{count} published as version {version}{}", changes(&published.changes));
    } else {
        println!("{count}, version {version}: nothing to publish");
    }
}

/// What differs from before, to be appended to a line.
fn changes(changes: &BTreeMap<String, Change>) -> String {
    let word = |change: &Change| match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    };
    let told: Vec<String> = changes.iter().map(|(name, change)| format!("{name} {}", word(change))).collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}
