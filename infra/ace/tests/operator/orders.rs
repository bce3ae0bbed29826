//! Orders to rollouts and environments.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::project::{CANARY, Played, Project, lines, told};

#[test]
fn a_rollout_is_held_resumed_advanced_and_aborted_from_other_processes() {
    let project = Project::new();
    let mut played = project.play(&CANARY);
    played.until("baking");
    assert_eq!(std::fs::metadata(project.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    let newest = project.newest();
    let id = newest["rollout"].as_str().unwrap();
    assert_eq!((&newest["version"], &newest["requested_by"]), (&json!("v2"), &json!("ann")));

    project.done(&["hold", "--reason", "lunch", "--by", "bob"], "held by bob: lunch");
    project.refused(&["hold", "--reason", "lunch too", "--by", "eve"], "it is held already");
    project.refused(&["advance", "--reason", "now"], "held by bob: lunch");
    project.refused(&["approve"], "no step waits for an approval");
    assert_eq!(project.newest()["hold"]["by"]["who"], "bob");
    project.done(&["resume", id, "--by", "bob"], "baking at");
    project.refused(&["resume"], "nobody holds it");
    // As somebody sees it who has looked a while ago.
    project.refused(&["advance", "--step", "5", "--reason", "late"], "stale: the order is for step 5");
    project.refused(&["advance", "--epoch", "7", "--reason", "late"], "stale: the order is for epoch 7");
    project.refused(&["abort", "--epoch", "7", "--reason", "late"], "stale: the order is for epoch 7");
    project.done(&["advance", "--reason", "enough seen"], "");
    project.done(&["abort", "--reason", "enough", "--by", "eve"], "asked for by eve: enough");
    project.refused(&["abort", "--reason", "twice"], "it goes back already");
    project.mistaken(&["abort", "no-such-rollout", "--reason", "x"], "there is no rollout no-such-rollout");
    project.mistaken(
        &["hold", "--environment", "staging", "--embedded", "--reason", "x"],
        "no rollout is under way",
    );

    let (code, summary) = played.end();
    assert_eq!((code, &summary["ended"]), (Some(2), &json!("rolled back")));
    assert_eq!(summary["reason"], "asked for by eve: enough");
    assert!(!project.socket().exists(), "the socket goes with its process");
    project.refused(&["hold", id, "--reason", "late"], "the rollout has ended");
    project.mistaken(&["hold", "--reason", "nothing"], "no rollout is under way in environment local");

    // What was ordered is in the history, and the history is whole.
    let history = project.ace(&["history", id]);
    let text = told(&history);
    assert_eq!(history.status.code(), Some(0), "{text}");
    for words in ["\"lunch\"", "\"enough seen\"", "\"enough\"", "\"by\":\"bob\""] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(!text.contains("late"), "{text}");
}

#[test]
fn a_step_waits_for_an_approval_or_is_rejected() {
    let project = Project::new();
    project.configure(
        "rollout:\n",
        "rollout:\n  canary: { steps: [{ weight: 100, bake: 1m, approval: true }] }\n",
    );
    let mut played = project.play(&CANARY);
    played.until("awaiting_approval");
    assert_eq!(project.newest()["step"], 1);
    project.refused(&["approve", "--step", "2", "--by", "bob"], "stale: the order is for step 2");
    project.done(
        &["reject", "--reason", "the release notes are missing", "--by", "bob"],
        "not approved: the release",
    );
    let (code, summary) = played.end();
    assert_eq!(code, Some(2), "{summary}");

    let mut again = project.play(&CANARY);
    again.until("awaiting_approval");
    project.done(&["approve", "--by", "bob", "--reason", "seen"], "");
    let (code, summary) = again.end();
    assert_eq!((code, &summary["ended"]), (Some(0), &json!("promoted")), "{summary}");
}

#[test]
fn a_freeze_and_a_stopped_line_keep_rollouts_from_starting() {
    let project = Project::new();
    project.mistaken(&["freeze", "--for", "4h", "--reason", "sale"], "nothing was rolled out here yet");
    // An environment without services is published, and that is all.
    let nothing = project.path("empty.yml");
    std::fs::write(&nothing, "environment: { name: x, region: us-east-1, stage: local }\n").unwrap();
    let published = project.ace(&["implement", "--config", nothing.to_str().unwrap()]);
    assert_eq!(published.status.code(), Some(0), "{}", told(&published));
    let kinds: Vec<Value> = lines(&published).into_iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds, ["configuration", "features", "nothing_to_roll_out"]);
    let wanted = project.ace(&["implement", "--config", nothing.to_str().unwrap(), "--version", "v2"]);
    assert_eq!(wanted.status.code(), Some(3), "{}", told(&wanted));

    project.done(&["freeze", "--for", "4h", "--reason", "sale", "--by", "ann"], "by ann (since");
    project.mistaken(
        &["freeze", "--until", "2020-01-01T00:00Z", "--reason", "sale"],
        "2020-01-01T00:00:00Z is over",
    );
    let (code, summary) = project.play(&CANARY).end();
    assert_eq!((code, &summary["ended"]), (Some(3), &json!("refused")));
    assert!(summary["reason"].as_str().unwrap().contains("sale"), "{summary}");

    project.mistaken(&[&CANARY[..], &["--override", "freeze"]].concat(), "--reason");
    let mut forced = project.play(&[&CANARY[..], &["--override", "freeze", "--reason", "hot fix"]].concat());
    forced.until("baking");
    project.done(&["abort", "--reason", "seen"], "");
    let (code, summary) = forced.end();
    assert_eq!(code, Some(2), "{summary}");
    let first = &lines(&project.ace(&["history", summary["rollout"].as_str().unwrap()]))[0];
    assert_eq!(first["event"]["overridden"]["gates"], json!(["freeze"]));
    assert_eq!(first["event"]["overridden"]["why"], "hot fix");
    project.done(&["thaw", "--by", "ann"], "not frozen");

    project.done(&["stop-the-line", "--reason", "incident", "--by", "ann"], "stopped");
    let (code, summary) = project.play(&CANARY).end();
    assert_eq!(code, Some(3));
    assert!(summary["reason"].as_str().unwrap().contains("incident"), "{summary}");
    project.done(&["resume-line"], "runs");
}

#[test]
fn a_barred_version_comes_back_when_a_person_says_so() {
    let project = Project::new();
    let (code, summary) = project.play(&[&CANARY[..], &["--fault", "errors:80%"]].concat()).end();
    assert_eq!(code, Some(2), "{summary}");
    let (code, summary) = project.play(&CANARY).end();
    assert_eq!(code, Some(3));
    assert!(summary["reason"].as_str().unwrap().contains("was rolled back before"), "{summary}");
    let unhold =
        |version| ["unhold", "--service", "checkout", "--version", version, "--reason", "flaky test"];
    project.refused(&unhold("v3"), "version v3 of service checkout is not barred");
    project.done(&unhold("v2"), "may come back");
    project.refused(&unhold("v2"), "no version of service checkout is barred");
    let mut played = project.play(&CANARY);
    played.until("baking");
    project.done(&["abort", "--reason", "seen"], "");
    assert_eq!(played.end().0, Some(2));
}

#[test]
fn a_promoted_version_goes_back_to_the_one_before_through_a_rollout() {
    let project = Project::new();
    project.configure("after: 2m", "after: 1h");
    let switch = |version| {
        let (code, summary) = project
            .play(&["implement", "--service", "catalog", "--version", version, "--speed", "60", "--wait"])
            .end();
        assert_eq!(code, Some(0), "{summary}");
    };
    switch("v1");
    project.mistaken(&["rollback", "--reason", "x"], "the version before v1 of catalog is not known");
    switch("v2");
    let (code, summary) =
        project.play(&["rollback", "--reason", "wrong tax", "--speed", "60", "--wait"]).end();
    assert_eq!(code, Some(0), "{summary}");
    let newest = project.newest();
    assert_eq!((&newest["version"], &newest["phase"]["phase"]), (&json!("v1"), &json!("promoted")));
    let before = lines(&project.ace(&["status"]));
    let v2 = before.iter().find(|line| line["version"] == "v2").unwrap();
    project.mistaken(&["rollback", v2["rollout"].as_str().unwrap(), "--reason", "x"], "is not what is live");
}

#[test]
fn the_same_request_is_the_same_rollout_and_its_configuration_is_published_once() {
    let project = Project::new();
    let request = [&CANARY[..7], &["--by=ann", "--request-id", "release-7"]].concat();
    let mut played = project.play(&request);
    played.until("baking");
    // Another process asks again, and for another rollout of the same service.
    let again =
        project.ace(&["implement", "--service", "checkout", "--version", "v2", "--request-id", "release-7"]);
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
    let again = lines(&again);
    assert_eq!((&again[0]["kind"], &again[0]["published"]), (&json!("configuration"), &json!(false)));
    assert_eq!((&again[2]["kind"], &again[2]["rollout"]), (&json!("started"), &project.newest()["rollout"]));
    assert_eq!(again.len(), 3, "it is the same rollout, which goes on: {again:?}");
    // Whoever waits for it sees all of it, from its history.
    let mut follower = project.play(&[&request[..], &["--wait"]].concat());
    follower.until("baking");
    let other = project.ace(&["implement", "--service", "checkout", "--version", "v3", "--wait"]);
    assert_eq!(other.status.code(), Some(3), "{}", told(&other));
    assert!(told(&other).contains("holds service checkout"), "{}", told(&other));
    project.mistaken(&["implement", "--service", "catalog", "--version", "v3"], "serves checkout only");
    project.mistaken(&["implement", "--version", "v3"], "several services: catalog, checkout");
    project.done(
        &["abort", "--reason", "seen", played.seen.iter().find_map(|line| line["rollout"].as_str()).unwrap()],
        "",
    );
    let texts = |played: &Played| -> Vec<String> {
        let decisions = played.seen.iter().filter(|line| line["kind"] == "decision");
        decisions.filter_map(|line| line["text"].as_str().map(str::to_owned)).collect()
    };
    let (first, second) = (texts(&played), texts(&follower));
    assert!(
        !second.is_empty()
            && first[..second.len().min(first.len())] == second[..second.len().min(first.len())]
    );
    let (code, summary) = follower.end();
    assert_eq!((code, &summary["reason"]), (Some(2), &json!("asked for by tester: seen")));
    assert_eq!(played.end().0, Some(2));
}

#[test]
fn whoever_disturbs_the_socket_is_answered_and_the_rollout_goes_on() {
    let project = Project::new();
    let mut played = project.play(&[&CANARY[..4], &["v2", "--speed", "120", "--wait"]].concat());
    played.until("baking");
    let connect = || UnixStream::connect(project.socket()).unwrap();
    let hung: Vec<UnixStream> = (0..8).map(|_| connect()).collect();
    let mut half = connect();
    half.write_all(b"{\"environment\": ").unwrap();
    for (line, says) in [
        ("nonsense", "that is no question"),
        ("{\"environment\":\"local\",\"ask\":\"everything\"}", "unknown variant `everything`"),
        (
            "{\"environment\":\"staging\",\"ask\":{\"invoke\":{\"function\":\"rollback\",\"payload\":{}}}}",
            "plays environment local",
        ),
        (
            "{\"environment\":\"local\",\"ask\":{\"invoke\":{\"function\":\"rollback\",\"payload\":{}}}}",
            "InvalidInput",
        ),
    ] {
        let mut stream = connect();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("ok").is_none() && answer.to_string().contains(says), "{line}: {answer}");
    }
    let mut binary = connect();
    binary.write_all(&[0xff, 0x00, b'\n']).unwrap();
    drop(half);
    let mut rest = Vec::new();
    binary.shutdown(std::net::Shutdown::Write).unwrap();
    binary.read_to_end(&mut rest).unwrap();
    assert!(String::from_utf8(rest).unwrap().contains("that is no question"));
    let (code, summary) = played.end();
    assert_eq!((code, &summary["ended"]), (Some(0), &json!("promoted")), "{summary}");
    drop(hung);
}

