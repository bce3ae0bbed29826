use std::fmt;

/// A URL that is called: with https, or with http where it stays on this machine. It has no user or password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// The URL, if it is one that can be called.
    pub(crate) fn new(text: String) -> Option<Self> {
        let (is_secure, host) = parts(&text)?;
        (is_secure || is_loopback(host)).then_some(Self(text))
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is the URL of a page that a person can open: as a [`Url`], but with http too.
pub(crate) fn is_web_page(text: &str) -> bool {
    parts(text).is_some()
}

/// Whether a URL has https, and its host.
fn parts(text: &str) -> Option<(bool, &str)> {
    let (is_secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    // A browser takes a backslash for a slash, a client may not: two would read two hosts.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return None;
    }
    let host = host(rest.split(['/', '?', '#']).next()?)?;
    is_host(host).then_some((is_secure, host))
}

/// The host of an authority that has no user and, if any, a port.
fn host(authority: &str) -> Option<&str> {
    // The colons of an IPv6 address are within its brackets.
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let port = authority.get(end..)?.find(':').map(|colon| end + colon);
    let host = authority.get(..port.unwrap_or(authority.len()))?;
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+');
    match port {
        Some(port) if !is_port(authority.get(port + 1..)?) => None,
        _ => Some(host),
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(address) => {
            address.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => host.starts_with(|c: char| c.is_alphanumeric()) && !host.contains(['@', ':', '[', ']']),
    }
}

fn is_loopback(host: &str) -> bool {
    ["127.0.0.1", "[::1]"].contains(&host) || host.eq_ignore_ascii_case("localhost")
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_secure_or_stays_on_this_machine() {
        for good in [
            "https://hooks.example.com/ace?x=1#y",
            "https://hooks.example.com",
            "https://10.0.0.7:8443/",
            "https://[2001:db8::1]:8443/x",
            "http://127.0.0.1:8080/hook",
            "http://[::1]/hook",
            "http://localhost:9000",
            "http://LOCALHOST/x",
        ] {
            assert_eq!(Url::new(good.to_owned()).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "hooks.example.com",
            "ftp://hooks.example.com",
            "https://",
            "https:///x",
            "https://me:word@hooks.example.com/",
            "https://me@hooks.example.com/",
            "https://hooks.example.com:port/",
            "https://hooks.example.com:0/",
            "https://hooks.example.com:65536/",
            "https://hooks.example.com:+80/",
            "https://hooks example.com/",
            "https://hooks.example.com/a b",
            "https://[::1/",
            "https://[hooks]/",
            "https://::1/",
            "http://hooks.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://localhost\\@example.com/",
            "http://127.0.0.2/",
            "http://10.0.0.7/",
        ] {
            assert_eq!(Url::new(bad.to_owned()), None, "{bad}");
        }
        assert!(is_web_page("http://wiki.internal/runbooks/down") && is_web_page("https://wiki.example.com"));
        assert!(!is_web_page("wiki/down") && !is_web_page("https://me:word@wiki.example.com"));
    }
}
