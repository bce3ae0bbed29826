//! Policies, and what CloudWatch and events say of their subjects.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rollout::Seconds;

use crate::cloudwatch::{MetricAlarm, Services};
use crate::condition::{Picture, Seen};
use crate::metric::{Missing, level};
use crate::tests::support;
use crate::{Condition, Field, Health, Kind, MetricSource, Policy, Rule, Severity, Subject, Vocabulary};

/// The fields that CloudWatch has of environments, and of services.
pub const OF_ENVIRONMENTS: [&str; 4] = ["status", "response_time", "cpu", "requests"];
pub const OF_SERVICES: [&str; 2] = ["carts", "orders"];

/// What is configured beside the built-in fields, every metric with this treatment of missing data.
pub fn policy(missing: Missing, rules: Vec<Rule>) -> Policy {
    let field = |name: &str, kind| Field { name: name.to_owned(), kind, about: String::new() };
    let mut policy = support::policy(rules);
    policy.metrics = vec![field("carts", Kind::Duration), field("orders", Kind::Count)];
    let built_in = OF_ENVIRONMENTS.map(|name| (name.to_owned(), MetricSource::built_in(name).unwrap()));
    let of_services = OF_SERVICES.map(|name| {
        let (environment, service) = ("{environment}".to_owned(), "{service}".to_owned());
        let source = MetricSource {
            kind: if name == "carts" { Kind::Duration } else { Kind::Count },
            namespace: "Shop".to_owned(),
            metric: name.to_owned(),
            statistic: "p99".to_owned(),
            dimensions: [("Environment".to_owned(), environment), ("Service".to_owned(), service)].into(),
            period: Seconds(60),
            missing,
            scale: if name == "carts" { 1_000.0 } else { 1.0 },
        };
        (name.to_owned(), source)
    });
    policy.sources = built_in.into_iter().chain(of_services).collect();
    for source in policy.sources.values_mut() {
        source.missing = missing;
    }
    policy
}

