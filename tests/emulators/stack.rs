//! The stack of an environment, as `infra/template.yaml` has it, created call by call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use e2e::files;
use serde_json::{Map, Value, json};

use crate::aws::{Aws, REGION, element, given};
use crate::template::Template;

/// The functions of a rollout by their name in the template, without `Function`.
const FUNCTIONS: [&str; 4] = ["StartDeploy", "HealthCheck", "PromoteStep", "Rollback"];
/// The function that tells people.
const ALERT_ROUTER: &str = "AlertRouter";

/// The function that stops and starts.
const COST_OPTIMIZER: &str = "CostOptimizer";

/// What is there when the stack is created.
pub struct Stack {
    /// The environment.
    pub environment: String,
    /// The table's name.
    pub table: String,
    /// The state machine's ARN.
    pub machine: String,
    /// The state machine whose functions are scripted.
    pub scripted_machine: String,
    /// What the state machine with scripted functions calls.
    pub scripted_function: String,
    /// The function rollback.
    pub rollback: String,
    /// The topic that rolls back.
    pub guardrail_topic: String,
    /// The URL of the queue that gets the outcomes.
    pub outcomes: String,
    /// The schedule group of clean-ups.
    pub clean_up_group: String,
    /// The start of the names of all pipelines that it listens to.
    pub pipelines: String,
    /// The function alert-router.
    pub alert_router: String,
    /// The topic whose alarms are routed.
    pub alert_topic: String,
    /// The state machine of alert-router's timers.
    pub alert_timer: String,
    /// The URL of the queue that gets what nobody could be told.
    pub dead_letters: String,
    /// The function cost-optimizer, which is of another environment in the same table.
    pub cost_optimizer: String,
    /// That environment.
    pub saving: String,
}

/// Where functions reach what is not the emulator's.
pub struct Ways<'a> {
    /// The load balancers.
    pub elb: &'a str,
    /// `ElastiCache` and its tags, for cost-optimizer.
    pub caches: &'a str,
    /// DynamoDB, for alert-router.
    pub table: &'a str,
    /// Slack's API.
    pub slack: &'a str,
    /// The script of the scripted function.
    pub script: &'a str,
}

impl Ways<'_> {
    /// The variables of a function that say so.
    fn variables(&self, aws: &Aws, function: &str, saving: &str) -> Map<String, Value> {
        let urls = aws.endpoint_variables_with(self.elb).map(|(name, url)| (name, Value::String(url)));
        let own = match function {
            ALERT_ROUTER => vec![("AWS_ENDPOINT_URL_DYNAMODB", self.table), ("ACE_SLACK_API", self.slack)],
            COST_OPTIMIZER => vec![
                ("ACE_ENVIRONMENT", saving),
                ("AWS_ENDPOINT_URL_ELASTICACHE", self.caches),
                ("AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", self.caches),
            ],
            _ => Vec::new(),
        };
        urls.chain(own.into_iter().map(|(name, value)| (name.to_owned(), value.into()))).collect()
    }
}

/// The environment of cost-optimizer.
pub fn saving(run: &str) -> String {
    format!("cost-{run}")
}

