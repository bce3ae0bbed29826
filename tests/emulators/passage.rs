//! The functions' way to the load balancer: every call goes through, the weights that are written are noted, and the
//! process that writes a chosen one is killed when the write took effect, before it hears of it.

use std::ffi::OsStr;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use rollout::{Colour, Route};
use tokio::sync::Mutex;

use crate::emulator::signal;
use crate::http::Http;
use crate::server::{Call, listen, serve};

/// The executable of a function.
const FUNCTION: &str = "bootstrap";

/// What became of the process that wrote a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// It got its answer.
    Answered,
    /// It was killed before.
    Killed,
}

#[derive(Default)]
struct Log {
    /// The rules, and the green weights at which their writers are killed.
    strikes: Vec<(Route, u64)>,
    writes: Vec<(Form, Writer)>,
}

/// The way.
#[derive(Clone)]
pub struct Passage {
    /// Its address.
    pub url: String,
    address: SocketAddrV4,
    balancer: String,
    http: Http,
    /// Locked while a weight is written, so that the order of the log is the order of the effects.
    log: Arc<Mutex<Log>>,
}

impl Passage {
    /// Opens it, to the load balancer at this address; it ends with the runtime.
    pub async fn open(balancer: String) -> Self {
        let (listener, address) = listen().await;
        let url = format!("http://{address}");
        let passage = Self { url, address, balancer, http: Http::new(), log: Arc::default() };
        let server = passage.clone();
        serve(listener, move |call, client| {
            let server = server.clone();
            async move { server.pass(call, client).await }
        });
        passage
    }

    /// Kills the process that next gives green this weight, once.
    pub async fn kill_at(&self, route: &Route, green: u64) {
        self.log.lock().await.strikes.push((route.clone(), green));
    }

    /// The green weights that the functions wrote, each out of a hundred, in the order in which they took effect.
    pub async fn written(&self, route: &Route) -> Vec<(u64, Writer)> {
        let log = self.log.lock().await;
        let ours = log.writes.iter().filter(|(form, _)| form.is_about(route));
        ours.map(|(form, writer)| {
            let (blue, green) = (form.weight(route, Colour::Blue), form.weight(route, Colour::Green));
            assert_eq!(blue + green, 100, "{form:?}");
            (green, *writer)
        })
        .collect()
    }

    /// An error closes the connection.
    async fn pass(&self, call: Call, client: SocketAddrV4) -> io::Result<Response<Full<Bytes>>> {
        let form = Form::parse(&call.body);
        if form.field("Action") != Some("ModifyRule") {
            return call.pass_on(&self.http, &self.balancer).await;
        }
        let mut log = self.log.lock().await;
        let answer = call.pass_on(&self.http, &self.balancer).await?;
        if !answer.status().is_success() {
            return Ok(answer);
        }
        let struck = log.strikes.iter().position(|(route, green)| form.gives(route, *green));
        let Some(strike) = struck else {
            log.writes.push((form, Writer::Answered));
            return Ok(answer);
        };
        log.strikes.remove(strike);
        kill(client, self.address)?;
        log.writes.push((form, Writer::Killed));
        Err(io::Error::other("nobody is left to answer"))
    }
}

/// The fields of a request.
#[derive(Clone, Debug)]
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (unescaped(name), unescaped(value))).collect())
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn is_about(&self, route: &Route) -> bool {
        self.field("RuleArn") == Some(&route.rule)
    }

    fn gives(&self, route: &Route, green: u64) -> bool {
        self.is_about(route) && self.weight(route, Colour::Green) == green
    }

    /// The weight that the rule's forward action gives a colour.
    fn weight(&self, route: &Route, colour: Colour) -> u64 {
        let group = &route.arm(colour).target_group;
        let arn = self.0.iter().find(|(name, value)| name.ends_with(".TargetGroupArn") && value == group);
        let member = arn.and_then(|(name, _)| name.strip_suffix(".TargetGroupArn"));
        let weight = member.and_then(|member| self.field(&format!("{member}.Weight")));
        weight.unwrap_or_else(|| panic!("no weight of {group}: {self:?}")).parse().unwrap()
    }
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = if byte == b'%' { rest.next().zip(rest.next()) } else { None };
        bytes.push(match digits {
            Some((high, low)) => {
                let digits = [char::from(high), char::from(low)].map(|digit| digit.to_digit(16));
                digits.iter().flatten().fold(0, |value, digit| value * 16 + *digit).try_into().unwrap()
            }
            None if byte == b'+' => b' ',
            None => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Kills the function that is at the other end of a connection.
pub fn kill(client: SocketAddrV4, server: SocketAddrV4) -> io::Result<()> {
    let process = process_at(client, server)?;
    let executable = fs::read_link(process.join("exe"))?;
    let number = process.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if !executable.ends_with(FUNCTION) || !signal("-KILL", number) {
        return Err(io::Error::other(format!("process {number}, {}, is not killed", executable.display())));
    }
    Ok(())
}

/// The folder in /proc of the process that holds this connection's socket (proc(5), /proc/net/tcp).
fn process_at(client: SocketAddrV4, server: SocketAddrV4) -> io::Result<PathBuf> {
    let written =
        |end: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(end.ip().octets()), end.port());
    let (client, server) = (written(client), written(server));
    let connections = fs::read_to_string("/proc/net/tcp")?;
    let socket = connections.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[1] == client && fields[2] == server).then(|| format!("socket:[{}]", fields[9]))
    });
    let socket =
        socket.ok_or_else(|| io::Error::other(format!("no connection from {client} to {server}")))?;
    // A process that ends meanwhile, or is another user's, cannot be looked into.
    let holds = |process: &Path| {
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|file| file.as_os_str() == socket.as_str())
    };
    let mut processes = fs::read_dir("/proc")?.flatten().map(|entry| entry.path());
    let found = processes.find(|process| holds(process));
    found.ok_or_else(|| io::Error::other(format!("no process of this machine holds {socket}")))
}
