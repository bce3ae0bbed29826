use std::error::Error;

use async_trait::async_trait;
use aws_client::{Fault, FaultKind, SdkConfig};
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::{ParameterTier, ParameterType, Tag};
use rollout::EnvironmentName;

use crate::document::Document;
use crate::publish::{FlagsError, Shelf, Stored, Written, parameter};

/// SSM Parameter Store, standard tier. Needs `ssm:GetParameter`, `ssm:PutParameter` and `ssm:AddTagsToResource` on
/// `parameter/ace-flow/<environment>/features`; a service that reads flags needs the first.
#[derive(Clone, Debug)]
pub struct ParameterStore(Client);

impl ParameterStore {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

fn failed<E>(place: &str, action: &'static str, error: &SdkError<E, HttpResponse>) -> FlagsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let fault = Fault::new(action, error);
    FlagsError::Place {
        place: format!("parameter {place}"),
        detail: fault.detail(),
        remedy: fault.remedy().to_owned(),
        transient: fault.kind.is_transient(),
    }
}

#[async_trait]
impl Shelf for ParameterStore {
    async fn read(&self, environment: &EnvironmentName) -> Result<Option<Stored>, FlagsError> {
        let name = parameter(environment);
        let answer = match self.0.get_parameter().name(&name).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let fault = Fault::new("ssm:GetParameter", &error);
                let gone = fault.kind == FaultKind::NotFound
                    || fault.code.as_deref().is_some_and(|code| code.starts_with("ParameterNotFound"));
                return if gone { Ok(None) } else { Err(failed(&name, "ssm:GetParameter", &error)) };
            }
        };
        Ok(answer.parameter.map(|found| Stored {
            revision: u64::try_from(found.version).unwrap_or_default(),
            document: Document::from_json(found.value.as_deref().unwrap_or_default()),
        }))
    }

    async fn write(
        &self,
        environment: &EnvironmentName,
        json: &str,
        revision: u64,
    ) -> Result<Written, FlagsError> {
        let name = parameter(environment);
        // Without a tier the account's default counts, and that may be one that is charged.
        let call = self.0.put_parameter().name(&name).value(json).tier(ParameterTier::Standard);
        let call = if revision == 0 {
            let tag = Tag::builder().key("ace-flow:environment").value(environment.as_str()).build();
            let tag = tag.map_err(|error| FlagsError::Unwritable { detail: error.to_string() })?;
            call.r#type(ParameterType::String)
                .description("The feature flags of an environment, written by ace")
                .tags(tag)
        } else {
            // Tags cannot be given with this (Systems Manager API Reference, `PutParameter`).
            call.overwrite(true)
        };
        match call.send().await {
            Ok(answer) if u64::try_from(answer.version).is_ok_and(|version| version == revision + 1) => {
                Ok(Written::Next)
            }
            Ok(_) => Ok(Written::Raced),
            Err(error) if error.code() == Some("ParameterAlreadyExists") => Ok(Written::Raced),
            Err(error) => Err(failed(&name, "ssm:PutParameter", &error)),
        }
    }
}
