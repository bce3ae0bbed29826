//! The server that all three share: it reads, remembers, and answers as it is told.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::behaviour::Behaviour;
use crate::exchange::{Reply, Request, Site};
use crate::line::Line;

/// Where a receiver is told what to do.
const CONTROL: &str = "/_receiver/";
/// More than any reader takes.
const OVERSIZE: usize = 8 * 1024 * 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What a receiver knows.
struct State<S> {
    site: S,
    next: VecDeque<Behaviour>,
    always: Behaviour,
    seen: Vec<Request>,
}

impl<S: Site> State<S> {
    fn take(&mut self) -> Behaviour {
        self.next.pop_front().unwrap_or_else(|| self.always.clone())
    }

    fn coming(&self) -> &Behaviour {
        self.next.front().unwrap_or(&self.always)
    }
}

/// A receiver that listens on 127.0.0.1 until it is dropped.
pub struct Receiver<S> {
    state: Arc<Mutex<State<S>>>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl<S: Site> Receiver<S> {
    /// On a free port.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn start(site: S) -> io::Result<Self> {
        Self::on(0, site).await
    }

    /// On this port.
    ///
    /// # Errors
    /// The operating system's: the port is taken.
    pub async fn on(port: u16, site: S) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let state = State { site, next: VecDeque::new(), always: Behaviour::Well, seen: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { state, address, accepting })
    }

    /// The address of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How the next requests are answered, one each, after those that were told before.
    pub fn will(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.lock().next.extend(behaviours);
    }

    /// How all requests are answered of which nothing else was told.
    pub fn always(&self, behaviour: Behaviour) {
        self.lock().always = behaviour;
    }

    /// The requests that were read, oldest first.
    pub fn seen(&self) -> Vec<Request> {
        self.lock().seen.clone()
    }

    /// Looks at what it has, or changes it.
    pub fn site<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        look(&mut self.lock().site)
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        lock(&self.state)
    }
}

impl<S> Drop for Receiver<S> {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<S>(state: &Mutex<State<S>>) -> MutexGuard<'_, State<S>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept<S: Site>(listener: TcpListener, state: Arc<Mutex<State<S>>>) {
    // Ends with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&state)));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve<S: Site>(stream: TcpStream, state: Arc<Mutex<State<S>>>) {
    drop(stream.set_nodelay(true));
    if *lock(&state).coming() == Behaviour::ResetBefore && !is_control(&stream).await {
        lock(&state).take();
        drop(stream.set_zero_linger());
        return;
    }
    let (line, reset) = Line::new(stream);
    let service = service_fn(|request| exchange(request, &state, &reset));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(line), service);
    // It ends by the peer's doing, or as it was told to.
    drop(connection.await);
}

/// Whether a connection begins with a request to the receiver itself, without reading it.
async fn is_control(stream: &TcpStream) -> bool {
    let mut begin = [0; 64];
    let length = stream.peek(&mut begin).await.unwrap_or(0);
    let begin = String::from_utf8_lossy(begin.get(..length).unwrap_or_default()).into_owned();
    begin.split(' ').nth(1).is_some_and(|path| path.starts_with(CONTROL))
}

/// The connection ends without an answer.
fn cut(reset: &AtomicBool) -> io::Error {
    reset.store(true, Ordering::Relaxed);
    io::Error::other("reset as told")
}

async fn exchange<S: Site>(
    request: hyper::Request<Incoming>,
    state: &Mutex<State<S>>,
    reset: &AtomicBool,
) -> io::Result<hyper::Response<Body>> {
    if request.uri().path().starts_with(CONTROL) {
        let request = read(request).await?;
        return answer(control(&request, &mut lock(state)));
    }
    let behaviour = lock(state).take();
    if behaviour == Behaviour::ResetBefore {
        return Err(cut(reset));
    }
    let request = read(request).await?;
    lock(state).seen.push(request.clone());
    match behaviour {
        Behaviour::Status { status, retry_after, body } => {
            let mut reply = Reply::text(status, body);
            reply.headers.extend(retry_after.map(|after| ("retry-after", after)));
            return answer(reply);
        }
        Behaviour::NotOk { error, needed } => {
            let mut body = json!({ "ok": false, "error": error });
            if let (Some(body), Some(needed)) = (body.as_object_mut(), needed) {
                body.insert("needed".to_owned(), needed.into());
                body.insert("provided".to_owned(), "chat:write".into());
            }
            return answer(Reply::json(200, &body));
        }
        Behaviour::Well
        | Behaviour::Slow { .. }
        | Behaviour::ResetBefore
        | Behaviour::ResetAfter
        | Behaviour::HalfBody
        | Behaviour::Garbage
        | Behaviour::Oversize => {}
    }
    let reply = lock(state).site.handle(&request);
    match behaviour {
        Behaviour::Slow { milliseconds } => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            answer(reply)
        }
        Behaviour::ResetAfter => Err(cut(reset)),
        Behaviour::HalfBody => half(&reply),
        Behaviour::Garbage => answer(Reply::text(200, "<html>\u{0}\u{7}this is none of it")),
        Behaviour::Oversize => answer(Reply::text(200, "x".repeat(OVERSIZE))),
        Behaviour::Well | Behaviour::Status { .. } | Behaviour::NotOk { .. } | Behaviour::ResetBefore => {
            answer(reply)
        }
    }
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let headers = head.headers.iter();
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
        at: Timestamp::now(),
    })
}

fn answer(reply: Reply) -> io::Result<hyper::Response<Body>> {
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(reply.body)).map_err(|never| match never {}).boxed_unsync();
    response.body(body).map_err(io::Error::other)
}

/// The head and half of the body; then the connection ends.
fn half(reply: &Reply) -> io::Result<hyper::Response<Body>> {
    let half = reply.body.get(..reply.body.len() / 2).unwrap_or_default().to_vec();
    let begin = stream::once(async { Ok(Frame::data(Bytes::from(half))) });
    // What is there has to be on its way before the connection ends.
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::other("half as told"))
    });
    let body = StreamBody::new(begin.chain(end));
    hyper::Response::builder()
        .status(reply.status)
        .header("content-length", reply.body.len().max(2))
        .body(body.boxed_unsync())
        .map_err(io::Error::other)
}

/// Does what the receiver itself is told.
fn control<S: Site>(request: &Request, state: &mut State<S>) -> Reply {
    let told = request.path.trim_start_matches(CONTROL);
    let done = Reply::json(200, &json!({ "done": told }));
    match (request.method.as_str(), told) {
        ("POST", "will") => match serde_json::from_str::<Vec<Behaviour>>(&request.body) {
            Ok(behaviours) => {
                state.next.extend(behaviours);
                done
            }
            Err(error) => Reply::text(400, format!("write a list of behaviours: {error}\n")),
        },
        ("POST", "always") => match serde_json::from_str(&request.body) {
            Ok(behaviour) => {
                state.always = behaviour;
                done
            }
            Err(error) => Reply::text(400, format!("write a behaviour: {error}\n")),
        },
        ("POST", "forget") => {
            state.site.forget();
            state.seen.clear();
            state.next.clear();
            state.always = Behaviour::Well;
            done
        }
        ("GET", "seen") => Reply::json(200, &serde_json::to_value(&state.seen).unwrap_or(Value::Null)),
        ("GET", "state") => Reply::json(200, &state.site.state()),
        _ => Reply::text(404, "will, always, forget (POST), seen and state (GET) are known\n"),
    }
}
