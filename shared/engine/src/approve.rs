//! approve: a person approves a step through a signed link.
//!
//! Whoever may invoke the function can ask for a link; whoever has the link can open it, and by the button of its page
//! approve what it is for, once. It records the same order as promote-step does for `ace approve`, so that who may
//! approve is decided in one place. It touches no traffic and publishes nothing; a rejection, which has to take traffic
//! back at once, is for the function rollback.

mod front;
mod pages;
mod standing;

use std::num::NonZeroU16;

use approval_link::{Approver, Claim, Keyring, Link, LinkError};
use async_trait::async_trait;
use contract::{
    Approve, ApproveReply, Failure, Function, HttpRequest, HttpResponse, LinkMade, LinkReply, LinkWanted,
};
use jiff::Timestamp;
use rollout::{EnvironmentName, Event, Order, Rollout, Seconds, StepIndex, decide};

use crate::failures;
use crate::ledger::{Ledger, Recorded};
use crate::ports::{ApprovalKeys, Clock, Store};
use front::{Answer, Visit};
use standing::{Standing, answered, waits};

/// How long a link is of use unless somebody asks for another time.
const USUAL: Seconds = Seconds(4 * 60 * 60);
/// The shortest time: a message has to arrive and be read.
const SHORTEST: Seconds = Seconds(60);
/// The longest time: that of an execution.
const LONGEST: Seconds = Seconds(7 * 24 * 60 * 60);

/// The function.
pub struct ApproveFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// What signs links.
    pub keys: &'a dyn ApprovalKeys,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl Function for ApproveFunction<'_> {
    const NAME: &'static str = "approve";
    type Request = Approve;
    type Reply = ApproveReply;

    async fn call(&self, request: Approve) -> Result<ApproveReply, Failure> {
        match request {
            Approve::Link(wanted) => self.link(wanted).await.map(ApproveReply::Link),
            Approve::Http(request) => Ok(ApproveReply::Http(self.http(&request).await)),
        }
    }
}

/// The order that a link stands for. A link that nobody has opened yet has no name.
fn order(step: StepIndex, approver: &Approver, link: Option<&Link>, at: Timestamp) -> Event {
    let why =
        link.map_or_else(|| "by a signed link".to_owned(), |link| format!("by signed link {}", link.id()));
    Event::Ordered { order: Order::Approve { step }, by: approver.to_string(), why, at }
}

