//! What a rule says, and what it should say: no call in here.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, Rule, TargetGroupStickinessConfig, TargetGroupTuple,
};
use rollout::{Colour, Observed, Route, Weight};

/// Something about a rule that keeps us from using it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
}

/// The target groups that a rule forwards to, with their weights, and whether clients stick to them.
#[derive(Debug, PartialEq, Eq)]
struct Forward {
    groups: Vec<(String, i32)>,
    sticky: bool,
}

fn is_forward(action: &Action) -> bool {
    action.r#type == Some(ActionTypeEnum::Forward)
}

fn forward(rule: &Rule) -> Option<Forward> {
    let action = rule.actions().iter().find(|action| is_forward(action))?;
    let config = action.forward_config.as_ref();
    let tuples = config.map(ForwardActionConfig::target_groups).unwrap_or_default();
    let mut groups: Vec<_> = tuples
        .iter()
        // A group without a weight has weight 1, the default of the API.
        .filter_map(|tuple| Some((tuple.target_group_arn.clone()?, tuple.weight.unwrap_or(1))))
        .collect();
    if groups.is_empty() {
        groups.extend(action.target_group_arn.clone().map(|arn| (arn, 1)));
    }
    let sticky = config
        .and_then(|config| config.target_group_stickiness_config.as_ref())
        .and_then(|stickiness| stickiness.enabled)
        .unwrap_or(false);
    Some(Forward { groups, sticky })
}

/// The canary's share of the weights of exactly our two groups, in whole percent; otherwise what is there instead.
fn share(forward: &Forward, route: &Route, canary: Colour) -> Result<Weight, String> {
    let (new, old) = (&route.arm(canary).target_group, &route.arm(canary.other()).target_group);
    let weight =
        |arn: &String| forward.groups.iter().find(|(group, _)| group == arn).map(|(_, weight)| *weight);
    let foreign = || {
        let groups: Vec<_> =
            forward.groups.iter().map(|(arn, weight)| format!("{} at {weight}", short(arn))).collect();
        format!(
            "it forwards to {}",
            if groups.is_empty() { "nothing".to_owned() } else { groups.join(" and ") }
        )
    };
    let (Some(new), Some(old), 2) = (weight(new), weight(old), forward.groups.len()) else {
        return Err(foreign());
    };
    let total = i64::from(new) + i64::from(old);
    let hundredfold = i64::from(new) * 100;
    match hundredfold.checked_rem(total) {
        Some(0) => u8::try_from(hundredfold / total)
            .ok()
            .and_then(|share| Weight::try_from(share).ok())
            .ok_or_else(foreign),
        _ => Err(foreign()),
    }
}

/// `targetgroup/<name>/<id>` of an ARN: what people recognise.
fn short(arn: &str) -> &str {
    arn.rsplit_once(':').map_or(arn, |(_, resource)| resource)
}

/// What a rule does now, seen with `canary` as the new version's colour.
pub(crate) fn observe(rule: &Rule, route: &Route, canary: Colour) -> Observed {
    match forward(rule) {
        None => Observed::Foreign("it forwards nowhere".to_owned()),
        Some(Forward { sticky: true, .. }) => {
            Observed::Foreign("its target group stickiness is on".to_owned())
        }
        Some(forward) => share(&forward, route, canary).map_or_else(Observed::Foreign, Observed::Weight),
    }
}

/// Whether a rule can carry a rollout.
pub(crate) fn admit(rule: &Rule, route: &Route) -> Result<(), Unfit> {
    let unfit = |what: String, remedy| Err(Unfit { what, remedy });
    if rule.is_default == Some(true) {
        return unfit(
            "it is the listener's default rule, which cannot be modified on its own".to_owned(),
            "give the service a rule of its own with a condition such as path /*",
        );
    }
    match forward(rule) {
        None => unfit("it forwards nowhere".to_owned(), "give it a forward action to the service's two target groups"),
        Some(Forward { sticky: true, .. }) => unfit(
            "its target group stickiness is on, so that clients would stay on the canary".to_owned(),
            "turn the rule's target group stickiness off",
        ),
        Some(forward) => share(&forward, route, Colour::Blue).map(drop).or_else(|found| {
            unfit(
                found,
                "let it forward to the service's blue and green target groups and no other, one of them at weight 100 and \
                 the other at 0",
            )
        }),
    }
}

