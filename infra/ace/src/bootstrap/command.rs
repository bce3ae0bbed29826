//! The commands of AWS SAM that are run.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rollout::EnvironmentName;

use super::BootstrapError;
use super::samconfig::Deployment;

/// `sam`, with its arguments, in the folder of the template. Displays as a shell takes it.
#[derive(Debug)]
pub(super) struct SamCommand {
    folder: PathBuf,
    arguments: Vec<String>,
}

impl SamCommand {
    fn new(folder: &Path, arguments: &[&str]) -> Self {
        Self { folder: folder.to_owned(), arguments: arguments.iter().map(|&one| one.to_owned()).collect() }
    }

    fn with(mut self, option: &str, value: &str) -> Self {
        self.arguments.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// The functions, for the processor that the environment deploys: `sam build` would not read the section of `sam deploy`.
    pub(super) fn build(folder: &Path, deployment: Option<&Deployment>) -> Self {
        let build = Self::new(folder, &["build"]);
        match deployment.and_then(|deployment| deployment.parameters.as_ref()) {
            Some(parameters) => build.with("--parameter-overrides", parameters),
            None => build,
        }
    }

    /// What was built, as a stack. SAM asks on the terminal where samconfig.toml says `confirm_changeset`.
    pub(super) fn deploy(folder: &Path, environment: &EnvironmentName, guided: bool) -> Self {
        let mut deploy = Self::new(folder, &["deploy"]).with("--config-env", environment.as_str());
        deploy.arguments.extend(guided.then(|| "--guided".to_owned()));
        deploy
    }

    /// The stack's outputs.
    pub(super) fn outputs(folder: &Path, deployment: &Deployment) -> Self {
        let list = Self::new(folder, &["list", "stack-outputs", "--output", "json"]);
        let list = list.with("--stack-name", &deployment.stack);
        match &deployment.region {
            Some(region) => list.with("--region", region),
            None => list,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("sam");
        command.args(&self.arguments).current_dir(&self.folder);
        command
    }

    /// Runs it on this terminal.
    ///
    /// # Errors
    /// [`BootstrapError::NotStarted`], [`BootstrapError::Failed`] or [`BootstrapError::Killed`].
    pub(super) fn run(&self, quiet: bool) -> Result<(), BootstrapError> {
        let mut command = self.command();
        if quiet {
            command.stdout(Stdio::from(std::io::stderr()));
        }
        self.ended(command.status().map_err(|source| self.not_started(source))?)
    }

    /// Runs it for its standard output; the rest stays on this terminal.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) fn read(&self) -> Result<Vec<u8>, BootstrapError> {
        let output = self.command().stderr(Stdio::inherit()).output();
        let output = output.map_err(|source| self.not_started(source))?;
        self.ended(output.status).map(|()| output.stdout)
    }

    fn not_started(&self, source: std::io::Error) -> BootstrapError {
        BootstrapError::NotStarted { command: self.to_string(), source }
    }

    fn ended(&self, status: ExitStatus) -> Result<(), BootstrapError> {
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => Err(BootstrapError::Failed { command: self.to_string(), code }),
            None => Err(BootstrapError::Killed { command: self.to_string() }),
        }
    }
}

impl fmt::Display for SamCommand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = OsString::from(&self.folder);
        write!(out, "cd {} && sam", quoted(&folder.to_string_lossy()))?;
        self.arguments.iter().try_for_each(|argument| write!(out, " {}", quoted(argument)))
    }
}

fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@%+".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_pasted_into_a_shell() {
        let deployment = Deployment {
            stack: "ace-flow-qa".to_owned(),
            region: None,
            parameters: Some("Environment=qa Note='it is'".to_owned()),
        };
        let command = SamCommand::build(Path::new("/my infra"), Some(&deployment));
        let shown = command.to_string();
        assert_eq!(
            shown,
            r"cd '/my infra' && sam build --parameter-overrides 'Environment=qa Note='\''it is'\'''"
        );
        let echoed =
            Command::new("sh").arg("-c").arg(shown.replace("cd '/my infra' && sam", "printf '%s|'")).output();
        let echoed = String::from_utf8(echoed.unwrap().stdout).unwrap();
        assert_eq!(echoed, "build|--parameter-overrides|Environment=qa Note='it is'|");
    }
}
