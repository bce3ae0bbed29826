//! `ace validate`: every mistake in the configuration of the environments, before anything is deployed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use environments::tree::{Accepted, File, Mistake, Refused, Severity, Sources, Strictness, check};
use serde_json::json;

use crate::Ending;
use crate::arguments::{Format, Validate};
use crate::error::AceError;

pub(crate) fn validate(arguments: &Validate) -> Result<Ending, AceError> {
    let strictness = if arguments.strict { Strictness::Strict } else { Strictness::Lenient };
    let asked = arguments.environment.as_ref().map(ToString::to_string);
    let tree = tree(&arguments.tree, asked.as_deref())?;
    let mut mistakes = match check(&tree, strictness) {
        Ok(Accepted { warnings, .. }) => warnings,
        Err(Refused { mistakes }) => mistakes,
    };
    if let Some(asked) = &asked {
        let others = tree.iter().filter(|sources| sources.name != *asked).flat_map(files);
        let others: Vec<&str> = others.map(|file| file.name.as_str()).collect();
        mistakes.retain(|mistake| !others.contains(&mistake.file.as_str()));
    }
    for mistake in &mistakes {
        show(mistake, arguments.format);
    }
    let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    if errors > 0 {
        return Err(AceError::Invalid { errors });
    }
    if arguments.format == Format::Human {
        let names: Vec<&str> = match &asked {
            Some(asked) => vec![asked],
            None => tree.iter().map(|sources| sources.name.as_str()).collect(),
        };
        println!("valid: {}; warnings: {}", names.join(", "), mistakes.len());
    }
    Ok(Ending::Good)
}

fn show(mistake: &Mistake, format: Format) {
    let Mistake { file, line, column, message, remedy, .. } = mistake;
    let severity = match mistake.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    match format {
        Format::Human => println!("{mistake}\n"),
        Format::Json => println!(
            "{}",
            json!({
                "severity": severity, "file": file, "line": line, "column": column,
                "message": message, "remedy": remedy,
            })
        ),
        Format::Github => println!(
            "::{severity} file={},line={line},col={column}::{}",
            escaped(file).replace(':', "%3A").replace(',', "%2C"),
            escaped(&format!("{message}: {remedy}"))
        ),
    }
}

/// As a workflow command wants its texts
/// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn files(sources: &Sources) -> impl Iterator<Item = &File> {
    [&sources.config].into_iter().chain(&sources.overrides).chain(&sources.secrets)
}

/// The environments of the tree. The one that is asked for comes last, so that what it shares with another is told
/// as its mistake; settings of the process's environment are its own.
pub(crate) fn tree(root: &Path, asked: Option<&str>) -> Result<Vec<Sources>, AceError> {
    let mut folders = entries(root)?;
    folders.retain(|path| path.is_dir());
    if let Some(asked) = asked {
        folders.retain(|path| !path.ends_with(asked));
        folders.push(root.join(asked));
    } else if folders.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "it has no folder of an environment");
        return Err(unreadable(root, source));
    }
    folders.iter().map(|folder| environment(folder, asked)).collect()
}

fn environment(folder: &Path, asked: Option<&str>) -> Result<Sources, AceError> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let settings = if asked == Some(name.as_str()) { settings() } else { BTreeMap::new() };
    let overrides = folder.join("overrides");
    let overrides = if overrides.is_dir() { entries(&overrides)? } else { Vec::new() };
    let is_yaml = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "yml");
    let overrides = overrides.iter().filter(is_yaml).map(|path| file(path)).collect::<Result<_, _>>()?;
    let secrets = folder.join("secrets.yml");
    let secrets = if secrets.exists() { Some(file(&secrets)?) } else { None };
    let config = file(&folder.join("config.yml"))?;
    Ok(Sources { overrides, secrets, settings, ..Sources::new(name, config) })
}

fn settings() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("ACE__"))
        .collect()
}

fn file(path: &Path) -> Result<File, AceError> {
    let text = std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    Ok(File { name: path.display().to_string(), text })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, AceError> {
    let listed: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths = listed.map_err(|source| unreadable(folder, source))?;
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, source: std::io::Error) -> AceError {
    let help = "run this in the project's folder, or name the folder of the environments with --tree; each has a \
                folder with a config.yml";
    AceError::Unreadable { path: path.display().to_string(), help: help.to_owned(), source }
}
