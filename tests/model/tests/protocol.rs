//! Every reachable state of the small worlds, every history in them, and what the checker finds when a part of the protocol
//! is left out. Run with `-- --nocapture` for the counts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's helpers are part of the test, and print counts"
)]

use model::check::{BAR_STAYS_LIFTED, LINEAR, NO_RISE, PUT_BACK, ROLLED_BACK, SERVED};
use model::{Broken, Faults, Setting, Steps, Ticks, check, progress, worlds};

const ALARM: Faults = Faults { crashes: 0, stops: 0, slow: 0, deliveries: 0, aborts: 1, unholds: 0 };
const ALARM_AND_CRASH: Faults = Faults { crashes: 1, ..ALARM };
const AGAIN: Faults = Faults { deliveries: 1, aborts: 0, ..ALARM };

#[test]
fn every_reachable_state_keeps_every_property() {
    for setting in worlds::small() {
        let name = setting.name;
        let checked = check(setting, 2, false).unwrap();
        println!(
            "{name}: {} states, {} transitions, depth {}, {:.1} s",
            checked.states,
            checked.transitions,
            checked.depth,
            checked.took.as_secs_f64()
        );
        for (property, way) in &checked.violated {
            println!("{property}:\n{way}");
        }
        assert!(checked.violated.is_empty(), "{name}: {:?}", checked.violated.first().map(|found| found.0));
        assert_eq!(checked.unseen, Vec::<&str>::new(), "{name}: the model is too small to show it");
    }
}

#[test]
fn every_history_ends() {
    for setting in worlds::ending() {
        let name = setting.name;
        let progress = progress(setting).unwrap();
        println!(
            "{name}: {} states, {} fair steps, {} ends, {:.1} s",
            progress.states,
            progress.transitions,
            progress.ends,
            progress.took.as_secs_f64()
        );
        assert_eq!(
            (progress.stuck, progress.endless),
            (0, 0),
            "{name}: {}",
            progress.way.unwrap_or_default()
        );
        assert!(progress.ends > 0, "{name}");
    }
}

/// The checker finds that this property does not hold, and shows the shortest way there.
fn found(setting: Setting, property: &str) {
    let what = setting.broken;
    let checked = check(setting, 1, true).unwrap();
    let way = checked.violated.iter().find(|(name, _)| *name == property).map(|(_, way)| way);
    println!("{what:?}: found after {} states\n{}", checked.states, way.map_or("", String::as_str));
    assert!(way.is_some(), "{what:?}: {:?}", checked.violated);
}

fn blue_green(faults: Faults) -> Setting {
    Setting::one("broken", Steps::BlueGreen, faults)
}

#[test]
fn without_the_read_after_the_write_a_late_writer_leaves_its_weight() {
    found(blue_green(ALARM).broken(Broken::NoReadAfterWrite), PUT_BACK);
}

#[test]
fn without_the_epoch_check_a_writer_whose_epoch_is_over_writes() {
    found(blue_green(ALARM).broken(Broken::NoEpochCheck), NO_RISE);
}

#[test]
fn without_settling_a_dead_writer_gives_a_rolled_back_canary_traffic() {
    found(blue_green(ALARM_AND_CRASH).broken(Broken::NoSettle), ROLLED_BACK);
}

#[test]
fn a_zombie_bound_no_longer_than_a_function_lives_is_too_short() {
    let ticks = Ticks { zombie_bound: Ticks::default().forward, ..Ticks::default() };
    found(Setting { ticks, ..blue_green(ALARM_AND_CRASH) }, ROLLED_BACK);
}

#[test]
fn without_a_new_epoch_a_rollback_is_overtaken() {
    found(blue_green(ALARM).broken(Broken::SameEpoch), NO_RISE);
}

#[test]
fn without_the_version_condition_a_decision_is_overwritten() {
    found(blue_green(AGAIN).broken(Broken::NoVersionCheck), LINEAR);
}

#[test]
fn without_the_free_target_check_a_clean_up_takes_a_live_colour_down() {
    let setting = blue_green(Faults { deliveries: 0, ..AGAIN }).with_executions(&[0, 1]).with_fleet();
    found(setting.broken(Broken::NoFreeCheck), SERVED);
}

#[test]
fn without_the_bar_check_a_beginning_puts_back_a_bar_that_was_lifted() {
    let faults = Faults { aborts: 0, unholds: 1, ..ALARM };
    found(blue_green(faults).broken(Broken::NoBarCheck), BAR_STAYS_LIFTED);
}

#[test]
fn without_the_sweep_a_rollout_whose_execution_is_gone_is_held_for_ever() {
    let progress = progress(blue_green(AGAIN).broken(Broken::NoSweep)).unwrap();
    println!("NoSweep: {} states without an end\n{}", progress.stuck, progress.way.unwrap_or_default());
    assert!(progress.stuck > 0);
}
