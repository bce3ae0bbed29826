//! `infra/pipeline`: what starts which environment's rollout, what each may, and what is told of the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use e2e::files;
use serde_json::{Value, json};

const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&files::text(path)).unwrap()
}

fn workflow() -> Value {
    yaml("infra/pipeline/github/multi-environment.yml")
}

fn template() -> Value {
    yaml("infra/pipeline/codepipeline.yaml")
}

fn text<'a>(value: &'a Value, what: &str) -> &'a str {
    value.as_str().unwrap_or_else(|| panic!("{what} is not a text: {value}"))
}

/// Whether a job's condition holds, for the conditions that the workflow has.
fn holds(condition: &str, event: &str, reference: &str) -> bool {
    let value = |name: &str| match name {
        "github.event_name" => event.to_owned(),
        "github.ref" => reference.to_owned(),
        other => panic!("{other} is not known to this test"),
    };
    condition.split(" && ").all(|part| {
        if part == "always()" {
            return true;
        }
        if let Some(arguments) = part.strip_prefix("startsWith(").and_then(|rest| rest.strip_suffix(')')) {
            let (name, prefix) = arguments.split_once(", ").unwrap();
            return value(name).starts_with(prefix.trim_matches('\''));
        }
        let (name, wanted) =
            part.split_once(" == ").unwrap_or_else(|| panic!("{part} is not known to this test"));
        value(name) == wanted.trim_matches('\'')
    })
}

/// The environments that a push deploys to.
fn deployed(event: &str, reference: &str) -> Vec<String> {
    let workflow = workflow();
    let jobs = workflow["jobs"].as_object().unwrap().values();
    jobs.filter(|job| job.get("environment").is_some())
        .filter(|job| holds(text(&job["if"], "if"), event, reference))
        .map(|job| text(&job["environment"], "environment").to_owned())
        .collect()
}

#[test]
fn branches_and_tags_lead_to_their_environments() {
    let on = &workflow()["on"];
    assert_eq!(on["push"], json!({ "branches": ["main", "develop"], "tags": ["v*"] }));
    assert_eq!(on["pull_request"], json!({ "branches": ["main"] }));
    assert_eq!(on.as_object().unwrap().len(), 2, "nothing else starts it");
    assert_eq!(deployed("push", "refs/heads/develop"), ["development"]);
    assert_eq!(deployed("push", "refs/heads/main"), ["staging"]);
    assert_eq!(deployed("push", "refs/tags/v1.2.3"), ["production"]);
    assert!(deployed("pull_request", "refs/heads/main").is_empty());
    assert!(deployed("pull_request", "refs/pull/7/merge").is_empty());
}

/// A job that needs one which is skipped is skipped too: no job may need another environment's.
#[test]
fn a_deployment_comes_after_the_tests_and_needs_nothing_that_its_event_skips() {
    let workflow = workflow();
    let jobs = workflow["jobs"].as_object().unwrap();
    for (event, reference) in
        [("push", "refs/heads/develop"), ("push", "refs/heads/main"), ("push", "refs/tags/v1")]
    {
        let runs = |job: &Value| {
            job.get("if").is_none_or(|condition| holds(text(condition, "if"), event, reference))
        };
        for (name, job) in jobs.iter().filter(|(_, job)| job.get("environment").is_some() && runs(job)) {
            let needs: Vec<&str> =
                job["needs"].as_array().unwrap().iter().map(|one| text(one, "needs")).collect();
            assert!(needs.contains(&"test"), "{name}");
            assert!(needs.iter().all(|needed| runs(&jobs[*needed])), "{name} needs {needs:?}");
        }
    }
}

