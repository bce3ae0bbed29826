//! The words of a status, a deployment, a severity.

use crate::severity::{Deployment, Health, Severity};

use super::comparison::Comparison;

/// One of a few words.
pub(super) trait Word: Copy + Ord + 'static {
    const ALL: &'static [Self];

    fn as_str(self) -> &'static str;

    /// Whether what is `seen` is what this word means.
    fn means(self, seen: Self) -> bool {
        self == seen
    }
}

impl Word for Health {
    const ALL: &'static [Self] = Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }

    /// At least as bad: who asks for `status:unhealthy` is not to miss that it became critical. Nothing worse than
    /// healthy is healthy.
    fn means(self, seen: Self) -> bool {
        if self == Self::Healthy { seen == Self::Healthy } else { seen >= self }
    }
}

impl Word for Deployment {
    const ALL: &'static [Self] = Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }

    /// What goes back has failed: who asks for `deployment:failed` does not wait until it is back.
    fn means(self, seen: Self) -> bool {
        self == seen || (self == Self::Failed && seen == Self::RollingBack)
    }
}

impl Word for Severity {
    const ALL: &'static [Self] = Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }
}

/// Every word as it is written.
pub(super) fn known<T: Word>() -> Vec<&'static str> {
    T::ALL.iter().map(|word| word.as_str()).collect()
}

/// The word that is written so.
pub(super) fn read<T: Word>(text: &str) -> Option<T> {
    T::ALL.iter().copied().find(|word| word.as_str() == text)
}

/// A comparison with words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<T> {
    comparison: Comparison,
    written: Vec<T>,
    accepted: Vec<T>,
}

impl<T: PartialEq> Words<T> {
    /// How it compares; `:` is [`Equal`](Comparison::Equal).
    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// With what: one word or, of [`Equal`](Comparison::Equal), any of several.
    pub fn written(&self) -> &[T] {
        &self.written
    }

    /// The words of which it holds, from the least to the greatest.
    pub fn accepted(&self) -> &[T] {
        &self.accepted
    }

    /// Whether it holds of this one.
    pub fn accepts(&self, seen: &T) -> bool {
        self.accepted.contains(seen)
    }
}

/// `comparison` with one word or, of [`Equal`](Comparison::Equal), with any of several.
pub(super) fn compared_with<T: Word>(comparison: Comparison, written: Vec<T>) -> Words<T> {
    let holds = |seen: T| match comparison {
        Comparison::Equal => written.iter().any(|word| word.means(seen)),
        Comparison::NotEqual => !written.iter().any(|word| word.means(seen)),
        _ => written.iter().any(|word| comparison.holds(seen.cmp(word))),
    };
    let accepted = T::ALL.iter().copied().filter(|seen| holds(*seen)).collect();
    Words { comparison, written, accepted }
}

/// Whether a comparison holds of a word as it is written; `None` if there is no such word.
pub(super) fn accepts<T: Word>(words: &Words<T>, text: &str) -> Option<bool> {
    read(text).map(|word| words.accepts(&word))
}
