//! `ace validate`: every mistake in the configuration of the environments, before anything is deployed.

use environments::tree::{Accepted, Chosen, Refused, Strictness};

use crate::Ending;
use crate::arguments::{Format, Validate};
use crate::error::AceError;
use crate::{checked, folders, mistakes};

pub(crate) fn validate(arguments: &Validate) -> Result<Ending, AceError> {
    let strictness = if arguments.strict { Strictness::Strict } else { Strictness::Lenient };
    let (names, mistakes) = if let Some(asked) = &arguments.environment {
        let (asked, others) = folders::one(&arguments.tree, asked.as_str())?;
        let mistakes = match checked::among(&asked, &others, strictness) {
            Ok(Chosen { warnings, .. }) => warnings,
            Err(Refused { mistakes }) => mistakes,
        };
        (asked.name, mistakes)
    } else {
        let tree = folders::all(&arguments.tree)?;
        let mistakes = match checked::all(&tree, strictness) {
            Ok(Accepted { warnings, .. }) => warnings,
            Err(Refused { mistakes }) => mistakes,
        };
        let names: Vec<&str> = tree.iter().map(|sources| sources.name.as_str()).collect();
        (names.join(", "), mistakes)
    };
    mistakes::print(&mistakes, arguments.format);
    let errors = mistakes::errors(&mistakes);
    if errors > 0 {
        return Err(AceError::Invalid { errors });
    }
    if arguments.format == Format::Human {
        println!("valid: {names}; warnings: {}", mistakes.len());
    }
    Ok(Ending::Good)
}
