//! A person approves through a signed link: the link is asked for by an invocation, and opened through the function's
//! URL.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::files::event;
use e2e::{Run, Setup, configuration};
use engine::history::Record;
use local_stack::ApprovalPage;
use rollout::{Approvals, Colour, Event, Order, Phase, Rollout, Seconds, StepIndex};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::schemas::{fits, validator};

const ALARM: &str = "checkout-production-5xx";

/// A canary whose second and third step wait for an approval, ten minutes each.
fn setup() -> Setup {
    let rules = format!(
        "  guardrails: [{ALARM}]\n  canary:\n    steps:\n      - {{ weight: 10, bake: 5m }}\n      \
         - {{ weight: 50, bake: 2m, approval: true }}\n      - {{ weight: 100, bake: 2m, approval: true }}\n\
         promotion: {{ approvals: {{ expires: 10m }} }}\n"
    );
    Setup { configuration: configuration(&rules), ..Setup::default() }
}

/// Waiting for the approval of step 2.
async fn waiting() -> (Run, asl::Execution) {
    let run = Run::new(setup()).await;
    run.alarms.set(ALARM.parse().unwrap(), false);
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    assert!(matches!(rollout(&run).await.phase, Phase::Awaiting { .. }));
    (run, execution)
}

async fn rollout(run: &Run) -> Rollout {
    run.rollouts().await.pop().unwrap()
}

/// Asks for a link for the step that waits.
async fn ask(run: &Run, approver: &str, more: Value) -> Value {
    let rollout = rollout(run).await;
    let mut link = json!({
        "rollout_id": rollout.id, "epoch": rollout.epoch, "step": rollout.step().map_or(1, StepIndex::number),
        "approver": approver,
    });
    link.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fits("approve.link", &validator("approve.link"), &link);
    let reply = run.call("approve", json!({ "link": link })).await.unwrap();
    fits("approve.reply", &validator("approve.reply"), &reply);
    reply
}

/// The path of Ann's link.
async fn link(run: &Run) -> String {
    ask(run, "ann@example.com", json!({})).await["link"]["path"].as_str().unwrap().to_owned()
}

/// A request as Lambda's URL delivers it; a form comes in base64.
async fn http(run: &Run, method: &str, path: &str, form: Option<&str>) -> (u64, String) {
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "host": "x.lambda-url.us-east-1.on.aws" },
        "requestContext": { "accountId": "anonymous", "http": { "method": method, "path": path } },
        "isBase64Encoded": false,
    });
    if let Some(form) = form {
        event["headers"]["content-type"] = "application/x-www-form-urlencoded".into();
        event["body"] = STANDARD.encode(form).into();
        event["isBase64Encoded"] = true.into();
    }
    let reply = run.call("approve", event).await.unwrap();
    (reply["statusCode"].as_u64().unwrap(), reply["body"].as_str().unwrap().to_owned())
}

async fn look(run: &Run, path: &str) -> (u64, String) {
    http(run, "GET", path, None).await
}

/// Presses the button of the page that a link shows.
async fn press(run: &Run, path: &str) -> (u64, String) {
    let link = path.strip_prefix("/approve/").unwrap();
    http(run, "POST", "/", Some(&format!("link={link}&decision=approve"))).await
}

async fn approvals(run: &Run) -> Vec<String> {
    let history = run.history(&rollout(run).await).await;
    let by = history.into_iter().filter_map(|record| match record.event {
        Event::Ordered { order: Order::Approve { .. }, by, .. } => Some(by),
        _ => None,
    });
    by.collect()
}

#[tokio::test(start_paused = true)]
async fn each_step_is_approved_by_its_own_link_and_once() {
    let (run, execution) = waiting().await;
    let first = link(&run).await;
    for _ in 0..5 {
        assert_eq!(look(&run, &first).await.0, 200);
    }
    run.until("9:30").await;
    assert_eq!(
        (run.world.share(Colour::Green), approvals(&run).await.len()),
        (10, 0),
        "to look approves nothing"
    );
    let (code, page) = press(&run, &first).await;
    assert!(code == 200 && page.contains("Step 2 is approved"), "{page}");
    let (code, page) = press(&run, &first).await;
    assert!(code == 409 && page.contains("By ann@example.com, "), "{page}");
    run.until("10:40").await;
    assert_eq!(run.world.share(Colour::Green), 50);
    // The next step waits: the link of the one before is no approval of it.
    while !matches!(rollout(&run).await.phase, Phase::Awaiting { .. }) {
        run.stack.clock().wait(Seconds(10)).await;
    }
    assert_eq!(press(&run, &first).await.0, 409);
    assert_eq!((run.world.share(Colour::Green), approvals(&run).await.len()), (50, 1));
    let second = link(&run).await;
    assert_eq!(press(&run, &second).await.0, 200);
    execution.finished().await;
    for path in [&first, &second] {
        let (code, page) = look(&run, path).await;
        assert!(code == 409 && page.contains("is live on green"), "{page}");
    }
    assert_eq!(approvals(&run).await, ["ann@example.com", "ann@example.com"]);
    run.verified().await.promoted(&run);
}

