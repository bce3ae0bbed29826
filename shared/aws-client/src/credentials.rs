use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// A request was to be signed and the environment holds no credentials.
///
/// It is the source of the first request's error, not of the start: a function that needs no AWS call for an event
/// still answers it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no AWS credentials: {} not set; Lambda sets them from the function's role, elsewhere export {ACCESS_KEY}, {SECRET_KEY} \
     and, for temporary ones, {SESSION_TOKEN}",
    .missing.join(" and ")
)]
pub struct MissingCredentials {
    missing: Vec<&'static str>,
}

/// Credentials as the environment held them at the start. Lambda replaces the whole environment when they rotate.
#[derive(Debug)]
pub(crate) struct EnvironmentCredentials(Result<Credentials, MissingCredentials>);

impl EnvironmentCredentials {
    pub(crate) fn read(variables: &BTreeMap<String, String>) -> Self {
        let get =
            |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let (Some(access), Some(secret)) = (get(ACCESS_KEY), get(SECRET_KEY)) else {
            let missing = [ACCESS_KEY, SECRET_KEY].into_iter().filter(|name| get(name).is_none()).collect();
            return Self(Err(MissingCredentials { missing }));
        };
        Self(Ok(Credentials::new(access, secret, get(SESSION_TOKEN).map(str::to_owned), None, "environment")))
    }
}

impl ProvideCredentials for EnvironmentCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.0.clone().map_err(CredentialsError::not_loaded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> EnvironmentCredentials {
        EnvironmentCredentials::read(&variables.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    #[test]
    fn all_three_are_taken() {
        let credentials =
            read(&[(ACCESS_KEY, "AKID"), (SECRET_KEY, "secret"), (SESSION_TOKEN, "token")]).0.unwrap();
        assert_eq!(credentials.access_key_id(), "AKID");
        assert_eq!(credentials.secret_access_key(), "secret");
        assert_eq!(credentials.session_token(), Some("token"));
    }

    #[test]
    fn the_session_token_is_optional_and_an_empty_one_is_none() {
        let credentials =
            read(&[(ACCESS_KEY, "AKID"), (SECRET_KEY, "secret"), (SESSION_TOKEN, "")]).0.unwrap();
        assert_eq!(credentials.session_token(), None);
    }

    #[test]
    fn the_error_names_what_is_missing_and_no_secret() {
        let error = read(&[(SECRET_KEY, "hush"), (ACCESS_KEY, " ")]).0.unwrap_err();
        assert_eq!(error.missing, [ACCESS_KEY]);
        assert!(!error.to_string().contains("hush"));
        let error = read(&[]).0.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("no AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY not set")
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown =
            format!("{:?}", read(&[(ACCESS_KEY, "AKID"), (SECRET_KEY, "hush"), (SESSION_TOKEN, "quiet")]));
        assert!(!shown.contains("hush") && !shown.contains("quiet"), "{shown}");
    }
}
