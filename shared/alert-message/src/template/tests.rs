use alerting::Severity;

use super::*;

fn notice() -> Notice {
    sample::all().remove(0).1
}

fn title(template: &str) -> Message {
    Message::new(&notice(), Wording { title: Some(template), text: None })
}

fn text(template: &str) -> Vec<String> {
    let message = Message::new(&notice(), Wording { title: None, text: Some(template) });
    message.lines.iter().map(Line::to_string).collect()
}

/// What is told of the failure of a template.
fn failure_of(template: &str) -> String {
    let message = title(template);
    let built_in = Message::built_in(&notice());
    assert_eq!(message.title, built_in.title, "what is built in stands in");
    assert_eq!(message.lines[..built_in.lines.len()], built_in.lines);
    let [failure] = &message.lines[built_in.lines.len()..] else { panic!("{message:?}") };
    failure.to_string()
}

#[test]
fn a_title_is_one_line_of_at_most_120_characters() {
    assert_eq!(title("[{{ mark }}]\n{{ rule }}").title, "[CRITICAL] Production Down");
    assert_eq!(
        title("{% for alert in alerts %}{{ alert.because }}{% endfor %}{{ text }}").title.chars().count(),
        120
    );
}

#[test]
fn a_text_is_lines_of_facts() {
    let template = "{{ count }} of {{ environment }}/{{ service }} since {{ since }}\n\n\
        {% for alert in alerts %}{% if alert.firing %}- {{ alert.rule | upper }}\n{% endif %}{% endfor %}\
        {{ rollout.version }} at {{ rollout.weight }} %";
    assert_eq!(
        text(template),
        ["1 of production/checkout since 1970-01-01 00:00:00 UTC", "- PRODUCTION DOWN", "v2 at 25 %"]
    );
    assert_eq!(text("{{ text }}").len(), Message::built_in(&notice()).lines.len());
}

#[test]
fn what_is_not_there_is_empty_or_none() {
    let mut notice = notice();
    notice.rollout = None;
    notice.alerts[0].subject = None;
    notice.labels.clear();
    let template = "{{ rule }}<{{ service }}|{{ acknowledged_by }}|{{ unacknowledged_minutes }}>{% if rollout %}x{% endif %}";
    let message = Message::new(&notice, Wording { title: Some(template), text: None });
    assert_eq!(message.title, "Production Down<||0>");
}

#[test]
fn a_template_that_fails_is_told_and_what_is_built_in_is_said() {
    assert_eq!(
        failure_of("{{ rule }}\n{{ servce }}"),
        "The template of the title failed (line 2: `servce` is undefined): what is built in stands in for it; ace \
         validate helps to correct it."
    );
    for (template, what) in [
        ("{{ rule", "unexpected end of input"),
        ("{{ rollout.nme }}", "`rollout.nme` is undefined"),
        ("{{ rule | uper }}", "uper"),
        ("{% if x", ""),
        ("  {# nothing #} ", "it makes nothing"),
        ("{% include 'x' %}", ""),
        ("{{ rule() }}", ""),
        ("{{ [].x.y }}", ""),
        ("{{ 1 / 0 }}", ""),
    ] {
        let failure = failure_of(template);
        assert!(
            failure.starts_with("The template of the title failed (line 1: ") && failure.contains(what),
            "{failure}"
        );
    }
}

