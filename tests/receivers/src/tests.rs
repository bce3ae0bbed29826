use std::time::Duration;

use alert_message::signature;
use alerting::Credential;
use http_client::{Answer, HttpClient, Limits, Method, NoAnswer};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "e93facc04764012d7bfb002500d5d1a6";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn client() -> HttpClient {
    let limits = Limits {
        connect: Duration::from_secs(2),
        whole: Duration::from_millis(500),
        body: 64 * 1024,
        keep_alive: true,
    };
    HttpClient::new(limits).unwrap()
}

async fn post(address: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, NoAnswer> {
    let client = client();
    let mut request = client.request(Method::POST, address).body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.ask(request).await
}

async fn get(address: &str, token: &str) -> Value {
    let client = client();
    let request = client.request(Method::GET, address).bearer_auth(token);
    serde_json::from_slice(&client.ask(request).await.unwrap().body).unwrap()
}

fn event(action: &str) -> Value {
    let payload = json!({ "summary": "down", "source": "production", "severity": "critical" });
    json!({ "routing_key": KEY, "event_action": action, "dedup_key": "g", "payload": payload })
}

#[tokio::test]
async fn pagerduty_keeps_one_incident_open_for_each_key() {
    let pagerduty = Receiver::start(Pagerduty::default()).await.unwrap();
    let address = pagerduty.url("/v2/enqueue");
    for action in
        ["resolve", "trigger", "trigger", "acknowledge", "trigger", "resolve", "acknowledge", "trigger"]
    {
        assert_eq!(post(&address, &[], &event(action)).await.unwrap().status, 202);
    }
    let incidents = pagerduty.site(|site| site.incidents().to_vec());
    let seen: Vec<_> = incidents.iter().map(|incident| (incident.status, incident.events.len())).collect();
    assert_eq!(seen, [(Status::Resolved, 5), (Status::Triggered, 1)]);
    let mut other = event("trigger");
    other["routing_key"] = "short".into();
    other["payload"]["summary"] = "".into();
    let refused = post(&address, &[], &other).await.unwrap();
    assert_eq!(refused.status, 400);
    let told: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(told["errors"].as_array().unwrap().len(), 2, "{told}");
}

#[tokio::test]
async fn each_behaviour_is_what_it_says_and_the_next_is_well_again() {
    let pagerduty = Receiver::start(Pagerduty::default()).await.unwrap();
    let address = pagerduty.url("/v2/enqueue");
    let status = |status, retry_after: Option<&str>| Behaviour::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
        body: "no".to_owned(),
    };
    // What is told, what comes of it, whether the request was read, and whether it was done.
    for (behaviour, outcome, read, done) in [
        (status(429, Some("7")), "429", true, false),
        (status(503, None), "503", true, false),
        (Behaviour::Slow { milliseconds: 2_000 }, "it does not answer within", true, true),
        (Behaviour::ResetBefore, "", false, false),
        (Behaviour::ResetAfter, "no answer", true, true),
        (Behaviour::HalfBody, "no answer", true, true),
        (Behaviour::Garbage, "200", true, true),
        (Behaviour::Oversize, "it answers more than 64 KiB", true, true),
        (Behaviour::NotOk { error: "x".to_owned(), needed: None }, "200", true, false),
        (Behaviour::Well, "202", true, true),
    ] {
        let before = (pagerduty.seen().len(), pagerduty.site(|site| site.incidents().len()));
        pagerduty.will([behaviour.clone()]);
        let mut told = event("trigger");
        told["dedup_key"] = format!("{behaviour:?}").into();
        let got = match post(&address, &[], &told).await {
            Ok(answer) => answer.status.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.starts_with(outcome), "{behaviour:?}: {got}");
        if behaviour == Behaviour::ResetBefore {
            assert!(got.starts_with("no "), "{got}");
        }
        let after = (pagerduty.seen().len(), pagerduty.site(|site| site.incidents().len()));
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (usize::from(read), usize::from(done)),
            "{behaviour:?}"
        );
    }
}

