//! One-off windows of a plan, above its hours and holidays.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::window::{InvalidWindow, Moment};
use crate::zone::{Edge, Zone};

/// A window from a date to a date as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "OneOff")]
pub struct WrittenOneOff {
    /// What people are told that holds.
    pub name: String,
    /// Whether resources are on or off in it.
    pub state: State,
    /// When it begins: a date and time, by the clock of the plan.
    pub from: Moment,
    /// When it ends.
    pub to: Moment,
}

/// A window that is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OneOff {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) begin: Timestamp,
    pub(crate) end: Timestamp,
}

impl OneOff {
    /// Otherwise the key that is to blame, and why.
    pub(crate) fn read(written: &WrittenOneOff, zone: &Zone) -> Result<Self, (&'static str, InvalidWindow)> {
        let WrittenOneOff { name, state, from, to } = written;
        if name.trim().is_empty() {
            return Err(("name", InvalidWindow::NoName));
        }
        let date = |key, moment: &Moment| match moment {
            Moment::At(at) => Ok(*at),
            Moment::Daily(_) => Err((key, InvalidWindow::NotDaily(*moment))),
        };
        let (first, last) = (date("from", from)?, date("to", to)?);
        if first >= last {
            return Err(("to", InvalidWindow::Empty { from: *from, to: *to }));
        }
        match (zone.instant(first, Edge::Begin), zone.instant(last, Edge::End)) {
            (Some(begin), Some(end)) if begin < end => {
                Ok(Self { name: name.clone(), state: *state, begin, end })
            }
            _ => Err(("to", InvalidWindow::Skipped { zone: zone.clone() })),
        }
    }

    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        self.begin <= at && at < self.end
    }
}
