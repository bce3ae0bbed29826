//! `cloudwatch.md` says what the code does. `UPDATE_DOCS=1 cargo test -p alerting golden` writes its tables anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::model::{State, states};
use super::sky;
use crate::cloudwatch::{AlarmSet, Plan, Services, Watches, wanted};
use crate::metric::{MetricSource, Missing};
use crate::tests::support;
use crate::{Policy, Severity};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cloudwatch.md")
}

/// The built-in fields as they are built in.
fn built_in(mut policy: Policy) -> Policy {
    for (field, source) in &mut policy.sources {
        if let Some(built_in) = MetricSource::built_in(field) {
            *source = built_in;
        }
    }
    policy
}

fn plan(policy: Policy, services: &Services) -> Plan {
    wanted(&"production".parse().unwrap(), &built_in(policy), services, None)
}

/// The document's rules.
fn rules() -> Plan {
    let rules = [
        ("Production Down", "environment:production AND status:unhealthy", Severity::Critical),
        ("Staging Deployment Failed", "environment:staging AND deployment:failed", Severity::High),
        ("Development Environment Issues", "environment:development AND status:unhealthy", Severity::Low),
        (
            "Cross-Environment Performance Degradation",
            "response_time > 2s AND affected_environments >= 2",
            Severity::High,
        ),
    ];
    let rules = rules.map(|(name, text, severity)| support::rule(name, text, severity, &["chat"]));
    plan(sky::policy(Missing::Missing, rules.to_vec()), &Services::new())
}

fn shown(plan: &Plan) -> String {
    let mut text = "```text\n".to_owned();
    for alarm in plan.alarms() {
        writeln!(text, "{}", alarm.name).unwrap();
        for (setting, value) in alarm.settings() {
            writeln!(text, "    {setting}: {value}").unwrap();
        }
        text.push('\n');
    }
    // What several environments have alike is told once.
    let mut reasons: Vec<(String, String, BTreeSet<&str>)> = Vec::new();
    for without in &plan.without {
        let (rule, reason) = (without.rule.to_string(), without.reason.to_string());
        match reasons.iter_mut().find(|known| (&known.0, &known.1) == (&rule, &reason)) {
            Some((.., environments)) => drop(environments.insert(without.environment.as_str())),
            None => reasons.push((rule, reason, [without.environment.as_str()].into())),
        }
    }
    for (rule, reason, environments) in reasons {
        let environments: Vec<&str> = environments.into_iter().collect();
        writeln!(text, "no alarm for {rule} in {}: {reason}", environments.join(", ")).unwrap();
    }
    text + "```\n"
}

/// The alarms of production in a line: a composite alarm with what its parts say.
fn in_a_line(set: &AlarmSet) -> String {
    let says = |watches: &Watches| match watches {
        Watches::Metric(metric) => {
            let of =
                metric.dimensions.get("Service").map(|service| format!(" of {service}")).unwrap_or_default();
            format!("{}{of} {} {}", metric.metric, metric.operator.comparison(), metric.threshold)
        }
        Watches::Composite { rule } => rule.clone(),
    };
    let (whole, parts) = set.alarms.split_last().unwrap();
    let mut text = says(&whole.watches);
    for part in parts {
        text = text.replace(&format!("ALARM(\"{}\")", part.name), &format!("[{}]", says(&part.watches)));
    }
    text
}

