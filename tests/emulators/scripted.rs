//! A Lambda function that answers what a test tells it to: it asks the address in `ACE_SCRIPT` for its answer.

mod http;

use std::process::ExitCode;

use async_trait::async_trait;
use contract::{ErrorName, Failure, Function};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use lambda_host::{Settings, SettingsError, all};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Http;

struct Scripted {
    script: String,
    http: Http,
}

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<Scripted, SettingsError> {
    let (script,) = all((settings.required("ACE_SCRIPT"),))?;
    Ok(Scripted { script, http: Http::new() })
}

#[async_trait]
impl Function for Scripted {
    const NAME: &'static str = "scripted";
    type Request = Value;
    type Reply = Value;

    async fn call(&self, payload: Value) -> Result<Value, Failure> {
        let unscripted = |what: String| Failure::new(ErrorName::PermanentError, what);
        let asked = Request::post(&self.script)
            .body(Full::new(Bytes::from(payload.to_string())))
            .map_err(|error| unscripted(error.to_string()))?;
        let answer = self.http.send(asked).await.map_err(unscripted)?;
        if answer.status != 200 {
            return Err(unscripted(answer.body));
        }
        let answer: Answer =
            serde_json::from_str(&answer.body).map_err(|error| unscripted(error.to_string()))?;
        match answer {
            Answer::Ok(reply) => Ok(reply),
            Answer::Err(name, message) => Err(Failure::new(name, message)),
        }
    }
}

/// What the script says.
#[derive(Deserialize)]
enum Answer {
    Ok(Value),
    Err(ErrorName, String),
}
