//! What an answer means: no request in here.

use rollout::SmokeTest;
use serde::Deserialize;

/// The longest part of a body that is shown, in characters.
const LONGEST_EXCERPT: usize = 100;

/// An answer, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Health {
    status: String,
}

/// Whether an answer says that the service is healthy; otherwise why not.
pub(crate) fn healthy(answer: &Answer) -> Result<(), String> {
    if answer.status != 200 {
        return Err(format!("it answers {} and not 200", answer.status));
    }
    match serde_json::from_slice::<Health>(&answer.body) {
        Ok(Health { status }) if status == "healthy" => Ok(()),
        Ok(Health { status }) => {
            Err(format!("it says that it is {:?} and not \"healthy\"", excerpt(&status)))
        }
        Err(_) => Err("it answers 200 without {\"status\": \"healthy\"}".to_owned()),
    }
}

/// Whether an answer is what a smoke test expects; otherwise why not.
pub(crate) fn as_expected(test: &SmokeTest, answer: &Answer) -> Result<(), String> {
    if answer.status != test.status {
        return Err(format!("it answers {} and not {}", answer.status, test.status));
    }
    match &test.contains {
        Some(part) if !contains(&answer.body, part.as_bytes()) => {
            Err(format!("its body does not contain {:?}", excerpt(part)))
        }
        _ => Ok(()),
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

fn excerpt(text: &str) -> String {
    text.chars().take(LONGEST_EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use rollout::Method;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn only_200_that_says_healthy_is_healthy() {
        assert_eq!(healthy(&answer(200, r#"{"status":"healthy","version":"v2"}"#)), Ok(()));
        for (status, body, why) in [
            (200, r#"{"status":"degraded"}"#, "it says that it is \"degraded\" and not \"healthy\""),
            (200, r#"{"status":"Healthy"}"#, "it says that it is \"Healthy\" and not \"healthy\""),
            (200, r#"{"status":true}"#, "it answers 200 without {\"status\": \"healthy\"}"),
            (200, "healthy", "it answers 200 without {\"status\": \"healthy\"}"),
            (204, "", "it answers 204 and not 200"),
            (503, r#"{"status":"healthy"}"#, "it answers 503 and not 200"),
            (302, "", "it answers 302 and not 200"),
        ] {
            assert_eq!(healthy(&answer(status, body)), Err(why.to_owned()), "{status} {body}");
        }
    }

    #[test]
    fn what_a_service_says_is_shown_in_part() {
        let long = format!(r#"{{"status":"{}"}}"#, "x".repeat(5000));
        assert!(healthy(&answer(200, &long)).unwrap_err().len() < 200);
    }

    #[test]
    fn a_smoke_test_compares_status_and_text() {
        let test = SmokeTest {
            name: "cart".to_owned(),
            method: Method::Get,
            path: "/cart".to_owned(),
            status: 201,
            contains: Some("total".to_owned()),
        };
        assert_eq!(as_expected(&test, &answer(201, r#"{"total":0}"#)), Ok(()));
        assert_eq!(
            as_expected(&test, &answer(200, r#"{"total":0}"#)),
            Err("it answers 200 and not 201".to_owned())
        );
        assert_eq!(
            as_expected(&test, &answer(201, "{}")),
            Err("its body does not contain \"total\"".to_owned())
        );
        let any = SmokeTest { contains: None, ..test };
        assert_eq!(as_expected(&any, &answer(201, "")), Ok(()));
    }
}
