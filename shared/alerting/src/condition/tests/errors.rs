use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::*;

/// One text for each mistake that the parser knows.
const REFUSED: &[&str] = &[
    "",
    "   ",
    "environment",
    "environment:",
    "environment:production AND",
    "AND environment:production",
    "environment:production AND OR status:unhealthy",
    "NOT",
    "environment:production status:unhealthy",
    "environment:production adn status:unhealthy",
    "environment:production && status:unhealthy",
    "!environment:production",
    "enviroment:production",
    "environment:production AND respone_time > 2s",
    "colour:blue",
    "nto status:unhealthy",
    "production",
    "status unhealthy",
    "status is unhealthy",
    "response_time over 2s",
    "response_time 2s",
    "status = unhealty",
    "status:down",
    "status:Critical",
    "deployment:(failed, froze)",
    "status:un*",
    "deployment > running",
    "environment > production",
    "environment = production",
    "environment != production",
    "environment = (staging, production)",
    "response_time:2s",
    "response_time:(2s, 3s)",
    "response_time:>2s",
    "response_time == 2s",
    "response_time => 2s",
    "response_time ≥ 2s",
    "response_time >>> 2s",
    "response_time > 2",
    "response_time > 2 s",
    "response_time > 2 seconds",
    "response_time > 2sec",
    "response_time > 5%",
    "response_time > fast",
    "response_time > -2s",
    "response_time > 1.2.3s",
    "response_time > 1,5s",
    "response_time > 400d",
    "response_time > 1.000000000000000000001s",
    "2s < response_time",
    "error_rate > 5",
    "error_rate > 5 %",
    "error_rate > 2s",
    "requests > 10K",
    "requests > 100ms",
    "requests > 1,000",
    "cpu > 5% < 90%",
    "alarm:arn:aws:cloudwatch:us-east-1:123456789012:alarm:shop",
    "alarm:a;b OR alarm:c",
    "alarm:Shop Errors",
    "alarm:\"Shop Errors",
    "alarm:\"a\\nb\"",
    "alarm:\"a\tb\"",
    "alarm:\"\"",
    "alarm:'shop'",
    "alarm:“Überlast”",
    "alarm:über\u{200b}last",
    "\"shop\"",
    "service:and",
    "service:(shop cart)",
    "service:(shop OR cart)",
    "service:(shop, )",
    "service:()",
    "service:(shop, cart",
    "service:(shop:cart, x)",
    "service:shop, cart",
    "service:shop, cart:x",
    "(status:unhealthy",
    "status:unhealthy)",
    "()",
    "(status:unhealthy OR) AND cpu > 5%",
    "(status:unhealthy FOR 5m)",
    "status:unhealthy (cpu > 5%)",
    "status:unhealthy NOT cpu > 5%",
    "status:unhealthy FOR",
    "status:unhealthy FOR 5",
    "status:unhealthy FOR 500ms",
    "status:unhealthy FOR 1.5s",
    "status:unhealthy FOR 8d",
    "status:unhealthy FOR 5m FOR 5m",
    "status:unhealthy FOR 5m AND cpu > 5%",
    "status:unhealthy CLEAR 5m",
    "status:unhealthy CLEAR AFTER 5m FOR 5m",
    "affected_environments >= 2",
    "affected_environments >= 2 AND worst_status:critical",
    "response_time > 2s OR affected_environments >= 2",
    "NOT worst_status:critical",
    "status:unhealthy AND affected_environments >= 1.5",
    "affected_environments:2 AND status:unhealthy",
    "alarm:日本語 AND status:unhealty",
];

