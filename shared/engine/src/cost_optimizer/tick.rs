//! A look at everything, and what is done then.

use std::collections::{BTreeMap, BTreeSet};

use contract::{CostOptimizerReply, CostOptimizerResult, Failure, ResourceTrouble};
use cost::{Act, Arn, Choice, Decision, Moment, Record, Rules, Seen, Standing, Subject, Tier, Told, Wish};
use environments::{Cost, Environment};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use rollout::Seconds;
use schedule::{Override, desired};

use super::savings::month_so_far;
use super::{BETWEEN_LOOKS, CostOptimizerFunction, GIVES_ORDERS_FOR, TICK};
use crate::failures;
use crate::ports::{Cause, Kept, Order, PortError, Refused};

/// How many writes are under way at once.
const AT_ONCE: usize = 32;

/// What came of looking at everything.
#[derive(Default)]
pub(super) struct Tally {
    settled: u32,
    asked: u32,
    waiting: u32,
    kept: u32,
    failing: u32,
    /// What could not be done of the tick itself.
    failed: Vec<PortError>,
}

impl Tally {
    fn note(&mut self, standing: &Standing) {
        let count = match standing {
            Standing::AsWanted | Standing::Underway | Standing::Left { .. } => &mut self.settled,
            Standing::Acts => &mut self.asked,
            Standing::Waits(_) => &mut self.waiting,
            Standing::Cannot(_) => &mut self.kept,
            Standing::Fails { .. } => &mut self.failing,
        };
        *count += 1;
    }

    pub(super) fn reply(self, result: CostOptimizerResult, reason: String) -> CostOptimizerReply {
        let Self { settled, asked, waiting, kept, failing, .. } = self;
        CostOptimizerReply { result, reason, settled, asked, waiting, kept, failing }
    }
}

/// What was seen, and what could not be looked at.
struct Sight {
    all: Vec<Seen>,
    unseen: BTreeMap<Tier, String>,
}

pub(super) struct Tick<'a> {
    function: &'a CostOptimizerFunction<'a>,
    configuration: &'a Environment,
    cost: &'a Cost,
    rules: Rules,
    now: Timestamp,
    tally: Tally,
}

/// What is to be written, and then done.
struct Planned {
    record: Record,
    order: Option<Order>,
}

impl<'a> Tick<'a> {
    pub(super) fn new(
        function: &'a CostOptimizerFunction<'a>,
        configuration: &'a Environment,
        cost: &'a Cost,
    ) -> Self {
        let rules = cost.rules(&function.environment);
        Self { function, configuration, cost, rules, now: function.clock.now(), tally: Tally::default() }
    }

    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Looks at everything, with the database that AWS was heard to have started.
    ///
    /// # Errors
    /// What could not be looked at or written, once everything else is done.
    pub(super) async fn run(mut self, woken: Option<Arn>) -> Result<CostOptimizerReply, Failure> {
        let (costs, home) = (self.function.costs, &self.function.environment);
        let known = costs.resources(home).await.map_err(failures::port)?;
        let overrides = costs.overrides(home).await.map_err(failures::port)?;
        let stops_wait = self.function.stops_wait(self.configuration, self.now).await?;
        let sight = self.look(&known).await;
        let known: BTreeMap<Arn, Record> =
            known.into_iter().map(|record| (record.arn.clone(), record)).collect();
        let mut planned = self.left_out(&sight, &known);
        let moment = self.moment(stops_wait, sight.unseen.clone());
        planned.extend(self.decide(sight.all, &known, &overrides, &moment, woken.as_ref()));
        let looked = planned.len();
        self.measure(&planned, &known);
        let written = self.write(planned, &known).await;
        let done = self.act(written).await?;
        self.tell(done).await;
        if let Some(error) = self.tally.failed.pop() {
            return Err(failures::port(error));
        }
        let reason = match moment.stops_wait {
            Some(why) => format!("looked at {looked} resources; nothing is stopped now: {why}"),
            None => format!("looked at {looked} resources"),
        };
        Ok(self.tally.reply(CostOptimizerResult::Ticked, reason))
    }

    fn measure(&self, planned: &[Planned], known: &BTreeMap<Arn, Record>) {
        let mut all: BTreeMap<&Arn, &Record> = known.iter().collect();
        all.extend(planned.iter().map(|Planned { record, .. }| (&record.arn, record)));
        let month = month_so_far(all.into_values(), self.cost.prices(), self.now);
        self.function.meter.saved(&self.function.environment, &month, self.now);
    }

    fn moment(&self, stops_wait: Option<String>, unseen: BTreeMap<Tier, String>) -> Moment {
        Moment {
            stops_wait,
            lease: self.cost.lease(),
            other_types: self.cost.other_types().to_vec(),
            snapshot: format!("ace-{}", self.now.strftime("%Y%m%d-%H%M")),
            tick: TICK,
            unseen,
        }
    }

