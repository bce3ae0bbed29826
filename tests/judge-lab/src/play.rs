//! A rollout in virtual time: the plan, the delay of metrics, and what a decision does.

use crate::protocol::{Action, Counts, Minute};

/// What holds for every rollout of a bench.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub holding: Holding,
    /// Minutes from the start over which bad requests are counted.
    pub horizon: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { holding: Holding::default(), horizon: 60 }
    }
}

/// One step of the plan.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub weight: u32,
    pub minutes: u32,
}

/// The plan of the seed: 13 minutes.
pub const PLAN: [Step; 5] = [
    Step { weight: 10, minutes: 5 },
    Step { weight: 25, minutes: 2 },
    Step { weight: 50, minutes: 2 },
    Step { weight: 75, minutes: 2 },
    Step { weight: 100, minutes: 2 },
];

/// The weight of each minute of the plan when nobody holds or advances.
pub fn undisturbed() -> Vec<(u32, u32)> {
    let mut minutes = Vec::new();
    for (index, step) in (0u32..).zip(PLAN) {
        minutes.extend((0..step.minutes).map(|_| (index, step.weight)));
    }
    minutes
}

/// Where the counts of a minute come from.
pub trait Counted {
    /// Canary and baseline in `minute` at `weight` percent; the same question has the same answer.
    fn counts(&mut self, minute: u32, weight: u32) -> (Counts, Counts);
}

/// What a `Hold` does in the middle of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holding {
    /// It stops the step's clock for a minute, wherever the step is.
    #[default]
    StopsTheClock,
    /// It counts only when the step would end.
    AtTheEnd,
}

/// A rollout as it goes.
pub struct Rollout {
    rules: Rules,
    step: usize,
    served: u32,
    passed: Vec<(u32, u32)>,
    pub end: Option<End>,
}

/// How a rollout ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    pub rolled_back: bool,
    /// Minutes until the weight was 0, or until the plan was over.
    pub minutes: u32,
    /// Minutes of full traffic that the canary had within the horizon.
    pub exposure: f64,
}

impl Rollout {
    pub fn new(rules: Rules) -> Self {
        let mut rollout = Self { rules, step: 0, served: 0, passed: Vec::new(), end: None };
        // Nothing is known at the end of the first minute.
        rollout.serve();
        rollout.act(Action::Continue);
        rollout
    }

    /// The minute whose metrics have arrived at the end of the wall minute that now passes.
    pub fn next(&mut self, source: &mut dyn Counted) -> Minute {
        let (minute, (step, weight)) =
            (0u32..).zip(self.passed.iter().copied()).last().unwrap_or((0, (0, 0)));
        self.serve();
        let (canary, baseline) = source.counts(minute, weight);
        Minute { minute, step, weight, canary, baseline }
    }

    fn serve(&mut self) {
        let weight = PLAN.get(self.step).map_or(100, |step| step.weight);
        self.passed.push((u32::try_from(self.step).unwrap_or(u32::MAX), weight));
    }

    /// What the judge ordered at the end of that wall minute.
    pub fn act(&mut self, action: Action) {
        let minutes = u32::try_from(self.passed.len()).unwrap_or(u32::MAX);
        let exposure: f64 = self.passed.iter().map(|(_, weight)| f64::from(*weight) / 100.0).sum();
        let length = PLAN.get(self.step).map_or(0, |step| step.minutes);
        match action {
            Action::RollBack => {
                self.end = Some(End { rolled_back: true, minutes, exposure });
                return;
            }
            Action::Advance => self.served = length,
            Action::Hold if self.rules.holding == Holding::StopsTheClock || self.served + 1 >= length => {}
            Action::Hold | Action::Continue => self.served += 1,
        }
        if self.served >= length {
            self.step += 1;
            self.served = 0;
        }
        if self.step == PLAN.len() || minutes >= self.rules.horizon {
            let rest = f64::from(self.rules.horizon.saturating_sub(minutes));
            self.end = Some(End { rolled_back: false, minutes, exposure: exposure + rest });
        }
    }
}

/// Plays a rollout to its end.
pub fn play(source: &mut dyn Counted, run: &mut dyn crate::protocol::Run, rules: Rules) -> End {
    let mut rollout = Rollout::new(rules);
    loop {
        if let Some(end) = rollout.end {
            return end;
        }
        let minute = rollout.next(source);
        rollout.act(run.minute(&minute));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Run;

    struct Nothing;

    impl Counted for Nothing {
        fn counts(&mut self, _: u32, _: u32) -> (Counts, Counts) {
            (Counts::default(), Counts::default())
        }
    }

    struct Script(Vec<Action>, Vec<Minute>);

    impl Run for Script {
        fn minute(&mut self, minute: &Minute) -> Action {
            self.1.push(*minute);
            if self.0.is_empty() { Action::Continue } else { self.0.remove(0) }
        }
    }

    fn ends(script: &[Action]) -> (End, Vec<(u32, u32)>) {
        let mut run = Script(script.to_vec(), Vec::new());
        let end = play(&mut Nothing, &mut run, Rules::default());
        (end, run.1.iter().map(|minute| (minute.minute, minute.weight)).collect())
    }

    #[test]
    fn a_dead_canary_seen_in_its_first_minute_has_had_two() {
        let (end, seen) = ends(&[Action::RollBack]);
        assert_eq!(end, End { rolled_back: true, minutes: 2, exposure: 0.2 });
        assert_eq!(seen, [(0, 10)]);
    }

    #[test]
    fn an_undetected_version_is_fully_promoted_to_the_end_of_the_hour() {
        let (end, seen) = ends(&[]);
        assert_eq!((end.rolled_back, end.minutes), (false, 13));
        assert!((end.exposure - (0.5 + 0.5 + 1.0 + 1.5 + 2.0 + 47.0)).abs() < 1e-9, "{end:?}");
        assert_eq!(seen.len(), 12);
        assert_eq!(seen.last(), Some(&(11, 100)));
    }

    #[test]
    fn a_hold_keeps_the_weight_for_one_minute_more_and_an_advance_ends_the_step() {
        let (held, seen) = ends(&[Action::Continue, Action::Hold]);
        assert_eq!(held.minutes, 14);
        assert_eq!(seen.iter().filter(|(_, weight)| *weight == 10).count(), 6);
        let (advanced, seen) = ends(&[Action::Advance]);
        assert_eq!(advanced.minutes, 10);
        assert_eq!(seen.iter().filter(|(_, weight)| *weight == 10).count(), 2);
    }
}
