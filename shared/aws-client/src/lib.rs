//! One slim AWS client configuration, shared by every service client of a function.
//!
//! [`from_env`] reads the process environment and answers an [`SdkConfig`]. It does no network call and opens no
//! file: the HTTP client, its TLS context and the credentials are first used by the first request.
//!
//! What it leaves out, and why:
//!
//! - Credentials come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` only, which is what
//!   Lambda sets. There is no profile, SSO or instance metadata chain to wait for; see [`MissingCredentials`].
//! - TLS is rustls with ring and [embedded roots](trust), so no trust store of the operating system is scanned.
//! - `http://` endpoints work: `AWS_ENDPOINT_URL` for all services and `AWS_ENDPOINT_URL_<SERVICE>` for one
//!   (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2`), as the AWS SDKs and Tools
//!   Reference Guide names them ("Service-specific endpoints").
//!
//! Bounds of one call, so that a function answers long before its own timeout:
//!
//! | what | bound |
//! |---|---|
//! | connect (TCP and TLS) | [`CONNECT_TIMEOUT`] |
//! | one attempt | [`ATTEMPT_TIMEOUT`] |
//! | attempts | [`MAX_ATTEMPTS`], standard retry mode, back-off [`INITIAL_BACKOFF`] to [`MAX_BACKOFF`] with jitter |
//! | the call with all attempts | [`OPERATION_TIMEOUT`] |

mod config;
mod credentials;
pub mod fault;
mod http;
#[cfg(feature = "replay")]
pub mod replay;
#[cfg(test)]
mod request_tests;
pub mod trust;

pub use aws_types::SdkConfig;
pub use config::{
    ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, ConfigError, INITIAL_BACKOFF, MAX_ATTEMPTS, MAX_BACKOFF,
    OPERATION_TIMEOUT, from_env, from_variables,
};
pub use credentials::MissingCredentials;
pub use fault::{Fault, FaultKind};
