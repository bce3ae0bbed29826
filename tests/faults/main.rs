//! Whatever goes wrong, wherever: the real functions under the real state machine, in virtual time, with every call of
//! every port disturbed in every way. A first run of each scenario records its calls, so that a call that is added to
//! a function is swept without being named here.
//!
//! Every tenth run is played; with `ACE_THOROUGH` set, as `tests/run` does, all are.
//! `ACE_FAULT=<name>` plays only the runs whose name begins like this; a failure prints its name.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod fault;
mod oracle;
mod scenario;
mod sweep;

use std::io::Write as _;
use std::time::Instant;

use e2e::{files, timeout_of};
use serde_json::Value;

use crate::fault::{Disturbance, Fault};
use crate::scenario::SCENARIOS;
use crate::sweep::{Job, Stage, boundaries, jobs, name, play_all};

/// Past the test harness, which keeps what passes to itself.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
}

#[test]
fn whatever_goes_wrong_at_whatever_call_every_rollout_converges() {
    let only = std::env::var("ACE_FAULT").ok();
    let began = Instant::now();
    let mut all = Vec::new();
    let mut swept = 0;
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        let calls = boundaries(scenario);
        swept += calls.len();
        all.extend(jobs(index, &calls));
    }
    if let Some(only) = &only {
        all.retain(|job| name(&SCENARIOS, *job).starts_with(only.as_str()));
        assert!(!all.is_empty(), "no run has a name that begins with {only}");
    } else if std::env::var_os("ACE_THOROUGH").is_none() {
        all = all.into_iter().step_by(10).collect();
    }
    let (happened, failed) = play_all(&SCENARIOS, Stage::Whole, &all);
    say(&format!(
        "fault sweep: {swept} boundaries of {} scenarios x {} faults, first and retried: {} runs, {happened} faults, \
         {} failed, in {:.1} s",
        SCENARIOS.len(),
        Fault::ALL.len(),
        all.len(),
        failed.len(),
        began.elapsed().as_secs_f64()
    ));
    for failure in failed.iter().take(5) {
        say(&format!(
            "\n{}\nalone: ACE_FAULT={} cargo test -p e2e --test faults whatever",
            failure.report, failure.name
        ));
    }
    let names: Vec<&str> = failed.iter().map(|failure| failure.name.as_str()).collect();
    assert!(names.is_empty(), "{} runs did not converge: {names:#?}", names.len());
}

/// The sweep can fail: without the watchdog's rule a rollback that is refused for good is never finished.
#[test]
fn the_sweep_notices_that_the_watchdog_is_missing() {
    let index = SCENARIOS.iter().position(|scenario| scenario.name == "bad-canary").unwrap();
    let calls = boundaries(&SCENARIOS[index]);
    let refused: Vec<Job> = (0..calls.len())
        .filter(|at| &*calls[*at].function == "rollback" && calls[*at].refusable)
        .map(|at| Disturbance { at, fault: Fault::Permanent, again: false })
        .map(|disturbance| Job { scenario: index, disturbance })
        .collect();
    let (_, failed) = play_all(&SCENARIOS, Stage::NoWatchdog, &refused);
    assert!(!failed.is_empty(), "{} runs, and none failed", refused.len());
    assert!(failed.iter().all(|failure| failure.report.contains("RollbackFailed")));
    let (_, failed) = play_all(&SCENARIOS, Stage::Whole, &refused);
    assert!(failed.is_empty(), "with the watchdog they converge");
}

#[test]
fn the_timeouts_are_those_of_the_template() {
    let template: Value = serde_saphyr::from_str(&files::text("infra/template.yaml")).unwrap();
    let shared = &template["Globals"]["Function"]["Timeout"];
    let functions = files::names("functions");
    assert!(!functions.is_empty());
    for function in functions {
        let resource = template["Resources"]
            .as_object()
            .unwrap()
            .values()
            .find(|resource| resource["Metadata"]["BuildProperties"]["Binary"] == function.as_str());
        let own = resource.unwrap_or_else(|| panic!("{function} is not in the template"));
        let timeout = own["Properties"].get("Timeout").unwrap_or(shared);
        assert_eq!(timeout.as_u64(), Some(timeout_of(&function).0.into()), "{function}");
    }
}
