//! `ace alerts check`: what is configured, as it is meant.

use std::path::PathBuf;

use alerting::{Condition, Policy, Rule, Vocabulary};
use clap::{Args, ValueEnum};
use console::Style;
use environments::tree::{Chosen, Refused, Resolved, Sources, Strictness};
use rollout::EnvironmentName;
use serde_json::{Value, json};

use super::DeskError;
use super::shown::{names, print, span};
use crate::arguments::{Format, Output, OutputArgument};
use crate::error::AceError;
use crate::{Ending, checked, folders, mistakes};

/// Rules, channels, titles; or one condition.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only this environment; with --condition, the one whose metrics it may compare.
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Check this condition instead of the files.
    #[arg(long, value_name = "TEXT")]
    condition: Option<String>,
    /// What the condition is for.
    #[arg(long, value_enum, default_value_t, requires = "condition")]
    of: Of,
    /// The folder of the environments.
    #[arg(long, default_value = folders::ENVIRONMENTS, value_name = "FOLDER")]
    tree: PathBuf,
    #[command(flatten)]
    output: OutputArgument,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Of {
    /// A rule: what is known of an environment or a service.
    #[default]
    Rule,
    /// A silence, a mute, an inhibition: environment, service, rule and severity of an alert.
    Silence,
}

pub(super) fn check(arguments: &Check) -> Result<Ending, AceError> {
    match &arguments.condition {
        Some(text) => condition(text, arguments),
        None => files(arguments),
    }
}

fn condition(text: &str, arguments: &Check) -> Result<Ending, AceError> {
    let vocabulary = match (arguments.of, &arguments.environment) {
        (Of::Silence, _) => Vocabulary::labels(),
        (Of::Rule, None) => Vocabulary::signals(&[]),
        (Of::Rule, Some(environment)) => {
            let (asked, others) = folders::one(&arguments.tree, environment.as_str())?;
            let Chosen { environment: resolved, .. } =
                checked::among(&asked, &others, Strictness::Lenient).map_err(|refused| told(&refused))?;
            Vocabulary::signals(&resolved.rollouts.alerts(environment).metrics)
        }
    };
    let json = arguments.output.output == Output::Json;
    match Condition::parse(text, &vocabulary) {
        Ok(condition) => {
            let fields = condition.fields();
            if json {
                println!(
                    "{}",
                    json!({
                        "kind": "condition", "condition": condition.to_string(), "fields": fields,
                        "for_seconds": condition.lasting(), "clear_after_seconds": condition.clear_after(),
                    })
                );
            } else {
                println!("{} {condition}", Style::new().green().apply_to("✓"));
                println!("  looks at {}", fields.into_iter().collect::<Vec<_>>().join(", "));
            }
            Ok(Ending::Good)
        }
        Err(error) => {
            if json {
                println!(
                    "{}",
                    json!({
                        "kind": "mistake", "column": error.column(), "length": error.length(), "message": error.found(),
                        "remedy": error.remedy(), "suggestion": error.suggestion(), "expected": error.expected(),
                    })
                );
            }
            Err(DeskError::condition(&error).into())
        }
    }
}

/// What is wrong with an environment whose metrics were asked for.
fn told(refused: &Refused) -> AceError {
    mistakes::warn(&refused.mistakes);
    AceError::Invalid { errors: mistakes::errors(&refused.mistakes) }
}

fn files(arguments: &Check) -> Result<Ending, AceError> {
    let output = arguments.output.output;
    let mut errors = 0;
    for (asked, others) in asked(arguments)? {
        let (found, wrong) = match checked::among(&asked, &others, Strictness::Lenient) {
            Ok(Chosen { environment, warnings }) => (Some(environment), warnings),
            Err(Refused { mistakes }) => (None, mistakes),
        };
        errors += mistakes::errors(&wrong);
        if output == Output::Human {
            mistakes::print(&wrong, Format::Human);
        }
        for mistake in wrong.iter().filter(|_| output == Output::Json) {
            let mut line = mistakes::line(mistake);
            if let Some(line) = line.as_object_mut() {
                line.insert("kind".to_owned(), json!("mistake"));
            }
            println!("{line}");
        }
        let known = found.and_then(|found| Some((asked.name.parse::<EnvironmentName>().ok()?, found)));
        if let Some((environment, resolved)) = known {
            show(&environment, &resolved, output);
        }
    }
    if errors > 0 { Err(AceError::Invalid { errors }) } else { Ok(Ending::Good) }
}

