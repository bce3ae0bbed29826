use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::counts::Counters;
use crate::exchange::{Answer, Exchange, Ledger, Relay};
use crate::headers::{add_forwarded, remove_hop_by_hop};
use crate::server::Server;
use crate::upload::{StoodStill, Upload};
use crate::weights::Chooser;
use crate::{Arm, ArmCounts, Clock, MinuteCounts, PerArm, SEVEN_DAYS_OF_MINUTES, Target, Weights, lock};

/// The response header that tells which arm served: `blue` or `green`.
pub const ARM_HEADER: &str = "x-ace-arm";

/// A client's connection without a request is closed after this, as an Application Load Balancer's is by default.
const CLIENT_IDLE: Duration = Duration::from_mins(1);

/// A pooled connection to a target is used no longer after this without a request; shorter than the idle time of
/// any usual server, so that the proxy does not send into a connection that the target is closing.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// What a [`Proxy`] is started with.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// The port on 127.0.0.1; 0 (the default) takes a free one.
    pub port: u16,
    /// The weights at the start; the default is all blue.
    pub weights: Weights,
    /// A request whose latency is over this is slow; 500 ms by default.
    pub objective: Duration,
    /// How long a connection to a target may take; 2 s by default. Over it the client gets 504.
    pub connect_timeout: Duration,
    /// How long a target may send nothing while it is its turn; 10 s by default. Over it the client gets 504, or,
    /// in the middle of a response body, a connection that breaks off.
    pub response_timeout: Duration,
    /// How many minutes with requests are kept; the newest ones are.
    pub minutes_kept: NonZeroUsize,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self {
            port: 0,
            weights: Weights::ALL_BLUE,
            objective: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(10),
            minutes_kept: SEVEN_DAYS_OF_MINUTES,
        }
    }
}

/// Why a [`Proxy`] could not start.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The port could not be listened on.
    #[error("proxy cannot listen on 127.0.0.1:{port}: choose another port, or 0 for any free one")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

/// An HTTP/1.1 reverse proxy that forwards each request to one of two targets by weight, in the place of an
/// Application Load Balancer.
///
/// New weights and targets hold for every request that arrives after they were set; requests that an arm already
/// serves are drained, not cut. A target that refuses or breaks the connection gives 502, one that is silent 504.
/// Dropping it cuts everything; [`Proxy::stop`] lets requests in flight end.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    server: Server,
}

