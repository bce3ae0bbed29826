//! A naive evaluator, and what it is fed with.

use proptest::prelude::*;

use super::super::comparison::Comparison;
use super::super::expr::Term;
use super::super::word::{Word, compared_with};
use super::*;

/// `None` is what nobody knows.
type Maybe = Option<bool>;

pub(super) fn naive(expr: &Expr, picture: &Known) -> Maybe {
    match expr {
        Expr::All(parts) => {
            let parts: Vec<Maybe> = parts.iter().map(|part| naive(part, picture)).collect();
            if parts.contains(&Some(false)) {
                Some(false)
            } else if parts.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        Expr::Any(parts) => {
            let parts: Vec<Maybe> = parts.iter().map(|part| naive(part, picture)).collect();
            if parts.contains(&Some(true)) {
                Some(true)
            } else if parts.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Expr::Not(part) => naive(part, picture).map(|holds| !holds),
        Expr::Term(term) => match picture.0.get(term.field()) {
            None | Some(Seen::Unknown) => None,
            Some(Seen::Number(seen)) if seen.is_nan() => None,
            Some(Seen::Number(seen)) => match term.test() {
                Test::Number(number) => Some(compare(number.comparison, *seen, number.value)),
                _ => None,
            },
            Some(Seen::Text(seen)) => naive_text(term.test(), seen),
            Some(Seen::Texts(seen)) => {
                let each: Vec<Maybe> = seen.iter().map(|seen| naive_text(term.test(), seen)).collect();
                if each.contains(&Some(true)) {
                    Some(true)
                } else if each.contains(&None) {
                    None
                } else {
                    Some(false)
                }
            }
        },
    }
}

fn compare<T: PartialOrd + Copy>(comparison: Comparison, seen: T, asked: T) -> bool {
    match comparison {
        Comparison::Equal => seen == asked,
        Comparison::NotEqual => seen != asked,
        Comparison::Less => seen < asked,
        Comparison::AtMost => seen <= asked,
        Comparison::Greater => seen > asked,
        Comparison::AtLeast => seen >= asked,
    }
}

fn naive_text(test: &Test, seen: &str) -> Maybe {
    match test {
        Test::Text(patterns) => {
            let seen: Vec<char> = seen.chars().collect();
            Some(patterns.iter().any(|pattern| like(&pattern.as_str().chars().collect::<Vec<_>>(), &seen)))
        }
        Test::Status(words) => {
            let ranks = ["healthy", "degraded", "unhealthy", "critical"];
            naive_word(
                &ranks,
                words.comparison(),
                words.written().iter().map(|word| word.as_str()),
                seen,
                |seen, word| if word > 0 { seen >= word } else { seen == word },
            )
        }
        Test::Deployment(words) => {
            let ranks = ["succeeded", "running", "waiting", "frozen", "rolling_back", "failed"];
            naive_word(
                &ranks,
                words.comparison(),
                words.written().iter().map(|word| word.as_str()),
                seen,
                // What goes back has failed.
                |seen, word| seen == word || (word == 5 && seen == 4),
            )
        }
        Test::Severity(words) => {
            let ranks = ["info", "low", "medium", "high", "critical"];
            naive_word(
                &ranks,
                words.comparison(),
                words.written().iter().map(|word| word.as_str()),
                seen,
                |seen, word| seen == word,
            )
        }
        Test::Number(_) => None,
    }
}

fn naive_word<'w>(
    ranks: &[&str],
    comparison: Comparison,
    written: impl Iterator<Item = &'w str>,
    seen: &str,
    means: fn(usize, usize) -> bool,
) -> Maybe {
    let rank = |word: &str| ranks.iter().position(|known| *known == word);
    let seen = rank(seen)?;
    let means = |word: usize| means(seen, word);
    let mut written = written.map(|word| rank(word).unwrap());
    Some(match comparison {
        Comparison::Equal => written.any(means),
        Comparison::NotEqual => !written.any(means),
        comparison => written.any(|word| compare(comparison, seen, word)),
    })
}

/// Whether a text is like a pattern, by trying everything.
fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skipped| like(rest, &text[skipped..])),
        [c, rest @ ..] => text.first() == Some(c) && like(rest, &text[1..]),
    }
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let all = ["=", "!=", "<", "<=", ">", ">="];
    prop::sample::select(all.to_vec()).prop_map(|sign| Comparison::read(sign).unwrap())
}

fn word<T: Word + std::fmt::Debug>() -> impl Strategy<Value = T> {
    prop::sample::select(T::ALL.to_vec())
}

fn words<T: Word + std::fmt::Debug>(has_order: bool) -> impl Strategy<Value = Words<T>> {
    let any_of =
        prop::collection::vec(word::<T>(), 1..3).prop_map(|words| compared_with(Comparison::Equal, words));
    let compared = (comparison(), word::<T>()).prop_map(move |(comparison, word)| {
        let comparison = if has_order { comparison } else { Comparison::NotEqual };
        compared_with(comparison, vec![word])
    });
    prop_oneof![any_of, compared]
}

