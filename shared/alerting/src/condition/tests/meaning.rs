use super::*;

use Truth::{Fails, Holds, Unknown};

fn assert_truths(picture: &Known, truths: &[(&str, Truth)]) {
    for (text, truth) in truths {
        assert_eq!(parsed(text).holds(picture), *truth, "{text}");
    }
}

#[test]
fn the_four_conditions_of_the_document_mean_what_they_say() {
    let subject = |environment: &str| Known::default().text("environment", environment);
    for (text, environment, field, good, bad) in [
        ("environment:production AND status:unhealthy", "production", "status", "degraded", "unhealthy"),
        ("environment:staging AND deployment:failed", "staging", "deployment", "succeeded", "failed"),
        ("environment:development AND status:unhealthy", "development", "status", "healthy", "critical"),
    ] {
        let condition = parsed(text);
        assert_eq!(condition.text(), text);
        assert_eq!(condition.to_string(), text);
        assert_eq!(condition.holds(&subject(environment).text(field, bad)), Holds);
        assert_eq!(condition.holds(&subject(environment).text(field, good)), Fails);
        assert_eq!(condition.holds(&subject("local").text(field, bad)), Fails);
        assert_eq!(condition.holds(&subject(environment)), Unknown);
    }

    let across = parsed("response_time > 2s AND affected_environments >= 2");
    assert!(across.is_across());
    assert_eq!(across.holds(&Known::default().number("response_time", 2_001.0)), Holds);
    assert_eq!(across.holds(&Known::default().number("response_time", 2_000.0)), Fails);
    let counted = ["staging", "staging", "production"].map(|environment| super::subject(environment, None));
    assert_eq!(across.holds_across(&counted), Holds);
    assert_eq!(across.holds_across(&counted[..2]), Fails, "two subjects of one environment");
}

#[test]
fn a_status_holds_when_things_are_worse_and_only_healthy_is_healthy() {
    for (text, accepted) in [
        ("status:healthy", "healthy"),
        ("status:degraded", "degraded unhealthy critical"),
        ("status:unhealthy", "unhealthy critical"),
        ("status = unhealthy", "unhealthy critical"),
        ("status != unhealthy", "healthy degraded"),
        ("NOT status:unhealthy", "healthy degraded"),
        ("status != healthy", "degraded unhealthy critical"),
        ("status:(healthy, critical)", "healthy critical"),
        ("status > degraded", "unhealthy critical"),
        ("status >= degraded", "degraded unhealthy critical"),
        ("status < unhealthy", "healthy degraded"),
        ("status <= unhealthy", "healthy degraded unhealthy"),
        ("status >= degraded AND status < unhealthy", "degraded"),
    ] {
        let condition = parsed(text);
        let holds =
            |status: &&Health| condition.holds(&Known::default().text("status", status.as_str())) == Holds;
        let found: Vec<_> = Health::ALL.iter().filter(holds).map(|status| status.as_str()).collect();
        assert_eq!(found.join(" "), accepted, "{text}");
    }
}

#[test]
fn a_severity_is_meant_exactly_unless_it_is_compared_by_order() {
    for (text, accepted) in [
        ("severity:high", "high"),
        ("severity = high", "high"),
        ("severity != high", "info low medium critical"),
        ("severity:(low, info)", "info low"),
        ("severity >= high", "high critical"),
        ("severity < medium", "info low"),
    ] {
        let condition = Condition::parse(text, &Vocabulary::labels()).unwrap();
        let holds = |severity: &&crate::Severity| {
            condition.holds(&Known::default().text("severity", severity.as_str())) == Holds
        };
        let found: Vec<_> = crate::Severity::ALL.iter().filter(holds).map(|one| one.as_str()).collect();
        assert_eq!(found.join(" "), accepted, "{text}");
    }
}

#[test]
fn what_is_not_known_is_neither_true_nor_false() {
    let unknown = "version:v1";
    let picture = production();
    for (and, or, text) in [
        (Fails, Unknown, "environment:staging"),
        (Unknown, Holds, "environment:production"),
        (Unknown, Unknown, "cpu > 5%"),
    ] {
        assert_truths(
            &picture,
            &[
                (&format!("{text} AND {unknown}"), and),
                (&format!("{unknown} AND {text}"), and),
                (&format!("{text} OR {unknown}"), or),
                (&format!("{unknown} OR {text}"), or),
                (&format!("NOT ({unknown} AND {text})"), !and),
            ],
        );
    }
    assert_truths(&picture, &[(unknown, Unknown), ("NOT version:v1", Unknown)]);
}

#[test]
fn an_alarm_term_holds_if_any_alarm_matches_and_fails_if_there_is_none() {
    assert_truths(
        &production(),
        &[
            ("alarm:shop-5xx", Holds),
            ("alarm:shop-*", Holds),
            ("alarm:(cart-*, database)", Holds),
            ("alarm:shop-5xx AND alarm:database", Holds),
            ("alarm:cart-*", Fails),
            ("NOT alarm:shop-*", Fails),
            ("NOT alarm:cart-*", Holds),
            ("metric:Latency", Fails),
            ("NOT metric:Latency", Holds),
            ("namespace:Shop", Unknown),
        ],
    );
}

