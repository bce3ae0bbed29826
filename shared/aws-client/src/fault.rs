//! What went wrong with a call to AWS, as a caller needs to know it: is it worth trying again, and what helps.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The kinds of faults that a caller tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// AWS limits the rate of calls.
    Throttled,
    /// No usable answer came: no connection, a timeout, a server error.
    Unavailable,
    /// The role may not do this, or there are no (valid) credentials.
    Denied,
    /// The named thing does not exist.
    NotFound,
    /// AWS refused the request as it is; the same request will be refused again.
    Refused,
}

impl FaultKind {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }
}

/// One failed call to AWS. It holds AWS's own words, so it has no source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What to do about it.
    pub kind: FaultKind,
    /// The call, as IAM names it: `elasticloadbalancing:ModifyRule`.
    pub action: &'static str,
    /// AWS's error code, when an answer came.
    pub code: Option<String>,
    /// AWS's message, or the reason why there was no answer.
    pub message: String,
    /// AWS's request id, when an answer came: what its support asks for.
    pub request_id: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.detail(), self.remedy())
    }
}

impl Error for Fault {}

impl Fault {
    /// What happened: the call, AWS's code and message, and the request id.
    pub fn detail(&self) -> String {
        let what = match self.kind {
            FaultKind::Throttled => "was throttled",
            FaultKind::Unavailable => "got no usable answer",
            FaultKind::Denied => "was denied",
            FaultKind::NotFound => "named something that does not exist",
            FaultKind::Refused => "was refused",
        };
        let code = self.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
        let request = self.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
        format!("{} {what}: {code}{}{request}", self.action, self.message)
    }

    /// What helps.
    pub const fn remedy(&self) -> &'static str {
        match self.kind {
            FaultKind::Throttled | FaultKind::Unavailable => "it may succeed when tried again",
            FaultKind::Denied => "allow the action to the function's role, and check its credentials",
            FaultKind::NotFound => "correct the name in the configuration, or create what it names",
            FaultKind::Refused => "correct the configuration that the request was built from",
        }
    }

    /// The fault behind an SDK error of `action` (as IAM names it).
    pub fn new<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let request_id = error.raw_response().and_then(request_id);
        match error {
            SdkError::ServiceError(context) => {
                let metadata = context.err().meta();
                let status = context.raw().status().as_u16();
                let code = metadata.code().map(str::to_owned);
                let message = metadata.message().unwrap_or("no message").to_owned();
                Self { kind: kind_of(code.as_deref(), status), action, code, message, request_id }
            }
            SdkError::DispatchFailure(failure) => {
                // Missing credentials surface here, before anything is sent; so does a connection that is closed
                // before the answer is whole, which is neither I/O nor a timeout to the HTTP client.
                let kind = if lacks_credentials(error) { FaultKind::Denied } else { FaultKind::Unavailable };
                let message = failure.as_connector_error().map_or_else(|| chain(error), |e| chain(e));
                Self { kind, action, code: None, message, request_id }
            }
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
                Self { kind: FaultKind::Unavailable, action, code: None, message: chain(error), request_id }
            }
            _ => Self { kind: FaultKind::Refused, action, code: None, message: chain(error), request_id },
        }
    }
}

fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    error.is::<CredentialsError>() || error.source().is_some_and(lacks_credentials)
}

/// Codes as "Error retries" in the AWS SDKs and Tools Reference Guide and each service's "Common errors" list them.
fn kind_of(code: Option<&str>, status: u16) -> FaultKind {
    match code.unwrap_or_default() {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "PriorRequestNotComplete" => FaultKind::Throttled,
        "RequestTimeout" | "RequestTimeoutException" | "TransactionInProgressException" => {
            FaultKind::Unavailable
        }
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnauthorizedOperation"
        | "UnrecognizedClientException" => FaultKind::Denied,
        code if code.ends_with("NotFound") || code.ends_with("NotFoundException") => FaultKind::NotFound,
        _ if status == 429 => FaultKind::Throttled,
        _ if status >= 500 => FaultKind::Unavailable,
        _ => FaultKind::Refused,
    }
}

fn request_id(response: &HttpResponse) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id"]
        .iter()
        .find_map(|name| response.headers().get(name))
        .map(str::to_owned)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_status_tell_the_kind() {
        for (code, status, kind) in [
            (Some("Throttling"), 400, FaultKind::Throttled),
            (Some("RequestLimitExceeded"), 503, FaultKind::Throttled),
            (None, 429, FaultKind::Throttled),
            (Some("InternalServerError"), 500, FaultKind::Unavailable),
            (None, 503, FaultKind::Unavailable),
            (Some("AccessDeniedException"), 400, FaultKind::Denied),
            (Some("ExpiredToken"), 403, FaultKind::Denied),
            (Some("RuleNotFound"), 400, FaultKind::NotFound),
            (Some("ResourceNotFoundException"), 400, FaultKind::NotFound),
            (Some("ValidationException"), 400, FaultKind::Refused),
            (None, 400, FaultKind::Refused),
        ] {
            assert_eq!(kind_of(code, status), kind, "{code:?} {status}");
        }
    }

    #[test]
    fn only_throttling_and_silence_are_transient() {
        assert!(FaultKind::Throttled.is_transient() && FaultKind::Unavailable.is_transient());
        assert!(
            ![FaultKind::Denied, FaultKind::NotFound, FaultKind::Refused].iter().any(|k| k.is_transient())
        );
    }

    #[test]
    fn display_names_the_call_the_code_and_the_remedy() {
        let fault = Fault {
            kind: FaultKind::Denied,
            action: "sns:Publish",
            code: Some("AuthorizationError".into()),
            message: "not allowed".into(),
            request_id: Some("r-1".into()),
        };
        assert_eq!(
            fault.to_string(),
            "sns:Publish was denied: AuthorizationError: not allowed (request r-1); allow the action to the function's \
             role, and check its credentials"
        );
    }
}
