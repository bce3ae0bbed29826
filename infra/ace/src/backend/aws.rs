//! A stack on AWS: its table is read, its functions are called, its state machine is started.

use std::time::Duration;

use async_trait::async_trait;
use aws_client::{Fault, FaultKind, SdkConfig};
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sfn::types::ExecutionStatus;
use contract::{ErrorName, Failure};
use dynamo_store::DynamoStore;
use engine::Lookout;
use engine::gates::GateState;
use engine::history::Record;
use engine::ports::{Published, Store};
use environments::Environment;
use feature_flags::{ParameterStore, Shelf};
use jiff::Timestamp;
use rollout::{Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target};
use serde::Deserialize;
use serde_json::Value;

use super::aws_fault::{AwsFault, table};
use super::{
    Backend, BackendError, BackendResult, Callee, CostSight, Execution, Glance, Publication, Sighted, Wish,
};

/// A call of a function ends with the function's own timeout of 30 s (`infra/template.yaml`), and with what is around it.
const CALL: Duration = Duration::from_secs(40);

/// A stack on AWS.
pub(super) struct AwsStack {
    environment: EnvironmentName,
    region: String,
    config: SdkConfig,
    caller: Caller,
    lambda: aws_sdk_lambda::Client,
    states: aws_sdk_sfn::Client,
    table: String,
    store: DynamoStore,
}

/// Whose credentials these are.
struct Caller {
    account: String,
    partition: String,
    arn: String,
}

impl Caller {
    /// Who it is, as people know each other: the session's name, which IAM Identity Center makes the user's, or the user's.
    fn name(&self) -> String {
        let last = self.arn.rsplit(['/', ':']).next().unwrap_or_default();
        if last.is_empty() { self.arn.clone() } else { last.to_owned() }
    }
}

impl AwsStack {
    /// Looks who asks, and finds the stack's table unless it is named.
    pub(super) async fn connect(environment: EnvironmentName, named: Option<String>) -> BackendResult<Self> {
        let config = aws_client::from_env().map_err(BackendError::Config)?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let caller = caller(&config).await?;
        let lambda = aws_sdk_lambda::Client::from_conf(
            aws_sdk_lambda::config::Builder::from(&config)
                .timeout_config(
                    TimeoutConfig::builder().operation_attempt_timeout(CALL).operation_timeout(CALL).build(),
                )
                // Whoever ordered decides whether to order again.
                .retry_config(RetryConfig::disabled())
                .build(),
        );
        let mut stack = Self {
            environment,
            region,
            caller,
            lambda,
            states: aws_sdk_sfn::Client::new(&config),
            store: DynamoStore::new(&config, ""),
            table: String::new(),
            config,
        };
        stack.table = match named {
            Some(table) => table,
            None => stack.table_of().await?,
        };
        stack.store = DynamoStore::new(&stack.config, stack.table.as_str());
        Ok(stack)
    }

    /// Whose credentials, and which region.
    pub(super) const fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub(super) const fn store(&self) -> &DynamoStore {
        &self.store
    }

    /// The table's name, which any function of the stack has as a variable.
    async fn table_of(&self) -> Result<String, AwsFault> {
        let table = self.variable("promote-step", "ACE_TABLE").await?;
        table.ok_or_else(|| {
            let function = format!("ace-flow-{}-promote-step", self.environment);
            AwsFault::Unusable(format!(
                "function {function} has no variable ACE_TABLE; name the table with --table"
            ))
        })
    }

    /// A variable of one of the stack's functions.
    pub(super) async fn variable(&self, function: &str, name: &str) -> Result<Option<String>, AwsFault> {
        let function = format!("ace-flow-{}-{function}", self.environment);
        let answer = self.lambda.get_function_configuration().function_name(&function).send().await;
        let answer = answer.map_err(|error| {
            let fault = Fault::new("lambda:GetFunctionConfiguration", &error);
            if fault.kind == FaultKind::NotFound {
                return self.no_stack(format!("function {function}"));
            }
            fault.into()
        })?;
        let variables = answer.environment().and_then(|environment| environment.variables());
        Ok(variables.and_then(|variables| variables.get(name)).cloned())
    }

