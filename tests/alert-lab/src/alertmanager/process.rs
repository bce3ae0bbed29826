//! The process.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use http_client::{HttpClient, Limits, Method};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// What it takes to begin, at most.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// An Alertmanager on 127.0.0.1, which is killed when this is dropped.
pub struct Process {
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl Process {
    /// With this configuration, and its data in a folder that is emptied before.
    pub async fn start(binary: &Path, folder: &Path, configuration: &str) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(told)?;
        }
        std::fs::create_dir_all(folder).map_err(told)?;
        std::fs::write(folder.join("alertmanager.yml"), configuration).map_err(told)?;
        // A port that is free now; that it is taken by somebody else before Alertmanager has it, ends the play.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(told)?;
        let port = listener.local_addr().map_err(told)?.port();
        drop(listener);
        let child = spawn(binary, folder, port)?;
        let mut process = Self { binary: binary.to_owned(), folder: folder.to_owned(), port, child };
        process.ready().await?;
        Ok(process)
    }

    /// The address of a path of its API.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends it by SIGKILL.
    pub async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| format!("Alertmanager cannot be killed: {error}"))
    }

    /// Starts it again, on the same port and data.
    pub async fn restart(&mut self) -> Result<(), String> {
        self.child = spawn(&self.binary, &self.folder, self.port)?;
        self.ready().await
    }

    async fn ready(&mut self) -> Result<(), String> {
        let client = client()?;
        let deadline = tokio::time::Instant::now() + STARTS_WITHIN;
        while tokio::time::Instant::now() < deadline {
            let asked = client.ask_status(client.request(Method::GET, &self.url("/-/ready"))).await;
            if asked.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("Alertmanager ended ({status}): look at {}", self.log().display()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("Alertmanager is not ready in time: look at {}", self.log().display()))
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

fn spawn(binary: &Path, folder: &Path, port: u16) -> Result<Child, String> {
    let told = |error: std::io::Error| format!("{}: {error}", binary.display());
    let log = File::options().create(true).append(true).open(folder.join("log")).map_err(told)?;
    let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
    Command::new(binary)
        .arg(flag("config.file", &folder.join("alertmanager.yml")))
        .arg(flag("storage.path", &folder.join("data")))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        // No cluster, and so nothing that listens beside 127.0.0.1.
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(told)
}

pub fn client() -> Result<HttpClient, String> {
    let limits = Limits {
        connect: Duration::from_secs(2),
        whole: Duration::from_secs(10),
        body: 64 * 1024,
        keep_alive: true,
    };
    HttpClient::new(limits).map_err(|error| error.to_string())
}
