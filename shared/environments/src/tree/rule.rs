//! What a setting of a section may be: one source for the reader and for the JSON Schema.

use std::fmt::Display;
use std::sync::OnceLock;

use regex_lite::Regex;
use schemars::Schema;
use schemars::transform::Transform;
use serde_json::{Value as Json, json};

use super::node::Value;

/// What a setting may be.
pub(crate) trait Rule {
    /// What is read.
    type Of;

    /// What may be written, as messages say it.
    fn what(&self) -> String;

    /// The value, if it may be written.
    fn read(&self, value: &Value) -> Option<Self::Of>;
}

impl<R: Rule> Rule for &R {
    type Of = R::Of;

    fn what(&self) -> String {
        (*self).what()
    }

    fn read(&self, value: &Value) -> Option<R::Of> {
        (*self).read(value)
    }
}

/// A whole number of a range.
pub(crate) struct Whole<T> {
    pub(crate) unit: &'static str,
    pub(crate) least: T,
    pub(crate) most: T,
}

impl<T: Display + PartialOrd + TryFrom<i128>> Rule for Whole<T> {
    type Of = T;

    fn what(&self) -> String {
        format!("a whole number of {} from {} to {}, without quotes", self.unit, self.least, self.most)
    }

    fn read(&self, value: &Value) -> Option<T> {
        let number = match value {
            Value::Integer(number) => *number,
            // JSON Schema and YAML 1.2 count 20.0 as whole.
            Value::Float(number) if number.fract() == 0.0 => format!("{number:.0}").parse().ok()?,
            Value::Loose(text) => text.parse().ok()?,
            _ => return None,
        };
        T::try_from(number).ok().filter(|number| self.least <= *number && *number <= self.most)
    }
}

impl<T: Copy + Into<Json>> Transform for &Whole<T> {
    fn transform(&mut self, schema: &mut Schema) {
        schema.remove("format");
        schema.insert("minimum".to_owned(), self.least.into());
        schema.insert("maximum".to_owned(), self.most.into());
    }
}

/// True or false.
#[derive(Clone, Copy)]
pub(crate) struct Flag;

impl Rule for Flag {
    type Of = bool;

    fn what(&self) -> String {
        "true or false, without quotes".to_owned()
    }

