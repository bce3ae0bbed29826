//! The words and signs of a condition, each with its place. What can be none is a lexeme too: the parser tells of it
//! once it gets there, so that the first mistake is the one that is told.

use std::ops::Range;

use winnow::combinator::{alt, dispatch, opt, peek, repeat};
use winnow::error::EmptyError;
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, none_of, take_while};

use super::comparison::Comparison;

/// What stands between spaces, or between signs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'i> {
    /// A field, a keyword, a value without quotes.
    Word(&'i str),
    /// A value in quotes, without them.
    Quoted(String),
    Open,
    Close,
    Comma,
    Colon,
    Compare(Comparison),
    Bad(Bad),
}

/// What has no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// Another language's sign, and what it is in this one.
    Foreign(&'static str),
    /// Signs of a comparison that is none.
    Operator,
    /// A quote without its end.
    Unclosed,
    /// A `\` before something else than `"` and `\`.
    Escape,
    /// A character in quotes that cannot be seen.
    Control(char),
    /// A quote that is no `"`.
    Quote,
    /// Any other character.
    Character(char),
}

/// A token and its place, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lexeme<'i> {
    pub(super) token: Token<'i>,
    pub(super) span: Range<usize>,
}

type Input<'i> = LocatingSlice<&'i str>;
type Lexed<T> = Result<T, EmptyError>;

/// The words with a meaning of their own.
const KEYWORDS: [&str; 5] = ["AND", "OR", "NOT", "FOR", "CLEAR"];

/// The keyword that a word is, in whatever case.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word))
}

fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '*' | '@' | '+' | '%' | '#' | '$')
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '&' | '|' | '~' | '≥' | '≤' | '≠')
}

/// A value as it is written: in quotes unless it can stand alone.
pub(super) fn quoted_if_needed(value: &str) -> String {
    if !value.is_empty() && value.chars().all(is_bare) && keyword(value).is_none() {
        return value.to_owned();
    }
    quoted(value)
}

/// A value in quotes.
pub(super) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Takes a text apart. Never fails, in time that grows with its length.
pub(super) fn lex(text: &str) -> Vec<Lexeme<'_>> {
    let mut input = LocatingSlice::new(text);
    let mut lexemes = Vec::new();
    while let Ok(lexeme) = lexeme(&mut input) {
        lexemes.extend(lexeme);
    }
    lexemes
}

/// The next lexeme, `None` for spaces; an error at the end.
fn lexeme<'i>(input: &mut Input<'i>) -> Lexed<Option<Lexeme<'i>>> {
    if opt(take_while(1.., char::is_whitespace)).parse_next(input)?.is_some() {
        return Ok(None);
    }
    let (found, span) = found.with_span().parse_next(input)?;
    Ok(Some(match found {
        Found::Token(token) => Lexeme { token, span },
        Found::Inner(inner) => unescaped(inner, span),
    }))
}

enum Found<'i> {
    Token(Token<'i>),
    /// What stands between two quotes.
    Inner(&'i str),
}

fn found<'i>(input: &mut Input<'i>) -> Lexed<Found<'i>> {
    dispatch! { peek(any);
        '"' => quotation,
        '(' => any.value(Token::Open).map(Found::Token),
        ')' => any.value(Token::Close).map(Found::Token),
        ',' => any.value(Token::Comma).map(Found::Token),
        ':' => any.value(Token::Colon).map(Found::Token),
        c if is_bare(c) => take_while(1.., is_bare).map(Token::Word).map(Found::Token),
        c if is_operator(c) => take_while(1.., is_operator).map(operator).map(Found::Token),
        c => any.value(Token::Bad(other(c))).map(Found::Token),
    }
    .parse_next(input)
}

const fn other(c: char) -> Bad {
    match c {
        '\'' | '`' | '“' | '”' | '„' | '‟' | '«' | '»' | '‘' | '’' | '‚' => Bad::Quote,
        c => Bad::Character(c),
    }
}

fn operator<'i>(signs: &str) -> Token<'i> {
    if let Some(comparison) = Comparison::read(signs) {
        return Token::Compare(comparison);
    }
    Token::Bad(match signs {
        "==" | "===" | "=~" | "~" | "~=" => Bad::Foreign("="),
        "=>" | "≥" => Bad::Foreign(">="),
        "=<" | "≤" => Bad::Foreign("<="),
        "<>" | "!==" | "≠" | "!~" => Bad::Foreign("!="),
        "&" | "&&" => Bad::Foreign("AND"),
        "|" | "||" => Bad::Foreign("OR"),
        "!" => Bad::Foreign("NOT"),
        _ => Bad::Operator,
    })
}

/// A text in quotes, up to the next quote without a `\` before it.
fn quotation<'i>(input: &mut Input<'i>) -> Lexed<Found<'i>> {
    let character = alt((none_of(['"', '\\']).void(), ('\\', any).void()));
    let (_, inner, end) =
        ('"', repeat::<_, _, (), _, _>(0.., character).take(), opt(any)).parse_next(input)?;
    Ok(match end {
        Some('"') => Found::Inner(inner),
        _ => Found::Token(Token::Bad(Bad::Unclosed)),
    })
}

/// What is meant by what stands between the quotes at `span`.
fn unescaped<'i>(inner: &str, span: Range<usize>) -> Lexeme<'i> {
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.char_indices();
    let bad = |bad, at: usize, length| {
        let start = span.start + 1 + at;
        Lexeme { token: Token::Bad(bad), span: start..start + length }
    };
    while let Some((at, c)) = characters.next() {
        if c.is_control() {
            return bad(Bad::Control(c), at, c.len_utf8());
        }
        match (c, if c == '\\' { characters.next() } else { None }) {
            ('\\', Some((_, meant @ ('"' | '\\')))) => text.push(meant),
            ('\\', escaped) => {
                return bad(Bad::Escape, at, 1 + escaped.map_or(0, |(_, escaped)| escaped.len_utf8()));
            }
            (c, _) => text.push(c),
        }
    }
    Lexeme { token: Token::Quoted(text), span }
}
