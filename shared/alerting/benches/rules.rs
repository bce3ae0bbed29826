//! What it costs to hold rules against one picture, by their number, and to read them. The bar is 1 ms for 1,000 rules; the
//! cost of one rule (`items/s`) is to stay the same however many there are.
#![expect(clippy::unwrap_used, reason = "a bench ends when its input is wrong")]

use std::borrow::Cow;

use alerting::condition::{Condition, Picture, Seen, Truth, Vocabulary};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const ENVIRONMENTS: [&str; 4] = ["local", "development", "staging", "production"];

/// The rules of a team with so many services, as they are written.
fn rules(count: usize) -> Vec<String> {
    let rule = |(number, environment): (usize, &str)| {
        let service = format!("service-{}", number / 10);
        match number % 10 {
            0 => format!("environment:{environment} AND status:unhealthy"),
            1 => format!("environment:{environment} AND deployment:failed"),
            2 => "response_time > 2s AND affected_environments >= 2".to_owned(),
            3 => format!("service:{service} AND error_rate > 5% AND requests > 100 FOR 2m CLEAR AFTER 10m"),
            4 => format!("alarm:{service}-* AND NOT alarm:({service}-latency, \"{service}: canary *\")"),
            5 => format!(
                "(cpu > 90% OR memory > 90%) AND NOT deployment:running AND service:{service} FOR 10m"
            ),
            6 => format!(
                "environment:(staging, production) AND service:{service} AND status >= degraded FOR 5m"
            ),
            7 => format!("service:{service} AND response_time > {}ms", 200 + number % 7 * 100),
            8 => "namespace:\"AWS/ApplicationELB\" AND metric:HTTPCode_Target_5XX_Count".to_owned(),
            _ => format!("environment:p* AND service:{service} AND worst_status:critical"),
        }
    };
    (0..count).zip(ENVIRONMENTS.into_iter().cycle()).map(rule).collect()
}

fn parsed(texts: &[String]) -> Vec<Condition> {
    let vocabulary = Vocabulary::signals(&[]);
    texts.iter().map(|text| Condition::parse(text, &vocabulary).unwrap()).collect()
}

/// What is known of a service that is not well.
struct Service {
    alarms: Vec<String>,
}

impl Picture for Service {
    fn see(&self, field: &str) -> Seen<'_> {
        match field {
            "environment" => Seen::Text(Cow::Borrowed("production")),
            "service" => Seen::Text(Cow::Borrowed("service-3")),
            "status" => Seen::Text(Cow::Borrowed("degraded")),
            "deployment" => Seen::Text(Cow::Borrowed("running")),
            "version" => Seen::Text(Cow::Borrowed("v1.42.0")),
            "alarm" => Seen::Texts(self.alarms.iter().map(|name| Cow::Borrowed(name.as_str())).collect()),
            "metric" => Seen::Texts(vec![Cow::Borrowed("HTTPCode_Target_5XX_Count")]),
            "namespace" => Seen::Texts(vec![Cow::Borrowed("AWS/ApplicationELB")]),
            "response_time" => Seen::Number(850.0),
            "error_rate" => Seen::Number(1.5),
            "cpu" => Seen::Number(93.0),
            "requests" => Seen::Number(12_000.0),
            _ => Seen::Unknown,
        }
    }
}

fn service() -> Service {
    let alarms = ["service-3-5xx", "service-3-latency", "service-3: canary errors", "database", "queue"];
    Service { alarms: alarms.map(str::to_owned).to_vec() }
}

#[divan::bench(args = [10, 100, 1_000, 10_000])]
fn rules_against_one_picture(bencher: Bencher<'_, '_>, count: usize) {
    let (rules, picture) = (parsed(&rules(count)), service());
    let holding =
        |rules: &[Condition]| rules.iter().filter(|rule| rule.holds(&picture) == Truth::Holds).count();
    assert!((1..count).contains(&holding(&rules)));
    bencher.counter(ItemsCount::new(count)).bench_local(|| holding(black_box(&rules)));
}

#[divan::bench(args = [10, 100, 1_000, 10_000], sample_count = 20)]
fn read(bencher: Bencher<'_, '_>, count: usize) {
    let texts = rules(count);
    bencher.counter(ItemsCount::new(count)).bench_local(|| parsed(black_box(&texts)).len());
}

/// A condition as long as may be, and halves of it.
#[divan::bench(args = [250, 500, 1_000, 2_000])]
fn read_by_length(bencher: Bencher<'_, '_>, characters: usize) {
    let (text, vocabulary) = ("cpu > 90% OR ".repeat(characters / 13), Vocabulary::signals(&[]));
    let text = text + "cpu > 1%";
    let text = text.strip_prefix("cpu > 90% OR ").unwrap();
    assert!(Condition::parse(text, &vocabulary).is_ok());
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| Condition::parse(black_box(text), &vocabulary).is_ok());
}

/// The same with a mistake at its end.
#[divan::bench(args = [250, 500, 1_000, 2_000])]
fn refuse_by_length(bencher: Bencher<'_, '_>, characters: usize) {
    let (text, vocabulary) = ("cpu > 90% OR ".repeat(characters / 13), Vocabulary::signals(&[]));
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| Condition::parse(black_box(&text), &vocabulary).is_err());
}
