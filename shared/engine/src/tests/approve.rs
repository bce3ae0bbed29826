//! Approval by a signed link.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use approval_link::{Claim, Key, Keyring, Link};
use async_trait::async_trait;
use contract::*;
use rollout::{Epoch, Event, Order, Phase, RolloutId, Seconds, StepIndex};

use super::machine::{approval, back, baking, check, environment, order, promote};
use super::world::{FAULTS, Fault, World, at, run};
use crate::ApproveFunction;
use crate::ports::{ApprovalKeys, PortError, PortResult};

const SECRET: &str = "a-key-of-sixty-four-letters-and-digits-0123456789-abcdefghijklmn";

/// The keys of a function, and what it finds when it looks for newer ones.
struct Keys {
    held: Mutex<PortResult<Keyring>>,
    newer: Option<Keyring>,
    looked: AtomicU32,
}

fn ring(secret: &str) -> Keyring {
    Keyring::new(Key::new(secret).unwrap(), None)
}

impl Keys {
    fn new() -> Self {
        Self { held: Mutex::new(Ok(ring(SECRET))), newer: None, looked: AtomicU32::new(0) }
    }
}

#[async_trait]
impl ApprovalKeys for Keys {
    async fn keys(&self) -> PortResult<Keyring> {
        self.held.lock().unwrap().clone()
    }

    async fn newer(&self) -> PortResult<Option<Keyring>> {
        self.looked.fetch_add(1, Ordering::Relaxed);
        Ok(self.newer.clone())
    }
}

/// Baked at 10 %, and waiting for an approval of 100 % within two hours.
fn awaiting() -> World {
    let world = World::with_approval();
    baking(&world);
    waits(&world);
    world
}

fn waits(world: &World) {
    while check(world).next == HealthCheckNext::Wait {}
    assert!(
        matches!(world.only_rollout().phase, Phase::Awaiting { .. }),
        "{}",
        world.only_rollout().phase.name()
    );
    world.in_order();
}

fn function<'a>(world: &'a World, keys: &'a Keys) -> ApproveFunction<'a> {
    ApproveFunction { environment: environment(), store: world, keys, clock: world }
}

fn wanted(world: &World, approver: &str) -> LinkWanted {
    let rollout = world.only_rollout();
    LinkWanted {
        epoch: rollout.epoch.0,
        rollout_id: rollout.id,
        step: 2.try_into().unwrap(),
        approver: approver.parse().unwrap(),
        expires_in_seconds: None,
    }
}

fn ask(world: &World, wanted: LinkWanted) -> LinkReply {
    let keys = Keys::new();
    match run(function(world, &keys).call(Approve::Link(wanted))).unwrap().unwrap() {
        ApproveReply::Link(reply) => reply,
        ApproveReply::Http(response) => panic!("{response:?}"),
    }
}

/// Bob's link.
fn made(world: &World) -> LinkMade {
    match ask(world, wanted(world, "bob")) {
        LinkReply::Link(made) => made,
        LinkReply::Refused { reason } => panic!("{reason}"),
    }
}

fn token(made: &LinkMade) -> &str {
    made.path.strip_prefix(LinkMade::PREFIX).unwrap()
}

fn get(path: &str) -> HttpRequest {
    let (method, content_type) = ("GET".to_owned(), String::new());
    HttpRequest { method, path: path.to_owned(), content_type, body: Body::Text(String::new()) }
}

fn post(token: &str) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        content_type: "application/x-www-form-urlencoded".to_owned(),
        body: Body::Text(format!("link={token}&decision=approve")),
    }
}

/// `None` if the function was killed.
fn sent(world: &World, request: HttpRequest) -> Option<(u16, String)> {
    answered(world, &Keys::new(), request).map(|response| (response.status_code, response.body))
}

fn answered(world: &World, keys: &Keys, request: HttpRequest) -> Option<HttpResponse> {
    match run(function(world, keys).call(Approve::Http(request)))?.unwrap() {
        ApproveReply::Http(response) => Some(response),
        ApproveReply::Link(reply) => panic!("{reply:?}"),
    }
}

fn status(world: &World, request: HttpRequest) -> (u16, String) {
    sent(world, request).unwrap()
}

/// The approvals in the history: who, and why.
fn approvals(world: &World) -> Vec<(String, String)> {
    let history = world.with(|state| state.history.values().flatten().cloned().collect::<Vec<_>>());
    let orders = history.into_iter().filter_map(|record| match record.event {
        Event::Ordered { order: Order::Approve { .. }, by, why, .. } => Some((by, why)),
        _ => None,
    });
    orders.collect()
}