/// Each of them would take minutes or gigabytes.
#[test]
fn no_template_loops_or_explodes() {
    let all_of = |piece: &str| piece.repeat(MAX_TEMPLATE / piece.len() - 20);
    let doubled = format!("{{% set a = text %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(60));
    let nested = format!("{}x{}", "{% for a in alerts %}".repeat(40), "{% endfor %}".repeat(40));
    let joined = format!("{{% set s = text %}}{}", "{% set s = [s,s,s]|join(s) %}".repeat(60));
    let replaced = format!("{{{{ text{} }}}}", "|replace('e', 'eeeeeeeeeeeeeeee')".repeat(10));
    let characters = "{% for a in text %}{% for b in text %}{% for c in text %}{{ a ~ b ~ c }}{% endfor %}{% endfor %}\
        {% endfor %}";
    for template in [
        doubled.as_str(),
        &nested,
        &joined,
        &replaced,
        characters,
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{% for a in alerts recursive %}{{ loop(alerts) }}{% endfor %}",
        &"x".repeat(MAX_TEMPLATE + 1),
        &all_of("{% if 1 %}"),
        // The longest that is let in of what goes deep: it fails for what it makes, and not by the stack.
        &format!("{{{{ {}1 }}}}{}", "-".repeat(MAX_TAG - 10), "{{ x }}"),
        &format!("{{% if 0 %}}{}{{% endif %}}", all_of("{% elif 0 %}")),
    ] {
        failure_of(template);
        assert!(!check(Part::Title, template).is_empty(), "{template}");
    }
    for (piece, after) in [("-", "1"), ("(", ""), ("[", ""), ("not ", "1"), ("1 if 1 else ", "1")] {
        failure_of(&format!("{{{{ {}{after} }}}}", all_of(piece)));
    }
    for (before, piece) in
        [("1", "+1"), ("a", ".a"), ("a", "()"), ("a", "[0]"), ("a", "|upper"), ("1", " and 1")]
    {
        failure_of(&format!("{{{{ {before}{} }}}}", all_of(piece)));
    }
}

#[test]
fn mistakes_are_told_with_line_and_remedy() {
    let mistakes = |template: &str| -> Vec<String> {
        check(Part::Text, template).iter().map(ToString::to_string).collect()
    };
    for good in [
        "{{ title }}",
        "{% if rollout %}{{ rollout.id }}{% endif %}{{ rule }}",
        "{% for alert in alerts %}{{ alert.rule }}{% endfor %}{{ count }}",
        "{{ labels.service | default('nobody') }}{{ mark }}",
        "{{ mark }}{% if labels.environment is defined %}{{ labels.environment }}{% endif %}",
    ] {
        assert_eq!(mistakes(good), [""; 0], "{good}");
    }
    for (bad, line, what, remedy) in [
        ("", 1, "it is empty", "leave it out"),
        ("a\n{{ servce }}", 2, "\"servce\" is unknown", "did you mean \"service\"?"),
        ("a\n\n{{ rollout.weigth }}", 3, "\"rollout.weigth\" is unknown", "did you mean \"weight\"?"),
        (
            "{{ labels.team }}",
            1,
            "\"labels.team\" is unknown",
            "the fields of labels are environment, service, rule",
        ),
        ("{{ rule.name }}", 1, "\"rule.name\" is unknown", "rule has no fields"),
        ("{{ xyzzy }}", 1, "\"xyzzy\" is unknown", "the variables are title, text, mark"),
        ("{{ rule }\n", 1, "", "write {{ name }}"),
        (
            "{% for a in alerts %}\n{{ a.severty }}{% endfor %}",
            2,
            "`a.severty`",
            "did you mean \"severity\"?",
        ),
        ("{{ rule | uper }}", 1, "uper", "did you mean \"upper\"?"),
        ("{{ rule is defned }}", 1, "defned", "did you mean \"defined\"?"),
        ("{{ rollout.id }}", 1, "", "ask first whether there is a rollout: {% if rollout %}"),
        ("{{ alerts[0].rule }}", 1, "", "ask first whether there is one: {% if alerts %}"),
        ("{{ labels.environment }}", 1, "", "ask first whether there is one, as with"),
        (
            "{% for a in text %}{% for b in text %}{{ text }}{% endfor %}{% endfor %}",
            1,
            "",
            "let it loop less",
        ),
    ] {
        let found = mistakes(bad);
        let head = format!("line {line}: ");
        assert!(
            found.iter().any(|told| told.starts_with(&head) && told.contains(what) && told.contains(remedy)),
            "{bad:?}: {found:#?}"
        );
    }
    assert_eq!(mistakes("{{ rule|uper }}\n{{ servce }}\n{{ sevrity }}").len(), 3, "all at once");
    let long = mistakes(&"x".repeat(MAX_TEMPLATE + 1));
    assert_eq!(long, ["line 1: it has 4097 bytes: write at most 4096"]);
}

#[test]
fn every_variable_is_there_and_every_one_that_is_there_is_known() {
    let context = context::of(&notice(), &Message::built_in(&notice()));
    let mut there: Vec<String> = context.try_iter().unwrap().map(|name| name.to_string()).collect();
    let mut known: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    there.sort();
    known.sort_unstable();
    assert_eq!(there, known);
    for variable in VARIABLES.iter().filter(|variable| !variable.fields.is_empty()) {
        let value = context.get_attr(variable.name).unwrap();
        let one = if value.kind() == minijinja::value::ValueKind::Map {
            value
        } else {
            value.get_item(&0.into()).unwrap()
        };
        let mut there: Vec<String> = one.try_iter().unwrap().map(|name| name.to_string()).collect();
        let mut known = variable.fields.to_vec();
        there.sort();
        known.sort_unstable();
        assert_eq!(there, known, "{}", variable.name);
    }
}

#[test]
fn samples_are_of_every_kind() {
    let samples = sample::all();
    let kinds: std::collections::BTreeSet<String> =
        samples.iter().map(|(_, notice)| format!("{:?}", notice.kind)).collect();
    assert_eq!(kinds.len(), 4);
    assert_eq!(samples.iter().filter(|(missing, _)| missing.is_some()).count(), 3);
    assert_eq!(notice().severity, Severity::Critical);
}
