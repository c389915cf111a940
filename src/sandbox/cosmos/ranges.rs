//! `GET /dbs/{db}/colls/{coll}/pkranges`: where a container is cut.

use serde_json::{Value, json};

use super::reply::{Exchange, Outcome, Reply};
use super::rid::{self, Leaf};
use super::{resources, store};
use crate::sandbox::world::{Container, Range, World};

/// Lists the ranges; incrementally, where the client asks for that and has seen them, nothing.
pub fn list(world: &mut World, exchange: &Exchange) -> Outcome {
    let store = store::open(world, exchange)?;
    let container = &*store.container;
    let version = format!("\"{}\"", newest(container));
    let incremental = exchange.header("a-im").is_some();
    if incremental && exchange.header("if-none-match") == Some(version.as_str()) {
        return Ok(Reply::new(304, "").header("etag", version));
    }
    let all = container.ranges.iter();
    let all = all
        .map(|range| resource(container, &store.link, range))
        .collect();
    let lsn = container.ranges.first().map_or(0, |range| range.lsn);
    let mut reply = resources::feed(exchange, &container.rid, "PartitionKeyRanges", all, lsn)?;
    // Looking at the map costs nothing.
    reply
        .headers
        .retain(|(name, _)| *name != "x-ms-request-charge");
    Ok(reply
        .header("etag", version)
        .header("x-ms-alt-content-path", &store.path)
        .header("x-ms-content-path", &container.rid))
}

/// Changes whenever a range is split, for its children have higher numbers.
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
