//! Storms in virtual time, one for each seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use e2e::{Journal, Lambda, Run, Setup, Wiring};
use local_stack::Ports;
use tokio::runtime::Builder;

use crate::scheduler::{Random, Scheduler, Weather};
use crate::storm::{COPIES, Kind, play, verify};

/// No storm lasts as long: what has not ended by then hangs.
const FOR_EVER: Duration = Duration::from_hours(48);

/// Each step bakes for longer than a function of the step before it can live, as any step that is judged does.
const RULES: &str = "  canary: { steps: [{ weight: 25, bake: 1m }, { weight: 100, bake: 1m }] }\n  blue_green: { \
                     monitor: 1m }\n  clean_up: { after: 5m, quiet_minutes: 2, attempts: 5 }\n";

/// What a storm was.
pub struct Storm {
    /// How many invocations of functions there were.
    pub invocations: u64,
    /// What happened.
    pub transcript: String,
}

/// A storm in which something was wrong.
pub struct Failed {
    /// Its seed.
    pub seed: u64,
    /// What was wrong, and what happened.
    pub report: String,
}

/// What functions reach, possibly with something broken in it.
pub type Breakage = fn(&Ports) -> Ports;

/// Nothing broken.
pub fn whole(ports: &Ports) -> Ports {
    ports.clone()
}

/// The storm of a seed.
pub fn storm(seed: u64, weather: Weather, breakage: Breakage) -> Result<Storm, Failed> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let journal: Mutex<Option<Arc<Journal>>> = Mutex::default();
    let transcript = || {
        let journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.as_ref().map(|journal| journal.transcript()).unwrap_or_default()
    };
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let kind = Kind::of(seed);
            let run = Run::new(Setup { configuration: kind.configuration(RULES), ..Setup::default() }).await;
            *journal.lock().unwrap() = Some(Arc::clone(&run.journal));
            let scheduler = Scheduler::start(seed, weather, run.stack.clock().clone());
            let deliveries = Mutex::new(Random::new(!seed));
            // The original comes soon, and of its copies every other one when all may be over.
            let arrivals = move |_: &str| {
                let mut random = deliveries.lock().unwrap();
                let most = |copy| if copy > 0 && copy % 2 == 0 { 900 } else { 5 };
                (0..COPIES).map(|copy| rollout::Seconds(random.below(most(copy)))).collect()
            };
            let ports = breakage(run.stack.ports());
            let lambda = Lambda::over(ports, Arc::clone(&scheduler) as _, Box::new(arrivals), Wiring::WHOLE);
            let whole = play(&run, &lambda, kind, "copy", |most| scheduler.seconds(most));
            assert!(tokio::time::timeout(FOR_EVER, whole).await.is_ok(), "it does not end");
            verify(&run, &lambda, kind).await;
            lambda.invocations()
        })
    }));
    match played {
        Ok(invocations) => Ok(Storm { invocations, transcript: transcript() }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = text.unwrap_or_else(|| "it panicked".to_owned());
            Err(Failed { seed, report: format!("{text}\n{}", transcript()) })
        }
    }
}

/// The storms of these seeds, on all processors; how many invocations there were, and the storms that failed, in order.
pub fn storms(seeds: std::ops::Range<u64>, weather: Weather, breakage: Breakage) -> (u64, Vec<Failed>) {
    let (next, invocations) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            match storm(seed, weather, breakage) {
                Ok(storm) => {
                    invocations.fetch_add(storm.invocations, Ordering::Relaxed);
                }
                Err(failure) => failed.lock().unwrap().push(failure),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|failure: &Failed| failure.seed);
    (invocations.into_inner(), failed)
}