    fn read(&self, value: &Value) -> Option<bool> {
        match value {
            Value::Bool(flag) => Some(*flag),
            Value::Loose(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// One of a few texts.
pub(crate) struct OneOf(pub(crate) &'static [&'static str]);

impl Rule for OneOf {
    type Of = String;

    fn what(&self) -> String {
        format!("one of {}", self.0.join(", "))
    }

    fn read(&self, value: &Value) -> Option<String> {
        text(value).filter(|text| self.0.contains(text)).map(str::to_owned)
    }
}

impl Transform for &OneOf {
    fn transform(&mut self, schema: &mut Schema) {
        schema.insert("enum".to_owned(), json!(self.0));
    }
}

/// A text of a length, in characters, that a regular expression describes: one of ECMA 262 that [`Regex`] reads alike,
/// with both ends anchored and ASCII alone.
pub(crate) struct Text {
    what: &'static str,
    length: (usize, usize),
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Text {
    pub(crate) const fn new(what: &'static str, length: (usize, usize), pattern: &'static str) -> Self {
        Self { what, length, pattern, compiled: OnceLock::new() }
    }

    /// Whether a text is one; nothing is where the pattern is none, which a test rules out.
    pub(crate) fn is(&self, text: &str) -> bool {
        let (least, most) = self.length;
        let pattern = self.compiled.get_or_init(|| Regex::new(self.pattern).ok());
        (least..=most).contains(&text.chars().count())
            && pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }

    /// The same as a JSON Schema.
    pub(crate) fn schema(&self) -> Json {
        json!({ "minLength": self.length.0, "maxLength": self.length.1, "pattern": self.pattern })
    }
}

impl Rule for Text {
    type Of = String;

    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn read(&self, value: &Value) -> Option<String> {
        text(value).filter(|text| self.is(text)).map(str::to_owned)
    }
}

impl Transform for &Text {
    fn transform(&mut self, schema: &mut Schema) {
        if let Json::Object(rules) = self.schema() {
            schema.ensure_object().extend(rules);
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Loose(text) => Some(text),
        _ => None,
    }
}

pub(crate) static NAME: Text =
    Text::new("letters, digits and hyphens, like ace-flow-dev", (1, 63), NAME_PATTERN);
pub(crate) static STAGE: Text = Text::new("a short name, like dev, staging or prod", (1, 63), NAME_PATTERN);
pub(crate) static IDENTIFIER: Text =
    Text::new("the identifier of the database instance: letters, digits and hyphens", (1, 63), NAME_PATTERN);
const NAME_PATTERN: &str = "^[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?$";
pub(crate) static REGION: Text =
    Text::new("an AWS region, like us-east-1", (6, 63), "^[a-z]+(-[a-z]+)+-[0-9]$");
pub(crate) static ACCOUNT: Text =
    Text::new("the twelve digits of the AWS account, in quotes", (12, 12), "^[0-9]{12}$");
/// Every family of instances has a digit in its name.
pub(crate) static CLASS: Text = Text::new(
    "an instance class, like t3.micro or r5.large",
    (4, 63),
    r"^(db\.)?[a-z0-9-]*[0-9][a-z0-9-]*\.[a-z0-9-]+$",
);
pub(crate) static RUNTIME: Text = Text::new(
    "a Lambda runtime, like nodejs22.x, python3.13 or provided.al2023",
    (1, 63),
    r"^[a-z][a-z0-9.]*$",
);
pub(crate) static BUCKET: Text = Text::new(
    "an S3 bucket name: 3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit at both ends",
    (3, 63),
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9]|[a-z0-9-]*\.([a-z0-9-]+\.)*([a-z0-9-]*[a-z0-9]))?$",
);
pub(crate) static TABLE: Text = Text::new(
    "a DynamoDB table name: 3 to 255 letters, digits, '_', '-' and '.'",
    (3, 255),
    r"^[A-Za-z0-9_.-]+$",
);
/// A flag's name becomes the end of a parameter's name.
pub(crate) static FLAG_NAME: Text =
    Text::new("lower-case letters, digits and _, like new_checkout", (1, 128), "^[a-z][a-z0-9_]*$");
/// RDS: 20 GiB is the least of general purpose storage, 64 TiB the most.
pub(crate) static GIBIBYTES: Whole<u32> = Whole { unit: "GiB", least: 20, most: 65_536 };
/// RDS: `BackupRetentionPeriod`.
pub(crate) static RETENTION: Whole<u8> = Whole { unit: "days", least: 0, most: 35 };
/// Lambda: `MemorySize`.
pub(crate) static MEMORY: Whole<u32> = Whole { unit: "MiB", least: 128, most: 10_240 };
/// Lambda: `Timeout`.
pub(crate) static TIMEOUT: Whole<u32> = Whole { unit: "seconds", least: 1, most: 900 };
pub(crate) static CONCURRENCY: Whole<u32> = Whole { unit: "execution environments", least: 1, most: 100_000 };
/// From a minute to the twelve hours that an IAM session can last.
pub(crate) static SESSION: Whole<u32> = Whole { unit: "seconds", least: 60, most: 43_200 };
/// The most is that of a rate-based rule of AWS WAF.
pub(crate) static RATE: Whole<u32> = Whole { unit: "requests", least: 1, most: 2_000_000_000 };
pub(crate) static LEVEL: OneOf = OneOf(&["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]);
pub(crate) static ENCRYPTION: OneOf = OneOf(&["AES256", "aws:kms", "aws:kms:dsse"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart() {
        let long = "a".repeat(64);
        let cases: [(&Text, &[&str], &[&str]); 9] = [
            (
                &NAME,
                &["a", "ace-flow-dev", "A1", &long[..63]],
                &["", "1a", "-a", "a-", "a b", "a_b", "é", &long],
            ),
            (
                &REGION,
                &["us-east-1", "us-gov-west-1"],
                &["us-1", "us-east", "us-east-10", "us--east-1", "US-east-1"],
            ),
            (&ACCOUNT, &["123456789012"], &["12345678901", "1234567890123", "12345678901a"]),
            (
                &CLASS,
                &["t3.micro", "db.r5.large", "m6gd.2xlarge"],
                &["large", "db.t3", ".micro", "t3.", "t3.a.b", "T3.micro"],
            ),
            (&RUNTIME, &["nodejs18.x", "provided"], &["", "Node 18", "18.x"]),
            (
                &BUCKET,
                &["abc", "a.b.c", "a--b", "ace-flow-dev-storage", "1a1", "a-.-b"],
                &["ab", "a..b", "-ab", "ab-", ".ab", "ab.", "Abc", "a_b", &long],
            ),
            (&TABLE, &["abc", "A_b.c-d"], &["ab", "a b"]),
            (&FLAG_NAME, &["a", "new_checkout2"], &["", "A", "1a", "_a", "a-b"]),
            (&STAGE, &["dev"], &["dev\n", "dev "]),
        ];
        for (rule, good, bad) in cases {
            assert!(good.iter().all(|text| rule.is(text)), "{}: {good:?}", rule.what());
            assert!(!bad.iter().any(|text| rule.is(text)), "{}: {bad:?}", rule.what());
        }
        assert!(IDENTIFIER.is("orders-1") && !IDENTIFIER.is("orders_1"));
    }

    #[test]
    fn a_whole_number_may_have_a_point_but_no_part() {
        assert_eq!(GIBIBYTES.read(&Value::Float(20.0)), Some(20));
        for wrong in [20.5, 19.0, 1e300, f64::NAN, f64::INFINITY, -20.0] {
            assert_eq!(GIBIBYTES.read(&Value::Float(wrong)), None, "{wrong}");
        }
        assert_eq!(RETENTION.read(&Value::Loose("35".to_owned())), Some(35));
        assert_eq!(RETENTION.read(&Value::Loose("256".to_owned())), None);
    }
}
