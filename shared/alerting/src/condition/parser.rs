//! The grammar: terms, joined; what holds for how long.

mod mistakes;
mod term;
mod value;

use std::ops::Range;

use rollout::Seconds;
use winnow::combinator::{opt, preceded, separated};
use winnow::error::ParserError;
use winnow::prelude::*;
use winnow::stream::{Stateful, Stream, TokenSlice};
use winnow::token::any;

use super::error::{Mistake, short};
use super::expr::{Aggregate, Expr, Term};
use super::field::{AFFECTED, Vocabulary};
use super::lexer::{Lexeme, Token, keyword, lex};
use mistakes::After;

/// The deepest nesting of parentheses and NOT.
pub(super) const DEEPEST: usize = 32;

/// A condition, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    /// What has to hold of one subject; nothing, if every subject is counted.
    pub(super) rest: Option<Expr>,
    /// What has to hold of all of these together.
    pub(super) across: Vec<Aggregate>,
    pub(super) lasting: Seconds,
    pub(super) clear_after: Seconds,
}

/// What the parsers know beside their input.
#[derive(Clone, Copy, Debug)]
struct State<'i> {
    text: &'i str,
    vocabulary: &'i Vocabulary,
    depth: usize,
}

type Tokens<'i> = Stateful<TokenSlice<'i, Lexeme<'i>>, State<'i>>;
type Read<T> = Result<T, Refusal>;

/// Why a parser does not go on.
#[derive(Debug)]
enum Refusal {
    /// Something else stands there: another parser may know it.
    Other,
    /// Nothing that could stand there does.
    Mistake(Box<Mistake>),
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(Box::new(mistake))
    }
}

impl ParserError<Tokens<'_>> for Refusal {
    type Inner = Self;

    fn from_input(_: &Tokens<'_>) -> Self {
        Self::Other
    }

    fn is_backtrack(&self) -> bool {
        matches!(self, Self::Other)
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// A condition as it is written, before what counts over subjects is told from the rest.
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
    Aggregate(Aggregate, Range<usize>),
}

pub(super) fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Parsed, Mistake> {
    let lexemes = lex(text);
    let mut input =
        Stateful { input: TokenSlice::new(&lexemes), state: State { text, vocabulary, depth: 0 } };
    condition(&mut input).map_err(|refusal| match refusal {
        Refusal::Mistake(mistake) => *mistake,
        Refusal::Other => mistakes::after(&input, &After::Expression),
    })
}

fn condition(input: &mut Tokens<'_>) -> Read<Parsed> {
    let node = expression(input)?;
    let lasting =
        opt(preceded(word("FOR"), |input: &mut Tokens<'_>| span(input, "FOR"))).parse_next(input)?;
    let clear_after = opt(preceded(word("CLEAR"), clear)).parse_next(input)?;
    if ahead(input).is_some() {
        let after = match (lasting, clear_after) {
            (_, Some(_)) => After::Clear,
            (Some(_), None) => After::For,
            (None, None) => After::Expression,
        };
        return Err(mistakes::after(input, &after).into());
    }
    let (rest, across) = apart(node, input)?;
    Ok(Parsed {
        rest,
        across,
        lasting: lasting.unwrap_or_default(),
        clear_after: clear_after.unwrap_or_default(),
    })
}

fn expression(input: &mut Tokens<'_>) -> Read<Node> {
    let parts: Vec<_> = separated(1.., conjunction, word("OR")).parse_next(input)?;
    Ok(Node::Any(parts))
}

fn conjunction(input: &mut Tokens<'_>) -> Read<Node> {
    let parts: Vec<_> = separated(1.., unary, word("AND")).parse_next(input)?;
    Ok(Node::All(parts))
}

fn unary(input: &mut Tokens<'_>) -> Read<Node> {
    match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Word(word)) if keyword(word) == Some("NOT") => {
            let not = next(input)?;
            deeper(input, not, unary).map(|node| Node::Not(Box::new(node)))
        }
        Some(Token::Open) => group(input),
        _ => term::term(input),
    }
}

fn group(input: &mut Tokens<'_>) -> Read<Node> {
    let open = next(input)?;
    let node = deeper(input, open, expression)?;
    match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Close) => next(input).map(|_| node),
        _ => Err(mistakes::after(input, &After::Group(open.span.clone())).into()),
    }
}

