//! One cold `item read`, from the start of the process to its end: a token and a read over loopback. Against curl doing
//! the same two exchanges, where there is one, and against a process that does them over a bare socket. Ratios, never
//! limits.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod bare;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bare::{Bare, read_head, token_head, token_of};
use support::{BINARY, Place};

const RUNS: u32 = 200;
const ROUNDS: usize = 5;
/// How `/proc` counts processor time on every Linux there is.
const TICKS_PER_SECOND: u64 = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|word| word == "--bare") {
        return over_a_bare_socket(&arguments[at + 1], &arguments[at + 2]);
    }
    let place = Place::furnished(&[]);
    let body = format!(r#"{{"id":"1","pk":"a","text":"{}"}}"#, "x".repeat(900));
    place.orders(&format!("item create -b '{body}'")).ok();
    let mut contenders = vec![
        Contender::new("bare socket", bare(&place)),
        Contender::new("rawcosmos", rawcosmos(&place)),
    ];
    for path in ["/usr/bin/curl", "/usr/local/bin/curl", "/bin/curl"] {
        if Path::new(path).exists() {
            contenders.push(Contender::new("curl", curl(&place, path)));
            break;
        }
    }
    // Turn and turn about, so that whatever else the machine does falls on all.
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            contender.round();
        }
    }
    println!(
        "{RUNS} cold reads (token + 1 KB item, loopback, one process each), median of {ROUNDS} rounds:"
    );
    println!("                wall ms    cpu ms    peak KiB");
    let costs: Vec<_> = contenders.iter_mut().map(Contender::cost).collect();
    for (contender, (wall, cpu, peak)) in contenders.iter().zip(&costs) {
        println!("  {:12} {wall:8.3}  {cpu:8.3}  {peak:10}", contender.name);
    }
    let ours = costs[1];
    for (contender, cost) in contenders
        .iter()
        .zip(&costs)
        .filter(|(c, _)| c.name != "rawcosmos")
    {
        let (wall, cpu) = (ours.0 / cost.0, ours.1 / cost.1);
        println!(
            "  rawcosmos / {:12} wall {wall:.2}, cpu {cpu:.2}",
            contender.name
        );
    }
    println!(
        "  under 10 MiB resident: {}",
        if ours.2 < 10 * 1024 { "yes" } else { "no" }
    );
}

struct Contender {
    name: &'static str,
    make: Box<dyn Fn() -> Command>,
    rounds: Vec<(f64, f64)>,
}

impl Contender {
    fn new(name: &'static str, make: Box<dyn Fn() -> Command>) -> Contender {
        let ran = make().output().unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        assert!(
            ran.status.success() && text.contains("{\"id\":\"1\""),
            "{name}: {ran:?}"
        );
        Contender {
            name,
            make,
            rounds: Vec::new(),
        }
    }

    /// Milliseconds a run: of wall time, and of processor time in the children.
    fn round(&mut self) {
        let (begun, used) = (Instant::now(), of_children());
        for _ in 0..RUNS {
            let mut command = (self.make)();
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.unwrap().success());
        }
        let each = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(RUNS);
        self.rounds
            .push((each(begun.elapsed()), each(of_children() - used)));
    }

    fn cost(&mut self) -> (f64, f64, u64) {
        let middle = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let wall = middle(self.rounds.iter().map(|(wall, _)| *wall).collect());
        let cpu = middle(self.rounds.iter().map(|(_, cpu)| *cpu).collect());
        let peaks = (0..3).map(|_| peak((self.make)()));
        (wall, cpu, peaks.max().unwrap())
    }
}

/// Processor time of all children that have ended, in user and system mode.
fn of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// The most memory a process has held, in KiB: looked at when all its work is done and it cannot write the result,
/// because the pipe it writes to is full. curl is stopped at the first answer already, which is in its favour.
fn peak(mut command: Command) -> u64 {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let mut child = command
        .stdout(writer.try_clone().unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The command holds a copy of the pipe's end, and the pipe would never end.
    drop(command);
    let filler = std::thread::spawn(move || writer.write_all(&[b' '; 64 * 1024]));
    std::thread::sleep(Duration::from_millis(300));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    filler.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.map_or(0, |number| number.parse().unwrap())
}

fn rawcosmos(place: &Place) -> Box<dyn Fn() -> Command> {
    let variables = place.variables();
    Box::new(move || {
        let mut command = Command::new(BINARY);
        command.args([
            "item", "read", "-d", "shop", "-c", "orders", "-i", "1", "-k", "a",
        ]);
        command
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)));
        command
    })
}

/// One curl for both exchanges. It is spared what we do: the token of the first answer is put into the second request
/// beforehand.
fn curl(place: &Place, path: &'static str) -> Box<dyn Fn() -> Command> {
    let (imds, cosmos) = place
        .sandbox
        .with_world(|w| (w.imds.clone(), w.cosmos.clone()));
    let header = place.run("token --auth-header").ok().out;
    let date = rawcosmos::authorize::http_date(time::OffsetDateTime::now_utc());
    let resource = "resource=https%3A%2F%2Fcosmos.azure.com";
    let token = format!("{imds}/metadata/identity/oauth2/token?api-version=2018-02-01&{resource}");
    Box::new(move || {
        let mut command = Command::new(path);
        command
            .env_clear()
            .args(["-sS", "--noproxy", "*", "-H", "Metadata: true", &token]);
        command.args(["--next", "-sS", "-H", "x-ms-version: 2020-07-15"]);
        command.args(["-H", "x-ms-documentdb-partitionkey: [\"a\"]"]);
        command.arg("-H").arg(format!("x-ms-date: {date}"));
        command.arg("-H").arg(header.trim_end());
        command.arg(format!("{cosmos}/dbs/shop/colls/orders/docs/1"));
        command
    })
}

/// This very program, as a process that does the two exchanges and nothing else.
fn bare(place: &Place) -> Box<dyn Fn() -> Command> {
    let (imds, cosmos) = place
        .sandbox
        .with_world(|w| (w.imds.clone(), w.cosmos.clone()));
    let program = std::env::current_exe().unwrap();
    Box::new(move || {
        let mut command = Command::new(&program);
        command.env_clear().args(["--bare", &imds, &cosmos]);
        command
    })
}

fn over_a_bare_socket(imds: &str, cosmos: &str) {
    let token = token_of(&Bare::connect(imds).get(&token_head(imds)));
    let date = rawcosmos::authorize::http_date(time::OffsetDateTime::now_utc());
    let item = Bare::connect(cosmos).get(&read_head(cosmos, &token, &date));
    std::io::stdout().write_all(&item).unwrap();
}
