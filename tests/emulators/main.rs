//! The project on AWS's own shapes: the compiled bootstraps and the real state machine, on emulators of AWS that this
//! program starts and ends, or on whatever the environment names:
//!
//! | variable | what |
//! |---|---|
//! | `ACE_MINISTACK`, `ACE_MOTO` | the emulators' executables, as `tests/run` installs them |
//! | `AWS_ENDPOINT_URL` | instead of `MiniStack`: everything but load balancers |
//! | `AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2`, `_EC2` | instead of moto: load balancers, their subnets, what can be stopped |
//! | `AWS_ENDPOINT_URL_CODEPIPELINE` | instead of a server of the test |
//! | `ACE_TEST_ACCOUNT` | the account there, 000000000000 by default |
//! | `ACE_EVENT_SOURCE` | the source of the test's pipeline events |
//! | `ACE_BOOTSTRAPS` | the folder of the compiled functions, by default cargo's |
//!
//! The tests that kill a function's process are ignored with `AWS_ENDPOINT_URL`: they find it in this machine's /proc.
//!
//! All tests share one stack. They wait for real minutes, for only those are evidence, and so run side by side.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a panic is a failed test"
)]

mod alarms;
mod alerts;
mod aws;
mod balancer;
mod caches;
mod costs;
mod emulator;
mod executions;
mod http;
mod interrupted;
mod local;
mod machine;
mod markers;
mod operator;
mod passage;
mod redaction;
mod resources;
mod rollouts;
mod secrets;
mod server;
mod stack;
mod table_passage;
mod template;
mod vault_passage;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::aws::{Aws, given_elb_endpoint, given_endpoint};
use crate::emulator::Emulator;
use crate::local::Local;
use crate::world::World;

/// Enough for all tests at once: they wait, they do not compute.
const AT_ONCE: usize = 48;

/// The emulators that have to be ended, and then their folder.
type Started = Arc<Mutex<(Vec<Emulator>, Option<TempDir>)>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let runtime = Runtime::new().expect("a runtime");
    let started = Started::default();
    let world = if arguments.list {
        None
    } else {
        runtime.spawn(end_when_told(Arc::clone(&started)));
        let built = runtime.block_on(runtime.spawn(build(Arc::clone(&started))));
        match built.map_err(|error| error.to_string()).and_then(|built| built) {
            Ok(world) => Some(Arc::new(world)),
            Err(error) => {
                eprintln!("the stack could not be built: {error}");
                end(&started);
                return ExitCode::FAILURE;
            }
        }
    };
    let conclusion = libtest_mimic::run(&arguments, trials(world.as_ref(), runtime.handle()));
    drop(world);
    end(&started);
    conclusion.exit_code()
}

