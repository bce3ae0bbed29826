//! What it costs to check a tree of four environments, by their services: time, and the most memory that is held at once
//! (`max alloc`). The bar is 300 ms and 60 MiB for 500 services.
#![expect(clippy::unwrap_used, reason = "a bench ends when its input is wrong")]

use std::fmt::Write as _;

use divan::{AllocProfiler, Bencher, black_box};
use environments::tree::{File, Severity, Sources, Strictness, check, check_among};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

macro_rules! document {
    ($environment:literal) => {
        include_str!(concat!("../tests/document/.ace-flow/environments/", $environment, "/config.yml"))
    };
}

const DEVELOPMENT: &str = document!("development");
const STAGING: &str = document!("staging");
const PRODUCTION: &str = document!("production");

/// A file of the document's, with services as they are written: each with its route, half of them with settings of
/// their own.
fn environment(name: &str, document: &str, services: usize) -> Sources {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012";
    let mut text = format!("{document}\nrollout:\n  guardrails: [High 5XX]\nservices:\n");
    for number in 0..services {
        write!(
            text,
            "  service-{number}:\n    pipeline: {name}-{number}\n    strategy: canary\n    route:\n      \
             rule: {arn}:listener-rule/app/{name}/0123456789abcdef/0123456789abcdef/{number}\n      \
             load_balancer: app/{name}/0123456789abcdef\n      \
             blue: {{ target_group: \"{arn}:targetgroup/{name}-{number}-blue/1\", endpoint: \"http://b{number}.internal\" }}\n      \
             green: {{ target_group: \"{arn}:targetgroup/{name}-{number}-green/1\", endpoint: \"http://g{number}.internal\" }}\n"
        )
        .unwrap();
        if number % 2 == 0 {
            text.push_str(
                "    rollout:\n      canary:\n        steps:\n          - { weight: 10, bake: 5m }\n          \
                 - { weight: 50, bake: 2m }\n          - { weight: 100, bake: 2m }\n      judge:\n        \
                 preset: cautious\n        latency_objective_ms: 250\n      guardrails: [High 5XX, Slow]\n",
            );
        }
    }
    let config = File { name: format!(".ace-flow/environments/{name}/config.yml"), text };
    Sources::new(name.to_owned(), config)
}

fn tree(services: usize) -> Vec<Sources> {
    let local = DEVELOPMENT.replace("-dev", "-local").replace("\"dev\"", "\"local\"");
    let of = [
        ("development", DEVELOPMENT),
        ("local", local.as_str()),
        ("staging", STAGING),
        ("production", PRODUCTION),
    ];
    of.map(|(name, document)| environment(name, document, services)).to_vec()
}

#[divan::bench(args = [50, 500, 5_000], sample_count = 20)]
fn four_environments(bencher: Bencher<'_, '_>, services: usize) {
    let tree = tree(services);
    assert_eq!(check(&tree, Strictness::Lenient).unwrap().environments.len(), 4);
    bencher.bench_local(|| check(black_box(&tree), Strictness::Lenient).is_ok());
}

#[divan::bench(args = [50, 500, 5_000], sample_count = 20)]
fn one_among_four(bencher: Bencher<'_, '_>, services: usize) {
    let mut others = tree(services);
    let asked = others.pop().unwrap();
    bencher.bench_local(|| check_among(black_box(&asked), &others, Strictness::Lenient).is_ok());
}

/// Each service has a mistake.
#[divan::bench(args = [50, 500, 5_000], sample_count = 20)]
fn four_environments_with_mistakes(bencher: Bencher<'_, '_>, services: usize) {
    let mut tree = tree(services);
    for sources in &mut tree {
        sources.config.text = sources.config.text.replace("strategy:", "stratgy:");
    }
    let refused = check(&tree, Strictness::Lenient).unwrap_err();
    let errors = refused.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error);
    assert_eq!(errors.count(), 4 * services);
    bencher.bench_local(|| check(black_box(&tree), Strictness::Lenient).is_err());
}

/// What of it is the YAML reader's: the texts as values without places.
#[divan::bench(args = [50, 500, 5_000], sample_count = 20)]
fn yaml_alone(bencher: Bencher<'_, '_>, services: usize) {
    let tree = tree(services);
    let read = |sources: &Sources| serde_saphyr::from_str::<serde_json::Value>(&sources.config.text).is_ok();
    bencher.bench_local(|| black_box(&tree).iter().all(read));
}
