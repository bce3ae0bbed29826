//! The sections of an environment's configuration file, as types and as a JSON Schema.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::layers::DEFAULTS;
use super::rule;
use crate::settings::Identity;

/// The sections of an environment's configuration file. Serialized, they read back as the same.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Sections {
    /// Which environment this is.
    #[schemars(with = "WrittenIdentity")]
    pub environment: Identity,
    /// Its database.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Database")]
    pub database: Option<Database>,
    /// Its functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Lambda")]
    pub lambda: Option<Lambda>,
    /// Where it keeps files and items.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Storage")]
    pub storage: Option<Storage>,
    /// What is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Monitoring")]
    pub monitoring: Option<Monitoring>,
    /// Who gets in, and how often.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Security")]
    pub security: Option<Security>,
    /// Its feature flags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = flags)]
    pub features: BTreeMap<String, bool>,
}

/// The database of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Database {
    /// The instance class, like `t3.micro`; `db.t3.micro` is the same.
    #[schemars(transform = &rule::CLASS)]
    pub instance_type: String,
    /// Allocated storage in GiB.
    #[schemars(transform = &rule::GIBIBYTES)]
    pub storage: u32,
    /// Days that automated backups are kept; 0 means there are none.
    #[schemars(transform = &rule::RETENTION)]
    pub backup_retention: u8,
    /// Whether there is a standby in another zone.
    pub multi_az: bool,
    /// The identifier of the database instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", default, transform = &rule::IDENTIFIER)]
    pub identifier: Option<String>,
}

/// The functions of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Lambda {
    /// MiB.
    #[schemars(transform = &rule::MEMORY)]
    pub memory: u32,
    /// Seconds.
    #[schemars(transform = &rule::TIMEOUT)]
    pub timeout: u32,
    /// The runtime, like `nodejs22.x`.
    #[schemars(transform = &rule::RUNTIME)]
    pub runtime: String,
    /// Execution environments that are kept warm.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", default, transform = &rule::CONCURRENCY)]
    pub provisioned_concurrency: Option<u32>,
}

/// Where an environment keeps files and items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Storage {
    /// The S3 bucket.
    #[schemars(transform = &rule::BUCKET)]
    pub bucket_name: String,
    /// The `DynamoDB` table.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", default, transform = &rule::TABLE)]
    pub table_name: Option<String>,
    /// Whether a CDN stands before the bucket.
    pub cdn_enabled: bool,
    /// The bucket's default encryption, as S3 calls it: `AES256`, `aws:kms` or `aws:kms:dsse`.
    #[schemars(transform = &rule::ENCRYPTION)]
    pub encryption: String,
    /// Whether it is backed up.
    pub backup_enabled: bool,
}

/// What is watched in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Monitoring {
    /// The least level that is logged.
    #[schemars(transform = &rule::LEVEL)]
    pub log_level: String,
    /// Whether metrics are written.
    pub metrics_enabled: bool,
    /// Whether alarms notify.
    pub alerts_enabled: bool,
    /// Whether metrics come every minute.
    pub detailed_monitoring: bool,
}

/// Who gets into an environment, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Security {
    /// Whether a second factor is asked for.
    pub mfa_required: bool,
    /// Seconds.
    #[schemars(transform = &rule::SESSION)]
    pub session_timeout: u32,
    /// Requests of one client that are let through in the limiter's window.
    #[schemars(transform = &rule::RATE)]
    pub rate_limiting: u32,
    /// Whether a web application firewall stands before it.
    pub waf_enabled: bool,
}

/// Which environment this is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Environment")]
#[expect(
    dead_code,
    reason = "a schema only: `Identity` is also read where nothing is checked but the account"
)]
struct WrittenIdentity {
    /// Its name.
    #[schemars(transform = &rule::NAME)]
    name: String,
    /// The AWS region, like `us-east-1`.
    #[schemars(transform = &rule::REGION)]
    region: String,
    /// The stage, like `dev` or `prod`.
    #[schemars(transform = &rule::STAGE)]
    stage: String,
    /// The AWS account, twelve digits; events of another one are refused. Without it every account is accepted.
    #[schemars(with = "String", default, skip_serializing_if = "Option::is_none", transform = &rule::ACCOUNT)]
    account: Option<String>,
}

/// The sections that are read here.
pub(crate) const SECTIONS: [&str; 7] =
    ["environment", "database", "lambda", "storage", "monitoring", "security", "features"];
/// The flags of the document; others are allowed.
pub(crate) const FLAGS: [&str; 5] =
    ["debug_mode", "test_data", "mock_external_apis", "performance_testing", "blue_green_deployment"];

fn flags(schema: &mut Schema) {
    schema.insert("type".to_owned(), json!(["object", "null"]));
    schema.insert("propertyNames".to_owned(), rule::FLAG_NAME.schema());
    let known = FLAGS.into_iter().map(|name| (name.to_owned(), json!({ "type": "boolean" })));
    schema.insert("properties".to_owned(), Json::Object(known.collect()));
}

/// The sections as properties of the file; their types are left in the generator. What has a default does not have to
/// be written.
pub(crate) fn properties(generator: &mut SchemaGenerator) -> Map<String, Json> {
    let defaults: Json = serde_saphyr::from_str(DEFAULTS).unwrap_or_default();
    let schema = Sections::json_schema(generator);
    for (section, defaults) in defaults.as_object().into_iter().flatten() {
        let reference = schema.pointer(&format!("/properties/{section}/$ref")).and_then(Json::as_str);
        let name = reference.and_then(|reference| reference.rsplit('/').next());
        let Some(definition) = name.and_then(|name| generator.definitions_mut().get_mut(name)) else {
            continue;
        };
        for (key, value) in defaults.as_object().into_iter().flatten() {
            if let Some(setting) =
                definition.pointer_mut(&format!("/properties/{key}")).and_then(Json::as_object_mut)
            {
                setting.insert("default".to_owned(), value.clone());
            }
            if let Some(required) = definition.get_mut("required").and_then(Json::as_array_mut) {
                required.retain(|required| required != key);
            }
        }
    }
    schema.get("properties").and_then(Json::as_object).cloned().unwrap_or_default()
}
