//! What the README says of the configuration is so.

use environments::{Environment, Rules};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap()
}

#[test]
fn the_configuration_is_valid_and_shows_the_defaults() {
    let readme = readme();
    let yaml = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let environment = Environment::from_yaml(yaml).unwrap();
    assert_eq!(environment.rollout, Rules::default());
    assert!(environment.services().keys().any(|service| service.as_str() == "checkout"));
}

#[test]
fn every_configuration_it_shows_is_valid() {
    let readme = readme();
    let blocks: Vec<&str> =
        readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    for block in blocks {
        let whole = if block.starts_with("cost:") {
            format!("environment: {{ name: shop-development, region: us-east-1, stage: dev }}\n{block}")
        } else if block.starts_with("environment:") {
            block.to_owned()
        } else {
            format!("environment: {{ name: shop-production, region: us-east-1, stage: prod }}\n{block}")
        };
        Environment::from_yaml(&whole).unwrap_or_else(|error| panic!("{error}\n{whole}"));
    }
}

#[test]
fn every_folder_of_shared_and_every_event_it_names_is_there() {
    let readme = readme();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for folder in std::fs::read_dir(format!("{root}/shared")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(readme.contains(&name), "shared/{name} is not on the README's map");
    }
    let words = readme.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let is_json = |word: &str| std::path::Path::new(word).extension().is_some_and(|end| end == "json");
    for word in words.filter(|word| word.starts_with("events/") && is_json(word)) {
        assert!(std::path::Path::new(&format!("{root}/{word}")).exists(), "{word}");
    }
}
