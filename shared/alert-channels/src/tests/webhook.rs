use receivers::{Receiver, Webhook};
use serde_json::Value;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PATH: &str = "/hook-hush?token=quiet";

async fn webhook() -> (Receiver<Webhook>, Target) {
    let webhook = Receiver::start(Webhook::new([("k1".to_owned(), Credential::new(SECRET))])).await.unwrap();
    let url = webhook.url(PATH).parse().unwrap();
    (webhook, Target::Webhook { url, key_id: "k1".to_owned() })
}

#[tokio::test]
async fn a_receiver_that_checks_believes_it_and_does_it_once() {
    let (webhook, target) = webhook().await;
    let (channels, secret) = (channels(), Credential::new(SECRET));
    for number in [1, 1, 2] {
        let notice = notice(number);
        let receipt = channels.send(parcel(&target, &secret, &notice)).await;
        assert_eq!(receipt, Ok(Receipt { thread: None }));
    }
    let deliveries = webhook.site(|site| site.deliveries().to_vec());
    assert_eq!(deliveries.iter().map(|delivery| delivery.times).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(deliveries[0].id, notice(1).id);
    assert_eq!(deliveries[0].body["version"], 1);
    assert_eq!(
        deliveries[0].body["alerts"][0]["because"],
        Value::from("status is critical (HTTP 503) – größer 🔥")
    );
    let seen = webhook.seen();
    assert_eq!(seen[0].query, "token=quiet");
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn disturbances_are_for_later_and_hide_the_address() {
    let (webhook, target) = webhook().await;
    let (channels, secret, notice) = (channels(), Credential::new(SECRET), notice(1));
    for (behaviour, what, after) in disturbances() {
        webhook.will([behaviour.clone()]);
        if matches!(behaviour, Behaviour::HalfBody | Behaviour::Oversize) {
            let receipt = channels.send(parcel(&target, &secret, &notice)).await;
            assert!(receipt.is_ok(), "its status has come: {receipt:?}");
            continue;
        }
        let (later, why, retry_after) = told(channels.send(parcel(&target, &secret, &notice)).await);
        assert!(
            later && why.starts_with("the webhook's receiver") && why.contains(what),
            "{behaviour:?}: {why}"
        );
        assert_eq!(retry_after, after);
        assert_hushed(&why, &[SECRET, "hush", "quiet", "127.0.0.1"]);
    }
    assert!(channels.send(parcel(&target, &secret, &notice)).await.is_ok());
    assert_eq!(webhook.site(|site| site.deliveries().len()), 1);
}

#[tokio::test]
async fn what_is_refused_is_told_with_what_to_change_and_without_what_was_said() {
    let (webhook, target) = webhook().await;
    let (channels, secret, notice) = (channels(), Credential::new(SECRET), notice(1));
    let wrong = Credential::new("another secret of thirty-two bytes");
    let (later, why, _) = told(channels.send(parcel(&target, &wrong, &notice)).await);
    assert!(!later);
    assert_eq!(
        why,
        "the webhook's receiver answers 401; give it the secret of the key \"k1\", and check its clock"
    );
    for (behaviour, what) in [
        (saying(404, SECRET), "answers 404; correct the channel's address"),
        (saying(410, "hush"), "answers 410; correct the channel's address"),
        (saying(400, "hush"), "answers 400; look into its log for the Idempotency-Key "),
        (saying(307, "hush"), "answers 307; write the address that it leads to"),
    ] {
        webhook.will([behaviour]);
        let (later, why, _) = told(channels.send(parcel(&target, &secret, &notice)).await);
        assert!(!later && why.contains(what), "{why}");
        assert_hushed(&why, &[SECRET, "hush", "quiet"]);
    }
    let weak = Credential::new("hush");
    let (later, why, _) = told(channels.send(parcel(&target, &weak, &notice)).await);
    assert!(!later && why.contains("generate one at random"), "{why}");
    assert_hushed(&why, &["hush"]);
    let Target::Webhook { url, .. } = target else { panic!("{target:?}") };
    let target = Target::Webhook { url, key_id: "two\nlines".to_owned() };
    let (later, why, _) = told(channels.send(parcel(&target, &secret, &notice)).await);
    assert!(!later && why.contains("the request cannot be sent"), "{why}");
}

#[tokio::test]
async fn an_address_without_tls_behind_it_is_for_later() {
    let (webhook, _) = webhook().await;
    let url = webhook.url(PATH).replace("http://", "https://").parse().unwrap();
    let target = Target::Webhook { url, key_id: "k1".to_owned() };
    let (later, why, _) = told(channels().send(parcel(&target, &Credential::new(SECRET), &notice(1))).await);
    assert!(later && why.contains("no connection: "), "{why}");
    assert_hushed(&why, &["hush", "quiet", "127.0.0.1"]);
}
