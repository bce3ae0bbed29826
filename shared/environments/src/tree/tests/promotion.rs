//! What environments say of each other.

use super::*;

const SERVICES: &str = r#"
rollout: { guardrails: [High 5XX] }
services:
  checkout:
    pipeline: checkout-NAME
    strategy: canary
    route:
      rule: NAME/checkout
      load_balancer: lb
      blue: { target_group: NAME-blue, endpoint: "http://blue" }
      green: { target_group: NAME-green, endpoint: "http://green" }
"#;

/// The document's tree with a service in each environment, and these blocks.
fn tree(staging: &str, production: &str) -> Vec<Sources> {
    let with = |name: &str, text: &str, block: &str| {
        sources(name, &format!("{text}{}{block}", SERVICES.replace("NAME", name)))
    };
    vec![
        with("development", DEVELOPMENT, ""),
        with("staging", STAGING, staging),
        with("production", PRODUCTION, production),
    ]
}

fn told(tree: &[Sources], severity: Severity) -> Vec<String> {
    let mistakes = match check(tree, Strictness::Lenient) {
        Ok(accepted) => accepted.warnings,
        Err(refused) => refused.mistakes,
    };
    mistakes.iter().filter(|mistake| mistake.severity == severity).map(ToString::to_string).collect()
}

const AFTER_DEVELOPMENT: &str = "promotion: { after: development, soak: { time: 2h, requests: 1000 } }\n";
const AFTER_STAGING: &str = "promotion:\n  after: staging\n  soak: { time: 24h, requests: 1000 }\n";

#[test]
fn an_order_of_environments_is_accepted_without_a_word() {
    let plain = told(&tree("", ""), Severity::Warning);
    let ordered = tree(AFTER_DEVELOPMENT, AFTER_STAGING);
    assert_eq!(told(&ordered, Severity::Error), [""; 0]);
    assert_eq!(told(&ordered, Severity::Warning), plain, "and its absence is no mistake");
    // Read alone, nothing is known of the others.
    let accepted = check(&ordered[2..], Strictness::Lenient).unwrap();
    assert_eq!(accepted.environments[0].rollouts.promotion.below.as_ref().unwrap().after.as_str(), "staging");
    // An environment with a mistake of its own is there all the same.
    let mut broken = ordered;
    broken[1].config.text = broken[1].config.text.replace("storage: 50", "storage: 5");
    let errors = told(&broken, Severity::Error);
    assert!(errors.len() == 1 && errors[0].contains("database.storage"), "{errors:#?}");
}

#[test]
fn mistakes_between_environments_are_told_where_they_stand() {
    let error = |staging: &str, production: &str| told(&tree(staging, production), Severity::Error);
    let unknown = error("", "promotion:\n  after: stagging\n");
    let itself = error("promotion:\n  after: staging\n", "");
    let round = error("promotion:\n  after: production\n", "promotion:\n  after: staging\n");
    let mut apart = tree(AFTER_DEVELOPMENT, "");
    apart[0].config.text = apart[0].config.text.replace("us-east-1", "eu-central-1");
    let apart = told(&apart, Severity::Error);
    let mut accounts = tree("", AFTER_STAGING);
    for (sources, account) in accounts.iter_mut().skip(1).zip(["111111111111", "222222222222"]) {
        let with = format!("  account: \"{account}\"\n  region:");
        sources.config.text = sources.config.text.replacen("  region:", &with, 1);
    }
    let accounts = told(&accounts, Severity::Error);
    let all = [unknown, itself, round, apart, accounts];
    assert!(all.iter().all(|told| told.len() == 1), "{all:#?}");
    insta::assert_snapshot!(all.concat().join("\n\n"));
}