/// Creates it.
pub async fn create(aws: &Aws, run: &str, folder: &Path, ways: Ways<'_>) -> Stack {
    let environment = format!("test-{run}");
    let prefix = format!("ace-flow-{environment}");
    let (account, pipelines) = (&aws.account, format!("{run}-"));
    let mut template = Template::new(BTreeMap::from(
        [
            ("Environment", environment.clone()),
            ("AWS::Partition", "aws".to_owned()),
            ("AWS::Region", REGION.to_owned()),
            ("AWS::AccountId", account.clone()),
            // A test looks for secrets in the logs.
            ("LogLevel", "trace".to_owned()),
            ("PipelinePattern", format!("{pipelines}*")),
            ("Table", format!("{prefix}-table")),
            ("CleanUpGroup", format!("{prefix}-clean-up")),
            ("CleanUpRole.Arn", format!("arn:aws:iam::{account}:role/{prefix}-clean-up")),
        ]
        .map(|(reference, value)| (reference.to_owned(), value)),
    ));
    table(aws, &template).await;
    let dead_letters = queue(aws, &format!("{prefix}-delivery-dead-letters")).await.1;
    template.name("DeliveryDeadLetters.Arn", dead_letters);
    let dead_letters = queue(aws, &format!("{prefix}-handler-dead-letters")).await.0;
    template.name("HandlerDeadLetters", dead_letters.as_str());
    template.name("OperationsTopic", topic(aws, &format!("{prefix}-operations")).await);
    let alert_topic = topic(aws, &format!("{prefix}-alerts")).await;
    let outcome_topic = topic(aws, &format!("{prefix}-outcomes")).await;
    let guardrail_topic = topic(aws, &format!("{prefix}-guardrails")).await;
    let (outcomes, outcomes_arn) = queue(aws, &format!("{prefix}-outcomes")).await;
    subscribe(aws, &outcome_topic, "sqs", &outcomes_arn).await;
    template.name("OutcomeTopic", outcome_topic);
    let group = template.of("CleanUpGroup").to_owned();
    aws.rest("scheduler", "POST", &format!("/schedule-groups/{group}"), &json!({})).await;

    let role = format!("arn:aws:iam::{account}:role/{prefix}");
    let mut versions = BTreeMap::new();
    let saving = saving(run);
    for function in FUNCTIONS.into_iter().chain([ALERT_ROUTER, COST_OPTIMIZER]) {
        let resource = format!("{function}Function");
        let mut variables = template.variables(&resource);
        variables.extend(ways.variables(aws, function, &saving));
        let binary = binary_of(&template, &resource);
        let timeout = template.of_function(&resource, "Timeout");
        let home = if function == COST_OPTIMIZER { &saving } else { &environment };
        let name = format!("ace-flow-{home}-{binary}");
        let version =
            function_version(aws, &name, &bootstraps().join(&binary), &role, timeout, &variables, folder)
                .await;
        // What `AutoPublishAlias` makes.
        let alias = json!({ "Name": "live", "FunctionVersion": "1" });
        aws.rest("lambda", "POST", &format!("/2015-03-31/functions/{name}/aliases"), &alias).await;
        versions.insert(function.to_owned(), version);
    }
    let rollback = versions["Rollback"].trim_end_matches(":1").to_owned();
    may_be_invoked(aws, &rollback, "sns.amazonaws.com", &guardrail_topic).await;
    subscribe(aws, &guardrail_topic, "lambda", &rollback).await;

    let alert_router = versions[ALERT_ROUTER].trim_end_matches(":1").to_owned();
    may_be_invoked(aws, &alert_router, "sns.amazonaws.com", &alert_topic).await;
    subscribe(aws, &alert_topic, "lambda", &alert_router).await;
    for event in ["Signals", "Outcomes"] {
        heard(aws, &template, event, &alert_router).await;
    }
    let timer = template.resolved(&template.properties("AlertTimer")["Name"]);
    let alert_timer =
        machine(aws, timer.as_str().unwrap(), "infra/alert-timer.asl.json", &versions, &role).await;

    let machine =
        machine(aws, &format!("{prefix}-rollout"), "infra/rollout.asl.json", &versions, &role).await;
    live(aws, &machine).await;
    for event in ["Pipeline", "Request"] {
        rule(aws, &template, event, &machine, &role).await;
    }
    template.name("RolloutStateMachine", machine.as_str());
    watchdog(aws, &template, &rollback).await;

    let variables = Map::from_iter([("ACE_SCRIPT".to_owned(), ways.script.into())]);
    let (name, binary) = (format!("{prefix}-scripted"), Path::new(env!("CARGO_BIN_EXE_scripted")));
    let scripted = function_version(aws, &name, binary, &role, &json!(30), &variables, folder).await;
    let others = FUNCTIONS.map(|function| (function.to_owned(), scripted.clone())).into();
    let scripted_machine =
        self::machine(aws, &format!("{prefix}-scripted"), "infra/rollout.asl.json", &others, &role).await;
    let table = template.of("Table").to_owned();
    Stack {
        environment,
        table,
        machine,
        scripted_machine,
        scripted_function: scripted,
        rollback,
        guardrail_topic,
        outcomes,
        clean_up_group: group,
        pipelines,
        alert_router,
        alert_topic,
        alert_timer,
        dead_letters,
        cost_optimizer: versions[COST_OPTIMIZER].trim_end_matches(":1").to_owned(),
        saving,
    }
}

