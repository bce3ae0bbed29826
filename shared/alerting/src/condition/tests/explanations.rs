use super::*;

#[test]
fn the_reason_names_the_terms_that_make_it_hold_with_what_was_seen() {
    for (text, because) in [
        ("environment:production AND status:unhealthy", "environment is production, status is critical"),
        ("response_time > 2s", "response_time is 3.217 s"),
        ("error_rate > 5%", "error_rate is 7.5 %"),
        ("cpu > 5% OR error_rate > 5%", "error_rate is 7.5 %"),
        ("environment:staging OR service:shop OR status:degraded", "service is shop, status is critical"),
        ("status:unhealthy AND status > healthy", "status is critical"),
        ("alarm:shop-*", "alarm is shop-5xx and shop-latency"),
        ("NOT alarm:(cart-*, \"x y\")", "no alarm is cart-* or \"x y\""),
        ("NOT metric:x", "no metric is x"),
        ("NOT (service:cart OR status:healthy)", "service is shop, status is critical"),
        ("NOT (service:cart AND version:v1)", "service is shop"),
        ("NOT (environment:production AND status:healthy)", "status is critical"),
        ("status:unhealthy AND worst_status:critical", "status is critical"),
        ("environment:staging", ""),
        ("cpu > 5%", ""),
        ("worst_status:critical", ""),
    ] {
        assert_eq!(parsed(text).because(&production()), because, "{text}");
    }
}

#[test]
fn a_reason_lists_three_alarms_and_counts_the_others() {
    let picture = Known::default().texts("alarm", &["a", "b", "c", "d", "e", "other thing"]);
    assert_eq!(parsed("alarm:(a, b, c, d, e)").because(&picture), "alarm is a and b and c and 2 more");
}

#[test]
fn the_reason_over_environments_names_them() {
    let condition = parsed("cpu > 5% AND affected_environments >= 2 AND worst_status:unhealthy");
    let counted = [
        subject("staging", Some(Health::Degraded)),
        subject("production", Some(Health::Critical)),
        subject("production", None),
    ];
    assert_eq!(
        condition.because_across(&counted),
        "affected_environments is 2 (production, staging), worst_status is critical or worse"
    );
    assert_eq!(condition.because_across(&counted[..1]), "");
}

#[test]
fn an_explanation_is_a_list_of_what_holds_what_fails_and_what_nobody_knows() {
    let condition = parsed(
        "environment:production AND (status:healthy OR NOT alarm:cart-* OR cpu > 90%) AND \
         (response_time > 5s OR version:v2 OR metric:x) AND error_rate > 5%",
    );
    let explanation = condition.explain(&production());
    assert_eq!(explanation.truth, condition.holds(&production()));
    assert_eq!(explanation.expression, condition.to_string());
    insta::assert_snapshot!(explanation);
}

#[test]
fn an_explanation_over_environments_stands_beside_that_of_a_subject() {
    let condition = parsed("worst_status:critical AND worst_status != healthy");
    assert_eq!(condition.explain(&production()).to_string(), "✓ everything");
    let counted = [subject("staging", Some(Health::Degraded)), subject("production", None)];
    let across = condition.explain_across(&counted).unwrap();
    assert_eq!(across.truth, condition.holds_across(&counted));
    assert_eq!(
        across.to_string(),
        "? all of\n  ? worst_status:critical (degraded or worse)\n  ✓ worst_status != healthy (degraded or worse)"
    );
    let affected = parsed("cpu > 5% AND affected_environments >= 2").explain_across(&counted).unwrap();
    assert_eq!(affected.to_string(), "✓ affected_environments >= 2 (2: production, staging)");
    assert_eq!(parsed("cpu > 5%").explain_across(&counted), None);
}
