//! The sample service and its faults, on real sockets.

#[cfg(test)]
#[expect(dead_code, reason = "each test binary uses its part of what is shared")]
mod support;

use hyper::StatusCode;
use support::{client, get};
use weighted_proxy::{Fault, Percent, Sample};

#[tokio::test]
async fn a_healthy_sample_tells_its_version() {
    let sample = Sample::start("2.3.0", 0).unwrap();
    let client = client();
    assert_eq!(sample.version(), "2.3.0");
    assert!(sample.address().ip().is_loopback());

    let health = get(&client, &format!("{}/health", sample.url())).await;
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.body().as_ref(), br#"{"status":"healthy","version":"2.3.0"}"#);

    let other = get(&client, &format!("{}/orders/7?x=y", sample.url())).await;
    assert_eq!(other.status(), StatusCode::OK);
    assert_eq!(other.body().as_ref(), br#"{"path":"/orders/7","version":"2.3.0"}"#);
    assert_eq!(sample.served(), 1);
}

#[tokio::test]
async fn five_percent_errors_are_five_of_a_hundred_and_health_is_not_among_them() {
    let sample = Sample::start("2", 0).unwrap();
    let client = client();
    let fault = Fault::Errors { rate: Percent::new(5.0).unwrap() };
    sample.set_fault(fault).await.unwrap();
    let mut failed = 0;
    for _ in 0..100 {
        // The same fault once more, and a health check between, must not change the count.
        sample.set_fault(fault).await.unwrap();
        assert_eq!(get(&client, &format!("{}/health", sample.url())).await.status(), StatusCode::OK);
        let status = get(&client, &sample.url()).await.status();
        failed += u32::from(status == StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(failed, 5);
    sample.recover().await.unwrap();
    assert_eq!(sample.fault(), Fault::None);
    for _ in 0..100 {
        assert_eq!(get(&client, &sample.url()).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn an_unhealthy_sample_still_serves() {
    let sample = Sample::start("2", 0).unwrap();
    let client = client();
    sample.set_fault(Fault::Unhealthy).await.unwrap();
    let health = get(&client, &format!("{}/health", sample.url())).await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.body().as_ref(), br#"{"status":"unhealthy","version":"2"}"#);
    assert_eq!(get(&client, &sample.url()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_crashed_sample_refuses_connections_until_it_recovers_on_the_same_port() {
    let sample = Sample::start("2", 0).unwrap();
    let client = client();
    let url = sample.url();
    assert_eq!(get(&client, &url).await.status(), StatusCode::OK);
    for _ in 0..3 {
        sample.set_fault(Fault::Crash).await.unwrap();
        sample.set_fault(Fault::Crash).await.unwrap();
        let refused = tokio::net::TcpStream::connect(sample.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        sample.recover().await.unwrap();
        assert_eq!(sample.url(), url);
        assert_eq!(get(&client, &url).await.status(), StatusCode::OK);
    }
    let address = sample.address();
    sample.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_port_that_was_taken_after_a_crash_is_told_and_recovered_once_it_is_free() {
    let sample = Sample::start("2", 0).unwrap();
    sample.set_fault(Fault::Crash).await.unwrap();
    let thief = Sample::start("3", sample.address().port()).unwrap();
    assert!(sample.recover().await.is_err());
    assert_eq!(sample.fault(), Fault::Crash);
    thief.stop().await;
    sample.recover().await.unwrap();
    let response = get(&client(), &sample.url()).await;
    assert_eq!(response.body().as_ref(), br#"{"path":"/","version":"2"}"#);
}

#[tokio::test]
async fn a_crash_cuts_the_request_in_flight() {
    let sample = Sample::start("2", 0).unwrap();
    sample.set_fault(Fault::Latency { added_ms: 3_600_000 }).await.unwrap();
    let request = tokio::spawn({
        let url = sample.url().parse().unwrap();
        async move { client().get(url).await }
    });
    while sample.served() == 0 {
        tokio::task::yield_now().await;
    }
    sample.set_fault(Fault::Crash).await.unwrap();
    assert!(request.await.unwrap().is_err());
}

#[tokio::test]
async fn a_port_in_use_is_refused_with_its_place() {
    let first = Sample::start("1", 0).unwrap();
    let error = Sample::start("2", first.address().port()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "sample service 2 cannot listen on {}: end what uses that port, or let it take another one",
            first.address()
        )
    );
}
