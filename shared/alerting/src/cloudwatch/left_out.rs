//! What of a rule no alarm watches, and why.

use std::fmt;

/// A part of a condition that CloudWatch cannot watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The part, as a condition has it.
    pub part: String,
    /// Its field.
    pub field: String,
    /// Why.
    pub why: Gap,
}

/// Why CloudWatch cannot watch a part of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It is heard of as an event: there is no metric of it.
    Event,
    /// Nothing says where CloudWatch has it.
    NoSource,
    /// CloudWatch has no such comparison.
    Equality,
    /// CloudWatch has it of services, and the rest of the condition is of the environment as a whole.
    OfServices,
    /// CloudWatch has it of services, and none is known there.
    NoServices,
    /// CloudWatch has it of the environment as a whole, and the rest of the condition is of services.
    OfEnvironment,
    /// Its metric is one and the same for every environment: it is taken for the home's own.
    OfHome,
}

impl Gap {
    /// Whether it is a matter of what the condition is held against.
    pub(super) const fn is_of_subject(self) -> bool {
        matches!(self, Self::OfServices | Self::NoServices | Self::OfEnvironment)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, field, why } = self;
        write!(f, "`{part}`: ")?;
        match why {
            Gap::Event => write!(f, "{field} is heard of as an event, CloudWatch has no metric of it"),
            Gap::NoSource => write!(f, "nothing says where CloudWatch has {field}: add it to alerts.metrics"),
            Gap::Equality => f.write_str("CloudWatch has no = and no !=: write it with >, >=, < or <="),
            Gap::OfServices => {
                write!(f, "CloudWatch has {field} of services, not of the environment as a whole")
            }
            Gap::NoServices => write!(
                f,
                "CloudWatch has {field} of services, and no service of the environment is known here: add it to services in its \
                 configuration"
            ),
            Gap::OfEnvironment => write!(
                f,
                "CloudWatch has {field} of the environment as a whole, not of services: give alerts.metrics.{field} a \
                 dimension with {{service}}"
            ),
            Gap::OfHome => write!(
                f,
                "{field} is the same metric in every environment: give alerts.metrics.{field} a dimension with \
                 {{environment}}"
            ),
        }
    }
}

/// Why a rule has no alarm in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is about other environments.
    Elsewhere,
    /// It is about services, and none that fits is known there.
    NoService,
    /// It can never hold.
    Never,
    /// It holds whatever CloudWatch measures.
    Always,
    /// It counts everything that is known, without a condition that an alarm could watch.
    CountsEverything,
    /// An alarm without these parts would ring where the condition does not hold.
    LeftOut(Vec<LeftOut>),
    /// Its name reads like that of a part of another rule's alarm.
    NamedLikeAPart,
    /// Its name has a character that the rule of a composite alarm cannot quote.
    NotQuotable(char),
    /// The composite alarm would be larger than CloudWatch allows.
    TooLarge {
        /// So many alarms would be in its rule; 100 are allowed.
        children: usize,
        /// So many elements; 500 are allowed.
        elements: usize,
        /// So many characters; 10,240 are allowed.
        characters: usize,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => f.write_str("it is about other environments"),
            Self::NoService => f.write_str("none of the services that it is about is known there"),
            Self::Never => f.write_str("it can never hold"),
            Self::Always => f.write_str("it holds whatever CloudWatch measures: there is nothing to watch"),
            Self::CountsEverything => {
                f.write_str("it counts whatever is known, and says nothing that an alarm could watch")
            }
            Self::LeftOut(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if place > 0 { "; " } else { "" })?;
                }
                Ok(())
            }
            Self::NamedLikeAPart => {
                f.write_str("its name ends like that of a part of an alarm: leave the # out of it")
            }
            Self::NotQuotable(c) => {
                write!(
                    f,
                    "its name has {c:?}, which a composite alarm's rule cannot have in a name: leave it out"
                )
            }
            Self::TooLarge { children, elements, characters } => write!(
                f,
                "its composite alarm would have {children} alarms, {elements} elements and {characters} characters, where \
                 CloudWatch allows 100, 500 and 10240: write it as several rules"
            ),
        }
    }
}