impl Proxy {
    /// Listens on 127.0.0.1 and forwards to `targets`. Must be called within a tokio runtime.
    pub async fn start(
        options: ProxyOptions,
        targets: PerArm<Target>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ProxyError> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(options.connect_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        let shared = Arc::new(Shared {
            routing: Mutex::new(Routing { chooser: Chooser::new(options.weights), targets }),
            counting: Mutex::new(Counting {
                counters: Counters::new(options.minutes_kept),
                objective: options.objective,
            }),
            clock,
            client,
            response_timeout: options.response_timeout,
        });
        let listen = |source| ProxyError::Listen { port: options.port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(listen)?;
        let handling = Arc::clone(&shared);
        let server = Server::spawn(listener, CLIENT_IDLE, move |request, peer| {
            handle(Arc::clone(&handling), request, peer)
        })
        .map_err(listen)?;
        Ok(Self { shared, server })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The weights in force.
    pub fn weights(&self) -> Weights {
        lock(&self.shared.routing).chooser.weights()
    }

    /// Sets the weights for every request that arrives from now on.
    pub fn set_weights(&self, weights: Weights) {
        lock(&self.shared.routing).chooser.set(weights);
    }

    /// The target of `arm`.
    pub fn target(&self, arm: Arm) -> Target {
        lock(&self.shared.routing).targets.get(arm).clone()
    }

    /// Sets the target of `arm` for every request that arrives from now on.
    pub fn set_target(&self, arm: Arm, target: Target) {
        *lock(&self.shared.routing).targets.get_mut(arm) = target;
    }

    /// Sets the latency objective (real time) for every request that ends from now on.
    pub fn set_objective(&self, objective: Duration) {
        lock(&self.shared.counting).objective = objective;
    }

    /// The counts of the minutes that began at or after `first` and before `end`, oldest first.
    ///
    /// A request is in the minute of the caller's clock in which its response ended. A minute in which neither arm
    /// ended a request is left out, as CloudWatch publishes nothing without requests.
    pub fn minutes(&self, first: Timestamp, end: Timestamp) -> Vec<MinuteCounts> {
        lock(&self.shared.counting).counters.minutes(first, end)
    }

    /// The counts of each arm since the start, also of minutes that are no longer kept.
    pub fn totals(&self) -> PerArm<ArmCounts> {
        lock(&self.shared.counting).counters.totals()
    }

    /// Accepts no more, lets requests in flight end (at most 15 s), and answers the final totals.
    pub async fn stop(self) -> PerArm<ArmCounts> {
        let Self { shared, server } = self;
        server.drain().await;
        lock(&shared.counting).counters.totals()
    }
}

#[derive(Debug)]
struct Routing {
    chooser: Chooser,
    targets: PerArm<Target>,
}

#[derive(Debug)]
struct Counting {
    counters: Counters,
    objective: Duration,
}

struct Shared {
    routing: Mutex<Routing>,
    counting: Mutex<Counting>,
    clock: Arc<dyn Clock>,
    client: Client<HttpConnector, Upload>,
    response_timeout: Duration,
}

impl Shared {
    fn route(&self) -> (Arm, Target) {
        let mut routing = lock(&self.routing);
        let arm = routing.chooser.choose();
        (arm, routing.targets.get(arm).clone())
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("routing", &self.routing)
            .field("counting", &self.counting)
            .finish_non_exhaustive()
    }
}

impl Ledger for Shared {
    fn ended(&self, arm: Arm, answer: Option<Answer>) {
        let now = self.clock.now();
        let mut counting = lock(&self.counting);
        let ending = Answer::ending(answer, counting.objective);
        counting.counters.record(now, arm, ending);
    }
}

type Reply = Response<Either<Relay, Full<Bytes>>>;

async fn handle(shared: Arc<Shared>, request: Request<Incoming>, peer: IpAddr) -> Reply {
    // A tunnel (CONNECT) and `OPTIONS *` name no resource of a target.
    let Some(path) = request.uri().path_and_query().filter(|path| path.as_str().starts_with('/')).cloned()
    else {
        return own_reply(StatusCode::BAD_REQUEST, "ask for a path of the service, as in GET /");
    };
    let (arm, target) = shared.route();
    let exchange = Exchange::begin(Arc::<Shared>::clone(&shared), arm);
    let mut reply = forward(&shared, request, &path, &target, exchange, peer).await;
    reply.headers_mut().insert(HeaderName::from_static(ARM_HEADER), HeaderValue::from_static(arm.as_str()));
    reply
}

async fn forward(
    shared: &Shared,
    request: Request<Incoming>,
    path: &PathAndQuery,
    target: &Target,
    mut exchange: Exchange,
    peer: IpAddr,
) -> Reply {
    let Ok(uri) = target.resolve(path) else {
        return own_reply(StatusCode::URI_TOO_LONG, "the path is too long behind the target's base path");
    };
    let (mut head, body) = request.into_parts();
    head.uri = uri;
    head.version = Version::HTTP_11;
    head.extensions.clear();
    remove_hop_by_hop(&mut head.headers);
    add_forwarded(&mut head.headers, peer);
    let (upload, progress) = Upload::new(body);

    let sent = shared.client.request(Request::from_parts(head, upload));
    let (status, why) = match progress.wait(sent, shared.response_timeout).await {
        Ok(Ok(response)) => {
            exchange.answered(response.status().is_server_error());
            let (mut head, body) = response.into_parts();
            remove_hop_by_hop(&mut head.headers);
            return Response::from_parts(
                head,
                Either::Left(Relay::new(body, exchange, shared.response_timeout)),
            );
        }
        Ok(Err(_)) if progress.client_failed() => {
            return own_reply(StatusCode::BAD_REQUEST, "the request body broke off");
        }
        Err(StoodStill::Client) => {
            return own_reply(StatusCode::REQUEST_TIMEOUT, "the rest of the request body did not come");
        }
        Ok(Err(error)) if error.is_connect() && timed_out(&error) => {
            (StatusCode::GATEWAY_TIMEOUT, "the target did not accept a connection in time")
        }
        Ok(Err(error)) if error.is_connect() => {
            (StatusCode::BAD_GATEWAY, "the target refused the connection")
        }
        Ok(Err(_)) => (StatusCode::BAD_GATEWAY, "the target broke the connection before it answered"),
        Err(StoodStill::Target) => (StatusCode::GATEWAY_TIMEOUT, "the target did not answer in time"),
    };
    exchange.answered(true);
    own_reply(status, why)
}

/// A reply that is not a target's.
fn own_reply(status: StatusCode, why: &'static str) -> Reply {
    let mut reply = Response::new(Either::Right(Full::new(Bytes::from_static(why.as_bytes()))));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}

/// Whether the connection was given up for want of an answer, which hyper tells only in the chain of causes.
fn timed_out(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}
