use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, AuthenticateCognitoActionConditionalBehaviorEnum,
    AuthenticateCognitoActionConfig, AuthenticateOidcActionConditionalBehaviorEnum,
    AuthenticateOidcActionConfig, ForwardActionConfig, JwtValidationActionAdditionalClaim,
    JwtValidationActionAdditionalClaimFormatEnum, JwtValidationActionConfig, Rule,
    TargetGroupStickinessConfig, TargetGroupTuple,
};
use rollout::{Arm, Route};

pub(crate) const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/lb/1/2/3";
pub(crate) const BLUE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/blue/1";
pub(crate) const GREEN: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/green/2";

pub(crate) fn route() -> Route {
    let arm =
        |target_group: &str| Arm { target_group: target_group.to_owned(), endpoint: "http://x".to_owned() };
    Route {
        rule: RULE.to_owned(),
        load_balancer: "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/lb/1".to_owned(),
        blue: arm(BLUE),
        green: arm(GREEN),
    }
}

pub(crate) fn group(arn: &str, weight: i32) -> TargetGroupTuple {
    TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build()
}

pub(crate) fn forward_action(groups: Vec<TargetGroupTuple>) -> Action {
    let config = ForwardActionConfig::builder().set_target_groups(Some(groups)).build();
    Action::builder().r#type(ActionTypeEnum::Forward).order(2).forward_config(config).build()
}

pub(crate) fn sticky(mut action: Action, enabled: bool) -> Action {
    let stickiness = TargetGroupStickinessConfig::builder().enabled(enabled).duration_seconds(60).build();
    action.forward_config.as_mut().unwrap().target_group_stickiness_config = Some(stickiness);
    action
}

pub(crate) fn oidc_action() -> Action {
    let config = AuthenticateOidcActionConfig::builder()
        .issuer("https://issuer")
        .authorization_endpoint("https://issuer/auth")
        .token_endpoint("https://issuer/token")
        .user_info_endpoint("https://issuer/user")
        .client_id("client")
        .build();
    Action::builder()
        .r#type(ActionTypeEnum::AuthenticateOidc)
        .order(1)
        .authenticate_oidc_config(config)
        .build()
}

/// With everything that can be said.
pub(crate) fn full_oidc_action() -> Action {
    let mut action = oidc_action();
    let config = action.authenticate_oidc_config.as_mut().unwrap();
    config.session_cookie_name = Some("session".to_owned());
    config.scope = Some("openid email".to_owned());
    config.session_timeout = Some(604_800);
    config.authentication_request_extra_params =
        Some([("prompt", "login"), ("display", "page")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    config.on_unauthenticated_request = Some(AuthenticateOidcActionConditionalBehaviorEnum::Deny);
    action
}

pub(crate) fn cognito_action() -> Action {
    let config = AuthenticateCognitoActionConfig::builder()
        .user_pool_arn("arn:aws:cognito-idp:eu-west-1:1:userpool/pool")
        .user_pool_client_id("client")
        .user_pool_domain("shop")
        .session_cookie_name("session")
        .scope("openid")
        .session_timeout(60)
        .authentication_request_extra_params("prompt", "login")
        .on_unauthenticated_request(AuthenticateCognitoActionConditionalBehaviorEnum::Allow)
        .build();
    Action::builder()
        .r#type(ActionTypeEnum::AuthenticateCognito)
        .order(1)
        .authenticate_cognito_config(config)
        .build()
}

pub(crate) fn jwt_action() -> Action {
    let claim = JwtValidationActionAdditionalClaim::builder()
        .format(JwtValidationActionAdditionalClaimFormatEnum::StringArray)
        .name("groups")
        .values("shoppers")
        .build();
    let config = JwtValidationActionConfig::builder()
        .jwks_endpoint("https://issuer/keys")
        .issuer("https://issuer")
        .additional_claims(claim)
        .build();
    Action::builder().r#type(ActionTypeEnum::JwtValidation).order(1).jwt_validation_config(config).build()
}

pub(crate) fn rule(actions: Vec<Action>) -> Rule {
    Rule::builder().rule_arn(RULE).priority("10").is_default(false).set_actions(Some(actions)).build()
}

/// A rule as the API writes it, forwarding to blue and green.
pub(crate) fn rule_xml(operation: &str, blue: i32, green: i32) -> String {
    format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{operation}Result><Rules>\
         <member><RuleArn>{RULE}</RuleArn><Priority>10</Priority><IsDefault>false</IsDefault><Actions><member>\
         <Type>forward</Type><Order>1</Order><ForwardConfig><TargetGroups>\
         <member><TargetGroupArn>{BLUE}</TargetGroupArn><Weight>{blue}</Weight></member>\
         <member><TargetGroupArn>{GREEN}</TargetGroupArn><Weight>{green}</Weight></member></TargetGroups>\
         <TargetGroupStickinessConfig><Enabled>false</Enabled></TargetGroupStickinessConfig></ForwardConfig></member>\
         </Actions></member></Rules></{operation}Result></{operation}Response>"
    )
}

/// An error as the API writes it.
pub(crate) fn error_xml(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>said so</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    )
}
