use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Kind as SourceKind, Origin, Value};
use super::sections::Sections;
use crate::Environment;

/// What an environment is for, from the name of its folder, or from its stage where that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One machine.
    Local,
    /// Where features are tried.
    Development,
    /// The last one before users.
    Staging,
    /// Where users are.
    Production,
    /// Something else; secrets are kept there as in production.
    Other,
}

const FOLDERS: [(&str, Kind, &[&str]); 4] = [
    ("local", Kind::Local, &["local"]),
    ("development", Kind::Development, &["dev", "development"]),
    ("staging", Kind::Staging, &["staging", "stage"]),
    ("production", Kind::Production, &["prod", "production"]),
];

impl Kind {
    /// The kind of an environment by its folder and its stage.
    pub fn of(folder: &str, stage: Option<&str>) -> Self {
        FOLDERS
            .iter()
            .find(|(name, _, _)| *name == folder)
            .or_else(|| {
                FOLDERS.iter().find(|(_, _, stages)| stage.is_some_and(|stage| stages.contains(&stage)))
            })
            .map_or(Self::Other, |(_, kind, _)| *kind)
    }

    /// Whether a file may hold values of secrets.
    pub const fn may_hold_secrets(self) -> bool {
        matches!(self, Self::Local | Self::Development)
    }
}

/// Lambda runtimes after their deprecation, and what to take instead
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>).
const DEPRECATED: [(&str, &str); 12] = [
    ("nodejs18.x", "nodejs22.x"),
    ("nodejs16.x", "nodejs22.x"),
    ("nodejs14.x", "nodejs22.x"),
    ("nodejs12.x", "nodejs22.x"),
    ("python3.8", "python3.13"),
    ("python3.7", "python3.13"),
    ("python3.6", "python3.13"),
    ("ruby2.7", "ruby3.4"),
    ("java8", "java21"),
    ("dotnet6", "dotnet8"),
    ("go1.x", "provided.al2023"),
    ("provided", "provided.al2023"),
];
const RUNTIMES: [&str; 21] = [
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "dotnet8",
    "dotnet10",
    "provided.al2",
    "provided.al2023",
];
/// The least that production keeps backups, in days.
const PRODUCTION_RETENTION: u8 = 7;

/// Where a setting stands; for one that was left out, its section; else the section `environment`.
pub(crate) fn place<'a>(entries: &'a [Entry], section: &str, key: &str) -> Option<&'a Origin> {
    let find = |name: &str| entries.iter().find(|entry| entry.key == name);
    let Some(section) = find(section) else { return find("environment").map(|entry| &entry.at) };
    let Value::Map(settings) = &section.node.value else { return Some(&section.at) };
    let setting = settings.iter().find(|entry| entry.key == key).map(|entry| &entry.node.at);
    Some(setting.filter(|at| at.source.kind != SourceKind::Defaults).unwrap_or(&section.at))
}

/// Whether the setting, or its section, was written with a slip.
fn slipped(entries: &[Entry], section: &str, key: &str) -> bool {
    entries.iter().any(|entry| match &entry.node.value {
        Value::Map(settings) if entry.key == section => {
            settings.iter().any(|setting| is_slip(&setting.key, key))
        }
        _ => is_slip(&entry.key, section),
    })
}

/// What no field can tell alone.
pub(crate) fn check(folder: &str, entries: &[Entry], valid: &Sections, notes: &mut Notes) {
    let stage = valid.environment.stage.as_str();
    if let Some((_, _, stages)) = FOLDERS.iter().find(|(name, _, _)| *name == folder)
        && !stages.contains(&stage)
        && let Some(at) = place(entries, "environment", "stage")
    {
        let message = format!("environment.stage is {stage:?} in the folder {folder}");
        notes.error(at, message, format!("write {}, or rename the folder", stages.join(" or ")));
    }
    if let Some(lambda) = &valid.lambda
        && let Some(at) = place(entries, "lambda", "runtime")
    {
        runtime(&lambda.runtime, at, notes);
    }
    if Kind::of(folder, Some(stage)) == Kind::Production {
        production(entries, valid, notes);
    }
}

