//! What follows a condition and cannot.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::super::{State, Tokens, ahead, here};
use super::bad;
use crate::condition::error::{Mistake, nearest};
use crate::condition::lexer::{Bad, Lexeme, Token, keyword, quoted};

/// What has been read when something follows that cannot.
pub(in super::super) enum After {
    /// A condition.
    Expression,
    /// A condition in parentheses that begin there.
    Group(Range<usize>),
    /// FOR and its span.
    For,
    /// CLEAR AFTER and its span.
    Clear,
}

pub(in super::super) fn after(input: &Tokens<'_>, after: &After) -> Mistake {
    let (state, span) = (&input.state, here(input));
    let shown = state.shown(&span);
    let Some(lexeme) = ahead(input) else {
        let place = if let After::Group(open) = after { open } else { &span };
        return Mistake::new(place, "a parenthesis is not closed", "write `)` where it ends");
    };
    if let Some(mistake) = glued(input).or_else(|| listed(input)).or_else(|| spaced(input)) {
        return mistake;
    }
    match &lexeme.token {
        Token::Bad(sign) => bad(state, sign, &span),
        Token::Close => {
            Mistake::new(&span, "`)` closes nothing", "write `(` before what it closes, or leave it out")
        }
        Token::Word(word) => match keyword(word) {
            Some(keyword) => misplaced(keyword, &span, after),
            None => unjoined(state, word, &span, after),
        },
        Token::Open => joined(&span, "`(` follows without AND or OR", "("),
        Token::Quoted(_) => Mistake::new(
            &span,
            format!("{shown} follows without AND or OR"),
            "write `AND` and a field before it, like `AND alarm:\"name\"`",
        ),
        Token::Comma => {
            let remedy =
                "write `AND` or `OR`; values of one field stand in parentheses, like `environment:(a, b)`";
            Mistake::new(&span, "`,` joins no conditions", remedy)
        }
        Token::Colon | Token::Compare(_) => {
            let remedy = "write `AND` and the field again, like `cpu > 5% AND cpu < 90%`";
            Mistake::new(&span, format!("`{shown}` follows a value"), remedy)
        }
    }
}

fn joined(span: &Range<usize>, found: impl Into<String>, what: &str) -> Mistake {
    Mistake::instead(span, found, format!("AND {what}")).also("or with `OR`")
}

/// A keyword at a place that is not its own.
fn misplaced(keyword: &str, span: &Range<usize>, after: &After) -> Mistake {
    match (keyword, after) {
        ("FOR" | "CLEAR", After::Group(_)) => {
            let found = format!("`{keyword}` stands in parentheses, and concerns the whole condition");
            Mistake::new(span, found, "write it behind them, at the end")
        }
        ("FOR", After::Clear) => {
            let remedy = "write each once, in this order: `FOR 5m CLEAR AFTER 10m`";
            Mistake::new(span, "`FOR` follows `CLEAR AFTER`", remedy)
        }
        ("FOR", After::For) | ("CLEAR", After::Clear) => {
            Mistake::new(span, format!("`{keyword}` stands there twice"), "write it once")
        }
        ("NOT", After::Expression | After::Group(_)) => {
            joined(span, "`NOT` follows without AND or OR", "NOT")
        }
        _ => {
            let found = format!("`{keyword}` follows `FOR` or `CLEAR AFTER`, which end a condition");
            Mistake::new(span, found, "write those last")
        }
    }
}

/// A word that follows a condition without AND or OR.
fn unjoined(state: &State<'_>, word: &str, span: &Range<usize>, after: &After) -> Mistake {
    let found = format!("`{}` follows without AND or OR", state.shown(span));
    let meant = match after {
        After::Expression => nearest(word, &["AND", "OR", "FOR", "CLEAR"]),
        After::Group(_) => nearest(word, &["AND", "OR"]),
        After::For => nearest(word, &["CLEAR"]),
        After::Clear => None,
    };
    match (meant, after) {
        _ if state.vocabulary.field(word).is_some()
            && matches!(after, After::Expression | After::Group(_)) =>
        {
            joined(span, found, state.source(span))
        }
        (Some(meant), _) => Mistake::instead(span, format!("unknown keyword `{}`", state.shown(span)), meant),
        (None, After::For | After::Clear) => {
            let found =
                format!("`{}` follows `FOR` or `CLEAR AFTER`, which end a condition", state.shown(span));
            Mistake::new(span, found, "write those last")
        }
        (None, _) => joined(span, found, state.source(span)),
    }
}

