//! Where the gates stand that the stored state of an environment decides, and when they will pass.

use jiff::Timestamp;
use rollout::{Barred, Control, Freeze, GateName, Lease, Line, Target, Version};
use serde::Serialize;

use super::table::table;
use crate::arguments::PlanCommand;
use crate::backend::{Backend, BackendError, BackendResult, Where, ready};
use crate::words::instant;

/// A gate as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Gate {
    /// Which.
    pub(crate) gate: GateName,
    /// Whether it lets the rollout through.
    pub(crate) standing: Standing,
}

/// Whether a gate lets a rollout through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// It does.
    Open,
    /// It does not.
    Closed {
        /// Why, and what opens it.
        reason: String,
        /// When it opens by itself, where it does.
        passes: Option<Timestamp>,
    },
}

/// The gates, or why they are not known.
pub(crate) enum Found {
    Known(Vec<Gate>),
    Unknown(BackendError),
}

/// Asks the environment's stack, where a version is named. Where nothing was ever rolled out nothing is in the way.
pub(crate) async fn find(arguments: &PlanCommand) -> Option<Found> {
    let version = arguments.version.as_ref()?;
    let place = Where { environment: arguments.foresee.environment.clone(), at: arguments.at.clone() };
    if place.is_here() && !place.at.store.exists() {
        return Some(Found::Known(stored(version, None, &Control::default(), Timestamp::now())));
    }
    let asked = async {
        let backend = ready(&place).await?;
        ask(&*backend, arguments, version).await
    };
    Some(asked.await.map_or_else(Found::Unknown, Found::Known))
}

async fn ask(backend: &dyn Backend, arguments: &PlanCommand, version: &Version) -> BackendResult<Vec<Gate>> {
    let target = backend.target(&arguments.foresee.service).await?;
    let control = backend.control().await?;
    Ok(stored(version, target.as_ref(), &control, backend.now().await?))
}

/// Where the gates stand by what is stored.
fn stored(version: &Version, target: Option<&Target>, control: &Control, now: Timestamp) -> Vec<Gate> {
    let closed = |reason: String, passes| Standing::Closed { reason, passes };
    let lease = match target.map(|target| &target.lease) {
        Some(Lease::Held { by, .. }) => {
            closed(format!("rollout {by} holds the service: it opens when that one has ended"), None)
        }
        Some(Lease::Free) | None => Standing::Open,
    };
    let line = match &control.line {
        Line::Running => Standing::Open,
        Line::Stopped { by, why, since } => {
            closed(format!("{by} stopped it at {}: {why}; `ace resume-line` opens it", instant(*since)), None)
        }
    };
    let freeze = match &control.freeze {
        Freeze::Until { until, by, why, .. } if control.freeze.holds_at(now) => {
            closed(format!("{by}: {why}; `ace thaw` opens it, --override freeze passes it"), *until)
        }
        Freeze::None | Freeze::Until { .. } => Standing::Open,
    };
    let barred = match target.map(|target| &target.barred) {
        Some(Barred::Version { version: barred, why, .. }) if barred == version => {
            closed(format!("{version} was rolled back before: {why}; `ace unhold` opens it"), None)
        }
        Some(Barred::Version { .. } | Barred::Nothing) | None => Standing::Open,
    };
    let gates = [
        (GateName::Lease, lease),
        (GateName::Line, line),
        (GateName::Freeze, freeze),
        (GateName::Barred, barred),
    ];
    gates.into_iter().map(|(gate, standing)| Gate { gate, standing }).collect()
}

/// The gates for people.
pub(crate) fn told(found: &Found) -> String {
    match found {
        Found::Unknown(error) => {
            use miette::Diagnostic as _;
            let help = error.help().map_or_else(String::new, |help| format!("; {help}"));
            format!("\nGates: not known: {error}{help}\n")
        }
        Found::Known(gates) => {
            let rows: Vec<Vec<String>> =
                gates.iter().map(|gate| vec![gate.gate.to_string(), standing(gate)]).collect();
            // Only the first column is aligned: the second one is text.
            let text =
                table(&rows.iter().map(|row| row.iter().take(1).cloned().collect()).collect::<Vec<_>>());
            let wide = text.lines().map(str::len).max().unwrap_or(0);
            let lines = rows.iter().filter_map(|row| match row.as_slice() {
                [name, standing] => Some(format!("{name:<wide$}  {standing}\n")),
                _ => None,
            });
            let rest: Vec<&str> = GateName::ALL
                .iter()
                .filter(|name| !gates.iter().any(|gate| gate.gate == **name))
                .map(|name| name.as_str())
                .collect();
            format!(
                "\nGates now:\n{}({} are asked when it starts)\n",
                lines.collect::<String>(),
                rest.join(", ")
            )
        }
    }
}

fn standing(gate: &Gate) -> String {
    match &gate.standing {
        Standing::Open => "open".to_owned(),
        Standing::Closed { reason, passes: None } => format!("closed: {reason}"),
        Standing::Closed { reason, passes: Some(at) } => format!("closed until {}: {reason}", instant(*at)),
    }
}

#[cfg(test)]
mod tests {
    use rollout::Epoch;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    fn closed(gates: &[Gate]) -> Vec<(GateName, Option<Timestamp>)> {
        let of = |gate: &Gate| match &gate.standing {
            Standing::Open => None,
            Standing::Closed { passes, .. } => Some((gate.gate, *passes)),
        };
        gates.iter().filter_map(of).collect()
    }

    #[test]
    fn what_is_stored_closes_its_gate_and_no_other() {
        let (version, other): (Version, Version) = ("v2".parse().unwrap(), "v3".parse().unwrap());
        let target = Target::untouched("staging".parse().unwrap(), "checkout".parse().unwrap());
        let control = Control::default();
        assert_eq!(closed(&stored(&version, None, &control, at(0))), []);
        assert_eq!(closed(&stored(&version, Some(&target), &control, at(0))), []);

        let held = Lease::Held { by: "checkout-1".parse().unwrap(), until: at(60) };
        let held = Target { lease: held, epoch: Epoch(1), ..target.clone() };
        assert_eq!(closed(&stored(&version, Some(&held), &control, at(0))), [(GateName::Lease, None)]);

        let barred = Barred::Version { version: version.clone(), since: at(0), why: "errors".to_owned() };
        let barred = Target { barred, ..target };
        assert_eq!(closed(&stored(&version, Some(&barred), &control, at(0))), [(GateName::Barred, None)]);
        assert_eq!(closed(&stored(&other, Some(&barred), &control, at(0))), []);

        let stopped = control.stopped("ann".to_owned(), "incident".to_owned(), at(0));
        assert_eq!(closed(&stored(&version, None, &stopped, at(0))), [(GateName::Line, None)]);

        let frozen = control.frozen(Some(at(60)), "ann".to_owned(), "sale".to_owned(), at(0));
        assert_eq!(closed(&stored(&version, None, &frozen, at(59))), [(GateName::Freeze, Some(at(60)))]);
        assert_eq!(closed(&stored(&version, None, &frozen, at(60))), [], "it is over");
    }
}
