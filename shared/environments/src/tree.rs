//! The tree of configuration files, `.ace-flow/environments/*`: read, laid over each other, and checked, with every
//! mistake at once. Pure: the caller gives names and texts.

mod alerts;
mod block;
mod cost;
mod fill;
mod isolation;
mod layers;
mod mistake;
mod node;
mod promotion;
mod read;
mod rollouts;
mod rule;
mod rules;
mod schema;
mod secrets;
mod sections;
mod shapes;
mod shown;
mod template;
mod typed;
mod write;

use std::collections::BTreeMap;
use std::fmt;

use node::Kind as SourceKind;

use crate::Environment;

pub use fill::{Filled, Templates, fill};
pub use layers::{Layer, SetBy};
pub use mistake::{Mistake, Severity, Strictness};
pub use rules::Kind;
pub use schema::schema;
pub use secrets::{Secret, SecretText, Secrets};
pub use sections::{Database, Lambda, Monitoring, Sections, Security, Storage};
pub use shown::Setting;

/// A file: how messages call it, and what is in it. Debug shows no text: it may be a file of secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, as messages show it. Overrides are laid in the order of their names.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What an environment is made from. Layers: defaults < template < config.yml < overrides < `ACE__A__B`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sources {
    /// The environment, as its folder is called.
    pub name: String,
    /// The template below its configuration.
    pub template: Option<File>,
    /// The values of the template's variables.
    pub variables: BTreeMap<String, String>,
    /// Its config.yml.
    pub config: File,
    /// Its overrides/*.yml, in any order.
    pub overrides: Vec<File>,
    /// Settings like `ACE__DATABASE__STORAGE`, which set `database.storage`; other names are passed over.
    pub settings: BTreeMap<String, String>,
    /// Its secrets.yml.
    pub secrets: Option<File>,
    /// The calendar files (ICS) of the project, by the names by which `cost.schedule.calendars` has them.
    pub calendars: BTreeMap<String, File>,
    /// What things cost, for `cost`; an example, where there is none.
    pub prices: Option<File>,
}

/// Settings and variables are shown by their names: a value may be a secret.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("name", &self.name)
            .field("template", &self.template)
            .field("variables", &self.variables.keys())
            .field("config", &self.config)
            .field("overrides", &self.overrides)
            .field("settings", &self.settings.keys())
            .field("secrets", &self.secrets)
            .field("calendars", &self.calendars)
            .field("prices", &self.prices)
            .finish()
    }
}

impl Sources {
    /// An environment that has only a config.yml.
    pub fn new(name: String, config: File) -> Self {
        Self {
            name,
            template: None,
            variables: BTreeMap::new(),
            config,
            overrides: Vec::new(),
            settings: BTreeMap::new(),
            secrets: None,
            calendars: BTreeMap::new(),
            prices: None,
        }
    }
}

/// An environment whose configuration is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The environment, as its folder is called.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// The sections of its configuration.
    pub sections: Sections,
    /// Its services and how they are rolled out.
    pub rollouts: Environment,
    /// Its secrets.
    pub secrets: Secrets,
    /// Who set each value, by dotted key. Secrets are not among them.
    pub origins: BTreeMap<String, SetBy>,
    yaml: String,
}

impl Resolved {
    /// The whole configuration as one file, layers and variables resolved; it reads back as the same.
    pub fn to_yaml(&self) -> &str {
        &self.yaml
    }
}

/// A tree that is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Its environments, as they were given.
    pub environments: Vec<Resolved>,
    /// What may be wrong all the same.
    pub warnings: Vec<Mistake>,
}

/// A tree that is refused: every mistake, and the warnings, by file and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct Refused {
    /// Never without an error.
    pub mistakes: Vec<Mistake>,
}

impl Refused {
    fn told(&self) -> String {
        self.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
    }
}

/// An environment that is accepted among others.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The environment.
    pub environment: Resolved,
    /// What may be wrong with it all the same.
    pub warnings: Vec<Mistake>,
}

/// What is wrong with a title that a rule of alerts has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongTitle {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Finds what is wrong with such titles. They are templates, in a language that is not known here.
pub type Titles<'a> = &'a dyn Fn(&str) -> Vec<WrongTitle>;

/// Where nobody knows the language of titles.
const ANY_TITLE: Titles<'static> = &|_| Vec::new();

/// Reads and checks environments, each alone and all together.
///
/// # Errors
/// [`Refused`] with every mistake that was found, each with its place and remedy.
pub fn check(tree: &[Sources], strictness: Strictness) -> Result<Accepted, Refused> {
    check_with(tree, strictness, ANY_TITLE)
}

/// The same, and the titles of alerts as well.
///
/// # Errors
/// As [`check`].
pub fn check_with(tree: &[Sources], strictness: Strictness, titles: Titles<'_>) -> Result<Accepted, Refused> {
    let (valid, notes) = examine(tree.iter(), titles);
    let warnings = accepted(notes.told(strictness))?;
    Ok(Accepted { environments: valid.into_iter().map(|valid| valid.resolved).collect(), warnings })
}

