//! The adapter and the cache on an emulated Secrets Manager (`MiniStack`, moto):
//!
//! `AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:4566 cargo test -p secrets --test emulated -- --ignored`

#![expect(clippy::unwrap_used, reason = "all of it is a test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::ports::Clock;
use jiff::Timestamp;
use rollout::Seconds;
use secrets::*;
use tokio::task::JoinSet;

struct Counted {
    inner: SecretsManager,
    reads: AtomicUsize,
}

#[async_trait]
impl Vault for Counted {
    async fn get(&self, name: &SecretName, stage: Stage) -> VaultResult<Version> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.get(name, stage).await
    }

    async fn create(&self, name: &SecretName, values: &Values) -> VaultResult<VersionId> {
        self.inner.create(name, values).await
    }

    async fn put(
        &self,
        name: &SecretName,
        values: &Values,
        as_: PutAs,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId> {
        self.inner.put(name, values, as_, version).await
    }

    async fn promote(
        &self,
        name: &SecretName,
        version: &VersionId,
        from: Option<&VersionId>,
    ) -> VaultResult<()> {
        self.inner.promote(name, version, from).await
    }

    async fn withdraw(&self, name: &SecretName, version: &VersionId) -> VaultResult<()> {
        self.inner.withdraw(name, version).await
    }

    async fn describe(&self, name: &SecretName) -> VaultResult<Description> {
        self.inner.describe(name).await
    }
}

struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn pause(&self, _: Seconds) {
        unreachable!("a cache does not wait");
    }
}

fn values(password: &str) -> Values {
    Values::from_json(&format!(r#"{{"database": {{"password": "{password}"}}}}"#)).unwrap()
}

fn version(number: usize) -> VersionId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an emulator at AWS_ENDPOINT_URL_SECRETS_MANAGER"]
async fn an_environment_s_secret_is_created_read_updated_and_rotated() {
    let endpoint = std::env::var("AWS_ENDPOINT_URL_SECRETS_MANAGER").unwrap();
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint),
    ];
    let config = aws_client::from_variables(variables.map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
    let vault = Arc::new(Counted { inner: SecretsManager::new(&config), reads: AtomicUsize::new(0) });
    let cache = Arc::new(Cache::new(vault.clone(), Arc::new(SystemClock), CacheRules::default()));
    let name = SecretName::of(&format!("test-{}", std::process::id()).parse().unwrap());

    let missing = cache.read(&name).await.unwrap_err();
    assert!(matches!(missing, VaultError::NotFound { .. }), "{missing}");
    let first = vault.create(&name, &values("first")).await.unwrap();
    let again = vault.create(&name, &values("first, again")).await.unwrap_err();
    assert!(matches!(again, VaultError::Taken { .. }), "{again}");

    let before = vault.reads.load(Ordering::SeqCst);
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let (cache, name) = (cache.clone(), name.clone());
        readers.spawn(async move { cache.read(&name).await.unwrap() });
    }
    for answer in readers.join_all().await {
        assert_eq!((&answer.version, &*answer.values), (&first, &values("first")));
    }
    assert_eq!(vault.reads.load(Ordering::SeqCst) - before, 1, "GetSecretValue for 100 readers");

    let second = cache.update(&name, &values("second"), Some(&version(2))).await.unwrap();
    assert_eq!(second, version(2));
    assert_eq!(*cache.read(&name).await.unwrap().values, values("second"));
    assert_eq!(vault.get(&name, Stage::Previous).await.unwrap().id, first);

    let staged = stage(&*vault, &name, &values("third"), version(3)).await.unwrap();
    assert_eq!(vault.get(&name, Stage::Current).await.unwrap().id, second);
    assert_eq!(*vault.get(&name, Stage::Pending).await.unwrap().values, values("third"));
    let other = stage(&*vault, &name, &values("fourth"), version(4)).await.unwrap_err();
    assert_eq!(other, VaultError::RotationUnderWay { name: name.clone(), version: version(3) });
    cache.promote(&staged).await.unwrap();
    assert_eq!(*cache.read(&name).await.unwrap().values, values("third"));
    let labels = vault.describe(&name).await.unwrap().stages;
    assert_eq!(labels.get(&Stage::Current), Some(&version(3)));
    assert_eq!(labels.get(&Stage::Previous), Some(&second));
    assert_eq!(labels.get(&Stage::Pending), None);

    let current = cache.read(&name).await.unwrap();
    let refused = cache.refused(&name, &current.version).await.unwrap_err();
    assert!(matches!(refused, VaultError::StillRefused { .. }), "{refused}");
}
