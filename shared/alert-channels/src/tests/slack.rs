use receivers::{Receiver, Slack};
use serde_json::{Value, json};

use super::*;

const TOKEN: &str = "xoxb-1-hush";
const CHANNEL: &str = "C0123456789";
const WEBHOOK: &str = "/services/T0/B0/HuShHuSh";

struct Bot {
    slack: Receiver<Slack>,
    channels: Channels,
    target: Target,
    token: Credential,
}

async fn bot() -> Bot {
    let slack = Receiver::start(Slack::new(TOKEN, CHANNEL, WEBHOOK)).await.unwrap();
    let channels = channels().with_slack_api(Some(slack.url("/api/").parse().unwrap()));
    let target = Target::SlackBot { channel: CHANNEL.to_owned() };
    Bot { slack, channels, target, token: Credential::new(TOKEN) }
}

impl Bot {
    async fn deliver(
        &self,
        notice: &Notice,
        thread: Option<&str>,
        uncertain: bool,
    ) -> Result<Receipt, Undelivered> {
        let parcel = Parcel { thread, uncertain, ..parcel(&self.target, &self.token, notice) };
        self.channels.send(parcel).await
    }

    async fn refused(&self, behaviour: Behaviour) -> (bool, String, Option<u32>) {
        self.slack.will([behaviour]);
        let told = told(self.deliver(&notice(1), None, false).await);
        assert_hushed(&told.1, &["hush"]);
        told
    }

    fn posted(&self) -> Vec<(Option<String>, Value)> {
        let messages = self.slack.site(|site| site.messages().to_vec());
        let id = |body: &Value| body["metadata"]["event_payload"]["id"].clone();
        messages.iter().map(|message| (message.thread_ts.clone(), id(&message.body))).collect()
    }

    /// Writes as others do.
    async fn chatter(&self, count: usize) {
        let client = HttpClient::new(LIMITS).unwrap();
        for n in 0..count {
            let body = json!({ "channel": CHANNEL, "text": format!("chatter {n}") });
            let request = client.request(Method::POST, &self.slack.url("/api/chat.postMessage"));
            client.ask(request.bearer_auth(TOKEN).body(body.to_string())).await.unwrap();
        }
    }
}

fn not_ok(error: &str, needed: Option<&str>) -> Behaviour {
    Behaviour::NotOk { error: error.to_owned(), needed: needed.map(str::to_owned) }
}

#[tokio::test]
async fn the_first_message_begins_the_thread_of_those_that_follow() {
    let bot = bot().await;
    let first = bot.deliver(&notice(1), None, false).await.unwrap().thread.unwrap();
    assert_eq!(first, bot.slack.site(|site| site.messages()[0].ts.clone()));
    let resolved = Notice { kind: NoticeKind::Resolved, reason: Reason::AllEnded, ..notice(2) };
    let second = bot.deliver(&resolved, Some(&first), false).await.unwrap();
    assert_eq!(second.thread.as_ref(), Some(&first), "the thread stays that of the first");
    let thread = Some(first);
    assert_eq!(bot.posted(), [(None, notice(1).id.into()), (thread, notice(2).id.into())]);
}

#[tokio::test]
async fn what_may_have_arrived_is_looked_for_before_it_is_posted_again() {
    let bot = bot().await;
    // Arrived, and not answered.
    for behaviour in [Behaviour::ResetAfter, Behaviour::HalfBody, Behaviour::Slow { milliseconds: 2_000 }] {
        bot.slack.will([behaviour]);
        assert!(told(bot.deliver(&notice(1), None, false).await).0);
        bot.chatter(3).await;
        let thread = bot.deliver(&notice(1), None, true).await.unwrap().thread;
        assert_eq!(thread, bot.slack.site(|site| Some(site.messages()[0].ts.clone())));
        assert_eq!(bot.posted().len(), 4);
        bot.slack.site(|site| {
            let all: Vec<_> = site.messages().iter().map(|message| message.ts.clone()).collect();
            for ts in &all {
                site.delete(ts);
            }
        });
    }
    // Not arrived.
    bot.slack.will([Behaviour::ResetBefore]);
    assert!(told(bot.deliver(&notice(1), None, false).await).0);
    bot.deliver(&notice(1), None, true).await.unwrap();
    assert_eq!(bot.posted().len(), 1);
    // Another notice is none of it.
    bot.deliver(&notice(2), None, true).await.unwrap();
    assert_eq!(bot.posted().len(), 2);
}

