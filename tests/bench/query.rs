//! 200,000 items in ten ranges, in an order and without one, by the real binary: wall time, processor time and the
//! most memory the client held. The server has all pages ready, so that what is measured is the client. Ratios, never
//! limits.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::service::{Asked, Reply, Service, reply};
use support::{BINARY, Scratch};

const RANGES: usize = 10;
const ITEMS: usize = 200_000;
const PAGE: usize = 1000;
const ROUNDS: usize = 5;
/// How `/proc` counts processor time on every Linux there is.
const TICKS_PER_SECOND: u64 = 100;

fn main() {
    let service = Service::new({
        let pages = [pages(false), pages(true)];
        move |asked| answer(asked, &pages)
    });
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    let plain = "SELECT * FROM c";
    let ordered = "SELECT * FROM c ORDER BY c.n";
    let mut costs = [Vec::new(), Vec::new()];
    // Turn and turn about, so that whatever else the machine does falls on both.
    for _ in 0..ROUNDS {
        for (text, costs) in [plain, ordered].into_iter().zip(&mut costs) {
            costs.push(read(&service.origin, key.path(), text));
        }
    }
    println!("{ITEMS} items in {RANGES} ranges, median of {ROUNDS} rounds:");
    println!("               wall s     cpu s    peak KiB");
    let [plain, ordered] = costs.map(median);
    for (name, (wall, cpu, peak)) in [("unordered", plain), ("ordered", ordered)] {
        println!("  {name:10} {wall:8.2}  {cpu:8.2}  {peak:10}");
    }
    let ratio = (ordered.0 / plain.0, ordered.1 / plain.1);
    println!("  ratio      {:8.2}  {:8.2}", ratio.0, ratio.1);
    let small = if ordered.2 < 64 * 1024 { "yes" } else { "no" };
    println!("  under 64 MiB resident: {small}");
}

/// The pages of each range, its items by `n`; wrapped as rows that are ordered by it, or as they are.
fn pages(wrapped: bool) -> Vec<Vec<String>> {
    let text = "x".repeat(100);
    let row = |id: usize, n: usize| {
        let rid = format!("3JMBAIm-Q3MBAAAAAAAA{id:06}");
        let own = format!(
            r#""_rid":"{rid}","_self":"dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/{rid}/","_etag":"\"0100d3e2-0000-0700-0000-{id:012}\"","_attachments":"attachments/","_ts":1700000000"#
        );
        let row = format!(r#"{{"id":"{id}","n":{n},"text":"{text}",{own}}}"#);
        match wrapped {
            true => {
                format!(r#"{{"_rid":"{rid}","orderByItems":[{{"item":{n}}}],"payload":{row}}}"#)
            }
            false => row,
        }
    };
    let range = |range: usize| {
        let ids = (0..ITEMS).filter(|id| id % RANGES == range);
        // Numbers that look random: every range has some of every size.
        let mut items: Vec<_> = ids
            .map(|id| (id.wrapping_mul(2_654_435_761) % 1_000_003, id))
            .collect();
        items.sort_unstable();
        let page = |items: &[(usize, usize)]| {
            let rows: Vec<_> = items.iter().map(|(n, id)| row(*id, *n)).collect();
            format!(
                r#"{{"_rid":"","Documents":[{}],"_count":{}}}"#,
                rows.join(","),
                rows.len()
            )
        };
        items.chunks(PAGE).map(page).collect()
    };
    (0..RANGES).map(range).collect()
}

fn answer(asked: &Asked, pages: &[Vec<Vec<String>>; 2]) -> Reply {
    if asked.has("/pkranges") {
        let bound = |at: usize| match at {
            0 => String::new(),
            RANGES => "FF".into(),
            at => format!("{:02X}", at * 6),
        };
        let range = |at: usize| json!({"id": at.to_string(), "minInclusive": bound(at), "maxExclusive": bound(at + 1)});
        let ranges: Vec<_> = (0..RANGES).map(range).collect();
        return reply(200, json!({"PartitionKeyRanges": ranges}).to_string());
    }
    let is_ordered = asked.body.contains("ORDER BY");
    if asked.header("x-ms-cosmos-is-query-plan-request").is_some() {
        let order: &[&str] = if is_ordered { &["Ascending"] } else { &[] };
        let info = json!({"orderBy": order, "rewrittenQuery": ""});
        return reply(200, json!({"queryInfo": info}).to_string());
    }
    let number = |name: &str| {
        asked
            .header(name)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let range =
        &pages[usize::from(is_ordered)][number("x-ms-documentdb-partitionkeyrangeid").unwrap()];
    let at = number("x-ms-continuation").unwrap_or(0);
    let next = (at + 1 < range.len()).then(|| ("x-ms-continuation", (at + 1).to_string()));
    (200, next.into_iter().collect(), range[at].clone())
}

/// Seconds of wall time, seconds of the client's processor time, and KiB.
type Cost = (f64, f64, u64);

fn median(costs: Vec<Cost>) -> Cost {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let wall = middle(costs.iter().map(|cost| cost.0).collect());
    let cpu = middle(costs.iter().map(|cost| cost.1).collect());
    (wall, cpu, costs.iter().map(|cost| cost.2).max().unwrap())
}

fn read(origin: &str, key: &str, text: &str) -> Cost {
    let mut command = Command::new(BINARY);
    command.args([
        "query",
        text,
        "-d",
        "shop",
        "-c",
        "orders",
        "--parallel",
        "4",
    ]);
    command
        .args(["--endpoint", origin, "--key-file", key])
        .env_clear();
    let (begun, used) = (Instant::now(), of_children());
    let output = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = output.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut rows, mut peak) = (0, 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).unwrap() > 0 {
        line.clear();
        rows += 1;
        if rows % 20_000 == 0 {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            peak = peak_of(&status).max(peak);
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(rows, ITEMS, "{text}");
    let cpu = of_children() - used;
    (begun.elapsed().as_secs_f64(), cpu.as_secs_f64(), peak)
}

fn peak_of(status: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.map_or(0, |number| number.parse().unwrap())
}

/// Processor time of all children that have ended, in user and system mode.
fn of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
