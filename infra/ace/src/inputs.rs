//! The files a run reads.

use std::path::{Path, PathBuf};

use contract::{StartDeploy, Trigger};
use environments::Environment;
use environments::tree::{Chosen, Mistake, Resolved, Sources, Strictness};
use jiff::Timestamp;
use rollout::{EnvironmentName, ServiceName};
use serde_json::{Value, json};

use crate::error::AceError;
use crate::{checked, folders, mistakes};

pub(crate) fn text(path: &Path, help: &str) -> Result<String, AceError> {
    std::fs::read_to_string(path).map_err(|source| AceError::Unreadable {
        path: path.display().to_string(),
        help: help.to_owned(),
        source,
    })
}

/// An environment's configuration, and where it was read.
pub(crate) struct Configured {
    /// The file or folder, as messages name it.
    pub(crate) path: String,
    pub(crate) resolved: Resolved,
    /// What may be wrong with it all the same.
    pub(crate) warnings: Vec<Mistake>,
}

impl Configured {
    /// Its services and how they are rolled out.
    pub(crate) const fn rollouts(&self) -> &Environment {
        &self.resolved.rollouts
    }
}

/// The configuration of an environment: its layers in `.ace-flow/environments`, checked among the other environments;
/// or the file that was named, which then is all there is. When it is refused, every mistake is told on standard error,
/// as `ace validate` tells it.
pub(crate) fn configuration(
    environment: &EnvironmentName,
    named: Option<&PathBuf>,
) -> Result<Configured, AceError> {
    let (path, asked, others) = if let Some(path) = named {
        let sources = Sources::new(environment.to_string(), folders::file(path)?);
        let sources = folders::with_project(sources, Path::new(folders::ENVIRONMENTS))?;
        (path.clone(), sources, Vec::new())
    } else {
        let root = Path::new(folders::ENVIRONMENTS);
        let (asked, others) = folders::one(root, environment.as_str())?;
        (root.join(environment.as_str()), asked, others)
    };
    match checked::among(&asked, &others, Strictness::Lenient) {
        Ok(Chosen { environment, warnings }) => {
            Ok(Configured { path: path.display().to_string(), resolved: environment, warnings })
        }
        Err(refused) => {
            mistakes::warn(&refused.mistakes);
            Err(AceError::Invalid { errors: mistakes::errors(&refused.mistakes) })
        }
    }
}

pub(crate) fn event(path: &Path) -> Result<Value, AceError> {
    let text = text(path, "name an event file; samples are in events/")?;
    serde_json::from_str(&text).map_err(|source| {
        let offset = miette::SourceOffset::from_location(&text, source.line(), source.column());
        let name = path.display().to_string();
        AceError::Json {
            path: name.clone(),
            source,
            place: miette::SourceSpan::new(offset, 0),
            text: miette::NamedSource::new(name, text),
        }
    })
}

/// The event as if it had just happened: the present time, and an execution of its own.
pub(crate) fn restamp(mut event: Value, fresh: &str, now: Timestamp) -> Value {
    if let Some(fields) = event.as_object_mut() {
        fields.insert("time".to_owned(), json!(now.to_string()));
        fields.insert("id".to_owned(), json!(fresh));
    }
    if let Some(id) = event.pointer_mut("/detail/execution-id") {
        *id = json!(fresh);
    }
    event
}

/// Shaped like the UUID of a pipeline execution, and another one at every nanosecond.
pub(crate) fn fresh_id(now: Timestamp) -> String {
    // An odd multiplier loses nothing and spreads the low digits, which change fastest, over all.
    const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let spread = now.as_nanosecond().unsigned_abs().wrapping_mul(SPREAD);
    let digits = format!("{:032x}", spread.rotate_left(64));
    let groups = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts: Vec<&str> = groups.iter().filter_map(|(from, to)| digits.get(*from..*to)).collect();
    parts.join("-")
}

/// What an event is about.
pub(crate) struct Subject {
    pub(crate) service: ServiceName,
    /// Whether a rollout can come of it.
    pub(crate) starts: bool,
}

/// What the event is about, before anything is started: an event that no rollout could come of is refused here, with
/// the same words that start-deploy has for it.
pub(crate) fn subject(event: &Value, path: &Path, configuration: &Configured) -> Result<Subject, AceError> {
    let request = json!({ "event": event, "execution_arn": "arn:local" });
    let name = || path.display().to_string();
    let unknown = |source| AceError::Unknown { path: configuration.path.clone(), source };
    let configuration = configuration.rollouts();
    let request: StartDeploy = serde_json::from_value(request)
        .map_err(|error| AceError::Event { path: name(), reason: error.to_string() })?;
    match request.trigger {
        Trigger::Pipeline { pipeline, state, .. } => {
            let service = configuration.service_of_pipeline(&pipeline).cloned().map_err(unknown)?;
            Ok(Subject { service, starts: state == "SUCCEEDED" })
        }
        Trigger::Requested { service, .. } => Ok(Subject { service, starts: true }),
        // Whatever it is about, it starts nothing; any service will do to show so.
        Trigger::Other { .. } => {
            let reason = || "the configuration has no service".to_owned();
            let service = configuration.services().keys().next().cloned();
            let service = service.ok_or_else(|| AceError::Event { path: name(), reason: reason() })?;
            Ok(Subject { service, starts: false })
        }
    }
}

/// A function's error as Step Functions carries it: JSON text with the message inside.
pub(crate) fn message(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed.as_ref().and_then(|error| error.get("errorMessage")).and_then(Value::as_str);
    message.unwrap_or(cause).to_owned()
}
