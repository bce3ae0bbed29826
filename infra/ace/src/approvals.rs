//! Links for whoever may approve a step of a rollout that is played here.

use local_stack::Update;
use rollout::{Phase, Rollout};
use serde_json::json;

use crate::backend::user;
use crate::player::Player;
use crate::report::Reporter;
use crate::words::Tone;

/// When a step begins to wait for an approval: a link for each who may give it.
pub(crate) async fn offer(player: &Player, update: &Update, reporter: &mut Reporter) {
    let Update::Stored { rollout, record, .. } = update else { return };
    // Once: only the decision that began the wait is of that instant.
    match &rollout.phase {
        Phase::Awaiting { since, .. } if record.event.at() == *since => {}
        _ => return,
    }
    let embedded = player.embedded();
    let Some(page) = embedded.approvals() else { return };
    for name in asked(rollout) {
        let Ok(approver) = name.parse() else { continue };
        // Who may not approve gets no link, and a failure of the store is told where it stops the rollout.
        if let Ok(Some(link)) = page.link(rollout, approver).await {
            let text = format!("{name} can approve at {link}");
            let data = json!({ "approver": name, "link": link });
            reporter.say(player.now(), "approval_link", Tone::Plain, &text, data);
        }
    }
}

/// The plan's approvers; whoever uses this machine where it names none.
fn asked(rollout: &Rollout) -> Vec<String> {
    match rollout.plan.approvals.approvers.as_slice() {
        [] => vec![user()],
        named => named.to_vec(),
    }
}
