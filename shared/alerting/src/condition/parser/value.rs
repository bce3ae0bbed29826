//! What a field is compared with.

use std::borrow::Cow;
use std::ops::Range;

use rollout::Seconds;
use winnow::combinator::separated;
use winnow::prelude::*;
use winnow::token::any;

use super::{Read, Refusal, Tokens, ahead, mistakes, next};
use crate::condition::error::{Mistake, short};
use crate::condition::field::{Field, Kind};
use crate::condition::lexer::{Lexeme, Token, keyword};
use crate::condition::number::{Misread, Unit};

/// A value, without its quotes.
pub(super) struct Value<'i> {
    pub(super) text: Cow<'i, str>,
    pub(super) span: Range<usize>,
}

/// One value, or several in parentheses.
pub(super) struct Written<'i> {
    pub(super) values: Vec<Value<'i>>,
    /// Where it ends, in bytes.
    pub(super) end: usize,
}

impl<'i> From<Value<'i>> for Written<'i> {
    fn from(value: Value<'i>) -> Self {
        Self { end: value.span.end, values: vec![value] }
    }
}

/// What follows a `:`.
pub(super) fn values<'i>(input: &mut Tokens<'i>, field: &Field) -> Read<Written<'i>> {
    let one = |input: &mut Tokens<'i>| value(input, field, ":");
    match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Open) => {
            let open = next(input)?;
            let values = separated(1.., one, comma).parse_next(input)?;
            match ahead(input).map(|lexeme| &lexeme.token) {
                Some(Token::Close) => Ok(Written { values, end: next(input)?.span.end }),
                _ => Err(mistakes::in_list(input, open).into()),
            }
        }
        _ => one(input).map(Written::from),
    }
}

fn comma(input: &mut Tokens<'_>) -> Read<()> {
    any.verify_map(|lexeme: &Lexeme<'_>| (lexeme.token == Token::Comma).then_some(())).parse_next(input)
}

/// One value, after an operator.
pub(super) fn value<'i>(input: &mut Tokens<'i>, field: &Field, after: &str) -> Read<Value<'i>> {
    let text = match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Word(word)) if keyword(word).is_none() => Cow::Borrowed(*word),
        Some(Token::Quoted(text)) if !text.is_empty() => Cow::Borrowed(text.as_str()),
        _ => return Err(mistakes::no_value(input, field, after).into()),
    };
    next(input).map(|lexeme| Value { text, span: lexeme.span.clone() })
}

/// The number that a value is, in the unit of a kind.
pub(super) fn number(input: &Tokens<'_>, unit: Unit, value: &Value<'_>) -> Read<f64> {
    if let Some(mistake) = apart(input, unit, value) {
        return Err(mistake.into());
    }
    unit.read(&value.text).map_err(|misread| Refusal::from(mistakes::misread(unit, value, &misread)))
}

/// A number of which a part stands apart: `2 s`, `1,000`.
fn apart(input: &Tokens<'_>, unit: Unit, value: &Value<'_>) -> Option<Mistake> {
    let mut rest = input.input.iter();
    let whole = |until: &Lexeme<'_>| value.span.start..until.span.end;
    match (rest.next()?, rest.next()) {
        (next @ Lexeme { token: Token::Word(word), .. }, _)
            if input.state.vocabulary.field(word).is_none() =>
        {
            let written = format!("{}{word}", value.text);
            let meant = match unit.read(&written) {
                Ok(_) => written,
                Err(Misread::NoSuchUnit(Some(meant))) => meant,
                Err(_) => return None,
            };
            Some(Mistake::instead(&whole(next), "a unit stands apart from its number", meant))
        }
        (Lexeme { token: Token::Comma, .. }, Some(next @ Lexeme { token: Token::Word(word), .. }))
            if word.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            let found = format!("`{}` is two values", input.state.shown(&whole(next)));
            let remedy = format!("write `{}{word}` or `{}.{word}`", value.text, value.text);
            Some(Mistake::new(&whole(next), found, remedy))
        }
        _ => None,
    }
}

/// The shortest and the longest time that FOR and CLEAR AFTER may ask for.
const SPAN: (f64, f64) = (1_000.0, 7.0 * 86_400_000.0);

/// The span of time that follows FOR or CLEAR AFTER.
pub(super) fn span(input: &mut Tokens<'_>, after: &str) -> Read<Seconds> {
    let field = Field { name: after.to_owned(), kind: Kind::Duration, about: String::new() };
    let value = value(input, &field, "")?;
    if value.text.bytes().all(|byte| byte.is_ascii_digit())
        && apart(input, Unit::Milliseconds, &value).is_none()
    {
        let found = format!("`{after} {}` has no unit", short(&value.text));
        let suggestion = format!("{}m", value.text);
        let mistake = Mistake::instead(&value.span, found, suggestion);
        return Err(mistake.also(&format!("or `{}s`", value.text)).into());
    }
    let milliseconds = number(input, Unit::Milliseconds, &value)?;
    let found = |what: &str| format!("`{after}` is asked for {what}");
    if milliseconds < SPAN.0 {
        let mistake = Mistake::new(&value.span, found("less than a second"), "write `1s` at least");
        return Err(mistake.suggesting("1s").into());
    }
    if milliseconds > SPAN.1 {
        return Err(mistakes::at_most(&value.span, found("more than 7 days"), "7d").into());
    }
    let seconds = milliseconds / 1_000.0;
    seconds.to_string().parse().map(Seconds).map_err(|_| {
        let nearest = Unit::Milliseconds.write(seconds.round() * 1_000.0);
        Mistake::instead(&value.span, found("a part of a second"), nearest).into()
    })
}
