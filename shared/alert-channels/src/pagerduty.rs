use alert_message::pagerduty::event;
use alerting::Credential;
use http_client::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::answer::{hushed, refused};
use crate::target::{HttpsUrl, Parcel, Receipt, Undelivered};
use crate::{Channels, credential};

const WHO: &str = "PagerDuty";

/// What PagerDuty says of an event that it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: String,
    errors: Vec<String>,
}

impl Channels {
    pub(crate) async fn to_pagerduty(
        &self,
        parcel: &Parcel<'_>,
        endpoint: &HttpsUrl,
    ) -> Result<Receipt, Undelivered> {
        let key = credential(parcel, "routing key")?;
        let event = event(parcel.notice, parcel.wording, &Credential::new(key));
        let event = event.map_err(|error| {
            Undelivered::never(
                format!("{WHO}: the event is none: {error}"),
                "report this as a defect of ACE-Flow",
            )
        })?;
        // What a rollout answers pages nobody.
        let Some(event) = event else { return Ok(Receipt::default()) };
        let request = self.post(endpoint.expose()).header(CONTENT_TYPE, "application/json");
        let secrets = [key];
        let answer = self.ask(WHO, request.body(event.expose().to_vec()), &secrets).await?;
        if answer.status == 202 {
            return Ok(Receipt::default());
        }
        let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
        let told = match refusal.errors.as_slice() {
            [] => refusal.message,
            errors => format!("{} ({})", refusal.message, errors.join(", ")),
        };
        let told = hushed(&told, &secrets);
        let remedy = match answer.status {
            400 if !told.contains("routing_key") => {
                "check that the secret is the integration key of an Events API v2 integration; if it is, report this as a \
                 defect of ACE-Flow"
            }
            _ => {
                "store the integration key of an Events API v2 integration as the channel's secret, and check that the \
                 endpoint is that of the account's service region"
            }
        };
        Err(refused(WHO, &answer, &told, remedy))
    }
}