#[tokio::test]
async fn a_reply_is_looked_for_in_its_thread() {
    let bot = bot().await;
    let thread = bot.deliver(&notice(1), None, false).await.unwrap().thread.unwrap();
    bot.slack.will([Behaviour::ResetAfter]);
    assert!(told(bot.deliver(&notice(2), Some(&thread), false).await).0);
    let receipt = bot.deliver(&notice(2), Some(&thread), true).await.unwrap();
    assert_eq!(receipt.thread, Some(thread));
    assert_eq!(bot.posted().len(), 2);
}

#[tokio::test]
async fn pages_are_read_until_it_is_found() {
    let bot = bot().await;
    bot.slack.site(|site| site.page = 4);
    bot.deliver(&notice(1), None, false).await.unwrap();
    bot.chatter(9).await;
    bot.deliver(&notice(1), None, true).await.unwrap();
    assert_eq!(bot.slack.site(|site| site.messages().len()), 10, "on the third page");
    let pages =
        bot.slack.seen().iter().filter(|request| request.path == "/api/conversations.history").count();
    assert_eq!(pages, 3);
    bot.chatter(10).await;
    bot.deliver(&notice(1), None, true).await.unwrap();
    assert_eq!(
        bot.slack.site(|site| site.messages().len()),
        21,
        "beyond the last page that is read it is posted again"
    );
}

#[tokio::test]
async fn a_channel_that_may_not_be_read_is_posted_to() {
    let bot = bot().await;
    bot.slack.site(|site| site.scopes.remove("channels:history"));
    for uncertain in [false, true] {
        assert!(bot.deliver(&notice(1), None, uncertain).await.unwrap().thread.is_some());
    }
    assert_eq!(bot.posted().len(), 2);
}

#[tokio::test]
async fn whoever_cannot_look_now_does_not_post() {
    let bot = bot().await;
    for (behaviour, what, after) in disturbances() {
        bot.slack.will([behaviour]);
        let (later, why, retry_after) = told(bot.deliver(&notice(1), None, true).await);
        assert!(later && why.contains(what), "{why}");
        assert_eq!(retry_after, after);
        assert_hushed(&why, &["hush"]);
    }
    bot.slack.will([not_ok("ratelimited", None)]);
    assert!(told(bot.deliver(&notice(1), None, true).await).0);
    bot.slack.will([not_ok("invalid_auth", None)]);
    assert!(!told(bot.deliver(&notice(1), None, true).await).0);
    assert!(bot.posted().is_empty());
}

#[tokio::test]
async fn a_thread_that_is_gone_is_begun_anew() {
    let bot = bot().await;
    let thread = bot.deliver(&notice(1), None, false).await.unwrap().thread.unwrap();
    bot.slack.site(|site| site.delete(&thread));
    let anew = bot.deliver(&notice(2), Some(&thread), false).await.unwrap().thread.unwrap();
    assert_ne!(anew, thread);
    assert_eq!(bot.posted(), [(None, notice(2).id.into())]);
    let again = bot.deliver(&notice(2), Some(&thread), true).await.unwrap();
    assert_eq!(again.thread, Some(anew));
    assert_eq!(bot.posted().len(), 1, "it is looked for where it was posted");
}

#[tokio::test]
async fn disturbances_of_the_bot_are_for_later() {
    let bot = bot().await;
    for (behaviour, what, after) in disturbances() {
        let (later, why, retry_after) = bot.refused(behaviour).await;
        assert!(later && why.starts_with("Slack") && why.contains(what), "{why}");
        assert_eq!(retry_after, after);
    }
    let (later, why, _) = bot.refused(Behaviour::Garbage).await;
    assert!(later);
    assert_eq!(why, "Slack answers 200 with what is no answer of its API");
    for error in ["ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"] {
        let (later, why, _) = bot.refused(not_ok(error, None)).await;
        assert!(later && why.contains(error), "{why}");
    }
    let busy = Behaviour::Status {
        status: 429,
        retry_after: Some("12".to_owned()),
        body: r#"{"ok":false,"error":"ratelimited"}"#.to_owned(),
    };
    assert_eq!(bot.refused(busy).await, (true, "Slack answers 429: ratelimited".to_owned(), Some(12)));
}

