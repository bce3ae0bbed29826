//! `ace config`: the resolved configuration of an environment, who set what in it, and the file's JSON Schema.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use environments::tree::{Chosen, Resolved, SetBy, Setting, Strictness};
use rollout::EnvironmentName;
use serde_json::{Map, Value, json};

use crate::arguments::{Format, Output, OutputArgument};
use crate::error::AceError;
use crate::{Ending, checked, folders, mistakes};

/// `ace config`.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show the configuration that the layers make, with everything that was left out. Secrets are not in it.
    Show(Show),
    /// Print the JSON Schema of config.yml, for editors.
    Schema,
}

#[derive(Debug, Args)]
struct Show {
    /// Only this setting or block, like database.storage or services.checkout.
    key: Option<String>,
    /// The environment.
    #[arg(long, default_value = "local", value_name = "NAME")]
    environment: EnvironmentName,
    /// Tell for each value which file and line set it, or which variable, or that it is built in.
    #[arg(long)]
    origin: bool,
    /// The folder of the environments.
    #[arg(long, default_value = folders::ENVIRONMENTS, value_name = "FOLDER")]
    tree: PathBuf,
    #[command(flatten)]
    output: OutputArgument,
}

/// Why a configuration cannot be shown.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ConfigError {
    /// There is no such key.
    #[error("the configuration of environment {environment} has no {key}")]
    #[diagnostic(help(
        "did you mean {near}? `ace config show --environment {environment} --origin` lists every key"
    ))]
    NoKey {
        /// What was asked for.
        key: String,
        /// Of which environment.
        environment: String,
        /// The key that is nearest.
        near: String,
    },
}

pub(crate) fn config(arguments: &Config) -> Result<Ending, AceError> {
    match &arguments.command {
        ConfigCommand::Schema => {
            println!("{:#}", environments::tree::schema().as_value());
            Ok(Ending::Good)
        }
        ConfigCommand::Show(show) => self::show(show),
    }
}

fn show(arguments: &Show) -> Result<Ending, AceError> {
    let (asked, others) = folders::one(&arguments.tree, arguments.environment.as_str())?;
    let environment = match checked::among(&asked, &others, Strictness::Lenient) {
        Ok(Chosen { environment, .. }) => environment,
        Err(refused) => {
            let human = arguments.output.output == Output::Human;
            mistakes::print(&refused.mistakes, if human { Format::Human } else { Format::Json });
            return Err(AceError::Invalid { errors: mistakes::errors(&refused.mistakes) });
        }
    };
    let settings = chosen(&environment, arguments.key.as_deref())?;
    let human = arguments.output.output == Output::Human;
    if arguments.origin {
        if human {
            print!("{}", table(&settings));
        } else {
            lines(&settings);
        }
        return Ok(Ending::Good);
    }
    let value = match &arguments.key {
        Some(key) => at(&environment.to_json(), key).unwrap_or_else(|| written(&settings)),
        None => environment.to_json(),
    };
    if human {
        print!("{}", yaml(&value));
    } else {
        let mut line =
            json!({ "kind": "configuration", "environment": environment.name, "configuration": value });
        if let (Some(key), Some(line)) = (&arguments.key, line.as_object_mut()) {
            line.insert("key".to_owned(), json!(key));
        }
        println!("{line}");
    }
    Ok(Ending::Good)
}

