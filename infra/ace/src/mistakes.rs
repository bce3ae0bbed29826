//! Mistakes of configurations, for people and for programs.

use environments::tree::{Mistake, Severity};
use serde_json::json;

use crate::arguments::Format;
use crate::sarif;

/// How many of them are errors.
pub(crate) fn errors(mistakes: &[Mistake]) -> usize {
    mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count()
}

/// Prints them to standard output.
pub(crate) fn print(mistakes: &[Mistake], format: Format) {
    match format {
        Format::Human => mistakes.iter().for_each(|mistake| println!("{mistake}\n")),
        Format::Json => mistakes.iter().for_each(|mistake| println!("{}", line(mistake))),
        Format::Github => mistakes.iter().for_each(|mistake| println!("{}", annotation(mistake))),
        Format::Sarif => println!("{:#}", sarif::document(mistakes)),
    }
}

/// Tells people of them on standard error, beside what a command prints.
pub(crate) fn warn(mistakes: &[Mistake]) {
    for mistake in mistakes {
        eprintln!("{mistake}\n");
    }
}

/// What a program calls an error or a warning.
pub(crate) const fn level(mistake: &Mistake) -> &'static str {
    match mistake.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// One as a line of JSON.
pub(crate) fn line(mistake: &Mistake) -> serde_json::Value {
    let Mistake { environment, file, line, column, message, remedy, .. } = mistake;
    json!({
        "severity": level(mistake), "environment": environment, "file": file, "line": line, "column": column,
        "message": message, "remedy": remedy,
    })
}

fn annotation(mistake: &Mistake) -> String {
    let Mistake { file, line, column, message, remedy, .. } = mistake;
    format!(
        "::{} file={},line={line},col={column}::{}",
        level(mistake),
        escaped(file).replace(':', "%3A").replace(',', "%2C"),
        escaped(&format!("{message}: {remedy}"))
    )
}

/// As a workflow command wants its texts
/// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
