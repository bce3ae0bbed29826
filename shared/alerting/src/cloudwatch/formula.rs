//! What alarms have to say together: comparisons under AND and OR, without NOT.

use std::collections::BTreeSet;

use super::alarm::MetricAlarm;

/// A comparison that one alarm watches.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    /// The alarm.
    pub(super) metric: MetricAlarm,
    /// The part of the condition that it is for.
    pub(super) part: String,
    /// What it says, for people: no two comparisons say the same.
    pub(super) says: String,
}

/// Comparisons under AND and OR.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    Leaf(Leaf),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

/// The rule of a composite alarm.
#[derive(Debug)]
pub(super) struct AlarmRule {
    /// As `PutCompositeAlarm` takes it.
    pub(super) text: String,
    /// "Elements are child alarms, TRUE or FALSE statements, and parentheses" (`PutCompositeAlarm`, Amazon CloudWatch API
    /// Reference).
    pub(super) elements: usize,
}

impl Formula {
    /// All of these; the only one, if there is one.
    pub(super) fn all(parts: Vec<Self>) -> Option<Self> {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::All(parts) => parts,
            part => vec![part],
        });
        joined(flat.collect(), Self::All)
    }

    /// Any of these; the only one, if there is one.
    pub(super) fn any(parts: Vec<Self>) -> Option<Self> {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::Any(parts) => parts,
            part => vec![part],
        });
        joined(flat.collect(), Self::Any)
    }

    /// The comparisons in it, each once, in the order in which they stand there.
    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        let (mut leaves, mut known) = (Vec::new(), BTreeSet::new());
        self.each(&mut |leaf| {
            if known.insert(leaf.says.as_str()) {
                leaves.push(leaf);
            }
        });
        leaves
    }

    fn each<'f>(&'f self, visit: &mut impl FnMut(&'f Leaf)) {
        match self {
            Self::Leaf(leaf) => visit(leaf),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.each(visit);
                }
            }
        }
    }

    /// The rule that says it of alarms by their names. Which of AND and OR binds tighter is documented nowhere: parentheses
    /// say so.
    pub(super) fn rule(&self, name: &dyn Fn(&Leaf) -> String) -> AlarmRule {
        let (parts, joint) = match self {
            Self::Leaf(leaf) => {
                return AlarmRule { text: format!("ALARM(\"{}\")", name(leaf)), elements: 1 };
            }
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
        };
        let mut rule = AlarmRule { text: String::new(), elements: 0 };
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                rule.text.push_str(joint);
            }
            let inner = part.rule(name);
            rule.elements += inner.elements;
            if matches!(part, Self::Leaf(_)) {
                rule.text.push_str(&inner.text);
            } else {
                rule.text = rule.text + "(" + &inner.text + ")";
                rule.elements += 2;
            }
        }
        rule
    }
}

/// The parts without those that stand there twice.
fn joined(parts: Vec<Formula>, join: impl Fn(Vec<Formula>) -> Formula) -> Option<Formula> {
    let mut once: Vec<Formula> = Vec::new();
    for part in parts {
        if !once.contains(&part) {
            once.push(part);
        }
    }
    if once.len() < 2 { once.pop() } else { Some(join(once)) }
}
