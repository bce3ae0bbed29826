//! Secrets that are planted wherever an environment on AWS has any are nowhere in what the commands and the functions
//! produce: not in their output, their logs at level trace, the table, the messages, the executions' data; and a leak
//! is caught in each of these.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use ::secrets::{SecretName, SecretsManager, Stage, Vault};
use aws_client::SdkConfig;
use rollout::Phase;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::aws::{REGION, element};
use crate::executions::Execution;
use crate::markers::{Markers, Produced};
use crate::stack;
use crate::world::World;

/// The service that is rolled out here.
const SERVICE: &str = "quiet";

/// The functions, as they are called on AWS.
const FUNCTIONS: [&str; 5] = ["start-deploy", "health-check", "promote-step", "rollback", "alert-router"];

struct Bench {
    world: Arc<World>,
    folder: tempfile::TempDir,
    markers: Markers,
    produced: Vec<Produced>,
    variables: Vec<(String, String)>,
}

impl Bench {
    fn new(world: Arc<World>) -> Self {
        let mut markers = world.desk.markers.clone();
        let mut variables: Vec<(String, String)> = world.aws.variables().collect();
        for name in ["AWS_SESSION_TOKEN", "ACE__SECRETS__DATABASE__PASSWORD", "ACE__DATABASE__STORAGE"] {
            variables.push((name.to_owned(), markers.plant(&format!("variable {name}"))));
        }
        // An emulator of this machine takes every signature.
        if crate::aws::given_endpoint().is_none() {
            variables
                .push(("AWS_SECRET_ACCESS_KEY".to_owned(), markers.plant("variable AWS_SECRET_ACCESS_KEY")));
        }
        for level in ["RUST_LOG", "LOG_LEVEL"] {
            variables.push((level.to_owned(), "trace".to_owned()));
        }
        let folder = tempfile::tempdir().unwrap();
        Self { world, folder, markers, produced: Vec::new(), variables }
    }

    async fn ace(&mut self, arguments: &[&str], input: &str) -> Option<i32> {
        let mut child = tokio::process::Command::new(stack::built("ace"))
            .args(arguments)
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()).await);
        let output = child.wait_with_output().await.unwrap();
        let name = arguments[..2].join(" ");
        self.produced.push((format!("standard output of {name}"), output.stdout));
        self.produced.push((format!("standard error of {name}"), output.stderr));
        output.status.code()
    }

    fn last(&self) -> String {
        let last = self.produced.iter().rev().take(2);
        let told = last.map(|(source, bytes)| format!("{source}: {}", String::from_utf8_lossy(bytes)));
        told.collect::<Vec<_>>().join("\n")
    }

    /// What lies on this machine's disk besides the environments' own files.
    fn state(&mut self) {
        for entry in std::fs::read_dir(self.folder.path().join(".ace-flow/state")).unwrap() {
            let path = entry.unwrap().path();
            self.produced.push((format!("file {}", path.display()), std::fs::read(&path).unwrap()));
        }
    }
}

/// A queue that hears a topic.
async fn listener(world: &World, topic: &str, name: &str) -> String {
    let created = world.aws.json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": name })).await;
    let url = created["QueueUrl"].as_str().unwrap().to_owned();
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
    let attributes = world.aws.json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await;
    let arn = attributes["Attributes"]["QueueArn"].as_str().unwrap();
    let fields = [("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", arn)];
    world.aws.query("sns", "2010-03-31", "Subscribe", &fields).await;
    url
}

async fn messages(world: &World, queue: &str) -> Produced {
    let asked = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 });
    let mut all = Vec::new();
    loop {
        let received = world.aws.json("sqs", "AmazonSQS.ReceiveMessage", &asked).await;
        match received["Messages"].as_array() {
            Some(messages) if !messages.is_empty() => all.extend(received.to_string().into_bytes()),
            _ => return ("messages".to_owned(), all),
        }
    }
}

