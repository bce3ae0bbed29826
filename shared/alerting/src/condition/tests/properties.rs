//! `PROPTEST_CASES=200000 cargo test -p alerting properties` looks for longer.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::reference::{condition, expr, naive, picture};
use super::*;

/// What conditions are made of, and what people write instead.
const PIECES: &[&str] = &[
    "AND",
    "or",
    "Not",
    "FOR",
    "clear",
    "AFTER",
    "(",
    ")",
    ",",
    ":",
    ">",
    ">=",
    "<",
    "<=",
    "=",
    "!=",
    "==",
    "&&",
    "|",
    "!",
    "\"",
    "\\",
    "'",
    "“",
    "*",
    " ",
    "\n",
    "environment",
    "service",
    "status",
    "deployment",
    "alarm",
    "response_time",
    "error_rate",
    "requests",
    "affected_environments",
    "worst_status",
    "production",
    "unhealthy",
    "failed",
    "2s",
    "5%",
    "10k",
    "2",
    "1.5",
    "5m",
    "-1",
    "s",
    "arn:aws",
    "日本",
    "\u{200b}",
    "u\u{308}",
    "\u{7}",
];

/// What has to be true of whatever is read.
fn check(text: &str, vocabulary: &Vocabulary) -> Result<(), TestCaseError> {
    match Condition::parse(text, vocabulary) {
        Ok(condition) => {
            prop_assert_eq!(condition.text(), text);
            let printed = condition.to_string();
            let again = Condition::parse(&printed, vocabulary);
            prop_assert_eq!(again.as_ref().map(Condition::to_string), Ok(printed));
            prop_assert_eq!(again, Ok(condition));
        }
        Err(error) => {
            let characters = error.text().chars().count();
            prop_assert!(error.offset() + error.length() <= characters, "{:?}", error);
            prop_assert!(text.starts_with(error.text()));
            prop_assert!(error.remedy().starts_with("write "), "{}", error);
            prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
            let pointed = error.pointed();
            let lines: Vec<_> = pointed.split('\n').collect();
            prop_assert_eq!(lines.len(), 2);
            prop_assert!(
                lines[1].trim_start().chars().all(|c| c == '^') && lines[1].ends_with('^'),
                "{}",
                pointed
            );
            let suggested =
                error.suggestion().is_none_or(|suggestion| error.to_string().contains(suggestion));
            prop_assert!(suggested, "{}", error);
        }
    }
    Ok(())
}

/// A change of one place.
#[derive(Clone, Debug)]
enum Slip {
    Left(Index),
    Put(Index, String),
    Twice(Index, Index),
    End(Index),
}

fn slip() -> impl Strategy<Value = Slip> {
    let piece = prop_oneof![
        select(PIECES.to_vec()).prop_map(str::to_owned),
        "\\PC{1,3}",
        any::<char>().prop_map(String::from)
    ];
    prop_oneof![
        any::<Index>().prop_map(Slip::Left),
        (any::<Index>(), piece).prop_map(|(at, piece)| Slip::Put(at, piece)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Slip::Twice(from, to)),
        any::<Index>().prop_map(Slip::End),
    ]
}

fn slipped(text: &str, slip: &Slip) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let places = characters.len() + 1;
    match slip {
        Slip::Left(at) if !characters.is_empty() => {
            characters.remove(at.index(characters.len()));
        }
        Slip::Left(_) => {}
        Slip::Put(at, piece) => {
            let at = at.index(places);
            characters.splice(at..at, piece.chars());
        }
        Slip::Twice(from, to) => {
            let (from, to) = (from.index(places), to.index(places));
            characters.extend_from_within(from.min(to)..from.max(to));
        }
        Slip::End(at) => characters.truncate(at.index(places)),
    }
    characters.into_iter().collect()
}

/// What is known of some fields alone.
struct Of<'a>(&'a Known, BTreeSet<&'a str>);

impl Picture for Of<'_> {
    fn see(&self, field: &str) -> Seen<'_> {
        if self.1.contains(field) { self.0.see(field) } else { Seen::Unknown }
    }
}

