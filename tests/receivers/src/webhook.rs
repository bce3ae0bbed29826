use std::collections::BTreeMap;

use alert_message::signature::{IDEMPOTENCY_KEY, KEY_ID, SIGNATURE, TIMESTAMP, verify};
use alerting::Credential;
use serde::Serialize;
use serde_json::{Value, json};

use crate::exchange::{Reply, Request, Site};

/// A receiver of webhooks, as its documentation asks one to be: it believes what is signed, and does each message once.
#[derive(Debug, Default)]
pub struct Webhook {
    secrets: BTreeMap<String, Credential>,
    deliveries: Vec<Delivery>,
}

/// A message that was delivered.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// Its idempotency key.
    pub id: String,
    /// How often it came.
    pub times: usize,
    /// The body, as it came first.
    pub body: Value,
}

impl Webhook {
    /// That knows these secrets, by their ids.
    pub fn new(secrets: impl IntoIterator<Item = (String, Credential)>) -> Self {
        Self { secrets: secrets.into_iter().collect(), deliveries: Vec::new() }
    }

    /// The messages, each once, oldest first.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }
}

impl Site for Webhook {
    fn handle(&mut self, request: &Request) -> Reply {
        let header = |name: &str| request.header(&name.to_lowercase()).unwrap_or_default();
        let Some(secret) = self.secrets.get(header(KEY_ID)) else {
            return Reply::text(401, "the key is not known\n");
        };
        let body = request.body.as_bytes();
        if let Err(error) = verify(secret, header(TIMESTAMP), header(SIGNATURE), body, request.at) {
            return Reply::text(401, format!("{error}\n"));
        }
        let id = header(IDEMPOTENCY_KEY);
        if let Some(known) = self.deliveries.iter_mut().find(|delivery| delivery.id == id) {
            known.times += 1;
        } else {
            self.deliveries.push(Delivery { id: id.to_owned(), times: 1, body: request.json() });
        }
        Reply::json(200, &json!({ "received": id }))
    }

    fn state(&self) -> Value {
        json!({ "deliveries": self.deliveries })
    }

    fn forget(&mut self) {
        self.deliveries.clear();
    }
}