async fn items(world: &World) -> Produced {
    let mut asked = json!({ "TableName": world.stack.table, "ConsistentRead": true });
    let mut all = Vec::new();
    loop {
        let page = world.aws.json("dynamodb", "DynamoDB_20120810.Scan", &asked).await;
        all.extend(page["Items"].to_string().into_bytes());
        match page.get("LastEvaluatedKey") {
            Some(key) if key.is_object() => asked["ExclusiveStartKey"] = key.clone(),
            _ => return ("items".to_owned(), all),
        }
    }
}

/// The logs of the stack's functions.
async fn logs(world: &World) -> Vec<Produced> {
    let prefix = format!("/aws/lambda/ace-flow-{}-", world.stack.environment);
    let asked = json!({ "logGroupNamePrefix": prefix });
    let groups = world.aws.json("logs", "Logs_20140328.DescribeLogGroups", &asked).await;
    let mut produced = Vec::new();
    for group in groups["logGroups"].as_array().unwrap() {
        let name = group["logGroupName"].as_str().unwrap();
        let mut asked = json!({ "logGroupName": name, "limit": 10000 });
        let mut all = Vec::new();
        loop {
            let page = world.aws.json("logs", "Logs_20140328.FilterLogEvents", &asked).await;
            all.extend(page["events"].to_string().into_bytes());
            match page.get("nextToken") {
                Some(token) if token.is_string() => asked["nextToken"] = token.clone(),
                _ => break,
            }
        }
        produced.push((format!("logs {name}"), all));
    }
    produced
}

