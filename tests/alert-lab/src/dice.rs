use crate::scenario::Time;

/// A sequence of spans that a seed determines (Marsaglia, "Xorshift RNGs", 2003).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A span below this one, in whole milliseconds.
    pub fn below(&mut self, most: Time) -> Time {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(most.as_millis()).unwrap_or(1).max(1);
        Time::from_millis(i64::try_from(self.0 % bound).unwrap_or(0))
    }
}
