//! Canned answers in AWS's place, for tests of what is sent and of how answers are read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;

use crate::config::from_variables;

/// A request as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// GET, POST, ...
    pub method: String,
    /// The whole address.
    pub uri: String,
    /// The operation of AWS's JSON protocols (`X-Amz-Target`), where the request has one.
    pub target: Option<String>,
    /// The body; of a binary protocol, the texts in it.
    pub body: String,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<(u16, Vec<u8>)>,
    sent: Vec<Sent>,
}

/// Answers requests in order with what it was given, and keeps them. A request beyond the last answer is an error.
#[derive(Clone, Debug)]
pub struct Replay(Arc<Mutex<State>>);

impl Replay {
    /// These answers: HTTP status and body.
    pub fn new<B: Into<Vec<u8>>>(answers: impl IntoIterator<Item = (u16, B)>) -> Self {
        let answers = answers.into_iter().map(|(status, body)| (status, body.into())).collect();
        Self(Arc::new(Mutex::new(State { answers, sent: Vec::new() })))
    }

    /// The configuration whose clients are answered so, without retries.
    ///
    /// # Errors
    /// None: its settings are fixed.
    pub fn config(&self) -> Result<SdkConfig, crate::ConfigError> {
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let config = from_variables(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))?;
        let replay = self.clone();
        let client = http_client_fn(move |_, _| SharedHttpConnector::new(replay.clone()));
        Ok(config.into_builder().http_client(client).retry_config(RetryConfig::disabled()).build())
    }

    /// What was sent, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sent.clone()
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.sent.push(Sent {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            target: request.headers().get("x-amz-target").map(str::to_owned),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
        });
        let Some((status, body)) = state.answers.pop_front() else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(
                "no answer is left to replay".into(),
            )));
        };
        HttpConnectorFuture::ready(match status.try_into() {
            Ok(status) => {
                let mut response = HttpResponse::new(status, SdkBody::from(body));
                response.headers_mut().insert("x-amzn-requestid", "r-1");
                Ok(response)
            }
            Err(_) => Err(ConnectorError::user("a status to replay is not an HTTP status".into())),
        })
    }
}