async fn table(aws: &Aws, template: &Template) {
    let properties = template.properties("Table");
    let mut body = Map::from_iter([("TableName".to_owned(), template.of("Table").into())]);
    for property in ["BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"] {
        body.insert(property.to_owned(), properties[property].clone());
    }
    aws.json("dynamodb", "DynamoDB_20120810.CreateTable", &body.into()).await;
}

async fn topic(aws: &Aws, name: &str) -> String {
    element(&aws.query("sns", "2010-03-31", "CreateTopic", &[("Name", name)]).await, "TopicArn")
}

async fn subscribe(aws: &Aws, topic: &str, protocol: &str, endpoint: &str) {
    let fields = [("TopicArn", topic), ("Protocol", protocol), ("Endpoint", endpoint)];
    aws.query("sns", "2010-03-31", "Subscribe", &fields).await;
}

/// The queue's URL and ARN.
async fn queue(aws: &Aws, name: &str) -> (String, String) {
    let created = aws.json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": name })).await;
    let url = created["QueueUrl"].as_str().unwrap().to_owned();
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
    let attributes = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await;
    let arn = attributes["Attributes"]["QueueArn"].as_str().unwrap().to_owned();
    (url, arn)
}

/// The name of a function's binary, which is the end of its own.
fn binary_of(template: &Template, resource: &str) -> String {
    let name = template.properties(resource)["FunctionName"].as_str().unwrap();
    name.rsplit_once("${Environment}-").unwrap().1.to_owned()
}

/// Where the bootstraps are: `ACE_BOOTSTRAPS`, or beside this test's binary.
fn bootstraps() -> PathBuf {
    given("ACE_BOOTSTRAPS").map_or_else(|| built(""), PathBuf::from)
}

/// Where cargo puts an executable.
pub fn built(name: &str) -> PathBuf {
    env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join(name)
}

/// Creates a function from its binary, and gives the ARN of its first version.
async fn function_version(
    aws: &Aws,
    name: &str,
    binary: &Path,
    role: &str,
    timeout: &Value,
    variables: &Map<String, Value>,
    folder: &Path,
) -> String {
    let body = json!({
        "FunctionName": name,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": role,
        "Timeout": timeout,
        "Publish": true,
        "Code": { "ZipFile": zipped(name, binary, folder) },
        "Environment": { "Variables": variables },
    });
    let created = aws.rest("lambda", "POST", "/2015-03-31/functions", &body).await;
    let (arn, version) = (created["FunctionArn"].as_str().unwrap(), created["Version"].as_str().unwrap());
    if arn.ends_with(&format!(":{version}")) { arn.to_owned() } else { format!("{arn}:{version}") }
}

/// The binary as `bootstrap` in an archive, in Base64. Python is there: the emulators are made of it.
fn zipped(name: &str, binary: &Path, folder: &Path) -> String {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(binary, folder.join("bootstrap")).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; build it, or set ACE_BOOTSTRAPS to the folder with the bootstraps",
            binary.display()
        )
    });
    let zip = "import base64,sys,zipfile\n\
        with zipfile.ZipFile('function.zip', 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as z: z.write('bootstrap')\n\
        sys.stdout.write(base64.b64encode(open('function.zip', 'rb').read()).decode())";
    let output = Command::new("python3").args(["-c", zip]).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn machine(
    aws: &Aws,
    name: &str,
    file: &str,
    versions: &BTreeMap<String, String>,
    role: &str,
) -> String {
    let mut definition = files::text(file);
    for (placeholder, arn) in versions {
        definition = definition.replace(&format!("${{{placeholder}}}"), arn);
    }
    let body = json!({ "name": name, "definition": definition, "roleArn": role, "type": "STANDARD" });
    let created = aws.json("states", "AWSStepFunctions.CreateStateMachine", &body).await;
    created["stateMachineArn"].as_str().unwrap().to_owned()
}

