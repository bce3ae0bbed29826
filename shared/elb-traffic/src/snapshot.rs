//! A rule's actions as text, so that a rollback can write them back without reading the rule first.
//!
//! What a forward action divides between is not kept: the route says it. Neither is a client secret, which AWS does not
//! describe anyway; the actions ask for the one that the rule has.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, AuthenticateCognitoActionConditionalBehaviorEnum,
    AuthenticateCognitoActionConfig, AuthenticateOidcActionConditionalBehaviorEnum,
    AuthenticateOidcActionConfig, JwtValidationActionAdditionalClaim,
    JwtValidationActionAdditionalClaimFormatEnum, JwtValidationActionConfig, Rule,
    TargetGroupStickinessConfig,
};
use rollout::{Colour, Route, RuleSnapshot, Weight};
use serde::{Deserialize, Serialize};

use crate::rule::{Unfit, forward_to, groups};

/// A rule's actions, in order.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    actions: Vec<KeptAction>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptAction {
    order: Option<i32>,
    does: Does,
}

/// The actions that can stand in a rule that forwards (Elastic Load Balancing API Reference, `Action`). `redirect` and
/// `fixed-response` cannot: a rule has exactly one of the three.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    Forward { stickiness: Option<Stickiness> },
    AuthenticateOidc(Oidc),
    AuthenticateCognito(Cognito),
    ValidateJwt(Jwt),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stickiness {
    enabled: Option<bool>,
    duration_seconds: Option<i32>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Oidc {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    user_info_endpoint: Option<String>,
    client_id: Option<String>,
    session: Session,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cognito {
    user_pool_arn: Option<String>,
    user_pool_client_id: Option<String>,
    user_pool_domain: Option<String>,
    session: Session,
}

/// What both ways to authenticate have.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    cookie_name: Option<String>,
    scope: Option<String>,
    timeout_seconds: Option<i64>,
    extra_params: Option<BTreeMap<String, String>>,
    on_unauthenticated_request: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwt {
    jwks_endpoint: Option<String>,
    issuer: Option<String>,
    additional_claims: Option<Vec<Claim>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    format: Option<String>,
    name: Option<String>,
    values: Option<Vec<String>>,
}

/// The rule's actions as text; empty when one of them is of a kind that is not known here.
pub(crate) fn take(rule: &Rule) -> RuleSnapshot {
    let actions: Option<Vec<KeptAction>> = rule.actions().iter().map(kept).collect();
    let text = actions.and_then(|actions| serde_json::to_string(&Kept { actions }).ok());
    RuleSnapshot(text.unwrap_or_default())
}

/// The whole action list of a snapshot, with everything for the colour that is not `canary`.
pub(crate) fn restored(snapshot: &RuleSnapshot, route: &Route, canary: Colour) -> Result<Vec<Action>, Unfit> {
    let unfit = |what: String| Unfit { what, remedy: "read the rule and change its weights instead" };
    if snapshot.0.is_empty() {
        return Err(unfit("it was not kept when the rollout was admitted".to_owned()));
    }
    let kept: Kept = serde_json::from_str(&snapshot.0)
        .map_err(|error| unfit(format!("what was kept of it cannot be read: {error}")))?;
    if !kept.actions.iter().any(|action| matches!(action.does, Does::Forward { .. })) {
        return Err(unfit("what was kept of it forwards nowhere".to_owned()));
    }
    let groups = groups(route, canary, Weight::ZERO);
    let action = |kept: KeptAction| {
        let mut action = match kept.does {
            Does::Forward { stickiness } => forward_to(&groups, stickiness.map(Stickiness::config)),
            Does::AuthenticateOidc(oidc) => Action::builder()
                .r#type(ActionTypeEnum::AuthenticateOidc)
                .authenticate_oidc_config(oidc.config())
                .build(),
            Does::AuthenticateCognito(cognito) => Action::builder()
                .r#type(ActionTypeEnum::AuthenticateCognito)
                .authenticate_cognito_config(cognito.config())
                .build(),
            Does::ValidateJwt(jwt) => Action::builder()
                .r#type(ActionTypeEnum::JwtValidation)
                .jwt_validation_config(jwt.config())
                .build(),
        };
        action.order = kept.order;
        action
    };
    Ok(kept.actions.into_iter().map(action).collect())
}

fn kept(action: &Action) -> Option<KeptAction> {
    let does = match action.r#type.as_ref()? {
        ActionTypeEnum::Forward => {
            let config = action.forward_config.as_ref();
            let stickiness = config.and_then(|config| config.target_group_stickiness_config.as_ref());
            Does::Forward { stickiness: stickiness.map(Stickiness::of) }
        }
        ActionTypeEnum::AuthenticateOidc => {
            Does::AuthenticateOidc(Oidc::of(action.authenticate_oidc_config.as_ref()?))
        }
        ActionTypeEnum::AuthenticateCognito => {
            Does::AuthenticateCognito(Cognito::of(action.authenticate_cognito_config.as_ref()?))
        }
        ActionTypeEnum::JwtValidation => Does::ValidateJwt(Jwt::of(action.jwt_validation_config.as_ref()?)),
        _ => return None,
    };
    Some(KeptAction { order: action.order, does })
}

impl Stickiness {
    fn of(config: &TargetGroupStickinessConfig) -> Self {
        Self { enabled: config.enabled, duration_seconds: config.duration_seconds }
    }

    fn config(self) -> TargetGroupStickinessConfig {
        TargetGroupStickinessConfig::builder()
            .set_enabled(self.enabled)
            .set_duration_seconds(self.duration_seconds)
            .build()
    }
}

impl Oidc {
    fn of(config: &AuthenticateOidcActionConfig) -> Self {
        let unauthenticated = config.on_unauthenticated_request.as_ref();
        Self {
            issuer: config.issuer.clone(),
            authorization_endpoint: config.authorization_endpoint.clone(),
            token_endpoint: config.token_endpoint.clone(),
            user_info_endpoint: config.user_info_endpoint.clone(),
            client_id: config.client_id.clone(),
            session: Session {
                cookie_name: config.session_cookie_name.clone(),
                scope: config.scope.clone(),
                timeout_seconds: config.session_timeout,
                extra_params: sorted(config.authentication_request_extra_params.as_ref()),
                on_unauthenticated_request: unauthenticated.map(|what| what.as_str().to_owned()),
            },
        }
    }

    fn config(self) -> AuthenticateOidcActionConfig {
        let session = self.session;
        let unauthenticated = session.on_unauthenticated_request.as_deref();
        AuthenticateOidcActionConfig::builder()
            .set_issuer(self.issuer)
            .set_authorization_endpoint(self.authorization_endpoint)
            .set_token_endpoint(self.token_endpoint)
            .set_user_info_endpoint(self.user_info_endpoint)
            .set_client_id(self.client_id)
            .set_session_cookie_name(session.cookie_name)
            .set_scope(session.scope)
            .set_session_timeout(session.timeout_seconds)
            .set_authentication_request_extra_params(
                session.extra_params.map(|params| params.into_iter().collect()),
            )
            .set_on_unauthenticated_request(
                unauthenticated.map(AuthenticateOidcActionConditionalBehaviorEnum::from),
            )
            .use_existing_client_secret(true)
            .build()
    }
}

impl Cognito {
    fn of(config: &AuthenticateCognitoActionConfig) -> Self {
        let unauthenticated = config.on_unauthenticated_request.as_ref();
        Self {
            user_pool_arn: config.user_pool_arn.clone(),
            user_pool_client_id: config.user_pool_client_id.clone(),
            user_pool_domain: config.user_pool_domain.clone(),
            session: Session {
                cookie_name: config.session_cookie_name.clone(),
                scope: config.scope.clone(),
                timeout_seconds: config.session_timeout,
                extra_params: sorted(config.authentication_request_extra_params.as_ref()),
                on_unauthenticated_request: unauthenticated.map(|what| what.as_str().to_owned()),
            },
        }
    }

    fn config(self) -> AuthenticateCognitoActionConfig {
        let session = self.session;
        let unauthenticated = session.on_unauthenticated_request.as_deref();
        AuthenticateCognitoActionConfig::builder()
            .set_user_pool_arn(self.user_pool_arn)
            .set_user_pool_client_id(self.user_pool_client_id)
            .set_user_pool_domain(self.user_pool_domain)
            .set_session_cookie_name(session.cookie_name)
            .set_scope(session.scope)
            .set_session_timeout(session.timeout_seconds)
            .set_authentication_request_extra_params(
                session.extra_params.map(|params| params.into_iter().collect()),
            )
            .set_on_unauthenticated_request(
                unauthenticated.map(AuthenticateCognitoActionConditionalBehaviorEnum::from),
            )
            .build()
    }
}

impl Jwt {
    fn of(config: &JwtValidationActionConfig) -> Self {
        let claim = |claim: &JwtValidationActionAdditionalClaim| Claim {
            format: claim.format.as_ref().map(|format| format.as_str().to_owned()),
            name: claim.name.clone(),
            values: claim.values.clone(),
        };
        Self {
            jwks_endpoint: config.jwks_endpoint.clone(),
            issuer: config.issuer.clone(),
            additional_claims: config
                .additional_claims
                .as_ref()
                .map(|claims| claims.iter().map(claim).collect()),
        }
    }

    fn config(self) -> JwtValidationActionConfig {
        let claim = |claim: Claim| {
            JwtValidationActionAdditionalClaim::builder()
                .set_format(claim.format.as_deref().map(JwtValidationActionAdditionalClaimFormatEnum::from))
                .set_name(claim.name)
                .set_values(claim.values)
                .build()
        };
        JwtValidationActionConfig::builder()
            .set_jwks_endpoint(self.jwks_endpoint)
            .set_issuer(self.issuer)
            .set_additional_claims(
                self.additional_claims.map(|claims| claims.into_iter().map(claim).collect()),
            )
            .build()
    }
}

/// In one order, so that the same rule is the same text.
fn sorted(params: Option<&std::collections::HashMap<String, String>>) -> Option<BTreeMap<String, String>> {
    params.map(|params| params.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::with_weight;
    use crate::samples::{
        BLUE, GREEN, cognito_action, forward_action, full_oidc_action, group, jwt_action, oidc_action, route,
        rule, sticky,
    };

    fn both() -> Action {
        forward_action(vec![group(BLUE, 100), group(GREEN, 0)])
    }

    /// What reading the rule and changing its weights would write is the measure.
    #[test]
    fn a_snapshot_restores_what_a_read_would_have_kept() {
        for before in [
            vec![both()],
            vec![sticky(both(), false)],
            vec![oidc_action(), both()],
            vec![full_oidc_action(), sticky(both(), false)],
            vec![cognito_action(), both()],
            vec![jwt_action(), both()],
        ] {
            let rule = rule(before);
            for canary in [Colour::Blue, Colour::Green] {
                let expected = with_weight(&rule, &route(), canary, Weight::ZERO).unwrap();
                assert_eq!(restored(&take(&rule), &route(), canary).unwrap(), expected);
            }
        }
    }

    #[test]
    fn the_same_rule_is_the_same_text_whatever_its_weights() {
        let of = |blue, green| {
            let forward = forward_action(vec![group(BLUE, blue), group(GREEN, green)]);
            take(&rule(vec![full_oidc_action(), forward]))
        };
        assert_eq!(of(100, 0), of(0, 100));
        assert!(!of(100, 0).0.is_empty());
    }

    #[test]
    fn a_secret_is_not_kept_and_the_one_that_the_rule_has_is_used() {
        let mut action = oidc_action();
        action.authenticate_oidc_config.as_mut().unwrap().client_secret = Some("hush".to_owned());
        let snapshot = take(&rule(vec![action, both()]));
        assert!(
            snapshot.0.contains("\"client_id\":\"client\"") && !snapshot.0.contains("hush"),
            "{snapshot:?}"
        );
        let actions = restored(&snapshot, &route(), Colour::Green).unwrap();
        let oidc = actions[0].authenticate_oidc_config.as_ref().unwrap();
        assert_eq!((oidc.client_secret(), oidc.use_existing_client_secret), (None, Some(true)));
    }

    #[test]
    fn a_rule_with_an_action_of_another_kind_is_not_kept() {
        let kind = ActionTypeEnum::from("rate-limit");
        let unknown = Action::builder().r#type(kind).order(1).build();
        assert_eq!(take(&rule(vec![unknown, both()])), RuleSnapshot::default());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_to_do_instead() {
        for (text, expected) in [
            ("", "it was not kept when the rollout was admitted"),
            ("[{\"weight\":0}", "what was kept of it cannot be read: "),
            ("{\"actions\":[],\"more\":1}", "what was kept of it cannot be read: unknown field `more`"),
            ("{\"actions\":[]}", "what was kept of it forwards nowhere"),
        ] {
            let unfit = restored(&RuleSnapshot(text.to_owned()), &route(), Colour::Green).unwrap_err();
            assert!(unfit.what.starts_with(expected), "{}", unfit.what);
            assert_eq!(unfit.remedy, "read the rule and change its weights instead");
        }
    }

    /// What a rollout of today has stored is read by every later version.
    #[test]
    fn the_form_of_the_text_is_this_one() {
        let snapshot = take(&rule(vec![oidc_action(), sticky(both(), false)]));
        let expected = "{\"actions\":[{\"order\":1,\"does\":{\"authenticate_oidc\":{\"issuer\":\"https://issuer\",\
            \"authorization_endpoint\":\"https://issuer/auth\",\"token_endpoint\":\"https://issuer/token\",\
            \"user_info_endpoint\":\"https://issuer/user\",\"client_id\":\"client\",\"session\":{\"cookie_name\":null,\
            \"scope\":null,\"timeout_seconds\":null,\"extra_params\":null,\"on_unauthenticated_request\":null}}}},\
            {\"order\":2,\"does\":{\"forward\":{\"stickiness\":{\"enabled\":false,\"duration_seconds\":60}}}}]}";
        assert_eq!(snapshot.0, expected);
    }
}