fn runtime(runtime: &str, at: &Origin, notes: &mut Notes) {
    if let Some((_, instead)) = DEPRECATED.iter().find(|(name, _)| *name == runtime) {
        let message = format!("lambda.runtime {runtime} is deprecated: AWS patches it no more");
        notes.warning(at, message, format!("move to {instead}"));
    } else if !RUNTIMES.contains(&runtime) {
        let message = format!("lambda.runtime {runtime} is not a runtime known here");
        notes.warning(at, message, nearest(runtime, &RUNTIMES));
    }
}

fn production(entries: &[Entry], valid: &Sections, notes: &mut Notes) {
    let mut hold = |holds: bool, section: &str, key: &str, why: &str, remedy: &str| {
        if !holds
            && !slipped(entries, section, key)
            && let Some(at) = place(entries, section, key)
        {
            notes.error(at, format!("production needs {section}.{key}: {why}"), remedy);
        }
    };
    if let Some(database) = &valid.database {
        let why = "without a standby in another zone a zone's outage is an outage";
        hold(database.multi_az, "database", "multi_az", why, "write multi_az: true below database");
        hold(
            database.backup_retention >= PRODUCTION_RETENTION,
            "database",
            "backup_retention",
            &format!("a retention of {} is too short", database.backup_retention),
            &format!("write at least {PRODUCTION_RETENTION} days"),
        );
    }
    let alerts = valid.monitoring.as_ref().is_some_and(|monitoring| monitoring.alerts_enabled);
    let why = "nobody would hear of a failure";
    hold(alerts, "monitoring", "alerts_enabled", why, "write alerts_enabled: true below monitoring");
    let mfa = valid.security.as_ref().is_some_and(|security| security.mfa_required);
    let why = "a stolen password would be enough";
    hold(mfa, "security", "mfa_required", why, "write mfa_required: true below security");
    advise(entries, valid, notes);
}

fn advise(entries: &[Entry], valid: &Sections, notes: &mut Notes) {
    let mut advise = |heeded: bool, section: &str, key: &str, what: &str, remedy: &str| {
        if !heeded
            && !slipped(entries, section, key)
            && let Some(at) = place(entries, section, key)
        {
            notes.warning(at, format!("{section}.{key}: {what}"), remedy);
        }
    };
    if let Some(security) = &valid.security {
        let what = "production has no firewall";
        advise(
            security.waf_enabled,
            "security",
            "waf_enabled",
            what,
            "write waf_enabled: true below security",
        );
    }
    if let Some(storage) = &valid.storage {
        let (what, remedy) =
            ("production's files have no backup", "write backup_enabled: true below storage");
        advise(storage.backup_enabled, "storage", "backup_enabled", what, remedy);
    }
    if let Some(monitoring) = &valid.monitoring {
        let what = "production's metrics come every five minutes";
        let remedy = "write detailed_monitoring: true below monitoring";
        advise(monitoring.detailed_monitoring, "monitoring", "detailed_monitoring", what, remedy);
        let verbose = matches!(monitoring.log_level.as_str(), "TRACE" | "DEBUG");
        let what = "production logs details that may be personal, and pays for them";
        advise(!verbose, "monitoring", "log_level", what, "write INFO or WARN");
    }
    for name in ["debug_mode", "test_data", "mock_external_apis"] {
        let on = valid.features.get(name).is_some_and(|flag| *flag);
        advise(!on, "features", name, "this is for tests, not for production", "write false");
    }
}

/// In production every service needs an alarm that ends a rollout.
pub(crate) fn guardrails(entries: &[Entry], rollouts: &Environment, notes: &mut Notes) {
    for (name, service) in rollouts.services() {
        let guardrails = service.rollout.guardrails.as_ref().unwrap_or(&rollouts.rollout.guardrails);
        if guardrails.is_empty()
            && let Some(at) = place(entries, "services", name.as_str())
        {
            notes.error(
                at,
                format!("services.{} has no guardrail: in production a rollout needs one", name.as_str()),
                "name at least one alarm below rollout.guardrails",
            );
        }
    }
}
