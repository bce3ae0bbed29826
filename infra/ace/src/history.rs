//! `ace history`: everything that happened to a rollout.

use std::fmt;

use console::Style;
use engine::history::{Record, first_break};
use engine::replay::rejudge;
use rollout::Rollout;
use serde_json::json;

use crate::Ending;
use crate::arguments::{History, Output};
use crate::backend::ready;
use crate::error::AceError;

pub(crate) async fn history(arguments: &History) -> Result<Ending, AceError> {
    let backend = ready(&arguments.place).await?;
    let missing = || AceError::NoRollout { id: arguments.rollout.clone(), store: backend.place() };
    let rollout = backend.rollout(&arguments.rollout).await?.ok_or_else(missing)?;
    let mut records = backend.history(&arguments.rollout).await?;
    // It goes on while it is read: what came after the rollout was read is not of it.
    records.retain(|record| record.number <= rollout.version);
    let chain = Chain::of(&records, &rollout);
    if chain != Chain::Whole {
        eprintln!("{}: {chain}", arguments.rollout);
    }
    if arguments.output.output == Output::Json {
        for record in &records {
            println!("{}", json!(record));
        }
        return Ok(chain.ending());
    }
    let plan = &rollout.plan;
    println!(
        "{} of {} in {}: {}",
        Style::new().bold().apply_to(&plan.version),
        plan.service,
        plan.environment,
        engine::describe(&rollout)
    );
    for record in &records {
        println!(
            "{:>4}  {}  {:>11} {:>4} %  {}",
            record.number,
            record.event.at().strftime("%Y-%m-%d %H:%M:%S"),
            record.phase,
            record.weight,
            crate::words::event(&record.event),
        );
    }
    if chain == Chain::Whole {
        println!("{} records, each {chain}", records.len());
        match rejudge(plan, &records) {
            Ok(same) => println!("judged again from the stored evidence: the same, {same} verdicts"),
            // The records are whole: another release of the judge wrote them.
            Err(other) => println!("{other}"),
        }
    }
    Ok(chain.ending())
}

/// What the hashes of a history say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    Whole,
    /// This record is not what followed from the one before it.
    Altered(u64),
    /// The newest ones are not there: a chain does not show that, but the rollout knows its last hash.
    CutOff,
}

impl Chain {
    fn of(records: &[Record], rollout: &Rollout) -> Self {
        match first_break(records) {
            Some(number) => Self::Altered(number),
            None if records.last().is_some_and(|last| last.hash == rollout.head) => Self::Whole,
            None => Self::CutOff,
        }
    }

    /// A history that says something else than what was is no answer.
    fn ending(self) -> Ending {
        if self == Self::Whole { Ending::Good } else { Ending::Unknown }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("chained to the one before by its hash: intact"),
            Self::Altered(number) => {
                write!(f, "record {number} does not follow from the one before it: it was altered")
            }
            Self::CutOff => f.write_str("the newest records are not there: the history was cut off"),
        }
    }
}
