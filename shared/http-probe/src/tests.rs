use rollout::{Method, Probe, SmokeTest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers each path with raw bytes, one connection per request.
async fn serve(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 2048];
                let read = socket.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let answer =
                    answers.iter().find(|(line, _)| head.starts_with(line)).map_or("", |(_, answer)| answer);
                drop(socket.write_all(answer.as_bytes()).await);
            });
        }
    });
    url
}

const HEALTHY: (&str, &str) = (
    "GET /health ",
    "HTTP/1.1 200 OK\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{\"status\":\"healthy\"}",
);

async fn probed(answers: &'static [(&'static str, &'static str)], tests: &[SmokeTest]) -> Probe {
    HttpProber::new().unwrap().probe(&serve(answers).await, "/health", tests).await
}

fn not_ready(probe: Probe) -> String {
    match probe {
        Probe::NotReady(reason) => reason,
        other => panic!("expected not ready, got {other:?}"),
    }
}

fn smoke(path: &str, method: Method, status: u16, contains: Option<&str>) -> SmokeTest {
    SmokeTest {
        name: "start page".to_owned(),
        method,
        path: path.to_owned(),
        status,
        contains: contains.map(str::to_owned),
    }
}

#[tokio::test]
async fn healthy_means_that_it_says_so() {
    assert_eq!(probed(&[HEALTHY], &[]).await, Probe::Ready);
}

#[tokio::test]
async fn a_good_code_with_a_bad_status_is_not_healthy() {
    let degraded =
        "HTTP/1.1 200 OK\r\ncontent-length: 21\r\nconnection: close\r\n\r\n{\"status\":\"degraded\"}";
    let reason = not_ready(probed(Box::leak(Box::new([("GET /health ", degraded)])), &[]).await);
    assert!(reason.contains("\"degraded\""), "{reason}");
}

#[tokio::test]
async fn errors_redirects_and_other_bodies_are_not_healthy() {
    for (answer, says) in [
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "HTTP 503"),
        ("HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "HTTP 302"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", "JSON object"),
    ] {
        let reason = not_ready(probed(Box::leak(Box::new([("GET /health ", answer)])), &[]).await);
        assert!(reason.contains(says), "{reason}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let big = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(MOST_BODY + 1));
    let answers: &'static [(&str, &str)] = Box::leak(Box::new([("GET /health ", &*big.leak())]));
    let reason = not_ready(probed(answers, &[]).await);
    assert!(reason.contains("more than 65536 bytes"), "{reason}");
}

#[tokio::test]
async fn nobody_there_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let reason = not_ready(HttpProber::new().unwrap().probe(&url, "/health", &[]).await);
    assert!(reason.contains("cannot be reached") && reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn smoke_tests_judge_status_and_content() {
    const PAGE: (&str, &str) =
        ("GET /start ", "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nwelcome");
    let answers: &'static [(&str, &str)] = &[HEALTHY, PAGE];
    assert_eq!(probed(answers, &[smoke("start", Method::Get, 200, Some("welcome"))]).await, Probe::Ready);
    for (test, says) in [
        (smoke("/start", Method::Get, 204, None), "HTTP 200, not 204"),
        (smoke("/start", Method::Get, 200, Some("goodbye")), "does not contain \"goodbye\""),
    ] {
        match probed(answers, &[test]).await {
            Probe::SmokeTestFailed(reason) => {
                assert!(reason.starts_with("start page: ") && reason.contains(says), "{reason}");
            }
            other => panic!("expected a failed smoke test, got {other:?}"),
        }
    }
}
