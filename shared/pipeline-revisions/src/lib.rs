//! What a `CodePipeline` execution built.
//!
//! The event of an execution does not say what was deployed; `GetPipelineExecution` lists the artifacts' revisions
//! ("`GetPipelineExecution`" in the `CodePipeline` API Reference): the commit for a repository, the version for an S3
//! object, the digest for an image. An execution that names none is its own version.

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_codepipeline::Client;
use engine::ports::{PortError, PortResult, Revisions};
use rollout::{InvalidName, Version};

const SERVICE: &str = "CodePipeline";

/// The revisions of pipeline executions.
#[derive(Clone, Debug)]
pub struct PipelineRevisions(Client);

impl PipelineRevisions {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Revisions for PipelineRevisions {
    /// The first artifact's revision that can name a version, else `execution-<id>`.
    async fn of(&self, pipeline: &str, execution_id: &str) -> PortResult<Version> {
        let found = self
            .0
            .get_pipeline_execution()
            .pipeline_name(pipeline)
            .pipeline_execution_id(execution_id)
            .send()
            .await
            .map_err(|error| port(&Fault::new("codepipeline:GetPipelineExecution", &error)))?;
        let revisions = found.pipeline_execution.and_then(|execution| execution.artifact_revisions);
        let named = revisions
            .unwrap_or_default()
            .into_iter()
            .find_map(|artifact| Version::try_from(artifact.revision_id?).ok());
        named.map_or_else(|| format!("execution-{execution_id}").parse().map_err(|e| unnameable(&e)), Ok)
    }
}

fn unnameable(error: &InvalidName) -> PortError {
    PortError::Permanent {
        service: SERVICE,
        detail: format!("the execution cannot name a version: {error}"),
        remedy: "send the event as it was delivered".to_owned(),
    }
}

fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;

    use super::*;

    async fn of(status: u16, answer: &str) -> (PortResult<Version>, Replay) {
        let replay = Replay::new([(status, answer)]);
        let version = PipelineRevisions::new(&replay.config().unwrap()).of("shop-prod", "e-1").await;
        (version, replay)
    }

    async fn version(answer: &str) -> String {
        of(200, answer).await.0.unwrap().to_string()
    }

    #[tokio::test]
    async fn the_first_artifact_names_the_version() {
        let (version, replay) = of(
            200,
            r#"{"pipelineExecution": {"status": "Succeeded", "artifactRevisions": [
                {"name": "source", "revisionId": "7f3e1c0"}, {"name": "config", "revisionId": "9a"}]}}"#,
        )
        .await;
        assert_eq!(version.unwrap().as_str(), "7f3e1c0");
        let sent = &replay.sent()[0];
        assert_eq!(sent.target.as_deref(), Some("CodePipeline_20150709.GetPipelineExecution"));
        assert!(sent.body.contains(r#""pipelineName":"shop-prod""#), "{}", sent.body);
        assert!(sent.body.contains(r#""pipelineExecutionId":"e-1""#), "{}", sent.body);
    }

    #[tokio::test]
    async fn without_a_revision_that_can_be_a_version_the_execution_is_one() {
        assert_eq!(version(r#"{"pipelineExecution": {"artifactRevisions": []}}"#).await, "execution-e-1");
        assert_eq!(version(r#"{"pipelineExecution": {}}"#).await, "execution-e-1");
        let unusable =
            r#"{"pipelineExecution": {"artifactRevisions": [{"name": "s"}, {"revisionId": "a b"}]}}"#;
        assert_eq!(version(unusable).await, "execution-e-1");
    }

    #[tokio::test]
    async fn an_unknown_execution_is_permanent_and_throttling_is_not() {
        let unknown = r#"{"__type": "PipelineExecutionNotFoundException", "message": "no e-1"}"#;
        let refused = of(400, unknown).await.0.unwrap_err();
        assert!(matches!(refused, PortError::Permanent { .. }), "{refused}");
        assert!(refused.to_string().contains("codepipeline:GetPipelineExecution"), "{refused}");
        let throttled = of(400, r#"{"__type": "ThrottlingException"}"#).await.0.unwrap_err();
        assert!(matches!(throttled, PortError::Transient { .. }), "{throttled}");
    }
}