#[tokio::test]
async fn slack_has_threads_pages_and_scopes() {
    let slack = Receiver::start(Slack::new("xoxb-1", "C1", "/services/T/B/x")).await.unwrap();
    let api = |method: &str| slack.url(&format!("/api/{method}"));
    let bearer: &[(&str, &str)] = &[("authorization", "Bearer xoxb-1")];
    let message = |n: usize, thread: Option<&str>| {
        let metadata = json!({ "event_type": "t", "event_payload": { "id": n } });
        let mut message = json!({ "channel": "C1", "text": format!("n{n}"), "metadata": metadata });
        if let Some(thread) = thread {
            message["thread_ts"] = thread.into();
        }
        message
    };
    let mut first = Value::Null;
    for n in 0..5 {
        let thread = first["ts"].as_str().filter(|_| n % 2 == 1);
        let answer = post(&api("chat.postMessage"), bearer, &message(n, thread)).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["ok"], true, "{answer}");
        if n == 0 {
            first = answer;
        }
    }
    slack.site(|site| site.page = 2);
    let history = api("conversations.history?channel=C1&include_all_metadata=true&limit=100&oldest=1");
    let page = get(&history, "xoxb-1").await;
    let ids = |page: &Value| -> Vec<Value> {
        page["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["metadata"]["event_payload"]["id"].clone())
            .collect()
    };
    assert_eq!(ids(&page), [4, 2], "newest first, without what is in threads");
    let cursor = page["response_metadata"]["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&get(&format!("{history}&cursor={cursor}"), "xoxb-1").await), [0]);
    let replies = api(&format!(
        "conversations.replies?channel=C1&include_all_metadata=true&ts={}",
        first["ts"].as_str().unwrap()
    ));
    slack.site(|site| site.page = 999);
    assert_eq!(ids(&get(&replies, "xoxb-1").await), [0, 1, 3], "oldest first, with the one they answer");
    let error = |page: &Value| page["error"].clone();
    assert_eq!(error(&get(&history, "xoxb-2").await), "invalid_auth");
    assert_eq!(error(&get(&api("conversations.history?channel=C2"), "xoxb-1").await), "channel_not_found");
    assert_eq!(
        error(&get(&api("conversations.replies?channel=C1&ts=1.2"), "xoxb-1").await),
        "thread_not_found"
    );
    slack.site(|site| site.scopes.remove("channels:history"));
    assert_eq!(error(&get(&history, "xoxb-1").await), "missing_scope");
}

#[tokio::test]
async fn an_incoming_webhook_is_its_address() {
    let slack = Receiver::start(Slack::new("xoxb-1", "C1", "/services/T/B/x")).await.unwrap();
    let send = async |path: &str, body: Value| {
        let answer = post(&slack.url(path), &[], &body).await.unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    assert_eq!(send("/services/T/B/x", json!({ "text": "hello" })).await, (200, "ok".to_owned()));
    assert_eq!(send("/services/T/B/y", json!({ "text": "hello" })).await, (404, "no_service".to_owned()));
    let long =
        json!({ "text": "x", "blocks": [{ "type": "section", "text": { "text": "x".repeat(3_001) } }] });
    assert_eq!(send("/services/T/B/x", long).await, (400, "invalid_payload".to_owned()));
    assert_eq!(slack.site(|site| site.messages().len()), 1);
}

#[tokio::test]
async fn a_webhook_s_receiver_believes_what_is_signed_and_does_it_once() {
    let secret = Credential::new(SECRET);
    let webhook = Receiver::start(Webhook::new([("k1".to_owned(), secret.clone())])).await.unwrap();
    let body = json!({ "version": 1 });
    let now = Timestamp::now();
    let signed = signature::sign(&secret, now, body.to_string().as_bytes()).unwrap();
    let stamp = now.as_second().to_string();
    let send = async |key: &str, signed: &str, stamp: &str| {
        let headers = [
            ("X-AceFlow-Key-Id", key),
            ("X-AceFlow-Signature", signed),
            ("X-AceFlow-Timestamp", stamp),
            ("Idempotency-Key", "n-1"),
        ];
        post(&webhook.url("/hook"), &headers, &body).await.unwrap().status
    };
    assert_eq!(send("k1", &signed, &stamp).await, 200);
    assert_eq!(send("k1", &signed, &stamp).await, 200);
    assert_eq!(send("k2", &signed, &stamp).await, 401);
    assert_eq!(send("k1", "v1=00", &stamp).await, 401);
    assert_eq!(send("k1", &signed, "1").await, 401);
    let deliveries = webhook.site(|site| site.deliveries().to_vec());
    assert_eq!(deliveries.len(), 1);
    assert_eq!((deliveries[0].id.as_str(), deliveries[0].times), ("n-1", 2));
}

#[tokio::test]
async fn a_receiver_is_told_over_http_too_whatever_it_was_told_before() {
    let pagerduty = Receiver::start(Pagerduty::default()).await.unwrap();
    let address = pagerduty.url("/v2/enqueue");
    let told = json!([{ "how": "reset_before" }, { "how": "status", "status": 500 }]);
    let answer = post(&pagerduty.url("/_receiver/will"), &[], &told).await.unwrap();
    assert_eq!(answer.status, 200);
    let always = json!({ "how": "status", "status": 429, "retry_after": "3" });
    assert_eq!(post(&pagerduty.url("/_receiver/always"), &[], &always).await.unwrap().status, 200);
    assert!(post(&address, &[], &event("trigger")).await.is_err());
    assert_eq!(post(&address, &[], &event("trigger")).await.unwrap().status, 500);
    assert_eq!(post(&address, &[], &event("trigger")).await.unwrap().headers["retry-after"], "3");
    assert_eq!(get(&pagerduty.url("/_receiver/seen"), "").await.as_array().unwrap().len(), 2);
    assert_eq!(post(&pagerduty.url("/_receiver/forget"), &[], &Value::Null).await.unwrap().status, 200);
    assert_eq!(post(&address, &[], &event("trigger")).await.unwrap().status, 202);
    assert_eq!(get(&pagerduty.url("/_receiver/state"), "").await["incidents"][0]["status"], "triggered");
    let wrong = post(&pagerduty.url("/_receiver/will"), &[], &json!([{ "how": "slowly" }])).await.unwrap();
    assert_eq!(wrong.status, 400);
}