    fn no_stack(&self, what: String) -> AwsFault {
        AwsFault::NoStack {
            environment: self.environment.clone(),
            account: self.caller.account.clone(),
            region: self.region.clone(),
            what,
        }
    }

    fn machine(&self) -> String {
        let Caller { account, partition, .. } = &self.caller;
        format!(
            "arn:{partition}:states:{}:{account}:stateMachine:ace-flow-{}-rollout",
            self.region, self.environment
        )
    }

    /// The execution of a name that is taken, if it is the same request's: a retry at another time has the same content.
    async fn again(&self, name: &str, event: &Value) -> BackendResult<ExecutionArn> {
        let arn = format!("{}:{name}", self.machine().replace(":stateMachine:", ":execution:"));
        let described = self.states.describe_execution().execution_arn(&arn).send().await;
        let described =
            described.map_err(|error| AwsFault::from(Fault::new("states:DescribeExecution", &error)))?;
        let before: Value =
            described.input().and_then(|input| serde_json::from_str(input).ok()).unwrap_or(Value::Null);
        if asked(&before) == asked(event) {
            return execution_arn(&arn);
        }
        let before = before.get("detail").cloned().unwrap_or(Value::Null).to_string();
        Err(AwsFault::NameTaken { name: name.to_owned(), before }.into())
    }
}

/// What a request asks for; who asks again, when and why does not make it another one.
fn asked(event: &Value) -> Vec<Option<&Value>> {
    let fields = ["service", "version", "strategy", "lift_bar", "override"];
    fields.into_iter().map(|field| event.get("detail").and_then(|detail| detail.get(field))).collect()
}

/// The configuration of clients for what an environment has beside its stack, in its own account and region.
pub(crate) async fn clients(
    environment: &EnvironmentName,
    configuration: &Environment,
) -> BackendResult<SdkConfig> {
    let config = aws_client::from_env().map_err(BackendError::Config)?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    belongs(environment, configuration, &caller(&config).await?, &region)?;
    Ok(config)
}

/// Whether credentials and region are those of an environment.
fn belongs(
    environment: &EnvironmentName,
    configuration: &Environment,
    caller: &Caller,
    region: &str,
) -> Result<(), AwsFault> {
    let identity = &configuration.environment;
    if let Some(account) = identity.account.as_ref().filter(|account| **account != caller.account) {
        return Err(AwsFault::OtherAccount {
            environment: environment.clone(),
            configured: account.clone(),
            given: caller.account.clone(),
        });
    }
    if identity.region != region {
        return Err(AwsFault::OtherRegion {
            environment: environment.clone(),
            configured: identity.region.clone(),
            given: region.to_owned(),
        });
    }
    Ok(())
}

async fn caller(config: &SdkConfig) -> Result<Caller, AwsFault> {
    let answer = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let answer = answer.map_err(|error| Fault::new("sts:GetCallerIdentity", &error))?;
    let (account, arn) = (answer.account().unwrap_or_default(), answer.arn().unwrap_or_default());
    let partition = arn.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws");
    Ok(Caller { account: account.to_owned(), partition: partition.to_owned(), arn: arn.to_owned() })
}

fn execution_arn(arn: &str) -> BackendResult<ExecutionArn> {
    arn.parse().map_err(|error: rollout::InvalidName| AwsFault::Unusable(error.to_string()).into())
}

/// How Lambda tells that a function failed (AWS Lambda Developer Guide, "Understanding function errors").
#[derive(Deserialize)]
struct FunctionError {
    #[serde(rename = "errorType", default)]
    name: String,
    #[serde(rename = "errorMessage", default)]
    message: String,
}

