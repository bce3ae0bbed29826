//! Configurations are numbered, known by what they say, and noted in every plan.

use contract::ErrorName;
use environments::Environment;
use rollout::Configured;

use super::machine::{End, asked, execute, request};
use super::world::{CONFIGURATION, FAULTS, World, at, run};
use crate::ports::Published;
use crate::publish::{Publication, digest, publish};

fn configuration(hours: u32) -> Environment {
    let rule = format!("  accept_events_for: {hours}h\n  guardrails:");
    Environment::from_yaml(&CONFIGURATION.replacen("  guardrails:", &rule, 1)).unwrap()
}

fn published(world: &World, hours: u32, by: &str) -> Publication {
    let name = "staging".parse().unwrap();
    run(publish(world, &name, &configuration(hours), by, at(60))).unwrap().unwrap()
}

#[test]
fn each_configuration_has_the_next_number_and_the_same_again_has_none() {
    let world = World::new();
    let first = world.with(|state| state.configurations[0].clone());
    let second = published(&world, 1, "bob");
    let expected = Published {
        version: 2,
        digest: digest(&configuration(1)).unwrap(),
        at: at(60),
        by: "bob".to_owned(),
        configuration: configuration(1),
    };
    assert_eq!(second, Publication::New(expected.clone()));
    assert_eq!(published(&world, 1, "eve"), Publication::Unchanged(expected.clone()));
    let third = published(&world, 24, "bob");
    assert_eq!(
        (third.published().version, &third.published().digest),
        (3, &first.digest),
        "24 h is what the first one said without saying it"
    );
    assert_eq!(world.with(|state| state.configurations.len()), 3);
}

#[test]
fn a_digest_tells_what_a_configuration_says_and_not_how_it_is_written() {
    let one = Environment::from_yaml(CONFIGURATION).unwrap();
    let digested = digest(&one).unwrap();
    assert!(digested.len() == 64 && digested.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digested}");
    let commented = Environment::from_yaml(&format!("# the same\n{CONFIGURATION}")).unwrap();
    assert_eq!(digest(&commented).unwrap(), digested);
    let (head, services) = CONFIGURATION.split_once("services:\n").unwrap();
    let (checkout, search) = services.split_once("  search:\n").unwrap();
    let reordered =
        Environment::from_yaml(&format!("{head}services:\n  search:\n{search}{checkout}")).unwrap();
    assert_eq!(digest(&reordered).unwrap(), digested);
    let stored: Environment = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
    assert_eq!(digest(&stored).unwrap(), digested);
    for hours in [1, 2, 3] {
        assert_ne!(digest(&configuration(hours)).unwrap(), digested);
    }
}

#[test]
fn who_publishes_at_the_same_time_as_others_gets_the_number_after_theirs() {
    let world = World::new();
    // Between the read and the write.
    world.before(2, |world| {
        world.with(|state| {
            let next = state.configurations[0].next(configuration(1), "eve".to_owned(), at(50)).unwrap();
            state.configurations.push(next);
        });
    });
    let mine = published(&world, 2, "bob");
    assert!(matches!(&mine, Publication::New(published) if published.version == 3), "{mine:?}");
    assert_eq!(world.log(), ["configuration", "publish", "configuration", "publish"]);
    let versions: Vec<u64> =
        world.with(|state| state.configurations.iter().map(|published| published.version).collect());
    assert_eq!(versions, [1, 2, 3]);
}

#[test]
fn who_publishes_the_same_as_others_at_the_same_time_publishes_nothing() {
    let world = World::new();
    world.before(2, |world| {
        world.with(|state| {
            let next = state.configurations[0].next(configuration(2), "eve".to_owned(), at(50)).unwrap();
            state.configurations.push(next);
        });
    });
    let theirs = published(&world, 2, "bob");
    assert!(matches!(&theirs, Publication::Unchanged(published) if published.by == "eve"), "{theirs:?}");
}

#[test]
fn publishing_that_was_cut_off_is_done_once_when_it_is_done_again() {
    for fault in FAULTS {
        for call in 1..=2 {
            let world = World::new();
            world.fail(call, fault);
            let name = "staging".parse().unwrap();
            let cut = run(publish(&world, &name, &configuration(2), "bob", at(60)));
            assert!(!matches!(cut, Some(Ok(_))), "{fault:?} at call {call}");
            let again = published(&world, 2, "bob");
            assert_eq!(again.published().version, 2, "{fault:?} at call {call}");
            assert_eq!(world.with(|state| state.configurations.len()), 2);
        }
    }
}

#[test]
fn a_plan_says_what_it_was_made_from_and_stays_with_it() {
    let world = World::new();
    let first = world.with(|state| state.configurations[0].configured());
    assert_eq!(first, Configured { version: 1, digest: first.digest.clone() });
    let begin = request(asked("checkout", "v2", "r1"), "one");
    super::machine::started(&world);
    published(&world, 2, "bob");
    assert_eq!(world.only_rollout().plan.configuration, first, "a rollout keeps what it began with");
    let other = World::new();
    let second = published(&other, 2, "bob").published().configured();
    assert_eq!(execute(&other, &begin), End::Promoted);
    assert_eq!(other.only_rollout().plan.configuration, second);
    assert_eq!(second.version, 2);
    let old = other.with(|state| state.configurations[0].clone());
    let name = "staging".parse().unwrap();
    assert_eq!(run(crate::ports::Store::configuration_at(&other, &name, 1)).unwrap(), Ok(Some(old)));
}

#[test]
fn somebody_who_always_comes_first_is_told_of() {
    let world = World::new();
    world.with(|state| state.refuses_to_publish = true);
    let name = "staging".parse().unwrap();
    let failure = run(publish(&world, &name, &configuration(2), "bob", at(60))).unwrap().unwrap_err();
    assert_eq!(failure.name, ErrorName::ConflictError);
    assert!(failure.message.ends_with("environment staging: publish again"), "{failure}");
}
