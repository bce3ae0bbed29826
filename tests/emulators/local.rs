//! What stands beside the emulators on this machine: the services' own endpoints, CodePipeline, and the scripts of
//! scripted functions.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use contract::Failure;
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a scripted function answers, call by call.
pub type Script = VecDeque<Result<Value, Failure>>;

/// The server.
#[derive(Clone)]
pub struct Local {
    /// Its address.
    pub url: String,
    scripts: Arc<Mutex<BTreeMap<String, Script>>>,
}

impl Local {
    /// Starts it; it ends with the runtime.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let local = Self { url, scripts: Arc::default() };
        let server = local.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| answer(server.clone(), request));
                    // A client that goes away is no matter of ours.
                    let _served = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        local
    }

    /// Where a scripted function asks for its answers.
    pub fn script_url(&self) -> String {
        format!("{}/script", self.url)
    }

    /// Says what the functions of an execution answer.
    pub fn script(&self, execution: &str, script: Script) {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).insert(execution.to_owned(), script);
    }

    fn next(&self, payload: &Value) -> Value {
        let execution = payload["execution_arn"].as_str().unwrap_or_default();
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        match scripts.get_mut(execution).and_then(VecDeque::pop_front) {
            Some(Ok(reply)) => json!({ "Ok": reply }),
            Some(Err(failure)) => json!({ "Err": [failure.name, failure.message] }),
            None => json!({ "Err": ["PermanentError", "the script is at its end"] }),
        }
    }
}

async fn answer(local: Local, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let pipeline = target == Some("CodePipeline_20150709.GetPipelineExecution");
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = if path.ends_with("/health") {
        (200, json!({ "status": "healthy" }))
    } else if path == "/script" {
        (200, local.next(&body))
    } else if pipeline {
        let execution = body["pipelineExecutionId"].as_str().unwrap_or_default();
        let artifact = json!({ "name": "source", "revisionId": version_of(execution) });
        (200, json!({ "pipelineExecution": { "status": "Succeeded", "artifactRevisions": [artifact] } }))
    } else {
        (404, json!({ "path": path }))
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    Ok(response)
}

/// The commit that a pipeline's execution is said to have built.
pub fn version_of(execution_id: &str) -> String {
    format!("commit-of-{execution_id}")
}
