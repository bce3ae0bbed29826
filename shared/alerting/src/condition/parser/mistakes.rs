//! What is wrong where nothing that could stand there does.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::value::Value;
use super::{State, Tokens, ahead, here};
use crate::condition::error::{Mistake, nearest, short};
use crate::condition::field::{AFFECTED, Field, Kind, WORST};
use crate::condition::lexer::{Bad, Lexeme, Token, keyword, quoted, quoted_if_needed};
use crate::condition::number::{Misread, Unit};

mod after;

pub(super) use after::{After, after};

/// A sign that has no meaning.
fn bad(state: &State<'_>, bad: &Bad, span: &Range<usize>) -> Mistake {
    let shown = state.shown(span);
    match bad {
        Bad::Foreign(meant) => Mistake::instead(span, format!("`{shown}` is not known"), *meant),
        Bad::Operator => {
            let known = [">", ">=", "<", "<=", "=", "!="];
            let remedy = format!("write one of {}", known.join(" "));
            Mistake::new(span, format!("`{shown}` is no comparison"), remedy).expecting(&known)
        }
        Bad::Unclosed => Mistake::new(
            span,
            "a quote has no end",
            "write `\"` at the end of the text, and `\\\"` for one in it",
        ),
        Bad::Escape => {
            let found = format!("`{shown}` in quotes means nothing");
            Mistake::new(span, found, "write `\\\\` for a backslash, and `\\\"` for a quote")
        }
        Bad::Control(c) => {
            let found = format!("a text has a character that cannot be seen (U+{:04X})", u32::from(*c));
            Mistake::new(span, found, "write a space, or nothing").suggesting(" ")
        }
        Bad::Quote => Mistake::instead(span, format!("`{shown}` is no quote here"), "\""),
        Bad::Character(c) if c.width().unwrap_or(0) == 0 => {
            let found = format!("a character that cannot be seen (U+{:04X}) stands here", u32::from(*c));
            Mistake::new(span, found, "write the condition without it").suggesting("")
        }
        Bad::Character(_) => {
            let found = format!("`{shown}` cannot stand here");
            Mistake::new(span, found, format!("write a value that has it in quotes, like `\"a{shown}b\"`"))
        }
    }
}

/// There is no condition at all.
pub(super) fn no_condition(input: &Tokens<'_>) -> Mistake {
    let like = format!("write one, like `{}`", input.state.vocabulary.example());
    Mistake::new(&here(input), "there is no condition", like)
}

/// Something else stands where a condition is to begin.
pub(super) fn no_field(input: &Tokens<'_>) -> Mistake {
    let (state, span) = (&input.state, here(input));
    let before = input.input.previous_tokens().next().map(|lexeme| state.shown(&lexeme.span));
    let like = state.vocabulary.example();
    let Some(lexeme) = ahead(input) else {
        return match before {
            None => no_condition(input),
            Some(before) => Mistake::new(
                &span,
                format!("nothing follows `{before}`"),
                format!("write a condition, like `{like}`"),
            ),
        };
    };
    let shown = state.shown(&span);
    match &lexeme.token {
        Token::Bad(sign) => bad(state, sign, &span),
        Token::Close if before.as_deref() == Some("(") => Mistake::new(
            &span,
            "nothing stands in the parentheses",
            format!("write a condition, like `{like}`, or leave them out"),
        ),
        Token::Word(_) | Token::Close if before.is_none() => {
            let remedy = format!("write a condition before it, like `{like}`");
            Mistake::new(&span, format!("nothing stands before `{shown}`"), remedy)
        }
        Token::Word(_) | Token::Close => {
            let found = format!("`{shown}` follows `{}`", before.unwrap_or_default());
            Mistake::new(&span, found, format!("write a condition between them, like `{like}`"))
        }
        Token::Quoted(_) => {
            let found = format!("{shown} is a value without a field");
            Mistake::new(&span, found, format!("write the field before it, like `environment:{shown}`"))
        }
        _ => {
            let found = format!("`{shown}` follows no field");
            Mistake::new(&span, found, format!("write the field before it, like `{like}`"))
        }
    }
}

