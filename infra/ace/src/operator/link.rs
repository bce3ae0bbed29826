//! `ace approve`, and `ace approve --link`: an address at which somebody else approves with one press of a button.

use approval_link::Approver;
use clap::Args;
use contract::{LinkReply, LinkWanted};
use environments::Span;
use rollout::Rollout;
use serde_json::json;

use super::OperatorError;
use super::answer::Told;
use super::find::find;
use super::order::{self, OfStep, Ordered, Wish};
use crate::Ending;
use crate::arguments::Output;
use crate::backend::{Callee, ready};
use crate::error::AceError;

/// An approval, or a link for one.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// Approve nothing, and make a link by which --approver can: whoever has it approves in that name, once, until it
    /// expires
    #[arg(long, requires = "approver", conflicts_with_all = ["reason", "by"])]
    link: bool,
    /// Who shall approve with the link
    #[arg(long, value_name = "NAME", requires = "link")]
    approver: Option<Approver>,
    /// For how long the link is of use, at most until the approval is waited for no longer [default: 4h]
    #[arg(long, value_name = "SPAN", requires = "link")]
    expires: Option<Span>,
    #[command(flatten)]
    of: OfStep,
}

pub(super) async fn approve(arguments: Approve) -> Result<Ending, AceError> {
    let Approve { approver, expires, of, .. } = arguments;
    match approver {
        None => order::of_step(Wish::Approve, of).await,
        Some(approver) => link(approver, expires, of).await,
    }
}

async fn link(approver: Approver, expires: Option<Span>, of: OfStep) -> Result<Ending, AceError> {
    let OfStep { step, ordered: Ordered { rollout: named, epoch, desk, .. } } = of;
    let backend = ready(&desk.place).await?;
    let url = backend.approval_url().await?;
    let rollout = find(&*backend, &desk.place.environment, named.as_ref()).await?;
    let no_step = || OperatorError::NoStep { now: engine::describe(&rollout) };
    let seen = || rollout.step().and_then(|step| step.number().try_into().ok());
    let wanted = LinkWanted {
        rollout_id: rollout.id.clone(),
        epoch: epoch.unwrap_or(rollout.epoch.0),
        step: step.or_else(seen).ok_or_else(no_step)?,
        approver,
        expires_in_seconds: expires.map(|span| span.seconds().0),
    };
    let reply = backend.invoke(Callee::Approve, json!({ "link": wanted })).await?;
    let reply: LinkReply = serde_json::from_value(reply).map_err(OperatorError::NoLink)?;
    Ok(show(reply, &url, &rollout, desk.output.output))
}

/// The address alone on standard output, so that it can be passed on.
fn show(reply: LinkReply, url: &str, rollout: &Rollout, output: Output) -> Ending {
    let made = match reply {
        LinkReply::Link(made) => made,
        LinkReply::Refused { reason } => {
            let data = json!({ "rollout": rollout.id, "service": rollout.plan.service });
            return Told { order: "approve --link", applied: false, says: reason, data }.show(output);
        }
    };
    let address = made.at(url);
    if output == Output::Json {
        println!(
            "{}",
            json!({
                "kind": "link", "link": address, "link_id": made.link_id, "rollout": made.rollout_id,
                "service": made.service, "step": made.step, "approver": made.approver, "expires": made.expires,
            })
        );
    } else {
        eprintln!(
            "{} can approve step {} of {} here until {}; whoever has the link can, so send it to nobody else:",
            made.approver, made.step, made.service, made.expires
        );
        println!("{address}");
    }
    Ending::Good
}
