//! alert-router: the compiled function, the state machine of its timers, the topic and the rules that it hears, and
//! channels that behave like PagerDuty, Slack and a webhook's receiver.
//!
//! Each test is about a service, a pager and a channel of Slack of its own.

mod desk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alerting::group::{Delivery, Given, Sight};
use alerting::{Alert, AlertKey, AlertState, Group, Notice, Severity, Subject};
use contract::{AlertRouterReply, AlertRouterResult};
use environments::Environment;
use jiff::{SignedDuration, Timestamp};
use receivers::{Behaviour, Status};
use serde_json::{Value, json};

use crate::executions::{Execution, with_input};
use crate::rollouts::first_bake;
use crate::template::Template;
use crate::world::World;

pub use desk::Desk;
use desk::{alarm_of, group_of};

/// Longer than a process that took messages may take to send them (`alerting::group::CLAIM`).
const CLAIM: Duration = Duration::from_secs(46);

/// CloudWatch's times are to the second here: two changes of one alarm within one would be at the same time.
const NEXT_SECOND: Duration = Duration::from_millis(1_100);

/// Calls alert-router, as Lambda's `Invoke` does, and waits for its answer.
async fn call(world: &World, payload: &Value) -> AlertRouterReply {
    let (_, name) = world.stack.alert_router.rsplit_once(':').unwrap();
    let path = format!("/2015-03-31/functions/{name}/invocations");
    let answer = world.aws.rest("lambda", "POST", &path, payload).await;
    serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Sets the alarm of a case.
async fn set_alarm(world: &World, case: &str, alarm: &str, state: &str) {
    world.set_alarm(&alarm_of(&world.run, case, alarm), state).await;
}

/// What SNS delivers of that alarm, now.
fn of_sns(world: &World, case: &str, alarm: &str, state: &str) -> Value {
    let mut event = e2e::alarm_event(&alarm_of(&world.run, case, alarm), state, Timestamp::now());
    let message = event.pointer_mut("/Records/0/Sns/Message").unwrap();
    let mut alarm: Value = serde_json::from_str(message.as_str().unwrap()).unwrap();
    let dimension = |name: &str, value: &str| json!({ "name": name, "value": value });
    alarm["Trigger"]["Dimensions"] =
        json!([dimension("Environment", &world.stack.environment), dimension("Service", case)]);
    *message = alarm.to_string().into();
    event
}

/// The event that tells how an environment, or a service of it, is.
fn status(environment: &str, service: Option<&str>, status: &str, metrics: &Value) -> Value {
    let detail = json!({
        "environment": environment, "service": service, "status": status, "reason": "HTTP 503",
        "at": Timestamp::now(), "metrics": metrics,
    });
    json!({ "Source": "ace-flow", "DetailType": "Environment Status Changed", "Detail": detail.to_string() })
}

/// Waits until a case has so many incidents and messages.
async fn has(world: &World, case: &str, incidents: usize, messages: usize) {
    let what = format!("{case} has {incidents} incidents and {messages} messages");
    let counts = async || {
        let found = (world.desk.incidents(case).len(), world.desk.posted(case).len());
        (found == (incidents, messages)).then_some(())
    };
    world.eventually(&what, counts).await;
}

/// Waits until everything of a case has ended, for who was paged and in the thread.
async fn has_ended(world: &World, case: &str, messages: usize) {
    let ended = async || {
        let incidents = world.desk.incidents(case);
        let resolved = incidents.iter().all(|incident| incident.status == Status::Resolved);
        (resolved && world.desk.posted(case).len() == messages).then_some(())
    };
    world.eventually(&format!("{case} has ended"), ended).await;
}

/// The group of a case in the table.
async fn group(world: &World, case: &str) -> Group {
    let id = group_of(&world.stack.environment, case);
    world.alerts.group(&world.environment, &id).await.unwrap().expect("the group is stored")
}

/// An alarm, by its topic, is a page and a message; the same again is nothing; its end ends the page, and is said in the
/// message's thread.
pub async fn an_alarm_is_a_page_and_a_thread_and_its_end_ends_both(world: Arc<World>) {
    set_alarm(&world, "paged", "errors", "ALARM").await;
    has(&world, "paged", 1, 1).await;
    let incident = world.desk.incidents("paged").remove(0);
    assert_eq!(incident.status, Status::Triggered);
    assert_eq!(incident.routing_key, world.desk.routing_key());
    assert_eq!(incident.dedup_key, group_of(&world.stack.environment, "paged").as_str());
    assert_eq!(incident.events.len(), 1);
    let summary = incident.events[0]["payload"]["summary"].as_str().unwrap();
    assert!(summary.contains("paged: errors") && summary.contains(&world.stack.environment), "{summary}");
    let first = world.desk.posted("paged").remove(0);
    let text = first.body["text"].as_str().unwrap();
    assert!(text.contains("paged: errors") && text.contains("the test says so"), "{text}");
    assert_eq!(first.thread_ts, None);

    // Delivered again, and rung again.
    set_alarm(&world, "paged", "errors", "ALARM").await;
    for _ in 0..2 {
        let reply = call(&world, &of_sns(&world, "paged", "errors", "ALARM")).await;
        assert_eq!(
            (reply.result, reply.delivered, reply.failed),
            (AlertRouterResult::Routed, 0, 0),
            "{reply:?}"
        );
    }
    let incidents = world.desk.incidents("paged");
    assert_eq!((incidents.len(), incidents[0].events.len(), world.desk.posted("paged").len()), (1, 1, 1));

    tokio::time::sleep(NEXT_SECOND).await;
    set_alarm(&world, "paged", "errors", "OK").await;
    has_ended(&world, "paged", 2).await;
    let end = world.desk.posted("paged").remove(1);
    assert_eq!(end.thread_ts.as_deref(), Some(first.ts.as_str()), "in the thread: {}", end.body);
    assert_eq!(world.desk.incidents("paged")[0].events.len(), 2);
    assert_eq!(world.desk.fallen_back("paged: errors"), []);
    assert!(group(&world, "paged").await.is_closed());
}

/// alert-router asks of its table what its role may, by `infra/template.yaml`.
pub async fn the_table_is_used_as_the_role_may(world: Arc<World>) {
    is_told(&world, "allowed").await;
    let template = Template::new(std::collections::BTreeMap::new());
    let statements =
        template.properties("AlertRouterFunction")["Policies"][0]["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    let allowed: Vec<String> =
        actions.filter_map(|action| action.as_str()?.strip_prefix("dynamodb:").map(str::to_owned)).collect();
    let (operations, written) = world.table.called();
    assert!(operations.contains("PutItem") && operations.contains("Query"), "{operations:?}");
    assert!(operations.iter().all(|operation| allowed.contains(operation)), "{operations:?} {allowed:?}");
    let own = format!("ALERTS#{}", world.stack.environment);
    let is_own = |partition: &String| {
        partition.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    };
    assert!(!written.is_empty() && written.iter().all(is_own), "{written:?}");
}

/// An alarm of a case rings, and is told to its pager and its channel.
pub async fn is_told(world: &World, case: &str) {
    set_alarm(world, case, "errors", "ALARM").await;
    has(world, case, 1, 1).await;
}

/// The first rule of the document, by an event on the bus.
pub async fn the_documents_first_rule_pages_for_a_production_that_is_down(world: Arc<World>) {
    world.put(vec![status("production", None, "unhealthy", &json!({ "response_time": 4210 }))]).await;
    has(&world, "document", 1, 1).await;
    let text = world.desk.posted("document").remove(0).body["text"].as_str().unwrap().to_owned();
    assert!(text.contains("Production Down") && text.contains("status is unhealthy (HTTP 503)"), "{text}");
    // The same word again, and a worse one, are no news.
    world.put(vec![status("production", None, "critical", &json!({}))]).await;
    world.put(vec![status("production", None, "healthy", &json!({}))]).await;
    has_ended(&world, "document", 2).await;
    assert_eq!(world.desk.incidents("document").len(), 1);
}

/// Two alarms of one service within the group's wait are one message, sent by the state machine's timer.
pub async fn what_waits_for_more_is_told_once_by_a_timer(world: Arc<World>) {
    let began = Timestamp::now();
    set_alarm(&world, "waits", "errors", "ALARM").await;
    set_alarm(&world, "waits", "latency", "ALARM").await;
    has(&world, "waits", 1, 1).await;
    let waited = world.desk.pager("waits").seen()[0].at.duration_since(began);
    assert!(waited >= SignedDuration::from_secs(2), "told after {waited}");
    let text = world.desk.posted("waits").remove(0).body["text"].as_str().unwrap().to_owned();
    assert!(text.contains("waits: errors") && text.contains("waits: latency"), "{text}");

    let key = group_of(&world.stack.environment, "waits");
    let told = async || {
        let of_group = |input: &Value| input["due"]["key"] == key.as_str();
        let mut delivered = 0;
        for arn in with_input(&world.aws, &world.stack.alert_timer, of_group).await {
            let timer = Execution::read(&world.aws, &arn).await;
            if timer.ended() {
                let states: Vec<&str> = timer.entered.iter().map(|(state, _)| state.as_str()).collect();
                assert_eq!(
                    (timer.status.as_str(), states.as_slice()),
                    ("SUCCEEDED", &["Wait", "AlertRouter", "Done"][..])
                );
                delivered += timer.output["delivered"].as_u64().unwrap();
            }
        }
        (delivered == 2).then_some(())
    };
    world.eventually("the timer has told both", told).await;
    tokio::time::sleep(NEXT_SECOND).await;
    for alarm in ["errors", "latency"] {
        set_alarm(&world, "waits", alarm, "OK").await;
    }
    has_ended(&world, "waits", 2).await;
}

/// A condition with a time holds, and ends, by a timer too.
pub async fn a_condition_with_a_time_begins_and_ends_by_timers(world: Arc<World>) {
    let slow = |time: u32| {
        let metrics = json!({ "response_time": time });
        status(&world.stack.environment, Some("slow"), "degraded", &metrics)
    };
    let began = Timestamp::now();
    world.put(vec![slow(3_200)]).await;
    has(&world, "slow", 1, 1).await;
    let told = world.desk.pager("slow").seen()[0].at;
    assert!(told.duration_since(began) >= SignedDuration::from_secs(2), "{began} {told}");
    let ended = Timestamp::now();
    world.put(vec![slow(200)]).await;
    has_ended(&world, "slow", 2).await;
    let told = world.desk.pager("slow").seen()[1].at;
    assert!(told.duration_since(ended) >= SignedDuration::from_secs(1), "{ended} {told}");
}

/// Who stands in for a pager that is down is told at once, and the pager once it is back; both are told the end.
pub async fn a_pager_that_is_down_is_stood_in_for_and_told_when_it_is_back(world: Arc<World>) {
    let pager = world.desk.pager("down");
    pager.always(Behaviour::Status { status: 500, retry_after: None, body: String::new() });
    set_alarm(&world, "down", "errors", "ALARM").await;
    let fallen_back = async || {
        let told = world.desk.fallen_back("down: errors");
        (!told.is_empty()).then_some(told)
    };
    let told = world.eventually("the fallback is told", fallen_back).await;
    let instead = &told[0].0["instead_of"][0];
    assert_eq!((told.len(), &instead["channel"]), (1, &json!("pager-down")));
    assert!(instead["why"].as_str().unwrap().contains("PagerDuty answers 500"), "{instead}");
    assert_eq!(pager.seen().len(), 3, "tried three times first");
    assert_eq!(world.desk.incidents("down").len(), 0);

    pager.always(Behaviour::Well);
    has(&world, "down", 1, 0).await;
    assert_eq!(group(&world, "down").await.lines()[&"pager-down".parse().unwrap()].failing(), None);
    set_alarm(&world, "down", "errors", "OK").await;
    has_ended(&world, "down", 0).await;
    let kinds = async || {
        let told = world.desk.fallen_back("down: errors");
        let kinds: Vec<(Value, usize)> =
            told.into_iter().map(|(body, times)| (body["kind"].clone(), times)).collect();
        (kinds == [(json!("firing"), 1), (json!("resolved"), 1)]).then_some(())
    };
    world.eventually("the fallback is told the end", kinds).await;
}

/// What a channel asks for is waited for.
pub async fn a_pager_that_asks_for_a_moment_gets_it(world: Arc<World>) {
    let pager = world.desk.pager("busy");
    pager.will([Behaviour::Status { status: 429, retry_after: Some("2".to_owned()), body: String::new() }]);
    set_alarm(&world, "busy", "errors", "ALARM").await;
    has(&world, "busy", 1, 0).await;
    let seen = pager.seen();
    assert_eq!(seen.len(), 2);
    let waited = seen[1].at.duration_since(seen[0].at);
    assert!(waited >= SignedDuration::from_secs(2), "asked again after {waited}");
    assert_eq!(world.desk.fallen_back("busy: errors"), []);
}

/// What cannot be read is told to the fallback, once, with its beginning.
pub async fn what_cannot_be_read_is_told_to_the_fallback(world: Arc<World>) {
    let topic = world.stack.alert_topic.as_str();
    let fields = [("TopicArn", topic), ("Message", "the shop is on fire")];
    world.aws.query("sns", "2010-03-31", "Publish", &fields).await;
    let fallen_back = async || {
        let told = world.desk.fallen_back("not understood");
        (!told.is_empty()).then_some(told)
    };
    let (body, _) = world.eventually("the fallback is told", fallen_back).await.remove(0);
    let text = body.to_string();
    assert!(
        text.contains("the shop is on fire") && text.contains("is not the JSON of a CloudWatch alarm"),
        "{text}"
    );
    let mut sick = status("production", None, "sick", &json!({}));
    sick["detail-type"] = sick["DetailType"].take();
    sick["detail"] = serde_json::from_str(sick["Detail"].as_str().unwrap()).unwrap();
    let reply = call(&world, &sick).await;
    assert_eq!((reply.result, reply.delivered), (AlertRouterResult::Routed, 0), "{reply:?}");
    let told = world.desk.fallen_back("not understood");
    assert_eq!((told.len(), told[0].1), (1, 1), "once for all of them");
}

/// A channel whose secret has no such key is stood in for, and whoever reads it or the log knows which and what to do.
pub async fn a_missing_secret_is_stood_in_for_and_named(world: Arc<World>) {
    set_alarm(&world, "keyless", "errors", "ALARM").await;
    let fallen_back = async || {
        let told = world.desk.fallen_back("keyless: errors");
        (!told.is_empty()).then_some(told)
    };
    let (body, _) = world.eventually("the fallback is told", fallen_back).await.remove(0);
    let instead = &body["instead_of"][0];
    assert_eq!(instead["channel"], "pager-keyless");
    let missing =
        format!("secret ace-flow/{}/secrets has no key external_apis.not_there", world.stack.environment);
    let remedy = "ace secrets set external_apis.not_there";
    let reason = instead["why"].as_str().unwrap();
    assert!(reason.contains(&missing) && reason.contains(remedy), "{reason}");
    assert_eq!(world.desk.pager("keyless").seen().len(), 0);
    let logged = async || {
        let logs = crate::redaction::logs_of(&world, "alert-router").await;
        (logs.contains(&missing) && logs.contains(remedy)).then_some(())
    };
    world.eventually("the log says so", logged).await;
}

/// The process is killed after both channels have its messages, and before it has recorded that. The same event again
/// does not send them again while the first process may still live; the sweep makes up for it, and each channel that can
/// tell messages apart has its one.
pub async fn a_process_killed_before_it_has_recorded_tells_nobody_twice(world: Arc<World>) {
    let id = group_of(&world.stack.environment, "cut");
    world.table.kill_recorder(id.as_str());
    set_alarm(&world, "cut", "errors", "ALARM").await;
    let killed = async || world.table.has_killed(id.as_str()).then_some(Instant::now());
    let killed = world.eventually("the process is killed", killed).await;
    has(&world, "cut", 1, 1).await;
    let stored = group(&world, "cut").await;
    assert!(stored.lines().values().all(|line| line.told() == 0), "nothing is recorded: {stored:#?}");

    let reply = call(&world, &of_sns(&world, "cut", "errors", "ALARM")).await;
    assert_eq!((reply.delivered, reply.failed), (0, 0), "whoever took the messages may still live");
    tokio::time::sleep_until((killed + CLAIM).into()).await;
    assert_eq!((world.desk.incidents("cut").len(), world.desk.posted("cut").len()), (1, 1));
    call(&world, &json!({ "sweep": {} })).await;
    let recorded = async || {
        let stored = group(&world, "cut").await;
        let lines = stored.lines();
        (lines.len() == 2 && lines.values().all(|line| line.told() == 1)).then_some(())
    };
    world.eventually("it is recorded", recorded).await;
    let incidents = world.desk.incidents("cut");
    assert_eq!((incidents.len(), world.desk.posted("cut").len()), (1, 1), "once");
    let [first, again] = incidents[0].events.as_slice() else { panic!("{:?}", incidents[0].events) };
    assert_eq!(first, again, "the same event, which is the same incident");
    tokio::time::sleep(NEXT_SECOND).await;
    set_alarm(&world, "cut", "errors", "OK").await;
    has_ended(&world, "cut", 2).await;
    let posted = world.desk.posted("cut");
    assert_eq!(posted[1].thread_ts.as_deref(), Some(posted[0].ts.as_str()), "the thread is known again");
}

/// A group whose pager could not be told since yesterday, as the table has it then.
fn hopeless(world: &World) -> Group {
    let text = std::fs::read_to_string(&world.configuration).unwrap();
    let policy = Environment::from_yaml(&text).unwrap().alerts(&world.environment);
    let since = Timestamp::now() - SignedDuration::from_hours(25);
    let alert = Alert {
        key: AlertKey {
            rule: "gone: errors".parse().unwrap(),
            subject: Some(Subject::service(world.environment.clone(), "gone".parse().unwrap())),
        },
        severity: Severity::Critical,
        state: AlertState::Firing { since },
        decided: since,
        because: "the test says so".to_owned(),
        flapping: false,
        link: None,
    };
    let empty = Group::of(&alert, &policy);
    let mut group = empty.clone();
    group.hear(&alert, since);
    let sight = Sight { silences: &[], elsewhere: &[], rollouts: &[] };
    let plan = group.plan(&policy, sight, since);
    let channel = plan.sends[0].channel.clone();
    let refused = Delivery::Refused { why: "PagerDuty answers 403".to_owned() };
    let given = Given { planned: plan.at, deliveries: [(channel, refused)].into() };
    plan.group.record(&given, &policy, since).unwrap().after(&empty, since).unwrap()
}

/// What nobody could be told for a day is given up: it is in the queue, whole, and is not tried any more.
pub async fn what_is_given_up_is_in_the_queue(world: Arc<World>) {
    let group = hopeless(&world);
    assert!(world.alerts.put_group(&world.environment, &group).await.unwrap());
    let due = json!({ "due": { "of": "group", "key": group.id, "at": Timestamp::now() } });
    call(&world, &due).await;
    let asked = json!({ "QueueUrl": world.stack.dead_letters, "MaxNumberOfMessages": 10 });
    let letters = async || {
        let received = world.aws.json("sqs", "AmazonSQS.ReceiveMessage", &asked).await;
        received["Messages"].as_array().filter(|messages| !messages.is_empty()).cloned()
    };
    let letters = world.eventually("the letter arrives", letters).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter: Value = serde_json::from_str(letters[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&letter["channel"], &letter["why"]), (&json!("pager-gone"), &json!("PagerDuty answers 403")));
    let notice: Notice = serde_json::from_value(letter["notice"].clone()).unwrap();
    assert_eq!((notice.group, notice.alerts[0].because.as_str()), (group.id, "the test says so"));
    assert_eq!(world.desk.pager("gone").seen().len(), 0);
}

/// The alarm of a rollout that rolls back pages nobody: whoever reads along is told that the rollout answers it, and its
/// end.
pub async fn a_rollout_that_rolls_back_answers_its_alarm(world: Arc<World>) {
    let (_, baking) = first_bake(&world, "folded").await;
    world.ring("folded").await;
    has(&world, "folded", 0, 1).await;
    let first = world.desk.posted("folded").remove(0);
    let text = first.body["text"].as_str().unwrap();
    assert!(text.contains("folded: errors") && text.contains(baking.id.as_str()), "{text}");
    let answered = async || {
        let posted = world.desk.posted("folded");
        let says = |body: &Value| body["text"].as_str().is_some_and(|text| text.contains("answers"));
        posted.iter().any(|posted| says(&posted.body)).then_some(posted)
    };
    let posted = world.eventually("it is said that the rollout answers", answered).await;
    tokio::time::sleep(NEXT_SECOND).await;
    world.set_alarm(&world.alarm("folded"), "OK").await;
    has_ended(&world, "folded", posted.len() + 1).await;
    let end = world.desk.posted("folded").pop().unwrap();
    assert_eq!(end.thread_ts.as_deref(), Some(first.ts.as_str()));
    assert_eq!(world.desk.pager("folded").seen().len(), 0, "nobody was paged");
}
