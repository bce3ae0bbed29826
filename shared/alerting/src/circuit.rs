use jiff::Timestamp;
use rollout::Seconds;
use serde::{Deserialize, Serialize};

/// So many failures in a row open the circuit.
const FAILURES: u32 = 3;
/// How long it is open at first; it doubles each time that the one try after it fails,
const FIRST: Seconds = Seconds(60);
/// up to this.
const LONGEST: Seconds = Seconds(10 * 60);

/// A channel that keeps failing is left alone for a while: what is to be told goes to whoever stands in for it, without
/// waiting for one more time-out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circuit {
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_until: Option<Timestamp>,
    /// Why the channel failed last.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    why: String,
}

/// Why a channel is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// How long it is left alone.
    pub left: Seconds,
    /// Why it failed last.
    pub why: String,
}

impl Circuit {
    /// Whether the channel may be asked; after a time of rest one try may.
    ///
    /// # Errors
    /// [`Open`]: for how much longer not, and why.
    pub fn passes(&self, now: Timestamp) -> Result<(), Open> {
        match self.open_until {
            Some(until) if now < until => {
                Err(Open { left: Seconds::until(now, until), why: self.why.clone() })
            }
            _ => Ok(()),
        }
    }

    /// After it failed once more.
    #[must_use]
    pub fn failed(&self, why: &str, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let times = failures.saturating_sub(FAILURES).min(10);
        let rest = Seconds(FIRST.0.saturating_mul(1 << times)).min(LONGEST);
        let open_until = (failures >= FAILURES).then(|| rest.after(now));
        Self { failures, open_until, why: why.to_owned() }
    }

    /// When the channel may be asked again, where it may not be now.
    pub const fn open_until(&self) -> Option<Timestamp> {
        self.open_until
    }

    /// Whether nothing is to be remembered.
    pub fn is_closed(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_open_it_and_one_try_closes_it_or_opens_it_for_twice_as_long() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let two = Circuit::default().failed("429", start).failed("429", start);
        assert_eq!(two.passes(start), Ok(()));
        let open = two.failed("503", start);
        assert_eq!(open.passes(start), Err(Open { left: Seconds(60), why: "503".to_owned() }));
        let later = Seconds(60).after(start);
        assert_eq!(open.passes(later), Ok(()));
        assert_eq!(open.failed("503", later).passes(later).unwrap_err().left, Seconds(120));
        let long = (0..40).fold(open, |circuit, _| circuit.failed("503", later));
        assert_eq!(long.passes(later).unwrap_err().left, Seconds(600));
        assert!(!long.is_closed() && Circuit::default().is_closed());
    }
}