fn conditions() -> String {
    let mut table =
        "| condition, in production with the services search and shop | alarm |\n|---|---|\n".to_owned();
    for text in [
        "status:unhealthy",
        "NOT status:degraded",
        "status >= degraded AND status < unhealthy",
        "status:(healthy, critical)",
        "response_time > 2s AND affected_environments >= 2",
        "carts > 2s",
        "service:shop AND carts > 2s",
        "NOT (cpu > 90% OR requests < 100)",
        "(carts > 2s AND orders < 10) OR response_time > 1.5s",
        "cpu > 90% OR deployment:failed",
        "cpu > 90% AND NOT deployment:running",
        "requests = 0",
        "service:shop AND cpu > 90%",
        "carts > 2s AND cpu > 90%",
        "service:checkout AND carts > 2s",
        "environment:staging AND cpu > 90%",
        "status < healthy",
        "environment:p* AND worst_status:critical",
        "worst_status:critical",
    ] {
        let plan = plan(sky::policy(Missing::Missing, vec![sky::rule("r", text)]), &sky::services());
        let set = plan.sets.iter().find(|set| set.environment.as_str() == "production");
        let told = if let Some(set) = set {
            let left_out = set.left_out.iter().map(|left| format!("without {left}"));
            [in_a_line(set)].into_iter().chain(left_out).collect::<Vec<_>>().join("; ")
        } else {
            let without = plan.without.iter().find(|one| one.environment.as_str() == "production");
            format!("none: {}", without.unwrap().reason)
        };
        writeln!(table, "| `{text}` | {told} |").unwrap();
    }
    table
}

fn missing() -> String {
    let texts = ["cpu > 90%", "NOT cpu > 90%", "cpu > 90% OR requests > 100"];
    let heads = texts.map(|text| format!("`{text}`")).join(" | ");
    let mut table = format!("| `missing` | {heads} |\n|---|---|---|---|\n");
    for missing in [Missing::Breaching, Missing::NotBreaching, Missing::Ignore, Missing::Missing] {
        write!(table, "| `{}` |", serde_json::to_value(missing).unwrap().as_str().unwrap()).unwrap();
        for text in texts {
            let policy = sky::policy(missing, vec![sky::rule("r", text)]);
            let plan = wanted(&"production".parse().unwrap(), &policy, &sky::services(), None);
            let alarms = &plan.sets.first().unwrap().alarms;
            let after = |before: State| {
                let before: BTreeMap<String, State> =
                    alarms.iter().map(|alarm| (alarm.name.clone(), before)).collect();
                states(alarms, &|_| None, &before)[&alarms.last().unwrap().name]
            };
            let told = match (after(State::Ok), after(State::Alarm)) {
                (State::Alarm, State::Alarm) => "rings",
                (State::Ok, State::Ok) => "does not ring",
                (State::InsufficientData, State::InsufficientData) => "does not ring (`INSUFFICIENT_DATA`)",
                (State::Ok, State::Alarm) => "stays as it was",
                other => panic!("{other:?}"),
            };
            write!(table, " {told} |").unwrap();
        }
        table.push('\n');
    }
    table
}

#[test]
fn the_document_says_what_the_code_does() {
    let document = std::fs::read(path()).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap();
    let parts = [("conditions", conditions()), ("missing", missing()), ("rules", shown(&rules()))];
    let meant = parts.into_iter().fold(document.clone(), |document, (name, part)| {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (before, rest) = document.split_once(&begin).expect(name);
        let (_, after) = rest.split_once(&end).expect(name);
        format!("{before}{begin}\n{part}\n{end}{after}")
    });
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(), &meant).unwrap();
        return;
    }
    let differs = document.lines().zip(meant.lines()).find(|(is, ought)| is != ought);
    assert!(
        document == meant,
        "cloudwatch.md is not what the code says ({differs:?}); UPDATE_DOCS=1 cargo test -p alerting golden writes it anew"
    );
}

/// Five alarms for the document's four rules and three environments, all of them metric alarms.
#[test]
fn the_document_s_rules_are_five_alarms() {
    let plan = rules();
    let names: Vec<&str> = plan.alarms().map(|alarm| alarm.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ace-flow/production/production/Production Down",
            "ace-flow/production/development/Development Environment Issues",
            "ace-flow/production/development/Cross-Environment Performance Degradation",
            "ace-flow/production/staging/Cross-Environment Performance Degradation",
            "ace-flow/production/production/Cross-Environment Performance Degradation",
        ]
    );
    assert!(plan.alarms().all(|alarm| !alarm.is_composite() && alarm.alarm_actions.is_empty()));
    assert_eq!(plan.without.len(), 7);
}
