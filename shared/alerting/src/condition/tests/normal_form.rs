use super::*;

#[test]
fn a_condition_is_printed_in_normal_form() {
    for (text, normal) in [
        ("environment:production and status:unhealthy", "environment:production AND status:unhealthy"),
        ("((cpu>5%))or(memory>5% and not(requests<1k))", "cpu > 5% OR memory > 5% AND NOT requests < 1k"),
        ("(cpu > 5% OR memory > 5%) AND requests > 0", "(cpu > 5% OR memory > 5%) AND requests > 0"),
        ("service:a AND (service:b AND service:c)", "service:a AND service:b AND service:c"),
        ("NOT (service:a OR service:b)", "NOT (service:a OR service:b)"),
        ("NOT NOT (service:a)", "NOT NOT service:a"),
        ("status = unhealthy", "status:unhealthy"),
        ("status != \"unhealthy\"", "status != unhealthy"),
        ("environment:( \"staging\" ,production )", "environment:(staging, production)"),
        ("environment:(production)", "environment:production"),
        ("alarm:\"shop**5xx\"", "alarm:shop*5xx"),
        ("alarm:\"Shop Errors\"", "alarm:\"Shop Errors\""),
        ("alarm:\"not\"", "alarm:\"not\""),
        ("alarm:\"a \\\"b\\\" \\\\ c\"", "alarm:\"a \\\"b\\\" \\\\ c\""),
        ("response_time > 120000ms for 90s clear after 60m", "response_time > 2m FOR 90s CLEAR AFTER 1h"),
        ("requests = 1500000 OR requests = 2000000", "requests = 1500k OR requests = 2M"),
    ] {
        let condition = parsed(text);
        assert_eq!(condition.to_string(), normal);
        assert_eq!(parsed(&condition.to_string()), condition);
        assert_eq!(condition.text(), text);
    }
}

#[test]
fn conditions_are_equal_if_they_mean_the_same_in_the_same_order() {
    assert_eq!(parsed("cpu>5% and (memory>5%)"), parsed("cpu > 5% AND memory > 5%"));
    assert_ne!(parsed("cpu > 5% AND memory > 5%"), parsed("memory > 5% AND cpu > 5%"));
    assert_ne!(parsed("cpu > 5%"), parsed("cpu >= 5%"));
    assert_ne!(parsed("cpu > 5%"), parsed("cpu > 5% FOR 5m"));
    assert_ne!(parsed("service:shop"), parsed("service:shop*"));
}

#[test]
fn a_condition_of_whose_normal_form_there_is_too_much_is_refused() {
    let terms = |count: usize| vec!["cpu>1%"; count].join(" OR ");
    // 10 characters each as they are written here, 12 in normal form, without the last ` OR `.
    assert!(terms(200).len() <= LONGEST);
    let error = refused(&terms(200)).to_string();
    assert!(error.contains("with a space on both sides of each comparison"), "{error}");
    let fits = parsed(&terms(167));
    assert_eq!(parsed(&fits.to_string()), fits);
}
