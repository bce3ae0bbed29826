//! How the CloudWatch alarms are called that `ace alerts apply` makes.

use rollout::EnvironmentName;

use crate::names::RuleName;

/// What all their names begin with.
pub const PREFIX: &str = "ace-flow/";

/// An alarm that was made for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// The environment whose configuration has the rule.
    pub home: EnvironmentName,
    /// The environment that it watches.
    pub environment: EnvironmentName,
    /// The rule.
    pub rule: RuleName,
    /// Whether it is only a part of the rule's condition, for the composite alarm of the rule.
    pub is_part: bool,
}

/// The name of the alarm of a rule: `ace-flow/<home>/<environment>/<rule>`.
pub fn name(home: &EnvironmentName, environment: &EnvironmentName, rule: &RuleName) -> String {
    format!("{PREFIX}{home}/{environment}/{rule}")
}

/// The name of a part of it, counted from 1.
pub fn part(home: &EnvironmentName, environment: &EnvironmentName, rule: &RuleName, number: usize) -> String {
    format!("{} #{number}", name(home, environment, rule))
}

/// What an alarm's name says, if it is one of these.
pub fn read(name: &str) -> Option<Managed> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '/');
    let (home, environment, rule) = (parts.next()?, parts.next()?, parts.next()?);
    let part = rule
        .rsplit_once(" #")
        .filter(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    Some(Managed {
        home: home.parse().ok()?,
        environment: environment.parse().ok()?,
        rule: part.map_or(rule, |(rule, _)| rule).parse().ok()?,
        is_part: part.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_was_made_from() {
        let (home, environment) = ("production".parse().unwrap(), "staging".parse().unwrap());
        for rule in ["Production Down", "a/b", "p99 > 2s"] {
            let rule: RuleName = rule.parse().unwrap();
            let whole = read(&name(&home, &environment, &rule)).unwrap();
            assert_eq!(
                whole,
                Managed {
                    home: home.clone(),
                    environment: environment.clone(),
                    rule: rule.clone(),
                    is_part: false
                }
            );
            assert_eq!(
                read(&part(&home, &environment, &rule, 12)).unwrap(),
                Managed { is_part: true, ..whole }
            );
        }
        for other in ["checkout 5xx", "ace-flow/production", "ace-flow/production/staging/", "ace-flow/ /x/y"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
