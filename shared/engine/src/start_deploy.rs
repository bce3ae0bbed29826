//! start-deploy: from an event to a rollout that holds its service, or a typed answer why not.

use async_trait::async_trait;
use contract::{ErrorName, Failure, Function, Reply, StartDeploy, StartDeployNext as Next, Trigger};
use environments::Environment;
use jiff::Timestamp;
use rollout::{
    Effect, EnvironmentName, ExecutionArn, Need, Overridden, Phase, Plan, Rollout, RolloutId, RuleSnapshot,
    Seconds, ServiceName, Start, Strategy, Target, Version,
};
use sha2::{Digest, Sha256};

use crate::allowance::Allowance;
use crate::failures;
use crate::gates::{Gates, Question};
use crate::history::Record;
use crate::ledger::Ledger;
use crate::outbox::{Hands, perform};
use crate::ports::{
    Alarms, Begun, Below, Budget, Clock, Fleet, Meter, Notifier, Published, Revisions, Served, Store, Traffic,
};
use crate::reply::{about, without_rollout};

/// A start waits for the load balancer's API within the function, well under its timeout, and is made then all the
/// same: there is no rollout yet that could come back later.
const PATIENCE: Seconds = Seconds(15);

/// The function.
pub struct StartDeployFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// The rules that divide traffic.
    pub traffic: &'a dyn Traffic,
    /// The guardrails.
    pub alarms: &'a dyn Alarms,
    /// The environment below.
    pub below: &'a dyn Below,
    /// What versions have served there.
    pub served: &'a dyn Served,
    /// What pipelines built.
    pub revisions: &'a dyn Revisions,
    /// Brings the idle colour up.
    pub fleet: &'a dyn Fleet,
    /// Publishes.
    pub notifier: &'a dyn Notifier,
    /// The load balancer's API budget.
    pub budget: &'a dyn Budget,
    /// Counts.
    pub meter: &'a dyn Meter,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// What an event asks for, once it is known to be meant for us.
struct Wanted {
    id: RolloutId,
    service: ServiceName,
    version: Built,
    strategy: Option<Strategy>,
    lift_bar: bool,
    requested_by: String,
    overridden: Option<Overridden>,
}

/// How the version is known.
enum Built {
    Named(Version),
    By { pipeline: String, execution_id: String },
}

enum Reading {
    Wanted(Wanted),
    Ignored { service: String, reason: String },
}

#[async_trait]
impl Function for StartDeployFunction<'_> {
    const NAME: &'static str = "start-deploy";
    type Request = StartDeploy;
    type Reply = Reply<Next>;

    async fn call(&self, request: StartDeploy) -> Result<Reply<Next>, Failure> {
        let published = self.configuration().await?;
        let wanted = match self.read(&published.configuration, &request.trigger)? {
            Reading::Wanted(wanted) => wanted,
            Reading::Ignored { service, reason } => {
                return Ok(without_rollout(&self.environment, &service, Next::Ignored, reason));
            }
        };
        if let Some(existing) = self.store.rollout(&wanted.id).await.map_err(failures::port)? {
            return self.again(existing, &request.execution).await;
        }
        let version = match &wanted.version {
            Built::Named(version) => version.clone(),
            Built::By { pipeline, execution_id } => {
                self.revisions.of(pipeline, execution_id).await.map_err(failures::port)?
            }
        };
        let plan = published
            .configuration
            .plan(&self.environment, &wanted.service, version, wanted.strategy)
            .map_err(|error| Failure::new(ErrorName::UnknownService, error.to_string()))?;
        let plan = Plan { configuration: published.configured(), ..plan };
        self.begin(&published.configuration, wanted, plan, request.execution).await
    }
}

