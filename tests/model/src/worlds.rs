//! The worlds that are checked.

use crate::setting::{Faults, Setting, Steps};

const NONE: Faults = Faults { crashes: 0, stops: 0, slow: 0, deliveries: 0, aborts: 0, unholds: 0 };
const CRASH: Faults = Faults { crashes: 1, ..NONE };
const STOP: Faults = Faults { stops: 1, ..NONE };
const ABORT: Faults = Faults { aborts: 1, ..NONE };
const UNHOLD: Faults = Faults { unholds: 1, ..NONE };
const AGAIN: Faults = Faults { deliveries: 1, ..NONE };

fn canary() -> Steps {
    Steps::Canary(vec![50, 100])
}

/// Worlds that are checked in seconds: every pair of things that can go wrong together is in one of them or in
/// [`large`].
pub fn small() -> Vec<Setting> {
    let one = Setting::one;
    vec![
        one("canary 50-100, a crash", canary(), CRASH),
        one("canary 50-100, an execution is stopped", canary(), STOP),
        one("canary 50-100, an alarm", canary(), ABORT),
        one("canary 50-100, a person rolls back", canary(), ABORT).by_person(),
        one("blue-green, a crash and an alarm", Steps::BlueGreen, Faults { aborts: 1, ..CRASH }),
        one("blue-green, a crash and a slow function", Steps::BlueGreen, Faults { slow: 1, ..CRASH }),
        one("blue-green, a stop and a crash", Steps::BlueGreen, Faults { stops: 1, ..CRASH }),
        one("blue-green, a delivery too many", Steps::BlueGreen, AGAIN),
        one("blue-green, its event twice, a crash", Steps::BlueGreen, CRASH).with_executions(&[0, 0]),
        one("blue-green, a bar is lifted, a crash", Steps::BlueGreen, Faults { crashes: 1, ..UNHOLD }),
        one("two blue-greens, a bar is lifted", Steps::BlueGreen, UNHOLD).with_executions(&[0, 1]),
        two_and_a_crash(),
        one("two blue-greens, an alarm", Steps::BlueGreen, ABORT).with_executions(&[0, 1]),
        one("two blue-greens and their clean-up", Steps::BlueGreen, NONE)
            .with_executions(&[0, 1])
            .with_fleet(),
    ]
}

/// Worlds in which every history is followed to its end: those of [`small`] without the two greatest.
pub fn ending() -> Vec<Setting> {
    let great = ["blue-green, a crash and an alarm", "two blue-greens, an alarm"];
    small().into_iter().filter(|setting| !great.contains(&setting.name)).collect()
}

/// Worlds that take minutes.
pub fn large() -> Vec<Setting> {
    let one = Setting::one;
    vec![
        one("canary 50-100, a crash and an alarm", canary(), Faults { aborts: 1, ..CRASH }),
        one("blue-green, a bar is lifted, an alarm", Steps::BlueGreen, Faults { aborts: 1, ..UNHOLD }),
        one("blue-green, an alarm and a slow function", Steps::BlueGreen, Faults { slow: 1, ..ABORT }),
        one(
            "blue-green, an alarm and a delivery too many",
            Steps::BlueGreen,
            Faults { deliveries: 1, ..ABORT },
        ),
    ]
}

/// Two rollouts of one service, the second one begun at any time, and a crash.
pub fn two_and_a_crash() -> Setting {
    Setting::one("two blue-greens, a crash", Steps::BlueGreen, CRASH).with_executions(&[0, 1])
}
