//! What is known of an environment's schedule, and where from: what is published, or else the files.

use std::path::Path;

use console::Style;
use cost::{Kind, OverrideId, Record, names};
use environments::tree::{Chosen, Strictness};
use environments::{Cost, Environment};
use jiff::Timestamp;
use rollout::EnvironmentName;
use schedule::Override;
use serde_json::{Value, json};

use super::ScheduleError;
use super::times::{instant, stamp};
use crate::backend::{Backend, CostSight, Where, ready};
use crate::error::AceError;
use crate::{checked, folders, inputs};

/// What is known.
pub(super) struct Known {
    pub(super) environment: EnvironmentName,
    /// What another command about it is called with.
    pub(super) flags: String,
    /// In which it is.
    pub(super) region: String,
    pub(super) cost: Cost,
    pub(super) from: Origin,
    /// What the stack knows, where one was asked.
    pub(super) sight: Option<CostSight>,
    pub(super) now: Timestamp,
}

/// Where the schedule is from.
pub(super) enum Origin {
    /// It is published, and what the stack goes by.
    Published {
        version: u64,
        by: String,
        at: Timestamp,
        place: String,
        /// Whether the files say something else.
        differs: bool,
    },
    /// The files, and why no stack's.
    Files { why: String },
}

/// What a configuration says.
struct Said {
    cost: Cost,
    region: String,
}

impl Said {
    fn of(configuration: &Environment) -> Option<Self> {
        let cost = configuration.cost()?.clone();
        Some(Self { cost, region: configuration.environment.region.clone() })
    }
}

/// What a stack says: its schedule, if it has one; or why it says nothing of it.
struct Told {
    published: Result<(Said, Origin), String>,
    sight: CostSight,
}

/// What is known of an environment. With `only_files`, no stack is asked.
pub(super) async fn known(place: &Where, only_files: bool) -> Result<Known, AceError> {
    let environment = &place.environment;
    if only_files {
        return files(place, "none was to be asked".to_owned(), None);
    }
    if place.is_here() && !place.at.store.exists() {
        return files(place, "nothing is published on this machine yet".to_owned(), None);
    }
    let told = async { ask(&*ready(place).await?, environment).await };
    match told.await {
        Ok(Told { published: Ok((said, from)), sight }) => {
            let now = sight.now;
            Ok(Known::new(place, said, from, Some(sight), now))
        }
        Ok(Told { published: Err(why), sight }) => files(place, why, Some(sight)),
        // Where the files say nothing either, what keeps the stack from being asked is told.
        Err(error) => {
            let Some(said) = quietly(environment) else { return Err(error) };
            let from = Origin::Files { why: format!("it could not be asked ({})", chain(&error)) };
            Ok(Known::new(place, said, from, None, Timestamp::now()))
        }
    }
}

async fn ask(backend: &dyn Backend, environment: &EnvironmentName) -> Result<Told, AceError> {
    let sight = backend.costs().await?;
    let Some(published) = backend.configuration().await? else {
        return Ok(Told { published: Err(format!("nothing is published in {environment} yet")), sight });
    };
    let (version, by, at) = (published.version, published.by, published.at);
    let published = match Said::of(&published.configuration) {
        None => Err(format!("version {version}, which is published, has no block cost")),
        Some(said) => {
            let differs = quietly(environment).is_some_and(|files| files.cost != said.cost);
            Ok((said, Origin::Published { version, by, at, place: backend.place(), differs }))
        }
    };
    Ok(Told { published, sight })
}

/// An error with its sources, in one line.
fn chain(error: &AceError) -> String {
    let mut told = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !told.contains(&more) {
            told = format!("{told}: {more}");
        }
        source = error.source();
    }
    told
}

/// What the files say, if they say something that is valid.
fn quietly(environment: &EnvironmentName) -> Option<Said> {
    let (asked, others) = folders::one(Path::new(folders::ENVIRONMENTS), environment.as_str()).ok()?;
    let Chosen { environment, .. } = checked::among(&asked, &others, Strictness::Lenient).ok()?;
    Said::of(&environment.rollouts)
}