/// What a parenthesis or a NOT stands before.
fn deeper<'i>(
    input: &mut Tokens<'i>,
    sign: &Lexeme<'_>,
    parser: fn(&mut Tokens<'i>) -> Read<Node>,
) -> Read<Node> {
    if input.state.depth == DEEPEST {
        let found = format!("parentheses and NOT are nested deeper than {DEEPEST}");
        return Err(Mistake::new(&sign.span, found, "write it flatter, or as several rules").into());
    }
    input.state.depth += 1;
    let node = parser(input)?;
    input.state.depth -= 1;
    Ok(node)
}

/// What follows CLEAR.
fn clear(input: &mut Tokens<'_>) -> Read<Seconds> {
    match opt(word("AFTER")).parse_next(input)? {
        Some(()) => span(input, "CLEAR AFTER"),
        None => Err(mistakes::no_after(input).into()),
    }
}

/// The span of time that follows FOR or CLEAR AFTER.
fn span(input: &mut Tokens<'_>, after: &str) -> Read<Seconds> {
    if !input.state.vocabulary.has_time() {
        return Err(mistakes::no_time(input, after).into());
    }
    value::span(input, after)
}

/// What is asked of one subject, and what of all together.
fn apart(node: Node, input: &Tokens<'_>) -> Read<(Option<Expr>, Vec<Aggregate>)> {
    let (mut rest, mut across, mut counted) = (Vec::new(), Vec::new(), None);
    let mut open = vec![node];
    // The top of the tree, through whatever parentheses were written there.
    while let Some(node) = open.pop() {
        match node {
            Node::All(parts) => open.extend(parts.into_iter().rev()),
            Node::Any(mut parts) if parts.len() == 1 => open.extend(parts.pop()),
            Node::Aggregate(aggregate, at) => {
                if matches!(aggregate, Aggregate::AffectedEnvironments { .. }) {
                    counted = counted.or(Some(at));
                }
                across.push(aggregate);
            }
            node => rest.push(alone(node)?),
        }
    }
    match counted {
        Some(at) if rest.is_empty() => {
            let found = format!("nothing says what makes an environment affected, which `{AFFECTED}` counts");
            let like = "write that as well, like `status:unhealthy AND affected_environments >= 2`";
            Err(Mistake::new(&at, found, like).into())
        }
        _ if rest.is_empty() && across.is_empty() => Err(mistakes::no_condition(input).into()),
        _ => Ok(((!rest.is_empty()).then(|| Expr::all(rest)), across)),
    }
}

/// What is asked of one subject.
fn alone(node: Node) -> Read<Expr> {
    let each = |parts: Vec<Node>| parts.into_iter().map(alone).collect::<Read<Vec<_>>>();
    match node {
        Node::All(parts) => each(parts).map(Expr::all),
        Node::Any(parts) => each(parts).map(Expr::any),
        Node::Not(part) => alone(*part).map(|part| Expr::Not(Box::new(part))),
        Node::Term(term) => Ok(Expr::Term(term)),
        Node::Aggregate(_, at) => Err(mistakes::aggregate_inside(&at).into()),
    }
}

/// The next lexeme, which stays.
fn ahead<'i>(input: &Tokens<'i>) -> Option<&'i Lexeme<'i>> {
    input.input.clone().next_token()
}

fn next<'i>(input: &mut Tokens<'i>) -> Read<&'i Lexeme<'i>> {
    any.parse_next(input)
}

/// A keyword, in whatever case.
fn word<'i>(keyword: &'static str) -> impl Parser<Tokens<'i>, (), Refusal> {
    any.verify_map(move |lexeme: &Lexeme<'i>| match lexeme.token {
        Token::Word(word) if word.eq_ignore_ascii_case(keyword) => Some(()),
        _ => None,
    })
}

/// The place of the next lexeme, or the end.
fn here(input: &Tokens<'_>) -> Range<usize> {
    let end = input.state.text.len();
    ahead(input).map_or(end..end, |lexeme| lexeme.span.clone())
}

impl State<'_> {
    /// What stands there.
    fn source(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// What stands there, for an error.
    fn shown(&self, span: &Range<usize>) -> String {
        short(self.source(span))
    }
}