/// What `AutoPublishAlias` makes of a state machine.
async fn live(aws: &Aws, machine: &str) {
    let asked = json!({ "stateMachineArn": machine });
    let published = aws.json("states", "AWSStepFunctions.PublishStateMachineVersion", &asked).await;
    let route = json!({ "stateMachineVersionArn": published["stateMachineVersionArn"], "weight": 100 });
    let alias = json!({ "name": "live", "routingConfiguration": [route] });
    aws.json("states", "AWSStepFunctions.CreateStateMachineAlias", &alias).await;
}

/// A rule of the state machine, which also takes the test's own source: nobody but AWS may send `aws.*`.
async fn rule(aws: &Aws, template: &Template, event: &str, machine: &str, role: &str) {
    let declared = &template.properties("RolloutStateMachine")["Events"][event]["Properties"];
    let name = template.resolved(&declared["RuleName"]);
    let mut pattern = template.resolved(&declared["Pattern"]);
    pattern["source"].as_array_mut().unwrap().push(aws.event_source.as_str().into());
    let body = json!({ "Name": name, "EventPattern": pattern.to_string(), "State": "ENABLED" });
    aws.json("events", "AWSEvents.PutRule", &body).await;
    let target = json!({ "Id": "rollout", "Arn": machine, "RoleArn": role });
    aws.json("events", "AWSEvents.PutTargets", &json!({ "Rule": name, "Targets": [target] })).await;
}

/// A rule of alert-router, which also takes the test's own source in the place of CloudWatch's.
async fn heard(aws: &Aws, template: &Template, event: &str, alert_router: &str) {
    let declared = &template.properties("AlertRouterFunction")["Events"][event]["Properties"];
    let name = template.resolved(&declared["RuleName"]);
    let mut pattern = template.resolved(&declared["Pattern"]);
    for one in pattern.get_mut("$or").and_then(Value::as_array_mut).into_iter().flatten() {
        if one["source"][0] == "aws.cloudwatch" {
            one["source"].as_array_mut().unwrap().push(aws.event_source.as_str().into());
        }
    }
    let body = json!({ "Name": name, "EventPattern": pattern.to_string(), "State": "ENABLED" });
    let created = aws.json("events", "AWSEvents.PutRule", &body).await;
    may_be_invoked(aws, alert_router, "events.amazonaws.com", created["RuleArn"].as_str().unwrap()).await;
    let target = json!({ "Id": "alert-router", "Arn": alert_router });
    aws.json("events", "AWSEvents.PutTargets", &json!({ "Rule": name, "Targets": [target] })).await;
}

/// The watchdog's rule, unchanged: what it listens to is the emulator's to send.
async fn watchdog(aws: &Aws, template: &Template, rollback: &str) {
    let declared = &template.properties("RollbackFunction")["Events"]["Watchdog"]["Properties"];
    let name = template.resolved(&declared["RuleName"]);
    let pattern = template.resolved(&declared["Pattern"]).to_string();
    let body = json!({ "Name": name, "EventPattern": pattern, "State": "ENABLED" });
    let created = aws.json("events", "AWSEvents.PutRule", &body).await;
    may_be_invoked(aws, rollback, "events.amazonaws.com", created["RuleArn"].as_str().unwrap()).await;
    let target = json!({ "Id": "rollback", "Arn": rollback });
    aws.json("events", "AWSEvents.PutTargets", &json!({ "Rule": name, "Targets": [target] })).await;
}

/// Lets a service of AWS invoke a function on behalf of one of its resources.
async fn may_be_invoked(aws: &Aws, function: &str, service: &str, source: &str) {
    let name = function.rsplit_once(':').unwrap().1;
    let of = source.rsplit([':', '/']).next().unwrap();
    let permission = json!({ "StatementId": format!("{}-{of}", service.replace('.', "-")), "Action": "lambda:InvokeFunction",
        "Principal": service, "SourceArn": source });
    let path = format!("/2015-03-31/functions/{name}/policy");
    aws.rest("lambda", "POST", &path, &permission).await;
}
