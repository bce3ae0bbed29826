//! `ace alerts explain`: why each rule holds of what is known now, or does not.

use alerting::condition::Truth;
use alerting::{Progress, RuleName, Subject, Watch};
use clap::Args;
use console::Style;
use rollout::EnvironmentName;
use serde_json::json;

use super::DeskError;
use super::find::{Known, known};
use super::rules::{across, judged};
use super::shown::{names, print};
use crate::Ending;
use crate::arguments::{Output, OutputArgument};
use crate::backend::{Glance, Sighted, Where, ready};
use crate::error::AceError;
use crate::words::instant;

/// Why a rule holds, or does not.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An environment, a service of this one, or environment/service [default: all of which something is known]
    subject: Option<String>,
    /// Only this rule.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

pub(super) async fn explain(arguments: &Explain) -> Result<Ending, AceError> {
    let environment = &arguments.place.environment;
    let backend = ready(&arguments.place).await?;
    let known = known(&*backend, environment).await?;
    let only = arguments.rule.as_deref().map(|name| rule(&known, environment, name)).transpose()?;
    let named = arguments.subject.as_deref().map(|text| subject(&known, environment, text)).transpose()?;
    let mut subjects = named.clone().map_or_else(|| known.subjects(environment), |named| vec![named]);
    if named.is_none() {
        // What else there is an alert of.
        let open = backend.alerts(&Glance::default()).await?;
        let alerts = open.groups.iter().flat_map(|sight| sight.group.alerts());
        subjects.extend(alerts.filter_map(|alert| alert.key.subject.clone()));
        subjects.sort();
        subjects.dedup();
    }
    let glance = Glance { subjects, rules: across(&known.policy), groups: Vec::new() };
    let mut sighted = backend.alerts(&glance).await?;
    if let Some(named) = named.filter(|_| sighted.watches.is_empty()) {
        sighted.watches.push(Watch::new(named));
    }
    let output = arguments.output.output;
    let details = only.is_some() || arguments.subject.is_some();
    let heard = sighted.watches.iter().any(|watch| watch.version > 0);
    show(&sighted, &known, only.as_ref(), details, output);
    if sighted.watches.is_empty() && output == Output::Human {
        println!("nothing was heard yet that alerts of {environment} could be about");
    }
    Ok(if heard { Ending::Good } else { Ending::Unknown })
}

fn show(sighted: &Sighted, known: &Known, only: Option<&RuleName>, details: bool, output: Output) {
    for watch in &sighted.watches {
        let judged = judged(&known.policy, watch, &sighted.across, only, sighted.now);
        if output == Output::Json {
            let touched = (watch.version > 0).then_some(watch.touched);
            let head = json!({ "kind": "subject", "subject": watch.subject.to_string(), "heard": touched });
            println!("{head}");
            let entries: Vec<String> = judged.iter().map(|judged| judged.entry().to_string()).collect();
            print(&entries, 0);
            continue;
        }
        let heard = match watch.version {
            0 => "nothing was heard of it".to_owned(),
            _ => format!("heard of at {}", instant(watch.touched)),
        };
        let heard = Style::new().dim().apply_to(heard);
        println!("{} {heard}", Style::new().bold().apply_to(&watch.subject));
        if judged.is_empty() {
            println!("  there are no rules under alerts");
        }
        for one in judged {
            // Of everything at once, what does not hold is told in a line.
            let with_why = details || one.truth() == Truth::Holds || one.progress() != Progress::Idle;
            print(&one.lines(with_why, sighted.now), 0);
        }
    }
}

fn rule(known: &Known, environment: &EnvironmentName, name: &str) -> Result<RuleName, DeskError> {
    let rules: Vec<&RuleName> = known.policy.rules.iter().map(|rule| &rule.name).collect();
    let found = rules.iter().find(|rule| rule.as_str() == name);
    found.map(|rule| (*rule).clone()).ok_or_else(|| DeskError::NoRule {
        environment: environment.clone(),
        name: name.to_owned(),
        known: if rules.is_empty() {
            "it has none".to_owned()
        } else {
            format!("its rules are {}", names(&rules))
        },
    })
}

/// A subject as people name it: a service of this environment may be named alone.
fn subject(known: &Known, environment: &EnvironmentName, text: &str) -> Result<Subject, DeskError> {
    let (routed, services) = (&known.policy.environments, known.configuration.services());
    let of_services = text.parse().ok().filter(|name| services.contains_key(name));
    match (text.parse::<Subject>(), of_services) {
        (Ok(subject), _) if routed.contains(&subject.environment) => Ok(subject),
        (_, Some(service)) => Ok(Subject::service(environment.clone(), service)),
        _ => {
            let services: Vec<_> = services.keys().collect();
            let known = [names(routed), names(&services)].into_iter().filter(|names| !names.is_empty());
            let known = known.collect::<Vec<_>>().join(", ");
            Err(DeskError::NoSubject { text: text.to_owned(), environment: environment.clone(), known })
        }
    }
}
