//! A strict interpreter for the subset of the Amazon States Language (`JSONPath`) that `rollout.asl.json`
//! uses.
//!
//! [`Machine::parse`] refuses whatever is outside the subset, naming the state and the field, so that a
//! definition that runs here holds nothing that interpreters are known to disagree about.
//! [`Execution::start`] runs a machine over three ports: [`Tasks`] (the functions), [`Timer`] (the clock, possibly faster than real
//! time) and [`Observer`] (the history).
//!
//! # The subset
//!
//! Task, Wait, Choice, Pass, Succeed and Fail; `InputPath`, `OutputPath`, `Parameters`, `ResultSelector` and
//! `ResultPath` with reference paths (`$`, `$.a.b`, `$.a[0]`, `$['a b']`) and the context paths of
//! [`ContextPath`]; `TimeoutSeconds`, `HeartbeatSeconds`, `Retry` and `Catch`. Not in it: `Parallel`, `Map`,
//! `JSONata`, variables (`Assign`), intrinsic functions, wildcards and filters in paths, and any `null` where
//! a path stands (interpreters disagree about it).
//!
//! # Error names
//!
//! As the Step Functions developer guide ("Handling errors in Step Functions workflows") has them:
//!
//! - A path that selects nothing is `States.Runtime`, in `Parameters` too, and so is a Choice without a
//!   match: the guide marks `States.ParameterPathFailure` and `States.NoChoiceMatched` as reserved for future
//!   use. Nothing retries or catches `States.Runtime`, so a definition that names one of the three in
//!   `ErrorEquals` is refused.
//! - `States.ALL` matches neither `States.Runtime` nor `States.DataLimitExceeded`; the latter can be caught
//!   by name.
//! - `States.TaskFailed` matches any other task error except a timeout.
//! - `States.Timeout` matches a missed heartbeat (`States.HeartbeatTimeout`) as well.

mod choice;
mod clock;
mod definition_error;
mod execution;
mod fields;
mod history;
mod identity;
mod interpreter;
mod json;
mod machine;
mod parse;
mod path;
mod ports;
mod recovery;
mod resource;
mod task;
mod template;
mod token;

#[cfg(test)]
mod tests;

pub use clock::ScaledTimer;
pub use definition_error::{DefinitionError, Place};
pub use execution::{Execution, Outcome, StartError};
pub use history::{Event, HistoryEvent, Observer, StateKind, Transcript};
pub use identity::{Identity, IdentityError};
pub use json::{MAX_DATA_BYTES, MAX_HISTORY_EVENTS};
pub use machine::Machine;
pub use path::{ContextPath, PathError, RefPath, ValuePath};
pub use ports::{TaskError, Tasks, Timer};
pub use resource::{Resource, ResourceKind};
pub use token::{TokenError, execution_of};
