//! The files of the project that tests read.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace").to_owned()
}

/// The text of a file, by its path below the workspace's folder.
pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A sample of `events/`, by its name without `.json`.
pub fn event(name: &str) -> Value {
    let path = format!("events/{name}.json");
    serde_json::from_str(&text(&path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the entries of a folder, sorted.
pub fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
