//! The secrets and the feature flags of an environment, on an emulated Secrets Manager and Parameter Store: the cache
//! and its bars, and the commands.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::secrets::{
    Cache, CacheRules, PutAs, SecretName, SecretsManager, Stage, Values, Vault, VaultError, VersionId, stage,
};
use async_trait::async_trait;
use engine::ports::Clock;
use feature_flags::{FlagsError, ParameterStore, Shelf};
use jiff::Timestamp;
use rollout::{EnvironmentName, Seconds};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::vault_passage::VaultPassage;
use crate::world::World;

/// A clock that goes when it is told to.
struct SetClock(Mutex<Timestamp>);

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn pause(&self, _: Seconds) {
        unreachable!("a cache does not wait");
    }
}

impl SetClock {
    fn forward(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

fn environment(world: &World, name: &str) -> EnvironmentName {
    format!("{name}-{}", world.run).parse().unwrap()
}

fn values(password: &str) -> Values {
    Values::from_json(&format!(r#"{{"database": {{"password": "{password}"}}}}"#)).unwrap()
}

fn version(number: usize) -> VersionId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

/// Secrets Manager through a passage that counts.
async fn vault(world: &World) -> (VaultPassage, Arc<SecretsManager>) {
    let variables: Vec<(String, String)> = world.aws.variables().collect();
    let (_, endpoint) = variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().clone();
    let passage = VaultPassage::open(endpoint).await;
    let through = ("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), passage.url.clone());
    let config = aws_client::from_variables(variables.into_iter().chain([through])).unwrap();
    (passage, Arc::new(SecretsManager::new(&config)))
}

fn cache(vault: &Arc<SecretsManager>) -> (Arc<SetClock>, Arc<Cache>) {
    let clock = Arc::new(SetClock(Mutex::new(Timestamp::now())));
    let vault = Arc::<SecretsManager>::clone(vault);
    let cache = Cache::new(vault, Arc::<SetClock>::clone(&clock), CacheRules::default());
    (clock, Arc::new(cache))
}

/// A hundred readers at once are one `GetSecretValue` on the wire, and after an update the next read has the new value.
pub async fn a_hundred_readers_are_one_call_and_an_update_is_read_at_once(world: Arc<World>) {
    let (passage, vault) = vault(&world).await;
    let (_, cache) = cache(&vault);
    let name = SecretName::of(&environment(&world, "readers"));
    let missing = cache.read(&name).await.unwrap_err();
    assert!(matches!(missing, VaultError::NotFound { .. }), "{missing}");
    let first = vault.create(&name, &values("first")).await.unwrap();
    let again = vault.create(&name, &values("first, again")).await.unwrap_err();
    assert!(matches!(again, VaultError::Taken { .. }), "{again}");

    let before = passage.calls("GetSecretValue");
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let (cache, name) = (Arc::clone(&cache), name.clone());
        readers.spawn(async move { cache.read(&name).await.unwrap() });
    }
    for answer in readers.join_all().await {
        assert_eq!((&answer.version, &*answer.values), (&first, &values("first")));
    }
    assert_eq!(passage.calls("GetSecretValue") - before, 1, "for 100 readers");

    let second = cache.update(&name, &values("second"), Some(&version(2))).await.unwrap();
    assert_eq!(second, version(2));
    assert_eq!(*cache.read(&name).await.unwrap().values, values("second"));
    assert_eq!(vault.get(&name, Stage::Previous).await.unwrap().id, first);
    assert_eq!(passage.calls("GetSecretValue") - before, 3);
}

/// A credential that is refused is looked for once; a newer one is found, and where there is none that is said without
/// another call.
pub async fn a_refused_credential_is_read_again_once(world: Arc<World>) {
    let (passage, vault) = vault(&world).await;
    let (_, cache) = cache(&vault);
    let name = SecretName::of(&environment(&world, "refused"));
    let first = vault.create(&name, &values("first")).await.unwrap();
    assert_eq!(cache.read(&name).await.unwrap().version, first);
    // Somebody else rotates it, behind the cache's back.
    vault.put(&name, &values("second"), PutAs::Current, Some(&version(2))).await.unwrap();
    assert_eq!(cache.read(&name).await.unwrap().version, first, "it is fresh for five minutes");
    let before = passage.calls("GetSecretValue");
    let mut refused = JoinSet::new();
    for _ in 0..20 {
        let (cache, name, first) = (Arc::clone(&cache), name.clone(), first.clone());
        refused.spawn(async move { cache.refused(&name, &first).await.unwrap() });
    }
    for answer in refused.join_all().await {
        assert_eq!((answer.version, &*answer.values), (version(2), &values("second")));
    }
    assert_eq!(passage.calls("GetSecretValue") - before, 1, "for 20 whose credential was refused");
    for _ in 0..5 {
        let error = cache.refused(&name, &version(2)).await.unwrap_err();
        assert!(matches!(error, VaultError::StillRefused { .. }), "{error}");
    }
    assert_eq!(passage.calls("GetSecretValue") - before, 2, "once, in vain");
}

/// While Secrets Manager is out of reach the old value is served for an hour and says so; no longer.
pub async fn an_outage_is_bridged_for_an_hour(world: Arc<World>) {
    let (passage, vault) = vault(&world).await;
    let (clock, cache) = cache(&vault);
    let name = SecretName::of(&environment(&world, "outage"));
    vault.create(&name, &values("first")).await.unwrap();
    assert_eq!(cache.read(&name).await.unwrap().stale, None);
    passage.close(true);
    clock.forward(Duration::from_mins(59));
    let stale = cache.read(&name).await.unwrap();
    assert_eq!((&*stale.values, stale.age), (&values("first"), Duration::from_mins(59)));
    assert!(stale.stale.unwrap().contains("cannot be reached"));
    clock.forward(Duration::from_mins(2));
    let error = cache.read(&name).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    passage.close(false);
    assert_eq!(cache.read(&name).await.unwrap().stale, None);
}

/// Stages, conditions and labels, as the emulator has them.
pub async fn a_secret_is_replaced_and_rotated_only_as_it_was_read(world: Arc<World>) {
    let (_, vault) = vault(&world).await;
    let (_, cache) = cache(&vault);
    let name = SecretName::of(&environment(&world, "rotated"));
    let first = vault.create(&name, &values("first")).await.unwrap();
    vault.replace(&name, &values("second"), &first, &version(2)).await.unwrap();
    let overtaken = vault.replace(&name, &values("lost"), &first, &version(3)).await.unwrap_err();
    assert_eq!(overtaken, VaultError::Changed { name: name.clone() });
    assert_eq!(*vault.get(&name, Stage::Current).await.unwrap().values, values("second"));
    assert_eq!(vault.get(&name, Stage::Previous).await.unwrap().id, first);

    let staged = stage(&*vault, &name, &values("third"), version(4)).await.unwrap();
    assert_eq!(vault.get(&name, Stage::Current).await.unwrap().id, version(2));
    assert_eq!(*vault.get(&name, Stage::Pending).await.unwrap().values, values("third"));
    let other = stage(&*vault, &name, &values("fourth"), version(5)).await.unwrap_err();
    assert_eq!(other, VaultError::RotationUnderWay { name: name.clone(), version: version(4) });
    cache.promote(&staged).await.unwrap();
    assert_eq!(*cache.read(&name).await.unwrap().values, values("third"));
    let labels = vault.describe(&name).await.unwrap().stages;
    assert_eq!(labels.get(&Stage::Current), Some(&version(4)));
    assert_eq!(labels.get(&Stage::Previous), Some(&version(2)));
    assert_eq!(labels.get(&Stage::Pending), None);
}

/// `ace` with the SDK's variables, in a folder.
pub async fn ace(
    world: &World,
    folder: &Path,
    arguments: &[&str],
    input: &str,
) -> (Option<i32>, String, String) {
    let mut child = tokio::process::Command::new(crate::stack::built("ace"))
        .args(arguments)
        .envs(world.aws.variables())
        .envs([("NO_COLOR", "1"), ("RUST_LOG", "trace"), ("LOG_LEVEL", "trace")])
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read on.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()).await);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Ten writers of ten keys at once, the first of which creates the secret: none is lost. Then the commands on it.
pub async fn ace_sets_shows_and_rotates_the_stored_secret(world: Arc<World>) {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&world, "commands");
    let at = ["--environment", environment.as_str()];
    let mut writers = JoinSet::new();
    for number in 0..10 {
        let (world, folder, environment) =
            (Arc::clone(&world), folder.path().to_owned(), environment.clone());
        writers.spawn(async move {
            let key = format!("many.key{number}");
            let set = ["secrets", "set", &key, "--environment", environment.as_str()];
            let mut tries = 0;
            loop {
                let (code, out, error) = ace(&world, &folder, &set, &format!("value {number}\n")).await;
                tries += 1;
                match code {
                    Some(0) => return,
                    // More writers than a command tries again for.
                    Some(3) if tries < 20 => {}
                    _ => panic!("{out}{error}"),
                }
            }
        });
    }
    writers.join_all().await;
    let run =
        async |more: &[&str], input: &str| ace(&world, folder.path(), &[more, &at].concat(), input).await;
    let (code, out, error) = run(&["secrets", "get", "--output", "json"], "").await;
    assert_eq!((code, out.lines().count()), (Some(0), 10), "{out}{error}");
    assert!(!out.contains("value "), "{out}");

    let reveal =
        async |stage: &str| run(&["secrets", "get", "many.key3", "--reveal", "--stage", stage], "").await.1;
    assert_eq!(reveal("current").await, "value 3\n");
    let (code, _, error) =
        run(&["secrets", "rotate", "many.key3", "--verify", "test $(wc -c) = 32"], "").await;
    assert_eq!(code, Some(0), "{error}");
    assert_eq!((reveal("current").await.len(), reveal("previous").await.as_str()), (33, "value 3\n"));
    let refused = run(&["secrets", "rotate", "many.key3", "--stdin", "--verify", "false"], "bad").await;
    assert_eq!(refused.0, Some(1), "{refused:?}");
    assert_eq!(reveal("pending").await, "", "it was withdrawn");
    assert_eq!(run(&["secrets", "rotate", "many.key3", "--rollback"], "").await.0, Some(0));
    assert_eq!(reveal("current").await, "value 3\n");

    let other = format!("other-{}", world.run);
    let set = ["secrets", "set", "many.key0", "--environment", other.as_str()];
    assert_eq!(ace(&world, folder.path(), &set, "value 0").await.0, Some(0));
    let (code, out, _) = run(&["secrets", "diff", "--against", &other], "").await;
    assert_eq!(code, Some(1));
    assert!(out.contains("shared") && out.contains("many.key0") && !out.contains("value 0"), "{out}");
}

/// Flags go into a parameter that services can read, once; what is too large is refused.
pub async fn features_are_published_to_parameter_store(world: Arc<World>) {
    let environment = environment(&world, "flags");
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join(".ace-flow/environments").join(environment.as_str());
    std::fs::create_dir_all(&tree).unwrap();
    let config = |flags: &str| {
        format!(
            "environment: {{ name: {environment}, region: us-east-1, stage: dev }}\nfeatures: {{ {flags} }}\n"
        )
    };
    let publish = ["features", "--environment", environment.as_str(), "--publish", "--output", "json"];
    let mut versions = Vec::new();
    for (flags, written) in [
        ("debug_mode: true", true),
        ("debug_mode: true", false),
        ("debug_mode: false, test_data: true", true),
    ] {
        std::fs::write(tree.join("config.yml"), config(flags)).unwrap();
        let (code, out, error) = ace(&world, folder.path(), &publish, "").await;
        assert_eq!(code, Some(0), "{out}{error}");
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(told["published"], written, "{told}");
        versions.push(told["version"].as_u64().unwrap());
    }
    assert_eq!(versions, [1, 1, 2]);
    let asked = json!({ "Name": format!("/ace-flow/{environment}/features") });
    let parameter = world.aws.json("ssm", "AmazonSSM.GetParameter", &asked).await;
    assert_eq!(
        (&parameter["Parameter"]["Version"], &parameter["Parameter"]["Type"]),
        (&json!(2), &json!("String"))
    );
    let document: Value = serde_json::from_str(parameter["Parameter"]["Value"].as_str().unwrap()).unwrap();
    assert_eq!(document["flags"], json!({ "debug_mode": false, "test_data": true }));

    // Two who publish at once, again and again: what is there is one of both as a whole, and says its version.
    let store = Arc::new(ParameterStore::new(&world.aws.sdk()));
    let mut publishers = JoinSet::new();
    for on in [true, false] {
        let (store, environment) = (Arc::clone(&store), environment.clone());
        publishers.spawn(async move {
            for round in 0..10 {
                let flags =
                    [("one".to_owned(), on), ("two".to_owned(), on), (format!("round{round}"), on)].into();
                match feature_flags::publish(&*store, &environment, &flags).await {
                    Ok(_) | Err(FlagsError::Contended { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    publishers.join_all().await;
    let stored = store.read(&environment).await.unwrap().unwrap();
    let document = stored.document.unwrap();
    assert_eq!(document.flags()["one"], document.flags()["two"]);
    let many = (0..500).map(|number| (format!("flag_number_{number}"), true)).collect();
    let error = feature_flags::publish(&*store, &environment, &many).await.unwrap_err();
    assert!(matches!(error, FlagsError::TooLarge { .. }), "{error}");
    assert_eq!(
        store.read(&environment).await.unwrap().unwrap().revision,
        stored.revision,
        "nothing was written"
    );
}