#[test]
fn a_killed_process_leaves_a_stack_that_can_still_be_ordered_about() {
    let project = Project::new();
    let mut played = project.play(&CANARY);
    played.until("baking");
    played.ace.kill().unwrap();
    played.ace.wait().unwrap();
    assert!(project.socket().exists(), "nobody removes what a killed process leaves");
    let newest = project.newest();
    assert_eq!(newest["phase"]["phase"], "baking");
    project.done(&["abort", "--reason", "its process is gone"], "its process is gone");
    // The next process verifies what was rolled back.
    let (code, summary) = project.play(&CANARY).end();
    assert_eq!(code, Some(0), "{summary}");
    let status = lines(&project.ace(&["status"]));
    let phases: Vec<&Value> =
        status.iter().filter(|line| line["kind"] == "rollout").map(|line| &line["phase"]["phase"]).collect();
    assert_eq!(phases, ["promoted", "rolled_back"]);
}

#[test]
fn status_is_watched_until_it_changes() {
    let project = Project::new();
    let mut played = project.play(&CANARY);
    played.until("baking");
    let mut watch = project.play(&["status", "--watch", "--limit", "1"]);
    let mut next = |wanted: &dyn Fn(&Value) -> bool| loop {
        let line: Value = serde_json::from_str(&watch.lines.next().unwrap().unwrap()).unwrap();
        if line["kind"] == "rollout" && wanted(&line) {
            break;
        }
    };
    next(&|line| line["phase"]["phase"] == "baking");
    project.done(&["hold", "--reason", "lunch", "--by", "ann"], "");
    next(&|line| line["hold"]["by"]["who"] == "ann");
    project.done(&["abort", "--reason", "seen"], "");
    next(&|line| line["phase"]["phase"] == "rolled_back");
    assert_eq!(played.end().0, Some(2));
}

