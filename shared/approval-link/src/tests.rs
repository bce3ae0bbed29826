use jiff::Timestamp;
use proptest::prelude::*;
use rollout::{EnvironmentName, Epoch, StepIndex};

use crate::{Approver, Claim, InvalidApprover, Key, Keyring, Link, LinkError};

const SECRET: &str = "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOPQRSTUV";

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn keyring() -> Keyring {
    Keyring::new(key(SECRET), None)
}

fn production() -> EnvironmentName {
    "production".parse().unwrap()
}

fn claim() -> Claim {
    Claim {
        environment: production(),
        rollout: "checkout-5d201bea55da0056".parse().unwrap(),
        epoch: Epoch(7),
        step: StepIndex(1),
        since: "2026-08-03T09:20:11.123456789Z".parse().unwrap(),
        expires: "2026-08-03T13:20:00Z".parse().unwrap(),
        approver: "ann@example.com".parse().unwrap(),
    }
}

/// Any claim that can be.
fn claims() -> impl Strategy<Value = Claim> {
    let names = (
        "[a-zA-Z0-9._-]{1,32}",
        "[a-zA-Z0-9._-]{1,80}",
        "[^\\p{C}\\p{Z}][^\\p{C}\\p{Zl}\\p{Zp}]{0,20}[^\\p{C}\\p{Z}]",
    );
    let times =
        (-377_705_023_201_i64..253_402_207_200, 0..1_000_000_000_i32, -377_705_023_201_i64..253_402_207_200);
    (names, any::<u64>(), any::<u16>(), times).prop_map(
        |((environment, rollout, approver), epoch, step, (since, nanos, expires))| Claim {
            environment: environment.parse().unwrap(),
            rollout: rollout.parse().unwrap(),
            epoch: Epoch(epoch),
            step: StepIndex(step),
            since: Timestamp::new(since, nanos).unwrap(),
            expires: Timestamp::from_second(expires).unwrap(),
            approver: approver.parse().unwrap(),
        },
    )
}

proptest! {
    #[test]
    fn what_is_signed_is_read_back(claim in claims()) {
        let link = keyring().sign(&claim);
        prop_assert!(link.expose().len() <= Link::MAX_BYTES);
        let sent: Link = link.expose().parse().unwrap();
        prop_assert_eq!(keyring().read(&sent, &claim.environment), Ok(claim));
    }

    #[test]
    fn a_link_with_any_character_changed_is_refused(claim in claims(), at in any::<prop::sample::Index>(), other in "[A-Za-z0-9_-]") {
        let link = keyring().sign(&claim);
        let at = at.index(link.expose().len());
        let mut text = link.expose().to_owned();
        text.replace_range(at..=at, &other);
        prop_assume!(text != link.expose());
        let refused = text.parse().and_then(|link| keyring().read(&link, &claim.environment)).unwrap_err();
        prop_assert!(matches!(refused, LinkError::Malformed | LinkError::UnknownKey | LinkError::Forged), "{:?}", refused);
    }

    #[test]
    fn a_link_that_is_cut_or_has_something_added_is_refused(claim in claims(), left in any::<prop::sample::Index>(), more in "[A-Za-z0-9_-]{1,9}") {
        let link = keyring().sign(&claim);
        let cut = &link.expose()[..left.index(link.expose().len())];
        for text in [cut.to_owned(), format!("{}{more}", link.expose())] {
            prop_assert!(text.parse().and_then(|link| keyring().read(&link, &claim.environment)).is_err());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,400}", letters in "[A-Za-z0-9_-]{1,400}") {
        for text in [text, letters] {
            let read = text.parse().and_then(|link| keyring().read(&link, &production()));
            prop_assert!(read.is_err());
        }
    }

    #[test]
    fn a_claim_is_alive_until_it_expires(claim in claims(), seconds in -1000_i64..1000) {
        let now = Timestamp::from_second((claim.expires.as_second() + seconds).clamp(-377_705_023_201, 253_402_207_200)).unwrap();
        prop_assert_eq!(claim.alive(now).is_ok(), now < claim.expires);
    }
}

/// Every byte of one link, each with every other value that base64 can write: not one is accepted.
#[test]
fn every_changed_character_of_a_link_is_refused() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let link = keyring().sign(&claim());
    let mut tried = 0;
    for at in 0..link.expose().len() {
        for other in ALPHABET {
            let mut bytes = link.expose().as_bytes().to_vec();
            if bytes[at] == *other {
                continue;
            }
            bytes[at] = *other;
            let text = String::from_utf8(bytes).unwrap();
            assert!(keyring().read(&text.parse().unwrap(), &production()).is_err(), "{at}: {other}");
            tried += 1;
        }
    }
    assert_eq!(tried, link.expose().len() * 63);
}

