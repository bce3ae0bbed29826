//! `ace alerts apply` on an emulated CloudWatch: metric and composite alarms, their tags, and what is somebody else's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::aws::REGION;
use crate::secrets::ace;
use crate::world::World;

/// An environment with rules, and its alarms in CloudWatch.
struct Home {
    world: Arc<World>,
    name: String,
    folder: TempDir,
}

const DOWN: &str = "{ name: Down, condition: 'status:unhealthy', severity: critical, channels: [people] }";
const BUSY: &str = "{ name: Busy, condition: 'NOT (cpu <= 90% OR requests <= 100) OR carts > 2s', severity: high, channels: [people] }";
const FAILED: &str = "{ name: Failed, condition: 'deployment:failed', severity: high, channels: [people] }";

impl Home {
    fn new(world: &Arc<World>, name: &str) -> Self {
        let name = format!("{name}-{}", world.run);
        Self { world: Arc::clone(world), name, folder: tempfile::tempdir().unwrap() }
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join(".ace-flow/environments").join(&self.name).join("config.yml")
    }

    /// Writes its configuration with these rules.
    fn rules(&self, rules: &[&str]) {
        let text = format!(
            "environment: {{ name: {}, region: {REGION}, stage: dev }}
notifications: {{ people: {{ kind: webhook, url: \"https://people.example.com\", secret: a.b }} }}
alerts:
  metrics:
    carts: {{ unit: duration, namespace: Shop, metric: Carts, statistic: p99, scale: 1000, missing: not_breaching,
             dimensions: {{ Environment: \"{{environment}}\" }} }}
  rules: [{}]
",
            self.name,
            rules.join(", ")
        );
        let file = self.configuration();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// The exit code, and the lines that it prints.
    async fn apply(&self, more: &[&str]) -> (Option<i32>, Vec<Value>) {
        let arguments = ["alerts", "apply", "--environment", &self.name, "--output", "json"];
        let (code, out, error) = ace(&self.world, self.folder.path(), &[&arguments, more].concat(), "").await;
        assert!(code.is_some_and(|code| code < 2), "{out}{error}");
        (code, out.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    async fn cloudwatch(&self, action: &str, body: Value) -> Value {
        let target = format!("GraniteServiceVersion20100801.{action}");
        self.world.aws.json("monitoring", &target, &body).await
    }

    fn alarm(&self, rule: &str) -> String {
        format!("ace-flow/{0}/{0}/{rule}", self.name)
    }

    /// Every alarm with its name's beginning, by the rest of the name.
    async fn alarms(&self) -> BTreeMap<String, Value> {
        let prefix = self.alarm("");
        let asked = json!({ "AlarmNamePrefix": prefix, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
        let described = self.cloudwatch("DescribeAlarms", asked).await;
        let all = ["MetricAlarms", "CompositeAlarms"].into_iter();
        all.flat_map(|kind| described[kind].as_array().unwrap().clone())
            .map(|alarm| {
                let name = alarm["AlarmName"].as_str().unwrap().strip_prefix(&prefix).unwrap().to_owned();
                (name, alarm)
            })
            .collect()
    }

    async fn tags(&self, rule: &str) -> BTreeMap<String, String> {
        let arn =
            format!("arn:aws:cloudwatch:{REGION}:{}:alarm:{}", self.world.aws.account, self.alarm(rule));
        let listed = self.cloudwatch("ListTagsForResource", json!({ "ResourceARN": arn })).await;
        let text = |tag: &Value, field: &str| tag[field].as_str().unwrap().to_owned();
        listed["Tags"].as_array().unwrap().iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
    }

    /// An alarm that somebody else makes.
    async fn foreign(&self, rule: &str) {
        let alarm = json!({
            "AlarmName": self.alarm(rule), "Namespace": "Theirs", "MetricName": "Theirs", "Statistic": "Sum", "Period": 300,
            "EvaluationPeriods": 2, "Threshold": 7.0, "ComparisonOperator": "GreaterThanThreshold",
        });
        self.cloudwatch("PutMetricAlarm", alarm).await;
    }
}

/// What a kind of lines says of each alarm: its rule's name with the part, and one of its fields.
fn told(lines: &[Value], home: &Home, field: &str) -> Vec<String> {
    let prefix = home.alarm("");
    let alarms = lines.iter().filter(|line| line["kind"] == "alarm");
    let name = |line: &Value| line["name"].as_str().unwrap().trim_start_matches(&prefix).to_owned();
    alarms.map(|line| format!("{} {}", name(line), line[field].as_str().unwrap())).collect()
}

fn last(lines: &[Value]) -> &Value {
    lines.last().filter(|line| line["kind"] == "summary").unwrap()
}

/// Created, then as it is; changed by the configuration and by hand, then as it is; too many, then gone. Somebody else's stays.
pub async fn the_alarms_of_rules_are_made_kept_and_deleted(world: Arc<World>) {
    let home = Home::new(&world, "rules");
    home.rules(&[DOWN, BUSY, FAILED]);
    home.foreign("Old").await;
    let before = home.alarms().await;

    let (code, shown) = home.apply(&["--dry-run"]).await;
    let all = ["Down create", "Busy #1 create", "Busy #2 create", "Busy #3 create", "Busy create"];
    assert_eq!((code, told(&shown, &home, "change")), (Some(0), all.map(str::to_owned).to_vec()));
    let reasons: Vec<&Value> = shown.iter().filter(|line| line["kind"] == "no_alarm").collect();
    assert!(matches!(reasons.as_slice(), [failed] if failed["rule"] == "Failed"), "{reasons:?}");
    assert_eq!(home.alarms().await, before, "nothing is done without a yes");

    let (code, applied) = home.apply(&["--yes"]).await;
    assert_eq!((code, &last(&applied)["calls"]), (Some(0), &json!(5)), "{applied:#?}");
    let alarms = home.alarms().await;
    assert_eq!(alarms.keys().collect::<Vec<_>>(), ["Busy", "Busy #1", "Busy #2", "Busy #3", "Down", "Old"]);
    let part = |number| format!("ALARM(\"{}\")", home.alarm(&format!("Busy #{number}")));
    assert_eq!(alarms["Busy"]["AlarmRule"], format!("({} AND {}) OR {}", part(1), part(2), part(3)));
    let carts = &alarms["Busy #3"];
    assert_eq!((&carts["ExtendedStatistic"], &carts["Threshold"]), (&json!("p99"), &json!(2.0)));
    assert_eq!(carts["Dimensions"], json!([{ "Name": "Environment", "Value": home.name }]));
    assert_eq!(carts["TreatMissingData"], "notBreaching");
    for rule in ["Down", "Busy", "Busy #2"] {
        let tags = home.tags(rule).await;
        assert_eq!(
            (tags["ace-flow:home"].as_str(), tags["ace-flow:managed-by"].as_str()),
            (home.name.as_str(), "alerts")
        );
    }

    let (code, again) = home.apply(&["--yes"]).await;
    assert_eq!(
        (code, &last(&again)["unchanged"], &last(&again)["applied"]),
        (Some(0), &json!(5), &json!(false))
    );
    assert_eq!(home.alarms().await, alarms, "a second time nothing is written");

    // Another threshold in the configuration, another one and another tag by hand.
    home.rules(&[DOWN, &BUSY.replace("90%", "95%"), FAILED]);
    let mut down = alarms["Down"].clone();
    down["Threshold"] = json!(3.0);
    for field in [
        "AlarmArn",
        "StateValue",
        "StateReason",
        "StateUpdatedTimestamp",
        "AlarmConfigurationUpdatedTimestamp",
    ] {
        down.as_object_mut().unwrap().remove(field);
    }
    down.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    home.cloudwatch("PutMetricAlarm", down).await;
    let tag = json!({ "ResourceARN": alarms["Busy"]["AlarmArn"], "Tags": [{ "Key": "project", "Value": "other" }] });
    home.cloudwatch("TagResource", tag).await;
    let (code, mended) = home.apply(&["--yes"]).await;
    let wanted = ["Down update", "Busy #1 update", "Busy #2 none", "Busy #3 none", "Busy update"];
    assert_eq!(
        (code, told(&mended, &home, "change")),
        (Some(0), wanted.map(str::to_owned).to_vec()),
        "{mended:#?}"
    );
    let calls: Vec<&Value> =
        mended.iter().filter(|line| line["kind"] == "call").map(|line| &line["call"]).collect();
    assert_eq!(
        calls,
        ["put", "put", "tag", "put"],
        "of Busy the part, the description and the tag: {mended:#?}"
    );
    assert_eq!(home.tags("Busy").await["project"], "ace-flow");
    assert_eq!(home.alarms().await["Busy #1"]["Threshold"], 95.0);
    assert_eq!(last(&home.apply(&["--yes"]).await.1)["unchanged"], 5);

    home.rules(&[FAILED]);
    let (code, removed) = home.apply(&["--yes"]).await;
    let calls: Vec<&Value> =
        removed.iter().filter(|line| line["kind"] == "call").map(|line| &line["alarms"]).collect();
    assert_eq!(
        (code, calls.len()),
        (Some(0), 2),
        "the composite alarm, and then all others at once: {removed:#?}"
    );
    assert_eq!(home.alarms().await, before);
}

/// The rule of a composite alarm is understood: it rings when its parts do.
pub async fn a_composite_alarm_rings_as_the_condition_says(world: Arc<World>) {
    let home = Home::new(&world, "rings");
    home.rules(&[BUSY]);
    assert_eq!(home.apply(&["--yes"]).await.0, Some(0));
    for (parts, rings) in [
        (["OK", "OK", "OK"], false),
        (["ALARM", "OK", "OK"], false),
        (["ALARM", "ALARM", "OK"], true),
        (["ALARM", "INSUFFICIENT_DATA", "OK"], false),
        (["INSUFFICIENT_DATA", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"], false),
        (["OK", "OK", "ALARM"], true),
    ] {
        for (number, state) in (1..).zip(parts) {
            let name = home.alarm(&format!("Busy #{number}"));
            let state = json!({ "AlarmName": name, "StateValue": state, "StateReason": "the test says so" });
            home.cloudwatch("SetAlarmState", state).await;
        }
        let state = home.alarms().await["Busy"]["StateValue"].clone();
        assert_eq!(state == "ALARM", rings, "{parts:?}: {state}");
    }
}

/// Somebody's alarm with a name that a rule's alarm needs: it stays, nothing is done for that rule, and the exit code says so.
pub async fn an_alarm_of_somebody_else_stands_in_the_way_of_its_rule_alone(world: Arc<World>) {
    let home = Home::new(&world, "theirs");
    home.rules(&[DOWN, BUSY]);
    home.foreign("Busy #2").await;
    let before = home.alarms().await;
    let (code, lines) = home.apply(&["--yes"]).await;
    let wanted =
        ["Down create", "Busy #1 held_back", "Busy #2 conflict", "Busy #3 held_back", "Busy held_back"];
    assert_eq!((code, told(&lines, &home, "change")), (Some(1), wanted.map(str::to_owned).to_vec()));
    let alarms = home.alarms().await;
    assert_eq!(alarms.keys().collect::<Vec<_>>(), ["Busy #2", "Down"]);
    assert_eq!(alarms["Busy #2"], before["Busy #2"]);
    // Without a terminal somebody has to say yes.
    home.cloudwatch("DeleteAlarms", json!({ "AlarmNames": [home.alarm("Busy #2")] })).await;
    let (code, lines) = home.apply(&[]).await;
    assert_eq!((code, lines.len()), (Some(1), 5), "it is shown and not done: {lines:#?}");
    assert_eq!(home.alarms().await.len(), 1);
    assert_eq!(home.apply(&["--yes"]).await.0, Some(0));
    assert_eq!(home.alarms().await.len(), 5);
}
