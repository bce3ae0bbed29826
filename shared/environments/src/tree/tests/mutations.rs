//! Random mutations of the document's files: never a panic, never an unknown key accepted, nor anything else that the
//! schema refuses.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// What the document knows, written down a second time.
const KNOWN: [(&str, &[&str]); 6] = [
    ("environment", &["name", "region", "stage", "account"]),
    ("database", &["instance_type", "storage", "backup_retention", "multi_az", "identifier"]),
    ("lambda", &["memory", "timeout", "runtime", "provisioned_concurrency"]),
    ("storage", &["bucket_name", "table_name", "cdn_enabled", "encryption", "backup_enabled"]),
    ("monitoring", &["log_level", "metrics_enabled", "alerts_enabled", "detailed_monitoring"]),
    ("security", &["mfa_required", "session_timeout", "rate_limiting", "waf_enabled"]),
];

/// An environment that is told of, and its identity, which it cannot do without.
static ALERTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "environment: {{ name: ace-flow-prod, region: us-east-1, stage: prod }}\n{}",
        super::alerts::ALERTING
    )
});

#[derive(Clone, Debug)]
enum Mutation {
    Remove(Index),
    Insert(Index, char),
    DropLine(Index),
    CopyLine(Index, Index),
    Cut(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let signs: Vec<char> = "abz_09-:#{}[]\"'&*!|>%@`$,? \n\té🦀".chars().collect();
    prop_oneof![
        any::<Index>().prop_map(Mutation::Remove),
        (any::<Index>(), select(signs)).prop_map(|(at, sign)| Mutation::Insert(at, sign)),
        any::<Index>().prop_map(Mutation::DropLine),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::CopyLine(from, to)),
        any::<Index>().prop_map(Mutation::Cut),
    ]
}

fn mutated(text: &str, mutation: &Mutation) -> String {
    let mut signs: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    match mutation {
        _ if signs.is_empty() || lines.is_empty() => return text.to_owned(),
        Mutation::Remove(at) => drop(signs.remove(at.index(signs.len()))),
        Mutation::Insert(at, sign) => signs.insert(at.index(signs.len()), *sign),
        Mutation::Cut(at) => signs.truncate(at.index(signs.len())),
        Mutation::DropLine(at) => {
            lines.remove(at.index(lines.len()));
            return lines.join("\n");
        }
        Mutation::CopyLine(from, to) => {
            lines.insert(to.index(lines.len()), lines[from.index(lines.len())]);
            return lines.join("\n");
        }
    }
    signs.into_iter().collect()
}

fn assert_known(text: &str) -> Result<(), TestCaseError> {
    let rollouts = ["rollout", "services", "features", "notifications", "alerts"];
    for (section, settings) in json(text).as_object().unwrap() {
        if rollouts.contains(&section.as_str()) {
            continue;
        }
        let known = KNOWN.iter().find(|(name, _)| name == section);
        prop_assert!(known.is_some(), "{section} was accepted in\n{text}");
        for key in settings.as_object().into_iter().flat_map(|settings| settings.keys()) {
            prop_assert!(known.unwrap().1.contains(&key.as_str()), "{section}.{key} was accepted in\n{text}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn no_mutation_panics_or_brings_in_what_the_schema_refuses(
        (name, text) in select(vec![
            ("development", DEVELOPMENT), ("staging", STAGING), ("production", PRODUCTION), ("local", LOCAL),
            ("production", ALERTS.as_str()),
        ]),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let text = mutations.iter().fold(text.to_owned(), |text, mutation| mutated(&text, mutation));
        match check(&[sources(name, &text)], Strictness::Lenient) {
            Ok(_) => {
                assert_known(&text)?;
                let refused = super::schema::refused(&json(&text));
                prop_assert!(refused.is_empty(), "{refused:?} was accepted in\n{text}");
            }
            Err(refused) => {
                let lines = text.lines().count().max(1) as u64 + 1;
                prop_assert!(refused.mistakes.iter().any(|mistake| mistake.severity == Severity::Error));
                for mistake in &refused.mistakes {
                    prop_assert!(!mistake.to_string().is_empty() && !mistake.remedy.is_empty());
                    prop_assert!(mistake.line <= lines, "{mistake}\n in\n{text}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn no_mutation_of_secrets_or_a_template_panics(
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let change = |text: &str| mutations.iter().fold(text.to_owned(), |text, mutation| mutated(&text, mutation));
        let sources = Sources {
            secrets: Some(file("staging/secrets.yml", &change(SECRETS))),
            template: Some(file("template", &change(TEMPLATE))),
            ..sources("staging", "features: {}\n")
        };
        let refused = check(&[sources], Strictness::Lenient);
        prop_assert!(refused.is_err(), "the region is a variable, and none is set");
    }

    #[test]
    fn an_unknown_key_is_refused_in_every_block(section in select(KNOWN.to_vec()), key in "[a-z][a-z_]{0,14}") {
        let (section, known) = section;
        prop_assume!(!known.contains(&key.as_str()));
        let header = format!("{section}:\n");
        let text = PRODUCTION.replacen(&header, &format!("{header}  {key}: 1\n"), 1);
        let refused = check(&[sources("production", &text)], Strictness::Lenient).unwrap_err();
        let told = format!("unknown key `{key}` in {section}");
        prop_assert!(refused.mistakes.iter().any(|mistake| mistake.message == told), "{refused}");
    }
}
