use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use contract::{Failure, Function};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

use crate::payload::Payload;
use crate::settings::{Settings, process_environment};
use crate::{logs, shutdown};

/// What the runtime reads from the environment without asking whether it is there.
const GIVEN_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

/// Why a function did not start or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process was not started by Lambda.
    #[error(
        "{variable} is not set: this is a Lambda bootstrap, deploy it or start it from an emulator of Lambda"
    )]
    NotInLambda {
        /// The first variable that is missing or unusable.
        variable: &'static str,
    },
    /// The function could not be built from its settings.
    #[error("the function {function} could not be built")]
    Build {
        /// The function.
        function: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The operating system refused what the process needs.
    #[error("the process could not be set up; check the limits of its environment")]
    Process(#[source] std::io::Error),
    /// Lambda's Runtime API ended the loop.
    #[error("the connection to Lambda's Runtime API was lost; Lambda starts a new environment")]
    RuntimeApi(#[source] Box<dyn Error + Send + Sync>),
}

/// Runs a function until its environment ends: starts the logs, builds the function once from its settings, and
/// answers event after event. All on one thread.
///
/// `build` does no network call: Lambda bills it, and a cold start waits for it.
pub fn main<F, E>(build: impl FnOnce(&Settings<'_>) -> Result<F, E>) -> ExitCode
where
    F: Function + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    logs::start(&process_environment);
    logs::hook_panics();
    match run(build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(function = F::NAME, error = causes(&error), "the function stopped");
            ExitCode::FAILURE
        }
    }
}

fn run<F, E>(build: impl FnOnce(&Settings<'_>) -> Result<F, E>) -> Result<(), StartError>
where
    F: Function + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    check_lambda(&process_environment)?;
    let tokio =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Process)?;
    let function = build(&Settings::new(&process_environment))
        .map_err(|error| StartError::Build { function: F::NAME, source: error.into() })?;
    tokio.block_on(serve(Arc::new(function)))
}

async fn serve<F: Function + 'static>(function: Arc<F>) -> Result<(), StartError> {
    let in_flight = shutdown::InFlight::new();
    shutdown::register().await;
    let handler = service_fn(move |event: LambdaEvent<Payload<F::Request>>| {
        let function = Arc::clone(&function);
        let span = tracing::info_span!(
            "invocation",
            function = F::NAME,
            request_id = event.context.request_id,
            trace_id = event.context.xray_trace_id,
        );
        async move { answer(&*function, event.payload).await.map_err(|failure| diagnostic(&failure)) }
            .instrument(span)
    });
    let runtime = Runtime::new(handler).layer(in_flight.clone());
    tokio::select! {
        served = runtime.run() => served.map_err(StartError::RuntimeApi),
        ended = in_flight.ended() => {
            tracing::debug!(function = F::NAME, "the environment ends");
            ended.map_err(StartError::Process)
        }
    }
}

/// One answer. A failure is logged here and nowhere else, and neither event nor reply ever are.
async fn answer<F: Function>(function: &F, payload: Payload<F::Request>) -> Result<F::Reply, Failure> {
    let began = Instant::now();
    let answer = match payload.0 {
        Ok(request) => function.call(request).await,
        Err(malformed) => Err(malformed.failure(F::NAME)),
    };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &answer {
        Ok(_) => tracing::info!(duration_ms, "answered"),
        Err(failure) => {
            tracing::error!(
                duration_ms,
                error.name = failure.name.as_str(),
                error.message = failure.message,
                "the invocation failed"
            );
        }
    }
    answer
}

/// `errorType` is what Retry and Catch of the state machine match, so that it has to be our stable name.
fn diagnostic(failure: &Failure) -> Diagnostic {
    Diagnostic { error_type: failure.name.as_str().to_owned(), error_message: failure.message.clone() }
}

/// The runtime panics without these; say it in words instead.
fn check_lambda(lookup: &dyn Fn(&str) -> Option<String>) -> Result<(), StartError> {
    for variable in GIVEN_BY_LAMBDA {
        let value = lookup(variable).filter(|value| !value.is_empty());
        let number = variable != "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
            || value.as_ref().is_some_and(|value| value.parse::<i32>().is_ok());
        if value.is_none() || !number {
            return Err(StartError::NotInLambda { variable });
        }
    }
    Ok(())
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_outside_of_lambda_is_told_what_is_missing() {
        let error = check_lambda(&|name| (name != "AWS_LAMBDA_FUNCTION_VERSION").then(|| "1".to_owned()))
            .unwrap_err();
        assert!(matches!(error, StartError::NotInLambda { variable: "AWS_LAMBDA_FUNCTION_VERSION" }));
        let error = check_lambda(&|_| Some("large".to_owned())).unwrap_err();
        assert!(matches!(error, StartError::NotInLambda { variable: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" }));
        assert!(check_lambda(&|_| Some("128".to_owned())).is_ok());
    }

    #[test]
    fn the_whole_chain_of_causes_is_told() {
        let source = Box::new(std::io::Error::other("no table"));
        let error = StartError::Build { function: "rollback", source };
        assert_eq!(causes(&error), "the function rollback could not be built: no table");
    }
}
