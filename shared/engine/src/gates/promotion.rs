//! The promotion gate: a version comes only after it was promoted in the environment below, and served there so long
//! and so much.

use environments::Soak;
use jiff::SignedDuration;

use super::{Question, Standing};
use crate::below::{Seen, Stay};
use crate::ports::{Below, PortError, PortResult, Served};

/// How many stays of a version are asked for their requests: each is a call.
const STAYS: usize = 3;

pub(super) async fn promotion(
    below: &dyn Below,
    served: &dyn Served,
    question: &Question<'_>,
) -> PortResult<Standing> {
    let Some(rules) = &question.configuration.promotion.below else { return Ok(Standing::Open) };
    let (version, after) = (&question.plan.version, &rules.after);
    if *after == question.plan.environment {
        return Err(PortError::Permanent {
            service: "the configuration",
            detail: format!("promotion.after is {after}, this environment itself"),
            remedy: "name the environment below and publish again".to_owned(),
        });
    }
    let seen = Seen::of(version, below.ended(after, &question.plan.service).await?);
    let stays = match seen {
        Seen::Promoted(stays) => stays,
        Seen::Never => {
            return Ok(Standing::closed(format!(
                "version {version} was not promoted in environment {after}: promote it there first, or override \
                 promotion with a reason"
            )));
        }
        Seen::RolledBack { at, why, rollout } => {
            return Ok(Standing::closed(format!(
                "version {version} was rolled back in environment {after} at {at} by rollout {rollout} ({why}): \
                 promote it there first, or override promotion with a reason"
            )));
        }
    };
    let long: Vec<&Stay> =
        stays.iter().filter(|stay| stay.lasted(question.now) >= time(rules.soak)).collect();
    if long.is_empty() {
        return Ok(too_short(question, rules.soak, &stays));
    }
    enough(served, question, rules.soak, &long).await
}

fn time(soak: Soak) -> SignedDuration {
    SignedDuration::from_secs(soak.time.seconds().0.into())
}

/// No stay has lasted long enough: the one that goes on will have, unless another version is promoted before.
fn too_short(question: &Question<'_>, soak: Soak, stays: &[Stay]) -> Standing {
    let (version, needed) = (&question.plan.version, soak.time);
    let after = question.configuration.promotion.below.as_ref().map_or("", |below| below.after.as_str());
    if let Some(Stay { since, until: None, .. }) = stays.first() {
        let passes = soak.time.seconds().after(*since);
        let reason = format!(
            "version {version} serves in environment {after} since {since} and has to for {needed}: start it at \
             {passes} or later, or override promotion with a reason"
        );
        return Standing::Closed { reason, passes: Some(passes) };
    }
    let longest = stays.iter().map(|stay| stay.lasted(question.now).as_secs()).max().unwrap_or(0);
    Standing::closed(format!(
        "version {version} has served in environment {after} for {longest} s, until another one was promoted, and has \
         to for {needed}: promote it there again, or override promotion with a reason"
    ))
}

/// Whether one of the stays that have lasted long enough has served enough, the newest first.
async fn enough(
    served: &dyn Served,
    question: &Question<'_>,
    soak: Soak,
    long: &[&Stay],
) -> PortResult<Standing> {
    if soak.requests == 0 {
        return Ok(Standing::Open);
    }
    let mut most = 0;
    for stay in long.iter().take(STAYS) {
        let requests = served.requests(stay, question.now).await?;
        if requests >= soak.requests {
            return Ok(Standing::Open);
        }
        most = most.max(requests);
    }
    let (version, needed) = (&question.plan.version, soak.requests);
    let after = question.configuration.promotion.below.as_ref().map_or("", |below| below.after.as_str());
    let is_live = long.first().is_some_and(|stay| stay.until.is_none());
    let remedy = if is_live { "start it when it has" } else { "promote it there again" };
    Ok(Standing::closed(format!(
        "version {version} has served {most} of the {needed} requests that it has to in environment {after}, {} are \
         missing: {remedy}, or override promotion with a reason",
        needed - most
    )))
}