/// The environments that are asked for, each among the others.
fn asked(arguments: &Check) -> Result<Vec<(Sources, Vec<Sources>)>, AceError> {
    if let Some(environment) = &arguments.environment {
        return Ok(vec![folders::one(&arguments.tree, environment.as_str())?]);
    }
    let all = folders::all(&arguments.tree)?;
    let others = |name: &str| all.iter().filter(|other| other.name != name).cloned().collect();
    Ok(all.iter().map(|asked| (asked.clone(), others(&asked.name))).collect())
}

fn show(environment: &EnvironmentName, resolved: &Resolved, output: Output) {
    let policy = resolved.rollouts.alerts(environment);
    if output == Output::Json {
        policy.rules.iter().for_each(|rule| println!("{}", entry(environment, &policy, rule)));
        return;
    }
    if policy.rules.is_empty() {
        println!("{environment} has no rules under alerts: nobody is told of anything\n");
        return;
    }
    println!("{environment} routes the signals of {}", names(&policy.environments));
    for rule in &policy.rules {
        print(&lines(&policy, rule), 2);
    }
    for (name, channel) in resolved.rollouts.notifications() {
        let pages = if channel.pages { ", pages" } else { "" };
        let secret = channel.secret().map(|(_, key)| format!(", secret {key}")).unwrap_or_default();
        let fallback = channel.fallback.as_ref().or(policy.fallback.as_ref());
        let fallback = fallback.filter(|other| *other != name);
        let fallback = fallback.map(|other| format!(", or else {other}")).unwrap_or_default();
        println!("  channel {name}: {}{pages}{secret}{fallback}", channel.kind().name());
    }
    println!();
}

/// Where a rule may hold.
fn environments(policy: &Policy, rule: &Rule) -> Vec<EnvironmentName> {
    let may = |environment: &&EnvironmentName| rule.condition.may_hold_in(environment);
    policy.environments.iter().filter(may).cloned().collect()
}

fn lines(policy: &Policy, rule: &Rule) -> Vec<String> {
    let (bold, dim) = (Style::new().bold(), Style::new().dim());
    let wait = policy.wait(rule.severity, Some(rule));
    let mut times = vec![if wait.0 == 0 { "at once".to_owned() } else { format!("after {}", span(wait)) }];
    times.push(format!("again every {}", span(rule.repeat.unwrap_or(policy.grouping.repeat))));
    for escalation in &rule.escalations {
        let (after, channels) = (span(escalation.after), names(&escalation.channels));
        times.push(format!("{channels} if nobody acknowledges it for {after}"));
    }
    if !rule.tells_end {
        times.push("its end is not told".to_owned());
    }
    let about = environments(policy, rule);
    let about = match (about.is_empty(), rule.condition.is_across()) {
        (true, _) => "about nothing that is routed here".to_owned(),
        (false, true) => format!("counts {}", names(&about)),
        (false, false) => format!("about {}", names(&about)),
    };
    let severity = rule.severity.as_str().to_uppercase();
    let mut lines = vec![
        format!(
            "{} {severity} {} → {}",
            bold.apply_to(&rule.name),
            dim.apply_to(about),
            names(&rule.channels)
        ),
        format!("  {}", rule.condition),
        format!("  {}", dim.apply_to(times.join("; "))),
    ];
    lines.extend(rule.title.as_ref().map(|title| format!("  {}", dim.apply_to(format!("called {title}")))));
    lines
}

fn entry(environment: &EnvironmentName, policy: &Policy, rule: &Rule) -> Value {
    let escalations = rule.escalations.iter();
    let escalations = escalations.map(|one| json!({ "after_seconds": one.after, "channels": one.channels }));
    json!({
        "kind": "rule", "environment": environment, "rule": rule.name, "condition": rule.condition.to_string(),
        "severity": rule.severity, "channels": rule.channels, "environments": environments(policy, rule),
        "across": rule.condition.is_across(), "for_seconds": rule.condition.lasting(),
        "clear_after_seconds": rule.condition.clear_after(), "wait_seconds": policy.wait(rule.severity, Some(rule)),
        "repeat_seconds": rule.repeat.unwrap_or(policy.grouping.repeat), "escalations": escalations.collect::<Vec<_>>(),
        "tells_end": rule.tells_end, "title": rule.title, "runbook": rule.runbook,
    })
}