/// The whole action list with the canary at `weight` and the other colour at the rest; everything else as it was.
pub(crate) fn with_weight(
    rule: &Rule,
    route: &Route,
    canary: Colour,
    weight: Weight,
) -> Result<Vec<Action>, Unfit> {
    if !rule.actions().iter().any(is_forward) {
        return Err(Unfit {
            what: "it forwards nowhere".to_owned(),
            remedy: "give it a forward action to the service's two target groups",
        });
    }
    let groups = groups(route, canary, weight);
    Ok(rule.actions().iter().map(|action| rewritten(action, &groups)).collect())
}

/// The two target groups, with the canary at `weight` and the other colour at the rest.
pub(crate) fn groups(route: &Route, canary: Colour, weight: Weight) -> Vec<TargetGroupTuple> {
    let share = i32::from(weight.percent());
    let (new, old) = (&route.arm(canary).target_group, &route.arm(canary.other()).target_group);
    let group = |arn: &str, weight| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build();
    vec![group(new, share), group(old, 100 - share)]
}

/// A forward action to these groups. It has no single target group: beside two groups the API refuses the one that it
/// also describes.
pub(crate) fn forward_to(
    groups: &[TargetGroupTuple],
    stickiness: Option<TargetGroupStickinessConfig>,
) -> Action {
    let config = ForwardActionConfig::builder()
        .set_target_groups(Some(groups.to_vec()))
        .set_target_group_stickiness_config(stickiness)
        .build();
    Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build()
}

