//! Health checks and smoke tests over HTTP.
//!
//! A health check is `GET <endpoint><path>` that answers 200 with a JSON object whose `status` is `"healthy"`: a service
//! that answers 200 and says otherwise is not healthy. A smoke test is one request with an expected status code and,
//! where given, a text in the body. Each request has [`TIMEOUT`] for its whole answer, of which at most [`MAX_BODY`]
//! are read; redirects are not followed, as what they lead to is not the colour that is probed.

mod answer;
mod probe;

pub use http_client::SetUpError;
pub use probe::{HttpProber, MAX_BODY, TIMEOUT};