impl ApproveFunction<'_> {
    const fn ledger(&self) -> Ledger<'_> {
        Ledger { store: self.store, clock: self.clock }
    }

    /// Makes a link for a rollout that waits for this approval now.
    async fn link(&self, wanted: LinkWanted) -> Result<LinkReply, Failure> {
        let refused = |reason: String| Ok(LinkReply::Refused { reason });
        let LinkWanted { rollout_id, epoch, step, approver, expires_in_seconds } = wanted;
        let span = expires_in_seconds.map_or(USUAL, Seconds);
        if !(SHORTEST..=LONGEST).contains(&span) {
            return refused(format!(
                "a link is of use for {SHORTEST} to {LONGEST}, not {span}: no link was made"
            ));
        }
        let rollout = self.ledger().load(&rollout_id).await?;
        let now = self.clock.now();
        let since = match waits(&rollout, epoch, StepIndex::numbered(step)) {
            Ok(since) => since,
            Err(why) => return refused(format!("{why}; {}", crate::describe(&rollout))),
        };
        let step = StepIndex::numbered(step);
        if let Err(rejected) = decide(&rollout, &order(step, &approver, None, now)) {
            return refused(format!("{rejected}: no link was made"));
        }
        let ends = rollout.plan.approvals.expires.after(since).min(span.after(now));
        let expires = Timestamp::from_second(ends.as_second()).unwrap_or(ends);
        let environment = self.environment.clone();
        let claim =
            Claim { environment, rollout: rollout_id, epoch: rollout.epoch, step, since, expires, approver };
        if let Err(expired) = claim.alive(now) {
            return refused(expired.to_string());
        }
        let link = self.keys.keys().await.map_err(failures::port)?.sign(&claim);
        tracing::info!(
            rollout.id = %claim.rollout, step.index = step.0, link.id = %link.id(), approver = %claim.approver,
            expires = %claim.expires, "an approval link was made"
        );
        Ok(LinkReply::Link(made(&link, claim, &rollout)))
    }

    /// Answers a request to the function's URL. What goes wrong inside is logged here, and told as a page.
    async fn http(&self, request: &HttpRequest) -> HttpResponse {
        let answer = match front::visit(request) {
            Ok(visit) => self.visit(visit).await.unwrap_or_else(|failure| pages::failed(&failure)),
            Err(odd) => pages::odd(odd),
        };
        answer.response(request.method == "HEAD")
    }

    async fn visit(&self, visit: Visit) -> Result<Answer, Failure> {
        let (Visit::Look(link) | Visit::Approve(link)) = &visit;
        let claim = match self.read(link).await? {
            Ok(claim) => claim,
            Err(useless) => return Ok(pages::useless(&useless)),
        };
        let rollout = self.ledger().load(&claim.rollout).await?;
        let answer = match &visit {
            Visit::Look(_) => self.look(&rollout, &claim, link).await?,
            Visit::Approve(_) => self.approve(rollout, &claim, link).await?,
        };
        tracing::info!(
            rollout.id = %claim.rollout, step.index = claim.step.0, link.id = %link.id(), answer = answer.status(),
            approves = matches!(visit, Visit::Approve(_)), "an approval link was used"
        );
        Ok(answer)
    }

    /// The claim of a link, with the newest keys where it needs them.
    async fn read(&self, link: &Link) -> Result<Result<Claim, LinkError>, Failure> {
        let read = |keys: Keyring| keys.read(link, &self.environment);
        match read(self.keys.keys().await.map_err(failures::port)?) {
            Err(LinkError::UnknownKey) => {
                let newer = self.keys.newer().await.map_err(failures::port)?;
                Ok(newer.map_or(Err(LinkError::UnknownKey), read))
            }
            known => Ok(known),
        }
    }

    /// Shows what the link is for, or why it is of no use. Changes nothing.
    async fn look(&self, rollout: &Rollout, claim: &Claim, link: &Link) -> Result<Answer, Failure> {
        let now = self.clock.now();
        let standing = self.standing(rollout, claim).await?;
        if standing != Standing::Waiting {
            return Ok(pages::settled(rollout, claim, &standing));
        }
        if let Err(expired) = claim.alive(now) {
            return Ok(pages::useless(&expired));
        }
        Ok(match decide(rollout, &order(claim.step, &claim.approver, Some(link), now)) {
            Ok(_) => pages::question(rollout, claim, link, now),
            Err(rejected) => pages::rejected(rollout, claim, &rejected),
        })
    }

    /// Records the order, if the rollout still waits for it: somebody else's commit in between is looked at anew.
    async fn approve(&self, rollout: Rollout, claim: &Claim, link: &Link) -> Result<Answer, Failure> {
        let at = self.clock.now();
        let event = order(claim.step, &claim.approver, Some(link), at);
        let fits = |rollout: &Rollout| match standing::of(rollout, claim) {
            Some(Standing::Waiting) => claim.alive(at).map_err(Some),
            _ => Err(None),
        };
        Ok(match self.ledger().record_if(rollout, event, fits).await? {
            Ok(Recorded::Applied(rollout)) => pages::approved(&rollout, claim),
            Ok(Recorded::Rejected(rollout, rejected)) => pages::rejected(&rollout, claim, &rejected),
            Err((_, Some(expired))) => pages::useless(&expired),
            Err((rollout, None)) => {
                let standing = self.standing(&rollout, claim).await?;
                pages::settled(&rollout, claim, &standing)
            }
        })
    }

    /// What has become of the wait that a link is for.
    async fn standing(&self, rollout: &Rollout, claim: &Claim) -> Result<Standing, Failure> {
        if let Some(standing) = standing::of(rollout, claim) {
            return Ok(standing);
        }
        let history = self.store.history(&rollout.id).await.map_err(failures::port)?;
        Ok(answered(&history, claim).unwrap_or_else(|| standing::without_answer(rollout)))
    }
}

fn made(link: &Link, claim: Claim, rollout: &Rollout) -> LinkMade {
    LinkMade {
        path: LinkMade::path_of(link),
        link_id: link.id().to_string(),
        environment: claim.environment,
        service: rollout.plan.service.clone(),
        rollout_id: claim.rollout,
        step: NonZeroU16::new(claim.step.number()).unwrap_or(NonZeroU16::MIN),
        approver: claim.approver,
        expires: claim.expires,
    }
}
