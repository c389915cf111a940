//! Consistency: what a request may ask for beyond the account's own level, which is Session.

use super::reply::{Exchange, Refusal};
use crate::sandbox::world::Range;

const LEVEL: &str = "x-ms-consistency-level";
const STRATEGY: &str = "x-ms-cosmos-read-consistency-strategy";

/// Refuses a level that is stronger than the account's, or none.
pub fn level(exchange: &Exchange) -> Result<(), Refusal> {
    strategy(exchange)?;
    let Some(level) = exchange.header(LEVEL) else {
        return Ok(());
    };
    match level.to_ascii_lowercase().as_str() {
        "session" | "consistentprefix" | "eventual" => Ok(()),
        "strong" | "boundedstaleness" => Err(Refusal::gateway(
            400,
            format!(
                "ConsistencyLevel {level} specified in the request is invalid when service is configured with consistency level Session. Ensure the request consistency level is not stronger than the service consistency level."
            ),
        )),
        _ => Err(Refusal::header(LEVEL, level)),
    }
}

/// The newer way to say how fresh a read is to be, which does not go with the older one.
fn strategy(exchange: &Exchange) -> Result<(), Refusal> {
    let Some(strategy) = exchange.header(STRATEGY) else {
        return Ok(());
    };
    let known = ["eventual", "session", "latestcommitted"];
    let served = known.contains(&strategy.to_ascii_lowercase().as_str());
    match served && exchange.header(LEVEL).is_none() {
        true => Ok(()),
        false => Err(Refusal::header(STRATEGY, strategy)),
    }
}

/// Whether the request is content with less than its session has seen.
fn content(exchange: &Exchange) -> bool {
    let weaker = |level: &str| {
        ["eventual", "consistentprefix"].contains(&level.to_ascii_lowercase().as_str())
    };
    [LEVEL, STRATEGY]
        .iter()
        .any(|name| exchange.header(name).is_some_and(weaker))
}

/// Refuses a request by a session that has seen more of the range, or of those it came of, than there is.
pub fn reached(exchange: &Exchange, range: &Range) -> Result<(), Refusal> {
    let Some(token) = exchange.header("x-ms-session-token") else {
        return Ok(());
    };
    let parts = parse(token).ok_or_else(|| {
        let message = format!("The session token provided '{token}' is invalid.");
        Refusal::gateway(400, message)
    })?;
    let own = |id: &str| range.id == id || range.parents.iter().any(|parent| parent == id);
    let ahead =
        |(id, lsn): &(&str, i64)| own(id) && u64::try_from(*lsn).is_ok_and(|lsn| lsn > range.lsn);
    match !content(exchange) && parts.iter().any(ahead) {
        true => Err(Refusal::gateway(404, NOT_YET).sub(1002)),
        false => Ok(()),
    }
}

const NOT_YET: &str = "The read session is not available for the input session token.";

/// Each range of a token, and the LSN the session has seen of it.
fn parse(token: &str) -> Option<Vec<(&str, i64)>> {
    let part = |part: &'_ str| -> Option<(usize, i64)> {
        let (id, progress) = part.split_once(':')?;
        id.parse::<u64>().ok()?;
        Some((id.len(), lsn(progress)?))
    };
    let parts = token.split(',').map(str::trim);
    let read = parts.map(|text| {
        let (id, lsn) = part(text)?;
        Some((text.get(..id)?, lsn))
    });
    read.collect()
}

/// The global LSN of `602`, `-1#31` or `1#31#2=30`.
fn lsn(progress: &str) -> Option<i64> {
    let mut parts = progress.split('#');
    let first = parts.next()?.parse().ok()?;
    let Some(global) = parts.next() else {
        return Some(first);
    };
    let region = |part: &str| -> Option<i64> {
        let (region, lsn) = part.split_once('=')?;
        region.parse::<u64>().ok()?;
        lsn.parse().ok()
    };
    let whole = parts.all(|part| region(part).is_some());
    global.parse().ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::Value;

    const VECTORS: &str = include_str!("../../../fixtures/data-plane/session_token_vectors.json");

    fn rows(table: &str, count: usize) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let rows = vectors[table].as_array().unwrap().clone();
        assert_eq!(rows.len(), count);
        rows
    }

    #[test]
    fn published_tokens_are_read() {
        for row in rows("parse", 5) {
            let token = row["token"].as_str().unwrap();
            let read = parse(token).unwrap();
            match row["compound"].as_array() {
                Some(parts) => {
                    let each = parts
                        .iter()
                        .map(|part| parse(part.as_str().unwrap()).unwrap()[0]);
                    assert_eq!(read, each.collect::<Vec<_>>(), "{token}");
                }
                None => {
                    let wanted = (
                        row["range"].as_str().unwrap(),
                        row["global"].as_i64().unwrap(),
                    );
                    assert_eq!(read, [wanted], "{token}");
                }
            }
        }
        for progress in rows("round_trip_verbatim", 3) {
            assert!(lsn(progress.as_str().unwrap()).is_some(), "{progress}");
        }
    }

    #[test]
    fn published_junk_is_refused() {
        for token in rows("invalid", 7) {
            assert_eq!(parse(token.as_str().unwrap()), None, "{token}");
        }
    }

    /// What clients make of two tokens is a token, and never further than either of the two was.
    #[test]
    fn merged_tokens_are_tokens() {
        for (table, count) in [("merge", 5), ("merge_false_progress_rule", 10)] {
            for row in rows(table, count) {
                let part = |name: &str| row[name].as_str().map(str::to_owned);
                let (Some(a), Some(b), Some(out)) = (part("a"), part("b"), part("out")) else {
                    let whole = row["out"].as_str().unwrap();
                    assert_eq!(parse(whole).unwrap().len(), 2, "{row}");
                    continue;
                };
                let most = lsn(&a).max(lsn(&b));
                assert!(lsn(&out).is_some() && lsn(&out) <= most, "{row}");
            }
        }
    }
}