fn failed(function: Callee, name: &str, payload: &[u8]) -> BackendError {
    let FunctionError { name: error, message } = serde_json::from_slice(payload)
        .unwrap_or_else(|_| FunctionError { name: "Unhandled".to_owned(), message: String::new() });
    match ErrorName::ALL.into_iter().find(|known| known.as_str() == error) {
        Some(known) => BackendError::Function { callee: function, failure: Failure::new(known, message) },
        None => AwsFault::BrokeOff { function: name.to_owned(), error, message }.into(),
    }
}

fn read<T>(found: Result<T, engine::ports::PortError>) -> BackendResult<T> {
    found.map_err(|error| table(error).into())
}

#[async_trait]
impl Backend for AwsStack {
    fn place(&self) -> String {
        format!("account {}, {}, table {}", self.caller.account, self.region, self.table)
    }

    fn operator(&self) -> String {
        self.caller.name()
    }

    async fn now(&self) -> BackendResult<Timestamp> {
        Ok(Timestamp::now())
    }

    fn poll_millis(&self) -> u64 {
        2_000
    }

    async fn start(&self, name: &str, event: Value) -> BackendResult<ExecutionArn> {
        let machine = format!("{}:live", self.machine());
        let sent = self
            .states
            .start_execution()
            .state_machine_arn(&machine)
            .name(name)
            .input(event.to_string())
            .send()
            .await;
        let fault = match sent {
            Ok(started) => return execution_arn(started.execution_arn()),
            Err(error) => Fault::new("states:StartExecution", &error),
        };
        match fault.code.as_deref() {
            Some("ExecutionAlreadyExists") => self.again(name, &event).await,
            Some("StateMachineDoesNotExist") => Err(self.no_stack(format!("state machine {machine}")).into()),
            _ => Err(AwsFault::from(fault).into()),
        }
    }

    async fn execution(&self, execution: &ExecutionArn) -> BackendResult<Execution> {
        let described = self.states.describe_execution().execution_arn(execution.as_str()).send().await;
        let described =
            described.map_err(|error| AwsFault::from(Fault::new("states:DescribeExecution", &error)))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(match described.status() {
            ExecutionStatus::Succeeded => Execution::Succeeded {
                output: serde_json::from_str(described.output().unwrap_or("null")).unwrap_or(Value::Null),
            },
            ExecutionStatus::Failed => {
                Execution::Failed { error: text(described.error()), cause: text(described.cause()) }
            }
            ExecutionStatus::Aborted => Execution::Cut { reason: "the execution was stopped".to_owned() },
            ExecutionStatus::TimedOut => {
                Execution::Cut { reason: "the execution took longer than its limit".to_owned() }
            }
            _ => Execution::Running,
        })
    }

    async fn invoke(&self, function: Callee, payload: Value) -> BackendResult<Value> {
        let name = format!("ace-flow-{}-{}", self.environment, function.name());
        let sent = self
            .lambda
            .invoke()
            .function_name(&name)
            .qualifier("live")
            .payload(Blob::new(payload.to_string()))
            .send()
            .await;
        let answer = sent.map_err(|error| {
            let fault = Fault::new("lambda:InvokeFunction", &error);
            if fault.kind == FaultKind::NotFound {
                return self.no_stack(format!("function {name}:live"));
            }
            fault.into()
        })?;
        let payload = answer.payload().map(AsRef::as_ref).unwrap_or_default();
        if answer.function_error().is_some() {
            return Err(failed(function, &name, payload));
        }
        serde_json::from_slice(payload)
            .map_err(|error| AwsFault::Unusable(format!("function {name}: {error}")).into())
    }

