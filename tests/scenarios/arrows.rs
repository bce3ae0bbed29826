//! The direction of the arrows of the design: who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::Command;

use e2e::files;
use serde_json::Value;

const PURE: [&str; 8] =
    ["alerting", "analysis", "approval-link", "cost", "environments", "foresight", "rollout", "schedule"];
const ADAPTERS: [&str; 14] = [
    "alert-channels",
    "alert-timers",
    "clean-up-schedule",
    "cloud-resources",
    "cloudwatch-metrics",
    "dead-letters",
    "dynamo-store",
    "elb-traffic",
    "feature-flags",
    "http-probe",
    "notify",
    "outcome-bus",
    "pipeline-revisions",
    "secrets",
];
const LOCAL: [&str; 3] = ["asl", "local-stack", "weighted-proxy"];

/// The crates of the workspace that a crate of the workspace may name under `[dependencies]`, as the design has them.
fn allowed(name: &str) -> BTreeSet<&str> {
    let inner = [
        "alerting",
        "analysis",
        "approval-link",
        "contract",
        "cost",
        "engine",
        "environments",
        "rollout",
        "schedule",
    ];
    match name {
        "analysis" | "aws-client" | "aws-stand-in" | "asl" | "empty-function" | "http-client"
        | "schedule" | "weighted-proxy" => BTreeSet::new(),
        "rollout" | "judge-lab" => BTreeSet::from(["analysis"]),
        "alerting" | "cost" => BTreeSet::from(["rollout", "schedule"]),
        "alert-message" => BTreeSet::from(["alerting", "rollout"]),
        "receivers" => BTreeSet::from(["alert-message", "alerting"]),
        "alert-town" => BTreeSet::from(["alerting", "contract", "engine", "environments", "rollout"]),
        "alert-lab" => BTreeSet::from(["alert-town", "alerting", "http-client", "receivers"]),
        "environments" => BTreeSet::from(["alerting", "analysis", "cost", "rollout", "schedule"]),
        "foresight" => BTreeSet::from(["analysis", "rollout"]),
        "approval-link" => BTreeSet::from(["rollout"]),
        "contract" => {
            BTreeSet::from(["alerting", "approval-link", "cost", "environments", "rollout", "schedule"])
        }
        "engine" => inner.into_iter().filter(|name| *name != "engine").collect(),
        "lambda-host" | "model" => BTreeSet::from(inner),
        "local-stack" => inner.into_iter().chain(["asl", "weighted-proxy"]).collect(),
        "ace" => {
            let own = ["alert-message", "aws-client", "foresight"];
            inner.into_iter().chain(ADAPTERS).chain(LOCAL).chain(own).collect()
        }
        "e2e" => {
            let own = ["aws-client", "aws-stand-in", "lambda-host", "receivers"];
            inner.into_iter().chain(ADAPTERS).chain(LOCAL).chain(own).collect()
        }
        adapter if ADAPTERS.contains(&adapter) => {
            inner.into_iter().chain(["alert-message", "aws-client", "http-client"]).collect()
        }
        function if files::names("functions").iter().any(|name| name == function) => {
            inner.into_iter().chain(ADAPTERS).chain(["aws-client", "lambda-host"]).collect()
        }
        other => panic!("{other} has no place in the list of arrows: decide which, and add it to the design"),
    }
}

struct Package {
    name: String,
    folder: String,
    in_workspace: bool,
    /// The ids of its normal dependencies.
    uses: Vec<String>,
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// The packages by their id, as cargo resolves them.
fn packages() -> BTreeMap<String, Package> {
    // Only what is built on this platform has been downloaded.
    let output = Command::new(rustc()).arg("-vV").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(cargo())
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host])
        .current_dir(files::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members: BTreeSet<String> =
        metadata["workspace_members"].as_array().unwrap().iter().map(text).collect();
    let root = format!("{}/", text(&metadata["workspace_root"]));
    let uses: BTreeMap<String, Vec<String>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let normal = |kind: &Value| kind["kind"].is_null();
            let normal = |edge: &&Value| edge["dep_kinds"].as_array().unwrap().iter().any(normal);
            let edges = node["deps"].as_array().unwrap().iter().filter(normal);
            (text(&node["id"]), edges.map(|edge| text(&edge["pkg"])).collect())
        })
        .collect();
    let packages = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let id = text(&package["id"]);
        let manifest = text(&package["manifest_path"]);
        let folder = manifest.strip_prefix(&root).and_then(|path| path.strip_suffix("/Cargo.toml"));
        let package = Package {
            name: text(&package["name"]),
            folder: folder.unwrap_or_default().to_owned(),
            in_workspace: members.contains(&id),
            uses: uses[&id].clone(),
        };
        (id, package)
    });
    packages.collect()
}

/// The names of everything that a package is built with in the end.
fn closure<'a>(packages: &'a BTreeMap<String, Package>, name: &str) -> BTreeSet<&'a str> {
    let found = |package: &&Package| package.in_workspace && package.name == name;
    let start = packages.values().find(found).unwrap_or_else(|| panic!("there is no crate {name}"));
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut queue: Vec<&String> = start.uses.iter().collect();
    while let Some(id) = queue.pop() {
        if seen.insert(id) {
            queue.extend(&packages[id].uses);
        }
    }
    seen.into_iter().map(|id| packages[id].name.as_str()).collect()
}

