//! The load generator, alone and through the proxy while the weights change.

#[cfg(test)]
#[expect(dead_code, reason = "each test binary uses its part of what is shared")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use support::{Stage, load_on, raw_target, read_until};
use tokio::io::AsyncWriteExt;
use weighted_proxy::{Fault, Load, LoadTotals, Percent, Weights};

async fn until(load: &Load, reached: impl Fn(LoadTotals) -> bool) {
    while !reached(load.totals()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn no_request_is_lost_while_the_weights_change_under_load() {
    let stage = Stage::new(100, 0).await;
    let load = load_on(&stage.proxy.url(), 400, 400);
    for turn in 1..=40_u16 {
        until(&load, |totals| totals.due >= u64::from(turn) * 20).await;
        stage.proxy.set_weights(Weights::new(turn * 7 % 101, turn % 3 * 50 + 1).unwrap());
    }
    let totals = load.stop().await;
    assert!(totals.sent >= 400, "{totals:?}");
    assert_eq!((totals.ok, totals.failed, totals.in_flight()), (totals.sent, 0, 0));
    assert_eq!(totals.due, totals.sent + totals.behind);
    assert!(totals.p50_micros <= totals.p99_micros && totals.p99_micros <= totals.max_micros);
    // A response takes a millisecond at least.
    assert!(totals.p50_micros >= Some(1000), "{totals:?}");

    let served = stage.proxy.stop().await;
    assert!(served.blue.requests > 0 && served.green.requests > 0);
    assert_eq!(served.blue.requests + served.green.requests, totals.sent);
    assert_eq!(
        (served.blue.errors, served.green.errors, served.blue.abandoned, served.green.abandoned),
        (0, 0, 0, 0)
    );
    assert_eq!(stage.blue.served() + stage.green.served(), totals.sent);
}

#[tokio::test]
async fn failures_are_those_that_the_proxy_saw_through_errors_a_crash_and_a_recovery() {
    let stage = Stage::new(50, 50).await;
    let load = load_on(&stage.proxy.url(), 300, 300);
    stage.green.set_fault(Fault::Errors { rate: Percent::new(20.0).unwrap() }).await.unwrap();
    until(&load, |totals| totals.failed >= 10).await;
    stage.green.set_fault(Fault::Crash).await.unwrap();
    let before = load.totals();
    until(&load, |totals| totals.failed >= before.failed + 20).await;
    stage.green.recover().await.unwrap();
    let before = load.totals();
    until(&load, |totals| totals.ok >= before.ok + 100).await;

    let totals = load.stop().await;
    let served = stage.proxy.stop().await;
    assert_eq!(served.blue.errors, 0);
    assert_eq!(served.green.errors, totals.failed);
    assert_eq!(served.blue.requests + served.green.requests, totals.sent);
    assert_eq!(totals.ok + totals.failed, totals.sent);
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_and_connections_are_bounded() {
    let open = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&open);
    let (answer, answers) = tokio::sync::watch::channel(false);
    let url = raw_target(move |mut stream| {
        counting.fetch_add(1, Ordering::SeqCst);
        let mut answers = answers.clone();
        async move {
            while read_until(&mut stream, "\r\n\r\n").await.is_some() {
                drop(answers.wait_for(|answer| *answer).await.unwrap());
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        }
    })
    .await;
    let load = load_on(&url, 1000, 5);
    until(&load, |totals| totals.due >= 100).await;
    let totals = load.totals();
    assert_eq!((totals.sent, totals.in_flight(), totals.behind), (5, 5, totals.due - 5));

    answer.send_replace(true);
    until(&load, |totals| totals.ok >= 50).await;
    let totals = load.stop().await;
    // A 404 is an answer: the service works.
    assert_eq!((totals.ok, totals.failed), (totals.sent, 0));
    assert!(open.load(Ordering::SeqCst) <= 5, "{open:?}");
}

#[tokio::test]
async fn a_target_that_is_not_there_fails_every_request() {
    let sample = weighted_proxy::Sample::start("1", 0).unwrap();
    sample.set_fault(Fault::Crash).await.unwrap();
    let load = load_on(&sample.url(), 500, 50);
    until(&load, |totals| totals.failed >= 20).await;
    let totals = load.stop().await;
    assert_eq!((totals.ok, totals.failed), (0, totals.sent));
}

#[tokio::test]
async fn what_was_missed_in_a_long_pause_is_told_and_not_sent_in_a_burst() {
    let sample = weighted_proxy::Sample::start("1", 0).unwrap();
    let load = load_on(&sample.url(), 100, 1000);
    until(&load, |totals| totals.ok >= 5).await;
    // The one thread of this test is the generator's too: nothing of it runs meanwhile.
    std::thread::sleep(Duration::from_millis(1500));
    let before = load.totals();
    until(&load, |totals| totals.ok >= before.ok + 5).await;
    let totals = load.stop().await;
    assert!(totals.behind >= 40, "{totals:?}");
    assert_eq!((totals.due, totals.failed), (totals.sent + totals.behind, 0));
    assert!(totals.max_micros >= Some(900_000), "{totals:?}");
}
