//! Typed settings from environment variables. All that is wrong is told at once.
//!
//! ```
//! # use lambda_host::settings::{Settings, all};
//! let environment = |name: &str| (name == "ACE_TABLE").then(|| "ace-flow".to_owned());
//! let settings = Settings::new(&environment);
//! let (table, topic) = all((
//!     settings.required::<String>("ACE_TABLE"),
//!     settings.optional::<String>("ACE_OUTCOME_TOPIC"),
//! ))?;
//! assert_eq!((table.as_str(), topic), ("ace-flow", None));
//! # Ok::<(), lambda_host::settings::SettingsError>(())
//! ```

use std::fmt;
use std::str::FromStr;

/// Reads settings through a look-up, so that tests need no process environment.
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets, so that nothing is shown.
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// What is wrong with one setting. It never holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// `None` when it is not set; otherwise why its value was refused.
    pub refused: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.refused {
            None => write!(f, "{} is not set", self.variable),
            Some(why) => write!(f, "{} is refused: {why}", self.variable),
        }
    }
}

/// All settings that are missing or refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}; correct the function's environment variables (Environment.Variables in infra/template.yaml)",
    .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

impl SettingsError {
    /// The problems, in the order in which the settings were asked for.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl<'a> Settings<'a> {
    /// Settings that are looked up by variable name. An empty value is no value: a template cannot leave one out.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// A setting that has to be there.
    pub fn required<T: FromStr<Err: fmt::Display>>(&self, variable: &'static str) -> Result<T, Problem> {
        self.optional(variable)?.ok_or(Problem { variable, refused: None })
    }

    /// A setting that may be absent, and must be well-formed if it is there.
    pub fn optional<T: FromStr<Err: fmt::Display>>(
        &self,
        variable: &'static str,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = (self.lookup)(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(why) => Err(Problem { variable, refused: Some(why.to_string()) }),
        }
    }

    /// A setting with a default for when it is absent.
    pub fn or<T: FromStr<Err: fmt::Display>>(
        &self,
        variable: &'static str,
        default: T,
    ) -> Result<T, Problem> {
        Ok(self.optional(variable)?.unwrap_or(default))
    }
}

/// The process environment as a look-up for [`Settings::new`]. A value that is not Unicode counts as absent.
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A group of settings that were read one by one.
pub trait Together {
    /// Their values.
    type Values;

    /// All values, or all problems.
    fn together(self) -> Result<Self::Values, SettingsError>;
}

/// All values of a tuple of settings (one to ten), or all their problems.
pub fn all<T: Together>(settings: T) -> Result<T::Values, SettingsError> {
    settings.together()
}

macro_rules! together {
    ($($kind:ident $value:ident),+) => {
        impl<$($kind),+> Together for ($(Result<$kind, Problem>,)+) {
            type Values = ($($kind,)+);

            fn together(self) -> Result<Self::Values, SettingsError> {
                let ($($value,)+) = self;
                let mut problems = Vec::new();
                $(let $value = $value.map_err(|problem| problems.push(problem));)+
                match ($($value,)+) {
                    ($(Ok($value),)+) => Ok(($($value,)+)),
                    _ => Err(SettingsError { problems }),
                }
            }
        }
    };
}

together!(A a);
together!(A a, B b);
together!(A a, B b, C c);
together!(A a, B b, C c, D d);
together!(A a, B b, C c, D d, E e);
together!(A a, B b, C c, D d, E e, F f);
together!(A a, B b, C c, D d, E e, F f, G g);
together!(A a, B b, C c, D d, E e, F f, G g, H h);
together!(A a, B b, C c, D d, E e, F f, G g, H h, I i);
together!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j);

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "TABLE" => Some("ace".to_owned()),
            "DELAY" => Some("soon".to_owned()),
            "EMPTY" => Some(String::new()),
            "SECRET" => Some("hush".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn values_come_typed() {
        let settings = Settings::new(&lookup);
        let values = all((
            settings.required::<String>("TABLE"),
            settings.optional::<u32>("EMPTY"),
            settings.or::<u32>("ABSENT", 7),
        ));
        assert_eq!(values, Ok(("ace".to_owned(), None, 7)));
    }

    #[test]
    fn every_problem_is_told_in_order_without_the_value() {
        let settings = Settings::new(&lookup);
        let error = all((
            settings.required::<u32>("DELAY"),
            settings.required::<String>("EMPTY"),
            settings.required::<String>("TABLE"),
            settings.or::<u32>("SECRET", 1),
            settings.required::<String>("ABSENT"),
        ))
        .unwrap_err();
        let variables: Vec<_> = error.problems().iter().map(|problem| problem.variable).collect();
        assert_eq!(variables, ["DELAY", "EMPTY", "SECRET", "ABSENT"]);
        assert_eq!(
            error.to_string(),
            "DELAY is refused: invalid digit found in string; EMPTY is not set; SECRET is refused: invalid digit found in \
             string; ABSENT is not set; correct the function's environment variables (Environment.Variables in \
             infra/template.yaml)"
        );
    }
}
