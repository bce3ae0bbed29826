use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Prober;
use http_client::{HttpClient, Limits, RequestBuilder, SetUpError};
use rollout::{Method, Probe, SmokeTest};

use crate::answer::{Answer, as_expected, healthy};

/// The longest time of one request, from the connection to the end of the body.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// Probes over HTTP and HTTPS.
#[derive(Clone, Debug)]
pub struct HttpProber(HttpClient);

impl HttpProber {
    /// A prober. Makes no request.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn new() -> Result<Self, SetUpError> {
        Self::with_timeout(TIMEOUT)
    }

    fn with_timeout(timeout: Duration) -> Result<Self, SetUpError> {
        // Each look is at the service as it is now; a connection of the last look may lead to a target that left.
        let limits = Limits { connect: timeout, whole: timeout, body: MAX_BODY, keep_alive: false };
        HttpClient::new(limits).map(Self)
    }

    /// Sends a request and reads its answer within the timeout; otherwise why not, without the address.
    async fn ask(&self, request: RequestBuilder) -> Result<Answer, String> {
        let answer = self.0.ask(request).await.map_err(|error| error.to_string())?;
        Ok(Answer { status: answer.status, body: answer.body })
    }

    fn request(&self, method: Method, address: &str) -> RequestBuilder {
        let method = match method {
            Method::Get => http_client::Method::GET,
            Method::Head => http_client::Method::HEAD,
            Method::Post => http_client::Method::POST,
        };
        self.0.request(method, address)
    }
}

/// An endpoint may end with a slash, and a path may begin with one.
fn address(endpoint: &str, path: &str) -> String {
    format!("{}/{}", endpoint.trim_end_matches('/'), path.trim_start_matches('/'))
}

#[async_trait]
impl Prober for HttpProber {
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe {
        let answer = self.ask(self.request(Method::Get, &address(endpoint, path))).await;
        if let Err(why) = answer.and_then(|answer| healthy(&answer)) {
            return Probe::NotReady(format!("GET {path}: {why}"));
        }
        for test in smoke_tests {
            let answer = self.ask(self.request(test.method, &address(endpoint, &test.path))).await;
            if let Err(why) = answer.and_then(|answer| as_expected(test, &answer)) {
                return Probe::SmokeTestFailed(format!("{} ({}): {why}", test.name, test.path));
            }
        }
        Probe::Ready
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const HEALTHY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"status\":\"healthy\"}";

    /// A service that gives one answer to each connection, and keeps the request lines.
    struct Service {
        endpoint: String,
        asked: Arc<Mutex<Vec<String>>>,
    }

    async fn service(answers: Vec<String>) -> Service {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://user:hush@{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut kept = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                let text = String::from_utf8(request).unwrap();
                seen.lock().unwrap().push(text.lines().next().unwrap().to_owned());
                // The other side may hang up before it has read all of an answer that is too long.
                let _ = stream.write_all(answer.as_bytes()).await;
                kept.push(stream);
            }
            std::future::pending::<()>().await;
        });
        Service { endpoint, asked }
    }

    fn test(method: Method, status: u16) -> SmokeTest {
        SmokeTest { name: "cart".to_owned(), method, path: "/cart".to_owned(), status, contains: None }
    }

    async fn probe(answers: &[&str], tests: &[SmokeTest]) -> (Probe, Vec<String>) {
        let service = service(answers.iter().map(|&answer| answer.to_owned()).collect()).await;
        let probe = HttpProber::new().unwrap().probe(&service.endpoint, "/health", tests).await;
        let asked = service.asked.lock().unwrap().clone();
        (probe, asked)
    }

    #[tokio::test]
    async fn a_healthy_service_that_passes_its_tests_is_ready() {
        let created = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n";
        let (probe, asked) =
            probe(&[HEALTHY, created, head], &[test(Method::Post, 201), test(Method::Head, 200)]).await;
        assert_eq!(probe, Probe::Ready);
        assert_eq!(asked, ["GET /health HTTP/1.1", "POST /cart HTTP/1.1", "HEAD /cart HTTP/1.1"]);
    }

    #[tokio::test]
    async fn an_unhealthy_service_is_not_tested_further() {
        let sick = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"status\":\"sick\"}";
        let (probe, asked) = probe(&[sick], &[test(Method::Get, 200)]).await;
        assert_eq!(
            probe,
            Probe::NotReady("GET /health: it says that it is \"sick\" and not \"healthy\"".to_owned())
        );
        assert_eq!(asked.len(), 1);
    }

    #[tokio::test]
    async fn a_failed_test_is_named() {
        let error = "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n";
        let (probe, _) = probe(&[HEALTHY, error], &[test(Method::Get, 200)]).await;
        assert_eq!(probe, Probe::SmokeTestFailed("cart (/cart): it answers 500 and not 200".to_owned()));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let moved = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
        let (probe, asked) = probe(&[moved, HEALTHY], &[]).await;
        assert_eq!(probe, Probe::NotReady("GET /health: it answers 302 and not 200".to_owned()));
        assert_eq!(asked.len(), 1);
    }

    #[tokio::test]
    async fn a_long_body_is_not_read_to_its_end() {
        let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(MAX_BODY + 1));
        let (probe, _) = probe(&[&long], &[]).await;
        assert_eq!(probe, Probe::NotReady("GET /health: it answers more than 64 KiB".to_owned()));
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_is_told_without_its_address() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://user:hush@{}", listener.local_addr().unwrap());
        drop(listener);
        let probe = HttpProber::new().unwrap().probe(&endpoint, "/health", &[]).await;
        let Probe::NotReady(why) = probe else { panic!("{probe:?}") };
        assert!(why.starts_with("GET /health: no connection: "), "{why}");
        assert!(!why.contains("hush") && !why.contains("127.0.0.1"), "{why}");
    }

    #[tokio::test]
    async fn a_service_that_says_nothing_ends_at_the_timeout() {
        for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"] {
            let service = service(vec![begun.to_owned()]).await;
            let prober = HttpProber::with_timeout(Duration::from_millis(100)).unwrap();
            let probe = prober.probe(&service.endpoint, "/health", &[]).await;
            assert_eq!(
                probe,
                Probe::NotReady("GET /health: it does not answer within 0.1 s".to_owned()),
                "{begun:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_is_no_address_is_not_ready() {
        let probe = HttpProber::new().unwrap().probe("not an address", "/health", &[]).await;
        assert!(matches!(probe, Probe::NotReady(_)), "{probe:?}");
    }

    #[test]
    fn endpoints_and_paths_are_joined_by_one_slash() {
        for (endpoint, path) in
            [("http://x", "/a"), ("http://x/", "/a"), ("http://x/", "a"), ("http://x", "a")]
        {
            assert_eq!(address(endpoint, path), "http://x/a");
        }
    }
}
