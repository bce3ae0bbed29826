use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Builds its connector, roots and all, with the first request.
///
/// The SDK's own client also builds one for every service client that is made, and drops it again (its
/// `validate_base_client_config`), so that the roots of the operating system would be loaded early. Ours are
/// embedded and tested, and a function has five clients: without this, a fifth of its start goes into that.
#[derive(Debug)]
pub(crate) struct OnFirstRequest(pub(crate) SharedHttpClient);

impl HttpClient for OnFirstRequest {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_smithy_runtime_api::box_error::BoxError;
    use aws_smithy_runtime_api::client::http::HttpConnector;
    use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::config_bag::ConfigBag;

    use super::*;
    use crate::from_variables;

    #[derive(Clone, Debug, Default)]
    struct Counting {
        validated: Arc<AtomicU32>,
        connectors: Arc<AtomicU32>,
    }

    impl HttpClient for Counting {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            self.connectors.fetch_add(1, Ordering::Relaxed);
            SharedHttpConnector::new(Denying)
        }

        fn validate_base_client_config(
            &self,
            _: &RuntimeComponentsBuilder,
            _: &ConfigBag,
        ) -> Result<(), BoxError> {
            self.validated.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Denying;

    impl HttpConnector for Denying {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let denied = StatusCode::try_from(403).unwrap();
            HttpConnectorFuture::ready(Ok(HttpResponse::new(denied, SdkBody::empty())))
        }
    }

    #[tokio::test]
    async fn a_client_builds_nothing_and_its_request_does() {
        let counting = Counting::default();
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
        ];
        let config = from_variables(variables.map(|(k, v)| (k.to_owned(), v.to_owned())))
            .unwrap()
            .into_builder()
            .http_client(OnFirstRequest(SharedHttpClient::new(counting.clone())))
            .build();
        let sns = aws_sdk_sns::Client::new(&config);
        assert_eq!(counting.validated.load(Ordering::Relaxed), 0);
        assert_eq!(counting.connectors.load(Ordering::Relaxed), 0);
        sns.publish().topic_arn("arn:aws:sns:eu-west-1:1:t").message("m").send().await.unwrap_err();
        assert_eq!(counting.validated.load(Ordering::Relaxed), 0);
        assert_eq!(counting.connectors.load(Ordering::Relaxed), 1);
    }
}