/// One request to a page of this machine; the answer as it came.
fn over_http(request: &str, url: &str, body: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = request.replace("PATH", &format!("/{path}"));
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(stream, "{head}\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_approval_link_is_offered_and_made_and_approves_once() {
    let project = Project::new();
    let steps = "rollout:\n  canary: { steps: [{ weight: 100, bake: 1m, approval: true }] }\n";
    project.configure("rollout:\n", steps);
    let mut played = project.play(&CANARY);
    played.until("awaiting_approval");
    // Whoever plays it sees a link of their own at once.
    while !played.seen.iter().any(|line| line["kind"] == "approval_link") {
        let line = played.lines.next().unwrap().unwrap();
        played.seen.push(serde_json::from_str(&line).unwrap());
    }
    let offered = played.seen.iter().find(|line| line["kind"] == "approval_link").unwrap();
    assert_eq!(offered["approver"], "tester");
    let get = |url: &str| over_http("GET PATH HTTP/1.1", url, "");
    assert!(get(offered["link"].as_str().unwrap()).starts_with("HTTP/1.1 200 OK\r\n"));

    project.mistaken(&["approve", "--approver", "bob"], "--link");
    project.mistaken(&["approve", "--link"], "--approver");
    project.refused(
        &["approve", "--link", "--approver", "bob", "--step", "2"],
        "step 1 waits: no link was made",
    );
    let made = project.ace(&["approve", "--link", "--approver", "bob", "--expires", "2h"]);
    assert_eq!(made.status.code(), Some(0), "{}", told(&made));
    let made = lines(&made).pop().unwrap();
    assert_eq!((&made["kind"], &made["approver"], &made["step"]), (&json!("link"), &json!("bob"), &json!(1)));
    let link = made["link"].as_str().unwrap();
    assert!(get(link).contains("Approve step 1 of checkout?"));
    assert!(
        get(&link[..link.len() - 9]).contains("not valid")
            || get(&link[..link.len() - 9]).contains("not a whole")
    );
    let (url, token) = link.split_once("/approve/").unwrap();
    let press = || {
        let form = "POST PATH HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded";
        over_http(form, &format!("{url}/"), &format!("link={token}&decision=approve"))
    };
    assert!(press().starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(press().starts_with("HTTP/1.1 409 Conflict\r\n"));
    let (code, summary) = played.end();
    assert_eq!((code, &summary["ended"]), (Some(0), &json!("promoted")), "{summary}");

    let history = told(&project.ace(&["history", summary["rollout"].as_str().unwrap()]));
    assert!(
        history.contains("\"by\":\"bob\"") && history.contains(made["link_id"].as_str().unwrap()),
        "{history}"
    );
    assert!(!history.contains(&token[20..60]), "{history}");
    let late = project.ace(&["approve", "--link", "--approver", "bob"]);
    assert!(told(&late).contains("no process plays rollouts here"), "{}", told(&late));
}
