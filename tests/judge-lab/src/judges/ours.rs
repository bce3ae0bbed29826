//! The judge of this project.

use analysis::decisions::{Decisions, Rules};
use analysis::sequential::Tally;
use analysis::{History, Split};

use crate::protocol::{self, Action, Judge, Minute, Run};

/// The standard policy.
pub struct Ours;

impl Judge for Ours {
    fn name(&self) -> &'static str {
        "ace-flow"
    }

    fn begin(&self, history: &protocol::History) -> Box<dyn Run> {
        Box::new(Decisions::new(Rules::standard(), Some(&known(history))))
    }
}

fn known(history: &protocol::History) -> History {
    let split = Split {
        chi_squared: history.chi2_sum,
        #[expect(clippy::cast_precision_loss, reason = "degrees of freedom of some hundred minutes")]
        degrees: history.chi2_df as f64,
    };
    History {
        minutes: history.minutes,
        requests: history.requests,
        events: history.errors,
        minute_mean: history.minute_mean,
        minute_variance: history.minute_variance,
        window_mean: history.window_mean,
        window_variance: history.window_variance,
        split: (history.zones > 1).then_some(split),
    }
}

impl Run for Decisions {
    fn minute(&mut self, minute: &Minute) -> Action {
        let tally = |counts: protocol::Counts| Tally { requests: counts.requests, events: counts.errors };
        let step = usize::try_from(minute.step).unwrap_or(usize::MAX);
        match self.after(step, tally(minute.canary), tally(minute.baseline)) {
            analysis::decisions::Action::Continue => Action::Continue,
            analysis::decisions::Action::Hold => Action::Hold,
            analysis::decisions::Action::RollBack => Action::RollBack,
        }
    }
}