/// The value that was read last, and the sign before it.
fn behind<'i>(input: &Tokens<'i>) -> Option<(&'i Lexeme<'i>, &'i Lexeme<'i>)> {
    let mut previous = input.input.previous_tokens();
    let (value, sign) = (previous.next()?, previous.next()?);
    matches!(value.token, Token::Word(_) | Token::Quoted(_)).then_some((value, sign))
}

/// A value with a sign in it that it can have in quotes alone: an ARN.
pub(super) fn glued(input: &Tokens<'_>) -> Option<Mistake> {
    let ((value, sign), next) = (behind(input)?, ahead(input)?);
    let is_text = matches!(sign.token, Token::Colon | Token::Open | Token::Comma);
    let is_glue = match &next.token {
        Token::Colon | Token::Compare(_) => true,
        Token::Bad(Bad::Character(c)) => c.width().is_some_and(|width| width > 0),
        Token::Bad(bad) => matches!(bad, Bad::Operator | Bad::Foreign(_)),
        _ => false,
    };
    if !is_text || !is_glue || !matches!(value.token, Token::Word(_)) || value.span.end != next.span.start {
        return None;
    }
    let text = input.state.text.get(value.span.start..)?;
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | ',' | '"'));
    let whole = value.span.start..value.span.start + end.unwrap_or(text.len());
    let found = format!("a value with `{}` in it has to stand in quotes", input.state.shown(&next.span));
    Some(Mistake::instead(&whole, found, quoted(input.state.source(&whole))))
}

/// Values of a field without the parentheses of a list.
fn listed(input: &Tokens<'_>) -> Option<Mistake> {
    let (value, sign) = behind(input)?;
    let (mut values, mut end) = (vec![input.state.source(&value.span)], value.span.end);
    let mut rest = input.input.iter().peekable();
    while let (Some(Token::Comma), Some(next)) = (rest.next().map(|lexeme| &lexeme.token), rest.next()) {
        let is_value = match &next.token {
            Token::Word(word) => keyword(word).is_none(),
            Token::Quoted(_) => true,
            _ => false,
        };
        let is_field =
            matches!(rest.peek().map(|lexeme| &lexeme.token), Some(Token::Colon | Token::Compare(_)));
        if !is_value || is_field {
            break;
        }
        values.push(input.state.source(&next.span));
        end = next.span.end;
    }
    if values.len() == 1 || sign.token != Token::Colon {
        return None;
    }
    let suggestion = format!("({})", values.join(", "));
    Some(Mistake::instead(&(value.span.start..end), "several values stand without parentheses", suggestion))
}

/// A name with a space in it.
fn spaced(input: &Tokens<'_>) -> Option<Mistake> {
    let ((value, sign), next) = (behind(input)?, ahead(input)?);
    let (Token::Word(_), Token::Word(word), Token::Colon) = (&value.token, &next.token, &sign.token) else {
        return None;
    };
    let is_field = input.state.vocabulary.field(word).is_some()
        || matches!(input.input.get(1).map(|lexeme| &lexeme.token), Some(Token::Colon | Token::Compare(_)));
    let is_keyword = keyword(word).is_some() || nearest(word, &["AND", "OR", "FOR", "CLEAR"]).is_some();
    if is_field || is_keyword {
        return None;
    }
    let whole = value.span.start..next.span.end;
    let name = format!("{} {word}", input.state.source(&value.span));
    Some(Mistake::instead(&whole, "a value with a space in it has to stand in quotes", quoted(&name)))
}
