//! The content lines of a calendar file (RFC 5545, 3.1).

use super::{InvalidCalendar, Why};

/// A property with its parameters.
#[derive(Debug)]
pub(super) struct Line {
    /// Of the file, from 1; of several that were folded, the first.
    pub(super) number: usize,
    /// In capitals, as the names of parameters are.
    pub(super) name: String,
    parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl Line {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn refuse(&self, why: Why) -> InvalidCalendar {
        InvalidCalendar { line: self.number, why }
    }
}

/// The lines of a file, in order; empty ones are passed over.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Result<Line, InvalidCalendar>> {
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
        match (line.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(rest), Some((_, line))) => line.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => unfolded.push((number, line.to_owned())),
        }
    }
    unfolded.into_iter().map(|(number, text)| {
        read(number, &text).ok_or_else(|| InvalidCalendar { line: number, why: Why::Line(excerpt(&text)) })
    })
}

/// What is shown of a text that may be long.
pub(super) fn excerpt(text: &str) -> String {
    let more = (text.chars().count() > 60).then_some('…');
    text.chars().take(60).chain(more).collect()
}

fn read(number: usize, text: &str) -> Option<Line> {
    let end = text.find([':', ';'])?;
    let (name, mut rest) = text.split_at_checked(end)?;
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(';') {
        let (key, after) = parameter.split_once('=')?;
        let value = if let Some(quoted) = after.strip_prefix('"') {
            let (value, after) = quoted.split_once('"')?;
            rest = after;
            value
        } else {
            let (value, after) = after.split_at_checked(after.find([':', ';'])?)?;
            rest = after;
            value
        };
        parameters.push((is_name(key)?.to_ascii_uppercase(), value.to_owned()));
    }
    let value = rest.strip_prefix(':')?.to_owned();
    Some(Line { number, name: is_name(name)?.to_ascii_uppercase(), parameters, value })
}

fn is_name(text: &str) -> Option<&str> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then_some(text)
}
