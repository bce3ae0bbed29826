//! What is shown of alerts, in pieces that several commands share.

use std::fmt::Display;

use alerting::condition::{Branch, Explanation, Truth};
use alerting::group::Held;
use alerting::{Explained, Progress, Reason};
use console::Style;
use environments::Span;
use jiff::Timestamp;
use rollout::Seconds;
use serde_json::{Value, json};

use crate::words::instant;

/// Prints lines for people, so many spaces in.
pub(super) fn print(lines: &[String], indent: usize) {
    for line in lines {
        println!("{:indent$}{line}", "");
    }
}

/// Names, one after the other.
pub(super) fn names<T: Display>(names: &[T]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A span as it is written in a configuration: `4h`.
pub(super) fn span(seconds: Seconds) -> Span {
    Span::of(seconds.0)
}

/// The first digits of an id.
pub(super) fn short(id: &str, digits: usize) -> &str {
    id.get(..digits).unwrap_or(id)
}

/// How many first digits tell ids apart; eight at least.
pub(super) fn digits(ids: &[&str]) -> usize {
    let differ = |digits: &usize| {
        let mut seen = std::collections::BTreeSet::new();
        ids.iter().all(|id| seen.insert(short(id, *digits)))
    };
    (8..32).find(differ).unwrap_or(32)
}

/// The mark of what holds, fails, or is not known.
pub(super) fn mark(truth: Truth) -> String {
    match truth {
        Truth::Holds => Style::new().green().apply_to("✓").to_string(),
        Truth::Fails => Style::new().red().apply_to("✗").to_string(),
        Truth::Unknown => Style::new().yellow().apply_to("?").to_string(),
    }
}

/// Whether something holds, for programs: null if it is not known.
pub(super) const fn holds(truth: Truth) -> Option<bool> {
    match truth {
        Truth::Holds => Some(true),
        Truth::Fails => Some(false),
        Truth::Unknown => None,
    }
}

/// An explanation as a tree, a line for each part.
pub(super) fn tree(explanation: &Explanation, indent: usize) -> Vec<String> {
    let told = match (explanation.branch, &explanation.seen) {
        (Branch::All, _) => "all of".to_owned(),
        (Branch::Any, _) => "any of".to_owned(),
        (Branch::Not, _) => "not".to_owned(),
        (Branch::Everything, _) => "everything".to_owned(),
        (Branch::Term, Some(seen)) => format!("{} ({seen})", explanation.expression),
        (Branch::Term, None) => format!("{} (not known)", explanation.expression),
    };
    let mut lines = vec![format!("{:indent$}{} {told}", "", mark(explanation.truth))];
    lines.extend(explanation.parts.iter().flat_map(|part| tree(part, indent + 2)));
    lines
}

/// The same for programs.
pub(super) fn tree_entry(explanation: &Explanation) -> Value {
    let Explanation { branch, expression, truth, seen, parts } = explanation;
    let branch = match branch {
        Branch::All => "all",
        Branch::Any => "any",
        Branch::Not => "not",
        Branch::Term => "term",
        Branch::Everything => "everything",
    };
    let parts: Vec<Value> = parts.iter().map(tree_entry).collect();
    json!({ "part": branch, "expression": expression, "holds": holds(*truth), "seen": seen, "parts": parts })
}

/// How far a rule has got, where there is something to tell.
pub(super) fn progress(explained: &Explained, now: Timestamp) -> Option<String> {
    let left = |due: Timestamp| span(Seconds::until(now, due));
    Some(match explained.progress {
        Progress::Idle => return None,
        Progress::Pending { since, due } => {
            format!("it holds since {}, and has to for another {}", instant(since), left(due))
        }
        Progress::Firing { since } => format!("its alert fires since {}", instant(since)),
        Progress::Clearing { since, due } => {
            format!("its alert fires since {}, and ends in {} if it stays so", instant(since), left(due))
        }
    })
}

/// The same for programs.
pub(super) fn progress_entry(explained: &Explained) -> Value {
    match explained.progress {
        Progress::Idle => json!({ "state": "idle" }),
        Progress::Pending { since, due } => json!({ "state": "pending", "since": since, "due": due }),
        Progress::Firing { since } => json!({ "state": "firing", "since": since }),
        Progress::Clearing { since, due } => json!({ "state": "clearing", "since": since, "due": due }),
    }
}

/// Why an alert is not told of.
pub(super) fn held(held: &Held) -> String {
    let until = |until: &Timestamp| format!("until {}", instant(*until));
    match held {
        Held::Silenced { silence, until: then } => format!("silence {silence}, {}", until(then)),
        Held::Muted { windows, until: then } => {
            let end = then.as_ref().map_or_else(|| "for more than a year".to_owned(), until);
            format!("mute {}, {end}", windows.join(", "))
        }
        Held::Inhibited { by } => format!("while {by} fires"),
        Held::LeftToRollout { rollout, until: then, answers: true } => {
            format!("rollout {rollout} goes back, which may end it: nobody is paged {}", until(then))
        }
        Held::LeftToRollout { rollout, until: then, answers: false } => {
            format!("rollout {rollout} may answer it: nobody is paged {}", until(then))
        }
    }
}

/// Why a message is sent.
pub(super) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::First => "first".to_owned(),
        Reason::Joined { alerts: 1 } => "one more alert".to_owned(),
        Reason::Joined { alerts } => format!("{alerts} more alerts"),
        Reason::SomeEnded { alerts: 1 } => "one alert has ended".to_owned(),
        Reason::SomeEnded { alerts } => format!("{alerts} alerts have ended"),
        Reason::Reminder => "a reminder".to_owned(),
        Reason::NotAcknowledged { seconds } => {
            format!("nobody has acknowledged it for {}", span(Seconds(*seconds)))
        }
        Reason::RolloutDidNotHelp { rollout } => format!("rollout {rollout} did not end it"),
        Reason::RolloutAnswers { rollout } => format!("rollout {rollout} answers it"),
        Reason::Acknowledged => "acknowledged".to_owned(),
        Reason::AllEnded => "all of it has ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_to_where_they_differ_and_not_before_eight_digits() {
        assert_eq!(digits(&["0123456789abcdef"]), 8);
        assert_eq!(digits(&["0123456789abcdef", "f123456789abcdef"]), 8);
        assert_eq!(digits(&["0123456789abcdef", "0123456789fbcdef"]), 11);
        assert_eq!(digits(&["the same", "the same"]), 32);
        assert_eq!((short("0123", 2), short("0123", 8)), ("01", "0123"));
    }
}