/// Each part with the parts of it.
fn same(explanation: &Explanation, expr: &Expr, picture: &Known) -> Result<(), TestCaseError> {
    prop_assert_eq!(explanation.truth, expr.holds(picture));
    let parts: Vec<&Expr> = match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().collect(),
        Expr::Not(part) => vec![part],
        Expr::Term(_) => Vec::new(),
    };
    prop_assert_eq!(explanation.parts.len(), parts.len());
    explanation.parts.iter().zip(parts).try_for_each(|(explanation, part)| same(explanation, part, picture))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_condition_or_an_error_that_points_into_it(text in "\\PC{0,80}|(?s).{0,80}") {
        check(&text, &signals())?;
        check(&text, &Vocabulary::labels())?;
    }

    #[test]
    fn any_row_of_pieces_is_a_condition_or_an_error_that_points_into_it(
        pieces in prop::collection::vec((select(PIECES.to_vec()), any::<bool>()), 0..24),
    ) {
        let text: String = pieces.iter().flat_map(|(piece, space)| [*piece, if *space { " " } else { "" }]).collect();
        check(&text, &signals())?;
        check(&text, &Vocabulary::labels())?;
    }

    #[test]
    fn a_condition_with_slips_is_a_condition_or_an_error_that_points_into_it(
        condition in condition(),
        slips in prop::collection::vec(slip(), 1..4),
    ) {
        let text = slips.iter().fold(condition.to_string(), |text, slip| slipped(&text, slip));
        check(&text, &signals())?;
    }

    #[test]
    fn what_is_printed_is_read_as_an_equal_condition(condition in condition()) {
        let printed = condition.to_string();
        if printed.chars().count() <= LONGEST {
            match Condition::parse(&printed, &signals()) {
                Ok(read) => {
                    prop_assert_eq!(read.to_string(), printed);
                    prop_assert_eq!(read, condition);
                }
                Err(error) => prop_assert!(false, "{}\n{}", error.pointed(), error),
            }
        }
    }

    #[test]
    fn a_condition_holds_where_a_naive_evaluator_says_so(expr in expr(), picture in picture()) {
        let truth = naive(&expr, &picture).map_or(Truth::Unknown, Truth::from);
        prop_assert_eq!(expr.holds(&picture), truth, "{}", expr);
    }

    #[test]
    fn not_both_is_one_or_the_other_not(a in expr(), b in expr(), picture in picture()) {
        let not = |part: &Expr| Expr::Not(Box::new(part.clone()));
        let pairs = [
            (not(&Expr::all(vec![a.clone(), b.clone()])), Expr::any(vec![not(&a), not(&b)])),
            (not(&Expr::any(vec![a.clone(), b.clone()])), Expr::all(vec![not(&a), not(&b)])),
            (not(&not(&a)), a),
        ];
        for (one, other) in pairs {
            prop_assert_eq!(one.holds(&picture), other.holds(&picture), "{} / {}", one, other);
        }
    }

    #[test]
    fn the_terms_of_the_reason_are_enough_to_make_it_hold(expr in expr(), picture in picture()) {
        let holds = expr.holds(&picture) == Truth::Holds;
        prop_assert_eq!(!explain::because(&expr, &picture).is_empty(), holds);
        let fields = explain::witnesses(&expr, &picture).into_iter().map(|(term, _)| term.field()).collect();
        prop_assert_eq!(expr.holds(&Of(&picture, fields)) == Truth::Holds, holds, "{}", expr);
    }

    #[test]
    fn an_explanation_says_what_each_part_is(expr in expr(), picture in picture()) {
        same(&Explanation::of(&expr, &picture), &expr, &picture)?;
    }

    #[test]
    fn what_becomes_known_does_not_change_what_was_known(expr in expr(), picture in picture(), field in any::<Index>()) {
        let fields: BTreeSet<&str> = picture.0.keys().map(String::as_str).collect();
        let fewer: BTreeSet<&str> = fields.iter().copied().take(field.index(fields.len() + 1)).collect();
        let before = expr.holds(&Of(&picture, fewer));
        prop_assert!(before == Truth::Unknown || before == expr.holds(&picture), "{}", expr);
    }
}
