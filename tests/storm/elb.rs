//! The load balancer's API as its throttling makes it, in virtual time, called as the AWS SDK calls it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::ports::{PortError, PortResult};
use tokio::time::{Instant, sleep};

use crate::scheduler::Random;

/// From a request to its answer.
const LATENCY: Duration = Duration::from_millis(50);

/// As in `shared/aws-client/src/config.rs`: attempts of one call, and the bound of the first wait between them, which
/// doubles; the SDK draws a wait evenly from zero to its bound ("standard" retry mode).
const ATTEMPTS: u32 = 3;
const FIRST_BACKOFF_MILLIS: u32 = 100;

/// What an action counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `DescribeRules`, `DescribeTargetHealth`.
    Describe,
    /// `ModifyRule`.
    Modify,
    /// `DeregisterTargets`.
    Register,
}

/// Who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To see something.
    Look,
    /// More weight for a canary, or less for an old version.
    Forward,
    /// Weight 0 for a canary.
    Back,
}

/// Tokens of an account and region.
#[derive(Debug)]
struct Tokens {
    most: u32,
    each_second: u32,
    left: u32,
}

impl Tokens {
    const fn full(most: u32, each_second: u32) -> Self {
        Self { most, each_second, left: most }
    }
}

/// "Request throttling for the Elastic Load Balancing API": one bucket over all actions, and one for each kind. "A set
/// number of tokens is added back every second": in steps, not as a flow.
#[derive(Debug)]
struct Buckets {
    all: Tokens,
    describe: Tokens,
    modify: Tokens,
    register: Tokens,
    seconds: u64,
}

impl Buckets {
    fn refill(&mut self, seconds: u64) {
        let passed = u32::try_from(seconds - self.seconds).unwrap_or(u32::MAX);
        self.seconds = seconds;
        for tokens in [&mut self.all, &mut self.describe, &mut self.modify, &mut self.register] {
            let back = tokens.each_second.saturating_mul(passed);
            tokens.left = tokens.left.saturating_add(back).min(tokens.most);
        }
    }

    /// Whether the action is admitted. One that is not takes no token.
    fn take(&mut self, kind: Kind) -> bool {
        let own = match kind {
            Kind::Describe => &mut self.describe,
            Kind::Modify => &mut self.modify,
            Kind::Register => &mut self.register,
        };
        if own.left == 0 || self.all.left == 0 {
            return false;
        }
        own.left -= 1;
        self.all.left -= 1;
        true
    }
}

/// How many requests were throttled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttled {
    /// Requests that look.
    pub looks: u32,
    /// Requests of steps forward.
    pub forward: u32,
    /// Requests of rollbacks.
    pub back: u32,
    /// Calls of rollbacks of which every attempt was throttled.
    pub back_in_vain: u32,
}

impl Throttled {
    /// Those that came after these.
    pub fn since(self, before: Self) -> Self {
        Self {
            looks: self.looks - before.looks,
            forward: self.forward - before.forward,
            back: self.back - before.back,
            back_in_vain: self.back_in_vain - before.back_in_vain,
        }
    }
}

#[derive(Debug)]
struct State {
    buckets: Buckets,
    random: Random,
    throttled: Throttled,
}

/// The API of one account and region.
#[derive(Debug)]
pub struct Elb {
    start: Instant,
    state: Mutex<State>,
}

impl Elb {
    /// Full buckets, which are refilled at whole seconds from now on.
    pub fn new(seed: u64) -> Self {
        let buckets = Buckets {
            all: Tokens::full(40, 10),
            describe: Tokens::full(40, 10),
            modify: Tokens::full(20, 3),
            register: Tokens::full(20, 4),
            seconds: 0,
        };
        let state = State { buckets, random: Random::new(seed), throttled: Throttled::default() };
        Self { start: Instant::now(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests were throttled so far.
    pub fn throttled(&self) -> Throttled {
        self.state().throttled
    }

    /// Tokens that are left for `ModifyRule`, and for everything.
    pub fn left(&self) -> (u32, u32) {
        let mut state = self.state();
        state.buckets.refill(self.start.elapsed().as_secs());
        (state.buckets.modify.left, state.buckets.all.left)
    }

    /// When each of so many `ModifyRule`s that arrive now would be admitted if nobody else asked, and each asked at the
    /// right moment: no client can do better.
    pub fn bounds(&self, count: u32) -> Vec<Duration> {
        let (left, _) = self.left();
        let into_the_second = Duration::from_nanos(self.start.elapsed().subsec_nanos().into());
        let to_refill = Duration::from_secs(1).saturating_sub(into_the_second);
        let each_second = self.state().buckets.modify.each_second;
        let wait = |number: u32| match number.checked_sub(left) {
            None => Duration::ZERO,
            Some(late) => to_refill + Duration::from_secs((late / each_second).into()),
        };
        (0..count).map(wait).collect()
    }

    /// One call of the adapter, with the SDK's attempts. What it does is done when it is admitted.
    pub async fn call<T>(
        &self,
        kind: Kind,
        wish: Wish,
        done: impl AsyncFnOnce() -> PortResult<T>,
    ) -> PortResult<T> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                let bound = FIRST_BACKOFF_MILLIS << (attempt - 1);
                let wait = self.state().random.below(bound);
                sleep(Duration::from_millis(wait.into())).await;
            }
            sleep(LATENCY / 2).await;
            if self.admits(kind, wish, attempt) {
                let answer = done().await;
                sleep(LATENCY / 2).await;
                return answer;
            }
            sleep(LATENCY / 2).await;
        }
        let detail = "it was throttled: ThrottlingException: Rate exceeded".to_owned();
        Err(PortError::Transient { service: "Elastic Load Balancing", detail })
    }

    fn admits(&self, kind: Kind, wish: Wish, attempt: u32) -> bool {
        let mut state = self.state();
        let seconds = self.start.elapsed().as_secs();
        state.buckets.refill(seconds);
        let admitted = state.buckets.take(kind);
        if !admitted {
            let counts = &mut state.throttled;
            match wish {
                Wish::Look => counts.looks += 1,
                Wish::Forward => counts.forward += 1,
                Wish::Back => counts.back += 1,
            }
            if wish == Wish::Back && attempt + 1 == ATTEMPTS {
                counts.back_in_vain += 1;
            }
        }
        admitted
    }
}
