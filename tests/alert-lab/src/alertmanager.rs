//! A scenario through Alertmanager, on the real clock, so many times faster.

mod inbox;
mod process;
mod prometheus;
mod settings;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_client::{HttpClient, Method};
use jiff::Timestamp;
use receivers::{Behaviour, Receiver};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::scenario::{Channel, Crash, Help, Script, Time, s};
use crate::told::Told;
use inbox::Inbox;
use process::Process;
use prometheus::{Send, sends};

/// The most alerts of a request, as Prometheus sends them.
const BATCH: usize = 64;
/// How long it is away when it was killed, and when that is.
const AWAY: Time = s(15);
const KILLED_BEFORE: Time = s(15);
const KILLED_AFTER: Time = s(45);

/// One play, ready to begin.
pub struct Stage {
    pub script: Script,
    pub help: Help,
    pub factor: i32,
    process: Process,
    pager: Receiver<Inbox>,
    chat: Receiver<Inbox>,
}

/// The real times of virtual ones.
#[derive(Clone, Copy)]
struct Pace {
    begin: Timestamp,
    begun: Instant,
    factor: i32,
}

impl Pace {
    fn starting(factor: i32) -> Self {
        Self { begin: Timestamp::now(), begun: Instant::now(), factor }
    }

    fn at(self, time: Time) -> Timestamp {
        self.begin + time / self.factor
    }

    fn time(self, at: Timestamp) -> Time {
        at.duration_since(self.begin) * self.factor
    }

    async fn wait(self, time: Time) {
        sleep_until(self.begun + Duration::try_from(time / self.factor).unwrap_or_default()).await;
    }
}

/// Debian's Alertmanager, or the one that ALERTMANAGER names.
pub fn binary(script: &Path) -> Result<PathBuf, String> {
    let output = std::process::Command::new(script)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || path.is_empty() {
        return Err(
            "there is no Alertmanager: name its binary in ALERTMANAGER, or play --ours alone".to_owned()
        );
    }
    Ok(PathBuf::from(path))
}

impl Stage {
    /// Starts an Alertmanager and its receivers for a script.
    pub async fn new(
        binary: &Path,
        folder: &Path,
        script: Script,
        help: Help,
        factor: i32,
    ) -> Result<Self, String> {
        let listens = |error: std::io::Error| format!("a receiver cannot listen: {error}");
        let pager = Receiver::start(Inbox::default()).await.map_err(listens)?;
        let chat = Receiver::start(Inbox::default()).await.map_err(listens)?;
        let configuration = settings::yaml(&pager.url("/"), &chat.url("/"), factor, help);
        let process = Process::start(binary, folder, &configuration).await?;
        Ok(Self { script, help, factor, process, pager, chat })
    }

    /// Plays it; what channels were told.
    pub async fn play(mut self) -> Result<Vec<Told>, String> {
        let client = process::client()?;
        let sends = sends(&self.script, self.help);
        let url = self.process.url("/api/v2/alerts");
        let (script, pager) = (&self.script, &self.pager);
        let pace = Pace::starting(self.factor);
        let may_fail = script.crash.is_some();
        let (posted, crashed, ()) = tokio::join!(
            post(&client, &url, &sends, pace, may_fail),
            crash(&mut self.process, script.crash, pace),
            outage(pager, script, pace),
        );
        posted?;
        crashed?;
        pace.wait(script.horizon).await;
        self.process.kill().await?;
        let time = |at| pace.time(at);
        let mut told = self.pager.site(|inbox| inbox.told(Channel::Pager, time))?;
        told.extend(self.chat.site(|inbox| inbox.told(Channel::Chat, time))?);
        told.sort_by_key(|told| told.at);
        Ok(told)
    }
}

/// Sends what is due, as soon as it is: what has become due meanwhile in the same request.
async fn post(
    client: &HttpClient,
    url: &str,
    sends: &[Send],
    pace: Pace,
    may_fail: bool,
) -> Result<(), String> {
    let mut rest = sends;
    while let Some(next) = rest.first() {
        pace.wait(next.at).await;
        let now = pace.time(Timestamp::now());
        let due = rest.iter().take(BATCH).take_while(|send| send.at <= now).count().max(1);
        let (batch, after) = rest.split_at(due);
        rest = after;
        let body: Vec<Value> = batch.iter().map(|send| alert(send, pace)).collect();
        let request = client
            .request(Method::POST, url)
            .header("content-type", "application/json")
            .body(Value::from(body).to_string());
        // What cannot be sent is dropped, as Prometheus drops it: it is sent again a minute later.
        let trouble = match client.ask(request).await {
            Ok(answer) if answer.status == 200 => continue,
            Ok(answer) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
            Err(error) => error.to_string(),
        };
        if !may_fail {
            return Err(format!("Alertmanager does not take alerts: {trouble}"));
        }
    }
    Ok(())
}

fn alert(send: &Send, pace: Pace) -> Value {
    json!({
        "labels": send.labels,
        "annotations": { "summary": "threshold crossed" },
        "startsAt": pace.at(send.starts).to_string(),
        "endsAt": pace.at(send.ends).to_string(),
        "generatorURL": "http://127.0.0.1/graph",
    })
}

async fn crash(process: &mut Process, crash: Option<Crash>, pace: Pace) -> Result<(), String> {
    let at = match crash {
        None => return Ok(()),
        Some(Crash::BeforeTelling) => KILLED_BEFORE,
        Some(Crash::AfterTelling) => KILLED_AFTER,
    };
    pace.wait(at).await;
    process.kill().await?;
    pace.wait(at + AWAY).await;
    process.restart().await
}

async fn outage(pager: &Receiver<Inbox>, script: &Script, pace: Pace) {
    let Some(outage) = script.outage else { return };
    pace.wait(outage.begin).await;
    pager.always(Behaviour::Status { status: 503, retry_after: None, body: "away".to_owned() });
    pace.wait(outage.end).await;
    pager.always(Behaviour::Well);
}
