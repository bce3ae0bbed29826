use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::block::{Block, flag, number, text, whole};
use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Value};
use crate::settings::Identity;

/// The sections of an environment's configuration file. Serialized, they read back as the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sections {
    /// Which environment this is.
    pub environment: Identity,
    /// Its database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// Its functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<Lambda>,
    /// Where it keeps files and items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// What is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
    /// Who gets in, and how often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// Its feature flags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<String, bool>,
}

/// The database of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Database {
    /// The instance class, like `t3.micro`; `db.t3.micro` is the same.
    pub instance_type: String,
    /// Allocated storage in GiB.
    pub storage: u32,
    /// Days that automated backups are kept; 0 means there are none.
    pub backup_retention: u8,
    /// Whether there is a standby in another zone.
    pub multi_az: bool,
    /// The identifier of the database instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
}

/// The functions of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lambda {
    /// MiB.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// The runtime, like `nodejs22.x`.
    pub runtime: String,
    /// Execution environments that are kept warm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned_concurrency: Option<u32>,
}

/// Where an environment keeps files and items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// The S3 bucket.
    pub bucket_name: String,
    /// The `DynamoDB` table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_name: Option<String>,
    /// Whether a CDN stands before the bucket.
    pub cdn_enabled: bool,
    /// The bucket's default encryption, as S3 calls it: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub encryption: String,
    /// Whether it is backed up.
    pub backup_enabled: bool,
}

/// What is watched in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Monitoring {
    /// The least level that is logged.
    pub log_level: String,
    /// Whether metrics are written.
    pub metrics_enabled: bool,
    /// Whether alarms notify.
    pub alerts_enabled: bool,
    /// Whether metrics come every minute.
    pub detailed_monitoring: bool,
}

/// Who gets into an environment, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Security {
    /// Whether a second factor is asked for.
    pub mfa_required: bool,
    /// Seconds.
    pub session_timeout: u32,
    /// Requests of one client that are let through in the limiter's window.
    pub rate_limiting: u32,
    /// Whether a web application firewall stands before it.
    pub waf_enabled: bool,
}

/// The sections that are read here.
pub(crate) const SECTIONS: [&str; 7] =
    ["environment", "database", "lambda", "storage", "monitoring", "security", "features"];
/// The flags of the document; others are allowed.
const FLAGS: [&str; 5] =
    ["debug_mode", "test_data", "mock_external_apis", "performance_testing", "blue_green_deployment"];
/// RDS: 20 GiB is the least of general purpose storage, 64 TiB the most.
const GIBIBYTES: RangeInclusive<u32> = 20..=65_536;
/// RDS: `BackupRetentionPeriod`.
const RETENTION: RangeInclusive<u8> = 0..=35;
/// Lambda: `MemorySize`.
const MEMORY: RangeInclusive<u32> = 128..=10_240;
/// Lambda: `Timeout`.
const TIMEOUT: RangeInclusive<u32> = 1..=900;
const CONCURRENCY: RangeInclusive<u32> = 1..=100_000;
/// From a minute to the twelve hours that an IAM session can last.
const SESSION: RangeInclusive<u32> = 60..=43_200;
/// The most is that of a rate-based rule of AWS WAF.
const RATE: RangeInclusive<u32> = 1..=2_000_000_000;
const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const ENCRYPTION: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
const FLAG: &str = "true or false, without quotes";

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
    let name = block.required("name", "letters, digits and hyphens, like ace-flow-dev", text(is_name), notes);
    let region = block.required("region", "an AWS region, like us-east-1", text(is_region), notes);
    let stage = block.required("stage", "a short name, like dev, staging or prod", text(is_name), notes);
    let account = block.optional(
        "account",
        "the twelve digits of the AWS account, in quotes",
        text(|text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())),
        notes,
    );
    block.close(notes);
    Some(Identity { name: name?, region: region?, stage: stage?, account })
}

