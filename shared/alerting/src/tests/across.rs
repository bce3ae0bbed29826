use super::support::*;
use crate::*;

const SLOW: &str = "response_time > 2s AND affected_environments >= 2";

fn slow(condition: &str) -> Policy {
    policy(vec![rule("Slow everywhere", condition, Severity::High, &["chat"])])
}

/// A town of subjects, and the one rule that counts over them.
struct Town {
    policy: Policy,
    watches: Vec<Watch>,
    across: Across,
    writes: usize,
}

impl Town {
    fn new(policy: Policy) -> Self {
        let across = Across::new(policy.rules[0].name.clone());
        Self { policy, watches: Vec::new(), across, writes: 0 }
    }

    fn hear(&mut self, signal: &Signal) {
        let place = self.watches.iter().position(|watch| watch.subject == signal.subject);
        let place = place.unwrap_or_else(|| {
            self.watches.push(Watch::new(signal.subject.clone()));
            self.watches.len() - 1
        });
        if let Some(next) = self.watches[place].hear(signal, &self.policy, signal.at) {
            self.watches[place] = next;
        }
        for counted in self.watches[place].counted(&self.policy) {
            if let Some(next) = self.across.count(&counted, &self.policy, signal.at, signal.at) {
                self.across = next;
                self.writes += 1;
            }
        }
    }

    fn fires(&self, now: i64) -> bool {
        self.across.alert(&self.policy, at(now)).is_some_and(|alert| alert.is_firing())
    }
}

fn time(of: &str, millis: f64, seconds: i64) -> Signal {
    measured(of, Health::Healthy, &[("response_time", millis)], seconds)
}

#[test]
fn the_documents_rule_fires_when_two_environments_are_slow() {
    let mut town = Town::new(slow(SLOW));
    town.hear(&time("production", 3_200.0, 1));
    town.hear(&time("production/shop", 3_200.0, 2));
    assert!(!town.fires(2), "one environment is one, whatever its services say");
    town.hear(&time("staging", 2_001.0, 3));
    assert!(town.fires(3));
    let alert = town.across.alert(&town.policy, at(3)).unwrap();
    assert_eq!((alert.key.subject, second(alert.decided)), (None, 3));
    assert!(
        alert.because.contains("production: ") && alert.because.contains("staging: "),
        "{}",
        alert.because
    );
    town.hear(&time("staging", 1_999.0, 4));
    assert!(!town.fires(4));
}

#[test]
fn its_times_are_those_of_the_count() {
    let mut town = Town::new(slow(&format!("{SLOW} for 5m")));
    town.hear(&time("production", 3_200.0, 0));
    town.hear(&time("staging", 3_200.0, 60));
    assert_eq!((town.fires(60), town.across.due), (false, Some(at(360))));
    town.across = town.across.pass(&town.policy, at(360)).unwrap();
    assert!(town.fires(360));
}

#[test]
fn what_is_the_same_is_not_written_again() {
    let mut town = Town::new(slow(SLOW));
    for second in 0..10 {
        town.hear(&time("production", 3_200.0 + f64::from(second), second.into()));
    }
    assert_eq!(town.writes, 1);
    town.hear(&time("staging", 100.0, 20));
    assert_eq!(town.writes, 1, "what was never slow is not counted");
}

#[test]
fn an_older_word_about_a_subject_does_not_count() {
    let policy = slow(SLOW);
    let watch = Watch::new(subject("production"));
    let slow = watch.hear(&time("production", 3_200.0, 1), &policy, at(1)).unwrap();
    let quick = slow.hear(&time("production", 100.0, 2), &policy, at(2)).unwrap();
    let (before, after) = (slow.counted(&policy).remove(0), quick.counted(&policy).remove(0));
    let across = Across::new(policy.rules[0].name.clone());
    let across = across.count(&after, &policy, at(2), at(2)).unwrap();
    assert_eq!(across.count(&before, &policy, at(1), at(3)), None);
}

#[test]
fn the_worst_status_is_one_of_those_that_are_counted() {
    let mut town = Town::new(slow("worst_status >= unhealthy"));
    town.hear(&status("staging", Health::Degraded, 1));
    assert!(!town.fires(1));
    town.hear(&status("production/shop", Health::Critical, 2));
    assert!(town.fires(2));
    town.hear(&status("production/shop", Health::Healthy, 3));
    assert!(!town.fires(3));
}

#[test]
fn what_is_counted_is_bounded() {
    let mut town = Town::new(slow(SLOW));
    for number in 0..1_100 {
        town.hear(&time(&format!("production/s{number}"), 3_200.0, number));
    }
    assert!(serde_json::to_string(&town.across).unwrap().len() < 350_000);
}
