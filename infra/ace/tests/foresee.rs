//! `ace plan`, `ace backtest` and `ace judge` as a user runs them.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ace"));
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    command.args(arguments).current_dir(project).env("NO_COLOR", "1");
    command
}

fn ace(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn told(arguments: &[&str]) -> String {
    let output = ace(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str], says: &[&str]) {
    let output = ace(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    // A long message is wrapped, with a bar in front of each line.
    let flat = error.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    for words in says {
        assert!(flat.contains(words), "{arguments:?} does not say {words:?}: {flat}");
    }
}

const TRAFFIC: [&str; 4] = ["--requests-per-minute", "3000", "--error-rate", "0.01"];

fn plan<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["plan", "--service", "checkout"], more].concat()
}

#[test]
fn a_plan_is_shown_and_with_traffic_what_it_notices() {
    let bare = told(&plan(&[]));
    assert!(bare.contains("canary, 13 minutes") && bare.contains("--requests-per-minute N"), "{bare}");
    let whole = told(&plan(&TRAFFIC));
    for words in ["finds 9 of 10 from", "An equal version is rolled back in", "dead", "micro_ramp"] {
        assert!(whole.contains(words), "{words}: {whole}");
    }
    assert_eq!(whole, told(&plan(&TRAFFIC)), "the same seed has the same figures");
}

#[test]
fn a_plan_s_figures_are_an_object_and_another_plan_has_others() {
    let figures = |more: &[&str]| -> Value {
        let arguments = plan(&[&TRAFFIC[..], &["--output", "json"], more].concat());
        let shown: Value = serde_json::from_str(&told(&arguments)).unwrap();
        shown["figures"].clone()
    };
    let seed = figures(&[]);
    assert_eq!(seed["steps"].as_array().unwrap().len(), 5);
    let dead = |of: &Value| of["cases"][3]["bad_requests"].as_f64().unwrap();
    let ramp = figures(&["--micro-ramp"]);
    assert!(dead(&ramp) < 0.5 * dead(&seed), "{ramp}");
    let short = figures(&["--plan", "1:1,100:2"]);
    assert!(short["smallest_ratio"].as_f64().unwrap() > seed["smallest_ratio"].as_f64().unwrap());
}

#[test]
fn a_plan_of_what_is_not_there_is_refused() {
    refused(&["plan", "--service", "cart"], &["\"cart\"", "catalog, checkout"]);
    refused(&plan(&["--plan", "10:5,5:2"]), &["step 2 has weight 5 after 10"]);
    refused(&plan(&["--requests-per-minute", "0", "--error-rate", "0.1"]), &["write a number above 0"]);
    refused(&plan(&["--requests-per-minute", "10", "--error-rate", "0"]), &["has no multiples"]);
    refused(&plan(&["--requests-per-minute", "10"]), &["--error-rate"]);
    refused(&plan(&["--config", "nothing.yml"]), &["cannot read nothing.yml"]);
}

/// A day of minutes with 1 % of errors, and an outage in it.
fn csv(slow: bool) -> String {
    let (head, tail) = if slow { (",slow", ",30") } else { ("", "") };
    let rows = (0..1_440_u32).map(|minute| {
        let errors = if (700..710).contains(&minute) { 200 } else { 4 + (minute * 7 % 5) };
        format!("2026-03-01T{:02}:{:02}:00Z,600,{errors}{tail}\n", minute / 60, minute % 60)
    });
    std::iter::once(format!("timestamp,requests,errors{head}\n")).chain(rows).collect()
}

