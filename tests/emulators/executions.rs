//! What Step Functions says about executions.

use serde_json::{Value, json};

use crate::aws::Aws;

/// An execution as it is now.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// RUNNING, SUCCEEDED, FAILED, ...
    pub status: String,
    /// The states entered, with their inputs.
    pub entered: Vec<(String, Value)>,
    /// The errors of its tasks, those that were retried among them.
    pub task_errors: Vec<String>,
    /// What it ended with.
    pub output: Value,
    /// The error it failed with.
    pub error: String,
    /// What the error said.
    pub cause: String,
}

impl Execution {
    /// Reads it.
    pub async fn read(aws: &Aws, arn: &str) -> Self {
        let asked = json!({ "executionArn": arn });
        let described = aws.json("states", "AWSStepFunctions.DescribeExecution", &asked).await;
        let (mut entered, mut task_errors) = (Vec::new(), Vec::new());
        let mut asked = json!({ "executionArn": arn, "maxResults": 1000 });
        loop {
            let page = aws.json("states", "AWSStepFunctions.GetExecutionHistory", &asked).await;
            for event in page["events"].as_array().into_iter().flatten() {
                if let Some(details) = event.get("stateEnteredEventDetails") {
                    entered.push((details["name"].as_str().unwrap().to_owned(), parsed(&details["input"])));
                }
                // Which of the two it is depends on how the function is called.
                let failed = ["taskFailedEventDetails", "lambdaFunctionFailedEventDetails"];
                if let Some(details) = failed.into_iter().find_map(|details| event.get(details)) {
                    task_errors.push(details["error"].as_str().unwrap_or_default().to_owned());
                }
            }
            match page.get("nextToken") {
                Some(token) if token.is_string() => asked["nextToken"] = token.clone(),
                _ => break,
            }
        }
        let text = |name: &str| described[name].as_str().unwrap_or_default().to_owned();
        Self {
            arn: arn.to_owned(),
            status: text("status"),
            entered,
            task_errors,
            output: parsed(&described["output"]),
            error: text("error"),
            cause: text("cause"),
        }
    }

    /// The state it is in, or ended in.
    pub fn state(&self) -> &str {
        self.entered.last().map_or("", |(name, _)| name)
    }

    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        self.status != "RUNNING"
    }
}

/// The executions of a state machine whose input satisfies the condition.
pub async fn with_input(aws: &Aws, machine: &str, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
    let asked = json!({ "stateMachineArn": machine, "maxResults": 1000 });
    let listed = aws.json("states", "AWSStepFunctions.ListExecutions", &asked).await;
    let mut found = Vec::new();
    for execution in listed["executions"].as_array().into_iter().flatten() {
        let arn = execution["executionArn"].as_str().unwrap();
        let asked = json!({ "executionArn": arn });
        let described = aws.json("states", "AWSStepFunctions.DescribeExecution", &asked).await;
        if wanted(&parsed(&described["input"])) {
            found.push(arn.to_owned());
        }
    }
    found
}

fn parsed(text: &Value) -> Value {
    text.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
