//! How long the tags of a template are. The engine walks an expression by recursion, deeper with each sign, so that a
//! long enough one would overflow the stack: an expression lies within a tag, and a tag is bounded.

/// The longest tag, in bytes: some thousand signs overflow a stack of 2 MiB.
pub(super) const MAX_TAG: usize = 400;

/// A tag that is not let into the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadTag {
    /// It is too long.
    Long,
    /// It is `raw`, between which and whose end other rules hold.
    Raw,
}

/// The first bad tag and the line that it begins in.
pub(super) fn bad(template: &str) -> Option<(usize, BadTag)> {
    let mut rest = template;
    loop {
        let (text, tag) =
            rest.split_at(rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min()?);
        let line = || 1 + template.len().checked_sub(tag.len()).map_or(0, |at| lines(template, at));
        let length = match tag.as_bytes() {
            [b'{', b'#', ..] => tag.find("#}").map_or(tag.len(), |at| at + 2),
            [b'{', kind, ..] => {
                let end = if *kind == b'%' { "%}" } else { "}}" };
                let inside = tag.get(2..).unwrap_or_default();
                let word = inside.trim_start_matches(['-', '+']).trim_start();
                if *kind == b'%' && word.starts_with("raw") {
                    return Some((line(), BadTag::Raw));
                }
                let length = 2 + length(inside, end);
                if length > MAX_TAG {
                    return Some((line(), BadTag::Long));
                }
                length
            }
            _ => return None,
        };
        debug_assert!(text.len() + length <= rest.len());
        rest = tag.get(length..)?;
    }
}

fn lines(template: &str, at: usize) -> usize {
    template.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// How far a tag goes, its end included: strings and brackets can have the mark of its end in them.
fn length(inside: &str, end: &str) -> usize {
    let mut open = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if let Some(by) = quote {
            if !escaped && c == by {
                quote = None;
            }
            escaped = !escaped && c == '\\';
            continue;
        }
        if open == 0 && inside.get(at..).is_some_and(|rest| rest.starts_with(end)) {
            return at + end.len();
        }
        match c {
            '\'' | '"' => quote = Some(c),
            '(' | '[' | '{' => open += 1,
            // One too many is an error of the language, after which nothing is read.
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_measured_as_the_engine_reads_them() {
        let signs = "-".repeat(MAX_TAG);
        for long in [
            format!("{{{{ {signs}1 }}}}"),
            format!("\n{{% if {signs}1 %}}"),
            format!("a }}}} b {{{{ '}}}}' ~ {signs}1 }}}}"),
            format!("{{{{ \"\\\"}}}}\" ~ {signs}1 }}}}"),
            format!("{{{{ {{'a': {{}}}}, {signs}1 }}}}"),
            format!("{{# ' #}}{{{{ {signs}1 }}}}"),
            format!("{{{{ 'never closed {signs}"),
            format!("{{{{{signs}"),
        ] {
            let line = if long.starts_with('\n') { 2 } else { 1 };
            assert_eq!(bad(&long), Some((line, BadTag::Long)), "{long}");
        }
        for good in [
            format!("{signs}{{{{ a }}}}{signs}{{% if a %}}{signs}{{% endif %}}{{# {signs} #}}"),
            "{{ {'a': {}} }}{{ '{{' }}".to_owned(),
            "{{ '\\\\' }}".to_owned(),
            "{#".to_owned(),
            String::new(),
        ] {
            assert_eq!(bad(&good), None, "{good}");
        }
        assert_eq!(bad("a\n{%- raw %}{{ '{% endraw %}"), Some((2, BadTag::Raw)));
    }
}