/// Computed with Python's hmac, hashlib and base64 from the layout in `link.rs`: links stay valid across versions.
#[test]
fn a_link_is_what_another_implementation_makes_of_the_claim() {
    let expected = concat!(
        "ARCzoVwIYFPnwpZsNxhkKjUIOIkdPJgK4x1d6eeN1GZ8APpwWXByb2R1Y3Rpb24KY2hlY2tvdXQtNWQyMDF",
        "iZWE1NWRhMDA1Ngo3CjEKMTc4NTc0ODgxMTEyMzQ1Njc4OQoxNzg1NzYzMjAwCmFubkBleGFtcGxlLmNvbQ"
    );
    assert_eq!(keyring().sign(&claim()).expose(), expected);
}

#[test]
fn a_link_expires_at_its_second_and_not_before() {
    let link = keyring().sign(&claim());
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let verify = |now| keyring().verify(&link, &production(), at(now));
    assert_eq!(verify("2026-08-03T13:19:59.999999999Z"), Ok(claim()));
    let expired = Err(LinkError::Expired { at: claim().expires });
    assert_eq!(verify("2026-08-03T13:20:00Z"), expired);
    assert_eq!(verify("2027-01-01T00:00:00Z"), expired);
}

#[test]
fn each_refusal_has_its_reason() {
    let link = keyring().sign(&claim());
    let other = Keyring::new(key(&SECRET.replace('0', "1")), None);
    assert_eq!(other.read(&link, &production()), Err(LinkError::UnknownKey));
    let staging = "staging".parse().unwrap();
    assert_eq!(keyring().read(&link, &staging), Err(LinkError::OtherEnvironment));
    let mut forged = link.expose().to_owned();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    let refused = keyring().read(&forged.parse().unwrap(), &production()).unwrap_err();
    assert!(matches!(refused, LinkError::Forged | LinkError::Malformed), "{refused:?}");
    for text in ["", "a b", "a.b", "a%2Fb", "ümlaut", &"A".repeat(Link::MAX_BYTES + 1)] {
        assert_eq!(text.parse::<Link>(), Err(LinkError::Malformed), "{text}");
    }
}

#[test]
fn a_link_outlives_one_rotation_and_not_two() {
    let (first, second, third) = (key(SECRET), key(&SECRET.repeat(2)), key(&SECRET.repeat(3)));
    let link = Keyring::new(first.clone(), None).sign(&claim());
    let rotated = Keyring::new(second.clone(), Some(first));
    assert_eq!(rotated.read(&link, &production()), Ok(claim()));
    assert_eq!(Keyring::new(second.clone(), None).read(&rotated.sign(&claim()), &production()), Ok(claim()));
    let twice = Keyring::new(third, Some(second));
    assert_eq!(twice.read(&link, &production()), Err(LinkError::UnknownKey));
}

#[test]
fn nothing_shows_a_key_or_a_link() {
    let link = keyring().sign(&claim());
    let shown = format!("{:?} {:?} {:?}", link, keyring(), key(SECRET));
    assert!(shown.contains("redacted") && shown.contains(&link.id().to_string()), "{shown}");
    for secret in [link.expose(), &link.expose()[60..], SECRET, &SECRET[..12], "correct"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(Key::new(&SECRET[..31]).is_err());
    assert!(Key::new(&SECRET[..32]).is_ok());
}

#[test]
fn an_approver_is_a_name_that_can_be_seen() {
    for good in ["ann", "ann@example.com", "Ann O'Neil", "Zoë", &"a".repeat(128)] {
        assert_eq!(good.parse::<Approver>().unwrap().as_str(), good);
    }
    for bad in ["", " ann", "ann ", "an\nn", "ann\u{200b}", "\u{202e}nna", "a\u{ad}nn", &"a".repeat(129)] {
        assert_eq!(bad.parse::<Approver>(), Err(InvalidApprover), "{bad:?}");
    }
}

/// What the documentation says: with usual names, and at the longest.
#[test]
fn a_link_fits_into_a_line_of_a_message() {
    let link = keyring().sign(&claim());
    assert!((150..=180).contains(&link.expose().len()), "{}", link.expose().len());
    let longest = Claim {
        environment: "e".repeat(32).parse().unwrap(),
        rollout: "r".repeat(80).parse().unwrap(),
        epoch: Epoch(u64::MAX),
        step: StepIndex(u16::MAX),
        since: "-009999-01-02T01:59:59.123456789Z".parse().unwrap(),
        expires: "-009999-01-02T01:59:59Z".parse().unwrap(),
        approver: "a".repeat(128).parse().unwrap(),
    };
    assert_eq!(Link::MAX_BYTES, 458);
    let link = keyring().sign(&longest);
    assert!(link.expose().len() <= Link::MAX_BYTES, "{}", link.expose().len());
    assert_eq!(link.expose().parse::<Link>().unwrap(), link);
}
