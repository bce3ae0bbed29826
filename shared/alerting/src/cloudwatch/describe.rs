//! What people read of an alarm where it rings.

use rollout::EnvironmentName;

use crate::policy::Rule;

/// The longest description of an alarm, in characters (`PutMetricAlarm`, Amazon CloudWatch API Reference).
pub(super) const LONGEST: usize = 1_024;

/// The description of a rule's alarm.
pub(super) fn whole(home: &EnvironmentName, environment: &EnvironmentName, rule: &Rule) -> String {
    let what = if rule.condition.is_across() { "what is counted for " } else { "" };
    let runbook = rule.runbook.as_ref().map(|runbook| format!(" What to do: {runbook}.")).unwrap_or_default();
    described(&format!("{environment}: {what}{} ({})", rule.name, rule.severity), rule, home, &runbook)
}

/// The description of a part of it.
pub(super) fn part(home: &EnvironmentName, environment: &EnvironmentName, rule: &Rule, says: &str) -> String {
    described(&format!("{environment}: {says}, a part of {}", rule.name), rule, home, "")
}

/// The condition is what is cut off where all of it is too long.
fn described(begin: &str, rule: &Rule, home: &EnvironmentName, end: &str) -> String {
    let end = format!(".{end} Made by `ace alerts apply` from the configuration of {home}.");
    let begin = format!("{begin}, while ");
    let taken = begin.chars().count() + end.chars().count();
    let condition = short(&rule.condition.to_string(), LONGEST.saturating_sub(taken));
    short(&format!("{begin}{condition}{end}"), LONGEST)
}

fn short(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{kept}…")
}
