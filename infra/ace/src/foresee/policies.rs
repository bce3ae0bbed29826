//! Policies, and peers' rules, from files.

use std::path::Path;

use analysis::Policy;
use analysis::peers::Peer;
use foresight::{Rule, RuleKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::AceError;
use crate::inputs;

/// What a peer's rule is called in a file.
const PEERS: [&str; 4] = ["alarm", "argo", "flagger", "kayenta"];

/// Reads a policy, as under `judge` in the configuration, or the rule of a peer, such as `alarm: { threshold: 1 }`. YAML
/// or JSON. Its name is the file's.
pub(crate) fn read(path: &Path) -> Result<Rule, AceError> {
    let text =
        inputs::text(path, "name a file with a policy, as it stands under `judge` in the configuration")?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let kind =
        parse(&text).map_err(|reason| AceError::NotAPolicy { path: path.display().to_string(), reason })?;
    Ok(Rule { name, kind })
}

fn parse(text: &str) -> Result<RuleKind, String> {
    let keys: Value = strict(text)?;
    let peer = keys.as_object().is_some_and(|keys| keys.keys().any(|key| PEERS.contains(&key.as_str())));
    if peer { strict::<Peer>(text).map(RuleKind::Peer) } else { strict::<Policy>(text).map(RuleKind::Policy) }
}

fn strict<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let told = error.to_string();
        told.strip_prefix("error: ").unwrap_or(&told).trim_end().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_policy_or_a_peer_s_rule() {
        let cautious = parse("preset: cautious\nmargin: 1.2\n").unwrap();
        let RuleKind::Policy(policy) = cautious else { panic!("{cautious:?}") };
        assert_eq!(policy.minimum_requests, 200);
        assert!(matches!(parse(r#"{"alarm": {"threshold": 2}}"#).unwrap(), RuleKind::Peer(Peer::Alarm(_))));
        assert!(matches!(parse("flagger:\n  threshold: 3\n").unwrap(), RuleKind::Peer(Peer::Flagger(_))));
    }

    #[test]
    fn a_mistake_has_its_line_and_the_remedy() {
        for (text, says) in [
            ("margin: 1.2\nminimum_request: 5\n", ["line 2", "minimum_request"]),
            ("false_rollback_budget: 1\n", ["line 1", "write one percent as 0.01"]),
            ("alarm: { threshold: -1 }\n", ["line 1", "0 or more"]),
            ("alarm: { threshold: 1 }\nmargin: 1.2\n", ["line 2", "margin"]),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(says.iter().all(|words| refused.contains(words)), "{text}: {refused}");
        }
    }
}