/// A number as it may be written, mostly one that pictures have.
fn number(unit: Unit) -> impl Strategy<Value = Number> {
    let units: &[&str] = match unit {
        Unit::Milliseconds => &["ms", "s", "m", "h", "d"],
        Unit::Percent => &["%"],
        Unit::One => &["", "k", "M"],
    };
    let least = if unit == Unit::Milliseconds { "ms" } else { units[0] };
    let seen = (0..4_u32).prop_map(move |number| format!("{number}{least}"));
    let written = ("[0-9]{1,6}", "[0-9]{0,14}", prop::sample::select(units.to_vec()));
    let written = written.prop_map(|(whole, fraction, unit)| match fraction.as_str() {
        "" => format!("{whole}{unit}"),
        fraction => format!("{whole}.{fraction}{unit}"),
    });
    // What is too great is as good as nothing.
    let value = prop_oneof![seen, written].prop_map(move |text| unit.read(&text).unwrap_or(0.0));
    (comparison(), value).prop_map(move |(comparison, value)| Number { comparison, value, unit })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let text =
        prop_oneof![4 => "[ab*]{1,5}", 1 => "\\PC{1,8}", 1 => "(?i)and|or|not|for|clear|[\"\\\\ a*]{1,6}"];
    text.prop_map(|text| Pattern::new(&text))
}

fn term() -> impl Strategy<Value = Expr> {
    let texts = ["environment", "service", "version", "alarm", "metric"];
    let of = |field: &'static str, test: BoxedStrategy<Test>| {
        test.prop_map(move |test| Expr::Term(Term::new(field.to_owned(), test))).boxed()
    };
    prop_oneof![
        (prop::sample::select(texts.to_vec()), prop::collection::vec(pattern(), 1..3))
            .prop_map(|(field, patterns)| Expr::Term(Term::new(field.to_owned(), Test::Text(patterns)))),
        of("status", words::<Health>(true).prop_map(Test::Status).boxed()),
        of("deployment", words::<crate::Deployment>(false).prop_map(Test::Deployment).boxed()),
        of("response_time", number(Unit::Milliseconds).prop_map(Test::Number).boxed()),
        of("queue_age", number(Unit::Milliseconds).prop_map(Test::Number).boxed()),
        of("cpu", number(Unit::Percent).prop_map(Test::Number).boxed()),
        of("requests", number(Unit::One).prop_map(Test::Number).boxed()),
    ]
}

pub(super) fn expr() -> impl Strategy<Value = Expr> {
    term().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..5).prop_map(Expr::all),
            prop::collection::vec(inner.clone(), 2..5).prop_map(Expr::any),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    let affected = (comparison(), prop_oneof![0..4_u32, any::<u32>()])
        .prop_map(|(comparison, environments)| Aggregate::AffectedEnvironments { comparison, environments });
    prop_oneof![affected, words::<Health>(true).prop_map(Aggregate::WorstStatus)]
}

pub(super) fn condition() -> impl Strategy<Value = Condition> {
    let span = || prop_oneof![2 => Just(0), 1 => 1..=604_800_u32].prop_map(Seconds);
    let across = prop::collection::vec(aggregate(), 0..3);
    (expr(), across, span(), span(), any::<bool>()).prop_map(|(rest, across, lasting, clear_after, bare)| {
        let only_worst =
            across.iter().all(|one| matches!(one, Aggregate::WorstStatus(_))) && !across.is_empty();
        let rest = (!(bare && only_worst)).then_some(rest);
        Condition { text: String::new(), parsed: Parsed { rest, across, lasting, clear_after } }
    })
}

/// What may be known of the fields that conditions ask for; of the wrong kind, too.
pub(super) fn picture() -> impl Strategy<Value = Known> {
    let text = || prop_oneof!["[ab]{0,6}", "\\PC{0,4}"].prop_map(Cow::Owned);
    let any_word = Health::ALL.iter().map(|word| word.as_str());
    let any_word = any_word.chain(crate::Deployment::ALL.iter().map(|word| word.as_str())).chain(["up"]);
    let word = prop::sample::select(any_word.collect::<Vec<_>>()).prop_map(Cow::Borrowed);
    let number = prop_oneof![6 => (0..5_u32).prop_map(f64::from), 2 => any::<f64>(), 1 => Just(f64::NAN)];
    let seen = prop_oneof![
        1 => Just(Seen::Unknown),
        3 => text().prop_map(Seen::Text),
        2 => word.prop_map(Seen::Text),
        2 => prop::collection::vec(text(), 0..3).prop_map(Seen::Texts),
        4 => number.prop_map(Seen::Number),
    ];
    let fields = [
        "environment",
        "service",
        "version",
        "alarm",
        "metric",
        "status",
        "deployment",
        "response_time",
        "queue_age",
        "cpu",
        "requests",
    ];
    prop::collection::btree_map(prop::sample::select(fields.to_vec()).prop_map(str::to_owned), seen, 0..11)
        .prop_map(Known)
}
