//! The block `cost`, and the files that it names.

use super::*;

const HOLIDAYS: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY\nSUMMARY:Christmas Day\nEND:VEVENT\nEND:VCALENDAR\n";
const WEEKDAYS: &str =
    "zone: Europe/Berlin, on: [{ days: [monday, tuesday], from: \"08:00\", to: \"18:00\" }]";

/// The document's development with this block.
fn development(cost: &str) -> Sources {
    sources("development", &format!("{DEVELOPMENT}{cost}"))
}

fn schedule(schedule: &str) -> Sources {
    development(&format!("\ncost:\n  schedule: {{ {schedule} }}\n"))
}

fn with_calendar(text: &str) -> Sources {
    let mut sources = schedule(&format!("{WEEKDAYS}, calendars: [germany.ics]"));
    sources.calendars.insert("germany.ics".to_owned(), file(".ace-flow/calendars/germany.ics", text));
    sources
}

fn refused(sources: Sources) -> Vec<Mistake> {
    let mut mistakes = check(&[sources], Strictness::Lenient).unwrap_err().mistakes;
    mistakes.retain(|mistake| mistake.severity == Severity::Error);
    mistakes
}

fn cost(resolved: &Resolved) -> &crate::Cost {
    resolved.rollouts.cost().unwrap()
}

#[test]
fn a_calendar_is_a_part_of_what_is_published() {
    let resolved = one(with_calendar(HOLIDAYS));
    let week = ::schedule::week(cost(&resolved).plan(), &[], jiff::civil::date(2029, 12, 25));
    let reasons: Vec<String> = week.iter().map(|span| span.reason.to_string()).collect();
    assert!(
        reasons.iter().any(|why| why == "nothing begins on the holiday 2029-12-25 Christmas Day"),
        "{reasons:?}"
    );
    // As one file it says the same, and so it does once it was stored.
    let alone = one(sources("development", resolved.to_yaml()));
    assert_eq!(cost(&alone).plan(), cost(&resolved).plan());
    let stored = serde_json::to_string(&resolved.rollouts).unwrap();
    assert_eq!(serde_json::from_str::<Environment>(&stored).unwrap(), resolved.rollouts);
    let set = resolved.origins.get("cost.schedule.calendars[0]").unwrap();
    assert_eq!((set.file.as_str(), set.line), (".ace-flow/calendars/germany.ics", 1));
}

#[test]
fn what_is_wrong_with_a_calendar_is_told_at_its_line() {
    let text = HOLIDAYS.replace("FREQ=YEARLY", "FREQ=HOURLY");
    let mistakes = refused(with_calendar(&text));
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    let told = mistakes[0].to_string();
    assert!(
        told.starts_with("error: the calendar cannot be read: \"FREQ=HOURLY\" is not understood"),
        "{told}"
    );
    assert!(told.contains("at .ace-flow/calendars/germany.ics:4:1"), "{told}");
    assert!(told.contains("4 | RRULE:FREQ=HOURLY\n    | ^^^^^"), "{told}");
    assert!(!told.contains("correct this value"), "{told}");
    let cut = HOLIDAYS.replace("END:VEVENT\n", "");
    let mistakes = refused(with_calendar(&cut));
    assert!(mistakes[0].to_string().contains("germany.ics:"), "{mistakes:#?}");
    let large = HOLIDAYS.replace("SUMMARY:", &format!("DESCRIPTION:{}\nSUMMARY:", "x".repeat(65_536)));
    let mistakes = refused(with_calendar(&large));
    assert!(mistakes.len() == 1 && mistakes[0].remedy.starts_with("export fewer years"), "{mistakes:#?}");
}

