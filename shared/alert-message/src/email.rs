use alerting::Notice;

use crate::message::Message;
use crate::plain::instant;
use crate::template::Wording;

/// A notice as an e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The subject: one line of at most [`Message::MAX_TITLE`] characters.
    pub subject: String,
    /// The plain text.
    pub text: String,
}

impl Email {
    /// The longest subject that SNS takes, in characters: it has to have fewer than 100 (SNS API Reference, Publish).
    pub const MAX_ASCII_SUBJECT: usize = 99;

    /// What a notice says, as an e-mail.
    pub fn new(notice: &Notice, wording: Wording<'_>) -> Self {
        let message = Message::new(notice, wording);
        let facts: Vec<_> = message.lines.iter().map(ToString::to_string).collect();
        let links: Vec<_> =
            message.links.iter().map(|link| format!("{}:\n  {}", link.name, link.url)).collect();
        let from =
            format!("ACE-Flow, {}, message {}", instant(notice.at), crate::plain::short(&notice.id, 200));
        // The mark of a signature: mail programs leave out what follows it in an answer.
        let parts = [message.title.clone(), facts.join("\n"), links.join("\n"), format!("-- \n{from}\n")];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Self { subject: message.title, text: parts.join("\n\n") }
    }

    /// The subject as SNS takes it: visible ASCII and spaces, beginning with a letter, a digit or a mark, under 100
    /// characters. What is none becomes a question mark.
    pub fn ascii_subject(&self) -> String {
        let plain: String = self.subject.replace('…', "...").chars().map(ascii).collect();
        match plain.get(..Self::MAX_ASCII_SUBJECT) {
            Some(_) if plain.len() > Self::MAX_ASCII_SUBJECT => {
                format!("{}...", plain.get(..Self::MAX_ASCII_SUBJECT - 3).unwrap_or_default())
            }
            _ => plain,
        }
    }
}

/// The letters of western European languages without their accents, so that words stay readable.
fn ascii(c: char) -> char {
    match c {
        ' '..='~' => c,
        'À'..='Å' => 'A',
        'à'..='å' => 'a',
        'È'..='Ë' => 'E',
        'è'..='ë' => 'e',
        'Ì'..='Ï' => 'I',
        'ì'..='ï' => 'i',
        'Ò'..='Ö' | 'Ø' => 'O',
        'ò'..='ö' | 'ø' => 'o',
        'Ù'..='Ü' => 'U',
        'ù'..='ü' => 'u',
        'Ç' => 'C',
        'ç' => 'c',
        'Ñ' => 'N',
        'ñ' => 'n',
        'ß' => 's',
        '–' | '—' => '-',
        '‘' | '’' => '\'',
        '“' | '”' | '„' => '"',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ascii_of(subject: &str) -> String {
        Email { subject: subject.to_owned(), text: String::new() }.ascii_subject()
    }

    #[test]
    fn a_subject_for_sns_is_ascii_and_short() {
        assert_eq!(ascii_of("[CRITICAL] Überlast: größer – 生产 🔥"), "[CRITICAL] Uberlast: groser - ?? ?");
        assert_eq!(ascii_of(&"x".repeat(99)), "x".repeat(99));
        assert_eq!(ascii_of(&"ü".repeat(100)), format!("{}...", "u".repeat(96)));
        assert_eq!(ascii_of("cut…"), "cut...");
    }
}
