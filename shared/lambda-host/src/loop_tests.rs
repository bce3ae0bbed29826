//! The whole loop of a real process against a Runtime API of this test.
//!
//! The process is this test binary itself, told by an environment variable to be a function.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};

use contract::{ErrorName, Failure, Function};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const BE_A_FUNCTION: &str = "LAMBDA_HOST_TEST_FUNCTION";
const MUST_BE_SET: &str = "LAMBDA_HOST_TEST_SETTING";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    weight: u8,
}

#[derive(Serialize)]
struct Answered {
    doubled: u16,
}

struct Doubler;

#[async_trait::async_trait]
impl Function for Doubler {
    const NAME: &'static str = "doubler";
    type Request = Asked;
    type Reply = Answered;

    async fn call(&self, request: Asked) -> Result<Answered, Failure> {
        match request.weight {
            0 => Err(Failure::new(ErrorName::TransientError, "the store is not answering".to_owned())),
            weight => Ok(Answered { doubled: u16::from(weight) * 2 }),
        }
    }
}

/// Not a test of its own: the function's process.
#[test]
fn function_process() {
    if std::env::var_os(BE_A_FUNCTION).is_none() {
        return;
    }
    let code =
        crate::main(|settings| crate::all((settings.required::<String>(MUST_BE_SET),)).map(|_| Doubler));
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

/// A request that the process made: method and path, headers, body.
#[derive(Debug)]
struct Seen {
    line: String,
    head: String,
    body: String,
}

/// Lambda's side: hands out events, and keeps everybody waiting when there are none.
struct RuntimeApi {
    address: String,
    seen: Receiver<Seen>,
    events: Arc<(Mutex<VecDeque<String>>, Condvar)>,
}

impl RuntimeApi {
    fn start(extensions: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, seen) = channel();
        let events = Arc::new((Mutex::new(VecDeque::new()), Condvar::new()));
        let queue = Arc::clone(&events);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (sender, queue) = (sender.clone(), Arc::clone(&queue));
                std::thread::spawn(move || converse(&stream.unwrap(), &sender, &queue, extensions));
            }
        });
        Self { address, seen, events }
    }

    fn send(&self, event: &str) {
        self.events.0.lock().unwrap().push_back(event.to_owned());
        self.events.1.notify_one();
    }

    /// The next request whose path contains `part`.
    fn await_request(&self, part: &str) -> Seen {
        loop {
            let seen = self.seen.recv().unwrap();
            if seen.line.contains(part) {
                return seen;
            }
        }
    }

    fn function(&self, setting: bool) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "loop_tests::function_process", "--nocapture"])
            .env(BE_A_FUNCTION, "1")
            .env("LOG_LEVEL", "info")
            .env("AWS_LAMBDA_RUNTIME_API", &self.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "doubler")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .stdout(Stdio::piped());
        if setting {
            command.env(MUST_BE_SET, "yes");
        }
        command.spawn().unwrap()
    }
}

fn converse(
    stream: &TcpStream,
    sender: &Sender<Seen>,
    queue: &(Mutex<VecDeque<String>>, Condvar),
    extensions: bool,
) {
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read_request(&mut reader) {
        let line = seen.line.clone();
        if sender.send(seen).is_err() {
            return;
        }
        let (status, headers, body) = if line.contains("/extension/register") {
            if extensions {
                (200, "lambda-extension-identifier: e-1\r\n", "{}".to_owned())
            } else {
                (404, "", String::new())
            }
        } else if line.contains("/extension/event/next") {
            // No event was subscribed to: the answer never comes.
            std::thread::park();
            return;
        } else if line.contains("/invocation/next") {
            let mut waiting = queue.0.lock().unwrap();
            while waiting.is_empty() {
                waiting = queue.1.wait(waiting).unwrap();
            }
            let headers =
                "lambda-runtime-aws-request-id: r-1\r\nlambda-runtime-deadline-ms: 4102444800000\r\n";
            (200, headers, waiting.pop_front().unwrap())
        } else {
            (202, "", String::new())
        };
        let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let mut writer = stream;
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && head != "\r\n" {
        reader.read_line(&mut head).ok()?;
    }
    let head = head.to_lowercase();
    let mut body = String::new();
    if let Some(length) = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse().ok()) {
        reader.take(length).read_to_string(&mut body).ok()?;
    } else if head.contains("transfer-encoding: chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = u64::from_str_radix(size.trim(), 16).ok()?;
            reader.by_ref().take(size).read_to_string(&mut body).ok()?;
            reader.read_line(&mut String::new()).ok()?;
            if size == 0 {
                break;
            }
        }
    }
    Some(Seen { line, head, body })
}

fn terminate(mut function: Child) -> (bool, String) {
    let sent = Command::new("kill").args(["-TERM", &function.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut logs = String::new();
    function.stdout.take().unwrap().read_to_string(&mut logs).unwrap();
    (function.wait().unwrap().success(), logs)
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

#[test]
fn events_are_answered_failures_keep_their_names_and_sigterm_ends_it_well() {
    for extensions in [true, false] {
        let api = RuntimeApi::start(extensions);
        let function = api.function(true);
        let registration = api.await_request("/extension/register");
        assert!(registration.head.contains("lambda-extension-name: ace-flow-graceful-shutdown"));
        assert_eq!(body(&registration), json!({"events": []}));

        api.send(r#"{"weight":25}"#);
        let answered = api.await_request("/invocation/r-1/");
        assert!(answered.line.contains("/response"), "{answered:?}");
        assert_eq!(body(&answered), json!({"doubled": 50}));

        for (event, error_type, message) in [
            (r#"{"weight":0}"#, "TransientError", "the store is not answering"),
            (
                r#"{"weight":"hush"}"#,
                "InvalidInput",
                "the event for doubler is not understood at weight: invalid type",
            ),
            (r#"{"weight":2"#, "InvalidInput", "the event for doubler is not understood"),
        ] {
            api.send(event);
            let failed = api.await_request("/invocation/r-1/");
            assert!(failed.line.contains("/error"), "{failed:?}");
            assert_eq!(body(&failed)["errorType"], error_type);
            assert!(body(&failed)["errorMessage"].as_str().unwrap().starts_with(message), "{failed:?}");
        }
        api.await_request("/invocation/next");

        let (success, logs) = terminate(function);
        assert!(success, "{logs}");
        let lines: Vec<Value> = logs.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let failures: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
        assert_eq!(failures.len(), 3, "each failure is logged once: {logs}");
        assert_eq!(failures[0]["error.name"], "TransientError");
        assert_eq!(failures[0]["spans"][0]["function"], "doubler");
        assert_eq!(failures[0]["spans"][0]["request_id"], "r-1");
    }
}

#[test]
fn a_missing_setting_stops_the_start_with_its_name() {
    let api = RuntimeApi::start(true);
    let output = api.function(false).wait_with_output().unwrap();
    assert!(!output.status.success());
    let logs = String::from_utf8(output.stdout).unwrap();
    let line = logs.lines().find_map(|line| serde_json::from_str::<Value>(line).ok()).unwrap();
    let told = line["error"].as_str().unwrap();
    assert!(told.contains(&format!("{MUST_BE_SET} is not set")), "{told}");
    assert_eq!(line["function"], "doubler");
}