fn database(mut block: Block<'_>, notes: &mut Notes) -> Option<Database> {
    let class = "an instance class, like t3.micro or r5.large";
    let instance_type = block.required("instance_type", class, text(is_class), notes);
    let storage = block.required("storage", &number("GiB", &GIBIBYTES), whole(GIBIBYTES), notes);
    let days = number("days", &RETENTION);
    let backup_retention = block.required("backup_retention", &days, whole(RETENTION), notes);
    let multi_az = block.required("multi_az", FLAG, flag, notes);
    let what = "the identifier of the database instance: letters, digits and hyphens";
    let identifier = block.optional("identifier", what, text(is_name), notes);
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
    let memory = block.required("memory", &number("MiB", &MEMORY), whole(MEMORY), notes);
    let timeout = block.required("timeout", &number("seconds", &TIMEOUT), whole(TIMEOUT), notes);
    let what = "a Lambda runtime, like nodejs22.x, python3.13 or provided.al2023";
    let runtime = block.required("runtime", what, text(is_runtime), notes);
    let warm = number("execution environments", &CONCURRENCY);
    let provisioned_concurrency = block.optional("provisioned_concurrency", &warm, whole(CONCURRENCY), notes);
    block.close(notes);
    Some(Lambda { memory: memory?, timeout: timeout?, runtime: runtime?, provisioned_concurrency })
}

fn storage(mut block: Block<'_>, notes: &mut Notes) -> Option<Storage> {
    let what = "an S3 bucket name: 3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit \
                at both ends";
    let bucket_name = block.required("bucket_name", what, text(is_bucket), notes);
    let what = "a DynamoDB table name: 3 to 255 letters, digits, '_', '-' and '.'";
    let table_name = block.optional("table_name", what, text(is_table), notes);
    let cdn_enabled = block.required("cdn_enabled", FLAG, flag, notes);
    let what = format!("one of {}", ENCRYPTION.join(", "));
    let encryption = block.required("encryption", &what, text(|text| ENCRYPTION.contains(&text)), notes);
    let backup_enabled = block.required("backup_enabled", FLAG, flag, notes);
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
    let what = format!("one of {}", LEVELS.join(", "));
    let log_level = block.required("log_level", &what, text(|text| LEVELS.contains(&text)), notes);
    let metrics_enabled = block.required("metrics_enabled", FLAG, flag, notes);
    let alerts_enabled = block.required("alerts_enabled", FLAG, flag, notes);
    let detailed_monitoring = block.required("detailed_monitoring", FLAG, flag, notes);
    block.close(notes);
    Some(Monitoring {
        log_level: log_level?,
        metrics_enabled: metrics_enabled?,
        alerts_enabled: alerts_enabled?,
        detailed_monitoring: detailed_monitoring?,
    })
}

fn security(mut block: Block<'_>, notes: &mut Notes) -> Option<Security> {
    let mfa_required = block.required("mfa_required", FLAG, flag, notes);
    let session_timeout =
        block.required("session_timeout", &number("seconds", &SESSION), whole(SESSION), notes);
    let rate_limiting = block.required("rate_limiting", &number("requests", &RATE), whole(RATE), notes);
    let waf_enabled = block.required("waf_enabled", FLAG, flag, notes);
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
        let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !key.starts_with(|c: char| c.is_ascii_lowercase()) || !key.chars().all(snake) {
            let remedy = "write lower-case letters, digits and _, like new_checkout";
            notes.error(at, format!("features.{key} is no name of a flag"), remedy);
        } else if !FLAGS.contains(&key.as_str()) && FLAGS.iter().any(|flag| is_slip(key, flag)) {
            notes.warning(at, format!("unknown flag `{key}` in features"), nearest(key, &FLAGS));
        }
        match flag(&node.value) {
            Some(flag) => {
                found.insert(key.clone(), flag);
            }
            None if matches!(node.value, Value::Unfilled(_)) => {}
            None => {
                let message = format!("features.{key} is {}", node.value.shown());
                notes.error(&node.at, message, format!("write {FLAG}"));
            }
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.len() >= 3
        && parts.split_last().is_some_and(|(number, words)| {
            number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()) && words.iter().all(is_word)
        })
}

fn is_class(text: &str) -> bool {
    let class = text.strip_prefix("db.").unwrap_or(text);
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    class.split_once('.').is_some_and(|(family, size)| is_word(family) && is_word(size))
}

fn is_runtime(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.')
}

fn is_bucket(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && !text.contains("..")
        && text.chars().all(|c| is_end(c) || c == '-' || c == '.')
}

fn is_table(text: &str) -> bool {
    (3..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