/// A word stands where a field is to stand, and is none.
pub(super) fn unknown_field(input: &Tokens<'_>, word: &str) -> Mistake {
    let (state, span, names) = (&input.state, here(input), input.state.vocabulary.names());
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return value_first(input, &span);
    }
    let found = format!("unknown field `{}`", short(word));
    let near = nearest(word, &names).or_else(|| nearest(word, &["NOT"]));
    let mistake = match near {
        Some(near) => Mistake::instead(&span, found, near),
        None => Mistake::new(&span, found, format!("write one of {}", state.vocabulary.names().join(", "))),
    };
    mistake.expecting(&names)
}

/// A comparison that begins with its value: `2s < response_time`.
fn value_first(input: &Tokens<'_>, span: &Range<usize>) -> Mistake {
    let state = &input.state;
    let found = format!("`{}` is a value, and stands before its field", state.shown(span));
    match input.input.get(..3) {
        Some(
            [
                value,
                Lexeme { token: Token::Compare(sign), .. },
                field @ Lexeme { token: Token::Word(name), .. },
            ],
        ) if state.vocabulary.field(name).is_some() => {
            let whole = value.span.start..field.span.end;
            let suggestion = format!("{name} {} {}", sign.turned(), state.source(&value.span));
            Mistake::instead(&whole, found, suggestion)
        }
        _ => {
            let remedy = format!("write the field first, like `{}`", state.vocabulary.example());
            Mistake::new(span, found, remedy)
        }
    }
}

/// What people write for an operator.
const SPOKEN: &[(&str, &[&str])] = &[
    (":", &["is", "equals", "eq", "like", "in", "contains", "matches"]),
    (">", &["above", "over", "gt"]),
    ("<", &["below", "under", "lt"]),
    (">=", &["ge", "gte"]),
    ("<=", &["le", "lte"]),
];

/// A field stands there, and nothing is asked of it.
pub(super) fn no_operator(input: &Tokens<'_>, field: &Field) -> Mistake {
    let (state, span, name) = (&input.state, here(input), &field.name);
    let like = format!("write what, like `{}`", field.example());
    let found = format!("nothing is asked of `{name}`");
    match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Bad(sign)) => bad(state, sign, &span),
        Some(Token::Word(word)) if keyword(word).is_none() => {
            let found = format!("`{}` follows `{name}` without an operator", short(word));
            let lower = word.to_lowercase();
            let spoken = SPOKEN.iter().find(|(_, words)| words.contains(&lower.as_str()));
            match (spoken, Unit::of(field.kind)) {
                (Some((":", _)), Some(_)) => Mistake::instead(&span, found, "="),
                (Some((sign, _)), _) => Mistake::instead(&span, found, *sign),
                (None, None) => Mistake::instead(&span, found, format!(":{word}")),
                (None, Some(_)) => {
                    Mistake::new(&span, found, format!("write one before it, like `{}`", field.example()))
                }
            }
        }
        _ => Mistake::new(&span, found, like),
    }
}

/// An operator stands there, and no value after it.
pub(super) fn no_value(input: &Tokens<'_>, field: &Field, operator: &str) -> Mistake {
    let (state, span, value) = (&input.state, here(input), field.kind.value());
    let after =
        if operator == ":" { format!("{}:", field.name) } else { format!("{} {operator}", field.name) };
    let after = after.trim_end();
    let Some(lexeme) = ahead(input) else {
        return Mistake::new(&span, format!("nothing follows `{after}`"), format!("write {value}"));
    };
    let found = format!("`{}` stands where a value has to", state.shown(&span));
    match &lexeme.token {
        Token::Bad(sign) => bad(state, sign, &span),
        Token::Quoted(_) => Mistake::new(&span, "a value is empty", format!("write {value}")),
        Token::Word(word) if field.kind == Kind::Text => {
            let named = quoted(word);
            Mistake::new(&span, found, format!("write {value}; for one of that name, {named}"))
        }
        Token::Open => {
            Mistake::new(&span, format!("a list follows `{after}`"), format!("write one value: {value}"))
        }
        _ => Mistake::new(&span, found, format!("write {value}")),
    }
}

