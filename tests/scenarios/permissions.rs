//! What alert-router may do, whole: it hears of everything and touches nothing but its own.

use std::collections::{BTreeMap, BTreeSet};

use secrets::SecretName;
use serde_json::{Value, json};

use crate::template::template;

/// The statements of a list of policies: those written in it, those of the managed ones that it names, and those that a
/// condition of the template adds, by their names.
fn statements(template: &Value, policies: &Value) -> BTreeMap<String, Value> {
    let mut statements = BTreeMap::new();
    for policy in policies.as_array().unwrap() {
        let document = match policy {
            Value::String(name) => &template["Resources"][name]["Properties"]["PolicyDocument"],
            document => document,
        };
        for statement in document["Statement"].as_array().unwrap() {
            let statement = match statement {
                // Without its tag, an If is its condition, what it adds, and nothing.
                Value::Array(parts) => {
                    assert_eq!((parts.len(), &parts[2]), (3, &json!("AWS::NoValue")));
                    &parts[1]
                }
                statement => statement,
            };
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            let name = statement["Sid"].as_str().unwrap().to_owned();
            assert!(statements.insert(name, statement.clone()).is_none(), "twice: {statement}");
        }
    }
    statements
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    let texts = |values: &[Value]| values.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
    match value {
        Value::Array(values) => texts(values),
        one => texts(std::slice::from_ref(one)),
    }
}

fn of(function: &str) -> BTreeMap<String, Value> {
    let template = template();
    statements(&template, &template["Resources"][function]["Properties"]["Policies"])
}

/// Name, actions and resource of every statement that there is.
const ALERT_ROUTER: [(&str, &[&str], &str); 12] = [
    (
        "ChannelSecrets",
        &["secretsmanager:GetSecretValue"],
        "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:ace-flow/${Environment}/secrets-??????",
    ),
    ("DeadLetters", &["sqs:SendMessage"], "HandlerDeadLetters.Arn"),
    ("EmailBySes", &["ses:SendEmail"], "SesIdentityArns"),
    ("EmailByTopic", &["sns:Publish"], "EmailTopicArns"),
    ("KeepAlerts", &["dynamodb:PutItem"], "Table.Arn"),
    ("Keys", &["kms:Decrypt", "kms:GenerateDataKey"], "Key.Arn"),
    ("LastResort", &["sns:Publish"], "OperationsTopic"),
    ("OpenAlerts", &["dynamodb:Query"], "${Table.Arn}/index/active"),
    ("ReadItems", &["dynamodb:GetItem", "dynamodb:Query"], "Table.Arn"),
    ("TableKey", &["kms:Decrypt", "kms:DescribeKey"], "Key.Arn"),
    (
        "TagsOfAlarms",
        &["cloudwatch:ListTagsForResource"],
        "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*",
    ),
    (
        "Timers",
        &["states:StartExecution"],
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:ace-flow-${Environment}-alert-timer",
    ),
];

/// The conditions of those that have any.
fn conditions() -> BTreeMap<&'static str, Value> {
    let via = |services: &[&str]| json!({ "StringEquals": { "kms:ViaService": services } });
    BTreeMap::from([
        (
            "Keys",
            via(&["sns.${AWS::Region}.${AWS::URLSuffix}", "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"]),
        ),
        (
            "TableKey",
            json!({ "StringEquals": { "kms:ViaService": "dynamodb.${AWS::Region}.${AWS::URLSuffix}" } }),
        ),
        // Its own partitions (`shared/dynamo-store`), and no rollout, no configuration, no control.
        (
            "KeepAlerts",
            json!({
                "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["ALERTS#${Environment}", "ALERTS#${Environment}#*"] },
                "Null": { "dynamodb:LeadingKeys": false },
            }),
        ),
    ])
}

