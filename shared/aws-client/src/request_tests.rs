//! Real requests of real SDK clients against a listener of this process.

use std::net::SocketAddr;

use crate::{Fault, FaultKind, SdkConfig, from_variables};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>m-1</MessageId></PublishResult></PublishResponse>";
const DENIED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>\
    <Message>not you</Message></Error><RequestId>r-1</RequestId></ErrorResponse>";

/// Answers one request with `status` and `body`, and hands back the request's head.
async fn answer_once(status: u16, body: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: text/xml\r\nx-amzn-requestid: r-1\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8_lossy(&request).into_owned()
    });
    (address, served)
}

fn config(region: &str, endpoint: &str, credentials: bool) -> SdkConfig {
    let mut variables = vec![("AWS_REGION", region), ("AWS_ENDPOINT_URL_SNS", endpoint)];
    if credentials {
        variables.extend([("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "hush")]);
    }
    from_variables(variables.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap()
}

async fn publish(config: &SdkConfig) -> Result<(), Fault> {
    let sns = aws_sdk_sns::Client::new(config);
    let sent = sns.publish().topic_arn("arn:aws:sns:eu-west-1:1:t").message("m").send().await;
    sent.map(drop).map_err(|error| Fault::new("sns:Publish", &error))
}

// Each region builds the TLS context with another set of roots, and a root that does not parse would panic here.
#[tokio::test]
async fn a_plain_http_endpoint_works_and_the_request_is_signed_with_the_environment_s_key() {
    for region in ["eu-west-1", "cn-north-1"] {
        let (address, served) = answer_once(200, PUBLISHED).await;
        publish(&config(region, &format!("http://{address}"), true)).await.unwrap();
        let request = served.await.unwrap().to_lowercase();
        assert!(request.contains("credential=akidtest/2"), "{request}");
        assert!(request.contains(&format!("/{region}/sns/aws4_request")), "{request}");
        assert!(request.contains("app/ace-flow"), "{request}");
        assert!(!request.contains("hush"));
    }
}

#[tokio::test]
async fn an_answer_that_refuses_is_told_with_code_message_and_request() {
    let (address, served) = answer_once(403, DENIED).await;
    let fault = publish(&config("eu-west-1", &format!("http://{address}"), true)).await.unwrap_err();
    served.await.unwrap();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert_eq!(fault.code.as_deref(), Some("AuthorizationError"));
    assert_eq!(fault.message, "not you");
    assert_eq!(fault.request_id.as_deref(), Some("r-1"));
}

#[tokio::test]
async fn without_credentials_the_first_request_says_what_to_set() {
    let fault = publish(&config("eu-west-1", "http://127.0.0.1:9", false)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(fault.message.contains("export AWS_ACCESS_KEY_ID"), "{fault}");
}

#[tokio::test]
async fn a_closed_port_is_unavailable_after_all_attempts() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fault = publish(&config("eu-west-1", &format!("http://{address}"), true)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable);
    assert!(fault.kind.is_transient());
}

/// It says nothing about who may do what: what is cached is served on, and what is owed is tried again.
#[tokio::test]
async fn a_connection_that_is_closed_without_an_answer_is_unavailable() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            stream.read_buf(&mut request).await.unwrap();
        }
    });
    let fault = publish(&config("eu-west-1", &format!("http://{address}"), true)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable, "{fault}");
}
