//! Health checks and smoke tests over HTTP.
//!
//! What the service says counts, not only that it answers: a health check passes with status 2xx and a JSON body
//! whose `status` is `healthy`. Redirects are not followed (they would test something else), a body is read to
//! 64 KiB at most, and a request takes 5 seconds at most.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Prober;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rollout::{Method, Probe, SmokeTest};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

/// The longest that a request may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// The most of a body that is read, in bytes.
pub const MOST_BODY: usize = 64 * 1024;

/// Why there is no prober.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The TLS library offers no protocol version that this build knows.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// The HTTP client could not be built.
    #[error("cannot build the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// Probes services over HTTP and HTTPS (Mozilla's roots, embedded).
#[derive(Clone, Debug)]
pub struct HttpProber {
    client: Client,
}

#[derive(Deserialize)]
struct Health {
    status: String,
}

impl HttpProber {
    /// A prober with one connection pool. Does no network call.
    ///
    /// # Errors
    /// [`ProberError`].
    pub fn new() -> Result<Self, ProberError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("ace-flow/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    async fn health(&self, url: &str) -> Result<(), String> {
        let response = self.client.get(url).send().await.map_err(|error| reason(url, &error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("{url} answers HTTP {}", status.as_u16()));
        }
        let body = body(url, response).await?;
        let health: Health = serde_json::from_slice(&body).map_err(|_| {
            format!(
                "{url} does not answer with a JSON object that has a status, like {{\"status\":\"healthy\"}}"
            )
        })?;
        if health.status != "healthy" {
            let said: String = health.status.chars().take(40).collect();
            return Err(format!("{url} says its status is {said:?}, not \"healthy\""));
        }
        Ok(())
    }

    async fn smoke(&self, endpoint: &str, test: &SmokeTest) -> Result<(), String> {
        let url = join(endpoint, &test.path);
        let method = match test.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
        };
        let response =
            self.client.request(method, &url).send().await.map_err(|error| reason(&url, &error))?;
        let status = response.status().as_u16();
        if status != test.status {
            return Err(format!("{url} answers HTTP {status}, not {}", test.status));
        }
        if let Some(wanted) = &test.contains {
            let body = body(&url, response).await?;
            if !String::from_utf8_lossy(&body).contains(wanted.as_str()) {
                return Err(format!("the answer of {url} does not contain {wanted:?}"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Prober for HttpProber {
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe {
        if let Err(reason) = self.health(&join(endpoint, path)).await {
            return Probe::NotReady(reason);
        }
        for test in smoke_tests {
            if let Err(reason) = self.smoke(endpoint, test).await {
                return Probe::SmokeTestFailed(format!("{}: {reason}", test.name));
            }
        }
        Probe::Ready
    }
}

fn join(endpoint: &str, path: &str) -> String {
    format!("{}/{}", endpoint.trim_end_matches('/'), path.trim_start_matches('/'))
}

/// The innermost cause says it best; the URL that reqwest would repeat is left out.
fn reason(url: &str, error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("{url} did not answer within {} s", TIMEOUT.as_secs());
    }
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    format!("{url} cannot be reached: {inner}")
}

async fn body(url: &str, mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(url, &error))? {
        if body.len() + chunk.len() > MOST_BODY {
            return Err(format!(
                "{url} answers with more than {MOST_BODY} bytes: give it a health check of its own"
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