#[test]
fn mistakes_of_several_parts_are_told_at_once() {
    let blocks = "promotion: { after: staging, soak: { time: 2 hours } }\nfreeze:\n  - name: x\n    days: [friday, funday]\n    \
                  from: 18:00\n    to: 08:00\n    zone: UTC\n  - name: second\n    days: [friday]\n    from: 18:00\n    to: 08:00\n    \
                  zone: Europe/Berln\nnotifications:\n  a: { kind: email, topic: ops }\n  b: { kind: slack, sekret: x }\n";
    let text = format!("{PRODUCTION}{blocks}").replace("storage: 100", "storage: 5");
    let refused = check(&[sources("production", &text)], Strictness::Lenient).unwrap_err();
    let errors: Vec<u64> = refused
        .mistakes
        .iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .map(|mistake| mistake.line)
        .collect();
    let before = PRODUCTION.lines().count() as u64;
    let after = |line: u64| before + line;
    assert_eq!(errors, [9, after(1), after(4), after(12), after(15)], "{refused}");
}

#[test]
fn what_cannot_work_yet_is_a_warning() {
    let usual = told(&tree("", ""), Severity::Warning);
    let mut tree = tree(AFTER_DEVELOPMENT, "");
    tree[0] = sources("development", DEVELOPMENT);
    tree[1].config.text.push_str(
        "notifications:\n  chat: { kind: slack, secret: apis.slack }\n  page: { kind: pagerduty, secret: apis.pager }\n",
    );
    let reference = "{{resolve:secretsmanager:ace-flow/staging/secrets:SecretString:slak}}";
    let secrets = format!(
        "secrets:\n  apis:\n    slak: \"{reference}\"\n    pager2: \"{}\"\n",
        reference.replace("slak", "pager2")
    );
    tree[1].secrets = Some(file("staging/secrets.yml", &secrets));
    assert_eq!(told(&tree, Severity::Error), [""; 0]);
    let new: Vec<String> =
        told(&tree, Severity::Warning).into_iter().filter(|warning| !usual.contains(warning)).collect();
    insta::assert_snapshot!(new.join("\n\n"));
}

/// As in the readers of single files: the line, the caret and the remedy.
#[test]
fn a_mistake_in_a_block_of_the_tree_has_its_line() {
    let mut all = String::new();
    for (block, line) in [
        ("promotion:\n  after: staging\n  sok: { time: 2h }\n", 3),
        ("promotion:\n  after: Stag ing\n", 2),
        ("promotion:\n  soak: { time: 2h }\n", 2),
        ("promotion:\n  after: staging\n  approvals:\n    approvers: [ann, ann]\n", 4),
        ("freeze:\n  - name: x\n    from: 2026-11-27T00:00\n    to: 2026-11-26T00:00\n    zone: UTC\n", 4),
        ("freeze:\n  - name: x\n    days: [fryday]\n    from: 18:00\n    to: 08:00\n    zone: UTC\n", 3),
        (
            "freeze:\n  - name: x\n    days: [friday]\n    from: 18:00\n    to: 08:00\n    zone: Europe/Berln\n",
            6,
        ),
        ("freeze:\n  - name: x\n    days: [friday]\n    from: 18:00\n    to: 08:00\n", 2),
        ("notifications:\n  chat:\n    kind: slack\n", 3),
        ("notifications:\n  chat:\n    kind: slack\n    secret: https://hooks.slack.com/x\n", 4),
        ("notifications:\n  chat:\n    knd: slack\n", 3),
        ("notifications:\n  mail:\n    kind: email\n    topic: ops\n", 4),
        ("notificatons:\n  mail: {}\n", 1),
    ] {
        let refused = check(&[sources("production", &format!("{PRODUCTION}{block}"))], Strictness::Lenient)
            .unwrap_err();
        let errors: Vec<&Mistake> =
            refused.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
        let before = PRODUCTION.lines().count() as u64;
        let lines: Vec<u64> = errors.iter().map(|error| error.line - before).collect();
        let remedies = errors.iter().all(|error| !error.remedy.is_empty());
        all.push_str(&errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        all.push_str("\n\n");
        assert!(lines == [line] && remedies, "{block}: {lines:?}\n{refused}");
    }
    insta::assert_snapshot!(all);
}