pub fn condition(text: &str) -> Condition {
    let metrics = policy(Missing::Missing, Vec::new()).metrics;
    Condition::parse(text, &Vocabulary::signals(&metrics)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn rule(name: &str, text: &str) -> Rule {
    Rule { condition: condition(text), ..support::rule(name, "cpu > 1%", Severity::High, &["chat"]) }
}

/// The services `shop` and `search` of production, and `shop` of staging.
pub fn services() -> Services {
    let of = |environment: &str, services: &[&str]| {
        let services: BTreeSet<_> = services.iter().map(|name| name.parse().unwrap()).collect();
        (environment.parse().unwrap(), services)
    };
    BTreeMap::from([of("production", &["shop", "search"]), of("staging", &["shop"])])
}

/// The environments, and each of their services.
pub fn subjects() -> Vec<Subject> {
    let whole = ["development", "staging", "production"].map(support::subject).into_iter();
    whole.chain(["staging/shop", "production/shop", "production/search"].map(support::subject)).collect()
}

/// The datapoints of one minute in the units of fields, by the subject and the field; and what events say.
#[derive(Clone, Debug, Default)]
pub struct Sky {
    pub values: BTreeMap<(String, &'static str), f64>,
    pub events: BTreeMap<(String, &'static str), &'static str>,
}

impl Sky {
    /// What CloudWatch has for an alarm.
    pub fn datapoint(&self, policy: &Policy, alarm: &MetricAlarm) -> Option<f64> {
        let dimension = |name: &str| alarm.dimensions.get(name);
        let environment = dimension("Environment").unwrap();
        let subject = dimension("Service")
            .map_or_else(|| environment.clone(), |service| format!("{environment}/{service}"));
        let (field, source) =
            policy.sources.iter().find(|(_, source)| source.metric == alarm.metric).unwrap();
        let known = self.values.iter().find(|((of, name), _)| *of == subject && name == field);
        known.map(|(_, value)| value / source.scale)
    }
}

/// A subject as alert-router sees it: it knows of it what CloudWatch has of it, and what events say.
pub struct Seeing<'a> {
    pub sky: &'a Sky,
    pub subject: &'a Subject,
}

impl Picture for Seeing<'_> {
    fn see(&self, field: &str) -> Seen<'_> {
        let subject = self.subject.to_string();
        let value = self.sky.values.iter().find(|((of, name), _)| *of == subject && *name == field);
        match field {
            "environment" => Seen::Text(self.subject.environment.as_str().into()),
            "service" => match &self.subject.service {
                Some(service) => Seen::Text(service.as_str().into()),
                None => Seen::Texts(Vec::new()),
            },
            "status" => value.map_or(Seen::Unknown, |(_, value)| Seen::Text(health(*value).as_str().into())),
            _ => {
                match (value, self.sky.events.iter().find(|((of, name), _)| *of == subject && *name == field))
                {
                    (Some((_, value)), _) => Seen::Number(*value),
                    (None, Some((_, text))) => Seen::Text((*text).into()),
                    (None, None) => Seen::Unknown,
                }
            }
        }
    }
}

/// The worst status that a value reaches.
fn health(value: f64) -> Health {
    Health::ALL.iter().copied().rev().find(|status| value >= level(*status)).unwrap_or(Health::Healthy)
}

/// A term over what CloudWatch has, over what a subject is, and, where it is asked for, over events and comparisons that
/// CloudWatch does not have.
fn term(everything: bool) -> BoxedStrategy<String> {
    let number = |field: &'static str, values: &'static [&'static str]| {
        (prop::sample::select(&[">", ">=", "<", "<="][..]), prop::sample::select(values))
            .prop_map(move |(comparison, value)| format!("{field} {comparison} {value}"))
    };
    let words = &["healthy", "degraded", "unhealthy", "critical"][..];
    let status =
        (prop::sample::select(&[":", " != ", " > ", " >= ", " < ", " <= "][..]), prop::sample::select(words))
            .prop_map(|(comparison, word)| format!("status{comparison}{word}"));
    let either = (prop::sample::select(words), prop::sample::select(words))
        .prop_filter("two", |(one, other)| one != other)
        .prop_map(|(one, other)| format!("status:({one}, {other})"));
    let fixed = prop::sample::select(
        &[
            "environment:production",
            "environment:(staging, dev*)",
            "service:shop",
            "service:s*",
            "service:none",
        ][..],
    );
    let of_cloudwatch = prop_oneof![
        3 => number("response_time", &["1s", "2s", "0.5s"]),
        3 => number("cpu", &["50%", "90%"]),
        3 => number("requests", &["0", "100"]),
        3 => number("carts", &["1s", "4s"]),
        3 => number("orders", &["5", "10"]),
        4 => status,
        2 => either,
        2 => fixed.prop_map(str::to_owned),
    ];
    if !everything {
        return of_cloudwatch.boxed();
    }
    let further = prop::sample::select(
        &[
            "deployment:failed",
            "version:v2",
            "alarm:a*",
            "cpu = 50%",
            "requests != 0",
            "orders = 5",
            "memory > 5%",
        ][..],
    );
    prop_oneof![3 => of_cloudwatch, 1 => further.prop_map(str::to_owned)].boxed()
}

/// A condition.
pub fn text(everything: bool) -> impl Strategy<Value = String> {
    term(everything).prop_recursive(4, 12, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts.clone().prop_map(|parts| format!("({})", parts.join(" AND "))),
            parts.prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.prop_map(|part| format!("NOT {part}")),
        ]
    })
}

/// What is measured, and what events say. Not everything is.
pub fn sky() -> impl Strategy<Value = Sky> {
    let mut places = Vec::new();
    for subject in subjects() {
        let fields = if subject.service.is_some() { &OF_SERVICES[..] } else { &OF_ENVIRONMENTS[..] };
        places.extend(fields.iter().map(|field| (subject.to_string(), *field)));
    }
    let values: Vec<_> = places
        .into_iter()
        .map(|(subject, field)| {
            let known: &[f64] = match field {
                "status" => &[0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0],
                "response_time" | "carts" => &[500.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0],
                "orders" => &[0.0, 5.0, 10.0],
                _ => &[0.0, 50.0, 90.0, 100.0],
            };
            prop::option::weighted(0.8, prop::sample::select(known))
                .prop_map(move |value| value.map(|value| ((subject.clone(), field), value)))
        })
        .collect();
    let events: Vec<_> = subjects()
        .into_iter()
        .flat_map(|subject| {
            [("deployment", &["failed", "running"]), ("version", &["v1", "v2"]), ("alarm", &["ab", "b"])].map(
                |(field, texts)| {
                    let subject = subject.to_string();
                    prop::option::of(prop::sample::select(&texts[..]))
                        .prop_map(move |text| text.map(|text| ((subject.clone(), field), text)))
                },
            )
        })
        .collect();
    (values, events).prop_map(|(values, events)| Sky {
        values: values.into_iter().flatten().collect(),
        events: events.into_iter().flatten().collect(),
    })
}
