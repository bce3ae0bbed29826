//! Signatures of webhooks: that a request is from here, is as it was sent, and was sent just now.
//!
//! A request has these headers, for a receiver to check before it believes the body:
//!
//! | header | value |
//! |---|---|
//! | `X-AceFlow-Timestamp` | when it was sent, in seconds since 1970 |
//! | `X-AceFlow-Key-Id` | which secret signed it, so that secrets can be changed one after the other |
//! | `X-AceFlow-Signature` | `v1=` and, in hexadecimal digits, HMAC-SHA256 with the secret over the timestamp as it is written, a dot and the body's bytes |
//! | `Idempotency-Key` | the notice's id: the same for every attempt at the same message, and for no other one |
//!
//! The receiver takes the body's bytes as they came, before any parsing; refuses a timestamp that is more than five
//! minutes off ([`TOLERANCE`]); computes the signature and compares it with one that does not tell how much of it is
//! right (`hmac.compare_digest`, `crypto.timingSafeEqual`); and remembers the idempotency keys of what it has handled.
//! Of several signatures, separated by commas, one has to be right. [`verify`] does all but the last.

use std::time::Duration;

use alerting::Credential;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// The header that says when a request was sent.
pub const TIMESTAMP: &str = "X-AceFlow-Timestamp";
/// The header that names the secret.
pub const KEY_ID: &str = "X-AceFlow-Key-Id";
/// The header with the signature.
pub const SIGNATURE: &str = "X-AceFlow-Signature";
/// The header with the notice's id.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// How far a timestamp may be off.
pub const TOLERANCE: Duration = Duration::from_mins(5);
/// The shortest secret, in bytes: the length of the hash, as RFC 2104 recommends it ("Keys").
pub const MIN_SECRET: usize = 32;

/// A secret that could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the webhook's secret is shorter than {MIN_SECRET} bytes: generate one at random, and give it to the receiver"
)]
pub struct WeakSecret;

/// The value of [`SIGNATURE`] for a body that is sent at an instant.
///
/// # Errors
/// [`WeakSecret`] if it is too short.
pub fn sign(secret: &Credential, sent: Timestamp, body: &[u8]) -> Result<String, WeakSecret> {
    let mac = mac(secret, &sent.as_second().to_string(), body)?;
    let digits = mac.finalize().into_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    Ok("v1=".chars().chain(digits).collect())
}

fn mac(secret: &Credential, timestamp: &str, body: &[u8]) -> Result<Hmac<Sha256>, WeakSecret> {
    let secret = secret.expose().as_bytes();
    if secret.len() < MIN_SECRET {
        return Err(WeakSecret);
    }
    let mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| WeakSecret)?;
    Ok(mac.chain_update(timestamp).chain_update(b".").chain_update(body))
}

/// Why a request is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthentic {
    /// The timestamp is no number of seconds.
    #[error("{TIMESTAMP} is no number of seconds")]
    NoTimestamp,
    /// It was sent too long ago, or is yet to be sent.
    #[error("{TIMESTAMP} is more than {} s off: the request is old, or a clock is wrong", TOLERANCE.as_secs())]
    Stale,
    /// No signature of the request is right.
    #[error("no signature in {SIGNATURE} is of this secret, timestamp and body")]
    Forged,
    /// The secret is none.
    #[error(transparent)]
    Weak(#[from] WeakSecret),
}

/// Whether a request with these headers and this body was signed with this secret and sent just now, in constant time.
///
/// # Errors
/// [`NotAuthentic`].
pub fn verify(
    secret: &Credential,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotAuthentic> {
    let mac = mac(secret, timestamp, body)?;
    let signed = signatures
        .split(',')
        .filter_map(|signature| signature.trim().strip_prefix("v1="))
        .filter_map(bytes)
        // All of them are looked at, in constant time each.
        .fold(false, |found, signature| found | mac.clone().verify_slice(&signature).is_ok());
    if !signed {
        return Err(NotAuthentic::Forged);
    }
    let sent: i64 = timestamp.parse().map_err(|_| NotAuthentic::NoTimestamp)?;
    let off = Duration::from_secs(now.as_second().abs_diff(sent));
    if off > TOLERANCE { Err(NotAuthentic::Stale) } else { Ok(()) }
}

/// The bytes that hexadecimal digits write.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        digits.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks_exact(2).map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Credential {
        Credential::new(text)
    }

    /// The secret of test case 6 in RFC 4231 is 131 bytes of 0xaa, which are no text: so the value is computed with
    /// another implementation (Python's hmac module).
    #[test]
    fn a_signature_is_what_others_compute() {
        let sent = "2026-01-02T03:04:05.9Z".parse().unwrap();
        let key = secret("0123456789abcdef0123456789abcdef");
        let signature = sign(&key, sent, b"{\"version\":1}").unwrap();
        assert_eq!(signature, "v1=3c0f9d6c947d87fbacb4cbe28d88f12f6f8eec61c8f60e17948aa7eb37d7287e");
        assert_eq!(verify(&key, "1767323045", &signature, b"{\"version\":1}", sent), Ok(()));
    }

    #[test]
    fn what_was_changed_is_forged_and_what_is_old_is_stale() {
        let sent: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let key = secret("0123456789abcdef0123456789abcdef");
        let signature = sign(&key, sent, b"body").unwrap();
        let timestamp = sent.as_second().to_string();
        let check = |key: &Credential, timestamp: &str, signature: &str, body: &[u8]| {
            verify(key, timestamp, signature, body, sent)
        };
        assert_eq!(check(&key, &timestamp, &signature, b"body"), Ok(()));
        assert_eq!(check(&key, &timestamp, &format!("v1=00, v2=x,{signature}"), b"body"), Ok(()));
        let other = secret("another secret of thirty-two bytes");
        for (key, timestamp, signature, body) in [
            (&other, timestamp.as_str(), signature.as_str(), b"body".as_slice()),
            (&key, "1767323046", &signature, b"body"),
            (&key, &timestamp, &signature, b"Body"),
            (&key, &timestamp, signature.trim_start_matches("v1="), b"body"),
            (&key, &timestamp, signature.trim_end_matches(|_: char| true), b"body"),
            (&key, &timestamp, "v1=", b"body"),
            (&key, &timestamp, "v1=zz", b"body"),
            (&key, &timestamp, "v1=é", b"body"),
            (&key, "soon", &signature, b"body"),
        ] {
            assert_eq!(
                check(key, timestamp, signature, body),
                Err(NotAuthentic::Forged),
                "{timestamp} {signature}"
            );
        }
        for off in [-301, 301] {
            let now = Timestamp::from_second(sent.as_second() + off).unwrap();
            assert_eq!(verify(&key, &timestamp, &signature, b"body", now), Err(NotAuthentic::Stale));
        }
        let now = Timestamp::from_second(sent.as_second() + 300).unwrap();
        assert_eq!(verify(&key, &timestamp, &signature, b"body", now), Ok(()));
    }

    #[test]
    fn a_short_secret_signs_nothing() {
        let error = sign(&secret("hush"), Timestamp::UNIX_EPOCH, b"").unwrap_err();
        assert!(error.to_string().contains("generate one at random") && !error.to_string().contains("hush"));
        assert_eq!(
            verify(&secret("hush"), "0", "v1=00", b"", Timestamp::UNIX_EPOCH),
            Err(NotAuthentic::Weak(WeakSecret))
        );
    }
}
