//! Signed calls to whatever implements AWS's APIs: the emulators, or what the environment names instead.

use std::collections::BTreeMap;
use std::env;
use std::time::SystemTime;

use aws_client::SdkConfig;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;

use crate::http::{Answer, Http};

/// The region of everything.
pub const REGION: &str = "us-east-1";

const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const ELB_ENDPOINT: &str = "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2";
const EC2_ENDPOINT: &str = "AWS_ENDPOINT_URL_EC2";
/// Where everything is that is stopped and started, unless the environment says otherwise: with EC2.
const STOPPED_AND_STARTED: [(&str, &str); 6] = [
    ("application-autoscaling", "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING"),
    ("autoscaling", "AWS_ENDPOINT_URL_AUTO_SCALING"),
    ("ecs", "AWS_ENDPOINT_URL_ECS"),
    ("elasticache", "AWS_ENDPOINT_URL_ELASTICACHE"),
    ("rds", "AWS_ENDPOINT_URL_RDS"),
    ("tagging", TAGGING_ENDPOINT),
];
const TAGGING_ENDPOINT: &str = "AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API";
const CODEPIPELINE_ENDPOINT: &str = "AWS_ENDPOINT_URL_CODEPIPELINE";

/// The address that a variable names.
pub fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Where everything but load balancers is, if not in an emulator that the test starts.
pub fn given_endpoint() -> Option<String> {
    given(ENDPOINT)
}

/// Where load balancers are, if not in an emulator that the test starts.
pub fn given_elb_endpoint() -> Option<String> {
    given(ELB_ENDPOINT)
}

/// An account of AWS, or of something like it.
pub struct Aws {
    http: Http,
    credentials: Credentials,
    endpoints: BTreeMap<&'static str, String>,
    /// The account's number.
    pub account: String,
    /// The source under which the test puts its pipeline events: `aws.*` is refused.
    pub event_source: String,
}

impl Aws {
    /// The account at these addresses.
    pub fn new(endpoint: String, elb: String, codepipeline: String) -> Self {
        let ec2 = given(EC2_ENDPOINT).unwrap_or_else(|| elb.clone());
        let codepipeline = given(CODEPIPELINE_ENDPOINT).unwrap_or(codepipeline);
        let key = given("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "test".to_owned());
        let secret = given("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "test".to_owned());
        let others = STOPPED_AND_STARTED.map(|(_, name)| (name, given(name).unwrap_or_else(|| ec2.clone())));
        let mut endpoints = BTreeMap::from(others);
        endpoints.extend([
            (ENDPOINT, endpoint),
            (ELB_ENDPOINT, elb),
            (EC2_ENDPOINT, ec2),
            (CODEPIPELINE_ENDPOINT, codepipeline),
        ]);
        Self {
            http: Http::new(),
            credentials: Credentials::new(key, secret, None, None, "test"),
            endpoints,
            account: given("ACE_TEST_ACCOUNT").unwrap_or_else(|| "000000000000".to_owned()),
            event_source: given("ACE_EVENT_SOURCE").unwrap_or_else(|| "ace-flow.test".to_owned()),
        }
    }

    /// The addresses as the SDK's variables.
    pub fn endpoint_variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.endpoints.iter().map(|(name, url)| ((*name).to_owned(), url.clone()))
    }

    /// The same for functions that reach the load balancers another way.
    pub fn endpoint_variables_with(&self, elb: &str) -> impl Iterator<Item = (String, String)> + '_ {
        self.endpoint_variables().chain([(ELB_ENDPOINT.to_owned(), elb.to_owned())])
    }

    /// Where everything else is.
    pub fn endpoint(&self) -> &str {
        &self.endpoints[ENDPOINT]
    }

    /// Where load balancers are.
    pub fn elb_endpoint(&self) -> &str {
        &self.endpoints[ELB_ENDPOINT]
    }

    /// Where resources are found by their tags.
    pub fn tagging_endpoint(&self) -> &str {
        &self.endpoints[TAGGING_ENDPOINT]
    }

    /// Everything that the SDK reads from a process's environment.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let own = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.secret_access_key()),
        ];
        own.into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .chain(self.endpoint_variables())
    }

    /// The configuration of the adapters.
    pub fn sdk(&self) -> SdkConfig {
        aws_client::from_variables(self.variables()).unwrap()
    }

    /// The configuration of the adapters of what can be stopped, all of which is where load balancers are.
    pub fn resources_sdk(&self) -> SdkConfig {
        let own = self.variables().filter(|(name, _)| !name.starts_with(ENDPOINT));
        let all = [(ENDPOINT.to_owned(), self.elb_endpoint().to_owned())];
        let ec2 = [(EC2_ENDPOINT.to_owned(), self.endpoints[EC2_ENDPOINT].clone())];
        aws_client::from_variables(own.chain(all).chain(ec2)).unwrap()
    }

    /// A call of one of the JSON protocols: `target` is `<prefix>.<Action>`.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let version = if service == "events" { "1.1" } else { "1.0" };
        let content_type = format!("application/x-amz-json-{version}");
        let headers = [("content-type", content_type.as_str()), ("x-amz-target", target)];
        let answer = self.send(service, "POST", "/", &headers, body.to_string()).await;
        assert!(answer.status < 300, "{target} answers {}: {}", answer.status, answer.body);
        json_or_null(&answer.body)
    }

    /// A call of a REST API.
    pub async fn rest(&self, service: &str, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json")];
        let answer = self.send(service, method, path, &headers, body).await;
        assert!(answer.status < 300, "{method} {path} answers {}: {}", answer.status, answer.body);
        json_or_null(&answer.body)
    }

    /// A call of the query protocol; its answer is XML.
    pub async fn query(&self, service: &str, version: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in fields {
            form = form + "&" + name + "=" + &escaped(value);
        }
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send(service, "POST", "/", &headers, form).await;
        assert!(answer.status < 300, "{action} answers {}: {}", answer.status, answer.body);
        answer.body
    }

    async fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let named = STOPPED_AND_STARTED.iter().find(|(name, _)| *name == service).map(|(_, name)| *name);
        let endpoint = match service {
            "elasticloadbalancing" => &self.endpoints[ELB_ENDPOINT],
            "ec2" => &self.endpoints[EC2_ENDPOINT],
            _ => &self.endpoints[named.unwrap_or(ENDPOINT)],
        };
        let uri = format!("{endpoint}{path}");
        let host = endpoint.split_once("://").unwrap().1;
        let headers: Vec<_> = headers.iter().copied().chain([("host", host)]).collect();
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let bytes = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new(method, &uri, headers.iter().copied(), bytes).unwrap();
        let (signature, _) = sign(signable, &parameters).unwrap().into_parts();
        let mut request = Request::builder().method(method).uri(&uri);
        for (name, value) in headers.iter().copied().chain(signature.headers()) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.http.send(request).await.unwrap_or_else(|error| panic!("{method} {uri}: {error}"))
    }
}

fn json_or_null(body: &str) -> Value {
    if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() }
}

/// Everything but letters and digits is escaped, which is more than has to be.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |escaped, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => escaped + &char::from(byte).to_string(),
        _ => escaped + &format!("%{byte:02X}"),
    })
}

/// The texts of an XML element, wherever it stands.
pub fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(open.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once(close.as_str()))
        .map(|(text, _)| text)
        .collect()
}

/// The text of the first such element.
pub fn element(xml: &str, name: &str) -> String {
    elements(xml, name).first().unwrap_or_else(|| panic!("no {name} in {xml}")).to_string()
}
