//! What cost-optimizer may do, whole, and when it is called: it stops what has its environment's tag, and nothing of
//! production.

use std::collections::BTreeSet;

use cost::ENVIRONMENT;
use e2e::files;
use engine::TICK;
use serde_json::{Value, json};

use crate::permissions::texts;
use crate::template::template;

/// The schedule of the tick.
pub(crate) const TICK_NAME: &str = "cost-tick";
const FUNCTION: &str = "CostOptimizerFunction";

fn statements(policy: &str) -> Vec<Value> {
    let template = template();
    let document = &template["Resources"][policy]["Properties"]["PolicyDocument"];
    let whole = document["Statement"].as_array().unwrap().iter();
    // Without its tag, an If is its condition, what it adds, and nothing.
    whole.map(|one| one.as_array().map_or(one, |parts| &parts[1]).clone()).collect()
}

fn named(statements: &[Value], sid: &str) -> Value {
    statements.iter().find(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("no {sid}")).clone()
}

/// The actions that the adapters name when a call fails: all that they call.
fn called() -> BTreeSet<String> {
    fn below(folder: &str, found: &mut BTreeSet<String>) {
        for name in files::names(folder) {
            let path = format!("{folder}/{name}");
            if files::root().join(&path).is_dir() {
                below(&path, found);
            } else {
                let text = files::text(&path);
                let quoted = text.split('"').filter(|text| is_action(text));
                found.extend(quoted.map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::new();
    below("shared/cloud-resources/src", &mut found);
    found
}

/// `ec2:StopInstances`.
fn is_action(text: &str) -> bool {
    let Some((service, action)) = text.split_once(':') else { return false };
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !service.is_empty()
        && service.chars().all(lower)
        && action.starts_with(|c: char| c.is_ascii_uppercase())
        && action.chars().all(|c| c.is_ascii_alphanumeric())
}

fn looks(action: &str) -> bool {
    let verb = action.split_once(':').unwrap().1;
    ["Describe", "Get", "List"].iter().any(|looks| verb.starts_with(looks))
}

/// An action that is called is one that is allowed, and one that is allowed is called; a cache is given its tags with its
/// creation, by an action of their own, and what is encrypted is opened with its start.
#[test]
fn it_may_do_what_its_adapters_call_and_nothing_else() {
    let allowed: BTreeSet<String> = statements("CostResourcesPolicy")
        .iter()
        .filter(|one| one["Effect"] == "Allow")
        .flat_map(|one| texts(&one["Action"]))
        .collect();
    let mut called = called();
    assert!(called.len() > 20, "{called:?}");
    called.extend(["elasticache:AddTagsToResource", "kms:CreateGrant"].map(str::to_owned));
    assert_eq!(allowed, called);
}

#[test]
fn what_changes_something_needs_the_tag_of_the_environment() {
    let statements = statements("CostResourcesPolicy");
    let own = |kind: &str| json!({ "StringEquals": { format!("aws:{kind}/{ENVIRONMENT}"): "Environment" } });
    for statement in statements.iter().filter(|one| one["Effect"] == "Allow") {
        let (sid, actions) = (statement["Sid"].as_str().unwrap(), texts(&statement["Action"]));
        if sid == "Look" {
            assert!(actions.iter().all(|action| looks(action)), "{actions:?}");
            continue;
        }
        let changes: Vec<&String> = actions.iter().filter(|action| !looks(action)).collect();
        assert_eq!(changes.len(), actions.len(), "{sid}: what only looks is in Look");
        assert!(!texts(&statement["Resource"]).contains(&"*".to_owned()), "{sid}");
        let condition = statement.get("Condition").cloned().unwrap_or_default();
        let resources = texts(&statement["Resource"]);
        let only = |kind: &[&str]| {
            resources.iter().all(|arn| kind.iter().any(|kind| arn.contains(&format!(":{kind}"))))
        };
        match sid {
            "StopAndStart" => assert_eq!(condition, own("ResourceTag")),
            "RestoreCaches" => assert_eq!(condition, own("RequestTag"), "it is not there yet"),
            // What has no tags of the environment: by name, or what is only read to create something.
            "OwnSnapshots" => assert!(only(&["snapshot:ace-*"]), "{resources:?}"),
            "PartsOfCaches" => {
                assert!(only(&["parametergroup:", "subnetgroup:", "usergroup:"]), "{resources:?}");
            }
            "OpenVolumes" => {
                assert_eq!(resources, ["VolumeKeyArns"]);
                assert_eq!(condition["Bool"], json!({ "kms:GrantIsForAWSResource": true }));
            }
            "Scale" => {
                assert!(only(&["scalable-target/"]), "{resources:?}");
                let service = &condition["StringEquals"]["application-autoscaling:service-namespace"];
                assert_eq!(service, "ecs");
            }
            other => panic!("{other} is a statement that this test does not know"),
        }
    }
}

/// Whatever else its role may be given, and whatever tag of theirs people use.
#[test]
fn what_any_tag_calls_production_is_denied() {
    let statements = statements("CostResourcesPolicy");
    let denied: Vec<&Value> = statements.iter().filter(|one| one["Effect"] == "Deny").collect();
    let services: BTreeSet<String> = called()
        .iter()
        .filter(|action| !looks(action))
        .map(|action| action.split_once(':').unwrap().0.to_owned())
        .collect();
    let mut tags = BTreeSet::new();
    for statement in denied {
        assert_eq!(statement["Resource"], "*");
        let actions = texts(&statement["Action"]);
        for service in &services {
            assert!(actions.contains(&format!("{service}:*")), "{service} is not denied: {actions:?}");
        }
        let condition = statement["Condition"]["StringEqualsIgnoreCase"].as_object().unwrap();
        assert_eq!(condition.len(), 1, "all of them would have to hold");
        for (key, values) in condition {
            for name in texts(values) {
                assert!(cost::is_production(&name), "{name}");
            }
            assert_eq!(texts(values).len(), 4);
            tags.insert(key.strip_prefix("aws:ResourceTag/").unwrap().to_owned());
        }
    }
    let expected = [ENVIRONMENT, "env", "environment", "stage", "tier"];
    assert_eq!(tags, expected.map(str::to_owned).into());
}

#[test]
fn it_writes_what_it_remembers_and_reads_the_rest() {
    let statements = statements("CostMemoryPolicy");
    let names: Vec<&str> = statements.iter().map(|one| one["Sid"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["ReadItems", "ActiveRolloutsAndAlerts", "KeepResources", "TableKey", "TellOfTroubles"]
    );
    let keep = named(&statements, "KeepResources");
    assert_eq!(texts(&keep["Action"]), ["dynamodb:DeleteItem", "dynamodb:PutItem"]);
    // Its own partitions (`shared/dynamo-store`), and no rollout, no configuration, no control, no alert.
    let condition = json!({
        "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["COST#${Environment}", "COST#${Environment}#*"] },
        "Null": { "dynamodb:LeadingKeys": false },
    });
    assert_eq!(keep["Condition"], condition);
    let tell = named(&statements, "TellOfTroubles");
    assert_eq!(texts(&tell["Action"]), ["events:PutEvents"]);
    let condition = json!({ "events:source": "ace-flow", "events:detail-type": "Resource Trouble" });
    assert_eq!(tell["Condition"], json!({ "StringEquals": condition }));
    for statement in &statements {
        assert_ne!(statement["Resource"], "*", "{statement}");
    }
    let template = template();
    let function = &template["Resources"][FUNCTION]["Properties"];
    assert_eq!(function["Policies"], json!(["CostMemoryPolicy", "CostResourcesPolicy"]));
}

#[test]
fn nothing_of_it_is_in_production() {
    let template = template();
    assert_eq!(template["Conditions"]["SavesCosts"], json!([["Environment", "production"]]));
    let resources = template["Resources"].as_object().unwrap();
    let own: Vec<_> = resources.iter().filter(|(name, _)| name.starts_with("Cost")).collect();
    assert_eq!(own.len(), 8, "{own:?}");
    for (name, resource) in own {
        assert_eq!(resource["Condition"], "SavesCosts", "{name}");
    }
}

/// The tick comes as often as its lead times assume, for the schedule's own role, and says what the sample says.
#[test]
fn the_tick_is_what_the_engine_takes_it_for() {
    let template = template();
    let resources = &template["Resources"];
    let tick = &resources["CostTick"]["Properties"];
    assert_eq!(tick["Name"], TICK_NAME);
    assert_eq!(tick["ScheduleExpression"], format!("rate({} minutes)", TICK.0 / 60));
    let target = &tick["Target"];
    let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, files::event("cost-tick"));
    assert_eq!(target["Arn"], "CostOptimizerFunction.Alias");
    assert_eq!(target["RoleArn"], "CostTickRole.Arn");
    let may = &resources["CostTickRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let actions: Vec<(&str, &str)> = may
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["Action"].as_str().unwrap(), one["Resource"].as_str().unwrap()))
        .collect();
    assert_eq!(
        actions,
        [
            ("lambda:InvokeFunction", "CostOptimizerFunction.Alias"),
            ("sqs:SendMessage", "DeliveryDeadLetters.Arn")
        ]
    );
}

/// What a stuck resource's event is sent with is what alert-router's rule takes.
#[test]
fn people_are_told_by_alert_router() {
    let template = template();
    let signals = &template["Resources"]["AlertRouterFunction"]["Properties"]["Events"]["Signals"];
    let rule = &signals["Properties"];
    assert_eq!(rule.get("EventBusName"), None, "the default bus, which the function puts them on");
    let takes = crate::patterns::matches(&rule["Pattern"], &files::event("trouble-stuck"));
    assert!(takes);
}

#[test]
fn the_samples_fit_their_schemas() {
    use crate::schemas::{fits, validator};
    for (sample, part, schema) in [
        ("cost-override", "override", "cost-optimizer.override"),
        ("cost-end-override", "end_override", "cost-optimizer.end-override"),
        ("trouble-stuck", "detail", "cost-optimizer.trouble"),
    ] {
        fits(sample, &validator(schema), &files::event(sample)[part]);
        let mut more = files::event(sample);
        more[part]["extra"] = json!(1);
        assert!(!validator(schema).is_valid(&more[part]), "{sample} with more");
    }
}
