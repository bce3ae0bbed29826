use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::{EvidenceError, Minute, Minutes};

/// The most entries of a course.
pub const LONGEST_COURSE: usize = 480;

/// From here on minutes are only watched by the open-ended monitor, for which two minutes of a step are as good as their
/// sum.
pub(crate) const FOLLOWED: usize = 360;

/// The newest minutes stay apart, for a step's minimums.
const NEWEST: usize = 60;

/// One counted minute, and the step it was in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counted(pub u16, pub Minute);

/// Everything that was counted in a rollout so far, as it was first seen, in order. The judge reads all of it at every
/// look, so that the same course gives the same verdict, bit for bit, whenever it is judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Counted>", into = "Vec<Counted>")]
pub struct Course(Vec<Counted>);

impl TryFrom<Vec<Counted>> for Course {
    type Error = EvidenceError;

    fn try_from(counted: Vec<Counted>) -> Result<Self, EvidenceError> {
        if counted.len() > LONGEST_COURSE {
            return Err(EvidenceError::TooManyMinutes { minutes: counted.len() });
        }
        for (Counted(before, first), Counted(next, second)) in counted.iter().zip(counted.iter().skip(1)) {
            if next < before {
                return Err(EvidenceError::StepBack { before: *before, next: *next });
            }
            if second.start() <= first.start() {
                return Err(EvidenceError::NotAscending { before: first.start(), next: second.start() });
            }
        }
        Ok(Self(counted))
    }
}

impl From<Course> for Vec<Counted> {
    fn from(course: Course) -> Self {
        course.0
    }
}

impl Course {
    /// The course with these minutes of a step behind it. Minutes that it has are not taken twice: what was seen first
    /// stands.
    ///
    /// # Errors
    /// A step before the last one.
    pub fn followed_by(&self, step: u16, minutes: &Minutes) -> Result<Self, EvidenceError> {
        let mut counted = self.0.clone();
        let last = self.0.last();
        if let Some(Counted(before, _)) = last
            && step < *before
        {
            return Err(EvidenceError::StepBack { before: *before, next: step });
        }
        let after = last.map(|Counted(_, minute)| minute.start());
        let new = minutes.iter().filter(|minute| after.is_none_or(|after| minute.start() > after));
        for minute in new {
            counted.push(Counted(step, minute.clone()));
            if counted.len() > LONGEST_COURSE {
                counted = halved(counted);
            }
        }
        Ok(Self(counted))
    }

    /// The minutes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Counted> {
        self.0.iter()
    }

    /// The minutes of one step.
    pub fn of(&self, step: u16) -> impl Iterator<Item = &Minute> {
        self.0.iter().filter(move |Counted(of, _)| *of == step).map(|Counted(_, minute)| minute)
    }
}

/// The same minutes, those in the middle added up two by two where they are of one step.
fn halved(counted: Vec<Counted>) -> Vec<Counted> {
    let newest = counted.len().saturating_sub(NEWEST);
    let mut fewer: Vec<Counted> = Vec::with_capacity(counted.len());
    let mut open = false;
    for (place, Counted(step, minute)) in counted.into_iter().enumerate() {
        let sum = match fewer.last() {
            Some(Counted(before, last)) if open && *before == step => last.plus(&minute),
            _ => None,
        };
        if let Some(sum) = sum {
            fewer.pop();
            fewer.push(Counted(step, sum));
            open = false;
        } else {
            fewer.push(Counted(step, minute));
            open = (FOLLOWED..newest).contains(&place);
        }
    }
    // A course of ever new steps cannot be added up; its oldest watched minutes go.
    if fewer.len() > LONGEST_COURSE {
        fewer.remove(FOLLOWED);
    }
    fewer
}

impl<'a> IntoIterator for &'a Course {
    type Item = &'a Counted;
    type IntoIter = std::slice::Iter<'a, Counted>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Arm, Sample};

    fn minutes(of: &[i64]) -> Minutes {
        let minute = |number: &i64| {
            Minute::new(jiff::Timestamp::from_second(number * 60).unwrap(), Arm::IDLE, Arm::IDLE).unwrap()
        };
        Minutes::new(of.iter().map(minute).collect()).unwrap()
    }

    #[test]
    fn what_was_seen_first_stands_and_steps_only_rise() {
        let course = Course::default().followed_by(0, &minutes(&[1, 2])).unwrap();
        let course = course.followed_by(1, &minutes(&[2, 3])).unwrap();
        let seen: Vec<_> =
            course.iter().map(|Counted(step, minute)| (*step, minute.start().as_second() / 60)).collect();
        assert_eq!(seen, [(0, 1), (0, 2), (1, 3)]);
        assert_eq!(
            course.followed_by(0, &minutes(&[4])),
            Err(EvidenceError::StepBack { before: 1, next: 0 })
        );
        let text = serde_json::to_string(&course).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Course>(&text).unwrap(), course);
        assert!(serde_json::from_str::<Course>(&text.replace("[1,[3", "[0,[2")).is_err());
    }

    #[test]
    fn a_course_does_not_grow_for_ever() {
        let served = |number: i64| {
            let arm =
                |requests| Arm::new(requests, 1, Some(2)).unwrap().with(vec![Sample::Value(3.0)]).unwrap();
            Minute::new(jiff::Timestamp::from_second(number * 60).unwrap(), arm(10), arm(90)).unwrap()
        };
        let week = Minutes::new((0..10_000).map(served).collect()).unwrap();
        let course = Course::default().followed_by(0, &week).unwrap();
        assert!((FOLLOWED..=LONGEST_COURSE).contains(&course.iter().len()));
        let requests: u64 = course.iter().map(|Counted(_, minute)| minute.canary().requests()).sum();
        let slow: u64 = course.iter().filter_map(|Counted(_, minute)| minute.baseline().slow()).sum();
        assert_eq!((requests, slow), (100_000, 20_000));
        assert!(course.iter().all(|Counted(_, minute)| minute.canary().further(0) == Sample::Value(3.0)));
        // The newest minutes are as they were, and a later step has its own.
        let course = course.followed_by(1, &Minutes::new(vec![served(10_000)]).unwrap()).unwrap();
        assert_eq!((course.of(1).count(), course.iter().rev().take(NEWEST).count()), (1, NEWEST));
        assert!(course.iter().rev().take(NEWEST).all(|Counted(_, minute)| minute.canary().requests() == 10));
        let text = serde_json::to_string(&course).unwrap();
        assert_eq!(serde_json::from_str::<Course>(&text).unwrap(), course);
    }
}
