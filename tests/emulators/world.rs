//! Everything that the tests run against.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynamo_store::{DynamoBelow, DynamoStore};
use engine::outcome::Outcome;
use engine::ports::{AlertStore, Below, CostStore, Store};
use rollout::{EnvironmentName, Rollout, ServiceName, Target};
use serde_json::{Value, json};

use crate::alerts::Desk;
use crate::aws::{Aws, REGION};
use crate::balancer::{Balancer, Service, publish_metrics};
use crate::caches::Caches;
use crate::executions::{Execution, with_input};
use crate::local::Local;
use crate::passage::{Passage, Writer};
use crate::stack::{self, Stack, Ways};
use crate::table_passage::TablePassage;

/// Longer than the longest rollout here; what has not come by then does not come.
const PATIENCE: Duration = Duration::from_mins(8);

/// The services, whether their canary is bad, and how they are rolled out.
const SERVICES: [(&str, bool, &str); 12] = [
    ("good", false, "canary"),
    ("bad", true, "canary"),
    ("switch", false, "blue-green"),
    ("twice", false, "blue-green"),
    ("failed", false, "canary"),
    ("alarm", false, "canary"),
    ("killed", false, "canary"),
    ("struck", false, "canary"),
    ("stopped", false, "canary"),
    ("ordered", false, "canary"),
    ("quiet", false, "blue-green"),
    ("folded", false, "canary"),
];

/// The services that an alarm guards, each its own.
const GUARDED: [&str; 3] = ["alarm", "struck", "folded"];

/// The world.
pub struct World {
    /// What makes this run's names its own.
    pub run: String,
    /// The account.
    pub aws: Arc<Aws>,
    /// What stands beside it.
    pub local: Local,
    /// The functions' way to the load balancer.
    pub passage: Passage,
    /// cost-optimizer's way to the caches.
    pub caches: Caches,
    /// alert-router's way to its table.
    pub table: TablePassage,
    /// Whom alert-router tells.
    pub desk: Desk,
    /// The stack.
    pub stack: Stack,
    /// The store on the stack's table.
    pub store: Arc<dyn Store>,
    /// The memory of alerts in it.
    pub alerts: Arc<dyn AlertStore>,
    /// The memory of what is stopped and started in it.
    pub costs: Arc<dyn CostStore>,
    /// What the environment above reads of that table.
    pub below: Arc<dyn Below>,
    /// The environment's name.
    pub environment: EnvironmentName,
    /// The environment's configuration, a file.
    pub configuration: PathBuf,
    services: Vec<Service>,
    outcomes: Mutex<Vec<Outcome>>,
}

impl World {
    /// Creates everything; `folder` is for files.
    pub async fn create(aws: Aws, local: Local, folder: &Path) -> Self {
        let aws = Arc::new(aws);
        let run = format!("{:x}", jiff::Timestamp::now().as_millisecond() % 0x1000_0000);
        let passage = Passage::open(aws.elb_endpoint().to_owned()).await;
        let table = TablePassage::open(aws.endpoint().to_owned()).await;
        let desk = Desk::open().await;
        let (script, slack_api) = (local.script_url(), desk.slack_api());
        let caches = Caches::open(&stack::saving(&run), aws.tagging_endpoint().to_owned()).await;
        let ways = Ways {
            elb: &passage.url,
            caches: &caches.url,
            table: &table.url,
            slack: &slack_api,
            script: &script,
        };
        let stack = stack::create(&aws, &run, folder, ways).await;
        let balancer = Balancer::create(&aws, &run).await;
        let mut services = Vec::new();
        for (index, (name, bad, _)) in SERVICES.into_iter().enumerate() {
            let service = balancer.add(&aws, name, index + 1, &local.url).await;
            services.push(Service { green_errors: if bad { 30 } else { 0 }, ..service });
        }
        for service in GUARDED {
            let topics = [&stack.guardrail_topic, &stack.alert_topic];
            // People are told of one of them as well.
            let told = if service == "folded" { &topics[..] } else { &topics[..1] };
            alarm_on(&aws, &alarm_of(&run, service), &stack.environment, service, told).await;
        }
        desk.furnish(&aws, &run, &stack).await;
        let environment: EnvironmentName = stack.environment.parse().unwrap();
        let dynamo = Arc::new(DynamoStore::new(&aws.sdk(), stack.table.clone()));
        let (store, alerts) =
            (Arc::clone(&dynamo) as Arc<dyn Store>, Arc::clone(&dynamo) as Arc<dyn AlertStore>);
        let costs = dynamo as Arc<dyn CostStore>;
        let below = Arc::new(DynamoBelow::new(&aws.sdk(), Some(stack.table.clone())));
        let mut configuration = configuration(&aws.account, &stack, &services, &run);
        desk.configure(&mut configuration, &stack.environment);
        let file = publish(&aws, &stack, &configuration, folder);
        let published = store.configuration(&environment).await.unwrap();
        let published = published.map(|published| published.configuration);
        assert_eq!(published, Some(serde_json::from_value(configuration).unwrap()));
        publish_metrics(Arc::clone(&aws), services.clone()).await;
        let outcomes = Mutex::default();
        Self {
            run,
            aws,
            local,
            passage,
            caches,
            table,
            desk,
            stack,
            store,
            alerts,
            costs,
            below,
            environment,
            configuration: file,
            services,
            outcomes,
        }
    }