impl StartDeployFunction<'_> {
    async fn configuration(&self) -> Result<Published, Failure> {
        self.store.configuration(&self.environment).await.map_err(failures::port)?.ok_or_else(|| {
            Failure::new(
                ErrorName::InvalidConfiguration,
                format!(
                    "environment {} has no published configuration: publish one with `ace publish`",
                    self.environment
                ),
            )
        })
    }

    fn read(&self, configuration: &Environment, trigger: &Trigger) -> Result<Reading, Failure> {
        let ignored =
            |service: &str, reason: String| Ok(Reading::Ignored { service: service.to_owned(), reason });
        match trigger {
            Trigger::Other { detail_type } => ignored(
                "",
                format!(
                    "{detail_type:?} is not about a whole pipeline execution: only its end starts a rollout"
                ),
            ),
            Trigger::Pipeline { pipeline, execution_id, attempt, state, origin } => {
                admit(configuration, origin, self.clock.now())?;
                // A rule may match pipelines of others: theirs is no failure of ours.
                let service = match configuration.service_of_pipeline(pipeline) {
                    Ok(service) => service,
                    Err(unknown) => return ignored("", unknown.to_string()),
                };
                if state != "SUCCEEDED" {
                    let reason = format!(
                        "execution {execution_id} of pipeline {pipeline} is {state}: only SUCCEEDED starts a rollout"
                    );
                    return ignored(service.as_str(), reason);
                }
                let id = self.id(service, &["pipeline", pipeline, execution_id, &attempt.to_string()])?;
                let version = Built::By { pipeline: pipeline.clone(), execution_id: execution_id.clone() };
                Ok(Reading::Wanted(Wanted {
                    id,
                    service: service.clone(),
                    version,
                    strategy: None,
                    lift_bar: false,
                    requested_by: format!("pipeline {pipeline}"),
                    overridden: None,
                }))
            }
            Trigger::Requested {
                service,
                version,
                strategy,
                by,
                lift_bar,
                overridden,
                request_id,
                origin,
            } => {
                admit(configuration, origin, self.clock.now())?;
                Ok(Reading::Wanted(Wanted {
                    id: self.id(service, &["request", request_id])?,
                    service: service.clone(),
                    version: Built::Named(version.clone()),
                    strategy: *strategy,
                    lift_bar: *lift_bar,
                    requested_by: by.clone(),
                    overridden: overridden.clone(),
                }))
            }
        }
    }

    fn id(&self, service: &ServiceName, trigger: &[&str]) -> Result<RolloutId, Failure> {
        rollout_of_trigger(&self.environment, service, trigger)
            .map_err(|error| Failure::new(ErrorName::InvalidInput, error.to_string()))
    }

    async fn begin(
        &self,
        configuration: &Environment,
        wanted: Wanted,
        plan: Plan,
        execution: ExecutionArn,
    ) -> Result<Reply<Next>, Failure> {
        self.wait_for_budget(&plan.environment, &wanted.id).await;
        let stored = self.store.target(&plan.environment, &plan.service).await.map_err(failures::port)?;
        let target = stored
            .clone()
            .unwrap_or_else(|| Target::untouched(plan.environment.clone(), plan.service.clone()));
        let at = self.clock.now();
        let admitted = self.gate(configuration, &plan, &target, &wanted, at).await?;
        let rule = admitted.clone().unwrap_or_default();
        let Wanted { id, requested_by, overridden, .. } = wanted;
        let execution_arn = execution.clone();
        let start = Start { id, plan, target, rule, requested_by, overridden, execution: execution_arn, at };
        let mut rollout = match admitted {
            Err(reason) => Rollout::refuse(start, reason),
            Ok(_) => Rollout::start(start),
        };
        let record = Record::new(&rollout, rollout.begun(), "");
        rollout.head.clone_from(&record.hash);
        match self.store.begin(&rollout, &record, stored.as_ref()).await.map_err(failures::port)? {
            Begun::Created => self.go(rollout).await,
            Begun::Exists(existing) => self.again(*existing, &execution).await,
            Begun::Busy(_) => Err(Failure::new(
                ErrorName::ConflictError,
                format!(
                    "another rollout took service {} in this moment; it is tried again",
                    rollout.plan.service
                ),
            )),
        }
    }

    async fn wait_for_budget(&self, environment: &EnvironmentName, id: &RolloutId) {
        let allowance = Allowance { budget: self.budget, clock: self.clock };
        let mut left = PATIENCE;
        while left > Seconds(0) {
            let wait = allowance.wait_if_told(environment, id, Need::Start).await.min(left);
            if wait == Seconds(0) {
                return;
            }
            self.clock.pause(wait).await;
            left = Seconds(left.0.saturating_sub(wait.0));
        }
    }

    /// The rule of the load balancer as it is, or why the policy gates refuse.
    async fn gate(
        &self,
        configuration: &Environment,
        plan: &Plan,
        target: &Target,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Result<RuleSnapshot, String>, Failure> {
        let gates = Gates {
            store: self.store,
            below: self.below,
            served: self.served,
            traffic: self.traffic,
            fleet: self.fleet,
            alarms: self.alarms,
        };
        let question = Question {
            configuration,
            plan,
            target,
            lift_bar: wanted.lift_bar,
            overridden: wanted.overridden.as_ref(),
            now,
        };
        let findings = gates.evaluate(&question).await;
        // What one gate says is enough to refuse, whatever else could not be asked.
        if let Some(refusal) = findings.refusal() {
            return Ok(Err(refusal));
        }
        match (findings.unknown.into_iter().next(), findings.rule) {
            (Some((_, error)), _) => Err(failures::port(error)),
            (None, rule) => Ok(Ok(rule.unwrap_or_default())),
        }
    }

    /// The trigger was seen before: by this execution (its reply was lost), or by another one.
    async fn again(&self, existing: Rollout, execution: &ExecutionArn) -> Result<Reply<Next>, Failure> {
        if existing.execution == *execution {
            return self.go(existing).await;
        }
        let reason = format!(
            "rollout {} was started by this event before: {}",
            existing.id,
            crate::reply::describe(&existing)
        );
        Ok(Reply { reason, ..about(&existing, Next::Duplicate, Seconds(0)) })
    }

    async fn go(&self, rollout: Rollout) -> Result<Reply<Next>, Failure> {
        let ledger = Ledger { store: self.store, clock: self.clock };
        let hands = Hands {
            notifier: Some(self.notifier),
            meter: Some(self.meter),
            fleet: Some(self.fleet),
            schedule: None,
        };
        let rollout = perform(ledger, hands, rollout).await?;
        let next = match &rollout.phase {
            Phase::Refused { .. } => Next::Refused,
            phase if phase.is_rollback() => Next::RollBack,
            _ => Next::Started,
        };
        debug_assert!(!rollout.pending.iter().any(|pending| matches!(pending.effect, Effect::BringUp(_))));
        Ok(about(&rollout, next, Seconds(1)))
    }
}