#[test]
fn alert_router_may_do_this_and_nothing_else() {
    let found = of("AlertRouterFunction");
    let expected: BTreeSet<&str> = ALERT_ROUTER.iter().map(|(name, ..)| *name).collect();
    assert_eq!(found.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for (name, actions, resource) in ALERT_ROUTER {
        let statement = &found[name];
        assert_eq!(texts(&statement["Action"]), actions, "{name}");
        assert_eq!(texts(&statement["Resource"]), [resource], "{name}");
        assert_eq!(statement.get("Condition"), conditions().get(name), "{name}");
    }
}

#[test]
fn it_moves_no_traffic_and_reads_no_secret_but_its_environments() {
    let found = of("AlertRouterFunction");
    let actions: Vec<String> = found.values().flat_map(|statement| texts(&statement["Action"])).collect();
    for action in &actions {
        let (service, verb) = action.split_once(':').unwrap();
        assert!(!action.contains('*'), "{action}");
        assert!(
            !["elasticloadbalancing", "lambda", "iam", "events", "scheduler"].contains(&service),
            "{action}"
        );
        assert!(!verb.starts_with("Delete"), "{action}: what it writes expires");
    }
    for statement in found.values() {
        assert_ne!(statement["Resource"], "*", "{statement}");
    }
    let of_secrets: Vec<&Value> = found
        .values()
        .filter(|one| texts(&one["Action"]).iter().any(|action| action.starts_with("secretsmanager:")))
        .collect();
    let [secrets] = of_secrets.as_slice() else { panic!("{of_secrets:?}") };
    let arn = secrets["Resource"].as_str().unwrap();
    // Secrets Manager ends a secret's ARN with six random characters; a star there would match other names as well.
    let name = arn.split_once(":secret:").unwrap().1.replace("${Environment}", "production");
    assert_eq!(name, format!("{}-??????", SecretName::of(&"production".parse().unwrap())));
}

#[test]
fn its_timers_may_call_it_and_log() {
    let found = {
        let template = template();
        statements(&template, &template["Resources"]["AlertTimer"]["Properties"]["Policies"])
    };
    assert_eq!(found.keys().collect::<Vec<_>>(), ["AlertRouter", "LogDelivery"]);
    let call = &found["AlertRouter"];
    assert_eq!(texts(&call["Action"]), ["lambda:InvokeFunction"]);
    assert_eq!(
        texts(&call["Resource"]),
        ["${AlertRouterFunction.Arn}:*"],
        "every version, and no other function"
    );
    assert!(texts(&found["LogDelivery"]["Action"]).iter().all(|action| action.starts_with("logs:")));
}

/// Its ways in are an SNS topic, two rules and a schedule; what none of them can deliver is kept, and the queue takes it.
#[test]
fn what_cannot_be_delivered_to_it_is_kept() {
    let template = template();
    let resources = &template["Resources"];
    let events = resources["AlertRouterFunction"]["Properties"]["Events"].as_object().unwrap();
    assert_eq!(events.keys().collect::<Vec<_>>(), ["Alarms", "Outcomes", "Signals"]);
    let letters = "DeliveryDeadLetters.Arn";
    assert_eq!(events["Alarms"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"], letters);
    assert_eq!(events["Alarms"]["Properties"]["Topic"], "AlertTopic");
    let policy = &resources["DeliveryDeadLettersPolicy"]["Properties"]["PolicyDocument"];
    let may = |sid: &str| {
        let statements = policy["Statement"].as_array().unwrap();
        statements.iter().find(|one| one["Sid"] == sid).unwrap()["Condition"].clone()
    };
    let rules = may("Rules")["ArnLike"]["aws:SourceArn"].as_str().unwrap().to_owned();
    let allowed = rules.rsplit_once(":rule/").unwrap().1.strip_suffix('*').unwrap().to_owned();
    for rule in ["Outcomes", "Signals"] {
        let rule = &events[rule]["Properties"];
        assert_eq!(rule["DeadLetterConfig"]["Arn"], letters);
        let name = rule["RuleName"].as_str().unwrap();
        assert!(name.starts_with(&allowed), "{name} may not send to the queue: {rules}");
    }
    let topics = texts(&may("AlarmSubscriptions")["ArnEquals"]["aws:SourceArn"]);
    assert!(topics.contains(&"AlertTopic".to_owned()), "{topics:?}");
    let sweep = &resources["AlertSweep"]["Properties"]["Target"];
    assert_eq!(sweep["DeadLetterConfig"]["Arn"], letters);
    // CloudWatch may send to the topic.
    let policy = &resources["AlarmTopicsPolicy"]["Properties"];
    assert!(texts(&policy["Topics"]).contains(&"AlertTopic".to_owned()));
}