    /// A service by its name.
    pub fn service(&self, name: &str) -> &Service {
        self.services.iter().find(|service| service.name == name).unwrap()
    }

    /// The alarm that guards a service.
    pub fn alarm(&self, service: &str) -> String {
        alarm_of(&self.run, service)
    }

    /// Lets that alarm ring.
    pub async fn ring(&self, service: &str) {
        self.set_alarm(&self.alarm(service), "ALARM").await;
    }

    /// Sets the state of an alarm, which tells its topics.
    pub async fn set_alarm(&self, alarm: &str, state: &str) {
        let state = json!({ "AlarmName": alarm, "StateValue": state, "StateReason": "the test says so" });
        self.aws.json("monitoring", "GraniteServiceVersion20100801.SetAlarmState", &state).await;
    }

    /// The green weights that the functions wrote for a service, and what became of who wrote them.
    pub async fn written(&self, service: &str) -> Vec<(u64, Writer)> {
        self.passage.written(&self.service(service).route).await
    }

    /// The name of a service's pipeline.
    pub fn pipeline(&self, service: &str) -> String {
        format!("{}{service}", self.stack.pipelines)
    }

    /// Puts an event about a pipeline's execution onto the bus, as often as asked in one call.
    pub async fn put_event(&self, pipeline: &str, execution_id: &str, state: &str, times: usize) {
        self.put_event_with(pipeline, execution_id, state, times, &json!({})).await;
    }

