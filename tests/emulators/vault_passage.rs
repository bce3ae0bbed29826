//! A way to Secrets Manager that counts the calls, and can be closed.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;

use crate::http::Http;
use crate::server::{Call, listen, serve};

/// The way.
#[derive(Clone)]
pub struct VaultPassage {
    /// Its address.
    pub url: String,
    onward: String,
    http: Http,
    calls: Arc<Mutex<BTreeMap<String, usize>>>,
    closed: Arc<AtomicBool>,
}

impl VaultPassage {
    /// Opens it, to Secrets Manager at this address; it ends with the runtime.
    pub async fn open(onward: String) -> Self {
        let (listener, address) = listen().await;
        let url = format!("http://{address}");
        let passage = Self { url, onward, http: Http::new(), calls: Arc::default(), closed: Arc::default() };
        let server = passage.clone();
        serve(listener, move |call, _| {
            let server = server.clone();
            async move { server.pass(call).await }
        });
        passage
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(operation).copied().unwrap_or(0)
    }

    fn count(&self, operation: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(operation.to_owned()).or_default() += 1;
    }

    /// Whether calls come through.
    pub fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::SeqCst);
    }

    /// An error closes the connection.
    async fn pass(&self, call: Call) -> io::Result<Response<Full<Bytes>>> {
        self.count(call.operation());
        if self.closed.load(Ordering::SeqCst) {
            return Err(io::Error::other("closed"));
        }
        call.pass_on(&self.http, &self.onward).await
    }
}