#[test]
fn a_link_shows_a_question_and_its_button_approves_once() {
    let world = awaiting();
    let made = made(&world);
    assert_eq!((made.step.get(), made.approver.as_str(), made.service.as_str()), (2, "bob", "checkout"));
    let before = world.snapshot();
    for _ in 0..3 {
        let (code, page) = status(&world, get(&made.path));
        assert_eq!(code, 200);
        for says in [
            "Approve step 2 of checkout?",
            "<dd>bob</dd>",
            "<b>staging</b>",
            "2 of 2, 100 %",
            "method=\"post\"",
        ] {
            assert!(page.contains(says), "{says}\n{page}");
        }
        let (code, page) = status(&world, HttpRequest { method: "HEAD".to_owned(), ..get(&made.path) });
        assert_eq!((code, page.as_str()), (200, ""));
    }
    assert_eq!(world.snapshot(), before, "whoever only looks approves nothing");
    assert_eq!(check(&world).next, HealthCheckNext::Hold);

    let (code, page) = status(&world, post(token(&made)));
    assert_eq!(code, 200);
    assert!(page.contains("Step 2 is approved") && page.contains("within a minute"), "{page}");
    assert!(!page.contains(token(&made)), "nothing is left to be sent again");
    let after = world.snapshot();
    for request in [post(token(&made)), get(&made.path)] {
        let (code, page) = status(&world, request);
        assert_eq!(code, 409);
        assert!(page.contains("Step 2 was approved already") && page.contains("By bob, "), "{page}");
    }
    assert_eq!(world.snapshot(), after);
    assert_eq!(approvals(&world), [("bob".to_owned(), format!("by signed link {}", made.link_id))]);
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!(world.green(), 100);
    for request in [post(token(&made)), get(&made.path)] {
        assert_eq!(status(&world, request).0, 409, "used, however far the rollout has come");
    }
}

/// The same click delivered twice at the same time, at every call of the first; and Dana's order instead.
#[test]
fn of_two_approvals_at_once_one_counts() {
    for by_order in [false, true] {
        let mut raced = 0;
        for call in 1.. {
            let world = awaiting();
            let made = made(&world);
            let token = token(&made).to_owned();
            let again = token.clone();
            world.in_order();
            world.before(call, move |world| {
                if by_order {
                    order(world, approval(world));
                } else {
                    // At the same instant both would be the same record.
                    world.advance(1);
                    assert_eq!(status(world, post(&again)).0, 200);
                }
            });
            let (code, page) = status(&world, post(&token));
            if !world.happened() {
                assert_eq!(code, 200);
                break;
            }
            raced += 1;
            let by = if by_order { "By alice, " } else { "By bob, " };
            assert!(code == 409 && page.contains(by), "call {call}: {code} {page}");
            assert_eq!(approvals(&world).len(), 1);
        }
        assert!(raced >= 2, "the load and the commit at least: {raced}");
    }
}

/// Every call fails or kills the function once; whoever clicks again is told how it stands.
#[test]
fn a_click_that_was_lost_can_be_repeated() {
    for fault in FAULTS {
        for call in 1.. {
            let world = awaiting();
            let made = made(&world);
            world.in_order();
            world.fail(call, fault);
            let first = sent(&world, post(token(&made)));
            if !world.happened() {
                assert!(call > 2, "{call}");
                break;
            }
            world.in_order();
            match (fault, &first) {
                (Fault::Refused, Some((503, page))) => {
                    assert!(page.contains("Try again in a moment"), "{page}");
                }
                (Fault::KilledBefore | Fault::KilledAfter, None) => {}
                _ => panic!("{fault:?} at call {call}: {first:?}"),
            }
            let recorded = approvals(&world).len();
            let again = status(&world, post(token(&made)));
            assert_eq!(
                again.0,
                if recorded == 1 { 409 } else { 200 },
                "{fault:?} at call {call}: {}",
                again.1
            );
            assert_eq!(approvals(&world).len(), 1);
            assert_eq!(check(&world).next, HealthCheckNext::Promote);
        }
    }
}

