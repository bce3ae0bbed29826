use crate::severity::{Deployment, Health, Severity};

use super::lexer::quoted_if_needed;
use super::word::known;

/// What a field holds, and what it can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, compared with `:` alone, `*` standing for any characters.
    Text,
    /// A [`Health`](crate::Health), which has an order.
    Status,
    /// A [`Deployment`](crate::Deployment).
    Deployment,
    /// A [`Severity`](crate::Severity), which has an order.
    Severity,
    /// A span of time, in milliseconds.
    Duration,
    /// A share, in percent.
    Percent,
    /// A number without a unit.
    Count,
}

impl Kind {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Text,
        Self::Status,
        Self::Deployment,
        Self::Severity,
        Self::Duration,
        Self::Percent,
        Self::Count,
    ];

    /// What people call it.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Status => "status",
            Self::Deployment => "state of a deployment",
            Self::Severity => "severity",
            Self::Duration => "duration",
            Self::Percent => "percentage",
            Self::Count => "count",
        }
    }

    /// What people call it, with its article.
    pub(super) const fn article(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Status => "a status",
            Self::Deployment => "a state of a deployment",
            Self::Severity => "a severity",
            Self::Duration => "a duration",
            Self::Percent => "a percentage",
            Self::Count => "a count",
        }
    }

    /// What is written as a value of it, to stand after "write".
    pub fn value(self) -> String {
        match self {
            Self::Text => "a name, in which `*` stands for any characters".to_owned(),
            Self::Status => format!("one of {}", known::<Health>().join(", ")),
            Self::Deployment => format!("one of {}", known::<Deployment>().join(", ")),
            Self::Severity => format!("one of {}", known::<Severity>().join(", ")),
            Self::Duration => "a number with ms, s, m, h or d, like `2s`".to_owned(),
            Self::Percent => "a number with %, like `5%`".to_owned(),
            Self::Count => {
                "a number, like `100`, with k for thousands and M for millions, like `10k`".to_owned()
            }
        }
    }

    /// The operators that it can be compared with.
    pub const fn operators(self) -> &'static str {
        match self {
            Self::Text => ":",
            Self::Status | Self::Severity => ": = != > >= < <=",
            Self::Deployment => ": = !=",
            Self::Duration | Self::Percent | Self::Count => "> >= < <= = !=",
        }
    }
}

/// Something that a condition can look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it is written.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// What it is, for people.
    pub about: String,
}

impl Field {
    /// Whether a condition can name it: a word that is no keyword.
    pub fn can_be_written(&self) -> bool {
        quoted_if_needed(&self.name) == self.name
    }

    /// A term with it, as an example.
    pub fn example(&self) -> String {
        let asked = match self.kind {
            Kind::Text => ":name",
            Kind::Status => ":unhealthy",
            Kind::Deployment => ":failed",
            Kind::Severity => ":high",
            Kind::Duration => " > 2s",
            Kind::Percent => " > 5%",
            Kind::Count => " >= 2",
        };
        format!("{}{asked}", self.name)
    }
}

/// The fields that a condition may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    fields: Vec<Field>,
    of: Of,
}

/// What the conditions are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Signals,
    Labels,
}

/// How many environments are affected: over all subjects, not of one.
pub(super) const AFFECTED: &str = "affected_environments";

/// The worst status of those that are counted.
pub(super) const WORST: &str = "worst_status";

const SIGNALS: &[(&str, Kind, &str)] = &[
    ("environment", Kind::Text, "the environment"),
    ("service", Kind::Text, "the service; an environment as a whole has none"),
    ("status", Kind::Status, "how the environment or the service is"),
    ("deployment", Kind::Deployment, "how its newest deployment goes"),
    ("version", Kind::Text, "the version that its newest deployment rolls out"),
    ("rollout", Kind::Text, "the id of its newest rollout"),
    ("alarm", Kind::Text, "an alarm that is in ALARM; any of them may match"),
    ("metric", Kind::Text, "the metric of an alarm that is in ALARM; any of them may match"),
    ("namespace", Kind::Text, "the namespace of such a metric; any of them may match"),
    ("response_time", Kind::Duration, "how long an answer takes"),
    ("error_rate", Kind::Percent, "the share of requests that fail"),
    ("cpu", Kind::Percent, "how much of the processors is in use"),
    ("memory", Kind::Percent, "how much of the memory is in use"),
    ("requests", Kind::Count, "requests per minute"),
    (AFFECTED, Kind::Count, "in how many environments the rest of the condition holds of anything"),
    (WORST, Kind::Status, "the worst status among all of which the rest of the condition holds"),
];

const LABELS: &[(&str, Kind, &str)] = &[
    ("environment", Kind::Text, "the environment of the alert"),
    ("service", Kind::Text, "its service; an environment as a whole has none"),
    ("rule", Kind::Text, "the name of its rule"),
    ("severity", Kind::Severity, "how much it matters"),
];

fn fields(table: &[(&str, Kind, &str)]) -> Vec<Field> {
    let field = |(name, kind, about): &(&str, Kind, &str)| Field {
        name: (*name).to_owned(),
        kind: *kind,
        about: (*about).to_owned(),
    };
    table.iter().map(field).collect()
}

impl Vocabulary {
    /// What rules look at: the built-in fields and these further metrics. Of two fields with one name the first counts,
    /// and built-in ones come first.
    pub fn signals(metrics: &[Field]) -> Self {
        let mut fields = fields(SIGNALS);
        for metric in metrics {
            if fields.iter().all(|field| field.name != metric.name) {
                fields.push(metric.clone());
            }
        }
        Self { fields, of: Of::Signals }
    }

    /// What silences, mutes and inhibitions look at: environment, service, rule, severity. They count at once, so that
    /// such a condition has no `for` and no `clear after`.
    pub fn labels() -> Self {
        Self { fields: fields(LABELS), of: Of::Labels }
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| field.name.as_str()).collect()
    }

    /// Whether its conditions can be asked to hold for a while.
    pub(super) const fn has_time(&self) -> bool {
        matches!(self.of, Of::Signals)
    }

    /// A condition over these fields, for errors.
    pub(super) const fn example(&self) -> &'static str {
        match self.of {
            Of::Signals => "environment:production AND status:unhealthy",
            Of::Labels => "environment:staging AND severity:low",
        }
    }
}
