//! One item at a time: create, upsert, read, replace, patch, delete.

use super::act::{Action, Done, Verb, act};
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::session;
use super::store::{self, Store};
use crate::cosmos::limits::KEY_BYTES;
use crate::cosmos::partition_key::{Component, PartitionKey};
use crate::sandbox::world::World;

/// `POST /dbs/{db}/colls/{coll}/docs`
pub fn create(world: &mut World, exchange: &Exchange) -> Outcome {
    let verb = match exchange.flag("x-ms-documentdb-is-upsert") {
        true => Verb::Upsert,
        false => Verb::Create,
    };
    let mut store = store::open(world, exchange)?;
    let key = supplied(exchange, &store, FEWER, 1001)?;
    serve(&mut store, exchange, verb, key)
}

/// `GET`, `PUT`, `PATCH` or `DELETE /dbs/{db}/colls/{coll}/docs/{id}`
pub fn point(world: &mut World, exchange: &Exchange, verb: Verb) -> Outcome {
    let mut store = store::open(world, exchange)?;
    let key = supplied(exchange, &store, NO_KEY, 0)?;
    if verb == Verb::Read {
        let address = store.address(&key, exchange.place.leaf())?;
        session::reached(exchange, store.range(address.range)?)?;
    }
    serve(&mut store, exchange, verb, key)
}

fn serve(store: &mut Store, exchange: &Exchange, verb: Verb, key: PartitionKey) -> Outcome {
    indexed(exchange)?;
    let action = Action {
        verb,
        key,
        name: exchange.place.leaf(),
        by_rid: exchange.place.by_rid,
        body: &exchange.request.body,
        if_match: exchange.header("if-match"),
        if_none_match: exchange.header("if-none-match"),
        now: exchange.now,
    };
    let done = act(store, &action)?;
    Ok(answer(
        store,
        done,
        exchange.minimal() && verb != Verb::Read,
    ))
}

fn answer(store: &Store, done: Done, quiet: bool) -> Reply {
    let mut reply = Reply::new(done.status, if quiet { "" } else { &done.text });
    if quiet {
        reply = reply.header("Preference-Applied", "return=minimal");
    }
    if let Some(etag) = done.etag {
        reply = reply.header("etag", etag).header("x-ms-item-lsn", done.lsn);
    }
    store.describe(reply.charge(done.charge), done.range)
}

/// Every item is found by every query here, whether it is to be indexed or not.
fn indexed(exchange: &Exchange) -> Result<(), Refusal> {
    let name = "x-ms-indexing-directive";
    // Some clients send the number of the word.
    let known = ["default", "include", "exclude", "0", "1", "2"];
    match exchange.header(name) {
        Some(sent) if !known.contains(&sent.to_ascii_lowercase().as_str()) => {
            Err(Refusal::header(name, sent))
        }
        _ => Ok(()),
    }
}

/// What a request that names no key is told.
pub const NO_KEY: &str = "PartitionKey value must be supplied for this operation. Learn more: https://aka.ms/cosmosdb/sql/errors/missing-pk";
const FEWER: &str = "The partition key supplied in x-ms-partitionkey header has fewer components than defined in the the collection. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";
const MORE: &str = "The partition key supplied in x-ms-partitionkey header has more components than defined in the the collection. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";

/// The whole key of one item, which every operation on one item has to name.
pub fn supplied(
    exchange: &Exchange,
    store: &Store,
    without: &str,
    substatus: u16,
) -> Result<PartitionKey, Refusal> {
    let header = exchange
        .header("x-ms-documentdb-partitionkey")
        .ok_or_else(|| Refusal::new(400, without).sub(substatus))?;
    whole(store, key(header)?)
}

/// The key, if it has all its components.
pub fn whole(store: &Store, key: PartitionKey) -> Result<PartitionKey, Refusal> {
    if store.keys.is_complete(&key) {
        return Ok(key);
    }
    let few = key.components().len() < store.keys.paths.len();
    Err(Refusal::new(400, if few { FEWER } else { MORE }).sub(1001))
}

/// A key from its header.
pub fn key(header: &str) -> Result<PartitionKey, Refusal> {
    let invalid = || Refusal::gateway(400, format!("Partition key {header} is invalid."));
    let key = PartitionKey::parse_header(header).map_err(|_| invalid())?;
    let long = |component: &Component| match component {
        Component::String(text) => text.len() > KEY_BYTES,
        _ => false,
    };
    match key.components().iter().any(long) {
        true => Err(Refusal::new(
            400,
            format!("The partition key is longer than {KEY_BYTES} bytes."),
        )),
        false => Ok(key),
    }
}
