//! EC2's API: signed forms in, XML out. Its SDK is not used, as it takes eight gigabytes to build; what it would add to
//! signing, retries, timeouts and the shared connections is taken from where it takes them.

use std::fmt;

use aws_client::{Fault, FaultKind, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::fault::is_scarce;

const VERSION: &str = "2016-11-15";

/// A call: its name and its fields.
#[derive(Debug)]
pub(crate) struct Call {
    action: &'static str,
    fields: Vec<(String, String)>,
}

impl Call {
    /// A call of this name (`DescribeInstances`).
    pub(crate) fn new(action: &'static str) -> Self {
        Self { action, fields: Vec::new() }
    }

    /// With another field.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// With a list: `InstanceId.1`, `InstanceId.2`.
    pub(crate) fn with_each<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().enumerate();
        values.fold(self, |call, (index, value)| call.with(format!("{name}.{}", index + 1), value))
    }

    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", self.action).append_pair("Version", VERSION);
        for (name, value) in &self.fields {
            form.append_pair(name, value);
        }
        form.finish()
    }
}

/// The errors of an answer, as EC2 writes them.
#[derive(Deserialize)]
struct Errors {
    #[serde(rename = "Errors")]
    errors: ErrorList,
}

#[derive(Deserialize)]
struct ErrorList {
    #[serde(rename = "Error")]
    error: Vec<ErrorText>,
}

#[derive(Deserialize)]
struct ErrorText {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

/// What EC2 said in place of an answer.
#[derive(Debug)]
struct Said(ErrorMetadata);

impl Said {
    fn read(body: &str) -> Self {
        let read = quick_xml::de::from_str::<Errors>(body).ok();
        let mut meta = ErrorMetadata::builder();
        if let Some(error) = read.and_then(|read| read.errors.error.into_iter().next()) {
            meta = meta.code(error.code).message(error.message);
        }
        Self(meta.build())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Said {}

impl ProvideErrorMetadata for Said {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// Machines that are not there are not there a moment later; EC2 says so with status 500.
#[derive(Debug)]
struct NotForWantOfMachines;

impl ClassifyRetry for NotForWantOfMachines {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let said = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error().and_then(|error| error.downcast_ref::<Said>()),
            _ => None,
        };
        if said.and_then(ProvideErrorMetadata::code).is_some_and(is_scarce) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "not for want of machines"
    }
}

/// Makes the calls.
#[derive(Clone, Debug)]
pub(crate) struct Query(Operation<Call, String, Said>);

impl Query {
    /// Of EC2, with the connections and credentials of this configuration. Makes no call.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let mut operation = Operation::builder()
            .service_name("EC2")
            .operation_name("Query")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint(config, &region))
            .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
            .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .retry_classifier(TransientErrorClassifier::<Said>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Said>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(NotForWantOfMachines)
            .runtime_plugin(signing(config, region));
        if let Some(http) = config.http_client() {
            operation = operation.http_client(http);
        }
        if let Some(sleep) = config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            operation = operation.time_source(time);
        }
        Self(operation.serializer(|call: Call| request(&call)).deserializer(answer).build())
    }

    /// Makes a call; `action` is what IAM calls it.
    pub(crate) async fn ask<A: DeserializeOwned>(
        &self,
        action: &'static str,
        call: Call,
    ) -> Result<A, Fault> {
        let body = self.0.invoke(call).await.map_err(|error| Fault::new(action, &error))?;
        quick_xml::de::from_str(&body).map_err(|error| Fault {
            kind: FaultKind::Unavailable,
            action,
            code: None,
            message: format!("its answer cannot be read: {error}"),
            request_id: None,
        })
    }

    /// Makes a call whose answer says nothing that is of use here.
    pub(crate) async fn tell(&self, action: &'static str, call: Call) -> Result<(), Fault> {
        self.0.invoke(call).await.map(drop).map_err(|error| Fault::new(action, &error))
    }
}

fn request(call: &Call) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(call.form()));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    request.headers_mut().insert("user-agent", "app/ace-flow");
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<String, OrchestratorError<Said>> {
    let bytes = response.body().bytes().unwrap_or_default();
    let body = String::from_utf8_lossy(bytes);
    if response.status().is_success() {
        Ok(body.into_owned())
    } else {
        Err(OrchestratorError::operation(Said::read(&body)))
    }
}

fn signing(config: &SdkConfig, region: String) -> StaticRuntimePlugin {
    let mut layer = Layer::new("signing");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_types::region::Region::new(region))),
        name: Some(SigningName::from_static("ec2")),
        ..SigV4OperationSigningConfig::default()
    });
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        // They are in memory: there is nothing to keep.
        .with_identity_cache(Some(IdentityCache::no_cache()));
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

/// The address that the environment names, or AWS's.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    let key =
        ServiceConfigKey::builder().service_id("EC2").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = config.service_config().zip(key.ok()).and_then(|(services, key)| services.load_config(key));
    let given = own.or_else(|| config.endpoint_url().map(str::to_owned));
    given.unwrap_or_else(|| format!("https://ec2.{region}.{}", suffix(region)))
}

/// What the host names of a region's partition end with, by the SDK's own list of partitions.
fn suffix(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ];
    OTHERS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("amazonaws.com", |(_, suffix)| suffix)
}

#[cfg(test)]
mod tests;
