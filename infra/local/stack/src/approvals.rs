//! The page of the function approve, on this machine: an HTTP server in the place of its function URL.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use approval_link::{Approver, Key, Keyring};
use async_trait::async_trait;
use bytes::Bytes;
use contract::{Approve, ApproveReply, Failure, Function, LinkReply, LinkWanted, MAX_BODY};
use engine::ports::{ApprovalKeys, PortResult};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rollout::{Phase, Rollout};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::functions::Ports;

/// How long a connection may take to send the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A key that this process makes when it starts and forgets when it ends: links of another one are of no use.
pub(crate) struct LocalKey(Keyring);

impl LocalKey {
    /// One at random.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; Key::MIN_BYTES];
        getrandom::fill(&mut bytes)?;
        let key = Key::new(bytes).map_err(|_| getrandom::Error::UNEXPECTED)?;
        Ok(Self(Keyring::new(key, None)))
    }
}

#[async_trait]
impl ApprovalKeys for LocalKey {
    async fn keys(&self) -> PortResult<Keyring> {
        Ok(self.0.clone())
    }

    async fn newer(&self) -> PortResult<Option<Keyring>> {
        Ok(None)
    }
}

/// The page, served on 127.0.0.1 until it is dropped.
pub struct ApprovalPage {
    ports: Arc<Ports>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl ApprovalPage {
    /// Serves the page on a free port.
    ///
    /// # Errors
    /// The operating system's, where no port can be had.
    pub async fn start(ports: Arc<Ports>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&ports)));
        Ok(Self { ports, address, accepting })
    }

    /// Where it is: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address at which `approver` can approve the step that a rollout waits for: a secret. `None` where it waits for
    /// none, or `approver` may not approve it.
    ///
    /// # Errors
    /// The function's.
    pub async fn link(&self, rollout: &Rollout, approver: Approver) -> Result<Option<String>, Failure> {
        let Phase::Awaiting { step, .. } = &rollout.phase else { return Ok(None) };
        let Ok(step) = step.number().try_into() else { return Ok(None) };
        let (rollout_id, epoch) = (rollout.id.clone(), rollout.epoch.0);
        let wanted = LinkWanted { rollout_id, epoch, step, approver, expires_in_seconds: None };
        Ok(match self.ask(wanted).await? {
            LinkReply::Link(made) => Some(made.at(&self.url())),
            LinkReply::Refused { .. } => None,
        })
    }

    /// Asks for a link, as `ace approve --link` does.
    ///
    /// # Errors
    /// The function's.
    pub async fn ask(&self, wanted: LinkWanted) -> Result<LinkReply, Failure> {
        match self.ports.approve().call(Approve::Link(wanted)).await? {
            ApproveReply::Link(reply) => Ok(reply),
            // Only a browser is answered so.
            ApproveReply::Http(_) => Ok(LinkReply::Refused { reason: "no link was made".to_owned() }),
        }
    }
}

impl Drop for ApprovalPage {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, ports: Arc<Ports>) {
    // Ends with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&ports)));
                }
                // For want of file descriptors, which come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, ports: Arc<Ports>) {
    let service = service_fn(move |request| {
        let ports = Arc::clone(&ports);
        async move { Ok::<_, Infallible>(answer(&ports, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A browser that goes away is no failure.
    drop(http.serve_connection(TokioIo::new(stream), service).await);
}

/// Calls the function with the event that its URL would deliver, and sends back what it answers.
async fn answer(ports: &Ports, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    // One byte more than the function takes, so that it is the function who refuses it.
    let body = match Limited::new(body, MAX_BODY + 1).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::from(vec![b' '; MAX_BODY + 1]),
    };
    let headers: Map<String, Value> = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    let path = head.uri.path();
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": { "http": { "method": head.method.as_str(), "path": path } },
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
    });
    let reply = ports.call("approve", event).await;
    reply.and_then(Result::ok).and_then(|reply| response(&reply)).unwrap_or_else(|| {
        let mut failed = Response::new(Full::default());
        *failed.status_mut() = StatusCode::BAD_GATEWAY;
        failed
    })
}

fn response(reply: &Value) -> Option<Response<Full<Bytes>>> {
    let status = u16::try_from(reply.get("statusCode")?.as_u64()?).ok()?;
    let body = reply.get("body")?.as_str()?.to_owned();
    let mut response = Response::builder().status(status);
    for (name, value) in reply.get("headers")?.as_object()? {
        response = response.header(name, value.as_str()?);
    }
    response.body(Full::from(body)).ok()
}
