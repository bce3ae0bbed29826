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
pub(crate) use aws_stand_in::{Asked, xml, xml_error};
use cost::{Act, Seen};
use engine::ports::Order;

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
        let body = request.body().bytes().unwrap_or_default();
        let asked = Asked::read(request.headers().get("x-amz-target"), body);
        self.asked.lock().unwrap().push(asked.clone());
        let (status, body) = (self.answers.lock().unwrap())(&asked);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
    }
}

pub(crate) fn environment() -> BTreeMap<String, String> {
    BTreeMap::from([("ace-flow:environment".to_owned(), "staging".to_owned())])
}

pub(crate) fn order(seen: &Seen, act: Act) -> Order {
    Order { seen: seen.clone(), act }
}
