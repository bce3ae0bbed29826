use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(1),
    whole: Duration::from_millis(300),
    body: 1024,
    keep_alive: false,
};

/// Gives one raw answer to each connection, and the address of its server with a password in it.
async fn serve(answers: &[&str]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://user:hush@{}/token-hush", listener.local_addr().unwrap());
    let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            // The other side may hang up before it has read all of an answer that is too long.
            let _ = stream.write_all(answer.as_bytes()).await;
            if answer.contains("close") {
                stream.shutdown().await.unwrap();
            }
            kept.push(stream);
        }
        std::future::pending::<()>().await;
    });
    address
}

async fn ask(address: &str) -> Result<Answer, NoAnswer> {
    let client = HttpClient::new(LIMITS).unwrap();
    client.ask(client.request(Method::GET, address)).await
}

#[tokio::test]
async fn an_answer_comes_with_its_status_headers_and_body() {
    let address = serve(&["HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno"]).await;
    let answer = ask(&address).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (429, b"no".as_slice()));
    assert_eq!(answer.headers["retry-after"], "7");
}

#[tokio::test]
async fn a_status_is_told_whatever_its_body_is() {
    let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(LIMITS.body + 1));
    let cut = "HTTP/1.1 202 OK\r\nconnection: close\r\ncontent-length: 99\r\n\r\nhalf";
    let client = HttpClient::new(LIMITS).unwrap();
    for (answer, status) in [(long.as_str(), 200), (cut, 202)] {
        let address = serve(&[answer]).await;
        let answer = client.ask_status(client.request(Method::GET, &address)).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let answer = ask(&serve(&[moved]).await).await.unwrap();
    assert_eq!(answer.status, 302);
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_kind_and_without_the_address() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nobody = format!("http://user:hush@{}/token-hush", gone.local_addr().unwrap());
    drop(gone);
    let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(LIMITS.body + 1));
    let cut = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 99\r\n\r\nhalf";
    let garbage = "close the door, this is no HTTP\r\n\r\n";
    let silent = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{";
    for (address, kind) in [
        (nobody, "no connection: "),
        (serve(&[&long]).await, "it answers more than 1 KiB"),
        (serve(&[cut]).await, "no answer: "),
        (serve(&[garbage]).await, "no answer: "),
        (serve(&[""]).await, "it does not answer within 0.3 s"),
        (serve(&[silent]).await, "it does not answer within 0.3 s"),
        ("http://user:hush@[::bad/token-hush".to_owned(), "the request cannot be sent: "),
        ("token-hush".to_owned(), "the request cannot be sent: "),
    ] {
        let error = ask(&address).await.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.starts_with(kind), "{told}");
        assert!(!told.contains("hush") && !told.contains("127.0.0.1"), "{told}");
    }
}
