use aws_client::replay::{Replay, Sent};
use serde_json::{Value, json};

use super::*;

const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>m-1</MessageId></PublishResult></PublishResponse>";

fn topic(name: &str) -> Target {
    Target::EmailTopic { topic: format!("arn:aws:sns:eu-west-1:123456789012:{name}").parse().unwrap() }
}

fn mailboxes() -> Target {
    let to = vec!["ann@example.com".to_owned(), "bob@example.com".to_owned()];
    Target::EmailSes { from: "ACE-Flow <alerts@example.com>".to_owned(), to }
}

async fn deliver(target: &Target, answer: (u16, String)) -> (Result<Receipt, Undelivered>, Vec<Sent>) {
    let replay = Replay::new([answer]);
    let channels = Channels::new(&replay.config().unwrap()).unwrap();
    let (notice, none) = (notice(1), Credential::new(""));
    let parcel = Parcel { credential: None, ..parcel(target, &none, &notice) };
    let outcome = channels.send(parcel).await;
    (outcome, replay.sent())
}

fn form(sent: &Sent) -> Vec<(String, String)> {
    url::form_urlencoded::parse(sent.body.as_bytes()).into_owned().collect()
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn a_topic_gets_subject_text_and_attributes() {
    let (outcome, sent) = deliver(&topic("alerts"), (200, PUBLISHED.to_owned())).await;
    assert_eq!(outcome, Ok(Receipt::default()));
    let form = form(&sent[0]);
    assert_eq!(field(&form, "TopicArn"), Some("arn:aws:sns:eu-west-1:123456789012:alerts"));
    assert_eq!(field(&form, "Subject"), Some("[CRITICAL] Production Down: production/checkout"));
    assert!(field(&form, "Message").unwrap().contains("status is critical (HTTP 503) – größer 🔥"));
    let mut names: Vec<_> =
        form.iter().filter(|(name, _)| name.ends_with(".Name")).map(|(_, value)| value).collect();
    names.sort();
    assert_eq!(names, ["environment", "service", "severity"]);
    assert_eq!(field(&form, "MessageGroupId"), None);
    let (_, sent) = deliver(&topic("alerts.fifo"), (200, PUBLISHED.to_owned())).await;
    let form = self::form(&sent[0]);
    assert_eq!(field(&form, "MessageGroupId"), Some(notice(1).group.as_str()));
    assert_eq!(field(&form, "MessageDeduplicationId"), Some(notice(1).id.as_str()));
}

#[tokio::test]
async fn mailboxes_get_a_plain_text() {
    let (outcome, sent) = deliver(&mailboxes(), (200, r#"{"MessageId":"m-1"}"#.to_owned())).await;
    assert_eq!(outcome, Ok(Receipt::default()));
    assert!(sent[0].uri.ends_with("/v2/email/outbound-emails"), "{}", sent[0].uri);
    let body: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(body["FromEmailAddress"], "ACE-Flow <alerts@example.com>");
    assert_eq!(body["Destination"]["ToAddresses"], json!(["ann@example.com", "bob@example.com"]));
    let simple = &body["Content"]["Simple"];
    assert_eq!(simple["Subject"]["Data"], "[CRITICAL] Production Down: production/checkout");
    assert!(simple["Body"]["Text"]["Data"].as_str().unwrap().contains("größer 🔥"));
}

#[tokio::test]
async fn a_topic_that_refuses_says_what_to_change() {
    let error = |code: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
        )
    };
    for (status, code, is_later, remedy) in [
        (404, "NotFound", false, "create what the channel names, or correct it"),
        (403, "AuthorizationError", false, "allow the action to the function's role"),
        (400, "InvalidParameter", false, "correct the configuration"),
        (400, "Throttling", true, ""),
        (500, "InternalError", true, ""),
        (503, "ServiceUnavailable", true, ""),
    ] {
        let (outcome, sent) = deliver(&topic("alerts"), (status, error(code))).await;
        let (later, why, _) = told(outcome);
        assert_eq!(later, is_later, "{why}");
        assert!(why.starts_with("sns:Publish ") && why.contains(code) && why.contains(remedy), "{why}");
        assert_eq!(sent.len(), 1, "one attempt");
    }
}

#[tokio::test]
async fn a_mail_that_is_refused_says_what_to_change() {
    let error = |code: &str| format!(r#"{{"__type":"{code}","message":"m"}}"#);
    for (status, code, is_later, remedy) in [
        (400, "MessageRejected", false, "verify the sender in SES"),
        (400, "MailFromDomainNotVerifiedException", false, "verify the sender in SES"),
        (400, "SendingPausedException", false, "have the account's sending of e-mail resumed"),
        (400, "AccountSuspendedException", false, "have the account's sending of e-mail resumed"),
        (404, "NotFoundException", false, "create what the channel names"),
        (403, "AccessDeniedException", false, "allow the action to the function's role"),
        (400, "BadRequestException", false, "correct the configuration"),
        (400, "LimitExceededException", true, ""),
        (429, "TooManyRequestsException", true, ""),
        (500, "InternalServiceError", true, ""),
    ] {
        let (outcome, sent) = deliver(&mailboxes(), (status, error(code))).await;
        let (later, why, _) = told(outcome);
        assert_eq!(later, is_later, "{why}");
        assert!(why.starts_with("ses:SendEmail ") && why.contains(code) && why.contains(remedy), "{why}");
        assert_eq!(sent.len(), 1, "one attempt");
    }
}

/// Over a real connection, which the peer closes within the answer: the mail may be on its way.
#[tokio::test]
async fn an_answer_that_is_cut_off_is_for_later_and_not_tried_again() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut requests = 0;
        while let Ok(Ok((mut stream, _))) =
            tokio::time::timeout(Duration::from_secs(1), listener.accept()).await
        {
            let mut request = Vec::new();
            stream.read_buf(&mut request).await.unwrap();
            requests += 1;
        }
        requests
    });
    let variables = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ];
    let config = aws_client::from_variables(variables.map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
    let channels = Channels::new(&config).unwrap();
    for target in [topic("alerts"), mailboxes()] {
        let notice = notice(1);
        let (later, why, _) = told(channels.send(parcel(&target, &Credential::new(""), &notice)).await);
        assert!(later && why.contains("got no usable answer"), "{why}");
        assert_hushed(&why, &["hush"]);
    }
    assert_eq!(served.await.unwrap(), 2);
}
