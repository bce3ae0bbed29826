//! `ace history`: everything that happened to a rollout.

use std::sync::Arc;

use console::Style;
use engine::history::first_break;
use engine::ports::Store;
use local_stack::EmbeddedStore;
use serde_json::json;

use crate::Ending;
use crate::arguments::{History, Output, Place};
use crate::error::AceError;

pub(crate) fn open(place: &Place) -> Result<Arc<EmbeddedStore>, AceError> {
    if !place.store.exists() {
        return Err(AceError::NoStore { store: place.store.display().to_string() });
    }
    Ok(Arc::new(EmbeddedStore::open(&place.store)?))
}

pub(crate) async fn history(arguments: &History) -> Result<Ending, AceError> {
    let store = open(&arguments.place)?;
    let missing = || AceError::NoRollout {
        id: arguments.rollout.clone(),
        store: arguments.place.store.display().to_string(),
    };
    let rollout = store.rollout(&arguments.rollout).await?.ok_or_else(missing)?;
    let records = store.history(&arguments.rollout).await?;
    let broken = first_break(&records);
    // A chain does not show that its end was cut off; the rollout knows its last hash.
    let whole = records.last().is_some_and(|last| last.hash == rollout.head);
    if arguments.output.output == Output::Json {
        for record in &records {
            println!("{}", json!(record));
        }
        return Ok(Ending::Good);
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
    match broken {
        None if whole => {
            println!("{} records, each chained to the one before by its hash: intact", records.len());
        }
        None => println!("the newest records are not there: the history was cut off"),
        Some(number) => println!("record {number} does not follow from the one before it: it was altered"),
    }
    Ok(Ending::Good)
}