/// The logs of one function, as text.
pub async fn logs_of(world: &World, function: &str) -> String {
    let logs = logs(world).await;
    let ours = logs.iter().find(|(source, _)| source.ends_with(&format!("-{function}")));
    ours.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// What the commands on an environment's secrets print, and what they leave.
async fn commands(bench: &mut Bench, environment: &str) {
    let values: Vec<String> =
        ["set", "rotated", "that does not work", "of another environment", "in an argument"]
            .iter()
            .map(|what| bench.markers.plant(&format!("a value {what}")))
            .collect();
    let other = format!("{environment}-other");
    let at = ["--environment", environment];
    let key = "database.password";
    let own = format!("{key}={}", values[4]);
    let commands: Vec<(Vec<&str>, &str, i32)> = vec![
        (vec!["secrets", "set", key], &values[0], 0),
        (vec!["secrets", "get"], "", 0),
        (vec!["secrets", "get", "--output", "json"], "", 0),
        (vec!["secrets", "set", "database"], &values[1], 1),
        (vec!["secrets", "rotate", key, "--stdin", "--verify", "cat; cat >&2"], &values[1], 0),
        (vec!["secrets", "rotate", key, "--stdin", "--verify", "cat >&2; false"], &values[2], 1),
        (vec!["secrets", "rotate", key], "", 0),
        (vec!["secrets", "rotate", key, "--rollback"], "", 0),
        (vec!["secrets", "get", "--stage", "previous"], "", 0),
        (vec!["secrets", "set", key, &values[4]], "", 1),
        (vec!["secrets", "set", &own], "", 1),
        (vec!["secrets", "diff"], "", 0),
    ];
    for (arguments, input, code) in commands {
        let ended = bench.ace(&[&arguments[..], &at].concat(), input).await;
        assert_eq!(ended, Some(code), "{arguments:?}: {}", bench.last());
    }
    let set = ["secrets", "set", "api.key", "--environment", &other];
    assert_eq!(bench.ace(&set, &values[3]).await, Some(0), "{}", bench.last());
    let diff = ["secrets", "diff", "--against", &other, "--output", "json"];
    assert_eq!(bench.ace(&[&diff[..], &at].concat(), "").await, Some(1), "{}", bench.last());

    // It is there, as it was planted.
    let vault = SecretsManager::new(&bench.world.aws.sdk());
    let name = SecretName::of(&environment.parse().unwrap());
    let version = vault.get(&name, Stage::Current).await.unwrap();
    assert_eq!(version.values.get(key).unwrap().expose(), values[1]);
    let shown = format!("{vault:?} {version:?} {version:#?} {:?}", version.values.get(key));
    bench.produced.push(("Debug".to_owned(), shown.into_bytes()));
    let config: SdkConfig = aws_client::from_variables(bench.variables.iter().cloned()).unwrap();
    bench.produced.push(("Debug of the SDK's configuration".to_owned(), format!("{config:?}").into_bytes()));
}

/// A tree with secrets where they may be, and where they may not.
async fn tree(bench: &mut Bench, environment: &str) {
    let folder = bench.folder.path().join(".ace-flow/environments").join(environment);
    std::fs::create_dir_all(&folder).unwrap();
    let config = format!(
        "environment: {{ name: {environment}, region: us-east-1, stage: dev }}\nfeatures: {{ debug_mode: true }}\n"
    );
    std::fs::write(folder.join("config.yml"), config).unwrap();
    let (value, dsn) =
        (bench.markers.plant("a value of secrets.yml"), bench.markers.plant("a DSN of secrets.yml"));
    let text = format!("secrets:\n  a:\n    b: \"{value}\"\n    c: \"postgresql://user:{dsn}@db:5432/x\"\n");
    write(&folder, &text);
    let at = ["--environment", environment];
    assert_eq!(bench.ace(&[&["secrets", "diff"][..], &at].concat(), "").await, Some(1), "{}", bench.last());
    let file = folder.join("secrets.yml").display().to_string();
    let set = ["secrets", "set", "--from-file", &file];
    assert_eq!(bench.ace(&[&set[..], &at].concat(), "").await, Some(0), "{}", bench.last());
    for format in ["human", "json", "github"] {
        let validate = ["validate", "--format", format];
        // A variable is a mistake.
        assert_eq!(bench.ace(&[&validate[..], &at].concat(), "").await, Some(1), "{}", bench.last());
    }
    write(&folder, &text.replace("\"\n", "\n").replace(": \"", ": [\""));
    assert_eq!(bench.ace(&[&["secrets", "diff"][..], &at].concat(), "").await, Some(1), "{}", bench.last());
    assert_eq!(
        bench.ace(&[&["features", "--publish"][..], &at].concat(), "").await,
        Some(1),
        "{}",
        bench.last()
    );
}

fn write(folder: &Path, secrets: &str) {
    std::fs::write(folder.join("secrets.yml"), secrets).unwrap();
}

/// A rollout whose event brings what looks like a task token and a header, and functions that are called with more.
async fn rolled_out(bench: &mut Bench) {
    let world = Arc::clone(&bench.world);
    let topic =
        format!("arn:aws:sns:{REGION}:{}:ace-flow-{}-outcomes", world.aws.account, world.stack.environment);
    let queue = listener(&world, &topic, &format!("redaction-{}", world.run)).await;
    let token = bench.markers.plant("the task token of an event");
    let header = bench.markers.plant("the header of an event");
    let more = json!({ "taskToken": token, "headers": { "Authorization": format!("Bearer {header}") } });
    let id = format!("{}-{SERVICE}", world.run);
    world.put_event_with(&world.pipeline(SERVICE), &id, "SUCCEEDED", 1, &more).await;
    let execution = world.executions(&id, 1).await.remove(0);
    for function in FUNCTIONS {
        let marker = bench.markers.plant(&format!("a token in a call of {function}"));
        let path =
            format!("/2015-03-31/functions/ace-flow-{}-{function}/invocations", world.stack.environment);
        let unknown = json!({ "task_token": marker, "headers": { "Authorization": marker } });
        let answer = world.aws.rest("lambda", "POST", &path, &unknown).await;
        bench.produced.push((format!("the answer of {function}"), answer.to_string().into_bytes()));
    }
    let ended: Execution = world.end_of(&execution).await;
    let rollout = crate::rollouts::the_rollout(&world, SERVICE).await;
    assert!(matches!(rollout.phase, Phase::Promoted { .. }), "{:#?}", rollout.phase);
    // The first state's input is the event, which is AWS's to keep.
    for (state, input) in ended.entered.iter().skip(1) {
        bench.produced.push((format!("the input of state {state}"), input.to_string().into_bytes()));
    }
    bench.produced.push(("the execution's output".to_owned(), ended.output.to_string().into_bytes()));
    world.milestones(SERVICE, 3).await;
    let records = world.store.history(&rollout.id).await.unwrap();
    bench.produced.push(("history".to_owned(), json!(records).to_string().into_bytes()));
    bench
        .produced
        .push(("Debug of the rollout".to_owned(), format!("{rollout:#?}{records:#?}").into_bytes()));
    let messages = messages(&world, &queue).await;
    assert!(!messages.1.is_empty(), "no message came");
    bench.produced.push(messages);
}

/// Not one of the markers is in anything.
pub async fn no_secret_is_in_anything_that_is_produced(world: Arc<World>) {
    let mut bench = Bench::new(Arc::clone(&world));
    commands(&mut bench, &format!("redaction-{}", world.run)).await;
    tree(&mut bench, &format!("tree-{}", world.run)).await;
    rolled_out(&mut bench).await;
    crate::alerts::is_told(&world, SERVICE).await;
    bench.produced.push(("what channels were sent".to_owned(), world.desk.bodies().join("\n").into_bytes()));
    bench.state();
    bench.produced.push(items(&world).await);
    let logs = logs(&world).await;
    for function in FUNCTIONS {
        let ours = logs.iter().find(|(source, _)| source.ends_with(function));
        let text = ours.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        assert!(
            text.contains("rollout.id") || text.contains("level"),
            "{function} has logged nothing: {text}"
        );
    }
    bench.produced.extend(logs);
    bench.markers.assert_absent(&bench.produced);
}

/// The same search finds what is shown, logged, stored or sent.
pub async fn a_leak_is_caught_wherever_it_is(world: Arc<World>) {
    let mut bench = Bench::new(Arc::clone(&world));
    let environment = format!("leaking-{}", world.run);
    let at = ["--environment", environment.as_str()];
    let shown = bench.markers.plant("what is shown");
    assert_eq!(bench.ace(&[&["secrets", "set", "a.b"][..], &at].concat(), &shown).await, Some(0));
    assert_eq!(bench.ace(&[&["secrets", "get", "a.b", "--reveal"][..], &at].concat(), "").await, Some(0));

    let logged = bench.markers.plant("what is logged");
    let group = format!("/aws/lambda/ace-flow-{}-leaking", world.stack.environment);
    let stream = json!({ "logGroupName": group, "logStreamName": "one" });
    world.aws.json("logs", "Logs_20140328.CreateLogGroup", &json!({ "logGroupName": group })).await;
    world.aws.json("logs", "Logs_20140328.CreateLogStream", &stream).await;
    let now = jiff::Timestamp::now().as_millisecond();
    let events = json!([{ "timestamp": now, "message": format!("request: Authorization: {logged}") }]);
    let put = json!({ "logGroupName": group, "logStreamName": "one", "logEvents": events });
    world.aws.json("logs", "Logs_20140328.PutLogEvents", &put).await;

    let stored = bench.markers.plant("what is stored");
    let item = json!({ "pk": { "S": format!("LEAK#{}", world.run) }, "sk": { "S": "ONE" }, "text": { "S": stored } });
    let put = json!({ "TableName": world.stack.table, "Item": item });
    world.aws.json("dynamodb", "DynamoDB_20120810.PutItem", &put).await;

    let sent = bench.markers.plant("what is sent");
    let name = format!("leaking-{}", world.run);
    let topic =
        element(&world.aws.query("sns", "2010-03-31", "CreateTopic", &[("Name", &name)]).await, "TopicArn");
    let queue = listener(&world, &topic, &name).await;
    world.aws.query("sns", "2010-03-31", "Publish", &[("TopicArn", &topic), ("Message", &sent)]).await;

    bench.produced.push(items(&world).await);
    bench.produced.extend(logs(&world).await);
    bench.produced.push(messages(&world, &queue).await);
    let found = bench.markers.found(&bench.produced);
    for (place, source) in [
        ("what is shown", "standard output of secrets get"),
        ("what is logged", "logs /aws/lambda/"),
        ("what is stored", "items"),
        ("what is sent", "messages"),
    ] {
        let caught = |leak: &String| leak.starts_with(place) && leak.contains(source);
        assert!(found.iter().any(caught), "{place} is not found in {source}: {found:#?}");
    }
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        bench.markers.assert_absent(&bench.produced);
    }));
    assert!(refused.is_err());
}
