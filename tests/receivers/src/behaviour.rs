use serde::{Deserialize, Serialize};

/// How a receiver answers a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// As the real one.
    #[default]
    Well,
    /// With this status, without doing anything.
    Status {
        /// The HTTP status.
        status: u16,
        /// The header Retry-After: seconds, or an HTTP date.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// As the real one, and the answer comes so late.
    Slow {
        /// In milliseconds.
        milliseconds: u64,
    },
    /// Not at all: the connection is reset before the request is read.
    ResetBefore,
    /// The request is done, and the connection reset instead of an answer.
    ResetAfter,
    /// The request is done, and the connection ends within the answer's body.
    HalfBody,
    /// The request is done, and the answer is 200 with a body that is none.
    Garbage,
    /// The request is done, and the answer is 200 with a body of several megabytes.
    Oversize,
    /// As Slack's API refuses: 200 with `ok: false` and this error, without doing anything.
    NotOk {
        /// The error: `not_in_channel`.
        error: String,
        /// The scope that is missing, for `missing_scope`.
        #[serde(default)]
        needed: Option<String>,
    },
}