fn files(place: &Where, why: String, sight: Option<CostSight>) -> Result<Known, AceError> {
    let configured = inputs::configuration(&place.environment, None)?;
    let said = Said::of(configured.rollouts());
    let said = said.ok_or_else(|| ScheduleError::no_block(&place.environment))?;
    let now = sight.as_ref().map_or_else(Timestamp::now, |sight| sight.now);
    Ok(Known::new(place, said, Origin::Files { why }, sight, now))
}

impl Known {
    /// The instant that is asked for, or now.
    pub(super) fn asked(&self, at: Option<&str>) -> Result<Timestamp, ScheduleError> {
        at.map_or(Ok(self.now), |at| instant(at, self.cost.plan().zone(), self.now))
    }

    fn new(place: &Where, said: Said, from: Origin, sight: Option<CostSight>, now: Timestamp) -> Self {
        let Said { cost, region } = said;
        Self { environment: place.environment.clone(), flags: place.flags(), region, cost, from, sight, now }
    }

    /// What somebody wants kept on or off, what has not ended yet.
    pub(super) fn overrides(&self) -> impl Iterator<Item = &(OverrideId, Override)> {
        let all = self.sight.iter().flat_map(|sight| &sight.overrides);
        all.filter(|(_, over)| over.until() > self.now)
    }

    /// Those that are about everything.
    pub(super) fn of_all(&self) -> Vec<&Override> {
        self.overrides().map(|(_, over)| over).filter(|over| over.resources() == "*").collect()
    }

    /// Those that are about a resource.
    pub(super) fn of(&self, record: &Record) -> Vec<&Override> {
        let about = |over: &&Override| names(over.resources(), record.kind, &record.name, &record.arn);
        self.overrides().map(|(_, over)| over).filter(about).collect()
    }

    /// What is remembered of resources.
    pub(super) fn records(&self) -> &[Record] {
        self.sight.as_ref().map_or(&[], |sight| &sight.records)
    }

    /// The resources that are stopped and started, as far as they are known.
    pub(super) fn managed(&self) -> impl Iterator<Item = &Record> {
        self.records().iter().filter(|record| is_managed(record))
    }

    /// The kinds of resources that are stopped and started.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(|kind| self.cost.resources().contains(&kind.family()))
    }

    /// An instant as the clock of the schedule shows it.
    pub(super) fn at(&self, at: Timestamp) -> String {
        stamp(self.cost.plan().zone(), at)
    }

    /// Where all this is from, in lines.
    pub(super) fn sources(&self) -> Vec<String> {
        let dim = Style::new().dim();
        let (environment, zone) = (&self.environment, self.cost.plan().zone());
        let from = match &self.from {
            Origin::Published { version, by, at, place, .. } => {
                format!("version {version}, published by {by} at {}, on {place}", self.at(*at))
            }
            Origin::Files { why } => {
                format!("the files in {}/{environment}; no stack's: {why}", folders::ENVIRONMENTS)
            }
        };
        let bold = Style::new().bold();
        let mut lines = vec![
            bold.apply_to(format!("{environment}, by the clock of {zone}")).to_string(),
            dim.apply_to(format!("from {from}")).to_string(),
        ];
        if matches!(self.from, Origin::Published { differs: true, .. }) {
            lines.push(format!(
                "{} the files say something else: `ace publish{}` takes it over",
                Style::new().yellow().apply_to("!"),
                self.flags
            ));
        }
        lines
    }

    /// The same for programs.
    pub(super) fn source_entry(&self) -> Value {
        let (environment, zone) = (&self.environment, self.cost.plan().zone());
        let mut entry =
            json!({ "kind": "schedule", "environment": environment, "zone": zone, "now": self.now });
        let more = match &self.from {
            Origin::Published { version, by, at, place, differs } => json!({
                "from": "published", "version": version, "by": by, "at": at, "place": place, "files_differ": differs,
            }),
            Origin::Files { why } => json!({ "from": "files", "why": why }),
        };
        if let (Some(entry), Value::Object(more)) = (entry.as_object_mut(), more) {
            entry.extend(more);
        }
        entry
    }
}

/// Whether it is there, and stopped and started.
pub(super) fn is_managed(record: &Record) -> bool {
    record.lost.is_none() && !record.said.starts_with("left out: ")
}
