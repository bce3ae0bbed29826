//! `ace validate`: every mistake in the configuration of the environments, before anything is deployed.

use environments::tree::{Accepted, Chosen, Mistake, Refused, Severity, Strictness, check, check_among};
use serde_json::json;

use crate::Ending;
use crate::arguments::{Format, Validate};
use crate::error::AceError;
use crate::folders;

pub(crate) fn validate(arguments: &Validate) -> Result<Ending, AceError> {
    let strictness = if arguments.strict { Strictness::Strict } else { Strictness::Lenient };
    let (names, mistakes) = if let Some(asked) = &arguments.environment {
        let (asked, others) = folders::one(&arguments.tree, asked.as_str())?;
        let mistakes = match check_among(&asked, &others, strictness) {
            Ok(Chosen { warnings, .. }) => warnings,
            Err(Refused { mistakes }) => mistakes,
        };
        (asked.name, mistakes)
    } else {
        let tree = folders::all(&arguments.tree)?;
        let mistakes = match check(&tree, strictness) {
            Ok(Accepted { warnings, .. }) => warnings,
            Err(Refused { mistakes }) => mistakes,
        };
        let names: Vec<&str> = tree.iter().map(|sources| sources.name.as_str()).collect();
        (names.join(", "), mistakes)
    };
    for mistake in &mistakes {
        show(mistake, arguments.format);
    }
    let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    if errors > 0 {
        return Err(AceError::Invalid { errors });
    }
    if arguments.format == Format::Human {
        println!("valid: {names}; warnings: {}", mistakes.len());
    }
    Ok(Ending::Good)
}

fn show(mistake: &Mistake, format: Format) {
    let Mistake { file, line, column, message, remedy, .. } = mistake;
    let severity = match mistake.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    match format {
        Format::Human => println!("{mistake}\n"),
        Format::Json => println!(
            "{}",
            json!({
                "severity": severity, "file": file, "line": line, "column": column,
                "message": message, "remedy": remedy,
            })
        ),
        Format::Github => println!(
            "::{severity} file={},line={line},col={column}::{}",
            escaped(file).replace(':', "%3A").replace(',', "%2C"),
            escaped(&format!("{message}: {remedy}"))
        ),
    }
}

/// As a workflow command wants its texts
/// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
