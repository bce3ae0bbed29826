//! AWS for tests: whatever a function answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_client::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use cost::{Act, Seen};
use engine::ports::Order;
use serde_json::Value;
use url::form_urlencoded;

/// A request: the call's name, and its fields.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) call: String,
    /// Of the query protocol.
    pub(crate) fields: BTreeMap<String, String>,
    /// Of the JSON protocol.
    pub(crate) json: Value,
}

impl Asked {
    fn read(request: &HttpRequest) -> Self {
        let body = request.body().bytes().unwrap_or_default();
        if let Some(target) = request.headers().get("x-amz-target") {
            let call = target.rsplit('.').next().unwrap().to_owned();
            return Self { call, fields: BTreeMap::new(), json: serde_json::from_slice(body).unwrap() };
        }
        let mut fields: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let call = fields.remove("Action").unwrap();
        fields.remove("Version");
        Self { call, fields, json: Value::Null }
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The values of a list: `InstanceId.1`, `InstanceId.2`.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|n| self.fields.get(&format!("{name}.{n}")).map(String::as_str)).collect()
    }
}

type Answers = dyn FnMut(&Asked) -> (u16, String) + Send;

#[derive(Clone)]
pub(crate) struct Fake {
    answers: Arc<Mutex<Box<Answers>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    pub(crate) fn new(answers: impl FnMut(&Asked) -> (u16, String) + Send + 'static) -> Self {
        Self { answers: Arc::new(Mutex::new(Box::new(answers))), asked: Arc::default() }
    }

    pub(crate) fn config(&self) -> SdkConfig {
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let config =
            aws_client::from_variables(variables.map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
        let fake = self.clone();
        let client = http_client_fn(move |_, _| SharedHttpConnector::new(fake.clone()));
        config.into_builder().http_client(client).retry_config(RetryConfig::disabled()).build()
    }

    /// What was asked since this was asked last.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// The names of those calls, each with how often.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for asked in self.asked() {
            *counts.entry(asked.call).or_default() += 1;
        }
        counts
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Asked::read(&request);
        self.asked.lock().unwrap().push(asked.clone());
        let (status, body) = (self.answers.lock().unwrap())(&asked);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
    }
}

/// An error as the query protocol has it.
pub(crate) fn xml_error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r-1</RequestId></ErrorResponse>"
    )
}

/// The answer of the query protocol.
pub(crate) fn xml(call: &str, result: &str) -> String {
    format!("<{call}Response><{call}Result>{result}</{call}Result></{call}Response>")
}

pub(crate) fn environment() -> BTreeMap<String, String> {
    BTreeMap::from([("ace-flow:environment".to_owned(), "staging".to_owned())])
}

pub(crate) fn order(seen: &Seen, act: Act) -> Order {
    Order { seen: seen.clone(), act }
}