#[test]
fn a_backtest_has_a_row_for_each_rule_and_a_plot() {
    let bench = Bench::new();
    let (csv, plot) = (bench.file("past.csv", &csv(true)), bench.path("plot.svg"));
    let alarm = bench.file("strict.yml", "alarm: { threshold: 0.5 }\n");
    let plot = plot.display().to_string();
    let arguments =
        ["backtest", "--service", "checkout", "--csv", &csv, "--policy", &alarm, "--rollouts", "50"];
    let shown = told(&[&arguments[..], &["--plot", &plot]].concat());
    for words in ["1,440 minutes", "ace-flow", "strict", "Kayenta", "95 % sure", "the plot is"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let svg = std::fs::read_to_string(plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("checkout in local"), "{svg}");

    let shown: Value =
        serde_json::from_str(&told(&[&arguments[..], &["--output", "json"]].concat())).unwrap();
    let rows = shown["result"]["rows"].as_array().unwrap();
    let false_rollbacks = |row: usize| rows[row]["false_rollbacks"]["events"].as_u64().unwrap();
    assert_eq!((rows.len(), shown["notes"].as_array().unwrap().len()), (7, 0));
    assert!(false_rollbacks(0) <= 2 && false_rollbacks(1) > 40, "{rows:?}");
    let dead = &rows[0]["detections"][5];
    assert_eq!(
        (&dead["badness"], dead["found"].as_f64(), dead["minutes_p90"].as_u64()),
        (&"dead".into(), Some(1.0), Some(2))
    );
}

#[test]
fn what_was_not_counted_is_told_and_a_time_is_cut_out() {
    let bench = Bench::new();
    let csv = bench.file("past.csv", &csv(false));
    let arguments = ["backtest", "--service", "checkout", "--csv", &csv, "--no-peers", "--rollouts", "10"];
    let shown =
        told(&[&arguments[..], &["--from", "2026-03-01T12:00Z", "--to", "2026-03-01T18:00Z"]].concat());
    assert!(shown.contains("360 minutes") && shown.contains("without its latency objective"), "{shown}");
}

#[test]
fn minutes_that_cannot_be_are_refused_with_their_place_and_the_remedy() {
    let bench = Bench::new();
    let backtest = |csv: &str, more: &[&str], says: &[&str]| {
        refused(&[&["backtest", "--service", "checkout", "--csv", csv], more].concat(), says);
    };
    let wrong = bench.file("wrong.csv", &csv(false).replacen(",600,5\n", ",600,601\n", 1));
    backtest(&wrong, &[], &["wrong.csv", "601 errors in 600 requests", "line "]);
    let wrong = bench.file("text.csv", &csv(false).replacen(",600,4\n", ",six,4\n", 1));
    backtest(&wrong, &[], &["line 2 column 2 (requests)", "write a whole number"]);
    backtest(&bench.file("head.csv", "time,n\n"), &[], &["line 1", "timestamp,requests,errors"]);
    let right = bench.file("right.csv", &csv(false));
    backtest(&right, &["--from", "2026-03-01T23:30Z"], &["30 minutes are too few"]);
    let times = ["--from", "2026-03-01T12:00Z", "--to", "2026-03-01T11:00Z"];
    backtest(&right, &times, &["let --to be later than --from"]);
    let policy = bench.file("policy.yml", "margin: 0.5\n");
    backtest(&right, &["--policy", &policy], &["policy.yml", "write a margin of 20 % as 1.2"]);
    backtest("nothing.csv", &[], &["cannot read nothing.csv"]);
    #[cfg(not(feature = "aws"))]
    refused(&["backtest", "--service", "checkout"], &["give the minutes with --csv FILE"]);
}

fn judge(more: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut ace = command(&[&["judge", "--stdio"], more].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may be gone before it has read everything.
    drop(ace.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = ace.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const HISTORY: &str = "H,0,360,10800,108,3,720,720,0.3,0.3,3,3\n.\n";

#[test]
fn a_judge_on_standard_input_rolls_a_bad_version_back() {
    let good = format!("{HISTORY}M,0,0,0,10,30,0,270,3\n.\nM,0,1,0,10,30,0,270,2\n.\n");
    assert_eq!(judge(&[], &good), (Some(0), "0,continue\n.\n0,continue\n.\n".to_owned(), String::new()));
    let bad = format!("{HISTORY}M,0,0,0,10,30,15,270,3\n.\n");
    assert_eq!(judge(&[], &bad), (Some(0), "0,rollback\n.\n".to_owned(), String::new()));
}

#[test]
fn a_line_that_cannot_be_holds_its_run_and_is_told_with_its_place_and_the_remedy() {
    let (code, answers, error) =
        judge(&[], &format!("{HISTORY}M,0,0,0,10,30,31,270,3\n.\nM,0,1,0,10,30,0,270,2\n.\n"));
    assert_eq!((code, answers.as_str()), (Some(1), "0,hold\n.\n0,continue\n.\n"));
    assert!(error.contains("line 3: 31 errors in 30 requests of the canary: count errors among"), "{error}");
    let (code, answers, error) = judge(&[], &format!("{HISTORY}nonsense\n.\n"));
    assert_eq!((code, answers.as_str()), (Some(1), ""));
    assert!(error.contains("line 3: \"nonsense\" is neither"), "{error}");
}

#[test]
fn a_judge_has_the_policy_and_the_steps_that_it_is_given() {
    let bench = Bench::new();
    // 4 of 30 against 3 of 270.
    let minute = format!("{HISTORY}M,0,0,0,10,30,4,270,3\n.\n");
    let lenient = bench.file("lenient.yml", "margin: 100\n");
    assert_eq!(judge(&["--policy", &lenient], &minute).1, "0,continue\n.\n");
    let eager = bench.file("eager.yml", "false_rollback_budget: 0.5\n");
    assert_eq!(judge(&["--policy", &eager], &minute).1, "0,rollback\n.\n");
    let peer = bench.file("peer.yml", "alarm: {}\n");
    assert!(judge(&["--policy", &peer], &minute).2.contains("only `ace backtest`"));
    assert_eq!(judge(&["--plan", "10"], &minute).0, Some(1));
    // An equal version has 2 of 5 errors on a tenth of the requests in one case of twelve: suspect, but in the last step
    // there is nothing to wait for.
    let suspect = format!("{HISTORY}M,0,0,0,10,30,2,270,3\n.\n");
    assert_eq!(judge(&[], &suspect).1, "0,hold\n.\n");
    assert_eq!(judge(&["--plan", "10:5"], &suspect).1, "0,continue\n.\n");
}
