//! What `sam build` needs on this machine.

use std::process::{Command, Stdio};

/// A tool, the commands of which one has to succeed, and how to get it.
struct Tool {
    name: &'static str,
    asked: &'static [&'static [&'static str]],
    remedy: &'static str,
}

/// cargo-lambda links with zig, which is a command, or a module of Python when pip installed it.
const TOOLS: [Tool; 4] = [
    Tool { name: "sam", asked: &[&["sam", "--version"]], remedy: "pip install aws-sam-cli" },
    Tool {
        name: "cargo",
        asked: &[&["cargo", "--version"]],
        remedy: "install Rust 1.94.1 or newer with rustup, https://rustup.rs",
    },
    Tool {
        name: "cargo-lambda",
        asked: &[&["cargo-lambda", "lambda", "--version"]],
        remedy: "pip install cargo-lambda==1.9.2",
    },
    Tool {
        name: "zig",
        asked: &[&["zig", "version"], &["python3", "-m", "ziglang", "version"]],
        remedy: "pip install ziglang",
    },
];

/// A tool that is not there, or does not answer.
#[derive(Debug)]
pub(crate) struct Missing {
    name: &'static str,
    remedy: &'static str,
}

pub(super) fn missing() -> Vec<Missing> {
    let absent = TOOLS.iter().filter(|tool| !tool.asked.iter().any(|words| answers(words)));
    absent.map(|&Tool { name, remedy, .. }| Missing { name, remedy }).collect()
}

fn answers(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub(super) fn names(missing: &[Missing]) -> String {
    missing.iter().map(|one| one.name).collect::<Vec<_>>().join(", ")
}

pub(super) fn remedies(missing: &[Missing]) -> String {
    missing.iter().map(|one| format!("{}: {}", one.name, one.remedy)).collect::<Vec<_>>().join("\n")
}
