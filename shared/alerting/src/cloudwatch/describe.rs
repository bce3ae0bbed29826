//! What people read of an alarm where it rings.

use rollout::EnvironmentName;

use crate::policy::Rule;

/// The longest description of an alarm, in characters (`PutMetricAlarm`, Amazon CloudWatch API Reference).
pub(super) const LONGEST: usize = 1_024;

/// The description of a rule's alarm. The condition is what is cut off where all of it is too long.
pub(super) fn whole(home: &EnvironmentName, environment: &EnvironmentName, rule: &Rule) -> String {
    let what = if rule.condition.is_across() { "what is counted for " } else { "" };
    let begin = format!("{environment}: {what}{} ({}), while ", rule.name, rule.severity);
    let runbook = rule.runbook.as_ref().map(|runbook| format!(" What to do: {runbook}.")).unwrap_or_default();
    let end = format!(".{runbook}{}", made(home));
    let taken = begin.chars().count() + end.chars().count();
    let condition = short(&rule.condition.to_string(), LONGEST.saturating_sub(taken));
    short(&format!("{begin}{condition}{end}"), LONGEST)
}

/// The description of a part of it: not of the rest of the condition, so that it stays as it is when that changes.
pub(super) fn part(home: &EnvironmentName, environment: &EnvironmentName, rule: &Rule, says: &str) -> String {
    short(&format!("{environment}: {says}, a part of {}.{}", rule.name, made(home)), LONGEST)
}

fn made(home: &EnvironmentName) -> String {
    format!(" Made by `ace alerts apply` from the configuration of {home}.")
}

fn short(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{kept}…")
}
