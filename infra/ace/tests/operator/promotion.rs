//! What lets a version in: the environment below, approvers, and what was published.

use serde_json::{Value, json};

use crate::project::{Project, lines, told};

/// An environment with one service, which a new version has at once, for a minute.
fn environment(project: &Project, name: &str, promotion: &str) {
    let path = project.path(&format!(".ace-flow/environments/{name}/config.yml"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!(
        "environment: {{ name: {name}, region: us-east-1, stage: {name} }}\n\
         features: {{ new_basket: true }}\n\
         {promotion}\
         rollout:\n  \
           blue_green: {{ monitor: 1m }}\n  \
           judge: {{ minimum_requests: 50 }}\n  \
           evidence: {{ settle: 5s, metric_delay: 5s }}\n  \
           clean_up: {{ after: 1h }}\n\
         services:\n  \
           checkout:\n    \
             pipeline: checkout\n    \
             strategy: blue-green\n    \
             route:\n      \
               rule: {name}/checkout\n      \
               load_balancer: {name}\n      \
               blue: {{ target_group: {name}-blue, endpoint: \"http://blue.{name}.localhost\" }}\n      \
               green: {{ target_group: {name}-green, endpoint: \"http://green.{name}.localhost\" }}\n"
    );
    std::fs::write(path, text).unwrap();
}

fn into<'a>(environment: &'a str, version: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let asked = ["implement", "--environment", environment, "--embedded", "--version", version];
    [&asked[..], &["--speed", "120", "--wait", "--by", "ann"], more].concat()
}

/// Where a gate stands, as `ace plan` has it: its name, and why if it is not open.
fn gate(project: &Project, environment: &str, version: &str, name: &str) -> (String, String) {
    let asked = ["plan", "--environment", environment, "--embedded", "--service", "checkout"];
    let plan = project.ace(&[&asked[..], &["--version", version]].concat());
    let gates = lines(&plan).pop().unwrap_or_else(|| panic!("{}", told(&plan)))["gates"].clone();
    let gates = gates.as_array().unwrap();
    assert_eq!(gates.len(), 8, "{gates:?}");
    let standing = &gates.iter().find(|gate| gate["gate"] == name).unwrap()["standing"];
    match standing {
        Value::String(open) => (open.clone(), String::new()),
        Value::Object(found) => {
            let (word, why) = found.iter().next().unwrap();
            (word.clone(), why["reason"].as_str().unwrap().to_owned())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_version_comes_after_it_was_promoted_below_and_not_once_it_was_taken_back() {
    let project = Project::new();
    environment(&project, "development", "");
    environment(&project, "staging", "promotion: { after: development }\n");
    let promoted = |arguments: Vec<&str>| {
        let (code, summary) = project.play(&arguments).end();
        assert_eq!((code, &summary["ended"]), (Some(0), &json!("promoted")), "{summary}");
        summary
    };
    let refused = |version: &str, says: &str| {
        let (code, summary) = project.play(&into("staging", version, &[])).end();
        assert_eq!((code, &summary["ended"]), (Some(3), &json!("refused")), "{summary}");
        assert!(summary["reason"].as_str().unwrap().contains(says), "{says:?} is not in {summary}");
        let (standing, why) = gate(&project, "staging", version, "promotion");
        assert!(standing == "closed" && why.contains(says), "the plan said so before: {standing} {why}");
    };
    assert_eq!(gate(&project, "development", "v1", "promotion"), ("open".to_owned(), String::new()));
    let never = "was not promoted in environment development: promote it there first";
    let (standing, why) = gate(&project, "staging", "v1", "promotion");
    assert!(standing == "closed" && why.contains(never), "nothing was rolled out yet: {why}");
    assert!(!project.path(".ace-flow/state/local.redb").exists(), "a plan makes no store");
    refused("v1", never);

    promoted(into("development", "v1", &[]));
    promoted(into("staging", "v1", &[]));
    refused("v2", never);
    promoted(into("development", "v2", &[]));
    assert_eq!(gate(&project, "staging", "v2", "promotion").0, "open");
    let (standing, why) = gate(&project, "staging", "v2", "rule");
    assert!(standing == "unknown" && why.contains("asked when the rollout starts"), "{standing}: {why}");

    let back = ["rollback", "--environment", "development", "--embedded", "--reason", "wrong tax"];
    promoted([&back[..], &["--speed", "120", "--wait"]].concat());
    let status = project.ace(&["status", "--environment", "development", "--embedded"]);
    assert!(lines(&status).iter().any(|line| line["version"] == "v1" && line["baseline"] != "v1"));
    refused("v2", "v2 was rolled back in environment development");

    let summary = promoted(into("staging", "v2", &["--override", "promotion", "--reason", "hot fix"]));
    let id = summary["rollout"].as_str().unwrap();
    let history = project.ace(&["history", id, "--environment", "staging", "--embedded"]);
    let first = &lines(&history)[0];
    assert_eq!(first["event"]["overridden"]["gates"], json!(["promotion"]), "{first}");
    assert_eq!(first["event"]["overridden"]["why"], "hot fix");
}

#[test]
fn while_a_rollout_plays_all_gates_are_asked_there_and_only_an_approver_lets_it_go_on() {
    let project = Project::new();
    let approvals =
        "promotion: { approvals: { required: true, approvers: [ann, bob], not_the_starter: true } }\n";
    environment(&project, "staging", approvals);
    let mut played = project.play(&into("staging", "v1", &[]));
    played.until("awaiting_approval");
    let of = |order: &str| {
        ["approve", "--environment", "staging", "--embedded", "--reason", "seen", "--by", order]
            .map(str::to_owned)
    };
    let order = |who: &str| project.order(&of(who).each_ref().map(String::as_str));
    for (who, says) in [("eve", "eve is not an approver"), ("ann", "ann")] {
        let (code, applied, said) = order(who);
        assert_eq!((code, applied), (Some(1), false), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // The process that plays is asked: its proxy is the rule, its services the machines.
    assert_eq!(gate(&project, "staging", "v2", "lease").0, "closed");
    for name in ["rule", "rollback-target", "guardrails"] {
        assert_eq!(gate(&project, "staging", "v2", name), ("open".to_owned(), String::new()), "{name}");
    }
    let (code, applied, said) = order("bob");
    assert_eq!((code, applied), (Some(0), true), "{said}");
    let (code, summary) = played.end();
    assert_eq!((code, &summary["ended"]), (Some(0), &json!("promoted")), "{summary}");
}

#[test]
fn a_configuration_is_published_with_its_feature_flags_or_nothing_is_started() {
    let project = Project::new();
    environment(&project, "development", "");
    let flags = project.path(".ace-flow/state/development.features.json");
    let publish = ["publish", "--environment", "development", "--embedded"];
    for (published, changes) in [(true, json!({ "new_basket": "added" })), (false, json!({}))] {
        let output = project.ace(&publish);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let lines = lines(&output);
        let kinds: Vec<&Value> = lines.iter().map(|line| &line["kind"]).collect();
        assert_eq!(kinds, ["configuration", "features"], "{lines:?}");
        assert!(lines.iter().all(|line| line["published"] == published), "{lines:?}");
        assert_eq!((&lines[0]["services"], &lines[1]["changes"]), (&json!(1), &changes));
    }
    let document: Value = serde_json::from_slice(&std::fs::read(&flags).unwrap()).unwrap();
    assert_eq!(document["flags"], json!({ "new_basket": true }));

    std::fs::remove_file(&flags).unwrap();
    std::fs::create_dir(&flags).unwrap();
    let output = project.ace(&into("development", "v1", &[]));
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for says in ["its feature flags are not", "development.features.json", "no rollout was started"] {
        assert!(text.contains(says), "{says:?} is not in {text}");
    }
    let status = project.ace(&["status", "--environment", "development", "--embedded"]);
    assert!(lines(&status).iter().all(|line| line["kind"] != "rollout"), "{}", told(&status));
}
