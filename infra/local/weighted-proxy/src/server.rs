//! The loop that both servers of this crate share: accept, serve, stop in one of two ways.

use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;
use std::{future, io};

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How long requests in flight may take to end once the server drains.
const DRAIN: Duration = Duration::from_secs(15);

/// How long to wait after a failed accept: it fails for want of file descriptors, which come back as requests end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A boxed error, as hyper takes it from a body.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Not yet.
    Running,
    /// Accept no more, let requests in flight end.
    Drain,
    /// Close the listener and every connection at once.
    Cut,
}

/// A listening HTTP/1.1 server. Dropping it cuts it.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<Stop>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves `listener` until it is stopped. A connection that brings no request for `idle` is closed.
    pub(crate) fn spawn<H, F, B>(listener: TcpListener, idle: Duration, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>, IpAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(Stop::Running);
        let accepting = tokio::spawn(accept(listener, idle, handler, stopped));
        Ok(Self { address, stop, accepting })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener, lets requests in flight end, and returns when all is closed.
    pub(crate) async fn drain(self) {
        self.end(Stop::Drain).await;
    }

    /// Closes the listener and all connections, and returns when that is done.
    pub(crate) async fn cut(self) {
        self.end(Stop::Cut).await;
    }

    async fn end(mut self, how: Stop) {
        self.stop.send_replace(how);
        // The task does not panic and is not aborted before this returns; there is nothing to learn from its end.
        drop((&mut self.accepting).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<H, F, B>(
    listener: TcpListener,
    idle: Duration,
    handler: H,
    mut stopped: watch::Receiver<Stop>,
) where
    H: Fn(Request<Incoming>, IpAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut connections = JoinSet::new();
    let how = loop {
        tokio::select! {
            how = stop_of(&mut stopped) => break how,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer.ip(), idle, handler.clone(), stopped.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    };
    drop(listener);
    if how == Stop::Drain {
        let all_ended = async { while connections.join_next().await.is_some() {} };
        // Those that outlast it are cut below.
        drop(tokio::time::timeout(DRAIN, all_ended).await);
    }
    connections.shutdown().await;
}

async fn serve<H, F, B>(
    stream: TcpStream,
    peer: IpAddr,
    idle: Duration,
    handler: H,
    mut stopped: watch::Receiver<Stop>,
) where
    H: Fn(Request<Incoming>, IpAddr) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<BoxError>,
{
    // Without it the connection is slower, not wrong.
    drop(stream.set_nodelay(true));
    let service = service_fn(|request| {
        let response = handler(request, peer);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let how = tokio::select! {
        // A connection ends by the peer's doing, or breaks; the exchange on it has been counted.
        _ = connection.as_mut() => return,
        how = stop_of(&mut stopped) => how,
    };
    match how {
        Stop::Cut => {}
        Stop::Running | Stop::Drain => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

/// Waits until the server is to stop, and says how.
async fn stop_of(stopped: &mut watch::Receiver<Stop>) -> Stop {
    let how = stopped.wait_for(|stop| *stop != Stop::Running).await.ok().map(|stop| *stop);
    match how {
        Some(how) => how,
        // The server was dropped: its task is being aborted.
        None => future::pending().await,
    }
}
