//! `ace status`: which version is live, and the newest rollouts.

use engine::ports::Store;
use serde_json::json;

use crate::Ending;
use crate::arguments::{Output, Status};
use crate::error::AceError;
use crate::history::open;

pub(crate) async fn status(arguments: &Status) -> Result<Ending, AceError> {
    let store = open(&arguments.place)?;
    let environment = &arguments.place.environment;
    let human = arguments.output.output == Output::Human;
    if let Some(published) = store.configuration(environment).await? {
        for service in published.configuration.services().keys() {
            let Some(target) = store.target(environment, service).await? else { continue };
            if human {
                let version = target.stable.as_ref().map_or("an unknown version", |version| version.as_str());
                println!("{service}: {version} is live on {}, epoch {}", target.live, target.epoch);
            } else {
                println!("{}", json!({ "kind": "service", "service": target }));
            }
        }
    }
    for rollout in store.recent(environment, arguments.limit).await? {
        if human {
            println!(
                "{}  {}  {:<24} {}",
                rollout.started_at.strftime("%Y-%m-%d %H:%M:%S"),
                rollout.id,
                rollout.plan.version,
                engine::describe(&rollout)
            );
        } else {
            println!(
                "{}",
                json!({
                    "kind": "rollout",
                    "rollout": rollout.id,
                    "service": rollout.plan.service,
                    "version": rollout.plan.version,
                    "started_at": rollout.started_at,
                    "phase": rollout.phase,
                    "weight": rollout.desired_weight(),
                })
            );
        }
    }
    Ok(Ending::Good)
}
