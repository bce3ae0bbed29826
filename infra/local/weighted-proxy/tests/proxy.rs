//! The proxy before two samples, on real sockets: who serves, and what is counted.

#[cfg(test)]
#[expect(dead_code, reason = "each test binary uses its part of what is shared")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use support::{FakeClock, Stage, client, get, read_until, send, target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use weighted_proxy::{
    ARM_HEADER, Arm, Clock as _, Fault, PerArm, Percent, Proxy, ProxyOptions, Sample, SystemClock, Weights,
};

#[tokio::test]
async fn ten_percent_of_a_thousand_requests_are_a_hundred_and_the_header_tells_the_arm() {
    let stage = Stage::new(90, 10).await;
    let client = client();
    let mut green = 0;
    for _ in 0..1000 {
        let response = get(&client, &stage.proxy.url()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let (arm, version) = if response.headers()[ARM_HEADER] == "green" {
            green += 1;
            ("green", "2.0.0")
        } else {
            ("blue", "1.0.0")
        };
        assert_eq!(response.headers()[ARM_HEADER], arm);
        assert_eq!(response.body().as_ref(), format!(r#"{{"path":"/","version":"{version}"}}"#).as_bytes());
    }
    assert_eq!(green, 100);
    assert_eq!((stage.blue.served(), stage.green.served()), (900, 100));
    let totals = stage.proxy.totals();
    assert_eq!((totals.blue.requests, totals.green.requests), (900, 100));
    assert_eq!((totals.blue.errors, totals.green.errors), (0, 0));
}

#[tokio::test]
async fn an_arm_of_weight_zero_gets_nothing_and_new_weights_hold_at_once() {
    let stage = Stage::new(100, 0).await;
    let client = client();
    for (weights, expected) in [
        (Weights::ALL_BLUE, (20, 0)),
        (Weights::ALL_GREEN, (20, 20)),
        (Weights::new(999, 0).unwrap(), (40, 20)),
        (Weights::new(1, 1).unwrap(), (50, 30)),
    ] {
        stage.proxy.set_weights(weights);
        assert_eq!(stage.proxy.weights(), weights);
        for _ in 0..20 {
            get(&client, &stage.proxy.url()).await;
        }
        assert_eq!((stage.blue.served(), stage.green.served()), expected, "{weights:?}");
    }
}

#[tokio::test]
async fn a_crashed_target_gives_502_and_an_error_of_its_arm_only() {
    let stage = Stage::new(50, 50).await;
    let client = client();
    for _ in 0..10 {
        assert_eq!(get(&client, &stage.proxy.url()).await.status(), StatusCode::OK);
    }
    stage.green.set_fault(Fault::Crash).await.unwrap();
    let mut refused = 0;
    for _ in 0..10 {
        let response = get(&client, &stage.proxy.url()).await;
        let expected = if response.headers()[ARM_HEADER] == "green" {
            refused += 1;
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        };
        assert_eq!(response.status(), expected);
    }
    let totals = stage.proxy.totals();
    assert_eq!(refused, 5);
    assert_eq!((totals.blue.requests, totals.blue.errors), (10, 0));
    assert_eq!((totals.green.requests, totals.green.errors), (10, 5));

    stage.green.recover().await.unwrap();
    for _ in 0..10 {
        assert_eq!(get(&client, &stage.proxy.url()).await.status(), StatusCode::OK);
    }
    assert_eq!(stage.proxy.totals().green.errors, 5);
}

#[tokio::test]
async fn a_5xx_of_the_target_is_an_error_and_a_slow_answer_is_slow() {
    let stage = Stage::new(0, 100).await;
    let client = client();
    stage.green.set_fault(Fault::Errors { rate: Percent::new(10.0).unwrap() }).await.unwrap();
    stage.proxy.set_objective(Duration::from_hours(1));
    for _ in 0..50 {
        get(&client, &stage.proxy.url()).await;
    }
    let totals = stage.proxy.totals().green;
    assert_eq!((totals.requests, totals.errors, totals.slow), (50, 5, 0));

    stage.green.set_fault(Fault::Latency { added_ms: 30 }).await.unwrap();
    stage.proxy.set_objective(Duration::from_millis(20));
    for _ in 0..5 {
        get(&client, &stage.proxy.url()).await;
    }
    let totals = stage.proxy.totals().green;
    assert_eq!((totals.requests, totals.errors, totals.slow), (55, 5, 5));
    assert!(totals.latency_max_micros >= 30_000);
    assert!(totals.latency_sum_micros >= 5 * 30_000 + 50 * 1000);
}

#[tokio::test]
async fn a_mebibyte_goes_there_and_back_unchanged() {
    let stage = Stage::new(100, 0).await;
    let client = client();
    let body: Bytes = (0..1_048_576_u32).map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)]).collect();
    let request = Request::post(format!("{}/echo", stage.proxy.url())).body(Full::new(body.clone())).unwrap();
    let response = send(&client, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.body() == &body);
    assert_eq!(stage.proxy.totals().blue.requests, 1);
}

