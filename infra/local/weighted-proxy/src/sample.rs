use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpSocket;

use crate::low_discrepancy::EvenlySpread;
use crate::server::Server;
use crate::{Fault, Percent, lock};

/// Longer than the proxy keeps an unused connection, so that it is never the target that closes one first.
const IDLE: Duration = Duration::from_secs(75);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Why a [`Sample`] does not listen.
#[derive(Debug, Error)]
pub enum SampleError {
    /// The port could not be listened on.
    #[error(
        "sample service {version} cannot listen on {address}: end what uses that port, or let it take another one"
    )]
    Listen {
        /// Which version.
        version: String,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// The bundled sample service: a real HTTP/1.1 server on 127.0.0.1 with faults that are switched while it runs.
///
/// - `GET /health`: 200 `{"status":"healthy","version":…}`, or what [`Fault::Unhealthy`] says;
/// - `POST /echo`: the request's body, streamed back;
/// - anything else: 200 and a small JSON object with `version` and `path`.
///
/// All but `/health` take 1 to 3 ms, by a fixed sequence. Dropping it is like [`Sample::stop`], without waiting.
#[derive(Debug)]
pub struct Sample {
    shared: Arc<Shared>,
    address: SocketAddr,
    socket: tokio::sync::Mutex<Socket>,
}

impl Sample {
    /// Listens on `port` of 127.0.0.1 (0: any free one) as `version`, healthy. Must be called within a tokio runtime.
    pub fn start(version: impl Into<String>, port: u16) -> Result<Self, SampleError> {
        let shared = Arc::new(Shared {
            version: version.into(),
            behaviour: Mutex::new(Behaviour {
                fault: Fault::None,
                errors: EvenlySpread::new(0, 1),
                served: 0,
            }),
        });
        let server = listen(&shared, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), None)?;
        let address = server.address();
        Ok(Self { shared, address, socket: tokio::sync::Mutex::new(Socket::Up(server)) })
    }

    /// The address that it listens on, the same after a crash.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The version that it says it is.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// The fault in force.
    pub fn fault(&self) -> Fault {
        lock(&self.shared.behaviour).fault
    }

    /// How many requests it has begun to serve, `/health` not among them.
    pub fn served(&self) -> u64 {
        lock(&self.shared.behaviour).served
    }

    /// Switches the fault; it is in force when this returns. Setting the fault that is in force changes nothing.
    ///
    /// [`Fault::Crash`] closes the listener and cuts all connections; any other fault after it listens on the same
    /// port again, and is refused only when the port was lost meanwhile.
    pub async fn set_fault(&self, fault: Fault) -> Result<(), SampleError> {
        let mut socket = self.socket.lock().await;
        let before = std::mem::replace(&mut *socket, Socket::Down(None));
        match (fault, before) {
            (Fault::Crash, Socket::Up(server)) => {
                server.cut().await;
                // Bound but not listening: connections are refused, and the system gives the port to nobody who
                // asks for any free one.
                *socket = Socket::Down(hold(self.address).ok());
            }
            (_, Socket::Down(held)) if fault != Fault::Crash => {
                *socket = Socket::Up(listen(&self.shared, self.address, held)?);
            }
            (_, unchanged) => *socket = unchanged,
        }
        lock(&self.shared.behaviour).set(fault);
        Ok(())
    }

    /// Ends any fault; after a crash it listens on the same port again.
    pub async fn recover(&self) -> Result<(), SampleError> {
        self.set_fault(Fault::None).await
    }

    /// Closes the listener and all connections, and gives the port up.
    pub async fn stop(self) {
        if let Socket::Up(server) = self.socket.into_inner() {
            server.cut().await;
        }
    }
}

#[derive(Debug)]
enum Socket {
    Up(Server),
    /// Crashed, with the port held where that was possible.
    Down(Option<TcpSocket>),
}

/// A socket that is bound to `address` and does not listen.
fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(shared: &Arc<Shared>, address: SocketAddr, held: Option<TcpSocket>) -> Result<Server, SampleError> {
    let handling = Arc::clone(shared);
    held.map_or_else(|| hold(address), Ok)
        .and_then(|socket| socket.listen(BACKLOG))
        .and_then(|listener| {
            Server::spawn(listener, IDLE, move |request, _| handle(Arc::clone(&handling), request))
        })
        .map_err(|source| SampleError::Listen { version: shared.version.clone(), address, source })
}

#[derive(Debug)]
struct Shared {
    version: String,
    behaviour: Mutex<Behaviour>,
}

#[derive(Debug)]
struct Behaviour {
    fault: Fault,
    errors: EvenlySpread,
    served: u64,
}

impl Behaviour {
    fn set(&mut self, fault: Fault) {
        if self.fault == fault {
            return;
        }
        self.fault = fault;
        let millionths = match fault {
            Fault::Errors { rate } => rate.millionths(),
            Fault::None | Fault::Latency { .. } | Fault::Unhealthy | Fault::Crash => 0,
        };
        self.errors = EvenlySpread::new(millionths, Percent::WHOLE);
    }

    /// How long the next request takes, and whether it fails.
    fn next(&mut self) -> (Duration, bool) {
        let jitter = jitter(self.served);
        self.served += 1;
        let added = match self.fault {
            Fault::Latency { added_ms } => Duration::from_millis(u64::from(added_ms)),
            Fault::None | Fault::Errors { .. } | Fault::Unhealthy | Fault::Crash => Duration::ZERO,
        };
        (jitter + added, self.errors.next())
    }
}

/// 1 to 3 ms for the `n`-th request: a Weyl sequence with the golden ratio, even over any stretch.
const fn jitter(n: u64) -> Duration {
    let fraction = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Duration::from_micros(1000 + fraction % 2001)
}

type Reply = Response<Either<Full<Bytes>, Incoming>>;

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    if path == "/health" {
        return match lock(&shared.behaviour).fault {
            Fault::Unhealthy => json_reply(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({ "status": "unhealthy", "version": shared.version }),
            ),
            Fault::None | Fault::Errors { .. } | Fault::Latency { .. } | Fault::Crash => {
                json_reply(StatusCode::OK, &json!({ "status": "healthy", "version": shared.version }))
            }
        };
    }
    let (takes, fails) = lock(&shared.behaviour).next();
    tokio::time::sleep(takes).await;
    if fails {
        let told =
            json!({ "version": shared.version, "path": path, "error": "the fault that was switched on" });
        return json_reply(StatusCode::INTERNAL_SERVER_ERROR, &told);
    }
    if path == "/echo" && request.method() == Method::POST {
        return Response::new(Either::Right(request.into_body()));
    }
    json_reply(StatusCode::OK, &json!({ "version": shared.version, "path": path }))
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(Bytes::from(body.to_string()))));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_one_to_three_milliseconds_and_the_same_each_time() {
        let all: Vec<u128> = (0..1000).map(|n| jitter(n).as_micros()).collect();
        assert!(all.iter().all(|micros| (1000..=3000).contains(micros)));
        let mean = all.iter().sum::<u128>() / 1000;
        assert!((1900..=2100).contains(&mean), "{mean}");
        assert_eq!(jitter(0), Duration::from_millis(1));
    }
}