#[test]
fn a_link_expires_and_never_outlives_the_wait() {
    let world = awaiting();
    let made = made(&world);
    let Phase::Awaiting { since, .. } = world.only_rollout().phase else { panic!("not waiting") };
    assert_eq!(made.expires, Seconds(7200).after(since), "two hours, not four");
    let soon = LinkWanted { expires_in_seconds: Some(60), ..wanted(&world, "bob") };
    let LinkReply::Link(soon) = ask(&world, soon) else { panic!("refused") };
    world.advance(59);
    assert_eq!(status(&world, get(&soon.path)).0, 200);
    world.advance(1);
    let before = world.snapshot();
    for request in [get(&soon.path), post(token(&soon))] {
        let (code, page) = status(&world, request);
        assert!(code == 410 && page.contains("This link has expired"), "{code} {page}");
    }
    assert_eq!(world.snapshot(), before);
    for seconds in [0, 59, 604_801] {
        let odd = LinkWanted { expires_in_seconds: Some(seconds), ..wanted(&world, "bob") };
        assert!(
            matches!(ask(&world, odd), LinkReply::Refused { reason } if reason.contains("no link was made"))
        );
    }
    // A link that was used says so after its time as well.
    assert_eq!(status(&world, post(token(&made))).0, 200);
    world.advance(8000);
    assert_eq!(status(&world, get(&made.path)).0, 409);
}

/// The same step of the same epoch waits again, after a change of the rule: that needs another approval.
#[test]
fn a_link_is_for_one_wait_and_not_for_the_next_of_the_same_step() {
    let world = awaiting();
    let early = made(&world);
    world.with(|state| state.foreign = Some("3 target groups".to_owned()));
    assert_eq!(check(&world).next, HealthCheckNext::Hold);
    let (code, page) = status(&world, post(token(&early)));
    assert!(
        code == 409 && page.contains("The rollout is elsewhere now") && page.contains("frozen"),
        "{code} {page}"
    );
    world.with(|state| state.foreign = None);
    assert_eq!(check(&world).next, HealthCheckNext::Wait);
    waits(&world);
    for request in [get(&early.path), post(token(&early))] {
        assert_eq!(status(&world, request).0, 409);
    }
    assert!(approvals(&world).is_empty());
    let late = made(&world);
    assert_eq!((late.step, late.rollout_id.clone()), (early.step, early.rollout_id.clone()));
    assert_eq!(status(&world, post(token(&late))).0, 200);
    // Whoever answers the later wait has not used the link of the one before.
    let (code, page) = status(&world, get(&early.path));
    assert!(code == 409 && page.contains("elsewhere"), "{page}");
}

/// Approved, held before the step was taken, and baked anew: the approval of then is spent.
#[test]
fn a_used_link_approves_nothing_after_a_hold() {
    let world = awaiting();
    let used = made(&world);
    assert_eq!(status(&world, post(token(&used))).0, 200);
    order(&world, Order::Hold);
    order(&world, Order::Resume);
    waits(&world);
    let (code, page) = status(&world, post(token(&used)));
    assert!(code == 409 && page.contains("By bob, "), "{code} {page}");
    assert_eq!(check(&world).next, HealthCheckNext::Hold);
}

#[test]
fn an_approval_of_what_is_held_is_kept_and_told() {
    let world = awaiting();
    let made = made(&world);
    order(&world, Order::Hold);
    assert_eq!(status(&world, get(&made.path)).0, 200);
    let (code, page) = status(&world, post(token(&made)));
    assert!(code == 200 && page.contains("held by alice (release train)"), "{code} {page}");
    assert_eq!(status(&world, post(token(&made))).0, 409);
    order(&world, Order::Resume);
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
}

#[test]
fn a_rollout_that_is_over_cannot_be_approved() {
    let world = awaiting();
    let made = made(&world);
    let id = world.only_rollout().id;
    let abort =
        Rollback::Requested { rollout: id, epoch: None, by: "alice".to_owned(), reason: "no".to_owned() };
    back(&world, abort).unwrap();
    for _ in 0..2 {
        let before = world.snapshot();
        for request in [get(&made.path), post(token(&made))] {
            let (code, page) = status(&world, request);
            assert!(code == 410 && page.contains("This rollout is over"), "{code} {page}");
        }
        assert_eq!(world.snapshot(), before);
        let LinkReply::Refused { reason } = ask(&world, wanted(&world, "bob")) else { panic!("a link") };
        assert!(reason.contains("no link was made"), "{reason}");
        world.advance(60);
        back(&world, Rollback::Sweep).unwrap();
    }
}

