//! `ace plan`: what a rollout will do, and what it will notice.

use analysis::{Policy, TooLittleTraffic};
use console::Style;
use foresight::{Case, Figures, FiguresEffort, StepFigures, Traffic, figures};
use rollout::Strategy;
use serde_json::json;

use super::table::table;
use super::{Subject, grouped, percent, subject};
use super::{cost, gates};
use crate::Ending;
use crate::arguments::{Output, PlanCommand};
use crate::error::AceError;

pub(crate) async fn plan(arguments: &PlanCommand) -> Result<Ending, AceError> {
    let subject = subject(&arguments.foresee)?;
    let traffic = match (arguments.requests_per_minute, arguments.error_rate) {
        (Some(requests), Some(rate)) => {
            Some(Traffic::new(requests, rate)?.with_history(arguments.history_minutes))
        }
        _ => None,
    };
    let gates = gates::find(arguments).await?;
    let bakes: Vec<u32> = subject.plan.steps().iter().map(|step| step.minutes).collect();
    let cost = cost::cost(&bakes, subject.further);
    let effort = FiguresEffort { seed: arguments.seed, ..FiguresEffort::default() };
    let found = traffic.map(|traffic| figures(&subject.plan, traffic, &subject.policy, effort));
    if arguments.foresee.output.output == Output::Json {
        let Subject { strategy, plan, policy, guardrails, .. } = &subject;
        let service = &arguments.foresee.service;
        let environment = &arguments.foresee.environment;
        println!(
            "{}",
            json!({
                "kind": "plan", "environment": environment, "service": service, "strategy": strategy,
                "plan": plan, "policy": policy, "guardrails": guardrails, "figures": found,
                "version": arguments.version, "gates": known(gates.as_ref()), "cost": cost,
            })
        );
        return Ok(Ending::Good);
    }
    print!("{}", head(&subject, arguments));
    match &found {
        Some(figures) => print!("{}", told(figures, &subject.policy)),
        None => print!("{}", steps(&subject)),
    }
    if let Some(gates) = &gates {
        print!("{}", gates::told(gates));
    }
    if let Some(cost) = &cost {
        print!("{}", cost::told(cost));
    }
    if found.is_none() {
        println!("\nWith --requests-per-minute N and --error-rate R this tells what the plan will notice.");
    }
    Ok(Ending::Good)
}

/// The gates for programs: a list, or why they are not known; null where no version was named.
fn known(gates: Option<&gates::Found>) -> serde_json::Value {
    match gates {
        None => serde_json::Value::Null,
        Some(gates::Found::Known(gates)) => json!(gates),
        Some(gates::Found::Unknown(error)) => json!({ "unknown": error.to_string() }),
    }
}

fn head(subject: &Subject, arguments: &PlanCommand) -> String {
    let Subject { plan, policy, guardrails, .. } = subject;
    let strategy = match subject.strategy {
        Strategy::Canary => "canary",
        Strategy::BlueGreen => "blue-green",
    };
    let latency = policy
        .latency_objective_ms
        .map_or(String::new(), |objective| format!(", requests over {objective} ms compared as well"));
    let missing = match policy.too_little_traffic {
        TooLittleTraffic::Extend => format!("waits up to {} min for them, then rolls back", plan.patience()),
        TooLittleTraffic::Ask => "asks a person without them".to_owned(),
        TooLittleTraffic::RollBack => "rolls back without them".to_owned(),
    };
    format!(
        "{} in {}: {strategy}, {} minutes\n\
         judge       {} of equal versions may be rolled back, margin {}x{latency}\n\
         a step      passes with {} requests to the canary and {} closed minutes, {missing}\n\
         guardrails  {}\n\n",
        Style::new().bold().apply_to(&arguments.foresee.service),
        arguments.foresee.environment,
        plan.minutes(),
        percent(policy.false_rollback_budget.get()),
        policy.margin,
        grouped(crate::foresee::count(policy.minimum_requests)),
        policy.minimum_minutes,
        if guardrails.is_empty() { "none".to_owned() } else { guardrails.join(", ") },
    )
}

fn steps(subject: &Subject) -> String {
    let mut rows = vec![["step", "weight", "bake", "from minute"].map(str::to_owned).to_vec()];
    let mut from = 0;
    for (number, step) in (1..).zip(subject.plan.steps()) {
        rows.push(vec![
            format!("{number}"),
            format!("{} %", step.weight),
            format!("{} min", step.minutes),
            format!("{from}"),
        ]);
        from += step.minutes;
    }
    table(&rows)
}

fn told(figures: &Figures, policy: &Policy) -> String {
    let traffic = figures.traffic;
    let heading = ["step", "weight", "bake", "from minute", "canary requests", "finds 9 of 10 from"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut from = 0;
    for (number, of) in (1..).zip(&figures.steps) {
        rows.push(vec![
            format!("{number}"),
            format!("{} %", of.step.weight),
            format!("{} min", of.step.minutes),
            format!("{from}"),
            grouped(of.canary_requests),
            ratio(of.smallest_ratio),
        ]);
        from += of.step.minutes;
    }
    let mut parts = vec![table(&rows)];
    let waits = (1..).zip(&figures.steps).filter_map(|(number, of)| wait(number, of, policy));
    parts.extend(waits);
    parts.push(format!(
        "\nAt {} requests a minute, {} of which fail, played with the judge itself:\n",
        grouped(traffic.requests_per_minute()),
        percent(traffic.error_rate().get()),
    ));
    parts.push(cases(&figures.cases));
    parts.push(format!(
        "\nAn equal version is rolled back in {} of rollouts. ",
        percent(figures.false_rollbacks)
    ));
    parts.push(match figures.smallest_ratio {
        Some(least) => format!("Nine of ten are found from {least:.1} times the usual error rate on.\n"),
        None => "Not even a version that fails every request is surely found: this plan can see nothing.\n"
            .to_owned(),
    });
    for advice in &figures.advice {
        parts.push(format!("  {advice}\n"));
    }
    parts.concat()
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or("nothing".to_owned(), |ratio| format!("{ratio:.1}x"))
}

fn wait(number: u32, of: &StepFigures, policy: &Policy) -> Option<String> {
    let waits = of.waits_minutes?;
    let ends = if of.starved { ", and it does not pass" } else { "" };
    Some(format!(
        "step {number} needs {} minutes for {} requests to the canary{ends}\n",
        grouped(waits),
        policy.minimum_requests,
    ))
}

fn cases(cases: &[Case]) -> String {
    let heading = ["version", "found", "minutes", "9 of 10 by", "bad requests in an hour"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let minutes = |minutes: Option<u32>| minutes.map_or("-".to_owned(), |minutes| minutes.to_string());
    rows.extend(cases.iter().map(|case| {
        vec![
            case.badness.to_string(),
            percent(case.found),
            minutes(case.minutes_median),
            minutes(case.minutes_p90),
            grouped(case.bad_requests),
        ]
    }));
    table(&rows)
}
