//! Where a character of a value stands in its file.

use alerting::ConditionError;

/// A part of a text, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// How many stand before it.
    pub(crate) before: usize,
    /// How many it has; one at least is marked.
    pub(crate) length: usize,
}

impl From<&ConditionError> for Extent {
    fn from(error: &ConditionError) -> Self {
        Self { before: error.offset(), length: error.length() }
    }
}

/// The same in a file, from where the value begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Bytes before it.
    pub(crate) bytes: usize,
    /// Characters before it, all on the line on which the value begins.
    pub(crate) columns: usize,
    /// Its bytes; at least one.
    pub(crate) length: usize,
}

/// Where a part of a value stands; `raw` is the file from where the value begins. `None` if the value is not written
/// plain or in quotes, on one line up to there, or was made from something else.
pub(crate) fn mark(raw: &str, value: &str, extent: Extent) -> Option<Mark> {
    let read: fn(&str) -> Option<(char, usize)> = match raw.chars().next()? {
        '"' => escaped,
        '\'' => doubled,
        '|' | '>' => return None,
        _ => plain,
    };
    let quote = usize::from(raw.starts_with(['"', '\'']));
    let (mut at, mut columns) = (quote, quote);
    let mut start = None;
    // What is missing at the end is missing where the value ends.
    for (index, expected) in value.chars().map(Some).chain([None]).enumerate() {
        if index == extent.before {
            start = Some((at, columns));
        }
        if index >= extent.before.saturating_add(extent.length) {
            break;
        }
        let Some(expected) = expected else { break };
        let rest = raw.get(at..)?;
        let (found, bytes) = read(rest)?;
        if found != expected || found == '\n' && rest.starts_with('\n') {
            return None;
        }
        columns += rest.get(..bytes)?.chars().count();
        at += bytes;
    }
    let (bytes, columns) = start?;
    Some(Mark { bytes, columns, length: (at - bytes).max(1) })
}

fn plain(rest: &str) -> Option<(char, usize)> {
    rest.chars().next().map(|c| (c, c.len_utf8()))
}

/// In single quotes, a quote is written twice.
fn doubled(rest: &str) -> Option<(char, usize)> {
    if rest.starts_with("''") { Some(('\'', 2)) } else { plain(rest).filter(|(c, _)| *c != '\'') }
}

/// In double quotes: YAML 1.2, 5.7.
fn escaped(rest: &str) -> Option<(char, usize)> {
    let Some(escape) = rest.strip_prefix('\\') else { return plain(rest).filter(|(c, _)| *c != '"') };
    let hex = |digits: usize| {
        let code = u32::from_str_radix(escape.get(1..=digits)?, 16).ok()?;
        Some((char::from_u32(code)?, digits + 2))
    };
    let letter = escape.chars().next()?;
    let c = match letter {
        'x' => return hex(2),
        'u' => return hex(4),
        'U' => return hex(8),
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        ' ' | '"' | '/' | '\\' => letter,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    };
    Some((c, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(raw: &str, before: usize, length: usize) -> Option<(usize, &str)> {
        let value: String = serde_saphyr::from_str(raw).unwrap();
        let mark = mark(raw, &value, Extent { before, length })?;
        Some((mark.columns, raw.get(mark.bytes..mark.bytes + mark.length)?))
    }

    #[test]
    fn a_character_is_found_however_it_is_written() {
        assert_eq!(marked("status:bad", 7, 3), Some((7, "bad")));
        assert_eq!(marked("'status:bad'", 7, 3), Some((8, "bad")));
        assert_eq!(marked("\"status:bad\"", 7, 3), Some((8, "bad")));
        assert_eq!(marked("'it''s bad'", 5, 3), Some((7, "bad")));
        assert_eq!(marked("'it''s bad'", 2, 1), Some((3, "''")));
        assert_eq!(marked(r#""rule:\"Überlast\" bad""#, 16, 3), Some((19, "bad")));
        assert_eq!(marked(r#""\u00fc\x41\U0001F980 bad""#, 4, 3), Some((22, "bad")));
        assert_eq!(marked("Überlast bad", 9, 3), Some((9, "bad")));
        // What is missing at the end.
        assert_eq!(marked("'status:'", 7, 1), Some((8, "'")));
        assert_eq!(mark("status:", "status:", Extent { before: 7, length: 1 }).unwrap().columns, 7);
        assert_eq!(marked("status", 9, 1), None);
    }

    #[test]
    fn what_is_written_over_lines_or_was_made_is_not_found() {
        assert_eq!(marked("|\n  status:bad\n", 7, 3), None);
        assert_eq!(marked(">\n  status:bad\n", 7, 3), None);
        assert_eq!(marked("a\n  bad", 2, 3), None);
        assert_eq!(
            marked("bad\n  a", 0, 3),
            Some((0, "bad")),
            "but what stands before the end of the line is"
        );
        assert_eq!(marked("\"a\n  bad\"", 2, 3), None);
        assert_eq!(mark("${NAME} bad", "x bad", Extent { before: 2, length: 3 }), None);
    }
}