#[test]
fn only_who_may_approve_gets_a_link_and_can_use_one() {
    let world = awaiting();
    let early = made(&world);
    world.with(|state| {
        let rollout = state.rollouts.values_mut().next().unwrap();
        rollout.plan.approvals.approvers = vec!["ann@example.com".to_owned(), "alice".to_owned()];
        rollout.plan.approvals.not_the_starter = true;
        rollout.requested_by = "Alice".to_owned();
    });
    for (name, says) in
        [("bob", "bob is not an approver"), ("alice", "alice asked for this rollout and may not approve it")]
    {
        let LinkReply::Refused { reason } = ask(&world, wanted(&world, name)) else {
            panic!("a link for {name}")
        };
        assert!(reason.contains(says), "{reason}");
    }
    // A link that should not have been made is of no use either.
    let rollout = world.only_rollout();
    let Phase::Awaiting { step, since, .. } = rollout.phase else { panic!("not waiting") };
    let (environment, epoch) = (environment(), rollout.epoch);
    let approver = "alice".parse().unwrap();
    let claim =
        Claim { environment, rollout: rollout.id, epoch, step, since, expires: early.expires, approver };
    let alices = LinkMade::path_of(&ring(SECRET).sign(&claim));
    let before = world.snapshot();
    for path in [&alices, &early.path] {
        let token = path.strip_prefix(LinkMade::PREFIX).unwrap();
        for request in [get(path), post(token)] {
            let (code, page) = status(&world, request);
            assert!(code == 403 && page.contains("You may not approve this"), "{code} {page}");
        }
    }
    assert_eq!(world.snapshot(), before);
    let LinkReply::Link(ann) = ask(&world, wanted(&world, "Ann@Example.com")) else { panic!("refused") };
    assert_eq!(status(&world, post(token(&ann))).0, 200);
}

#[test]
fn a_link_is_asked_for_what_waits_now() {
    let world = World::with_approval();
    baking(&world);
    let refused = |wanted: LinkWanted| match ask(&world, wanted) {
        LinkReply::Refused { reason } => reason,
        LinkReply::Link(made) => panic!("{made:?}"),
    };
    assert!(refused(wanted(&world, "bob")).contains("does not wait for an approval now"));
    waits(&world);
    let stale = LinkWanted { epoch: 9, ..wanted(&world, "bob") };
    assert!(refused(stale).starts_with("stale: the link would be for epoch 9"));
    let other = LinkWanted { step: 1.try_into().unwrap(), ..wanted(&world, "bob") };
    assert!(refused(other).starts_with("stale: the link would be for step 1, step 2 waits"));
    let unknown = LinkWanted { rollout_id: "checkout-0".parse().unwrap(), ..wanted(&world, "bob") };
    let failure = run(function(&world, &Keys::new()).call(Approve::Link(unknown))).unwrap().unwrap_err();
    assert_eq!(failure.name, ErrorName::UnknownRollout);
}

#[test]
fn what_nobody_should_send_has_its_answer_and_changes_nothing() {
    let world = awaiting();
    let made = made(&world);
    let good = token(&made);
    let mut forged = good.to_owned();
    forged.replace_range(60..=60, if &forged[60..=60] == "A" { "B" } else { "A" });
    let with = |body: Body| HttpRequest { body, ..post(good) };
    let text = |text: String| with(Body::Text(text));
    let before = world.snapshot();
    let cases = [
        (get("/"), 405),
        (get("/favicon.ico"), 404),
        (get("/approve"), 404),
        (get("/approve/"), 400),
        (get("/approve/../secrets"), 400),
        (get(&format!("{}.", made.path)), 400),
        // Cut off to a multiple of four, which is whole base64.
        (get(&made.path[..made.path.len() - good.len() % 4 - 4]), 403),
        (get(&format!("/approve/{forged}")), 403),
        (post(&forged), 403),
        (HttpRequest { method: "POST".to_owned(), ..get(&made.path) }, 405),
        (HttpRequest { method: "DELETE".to_owned(), ..post(good) }, 405),
        (HttpRequest { method: "PUT".to_owned(), ..get("/x") }, 404),
        (HttpRequest { content_type: "application/json".to_owned(), ..post(good) }, 415),
        (HttpRequest { content_type: String::new(), ..post(good) }, 415),
        (with(Body::TooLong), 413),
        (with(Body::NotText), 400),
        (text(String::new()), 400),
        (text(format!("link={good}")), 400),
        (text(format!("link={good}&decision=reject")), 400),
        (text(format!("link={good}&decision=approve&decision=approve")), 400),
        (text(format!("link={good}&link={good}&decision=approve")), 400),
        (text(format!("link={good}%20&decision=approve")), 400),
    ];
    for (number, (request, wanted)) in cases.into_iter().enumerate() {
        let (code, page) = status(&world, request);
        assert_eq!(code, wanted, "case {number}\n{page}");
        assert!(!page.contains(good) && !page.contains("<form"), "case {number}\n{page}");
    }
    assert_eq!(world.snapshot(), before);
    assert_eq!(
        status(&world, text(format!("decision=approve&link={good}"))).0,
        200,
        "the order of the fields is free"
    );
}

