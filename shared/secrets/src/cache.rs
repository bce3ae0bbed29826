use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ports::Clock;
use jiff::Timestamp;

use crate::rotation::Staged;
use crate::state::{Answer, CacheRules, Next, State};
use crate::values::Values;
use crate::vault::{PutAs, SecretName, Stage, Vault, VaultResult, VersionId};

/// Secrets, read through memory. One for a whole process, shared by reference or in an [`Arc`].
///
/// - A value is fresh for the time that [`CacheRules`] say, and read again then.
/// - Of one secret one call is under way at a time; who comes meanwhile waits for it and shares what came of it,
///   failures too.
/// - In an outage the old value is served for a bounded time, and [`Answer::stale`] says so. A denial or a secret that
///   is gone is no outage: the old value is dropped at once.
/// - What is changed through the cache is read anew from then on.
pub struct Cache {
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    rules: CacheRules,
    slots: Mutex<HashMap<SecretName, Arc<Slot>>>,
}

struct Slot {
    /// Held by the one who calls.
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Invalidates when it goes: a change may have happened although its answer was lost, or its caller did not wait.
struct Changing(Arc<Slot>);

impl Drop for Changing {
    fn drop(&mut self) {
        self.0.state().invalidate();
    }
}

impl Cache {
    /// Over this vault. Makes no call.
    pub fn new(vault: Arc<dyn Vault>, clock: Arc<dyn Clock>, rules: CacheRules) -> Self {
        Self { vault, clock, rules, slots: Mutex::default() }
    }

    /// The secret's current version. `age` and `stale` of the answer tell how old it is, and why if it is not fresh.
    pub async fn read(&self, name: &SecretName) -> VaultResult<Answer> {
        let slot = self.slot(name);
        let seen = slot.state().ended();
        let next = |state: &State, now: Timestamp| state.next(seen, now);
        if let Next::Answered(answer) = self.ask(&slot, next) {
            return answer;
        }
        let _flight = slot.flight.lock().await;
        if let Next::Answered(answer) = self.ask(&slot, next) {
            return answer;
        }
        let begun = slot.state().begin(self.clock.now());
        let result = self.vault.get(name, Stage::Current).await;
        let answer = slot.state().end(begun, result, self.clock.now());
        if let Ok(Answer { age, stale: Some(reason), .. }) = &answer {
            tracing::warn!(secret.name = %name, secret.age_s = age.as_secs(), reason, "an old secret is served");
        }
        answer
    }

    /// The credential of version `refused` (as [`Answer::version`] told it) was refused where it was used: a newer
    /// version if there is one. It is looked for once;
    /// [`StillRefused`](crate::VaultError::StillRefused) says that there is none, so that a caller who tries again
    /// on `Ok` only, ends. In an outage this is an error: an old value is of no use.
    pub async fn refused(&self, name: &SecretName, refused: &VersionId) -> VaultResult<Answer> {
        let slot = self.slot(name);
        let seen = slot.state().ended();
        let next = |state: &State, now: Timestamp| state.next_after_refusal(refused, seen, now);
        if let Next::Answered(answer) = self.ask(&slot, next) {
            return answer;
        }
        let _flight = slot.flight.lock().await;
        if let Next::Answered(answer) = self.ask(&slot, next) {
            return answer;
        }
        tracing::info!(secret.name = %name, secret.version = %refused, "a credential was refused, its secret is read again");
        let begun = slot.state().begin(self.clock.now());
        let result = self.vault.get(name, Stage::Current).await;
        slot.state().end_after_refusal(refused, begun, result, self.clock.now())
    }

    /// Puts new values to use at once. With an id of the caller's it can be repeated, see [`Vault::put`].
    pub async fn update(
        &self,
        name: &SecretName,
        values: &Values,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId> {
        let _changing = Changing(self.slot(name));
        self.vault.put(name, values, PutAs::Current, version).await
    }

    /// Puts a staged version to use, see [`Staged::promote`].
    pub async fn promote(&self, staged: &Staged) -> VaultResult<()> {
        let _changing = Changing(self.slot(staged.name()));
        staged.promote(&*self.vault).await
    }

    /// Forgets a secret: somebody else is known to have changed it.
    pub fn invalidate(&self, name: &SecretName) {
        self.slot(name).state().invalidate();
    }

    fn ask(&self, slot: &Slot, next: impl Fn(&State, Timestamp) -> Next) -> Next {
        let now = self.clock.now();
        next(&slot.state(), now)
    }

    fn slot(&self, name: &SecretName) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(name.clone()).or_insert_with(|| {
            let state = Mutex::new(State::new(name.clone(), self.rules));
            Arc::new(Slot { flight: tokio::sync::Mutex::default(), state })
        });
        Arc::clone(slot)
    }
}
