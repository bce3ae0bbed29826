//! A way to Secrets Manager that counts the calls, and can be closed.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::http::Http;

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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let passage = Self { url, onward, http: Http::new(), calls: Arc::default(), closed: Arc::default() };
        let server = passage.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let pass = service_fn(move |request| {
                        let server = server.clone();
                        async move { server.pass(request).await }
                    });
                    let _served = http1::Builder::new().serve_connection(TokioIo::new(stream), pass).await;
                });
            }
        });
        passage
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(operation).copied().unwrap_or(0)
    }

    /// Whether calls come through.
    pub fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::SeqCst);
    }

    /// An error closes the connection.
    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, io::Error> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.split_once('.')).map_or("", |(_, name)| name);
        *self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(operation.to_owned())
            .or_default() += 1;
        if self.closed.load(Ordering::SeqCst) {
            return Err(io::Error::other("closed"));
        }
        parts.uri = format!("{}/", self.onward).parse::<Uri>().map_err(io::Error::other)?;
        let answer = self.http.send(Request::from_parts(parts, Full::new(body))).await;
        let answer = answer.map_err(io::Error::other)?;
        let mut response = Response::new(Full::new(Bytes::from(answer.body)));
        *response.status_mut() = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
        Ok(response)
    }
}
