use std::borrow::Cow;
use std::ops::Not;

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<'a> {
    /// Nothing.
    Unknown,
    /// One text; a word of an ordered kind as it is written.
    Text(Cow<'a, str>),
    /// Several at the same time, any of which may be meant: the alarms that are in ALARM. None of them is known, too.
    Texts(Vec<Cow<'a, str>>),
    /// A number in the unit of the field's kind.
    Number(f64),
}

/// What a condition is held against.
pub trait Picture {
    /// What is known of a field.
    fn see(&self, field: &str) -> Seen<'_>;
}

/// Whether something holds, in the logic of Kleene: what is not known is neither true nor false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// Nobody knows.
    Unknown,
}

impl Truth {
    /// Whether both hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fails, _) | (_, Self::Fails) => Self::Fails,
            (Self::Holds, Self::Holds) => Self::Holds,
            _ => Self::Unknown,
        }
    }

    /// Whether one of them holds.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Holds, _) | (_, Self::Holds) => Self::Holds,
            (Self::Fails, Self::Fails) => Self::Fails,
            _ => Self::Unknown,
        }
    }

    /// Whether all of them hold. None is asked once one fails.
    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::Holds;
        for truth in truths {
            whole = whole.and(truth);
            if whole == Self::Fails {
                break;
            }
        }
        whole
    }

    /// Whether one of them holds. None is asked once one does.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::Fails;
        for truth in truths {
            whole = whole.or(truth);
            if whole == Self::Holds {
                break;
            }
        }
        whole
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
            Self::Unknown => Self::Unknown,
        }
    }
}
