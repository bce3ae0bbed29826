use std::fmt;

use alerting::{ChannelName, GroupId, RuleName, SilenceId, Subject};
use cost::{Arn, OverrideId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rollout::{EnvironmentName, ExecutionArn, RolloutId, ServiceName};
use sha2::{Digest, Sha256};

/// The index that lists an environment's rollouts by month.
pub const RECENT_INDEX: &str = "recent";
/// The index of rollouts that are not at rest, in two partitions: those that are active, and those that owe something.
pub const ACTIVE_INDEX: &str = "active";

/// The prefix of all records of a rollout.
pub(crate) const RECORDS: &str = "EVENT#";

/// The prefix of all published configurations of an environment.
pub(crate) const CONFIGURATIONS: &str = "CONFIG#";

/// The prefix of how a service's rollouts ended, in order of time.
pub(crate) const ENDED: &str = "ENDED#";

/// The prefix of all silences of an environment's alerts.
pub(crate) const SILENCES: &str = "SILENCE#";

/// The prefix of all resources that are stopped and started.
pub(crate) const RESOURCES: &str = "RESOURCE#";

/// The prefix of all overrides of an environment's schedule.
pub(crate) const OVERRIDES: &str = "OVERRIDE#";

/// An item's place in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(crate) fn target(environment: &EnvironmentName, service: &ServiceName) -> Self {
        Self::new(format!("SVC#{environment}#{service}"), "TARGET")
    }

    /// Beside the target: one query of the service's partition reads them all.
    pub(crate) fn ended(
        environment: &EnvironmentName,
        service: &ServiceName,
        at: Timestamp,
        id: &RolloutId,
    ) -> Self {
        Self::new(Self::target(environment, service).pk, format!("{ENDED}{}#{id}", sortable(at)))
    }

    pub(crate) fn rollout(id: &RolloutId) -> Self {
        Self::new(format!("RO#{id}"), "STATE")
    }

    /// Ten digits, so that the order of the texts is the order of the numbers.
    pub(crate) fn record(id: &RolloutId, number: u64) -> Self {
        Self::new(format!("RO#{id}"), format!("{RECORDS}{number:010}"))
    }

    /// Ten digits, as of a [record](Self::record).
    pub(crate) fn configuration(environment: &EnvironmentName, version: u64) -> Self {
        Self::new(format!("ENV#{environment}"), format!("{CONFIGURATIONS}{version:010}"))
    }

    pub(crate) fn months(environment: &EnvironmentName) -> Self {
        Self::new(format!("ENV#{environment}"), "MONTHS")
    }

    pub(crate) fn control(environment: &EnvironmentName) -> Self {
        Self::new(format!("ENV#{environment}"), "CONTROL")
    }

    pub(crate) fn budget(environment: &EnvironmentName) -> Self {
        Self::new(format!("ENV#{environment}"), "BUDGET")
    }

    pub(crate) fn watch(home: &EnvironmentName, subject: &Subject) -> Self {
        Self::new(format!("{}#WATCH#{subject}", alerts(home)), "STATE")
    }

    pub(crate) fn across(home: &EnvironmentName, rule: &RuleName) -> Self {
        Self::new(format!("{}#ACROSS#{rule}", alerts(home)), "STATE")
    }

    pub(crate) fn group(home: &EnvironmentName, id: &GroupId) -> Self {
        Self::new(format!("{}#GROUP#{id}", alerts(home)), "STATE")
    }

    pub(crate) fn silence(home: &EnvironmentName, id: &SilenceId) -> Self {
        Self::new(alerts(home), format!("{SILENCES}{id}"))
    }

    pub(crate) fn circuit(home: &EnvironmentName, channel: &ChannelName) -> Self {
        Self::new(alerts(home), format!("CIRCUIT#{channel}"))
    }

    pub(crate) fn resource(home: &EnvironmentName, arn: &Arn) -> Self {
        let digit = hashed(arn.as_str()).chars().next().unwrap_or_default();
        Self::new(format!("{}#{digit}", costs(home)), format!("{RESOURCES}{arn}"))
    }

    pub(crate) fn kept(home: &EnvironmentName, id: &OverrideId) -> Self {
        Self::new(costs(home), format!("{OVERRIDES}{id}"))
    }

    /// An ARN can be longer than is good for a key, and is looked up whole.
    pub(crate) fn execution(execution: &ExecutionArn) -> Self {
        Self::new(format!("EXEC#{}", hashed(execution.as_str())), "ROLLOUT")
    }
}

