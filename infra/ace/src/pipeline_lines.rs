//! Every `ace` that infra/pipeline and the scripts of .ace-flow call is a command that this `ace` takes.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::arguments::Arguments;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// A word of a shell and what follows it, with the text `given` for each variable.
fn word(text: &str, given: &str) -> Option<(String, usize)> {
    let start = text.len() - text.trim_start().len();
    let (mut word, mut quote, mut end) = (String::new(), None, start);
    let mut letters = text[start..].char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        end = start + at + letter.len_utf8();
        match letter {
            '"' | '\'' if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            '$' if quote != Some('\'') => {
                word.push_str(given);
                while let Some((at, _)) =
                    letters.next_if(|(_, next)| next.is_ascii_alphanumeric() || *next == '_')
                {
                    end = start + at + 1;
                }
            }
            ' ' if quote.is_none() => return Some((word, end)),
            _ => word.push(letter),
        }
    }
    assert_eq!(quote, None, "a quote is not closed on its line: {text}");
    (end > start).then_some((word, end))
}

fn words(mut text: &str) -> Vec<String> {
    let mut words = Vec::new();
    while let Some((word, end)) = word(text, "4b825dc642cb6eb9") {
        if ["&&", "||", ";", "|", "}", "#", ")"].contains(&word.as_str()) {
            break;
        }
        words.push(word);
        text = &text[end..];
    }
    words
}

/// What a command begins after.
const BEFORE: [&str; 9] = ["-", "run:", "&&", "||", "{", "!", "if", "then", "exec"];

/// The calls of a file: `ace` where a command begins.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    // As the scripts of `ace init` write it, which pass their own arguments on.
    let text = text.replace("\"${ACE:-ace}\"", "ace").replace(" \"$@\"", "");
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for (at, _) in line.match_indices("ace ") {
            let before = &line[..at];
            let begins = before.split_whitespace().next_back().is_none_or(|last| BEFORE.contains(&last));
            if begins && before.chars().next_back().is_none_or(char::is_whitespace) {
                calls.push(words(&line[at..]));
            }
        }
    }
    calls
}

#[test]
fn calls_are_found_where_commands_begin() {
    let text = "# ace is built once\n- name: Build ace\n  run: ace validate --strict\n- ace man\n  curl ace x\n  npm test || {\n\
                ace rollback --reason \"tests failed in $RUN_1, sorry\" --wait && ace status\n\
                \"${ACE:-ace}\" plan \"$@\"\n";
    let wanted: [&[&str]; 5] = [
        &["ace", "validate", "--strict"],
        &["ace", "man"],
        &["ace", "rollback", "--reason", "tests failed in 4b825dc642cb6eb9, sorry", "--wait"],
        &["ace", "status"],
        &["ace", "plan"],
    ];
    assert_eq!(calls(text), wanted);
}

#[test]
fn every_call_of_the_pipelines_and_scripts_is_one_that_ace_takes() {
    let mut found = Vec::new();
    files(&project().join("infra/pipeline"), &mut found);
    files(&project().join(".ace-flow/scripts"), &mut found);
    // What `ace init` writes there.
    files(&project().join("infra/ace/init/scripts"), &mut found);
    let mut seen = 0;
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        for call in calls(&text) {
            seen += 1;
            if let Err(refused) = Arguments::try_parse_from(&call) {
                panic!("{}: {}: {refused}", file.display(), call.join(" "));
            }
        }
    }
    assert!(
        seen >= 16,
        "a validate and an implement for each environment and two ways back, twice over; found {seen}"
    );
}
