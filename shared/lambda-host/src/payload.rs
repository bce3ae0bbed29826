use contract::{ErrorName, Failure};
use serde::Deserialize;
use serde::de::Deserializer;

/// The longest part of a parser's message that is passed on, in characters.
const LONGEST_REASON: usize = 300;

/// An event that was parsed, or the place where that failed. Reading it never fails, so that a malformed event is
/// answered under our own error name instead of the runtime's, which is a Rust type name.
#[derive(Debug)]
pub(crate) struct Payload<R>(pub(crate) Result<R, Malformed>);

/// Why an event was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    path: String,
    reason: String,
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for Payload<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_path_to_error::deserialize(deserializer) {
            Ok(request) => Ok(Self(Ok(request))),
            Err(error) => {
                // A place that the parser did not reach the name of is shown as '?', and the top level as '.'.
                let path = error.path().to_string().trim_end_matches(['?', '.']).to_owned();
                let reason = error.into_inner().to_string().chars().take(LONGEST_REASON).collect();
                Ok(Self(Err(Malformed { path, reason })))
            }
        }
    }
}

impl Malformed {
    pub(crate) fn failure(&self, function: &str) -> Failure {
        let place = if self.path.is_empty() { String::new() } else { format!(" at {}", self.path) };
        Failure {
            name: ErrorName::InvalidInput,
            message: format!(
                "the event for {function} is not understood{place}: {}; compare it with the function's request schema and the samples in events/",
                self.reason
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        detail: Detail,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Detail {
        weight: u8,
    }

    fn read(json: &str) -> Result<Request, Malformed> {
        // The runtime reads an event in the same way.
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize::<_, Payload<Request>>(&mut deserializer).unwrap().0
    }

    #[test]
    fn a_good_event_comes_typed() {
        assert_eq!(read(r#"{"detail":{"weight":25}}"#), Ok(Request { detail: Detail { weight: 25 } }));
    }

    #[test]
    fn a_bad_event_names_its_place() {
        for (json, path, reason) in [
            (
                r#"{"detail":{"weight":"many"}}"#,
                "detail.weight",
                "invalid type: string \"many\", expected u8",
            ),
            (r#"{"detail":{"weight":25},"extra":1}"#, "extra", "unknown field `extra`"),
            (r#"{"detail":{"weight":25"#, "detail", "EOF while parsing"),
            ("[]", "", "invalid length 0"),
        ] {
            let malformed = read(json).unwrap_err();
            assert_eq!(malformed.path, path, "{json}");
            assert!(malformed.reason.starts_with(reason), "{}", malformed.reason);
        }
    }

    #[test]
    fn the_failure_carries_name_place_and_remedy_and_is_bounded() {
        let failure =
            read(&format!(r#"{{"detail":{{"weight":"{}"}}}}"#, "x".repeat(5000))).unwrap_err().failure("f");
        assert_eq!(failure.name.as_str(), "InvalidInput");
        assert!(failure.message.starts_with("the event for f is not understood at detail.weight: "));
        assert!(failure.message.ends_with("samples in events/"));
        assert!(failure.message.chars().count() < LONGEST_REASON + 200);
    }
}
