//! What each answer says. Pure.

use approval_link::page::{Form, Page, Shift, Tone};
use approval_link::{Claim, Link, LinkError};
use contract::{ErrorName, Failure};
use jiff::Timestamp;
use rollout::{Hold, Rejected, Rollout, Seconds, StepIndex, Weight};

use super::front::{Answer, Odd};
use super::standing::Standing;
use crate::reply::describe;

/// When it is worth trying again, in seconds.
const LATER: &str = "15";

/// The question, with the button.
pub(super) fn question(rollout: &Rollout, claim: &Claim, link: &Link, now: Timestamp) -> Answer {
    let to = weight(rollout, claim.step);
    let shift = Shift { from: rollout.desired_weight(), to };
    let mut page = about(
        rollout,
        claim,
        Page::saying(
            200,
            Tone::Ask,
            format!("Approve step {} of {}?", claim.step.number(), rollout.plan.service),
            format!("The rollout waits for you. With this step the new version gets {to} of the requests."),
        ),
    );
    page.shift = Some(shift);
    page.facts.extend([
        ("Asked for by", rollout.requested_by.clone()),
        ("Waiting since", time(claim.since)),
        ("Link ends", format!("{}, {}", time(claim.expires), left(now, claim.expires))),
    ]);
    page.form = Some(Form {
        link: link.clone(),
        button: format!("Approve step {}: {to} for {}", claim.step.number(), rollout.plan.version),
    });
    page.note = Some(format!(
        "The approval is recorded in the name of {} and cannot be taken back here. To reject instead, which rolls back \
         at once: `ace reject {} --environment {}`. Without an answer the rollout is rolled back when its time is over.",
        claim.approver, rollout.id, claim.environment
    ));
    page.into()
}

/// It was recorded.
pub(super) fn approved(rollout: &Rollout, claim: &Claim) -> Answer {
    let then = match &rollout.hold {
        Hold::None => format!(
            "The new version gets {} of the requests when the rollout looks next: within a minute, or five where it has \
             waited for longer than an hour.",
            weight(rollout, claim.step)
        ),
        Hold::By { who, why, .. } => {
            format!("The rollout is held by {who} ({why}) and goes on when that ends.")
        }
    };
    let title = format!("Step {} is approved", claim.step.number());
    about(rollout, claim, Page::saying(200, Tone::Good, title, then)).into()
}

/// The rollout does not wait for this link.
pub(super) fn settled(rollout: &Rollout, claim: &Claim, standing: &Standing) -> Answer {
    let step = claim.step.number();
    let now = describe(rollout);
    let page = match standing {
        Standing::Used { by, at } => Page::saying(
            409,
            Tone::Warning,
            format!("Step {step} was approved already"),
            format!("By {by}, {}. Nothing was changed now. The rollout: {now}.", time(*at)),
        ),
        Standing::Over => Page::saying(
            410,
            Tone::Warning,
            "This rollout is over",
            format!("There is nothing to approve any more, and nothing was changed. The rollout: {now}."),
        ),
        Standing::Stale | Standing::Waiting => Page::saying(
            409,
            Tone::Warning,
            "The rollout is elsewhere now",
            format!(
                "This link is for a wait that has ended without an answer, and nothing was changed. The rollout: {now}. If \
                 it waits again, ask for a new link."
            ),
        ),
    };
    about(rollout, claim, page).into()
}

/// `decide` says no.
pub(super) fn rejected(rollout: &Rollout, claim: &Claim, rejected: &Rejected) -> Answer {
    match rejected {
        Rejected::MayNotApprove(why) => {
            let page = Page::saying(403, Tone::Bad, "You may not approve this", sentence(&why.to_string()));
            about(rollout, claim, page).into()
        }
        Rejected::Ended { .. } | Rejected::NotNow { .. } | Rejected::Stale { .. } | Rejected::Held { .. } => {
            settled(rollout, claim, &Standing::Stale)
        }
    }
}

/// The link is of no use.
pub(super) fn useless(error: &LinkError) -> Answer {
    let (status, title) = match error {
        LinkError::Malformed => (400, "This is not a whole link"),
        LinkError::UnknownKey | LinkError::Forged | LinkError::OtherEnvironment => {
            (403, "This link is not valid")
        }
        LinkError::Expired { .. } => (410, "This link has expired"),
    };
    let text = match error {
        LinkError::Expired { at } => format!("It ended {}. Ask for a new one.", time(*at)),
        other => sentence(&other.to_string()),
    };
    Page::saying(status, Tone::Bad, title, text).into()
}

/// Nobody should send this.
pub(super) fn odd(odd: Odd) -> Answer {
    let text = "Open the whole link that you were sent, and use the button of its page.";
    match odd {
        Odd::NoLink(error) => useless(&error),
        Odd::Nowhere => Page::saying(404, Tone::Warning, "There is nothing here", text).into(),
        Odd::Method(allowed) => {
            let page = Page::saying(405, Tone::Warning, "This is not how to use this address", text);
            Answer::with(page, "allow", allowed)
        }
        Odd::Body(status) => Page::saying(status, Tone::Bad, "This is not what the page sends", text).into(),
    }
}

/// It could not be found out, or not be recorded; the log has the reason.
pub(super) fn failed(failure: &Failure) -> Answer {
    if failure.name == ErrorName::UnknownRollout {
        let text = "The rollout of this link is not known here any more.";
        return Page::saying(404, Tone::Warning, "There is no such rollout", text).into();
    }
    tracing::error!(
        error.name = failure.name.as_str(),
        error.message = failure.message,
        "a link could not be answered"
    );
    let (status, text) = match failure.name {
        ErrorName::TransientError | ErrorName::ConflictError => {
            (503, "Try again in a moment. If the approval was recorded all the same, you will be told so.")
        }
        _ => (
            500,
            "Somebody has to look at it: the log of the function approve says why. `ace approve` works as well.",
        ),
    };
    Answer::with(Page::saying(status, Tone::Bad, "This did not work just now", text), "retry-after", LATER)
}

fn about(rollout: &Rollout, claim: &Claim, mut page: Page) -> Page {
    let steps = rollout.plan.steps.len();
    page.environment = Some(claim.environment.to_string());
    page.facts = vec![
        ("Service", rollout.plan.service.to_string()),
        ("Version", rollout.plan.version.to_string()),
        ("Step", format!("{} of {steps}, {}", claim.step.number(), weight(rollout, claim.step))),
        ("Approver", claim.approver.to_string()),
        ("Rollout", rollout.id.to_string()),
    ];
    page
}

fn weight(rollout: &Rollout, step: StepIndex) -> Weight {
    rollout.plan.steps.get(step).map_or(Weight::ZERO, |step| step.weight)
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long it is until then, as people say it.
fn left(now: Timestamp, then: Timestamp) -> String {
    let minutes = Seconds::until(now, then).0 / 60;
    match (minutes / (24 * 60), minutes / 60, minutes % 60) {
        (0, 0, 0) => "in less than a minute".to_owned(),
        (0, 0, minutes) => format!("in {minutes} min"),
        (0, hours, minutes) => format!("in {hours} h {minutes} min"),
        (days, hours, _) => format!("in {days} d {} h", hours % 24),
    }
}

/// A message as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
