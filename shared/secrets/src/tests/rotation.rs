use super::world::*;
use crate::*;

async fn staged(world: &World, number: usize) -> VaultResult<Staged> {
    stage(&*world.vault, &name(), &values(&number.to_string()), version(number)).await
}

#[tokio::test]
async fn a_rotation_goes_from_pending_to_current() {
    let world = World::new();
    let two = staged(&world, 2).await.unwrap();
    assert_eq!((two.name(), two.version()), (&name(), &version(2)));
    assert_eq!(world.vault.stage(Stage::Current), Some(version(1)));
    assert_eq!(world.vault.stage(Stage::Pending), Some(version(2)));
    two.promote(&*world.vault).await.unwrap();
    assert_eq!(world.vault.stage(Stage::Current), Some(version(2)));
    assert_eq!(world.vault.stage(Stage::Previous), Some(version(1)));
    assert_eq!(world.vault.stage(Stage::Pending), None);
}

#[tokio::test]
async fn a_rotation_that_is_given_up_changes_nothing() {
    let world = World::new();
    staged(&world, 2).await.unwrap().withdraw(&*world.vault).await.unwrap();
    assert_eq!(world.vault.stage(Stage::Current), Some(version(1)));
    assert_eq!(world.vault.stage(Stage::Pending), None);
    staged(&world, 3).await.unwrap().promote(&*world.vault).await.unwrap();
    assert_eq!(world.vault.stage(Stage::Current), Some(version(3)));
}

#[tokio::test]
async fn two_rotations_at_once_are_refused_until_one_has_ended() {
    let world = World::new();
    let two = staged(&world, 2).await.unwrap();
    let other = staged(&world, 3).await.unwrap_err();
    assert_eq!(other, VaultError::RotationUnderWay { name: name(), version: version(2) });
    two.promote(&*world.vault).await.unwrap();
    assert!(staged(&world, 3).await.is_ok());
}

#[tokio::test]
async fn a_rotation_is_repeated_after_a_crash_wherever_it_was() {
    let world = World::new();
    assert_eq!(staged(&world, 2).await.unwrap(), staged(&world, 2).await.unwrap());
    // It was promoted, and its label is left.
    world.vault.promote(&name(), &version(2), Some(&version(1))).await.unwrap();
    staged(&world, 2).await.unwrap().promote(&*world.vault).await.unwrap();
    assert_eq!(world.vault.stage(Stage::Pending), None);
    // It has ended.
    staged(&world, 2).await.unwrap().promote(&*world.vault).await.unwrap();
    assert_eq!(world.vault.stage(Stage::Current), Some(version(2)));
    assert_eq!(world.vault.stage(Stage::Previous), Some(version(1)));
}

#[tokio::test]
async fn a_version_s_id_is_not_used_for_other_values() {
    let world = World::new();
    let _two = staged(&world, 2).await.unwrap();
    let other = stage(&*world.vault, &name(), &values("other"), version(2)).await.unwrap_err();
    assert!(matches!(other, VaultError::Taken { .. }), "{other}");
}

#[tokio::test]
async fn a_label_left_on_the_current_version_stops_no_rotation() {
    let world = World::new();
    world.vault.kept.lock().unwrap().stages.insert(Stage::Pending, version(1));
    assert!(staged(&world, 2).await.is_ok());
}

#[tokio::test]
async fn who_was_overtaken_does_not_promote() {
    let world = World::new();
    let two = staged(&world, 2).await.unwrap();
    world.cache.update(&name(), &values("hot fix"), Some(&version(9))).await.unwrap();
    let refused = two.promote(&*world.vault).await.unwrap_err();
    assert_eq!(refused, VaultError::Changed { name: name() });
    assert!(refused.is_changed());
    assert_eq!(two.replaces(), Some(&version(1)));
    assert_eq!(world.vault.stage(Stage::Current), Some(version(9)));
}
