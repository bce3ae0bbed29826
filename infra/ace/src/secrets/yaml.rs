//! A secret's line in secrets.yml, changed in place: comments and order stay.

/// The text with another value at `group.name`. It is meant for files as `ace init` writes them, a block for each
/// group; whether it is right in another one the caller finds out by reading the result.
pub(crate) fn with(text: &str, group: &str, name: &str, value: &str) -> String {
    // A JSON text is a YAML text.
    let quoted = zeroize::Zeroizing::new(serde_json::Value::from(value).to_string());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let Some(top) = lines.iter().position(|line| is_key(line, 0, "secrets")) else {
        lines.extend(["secrets:".to_owned(), format!("  {group}:"), format!("    {name}: {}", *quoted)]);
        return joined(&lines);
    };
    open_empty(&mut lines, top);
    let end = end_of(&lines, top);
    let outer = indent_within(&lines, top, end).unwrap_or(2);
    let found = (top + 1..end).find(|at| lines.get(*at).is_some_and(|line| is_key(line, outer, group)));
    let Some(block) = found else {
        let at = last_of(&lines, top, end) + 1;
        let (outer, inner) = (" ".repeat(outer), " ".repeat(outer + outer.max(2)));
        lines.splice(at..at, [format!("{outer}{group}:"), format!("{inner}{name}: {}", *quoted)]);
        return joined(&lines);
    };
    open_empty(&mut lines, block);
    let end = end_of(&lines, block);
    let inner = indent_within(&lines, block, end).unwrap_or(outer + 2);
    let line = format!("{}{name}: {}", " ".repeat(inner), *quoted);
    let found = (block + 1..end).find(|at| lines.get(*at).is_some_and(|line| is_key(line, inner, name)));
    if let Some(at) = found {
        // With what belongs to it: a text may go on in deeper lines.
        let last = last_of(&lines, at, end_of(&lines, at));
        lines.splice(at..=last, [line]);
    } else {
        let at = last_of(&lines, block, end) + 1;
        lines.insert(at, line);
    }
    joined(&lines)
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// An empty mapping in braces becomes the head of a block; what is behind it as a comment stays.
fn open_empty(lines: &mut [String], head: usize) {
    let Some(line) = lines.get_mut(head) else { return };
    let Some((key, rest)) = line.split_once(':') else { return };
    let Some(behind) = rest.trim_start().strip_prefix("{}") else { return };
    let opened = match behind.trim() {
        "" => format!("{key}:"),
        comment if comment.starts_with('#') => format!("{key}: {comment}"),
        _ => return,
    };
    *line = opened;
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn says_nothing(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn is_key(line: &str, at: usize, key: &str) -> bool {
    let rest = line.trim_start_matches(' ');
    let quoted = [format!("{key}:"), format!("\"{key}\":"), format!("'{key}':")];
    indent(line) == at
        && quoted.iter().any(|key| {
            rest.strip_prefix(key.as_str())
                .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t']))
        })
}

/// The line behind a block: the first one that is not deeper than its head.
fn end_of(lines: &[String], head: usize) -> usize {
    let depth = lines.get(head).map_or(0, |line| indent(line));
    let after = lines.iter().enumerate().skip(head + 1);
    let mut next = after.filter(|(_, line)| !says_nothing(line) && indent(line) <= depth);
    next.next().map_or(lines.len(), |(at, _)| at)
}

/// The last line of a block that says something; its head, if none does.
fn last_of(lines: &[String], head: usize, end: usize) -> usize {
    let within = lines.iter().enumerate().take(end).skip(head + 1);
    within.filter(|(_, line)| !says_nothing(line)).map(|(at, _)| at).next_back().unwrap_or(head)
}

/// How deep the entries of a block are.
fn indent_within(lines: &[String], head: usize, end: usize) -> Option<usize> {
    let within = lines.iter().take(end).skip(head + 1);
    within.filter(|line| !says_nothing(line)).map(|line| indent(line)).next()
}