#[test]
fn a_star_stands_for_any_characters_or_none() {
    for (pattern, matching, other) in [
        ("shop-*", vec!["shop-", "shop-5xx"], vec!["shop", "a-shop-5xx", "Shop-5xx"]),
        ("*-5xx", vec!["-5xx", "shop-5xx", "a-5xx-5xx"], vec!["shop-5xx-old"]),
        ("shop*5xx*v2", vec!["shop5xxv2", "shop-5xx-5xx-v2"], vec!["shop-v2", "shop5xxv2x"]),
        ("a*a", vec!["aa", "aba"], vec!["a"]),
        ("*", vec!["", "x"], vec![]),
        ("\"Shop * down\"", vec!["Shop is down"], vec!["Shop down"]),
        ("\"say \\\"*\\\" \\\\ go\"", vec!["say \"yes\" \\ go"], vec!["say yes go"]),
        ("Überlast*", vec!["Überlast 日本"], vec!["uberlast"]),
    ] {
        let condition = parsed(&format!("version:{pattern}"));
        for (texts, truth) in [(matching, Holds), (other, Fails)] {
            for text in texts {
                assert_eq!(
                    condition.holds(&Known::default().text("version", text)),
                    truth,
                    "{pattern} {text}"
                );
            }
        }
    }
}

#[test]
fn numbers_are_compared_in_the_unit_of_their_field() {
    assert_truths(
        &production().number("requests", 10_000.0),
        &[
            ("response_time > 3.2s", Holds),
            ("response_time > 3217.4ms", Fails),
            ("response_time >= 3217.4ms", Holds),
            ("response_time < 0.1m", Holds),
            ("error_rate = 7.5%", Holds),
            ("error_rate != 7.5%", Fails),
            ("requests <= 10k", Holds),
            ("requests < 10000", Fails),
            ("requests < 0.01M", Fails),
        ],
    );
    assert_eq!(parsed("response_time > 2s"), parsed("response_time > 2000ms"));
}

#[test]
fn what_is_of_another_kind_than_the_field_says_nothing() {
    let odd = Known::default()
        .text("response_time", "fast")
        .text("status", "on fire")
        .number("environment", 1.0)
        .number("status", 2.0)
        .number("cpu", f64::NAN)
        .texts("error_rate", &["5"]);
    for text in [
        "response_time > 2s",
        "status:unhealthy",
        "environment:*",
        "cpu != 5%",
        "cpu < 5%",
        "error_rate > 5%",
    ] {
        assert_eq!(parsed(text).holds(&odd), Unknown, "{text}");
    }
}

#[test]
fn not_binds_before_and_before_or() {
    let picture = Known::default().number("cpu", 1.0).number("memory", 0.0).number("error_rate", 0.0);
    let (yes, no) = ("cpu = 1%", "memory = 1%");
    assert_truths(
        &picture,
        &[
            (&format!("{yes} OR {no} AND {no}"), Holds),
            (&format!("({yes} OR {no}) AND {no}"), Fails),
            (&format!("NOT {no} AND {no}"), Fails),
            (&format!("NOT ({no} AND {no})"), Holds),
            (&format!("not {no} and Not {no} oR {no}"), Holds),
        ],
    );
}

#[test]
fn the_worst_status_is_asked_of_all_that_is_counted() {
    let condition = parsed("environment:p* AND worst_status:unhealthy");
    assert_eq!(condition.holds(&production()), Holds);
    let counted = |statuses: &[Option<Health>]| {
        statuses.iter().map(|status| subject("production", *status)).collect::<Vec<_>>()
    };
    let (good, bad) = (Some(Health::Degraded), Some(Health::Critical));
    for (statuses, truth) in [
        (vec![good, bad], Holds),
        (vec![good, good], Fails),
        (vec![good, None], Unknown),
        (vec![bad, None], Holds),
        (vec![None], Unknown),
        (vec![], Fails),
    ] {
        assert_eq!(condition.holds_across(&counted(&statuses)), truth, "{statuses:?}");
    }
    let differs = parsed("worst_status != healthy");
    assert_eq!(differs.holds(&Known::default()), Holds, "every subject is counted");
    assert_eq!(differs.holds_across(&[]), Fails, "without subjects there is no worst status");
    assert_eq!(parsed("worst_status >= healthy").holds_across(&counted(&[None])), Holds, "whatever it is");
    assert_eq!(
        parsed("worst_status <= degraded").holds_across(&counted(&[bad, None])),
        Fails,
        "whatever it is"
    );
}

#[test]
fn aggregates_stand_anywhere_in_the_and_at_the_top() {
    for text in [
        "affected_environments >= 2 AND status:unhealthy AND cpu > 5%",
        "status:unhealthy AND (affected_environments >= 2 AND cpu > 5%)",
        "((status:unhealthy AND cpu > 5%) AND (affected_environments >= 2))",
    ] {
        assert_eq!(parsed(text).to_string(), "status:unhealthy AND cpu > 5% AND affected_environments >= 2");
    }
    let several = parsed("worst_status:critical AND affected_environments < 4 AND (cpu > 5% OR memory > 5%)");
    assert_eq!(several.aggregates().len(), 2);
    assert_eq!(
        several.to_string(),
        "(cpu > 5% OR memory > 5%) AND worst_status:critical AND affected_environments < 4"
    );
}

