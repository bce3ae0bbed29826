//! What `ace completions` and `ace man` write is what shells and readers of manuals take.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn ace(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_ace")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(arguments: &[&str]) -> String {
    String::from_utf8(ace(arguments).stdout).unwrap()
}

/// The commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = text(&["--help"]);
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

/// Standard output of a program that is fed `input`; nothing if there is no such program here.
fn filtered(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.ok()?;
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    drop(writer.join());
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_shell_gets_a_script_with_every_command() {
    let commands = commands();
    assert!(commands.len() >= 10 && commands.iter().any(|name| name == "bootstrap"), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = text(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell} does not know {command}");
        }
    }
    let refused = Command::new(env!("CARGO_BIN_EXE_ace")).args(["completions", "csh"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn bash_completes_commands_options_and_values() {
    let script = text(&["completions", "bash"]);
    let asked = |words: &str, current: usize| {
        let ask = format!(
            "{script}\nCOMP_WORDS=({words})\nCOMP_CWORD={current}\n_ace ace \"${{COMP_WORDS[{current}]}}\" \"${{COMP_WORDS[{}]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            current - 1
        );
        filtered("bash", &["--norc", "-s"], &ask).expect("bash is there")
    };
    assert_eq!(asked("ace boot", 1), "bootstrap\n");
    assert!(asked("ace bootstrap --", 2).lines().any(|line| line == "--dry-run"));
    assert_eq!(asked("ace validate --format j", 3), "json\n");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    ace(&["man", "--out", &out.display().to_string()]);
    let mut pages: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut wanted: Vec<String> = commands().iter().map(|name| format!("ace-{name}.1")).collect();
    wanted.push("ace.1".to_owned());
    wanted.sort();
    // A command of commands has pages of its own beside these.
    assert!(wanted.iter().all(|page| pages.contains(page)), "{pages:?} without one of {wanted:?}");
    for page in &pages {
        let roff = std::fs::read_to_string(out.join(page)).unwrap();
        let name = page.strip_suffix(".1").unwrap();
        let title = roff.lines().find(|line| line.starts_with(".TH")).unwrap();
        assert!(title.starts_with(&format!(".TH {name} 1 ")), "{title}");
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
            assert!(roff.lines().any(|line| line == section), "{page} has no {section}");
        }
        // Where there is a formatter, it has nothing to complain of.
        if let Some(read) = filtered("groff", &["-man", "-Tascii", "-ww", "-Wbreak", "-P-cbou"], &roff) {
            assert!(read.contains("SYNOPSIS"), "{page}: {read}");
        }
    }
}

#[test]
fn standard_output_gets_the_whole_manual_and_a_folder_that_cannot_be_is_told() {
    let all = text(&["man"]);
    assert_eq!(all.matches(".SH SYNOPSIS").count(), all.matches(".TH ").count());
    assert!(all.contains("ace\\-bootstrap") && all.contains("\\-\\-guided"), "{all}");

    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("man1").display().to_string();
    let refused = Command::new(env!("CARGO_BIN_EXE_ace")).args(["man", "--out", &below]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot write"));
}
