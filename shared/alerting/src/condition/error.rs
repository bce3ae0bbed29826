use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Why a text is no condition. Its Display is one line that reads alone; [`pointed`](Self::pointed) is two for a
/// terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {}: {}: {}", .0.offset + 1, .0.found, .0.remedy)]
pub struct ConditionError(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    text: String,
    offset: usize,
    length: usize,
    found: String,
    remedy: String,
    expected: Vec<String>,
    suggestion: Option<String>,
}

impl ConditionError {
    pub(super) fn new(text: &str, mistake: Mistake) -> Self {
        let characters = |range: Range<usize>| text.get(range).unwrap_or_default().chars().count();
        let Mistake { span, found, remedy, expected, suggestion } = mistake;
        let (offset, length) = (characters(0..span.start), characters(span));
        Self(Box::new(Details { text: text.to_owned(), offset, length, found, remedy, expected, suggestion }))
    }

    /// The condition; of one that is too long, as much as may be.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Where the mistake begins, in characters from 0; behind the last one, if something is missing there.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// Where the mistake begins, as people count: from 1.
    pub fn column(&self) -> usize {
        self.0.offset + 1
    }

    /// How many characters it takes; none where something is missing.
    pub fn length(&self) -> usize {
        self.0.length
    }

    /// What is wrong: ``unknown field `respone_time` ``.
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// What to do: ``write `response_time` ``.
    pub fn remedy(&self) -> &str {
        &self.0.remedy
    }

    /// What may stand there, where that can be listed.
    pub fn expected(&self) -> &[String] {
        &self.0.expected
    }

    /// What to write in the place of the characters from [`offset`](Self::offset) on, if that is clear.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }

    /// Two lines for a terminal: the condition, and carets under what is wrong. Of a long condition the part around it.
    pub fn pointed(&self) -> String {
        let Details { text, offset, length, .. } = &*self.0;
        let cells: Vec<(char, usize)> = text.chars().map(cell).collect();
        let from = begin(&cells, *offset);
        let (mut line, mut before, mut carets, mut width) = (String::new(), 0, 0, 0);
        if from > 0 {
            line.push('…');
            (before, width) = (1, 1);
        }
        for (at, (c, cell)) in cells.iter().enumerate().skip(from) {
            if width + cell > WIDTH {
                line.push('…');
                break;
            }
            line.push(*c);
            width += cell;
            if at < *offset {
                before += cell;
            } else if at < offset + length {
                carets += cell;
            }
        }
        format!("{line}\n{:before$}{}", "", "^".repeat(carets.max(1)))
    }
}

/// The cells of a terminal that a line takes at most.
const WIDTH: usize = 100;

/// A character as it is shown, and the cells that it takes.
fn cell(c: char) -> (char, usize) {
    let c = if c.is_control() || c.is_whitespace() { ' ' } else { c };
    (c, c.width().unwrap_or(0))
}

/// Where to begin, so that there is room for what follows a place.
fn begin(cells: &[(char, usize)], offset: usize) -> usize {
    let width = |cells: &[(char, usize)]| cells.iter().map(|(_, width)| width).sum::<usize>();
    if width(cells) <= WIDTH {
        return 0;
    }
    let mut room = WIDTH / 2;
    let before = cells.get(..offset).unwrap_or(cells);
    let kept = before.iter().rev().take_while(|(_, width)| {
        let fits = *width <= room;
        room = room.saturating_sub(*width);
        fits
    });
    before.len() - kept.count()
}

/// A mistake and its place, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    pub(super) span: Range<usize>,
    pub(super) found: String,
    pub(super) remedy: String,
    pub(super) expected: Vec<String>,
    pub(super) suggestion: Option<String>,
}

impl Mistake {
    /// With what to do about it, which begins with "write".
    pub(super) fn new(span: &Range<usize>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            span: span.clone(),
            found: found.into(),
            remedy: remedy.into(),
            expected: Vec::new(),
            suggestion: None,
        }
    }

    /// With what to write instead.
    pub(super) fn instead(
        span: &Range<usize>,
        found: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> Self {
        let suggestion = suggestion.into();
        Self::new(span, found, format!("write `{suggestion}`")).suggesting(suggestion)
    }

    pub(super) fn suggesting(self, suggestion: impl Into<String>) -> Self {
        Self { suggestion: Some(suggestion.into()), ..self }
    }

    /// With more about what to do.
    pub(super) fn also(self, more: &str) -> Self {
        Self { remedy: format!("{} ({more})", self.remedy), ..self }
    }

    pub(super) fn expecting(self, expected: &[&str]) -> Self {
        Self { expected: expected.iter().map(|one| (*one).to_owned()).collect(), ..self }
    }
}

/// The nearest of the known words, if it is near enough to be meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // The distance to a word that is much longer than all of them is of no use, and dear.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase();
    let begun = || known.iter().find(|known| word.len() >= 3 && known.starts_with(&word)).copied();
    known
        .iter()
        .map(|known| (strsim::osa_distance(&word, &known.to_lowercase()), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).clamp(1, 3))
        .min()
        .map(|(_, known)| known)
        .or_else(begun)
}

/// A part of a text for an error: not too long, and on one line.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).map(|c| cell(c).0).collect();
    if text.chars().nth(LONGEST).is_some() { format!("{shown}…") } else { shown }
}