/// The settings that a key names: one, or a block's.
fn chosen(environment: &Resolved, key: Option<&str>) -> Result<Vec<Setting>, ConfigError> {
    let all = environment.settings();
    let Some(key) = key else { return Ok(all) };
    let is_below = |name: &str| {
        name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let near = all.iter().min_by_key(|setting| distance(&setting.key, key));
    let near = near.map_or_else(String::new, |setting| setting.key.clone());
    let found: Vec<Setting> = all.into_iter().filter(|setting| is_below(&setting.key)).collect();
    if found.is_empty() {
        let (key, environment) = (key.to_owned(), environment.name.clone());
        return Err(ConfigError::NoKey { key, environment, near });
    }
    Ok(found)
}

/// How far a key is from what was asked for; one that begins or ends alike is nearer.
fn distance(key: &str, asked: &str) -> usize {
    let whole = strsim::osa_distance(key, asked);
    let ends = key.ends_with(asked) || key.starts_with(asked);
    if ends { whole.min(1) } else { whole }
}

/// The value of a dotted key.
fn at(value: &Value, key: &str) -> Option<Value> {
    let mut value = value;
    let mut rest = key;
    while !rest.is_empty() {
        // Names of services may have dots: the longest entry that fits is meant.
        let next = match value {
            Value::Object(entries) => entries
                .iter()
                .filter_map(|(name, below)| {
                    let rest = rest.strip_prefix(name.as_str())?;
                    let ends = rest.is_empty() || rest.starts_with(['.', '[']);
                    ends.then_some((name.len(), below, rest))
                })
                .max_by_key(|(length, _, _)| *length)
                .map(|(_, below, rest)| (below, rest)),
            Value::Array(items) => rest.strip_prefix('[').and_then(|rest| {
                let (index, rest) = rest.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }),
            _ => None,
        };
        let (below, after) = next?;
        (value, rest) = (below, after.strip_prefix('.').unwrap_or(after));
    }
    Some(value.clone())
}

/// What was written and is not in force as such, like a preset.
fn written(settings: &[Setting]) -> Value {
    match settings {
        [one] => one.value.clone(),
        more => Value::Object(
            more.iter().map(|setting| (setting.key.clone(), setting.value.clone())).collect::<Map<_, _>>(),
        ),
    }
}

/// A block as YAML, its sections in the document's order; a value alone as it is, so that a script can take it.
fn yaml(value: &Value) -> String {
    const FIRST: [&str; 7] =
        ["environment", "database", "lambda", "storage", "monitoring", "security", "features"];
    let text = |value: &Value| serde_saphyr::to_string(value).unwrap_or_default();
    match value {
        Value::Object(entries) if entries.contains_key("environment") => {
            let first = FIRST.iter().filter_map(|name| entries.get_key_value(*name));
            let rest = entries.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
            let blocks = first.chain(rest).map(|(name, block)| text(&json!({ name: block })));
            blocks.collect::<Vec<_>>().join("\n")
        }
        Value::String(text) => format!("{text}\n"),
        Value::Object(_) | Value::Array(_) => text(value),
        other => format!("{other}\n"),
    }
}

fn place(setting: &Setting) -> String {
    setting.set_by.as_ref().map_or_else(|| "default".to_owned(), SetBy::place)
}

/// A value in a line: of a text with several, such as a calendar, the first one.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.trim_end().contains('\n') => {
            let first = text.lines().next().unwrap_or_default();
            format!("{first:?}… ({} lines)", text.lines().count())
        }
        other => other.to_string(),
    }
}

fn table(settings: &[Setting]) -> String {
    let width = |of: fn(&Setting) -> usize| settings.iter().map(of).max().unwrap_or(0).min(60);
    let (key, value) =
        (width(|setting| setting.key.len()), width(|setting| shown(&setting.value).chars().count()));
    settings.iter().fold(String::new(), |mut text, setting| {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:key$}  {:value$}  {}",
            setting.key,
            shown(&setting.value),
            console::style(place(setting)).dim()
        );
        text
    })
}

fn lines(settings: &[Setting]) {
    for setting in settings {
        let (file, line) = setting.set_by.as_ref().map_or((None, None), |by| (Some(&by.file), Some(by.line)));
        let Setting { key, value, .. } = setting;
        let set_by = place(setting);
        println!(
            "{}",
            json!({ "kind": "setting", "key": key, "value": value, "set_by": set_by, "file": file, "line": line })
        );
    }
}
