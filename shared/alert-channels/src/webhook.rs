use alert_message::signature::{IDEMPOTENCY_KEY, KEY_ID, SIGNATURE, TIMESTAMP, sign};
use alert_message::webhook::Body;
use alerting::Credential;
use http_client::header::CONTENT_TYPE;
use jiff::Timestamp;

use crate::answer::{Silence, refused};
use crate::target::{HttpsUrl, Parcel, Receipt, Undelivered};
use crate::{Channels, credential};

const WHO: &str = "the webhook's receiver";

impl Channels {
    pub(crate) async fn to_webhook(
        &self,
        parcel: &Parcel<'_>,
        url: &HttpsUrl,
        key_id: &str,
    ) -> Result<Receipt, Undelivered> {
        let secret = credential(parcel, "secret that signs")?;
        let body = serde_json::to_vec(&Body::new(parcel.notice, parcel.wording));
        let body = body.map_err(|error| {
            Undelivered::never(
                format!("the body does not serialise: {error}"),
                "report this as a defect of ACE-Flow",
            )
        })?;
        let now = Timestamp::now();
        let signature = sign(&Credential::new(secret), now, &body);
        let signature = signature.map_err(|error| Undelivered::Never { why: error.to_string() })?;
        let request = self
            .post(url.expose())
            .header(CONTENT_TYPE, "application/json")
            .header(TIMESTAMP, now.as_second().to_string())
            .header(KEY_ID, key_id)
            .header(SIGNATURE, signature)
            .header(IDEMPOTENCY_KEY, &parcel.notice.id)
            .body(body);
        let mut secrets = url.parts();
        secrets.push(secret);
        // Its status decides; what it says is not read, as nobody knows what that is.
        let answer = self.http.ask_status(request).await;
        let answer = answer.map_err(|error| Silence { who: WHO, error, secrets: &secrets })?;
        if (200..300).contains(&answer.status) {
            return Ok(Receipt::default());
        }
        let remedy = match answer.status {
            401 | 403 => format!("give it the secret of the key {key_id:?}, and check its clock"),
            404 | 410 => "correct the channel's address".to_owned(),
            _ => format!("look into its log for the {IDEMPOTENCY_KEY} {}", parcel.notice.id),
        };
        Err(refused(WHO, &answer, "", &remedy))
    }
}
