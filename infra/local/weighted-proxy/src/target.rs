use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use thiserror::Error;

/// The base address of a service: `http://host[:port][/base/path]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    authority: Authority,
    /// Empty, or `/base/path` without a slash at its end.
    base: String,
}

/// Why an address cannot be a [`Target`].
#[derive(Debug, Error)]
pub enum TargetError {
    /// It cannot be read as a URL at all.
    #[error("target {url:?} is not a URL: write it as http://host:port/path")]
    Malformed {
        /// What was given.
        url: String,
        /// What the parser said.
        source: hyper::http::uri::InvalidUri,
    },
    /// The address wants TLS.
    #[error(
        "target {url:?} needs TLS, which this proxy does not speak: give the service's plain http:// address"
    )]
    Https {
        /// What was given.
        url: String,
    },
    /// The scheme is missing or another one.
    #[error("target {url:?} does not begin with http://: write it as http://host:port/path")]
    NotHttp {
        /// What was given.
        url: String,
    },
    /// A part that a base address has no use for.
    #[error("target {url:?} has a {part}: leave it out, only http://host:port/path is used")]
    Superfluous {
        /// What was given, without a password.
        url: String,
        /// The part to leave out.
        part: &'static str,
    },
}

impl Target {
    /// `host:port`, to connect to.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (bare, self.authority.port_u16().unwrap_or(80))
    }

    /// The `Host` of a request to this target.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The base path, `/` when there is none.
    pub(crate) fn path(&self) -> &str {
        if self.base.is_empty() { "/" } else { &self.base }
    }

    /// This target's address of the resource that a client asked for as `path`.
    pub(crate) fn resolve(&self, path: &PathAndQuery) -> Result<Uri, hyper::http::Error> {
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.base))
            .build()
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let uri: Uri =
            url.parse().map_err(|source| TargetError::Malformed { url: url.to_owned(), source })?;
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return Err(TargetError::Https { url: url.to_owned() });
        }
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(TargetError::NotHttp { url: url.to_owned() });
        };
        if scheme != Scheme::HTTP {
            return Err(TargetError::NotHttp { url: url.to_owned() });
        }
        if let Some((_, host)) = authority.as_str().rsplit_once('@') {
            return Err(TargetError::Superfluous { url: format!("http://{host}"), part: "user name" });
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err(TargetError::Superfluous { url: url.to_owned(), part: "query" });
        }
        Ok(Self { authority, base: path.path().trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_put_before_the_path_of_the_request() {
        for (target, path, expected) in [
            ("http://127.0.0.1:80", "/", "http://127.0.0.1:80/"),
            ("http://127.0.0.1:80/", "/a?b=c", "http://127.0.0.1:80/a?b=c"),
            ("http://localhost/shop/v2", "/a/b", "http://localhost/shop/v2/a/b"),
            ("http://localhost/shop/v2/", "/?q", "http://localhost/shop/v2/?q"),
        ] {
            let target: Target = target.parse().unwrap();
            assert_eq!(target.resolve(&path.parse().unwrap()).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_cannot_be_a_target_is_refused_with_a_remedy() {
        for (url, message) in [
            (
                "https://shop.example",
                r#"target "https://shop.example" needs TLS, which this proxy does not speak: give the service's plain http:// address"#,
            ),
            ("/shop", r#"target "/shop" does not begin with http://: write it as http://host:port/path"#),
            (
                "ftp://shop.example/",
                r#"target "ftp://shop.example/" does not begin with http://: write it as http://host:port/path"#,
            ),
            ("http://a b/", r#"target "http://a b/" is not a URL: write it as http://host:port/path"#),
            (
                "http://me:secret@shop/",
                r#"target "http://shop" has a user name: leave it out, only http://host:port/path is used"#,
            ),
            (
                "http://shop/?a=b",
                r#"target "http://shop/?a=b" has a query: leave it out, only http://host:port/path is used"#,
            ),
        ] {
            assert_eq!(url.parse::<Target>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn an_address_is_connected_to_without_the_brackets_of_its_url() {
        let of = |url: &str| {
            let target: Target = url.parse().unwrap();
            let (host, port) = target.host_and_port();
            (host.to_owned(), port)
        };
        assert_eq!(of("http://[::1]:8080/x"), ("::1".to_owned(), 8080));
        assert_eq!(of("http://localhost"), ("localhost".to_owned(), 80));
    }
}
