//! The live view: a line for each thing that happened, above a bar for each step.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use rollout::{Phase, Rollout, StepIndex};
use weighted_proxy::LoadTotals;

use crate::words::clock;

pub(crate) struct Live {
    screen: MultiProgress,
    head: ProgressBar,
    bars: Vec<ProgressBar>,
    rollout: Option<Rollout>,
    /// The step under way: a rollback's phase does not say from where.
    under_way: Option<StepIndex>,
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

impl Live {
    pub(crate) fn new() -> Self {
        let screen = MultiProgress::new();
        let head = screen.add(ProgressBar::no_length());
        head.set_style(style("\n{msg}"));
        head.set_message("it begins");
        Self { screen, head, bars: Vec::new(), rollout: None, under_way: None }
    }

    pub(crate) fn print(&self, line: &str) {
        // A terminal that has gone is no reason to stop the rollout.
        drop(self.screen.println(line));
    }

    pub(crate) fn rollout(&mut self, rollout: &Rollout) {
        if self.bars.is_empty() {
            for step in &rollout.plan.steps {
                let bar = self.screen.add(ProgressBar::new(u64::from(step.bake.0).max(1)));
                bar.set_style(style("{prefix:>7} {bar:40.cyan/dim} {msg}"));
                bar.set_prefix(step.weight.to_string());
                self.bars.push(bar);
            }
        }
        if let Phase::Shifting { step, .. } = rollout.phase {
            self.under_way = Some(step);
        }
        self.rollout = Some(rollout.clone());
    }

    pub(crate) fn tick(&mut self, now: Timestamp, load: Option<&LoadTotals>) {
        let Some(rollout) = &self.rollout else { return };
        self.head.set_message(format!(
            "{} {}{}  {}",
            rollout.plan.service,
            rollout.plan.version,
            load.map_or_else(String::new, |load| format!("  {} requests, {} failed", load.sent, load.failed)),
            console::style(engine::describe(rollout)).bold(),
        ));
        for (index, bar) in self.bars.iter().enumerate() {
            let index = StepIndex(u16::try_from(index).unwrap_or(u16::MAX));
            show(bar, rollout, index, self.under_way == Some(index), now);
        }
    }

    pub(crate) fn clear(&self) {
        for bar in &self.bars {
            bar.abandon();
        }
        self.head.finish_and_clear();
    }
}

fn show(bar: &ProgressBar, rollout: &Rollout, index: StepIndex, under_way: bool, now: Timestamp) {
    let whole = bar.length().unwrap_or(1);
    let passed = |bar: &ProgressBar| {
        bar.set_position(whole);
        bar.set_message(console::style("passed").green().to_string());
    };
    match &rollout.phase {
        Phase::Baking { step, since, .. } if *step == index => {
            let baked = u64::try_from(now.duration_since(*since).as_secs()).unwrap_or(0);
            bar.set_position(baked.min(whole));
            bar.set_message(format!("{} of {}", clock(baked), clock(whole)));
        }
        Phase::Frozen { step, .. } if *step == index => {
            bar.set_message(console::style("frozen").yellow().to_string());
        }
        Phase::Baking { step, .. } | Phase::Shifting { step, .. } | Phase::Frozen { step, .. }
            if *step > index =>
        {
            passed(bar);
        }
        Phase::Promoted { .. } => passed(bar),
        Phase::Restoring { .. } | Phase::Settling { .. } | Phase::RolledBack { .. } if under_way => {
            bar.set_message(console::style("rolled back").red().to_string());
        }
        _ => {}
    }
}
