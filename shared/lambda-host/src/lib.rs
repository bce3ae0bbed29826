//! What every function's `main` needs: typed settings, JSON logs, metrics, stable error names and the serve loop.
//!
//! A function's `main` is `fn main() -> ExitCode { lambda_host::main(|settings| ...) }`, where the closure builds the
//! [`Function`](contract::Function) from its [settings](settings::Settings). It runs on one thread: a function
//! process handles one event at a time.

pub mod emf;
mod logs;
#[cfg(test)]
mod loop_tests;
mod payload;
mod serve;
pub mod settings;
mod shutdown;

pub use serve::{StartError, main};
pub use settings::{Settings, SettingsError, all};
