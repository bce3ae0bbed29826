//! What the environment below knows of a version: how its service's rollouts ended there, and what follows from it.

use jiff::{SignedDuration, Timestamp};
use rollout::{Colour, Phase, Rollout, RolloutId, Version};
use serde::{Deserialize, Serialize};

/// How a rollout of a service ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The rollout.
    pub rollout: RolloutId,
    /// The version that it was about.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// How.
    pub ending: Ending,
}

/// The two ends that say something of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It was promoted, and serves from there.
    Promoted(Serving),
    /// It was rolled back.
    RolledBack {
        /// Why.
        why: String,
        /// Whether that [speaks against it](rollout::Cause::blames_the_version).
        blames_the_version: bool,
    },
}

/// From where a version serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serving {
    /// The colour that carries it.
    pub colour: Colour,
    /// The ARN of that colour's target group.
    pub target_group: String,
    /// The ARN of the load balancer.
    pub load_balancer: String,
}

impl Ended {
    /// How this rollout ended; `None` while it goes on, and for one that was refused.
    pub fn of(rollout: &Rollout) -> Option<Self> {
        let (at, ending) = match &rollout.phase {
            Phase::Promoted { at, .. } => {
                let route = &rollout.plan.route;
                let serving = Serving {
                    colour: rollout.canary,
                    target_group: route.arm(rollout.canary).target_group.clone(),
                    load_balancer: route.load_balancer.clone(),
                };
                (*at, Ending::Promoted(serving))
            }
            Phase::RolledBack { cause, at } => {
                let blames_the_version = cause.blames_the_version();
                (*at, Ending::RolledBack { why: cause.to_string(), blames_the_version })
            }
            _ => return None,
        };
        Some(Self { rollout: rollout.id.clone(), version: rollout.plan.version.clone(), at, ending })
    }
}

/// A time for which a version was the stable one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The rollout that promoted it.
    pub rollout: RolloutId,
    /// Since when.
    pub since: Timestamp,
    /// Until the next promotion; `None` while it still serves.
    pub until: Option<Timestamp>,
    /// From where.
    pub serving: Serving,
}

impl Stay {
    /// When it ended, or now.
    pub fn end(&self, now: Timestamp) -> Timestamp {
        self.until.unwrap_or(now)
    }

    /// How long it has lasted.
    pub fn lasted(&self, now: Timestamp) -> SignedDuration {
        self.end(now).duration_since(self.since)
    }
}

/// What is known of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No rollout of it was promoted, nor failed.
    Never,
    /// It was found bad, and not promoted since.
    RolledBack {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
        /// By which rollout.
        rollout: RolloutId,
    },
    /// It was promoted, and not found bad since: its stays, newest first, at least one.
    Promoted(Vec<Stay>),
}

impl Seen {
    /// What the ends of a service's rollouts, in whatever order, say of a version. Only what came after it was found bad
    /// counts, and it was found bad as well if the version that was there before it was put back in its place. A rollback
    /// that does not blame it (a person's order, a failure of ours) says nothing.
    pub fn of(version: &Version, mut ended: Vec<Ended>) -> Self {
        ended.sort_by(|a, b| (b.at, &b.rollout).cmp(&(a.at, &a.rollout)));
        let mut stays = Vec::new();
        let mut next: Option<&Ended> = None;
        for (place, end) in ended.iter().enumerate() {
            let own = end.version == *version;
            let bad = match &end.ending {
                Ending::Promoted(serving) => {
                    let put_back = next.filter(|next| own && was_before(next, &ended, place));
                    if own && put_back.is_none() {
                        let (since, until) = (end.at, next.map(|next| next.at));
                        let (rollout, serving) = (end.rollout.clone(), serving.clone());
                        stays.push(Stay { rollout, since, until, serving });
                    }
                    next = Some(end);
                    put_back.map(|back| (back, format!("{} was put back in its place", back.version)))
                }
                Ending::RolledBack { why, blames_the_version: true } if own => Some((end, why.clone())),
                Ending::RolledBack { .. } => None,
            };
            match bad {
                Some((by, why)) if stays.is_empty() => {
                    return Self::RolledBack { at: by.at, why, rollout: by.rollout.clone() };
                }
                Some(_) => break,
                None => {}
            }
        }
        if stays.is_empty() { Self::Never } else { Self::Promoted(stays) }
    }
}

/// Whether the version of a promotion had been promoted before `place` already, of ends that are newest first.
fn was_before(promotion: &Ended, ended: &[Ended], place: usize) -> bool {
    ended
        .iter()
        .skip(place + 1)
        .any(|earlier| earlier.version == promotion.version && matches!(earlier.ending, Ending::Promoted(_)))
}
