//! The peers' rules of `analysis::peers`, as judges.

use std::num::NonZeroU32;

use analysis::peers::{
    Alarm, AlarmMetric, ArgoAnalysis, Comparison, FlaggerChecks, Kayenta, Outcome, Peer, PeerMinute, Served,
    TreatMissingData,
};

use crate::{
    play::PLAN,
    protocol::{Action, Counts, History, Judge, Minute, Run},
};

pub fn all() -> Vec<Box<dyn Judge>> {
    let alarm = |metric, comparison, of| {
        Alarm::new(metric, comparison, 1.0, of, TreatMissingData::NotBreaching).map(Peer::Alarm)
    };
    let flagger = FlaggerChecks { threshold: NonZeroU32::MIN.saturating_add(4), ..FlaggerChecks::default() };
    let mut all: Vec<Box<dyn Judge>> = Vec::new();
    let mut push = |name, peer: Option<Peer>, asked| {
        if let Some(peer) = peer {
            all.push(Box::new(Rule { name, peer, asked }));
        }
    };
    let percent = alarm(AlarmMetric::ErrorPercent, Comparison::GreaterThan, (2, 3));
    push("alarm-1pct", percent.ok(), Asked::EachMinute);
    let any = alarm(AlarmMetric::ErrorCount, Comparison::AtLeast, (2, 2));
    push("alarm-any", any.ok(), Asked::EachMinute);
    push("flagger", Some(Peer::Flagger(flagger)), Asked::EachMinute);
    push("argo", Some(Peer::Argo(ArgoAnalysis::default())), Asked::EachMinute);
    push("kayenta", Some(Peer::Kayenta(Kayenta::default())), Asked::AfterSteps { least: 5 });
    all
}

/// When a rule is asked.
#[derive(Clone, Copy)]
enum Asked {
    EachMinute,
    /// At the end of a step, when there have been as many minutes.
    AfterSteps {
        least: usize,
    },
}

struct Rule {
    name: &'static str,
    peer: Peer,
    asked: Asked,
}

impl Judge for Rule {
    fn name(&self) -> &'static str {
        self.name
    }

    fn begin(&self, _: &History) -> Box<dyn Run> {
        Box::new(Played { peer: self.peer.clone(), asked: self.asked, minutes: Vec::new() })
    }
}

struct Played {
    peer: Peer,
    asked: Asked,
    minutes: Vec<PeerMinute>,
}

fn served(counts: Counts) -> Served {
    Served { requests: counts.requests, errors: counts.errors }
}

impl Played {
    fn is_asked(&self, step: u32) -> bool {
        let Asked::AfterSteps { least } = self.asked else { return true };
        let in_step = self.minutes.iter().filter(|minute| minute.step == step).count();
        let ends = PLAN.get(step as usize).is_some_and(|plan| plan.minutes as usize == in_step);
        ends && self.minutes.len() >= least
    }
}

impl Run for Played {
    fn minute(&mut self, minute: &Minute) -> Action {
        let (canary, baseline) = (served(minute.canary), served(minute.baseline));
        self.minutes.push(PeerMinute { step: minute.step, canary, baseline });
        if self.is_asked(minute.step) && matches!(self.peer.judge(&self.minutes), Outcome::Fail(_)) {
            return Action::RollBack;
        }
        match &self.peer {
            Peer::Flagger(rule) if rule.halts(&self.minutes) => Action::Hold,
            _ => Action::Continue,
        }
    }
}
