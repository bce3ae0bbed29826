//! What an answer, or its absence, comes to.

use http_client::{Answer, HeaderMap, NoAnswer, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use rollout::Seconds;

use crate::target::Undelivered;

/// The longest time that a channel is left alone because it asks for it: its clock may be wrong.
const LONGEST_WAIT: i64 = 24 * 3600;
/// The longest part of an answer that is shown, in characters.
const LONGEST_EXCERPT: usize = 300;

/// No answer came.
pub(crate) struct Silence<'a> {
    /// From whom.
    pub(crate) who: &'a str,
    /// What happened.
    pub(crate) error: NoAnswer,
    /// What must not be shown.
    pub(crate) secrets: &'a [&'a str],
}

impl From<Silence<'_>> for Undelivered {
    fn from(silence: Silence<'_>) -> Self {
        let why = format!("{}: {}", silence.who, hushed(&silence.error.to_string(), silence.secrets));
        match silence.error {
            NoAnswer::NoRequest(_) => Self::never(why, "correct the channel's secret and its address"),
            NoAnswer::NoConnection(_) | NoAnswer::Late(_) | NoAnswer::Broken(_) | NoAnswer::TooLong(_) => {
                Self::later(why, None)
            }
        }
    }
}

/// What an answer that is no success comes to, with what of it is told and what to change if it is for good.
pub(crate) fn refused(who: &str, answer: &Answer, told: &str, remedy: &str) -> Undelivered {
    let told = if told.is_empty() { String::new() } else { format!(": {told}") };
    let what = format!("{who} answers {}{told}", answer.status);
    match answer.status {
        408 | 425 | 429 | 500.. => Undelivered::later(what, retry_after(&answer.headers, Timestamp::now())),
        300..=399 => {
            Undelivered::never(what, "write the address that it leads to: what redirects is not followed")
        }
        400..=499 => Undelivered::never(what, remedy),
        // No success of this channel's, and no refusal: somebody else answers, a proxy or a page for visitors.
        _ => Undelivered::later(format!("{what}, which is not its answer"), None),
    }
}

/// How long an answer asks to be left alone: seconds, or an HTTP date by the clock of whoever answers (RFC 9110,
/// "Retry-After").
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Seconds> {
    let text =
        |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok()).map(str::trim);
    let date = |text: &str| rfc2822::parse(text).ok().map(|date| date.timestamp());
    let asked = text(header::RETRY_AFTER)?;
    let seconds = asked.parse().ok().or_else(|| {
        let now = text(header::DATE).and_then(date).unwrap_or(now);
        date(asked).map(|date| date.as_second() - now.as_second())
    })?;
    u32::try_from(i64::clamp(seconds, 0, LONGEST_WAIT)).ok().map(Seconds)
}

/// A text of others, on one line, in part, and without these texts in it.
pub(crate) fn hushed(text: &str, secrets: &[&str]) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    text.trim().chars().take(LONGEST_EXCERPT).collect()
}

/// A body, if it is one word as Slack and others name errors: `no_service`.
pub(crate) fn code(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    let is_code = text.len() <= 60 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_code { text } else { "" }
}

#[cfg(test)]
mod answer_tests {
    use super::*;

    fn after(retry_after: &'static str, date: Option<&'static str>) -> Option<u32> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(header::DATE, date.parse().unwrap());
        }
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        super::retry_after(&headers, now).map(|seconds| seconds.0)
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_date() {
        assert_eq!(after("30", None), Some(30));
        assert_eq!(after(" 0 ", None), Some(0));
        assert_eq!(after("Fri, 02 Jan 2026 03:05:05 GMT", None), Some(60));
        assert_eq!(after("Fri, 02 Jan 2026 03:05:05 GMT", Some("Fri, 02 Jan 2026 03:05:00 GMT")), Some(5));
        assert_eq!(after("Fri, 02 Jan 2026 03:00:00 GMT", None), Some(0));
        assert_eq!(after("99999999999", None), Some(86_400));
        assert_eq!(after("-5", None), Some(0));
        for none in ["", "soon", "1.5", "Fri, 32 Jan 2026 03:05:05 GMT"] {
            assert_eq!(after(none, None), None, "{none}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }

    /// So the TLS library tells it.
    #[test]
    fn a_certificate_for_another_host_does_not_name_the_host() {
        let why = "invalid peer certificate: certificate not valid for name \"alerts.hush.example.com\"";
        let url: crate::HttpsUrl = "https://alerts.hush.example.com/quiet/token?key=secret".parse().unwrap();
        let error = NoAnswer::NoConnection(why.to_owned());
        let silence = Silence { who: "the receiver", error, secrets: &url.parts() };
        let Undelivered::Later { why, retry_after: None } = silence.into() else { panic!("it is for later") };
        assert_eq!(
            why,
            "the receiver: no connection: invalid peer certificate: certificate not valid for name \"…\""
        );
    }

    #[test]
    fn what_is_shown_of_others_is_short_and_holds_no_secret() {
        assert_eq!(hushed("no hush\nfor hush", &["hush", ""]), "no … for …");
        assert_eq!(hushed(&"x".repeat(1_000), &[]).len(), LONGEST_EXCERPT);
        assert_eq!(code(b" no_service\n"), "no_service");
        assert_eq!(code(b"<html>"), "");
        assert_eq!(code(&[0xff]), "");
    }
}
