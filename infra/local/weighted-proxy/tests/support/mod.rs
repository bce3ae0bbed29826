//! What the tests on real sockets share.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use weighted_proxy::{Clock, Load, PerArm, Proxy, ProxyOptions, Sample, SystemClock, Target, Weights};

/// A clock that goes only when it is told to.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    pub fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(text.parse().unwrap())))
    }

    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += SignedDuration::try_from(by).unwrap();
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

pub fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http()
}

pub async fn get(client: &HttpClient, url: &str) -> Response<Bytes> {
    send(client, Request::get(url).body(Full::default()).unwrap()).await
}

pub async fn send(client: &HttpClient, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let (head, body) = client.request(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

pub fn target(url: &str) -> Target {
    url.parse().unwrap()
}

/// A proxy before a blue and a green sample.
pub struct Stage {
    pub blue: Sample,
    pub green: Sample,
    pub proxy: Proxy,
}

impl Stage {
    pub async fn new(blue_weight: u16, green_weight: u16) -> Self {
        Self::with(blue_weight, green_weight, Arc::new(SystemClock), ProxyOptions::default()).await
    }

    pub async fn with(
        blue_weight: u16,
        green_weight: u16,
        clock: Arc<dyn Clock>,
        options: ProxyOptions,
    ) -> Self {
        let blue = Sample::start("1.0.0", 0).unwrap();
        let green = Sample::start("2.0.0", 0).unwrap();
        let weights = Weights::new(blue_weight, green_weight).unwrap();
        let targets = PerArm { blue: target(&blue.url()), green: target(&green.url()) };
        let proxy = Proxy::start(ProxyOptions { weights, ..options }, targets, clock).await.unwrap();
        Self { blue, green, proxy }
    }
}

/// A target that does what `serve` does with each connection. It ends with the test's runtime.
pub async fn raw_target<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// Reads until `end` was read, and answers all of it; `None` when the connection ended before.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> Option<String> {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        got.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(got).unwrap())
}

/// A proxy that sends everything to the blue target.
pub async fn proxy_before(blue: &str, options: ProxyOptions) -> Proxy {
    let targets = PerArm { blue: target(blue), green: target("http://127.0.0.1:1") };
    Proxy::start(options, targets, Arc::new(SystemClock)).await.unwrap()
}

pub fn load_on(url: &str, per_second: u32, max_in_flight: u32) -> Load {
    let number = |n| NonZeroU32::new(n).unwrap();
    Load::start(target(url), number(per_second), number(max_in_flight))
}
