use std::borrow::Cow;
use std::fmt;

use super::node::Origin;
pub(crate) use crate::near::{is_slip, nearest};

/// How bad a mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is accepted, unless warnings count as errors.
    Warning,
}

/// Whether warnings refuse a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// They don't.
    Lenient,
    /// They do: every warning becomes an error.
    Strict,
}

/// One thing that is wrong: what, where, and what to do. Its parts are what an editor or `miette` needs; its
/// Display is the whole, with the line and a caret. Values of secrets are in none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// How bad it is.
    pub severity: Severity,
    /// The environment that it is a mistake of.
    pub environment: String,
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// Where it begins in the file, in bytes.
    pub offset: usize,
    /// How long it is, in bytes; at least 1.
    pub length: usize,
    /// The line itself; `None` where there is none to show (secrets, environment variables).
    pub excerpt: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", self.message)?;
        writeln!(f, "  at {}:{}:{}", self.file, self.line, self.column)?;
        if let Some(excerpt) = &self.excerpt {
            let (number, before) = (self.line.to_string(), usize::try_from(self.column).unwrap_or(1) - 1);
            let (shown, before) = window(excerpt, before);
            let carets = shown.chars().count().saturating_sub(before).min(self.length).max(1);
            writeln!(f, "  {number} | {shown}")?;
            writeln!(f, "  {:width$} | {:before$}{}", "", "", "^".repeat(carets), width = number.len())?;
        }
        write!(f, "  remedy: {}", self.remedy)
    }
}

/// The widest line that is shown whole, in characters; of a wider one, as in JSON without line breaks, what is around the
/// mistake is.
const WIDEST: usize = 200;

/// A line as it is shown, and how many characters of that are before the mistake.
fn window(line: &str, before: usize) -> (Cow<'_, str>, usize) {
    let characters = line.chars().count();
    if characters <= WIDEST {
        return (Cow::Borrowed(line), before);
    }
    let first = before.saturating_sub(WIDEST / 2);
    let shown: String = line.chars().skip(first).take(WIDEST).collect();
    let (left, right) =
        (if first > 0 { "…" } else { "" }, if first + WIDEST < characters { "…" } else { "" });
    (Cow::Owned(format!("{left}{shown}{right}")), before - first + left.chars().count())
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Mistake>);

impl Notes {
    pub(crate) fn error(&mut self, at: &Origin, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(at.mistake(Severity::Error, message.into(), remedy.into()));
    }

    pub(crate) fn warning(&mut self, at: &Origin, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(at.mistake(Severity::Warning, message.into(), remedy.into()));
    }

    /// Adds what another found.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether an error is noted there already.
    pub(crate) fn has_error_at(&self, at: &Origin) -> bool {
        self.0.iter().any(|mistake| {
            mistake.severity == Severity::Error
                && (mistake.line, mistake.column) == (at.line, at.column)
                && mistake.file == at.source.name
        })
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|mistake| mistake.severity == Severity::Error)
    }

    /// Everything, by file and line; each once.
    pub(crate) fn told(mut self, strictness: Strictness) -> Vec<Mistake> {
        if strictness == Strictness::Strict {
            self.0.iter_mut().for_each(|mistake| mistake.severity = Severity::Error);
        }
        self.0.sort_by(|a, b| {
            (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message))
        });
        self.0.dedup();
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{WIDEST, window};

    #[test]
    fn of_a_wide_line_what_is_around_the_mistake_is_shown() {
        let narrow = "a".repeat(WIDEST);
        assert_eq!(window(&narrow, 7), (narrow.as_str().into(), 7));
        for before in [0, 99, 100, 101, 500, 999] {
            let mut line = "ä".repeat(1_000);
            line.extend(["!"]);
            let wide: String =
                line.chars().enumerate().map(|(at, one)| if at == before { '?' } else { one }).collect();
            let (shown, at) = window(&wide, before);
            assert_eq!(shown.chars().nth(at), Some('?'), "{before}");
            assert!(shown.chars().count() <= WIDEST + 2);
        }
    }
}