/// The rollout that a request starts: whoever asks for it knows it before it has begun. `request_id` is the event's `id`.
///
/// # Errors
/// [`InvalidName`](rollout::InvalidName) where the service's name is too long for a rollout's.
pub fn requested_rollout(
    environment: &EnvironmentName,
    service: &ServiceName,
    request_id: &str,
) -> Result<RolloutId, rollout::InvalidName> {
    rollout_of_trigger(environment, service, &["request", request_id])
}

/// The same trigger always names the same rollout, so that an event delivered twice finds the first.
fn rollout_of_trigger(
    environment: &EnvironmentName,
    service: &ServiceName,
    trigger: &[&str],
) -> Result<RolloutId, rollout::InvalidName> {
    let mut hasher = Sha256::new();
    for part in [environment.as_str()].iter().chain(trigger) {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let tail = digest.iter().take(8).fold(0_u64, |tail, byte| tail << 8 | u64::from(*byte));
    format!("{service}-{tail:016x}").parse()
}

fn admit(configuration: &Environment, origin: &contract::Origin, now: Timestamp) -> Result<(), Failure> {
    let refuse = |message| Err(Failure::new(ErrorName::InvalidInput, message));
    let identity = &configuration.environment;
    if let Some(account) = &identity.account
        && *account != origin.account
    {
        return refuse(format!(
            "account is {:?}, but environment {} belongs to account {account}: send the event to the stack of its own account",
            origin.account, identity.name
        ));
    }
    if identity.region != origin.region {
        return refuse(format!(
            "region is {:?}, but environment {} is in {}: send the event to the stack of its own region",
            origin.region, identity.name, identity.region
        ));
    }
    let limit = configuration.rollout.accept_events_for;
    if limit.seconds().after(origin.time) < now {
        return refuse(format!(
            "time is {}, older than the {limit} of rollout.accept_events_for: a replayed archive must not deploy; \
             send a new request to roll out this version now",
            origin.time
        ));
    }
    Ok(())
}