#[test]
fn a_condition_without_aggregates_holds_across_any_subject() {
    let condition = parsed("status:unhealthy");
    assert!(!condition.is_across());
    assert_eq!(condition.holds_across(&[]), Fails);
    assert_eq!(condition.holds_across(&[subject("production", None)]), Holds);
}

#[test]
fn a_condition_says_how_long_it_has_to_hold_and_to_have_ended() {
    for (text, lasting, clear) in [
        ("status:unhealthy", 0, 0),
        ("status:unhealthy for 5m", 300, 0),
        ("status:unhealthy CLEAR AFTER 1.5m", 0, 90),
        ("status:unhealthy For 1s Clear After 7d", 1, 604_800),
        ("status:unhealthy for 2000ms", 2, 0),
    ] {
        let condition = parsed(text);
        assert_eq!(
            (condition.lasting(), condition.clear_after()),
            (Seconds(lasting), Seconds(clear)),
            "{text}"
        );
    }
}

#[test]
fn a_condition_names_the_fields_that_it_looks_at() {
    let condition = parsed("NOT (cpu > 5% OR alarm:x) AND cpu < 90% AND worst_status:critical");
    assert_eq!(condition.fields().into_iter().collect::<Vec<_>>(), ["alarm", "cpu", "worst_status"]);
}

#[test]
fn a_tree_shows_what_another_module_has_to_know() {
    let condition = parsed(
        "environment:production AND status:unhealthy AND (cpu > 90% OR queue_age >= 2m) AND affected_environments >= 2",
    );
    let terms = condition.expr().unwrap().terms();
    let [environment, status, cpu, age] = terms[..] else { panic!("{terms:?}") };
    assert!(matches!(environment.test(), Test::Text(patterns) if patterns[0].exact() == Some("production")));
    assert!(
        matches!(status.test(), Test::Status(words) if words.accepted() == [Health::Unhealthy, Health::Critical])
    );
    let number = |comparison, value, unit| Test::Number(Number { comparison, value, unit });
    assert_eq!(cpu.test(), &number(Comparison::Greater, 90.0, Unit::Percent));
    assert_eq!(
        (age.field(), age.test()),
        ("queue_age", &number(Comparison::AtLeast, 120_000.0, Unit::Milliseconds))
    );
    let affected = Aggregate::AffectedEnvironments { comparison: Comparison::AtLeast, environments: 2 };
    assert_eq!(condition.aggregates(), [affected]);
}

#[test]
fn a_built_in_field_stays_what_it_is_whatever_metrics_there_are() {
    let metric = |name: &str, kind| Field { name: name.to_owned(), kind, about: String::new() };
    let metrics = [metric("cpu", Kind::Text), metric("lag", Kind::Duration), metric("lag", Kind::Text)];
    let vocabulary = Vocabulary::signals(&metrics);
    assert_eq!(vocabulary.field("cpu").unwrap().kind, Kind::Percent);
    assert_eq!(vocabulary.field("lag").unwrap().kind, Kind::Duration);
    assert_eq!(vocabulary.fields().iter().filter(|field| field.name == "lag").count(), 1);
}

#[test]
fn a_field_can_be_written_if_its_name_is_a_word() {
    for (name, can) in [
        ("queue_age", true),
        ("p99", true),
        ("5xx", true),
        ("Überlast", true),
        ("", false),
        ("and", false),
        ("a b", false),
        ("a:b", false),
    ] {
        let field = Field { name: name.to_owned(), kind: Kind::Count, about: String::new() };
        assert_eq!(field.can_be_written(), can, "{name}");
        let vocabulary = Vocabulary::signals(std::slice::from_ref(&field));
        assert_eq!(Condition::parse(&field.example(), &vocabulary).is_ok(), can, "{name}");
    }
}

#[test]
fn a_text_is_read_in_time_that_grows_with_its_length() {
    let limit = |text: String| text.chars().take(LONGEST).collect::<String>();
    for text in [
        "(".repeat(5_000_000),
        "NOT ".repeat(1_000_000),
        "\"".repeat(1_000_000),
        limit("cpu > 1% OR ".repeat(1_000)),
        limit(format!("environment:({}", "x,".repeat(1_000))),
        limit(format!("alarm:{}", "*a".repeat(1_000))),
        limit("\\".repeat(2_000)),
        limit("x".repeat(2_000)),
    ] {
        let _ = Condition::parse(&text, &signals());
    }
    let slow = parsed(&format!("alarm:{}", "*a".repeat(990)));
    assert_eq!(slow.holds(&Known::default().texts("alarm", &["a".repeat(100_000).as_str()])), Holds);
    assert_eq!(
        slow.holds(&Known::default().texts("alarm", &[format!("{}b", "a".repeat(100_000)).as_str()])),
        Fails
    );
}
