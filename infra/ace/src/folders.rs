//! The tree `.ace-flow` as it lies on the disk: an environment's files, read for [`environments::tree`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use environments::tree::{File, Sources};

use crate::error::AceError;

/// The folder of the environments, where no other is named.
pub(crate) const ENVIRONMENTS: &str = ".ace-flow/environments";
/// What the process's environment calls a setting's variable.
const SETTING: &str = "ACE__";
/// The template below every environment, beside the folder of the environments.
const TEMPLATE: &str = "templates/environment.template.yml";
/// Where calendars of holidays are, beside the folder of the environments,
const CALENDARS: &str = "calendars";
/// and what things cost, in either language.
const PRICES: [&str; 2] = ["prices.json", "prices.yml"];

/// Every environment of the tree.
pub(crate) fn all(root: &Path) -> Result<Vec<Sources>, AceError> {
    let folders = folders(root)?;
    if folders.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "it has no folder of an environment");
        return Err(unreadable(root, source));
    }
    folders.iter().map(|folder| environment(folder, root, BTreeMap::new(), &file)).collect()
}

/// One environment of the tree, with the settings of the process's environment, which are its own; and the others, as
/// far as they can be read: what is wrong with one of those is not this one's affair.
pub(crate) fn one(root: &Path, name: &str) -> Result<(Sources, Vec<Sources>), AceError> {
    with(root, name, |_| None)
}

/// The same, where files of the environment that are not there may be yet to be written.
pub(crate) fn with(
    root: &Path,
    name: &str,
    new: impl Fn(&Path) -> Option<File>,
) -> Result<(Sources, Vec<Sources>), AceError> {
    let folder = root.join(name);
    let found = |path: &Path| match new(path).filter(|_| !path.exists()) {
        Some(new) => Ok(new),
        None => file(path),
    };
    let mut asked =
        environment(&folder, root, settings(), &found).map_err(|error| among(error, &folder, root))?;
    asked.secrets = asked.secrets.or_else(|| new(&folder.join("secrets.yml")));
    let others = if root.is_dir() { folders(root)? } else { Vec::new() };
    let others = others.into_iter().filter(|other| *other != folder);
    let others = others.filter_map(|other| environment(&other, root, BTreeMap::new(), &file).ok());
    Ok((asked, others.collect()))
}

/// What could not be read of an environment that has no folder: with those that have one.
fn among(error: AceError, folder: &Path, root: &Path) -> AceError {
    let names: Vec<String> = folders(root)
        .unwrap_or_default()
        .iter()
        .filter_map(|known| Some(known.file_name()?.to_string_lossy().into_owned()))
        .collect();
    match error {
        AceError::Unreadable { path, help, source } if !folder.exists() && !names.is_empty() => {
            AceError::Unreadable {
                path,
                help: format!("known environments are {}; {help}", names.join(", ")),
                source,
            }
        }
        error => error,
    }
}

/// A file, as messages name it.
pub(crate) fn file(path: &Path) -> Result<File, AceError> {
    let text = std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    Ok(File { name: path.display().to_string(), text })
}

/// The variables of the process's environment.
pub(crate) fn variables() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn settings() -> BTreeMap<String, String> {
    let mut settings = variables();
    settings.retain(|name, _| name.starts_with(SETTING));
    settings
}

fn environment(
    folder: &Path,
    root: &Path,
    settings: BTreeMap<String, String>,
    read: &dyn Fn(&Path) -> Result<File, AceError>,
) -> Result<Sources, AceError> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let config = read(&folder.join("config.yml"))?;
    let overrides = folder.join("overrides");
    let overrides = if overrides.is_dir() { entries(&overrides)? } else { Vec::new() };
    let is_yaml = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "yml");
    let overrides = overrides.iter().filter(is_yaml).map(|path| file(path)).collect::<Result<_, _>>()?;
    let secrets = optional(&folder.join("secrets.yml"))?;
    let template = match root.parent() {
        Some(above) => optional(&above.join(TEMPLATE))?,
        None => None,
    };
    let variables = variables();
    let sources = Sources { template, variables, overrides, secrets, settings, ..Sources::new(name, config) };
    with_project(sources, root)
}

/// The same, with what all environments of the project share, beside their folder: calendars and prices.
pub(crate) fn with_project(sources: Sources, root: &Path) -> Result<Sources, AceError> {
    let Some(above) = root.parent() else { return Ok(sources) };
    let folder = above.join(CALENDARS);
    let mut calendars = BTreeMap::new();
    if folder.is_dir() {
        for path in entries(&folder)? {
            let is_calendar = path.extension().is_some_and(|extension| extension == "ics");
            if let Some(name) = path.file_name().filter(|_| is_calendar) {
                calendars.insert(name.to_string_lossy().into_owned(), file(&path)?);
            }
        }
    }
    let there: Vec<PathBuf> =
        PRICES.iter().map(|name| above.join(name)).filter(|path| path.exists()).collect();
    let prices = match there.as_slice() {
        [] => None,
        [only] => Some(file(only)?),
        [one, other, ..] => {
            let (one, other) = (one.display().to_string(), other.display().to_string());
            return Err(AceError::TwoPrices { one, other });
        }
    };
    Ok(Sources { calendars, prices, ..sources })
}

fn optional(path: &Path) -> Result<Option<File>, AceError> {
    if path.exists() { file(path).map(Some) } else { Ok(None) }
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, AceError> {
    let mut folders = entries(root)?;
    folders.retain(|path| path.is_dir());
    Ok(folders)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, AceError> {
    let listed: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths = listed.map_err(|source| unreadable(folder, source))?;
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, source: std::io::Error) -> AceError {
    let help = "run this in the project's folder, or name another with --tree or a file with --config; each environment \
                has a folder with a config.yml below it, which `ace init` writes";
    AceError::Unreadable { path: path.display().to_string(), help: help.to_owned(), source }
}
