//! What the proxy does to HTTP messages, and how it answers when a target or a client misbehaves.

#[cfg(test)]
#[expect(dead_code, reason = "each test binary uses its part of what is shared")]
mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::{Request, StatusCode};
use support::{client, get, proxy_before, raw_target, read_until, send};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use weighted_proxy::{ARM_HEADER, Proxy, ProxyOptions};

fn impatient() -> ProxyOptions {
    ProxyOptions { response_timeout: Duration::from_millis(100), ..ProxyOptions::default() }
}

fn blue(proxy: &Proxy) -> (u64, u64, u64) {
    let blue = proxy.totals().blue;
    (blue.requests, blue.errors, blue.abandoned)
}

#[tokio::test]
async fn the_target_gets_its_base_path_the_clients_host_and_no_hop_by_hop_headers() {
    let url = raw_target(|mut stream| async move {
        while let Some(head) = read_until(&mut stream, "\r\n\r\n").await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n\
                 x-ace-arm: green\r\nx-end: 2\r\ncontent-length: {}\r\n\r\n{head}",
                head.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let proxy = proxy_before(&format!("{url}/base/"), ProxyOptions::default()).await;
    let request = Request::get(format!("{}/a/b?c=d", proxy.url()))
        .header("host", "shop.example")
        .header("connection", "x-mine")
        .header("x-mine", "1")
        .header("x-yours", "2")
        .header("x-forwarded-for", "10.0.0.1")
        .body(Full::default())
        .unwrap();
    let response = send(&client(), request).await;

    let head = String::from_utf8(response.body().to_vec()).unwrap();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "GET /base/a/b?c=d HTTP/1.1",
            "host: shop.example",
            "x-forwarded-for: 10.0.0.1, 127.0.0.1",
            "x-forwarded-proto: http",
            "x-yours: 2",
        ]
    );
    assert_eq!(response.headers()["x-end"], "2");
    assert!(!response.headers().contains_key("x-hop"));
    assert!(!response.headers().contains_key("keep-alive"));
    assert_eq!(response.headers().get_all(ARM_HEADER).iter().collect::<Vec<_>>(), ["blue"]);
}

#[tokio::test]
async fn one_connection_to_the_target_serves_many_requests() {
    let connections = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&connections);
    let url = raw_target(move |mut stream| {
        counting.fetch_add(1, Ordering::SeqCst);
        async move {
            while read_until(&mut stream, "\r\n\r\n").await.is_some() {
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            }
        }
    })
    .await;
    let proxy = proxy_before(&url, ProxyOptions::default()).await;
    let client = client();
    for _ in 0..20 {
        assert_eq!(get(&client, &proxy.url()).await.status(), StatusCode::NO_CONTENT);
        // The proxy learns that the connection is free again on another task than the one that answers.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(blue(&proxy), (20, 0, 0));
    assert!(connections.load(Ordering::SeqCst) < 20, "{connections:?}");
}