#[test]
fn events_with_times_are_told_to_be_no_holidays() {
    let meeting = "BEGIN:VEVENT\nDTSTART:20261201T233000Z\nDTEND:20261201T234500Z\nEND:VEVENT\n";
    let of = |text: &str| {
        let mut warnings = check(&[with_calendar(text)], Strictness::Lenient).unwrap().warnings;
        warnings.retain(|warning| warning.message.contains("holiday"));
        warnings
    };
    assert_eq!(of(HOLIDAYS), []);
    let with = |meetings: &str| HOLIDAYS.replace("END:VCALENDAR", &format!("{meetings}END:VCALENDAR"));
    let warnings = of(&with(&meeting.repeat(3)));
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let told = warnings[0].to_string();
    assert!(
        told.starts_with(
            "warning: 3 events of germany.ics have times and are no holidays: only all-day events count\n  at \
             .ace-flow/calendars/germany.ics:7:1\n  7 | BEGIN:VEVENT\n"
        ),
        "{told}"
    );
    let one = of(&with(meeting));
    assert_eq!(
        one[0].message,
        "1 event of germany.ics has times and is no holiday: only all-day events count"
    );
    let resolved = super::one(with_calendar(&with(meeting)));
    assert_eq!(cost(&resolved).plan().holiday(jiff::civil::date(2026, 12, 1)), None);
    // As one file it says so where the text is.
    let alone = check(&[sources("development", resolved.to_yaml())], Strictness::Lenient).unwrap().warnings;
    assert!(
        alone.iter().any(|warning| warning.message.starts_with("1 event of cost.schedule.calendars[0] has")),
        "{alone:#?}"
    );
    let only = with_calendar(&format!("BEGIN:VCALENDAR\n{meeting}END:VCALENDAR\n"));
    let mistakes = refused(only);
    assert!(mistakes[0].remedy.starts_with("export one with holidays"), "{mistakes:#?}");
}

#[test]
fn a_calendar_that_is_not_there_is_told_where_it_is_named() {
    let mut sources = with_calendar(HOLIDAYS);
    sources.config.text = sources.config.text.replace("[germany.ics]", "[germny.ics]");
    let mistakes = refused(sources.clone());
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert_eq!(mistakes[0].message, "there is no calendar \"germny.ics\" in .ace-flow/calendars");
    assert_eq!(
        (mistakes[0].file.as_str(), mistakes[0].remedy.as_str()),
        ("development/config.yml", "did you mean `germany.ics`?")
    );
    sources.calendars.clear();
    let mistakes = refused(sources);
    assert!(mistakes[0].remedy.starts_with("write the file .ace-flow/calendars/germny.ics"), "{mistakes:#?}");
}

#[test]
fn prices_are_the_projects_own_or_an_example() {
    let prices = |sources| cost(&one(sources)).prices().unwrap().clone();
    let example = prices(schedule(WEEKDAYS));
    assert!(example.source.contains("written from memory and not AWS's price list"), "{}", example.source);
    // Of services whose resources are left alone nothing is published.
    assert!(!example.hourly.contains_key(&::cost::Family::Elasticache));
    assert!(example.hourly.contains_key(&::cost::Family::Ec2));
    let mut own = schedule(WEEKDAYS);
    let text = r#"{ "source": "our bill", "date": "2026-10-01", "region": "eu-central-1", "currency": "EUR",
  "hourly": { "rds": { "db.t4g.micro": 0.5, "db.t4g.small": 1 } } }"#;
    own.prices = Some(file(".ace-flow/prices.json", text));
    let found = prices(own.clone());
    assert_eq!((found.source.as_str(), found.currency.as_str()), ("our bill", "EUR"));
    assert_eq!(found.hourly[&::cost::Family::Rds]["db.t4g.small"].to_bits(), 1_f64.to_bits());
    for (from, to, told, line) in [
        ("0.5", "-0.5", "cost.prices.hourly.rds.db.t4g.micro: -0.5 is no price", 2),
        ("0.5", "\"0.5\"", "\"0.5\"", 2),
        ("our bill", " ", "cost.prices.source: `source` is empty", 1),
        ("2026-10-01", "yesterday", "yesterday", 1),
        ("\"rds\"", "\"rdss\"", "rdss", 2),
        ("\"region\"", "\"regoin\"", "unknown key `regoin` in cost.prices", 1),
        ("\"currency\": \"EUR\",", "", "cost.prices.currency is missing", 1),
    ] {
        let mut wrong = own.clone();
        wrong.prices = Some(file(".ace-flow/prices.json", &text.replace(from, to)));
        let mistakes = refused(wrong);
        let found = mistakes.iter().find(|mistake| mistake.message.contains(told));
        let found = found.unwrap_or_else(|| panic!("{told}: {mistakes:#?}"));
        assert_eq!((found.file.as_str(), found.line), (".ace-flow/prices.json", line), "{found}");
        assert_ne!(found.remedy, "correct this value", "{found}");
    }
    own.prices = Some(file(".ace-flow/prices.json", "{ \"source\""));
    assert!(refused(own)[0].message.starts_with("not YAML"));
}

