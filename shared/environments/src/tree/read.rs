//! The sections of an environment, read.

use std::collections::BTreeMap;

use super::block::Block;
use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Value};
use super::rule::{self, FLAG_NAME, Flag, Rule as _};
use super::sections::{Database, FLAGS, Lambda, Monitoring, Sections, Security, Storage};
use crate::settings::Identity;

/// Reads the sections; whatever is wrong is noted. `None` only if something is.
pub(crate) fn sections(entries: &[Entry], notes: &mut Notes) -> Option<Sections> {
    let open = |name: &'static str, notes: &mut Notes| {
        entries
            .iter()
            .find(|entry| entry.key == name)
            .and_then(|entry| Block::of(entry, name.to_owned(), notes))
    };
    let database = open("database", notes).map(|block| database(block, notes));
    let lambda = open("lambda", notes).map(|block| lambda(block, notes));
    let storage = open("storage", notes).map(|block| storage(block, notes));
    let monitoring = open("monitoring", notes).map(|block| monitoring(block, notes));
    let security = open("security", notes).map(|block| security(block, notes));
    let features = entries.iter().find(|entry| entry.key == "features");
    let features = features.map(|entry| features_of(entry, notes)).unwrap_or_default();
    let environment = open("environment", notes).and_then(|block| identity(block, notes))?;
    Some(Sections {
        environment,
        database: whole_or_none(database)?,
        lambda: whole_or_none(lambda)?,
        storage: whole_or_none(storage)?,
        monitoring: whole_or_none(monitoring)?,
        security: whole_or_none(security)?,
        features,
    })
}

/// A section that was written and could not be read spoils the whole; one that was not written does not.
#[expect(clippy::option_option, reason = "absent and unreadable are two things here, and nowhere else")]
fn whole_or_none<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    section.map_or(Some(None), |section| section.map(Some))
}

fn identity(mut block: Block<'_>, notes: &mut Notes) -> Option<Identity> {
    let name = block.required("name", &rule::NAME, notes);
    let region = block.required("region", &rule::REGION, notes);
    let stage = block.required("stage", &rule::STAGE, notes);
    let account = block.optional("account", &rule::ACCOUNT, notes);
    block.close(notes);
    Some(Identity { name: name?, region: region?, stage: stage?, account })
}

fn database(mut block: Block<'_>, notes: &mut Notes) -> Option<Database> {
    let instance_type = block.required("instance_type", &rule::CLASS, notes);
    let storage = block.required("storage", &rule::GIBIBYTES, notes);
    let backup_retention = block.required("backup_retention", &rule::RETENTION, notes);
    let multi_az = block.required("multi_az", Flag, notes);
    let identifier = block.optional("identifier", &rule::IDENTIFIER, notes);
    block.close(notes);
    Some(Database {
        instance_type: instance_type?,
        storage: storage?,
        backup_retention: backup_retention?,
        multi_az: multi_az?,
        identifier,
    })
}

fn lambda(mut block: Block<'_>, notes: &mut Notes) -> Option<Lambda> {
    let memory = block.required("memory", &rule::MEMORY, notes);
    let timeout = block.required("timeout", &rule::TIMEOUT, notes);
    let runtime = block.required("runtime", &rule::RUNTIME, notes);
    let provisioned_concurrency = block.optional("provisioned_concurrency", &rule::CONCURRENCY, notes);
    block.close(notes);
    Some(Lambda { memory: memory?, timeout: timeout?, runtime: runtime?, provisioned_concurrency })
}

fn storage(mut block: Block<'_>, notes: &mut Notes) -> Option<Storage> {
    let bucket_name = block.required("bucket_name", &rule::BUCKET, notes);
    let table_name = block.optional("table_name", &rule::TABLE, notes);
    let cdn_enabled = block.required("cdn_enabled", Flag, notes);
    let encryption = block.required("encryption", &rule::ENCRYPTION, notes);
    let backup_enabled = block.required("backup_enabled", Flag, notes);
    block.close(notes);
    Some(Storage {
        bucket_name: bucket_name?,
        table_name,
        cdn_enabled: cdn_enabled?,
        encryption: encryption?,
        backup_enabled: backup_enabled?,
    })
}

fn monitoring(mut block: Block<'_>, notes: &mut Notes) -> Option<Monitoring> {
    let log_level = block.required("log_level", &rule::LEVEL, notes);
    let metrics_enabled = block.required("metrics_enabled", Flag, notes);
    let alerts_enabled = block.required("alerts_enabled", Flag, notes);
    let detailed_monitoring = block.required("detailed_monitoring", Flag, notes);
    block.close(notes);
    Some(Monitoring {
        log_level: log_level?,
        metrics_enabled: metrics_enabled?,
        alerts_enabled: alerts_enabled?,
        detailed_monitoring: detailed_monitoring?,
    })
}

fn security(mut block: Block<'_>, notes: &mut Notes) -> Option<Security> {
    let mfa_required = block.required("mfa_required", Flag, notes);
    let session_timeout = block.required("session_timeout", &rule::SESSION, notes);
    let rate_limiting = block.required("rate_limiting", &rule::RATE, notes);
    let waf_enabled = block.required("waf_enabled", Flag, notes);
    block.close(notes);
    Some(Security {
        mfa_required: mfa_required?,
        session_timeout: session_timeout?,
        rate_limiting: rate_limiting?,
        waf_enabled: waf_enabled?,
    })
}

/// Flags have names of the user's choice; one that is almost a documented name is probably a slip.
fn features_of(entry: &Entry, notes: &mut Notes) -> BTreeMap<String, bool> {
    if matches!(&entry.node.value, Value::Null) {
        return BTreeMap::new();
    }
    // The block notes what is no block.
    if Block::of(entry, "features".to_owned(), notes).is_none() {
        return BTreeMap::new();
    }
    let Value::Map(entries) = &entry.node.value else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for Entry { key, at, node } in entries {
        if !FLAG_NAME.is(key) {
            let remedy = format!("write {}", FLAG_NAME.what());
            notes.error(at, format!("features.{key} is no name of a flag"), remedy);
        } else if !FLAGS.contains(&key.as_str()) && FLAGS.iter().any(|flag| is_slip(key, flag)) {
            notes.warning(at, format!("unknown flag `{key}` in features"), nearest(key, &FLAGS));
        }
        match Flag.read(&node.value) {
            Some(flag) => {
                found.insert(key.clone(), flag);
            }
            None if matches!(node.value, Value::Unfilled(_)) => {}
            None => {
                let message = format!("features.{key} is {}", node.value.shown());
                notes.error(&node.at, message, format!("write {}", Flag.what()));
            }
        }
    }
    found
}
