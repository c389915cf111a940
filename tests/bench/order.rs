//! 200,000 items in ten ranges, in an order and without one. The server has all pages ready.

use std::process::Command;

use serde_json::json;

use crate::bare::{self, role};
use crate::canned::{self, Asked, reply};
use crate::measure::Contender;
use crate::start;
use crate::support::Scratch;
use crate::table::Table;

const RANGES: usize = 10;
const ITEMS: usize = 200_000;
const PAGE: usize = 1000;
const ROUNDS: usize = 5;
const PLAIN: &str = "SELECT * FROM c";
const ORDERED: &str = "SELECT * FROM c ORDER BY c.n";

pub fn rows(table: &mut Table) {
    let what = "200,000 items of 10 ranges";
    // Either word picks both: the one is measured against the other.
    if !table.wants("200,000 items of 10 ranges, ORDER BY and no order") {
        return;
    }
    let pages = [pages(false), pages(true)];
    let origin = canned::serve(move |asked, to| answer(asked, &pages, to));
    let key: &'static str = Box::leak(Box::new(Scratch::new("c2VjcmV0LXNlY3JldA=="))).path();
    let at = origin.clone();
    let query = |name: &str, text: &'static str| {
        let origin = origin.clone();
        Contender::long(name, "200000 items", move || ours(&origin, key, text))
    };
    let contenders = vec![query("", ORDERED), query("ours without an order", PLAIN)];
    table.race(
        &format!("{what}, `ORDER BY`"),
        "≤ 1.3, < 64 MiB",
        ROUNDS,
        contenders,
    );
    let contenders = vec![
        query("", PLAIN),
        Contender::long("ureq loop, 4 connections", "done", move || {
            role("pages", &[&at])
        }),
    ];
    table.race(&format!("{what}, no order"), "", ROUNDS, contenders);
}

fn ours(origin: &str, key: &str, text: &str) -> Command {
    let mut command = start::ours(&[]);
    command.args([
        "query",
        text,
        "--parallel",
        "4",
        "-d",
        "shop",
        "-c",
        "orders",
    ]);
    command.args(["--endpoint", origin, "--key-file", key]);
    command
}

/// Four threads, each with its own ranges.
pub fn bare(cosmos: &str) {
    let agent = bare::agent();
    let url = format!("{cosmos}/dbs/shop/colls/orders/docs");
    let body = format!(r#"{{"query":"{PLAIN}","parameters":[]}}"#);
    let read = |range: usize| {
        let mut from = 0;
        while from < ITEMS / RANGES / PAGE {
            let mut headers = bare::with("x".repeat(100));
            headers.push(("x-ms-documentdb-partitionkeyrangeid", range.to_string()));
            headers.push(("x-ms-continuation", from.to_string()));
            bare::post(&agent, &url, &headers, body.as_bytes());
            from += 1;
        }
    };
    std::thread::scope(|scope| {
        for first in 0..4 {
            scope.spawn(move || (first..RANGES).step_by(4).for_each(read));
        }
    });
    eprintln!("done");
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
            let (rows, count) = (rows.join(","), rows.len());
            format!(r#"{{"_rid":"","Documents":[{rows}],"_count":{count}}}"#)
        };
        items.chunks(PAGE).map(page).collect()
    };
    (0..RANGES).map(range).collect()
}

fn answer(asked: &Asked, pages: &[Vec<Vec<String>>; 2], to: &mut dyn std::io::Write) {
    if asked.head.contains("/pkranges") {
        return reply(to, 200, "", ranges(RANGES).as_bytes());
    }
    let has = |part: &str| asked.body.windows(part.len()).any(|w| w == part.as_bytes());
    let is_ordered = has("ORDER BY");
    if asked.header("x-ms-cosmos-is-query-plan-request").is_some() {
        let order: &[&str] = if is_ordered { &["Ascending"] } else { &[] };
        let plan = json!({"queryInfo": {"orderBy": order, "rewrittenQuery": ""}});
        return reply(to, 200, "", plan.to_string().as_bytes());
    }
    let range = asked.number("x-ms-documentdb-partitionkeyrangeid").unwrap();
    let range = &pages[usize::from(is_ordered)][range];
    let at = asked.number("x-ms-continuation").unwrap_or(0);
    let next = match at + 1 < range.len() {
        true => format!("x-ms-continuation: {}\r\n", at + 1),
        false => String::new(),
    };
    reply(to, 200, &next, range[at].as_bytes());
}

/// So many ranges, as the service lists them.
pub fn ranges(count: usize) -> String {
    let bound = |at: usize| match at {
        0 => String::new(),
        at if at == count => "FF".into(),
        at => format!("{:02X}", at * 0x40 / count),
    };
    let range = |at: usize| json!({"id": at.to_string(), "minInclusive": bound(at), "maxExclusive": bound(at + 1)});
    let ranges: Vec<_> = (0..count).map(range).collect();
    json!({"PartitionKeyRanges": ranges}).to_string()
}
