//! Every boundary of every scenario, disturbed in every way.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use e2e::{Call, Journal, Lambda, Wiring, once};
use environments::Environment;
use tokio::runtime::Builder;

use crate::fault::{Disturbance, Fault, Recorder};
use crate::oracle::converged;
use crate::scenario::Scenario;

/// No run lasts as long: what has not ended by then hangs.
const FOR_EVER: Duration = Duration::from_hours(48);

/// One disturbed run.
#[derive(Clone, Copy)]
pub struct Job {
    /// The scenario's place in the list.
    pub scenario: usize,
    /// What goes wrong.
    pub disturbance: Disturbance,
}

/// A run that did not converge.
pub struct Failed {
    /// What to set `ACE_FAULT` to, to have this run alone.
    pub name: String,
    /// What was wrong, and the transcript.
    pub report: String,
}

/// The name of a job.
pub fn name(scenarios: &[Scenario], job: Job) -> String {
    let Job { scenario, disturbance: Disturbance { at, fault, again } } = job;
    let times = if again { "twice" } else { "once" };
    format!("{}/{at}/{fault:?}/{times}", scenarios[scenario].name)
}

/// Plays a scenario; gives its calls, and how many of the two faults of a disturbance happened.
pub fn play(
    scenario: &Scenario,
    configuration: Environment,
    wiring: Wiring,
    disturbance: Option<Disturbance>,
) -> Result<(Vec<Call>, usize), String> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let journal: Mutex<Option<Arc<Journal>>> = Mutex::default();
    let recorder = Arc::new(Recorder::new(disturbance));
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let run = scenario.run(configuration).await;
            *journal.lock().unwrap() = Some(Arc::clone(&run.journal));
            let ports = run.stack.ports().clone();
            let lambda = Lambda::over(ports, Arc::clone(&recorder) as _, Box::new(once), wiring);
            let ended = tokio::time::timeout(FOR_EVER, scenario.play(&run, &lambda)).await;
            assert!(ended.is_ok(), "it does not end");
            let (hit, _) = recorder.hits();
            assert_eq!(hit.is_some(), disturbance.is_some(), "the boundary is there again");
            converged(&run, &lambda, scenario, disturbance.zip(hit.as_ref())).await;
        });
    }));
    let (hit, hit_again) = recorder.hits();
    match played {
        Ok(()) => Ok((recorder.calls(), usize::from(hit.is_some()) + usize::from(hit_again.is_some()))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let mut report = text.unwrap_or_else(|| "it panicked".to_owned());
            for call in [hit, hit_again].into_iter().flatten() {
                write!(report, "\nat {call}").unwrap();
            }
            let journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            let transcript = journal.as_ref().map(|journal| journal.transcript()).unwrap_or_default();
            Err(format!("{report}\n{transcript}"))
        }
    }
}

/// The boundaries of a scenario, from a run in which nothing is disturbed.
pub fn boundaries(scenario: &Scenario) -> Vec<Call> {
    let undisturbed = || play(scenario, scenario.configuration(), scenario.wiring, None);
    let (calls, _) = undisturbed().unwrap_or_else(|report| panic!("{} undisturbed: {report}", scenario.name));
    let (again, _) = undisturbed().unwrap_or_default();
    assert_eq!(calls, again, "a run is the same each time");
    calls
}

/// Every fault, once and again, at every one of these calls.
pub fn jobs(scenario: usize, calls: &[Call]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            if fault.refuses() && !call.refusable {
                continue;
            }
            for again in [false, true] {
                jobs.push(Job { scenario, disturbance: Disturbance { at, fault, again } });
            }
        }
    }
    jobs
}

/// Plays jobs on all processors, with the scenarios' wiring or with this one; gives how many faults happened, and the runs that failed, in order.
pub fn play_all(scenarios: &[Scenario], wiring: Option<Wiring>, jobs: &[Job]) -> (usize, Vec<Failed>) {
    let (next, happened) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    // Read once: that takes as long as a tenth of a run.
    let configurations: Vec<Environment> = scenarios.iter().map(Scenario::configuration).collect();
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (scenario, configuration) = (&scenarios[job.scenario], configurations[job.scenario].clone());
            let wiring = wiring.unwrap_or(scenario.wiring);
            match play(scenario, configuration, wiring, Some(job.disturbance)) {
                Ok((_, faults)) => {
                    happened.fetch_add(faults, Ordering::Relaxed);
                }
                Err(report) => {
                    failed.lock().unwrap().push(Failed { name: name(scenarios, *job), report });
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by(|one: &Failed, other| one.name.cmp(&other.name));
    (happened.into_inner(), failed)
}