#[test]
fn every_mistake_is_pointed_at_and_has_a_remedy() {
    let mut told = String::new();
    for text in REFUSED {
        let error = refused(text);
        writeln!(told, "{}\n{error}\n", error.pointed()).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_condition_over_alerts_knows_labels_alone_and_no_time() {
    let mut told = String::new();
    for text in [
        "",
        "severity:urgent",
        "severity > hi",
        "status:unhealthy",
        "rule:Production Down",
        "severity:low FOR 5m",
        "severity:low CLEAR AFTER 5m",
    ] {
        let error = Condition::parse(text, &Vocabulary::labels()).expect_err(text);
        writeln!(told, "{}\n{error}\n", error.pointed()).unwrap();
    }
    insta::assert_snapshot!(told);
}

/// The text with what is suggested in the place of what is wrong.
fn mended(error: &ConditionError) -> Option<String> {
    let suggestion = error.suggestion()?;
    let (before, rest) = error.text().split_at(at(error.text(), error.offset()));
    let after = &rest[at(rest, error.length())..];
    Some(format!("{before}{suggestion}{after}"))
}

/// Where so many characters end, in bytes.
fn at(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

#[test]
fn what_is_suggested_mends_the_mistake() {
    let mut mended_all = 0;
    for text in REFUSED {
        let (mut error, mut seen) = (refused(text), vec![(*text).to_owned()]);
        while let Some(text) = mended(&error) {
            assert!(!seen.contains(&text), "in a circle: {seen:?}");
            seen.push(text.clone());
            match Condition::parse(&text, &signals()) {
                Ok(_) => {
                    mended_all += 1;
                    break;
                }
                Err(next) => error = next,
            }
        }
        assert!(seen.len() < 5, "{seen:?}");
    }
    assert!(mended_all > 45, "{mended_all}");
}

#[test]
fn every_remedy_says_what_to_write() {
    for text in REFUSED {
        let error = refused(text);
        assert!(error.remedy().starts_with("write "), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn an_error_carries_its_parts() {
    let error = refused("alarm:日本語 AND status:unhealty");
    assert_eq!((error.offset(), error.length(), error.column()), (21, 8, 22));
    assert_eq!(error.text(), "alarm:日本語 AND status:unhealty");
    assert_eq!(error.found(), "`unhealty` is no status");
    assert_eq!(error.suggestion(), Some("unhealthy"));
    assert_eq!(error.expected(), ["healthy", "degraded", "unhealthy", "critical"]);
}

#[test]
fn carets_stand_under_what_is_wrong_whatever_the_characters_before() {
    for (text, pointed) in [
        // Each of these takes two cells.
        ("alarm:日本語 AND x:y", "alarm:日本語 AND x:y\n                 ^"),
        // One cell, of two characters.
        ("alarm:\"u\u{308}ber\" AND x:y", "alarm:\"u\u{308}ber\" AND x:y\n                 ^"),
        ("cpu > 5%\n\tAND x:y", "cpu > 5%  AND x:y\n              ^"),
        ("alarm:\"日本\u{7}\"", "alarm:\"日本 \"\n           ^"),
    ] {
        assert_eq!(refused(text).pointed(), pointed);
    }
}

#[test]
fn of_a_long_condition_the_part_around_the_mistake_is_shown() {
    let many = |count: usize| "alarm:日本語 OR ".repeat(count);
    let told = [
        many(20) + "alrm:x",
        format!("alrm:x OR {}cpu > 5%", many(20)),
        format!("{}alrm:x OR {}cpu > 5%", many(20), many(20)),
        format!("alarm:\"{}", "x".repeat(200)),
    ]
    .map(|text| refused(&text).pointed());
    for lines in &told {
        let cells = lines.lines().map(UnicodeWidthStr::width).max();
        assert!(cells.unwrap() <= 102, "{lines}");
    }
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let long = format!("alarm:{}", "日".repeat(LONGEST));
    let error = refused(&long);
    assert_eq!((error.offset(), error.length()), (LONGEST, 0));
    assert_eq!(error.text().chars().count(), LONGEST, "not all of what was given");
    assert_eq!(
        error.to_string(),
        "column 2001: the condition has more than 2000 characters: write it shorter, or as several rules"
    );

    let nested = |depth: usize| format!("{}cpu > 5%{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(parsed(&nested(32)), parsed("cpu > 5%"));
    assert_eq!(
        refused(&nested(33)).to_string(),
        "column 33: parentheses and NOT are nested deeper than 32: write it flatter, or as several rules"
    );
    assert_eq!(refused(&format!("{}cpu > 5%", "NOT ".repeat(33))).column(), 129);
}
