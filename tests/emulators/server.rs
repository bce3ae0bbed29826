//! Servers of this machine that stand between the functions and AWS.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::http::Http;

/// A port of this machine, and its address.
pub async fn listen() -> (TcpListener, SocketAddrV4) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!("not IPv4") };
    (listener, address)
}

/// Answers every request there, until the runtime ends; `answer` hears where its client is, and an error closes the
/// connection.
pub fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Call, SocketAddrV4) -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    tokio::spawn(async move {
        while let Ok((stream, SocketAddr::V4(client))) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |request| {
                    let answer = answer.clone();
                    async move {
                        let call = Call::read(request).await?;
                        answer(call, client).await
                    }
                });
                // A client that goes away is no matter of ours.
                let _served = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
}

/// A call of AWS.
pub struct Call {
    parts: Parts,
    /// As it came.
    pub body: Bytes,
}

impl Call {
    async fn read(request: Request<Incoming>) -> io::Result<Self> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Self { parts, body })
    }

    /// What the JSON protocols name their operation with: `<prefix>.<Action>`.
    pub fn target(&self) -> Option<&str> {
        self.parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok())
    }

    /// The operation of a JSON protocol.
    pub fn operation(&self) -> &str {
        self.target().and_then(|target| target.split_once('.')).map_or("", |(_, name)| name)
    }

    /// The answer of the server at this address.
    pub async fn pass_on(self, http: &Http, to: &str) -> io::Result<Response<Full<Bytes>>> {
        let Self { mut parts, body } = self;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{to}{path}").parse::<Uri>().map_err(io::Error::other)?;
        let answer = http.send(Request::from_parts(parts, Full::new(body))).await;
        let answer = answer.map_err(io::Error::other)?;
        response(answer.status, answer.body)
    }
}

/// An answer.
pub fn response(status: u16, body: String) -> io::Result<Response<Full<Bytes>>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    Ok(response)
}
