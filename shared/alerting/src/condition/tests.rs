mod documents;
mod errors;
mod explanations;
mod meaning;
mod normal_form;
mod properties;
mod reference;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::*;

/// The rules' vocabulary, with metrics of a team's own.
fn signals() -> Vocabulary {
    let metric = |name: &str, kind| Field { name: name.to_owned(), kind, about: "a metric".to_owned() };
    Vocabulary::signals(&[metric("queue_age", Kind::Duration), metric("orders", Kind::Count)])
}

fn parsed(text: &str) -> Condition {
    Condition::parse(text, &signals()).unwrap_or_else(|error| panic!("{}\n{error}", error.pointed()))
}

fn refused(text: &str) -> ConditionError {
    Condition::parse(text, &signals()).expect_err(text)
}

/// What is known of one subject.
#[derive(Clone, Debug, Default)]
struct Known(BTreeMap<String, Seen<'static>>);

impl Known {
    fn text(mut self, field: &str, text: &str) -> Self {
        self.0.insert(field.to_owned(), Seen::Text(Cow::Owned(text.to_owned())));
        self
    }

    fn texts(mut self, field: &str, texts: &[&str]) -> Self {
        let texts = texts.iter().map(|text| Cow::Owned((*text).to_owned())).collect();
        self.0.insert(field.to_owned(), Seen::Texts(texts));
        self
    }

    fn number(mut self, field: &str, number: f64) -> Self {
        self.0.insert(field.to_owned(), Seen::Number(number));
        self
    }
}

impl Picture for Known {
    fn see(&self, field: &str) -> Seen<'_> {
        self.0.get(field).cloned().unwrap_or(Seen::Unknown)
    }
}

/// A production that is down.
fn production() -> Known {
    Known::default()
        .text("environment", "production")
        .text("service", "shop")
        .text("status", "critical")
        .text("deployment", "running")
        .texts("alarm", &["shop-5xx", "shop-latency", "database"])
        .texts("metric", &[])
        .number("response_time", 3_217.4)
        .number("error_rate", 7.5)
}

fn subject(environment: &str, status: Option<Health>) -> (EnvironmentName, Option<Health>) {
    (environment.parse().unwrap(), status)
}
