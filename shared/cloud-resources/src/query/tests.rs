use aws_client::FaultKind;
use aws_client::replay::Replay;
use serde::Deserialize;

use super::*;

const STOPPED: &str = r#"<StopInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
  <instancesSet><item><instanceId>i-1234567890abcdef0</instanceId>
    <currentState><code>64</code><name>stopping</name></currentState>
    <previousState><code>16</code><name>running</name></previousState></item></instancesSet>
</StopInstancesResponse>"#;

/// As "Error code examples for Amazon EC2 API requests" in the EC2 Developer Guide has it.
fn error(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{code}</Code>\
         <Message>{message}</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
    )
}

#[derive(Debug, Deserialize)]
struct Stopped {
    #[serde(rename = "requestId")]
    request: String,
}

fn query(answers: impl IntoIterator<Item = (u16, String)>) -> (Query, Replay) {
    let replay = Replay::new(answers);
    (Query::new(&replay.config().unwrap()), replay)
}

#[tokio::test]
async fn a_call_is_a_signed_form() {
    let (query, replay) = query([(200, STOPPED.to_owned())]);
    let call = Call::new("StopInstances").with_each("InstanceId", ["i-1", "i-2"]).with("Note", "a b&c=ä");
    let stopped: Stopped = query.ask("ec2:StopInstances", call).await.unwrap();
    assert!(stopped.request.starts_with("59dbff89"));
    let sent = &replay.sent()[0];
    assert_eq!((sent.method.as_str(), sent.uri.as_str()), ("POST", "https://ec2.eu-west-1.amazonaws.com/"));
    assert_eq!(
        sent.body,
        "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2&Note=a+b%26c%3D%C3%A4"
    );
}

#[tokio::test]
async fn what_ec2_refuses_is_told_in_its_words() {
    let said = error("InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist");
    let (query, _) = query([(400, said)]);
    let fault = query.tell("ec2:StopInstances", Call::new("StopInstances")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotFound);
    assert_eq!(
        fault.detail(),
        "ec2:StopInstances named something that does not exist: InvalidInstanceID.NotFound: The instance ID 'i-1' does \
         not exist (request r-1)"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_xml_is_a_fault() {
    let (query, _) = query([(200, "<html>".to_owned()), (502, "gateway".to_owned())]);
    let call = || Call::new("StopInstances");
    let fault = query.ask::<Stopped>("ec2:StopInstances", call()).await.unwrap_err();
    assert!(fault.message.contains("cannot be read") && fault.kind.is_transient(), "{fault}");
    let fault = query.tell("ec2:StopInstances", call()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable, "{fault}");
}

#[tokio::test]
async fn throttling_is_tried_again_and_want_of_machines_is_not() {
    let tries = async |status: u16, code: &str| {
        let replay = Replay::new((0..3).map(|_| (status, error(code, "no"))));
        let again = RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1));
        let config = replay.config().unwrap().into_builder().retry_config(again).build();
        let query = Query::new(&config);
        query.tell("ec2:StartInstances", Call::new("StartInstances")).await.unwrap_err();
        replay.sent().len()
    };
    assert_eq!(tries(503, "RequestLimitExceeded").await, 3);
    assert_eq!(tries(400, "EC2ThrottledException").await, 3);
    assert_eq!(tries(500, "InternalError").await, 3);
    assert_eq!(tries(500, "InsufficientInstanceCapacity").await, 1);
    assert_eq!(tries(400, "IncorrectInstanceState").await, 1);
}

#[test]
fn an_endpoint_is_that_of_the_environment_or_of_the_region() {
    let at = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let config = aws_client::from_variables(variables).unwrap();
        endpoint(&config, config.region().unwrap().as_ref())
    };
    assert_eq!(at(&[("AWS_REGION", "us-gov-west-1")]), "https://ec2.us-gov-west-1.amazonaws.com");
    assert_eq!(at(&[("AWS_REGION", "cn-north-1")]), "https://ec2.cn-north-1.amazonaws.com.cn");
    let both = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:2"),
    ];
    assert_eq!(at(&both), "http://127.0.0.1:2");
    assert_eq!(at(&both[..2]), "http://127.0.0.1:1");
}

#[tokio::test]
async fn without_credentials_the_first_request_says_what_to_set() {
    let variables = [("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let query = Query::new(&aws_client::from_variables(variables).unwrap());
    let fault = query.tell("ec2:StopInstances", Call::new("StopInstances")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(fault.message.contains("export AWS_ACCESS_KEY_ID"), "{fault}");
}
