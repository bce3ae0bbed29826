//! Who an execution is.

use thiserror::Error;

/// The most characters of an execution's name (Step Functions quotas).
const MAX_NAME: usize = 80;

/// The names and ARNs of an execution and its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    machine_arn: String,
    machine_name: String,
    execution_arn: String,
    name: String,
}

/// Why an [`Identity`] was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The machine's ARN is not one.
    #[error("{found:?} is no state machine ARN; use arn:aws:states:<region>:<account>:stateMachine:<name>")]
    MachineArn {
        /// What was given.
        found: String,
    },
    /// The name is empty, too long, or has a character that Step Functions refuses.
    #[error("{found:?} is no execution name; use 1 to 80 letters, digits, -, _ and .")]
    Name {
        /// What was given.
        found: String,
    },
}

impl Identity {
    /// The execution `name` of the machine with the ARN `machine_arn`. Its own ARN follows from the two.
    ///
    /// # Errors
    /// [`IdentityError`] when one of them is malformed. Names are held to letters, digits, `-`, `_` and `.`, a
    /// part of what `StartExecution` takes.
    pub fn new(machine_arn: &str, name: &str) -> Result<Self, IdentityError> {
        let parts: Vec<&str> = machine_arn.split(':').collect();
        let ["arn", partition, "states", region, account, "stateMachine", machine] = parts.as_slice() else {
            return Err(IdentityError::MachineArn { found: machine_arn.to_owned() });
        };
        if [partition, region, account, machine].iter().any(|part| part.is_empty()) {
            return Err(IdentityError::MachineArn { found: machine_arn.to_owned() });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(allowed) {
            return Err(IdentityError::Name { found: name.to_owned() });
        }
        Ok(Self {
            machine_arn: machine_arn.to_owned(),
            machine_name: (*machine).to_owned(),
            execution_arn: format!("arn:{partition}:states:{region}:{account}:execution:{machine}:{name}"),
            name: name.to_owned(),
        })
    }

    /// The machine's ARN, `$$.StateMachine.Id`.
    pub fn machine_arn(&self) -> &str {
        &self.machine_arn
    }

    /// The machine's name, `$$.StateMachine.Name`.
    pub fn machine_name(&self) -> &str {
        &self.machine_name
    }

    /// The execution's ARN, `$$.Execution.Id`.
    pub fn execution_arn(&self) -> &str {
        &self.execution_arn
    }

    /// The execution's name, `$$.Execution.Name`.
    pub fn name(&self) -> &str {
        &self.name
    }
}
