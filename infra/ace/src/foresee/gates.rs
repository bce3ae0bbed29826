//! Where the gates stand for a version, as the environment's stack says it.

use console::Style;
use engine::gates::{GateState, Standing};

use super::subject_plan;
use crate::arguments::PlanCommand;
use crate::backend::{BackendError, BackendResult, Where, Wish, as_it_is};
use crate::error::AceError;
use crate::inputs;
use crate::words::instant;

/// The gates, or why they are not known.
pub(crate) enum Found {
    Known(Vec<GateState>),
    Unknown(BackendError),
}

/// Asks the environment's stack, where a version is named. The configuration is the files': what `ace implement` publishes
/// before it asks for the rollout.
pub(crate) async fn find(arguments: &PlanCommand) -> Result<Option<Found>, AceError> {
    let Some(version) = &arguments.version else { return Ok(None) };
    let configured =
        inputs::configuration(&arguments.foresee.environment, arguments.foresee.config.as_ref())?;
    let plan = subject_plan(&configured, &arguments.foresee, version.clone())?;
    let wish = Wish { plan, configuration: configured.rollouts().clone() };
    Ok(Some(ask(arguments, &wish).await.map_or_else(Found::Unknown, Found::Known)))
}

async fn ask(arguments: &PlanCommand, wish: &Wish) -> BackendResult<Vec<GateState>> {
    let place = Where { environment: arguments.foresee.environment.clone(), at: arguments.at.clone() };
    let backend = as_it_is(&place).await?;
    backend.fits(&wish.configuration)?;
    backend.gates(wish).await
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
            let wide = gates.iter().map(|gate| gate.gate.as_str().len()).max().unwrap_or(0);
            let lines =
                gates.iter().map(|gate| format!("{:<wide$}  {}\n", gate.gate.as_str(), standing(gate)));
            format!("\nGates now:\n{}", lines.collect::<String>())
        }
    }
}

fn standing(gate: &GateState) -> String {
    match &gate.standing {
        Standing::Open => Style::new().green().apply_to("open").to_string(),
        Standing::Closed { reason, passes } => {
            let until = passes.map_or_else(String::new, |at| format!(" until {}", instant(at)));
            format!("{}{until}: {reason}", Style::new().red().apply_to("closed"))
        }
        Standing::Unknown { reason } => format!("{}: {reason}", Style::new().yellow().apply_to("unknown")),
    }
}

#[cfg(test)]
mod tests {
    use rollout::GateName;

    use super::*;

    #[test]
    fn a_gate_is_told_in_a_line_of_its_own() {
        let passes = Some("2026-12-01T06:00:00.25Z".parse().unwrap());
        let state = |gate, standing| GateState { gate, standing };
        let told = told(&Found::Known(vec![
            state(GateName::Lease, Standing::Open),
            state(GateName::Freeze, Standing::Closed { reason: "sale".to_owned(), passes }),
            state(GateName::Barred, Standing::Closed { reason: "errors".to_owned(), passes: None }),
            state(GateName::RollbackTarget, Standing::Unknown { reason: "not allowed".to_owned() }),
        ]));
        let told = console::strip_ansi_codes(&told);
        assert_eq!(
            told,
            "\nGates now:\nlease            open\nfreeze           closed until 2026-12-01 06:00:00Z: sale\n\
             barred           closed: errors\nrollback-target  unknown: not allowed\n"
        );
    }
}