fn rewritten(action: &Action, groups: &[TargetGroupTuple]) -> Action {
    if is_forward(action) {
        let config = action.forward_config.clone();
        let stickiness = config.and_then(|config| config.target_group_stickiness_config);
        let mut forward = forward_to(groups, stickiness);
        forward.order = action.order;
        return forward;
    }
    let mut action = action.clone();
    if let Some(oidc) = &mut action.authenticate_oidc_config {
        // The secret is not described, and without this flag the API takes its absence for a change.
        oidc.use_existing_client_secret = Some(true);
    }
    action
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{BLUE, GREEN, forward_action, group, oidc_action, route, rule, sticky};

    fn percent(observed: &Observed) -> Option<u8> {
        match observed {
            Observed::Weight(weight) => Some(weight.percent()),
            Observed::Foreign(_) => None,
        }
    }

    #[test]
    fn a_share_is_read_from_any_two_weights_that_give_whole_percents() {
        for (blue, green, expected) in [
            (90, 10, Some(10)),
            (100, 0, Some(0)),
            (0, 100, Some(100)),
            (1, 0, Some(0)),
            (1, 1, Some(50)),
            (999, 0, Some(0)),
            (2, 1, None),
            (0, 0, None),
        ] {
            let rule = rule(vec![forward_action(vec![group(BLUE, blue), group(GREEN, green)])]);
            assert_eq!(percent(&observe(&rule, &route(), Colour::Green)), expected, "{blue}:{green}");
        }
    }

    #[test]
    fn the_same_rule_is_seen_from_either_colour() {
        let rule = rule(vec![forward_action(vec![group(BLUE, 75), group(GREEN, 25)])]);
        assert_eq!(percent(&observe(&rule, &route(), Colour::Green)), Some(25));
        assert_eq!(percent(&observe(&rule, &route(), Colour::Blue)), Some(75));
    }

    #[test]
    fn anything_but_our_two_groups_is_foreign_and_named() {
        let third = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/third/3";
        let cases = [
            (vec![group(BLUE, 100)], "it forwards to targetgroup/blue/1 at 100"),
            (
                vec![group(BLUE, 50), group(GREEN, 25), group(third, 25)],
                "it forwards to targetgroup/blue/1 at 50 and targetgroup/green/2 at 25 and targetgroup/third/3 at 25",
            ),
            (vec![], "it forwards to nothing"),
        ];
        for (groups, expected) in cases {
            let rule = rule(vec![forward_action(groups)]);
            assert_eq!(observe(&rule, &route(), Colour::Green), Observed::Foreign(expected.to_owned()));
            assert_eq!(admit(&rule, &route()).unwrap_err().what, expected);
        }
    }

    #[test]
    fn a_single_group_that_is_given_without_configuration_is_read() {
        let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(BLUE).build();
        let expected = Observed::Foreign("it forwards to targetgroup/blue/1 at 1".to_owned());
        assert_eq!(observe(&rule(vec![action]), &route(), Colour::Green), expected);
    }

    #[test]
    fn only_a_dedicated_forwarding_rule_without_stickiness_is_admitted() {
        let both = || vec![group(BLUE, 100), group(GREEN, 0)];
        assert_eq!(admit(&rule(vec![oidc_action(), forward_action(both())]), &route()), Ok(()));

        let mut default = rule(vec![forward_action(both())]);
        default.is_default = Some(true);
        assert!(admit(&default, &route()).unwrap_err().what.contains("default rule"));

        let stuck = rule(vec![sticky(forward_action(both()), true)]);
        assert!(admit(&stuck, &route()).unwrap_err().what.contains("stickiness is on"));
        assert!(matches!(observe(&stuck, &route(), Colour::Green), Observed::Foreign(_)));
        assert_eq!(admit(&rule(vec![sticky(forward_action(both()), false)]), &route()), Ok(()));

        assert!(admit(&rule(vec![]), &route()).unwrap_err().what.contains("forwards nowhere"));
    }

    #[test]
    fn a_write_changes_the_weights_and_nothing_else() {
        let before =
            rule(vec![oidc_action(), sticky(forward_action(vec![group(BLUE, 1), group(GREEN, 0)]), false)]);
        let after = with_weight(&before, &route(), Colour::Green, Weight::try_from(25).unwrap()).unwrap();

        let mut oidc = oidc_action();
        oidc.authenticate_oidc_config.as_mut().unwrap().use_existing_client_secret = Some(true);
        let forward = sticky(forward_action(vec![group(GREEN, 25), group(BLUE, 75)]), false);
        assert_eq!(after, [oidc, forward]);
    }

    #[test]
    fn a_write_replaces_foreign_groups_and_keeps_stickiness_as_it_is() {
        let mut action = sticky(forward_action(vec![group(BLUE, 100)]), true);
        action.target_group_arn = Some(BLUE.to_owned());
        let after = with_weight(&rule(vec![action]), &route(), Colour::Green, Weight::ZERO).unwrap();
        assert_eq!(after, [sticky(forward_action(vec![group(GREEN, 0), group(BLUE, 100)]), true)]);
    }

    #[test]
    fn every_written_weight_is_read_back_and_never_both_are_zero() {
        for percent in 0..=100 {
            let weight = Weight::try_from(percent).unwrap();
            let before = rule(vec![forward_action(vec![group(BLUE, 1), group(GREEN, 0)])]);
            let after = rule(with_weight(&before, &route(), Colour::Blue, weight).unwrap());
            assert_eq!(observe(&after, &route(), Colour::Blue), Observed::Weight(weight));
            let forward = forward(&after).unwrap();
            assert_eq!(forward.groups.iter().map(|(_, weight)| weight).sum::<i32>(), 100);
        }
    }

    #[test]
    fn a_rule_without_forward_action_is_not_written() {
        assert!(with_weight(&rule(vec![]), &route(), Colour::Green, Weight::ZERO).is_err());
    }
}