/// A list goes on in a way that it cannot.
pub(super) fn in_list(input: &Tokens<'_>, open: &Lexeme<'_>) -> Mistake {
    let (state, span) = (&input.state, here(input));
    let Some(lexeme) = ahead(input) else {
        return Mistake::new(&open.span, "a list has no end", "write `)` at its end");
    };
    if let Some(mistake) = after::glued(input) {
        return mistake;
    }
    let shown = state.shown(&span);
    let found = format!("`{shown}` stands in a list");
    match &lexeme.token {
        Token::Bad(sign) => bad(state, sign, &span),
        Token::Word(word) if keyword(word).is_some() => {
            Mistake::instead(&span, found, ",").also("one of them is enough")
        }
        Token::Word(_) | Token::Quoted(_) => {
            let found = format!("`{shown}` follows another value in a list");
            Mistake::instead(&span, found, format!(", {}", state.source(&span)))
        }
        _ => Mistake::new(&span, found, "write `,` and a further value, or `)`"),
    }
}

/// A text that is no number of a unit.
pub(super) fn misread(unit: Unit, value: &Value<'_>, misread: &Misread) -> Mistake {
    let (kind, text, span) = (unit.kind(), short(&value.text), &value.span);
    let found = match misread {
        Misread::Other(other) => {
            format!("`{text}` is {}, and {} is asked for", other.article(), kind.article())
        }
        Misread::NoUnit => format!("`{text}` has no unit, and {} is asked for", kind.article()),
        Misread::Sign => format!("`{text}` has a sign"),
        Misread::Digits => format!("`{text}` has more than {} digits", Unit::DIGITS),
        Misread::TooGreat => format!("`{text}` is more than {}", unit.greatest().0),
        Misread::NoNumber | Misread::Point | Misread::NoSuchUnit(_) => {
            format!("`{text}` is no {}", kind.noun())
        }
    };
    match (misread, kind) {
        (Misread::NoSuchUnit(Some(meant)), _) => Mistake::instead(span, found, meant),
        (Misread::NoUnit, Kind::Duration) => {
            Mistake::instead(span, found, format!("{text}s")).also(&format!("or `{text}ms`"))
        }
        (Misread::NoUnit, _) => Mistake::instead(span, found, format!("{text}%")),
        (Misread::Sign, _) => {
            Mistake::instead(span, found, quoted_if_needed(value.text.trim_start_matches(['-', '+'])))
        }
        (Misread::TooGreat, _) => at_most(span, found, unit.greatest().0),
        (Misread::Digits, _) => Mistake::new(span, found, "write it shorter"),
        (Misread::Point, _) => {
            Mistake::new(span, found, "write digits on both sides of one point, like `1.5`")
        }
        _ => Mistake::new(span, found, format!("write {}", kind.value())),
    }
}

pub(super) fn at_most(span: &Range<usize>, found: impl Into<String>, most: &str) -> Mistake {
    Mistake::new(span, found, format!("write `{most}` at most")).suggesting(most)
}

/// What counts over all subjects stands inside of what is asked of each.
pub(super) fn aggregate_inside(at: &Range<usize>) -> Mistake {
    let found = format!(
        "`{AFFECTED}` and `{WORST}` look at all subjects together, and cannot stand inside of OR or NOT"
    );
    Mistake::new(
        at,
        found,
        "write it at the end, after the rest in parentheses: `(…) AND affected_environments >= 2`",
    )
}

/// CLEAR without its AFTER.
pub(super) fn no_after(input: &Tokens<'_>) -> Mistake {
    let span = here(input);
    let found = match ahead(input) {
        None => "nothing follows `CLEAR`".to_owned(),
        Some(_) => format!("`{}` follows `CLEAR`", input.state.shown(&span)),
    };
    Mistake::new(&span, found, "write `CLEAR AFTER` and a duration, like `CLEAR AFTER 10m`")
}

/// FOR or CLEAR AFTER in a condition that counts at once.
pub(super) fn no_time(input: &Tokens<'_>, keyword: &str) -> Mistake {
    let keywords = input.input.previous_tokens().take(keyword.split(' ').count());
    let start = keywords.last().map_or(0, |lexeme| lexeme.span.start);
    let end = here(input).end;
    let found = format!("a condition over alerts counts at once, and has no `{keyword}`");
    Mistake::new(&(start..end), found, "write it without that").suggesting("")
}