#[test]
fn bad_hours_are_told_where_they_stand_with_the_remedy() {
    for (written, message, remedy) in [
        (
            "zone: Europe/Berlin, on: [{ days: [monday], from: \"08:00\", to: \"18:00\" }, { days: [monday], from: \"17:00\", to: \"20:00\" }]",
            "cost.schedule.on[1]: the hours overlap with those of item 0 of the list on a monday",
            "let one end where the other begins",
        ),
        (
            "zone: Europe/Berlin, start: 0 18 * * 1-5, stop: 0 8 * * 1-5",
            "cost.schedule.stop: on each of its days 0 8 * * 1-5 comes before 0 18 * * 1-5",
            "swap the two",
        ),
        (
            "zone: Europe/Berln, always: on",
            "\"Europe/Berln\" is no time zone",
            "write a name of the IANA database, like Europe/Berlin",
        ),
        ("zone: UTC, start: 0 8 * * 1-5", "cost.schedule.start: there is no `stop` to it", "write both"),
        ("zone: UTC, start: 0 25 * * 1-5, stop: 0 18 * * 1-5", "in \"0 25 * * 1-5\" the hour", "write "),
        (
            "zone: UTC, always: off, once: [{ name: fair, state: on, from: 2026-12-02T08:00, to: 2026-12-01T08:00 }]",
            "cost.schedule.once[0].to: the window ends at",
            "write a `to` that is later",
        ),
    ] {
        let mistakes = refused(schedule(written));
        let found = mistakes.iter().find(|mistake| mistake.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("{message}: {mistakes:#?}"));
        assert!(found.remedy.contains(remedy), "{found}");
        let at = DEVELOPMENT.lines().count() as u64 + 3;
        assert_eq!((mistakes.len(), found.line), (1, at), "{mistakes:#?}");
    }
    // By its name, by its folder, and by its stage.
    let block = format!("\ncost:\n  schedule: {{ {WEEKDAYS} }}\n");
    let staging = PRODUCTION.replace("ace-flow-prod", "ace-flow-x");
    for (folder, text) in [("live-eu", PRODUCTION), ("production", &staging), ("eu", &staging)] {
        let mistakes = refused(sources(folder, &format!("{text}{block}")));
        let told = |mistake: &&Mistake| {
            mistake.message.ends_with("is production, whose resources are never stopped")
        };
        let found: Vec<&Mistake> = mistakes.iter().filter(told).collect();
        assert!(
            matches!(found.as_slice(), [only] if only.remedy.starts_with("take the block out; where all")),
            "{folder}: {mistakes:#?}"
        );
        let none = one(sources(folder, &format!("{text}\ncost: null\n")));
        assert!(none.rollouts.cost().is_none(), "{folder}");
    }
}

#[test]
fn tags_are_further_ones_and_none_of_production() {
    let block =
        |tags: &str| development(&format!("\ncost:\n  schedule: {{ {WEEKDAYS} }}\n  tags: {{ {tags} }}\n"));
    let chosen = one(block("team: orders"));
    let home = "development".parse().unwrap();
    let tags = cost(&chosen).rules(&home).tags;
    let own = |tag: &str, value: &str| tags.get(tag).is_some_and(|now| now == value);
    assert!(
        tags.len() == 2 && own("team", "orders") && own("ace-flow:environment", "development"),
        "{tags:?}"
    );
    for (tags, message) in [
        ("\"ace-flow:environment\": production", "every resource has the tag ace-flow:environment"),
        ("\"ACE-Flow:Environment\": development", "every resource has the tag ACE-Flow:Environment"),
        ("Env: prod-eu", "the tag Env says prod-eu, whose resources are never stopped"),
    ] {
        let mistakes = refused(block(tags));
        let told = matches!(mistakes.as_slice(), [only] if only.message.contains(message));
        assert!(told, "{mistakes:#?}");
    }
}
