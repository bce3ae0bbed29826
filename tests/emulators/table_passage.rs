//! alert-router's way to its table: what is called is noted, and the process that records what came of a group's messages
//! is killed before it has, where a test wants that.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::Value;

use crate::http::Http;
use crate::passage::kill;
use crate::server::{Call, listen, serve};

#[derive(Default)]
struct Log {
    /// The groups whose recorder is killed.
    strikes: Vec<String>,
    /// Those whose recorder was.
    struck: Vec<String>,
    operations: BTreeSet<String>,
    /// The partitions that were written to.
    written: BTreeSet<String>,
}

/// The way.
#[derive(Clone)]
pub struct TablePassage {
    /// Its address.
    pub url: String,
    address: SocketAddrV4,
    onward: String,
    http: Http,
    log: Arc<Mutex<Log>>,
}

impl TablePassage {
    /// Opens it, to the table's service at this address; it ends with the runtime.
    pub async fn open(onward: String) -> Self {
        let (listener, address) = listen().await;
        let url = format!("http://{address}");
        let passage = Self { url, address, onward, http: Http::new(), log: Arc::default() };
        let server = passage.clone();
        serve(listener, move |call, client| {
            let server = server.clone();
            async move { server.pass(call, client).await }
        });
        passage
    }

    /// Kills the process that next records that a channel has a message about this group, once.
    pub fn kill_recorder(&self, group: &str) {
        self.log().strikes.push(group.to_owned());
    }

    /// Whether it was killed.
    pub fn has_killed(&self, group: &str) -> bool {
        self.log().struck.iter().any(|struck| struck == group)
    }

    /// The operations that were called, and the partitions that were written to.
    pub fn called(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let log = self.log();
        (log.operations.clone(), log.written.clone())
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error closes the connection.
    async fn pass(&self, call: Call, client: SocketAddrV4) -> io::Result<Response<Full<Bytes>>> {
        if self.is_struck(call.operation(), &serde_json::from_slice(&call.body).unwrap_or_default()) {
            kill(client, self.address)?;
            return Err(io::Error::other("nobody is left to answer"));
        }
        call.pass_on(&self.http, &self.onward).await
    }

    /// Notes a call; whether whoever makes it is to be killed.
    fn is_struck(&self, operation: &str, call: &Value) -> bool {
        let mut log = self.log();
        log.operations.insert(operation.to_owned());
        let Some(partition) = call.pointer("/Item/pk/S").and_then(Value::as_str) else { return false };
        log.written.insert(partition.to_owned());
        let Some((_, group)) = partition.split_once("#GROUP#") else { return false };
        let document = call.pointer("/Item/document/S").and_then(Value::as_str).unwrap_or_default();
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let tells = |line: &Value| line["told"].as_array().is_some_and(|told| !told.is_empty());
        let is_told = document["lines"].as_object().is_some_and(|lines| lines.values().any(tells));
        let strike = log.strikes.iter().position(|strike| strike == group).filter(|_| is_told);
        if let Some(strike) = strike {
            let group = log.strikes.remove(strike);
            log.struck.push(group);
        }
        strike.is_some()
    }
}
