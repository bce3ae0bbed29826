//! Text of others, made fit to be shown.

use jiff::Timestamp;

/// On one line: control characters and runs of white space become one space, and what only turns the direction of
/// writing goes.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        match c {
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            c if c.is_whitespace() || c.is_control() => gap = true,
            c => {
                if gap && !line.is_empty() {
                    line.push(' ');
                }
                gap = false;
                line.push(c);
            }
        }
    }
    line
}

/// At most so many characters, the last of which is an ellipsis where something was left out.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let Some(kept) = most.checked_sub(1) else { return String::new() };
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(kept).chain(['…']).collect(),
    }
}

/// As [`one_line`], at most so long.
pub(crate) fn short(text: &str, most: usize) -> String {
    cut(&one_line(text), most)
}

/// An instant as people read it, to the second.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time between two instants; none if the later one is earlier.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    span(u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0))
}

/// A time in its two greatest units.
pub(crate) fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// The address, if it is one that a person can follow.
pub(crate) fn web_address(text: &str) -> Option<&str> {
    /// Longer ones are of no use in a message, and Slack and mail programs cut them.
    const LONGEST: usize = 1_000;
    let text = text.trim();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let is_address = !rest.is_empty()
        && !rest.starts_with(['/', '?', '#', ':'])
        && text.len() <= LONGEST
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '|'));
    is_address.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_put_on_one_line_and_cut() {
        assert_eq!(one_line("  two\r\nlines\u{2028}and\u{7} a\tbell \u{202e}"), "two lines and a bell");
        assert_eq!(one_line("\n\t"), "");
        assert_eq!(cut("übung", 5), "übung");
        assert_eq!(cut("übungen", 5), "übun…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(short("a\nb c", 3), "a …");
    }

    #[test]
    fn a_time_is_told_in_its_two_greatest_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (900, "15 min"),
            (905, "15 min 5 s"),
            (7_500, "2 h 5 min"),
            (86_400, "1 d"),
            (86_460, "1 d"),
            (100_000, "1 d 3 h"),
        ] {
            assert_eq!(span(seconds), told);
        }
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(instant(at), "2026-01-02 03:04:05 UTC");
        assert_eq!(between(at, Timestamp::MIN), "0 s");
    }

    #[test]
    fn only_what_can_be_followed_is_an_address() {
        for address in ["https://wiki.example.com/down", "http://x", " https://x/?a=b#c "] {
            assert_eq!(web_address(address), Some(address.trim()));
        }
        for text in
            ["call ann", "ftp://x", "https://", "https:///x", "https://a b", "https://a|b", "javascript:x"]
        {
            assert_eq!(web_address(text), None, "{text}");
        }
        assert_eq!(web_address(&format!("https://x/{}", "a".repeat(1_000))), None);
    }
}
