//! One message to one channel: its secret, a few tries, and the circuit that spares a channel which keeps failing.

use alerting::group::{Delivery, Send};
use alerting::{ChannelName, Credential};
use environments::Channel;
use jiff::Timestamp;
use rollout::Seconds;

use super::AlertRouterFunction;
use super::setup::Setup;
use crate::ports::{Parcel, PortError};

/// The most tries in one invocation,
const TRIES: u32 = 3;
/// all of them begun within so long of the first: a function lives for thirty seconds.
const LONGEST: Seconds = Seconds(8);
/// The wait before the second try; it doubles.
const FIRST_PAUSE: Seconds = Seconds(1);

impl AlertRouterFunction<'_> {
    pub(super) async fn deliver(&self, setup: &Setup, send: &Send) -> Delivery {
        let name = &send.channel;
        let Some(channel) = setup.channels.get(name) else {
            let why = format!(
                "there is no channel {name}: add it to `notifications`, or correct the rule that names it"
            );
            return self.pass_over(send, Delivery::Refused { why });
        };
        let circuit = self.alerts.circuit(&self.environment, name).await.unwrap_or_else(|error| {
            tracing::warn!(channel = %name, %error, "it is not known how the channel has fared");
            alerting::Circuit::default()
        });
        if let Err(open) = circuit.passes(self.clock.now()) {
            let why = format!("it is left alone for another {}: {}", open.left, open.why);
            return self.pass_over(send, Delivery::Later { why, retry_after: Some(open.left) });
        }
        let delivery = self.tries(setup, channel, send).await;
        let after = match &delivery {
            Delivery::Done { .. } => alerting::Circuit::default(),
            // What is refused is refused at once: there is no time-out to spare.
            Delivery::Refused { .. } => circuit.clone(),
            Delivery::Later { why, .. } => circuit.failed(why, self.clock.now()),
        };
        log(name, send, &delivery);
        if after != circuit
            && let Err(error) = self.alerts.put_circuit(&self.environment, name, &after).await
        {
            tracing::warn!(channel = %name, %error, "how the channel has fared could not be stored");
        }
        delivery
    }

    async fn tries(&self, setup: &Setup, channel: &Channel, send: &Send) -> Delivery {
        let mut credential = match self.credential(channel).await {
            Ok(credential) => credential,
            Err(delivery) => return self.pass_over(send, delivery),
        };
        let began = self.clock.now();
        let (mut uncertain, mut refreshed) = (send.uncertain, false);
        let mut pause = FIRST_PAUSE;
        for left in (0..TRIES).rev() {
            let parcel = Parcel {
                name: &send.channel,
                channel,
                credential: credential.as_ref(),
                notice: &send.notice,
                thread: send.thread.as_deref(),
                uncertain,
                title: title(setup, send),
            };
            let delivery = self.courier.deliver(parcel).await;
            match &delivery {
                Delivery::Done { .. } => return delivery,
                Delivery::Refused { .. } => match self.newer(channel).await {
                    Some(newer) if !refreshed => (credential, refreshed) = (Some(newer), true),
                    _ => return delivery,
                },
                Delivery::Later { retry_after, .. } => {
                    let wait = retry_after.unwrap_or_default().max(pause);
                    if left == 0 || !self.has_time(began, wait) {
                        return delivery;
                    }
                    self.clock.pause(wait).await;
                    pause = Seconds(pause.0.saturating_mul(2));
                    uncertain = true;
                }
            }
        }
        Delivery::Later { why: "it was tried too often".to_owned(), retry_after: None }
    }

    fn pass_over(&self, send: &Send, why: Delivery) -> Delivery {
        self.courier.passed_over(&send.channel, &send.notice, &why);
        why
    }

    fn has_time(&self, began: Timestamp, wait: Seconds) -> bool {
        wait.after(self.clock.now()) <= LONGEST.after(began)
    }

    async fn credential(&self, channel: &Channel) -> Result<Option<Credential>, Delivery> {
        let Some((_, key)) = channel.secret() else { return Ok(None) };
        match self.secrets.credential(key).await {
            Ok(credential) => Ok(Some(credential)),
            Err(error @ PortError::Transient { .. }) => {
                Err(Delivery::Later { why: error.to_string(), retry_after: None })
            }
            Err(error @ PortError::Permanent { .. }) => Err(Delivery::Refused { why: error.to_string() }),
        }
    }

    async fn newer(&self, channel: &Channel) -> Option<Credential> {
        let (_, key) = channel.secret()?;
        self.secrets.newer(key).await.ok().flatten()
    }
}

fn log(channel: &ChannelName, send: &Send, delivery: &Delivery) {
    let (notice, group) = (&send.notice.id, &send.notice.group);
    match delivery {
        Delivery::Done { .. } => tracing::info!(%channel, notice, %group, "delivered"),
        Delivery::Later { why, .. } => tracing::warn!(%channel, notice, %group, why, "not delivered now"),
        Delivery::Refused { why } => tracing::error!(%channel, notice, %group, why, "refused"),
    }
}

/// The title that the rule of the first alert has of its own.
fn title<'a>(setup: &'a Setup, send: &Send) -> Option<&'a str> {
    let rule = &send.notice.alerts.first()?.rule;
    setup.policy.rule(rule)?.title.as_deref()
}
