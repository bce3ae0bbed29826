use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::credentials::EnvironmentCredentials;
use crate::http::OnFirstRequest;
use crate::trust::Trust;

/// Longest time to open a connection, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time of one attempt, from the request to the parsed response.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time of a call with all its attempts and waits.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts of one call, the first included.
pub const MAX_ATTEMPTS: u32 = 3;
/// Upper bound of the first wait between attempts; each following one doubles.
pub const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// Upper bound of any wait between attempts.
pub const MAX_BACKOFF: Duration = Duration::from_secs(1);

const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// The environment does not say which AWS to talk to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither `AWS_REGION` nor `AWS_DEFAULT_REGION` is set.
    #[error(
        "AWS_REGION is not set; Lambda sets it, elsewhere export AWS_REGION=<region>, for example eu-central-1"
    )]
    MissingRegion,
    /// The region has characters that no region has, and it becomes part of host names.
    #[error(
        "AWS_REGION {0:?} is not a region: use lower-case letters, digits and '-', for example eu-central-1"
    )]
    InvalidRegion(String),
    /// An endpoint is not an HTTP address.
    #[error("{variable} is not an http:// or https:// address with a host; correct it or unset it")]
    InvalidEndpoint {
        /// The variable that holds it.
        variable: String,
    },
    /// The TLS context could not be built from the embedded roots.
    #[error(
        "the embedded root certificates could not be used ({reason}); update webpki-root-certs and build again"
    )]
    Tls {
        /// What the HTTP client says.
        reason: String,
    },
}

/// The configuration for all service clients of this process, from its environment.
///
/// Build it once, build each client once from it, and clone the clients: they share one connection pool.
pub fn from_env() -> Result<SdkConfig, ConfigError> {
    // vars() panics on a variable that is not Unicode, and such a variable is none of ours.
    from_variables(
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
    )
}

/// As [`from_env`], from the variables given.
pub fn from_variables(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<SdkConfig, ConfigError> {
    let variables: BTreeMap<_, _> =
        variables.into_iter().filter(|(name, _)| name.starts_with("AWS_")).collect();
    let region = region(&variables)?;
    let endpoints = Endpoints::read(&variables)?;
    let trust = Trust::of(&region, endpoints.any_https());
    let tls = TlsContext::builder().with_trust_store(trust.store()).build();
    let tls = tls.map_err(|error| ConfigError::Tls { reason: error.to_string() })?;
    let http = HttpClientBuilder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentCredentials::read(&variables)))
        .http_client(OnFirstRequest(http))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(INITIAL_BACKOFF)
                .with_max_backoff(MAX_BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        );
    config.set_endpoint_url(endpoints.0.get(ENDPOINT).cloned());
    config.set_app_name(AppName::new("ace-flow").ok());
    Ok(config.service_config(endpoints).build())
}

fn region(variables: &BTreeMap<String, String>) -> Result<String, ConfigError> {
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| variables.get(*name).filter(|value| !value.is_empty()))
        .ok_or(ConfigError::MissingRegion)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.chars().all(plain) {
        Ok(region.clone())
    } else {
        Err(ConfigError::InvalidRegion(region.clone()))
    }
}

/// The endpoints that the environment names, by variable.
#[derive(Debug)]
struct Endpoints(BTreeMap<String, String>);

impl Endpoints {
    fn read(variables: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        if variables.get(IGNORE_ENDPOINTS).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self(BTreeMap::new()));
        }
        let mut endpoints = BTreeMap::new();
        for (variable, value) in variables {
            if !variable.starts_with(ENDPOINT) || value.is_empty() {
                continue;
            }
            if !is_http_address(value) {
                return Err(ConfigError::InvalidEndpoint { variable: variable.clone() });
            }
            endpoints.insert(variable.clone(), value.clone());
        }
        Ok(Self(endpoints))
    }

    fn any_https(&self) -> bool {
        self.0.values().any(|url| url.starts_with("https://"))
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        // The variable of a service is its id in capitals with '_' for each space (AWS SDKs and Tools Reference Guide).
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.0.get(&format!("{}_{service}", key.env())).cloned()
    }
}

fn is_http_address(url: &str) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with(['/', ':', '?', '#'])
            && rest.chars().all(|c| c.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<SdkConfig, ConfigError> {
        from_variables(variables.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())))
    }

    fn endpoint(config: &SdkConfig, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service_id)
            .env(ENDPOINT)
            .profile("endpoint_url")
            .build()
            .unwrap();
        config.service_config().unwrap().load_config(key)
    }

    #[test]
    fn a_region_is_needed_and_the_default_one_is_second() {
        assert_eq!(config(&[]).unwrap_err(), ConfigError::MissingRegion);
        assert_eq!(config(&[("AWS_REGION", "")]).unwrap_err(), ConfigError::MissingRegion);
        let both = config(&[("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "us-east-1")]).unwrap();
        assert_eq!(both.region().unwrap().as_ref(), "eu-west-1");
        let second = config(&[("AWS_DEFAULT_REGION", "us-east-1")]).unwrap();
        assert_eq!(second.region().unwrap().as_ref(), "us-east-1");
    }

    #[test]
    fn a_region_that_would_leave_the_host_name_is_refused() {
        let refused = config(&[("AWS_REGION", "x.evil/")]).unwrap_err();
        assert_eq!(refused, ConfigError::InvalidRegion("x.evil/".into()));
    }

    #[test]
    fn each_service_finds_its_own_endpoint() {
        let config = config(&[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "http://127.0.0.1:5000"),
        ])
        .unwrap();
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));
        assert_eq!(endpoint(&config, "Elastic Load Balancing v2").as_deref(), Some("http://127.0.0.1:5000"));
        assert_eq!(endpoint(&config, "DynamoDB"), None);
    }

    #[test]
    fn configured_endpoints_can_be_ignored() {
        let config = config(&[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ])
        .unwrap();
        assert_eq!(config.endpoint_url(), None);
    }

    #[test]
    fn an_endpoint_that_is_no_address_is_named_and_not_shown() {
        for url in ["127.0.0.1:4566", "ftp://host", "http://", "http:///path", "https://a b"] {
            let refused = config(&[("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL_SNS", url)]).unwrap_err();
            assert_eq!(
                refused,
                ConfigError::InvalidEndpoint { variable: "AWS_ENDPOINT_URL_SNS".into() },
                "{url}"
            );
        }
    }

    #[test]
    fn the_waits_of_all_attempts_fit_into_the_operation() {
        let waits =
            (1..MAX_ATTEMPTS).map(|n| (INITIAL_BACKOFF * 2u32.pow(n - 1)).min(MAX_BACKOFF)).sum::<Duration>();
        assert!(ATTEMPT_TIMEOUT * MAX_ATTEMPTS + waits <= OPERATION_TIMEOUT);
        let config = config(&[("AWS_REGION", "eu-west-1")]).unwrap();
        assert_eq!(config.retry_config().unwrap().max_attempts(), MAX_ATTEMPTS);
        assert_eq!(config.timeout_config().unwrap().operation_timeout(), Some(OPERATION_TIMEOUT));
        assert_eq!(config.timeout_config().unwrap().operation_attempt_timeout(), Some(ATTEMPT_TIMEOUT));
        assert_eq!(config.timeout_config().unwrap().connect_timeout(), Some(CONNECT_TIMEOUT));
    }
}