#[test]
fn arrows_point_down() {
    let packages = packages();
    for package in packages.values().filter(|package| package.in_workspace) {
        let used: BTreeSet<&str> = package
            .uses
            .iter()
            .map(|id| &packages[id])
            .filter(|used| used.in_workspace)
            .map(|used| used.name.as_str())
            .collect();
        let allowed = allowed(&package.name);
        let wrong: Vec<_> = used.difference(&allowed).collect();
        assert!(wrong.is_empty(), "{} must not depend on {wrong:?}", package.name);
    }
}

#[test]
fn the_pure_crates_know_no_runtime_and_no_aws() {
    let packages = packages();
    for name in PURE {
        for used in closure(&packages, name) {
            let impure = ["aws-", "hyper", "tokio", "reqwest", "redb", "async-", "rand", "getrandom"]
                .iter()
                .any(|prefix| used.starts_with(prefix));
            assert!(!impure, "{name} is built with {used}");
        }
    }
    for name in ["contract", "engine"] {
        for used in closure(&packages, name) {
            let adapter =
                ["aws-", "hyper", "reqwest", "redb", "lambda_"].iter().any(|prefix| used.starts_with(prefix));
            assert!(!adapter, "{name} is built with {used}");
        }
    }
}

#[test]
fn nothing_that_runs_in_aws_is_built_with_the_local_stack() {
    let packages = packages();
    let in_aws = packages.values().filter(|package| {
        package.in_workspace
            && (package.folder.starts_with("functions/") || package.folder.starts_with("shared/"))
    });
    let mut checked = 0;
    for package in in_aws {
        let closure = closure(&packages, &package.name);
        let local: Vec<_> = LOCAL.iter().filter(|name| closure.contains(**name)).collect();
        assert!(local.is_empty(), "{} is built with {local:?}", package.name);
        checked += 1;
    }
    assert!(checked >= FUNCTIONS + PURE.len() + ADAPTERS.len(), "{checked} crates");
}

/// Whoever tells nobody of anything needs no language of templates.
#[test]
fn only_alert_router_words_messages() {
    let packages = packages();
    for function in files::names("functions") {
        let words = closure(&packages, &function).contains("minijinja");
        assert_eq!(words, function == "alert-router", "{function}");
    }
}

/// The AWS SDK takes longer to build than all the rest; what sends e-mail is for the function alone.
#[test]
fn the_command_is_built_without_aws_unless_it_is_asked_for() {
    let built = |features: &[&str]| {
        let arguments =
            ["tree", "--offline", "--locked", "--package", "ace", "--edges", "normal", "--prefix", "none"];
        let output =
            Command::new(cargo()).args(arguments).args(features).current_dir(files::root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).unwrap();
        let names = tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned);
        names.filter(|name| name.starts_with("aws-")).collect::<BTreeSet<String>>()
    };
    assert_eq!(built(&[]), BTreeSet::new());
    let with = built(&["--features", "aws"]);
    assert!(with.contains("aws-sdk-dynamodb"), "{with:?}");
    let mail = ["aws-sdk-sesv2", "aws-sdk-sns"].iter().any(|name| with.contains(*name));
    assert!(!mail, "{with:?}");
}

const FUNCTIONS: usize = 7;

/// A function's main reads its settings and puts the parts together, nothing else.
#[test]
fn a_main_is_short() {
    let functions = files::names("functions");
    assert_eq!(functions.len(), FUNCTIONS);
    for function in functions {
        let lines = files::text(&format!("functions/{function}/src/main.rs")).lines().count();
        assert!(lines < 60, "{function} has {lines} lines");
    }
}

/// The pure crates compile for a target without an operating system, where that target is installed.
#[test]
fn the_pure_crates_compile_for_wasm32() {
    const TARGET: &str = "wasm32-unknown-unknown";
    let sysroot = Command::new(rustc()).args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(sysroot.stdout).unwrap();
    let installed = std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).is_dir();
    if !installed {
        println!("skipped: the target {TARGET} is not installed (rustup target add {TARGET})");
        return;
    }
    let mut check = Command::new(cargo());
    check.args(["check", "--quiet", "--offline", "--locked", "--target", TARGET]);
    check.args(["--target-dir", "target/wasm32"]).current_dir(files::root());
    for name in PURE {
        check.args(["--package", name]);
    }
    let output = check.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The workspace's crates are built together here, where a feature that one asks for is there for all; SAM builds each
/// function alone.
#[test]
fn a_function_asks_for_the_adapters_that_it_is_built_with() {
    let optional: Vec<String> = files::names("shared")
        .into_iter()
        .filter(|name| files::text(&format!("shared/{name}/Cargo.toml")).contains("\naws = ["))
        .collect();
    assert!(optional.contains(&"secrets".to_owned()), "{optional:?}");
    for function in files::names("functions") {
        let manifest = files::text(&format!("functions/{function}/Cargo.toml"));
        for line in manifest.lines() {
            let named = line.split([' ', '.', '=']).next().unwrap_or_default();
            let asks = line.contains("features = [\"aws\"]");
            assert!(asks || !optional.iter().any(|name| name == named), "{function}: {line}");
        }
    }
}
