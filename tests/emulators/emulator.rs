//! Emulators as processes: started on free ports of this machine, and ended with the test.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use http_body_util::Full;
use hyper::Request;

use crate::http::Http;

/// The longest that an emulator may take to answer its first request, and to end.
const STARTS_WITHIN: Duration = Duration::from_mins(1);
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// An emulator that this test started. It ends when this is dropped.
pub struct Emulator {
    child: Child,
    /// Its address.
    pub url: String,
}

impl Emulator {
    /// `MiniStack`, from the executable in `ACE_MINISTACK`. What it and its functions leave behind goes into `folder`.
    pub async fn ministack(folder: &Path) -> Result<Self, String> {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let mut command = executable("ACE_MINISTACK")?;
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", &url);
        Self::start(command, url, folder, "ministack").await
    }

    /// moto, from the executable in `ACE_MOTO`.
    pub async fn moto(folder: &Path) -> Result<Self, String> {
        let port = free_port();
        let mut command = executable("ACE_MOTO")?;
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Self::start(command, format!("http://127.0.0.1:{port}"), folder, "moto").await
    }

    async fn start(mut command: Command, url: String, folder: &Path, name: &str) -> Result<Self, String> {
        let log = folder.join(format!("{name}.log"));
        let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let file_too = file.try_clone().map_err(|error| error.to_string())?;
        let child = command
            .env("TMPDIR", folder)
            // No container is ever started, whatever runs on this machine.
            .env("DOCKER_HOST", "unix:///nonexistent.sock")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(file_too)
            // A group of its own, to end the functions with it.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let mut emulator = Self { child, url };
        let http = Http::new();
        let began = Instant::now();
        loop {
            let ask = Request::get(&emulator.url).body(Full::default()).map_err(|error| error.to_string())?;
            if http.send(ask).await.is_ok() {
                return Ok(emulator);
            }
            let ended = emulator.child.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || began.elapsed() > STARTS_WITHIN {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("{name} does not answer at {}: {said}", emulator.url));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let process = self.child.id().to_string();
        let _told = signal("-TERM", &process);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < ENDS_WITHIN {
            sleep(Duration::from_millis(50));
        }
        // It ends its functions itself; if not, they end with its group.
        let _killed = signal("-KILL", &format!("-{process}"));
        let _ended = self.child.wait();
    }
}

/// Sends a signal to a process or group; `false` if it has ended by itself.
pub fn signal(signal: &str, to: &str) -> bool {
    let sent = Command::new("kill").args([signal, "--", to]).stderr(Stdio::null()).status();
    sent.is_ok_and(|status| status.success())
}

fn executable(variable: &str) -> Result<Command, String> {
    env::var_os(variable).map(Command::new).ok_or_else(|| {
        format!(
            "{variable} does not name the emulator's executable: run the tests through tests/run, or set it"
        )
    })
}

/// A port that nothing listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its own address").port()
}
