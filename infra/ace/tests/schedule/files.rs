//! What the files alone say, and what is refused of them.

use std::process::Stdio;

use serde_json::json;

use crate::project::{CONFIG, HOURS, Project, ROOT, STORE};

const GERMANY: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:Erster Weihnachtstag\nDTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n";

/// The README shows this, and is right.
const WEEK: &str = "\
local, by the clock of Europe/Berlin
from the files in .ace-flow/environments/local; no stack's: nothing is published on this machine yet
";

const DAYS: &str = "
  Mon 2026-12-21  on 08:00 to 18:00
  Tue 2026-12-22  on 08:00 to 18:00
  Wed 2026-12-23  on 08:00 to 18:00
  Thu 2026-12-24  on 08:00 to 12:00
                  off 12:00 to 24:00: year's end
  Fri 2026-12-25  off all day
                  holiday: Erster Weihnachtstag
                  off: year's end
  Sat 2026-12-26  off all day
                  off: year's end
  Sun 2026-12-27  off all day
                  off: year's end
  on for 34h of 168h, off for 134h
";

fn christmas() -> Project {
    let once = "    calendars: [germany.ics]\n    once: [{ name: year's end, state: off, from: 2026-12-24T12:00, to: 2027-01-04T08:00 }]\n";
    let project = Project::new(&format!("{HOURS}{once}"));
    project.write(".ace-flow/calendars/germany.ics", GERMANY);
    project
}

