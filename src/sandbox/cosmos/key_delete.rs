//! `POST /dbs/{db}/colls/{coll}/operations/partitionkeydelete`: all items of a key, or of all keys that begin with it.

use super::items::NO_KEY;
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::scope;
use super::store::{self, Address};
use crate::sandbox::world::World;

/// The items are out of sight at once, and taken away for that many seconds.
const SECONDS: i64 = 1;

/// Deletes them.
pub fn run(world: &mut World, exchange: &Exchange) -> Outcome {
    if exchange.place.leaf() != "partitionkeydelete" {
        return Err(Refusal::gateway(400, "Request url is invalid."));
    }
    let mut store = store::open(world, exchange)?;
    if exchange.header("x-ms-documentdb-partitionkey").is_none() {
        return Err(Refusal::new(400, NO_KEY));
    }
    let scope = scope::feed(exchange, &store)?;
    let mut found = Vec::new();
    for &range in &scope.ranges {
        let slots = store.range(range)?.items.keys();
        let within = slots.filter(|(effective, key, _)| scope.holds(effective, key));
        found.extend(within.map(|slot| Address {
            range,
            slot: slot.clone(),
        }));
    }
    for address in &found {
        store.remove(address);
    }
    store.container.deleting = exchange.now + SECONDS;
    let at = scope.ranges.first().copied().unwrap_or_default();
    Ok(store.describe(Reply::new(200, "").charge(1.0), at))
}