fn trials(world: Option<&Arc<World>>, runtime: &Handle) -> Vec<Trial> {
    macro_rules! trials {
        ($($test:path),+ $(,)?) => {
            vec![$({
                let (world, runtime) = (world.cloned(), runtime.clone());
                let test = move || {
                    let world = world.ok_or_else(|| Failed::from("no stack"))?;
                    runtime.block_on($test(world));
                    Ok(())
                };
                Trial::test(stringify!($test).replace(' ', ""), test)
            }),+]
        };
    }
    // Only a process of this machine can be killed.
    let functions_are_elsewhere = given_endpoint().is_some();
    let killing = trials![
        interrupted::steps_killed_after_their_writes_are_taken_again,
        interrupted::a_killed_step_and_an_alarm_end_at_weight_0,
        alerts::a_process_killed_before_it_has_recorded_tells_nobody_twice,
    ];
    let mut all = trials![
        rollouts::a_good_canary_is_promoted,
        rollouts::a_bad_canary_is_rolled_back,
        rollouts::a_good_blue_green_rollout_is_promoted,
        rollouts::an_alarm_rolls_back_at_once,
        rollouts::an_event_delivered_twice_is_one_rollout,
        rollouts::a_failed_pipeline_is_ignored,
        rollouts::an_unknown_pipeline_is_ignored,
        rollouts::a_request_for_an_unknown_service_is_rejected,
        interrupted::an_execution_stopped_from_outside_is_rolled_back,
        operator::an_operator_rolls_out_holds_and_rolls_back,
        operator::what_aws_does_not_have_is_told_with_the_remedy,
        machine::the_way_of_a_promoted_rollout,
        machine::the_way_of_a_retry_that_succeeds,
        machine::the_way_of_retries_that_end,
        machine::the_way_of_a_caught_error,
        machine::the_way_of_an_unknown_answer,
        machine::the_ways_that_fail,
        alerts::an_alarm_is_a_page_and_a_thread_and_its_end_ends_both,
        alerts::the_documents_first_rule_pages_for_a_production_that_is_down,
        alerts::what_waits_for_more_is_told_once_by_a_timer,
        alerts::a_condition_with_a_time_begins_and_ends_by_timers,
        alerts::a_pager_that_is_down_is_stood_in_for_and_told_when_it_is_back,
        alerts::a_pager_that_asks_for_a_moment_gets_it,
        alerts::what_cannot_be_read_is_told_to_the_fallback,
        alerts::a_missing_secret_is_stood_in_for_and_named,
        alerts::what_is_given_up_is_in_the_queue,
        alerts::the_table_is_used_as_the_role_may,
        alerts::a_rollout_that_rolls_back_answers_its_alarm,
        the_store_on_dynamodb_conforms,
        the_alerts_on_dynamodb_conform,
        the_costs_on_dynamodb_conform,
        costs::the_evening_and_the_morning_of_everything,
        the_environment_above_reads_how_rollouts_ended,
        secrets::a_hundred_readers_are_one_call_and_an_update_is_read_at_once,
        secrets::a_refused_credential_is_read_again_once,
        secrets::an_outage_is_bridged_for_an_hour,
        secrets::a_secret_is_replaced_and_rotated_only_as_it_was_read,
        secrets::ace_sets_shows_and_rotates_the_stored_secret,
        secrets::features_are_published_to_parameter_store,
        alarms::the_alarms_of_rules_are_made_kept_and_deleted,
        alarms::a_composite_alarm_rings_as_the_condition_says,
        alarms::an_alarm_of_somebody_else_stands_in_the_way_of_its_rule_alone,
        resources::instances_are_stopped_and_started,
        resources::a_group_is_stopped_and_started,
        resources::a_service_is_stopped_and_started_with_its_bounds,
        resources::databases_are_stopped_and_started,
        resources::caches_are_seen_put_by_and_deleted,
        redaction::no_secret_is_in_anything_that_is_produced,
        redaction::a_leak_is_caught_wherever_it_is,
    ];
    all.extend(killing.into_iter().map(|trial| trial.with_ignored_flag(functions_are_elsewhere)));
    all
}

async fn the_store_on_dynamodb_conforms(world: Arc<World>) {
    e2e::store_conformance(Arc::clone(&world.store), &world.run).await;
}

async fn the_alerts_on_dynamodb_conform(world: Arc<World>) {
    e2e::alert_store_conformance(Arc::clone(&world.alerts), &world.run).await;
}

async fn the_costs_on_dynamodb_conform(world: Arc<World>) {
    e2e::cost_store_conformance(Arc::clone(&world.costs), &world.run).await;
}

async fn the_environment_above_reads_how_rollouts_ended(world: Arc<World>) {
    e2e::below_conformance(Arc::clone(&world.store), Arc::clone(&world.below), &world.run).await;
}

async fn build(started: Started) -> Result<World, String> {
    let folder = TempDir::new().map_err(|error| error.to_string())?;
    let path = folder.path().to_owned();
    keep(&started).1 = Some(folder);
    let local = Local::start().await;
    let endpoint = match given_endpoint() {
        Some(url) => url,
        None => started_at(&started, Emulator::ministack(&path).await?),
    };
    let elb = match given_elb_endpoint() {
        Some(url) => url,
        None => started_at(&started, Emulator::moto(&path).await?),
    };
    let aws = Aws::new(endpoint, elb, local.url.clone());
    Ok(World::create(aws, local, &path).await)
}

fn keep(started: &Started) -> std::sync::MutexGuard<'_, (Vec<Emulator>, Option<TempDir>)> {
    started.lock().unwrap_or_else(PoisonError::into_inner)
}

fn started_at(started: &Started, emulator: Emulator) -> String {
    let url = emulator.url.clone();
    keep(started).0.push(emulator);
    url
}

/// Ends the emulators, and then removes what they wrote.
fn end(started: &Started) {
    let mut started = keep(started);
    started.0.clear();
    started.1 = None;
}

/// The emulators are in groups of their own, which an interrupt of the test does not reach.
async fn end_when_told(started: Started) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    end(&started);
    std::process::exit(130);
}