/// The SHA-256 of a text, in hexadecimal digits.
fn hashed(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The month of an instant, in UTC.
pub(crate) fn month(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string()
}

/// The partition of the recent index that holds a month of an environment.
pub(crate) fn recent(environment: &EnvironmentName, month: &str) -> String {
    format!("RECENT#{environment}#{month}")
}

/// The partition of the active index that holds an environment's active rollouts.
pub(crate) fn active(environment: &EnvironmentName) -> String {
    format!("ACTIVE#{environment}")
}

/// The partition of the active index that holds what an environment's promoted rollouts owe.
pub(crate) fn owing(environment: &EnvironmentName) -> String {
    format!("OWING#{environment}")
}

/// The partition of what alert-router of an environment's stack keeps, in the table and in the active index.
pub(crate) fn alerts(home: &EnvironmentName) -> String {
    format!("ALERTS#{home}")
}

/// The partition of what people want kept on or off, and the beginning of those of resources.
pub(crate) fn costs(home: &EnvironmentName) -> String {
    format!("COST#{home}")
}

/// The partitions of the resources that are stopped and started.
pub(crate) fn resources(home: &EnvironmentName) -> impl Iterator<Item = String> {
    (0..16).map(move |digit| format!("{}#{digit:x}", costs(home)))
}

/// A time as text that sorts in order of time, which Display with its optional fraction does not.
pub(crate) fn sortable(at: Timestamp) -> String {
    format!("{at:.9}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_documented() {
        let (environment, service) = ("staging".parse().unwrap(), "shop".parse().unwrap());
        let id = "r-1".parse().unwrap();
        assert_eq!(Key::target(&environment, &service).to_string(), "SVC#staging#shop/TARGET");
        assert_eq!(Key::rollout(&id).to_string(), "RO#r-1/STATE");
        assert_eq!(Key::record(&id, 7).to_string(), "RO#r-1/EVENT#0000000007");
        assert_eq!(Key::configuration(&environment, 12).to_string(), "ENV#staging/CONFIG#0000000012");
        assert_eq!(Key::control(&environment).to_string(), "ENV#staging/CONTROL");
        assert_eq!(Key::budget(&environment).to_string(), "ENV#staging/BUDGET");
        let whole = Subject::environment("production".parse().unwrap());
        let part = Subject::service("production".parse().unwrap(), "shop".parse().unwrap());
        assert_eq!(Key::watch(&environment, &whole).to_string(), "ALERTS#staging#WATCH#production/STATE");
        assert_eq!(Key::watch(&environment, &part).to_string(), "ALERTS#staging#WATCH#production/shop/STATE");
        let rule = "p99 > 2 s".parse().unwrap();
        assert_eq!(Key::across(&environment, &rule).to_string(), "ALERTS#staging#ACROSS#p99 > 2 s/STATE");
        let group = GroupId::from_text("g1");
        assert_eq!(Key::group(&environment, &group).to_string(), "ALERTS#staging#GROUP#g1/STATE");
        let silence = "s-1".parse().unwrap();
        assert_eq!(Key::silence(&environment, &silence).to_string(), "ALERTS#staging/SILENCE#s-1");
        let channel = "chat".parse().unwrap();
        assert_eq!(Key::circuit(&environment, &channel).to_string(), "ALERTS#staging/CIRCUIT#chat");
        // The same digest as below.
        let resource = Key::resource(&environment, &Arn("abc".to_owned()));
        assert_eq!(resource.to_string(), "COST#staging#b/RESOURCE#abc");
        assert_eq!(resources(&environment).filter(|pk| *pk == resource.pk).count(), 1);
        assert_eq!(resources(&environment).last().unwrap(), "COST#staging#f");
        let kept = OverrideId::from_text("0123456789ab");
        assert_eq!(Key::kept(&environment, &kept).to_string(), "COST#staging/OVERRIDE#0123456789ab");
        let execution = Key::execution(&"abc".parse().unwrap()).to_string();
        // The test vector of FIPS 180-4 for "abc".
        assert_eq!(
            execution,
            "EXEC#ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/ROLLOUT"
        );
    }

    #[test]
    fn texts_of_times_and_numbers_sort_in_their_order() {
        let times = [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.5Z",
            "2026-01-02T03:04:06Z",
            "2026-11-01T00:00:00Z",
        ];
        let texts: Vec<_> = times.iter().map(|time| sortable(time.parse().unwrap())).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        let id = "r".parse().unwrap();
        assert!(Key::record(&id, 9).sk < Key::record(&id, 10).sk);
        assert_eq!(month("2026-01-31T23:59:59.9Z".parse().unwrap()), "2026-01");
    }
}
