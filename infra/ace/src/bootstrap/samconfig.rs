//! What samconfig.toml says of an environment's stack.

use std::io::ErrorKind;
use std::path::Path;

use rollout::EnvironmentName;
use toml::{Table, Value};

/// Why samconfig.toml cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SamconfigError {
    #[error("it cannot be read")]
    Unreadable(#[from] std::io::Error),
    #[error("it is not TOML")]
    Toml(#[from] toml::de::Error),
}

/// A stack that `sam deploy` knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deployment {
    /// Its name.
    pub(super) stack: String,
    /// Where it is, if not where AWS's own configuration says.
    pub(super) region: Option<String>,
    /// The values of the template's parameters, `A=1 B=2`.
    pub(super) parameters: Option<String>,
}

/// The environment's stack; nothing, if there is no section of it, no name in that, or no file.
pub(super) fn deployment(
    folder: &Path,
    environment: &EnvironmentName,
) -> Result<Option<Deployment>, SamconfigError> {
    Ok(of(&read(folder)?, environment.as_str()))
}

/// The environments that have a stack, sorted.
pub(super) fn environments(folder: &Path) -> Result<Vec<String>, SamconfigError> {
    let table = read(folder)?;
    let mut names: Vec<String> = table.keys().filter(|name| of(&table, name).is_some()).cloned().collect();
    names.sort();
    Ok(names)
}

fn read(folder: &Path) -> Result<Table, SamconfigError> {
    match std::fs::read_to_string(folder.join("samconfig.toml")) {
        Ok(text) => Ok(text.parse()?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Table::new()),
        Err(error) => Err(error.into()),
    }
}

/// A section is ENVIRONMENT.COMMAND.parameters; `global` stands for every command
/// (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html>).
fn of(table: &Table, environment: &str) -> Option<Deployment> {
    let environment = table.get(environment)?;
    let value = |key: &str| {
        let section = |command: &str| environment.get(command)?.get("parameters")?.get(key);
        section("deploy").or_else(|| section("global"))
    };
    let text = |key: &str| value(key).and_then(Value::as_str).map(str::to_owned);
    let parameters = match value("parameter_overrides") {
        Some(Value::Array(pairs)) => {
            Some(pairs.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }
        _ => text("parameter_overrides"),
    };
    Some(Deployment { stack: text("stack_name")?, region: text("region"), parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_file_has_three_environments() {
        let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        assert_eq!(environments(&infra).unwrap(), ["development", "production", "staging"]);
        let staging = deployment(&infra, &"staging".parse().unwrap()).unwrap().unwrap();
        assert_eq!(staging.stack, "ace-flow-staging");
        assert!(staging.parameters.unwrap().starts_with("Environment=staging "));
    }

    #[test]
    fn lists_and_what_holds_for_every_command_are_understood() {
        let text = "[qa.global.parameters]\nstack_name = 'qa'\nregion = 'eu-west-1'\n[qa.deploy.parameters]\n\
                    parameter_overrides = ['A=1', 'B=2']\n[ci.deploy.parameters]\nregion = 'eu-west-1'";
        let table: Table = text.parse().unwrap();
        let wanted = Deployment {
            stack: "qa".to_owned(),
            region: Some("eu-west-1".to_owned()),
            parameters: Some("A=1 B=2".to_owned()),
        };
        assert_eq!(of(&table, "qa"), Some(wanted));
        assert_eq!(of(&table, "ci"), None, "it has no name");
    }
}
