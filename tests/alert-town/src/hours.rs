use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use contract::{AlertRouter, AlertRouterReply, ErrorName, Failure, Function};
use engine::AlertRouterFunction;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Town;

/// How often what was forgotten is looked for (`infra/template.yaml`, `alert-sweep`).
const SWEEP: SignedDuration = SignedDuration::from_mins(5);
/// The most times that an execution calls a function again which was killed (`infra/alert-timer.asl.json`).
const TIMER_ATTEMPTS: u32 = 6;

/// What calls the function, and tries again in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// EventBridge, by a rule or a schedule, which calls asynchronously: Lambda tries again after one minute, after two
    /// more, and then gives up.
    Event,
    /// An execution of the state machine of timers: again after 5 s, doubled each time up to a minute.
    Timer,
}

impl Origin {
    /// How long after an attempt that failed the next one comes.
    fn again(self, attempt: u32) -> Option<SignedDuration> {
        match (self, attempt) {
            (Self::Event, 1) => Some(SignedDuration::from_secs(60)),
            (Self::Event, 2) => Some(SignedDuration::from_secs(120)),
            (Self::Timer, 1..=TIMER_ATTEMPTS) => {
                Some(SignedDuration::from_secs((5 << (attempt - 1)).min(60)))
            }
            (Self::Event | Self::Timer, _) => None,
        }
    }
}

/// An invocation that was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed {
    /// When.
    pub at: Timestamp,
    /// How many messages channels had then.
    pub messages: usize,
}

/// Something that calls the function.
#[derive(Clone, Debug)]
struct Call {
    origin: Origin,
    event: Value,
    attempt: u32,
}

struct Running<'a> {
    call: Call,
    future: Pin<Box<dyn Future<Output = Result<AlertRouterReply, Failure>> + Send + 'a>>,
}

/// Events, timers and sweeps, and the invocations that they lead to, in virtual time.
pub struct Hours<'a> {
    town: &'a Town,
    router: &'a AlertRouterFunction<'a>,
    queue: BTreeMap<(Timestamp, u64), Call>,
    running: Vec<Running<'a>>,
    count: u64,
    sweep: Option<Timestamp>,
    kill_before: Option<u64>,
    killed: Option<Killed>,
    lost: Vec<Failure>,
}

impl<'a> Hours<'a> {
    /// In which nothing happens.
    pub fn new(town: &'a Town, router: &'a AlertRouterFunction<'a>) -> Self {
        Self {
            town,
            router,
            queue: BTreeMap::new(),
            running: Vec::new(),
            count: 0,
            sweep: None,
            kill_before: None,
            killed: None,
            lost: Vec::new(),
        }
    }

    /// With a sweep every five minutes, from this time on.
    #[must_use]
    pub const fn swept_from(mut self, first: Timestamp) -> Self {
        self.sweep = Some(first);
        self
    }

    /// Kills the invocation that makes this call of a port, counted from 1 over all of them, before the call is done.
    #[must_use]
    pub const fn kill_before(mut self, call: u64) -> Self {
        self.kill_before = Some(call);
        self
    }

    /// Has an event delivered at a time.
    pub fn deliver(&mut self, at: Timestamp, event: Value) {
        self.push(at, Call { origin: Origin::Event, event, attempt: 1 });
    }

    /// The invocation that was killed.
    pub const fn killed(&self) -> Option<Killed> {
        self.killed
    }

    /// How the calls failed that were given up.
    pub fn lost(&self) -> &[Failure] {
        &self.lost
    }

    /// Lets everything happen until then.
    pub fn until(&mut self, end: Timestamp) {
        loop {
            let wakes = self.run_dry();
            let next =
                [self.queue.keys().next().map(|(at, _)| *at), self.town.next_timer(), self.sweep, wakes];
            let next = next.into_iter().flatten().min().filter(|next| *next <= end);
            let Some(next) = next else {
                self.town.pass(end);
                return;
            };
            self.town.pass(next);
            self.begin(next);
        }
    }

    fn push(&mut self, at: Timestamp, call: Call) {
        self.count += 1;
        self.queue.insert((at, self.count), call);
    }

    fn begin(&mut self, now: Timestamp) {
        while let Some(due) = self.town.timer(now) {
            self.start(Call { origin: Origin::Timer, event: due.payload(), attempt: 1 });
        }
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= now) {
            let call = first.remove();
            self.start(call);
        }
        if self.sweep.is_some_and(|sweep| sweep <= now) {
            self.sweep = Some(now + SWEEP);
            self.start(Call { origin: Origin::Event, event: json!({ "sweep": {} }), attempt: 1 });
        }
    }

    fn start(&mut self, call: Call) {
        let request = serde_json::from_value::<AlertRouter>(call.event.clone());
        let router = self.router;
        let future = Box::pin(async move {
            let request =
                request.map_err(|error| Failure::new(ErrorName::InvalidInput, error.to_string()))?;
            router.call(request).await
        });
        self.running.push(Running { call, future });
    }

    /// Runs whatever runs until all of it has ended, or waits for the time to pass: until when the first does.
    fn run_dry(&mut self) -> Option<Timestamp> {
        loop {
            let calls = self.town.counts().calls;
            let before = self.running.len();
            self.town.wakes();
            for mut running in std::mem::take(&mut self.running) {
                let answer = running.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                if self.kill_before.is_some_and(|call| call <= self.town.counts().calls) {
                    self.kill_before = None;
                    let messages = self.town.received().len();
                    self.killed = Some(Killed { at: self.town.now(), messages });
                    let message = "it was killed".to_owned();
                    self.again(running.call, Failure::new(ErrorName::TransientError, message));
                    continue;
                }
                match answer {
                    Poll::Pending => self.running.push(running),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(failure)) => self.again(running.call, failure),
                }
            }
            if self.running.is_empty() {
                return None;
            }
            if self.running.len() == before && self.town.counts().calls == calls {
                return self.town.wakes();
            }
        }
    }

    fn again(&mut self, call: Call, failure: Failure) {
        let Some(wait) = call.origin.again(call.attempt) else {
            self.lost.push(failure);
            return;
        };
        let at = self.town.now() + wait;
        self.push(at, Call { attempt: call.attempt + 1, ..call });
    }
}
