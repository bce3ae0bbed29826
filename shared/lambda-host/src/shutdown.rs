//! Ending between two events, never in the middle of one.
//!
//! Lambda sends SIGTERM before it ends an environment only if an extension is registered ("Lambda execution
//! environment lifecycle" in the Lambda Developer Guide), so that a function registers itself as an internal extension
//! without events. An emulator that knows no extensions refuses that, which is fine: there the signal comes anyway.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request};
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Error, LambdaInvocation};
use lambda_runtime_api_client::Client;
use lambda_runtime_api_client::body::Body;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// The Runtime API is on the same machine, and the start of a function waits for this.
const REGISTER_TIMEOUT: Duration = Duration::from_millis(500);
const IDENTIFIER: &str = "lambda-extension-identifier";

/// One permit: held while an event is worked on, its answer to the Runtime API included.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<Semaphore>);

impl InFlight {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Waits for SIGTERM or SIGINT, and then until no event is worked on.
    pub(crate) async fn ended(&self) -> std::io::Result<()> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if let Ok(permit) = self.0.acquire().await {
            // Kept, so that no further event begins.
            permit.forget();
        }
        Ok(())
    }
}

impl<S> Layer<S> for InFlight {
    type Service = Tracked<S>;

    fn layer(&self, inner: S) -> Tracked<S> {
        Tracked { inner, in_flight: self.clone() }
    }
}

/// A service that holds the permit for each event.
pub(crate) struct Tracked<S> {
    inner: S,
    in_flight: InFlight,
}

impl<S> Service<LambdaInvocation> for Tracked<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
    S::Future: 'static,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, event: LambdaInvocation) -> Self::Future {
        let (semaphore, work) = (Arc::clone(&self.in_flight.0), self.inner.call(event));
        Box::pin(async move {
            let _permit = semaphore.acquire_owned().await?;
            work.await
        })
    }
}

/// Registers this process as an internal extension, so that Lambda sends SIGTERM. Needs `AWS_LAMBDA_RUNTIME_API`.
pub(crate) async fn register() {
    match tokio::time::timeout(REGISTER_TIMEOUT, try_register()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(error, "no extension was registered; SIGTERM may not be sent"),
        Err(_) => tracing::info!("registering an extension took too long; SIGTERM may not be sent"),
    }
}

async fn try_register() -> Result<(), Error> {
    let client = Client::builder().build()?;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/2020-01-01/extension/register")
        .header("lambda-extension-name", "ace-flow-graceful-shutdown")
        .body(Body::from(r#"{"events":[]}"#))?;
    let response = client.call(request).await?;
    if !response.status().is_success() {
        return Err(format!("the Runtime API answers {}", response.status()).into());
    }
    let identifier =
        response.headers().get(IDENTIFIER).cloned().ok_or("the Runtime API names no identifier")?;
    let next = Request::builder()
        .uri("/2020-01-01/extension/event/next")
        .header(IDENTIFIER, identifier)
        .body(Body::empty())?;
    // Lambda ends the init phase when every extension has asked for its next event; without events none ever comes.
    tokio::spawn(async move {
        if let Err(error) = client.call(next).await {
            tracing::info!(%error, "the extension lost the Runtime API");
        }
    });
    Ok(())
}