#[tokio::test(start_paused = true)]
async fn the_same_click_delivered_ten_times_at_once_is_one_approval() {
    let (run, execution) = waiting().await;
    let path = link(&run).await;
    let click = || press(&run, &path);
    let clicks = tokio::join!(click(), click(), click(), click(), click());
    let codes = [clicks.0.0, clicks.1.0, clicks.2.0, clicks.3.0, clicks.4.0];
    assert!(codes.contains(&200) && codes.iter().all(|code| [200, 409].contains(code)), "{codes:?}");
    for _ in 0..5 {
        assert_eq!(press(&run, &path).await.0, 409);
    }
    assert_eq!(approvals(&run).await.len(), 1);
    let rest = async {
        run.until("14:00").await;
        let second = link(&run).await;
        press(&run, &second).await
    };
    assert_eq!(rest.await.0, 200);
    execution.finished().await;
    run.verified().await.promoted(&run);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_expired_or_was_tampered_with_approves_nothing() {
    let (run, execution) = waiting().await;
    let made = ask(&run, "ann@example.com", json!({ "expires_in_seconds": 120 })).await;
    let path = made["link"]["path"].as_str().unwrap().to_owned();
    let middle = path.len() / 2;
    let other = if &path[middle..=middle] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &path[..middle], &path[middle + 1..]);
    for forged in [forged.as_str(), "/approve/AQIDBAUGBwgJ", &path[..path.len() - 8]] {
        for (code, page) in [look(&run, forged).await, press(&run, forged).await] {
            assert!([400, 403].contains(&code) && !page.contains("<form"), "{code} {page}");
        }
    }
    assert_eq!(look(&run, &path).await.0, 200);
    run.until("10:04").await;
    for (code, page) in [look(&run, &path).await, press(&run, &path).await] {
        assert!(code == 410 && page.contains("This link has expired"), "{code} {page}");
    }
    execution.finished().await;
    let (code, page) = look(&run, &path).await;
    assert!(code == 410 && page.contains("This rollout is over"), "{code} {page}");
    assert!(approvals(&run).await.is_empty());
    run.verified().await.rolled_back(&run, "not_approved");
}

