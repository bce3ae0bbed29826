//! What every function's `main` needs: typed settings, JSON logs, metrics, stable error names and the serve loop.
//!
//! A function's `main` is `fn main() -> ExitCode { lambda_host::main(|settings| ...) }`, where the closure builds the
//! [`Function`](contract::Function) from its [settings](settings::Settings). It runs on one thread: a function
//! process handles one event at a time. What it is built from lives as long as the process: [`keep`] it. The engine's
//! ports that need nothing but the process are here too: [`EmfMeter`] and [`SystemClock`].

mod clock;
mod cost_meter;
pub mod emf;
mod logs;
#[cfg(test)]
mod loop_tests;
mod meter;
mod payload;
mod serve;
pub mod settings;
mod shutdown;

pub use clock::SystemClock;
pub use meter::EmfMeter;
pub use serve::{StartError, main};
pub use settings::{Settings, SettingsError, all};

/// Keeps a value for as long as the process lives, for functions that borrow what they are built from.
pub fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
