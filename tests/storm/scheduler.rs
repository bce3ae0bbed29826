//! Who goes next: a seeded choice among all calls that wait, at every call of a port.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use e2e::{Call, Fate, Gate, Refusal};
use engine::ports::Clock;
use local_stack::StackClock;
use rollout::Seconds;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, sleep};

/// Numbers that look random and are the same for the same seed: the `SplitMix64` of Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which must not be 0.
    pub fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap()
    }
}

/// How the calls of a storm go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// They take their time.
    Slow,
    /// They also fail now and then: refused, lost, repeated, or the process ends.
    Foul,
}

/// The gate of the storm. A call waits until it is chosen; now and then it is held up before, by seconds or by more
/// than a function may live.
pub struct Scheduler {
    weather: Weather,
    random: Mutex<Random>,
    looked_in_vain: AtomicBool,
    clock: StackClock,
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    arrived: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    /// A scheduler that begins to choose now. Needs a runtime of one thread whose time is paused.
    pub fn start(seed: u64, weather: Weather, clock: StackClock) -> Arc<Self> {
        let scheduler = Arc::new(Self {
            weather,
            random: Mutex::new(Random::new(seed)),
            looked_in_vain: AtomicBool::new(false),
            clock,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        });
        let chooser = Arc::downgrade(&scheduler);
        tokio::spawn(async move {
            while let Some(scheduler) = chooser.upgrade() {
                scheduler.choose().await;
            }
        });
        scheduler
    }

    async fn choose(&self) {
        if lock(&self.waiting).is_empty() {
            self.arrived.notified().await;
        }
        // Paused time moves when every task waits: all that can arrive at this instant has arrived.
        sleep(Duration::from_millis(1)).await;
        let mut waiting = lock(&self.waiting);
        let Ok(count) = u32::try_from(waiting.len()) else { return };
        if count > 0 {
            let chosen = lock(&self.random).below(count);
            // One whose process has been ended in the meantime is nobody's loss.
            let _ = waiting.swap_remove(chosen as usize).send(());
        }
    }

    /// Two looks in a row that find nobody are a version that is not healthy, and not foul weather.
    fn fate(&self, call: &Call) -> Fate {
        let fate = self.drawn(call);
        if call.port != "Prober" {
            return fate;
        }
        let in_vain = matches!(fate, Fate::Refused(_) | Fate::Lost);
        let again = self.looked_in_vain.swap(in_vain, Ordering::Relaxed);
        if in_vain && again { Fate::Through } else { fate }
    }

    fn drawn(&self, call: &Call) -> Fate {
        if self.weather == Weather::Slow {
            return Fate::Through;
        }
        match lock(&self.random).below(1_000) {
            0 | 1 => Fate::DiesBefore,
            2 | 3 => Fate::DiesAfter,
            4 | 5 if call.refusable => Fate::Refused(Refusal::Transient),
            6 | 7 if call.refusable => Fate::Lost,
            8 | 9 => Fate::Repeated,
            _ => Fate::Through,
        }
    }

    /// Up to a number of seconds.
    pub fn seconds(&self, most: u32) -> Seconds {
        Seconds(lock(&self.random).below(most + 1))
    }
}

#[async_trait]
impl Gate for Scheduler {
    async fn meet(&self, call: &Call) -> Fate {
        let held_up = {
            let mut random = lock(&self.random);
            match random.below(60) {
                0 => random.below(40),
                1..=6 => random.below(3),
                _ => 0,
            }
        };
        if held_up > 0 {
            self.clock.pause(Seconds(held_up)).await;
        }
        let (sender, chosen) = oneshot::channel();
        lock(&self.waiting).push(sender);
        self.arrived.notify_one();
        // The sender is gone only when the storm is over.
        let _ = chosen.await;
        self.fate(call)
    }
}