    async fn approval_url(&self) -> BackendResult<String> {
        let name = format!("ace-flow-{}-approve", self.environment);
        let answer =
            self.lambda.get_function_url_config().function_name(&name).qualifier("live").send().await;
        let answer = answer.map_err(|error| {
            let fault = Fault::new("lambda:GetFunctionUrlConfig", &error);
            if fault.kind == FaultKind::NotFound {
                return self.no_stack(format!("URL of function {name}:live"));
            }
            fault.into()
        })?;
        Ok(answer.function_url().to_owned())
    }

    fn fits(&self, configuration: &Environment) -> BackendResult<()> {
        Ok(belongs(&self.environment, configuration, &self.caller, &self.region)?)
    }

    async fn configuration(&self) -> BackendResult<Option<Published>> {
        read(self.store.configuration(&self.environment).await)
    }

    async fn publish(&self, configuration: &Environment, by: &str) -> BackendResult<Publication> {
        let now = Timestamp::now();
        let published =
            engine::publish::publish(&self.store, &self.environment, configuration, by, now).await;
        published.map(Publication::from).map_err(BackendError::Publish)
    }

    fn shelf(&self) -> Box<dyn Shelf> {
        Box::new(ParameterStore::new(&self.config))
    }

    async fn gates(&self, wish: &Wish) -> BackendResult<Vec<GateState>> {
        super::aws_gates::gates(self, wish).await
    }

    async fn target(&self, service: &ServiceName) -> BackendResult<Option<Target>> {
        read(self.store.target(&self.environment, service).await)
    }

    async fn rollout(&self, id: &RolloutId) -> BackendResult<Option<Rollout>> {
        read(self.store.rollout(id).await)
    }

    async fn active(&self) -> BackendResult<Vec<Rollout>> {
        read(self.store.active(&self.environment).await)
    }

    async fn control(&self) -> BackendResult<Control> {
        read(self.store.control(&self.environment).await)
    }

    async fn history(&self, id: &RolloutId) -> BackendResult<Vec<Record>> {
        read(self.store.history(id).await)
    }

    async fn recent(&self, limit: usize) -> BackendResult<Vec<Rollout>> {
        read(self.store.recent(&self.environment, limit).await)
    }

    async fn alerts(&self, glance: &Glance) -> BackendResult<Sighted> {
        let Self { environment, store, .. } = self;
        let lookout = Lookout { environment, store, alerts: store, now: Timestamp::now() };
        read(super::alerts::look(lookout, glance).await)
    }

    async fn costs(&self) -> BackendResult<CostSight> {
        read(super::costs::look(&self.environment, &self.store, Timestamp::now(), true).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(arn: &str) -> Caller {
        Caller { account: "123456789012".to_owned(), partition: "aws".to_owned(), arn: arn.to_owned() }
    }

    #[test]
    fn a_caller_is_known_by_the_name_that_people_have() {
        for (arn, name) in [
            ("arn:aws:sts::123456789012:assumed-role/Admin/ann@example.com", "ann@example.com"),
            ("arn:aws:iam::123456789012:user/team/bob", "bob"),
            ("arn:aws:iam::123456789012:root", "root"),
        ] {
            assert_eq!(caller(arn).name(), name);
        }
    }

    #[test]
    fn a_function_that_fails_is_told_apart_from_one_that_breaks_off() {
        let typed = br#"{"errorType":"UnknownRollout","errorMessage":"there is none"}"#;
        match failed(Callee::Rollback, "ace-flow-x-rollback", typed) {
            BackendError::Function { failure, .. } => {
                assert_eq!(failure, Failure::new(ErrorName::UnknownRollout, "there is none"));
            }
            other => panic!("{other:?}"),
        }
        for payload in
            [&br#"{"errorType":"Sandbox.Timedout","errorMessage":"after 30 s"}"#[..], b"", b"nothing"]
        {
            let broken = failed(Callee::Rollback, "ace-flow-x-rollback", payload);
            assert!(matches!(broken, BackendError::Aws(AwsFault::BrokeOff { .. })), "{broken:?}");
            assert!(broken.is_ours());
        }
    }
}
