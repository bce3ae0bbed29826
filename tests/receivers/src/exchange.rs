use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A request, as it was read.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// GET, POST, …
    pub method: String,
    /// The path, without what follows a question mark.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
    /// When it was read.
    pub at: Timestamp,
}

impl Request {
    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// An argument: of the query, or of a form in the body.
    pub fn argument(&self, name: &str) -> Option<String> {
        [&self.query, &self.body]
            .iter()
            .flat_map(|text| url::form_urlencoded::parse(text.as_bytes()))
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside those of the length.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type", "text/plain".to_owned())];
        Self { status, headers, body: body.into().into_bytes() }
    }

    /// A JSON document.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }
}

/// What a receiver does with requests.
pub trait Site: Send + 'static {
    /// Does what a request asks for.
    fn handle(&mut self, request: &Request) -> Reply;

    /// What has become of all requests, for people and other processes.
    fn state(&self) -> Value;

    /// Forgets all requests.
    fn forget(&mut self);
}