/// As if the rollout's plan had these rules from the start.
async fn restrict(run: &Run, approvals: Approvals, starter: &str) {
    let before = rollout(run).await;
    let mut after =
        Rollout { version: before.version + 1, requested_by: starter.to_owned(), ..before.clone() };
    after.plan.approvals = approvals;
    let record = Record::new(&after, Event::Waited { at: run.now() }, &before.head);
    after.head.clone_from(&record.hash);
    run.store.commit(&before, &after, &record).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn neither_the_starter_nor_a_stranger_approves() {
    let (run, execution) = waiting().await;
    let early = link(&run).await;
    let approvers = vec!["bob".to_owned(), "dana".to_owned()];
    restrict(&run, Approvals { expires: Seconds(600), approvers, not_the_starter: true }, "Dana").await;
    for (name, says) in [("ann@example.com", "is not an approver"), ("dana", "asked for this rollout")] {
        let reply = ask(&run, name, json!({})).await;
        assert!(reply["refused"]["reason"].as_str().unwrap().contains(says), "{reply}");
    }
    for (code, page) in [look(&run, &early).await, press(&run, &early).await] {
        assert!(code == 403 && page.contains("You may not approve this"), "{code} {page}");
    }
    assert!(approvals(&run).await.is_empty());
    let bob = ask(&run, "bob", json!({})).await["link"]["path"].as_str().unwrap().to_owned();
    assert_eq!(press(&run, &bob).await.0, 200);
    run.until("10:40").await;
    assert_eq!(run.world.share(Colour::Green), 50);
    execution.stop(None, None);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_or_an_abort_wins_over_a_link() {
    for by_alarm in [true, false] {
        let (run, execution) = waiting().await;
        let path = link(&run).await;
        if by_alarm {
            run.ring(ALARM).await.unwrap();
        } else {
            let id = rollout(&run).await.id;
            let request = json!({ "rollout_id": id, "by": "dana", "reason": "not today" });
            run.call("rollback", json!({ "roll_back": request })).await.unwrap();
        }
        for (code, page) in [look(&run, &path).await, press(&run, &path).await] {
            assert!(code == 410 && page.contains("This rollout is over"), "{code} {page}");
        }
        assert_eq!(run.world.share(Colour::Green), 0);
        let reply = ask(&run, "ann@example.com", json!({})).await;
        assert!(reply["refused"]["reason"].as_str().unwrap().contains("no link was made"), "{reply}");
        execution.finished().await;
        run.verified().await.rolled_back(&run, if by_alarm { "guardrail" } else { "requested" });
    }
}

/// Everything that one thread logs, in memory.
#[derive(Clone)]
struct Lines(ThreadId, Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// What this thread logs from here on. For the whole process: with a subscriber of the thread alone, what another
    /// test has logged before is not asked for again.
    fn of_this_thread() -> Self {
        let lines = Self(thread::current().id(), Arc::default());
        let logs = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        logs.with_writer(lines.clone()).finish().init();
        lines
    }

    fn text(&self) -> String {
        String::from_utf8(self.1.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if thread::current().id() == self.0 {
            self.1.lock().unwrap().extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// One request over a connection of its own: status line, headers and body as they came.
async fn over_http(page: &ApprovalPage, head: &str, body: &str) -> String {
    let host = page.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let request = format!(
        "{head}\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// In real time, and 240 times as fast: the page on this machine, with a real connection for each request.
#[tokio::test]
async fn a_browser_approves_and_nothing_else_learns_the_link() {
    let lines = Lines::of_this_thread();
    let run = Run::new(Setup { speed: NonZeroU32::new(240).unwrap(), ..setup() }).await;
    run.alarms.set(ALARM.parse().unwrap(), false);
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    let page = run.stack.approval_page().await.unwrap();
    let ann = || "ann@example.com".parse().unwrap();
    let mut asked = 0;
    while !matches!(run.rollouts().await.pop(), Some(Rollout { phase: Phase::Awaiting { .. }, .. })) {
        run.stack.clock().wait(Seconds(5)).await;
        if let Some(rollout) = run.rollouts().await.pop()
            && !matches!(rollout.phase, Phase::Awaiting { .. })
        {
            assert_eq!(page.link(&rollout, ann()).await.unwrap(), None, "it does not wait yet");
            asked += 1;
        }
    }
    assert!(asked > 0);
    let address = page.link(&rollout(&run).await, ann()).await.unwrap().expect("it waits");
    let path = address.strip_prefix(&page.url()).unwrap();
    let token = path.strip_prefix("/approve/").unwrap();

    let shown = over_http(&page, &format!("GET {path} HTTP/1.1"), "").await;
    assert!(shown.starts_with("HTTP/1.1 200 OK\r\n"), "{shown}");
    for header in [
        "content-security-policy: default-src 'none';",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
    ] {
        assert!(shown.contains(header), "{header}\n{shown}");
    }
    let sent = shown.split("name=\"link\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(sent, token);
    let form = "POST / HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded";
    let body = format!("link={sent}&decision=approve");
    let other = over_http(&page, "POST / HTTP/1.1\r\ncontent-type: text/plain", &body).await;
    assert!(other.starts_with("HTTP/1.1 415 "), "{other}");
    let long = over_http(&page, form, &"x".repeat(100_000)).await;
    assert!(long.starts_with("HTTP/1.1 413 "), "{long}");
    assert!(approvals(&run).await.is_empty());
    assert!(over_http(&page, form, &body).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(over_http(&page, form, &body).await.starts_with("HTTP/1.1 409 Conflict\r\n"));
    assert!(over_http(&page, "GET / HTTP/1.1", "").await.contains("allow: POST\r\n"));
    assert_eq!(approvals(&run).await, ["ann@example.com"]);

    let transcript = run.journal.transcript();
    let rollout = rollout(&run).await;
    let stored = serde_json::to_string(&(&rollout, run.history(&rollout).await)).unwrap();
    let logged = lines.text();
    assert!(
        logged.contains("an approval link was made") && logged.contains("an approval link was used"),
        "{logged}"
    );
    for (place, text) in [("journal", transcript), ("store", stored), ("log", logged)] {
        assert!(!text.contains(&token[20..60]), "the {place} holds the link");
    }
    execution.stop(None, None);
    drop(page);
}
