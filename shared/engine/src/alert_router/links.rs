//! Where a person can look at something, in the console of AWS.

/// The alarm with this ARN: `arn:aws:cloudwatch:us-east-1:123456789012:alarm:NAME`.
pub(super) fn alarm(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(7, ':');
    let region = parts.nth(3)?;
    let name = parts.nth(2)?;
    Some(format!("{}/cloudwatch/home?region={region}#alarmsV2:alarm/{}", console(region), escaped(name)))
}

/// The execution with this ARN.
pub(super) fn execution(arn: &str) -> Option<String> {
    let region = arn.split(':').nth(3).filter(|region| !region.is_empty())?;
    Some(format!("{}/states/home?region={region}#/v2/executions/details/{arn}", console(region)))
}

fn console(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.cn" } else { "aws.amazon.com" };
    format!("https://{region}.console.{domain}")
}

fn escaped(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let escape = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_console_of_the_region() {
        assert_eq!(
            alarm("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:shop 5xx: all").unwrap(),
            "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1\
             #alarmsV2:alarm/shop%205xx%3A%20all"
        );
        let arn = "arn:aws:states:us-east-1:123456789012:execution:rollout:one";
        let link = execution(arn).unwrap();
        assert!(link.starts_with("https://us-east-1.console.aws.amazon.com/states/") && link.ends_with(arn));
        assert_eq!((alarm("none"), execution("none")), (None, None));
    }
}
