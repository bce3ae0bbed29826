use alert_message::pagerduty::{ENDPOINT, ENDPOINT_EU};
use receivers::{Pagerduty, Receiver, Status};

use super::*;

const KEY: &str = "e93facc04764012d7bfb002500d5d1a6";

async fn pagerduty() -> (Receiver<Pagerduty>, Target) {
    let pagerduty = Receiver::start(Pagerduty::default()).await.unwrap();
    let endpoint = pagerduty.url("/v2/enqueue").parse().unwrap();
    (pagerduty, Target::Pagerduty { endpoint })
}

#[tokio::test]
async fn an_incident_is_opened_taken_and_closed_however_often_it_is_told() {
    let (pagerduty, target) = pagerduty().await;
    let channels = channels();
    let key = Credential::new(format!(" {KEY}\n"));
    for (kind, status) in [
        (NoticeKind::Firing, Status::Triggered),
        (NoticeKind::Folded, Status::Triggered),
        (NoticeKind::Acknowledged { by: "ann".to_owned() }, Status::Acknowledged),
        (NoticeKind::Resolved, Status::Resolved),
    ] {
        let notice = Notice { kind, ..notice(1) };
        for uncertain in [false, true] {
            let parcel = Parcel { uncertain, ..parcel(&target, &key, &notice) };
            assert_eq!(channels.send(parcel).await, Ok(Receipt { thread: None }));
        }
        let incidents = pagerduty.site(|site| site.incidents().to_vec());
        assert_eq!(incidents.len(), 1, "{incidents:?}");
        assert_eq!((incidents[0].status, incidents[0].dedup_key.as_str()), (status, notice.group.as_str()));
    }
    // Two of each kind, of which the second end finds nothing open; none of what a rollout answers.
    assert_eq!(pagerduty.seen().len(), 6);
}

#[tokio::test]
async fn what_may_work_later_is_told_with_the_time_that_is_asked_for() {
    let (pagerduty, target) = pagerduty().await;
    let (channels, key, notice) = (channels(), Credential::new(KEY), notice(1));
    let others = [
        (Behaviour::Garbage, "answers 200, which is not its answer", None),
        (status(200), "answers 200, which is not its answer", None),
        (busy(429, "Fri, 01 Jan 2100 00:00:00 GMT"), "answers 429", Some(86_400)),
        (busy(429, "soon"), "answers 429", None),
        (status(425), "answers 425", None),
    ];
    for (behaviour, what, after) in disturbances().into_iter().chain(others) {
        pagerduty.will([behaviour.clone()]);
        let (later, why, retry_after) = told(channels.send(parcel(&target, &key, &notice)).await);
        assert!(later && why.starts_with("PagerDuty") && why.contains(what), "{behaviour:?}: {why}");
        assert_eq!(retry_after, after, "{behaviour:?}");
        assert_hushed(&why, &[KEY]);
    }
    assert!(channels.send(parcel(&target, &key, &notice)).await.is_ok());
    assert_eq!(pagerduty.site(|site| site.incidents().len()), 1, "whatever arrived of the others");
}

#[tokio::test]
async fn what_is_refused_is_told_with_what_to_change() {
    let (pagerduty, target) = pagerduty().await;
    let (channels, notice) = (channels(), notice(1));
    let short = Credential::new("short-hush");
    let (later, why, _) = told(channels.send(parcel(&target, &short, &notice)).await);
    assert!(!later);
    assert_eq!(
        why,
        "PagerDuty answers 400: Event object is invalid (Length of 'routing_key' is incorrect (should be 32 characters)); \
         store the integration key of an Events API v2 integration as the channel's secret, and check that the endpoint is \
         that of the account's service region"
    );
    let echo = format!(r#"{{"status":"x","message":"no {KEY}\nhere","errors":["{KEY}"]}}"#);
    let key = Credential::new(KEY);
    for (behaviour, what) in [
        (saying(400, &echo), "answers 400: no … here (…); check that the secret is the integration key"),
        (saying(400, "<html>"), "answers 400; check"),
        (status(403), "answers 403; store the integration key"),
        (status(404), "answers 404; store the integration key"),
        (status(301), "answers 301; write the address that it leads to"),
    ] {
        pagerduty.will([behaviour]);
        let (later, why, _) = told(channels.send(parcel(&target, &key, &notice)).await);
        assert!(!later && why.contains(what), "{why}");
        assert_hushed(&why, &[KEY]);
    }
    let without = Parcel { credential: None, ..parcel(&target, &key, &notice) };
    let empty = Credential::new(" \n");
    for parcel in [without, parcel(&target, &empty, &notice)] {
        let (later, why, _) = told(channels.send(parcel).await);
        assert!(!later);
        assert_eq!(why, "the channel has no routing key; store it as the channel's secret");
    }
}

#[tokio::test]
async fn nobody_there_is_for_later() {
    let target = Target::Pagerduty { endpoint: nobody().await.parse().unwrap() };
    let (later, why, _) = told(channels().send(parcel(&target, &Credential::new(KEY), &notice(1))).await);
    assert!(later && why.starts_with("PagerDuty: no connection: "), "{why}");
}

#[test]
fn both_endpoints_are_addresses() {
    assert_eq!(ENDPOINT.parse::<HttpsUrl>().unwrap().expose(), ENDPOINT);
    assert_eq!(ENDPOINT_EU.parse::<HttpsUrl>().unwrap().expose(), ENDPOINT_EU);
}

#[test]
fn debug_shows_no_secret() {
    let endpoint = "https://user:hush@example.com/hush?token=hush".parse().unwrap();
    let target = Target::Webhook { url: endpoint, key_id: "k1".to_owned() };
    let key = Credential::new("hush");
    let notice = notice(1);
    let shown = format!("{:?} {:?} {:?}", parcel(&target, &key, &notice), channels(), target);
    assert_hushed(&shown, &["hush"]);
}