/// Reads and checks one environment among others: what is wrong with those alone is not told, what it shares with them
/// is, as its mistake.
///
/// # Errors
/// [`Refused`] with every mistake of this environment, each with its place and remedy.
pub fn check_among(asked: &Sources, others: &[Sources], strictness: Strictness) -> Result<Chosen, Refused> {
    check_among_with(asked, others, strictness, ANY_TITLE)
}

/// The same, and the titles of its alerts as well.
///
/// # Errors
/// As [`check_among`].
pub fn check_among_with(
    asked: &Sources,
    others: &[Sources],
    strictness: Strictness,
    titles: Titles<'_>,
) -> Result<Chosen, Refused> {
    let (valid, notes) = examine(others.iter().chain([asked]), titles);
    let mut mistakes = notes.told(strictness);
    mistakes.retain(|mistake| mistake.environment == asked.name);
    let warnings = accepted(mistakes)?;
    match valid.into_iter().find(|valid| valid.resolved.name == asked.name) {
        Some(valid) => Ok(Chosen { environment: valid.resolved, warnings }),
        None => Err(Refused { mistakes: warnings }),
    }
}

/// The environments that are valid alone, and what is noted of all.
fn examine<'a>(
    tree: impl Iterator<Item = &'a Sources>,
    titles: Titles<'_>,
) -> (Vec<isolation::Valid>, mistake::Notes) {
    let mut notes = mistake::Notes::default();
    let tree: Vec<&Sources> = tree.collect();
    let valid: Vec<isolation::Valid> =
        tree.iter().filter_map(|sources| resolve(sources, titles, &mut notes)).collect();
    isolation::check(&valid, &mut notes);
    let names: Vec<&str> = tree.iter().map(|sources| sources.name.as_str()).collect();
    promotion::check(&valid, &names, &mut notes);
    alerts::check(&valid, &names, &mut notes);
    cost::check(&valid, &mut notes);
    (valid, notes)
}

/// The warnings, if there is no error.
fn accepted(mistakes: Vec<Mistake>) -> Result<Vec<Mistake>, Refused> {
    if mistakes.iter().any(|mistake| mistake.severity == Severity::Error) {
        return Err(Refused { mistakes });
    }
    Ok(mistakes)
}

/// What a secrets.yml holds, as [`check`] reads it.
///
/// # Errors
/// Every mistake in it, as [`Refused`], of no environment by name. No value is in any of them.
pub fn secrets_of(file: &File, kind: Kind) -> Result<Secrets, Refused> {
    let mut notes = mistake::Notes::default();
    let root = node::read(file, "", SourceKind::Secret, &mut notes);
    let placed = root.map(|root| secrets::secrets(&root, kind, &mut notes)).unwrap_or_default();
    if notes.has_errors() {
        return Err(Refused { mistakes: notes.told(Strictness::Lenient) });
    }
    Ok(placed.into_iter().map(|(key, placed)| (key, placed.secret)).collect())
}

/// An environment that is valid alone; `None` when an error is noted.
fn resolve(sources: &Sources, titles: Titles<'_>, notes: &mut mistake::Notes) -> Option<isolation::Valid> {
    let mut own = mistake::Notes::default();
    let valid = resolve_alone(sources, titles, &mut own);
    let refused = own.has_errors();
    notes.join(own);
    valid.filter(|_| !refused)
}

fn resolve_alone(
    sources: &Sources,
    titles: Titles<'_>,
    notes: &mut mistake::Notes,
) -> Option<isolation::Valid> {
    let mut entries = layers::merged(sources, notes);
    if let Some(entries) = &mut entries {
        cost::inline(entries, sources, notes);
    }
    let sections = entries.as_deref().and_then(|entries| {
        if !entries
            .iter()
            .any(|entry| entry.key == "environment" || mistake::is_slip(&entry.key, "environment"))
        {
            let at = node::Origin::of_file(&sources.config, &sources.name);
            notes.error(
                &at,
                "the block `environment` is missing",
                "begin with it: its name, region and stage",
            );
        }
        read::sections(entries, notes)
    });
    let stage = sections.as_ref().map(|sections| sections.environment.stage.as_str());
    let kind = Kind::of(&sources.name, stage);
    let secrets = sources
        .secrets
        .as_ref()
        .and_then(|file| node::read(file, &sources.name, SourceKind::Secret, notes))
        .map(|root| secrets::secrets(&root, kind, notes))
        .unwrap_or_default();
    let entries = entries?;
    if let Some(sections) = &sections {
        rules::check(&sources.name, &entries, sections, notes);
    }
    rollouts::unknown_keys(&entries, notes);
    alerts::own(&sources.name, &entries, notes);
    let rollouts = rollouts::rollouts(&entries, notes);
    alerts::titles(&entries, titles, notes);
    if kind == Kind::Production {
        cost::production(&sources.name, &entries, notes);
    }
    if let Some(rollouts) = rollouts.as_ref().filter(|_| kind == Kind::Production) {
        rules::guardrails(&entries, rollouts, notes);
    }
    let resolved = Resolved {
        name: sources.name.clone(),
        kind,
        sections: sections?,
        rollouts: rollouts?,
        secrets: secrets.iter().map(|(key, placed)| (key.clone(), placed.secret.clone())).collect(),
        origins: layers::provenance(&entries),
        yaml: write::written(&entries),
    };
    Some(isolation::Valid { resolved, entries, secrets })
}

#[cfg(test)]
mod tests;
