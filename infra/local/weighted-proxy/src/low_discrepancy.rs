/// Says yes in `parts` of every `whole` calls, spread as evenly as can be, and the same way each time.
///
/// Integers, because 29 % of 100 added up in floating point is 28.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EvenlySpread {
    parts: u32,
    whole: u32,
    credit: u32,
}

impl EvenlySpread {
    /// `parts` above `whole` mean always.
    pub(crate) const fn new(parts: u32, whole: u32) -> Self {
        Self { parts: if parts > whole { whole } else { parts }, whole, credit: whole / 2 }
    }

    pub(crate) const fn next(&mut self) -> bool {
        let earned = self.credit.saturating_add(self.parts);
        let yes = self.parts > 0 && earned >= self.whole;
        self.credit = if yes { earned - self.whole } else { earned };
        yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_whole_percentage_is_exact_in_any_hundred() {
        for percent in 0..=100 {
            let mut spread = EvenlySpread::new(percent, 100);
            let said: Vec<bool> = (0..1000).map(|_| spread.next()).collect();
            for hundred in said.windows(100) {
                let yes = hundred.iter().filter(|yes| **yes).count();
                assert_eq!(u32::try_from(yes), Ok(percent));
            }
        }
    }
}
