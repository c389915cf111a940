//! What a process costs: wall time, processor time, and the most memory it held.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How `/proc` counts processor time on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Of one run: seconds, seconds, and KiB where they were looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
    pub peak: u64,
}

impl Cost {
    pub fn median(costs: &[Cost]) -> Cost {
        let middle = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Cost {
            wall: middle(costs.iter().map(|cost| cost.wall).collect()),
            cpu: middle(costs.iter().map(|cost| cost.cpu).collect()),
            peak: costs.iter().map(|cost| cost.peak).max().unwrap(),
        }
    }
}

/// Work that can be done again and again.
pub struct Contender {
    pub name: String,
    work: Box<dyn Fn() -> Cost>,
    costs: Vec<Cost>,
}

impl Contender {
    pub fn new(name: &str, work: impl Fn() -> Cost + 'static) -> Contender {
        Contender {
            name: name.to_string(),
            work: Box::new(work),
            costs: Vec::new(),
        }
    }

    /// A process that takes a while, and says this at its end.
    pub fn long(name: &str, says: &str, make: impl Fn() -> Command + 'static) -> Contender {
        let says = says.to_string();
        Contender::new(name, move || once(make(), &says))
    }

    /// A process that takes a moment: the mean of so many of them.
    pub fn short(name: &str, runs: u32, make: impl Fn() -> Command + 'static) -> Contender {
        Contender::new(name, move || often(&make, runs))
    }

    pub fn cost(&self) -> Cost {
        Cost::median(&self.costs)
    }
}

/// Turn and turn about, so that whatever else the machine does falls on all.
pub fn compete(rounds: usize, contenders: &mut [Contender]) {
    for _ in 0..rounds {
        for contender in &mut *contenders {
            let cost = (contender.work)();
            contender.costs.push(cost);
        }
    }
}

fn once(mut command: Command, says: &str) -> Cost {
    let (begun, used) = (Instant::now(), of_children());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let watch = watch(&child);
    let ended = child.wait_with_output().unwrap();
    let wall = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.success() && said.contains(says),
        "{command:?}: {said}"
    );
    Cost {
        wall,
        cpu: of_children() - used,
        peak: watch.join().unwrap(),
    }
}

/// Looks at the memory of a process until it has ended.
fn watch(child: &Child) -> std::thread::JoinHandle<u64> {
    let status = format!("/proc/{}/status", child.id());
    std::thread::spawn(move || {
        let mut most = 0;
        while let Some(peak) = peak_in(&status) {
            most = peak.max(most);
            std::thread::sleep(Duration::from_millis(10));
        }
        most
    })
}

fn often(make: &dyn Fn() -> Command, runs: u32) -> Cost {
    let (begun, used) = (Instant::now(), of_children());
    for _ in 0..runs {
        let mut command = make();
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{command:?}");
    }
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), of_children() - used);
    Cost {
        wall: wall / f64::from(runs),
        cpu: cpu / f64::from(runs),
        peak: peak_at_end(make()),
    }
}

/// Processor time of all children that have ended, in user and system mode.
fn of_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    ticks as f64 / TICKS_PER_SECOND
}

/// Processor time of this thread.
pub fn of_thread() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}

/// Of a process too short to be watched: looked at when all its work is done and it cannot write the result, because
/// the pipe it writes to is full.
fn peak_at_end(mut command: Command) -> u64 {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let stdout = writer.try_clone().unwrap();
    let mut child = command
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The command holds a copy of the pipe's end, and the pipe would never end.
    drop(command);
    let filler = std::thread::spawn(move || writer.write_all(&[b' '; 64 * 1024]));
    std::thread::sleep(Duration::from_millis(200));
    let peak = peak_in(&format!("/proc/{}/status", child.id()));
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    filler.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    peak.unwrap_or(0)
}

fn peak_in(status: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