    /// One service that does not answer does not keep the others from being looked at.
    async fn look(&mut self, known: &[Record]) -> Sight {
        let looks = self.function.resources.iter().map(|one| one.see(&self.rules.tags, known));
        let looks = join_all(looks).await;
        let mut sight = Sight { all: Vec::new(), unseen: BTreeMap::new() };
        for (one, seen) in self.function.resources.iter().zip(looks) {
            match seen {
                Ok(seen) => sight.all.extend(seen),
                Err(error) => {
                    tracing::error!(family = %one.family(), %error, "resources could not be looked at");
                    for tier in one.family().tiers() {
                        sight.unseen.insert(tier, error.to_string());
                    }
                    self.tally.failed.push(error);
                }
            }
        }
        sight
    }

    /// What is not stopped and started, each with why; and what is there no more.
    fn left_out(&mut self, sight: &Sight, known: &BTreeMap<Arn, Record>) -> Vec<Planned> {
        let mut planned = Vec::new();
        for seen in &sight.all {
            if let Choice::Left(why) = self.rules.choose(seen) {
                let mut record = remembered(known, seen);
                record.left_out(self.now);
                record.said = format!("left out: {why}");
                self.tally.kept += 1;
                planned.push(Planned { record, order: None });
            }
        }
        let there: BTreeSet<&Arn> = sight.all.iter().map(|seen| &seen.arn).collect();
        let blind = |record: &Record| sight.unseen.contains_key(&record.kind.tier());
        for record in known.values().filter(|record| !there.contains(&record.arn) && !blind(record)) {
            let mut record = record.clone();
            record.lost(self.now);
            planned.push(Planned { record, order: None });
        }
        planned
    }

    fn decide(
        &mut self,
        seen: Vec<Seen>,
        known: &BTreeMap<Arn, Record>,
        overrides: &[Kept],
        moment: &Moment,
        woken: Option<&Arn>,
    ) -> Vec<Planned> {
        let managed: Vec<Seen> =
            seen.into_iter().filter(|seen| self.rules.choose(seen) == Choice::Managed).collect();
        let mut wishes = Wishes::new(self.cost, overrides, self.now);
        let subjects = managed.iter().map(|seen| Subject {
            record: remembered(known, seen),
            seen: seen.clone(),
            wish: wishes.of(seen),
            woken: woken == Some(&seen.arn),
        });
        let decisions = cost::plan(subjects.collect(), moment, self.now);
        let planned = decisions.into_iter().zip(managed).map(|(decision, seen)| {
            let Decision { record, act, standing } = decision;
            self.tally.note(&standing);
            let before = known.get(&record.arn).and_then(|known| known.endpoint.as_ref());
            if let (Some(before), Some(endpoint)) = (before, &record.endpoint)
                && before != endpoint
            {
                let (kind, name) = (record.kind, record.name.as_str());
                tracing::warn!(%kind, name, before, endpoint, "reached at another address from now on");
            }
            Planned { record, order: (act != Act::Nothing).then_some(Order { seen, act }) }
        });
        planned.collect()
    }

    /// Writes what has changed; drops what somebody else has written meanwhile, or could not be written: the next tick looks
    /// at it again.
    async fn write(&mut self, planned: Vec<Planned>, known: &BTreeMap<Arn, Record>) -> Vec<Planned> {
        let function = self.function;
        let writes = stream::iter(planned).map(|mut one| async move {
            if known.get(&one.record.arn) == Some(&one.record) {
                return Ok(Some(one));
            }
            Ok(function.put(&mut one.record).await?.then_some(one))
        });
        let written: Vec<Result<Option<Planned>, PortError>> =
            writes.buffer_unordered(AT_ONCE).collect().await;
        let mut kept = Vec::new();
        for one in written {
            match one {
                Ok(one) => kept.extend(one),
                Err(error) => self.tally.failed.push(error),
            }
        }
        kept
    }

