//! A person's request for a rollout, and what becomes of it.

use std::time::Duration;

use environments::Environment;
use jiff::Timestamp;
use rollout::{EnvironmentName, GateName, RolloutId, ServiceName, Strategy, Version};
use serde_json::{Value, json};

use super::follow::follow;
use super::publish::{self, Configuration};
use super::{Desk, NO_REASON};
use crate::Ending;
use crate::arguments::{Output, Scene};
use crate::backend::{Backend, BackendError, Execution, Reached, reach};
use crate::error::AceError;
use crate::inputs::{Subject, fresh_id};
use crate::player::Play;
use crate::run::play;

/// How long a rollout that was asked for without waiting for it may take to begin or to be refused.
const BEGINS_WITHIN: Duration = Duration::from_secs(20);

/// A person's request for a rollout.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) service: ServiceName,
    pub(super) version: Version,
    pub(super) strategy: Option<Strategy>,
    pub(super) lift_bar: bool,
    pub(super) overridden: Vec<GateName>,
    pub(super) by: Option<String>,
    pub(super) reason: Option<String>,
    /// The same for every time that it is asked.
    pub(super) id: Option<String>,
}

impl Request {
    /// The event that asks for it.
    fn event(&self, environment: &EnvironmentName, at: &Asked<'_>) -> Value {
        let Self { service, version, strategy, lift_bar, overridden, reason, .. } = self;
        let reason = reason.as_deref().unwrap_or(NO_REASON);
        let mut detail = json!({
            "environment": environment, "service": service, "version": version, "requested_by": at.by, "reason": reason,
        });
        if let Some(detail) = detail.as_object_mut() {
            if let Some(strategy) = strategy {
                detail.insert("strategy".to_owned(), json!(strategy));
            }
            if *lift_bar {
                detail.insert("lift_bar".to_owned(), json!(true));
            }
            if !overridden.is_empty() {
                detail.insert("override".to_owned(), json!({ "gates": overridden, "reason": reason }));
            }
        }
        let identity = &at.configuration.environment;
        json!({
            "version": "0",
            "id": at.id,
            "detail-type": "Rollout Requested",
            "source": "ace-flow",
            // Without an account in the configuration every one is accepted.
            "account": identity.account.as_deref().unwrap_or("000000000000"),
            "time": at.now,
            "region": identity.region,
            "resources": [],
            "detail": detail,
        })
    }

    /// Publishes the configuration, starts the rollout, and follows it where it is asked for or cannot be helped.
    pub(super) async fn roll_out(
        self,
        desk: &Desk,
        configuration: &Configuration,
        scene: &Scene,
        wait: bool,
    ) -> Result<Ending, AceError> {
        match reach(&desk.place).await? {
            Reached::Stack(backend) => self.on(&*backend, desk, configuration, wait).await,
            Reached::Free(store) => {
                let by = self.by.clone().unwrap_or_else(crate::backend::user);
                let now = store.time(Timestamp::now())?;
                let at = Asked {
                    id: self.name(Timestamp::now()),
                    by: &by,
                    now,
                    configuration: &configuration.says,
                };
                let event = self.event(&desk.place.environment, &at);
                publish::here(&store, &desk.place, configuration, &by, desk.output.output).await?;
                if !wait && desk.output.output == Output::Human {
                    println!(
                        "the embedded stack lives in this process: it stays until the rollout has ended"
                    );
                }
                let subject = Subject { service: self.service, starts: true };
                let name = at.id;
                play(
                    Play {
                        environment: &desk.place.environment,
                        configuration: &configuration.says,
                        source: &configuration.name,
                        store,
                        path: &desk.place.at.store,
                        event,
                        name,
                        subject,
                        strategy: self.strategy,
                        scene,
                        deliver: std::num::NonZeroU32::MIN,
                    },
                    desk.output.output,
                )
                .await
            }
        }
    }

    /// On a stack that is there: on AWS, or in another process.
    async fn on(
        self,
        backend: &dyn Backend,
        desk: &Desk,
        configuration: &Configuration,
        wait: bool,
    ) -> Result<Ending, AceError> {
        let environment = &desk.place.environment;
        backend.fits(&configuration.says)?;
        let by = self.by.clone().unwrap_or_else(|| backend.operator());
        publish::on(backend, &desk.place, configuration, &by, desk.output.output).await?;
        let now = backend.now().await?;
        let at = Asked { id: self.name(now), by: &by, now, configuration: &configuration.says };
        let rollout = engine::requested_rollout(environment, &self.service, &at.id)
            .map_err(super::OperatorError::from)?;
        let execution = backend.start(&at.id, self.event(environment, &at)).await?;
        if desk.output.output == Output::Json {
            println!(
                "{}",
                json!({ "kind": "started", "rollout": rollout, "execution": execution, "request": at.id, "place": backend.place() })
            );
        } else {
            println!(
                "rollout {rollout} of {} {} was asked for in {environment}, {}",
                self.service,
                self.version,
                backend.place()
            );
        }
        if wait {
            return follow(backend, &desk.place, &execution, &rollout, desk.output.output).await;
        }
        begun(backend, &execution, &rollout, desk.output.output).await
    }

    fn name(&self, now: Timestamp) -> String {
        self.id.clone().unwrap_or_else(|| fresh_id(now))
    }
}

/// When, by whom, and for which configuration it is asked.
struct Asked<'a> {
    id: String,
    by: &'a str,
    now: Timestamp,
    configuration: &'a Environment,
}

/// Whether it began: who does not wait for the end is told of a refusal all the same, which comes within seconds.
async fn begun(
    backend: &dyn Backend,
    execution: &rollout::ExecutionArn,
    id: &RolloutId,
    output: Output,
) -> Result<Ending, AceError> {
    let started = std::time::Instant::now();
    loop {
        let rollout = backend.rollout(id).await?;
        let ended = backend.execution(execution).await?;
        let refused = rollout.as_ref().is_some_and(|rollout| rollout.phase.is_terminal());
        if ended != Execution::Running || refused {
            return super::follow::told(backend, &ended, rollout.as_ref(), output).await;
        }
        if let Some(rollout) = rollout {
            if output == Output::Human {
                println!(
                    "it has begun: {}; `ace status --watch` shows how it goes",
                    engine::describe(&rollout)
                );
            }
            return Ok(Ending::Good);
        }
        if started.elapsed() > BEGINS_WITHIN {
            return Err(BackendError::NotBegun { execution: execution.clone() }.into());
        }
        tokio::time::sleep(Duration::from_millis(backend.poll_millis())).await;
    }
}
