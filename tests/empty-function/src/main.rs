//! A Lambda function that does nothing: the least that `lambda_runtime` can cost, on one thread and without logs.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: LambdaEvent<IgnoredAny>| Ok::<(), Error>(()))).await
}
