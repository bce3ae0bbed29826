//! A past rollout, judged again from its own records.

use analysis::{Case, Course, Histories, Verdict, judge};
use rollout::{Event, Plan};

use crate::history::Record;

/// A verdict that its evidence does not give.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "record {record} says \"{stored}\", and its evidence says \"{again}\": another release of the judge wrote it"
)]
pub struct OtherVerdict {
    /// The record's number.
    pub record: u64,
    /// What is stored.
    pub stored: Verdict,
    /// What the same evidence gives now.
    pub again: Verdict,
}

/// Judges everything again that was judged in a rollout, and answers with how many verdicts came out the same, bit for
/// bit. Looks that could not see their source have no evidence and are not counted.
///
/// # Errors
/// The first verdict that comes out differently.
pub fn rejudge(plan: &Plan, records: &[Record]) -> Result<usize, Box<OtherVerdict>> {
    let mut course = Course::default();
    let mut known: Option<Histories> = None;
    let mut same = 0;
    for record in records {
        let Event::Judged { step, verdict, seen, history, .. } = &record.event else { continue };
        known = known.or(history.as_deref().copied());
        if let Ok(longer) = course.followed_by(step.0, seen) {
            course = longer;
        }
        if verdict.is_blind() {
            continue;
        }
        let again = judge(&Case {
            policy: &plan.judge,
            planned: plan.planned_minutes(),
            beside: plan.is_beside(),
            history: &known.unwrap_or_default(),
            course: &course,
            step: plan.steps.judged_with(*step).0,
        });
        if again != *verdict {
            return Err(Box::new(OtherVerdict { record: record.number, stored: verdict.clone(), again }));
        }
        same += 1;
    }
    Ok(same)
}