#[tokio::test]
async fn bodies_stream_and_a_request_is_counted_in_the_minute_in_which_it_ends() {
    let clock = FakeClock::at("2026-01-02T03:04:30Z");
    let stage = Stage::with(100, 0, clock.clone(), ProxyOptions::default()).await;
    let mut stream = TcpStream::connect(stage.proxy.address()).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"5\r\nfirst\r\n").await.unwrap();
    // Half of the response is here before the other half of the request is sent.
    let response = read_until(&mut stream, "5\r\nfirst\r\n").await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert_eq!(stage.proxy.totals().blue.requests, 0);

    clock.advance(Duration::from_mins(2));
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(read_until(&mut stream, "0\r\n\r\n").await.unwrap(), "6\r\nsecond\r\n0\r\n\r\n");
    let minutes = stage.proxy.minutes(Timestamp::MIN, Timestamp::MAX);
    assert_eq!(minutes.len(), 1);
    assert_eq!(minutes[0].minute, "2026-01-02T03:06:00Z".parse().unwrap());
    assert_eq!((minutes[0].arms.blue.requests, minutes[0].arms.green.requests), (1, 0));
}

#[tokio::test]
async fn each_minute_has_the_counts_of_both_arms() {
    let clock = FakeClock::at("2026-01-02T03:04:00Z");
    let stage = Stage::with(50, 50, clock.clone(), ProxyOptions::default()).await;
    stage.green.set_fault(Fault::Errors { rate: Percent::new(50.0).unwrap() }).await.unwrap();
    let client = client();
    for requests in [4, 0, 8] {
        for _ in 0..requests {
            get(&client, &stage.proxy.url()).await;
        }
        clock.advance(Duration::from_mins(1));
    }
    let first = "2026-01-02T03:04:00Z".parse().unwrap();
    let seen: Vec<_> = stage
        .proxy
        .minutes(first, clock.now())
        .iter()
        .map(|counts| {
            let of = |arm| (counts.arms.get(arm).requests, counts.arms.get(arm).errors);
            (counts.minute.to_string(), of(Arm::Blue), of(Arm::Green))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("2026-01-02T03:04:00Z".to_owned(), (2, 0), (2, 1)),
            ("2026-01-02T03:06:00Z".to_owned(), (4, 0), (4, 2)),
        ]
    );
    assert_eq!(stage.proxy.minutes(first, first), []);
}

#[tokio::test]
async fn a_request_in_flight_is_drained_when_its_arm_gets_weight_zero_or_the_proxy_stops() {
    let stage = Stage::new(0, 100).await;
    stage.green.set_fault(Fault::Latency { added_ms: 200 }).await.unwrap();
    let ask = |url: String| tokio::spawn(async move { get(&client(), &url).await });
    let first = ask(stage.proxy.url());
    while stage.green.served() < 1 {
        tokio::task::yield_now().await;
    }
    stage.proxy.set_weights(Weights::ALL_BLUE);
    assert_eq!(get(&client(), &stage.proxy.url()).await.headers()[ARM_HEADER], "blue");
    let first = first.await.unwrap();
    assert_eq!((first.status(), &first.headers()[ARM_HEADER]), (StatusCode::OK, &"green".parse().unwrap()));

    stage.proxy.set_weights(Weights::ALL_GREEN);
    let second = ask(stage.proxy.url());
    while stage.green.served() < 2 {
        tokio::task::yield_now().await;
    }
    let address = stage.proxy.address();
    let totals = stage.proxy.stop().await;
    assert_eq!(second.await.unwrap().status(), StatusCode::OK);
    assert_eq!((totals.blue.requests, totals.green.requests, totals.green.errors), (1, 2, 0));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_arm_can_be_given_another_target() {
    let stage = Stage::new(0, 100).await;
    let third = Sample::start("3.0.0", 0).unwrap();
    stage.proxy.set_target(Arm::Green, target(&third.url()));
    assert_eq!(stage.proxy.target(Arm::Green).to_string(), third.url());
    let response = get(&client(), &stage.proxy.url()).await;
    assert_eq!(response.body().as_ref(), br#"{"path":"/","version":"3.0.0"}"#);
    assert_eq!(response.headers()[ARM_HEADER], "green");
}

#[tokio::test]
async fn a_port_in_use_is_refused_with_its_place() {
    let first = Stage::new(1, 1).await;
    let port = first.proxy.address().port();
    let targets = PerArm { blue: target("http://127.0.0.1:1"), green: target("http://127.0.0.1:1") };
    let options = ProxyOptions { port, ..ProxyOptions::default() };
    let error = Proxy::start(options, targets, Arc::new(SystemClock)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("proxy cannot listen on 127.0.0.1:{port}: choose another port, or 0 for any free one")
    );
}
