//! What the world's services serve: a formula over the weights and rates in force, exact in whole numbers, so that a
//! minute has the same counts however often and by whomever it is asked for.

use jiff::Timestamp;
use rollout::Colour;

/// How a colour's requests go, in requests of a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Errors.
    pub errors: u32,
    /// Requests over the latency objective.
    pub slow: u32,
}

impl Rates {
    /// A healthy service: one request of a thousand fails, one of a hundred is slow.
    pub const USUAL: Self = Self { errors: 1_000, slow: 10_000 };
}

/// What was in force from an instant on.
#[derive(Clone, Debug)]
struct Span {
    from: Timestamp,
    per_minute: u32,
    /// Percent of the requests, blue and green.
    shares: [u32; 2],
    rates: [Rates; 2],
}

/// The history of the load.
#[derive(Clone, Debug)]
pub struct Load(Vec<Span>);

const fn place(colour: Colour) -> usize {
    match colour {
        Colour::Blue => 0,
        Colour::Green => 1,
    }
}

/// A request that lasts for a millisecond at 1 % of 1 request a minute, of a million.
const WHOLE: u128 = 60_000 * 100;
const MILLION: u128 = 1_000_000;

impl Load {
    /// All requests on blue, both colours healthy, from this instant on.
    pub fn new(from: Timestamp, per_minute: u32) -> Self {
        Self(vec![Span { from, per_minute, shares: [100, 0], rates: [Rates::USUAL; 2] }])
    }

    fn change(&mut self, at: Timestamp, change: impl FnOnce(&mut Span)) {
        let mut span = self.0.last().expect("a load has a beginning").clone();
        span.from = at;
        change(&mut span);
        self.0.push(span);
    }

    /// From now on this colour gets this share, in percent, and the other one the rest.
    pub fn share(&mut self, at: Timestamp, colour: Colour, percent: u8) {
        let percent = u32::from(percent);
        self.change(at, |span| {
            span.shares = match colour {
                Colour::Blue => [percent, 100 - percent],
                Colour::Green => [100 - percent, percent],
            };
        });
    }

    /// From now on the service gets so many requests a minute.
    pub fn per_minute(&mut self, at: Timestamp, requests: u32) {
        self.change(at, |span| span.per_minute = requests);
    }

    /// From now on a colour's requests go like this.
    pub fn rates(&mut self, at: Timestamp, colour: Colour, rates: Rates) {
        self.change(at, |span| span.rates[place(colour)] = rates);
    }

    /// Requests, errors and slow requests of a colour from one instant to another.
    pub fn between(&self, colour: Colour, from: Timestamp, to: Timestamp) -> (u64, u64, u64) {
        let (before, after) = (self.until(colour, from), self.until(colour, to));
        (after.0 - before.0, after.1 - before.1, after.2 - before.2)
    }

    fn until(&self, colour: Colour, at: Timestamp) -> (u64, u64, u64) {
        let (mut requests, mut errors, mut slow) = (0, 0, 0);
        let ends = self.0.iter().skip(1).map(|span| span.from).chain([at]);
        for (span, end) in self.0.iter().zip(ends) {
            let millis = end.min(at).duration_since(span.from).as_millis();
            let Ok(millis) = u128::try_from(millis) else { continue };
            let place = place(colour);
            let units = millis * u128::from(span.per_minute) * u128::from(span.shares[place]);
            requests += units;
            errors += units * u128::from(span.rates[place].errors);
            slow += units * u128::from(span.rates[place].slow);
        }
        let whole = |count: u128| u64::try_from(count).expect("few requests");
        (whole(requests / WHOLE), whole(errors / WHOLE / MILLION), whole(slow / WHOLE / MILLION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_span_has_its_share_of_the_requests_whatever_it_is_cut_into() {
        let mut load = Load::new(at(0), 6_000);
        load.share(at(60), Colour::Green, 10);
        load.rates(at(90), Colour::Green, Rates { errors: 50_000, slow: 0 });
        load.per_minute(at(120), 0);
        assert_eq!(load.between(Colour::Green, at(0), at(60)), (0, 0, 0));
        assert_eq!(load.between(Colour::Blue, at(0), at(60)), (6_000, 6, 60));
        assert_eq!(load.between(Colour::Blue, at(60), at(120)), (5_400, 5, 54));
        assert_eq!(load.between(Colour::Green, at(90), at(120)).0, 300);
        assert_eq!(load.between(Colour::Green, at(0), at(120)).1, 15);
        assert_eq!(load.between(Colour::Green, at(120), at(600)), (0, 0, 0));
        let cut: u64 = (0..120).map(|second| load.between(Colour::Green, at(second), at(second + 1)).0).sum();
        assert_eq!(cut, load.between(Colour::Green, at(0), at(120)).0);
    }
}
