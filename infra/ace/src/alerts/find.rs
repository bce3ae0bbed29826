//! Which group, which silence, which subject is meant.

use alerting::{Alert, AlertKey, AlertState, Group, GroupId, Policy, Severity, Subject};
use environments::Environment;
use jiff::Timestamp;
use rollout::EnvironmentName;

use super::DeskError;
use crate::backend::{Backend, BackendResult, Glance, GroupSight, Sighted};
use crate::error::AceError;

/// The configuration as it is published, and who is told of what by it.
pub(super) struct Known {
    pub(super) configuration: Environment,
    pub(super) policy: Policy,
}

/// What is published.
pub(super) async fn known(backend: &dyn Backend, environment: &EnvironmentName) -> Result<Known, AceError> {
    let published = backend.configuration().await?;
    let missing = || DeskError::NotPublished { environment: environment.clone() };
    let configuration = published.ok_or_else(missing)?.configuration;
    Ok(Known { policy: configuration.alerts(environment), configuration })
}

impl Known {
    /// Everything that the configuration tells alerts can be about: the environments that are routed here, and this one's
    /// services.
    pub(super) fn subjects(&self, environment: &EnvironmentName) -> Vec<Subject> {
        let environments = self.policy.environments.iter().cloned().map(Subject::environment);
        let services = self.configuration.services().keys().cloned();
        let services = services.map(|service| Subject::service(environment.clone(), service));
        environments.chain(services).collect()
    }

    /// The groups of whatever these rules can say of these subjects: those that have closed are found by it.
    fn groups(&self, subjects: &[Subject]) -> Vec<GroupId> {
        let of = |rule: &alerting::Rule, subject: Option<Subject>| {
            let (since, decided) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            let key = AlertKey { rule: rule.name.clone(), subject };
            let (severity, state) = (rule.severity, AlertState::Firing { since });
            let alert =
                Alert { key, severity, state, decided, because: String::new(), flapping: false, link: None };
            Group::id_of(&alert, &self.policy)
        };
        let mut groups = Vec::new();
        for rule in &self.policy.rules {
            if rule.condition.is_across() {
                groups.push(of(rule, None));
            } else {
                groups.extend(subjects.iter().map(|subject| of(rule, Some(subject.clone()))));
            }
        }
        groups.sort();
        groups.dedup();
        groups
    }
}

/// The groups that are open, and if they are asked for those that have closed and are remembered, as far as the
/// configuration tells their names; the worst first.
pub(super) async fn groups(
    backend: &dyn Backend,
    environment: &EnvironmentName,
    all: bool,
) -> Result<Sighted, AceError> {
    let mut glance = Glance::default();
    if all {
        let known = known(backend, environment).await?;
        glance.groups = known.groups(&known.subjects(environment));
    }
    Ok(sorted(backend.alerts(&glance).await)?)
}

fn sorted(sighted: BackendResult<Sighted>) -> BackendResult<Sighted> {
    let mut sighted = sighted?;
    let order = |sight: &GroupSight| {
        let severity: Option<Severity> = sight.group.severity();
        let since = sight.group.alerts().map(Alert::since).min();
        (std::cmp::Reverse(severity), since, sight.group.id.clone())
    };
    sighted.groups.sort_by_key(order);
    Ok(sighted)
}

/// The one whose id begins so.
pub(super) fn one<'a, T>(
    all: impl IntoIterator<Item = &'a T>,
    begin: &str,
    id: impl Fn(&'a T) -> &'a str,
    told: impl Fn(&'a T) -> String,
    missing: impl FnOnce() -> DeskError,
) -> Result<&'a T, DeskError> {
    let found: Vec<&T> = all.into_iter().filter(|one| id(one).starts_with(begin)).collect();
    // A whole id is what it says, whatever else begins with it.
    let exact = found.iter().find(|one| id(one) == begin);
    match (exact, found.as_slice()) {
        (Some(only), _) | (None, [only]) if !begin.is_empty() => Ok(only),
        (_, [] | [_]) => Err(missing()),
        (_, several) => {
            let list = several.iter().fold(String::new(), |list, one| list + "\n  " + &told(one));
            Err(DeskError::Several { id: begin.to_owned(), list })
        }
    }
}

/// The group that is meant.
pub(super) fn group<'a>(
    sighted: &'a Sighted,
    begin: &str,
    environment: &EnvironmentName,
) -> Result<&'a GroupSight, DeskError> {
    let missing = || DeskError::NoGroup { id: begin.to_owned(), environment: environment.clone() };
    let id = |sight: &'a GroupSight| sight.group.id.as_str();
    let told = |sight: &'a GroupSight| format!("{}  {}", sight.group.id, sight.group.title());
    one(&sighted.groups, begin, id, told, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digits_name_what_nothing_else_begins_with() {
        let ids = ["27b3", "27b4", "27b4f"].map(str::to_owned);
        let missing = || DeskError::NoGroup { id: String::new(), environment: "local".parse().unwrap() };
        let found = |begin| {
            one(&ids, begin, |id| id, Clone::clone, missing).cloned().map_err(|error| error.to_string())
        };
        assert_eq!(found("27b3"), Ok("27b3".to_owned()));
        assert_eq!(found("27b4"), Ok("27b4".to_owned()), "a whole id is what it says");
        assert_eq!(found("27b4f"), Ok("27b4f".to_owned()));
        for (begin, why) in
            [("27b", "several begin with 27b:\n  27b3\n  27b4"), ("3", "no group"), ("", "several")]
        {
            let error = found(begin).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let only = ["27b3".to_owned()];
        assert!(one(&only, "", |id| id, Clone::clone, missing).is_err(), "nothing is no id");
    }
}
