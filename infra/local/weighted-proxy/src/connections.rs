//! The load generator's own connections: never more than requests were in flight at once, and each used again.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::{Target, lock};

/// An unused connection is given up after this, before the server does it.
const IDLE: Duration = Duration::from_secs(20);

/// Why a request got no response.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("no connection to the proxy: see that it runs")]
    Connect(#[from] std::io::Error),
    #[error("the exchange with the proxy broke off: see that it runs")]
    Http(#[from] hyper::Error),
    #[error("the request could not be written: see the target's path")]
    Request(#[from] hyper::http::Error),
}

type Sender = SendRequest<Empty<Bytes>>;

/// Connections to one target.
#[derive(Debug)]
pub(crate) struct Connections {
    target: Target,
    /// The one used last is on top: at a low rate a few connections do all the work.
    unused: Mutex<Vec<(Sender, Instant)>>,
}

impl Connections {
    pub(crate) const fn new(target: Target) -> Self {
        Self { target, unused: Mutex::new(Vec::new()) }
    }

    /// Gets the target's path, reads the whole response, and answers its status.
    pub(crate) async fn get(&self) -> Result<StatusCode, RequestError> {
        let mut sender = self.sender().await?;
        let request =
            Request::get(self.target.path()).header(HOST, self.target.authority()).body(Empty::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        lock(&self.unused).push((sender, Instant::now()));
        Ok(status)
    }

    async fn sender(&self) -> Result<Sender, RequestError> {
        while let Some(mut sender) = self.unused_one() {
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        let stream = TcpStream::connect(self.target.host_and_port()).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender, and what breaks it reaches the request on it.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn unused_one(&self) -> Option<Sender> {
        let mut unused = lock(&self.unused);
        while let Some((sender, since)) = unused.pop() {
            if since.elapsed() < IDLE {
                return Some(sender);
            }
        }
        None
    }
}