#[test]
fn only_deployments_may_ask_for_credentials_and_each_for_its_own() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"], json!({ "contents": "read" }));
    let whole = files::text("infra/pipeline/github/multi-environment.yml");
    assert!(
        !whole.contains("aws-access-key-id:") && !whole.contains("aws-secret-access-key:"),
        "there are no keys"
    );
    let mut groups = BTreeSet::new();
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        let Some(environment) = job.get("environment") else {
            assert!(job["permissions"].get("id-token").is_none(), "{name}");
            continue;
        };
        assert_eq!(job["permissions"], json!({ "contents": "read", "id-token": "write" }), "{name}");
        assert_eq!(job["concurrency"]["cancel-in-progress"], false, "{name}");
        assert_eq!(job["env"]["ACE_ENVIRONMENT"], *environment, "{name}");
        groups.insert(text(&job["concurrency"]["group"], "group").to_owned());
        let credentials = step(job, "Configure AWS credentials");
        assert_eq!(credentials["with"]["role-to-assume"], "${{ vars.AWS_ROLE }}", "{name}");
        let lasts = credentials["with"]["role-duration-seconds"].as_u64().unwrap();
        assert!(lasts > 60 * job["timeout-minutes"].as_u64().unwrap(), "{name} outlives its credentials");
    }
    assert_eq!(groups.len(), ENVIRONMENTS.len(), "{groups:?}");
}

/// Whoever may push somewhere in the repository, or in another one, is not let in: GitHub's environment is.
#[test]
fn the_role_trusts_the_jobs_of_its_environment_alone() {
    let role = yaml("infra/pipeline/github/role.yaml")["Resources"]["Role"]["Properties"].clone();
    let trust = role["AssumeRolePolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!(trust.len(), 1);
    let wanted = json!({ "StringEquals": {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": "repo:${Repository}:environment:${Environment}",
    } });
    assert_eq!(trust[0]["Condition"], wanted);
    assert_eq!(trust[0]["Action"], "sts:AssumeRoleWithWebIdentity");
    let workflow = workflow();
    let jobs = workflow["jobs"].as_object().unwrap().values().filter(|job| job.get("environment").is_some());
    let asked = jobs
        .filter_map(|job| step(job, "Configure AWS credentials")["with"]["role-duration-seconds"].as_u64());
    assert!(asked.max() <= role["MaxSessionDuration"].as_u64(), "STS refuses what is longer");
    assert!(
        text(&role["ManagedPolicyArns"][0], "policy")
            .ends_with(":policy/ace-flow-${Environment}-deploy-${AWS::Region}")
    );
}

fn steps(job: &Value) -> impl Iterator<Item = &Value> {
    job["steps"].as_array().unwrap().iter()
}

fn step<'a>(job: &'a Value, name: &str) -> &'a Value {
    steps(job).find(|step| step["name"] == name).unwrap_or_else(|| panic!("there is no step {name}"))
}

/// A tag of somebody else's repository can be moved, and what is put into a script by the workflow is run by the shell.
#[test]
fn actions_are_pinned_and_scripts_get_their_texts_by_the_environment() {
    let workflow = workflow();
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        for step in steps(job) {
            if let Some(action) = step.get("uses") {
                let (_, commit) = text(action, "uses").split_once('@').unwrap();
                assert!(
                    commit.len() == 40 && commit.chars().all(|one| one.is_ascii_hexdigit()),
                    "{name}: {action}"
                );
            }
            let script = step.get("run").map_or("", |run| text(run, "run"));
            assert!(!script.contains("${{"), "{name}: {script}");
        }
    }
}

/// The commands of an environment's job that call ace.
fn of_the_workflow(environment: &str) -> Vec<String> {
    let workflow = workflow();
    let jobs = workflow["jobs"].as_object().unwrap().values();
    let job = jobs.into_iter().find(|job| job["environment"] == environment).unwrap().clone();
    let scripts = steps(&job).filter_map(|step| step["run"].as_str());
    let calls = scripts.flat_map(str::lines).filter(|line| line.starts_with("ace "));
    calls.map(|line| line.replace(" --format github", "").replace("in run $GITHUB_RUN_ID", "")).collect()
}

