//! Titles and texts in a team's own words: templates in the language of Jinja.
//!
//! A template of the title becomes one line, one of the text becomes the lines of facts. What it can name is in
//! [`VARIABLES`]; what is not there has the empty text, `0`, or is none (`rollout`), so that `{% if rollout %}` asks for
//! it. A name that is unknown is an error and not nothing. What a template may do and make is bounded, so that none
//! loops or explodes, and one that fails is told in the message's last line, with the built-in words above it.
//!
//! ```
//! use alert_message::template::{Part, check};
//!
//! assert_eq!(check(Part::Title, "[{{ mark }}] {{ rule }} in {{ environment }}{% if rollout %}, {{ rollout.version }}{% endif %}"), []);
//! let mistakes = check(Part::Title, "{{ servce }} is down");
//! assert!(mistakes[0].to_string().starts_with("line 1: \"servce\" is unknown: did you mean \"service\"?"));
//! ```

mod check;
mod context;
mod sample;
mod tags;

use alerting::Notice;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests as questions};

use crate::message::{Line, Message};
use crate::plain::{cut, one_line, short};

use tags::{BadTag, MAX_TAG};

pub use check::{Mistake, check};
pub use context::{VARIABLES, Variable};

/// The longest template, in bytes.
pub const MAX_TEMPLATE: usize = 4 * 1024;
/// The longest text that a template makes, in bytes: twice the facts of a notice with all the alerts that it can have.
pub const MAX_TEXT: usize = 128 * 1024;
/// What a template may do: as many instructions, or 64 times as many bytes made and read.
const FUEL: u64 = 20_000;
/// The longest line of a text, in characters.
const LONGEST_LINE: usize = 1_000;

/// The templates of a team, as they are written; what is built in, where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wording<'a> {
    /// Of the title.
    pub title: Option<&'a str>,
    /// Of the text.
    pub text: Option<&'a str>,
}

/// What a template is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The title: one line.
    Title,
    /// The text: lines.
    Text,
}

impl Part {
    /// As it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Text => "text",
        }
    }
}

/// The filters of templates.
const FILTERS: [&str; 12] = [
    "capitalize",
    "default",
    "first",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "round",
    "trim",
    "upper",
];
/// What `is` can ask.
const TESTS: [&str; 3] = ["defined", "none", "undefined"];

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // So that an error names what is undefined.
    environment.set_debug(true);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("int", filters::int);
    environment.add_filter("join", filters::join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("round", filters::round);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", questions::is_defined);
    environment.add_test("none", questions::is_none);
    environment.add_test("undefined", questions::is_undefined);
    environment
}

/// Renders a template; what comes out is as long as it may be, and not empty.
fn render(part: Part, template: &str, context: &Value) -> Result<String, Error> {
    let refused = |why: String| Err(Error::new(ErrorKind::InvalidOperation, why));
    if template.len() > MAX_TEMPLATE {
        return refused(format!("it is longer than {MAX_TEMPLATE} bytes"));
    }
    match tags::bad(template) {
        Some((line, BadTag::Long)) => {
            return refused(format!("the tag of line {line} is longer than {MAX_TAG} bytes"));
        }
        Some((line, BadTag::Raw)) => {
            return refused(format!("the tag of line {line} is raw, which is not known here"));
        }
        None => {}
    }
    let text = environment().template_from_named_str(part.as_str(), template)?.render(context.clone())?;
    if text.len() > MAX_TEXT {
        return refused(format!("it makes more than {MAX_TEXT} bytes"));
    }
    if one_line(&text).is_empty() {
        return refused("it makes nothing".to_owned());
    }
    Ok(text)
}

/// See [`Message::new`].
pub(crate) fn worded(notice: &Notice, wording: Wording<'_>) -> Message {
    let mut message = Message::built_in(notice);
    if wording == Wording::default() {
        return message;
    }
    let context = context::of(notice, &message);
    let mut failures = Vec::new();
    if let Some(template) = wording.title {
        match render(Part::Title, template, &context) {
            Ok(title) => message.title = cut(&one_line(&title), Message::MAX_TITLE),
            Err(error) => failures.push((Part::Title, error)),
        }
    }
    if let Some(template) = wording.text {
        match render(Part::Text, template, &context) {
            Ok(text) => message.lines = lines(&text),
            Err(error) => failures.push((Part::Text, error)),
        }
    }
    message.lines.extend(failures.iter().map(|(part, error)| failure(*part, error)));
    message
}

fn lines(text: &str) -> Vec<Line> {
    let lines = text.lines().map(|line| short(line, LONGEST_LINE));
    lines.filter(|line| !line.is_empty()).map(Line::plain).collect()
}

fn failure(part: Part, error: &Error) -> Line {
    let line = error.line().unwrap_or(1);
    let what = short(&what(error), 300);
    let part = part.as_str();
    Line::plain(format!(
        "The template of the {part} failed (line {line}: {what}): what is built in stands in for it; ace validate helps to \
         correct it."
    ))
}

/// What went wrong, without where.
fn what(error: &Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests;
