//! `GET /dbs/{db}/colls/{coll}/pkranges`: where a container is cut.

use serde_json::{Value, json};

use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::rid::{self, Leaf};
use super::store::{self, Store};
use super::{pages, resources};
use crate::sandbox::world::{Container, Range, World};

/// Lists the ranges, or from an etag on those that have come since.
pub fn list(world: &mut World, exchange: &Exchange) -> Outcome {
    let store = store::open(world, exchange)?;
    let container = &*store.container;
    let reply = match exchange.header("a-im") {
        Some(_) => incremental(exchange, &store)?,
        None => {
            let version = newest(container);
            whole(exchange, &store, &all(container))?.header("etag", format!("\"{version}\""))
        }
    };
    Ok(reply
        .header("x-ms-alt-content-path", &store.path)
        .header("x-ms-content-path", &container.rid))
}

/// In the order of their numbers, which is that of their making; nothing new is 304.
fn incremental(exchange: &Exchange, store: &Store) -> Outcome {
    let container = &*store.container;
    let seen = match exchange.header("if-none-match") {
        None => 0,
        Some("*") => newest(container),
        Some(etag) => version(etag).ok_or_else(|| Refusal::header("If-None-Match", etag))?,
    };
    let mut new = all(container);
    new.retain(|range| number(range) >= seen);
    new.sort_unstable_by_key(|range| number(range));
    new.truncate(pages::size(exchange, 100)?);
    match new.last() {
        None => Ok(Reply::new(304, "").header("etag", format!("\"{seen}\""))),
        Some(last) => {
            let etag = format!("\"{}\"", number(last) + 1);
            Ok(whole(exchange, store, &new)?.header("etag", etag))
        }
    }
}

fn version(etag: &str) -> Option<u64> {
    let number = etag.strip_prefix('"')?.strip_suffix('"')?;
    number.parse().ok()
}

fn all(container: &Container) -> Vec<&Range> {
    container.ranges.iter().collect()
}

/// Looking at the map costs nothing.
fn whole(exchange: &Exchange, store: &Store, ranges: &[&Range]) -> Outcome {
    let container = &*store.container;
    let all = ranges.iter();
    let all = all
        .map(|range| resource(container, &store.link, range))
        .collect();
    let lsn = container.ranges.first().map_or(0, |range| range.lsn);
    let mut reply = resources::feed(exchange, &container.rid, "PartitionKeyRanges", all, lsn)?;
    reply
        .headers
        .retain(|(name, _)| *name != "x-ms-request-charge");
    Ok(reply)
}

/// Changes whenever a range is split or merged, for its children have higher numbers.
fn newest(container: &Container) -> u64 {
    let numbers = container.ranges.iter().map(number);
    numbers.max().unwrap_or_default() + 1
}

fn number(range: &Range) -> u64 {
    range.id.parse().unwrap_or_default()
}

fn resource(container: &Container, link: &str, range: &Range) -> Value {
    let rid = rid::leaf(&container.rid, number(range) + 2, Leaf::Range);
    json!({
        "_rid": rid,
        "id": range.id,
        "_etag": container.etag,
        "minInclusive": range.min,
        "maxExclusive": range.max,
        "ridPrefix": number(range),
        "_self": format!("{link}pkranges/{rid}/"),
        "throughputFraction": 1.0 / container.ranges.len() as f64,
        "status": "online",
        "parents": range.parents,
        "ownedArchivalPKRangeIds": [],
        "_ts": container.ts,
        "lsn": range.lsn,
    })
}