/// The commands of an environment's `CodeBuild` project that call ace.
fn of_the_project(environment: &str) -> Vec<String> {
    let path = format!("infra/pipeline/codebuild/deploy-{environment}.yml");
    let phases = yaml(&path)["phases"].clone();
    let mut calls = Vec::new();
    for phase in ["pre_build", "build"] {
        for command in phases[phase]["commands"].as_array().unwrap() {
            let lines = text(command, "command").lines().map(str::trim);
            calls.extend(
                lines
                    .filter(|line| line.starts_with("ace "))
                    .map(|line| line.replace("in $CODEBUILD_BUILD_ID", "")),
            );
        }
    }
    calls
}

#[test]
fn both_pipelines_deploy_as_the_document_does() {
    for environment in ENVIRONMENTS {
        let calls = of_the_workflow(environment);
        assert_eq!(calls, of_the_project(environment));
        let strict = if environment == "production" { " --strict" } else { "" };
        assert_eq!(calls[0], format!("ace validate --environment {environment}{strict}"));
        let way = if environment == "production" { " --strategy blue-green" } else { "" };
        assert_eq!(
            calls[1],
            format!("ace implement --environment {environment}{way} --version \"$ACE_VERSION\" --wait")
        );
        let back = format!("ace rollback --environment {environment} ");
        assert_eq!(calls[2..].iter().filter(|call| call.starts_with(&back)).count(), calls.len() - 2);
        assert_eq!(calls.len(), if environment == "development" { 2 } else { 3 });
    }
    for (environment, tests) in
        [("staging", "npm run test:integration"), ("production", "npm run test:smoke")]
    {
        let jobs = workflow()["jobs"].as_object().unwrap().clone();
        let job = jobs.values().find(|job| job["environment"] == environment).unwrap();
        let at = |wanted: &str| {
            steps(job).position(|step| step["run"].as_str().is_some_and(|run| run.starts_with(wanted)))
        };
        assert!(at("ace validate") < at("ace implement") && at("ace implement") < at(tests), "{environment}");
        assert!(at(tests).is_some() && at(tests) < at("ace rollback"), "{environment}");
        assert!(files::text(&format!("infra/pipeline/codebuild/deploy-{environment}.yml")).contains(tests));
    }
}

