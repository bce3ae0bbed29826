use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::{JoinSet, yield_now};

use super::world::*;
use crate::*;

const FRESH: u64 = 5 * 60;
const LONGEST: u64 = 60 * 60;
const PAUSE: u64 = CacheRules::PAUSE.as_secs();

/// `readers` that all wait for one call before it answers. On one thread, so that the order is the same every time.
async fn waiting(world: &World, readers: usize) -> JoinSet<VaultResult<Answer>> {
    let mut all = JoinSet::new();
    for _ in 0..readers {
        let cache = world.cache.clone();
        all.spawn(async move { cache.read(&name()).await });
    }
    for _ in 0..3 {
        yield_now().await;
    }
    all
}

#[tokio::test]
async fn a_hundred_readers_at_once_cause_one_call() {
    let world = World::new();
    let gate = world.vault.gate.acquire().await.unwrap();
    let readers = waiting(&world, 100).await;
    assert_eq!(world.vault.reads(), 1, "the call is under way and everybody waits for it");
    drop(gate);
    for answer in readers.join_all().await {
        assert_eq!(password(&answer.unwrap()), "first");
    }
    assert_eq!(world.vault.reads(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_readers_on_threads_cause_one_call_each_time_that_the_value_is_old() {
    let world = World::new();
    for round in 1..=50 {
        for answer in waiting(&world, 100).await.join_all().await {
            assert_eq!(answer.unwrap().stale, None);
        }
        assert_eq!(world.vault.reads(), round);
        world.clock.forward(FRESH);
    }
    assert_eq!(world.vault.most_under_way.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hundred_readers_share_a_failure() {
    for failure in [outage(), denied()] {
        let world = World::new();
        world.vault.fail(Some(failure.clone()));
        let gate = world.vault.gate.acquire().await.unwrap();
        let readers = waiting(&world, 100).await;
        drop(gate);
        for answer in readers.join_all().await {
            assert_eq!(answer, Err(failure.clone()));
        }
        assert_eq!(world.vault.reads(), 1);
        world.vault.fail(None);
        assert_eq!(world.password().await, "first", "who comes later tries again");
    }
}

#[tokio::test]
async fn a_reader_that_is_given_up_does_not_stop_the_others() {
    let world = World::new();
    let gate = world.vault.gate.acquire().await.unwrap();
    let mut first = waiting(&world, 1).await;
    let others = waiting(&world, 5).await;
    first.shutdown().await;
    drop(gate);
    for answer in others.join_all().await {
        assert_eq!(password(&answer.unwrap()), "first");
    }
    assert_eq!(world.vault.reads(), 2, "the one that was given up, and one for all others");
}

#[tokio::test]
async fn a_value_is_fresh_for_five_minutes() {
    let world = World::new();
    world.password().await;
    world.vault.set(version(2), "second");
    world.clock.forward(FRESH - 1);
    let answer = world.read().await.unwrap();
    assert_eq!((password(&answer), answer.age), ("first", Duration::from_secs(FRESH - 1)));
    world.clock.forward(1);
    let answer = world.read().await.unwrap();
    assert_eq!((password(&answer), answer.age, answer.stale.as_ref()), ("second", Duration::ZERO, None));
    assert_eq!(world.vault.reads(), 2);
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_no_value_last_longer() {
    let world = World::new();
    world.password().await;
    world.clock.back(1);
    world.password().await;
    assert_eq!(world.vault.reads(), 2);
}

#[tokio::test]
async fn secrets_of_two_environments_are_two() {
    let world = World::new();
    world.password().await;
    world.cache.read(&SecretName::of(&"production".parse().unwrap())).await.unwrap();
    assert_eq!(world.vault.reads(), 2);
}

#[tokio::test]
async fn after_an_update_the_next_read_is_fresh() {
    let world = World::new();
    world.password().await;
    let put = world.cache.update(&name(), &values("second"), Some(&version(2))).await.unwrap();
    let answer = world.read().await.unwrap();
    assert_eq!((password(&answer), &answer.version), ("second", &put));
    assert_eq!(world.vault.stage(Stage::Previous), Some(version(1)));
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_counts_as_done() {
    let world = World::new();
    world.password().await;
    world.vault.kept.lock().unwrap().lose_answers = true;
    assert_eq!(world.cache.update(&name(), &values("second"), None).await, Err(outage()));
    assert_eq!(world.password().await, "second");
}

#[tokio::test]
async fn a_read_that_began_before_an_update_is_not_kept() {
    let world = World::new();
    let gate = world.vault.gate.acquire().await.unwrap();
    let early = waiting(&world, 1).await;
    world.cache.update(&name(), &values("second"), None).await.unwrap();
    drop(gate);
    // It may be answered with either; it was under way when the update was.
    early.join_all().await.into_iter().for_each(|answer| assert_eq!(password(&answer.unwrap()), "first"));
    assert_eq!(world.password().await, "second");
}

#[tokio::test]
async fn what_was_replaced_is_not_served_in_an_outage_either() {
    let world = World::new();
    world.password().await;
    world.cache.update(&name(), &values("second"), None).await.unwrap();
    world.vault.fail(Some(outage()));
    assert_eq!(world.read().await, Err(outage()));
}

#[tokio::test]
async fn in_an_outage_the_old_value_is_served_for_an_hour_and_says_so() {
    let world = World::new();
    world.password().await;
    world.vault.fail(Some(outage()));
    world.clock.forward(LONGEST);
    let answer = world.read().await.unwrap();
    assert_eq!((password(&answer), answer.age), ("first", Duration::from_secs(LONGEST)));
    assert!(answer.stale.unwrap().contains("no connection"));
    world.clock.forward(1);
    assert_eq!(world.read().await, Err(outage()));
    world.vault.fail(None);
    assert_eq!(world.read().await.unwrap().stale, None);
}

#[tokio::test]
async fn in_an_outage_one_reader_in_a_while_calls() {
    let world = World::new();
    world.password().await;
    world.vault.fail(Some(outage()));
    world.clock.forward(FRESH);
    for _ in 0..PAUSE {
        assert!(world.read().await.unwrap().stale.is_some());
        world.clock.forward(1);
    }
    assert_eq!(world.vault.reads(), 2);
    world.vault.fail(None);
    assert_eq!(world.read().await.unwrap().stale, None);
}

#[tokio::test]
async fn a_denial_is_no_outage_and_ends_the_old_value() {
    let world = World::new();
    world.password().await;
    world.clock.forward(FRESH);
    world.vault.fail(Some(denied()));
    assert_eq!(world.read().await, Err(denied()));
    world.vault.fail(Some(outage()));
    assert_eq!(world.read().await, Err(outage()));
}

#[tokio::test]
async fn a_refused_credential_is_read_again_once_and_not_in_a_loop() {
    let world = World::new();
    let first = world.read().await.unwrap();
    let still = VaultError::StillRefused { name: name(), version: first.version.clone() };
    for _ in 0..100 {
        assert_eq!(world.cache.refused(&name(), &first.version).await, Err(still.clone()));
    }
    assert_eq!(world.vault.reads(), 2);
    // The usual reading goes on, and finds what was rotated since.
    world.vault.set(version(2), "second");
    world.clock.forward(FRESH);
    let second = world.read().await.unwrap();
    assert_eq!(password(&second), "second");
    assert_eq!(world.cache.refused(&name(), &first.version).await.unwrap(), second, "it is newer already");
    assert_eq!(world.vault.reads(), 3);
    let refused = world.cache.refused(&name(), &second.version).await;
    assert!(matches!(refused, Err(VaultError::StillRefused { .. })), "{refused:?}");
    assert_eq!(world.vault.reads(), 4, "each version has its one time");
}

#[tokio::test]
async fn a_hundred_refused_at_once_cause_one_call_and_get_the_new_value() {
    let world = World::new();
    let first = world.read().await.unwrap();
    world.vault.set(version(2), "second");
    let gate = world.vault.gate.acquire().await.unwrap();
    let mut all = JoinSet::new();
    for _ in 0..100 {
        let (cache, refused) = (world.cache.clone(), first.version.clone());
        all.spawn(async move { cache.refused(&name(), &refused).await });
    }
    yield_now().await;
    drop(gate);
    for answer in all.join_all().await {
        assert_eq!(password(&answer.unwrap()), "second");
    }
    assert_eq!(world.vault.reads(), 2);
}

#[tokio::test]
async fn a_refused_credential_in_an_outage_is_an_error_and_calls_once_in_a_while() {
    let world = World::new();
    let first = world.read().await.unwrap();
    world.vault.fail(Some(outage()));
    for _ in 0..10 {
        assert_eq!(world.cache.refused(&name(), &first.version).await, Err(outage()));
    }
    assert_eq!(world.vault.reads(), 2);
    world.vault.fail(None);
    world.vault.set(version(2), "second");
    world.clock.forward(PAUSE);
    assert_eq!(password(&world.cache.refused(&name(), &first.version).await.unwrap()), "second");
}

#[tokio::test]
async fn a_staged_version_is_read_once_it_is_promoted() {
    let world = World::new();
    world.password().await;
    let staged = stage(&*world.vault, &name(), &values("second"), version(2)).await.unwrap();
    assert_eq!(world.password().await, "first");
    world.cache.promote(&staged).await.unwrap();
    assert_eq!(world.password().await, "second");
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let (short, long) = (Duration::from_secs(1), Duration::from_secs(2));
    assert!(CacheRules::new(long, short).is_err());
    assert!(CacheRules::new(short, long).is_ok() && CacheRules::new(long, long).is_ok());
}

#[derive(Clone, Debug)]
enum Step {
    Read,
    Refused,
    Update,
    Elsewhere,
    Fail(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Read),
        1 => Just(Step::Refused),
        1 => Just(Step::Update),
        1 => Just(Step::Elsewhere),
        2 => (0u8..3).prop_map(Step::Fail),
        3 => (1u64..LONGEST).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens in whatever order: nothing too old, nothing that an update replaced, and age and staleness
    /// are what they are said to be.
    #[test]
    fn no_history_serves_what_is_too_old_or_replaced(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let (mut down, mut next, mut least, mut last) = (false, 2, version(1), version(1));
            for step in steps {
                match step {
                    Step::Wait(seconds) => world.clock.forward(seconds),
                    Step::Fail(kind) => {
                        let failure = [None, Some(outage()), Some(denied())][usize::from(kind)].clone();
                        down = failure.is_some();
                        world.vault.fail(failure);
                    }
                    Step::Elsewhere => {
                        world.vault.set(version(next), &next.to_string());
                        next += 1;
                    }
                    Step::Update => {
                        let put = world.cache.update(&name(), &values(&next.to_string()), Some(&version(next))).await;
                        assert_eq!(put.is_err(), down);
                        if put.is_ok() {
                            least = version(next);
                        }
                        next += 1;
                    }
                    Step::Refused => {
                        let before = world.vault.reads();
                        if let Ok(answer) = world.cache.refused(&name(), &last).await {
                            assert_ne!(answer.version, last);
                        }
                        assert!(world.vault.reads() <= before + 1);
                    }
                    Step::Read => {
                        let before = world.vault.reads();
                        let answer = world.read().await;
                        let called = world.vault.reads() - before;
                        assert!(called <= 1);
                        assert!(down || answer.is_ok() , "{answer:?}");
                        if let Ok(answer) = answer {
                            assert!(answer.version >= least, "{answer:?} and not {least}");
                            assert!(answer.age.as_secs() <= LONGEST);
                            assert!(answer.stale.is_some() || answer.age.as_secs() < FRESH);
                            assert!(called == 0 || answer.stale.is_some() || Some(&answer.version) == world.vault.stage(Stage::Current).as_ref());
                            last = answer.version;
                        }
                    }
                }
            }
        });
    }
}
