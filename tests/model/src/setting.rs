//! What is checked: the plan, how long things take, what may go wrong and how often.

/// How traffic moves in the checked plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Steps {
    /// A canary with these weights in percent, the last one 100; each bakes for [`Ticks::bake`].
    Canary(Vec<u8>),
    /// All at once, watched for [`Ticks::bake`].
    BlueGreen,
}

/// Durations in ticks. A tick is one minute of the functions' clock: evidence comes in whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// The longest life of start-deploy, health-check and promote-step.
    pub forward: u8,
    /// The longest life of rollback.
    pub rollback: u8,
    /// The plan's zombie bound. It has to be longer than any function lives.
    pub zombie_bound: u8,
    /// The bake of each step.
    pub bake: u8,
    /// The plan's patience beyond a bake.
    pub patience: u8,
    /// How long the evidence may be out of reach.
    pub blind: u8,
    /// How long the rule may be as somebody else left it.
    pub frozen: u8,
}

/// How often each fault may happen in one history. Within these numbers, any time and in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A function vanishes between two calls or in one; a write of the rule that it had begun may land later.
    pub crashes: u8,
    /// An execution is stopped from outside, or times out.
    pub stops: u8,
    /// A function takes longer than the instant it began in: up to its whole life.
    pub slow: u8,
    /// A delivery too many: a function is started again with old input, or the state machine gives up on a function
    /// that still runs and starts it again.
    pub deliveries: u8,
    /// An alarm, or a person, wants the rollout rolled back.
    pub aborts: u8,
    /// A person lifts the bar of a version that was rolled back before the history began, and has no event in it.
    pub unholds: u8,
}

/// What the functions are made to get wrong, to see that the checker finds it. They stay as they are: the world lies to
/// them in just the call that the mistake would have left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing.
    Nothing,
    /// After writing the rule the epoch is not read again.
    NoReadAfterWrite,
    /// Before writing the rule the epoch is not asserted.
    NoEpochCheck,
    /// A rollback does not wait for the zombie bound.
    NoSettle,
    /// A rollback does not raise the epoch.
    SameEpoch,
    /// A commit does not ask whether the rollout is still at the version that was decided on.
    NoVersionCheck,
    /// The old colour is cleaned up without asking whether a later rollout has taken it.
    NoFreeCheck,
    /// A beginning does not ask whether what is barred is still what was read.
    NoBarCheck,
    /// Nobody looks for rollouts whose execution is gone.
    NoSweep,
}

/// One world to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is called in reports.
    pub name: &'static str,
    /// The plan's steps.
    pub steps: Steps,
    /// The executions: the event that starts each. Two with the same event are a duplicate delivery.
    pub executions: Vec<u8>,
    /// How long things take.
    pub ticks: Ticks,
    /// What goes wrong.
    pub faults: Faults,
    /// Whether a person rolls back, and not an alarm: the one names the rollout, the other finds it.
    pub by_person: bool,
    /// Whether machines are brought up, taken down and cleaned up. Without, they are always there.
    pub fleet: bool,
    /// What is wrong with the functions.
    pub broken: Broken,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { forward: 1, rollback: 1, zombie_bound: 2, bake: 1, patience: 1, blind: 1, frozen: 1 }
    }
}

impl Setting {
    /// One rollout with these steps and faults.
    pub fn one(name: &'static str, steps: Steps, faults: Faults) -> Self {
        Self {
            name,
            steps,
            executions: vec![0],
            ticks: Ticks::default(),
            faults,
            by_person: false,
            fleet: false,
            broken: Broken::Nothing,
        }
    }

    /// The same world with these executions.
    #[must_use]
    pub fn with_executions(self, executions: &[u8]) -> Self {
        Self { executions: executions.to_vec(), ..self }
    }

    /// The same world with a rollback function that lives so many ticks at most.
    #[must_use]
    pub fn with_rollback(self, ticks: u8) -> Self {
        Self { ticks: Ticks { rollback: ticks, ..self.ticks }, ..self }
    }

    /// The same world with a person in the place of the alarm.
    #[must_use]
    pub fn by_person(self) -> Self {
        Self { by_person: true, ..self }
    }

    /// The same world with machines.
    #[must_use]
    pub fn with_fleet(self) -> Self {
        Self { fleet: true, ..self }
    }

    /// The same world with broken functions.
    #[must_use]
    pub fn broken(self, broken: Broken) -> Self {
        Self { broken, ..self }
    }

    /// How many different events there are.
    pub fn events(&self) -> u8 {
        self.executions.iter().map(|event| event + 1).max().unwrap_or(0)
    }

    /// The zombie bound that the plan has.
    pub fn zombie_bound(&self) -> u8 {
        if self.broken == Broken::NoSettle { 0 } else { self.ticks.zombie_bound }
    }

    /// The environment's configuration, as an operator would write it.
    pub fn configuration(&self) -> String {
        let Ticks { bake, patience, blind, frozen, .. } = self.ticks;
        let (strategy, steps) = match &self.steps {
            Steps::BlueGreen => ("blue-green", vec![100]),
            Steps::Canary(steps) => ("canary", steps.clone()),
        };
        let steps: Vec<String> =
            steps.iter().map(|weight| format!("{{ weight: {weight}, bake: {bake}m }}")).collect();
        format!(
            r#"environment: {{ name: ace-flow-model, region: us-east-1, stage: staging, account: "123456789012" }}
rollout:
  canary: {{ steps: [{steps}] }}
  blue_green: {{ monitor: {bake}m }}
  readiness: {{ attempts: 2, interval: 1m, smoke_tests: [{{ name: answers, path: / }}] }}
  evidence: {{ settle: 0s, metric_delay: 0s, patience: {patience}m, blind: {blind}m, frozen: {frozen}m }}
  clean_up: {{ after: 1m, quiet_minutes: 1, attempts: 2 }}
  guardrails: [red]
services:
  shop:
    pipeline: shop
    strategy: {strategy}
    route:
      rule: rule
      load_balancer: balancer
      blue: {{ target_group: blue, endpoint: "http://blue" }}
      green: {{ target_group: green, endpoint: "http://green" }}
"#,
            steps = steps.join(", ")
        )
    }
}