/// What the last job sends, by its own script, with a curl that writes its standard input and arguments down.
/// Nothing where there is no bash or jq, which GitHub's machines have.
fn told(results: &Value, reference: &str) -> Option<Value> {
    let has = |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has("jq") || !has("bash") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let curl = folder.path().join("curl");
    let script = "#!/bin/bash\ncat > config\nprintf '%s\\n' \"$@\" > arguments\n";
    std::fs::File::create(&curl).unwrap().write_all(script.as_bytes()).unwrap();
    let mut mode = std::fs::metadata(&curl).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(&curl, mode).unwrap();
    let job = workflow()["jobs"]["notify"].clone();
    let notify = step(&job, "Notify Slack");
    let needs: BTreeMap<&String, Value> = results
        .as_object()
        .unwrap()
        .iter()
        .map(|(job, result)| (job, json!({ "result": result, "outputs": {} })))
        .collect();
    let ended = Command::new("bash")
        // As GitHub runs it.
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", text(&notify["run"], "run")])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()))
        .env("SLACK_WEBHOOK", "https://hooks.slack.invalid/T0/B0/secret")
        .env("NEEDS", serde_json::to_string(&needs).unwrap())
        .env("ENVIRONMENT", "Production")
        .env("RUN", "https://github.invalid/runs/1")
        .env("GITHUB_REF_NAME", reference)
        .env("GITHUB_ACTOR", "ann")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(!read("arguments").contains("secret"), "the webhook is an argument");
    assert_eq!(read("config").trim(), "url = \"https://hooks.slack.invalid/T0/B0/secret\"");
    assert!(read("arguments").lines().any(|line| line == "@message.json"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "the script wrote something else");
    Some(serde_json::from_str(&read("message.json")).unwrap())
}

#[test]
fn slack_is_told_of_success_and_failure_whatever_the_texts_are() {
    let job = workflow()["jobs"]["notify"].clone();
    let needed: BTreeSet<String> =
        job["needs"].as_array().unwrap().iter().map(|one| text(one, "needs").to_owned()).collect();
    let all: BTreeSet<String> =
        workflow()["jobs"].as_object().unwrap().keys().filter(|name| *name != "notify").cloned().collect();
    assert_eq!(needed, all, "every job's end is told");
    assert!(text(&job["if"], "if").starts_with("always()"), "after a failure as well");

    let skipped = ["deploy-dev", "deploy-staging"].map(|name| (name.to_owned(), json!("skipped")));
    let ends = |own: &[(&str, &str)]| {
        let own = own.iter().map(|(job, result)| ((*job).to_owned(), json!(result)));
        Value::Object(skipped.clone().into_iter().chain(own).collect())
    };
    let nasty = "v1\"}$(touch pwned)`touch pwned`<!channel>&";
    let good = ends(&[("test", "success"), ("ace", "success"), ("deploy-production", "success")]);
    let Some(message) = told(&good, nasty) else { return };
    let wanted = "✅ Production deployment completed: v1\"}$(touch pwned)`touch pwned`&lt;!channel&gt;&amp; by ann \
                  https://github.invalid/runs/1";
    assert_eq!(message, json!({ "text": wanted }));

    let bad = ends(&[("test", "success"), ("ace", "success"), ("deploy-production", "failure")]);
    let message = told(&bad, "v1").unwrap();
    let wanted = "❌ Production deployment did not complete (deploy-production: failure): v1 by ann https://github.invalid/runs/1";
    assert_eq!(message, json!({ "text": wanted }));

    let early = ends(&[("test", "failure"), ("ace", "cancelled"), ("deploy-production", "skipped")]);
    let message = told(&early, "v1").unwrap();
    assert!(
        text(&message["text"], "text")
            .starts_with("❌ Production deployment did not complete (ace: cancelled, test: failure)"),
        "{message}"
    );
}

#[test]
fn the_codepipeline_has_the_documents_stages_with_a_person_before_staging_and_production() {
    let template = template();
    let pipeline = &template["Resources"]["Pipeline"]["Properties"];
    assert_eq!(pipeline["PipelineType"], "V2");
    let stages = pipeline["Stages"].as_array().unwrap();
    let shape: Vec<(&str, Vec<(&str, &str)>)> = stages
        .iter()
        .map(|stage| {
            let actions = stage["Actions"].as_array().unwrap();
            let mut order: Vec<&Value> = actions.iter().collect();
            order.sort_by_key(|action| action["RunOrder"].as_u64().unwrap_or(1));
            let named = order.iter().map(|action| {
                (text(&action["Name"], "Name"), text(&action["ActionTypeId"]["Provider"], "Provider"))
            });
            (text(&stage["Name"], "Name"), named.collect())
        })
        .collect();
    let wanted = vec![
        ("Source", vec![("Source", "CodeStarSourceConnection")]),
        ("Build", vec![("Build", "CodeBuild")]),
        ("Deploy-Dev", vec![("Deploy-Development", "CodeBuild")]),
        ("Deploy-Staging", vec![("Approve-Staging", "Manual"), ("Deploy-Staging", "CodeBuild")]),
        ("Deploy-Production", vec![("Approve-Production", "Manual"), ("Deploy-Production", "CodeBuild")]),
    ];
    assert_eq!(shape, wanted);
    for stage in &stages[2..] {
        let deploy = stage["Actions"].as_array().unwrap().last().unwrap();
        let given: Value =
            serde_json::from_str(text(&deploy["Configuration"]["EnvironmentVariables"], "variables"))
                .unwrap();
        assert_eq!(given[0]["name"], "ACE_VERSION");
        assert_eq!(
            given[0]["value"], "#{Source.CommitId}",
            "every environment gets the version that was tried before"
        );
        assert_eq!(deploy["Configuration"]["PrimarySource"], "Source");
    }
}

/// What a role may is its own environment's: its policy is the one that the environment's stack makes.
#[test]
fn a_stage_may_touch_its_own_environment_alone() {
    let template = template();
    let stack: Value = serde_saphyr::from_str(&files::text("infra/template.yaml")).unwrap();
    let made =
        text(&stack["Resources"]["DeployPolicy"]["Properties"]["ManagedPolicyName"], "policy").to_owned();
    for environment in ENVIRONMENTS {
        let mut name = environment.to_owned();
        name[..1].make_ascii_uppercase();
        let project = &template["Resources"][format!("{name}Project")]["Properties"];
        let spec = text(&project["Source"]["BuildSpec"], "BuildSpec");
        assert_eq!(spec, format!("infra/pipeline/codebuild/deploy-{environment}.yml"));
        let variables = project["Environment"]["EnvironmentVariables"].as_array().unwrap();
        assert!(variables.contains(&json!({ "Name": "ACE_ENVIRONMENT", "Value": environment })));
        assert_eq!(project["ServiceRole"], format!("{name}Role.Arn"));
        let role = &template["Resources"][format!("{name}Role")]["Properties"];
        let policies = role["ManagedPolicyArns"].as_array().unwrap();
        let of_the_stack = made.replace("${Environment}", environment);
        assert!(text(&policies[0], "policy").ends_with(&format!(":policy/{of_the_stack}")), "{policies:?}");
        let whole = serde_json::to_string(role).unwrap();
        for other in ENVIRONMENTS.iter().filter(|other| **other != environment) {
            assert!(!whole.contains(other), "{environment} has something of {other}: {whole}");
        }
    }
    let all = files::text("infra/pipeline/codepipeline.yaml");
    assert!(!all.contains("AdministratorAccess") && !all.contains("Action: \"*\""));
}

/// Whoever starts a rollout gives it no orders and moves no traffic. The alarms are those of its own environment's rules.
#[test]
fn a_pipelines_policy_starts_and_follows_and_does_no_more() {
    let stack: Value = serde_saphyr::from_str(&files::text("infra/template.yaml")).unwrap();
    let statements = &stack["Resources"]["DeployPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let mut may = BTreeSet::new();
    // What CloudWatch allows with this resource alone.
    let anywhere = ["cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm"];
    for statement in statements.as_array().unwrap() {
        let actions = &statement["Action"];
        let actions = actions.as_array().cloned().unwrap_or_else(|| vec![actions.clone()]);
        let actions: Vec<String> = actions.iter().map(|action| text(action, "Action").to_owned()).collect();
        if actions.iter().any(|action| !anywhere.contains(&action.as_str())) {
            assert_ne!(statement["Resource"], "*", "{statement}");
        }
        may.extend(actions.iter().cloned());
        if actions.iter().any(|action| action.starts_with("cloudwatch:Put")) {
            let told = &statement["Condition"]["ForAllValues:StringLike"]["cloudwatch:AlarmActions"];
            assert!(
                text(told, "AlarmActions").contains(":sns:"),
                "an alarm stops and starts nothing: {statement}"
            );
        }
        let of_alarms = actions.iter().any(|action| action.starts_with("cloudwatch:"));
        if of_alarms && statement["Resource"] != "*" {
            let own = text(&statement["Resource"], "Resource");
            assert!(own.ends_with(":alarm:ace-flow/${Environment}/*"), "{statement}");
        }
        if actions.iter().any(|action| action == "dynamodb:PutItem") {
            let keys = &statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"];
            assert_eq!(keys, "ENV#${Environment}", "no rollout's own items");
        }
    }
    let wanted = [
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutCompositeAlarm",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "dynamodb:ConditionCheckItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "kms:Decrypt",
        "kms:DescribeKey",
        "lambda:GetFunctionConfiguration",
        "ssm:AddTagsToResource",
        "ssm:GetParameter",
        "ssm:PutParameter",
        "states:DescribeExecution",
        "states:StartExecution",
    ];
    assert_eq!(may, wanted.map(str::to_owned).into());
}