#[test]
fn every_answer_has_the_headers_and_some_have_one_more() {
    let world = awaiting();
    let made = made(&world);
    let keys = Keys::new();
    let header = |request: HttpRequest, name: &str| {
        answered(&world, &keys, request).unwrap().headers.get(name).cloned()
    };
    for request in [get(&made.path), get("/nothing"), get("/approve/forged"), post("forged")] {
        let response = answered(&world, &keys, request).unwrap();
        for (name, value) in approval_link::page::headers() {
            assert_eq!(response.headers.get(name), Some(&value), "{name}");
        }
    }
    assert_eq!(header(get("/"), "allow").as_deref(), Some("POST"));
    assert_eq!(
        header(HttpRequest { path: made.path.clone(), ..post("x") }, "allow").as_deref(),
        Some("GET, HEAD")
    );
    *keys.held.lock().unwrap() =
        Err(PortError::Transient { service: "Secrets Manager", detail: "throttled".to_owned() });
    let failed = answered(&world, &keys, post(token(&made))).unwrap();
    assert_eq!((failed.status_code, failed.headers["retry-after"].as_str()), (503, "15"));
    *keys.held.lock().unwrap() = Err(PortError::Permanent {
        service: "Secrets Manager",
        detail: "denied".to_owned(),
        remedy: "allow it".to_owned(),
    });
    let failed = answered(&world, &keys, get(&made.path)).unwrap();
    assert!(failed.status_code == 500 && !failed.body.contains("denied"), "{}", failed.body);
}

#[test]
fn newer_keys_are_looked_for_when_a_link_needs_them() {
    let world = awaiting();
    let made = made(&world);
    let rotated = Keys { held: Mutex::new(Ok(ring(&SECRET.repeat(2)))), ..Keys::new() };
    assert_eq!(answered(&world, &rotated, get(&made.path)).unwrap().status_code, 403);
    let newer =
        Keys { newer: Some(ring(SECRET)), held: Mutex::new(Ok(ring(&SECRET.repeat(2)))), ..Keys::new() };
    assert_eq!(answered(&world, &newer, post(token(&made))).unwrap().status_code, 200);
    let looked = |keys: &Keys| keys.looked.load(Ordering::Relaxed);
    let usual = Keys::new();
    answered(&world, &usual, get(&made.path)).unwrap();
    assert_eq!((looked(&rotated), looked(&newer), looked(&usual)), (1, 1, 0));
}

#[test]
fn a_link_of_a_rollout_that_is_gone_or_of_another_environment_is_told_apart() {
    let world = awaiting();
    let made = made(&world);
    let claim = |environment: &str, rollout: &str| Claim {
        environment: environment.parse().unwrap(),
        rollout: rollout.parse::<RolloutId>().unwrap(),
        epoch: Epoch(1),
        step: StepIndex(1),
        since: at(0),
        expires: made.expires,
        approver: "bob".parse().unwrap(),
    };
    let path = |claim: Claim| LinkMade::path_of(&ring(SECRET).sign(&claim));
    assert_eq!(status(&world, get(&path(claim("staging", "checkout-gone")))).0, 404);
    assert_eq!(status(&world, get(&path(claim("production", made.rollout_id.as_str())))).0, 403);
    // A claim that was never true of this rollout.
    assert_eq!(status(&world, get(&path(claim("staging", made.rollout_id.as_str())))).0, 409);
}

#[test]
fn the_link_is_nowhere_but_in_its_page() {
    let world = awaiting();
    let made = made(&world);
    assert_eq!(status(&world, post(token(&made))).0, 200);
    let request = Approve::Http(post(token(&made)));
    let reply = LinkReply::Link(made.clone());
    let stored = serde_json::to_string(&world.with(|state| state.history.clone())).unwrap();
    let kept = format!("{:?} {request:?} {reply:?} {stored}", world.snapshot());
    assert!(!kept.contains(&token(&made)[20..60]) && kept.contains(&made.link_id));
    let link: Link = token(&made).parse().unwrap();
    assert_eq!(link.id().to_string(), made.link_id);
}