#[tokio::test]
async fn head_and_not_modified_keep_their_length_and_have_no_body() {
    let url = raw_target(|mut stream| async move {
        while let Some(head) = read_until(&mut stream, "\r\n\r\n").await {
            let answer: &[u8] = if head.starts_with("HEAD") {
                b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n"
            } else {
                b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n"
            };
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let proxy = proxy_before(&url, ProxyOptions::default()).await;
    let client = client();
    let head = send(&client, Request::head(proxy.url()).body(Full::default()).unwrap()).await;
    assert_eq!(
        (head.status(), &head.headers()["content-length"]),
        (StatusCode::OK, &"1234".parse().unwrap())
    );
    assert_eq!(get(&client, &proxy.url()).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(blue(&proxy), (2, 0, 0));
}

#[tokio::test]
async fn a_target_that_closes_without_an_answer_gives_502() {
    let url = raw_target(|mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
    })
    .await;
    let proxy = proxy_before(&url, ProxyOptions::default()).await;
    let response = get(&client(), &proxy.url()).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.headers()[ARM_HEADER], "blue");
    assert_eq!(blue(&proxy), (1, 1, 0));
}

#[tokio::test]
async fn a_silent_target_gives_504() {
    let url =
        raw_target(|mut stream| async move { while read_until(&mut stream, "\r\n\r\n").await.is_some() {} })
            .await;
    let proxy = proxy_before(&url, impatient()).await;
    assert_eq!(get(&client(), &proxy.url()).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(blue(&proxy), (1, 1, 0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_target_that_accepts_no_connection_gives_504() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Connections that nobody accepts fill its queue; further ones wait.
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
    }
    let options = ProxyOptions { connect_timeout: Duration::from_millis(100), ..ProxyOptions::default() };
    let proxy = proxy_before(&format!("http://{address}"), options).await;
    let response = get(&client(), &proxy.url()).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.body().as_ref(), b"the target did not accept a connection in time");
    assert_eq!(blue(&proxy), (1, 1, 0));
}

#[tokio::test]
async fn a_response_that_stalls_or_breaks_off_is_an_error_of_the_target() {
    for (stalls, counted) in [(true, (1, 1, 0)), (false, (1, 1, 0))] {
        let url = raw_target(move |mut stream| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
            if stalls {
                std::future::pending::<()>().await;
            }
        })
        .await;
        let proxy = proxy_before(&url, impatient()).await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
        assert!(read_until(&mut stream, "half").await.is_some());
        assert_eq!(read_until(&mut stream, "never").await, None);
        assert_eq!(blue(&proxy), counted, "stalls: {stalls}");
    }
}

#[tokio::test]
async fn a_client_that_stops_sending_gets_408_and_is_no_error_of_the_target() {
    let url =
        raw_target(|mut stream| async move { while read_until(&mut stream, "\r\n\r\n").await.is_some() {} })
            .await;
    let proxy = proxy_before(&url, impatient()).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    assert_eq!(blue(&proxy), (0, 0, 1));
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_error_of_the_target() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_target(move |mut stream| {
        let arrived = arrived.clone();
        async move {
            while read_until(&mut stream, "\r\n\r\n").await.is_some() {
                arrived.send(()).unwrap();
            }
        }
    })
    .await;
    let proxy = proxy_before(&url, ProxyOptions::default()).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    arrivals.recv().await.unwrap();
    drop(stream);
    while blue(&proxy) == (0, 0, 0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(blue(&proxy), (0, 0, 1));
}

#[tokio::test]
async fn what_names_no_path_of_the_service_is_refused_and_not_counted() {
    let proxy = proxy_before("http://127.0.0.1:1", ProxyOptions::default()).await;
    for line in ["CONNECT shop.example:443 HTTP/1.1", "OPTIONS * HTTP/1.1"] {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(format!("{line}\r\nhost: shop\r\n\r\n").as_bytes()).await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await.unwrap();
        assert!(head.starts_with("HTTP/1.1 400 "), "{line}: {head}");
    }
    assert_eq!(blue(&proxy), (0, 0, 0));
}

#[tokio::test]
async fn an_exchange_that_is_slow_and_moves_is_not_cut() {
    // Three pauses are longer than the timeout together, and each is much shorter.
    let pause = || tokio::time::sleep(Duration::from_millis(400));
    let options = ProxyOptions { response_timeout: Duration::from_secs(1), ..ProxyOptions::default() };
    let url = raw_target(move |mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await.unwrap();
        read_until(&mut stream, "0\r\n\r\n").await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n").await.unwrap();
        for piece in [b"a", b"b", b"c"] {
            stream.write_all(piece).await.unwrap();
            pause().await;
        }
        stream.write_all(b"d").await.unwrap();
    })
    .await;
    let proxy = proxy_before(&url, options).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"1\r\nx\r\n").await.unwrap();
        pause().await;
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let response = read_until(&mut stream, "abcd").await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert_eq!(blue(&proxy), (1, 0, 0));
}

#[tokio::test]
async fn a_request_body_that_breaks_off_is_no_error_of_the_target() {
    let url =
        raw_target(|mut stream| async move { while read_until(&mut stream, "\r\n\r\n").await.is_some() {} })
            .await;
    let proxy = proxy_before(&url, ProxyOptions::default()).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}1\r\nx\r\nno chunk\r\n").as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(blue(&proxy), (0, 0, 1));
}

#[tokio::test]
async fn an_old_client_is_served_and_the_target_is_asked_in_http_1_1() {
    let (heads, mut head) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_target(move |mut stream| {
        let heads = heads.clone();
        async move {
            while let Some(head) = read_until(&mut stream, "\r\n\r\n").await {
                heads.send(head).unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        }
    })
    .await;
    let proxy = proxy_before(&url, ProxyOptions::default()).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"GET /old HTTP/1.0\r\n\r\n").await.unwrap();
    let response = read_until(&mut stream, "\r\n\r\nok").await.unwrap();
    assert!(response.starts_with("HTTP/1.0 200 OK\r\n"), "{response}");
    let head = head.recv().await.unwrap();
    assert!(head.starts_with("GET /old HTTP/1.1\r\n"), "{head}");
    let host = url.strip_prefix("http://").unwrap();
    assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
}
