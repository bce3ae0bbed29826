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

use e2e::{Call, TIMEOUT, Wiring, files};
use serde_json::Value;

use crate::fault::{Disturbance, Fault};
use crate::scenario::SCENARIOS;
use crate::sweep::{Job, boundaries, jobs, name, play_all};

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
    let (happened, failed) = play_all(&SCENARIOS, None, &all);
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

/// Every call of a scenario's first run that is one of these, refused for good.
fn refused(scenario: &str, which: fn(&Call) -> bool) -> Vec<Job> {
    let scenario = SCENARIOS.iter().position(|one| one.name == scenario).unwrap();
    let calls = boundaries(&SCENARIOS[scenario]);
    (0..calls.len())
        .filter(|at| calls[*at].refusable && which(&calls[*at]))
        .map(|at| Disturbance { at, fault: Fault::Permanent, again: false })
        .map(|disturbance| Job { scenario, disturbance })
        .collect()
}

/// The fault sweep can fail: a rollback that is refused for good is finished by the watchdog, or by the schedule's sweep,
/// and by nobody without them.
#[test]
fn what_is_refused_for_good_is_not_finished_without_watchdog_and_sweep() {
    let jobs = refused("bad-canary", |call| &*call.function == "rollback");
    let (_, failed) = play_all(&SCENARIOS, Some(Wiring::UNWATCHED.unswept()), &jobs);
    assert!(!failed.is_empty(), "{} runs, and none failed", jobs.len());
    assert!(failed.iter().all(|failure| failure.report.contains("RollbackFailed")));
    for wiring in [Wiring::WHOLE.unswept(), Wiring::UNWATCHED] {
        let (_, failed) = play_all(&SCENARIOS, Some(wiring), &jobs);
        assert!(failed.is_empty(), "with {wiring:?} they converge");
    }
}

/// What a promoted rollout owes is finished by the sweep, and by nobody else.
#[test]
fn what_a_promoted_rollout_owes_is_not_finished_without_the_sweep() {
    let jobs = refused("canary", |call| call.port == "CleanUpSchedule");
    assert!(!jobs.is_empty());
    for (wiring, converge) in [(Wiring::WHOLE.unswept(), false), (Wiring::WHOLE, true)] {
        let (_, failed) = play_all(&SCENARIOS, Some(wiring), &jobs);
        assert_eq!(failed.len(), if converge { 0 } else { jobs.len() }, "{wiring:?}");
    }
}

#[test]
fn the_timeouts_are_those_of_the_template() {
    let template: Value = serde_saphyr::from_str(&files::text("infra/template.yaml")).unwrap();
    let shared = &template["Globals"]["Function"]["Timeout"];
    let functions = files::names("functions");
    assert!(!functions.is_empty());
    assert_eq!(shared.as_u64(), Some(TIMEOUT.0.into()));
    // cost-optimizer sets no weight: what it may do is compared in tests/scenarios/costs.rs.
    for function in functions.into_iter().filter(|function| function != "cost-optimizer") {
        let resource = template["Resources"]
            .as_object()
            .unwrap()
            .values()
            .find(|resource| resource["Metadata"]["BuildProperties"]["Binary"] == function.as_str());
        let own = resource.unwrap_or_else(|| panic!("{function} is not in the template"));
        let timeout = own["Properties"].get("Timeout").unwrap_or(shared);
        assert!(timeout.as_u64().is_some_and(|seconds| seconds <= TIMEOUT.0.into()), "{function}: {timeout}");
    }
}
