//! `ace init`: the tree of configurations, and further environments from its templates. Nothing that is there is
//! overwritten.

mod files;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use environments::tree::{Chosen, File, Filled, Mistake, Refused, Sources, Strictness, Templates, fill};
use rollout::EnvironmentName;
use serde_json::json;

use self::files::{FILES, Mode};
use crate::arguments::{Format, Output, OutputArgument};
use crate::error::AceError;
use crate::{Ending, checked, folders, mistakes};

/// The variable of the templates that is the new environment's name.
const NAME: &str = "ACE_ENVIRONMENT";

/// `ace init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Make this environment from templates/*.template.yml instead: ${VARIABLES} come from --set and from the process's
    /// environment; `${ACE_ENVIRONMENT}` is NAME. What it makes is checked before anything is written.
    #[arg(long, value_name = "NAME")]
    from_template: Option<EnvironmentName>,
    /// The value of a variable of the templates; may be given several times.
    #[arg(long = "set", value_name = "VARIABLE=VALUE", requires = "from_template")]
    set: Vec<Assignment>,
    /// The folder of the tree.
    #[arg(long, default_value = ".ace-flow", value_name = "FOLDER")]
    tree: PathBuf,
    #[command(flatten)]
    output: OutputArgument,
}

/// A variable and its value.
#[derive(Clone, Debug)]
struct Assignment(String, String);

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self(name.to_owned(), value.to_owned())),
            // The text may be a secret: it is not repeated.
            _ => Err("write VARIABLE=VALUE".to_owned()),
        }
    }
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum InitError {
    /// A file cannot be written.
    #[error("cannot write {path}")]
    #[diagnostic(help("what was written before it stays; run `ace init` again once this is mended"))]
    Unwritable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no template.
    #[error("there is no template {path}")]
    #[diagnostic(help("`ace init` writes one, or name the folder that has templates/ with --tree"))]
    NoTemplate {
        /// The file.
        path: String,
    },
    /// The name is no folder's.
    #[error("{0} cannot be the folder of an environment")]
    #[diagnostic(help("begin its name with a letter or a digit"))]
    Name(EnvironmentName),
    /// Variables have no values.
    #[error("the templates cannot be filled, and nothing was written; mistakes: {mistakes}")]
    #[diagnostic(help("give each variable with --set VARIABLE=VALUE, or in the process's environment"))]
    Unfilled {
        /// How many.
        mistakes: usize,
    },
    /// What the templates make is no configuration.
    #[error("what the templates make is refused, and nothing was written; errors: {errors}")]
    #[diagnostic(help(
        "correct the values or the templates; the lines are those of the file as it would be"
    ))]
    Refused {
        /// How many.
        errors: usize,
    },
}

/// A file that is to be there.
struct Wanted {
    path: PathBuf,
    text: String,
    mode: Mode,
}

pub(crate) fn init(arguments: &Init) -> Result<Ending, AceError> {
    let wanted = match &arguments.from_template {
        Some(name) => further(name, arguments)?,
        None => FILES
            .iter()
            .map(|file| Wanted {
                path: arguments.tree.join(file.path),
                text: file.text.to_owned(),
                mode: file.mode,
            })
            .collect(),
    };
    let mut written = 0_usize;
    for file in &wanted {
        let is_new = write(file)?;
        written += usize::from(is_new);
        let path = file.path.display().to_string();
        if arguments.output.output == Output::Json {
            println!("{}", json!({ "kind": "file", "path": path, "written": is_new }));
        } else if is_new {
            println!("wrote  {path}");
        } else {
            println!("kept   {path}: it is there already");
        }
    }
    if arguments.output.output == Output::Human {
        println!("files written: {written}, kept: {}; `ace validate` checks them", wanted.len() - written);
    }
    Ok(Ending::Good)
}

/// Writes a file unless it is there; whether it was written.
fn write(file: &Wanted) -> Result<bool, InitError> {
    let unwritable = |source| InitError::Unwritable { path: file.path.display().to_string(), source };
    if let Some(folder) = file.path.parent() {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, file.mode.bits());
    match options.open(&file.path) {
        Ok(mut open) => open.write_all(file.text.as_bytes()).map(|()| true).map_err(unwritable),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritable(error)),
    }
}

/// The files of a further environment, checked.
fn further(name: &EnvironmentName, arguments: &Init) -> Result<Vec<Wanted>, AceError> {
    if !name.as_str().starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(InitError::Name(name.clone()).into());
    }
    let Init { set, tree, output, .. } = arguments;
    let folder = tree.join("templates");
    let config = template(&folder.join("environment.template.yml"))?.ok_or_else(|| {
        InitError::NoTemplate { path: folder.join("environment.template.yml").display().to_string() }
    })?;
    let secrets = template(&folder.join("secrets.template.yml"))?;
    let templates = Templates { config, secrets };
    let human = output.output == Output::Human;
    let tell = |found: &[Mistake]| mistakes::print(found, if human { Format::Human } else { Format::Json });
    let filled = match fill(&templates, name.as_str(), &variables(name, set)) {
        Ok(filled) => filled,
        Err(Refused { mistakes }) => {
            tell(&mistakes);
            return Err(InitError::Unfilled { mistakes: mistakes.len() }.into());
        }
    };
    let environments = tree.join("environments");
    let wanted = files_of(&environments.join(name.as_str()), filled);
    // What is there stays, and is what the rest has to fit.
    let (asked, others) = folders::with(&environments, name.as_str(), |path| {
        let new = wanted.iter().find(|wanted| wanted.path == path);
        new.map(|wanted| File { name: path.display().to_string(), text: wanted.text.clone() })
    })?;
    match check_new(&asked, &others) {
        Ok(warnings) => {
            if human {
                tell(&warnings);
            }
            Ok(wanted)
        }
        Err(Refused { mistakes }) => {
            tell(&mistakes);
            Err(InitError::Refused { errors: mistakes::errors(&mistakes) }.into())
        }
    }
}

fn check_new(asked: &Sources, others: &[Sources]) -> Result<Vec<Mistake>, Refused> {
    checked::among(asked, others, Strictness::Lenient).map(|Chosen { warnings, .. }| warnings)
}

fn files_of(folder: &Path, filled: Filled) -> Vec<Wanted> {
    let file = |name: &str, text: String, mode| Wanted { path: folder.join(name), text, mode };
    let config = file("config.yml", filled.config, Mode::Plain);
    let secrets = filled.secrets.map(|text| file("secrets.yml", text, Mode::Secret));
    let overrides = file("overrides/.gitkeep", String::new(), Mode::Plain);
    [config].into_iter().chain(secrets).chain([overrides]).collect()
}

fn template(path: &Path) -> Result<Option<File>, AceError> {
    if path.exists() { folders::file(path).map(Some) } else { Ok(None) }
}

/// --set before the name before the process's environment.
fn variables(name: &EnvironmentName, set: &[Assignment]) -> BTreeMap<String, String> {
    let mut variables = folders::variables();
    variables.insert(NAME.to_owned(), name.to_string());
    variables.extend(set.iter().map(|Assignment(name, value)| (name.clone(), value.clone())));
    variables
}
