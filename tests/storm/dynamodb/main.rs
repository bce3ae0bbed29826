//! The storm on threads, over DynamoDB: an emulator that this test starts (`ACE_MINISTACK`), or whatever
//! `AWS_ENDPOINT_URL` names. The clocks of the rollouts run faster, and everything between functions and table is real.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is a failed test"
)]

#[expect(dead_code, reason = "the tests of the whole stack call more of AWS")]
#[path = "../../emulators/aws.rs"]
mod aws;
#[expect(dead_code, reason = "the tests of the whole stack start another emulator")]
#[path = "../../emulators/emulator.rs"]
mod emulator;
#[path = "../../emulators/http.rs"]
mod http;
#[path = "../storm.rs"]
mod storm;
#[expect(dead_code, reason = "the tests of the whole stack create more of it")]
#[path = "../../emulators/template.rs"]
mod template;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dynamo_store::DynamoStore;
use e2e::{Call, Fate, Gate, Lambda, Run, Setup};
use engine::ports::Store;
use rollout::Seconds;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::aws::{Aws, given_endpoint};
use crate::emulator::Emulator;
use crate::storm::{COPIES, Kind, play, verify};
use crate::template::Template;

const ROLLOUTS: u64 = 20;

/// A function's timeout of 30 s has to be longer than a few answers of a busy emulator.
const SPEED: u32 = 10;

/// They do not begin all at once.
const APART: Duration = Duration::from_millis(500);

/// The shortest rollouts that are still judged.
const RULES: &str = "  canary: { steps: [{ weight: 25, bake: 0s }, { weight: 100, bake: 0s }] }\n  blue_green: { \
                     monitor: 0s }\n  evidence: { settle: 0s, metric_delay: 1s }\n  clean_up: { after: 1m, \
                     quiet_minutes: 1, attempts: 5 }\n";

/// What has not ended by then hangs.
const FOR_EVER: Duration = Duration::from_mins(4);

/// Calls go through as they come.
struct Open;

#[async_trait]
impl Gate for Open {
    async fn meet(&self, _: &Call) -> Fate {
        Fate::Through
    }
}

#[test]
fn ten_deliveries_of_every_event_are_one_rollout_on_dynamodb() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt()).unwrap(), signal(SignalKind::terminate()).unwrap());
        // The emulator is in a group of its own: it ends when it is dropped.
        tokio::select! {
            () = all() => {}
            _ = interrupt.recv() => panic!("interrupted"),
            _ = terminate.recv() => panic!("terminated"),
        }
    });
}

async fn all() {
    let folder = TempDir::new().unwrap();
    let (_emulator, endpoint) = if let Some(url) = given_endpoint() {
        (None, url)
    } else {
        let emulator = Emulator::ministack(folder.path()).await.unwrap();
        let url = emulator.url.clone();
        (Some(emulator), url)
    };
    let aws = Aws::new(endpoint.clone(), endpoint.clone(), endpoint);
    let run = format!("{:x}", jiff::Timestamp::now().as_millisecond());
    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(&aws.sdk(), table(&aws, &run).await));
    let began = Instant::now();
    let mut rollouts = JoinSet::new();
    for number in 0..ROLLOUTS {
        let (store, name) = (Arc::clone(&store), format!("storm-{run}-{number}"));
        rollouts.spawn(async move { one(store, number, &name).await });
        tokio::time::sleep(APART).await;
    }
    let (mut invocations, mut failed) = (0, Vec::new());
    while let Some(ended) = rollouts.join_next().await {
        match ended.unwrap() {
            Ok(count) => invocations += count,
            Err(report) => failed.push(report),
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "storm on DynamoDB: {ROLLOUTS} rollouts, every event {COPIES} times, {invocations} invocations, {} failed, in \
         {:.1} s",
        failed.len(),
        began.elapsed().as_secs_f64()
    )
    .unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

async fn one(store: Arc<dyn Store>, number: u64, name: &str) -> Result<u64, String> {
    let kind = Kind::of(number);
    let setup = Setup {
        configuration: kind.configuration(RULES),
        environment: name.parse().unwrap(),
        speed: NonZeroU32::new(SPEED).unwrap(),
        ..Setup::default()
    };
    let run = Arc::new(Run::on(store, setup).await);
    let (journal, name) = (Arc::clone(&run.journal), name.to_owned());
    let played = tokio::spawn(async move {
        let drawn = AtomicU64::new(number);
        // Spread, and not the same for each: what decides is how the threads run.
        let draw = move |most: u32| {
            let next = drawn.fetch_add(7, Ordering::Relaxed);
            Seconds(u32::try_from(next * 31 % u64::from(most + 1)).unwrap())
        };
        let draw = Arc::new(draw);
        let arrival = Arc::clone(&draw);
        let arrivals = move |function: &str| {
            let most = |copy| if copy > 0 && copy % 2 == 0 { 60 } else { 4 };
            // The deliveries of the event are executions already.
            let copies = if function == "start-deploy" { 1 } else { COPIES };
            (0..copies).map(|copy| arrival(most(copy))).collect()
        };
        let lambda = Lambda::new(&run, Arc::new(Open), Box::new(arrivals));
        let whole = play(&run, &lambda, kind, &name, |most| draw(most));
        assert!(tokio::time::timeout(FOR_EVER, whole).await.is_ok(), "it does not end");
        verify(&run, &lambda, kind).await;
        lambda.invocations()
    });
    played.await.map_err(|error| {
        let panic = error.into_panic();
        let text = panic.downcast_ref::<String>().cloned();
        format!("{kind:?}: {}\n{}", text.unwrap_or_default(), journal.transcript())
    })
}

/// Creates the table of the template; gives its name.
async fn table(aws: &Aws, run: &str) -> String {
    let template = Template::new(BTreeMap::new());
    let name = format!("ace-flow-storm-{run}");
    let properties = template.properties("Table");
    let mut body = Map::from_iter([("TableName".to_owned(), Value::from(name.clone()))]);
    for property in ["BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"] {
        body.insert(property.to_owned(), properties[property].clone());
    }
    aws.json("dynamodb", "DynamoDB_20120810.CreateTable", &body.into()).await;
    name
}
