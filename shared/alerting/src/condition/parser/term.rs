//! A field, and what is asked of it.

use std::ops::Range;

use crate::severity::{Deployment, Health, Severity};

use super::mistakes;
use super::value::{Value, Written, number, value, values};
use super::{Node, Read, Refusal, Tokens, ahead, next};
use crate::condition::comparison::Comparison;
use crate::condition::error::{Mistake, nearest, short};
use crate::condition::expr::{Aggregate, Term, Test};
use crate::condition::field::{AFFECTED, Field, Kind, WORST};
use crate::condition::lexer::{Token, keyword};
use crate::condition::number::{Number, Unit};
use crate::condition::pattern::Pattern;
use crate::condition::word::{Word, Words, compared_with, known, read};

/// What stands between a field and its values.
#[derive(Clone, Copy)]
enum Operator {
    Colon,
    Compare(Comparison),
}

pub(super) fn term(input: &mut Tokens<'_>) -> Read<Node> {
    let (field, at) = field(input)?;
    let operator = operator(input, field)?;
    let Written { values: written, end } = match operator {
        Operator::Colon => values(input, field)?,
        Operator::Compare(comparison) => value(input, field, comparison.as_str())?.into(),
    };
    let whole = at.start..end;
    let test = test(input, field, operator, &written, &whole)?;
    aggregate(field, test, whole)
}

/// A field of the vocabulary.
fn field<'i>(input: &mut Tokens<'i>) -> Read<(&'i Field, Range<usize>)> {
    let word = match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Word(word)) if keyword(word).is_none() => *word,
        _ => return Err(mistakes::no_field(input).into()),
    };
    let vocabulary = input.state.vocabulary;
    let Some(field) = vocabulary.field(word) else {
        return Err(mistakes::unknown_field(input, word).into());
    };
    let at = next(input)?.span.clone();
    Ok((field, at))
}

fn operator(input: &mut Tokens<'_>, field: &Field) -> Read<Operator> {
    let operator = match ahead(input).map(|lexeme| &lexeme.token) {
        Some(Token::Colon) => Operator::Colon,
        Some(Token::Compare(comparison)) => Operator::Compare(*comparison),
        _ => return Err(mistakes::no_operator(input, field).into()),
    };
    let at = next(input)?.span.clone();
    match (operator, ahead(input)) {
        (Operator::Colon, Some(sign)) if matches!(sign.token, Token::Compare(_)) => {
            let both = at.start..sign.span.end;
            let found = format!("`{}` are two operators", input.state.shown(&both));
            Err(Mistake::instead(&both, found, input.state.source(&sign.span)).into())
        }
        _ => Ok(operator),
    }
}

fn test(
    input: &Tokens<'_>,
    field: &Field,
    operator: Operator,
    written: &[Value<'_>],
    whole: &Range<usize>,
) -> Read<Test> {
    let refuse = || Refusal::from(cannot_compare(input, field, operator, written, whole));
    if let Some(unit) = Unit::of(field.kind) {
        return match (operator, written) {
            (Operator::Compare(comparison), [written]) => {
                let value = number(input, unit, written)?;
                Ok(Test::Number(Number { comparison, value, unit }))
            }
            _ => Err(refuse()),
        };
    }
    let comparison = match operator {
        Operator::Colon => Comparison::Equal,
        Operator::Compare(comparison) => comparison,
    };
    match field.kind {
        Kind::Status => words::<Health>(field, comparison, written).map(Test::Status),
        Kind::Severity => words::<Severity>(field, comparison, written).map(Test::Severity),
        Kind::Deployment if matches!(comparison, Comparison::Equal | Comparison::NotEqual) => {
            words::<Deployment>(field, comparison, written).map(Test::Deployment)
        }
        Kind::Text if matches!(operator, Operator::Colon) => {
            Ok(Test::Text(written.iter().map(|value| Pattern::new(&value.text)).collect()))
        }
        _ => Err(refuse()),
    }
}

fn words<T: Word>(field: &Field, comparison: Comparison, written: &[Value<'_>]) -> Read<Words<T>> {
    let words = written.iter().map(|value| {
        read(&value.text).ok_or_else(|| {
            let known = known::<T>();
            let found = format!("`{}` is no {}", short(&value.text), field.kind.noun());
            let mistake = match nearest(&value.text, &known) {
                Some(near) => Mistake::instead(&value.span, found, near).also(&known.join(", ")),
                None => Mistake::new(&value.span, found, format!("write {}", field.kind.value())),
            };
            Refusal::from(mistake.expecting(&known))
        })
    });
    Ok(compared_with(comparison, words.collect::<Read<Vec<_>>>()?))
}

/// The operator is none of those that the kind of the field has.
fn cannot_compare(
    input: &Tokens<'_>,
    field: &Field,
    operator: Operator,
    written: &[Value<'_>],
    whole: &Range<usize>,
) -> Mistake {
    let (name, article) = (&field.name, field.kind.article());
    let sign = match operator {
        Operator::Colon => ":",
        Operator::Compare(comparison) => comparison.as_str(),
    };
    let found = format!("`{name}` is {article}, which `{sign}` does not compare");
    let [value] = written else {
        let remedy = format!("write a comparison with one of them, like `{}`", field.example());
        return Mistake::new(whole, found, remedy);
    };
    let value = input.state.source(&value.span);
    Mistake::instead(
        whole,
        found,
        match operator {
            Operator::Colon => format!("{name} = {value}"),
            Operator::Compare(Comparison::NotEqual) => format!("NOT {name}:{value}"),
            Operator::Compare(_) => format!("{name}:{value}"),
        },
    )
}

/// What is asked of one subject, or of all together.
fn aggregate(field: &Field, test: Test, whole: Range<usize>) -> Read<Node> {
    Ok(match (field.name.as_str(), test) {
        (AFFECTED, Test::Number(Number { comparison, value, .. })) => {
            let Ok(environments) = value.to_string().parse() else {
                let found = format!("`{value}` is no number of environments");
                return Err(Mistake::new(&whole, found, "write a whole number, like `2`").into());
            };
            Node::Aggregate(Aggregate::AffectedEnvironments { comparison, environments }, whole)
        }
        (WORST, Test::Status(words)) => Node::Aggregate(Aggregate::WorstStatus(words), whole),
        (name, test) => Node::Term(Term::new(name.to_owned(), test)),
    })
}
