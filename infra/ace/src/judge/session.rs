//! What is answered to the lines of the protocol.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use analysis::decisions::{Action, Decisions, Rules};

use super::protocol::{self, LineError, MinuteLine, Wrong};

/// All runs of one input.
pub(crate) struct Session {
    rules: Rules,
    line: usize,
    begun: bool,
    runs: BTreeMap<u64, Run>,
    block: String,
}

/// What comes of a line.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The answers to a block that has ended.
    pub(crate) answers: Option<String>,
    /// What is wrong with the line. The run is held, whatever else the line says.
    pub(crate) complaint: Option<LineError>,
}

enum Run {
    Going(Box<Going>),
    /// Its history was refused: it is never let go on.
    Refused,
    RolledBack,
}

struct Going {
    decisions: Decisions,
    last: Option<MinuteLine>,
}

impl Session {
    pub(crate) const fn new(rules: Rules) -> Self {
        Self { rules, line: 0, begun: false, runs: BTreeMap::new(), block: String::new() }
    }

    /// Hears a line.
    ///
    /// # Errors
    /// A line that is of no run, so that it cannot be answered.
    pub(crate) fn hear(&mut self, line: &str) -> Result<Heard, LineError> {
        self.line += 1;
        let line = line.trim();
        if line == "." {
            let answers =
                std::mem::replace(&mut self.begun, true).then(|| std::mem::take(&mut self.block) + ".\n");
            return Ok(Heard { answers, complaint: None });
        }
        let (letter, rest) = line.split_once(',').unwrap_or((line, ""));
        let fields: Vec<&str> = rest.split(',').map(str::trim).collect();
        let told = match (letter, self.begun) {
            ("H", false) => protocol::run(&fields).map(|run| self.history(run, &fields)),
            ("M", true) => protocol::run(&fields).map(|run| self.minute(run, &fields)),
            ("M", false) => Err(Wrong::MinuteBeforeHistory),
            ("H", true) => Err(Wrong::HistoryAfterStart),
            _ => Err(Wrong::Kind { found: protocol::short(line) }),
        };
        let complaint = told.map_err(|wrong| self.wrong(wrong))?.map(|wrong| self.wrong(wrong));
        Ok(Heard { answers: None, complaint })
    }

    /// The input has ended.
    ///
    /// # Errors
    /// Inside a block.
    pub(crate) fn end(&mut self) -> Result<(), LineError> {
        if self.block.is_empty() && (self.begun || self.runs.is_empty()) {
            return Ok(());
        }
        self.line += 1;
        Err(self.wrong(Wrong::Unended))
    }

    const fn wrong(&self, wrong: Wrong) -> LineError {
        LineError { line: self.line, wrong }
    }

    fn history(&mut self, run: u64, fields: &[&str]) -> Option<Wrong> {
        let (state, complaint) = match protocol::history(fields) {
            _ if self.runs.contains_key(&run) => (Run::Refused, Some(Wrong::TwoHistories { run })),
            Ok(history) => {
                let decisions = Decisions::new(self.rules.clone(), history.as_ref());
                (Run::Going(Box::new(Going { decisions, last: None })), None)
            }
            Err(wrong) => (Run::Refused, Some(wrong)),
        };
        self.runs.insert(run, state);
        complaint
    }

    fn minute(&mut self, run: u64, fields: &[&str]) -> Option<Wrong> {
        let (answer, complaint) = match self.runs.get_mut(&run) {
            None => ("hold", Some(Wrong::UnknownRun { run })),
            Some(Run::Refused) => ("hold", None),
            Some(Run::RolledBack) => ("rollback", Some(Wrong::Ended { run })),
            Some(Run::Going(going)) => match protocol::minute(fields) {
                Err(wrong) => ("hold", Some(wrong)),
                Ok(minute) => {
                    let (action, complaint) = going.see(minute);
                    match action {
                        Action::RollBack => {
                            self.runs.insert(run, Run::RolledBack);
                            ("rollback", complaint)
                        }
                        Action::Continue if complaint.is_none() => ("continue", None),
                        Action::Continue | Action::Hold => ("hold", complaint),
                    }
                }
            },
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.block, "{run},{answer}");
        complaint
    }
}

impl Going {
    fn see(&mut self, minute: MinuteLine) -> (Action, Option<Wrong>) {
        let last = self.last;
        if let Some(last) = last.filter(|last| minute.minute <= last.minute) {
            return (Action::Hold, Some(Wrong::NotAfter { minute: minute.minute, last: last.minute }));
        }
        if let Some(last) = last.filter(|last| minute.step < last.step) {
            return (Action::Hold, Some(Wrong::StepBack { step: minute.step, last: last.step }));
        }
        self.last = Some(minute);
        let moved =
            |last: &MinuteLine| last.step == minute.step && (last.weight - minute.weight).abs() > 1e-9;
        if let Some(last) = last.filter(moved) {
            return (Action::Hold, Some(Wrong::WeightChanged { weight: minute.weight, last: last.weight }));
        }
        let missing = last.filter(|last| minute.minute - last.minute > 1);
        let complaint = missing.map(|last| Wrong::Missing { minute: minute.minute, last: last.minute });
        let step = usize::try_from(minute.step).unwrap_or(usize::MAX);
        (self.decisions.after(step, minute.canary, minute.baseline), complaint)
    }
}