    /// The same with more in its detail.
    pub async fn put_event_with(
        &self,
        pipeline: &str,
        execution_id: &str,
        state: &str,
        times: usize,
        more: &Value,
    ) {
        let mut detail = json!({
            "pipeline": pipeline, "execution-id": execution_id, "state": state, "version": 6.0,
            "pipeline-execution-attempt": 1.0,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            detail[name] = value.clone();
        }
        let entry = json!({
            "Source": self.aws.event_source,
            "DetailType": "CodePipeline Pipeline Execution State Change",
            "Detail": detail.to_string(),
            "Resources": [format!("arn:aws:codepipeline:{REGION}:{}:{pipeline}", self.aws.account)],
        });
        self.put(vec![entry; times]).await;
    }

    /// Asks for a rollout, as a person does.
    pub async fn request(&self, service: &str, version: &str) {
        let detail = json!({
            "environment": self.environment, "service": service, "version": version, "requested_by": "the test",
        });
        let entry =
            json!({ "Source": "ace-flow", "DetailType": "Rollout Requested", "Detail": detail.to_string() });
        self.put(vec![entry]).await;
    }

    /// Puts events onto the bus.
    pub async fn put(&self, entries: Vec<Value>) {
        let put = self.aws.json("events", "AWSEvents.PutEvents", &json!({ "Entries": entries })).await;
        assert_eq!(put["FailedEntryCount"], 0, "{put}");
    }

    /// The executions that a pipeline's event has started, once there are as many.
    pub async fn executions(&self, execution_id: &str, count: usize) -> Vec<String> {
        self.started_by("/detail/execution-id", execution_id, count).await
    }

    /// The executions that requests for a service have started, once there are as many.
    pub async fn requested_executions(&self, service: &str, count: usize) -> Vec<String> {
        self.started_by("/detail/service", service, count).await
    }

    async fn started_by(&self, pointer: &str, value: &str, count: usize) -> Vec<String> {
        self.eventually("the event starts its executions", async || {
            let found = with_input(&self.aws, &self.stack.machine, |input| {
                input.pointer(pointer).and_then(Value::as_str) == Some(value)
            });
            Some(found.await).filter(|found| found.len() >= count)
        })
        .await
    }

    /// The execution once it has ended.
    pub async fn end_of(&self, execution: &str) -> Execution {
        self.eventually("the execution ends", async || {
            Some(Execution::read(&self.aws, execution).await).filter(Execution::ended)
        })
        .await
    }

    /// Asks until there is an answer.
    pub async fn eventually<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// The target of a service.
    pub async fn target(&self, service: &str) -> Option<Target> {
        let service: ServiceName = service.parse().unwrap();
        self.store.target(&self.environment, &service).await.unwrap()
    }

    /// The rollouts of a service.
    pub async fn rollouts(&self, service: &str) -> Vec<Rollout> {
        let all = self.store.recent(&self.environment, 100).await.unwrap();
        all.into_iter().filter(|rollout| rollout.plan.service.as_str() == service).collect()
    }

    /// How often a milestone of a service was delivered until now, each delivery counted.
    pub fn deliveries(&self, service: &str, milestone: &str) -> usize {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |outcome: &&Outcome| outcome.service.as_str() == service && outcome.milestone == milestone;
        outcomes.iter().filter(ours).count()
    }

    /// The milestones of a service that were published, once there are as many; told by the queue that is subscribed.
    pub async fn milestones(&self, service: &str, count: usize) -> Vec<String> {
        self.told(service, |milestones| milestones.len() >= count).await
    }

    /// The same, once these are among them.
    pub async fn milestones_with(&self, service: &str, wanted: &[&str]) -> Vec<String> {
        let there =
            |milestones: &[String], wanted: &str| milestones.iter().any(|milestone| milestone == wanted);
        self.told(service, |milestones| wanted.iter().all(|wanted| there(milestones, wanted))).await
    }

    async fn told(&self, service: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        self.eventually("the outcomes arrive", async || {
            let asked = json!({ "QueueUrl": self.stack.outcomes, "MaxNumberOfMessages": 10 });
            let received = self.aws.json("sqs", "AmazonSQS.ReceiveMessage", &asked).await;
            for message in received["Messages"].as_array().into_iter().flatten() {
                let envelope: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                let outcome: Outcome = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
                self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                let gone =
                    json!({ "QueueUrl": self.stack.outcomes, "ReceiptHandle": message["ReceiptHandle"] });
                self.aws.json("sqs", "AmazonSQS.DeleteMessage", &gone).await;
            }
            let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            let mut ours: Vec<_> =
                outcomes.iter().filter(|outcome| outcome.service.as_str() == service).collect();
            // Delivery is in no order and at least once.
            ours.sort_by_key(|outcome| outcome.id.rsplit_once('.').unwrap().1.parse::<u64>().unwrap());
            ours.dedup_by_key(|outcome| outcome.id.clone());
            let milestones: Vec<_> = ours.iter().map(|outcome| outcome.milestone.clone()).collect();
            Some(milestones).filter(|milestones| enough(milestones))
        })
        .await
    }
}

fn alarm_of(run: &str, service: &str) -> String {
    format!("ace-{run}-{service}")
}

/// An alarm of a service, which tells these topics what becomes of it.
pub async fn alarm_on(aws: &Aws, name: &str, environment: &str, service: &str, topics: &[&String]) {
    let dimension = |name: &str, value: &str| json!({ "Name": name, "Value": value });
    let body = json!({
        "AlarmName": name, "Namespace": "ace-flow.test", "MetricName": "errors", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "ignore", "AlarmActions": topics, "OKActions": topics,
        "Dimensions": [dimension("Environment", environment), dimension("Service", service)],
    });
    aws.json("monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", &body).await;
}

/// The shortest rollouts that are still judged: each step that bakes has to have one real closed minute behind it.
fn configuration(account: &str, stack: &Stack, services: &[Service], run: &str) -> Value {
    let services: serde_json::Map<String, Value> = services
        .iter()
        .zip(SERVICES)
        .map(|(service, (name, _, strategy))| {
            let guardrails: Vec<_> =
                GUARDED.iter().filter(|guarded| **guarded == name).map(|name| alarm_of(run, name)).collect();
            let written = json!({
                "pipeline": format!("{}{name}", stack.pipelines),
                "route": service.route,
                "strategy": strategy,
                "rollout": { "guardrails": guardrails },
            });
            (name.to_owned(), written)
        })
        .collect();
    json!({
        "environment": { "name": stack.environment, "region": REGION, "stage": "test", "account": account },
        "rollout": {
            "canary": { "steps": [{ "weight": 25, "bake": "0s" }, { "weight": 100, "bake": "0s" }] },
            "blue_green": { "monitor": "0s" },
            "readiness": { "attempts": 5, "interval": "1s" },
            "evidence": { "settle": "0s", "metric_delay": "1s", "patience": "180s" },
            // The tests do not stop each other.
            "stop_the_line": { "rollbacks": 100 },
        },
        "services": services,
    })
}

/// As a person does it: `ace publish`, with the SDK's variables in its environment.
/// Gives the file.
fn publish(aws: &Aws, stack: &Stack, configuration: &Value, folder: &Path) -> PathBuf {
    let file = folder.join("config.yml");
    // JSON is YAML.
    std::fs::write(&file, configuration.to_string()).unwrap();
    let ace = stack::built("ace");
    let published = Command::new(&ace)
        .args(["publish", "--environment", &stack.environment, "--table", &stack.table, "--config"])
        .arg(&file)
        .envs(aws.variables())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}: build it with the feature aws", ace.display()));
    let said = String::from_utf8_lossy(&published.stdout);
    let error = String::from_utf8_lossy(&published.stderr);
    assert!(
        published.status.success() && said.contains(&format!("{} services", SERVICES.len())),
        "ace publish: {said}{error}"
    );
    file
}
