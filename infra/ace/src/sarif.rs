//! Mistakes as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), which GitHub's code
//! scanning and editors take.

use std::fmt::Write as _;

use environments::tree::{Mistake, Severity};
use serde_json::{Value, json};

use crate::mistakes::level;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One run with a result for each mistake; without one it says that nothing was found.
pub(crate) fn document(mistakes: &[Mistake]) -> Value {
    let rules = [
        ("configuration-error", "error", "The configuration is refused."),
        (
            "configuration-warning",
            "warning",
            "The configuration may be wrong; `ace validate --strict` refuses it.",
        ),
    ];
    let rules = rules.map(|(id, level, text)| {
        json!({
            "id": id, "shortDescription": { "text": text },
            "defaultConfiguration": { "level": level },
        })
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ace validate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": mistakes.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(mistake: &Mistake) -> Value {
    let (rule, index) = match mistake.severity {
        Severity::Error => ("configuration-error", 0),
        Severity::Warning => ("configuration-warning", 1),
    };
    json!({
        "ruleId": rule,
        "ruleIndex": index,
        "level": level(mistake),
        "message": { "text": format!("{}: {}", mistake.message, mistake.remedy) },
        "locations": [location(mistake)],
    })
}

/// A file's place; a variable of the process's environment has no file, it is named.
fn location(mistake: &Mistake) -> Value {
    if mistake.file.starts_with("environment variable ") {
        return json!({ "logicalLocations": [{ "name": mistake.file, "kind": "variable" }] });
    }
    let mut region = json!({ "startLine": mistake.line, "startColumn": mistake.column });
    if let (Some(excerpt), Some(region)) = (&mistake.excerpt, region.as_object_mut()) {
        region.insert("snippet".to_owned(), json!({ "text": excerpt }));
    }
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&mistake.file) },
            "region": region,
        },
        "logicalLocations": [{ "name": mistake.environment, "kind": "namespace" }],
    })
}

/// A path as a URI: relative as it is, absolute with its scheme (RFC 3986, RFC 8089).
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_uri() {
        assert_eq!(uri(".ace-flow/environments/qa/config.yml"), ".ace-flow/environments/qa/config.yml");
        assert_eq!(uri("/a b/ü:1.yml"), "file:///a%20b/%C3%BC%3A1.yml");
    }
}
