//! Sets of small numbers.

/// A bit for each.
pub(super) fn bits(values: &[u16]) -> u64 {
    values.iter().fold(0, |bits, value| bits | 1 << value)
}

/// The bits of a set, from the lowest.
pub(super) struct Bits(pub(super) u64);

impl Iterator for Bits {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let lowest = u16::try_from(self.0.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
        self.0 &= self.0 - 1;
        Some(lowest)
    }
}

impl DoubleEndedIterator for Bits {
    fn next_back(&mut self) -> Option<u16> {
        let highest = u16::try_from(self.0.checked_ilog2()?).ok()?;
        self.0 &= !(1 << highest);
        Some(highest)
    }
}

/// A bit for each from 1970 to 2199.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Years([u64; 4]);

pub(super) const FIRST_YEAR: i16 = 1970;
pub(super) const LAST_YEAR: i16 = 2199;

impl Years {
    pub(super) fn new(values: &[u16]) -> Self {
        let mut words = [0; 4];
        for value in values {
            let index = value.saturating_sub(FIRST_YEAR.unsigned_abs());
            if let Some(word) = words.get_mut(usize::from(index / 64)) {
                *word |= 1 << (index % 64);
            }
        }
        Self(words)
    }

    pub(super) fn between(self, first: i16, last: i16) -> impl DoubleEndedIterator<Item = i16> {
        (first.max(FIRST_YEAR)..=last.min(LAST_YEAR)).filter(move |year| {
            let index = year.saturating_sub(FIRST_YEAR).unsigned_abs();
            self.0.get(usize::from(index / 64)).is_some_and(|word| word >> (index % 64) & 1 == 1)
        })
    }
}
