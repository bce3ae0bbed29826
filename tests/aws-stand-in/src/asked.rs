//! Requests and answers of AWS's protocols.

use std::collections::BTreeMap;

use serde_json::Value;
use url::form_urlencoded;

/// A request: the call's name, and its fields.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The name of the call, as in `DescribeSnapshots`.
    pub call: String,
    /// Of the query protocol.
    pub fields: BTreeMap<String, String>,
    /// Of the JSON protocol.
    pub json: Value,
}

impl Asked {
    /// Reads a request with this header `x-amz-target`, which only the JSON protocol has.
    ///
    /// # Panics
    ///
    /// If the body is not of the protocol.
    pub fn read(target: Option<&str>, body: &[u8]) -> Self {
        if let Some(target) = target {
            let call = target.rsplit('.').next().unwrap_or_default().to_owned();
            let json = serde_json::from_slice(body).expect("a body of the JSON protocol");
            return Self { call, fields: BTreeMap::new(), json };
        }
        let mut fields: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let call = fields.remove("Action").expect("the Action of the query protocol");
        fields.remove("Version");
        Self { call, fields, json: Value::Null }
    }

    /// A field of the query protocol, empty if there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The values of a list: `InstanceId.1`, `InstanceId.2`.
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|n| self.fields.get(&format!("{name}.{n}")).map(String::as_str)).collect()
    }
}

/// An error as the query protocol has it.
pub fn xml_error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r-1</RequestId></ErrorResponse>"
    )
}

/// The answer of the query protocol.
pub fn xml(call: &str, result: &str) -> String {
    format!("<{call}Response><{call}Result>{result}</{call}Result></{call}Response>")
}