#[test]
fn who_reads_only_the_beginning_is_no_reason_to_panic() {
    let project = christmas();
    let mut command = project.command(&["schedule", "next", "--count", "100", "--files"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_calendar_is_a_line_among_the_settings_and_whole_as_a_value() {
    let shown = christmas().told(&["config", "show", "cost.schedule.calendars", "--origin"]);
    let lines = GERMANY.lines().count();
    assert!(shown.contains(&format!("\"BEGIN:VCALENDAR\"… ({lines} lines)")), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");
    let whole = christmas().told(&["config", "show", "cost.schedule.calendars[0]"]);
    assert!(whole.contains("END:VCALENDAR"), "{whole}");
}

#[test]
fn a_week_is_shown_day_by_day_without_any_stack() {
    let project = christmas();
    let week = ["schedule", "show", "--week", "--from", "2026-12-21"];
    let told = project.told(&week);
    assert!(told.starts_with(WEEK), "{told}");
    assert!(told.ends_with(DAYS.trim_start_matches('\n')), "{told}");
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    assert!(
        readme.contains(&format!("$ ace {}\n{WEEK}", week.join(" "))),
        "the README shows another beginning"
    );
    assert!(readme.contains(DAYS), "the README shows other days");
    let lines = project.json(&week);
    assert_eq!((&lines[0]["from"], &lines[0]["zone"]), (&json!("files"), &json!("Europe/Berlin")));
    assert_eq!(
        lines[4],
        json!({
            "kind": "day", "date": "2026-12-24", "length_seconds": 86_400, "on_seconds": 14_400,
            "on": [{ "from": "08:00", "to": "12:00" }], "notes": ["off 12:00 to 24:00: year's end"],
            "skipped": [],
        })
    );
    // One day, with what the clock does on it.
    let told = project.told(&["schedule", "show", "--from", "2026-10-25", "--files"]);
    assert!(told.contains("no stack's: none was to be asked"), "{told}");
    assert!(
        told.ends_with(
            "  Sun 2026-10-25  off all day\n                  the clock is set back: the day has 25h\n"
        ),
        "{told}"
    );
    assert!(!project.path(STORE).exists(), "nothing was made");
}

#[test]
fn the_next_changes_are_told_with_when_each_tier_is_asked() {
    let project = christmas();
    let told = project.told(&["schedule", "next", "--at", "2026-12-23T12:00Z", "--count", "3"]);
    let (_, changes) = told.split_once("on this machine yet\n").unwrap();
    assert_eq!(
        changes,
        "\
on until Wed 2026-12-23 18:00 as of Wed 2026-12-23 13:00: started by 0 8 * * 1-5
  Wed 2026-12-23 18:00  off  stopped by 0 18 * * 1-5
      stopped one after the other: compute, databases
  Thu 2026-12-24 08:00  on   started by 0 8 * * 1-5
      databases asked at 07:36: takes 10m, as is usual
      compute asked at 07:51: takes 4m, as is usual
  Thu 2026-12-24 12:00  off  once, year's end
      stopped one after the other: compute, databases
"
    );
    let lines = project.json(&["schedule", "next", "--at", "2026-12-23T12:00Z", "--count", "2"]);
    assert_eq!(lines[2]["at"], "2026-12-24T07:00:00Z");
    assert_eq!(
        lines[2]["starts"][0],
        json!({ "tier": "databases", "at": "2026-12-24T06:36:00Z", "lead_seconds": 600, "measured": false })
    );
}

#[test]
fn why_something_is_on_or_off_is_told_with_what_would_be_otherwise() {
    let project = christmas();
    let told = project.told(&["schedule", "explain", "rds:orders", "--at", "2026-12-25T12:00Z"]);
    let (_, told) = told.split_once("on this machine yet\n").unwrap();
    assert_eq!(
        told,
        "\
rds:orders is to be off until Mon 2027-01-04 08:00, as of Fri 2026-12-25 13:00
  once, year's end
  otherwise off: nothing begins on the holiday 2026-12-25 Erster Weihnachtstag
  no stack was asked: whether there is such a resource, and what it is like, is not known
"
    );
}

#[test]
fn every_command_refuses_what_cannot_be_meant_with_its_place_and_the_remedy() {
    for (schedule, message, remedy) in [
        (
            "on: [{ days: [monday], from: \"08:00\", to: \"18:00\" }, { days: [monday], from: \"17:00\", to: \"20:00\" }]",
            "the hours overlap with those of item 0 of the list on a monday",
            "let one end where the other begins",
        ),
        (
            "{ start: 0 18 * * 1-5, stop: 0 8 * * 1-5 }",
            "on each of its days 0 8 * * 1-5 comes before 0 18 * * 1-5",
            "swap the two",
        ),
        ("{ zone: Europe/Berln, always: on }", "\"Europe/Berln\" is no time zone", "like Europe/Berlin"),
        (
            "{ calendars: [germny.ics], always: off }",
            "there is no calendar \"germny.ics\"",
            "did you mean `germany.ics`?",
        ),
        ("{ start: 0 8 * * 1-5 }", "there is no `stop` to it", "write both"),
        ("{ start: 0 8 * * 1-9, stop: 0 18 * * 1-5 }", "0 8 * * 1-9", "write "),
    ] {
        let schedule = schedule.trim_start_matches('{').trim_end_matches('}');
        let zone = if schedule.contains("zone:") { "" } else { "zone: UTC, " };
        let project = Project::new(&format!("cost:\n  schedule: {{ {zone}{schedule} }}\n"));
        project.write(".ace-flow/calendars/germany.ics", GERMANY);
        let place = format!("{CONFIG}:{}:", project.line_of("  schedule:"));
        for command in [
            &["validate"][..],
            &["publish"],
            &["schedule", "show", "--week"],
            &["schedule", "next"],
            &["schedule", "explain", "rds:orders"],
        ] {
            let told = project.refused(command);
            for part in [message, remedy, &place] {
                assert!(told.contains(part), "{command:?} does not tell {part:?}: {told}");
            }
        }
        assert!(!project.path(STORE).exists(), "nothing was published");
    }
}

#[test]
fn files_beside_the_configuration_are_told_of_at_their_own_lines() {
    let project = christmas();
    project.write(".ace-flow/calendars/germany.ics", &GERMANY.replace("FREQ=YEARLY", "FREQ=HOURLY"));
    let told = project.refused(&["validate"]);
    assert!(told.contains("\"FREQ=HOURLY\" is not understood of a rule"), "{told}");
    assert!(told.contains(".ace-flow/calendars/germany.ics:6:1"), "{told}");
    project.write(".ace-flow/calendars/germany.ics", GERMANY);
    project.told(&["validate"]);
    let prices = "{ \"source\": \"our bill\", \"date\": \"2026-10-01\", \"region\": \"eu-central-1\",\n  \"currency\": \"EUR\", \"hourly\": { \"ec2\": { \"t3.micro\": PRICE } } }\n";
    project.write(".ace-flow/prices.json", &prices.replace("PRICE", "-1"));
    let told = project.refused(&["validate"]);
    assert!(told.contains("cost.prices.hourly.ec2.t3.micro: -1 is no price"), "{told}");
    assert!(told.contains(".ace-flow/prices.json:2:") && told.contains("write what an hour costs"), "{told}");
    project.write(".ace-flow/prices.json", &prices.replace("PRICE", "0.5"));
    let shown = project.told(&["config", "show", "cost.prices", "--origin"]);
    assert!(
        shown.contains("cost.prices.hourly.ec2.t3.micro") && shown.contains(".ace-flow/prices.json:2"),
        "{shown}"
    );
    project.write(".ace-flow/prices.yml", "source: another\n");
    let told = project.refused(&["validate"]);
    assert!(
        told.contains("there are two price lists") && told.contains("leave one of the two out"),
        "{told}"
    );
}

#[test]
fn what_no_schedule_has_is_told_with_what_to_do() {
    let project = Project::new("");
    let told = project.refused(&["schedule", "show"]);
    assert!(
        told.contains("environment local has no block cost") && told.contains("cost.example.yml"),
        "{told}"
    );
    let told = project.refused(&["schedule", "show", "--environment", "nowhere"]);
    assert!(!told.contains("panicked"), "{told}");
    let told = christmas().refused(&["savings"]);
    assert!(
        told.contains("nothing is known of what was off in local: nothing is published on this machine"),
        "{told}"
    );
    let told = christmas().refused(&["savings", "--month", "november"]);
    assert!(told.contains("write a month like 2026-11"), "{told}");
    let told = christmas().refused(&["schedule", "show", "--from", "christmas"]);
    assert!(told.contains("--from"), "{told}");
}

#[test]
fn where_no_stack_can_be_asked_the_files_are_shown_and_that_is_said() {
    let project = Project::new("");
    project.told(&["init"]);
    let example = std::fs::read_to_string(project.path(".ace-flow/templates/cost.example.yml")).unwrap();
    project.write(".ace-flow/environments/development/overrides/cost.yml", &example);
    let told = project
        .command(&["schedule", "next", "--environment", "development"])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.contains(
            "from the files in .ace-flow/environments/development; no stack's: it could not be asked ("
        ),
        "{told}"
    );
    assert!(told.contains("started by 0 8 * * 1-5"), "{told}");
}