#[tokio::test]
async fn what_slack_refuses_is_told_with_what_to_change() {
    let bot = bot().await;
    for (error, needed, remedy) in [
        ("not_in_channel", None, "invite the app into the channel"),
        ("channel_not_found", None, "correct the channel's id"),
        ("is_archived", None, "unarchive the channel"),
        ("invalid_auth", None, "store the bot token (xoxb-…)"),
        ("token_revoked", None, "store the bot token (xoxb-…)"),
        ("account_inactive", None, "store the bot token (xoxb-…)"),
        (
            "missing_scope",
            Some("chat:write.public"),
            "give the app the scope chat:write.public, and install it again",
        ),
        ("missing_scope", None, "give the app the scope chat:write, and install it again"),
        ("restricted_action_read_only_channel", None, "have the workspace's owners allow the app to post"),
        ("msg_blocks_too_long", None, "report this as a defect of ACE-Flow"),
        ("something_new", None, "look it up among the errors of chat.postMessage"),
    ] {
        let (later, why, _) = bot.refused(not_ok(error, needed)).await;
        assert!(
            !later && why.starts_with(&format!("Slack refuses: {error}; ")) && why.contains(remedy),
            "{why}"
        );
    }
    let (later, why, _) = bot.refused(status(404)).await;
    assert!(!later && why.starts_with("Slack answers 404; look at status.slack.com"), "{why}");
    let echo = not_ok(&format!("{TOKEN} is bad"), Some(TOKEN));
    let (_, why, _) = bot.refused(echo).await;
    assert!(why.starts_with("Slack refuses: … is bad; "), "{why}");
    let other = Bot { token: Credential::new("xoxb-2\u{7f}\nhush"), ..bot };
    let (later, why, _) = told(other.deliver(&notice(1), None, false).await);
    assert!(!later && why.contains("the request cannot be sent"), "{why}");
    assert_hushed(&why, &["hush", "xoxb"]);
}

#[tokio::test]
async fn an_incoming_webhook_takes_what_fits() {
    let slack = Receiver::start(Slack::new(TOKEN, CHANNEL, WEBHOOK)).await.unwrap();
    let (channels, target) = (channels(), Target::SlackWebhook);
    let address = Credential::new(slack.url(WEBHOOK));
    let mut notice = notice(1);
    notice.alerts =
        vec![AlertView { because: "&".repeat(4_000), ..notice.alerts[0].clone() }; Notice::MAX_ALERTS];
    assert_eq!(channels.send(parcel(&target, &address, &notice)).await, Ok(Receipt { thread: None }));
    assert_eq!(slack.site(|site| site.messages().len()), 1);
    let secrets = ["HuShHuSh", "127.0.0.1"];
    let others = [(Behaviour::Garbage, "answers 200, which is not its answer", None)];
    for (behaviour, what, after) in disturbances().into_iter().chain(others) {
        slack.will([behaviour]);
        let (later, why, retry_after) = told(channels.send(parcel(&target, &address, &notice)).await);
        assert!(later && why.starts_with("Slack's webhook") && why.contains(what), "{why}");
        assert_eq!(retry_after, after);
        assert_hushed(&why, &secrets);
    }
    for (status, code, remedy) in [
        (400, "invalid_payload", "report this as a defect"),
        (403, "action_prohibited", "have the workspace's owners allow"),
        (404, "no_service", "make a new incoming webhook"),
        (404, "channel_not_found", "make a new incoming webhook"),
        (410, "channel_is_archived", "unarchive the channel"),
        (404, "<html>HuShHuSh</html>", "make a new incoming webhook"),
    ] {
        slack.will([saying(status, code)]);
        let (later, why, _) = told(channels.send(parcel(&target, &address, &notice)).await);
        assert!(!later && why.contains(&format!("answers {status}")) && why.contains(remedy), "{why}");
        assert_eq!(why.contains(code), !code.starts_with('<'));
        assert_hushed(&why, &secrets);
    }
    for wrong in ["xoxb-HuShHuSh", "http://example.com/HuShHuSh", "not an address HuShHuSh"] {
        let (later, why, _) = told(channels.send(parcel(&target, &Credential::new(wrong), &notice)).await);
        assert!(!later && why.contains("the channel's secret is no address of a webhook"), "{why}");
        assert_hushed(&why, &["HuShHuSh"]);
    }
}
