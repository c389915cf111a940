//! `GET /dbs/{db}/colls/{coll}/docs` with `A-IM`: what has changed in a range, each item once, at its last change.

use super::date;
use super::pages;
use super::query::fresh;
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::scope::{self, Scope};
use super::store::{self, GONE, Store};
use crate::cosmos::limits::RESPONSE_BYTES;
use crate::sandbox::world::{Item, Range, World};

const UNNAMED: &str = "A change feed has to be of one range, one partition key or a range of effective partition keys.";

/// Items as they are, or each in an envelope of its own.
const WIRE_FORMAT: &str = "x-ms-cosmos-changefeed-wire-format-version";
const ENVELOPES: &str = "2021-09-15";

/// Where a feed begins.
#[derive(Clone, Copy)]
struct Start {
    /// After that LSN.
    lsn: u64,
    /// Not before that second.
    since: i64,
}

/// A page of changes; where there are none, 304 and how far the feed has been read.
pub fn list(world: &mut World, exchange: &Exchange) -> Outcome {
    incremental(exchange)?;
    let store = store::open(world, exchange)?;
    let scope = scope::feed(exchange, &store)?;
    if !scope.bounded()
        && exchange
            .header("x-ms-documentdb-partitionkeyrangeid")
            .is_none()
    {
        return Err(Refusal::gateway(400, UNNAMED));
    }
    let at = match scope.ranges.as_slice() {
        [one] => *one,
        // A range of effective keys that has been split since, or a named range with none of the keys.
        _ => return Err(Refusal::new(410, GONE).sub(1002)),
    };
    fresh(exchange, &store, &scope)?;
    let range = store.range(at)?;
    let size = pages::size(exchange, 100)?;
    let (items, end) = page(range, &scope, start(exchange, range)?, size);
    let enveloped = exchange.header(WIRE_FORMAT).is_some();
    let reply = answer(&store, &items, enveloped).header("etag", format!("\"{end}\""));
    Ok(store.describe(reply, at))
}

/// Refuses the other kinds of feed.
fn incremental(exchange: &Exchange) -> Result<(), Refusal> {
    let kind = exchange.header("a-im").unwrap_or_default();
    if kind.eq_ignore_ascii_case("full-fidelity feed") {
        return Err(Refusal::absent("a change feed of all versions and deletes"));
    }
    if !kind.eq_ignore_ascii_case("incremental feed") {
        return Err(Refusal::header("A-IM", kind));
    }
    match exchange.header(WIRE_FORMAT) {
        None | Some(ENVELOPES) => Ok(()),
        Some(_) => Err(Refusal::absent("another wire format of the change feed")),
    }
}

fn start(exchange: &Exchange, range: &Range) -> Result<Start, Refusal> {
    let from = |lsn, since| Ok(Start { lsn, since });
    let modified = exchange.header("if-modified-since");
    match (exchange.header("if-none-match"), modified) {
        (Some("*"), _) => from(range.lsn, i64::MIN),
        (Some(etag), _) => {
            let number = etag
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            let lsn = number.and_then(|number| number.parse().ok());
            from(
                lsn.ok_or_else(|| Refusal::header("If-None-Match", etag))?,
                i64::MIN,
            )
        }
        (None, Some(text)) => {
            let since = date::parse(text);
            from(
                0,
                since.ok_or_else(|| Refusal::header("If-Modified-Since", text))?,
            )
        }
        (None, None) => from(0, i64::MIN),
    }
}

/// The first changes after a point, and the LSN up to which there are no others.
fn page<'r>(range: &'r Range, scope: &Scope, start: Start, size: usize) -> (Vec<&'r Item>, u64) {
    let changed = |item: &Item| item.lsn > start.lsn && item.ts >= start.since;
    let within = range
        .items
        .iter()
        .filter(|((effective, key, _), item)| changed(item) && scope.holds(effective, key));
    let mut items: Vec<&Item> = within.map(|(_, item)| item).collect();
    items.sort_unstable_by_key(|item| item.lsn);
    let mut bytes = 0;
    let fits = |item: &&&Item| {
        let first = bytes == 0;
        bytes += item.text.len();
        first || bytes <= RESPONSE_BYTES
    };
    let mut count = items.iter().take(size).take_while(fits).count();
    // Ranges that were merged may have given out the same number: items of one number are of one page.
    let number = |at: usize| items.get(at).map(|item| item.lsn);
    while count > 0 && count < items.len() && number(count) == number(count - 1) {
        count += 1;
    }
    let end = match items.len() == count {
        true => range.lsn.max(start.lsn),
        false => items
            .get(count.wrapping_sub(1))
            .map_or(start.lsn, |item| item.lsn),
    };
    items.truncate(count);
    (items, end)
}

fn answer(store: &Store, items: &[&Item], enveloped: bool) -> Reply {
    if items.is_empty() {
        return Reply::new(304, "").charge(1.0);
    }
    let with_lsn = |item: &&Item| {
        let (text, lsn, ts) = (&item.text, item.lsn, item.ts);
        if enveloped {
            return format!("{{\"current\":{text},\"metadata\":{{\"lsn\":{lsn},\"crts\":{ts}}}}}");
        }
        let open = text.strip_suffix('}').unwrap_or(text);
        format!("{open},\"_lsn\":{lsn}}}")
    };
    let texts: Vec<String> = items.iter().map(with_lsn).collect();
    let (rid, count) = (&store.container.rid, items.len());
    let body = format!(
        "{{\"_rid\":\"{rid}\",\"Documents\":[{}],\"_count\":{count}}}",
        texts.join(",")
    );
    Reply::new(200, body)
        .header("x-ms-item-count", count)
        .charge(1.0 + 0.05 * count as f64)
}
