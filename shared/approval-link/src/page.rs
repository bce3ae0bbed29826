//! What a link shows: one small page of HTML, and the headers that go with it.
//!
//! The page has no script, loads nothing, and may not be framed: programs that look into links for a person (mail
//! scanners, chat previews) approve nothing by opening it, as only its form does, with POST. The link stands in the form
//! and nowhere else, and no other page is told where one came from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rollout::Weight;
use sha2::{Digest, Sha256};

use crate::link::Link;

/// The one style sheet, which stands in the page.
const STYLE: &str = include_str!("page.css");

/// How a page is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A question.
    Ask,
    /// It went well.
    Good,
    /// Nothing was done, and nothing is wrong.
    Warning,
    /// Nothing was done, and something is wrong.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// The new version's share of requests before and after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// As it is.
    pub from: Weight,
    /// As the step wants it.
    pub to: Weight,
}

/// The button.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it sends.
    pub link: Link,
    /// What stands on it.
    pub button: String,
}

/// A page: plain text, which is escaped when it is written. In [`note`](Self::note) what stands between two back ticks is
/// code.
#[derive(Clone, Debug)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// How it is meant.
    pub tone: Tone,
    /// The environment, where it is known.
    pub environment: Option<String>,
    /// The heading.
    pub title: String,
    /// What to know, one paragraph.
    pub text: String,
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// What the step does to traffic.
    pub shift: Option<Shift>,
    /// The question.
    pub form: Option<Form>,
    /// What helps, in small print.
    pub note: Option<String>,
}

impl Page {
    /// A page that only says something.
    pub fn saying(status: u16, tone: Tone, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            status,
            tone,
            environment: None,
            title: title.into(),
            text: text.into(),
            facts: Vec::new(),
            shift: None,
            form: None,
            note: None,
        }
    }

    /// The page as HTML.
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let tone = self.tone.class();
        let environment = self.environment.as_deref();
        let environment = environment.map(|name| format!("<b>{}</b>", escaped(name))).unwrap_or_default();
        let text = escaped(&self.text);
        let shift = self.shift.map(drawn).unwrap_or_default();
        let facts = self.facts();
        let form = self.form.as_ref().map(Form::html).unwrap_or_default();
        let note = self.note.as_deref().map(small_print).unwrap_or_default();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} - ACE-Flow</title>\n<link rel=\"icon\" href=\"data:,\">\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main class=\"{tone}\">\n\
             <p class=\"where\"><span>ACE-Flow approval</span>{environment}</p>\n<h1>{title}</h1>\n<p>{text}</p>\n\
             {shift}{facts}{form}{note}</main>\n</body>\n</html>\n"
        )
    }

    fn facts(&self) -> String {
        if self.facts.is_empty() {
            return String::new();
        }
        let facts = self.facts.iter();
        let rows =
            facts.map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value)));
        format!("<dl>\n{}</dl>\n", rows.collect::<String>())
    }
}

impl Form {
    fn html(&self) -> String {
        format!(
            "<form method=\"post\" action=\"/\">\n<input type=\"hidden\" name=\"link\" value=\"{}\">\n\
             <button name=\"decision\" value=\"approve\">{}</button>\n</form>\n",
            self.link.expose(),
            escaped(&self.button)
        )
    }
}

fn small_print(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    format!("<p class=\"note\">{}</p>\n", parts.collect::<String>())
}

/// Two bars, one below the other, each as long as 100 %.
fn drawn(Shift { from, to }: Shift) -> String {
    let bar = |y: u16, name: &str, weight: Weight| {
        let width = u16::from(weight.percent()) * 4;
        format!(
            "<text x=\"0\" y=\"{}\">{name}</text><rect class=\"old\" x=\"48\" y=\"{y}\" width=\"400\" height=\"14\" rx=\"4\"/>\
             <rect class=\"new\" x=\"48\" y=\"{y}\" width=\"{width}\" height=\"14\" rx=\"4\"/>\
             <text x=\"458\" y=\"{}\">{weight}</text>",
            y + 12,
            y + 12
        )
    };
    format!(
        "<svg viewBox=\"0 0 510 44\" role=\"img\" aria-label=\"The new version gets {from} of the requests now, and {to} \
         after this step\">{}{}</svg>\n",
        bar(2, "now", from),
        bar(26, "then", to)
    )
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
        safe
    })
}

/// The headers of every page, by their names in lower case.
///
/// The policy allows the one style sheet by its hash and the form to this server, and nothing else.
/// `strict-transport-security` means something over HTTPS alone.
pub fn headers() -> [(&'static str, String); 11] {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let plain = |name, value: &str| (name, value.to_owned());
    [
        plain("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        plain("cache-control", "no-store"),
        plain("referrer-policy", "no-referrer"),
        plain("x-content-type-options", "nosniff"),
        plain("x-frame-options", "DENY"),
        plain("x-robots-tag", "noindex, nofollow, noarchive"),
        plain("cross-origin-opener-policy", "same-origin"),
        plain("cross-origin-resource-policy", "same-origin"),
        plain("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        plain("strict-transport-security", "max-age=31536000"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let mut page = Page::saying(200, Tone::Ask, "Approve <step> 2?", "It's \"waiting\" & ready");
        page.environment = Some("<script>".to_owned());
        page.facts = vec![("Version", "v1\"><img src=x>".to_owned())];
        page.shift = Some(Shift { from: "10".parse::<u8>().unwrap().try_into().unwrap(), to: Weight::FULL });
        page.note = Some("type `ace reject <id>` instead".to_owned());
        page.form = Some(Form { link: "abc-DEF_1".parse().unwrap(), button: "Approve & go".to_owned() });
        page
    }

    #[test]
    fn whatever_it_says_is_text() {
        let html = page().html();
        let body = html.split("</style>").nth(1).unwrap();
        for wanted in [
            "Approve &lt;step&gt; 2?",
            "It&#39;s &quot;waiting&quot; &amp; ready",
            "<b>&lt;script&gt;</b>",
            "<dd>v1&quot;&gt;&lt;img src=x&gt;</dd>",
            "<code>ace reject &lt;id&gt;</code>",
            "value=\"abc-DEF_1\"",
            "10 % of the requests now, and 100 %",
        ] {
            assert!(body.contains(wanted), "{wanted}\n{body}");
        }
        for unwanted in ["<script", "<img", " style=", " onclick", " onload", "http"] {
            assert!(!body.contains(unwanted), "{unwanted}\n{body}");
        }
    }

    #[test]
    fn the_style_has_nothing_that_loads_or_ends_it() {
        for unwanted in ["</", "url(", "@import", "expression"] {
            assert!(!STYLE.contains(unwanted), "{unwanted}");
        }
    }

    #[test]
    fn the_policy_allows_exactly_the_style_that_is_there() {
        let policy = headers().into_iter().find(|(name, _)| *name == "content-security-policy").unwrap().1;
        let html = page().html();
        let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
        assert!(policy.starts_with("default-src 'none';"));
        assert!(!policy.contains("unsafe"));
    }
}
