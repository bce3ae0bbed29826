//! `ace status`: what is live, what may not start, and the newest rollouts; once, or as it changes.

use std::time::Duration;

use console::{Style, Term};
use rollout::{Barred, Control, Line, Rollout, Target};
use serde_json::{Value, json};

use crate::Ending;
use crate::arguments::{Output, Status};
use crate::backend::{Backend, BackendError, BackendResult, ready};
use crate::error::AceError;
use crate::words;

pub(crate) async fn status(arguments: &Status) -> Result<Ending, AceError> {
    if arguments.watch {
        return watch(arguments).await;
    }
    let backend = ready(&arguments.place).await?;
    let shown = Shown::read(&*backend, arguments.limit).await?;
    match arguments.output.output {
        Output::Human if shown.is_empty() => {
            println!("nothing was rolled out in {} yet", arguments.place.environment);
        }
        Output::Human => shown.lines().iter().for_each(|line| println!("{line}")),
        Output::Json => shown.entries().iter().for_each(|entry| println!("{entry}")),
    }
    Ok(Ending::Good)
}

/// Shows it again whenever it has changed, until it is interrupted. The stack is reached anew each time: on this machine a
/// process that plays has the store to itself.
async fn watch(arguments: &Status) -> Result<Ending, AceError> {
    let term = Term::stdout();
    let redraws = arguments.output.output == Output::Human && term.is_term();
    let (mut before, mut drawn): (Vec<String>, usize) = (Vec::new(), 0);
    loop {
        let (lines, pause) = match look(arguments).await {
            Ok(found) => found,
            // It has just ended, or just begun: the next look finds it.
            Err(BackendError::Unreachable { .. }) => (before.clone(), Duration::from_millis(200)),
            Err(error) => return Err(error.into()),
        };
        if lines != before {
            if redraws {
                drop(term.clear_last_lines(drawn));
                drawn = lines.len();
                for line in &lines {
                    println!("{}", cut(line, &term));
                }
            } else {
                lines.iter().filter(|line| !before.contains(line)).for_each(|line| println!("{line}"));
            }
            before = lines;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Ending::Good),
        }
    }
}

async fn look(arguments: &Status) -> BackendResult<(Vec<String>, Duration)> {
    let backend = ready(&arguments.place).await?;
    let shown = Shown::read(&*backend, arguments.limit).await?;
    let lines = match arguments.output.output {
        Output::Human => shown.lines(),
        Output::Json => shown.entries().iter().map(Value::to_string).collect(),
    };
    // Often enough to see each step of a rollout that is played fast.
    Ok((lines, Duration::from_millis(backend.poll_millis().max(500))))
}

/// A line that a terminal does not wrap, so that it is redrawn in its place.
fn cut(line: &str, term: &Term) -> String {
    console::truncate_str(line, usize::from(term.size().1).max(20), "…").into_owned()
}

/// An environment as it is.
struct Shown {
    services: Vec<Target>,
    control: Control,
    frozen: bool,
    rollouts: Vec<Rollout>,
}

impl Shown {
    async fn read(backend: &dyn Backend, limit: usize) -> BackendResult<Self> {
        let mut services = Vec::new();
        if let Some(published) = backend.configuration().await? {
            for service in published.configuration.services().keys() {
                services.extend(backend.target(service).await?);
            }
        }
        let control = backend.control().await?;
        let frozen = control.freeze.holds_at(backend.now().await?);
        Ok(Self { services, control, frozen, rollouts: backend.recent(limit).await? })
    }

    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.rollouts.is_empty() && self.control == Control::default()
    }

    fn lines(&self) -> Vec<String> {
        let warning = Style::new().yellow();
        let mut lines = Vec::new();
        if self.control.line != Line::Running {
            let text = format!("! {} (`ace resume-line`)", words::line(&self.control.line));
            lines.push(warning.apply_to(text).to_string());
        }
        if self.frozen {
            lines.push(
                warning
                    .apply_to(format!("! {} (`ace thaw`)", words::freeze(&self.control.freeze)))
                    .to_string(),
            );
        }
        for target in &self.services {
            let Target { service, live, epoch, .. } = target;
            let version = target.stable.as_ref().map_or("an unknown version", |version| version.as_str());
            lines.push(format!("{service}: {version} is live on {live}, epoch {epoch}"));
            if let Barred::Version { version, since, why } = &target.barred {
                let text = format!(
                    "! {service}: {version} may not come back (since {}): {why} (`ace unhold`)",
                    words::instant(*since)
                );
                lines.push(warning.apply_to(text).to_string());
            }
        }
        lines.extend(self.rollouts.iter().map(|rollout| {
            let (said, version) = (engine::describe(rollout), rollout.plan.version.as_str());
            format!(
                "{}  {}  {:<24} {}",
                rollout.started_at.strftime("%Y-%m-%d %H:%M:%S"),
                rollout.id,
                version,
                // The version stands before it already.
                said.strip_prefix(version).map_or(said.as_str(), str::trim_start)
            )
        }));
        lines
    }

    fn entries(&self) -> Vec<Value> {
        let mut entries = Vec::new();
        // Nothing is there to be told of an environment that nobody has touched.
        if self.control != Control::default() {
            entries.push(
                json!({ "kind": "environment", "line": self.control.line, "freeze": self.control.freeze, "frozen": self.frozen }),
            );
        }
        entries.extend(self.services.iter().map(|target| json!({ "kind": "service", "service": target })));
        entries.extend(self.rollouts.iter().map(|rollout| {
            json!({
                "kind": "rollout",
                "rollout": rollout.id,
                "service": rollout.plan.service,
                "version": rollout.plan.version,
                "started_at": rollout.started_at,
                "requested_by": rollout.requested_by,
                "epoch": rollout.epoch,
                "step": rollout.step().map(rollout::StepIndex::number),
                "phase": rollout.phase,
                "hold": rollout.hold,
                "weight": rollout.desired_weight(),
            })
        }));
        entries
    }
}
