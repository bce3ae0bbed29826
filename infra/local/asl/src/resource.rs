//! What a Task calls.

use serde::Serialize;

/// How a Task calls its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// The function's ARN as the resource: the output is the function's reply.
    Function,
    /// `lambda:invoke`: the output holds the reply as `Payload`.
    Invoke,
    /// `lambda:invoke.waitForTaskToken`: the output is what the token's holder sends.
    InvokeWithToken,
}

/// The function that a Task calls, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    kind: ResourceKind,
    function: String,
}

impl Resource {
    pub(crate) fn new(kind: ResourceKind, function: String) -> Self {
        Self { kind, function }
    }

    /// How it is called.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The function as the definition names it: an ARN, or for the integrations also a plain name.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The function's plain name, without ARN and qualifier.
    pub fn function_name(&self) -> &str {
        self.name_and_qualifier().0
    }

    /// The version or alias that the definition names.
    pub fn qualifier(&self) -> Option<&str> {
        self.name_and_qualifier().1
    }

    /// The `ExecutedVersion` of an answer: a pinned version, else `$LATEST`, as an alias cannot be looked up
    /// here.
    pub(crate) fn executed_version(&self) -> &str {
        self.qualifier()
            .filter(|qualifier| qualifier.bytes().all(|byte| byte.is_ascii_digit()))
            .unwrap_or("$LATEST")
    }

    fn name_and_qualifier(&self) -> (&str, Option<&str>) {
        let name = self.function.split_once(":function:").map_or(self.function.as_str(), |(_, name)| name);
        name.split_once(':').map_or((name, None), |(name, qualifier)| (name, Some(qualifier)))
    }
}

/// What the text of a `Resource` field is; none when it is outside the subset.
pub(crate) fn kind_of(text: &str) -> Option<ResourceKind> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "states", "", "", "lambda", "invoke"] if known(partition) => {
            Some(ResourceKind::Invoke)
        }
        ["arn", partition, "states", "", "", "lambda", "invoke.waitForTaskToken"] if known(partition) => {
            Some(ResourceKind::InvokeWithToken)
        }
        ["arn", partition, "lambda", region, account, "function", name @ ..]
            if known(partition)
                && !region.is_empty()
                && !account.is_empty()
                && matches!(name.len(), 1 | 2)
                && name.iter().all(|part| !part.is_empty()) =>
        {
            Some(ResourceKind::Function)
        }
        _ => None,
    }
}

fn known(partition: &str) -> bool {
    matches!(partition, "aws" | "aws-cn" | "aws-us-gov")
}
