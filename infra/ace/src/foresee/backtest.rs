//! `ace backtest`: what the judge, and others, would have done to a service's past minutes.

use analysis::Rate;
use console::Style;
use foresight::{Backtest, Detection, EFFECTS, Effort, PastMinutes, Row, Rule, RuleKind, peers, plot};
use serde_json::json;

use super::table::table;
use super::{count, grouped, past, percent, policies, subject};
use crate::Ending;
use crate::arguments::{BacktestCommand, Output};
use crate::error::AceError;

pub(crate) async fn backtest(arguments: &BacktestCommand) -> Result<Ending, AceError> {
    let subject = subject(&arguments.foresee)?;
    let mut rules =
        vec![Rule { name: "ace-flow".to_owned(), kind: RuleKind::Policy(subject.policy.clone()) }];
    for path in &arguments.policy {
        rules.push(policies::read(path)?);
    }
    if !arguments.no_peers {
        rules.extend(peers());
    }
    let minutes = past::minutes(arguments, &subject).await?;
    let notes = fit(&mut rules, &minutes);
    let effort = Effort {
        seed: arguments.seed,
        unchanged: arguments.rollouts.into(),
        worse: (arguments.rollouts / 5).max(1).into(),
    };
    let result = foresight::backtest(&minutes, &subject.plan, &rules, effort)?;
    if let Some(path) = &arguments.plot {
        let title = format!("{} in {}", arguments.foresee.service, arguments.foresee.environment);
        std::fs::write(path, plot(&result, &title))
            .map_err(|source| AceError::Unwritable { path: path.display().to_string(), source })?;
    }
    if arguments.foresee.output.output == Output::Json {
        let service = &arguments.foresee.service;
        println!("{}", json!({ "kind": "backtest", "service": service, "notes": notes, "result": result }));
        return Ok(Ending::Good);
    }
    println!("{}", told(&result, arguments));
    for note in notes {
        println!("note: {note}");
    }
    if let Some(path) = &arguments.plot {
        println!("the plot is {}", path.display());
    }
    Ok(Ending::Good)
}

/// Takes out of the policies what was not counted; what that was.
fn fit(rules: &mut [Rule], minutes: &PastMinutes) -> Vec<String> {
    let mut notes = Vec::new();
    for rule in rules {
        let RuleKind::Policy(policy) = &mut rule.kind else { continue };
        if policy.latency_objective_ms.is_some() && !minutes.has_slow() {
            policy.latency_objective_ms = None;
            notes.push(format!(
                "{} is played without its latency objective: slow requests are not counted in every minute (column slow)",
                rule.name
            ));
        }
        if !policy.metrics.is_empty() {
            policy.metrics.clear();
            notes.push(format!(
                "{} is played without its further metrics: past minutes do not have them",
                rule.name
            ));
        }
    }
    if minutes.filled() > 0 {
        let all = minutes.all().len();
        notes
            .push(format!("{} of {all} minutes are missing and count as without requests", minutes.filled()));
    }
    notes
}

fn told(result: &Backtest, arguments: &BacktestCommand) -> String {
    let mut parts = vec![format!(
        "{}, {} to {}: {} minutes, {} requests, {} errors ({})\n",
        Style::new().bold().apply_to(&arguments.foresee.service),
        result.from.strftime("%Y-%m-%d %H:%M"),
        result.to.strftime("%Y-%m-%d %H:%M"),
        grouped(count(result.minutes as u64)),
        grouped(count(result.requests)),
        grouped(count(result.errors)),
        percent(count(result.errors) / count(result.requests.max(1))),
    )];
    let runs = result.rows.first().map_or(0, |row| row.false_rollbacks.requests);
    parts.push(format!("\nUnchanged, {runs} rollouts cut out of these minutes:\n"));
    let mut rows = vec![["rule", "rolled back", "95 % sure", "undecided"].map(str::to_owned).to_vec()];
    rows.extend(result.rows.iter().map(unchanged));
    parts.push(table(&rows));
    let worse = arguments.rollouts / 5;
    parts.push(format!(
        "\nWorse from the start, {} rollouts each: found; median and 90 % minutes; bad requests in an hour\n",
        worse.max(1)
    ));
    let mut rows = vec![vec!["rule".to_owned()]];
    if let Some(head) = rows.first_mut() {
        head.extend(EFFECTS.iter().map(ToString::to_string));
    }
    rows.extend(result.rows.iter().map(|row| {
        std::iter::once(row.rule.name.clone()).chain(row.detections.iter().map(detected)).collect()
    }));
    parts.push(table(&rows));
    if let Some(row) = result.rows.first().filter(|row| !row.blames.is_empty()) {
        parts.push(format!("\nWhen {} would have rolled back an unchanged service:\n", row.rule.name));
        for blame in &row.blames {
            parts.push(format!(
                "  {} after {} min: {}\n",
                blame.started.strftime("%Y-%m-%d %H:%M"),
                blame.after_minutes,
                blame.why
            ));
        }
    }
    parts.concat()
}

fn unchanged(row: &Row) -> Vec<String> {
    let Rate { rate, low, high, .. } = row.false_rollbacks;
    vec![
        row.rule.name.clone(),
        percent(rate.get()),
        format!("{}..{}", percent(low.get()), percent(high.get())),
        percent(count(row.undecided) / count(row.false_rollbacks.requests.max(1))),
    ]
}

fn detected(of: &Detection) -> String {
    let minutes = match (of.minutes_median, of.minutes_p90) {
        (Some(median), Some(most)) => format!("{median}/{most}"),
        _ => "-".to_owned(),
    };
    format!("{:.0} % {minutes} {}", of.found * 100.0, grouped(of.bad_requests))
}
