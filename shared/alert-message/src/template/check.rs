use minijinja::{Error, ErrorKind};

use super::context::{VARIABLES, of};
use super::tags::{self, BadTag, MAX_TAG};
use super::{FILTERS, MAX_TEMPLATE, MAX_TEXT, Part, TESTS, environment, render, sample, what};
use crate::message::Message;
use crate::plain::short;

/// A mistake of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}: {remedy}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to change.
    pub remedy: String,
}

/// The mistakes of a template, by line: those of its language, names that are unknown, and what fails when notices of
/// every kind are put into it.
pub fn check(part: Part, template: &str) -> Vec<Mistake> {
    let mistake =
        |what: &str, remedy: &str| Mistake { line: 1, what: what.to_owned(), remedy: remedy.to_owned() };
    if template.trim().is_empty() {
        return vec![mistake("it is empty", "leave it out, and what is built in is said")];
    }
    if template.len() > MAX_TEMPLATE {
        let what = format!("it has {} bytes", template.len());
        return vec![mistake(&what, &format!("write at most {MAX_TEMPLATE}"))];
    }
    if let Some((line, bad)) = tags::bad(template) {
        let (what, remedy) = match bad {
            BadTag::Long => (format!("the tag is longer than {MAX_TAG} bytes"), "write several shorter ones"),
            BadTag::Raw => ("raw is not known here".to_owned(), "write {{ '{{' }} where braces are meant"),
        };
        return vec![Mistake { line, what, remedy: remedy.to_owned() }];
    }
    let environment = environment();
    let parsed = match environment.template_from_named_str(part.as_str(), template) {
        Ok(parsed) => parsed,
        Err(error) => return vec![of_error(&error, None)],
    };
    let mut mistakes: Vec<Mistake> =
        parsed.undeclared_variables(true).iter().filter_map(|path| unknown(path, template)).collect();
    let any_unknown = !mistakes.is_empty();
    for (missing, notice) in sample::all() {
        let context = of(&notice, &Message::built_in(&notice));
        let Err(error) = render(part, template, &context) else { continue };
        // It is told already, by its name.
        if any_unknown && error.kind() == ErrorKind::UndefinedError {
            continue;
        }
        let mistake = of_error(&error, missing);
        if !mistakes.iter().any(|known| (known.line, &known.what) == (mistake.line, &mistake.what)) {
            mistakes.push(mistake);
        }
    }
    mistakes.sort_by(|a, b| (a.line, &a.what).cmp(&(b.line, &b.what)));
    mistakes
}

/// A mistake if a name, with what follows it after dots, is none that is known.
fn unknown(path: &str, template: &str) -> Option<Mistake> {
    let mut parts = path.split('.');
    let name = parts.next().unwrap_or_default();
    let names: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    let (what, remedy) = match VARIABLES.iter().find(|variable| variable.name == name) {
        None => (format!("{name:?} is unknown"), nearest(name, &names, "variables")),
        Some(variable) => {
            let field = parts.next()?;
            if variable.fields.contains(&field) {
                return None;
            }
            let remedy = match variable.fields {
                [] => format!("{name} has no fields"),
                fields => nearest(field, fields, &format!("fields of {name}")),
            };
            (format!("\"{name}.{field}\" is unknown"), remedy)
        }
    };
    Some(Mistake { line: line_of(path, template), what, remedy })
}

/// Names the one that was meant, if one is near, and all.
fn nearest(name: &str, known: &[&str], what: &str) -> String {
    let near = known.iter().map(|one| (strsim::damerau_levenshtein(name, one), one)).min();
    let near = match near {
        Some((distance, one)) if distance <= 1 + name.len() / 4 => format!("did you mean {one:?}? "),
        _ => String::new(),
    };
    format!("{near}the {what} are {}", known.join(", "))
}

/// The first line that has a name as a whole word.
fn line_of(path: &str, template: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let has = |line: &str| {
        line.match_indices(path).any(|(at, _)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line.get(at + path.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
        })
    };
    template.lines().position(has).map_or(1, |at| at + 1)
}

fn of_error(error: &Error, missing: Option<&str>) -> Mistake {
    let what = short(&what(error), 200);
    let remedy = match (error.kind(), missing) {
        (ErrorKind::UndefinedError | ErrorKind::InvalidOperation, Some(missing)) => {
            format!("ask first whether there is {missing}")
        }
        (ErrorKind::UndefinedError, None) => fields(&what),
        (ErrorKind::SyntaxError, _) => {
            "write {{ name }}, {% if … %} … {% endif %} and {% for … in … %} … {% endfor %}".to_owned()
        }
        (ErrorKind::UnknownFilter, _) => nearest(quoted(&what), &FILTERS, "filters"),
        (ErrorKind::UnknownTest, _) => nearest(quoted(&what), &TESTS, "tests"),
        (ErrorKind::OutOfFuel, _) => {
            format!("let it loop less and make less: at most {MAX_TEXT} bytes come of it")
        }
        _ => "correct it, or leave the template out, and what is built in is said".to_owned(),
    };
    Mistake { line: error.line().unwrap_or(1), what, remedy }
}

/// All that elements of lists have: which list an element is of is not known here.
fn fields(what: &str) -> String {
    let fields: Vec<&str> = VARIABLES.iter().flat_map(|variable| variable.fields).copied().collect();
    let name = what.split('`').nth(1).unwrap_or_default();
    let all = VARIABLES.iter().filter(|variable| !variable.fields.is_empty());
    let all: Vec<String> =
        all.map(|variable| format!("{} have {}", variable.name, variable.fields.join(", "))).collect();
    match nearest(name.rsplit('.').next().unwrap_or_default(), &fields, "").split_once("? ") {
        Some((near, _)) => format!("{near}? {}", all.join("; ")),
        None => all.join("; "),
    }
}

/// The first word of an error's detail that names something: `filter uper is unknown`.
fn quoted(what: &str) -> &str {
    what.split_whitespace().nth(1).unwrap_or_default().trim_matches(['`', '"', '\''])
}
