//! One HTTP client for whatever is not AWS: probes, and the channels of alerts.
//!
//! TLS is rustls with ring. The public authorities are embedded (crate `webpki-roots`, Mozilla's list): their rotation
//! is `cargo update -p webpki-roots` and a deployment. Redirects are not followed, as what they lead to is not what was
//! meant. Every request and its answer have the bounds of [`Limits`], and what goes wrong is told without the address,
//! which can carry credentials.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::{ClientConfig, RootCertStore};

pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Method, RequestBuilder, StatusCode, Url};

/// What a request may take at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To open a connection, TLS included.
    pub connect: Duration,
    /// From the connection to the end of the answer.
    pub whole: Duration,
    /// The longest answer that is read, in bytes.
    pub body: usize,
    /// Whether a connection is kept for the next request.
    pub keep_alive: bool,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetUpError {
    /// The TLS library offers no protocol version.
    #[error("no TLS protocol version can be used; build with rustls's feature tls12 and its ring provider")]
    Tls(#[source] rustls::Error),
    /// The HTTP client refused its settings.
    #[error("the HTTP client could not be built; report this as a defect of ACE-Flow")]
    Client(#[source] reqwest::Error),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty where it was not read.
    pub body: Vec<u8>,
}

/// Why there is no answer. Without the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The request cannot be sent as it is: its address or a header is none.
    #[error("the request cannot be sent: {0}")]
    NoRequest(String),
    /// No connection came about: nothing was sent.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The time was up. The request may have arrived.
    #[error("it does not answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// The connection broke, or what came is not HTTP. The request may have arrived.
    #[error("no answer: {0}")]
    Broken(String),
    /// The answer is longer than what is read, in bytes. The request has arrived.
    #[error("it answers more than {} KiB", .0 / 1024)]
    TooLong(usize),
}

/// Sends requests within its limits. Clones share their connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    limits: Limits,
}

impl HttpClient {
    /// A client with these limits. Makes no request.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn new(limits: Limits) -> Result<Self, SetUpError> {
        // Chosen here and not as the process's default: that can be set once only, and others may need another.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(SetUpError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .user_agent("ace-flow")
            .connect_timeout(limits.connect);
        if !limits.keep_alive {
            client = client.pool_max_idle_per_host(0);
        }
        Ok(Self { client: client.build().map_err(SetUpError::Client)?, limits })
    }

    /// A request to an address. What is wrong with the address is told by [`ask`](Self::ask).
    pub fn request(&self, method: Method, address: &str) -> RequestBuilder {
        self.client.request(method, address)
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// [`NoAnswer`]; an answer that says no is an answer.
    pub async fn ask(&self, request: RequestBuilder) -> Result<Answer, NoAnswer> {
        let (mut answer, mut rest) = self.send(request).await?;
        while let Some(chunk) = rest.chunk().await.map_err(|error| no_answer(error, self.limits))? {
            if answer.body.len() + chunk.len() > self.limits.body {
                return Err(NoAnswer::TooLong(self.limits.body));
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// As [`ask`](Self::ask), where only the status is of use: the body is not read, however long or broken it is.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask_status(&self, request: RequestBuilder) -> Result<Answer, NoAnswer> {
        self.send(request).await.map(|(answer, _)| answer)
    }

    async fn send(&self, request: RequestBuilder) -> Result<(Answer, Response), NoAnswer> {
        let sent = request.timeout(self.limits.whole).send().await;
        let mut response = sent.map_err(|error| no_answer(error, self.limits))?;
        let headers = std::mem::take(response.headers_mut());
        Ok((Answer { status: response.status().as_u16(), headers, body: Vec::new() }, response))
    }
}

fn no_answer(error: reqwest::Error, limits: Limits) -> NoAnswer {
    if error.is_timeout() && error.is_connect() {
        return NoAnswer::NoConnection(format!("none within {} s", limits.connect.as_secs_f32()));
    }
    if error.is_timeout() {
        return NoAnswer::Late(limits.whole);
    }
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if error.is_builder() {
        NoAnswer::NoRequest(cause)
    } else if error.is_connect() {
        NoAnswer::NoConnection(cause)
    } else {
        NoAnswer::Broken(cause)
    }
}

#[cfg(test)]
mod tests;
