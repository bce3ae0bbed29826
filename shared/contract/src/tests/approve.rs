//! approve: what asks for a link, and what a function URL delivers.

use approval_link::Link;
use serde_json::{Value, json};

use crate::approve::{Body, MAX_BODY};
use crate::{Approve, HttpRequest, LinkMade, LinkReply};

/// The shape of "Invoking Lambda function URLs" in the AWS Lambda Developer Guide, with a form as browsers send it.
fn event(method: &str, path: &str, body: Option<(&str, bool)>) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "host": "id.lambda-url.eu-central-1.on.aws",
            "content-type": "Application/x-www-form-urlencoded; charset=UTF-8",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "id",
            "domainName": "id.lambda-url.eu-central-1.on.aws",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "agent",
            },
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_773_342_238_000_u64,
        },
        "isBase64Encoded": false,
    });
    if let Some((body, encoded)) = body {
        event["body"] = body.into();
        event["isBase64Encoded"] = encoded.into();
    }
    event
}

fn read(event: Value) -> HttpRequest {
    match serde_json::from_value(event).unwrap() {
        Approve::Http(request) => request,
        Approve::Link(wanted) => panic!("{wanted:?}"),
    }
}

#[test]
fn a_request_to_the_url_is_read_as_lambda_delivers_it() {
    let get = read(event("GET", "/approve/abc", None));
    assert_eq!((get.method.as_str(), get.path.as_str()), ("GET", "/approve/abc"));
    assert!(get.body == Body::Text(String::new()));
    let post = read(event("POST", "/", Some(("bGluaz1hYmMmZGVjaXNpb249YXBwcm92ZQ==", true))));
    assert_eq!(post.content_type, "application/x-www-form-urlencoded");
    assert!(post.body == Body::Text("link=abc&decision=approve".to_owned()));
    let plain = read(event("POST", "/", Some(("link=abc", false))));
    assert!(plain.body == Body::Text("link=abc".to_owned()));
}

#[test]
fn a_body_is_bounded_and_a_text() {
    let longest = "a".repeat(MAX_BODY);
    assert!(read(event("POST", "/", Some((&longest, false)))).body == Body::Text(longest.clone()));
    assert!(read(event("POST", "/", Some((&format!("{longest}a"), false)))).body == Body::TooLong);
    assert!(read(event("POST", "/", Some((&"QUFB".repeat(MAX_BODY / 3 + 1), true)))).body == Body::TooLong);
    assert!(read(event("POST", "/", Some((&"QUFB".repeat(MAX_BODY), true)))).body == Body::TooLong);
    for bad in ["not base64!", "gICA"] {
        assert!(read(event("POST", "/", Some((bad, true)))).body == Body::NotText, "{bad}");
    }
}

/// From outside nobody can ask for a link, whatever is sent.
#[test]
fn a_request_to_the_url_is_never_taken_for_one_from_inside() {
    let wanted = json!({ "rollout_id": "checkout-1", "epoch": 1, "step": 2, "approver": "ann" });
    let asked: Approve = serde_json::from_value(json!({ "link": wanted })).unwrap();
    assert!(matches!(asked, Approve::Link(_)));
    let mut mixed = event("POST", "/", Some((&json!({ "link": wanted }).to_string(), false)));
    assert!(matches!(serde_json::from_value(mixed.clone()), Ok(Approve::Http(_))));
    mixed["link"] = wanted;
    assert!(matches!(serde_json::from_value(mixed), Ok(Approve::Http(_))));
}

#[test]
fn what_is_neither_is_refused_and_not_repeated() {
    let mut headless = event("GET", "/approve/hush-hush", None);
    headless["requestContext"] = json!({ "note": "hush-hush" });
    for (input, says) in [
        (headless, "requestContext.http.method is missing"),
        (json!({ "command": "hush-hush" }), "neither a link is asked for"),
        (json!({ "link": { "rollout_id": "checkout-1" } }), "link: missing field"),
    ] {
        let error = serde_json::from_value::<Approve>(input).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn neither_path_nor_body_is_shown() {
    let link: Link = "SECRETLINK".parse().unwrap();
    let made = LinkMade {
        path: LinkMade::path_of(&link),
        link_id: link.id().to_string(),
        environment: "production".parse().unwrap(),
        service: "checkout".parse().unwrap(),
        rollout_id: "checkout-1".parse().unwrap(),
        step: 2.try_into().unwrap(),
        approver: "ann".parse().unwrap(),
        expires: "2026-08-03T13:20:00Z".parse().unwrap(),
    };
    assert_eq!(made.at("https://x.on.aws/"), "https://x.on.aws/approve/SECRETLINK");
    assert_eq!(made.at("http://127.0.0.1:1"), "http://127.0.0.1:1/approve/SECRETLINK");
    let reply = LinkReply::Link(made);
    let request = read(event("POST", "/approve/SECRETLINK", Some(("link=SECRETLINK", false))));
    let shown = format!("{reply:?} {request:?}");
    assert!(!shown.contains("SECRETLINK"), "{shown}");
    let sent = serde_json::to_value(&reply).unwrap();
    assert_eq!(sent["link"]["path"], "/approve/SECRETLINK");
    assert_eq!(serde_json::from_value::<LinkReply>(sent).unwrap(), reply);
    let refused = LinkReply::Refused { reason: "no".to_owned() };
    assert_eq!(serde_json::to_value(&refused).unwrap(), json!({ "refused": { "reason": "no" } }));
}
