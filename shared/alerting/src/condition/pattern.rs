use std::fmt;

/// A text in which `*` stands for any characters, or none. Upper and lower case are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern of a text. Several `*` in a row are one.
    pub(super) fn new(text: &str) -> Self {
        let mut pattern = String::with_capacity(text.len());
        for c in text.chars() {
            if c != '*' || !pattern.ends_with('*') {
                pattern.push(c);
            }
        }
        Self(pattern)
    }

    /// As it is written, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one text that it matches, if there is no `*` in it.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(self.0.as_str())
    }

    /// Whether it matches the whole of a text, in time that grows with the lengths of both.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The leftmost place of each part leaves the most room for those after it.
        text.strip_prefix(first)
            .and_then(|left| {
                middle.split('*').try_fold(left, |left, part| left.split_once(part).map(|(_, after)| after))
            })
            .is_some_and(|left| left.ends_with(last))
    }
}

impl fmt::Display for Pattern {
    /// In quotes where it has to be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::lexer::quoted_if_needed(&self.0))
    }
}
