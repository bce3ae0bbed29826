//! `ace validate` as a user runs it: what it prints, how it exits.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const LOCAL: &str = include_str!("../../../.ace-flow/environments/local/config.yml");
const DOCUMENT: &str = "shared/environments/tests/document/.ace-flow/environments";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The exit code, standard output and standard error.
fn validate(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ace"))
        .arg("validate")
        .args(arguments)
        .envs(settings.iter().copied())
        .current_dir(project())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_projects_own_tree_is_valid_and_strictly_so() {
    let (code, out, _) = validate(&["--strict"], &[]);
    assert_eq!((code, out.as_str()), (Some(0), "valid: local; warnings: 0\n"));
}

#[test]
fn the_documents_tree_is_accepted_with_warnings_that_strict_refuses() {
    let (code, out, _) = validate(&["--tree", DOCUMENT], &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.ends_with("valid: development, production, staging; warnings: 3\n"), "{out}");
    let (code, out, told) = validate(&["--tree", DOCUMENT, "--environment", "production", "--strict"], &[]);
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(out.matches("error: ").count(), 1, "{out}");
    assert!(out.contains("production/config.yml:16:12") && told.contains("errors: 1"), "{out}{told}");
}

#[test]
fn mistakes_are_told_for_people_programs_and_github() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("local", LOCAL.replace("readiness:", "readyness:")),
        ("qa", LOCAL.replace("stage: local", "stage: qa")),
    ] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("config.yml"), text).unwrap();
    }
    let tree = folder.path().display().to_string();
    let (code, out, _) = validate(&["--tree", &tree], &[]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("15 |   readyness:\n     |   ^^^^^^^^^\n  remedy: did you mean `readiness`?"),
        "{out}"
    );
    let (code, out, _) = validate(&["--tree", &tree, "--format", "json"], &[]);
    let told: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!((code, told["line"].as_u64(), told["severity"].as_str()), (Some(1), Some(15), Some("error")));
    let (_, out, _) = validate(&["--tree", &tree, "--format", "github"], &[]);
    assert!(out.starts_with("::error file=") && out.contains(",line=15,col=3::unknown key"), "{out}");
    let (code, out, _) = validate(&["--tree", &tree, "--environment", "qa"], &[]);
    assert_eq!((code, out.as_str()), (Some(0), "valid: qa; warnings: 0\n"));
    std::fs::write(folder.path().join("local/config.yml"), LOCAL).unwrap();
    let (code, out, _) = validate(&["--tree", &tree, "--environment", "local"], &[]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("environment qa: data isolation is broken"), "{out}");
    let (code, out, _) =
        validate(&["--tree", &tree, "--environment", "local"], &[("ACE__ENVIRONMENT__NAME", "mine")]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn an_environment_that_is_not_there_is_a_mistake_of_usage() {
    let (code, _, told) = validate(&["--environment", "nowhere"], &[]);
    assert_eq!(code, Some(1));
    assert!(told.contains("nowhere/config.yml") && told.contains("--tree"), "{told}");
    assert!(told.contains("known environments are ") && told.contains("local"), "{told}");
}

const SARIF: &str = include_str!("sarif-2.1.0.schema.json");

/// As the schema that OASIS publishes wants it.
fn sarif(out: &str) -> Value {
    let mut schema: Value = serde_json::from_str(SARIF).unwrap();
    // As published, it is no regular expression of ECMA 262.
    for of in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{of}/properties/language")).unwrap();
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let document: Value = serde_json::from_str(out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}\n{document:#}");
    document
}

#[test]
fn code_scanning_gets_sarif() {
    let (code, out, _) = validate(&["--format", "sarif"], &[]);
    let nothing = sarif(&out);
    assert_eq!((code, nothing.pointer("/runs/0/results")), (Some(0), Some(&Value::Array(Vec::new()))));
    let (code, out, _) = validate(&["--tree", DOCUMENT, "--format", "sarif"], &[]);
    let warnings = sarif(&out);
    let results = warnings.pointer("/runs/0/results").and_then(Value::as_array).unwrap();
    assert_eq!((code, results.len()), (Some(0), 3), "{warnings:#}");
    let strict = ["--tree", DOCUMENT, "--environment", "production", "--strict", "--format", "sarif"];
    let (code, out, _) = validate(&strict, &[("ACE__LAMBDA__MEMORY", "1")]);
    let told = sarif(&out);
    let of = |pointer: &str| told.pointer(&format!("/runs/0/results/{pointer}"));
    assert_eq!(code, Some(1));
    assert_eq!(
        of("0/locations/0/logicalLocations/0/name").and_then(Value::as_str),
        Some("environment variable ACE__LAMBDA__MEMORY")
    );
    let (_, out, _) = validate(strict.as_slice(), &[]);
    let told = sarif(&out);
    let of = |pointer: &str| told.pointer(&format!("/runs/0/results/0/{pointer}"));
    assert_eq!(of("level").and_then(Value::as_str), Some("error"));
    let place = "locations/0/physicalLocation";
    assert_eq!(of(&format!("{place}/region/startLine")).and_then(Value::as_u64), Some(16));
    assert_eq!(of(&format!("{place}/region/startColumn")).and_then(Value::as_u64), Some(12));
    let uri = of(&format!("{place}/artifactLocation/uri")).and_then(Value::as_str).unwrap();
    assert_eq!(uri, format!("{DOCUMENT}/production/config.yml"));
}