    /// Does what is to be done, and takes down what failed.
    async fn act(&mut self, planned: Vec<Planned>) -> Result<Vec<Record>, Failure> {
        let mut orders: BTreeMap<_, Vec<(Record, Order)>> = BTreeMap::new();
        let mut records: Vec<Record> = Vec::new();
        for Planned { record, order } in planned {
            match order {
                Some(order) => orders.entry(record.kind.family()).or_default().push((record, order)),
                None => records.push(record),
            }
        }
        let (function, configuration, now) = (self.function, self.configuration, self.now);
        let acts = function.resources.iter().filter_map(|one| Some((one, orders.remove(&one.family())?)));
        let acts = acts.map(|(one, mut orders)| async move {
            let (mut done, mut failure) = (Vec::new(), None);
            let is_late = || Seconds::until(now, function.clock.now()) > GIVES_ORDERS_FOR;
            while failure.is_none() && !orders.is_empty() && !is_late() {
                let rest = orders.split_off(orders.len().min(BETWEEN_LOOKS));
                let mut batch = std::mem::replace(&mut orders, rest);
                // A rollout may have begun since: what was to be stopped is so by the next tick that may.
                let stops = batch.iter().any(|(_, order)| order.act.stops());
                if stops {
                    let waits = function.stops_wait(configuration, now).await;
                    if !matches!(waits, Ok(None)) {
                        batch.retain(|(_, order)| !order.act.stops());
                    }
                    failure = waits.err();
                }
                let (records, orders): (Vec<Record>, Vec<Order>) = batch.into_iter().unzip();
                let outcomes = one.act(&orders).await;
                done.extend(records.into_iter().zip(orders).zip(outcomes));
            }
            (done, orders.len(), failure)
        });
        let (mut done, mut failures) = (Vec::new(), Vec::new());
        for (one, left, failure) in join_all(acts).await {
            if left > 0 {
                tracing::warn!(left, "no more orders are given: the next tick does");
            }
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            self.tally.asked = self.tally.asked.saturating_sub(left);
            self.tally.waiting = self.tally.waiting.saturating_add(left);
            done.extend(one);
            failures.extend(failure);
        }
        for ((mut record, order), outcome) in done {
            let (kind, name, act) = (record.kind, record.name.as_str(), &order.act);
            match outcome {
                Ok(()) => tracing::info!(%kind, name, ?act, why = record.said, "asked"),
                Err(Refused { why, cause: Cause::Throttled }) => {
                    tracing::warn!(%kind, name, ?act, why, "throttled: the next tick asks again");
                    self.tally.asked = self.tally.asked.saturating_sub(1);
                    self.tally.waiting += 1;
                }
                Err(Refused { why, cause }) => {
                    tracing::warn!(%kind, name, ?act, why, "refused");
                    record.failed(why, cause == Cause::Capacity, self.now);
                    self.tally.asked = self.tally.asked.saturating_sub(1);
                    self.tally.failing += 1;
                    match function.put(&mut record).await {
                        Ok(true) => {}
                        Ok(false) => continue,
                        Err(error) => {
                            self.tally.failed.push(error);
                            continue;
                        }
                    }
                }
            }
            records.push(record);
        }
        failures.into_iter().next().map_or(Ok(records), Err)
    }

    /// Tells of what is stuck, and of what is not any more.
    async fn tell(&mut self, records: Vec<Record>) {
        for record in records {
            let stuck = record.is_stuck(self.cost.other_types().len());
            let told = match (stuck, record.told) {
                (true, Told::Yes) | (false, Told::No) => continue,
                (true, Told::No | Told::Telling) => self.tell_of(record).await,
                (false, Told::Telling | Told::Yes) => self.tell_end_of(record).await,
            };
            if let Err(error) = told {
                self.tally.failed.push(error);
            }
        }
    }

    async fn tell_of(&self, mut record: Record) -> Result<(), PortError> {
        if record.told == Told::No {
            record.told = Told::Telling;
            // Who has written it meanwhile tells of it.
            if !self.function.put(&mut record).await? {
                return Ok(());
            }
        }
        self.function.troubles.tell(&self.trouble(&record, true)).await?;
        record.told = Told::Yes;
        self.function.put(&mut record).await.map(drop)
    }

    async fn tell_end_of(&self, mut record: Record) -> Result<(), PortError> {
        self.function.troubles.tell(&self.trouble(&record, false)).await?;
        record.told = Told::No;
        self.function.put(&mut record).await.map(drop)
    }

    fn trouble(&self, record: &Record, stuck: bool) -> ResourceTrouble {
        let reason = match &record.trouble {
            Some(trouble) => {
                format!("tried {} times since {}: {}", trouble.attempts, trouble.since, trouble.why)
            }
            None => record.said.clone(),
        };
        ResourceTrouble {
            environment: self.function.environment.clone(),
            kind: record.kind,
            resource: record.called(),
            stuck,
            reason,
            at: self.now,
        }
    }
}

impl CostOptimizerFunction<'_> {
    /// Writes a record as the next version of what it was read as.
    async fn put(&self, record: &mut Record) -> Result<bool, PortError> {
        record.version += 1;
        self.costs.put_resource(&self.environment, record).await
    }
}

fn remembered(known: &BTreeMap<Arn, Record>, seen: &Seen) -> Record {
    let new = || Record::new(seen.arn.clone(), seen.kind, seen.name.clone());
    let record = known.get(&seen.arn).cloned().unwrap_or_else(new);
    Record { lost: None, ..record }
}

/// What is wanted of resources. Most of them have no override, and all those want the same.
struct Wishes<'a> {
    cost: &'a Cost,
    overrides: &'a [Kept],
    now: Timestamp,
    plain: Wish,
}

impl<'a> Wishes<'a> {
    fn new(cost: &'a Cost, overrides: &'a [Kept], now: Timestamp) -> Self {
        Self { cost, overrides, now, plain: Wish::from(&desired(cost.plan(), &[], now)) }
    }

    fn of(&mut self, seen: &Seen) -> Wish {
        let about = |over: &Override| cost::names(over.resources(), seen.kind, &seen.name, &seen.arn);
        let own: Vec<&Override> =
            self.overrides.iter().map(|(_, over)| over).filter(|over| about(over)).collect();
        if own.is_empty() {
            self.plain.clone()
        } else {
            Wish::from(&desired(self.cost.plan(), &own, self.now))
        }
    }
}
