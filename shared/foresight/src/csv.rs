//! Past minutes as comma-separated values.

use jiff::Timestamp;

use crate::past::{PastError, PastMinute, PastMinutes};

/// Why a file of minutes was refused. Lines and columns are counted from 1, columns in fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// No header, or another one.
    #[error(
        "line 1: the header is {found:?}: write `timestamp,requests,errors`, and `,slow` behind it where slow requests \
         are counted"
    )]
    Header {
        /// What is there.
        found: String,
    },
    /// Too few or too many fields.
    #[error(
        "line {line}: {found} fields where the header has {expected}: write one of each, separated by commas"
    )]
    Fields {
        /// The line.
        line: usize,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A time that is none.
    #[error(
        "line {line} column 1: {found:?} is no time: write the start of a minute as 2026-03-01T12:00:00Z"
    )]
    Time {
        /// The line.
        line: usize,
        /// What is there.
        found: String,
    },
    /// A count that is none.
    #[error("line {line} column {column} ({name}): {found:?} is no count: write a whole number of 0 or more")]
    Count {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// Its name.
        name: &'static str,
        /// What is there.
        found: String,
    },
    /// A minute that cannot be.
    #[error("line {line}: {source}")]
    Minute {
        /// The line.
        line: usize,
        /// Why.
        source: PastError,
    },
}

const COLUMNS: [&str; 4] = ["timestamp", "requests", "errors", "slow"];

/// Reads minutes with the header `timestamp,requests,errors[,slow]`; empty lines are skipped.
///
/// # Errors
/// The first mistake, with its line, its column and the remedy.
pub fn read_csv(text: &str) -> Result<PastMinutes, CsvError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = (1..).zip(text.lines());
    let header = lines.next().map_or("", |(_, line)| line);
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    let expected = names.len();
    if !(3..=4).contains(&expected) || !COLUMNS.starts_with(&names) {
        return Err(CsvError::Header { found: header.to_owned() });
    }
    let mut minutes = PastMinutes::new();
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        let [time, counts @ ..] = fields.as_slice() else { continue };
        if fields.len() != expected {
            return Err(CsvError::Fields { line, found: fields.len(), expected });
        }
        let start =
            time.parse::<Timestamp>().map_err(|_| CsvError::Time { line, found: (*time).to_owned() })?;
        let count = |column: usize| {
            let found = counts.get(column - 2).copied().unwrap_or_default();
            let name = COLUMNS.get(column - 1).copied().unwrap_or_default();
            found.parse::<u64>().map_err(|_| CsvError::Count { line, column, name, found: found.to_owned() })
        };
        let slow = if expected == 4 { Some(count(4)?) } else { None };
        let minute = PastMinute { start, requests: count(2)?, errors: count(3)?, slow };
        minutes.push(minute).map_err(|source| CsvError::Minute { line, source })?;
    }
    Ok(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read_with_and_without_slow_requests() {
        let minutes = read_csv("timestamp,requests,errors\r\n2026-03-01T12:00:00Z,10,1\r\n\r\n").unwrap();
        assert_eq!((minutes.all().len(), minutes.totals()), (1, (10, 1)));
        let text = "\u{feff}timestamp, requests, errors, slow\n2026-03-01T13:00:00+01:00, 10, 1, 3\n";
        let minutes = read_csv(text).unwrap();
        assert_eq!(minutes.all()[0].slow, Some(3));
        assert_eq!(minutes.all()[0].start.to_string(), "2026-03-01T12:00:00Z");
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_the_remedy() {
        let row = |row: &str| format!("timestamp,requests,errors\n2026-03-01T12:00:00Z,10,1\n{row}\n");
        for (text, says) in [
            (String::new(), "line 1: the header is \"\": write `timestamp,requests,errors`"),
            ("time,requests,errors\n".to_owned(), "line 1: the header"),
            ("timestamp,requests\n".to_owned(), "line 1: the header"),
            (row("2026-03-01T12:01:00Z,10"), "line 3: 2 fields where the header has 3"),
            (row("noon,10,1"), "line 3 column 1: \"noon\" is no time: write the start of a minute as 2026-"),
            (row("2026-03-01T12:01:00Z,-10,1"), "line 3 column 2 (requests): \"-10\" is no count"),
            (row("2026-03-01T12:01:00Z,10,NaN"), "line 3 column 3 (errors): \"NaN\" is no count"),
            (row("2026-03-01T12:01:00Z,10,11"), "line 3: 11 errors in 10 requests"),
            (row("2026-03-01T12:00:00Z,10,1"), "line 3: 2026-03-01T12:00:00Z follows"),
            (row("2026-03-01T12:01:07Z,10,1"), "line 3: 2026-03-01T12:01:07Z is not the start"),
        ] {
            let refused = read_csv(&text).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
