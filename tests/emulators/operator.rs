//! The compiled `ace`, as an operator runs it against a stack on AWS.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rollout::{Phase, StepIndex, Strategy};
use serde_json::Value;

use crate::stack::built;
use crate::world::World;

const SERVICE: &str = "ordered";

fn ace(world: &World, environment: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(built("ace"));
    command
        .args(arguments)
        .args(["--environment", environment, "--output", "json"])
        .envs(world.aws.variables())
        .env("NO_COLOR", "1");
    command
}

/// Runs it, and gives the exit code, its lines, and what went to standard error.
fn run(world: &World, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    run_in(world, &world.stack.environment, arguments)
}

/// The same in another environment.
pub fn run_in(world: &World, environment: &str, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let Output { status, stdout, stderr } = ace(world, environment, arguments).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let error = String::from_utf8_lossy(&stderr).replace('│', " ");
    (status.code(), lines, error.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Gives an order, and asserts what came of it.
fn order(world: &World, arguments: &[&str], code: i32, says: &str) {
    let (found, lines, error) = run(world, arguments);
    let answer = lines.iter().find(|line| line["kind"] == "answer");
    let said = answer.and_then(|answer| answer["says"].as_str()).unwrap_or(&error);
    assert!(said.contains(says), "{arguments:?} does not say {says:?}: {said}");
    assert_eq!(found, Some(code), "{arguments:?}: {said}");
}

/// A rollout that `ace` has started and follows.
struct Followed(Child);

impl Followed {
    fn start(world: &World, arguments: &[&str]) -> Self {
        Self(ace(world, &world.stack.environment, arguments).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// The exit code and all lines.
    fn end(mut self) -> (Option<i32>, Vec<Value>) {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let lines = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        (self.0.wait().unwrap().code(), lines)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn implement<'a>(config: &'a str, version: &'a str) -> Vec<&'a str> {
    vec!["implement", "--config", config, "--service", SERVICE, "--version", version, "--request-id", version]
}

/// The newest rollout of the service, once it is as wanted.
async fn once(world: &World, what: &str, wanted: impl Fn(&rollout::Rollout) -> bool) -> rollout::Rollout {
    world
        .eventually(what, async || {
            world.rollouts(SERVICE).await.into_iter().next().filter(|newest| wanted(newest))
        })
        .await
}

fn bakes(rollout: &rollout::Rollout) -> bool {
    matches!(rollout.phase, Phase::Baking { .. })
}

/// The gates that `ace plan` does not show open, of all eight.
fn closed(world: &World, config: &str, version: &str) -> Vec<String> {
    let (code, lines, error) =
        run(world, &["plan", "--config", config, "--service", SERVICE, "--version", version]);
    assert_eq!(code, Some(0), "{lines:?} {error}");
    let gates = lines[0]["gates"].as_array().unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(gates.len(), 8, "{gates:?}");
    let unknown = gates.iter().find(|gate| gate["standing"].get("unknown").is_some());
    assert!(unknown.is_none(), "{unknown:?}");
    let closed = gates.iter().filter(|gate| gate["standing"] != "open");
    closed.map(|gate| gate["gate"].as_str().unwrap().to_owned()).collect()
}

/// Starts, holds, resumes, advances and follows a rollout to its end; starts another one, and goes back.
pub async fn an_operator_rolls_out_holds_and_rolls_back(world: Arc<World>) {
    let config = world.configuration.to_str().unwrap().to_owned();
    let id = format!("{}-v1", world.run);
    let mut first = implement(&config, &id);
    first.extend(["--wait", "--by", "ann"]);
    let followed = Followed::start(&world, &first);
    let baking = once(&world, "the first step bakes", bakes).await;
    assert_eq!(baking.requested_by, "ann");
    assert_eq!(baking.plan.configuration.version, 1, "what was published already is not published again");
    let name = baking.id.as_str();

    let not_yet = format!("{}-v2", world.run);
    assert_eq!(closed(&world, &config, &not_yet), ["lease"], "the first one holds the service");
    order(&world, &["hold", name, "--reason", "lunch", "--by", "bob"], 0, "held by bob: lunch");
    let (_, status, _) = run(&world, &["status", "--limit", "100"]);
    let shown = status.iter().find(|line| line["rollout"] == name).unwrap();
    assert_eq!(shown["hold"]["by"]["who"], "bob", "{shown}");
    order(&world, &["advance", name, "--reason", "now"], 1, "held by bob");
    order(&world, &["resume", name, "--by", "bob"], 0, "baking at");
    order(
        &world,
        &["advance", name, "--step", "2", "--reason", "too late"],
        1,
        "stale: the order is for step 2",
    );
    order(&world, &["advance", name, "--step", "1", "--reason", "seen", "--by", "ann"], 0, "");
    // The same request again, at another time: the same execution.
    let again = implement(&config, &id);
    let (code, lines, error) = run(&world, &again);
    assert_eq!(code, Some(0), "{lines:?} {error}");
    assert_eq!(lines.iter().find(|line| line["kind"] == "started").unwrap()["rollout"], name);
    let other = [&again[..5], &["--version", "another"], &again[7..]].concat();
    let (code, _, error) = run(&world, &other);
    assert_eq!((code, error.contains("has started another rollout before")), (Some(1), true), "{error}");

    // Without the evidence of the first step there is none to compare the second one with.
    let second = |newest: &rollout::Rollout| matches!(newest.phase, Phase::Baking { step: StepIndex(1), .. });
    once(&world, "the second step bakes", second).await;
    order(&world, &["advance", name, "--step", "2", "--reason", "seen too"], 0, "");

    let (code, lines) = followed.end();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(lines.last().unwrap()["ended"], "promoted");
    let texts: Vec<&str> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    for part in [
        "canary",
        "25 % of the requests go to green",
        "held by bob: lunch",
        "step 1 advanced by ann: seen",
        "promoted:",
    ] {
        assert!(texts.iter().any(|text| text.contains(part)), "{part:?} is not in {texts:#?}");
    }

    let next = format!("{}-v2", world.run);
    assert_eq!(closed(&world, &config, &next), [""; 0], "the operator's credentials ask all eight");
    let mut second = implement(&config, &next);
    second.extend(["--strategy", "blue-green", "--wait"]);
    let followed = Followed::start(&world, &second);
    once(&world, "the second one bakes", |newest| newest.plan.version.as_str() == next && bakes(newest))
        .await;
    let newest = world.rollouts(SERVICE).await.remove(0);
    assert_eq!(newest.plan.strategy, Strategy::BlueGreen);
    // The emulator's caller; with AWS it is the user's name or the session's.
    assert!(!newest.requested_by.is_empty());
    order(&world, &["advance", newest.id.as_str(), "--reason", "seen"], 0, "");
    assert_eq!(followed.end().0, Some(0));

    let (code, lines, error) = run(&world, &["rollback", "--service", SERVICE, "--reason", "wrong tax"]);
    assert_eq!(code, Some(0), "{lines:?} {error}");
    let back =
        once(&world, "the rollback begins", |newest| newest.plan.version.as_str() == id && bakes(newest))
            .await;
    assert_eq!(back.plan.strategy, Strategy::BlueGreen);
    assert!(back.id != baking.id);
    // A rollback of what is under way is an abort.
    order(&world, &["rollback", "--service", SERVICE, "--reason", "second thoughts"], 0, "second thoughts");
    once(&world, "it is back", |newest| matches!(newest.phase, Phase::RolledBack { .. })).await;
    assert_eq!(world.service(SERVICE).weights(&world.aws).await, (100, 0), "v2 is live on blue");
    let (code, records, _) = run(&world, &["history", name]);
    assert_eq!((code, records[0]["event"]["by"].as_str()), (Some(0), Some("ann")));
}

/// Another environment, another region, no credentials: the exit code is 1, and what to do is said.
pub async fn what_aws_does_not_have_is_told_with_the_remedy(world: Arc<World>) {
    let asked = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = ace(&world, &world.stack.environment, arguments);
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).replace('│', " ");
        (output.status.code(), error.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let says = |found: (Option<i32>, String), parts: &[&str]| {
        assert_eq!(found.0, Some(1), "{}", found.1);
        for part in parts {
            assert!(found.1.contains(part), "{part:?} is not in {}", found.1);
        }
    };
    let elsewhere = asked(&["status"], &[("AWS_REGION", "eu-west-1")]);
    says(elsewhere, &["has no stack in account", "ace bootstrap --environment", "set AWS_REGION"]);
    says(
        asked(&["status"], &[("AWS_ACCESS_KEY_ID", "")]),
        &["AWS does not let you", "no AWS credentials", "AWS_ACCESS_KEY_ID"],
    );
    let config = world.configuration.to_str().unwrap();
    let moved = config.replace("config.yml", "moved.yml");
    let text = std::fs::read_to_string(config).unwrap();
    std::fs::write(&moved, text.replace("\"us-east-1\"", "\"eu-west-1\"")).unwrap();
    let implement = ["implement", "--config", &moved, "--service", SERVICE, "--version", "v9"];
    says(asked(&implement, &[]), &["is in region", "and AWS_REGION says us-", "export AWS_REGION="]);
    assert_eq!(world.store.configuration(&world.environment).await.unwrap().unwrap().version, 1);
}
