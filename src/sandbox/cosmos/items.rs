//! One item at a time: create, upsert, read, replace, delete.

use super::item::{self, Sent, Stamp};
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::rid::{self, Leaf};
use super::session;
use super::store::{self, Address, Store};
use crate::cosmos::partition_key::{Component, PartitionKey};
use crate::sandbox::world::{self, Item, World};

/// `POST /dbs/{db}/colls/{coll}/docs`
pub fn create(world: &mut World, exchange: &Exchange) -> Outcome {
    let number = world.next();
    let mut store = store::open(world, exchange)?;
    let sent = item::read(&exchange.request.body)?;
    let key = supplied(exchange, &store, FEWER, 1001)?;
    matches(&store, &key, &sent)?;
    let address = store.address(&key, &sent.id)?;
    let upsert = exchange.flag("x-ms-documentdb-is-upsert");
    let (status, charge) = match store.get(&address) {
        None => (201, 6.67),
        Some(_) if !upsert => return Err(store.seen(&address, Refusal::new(409, EXISTS))),
        Some(found) => {
            unchanged(exchange, &found.etag).map_err(|refusal| store.seen(&address, refusal))?;
            (200, 10.67)
        }
    };
    write(&mut store, exchange, &address, &sent, number)?;
    answer(&store, exchange, &address, status, charge)
}

/// `GET /dbs/{db}/colls/{coll}/docs/{id}`
pub fn read(world: &mut World, exchange: &Exchange) -> Outcome {
    let store = store::open(world, exchange)?;
    let key = supplied(exchange, &store, NO_KEY, 0)?;
    let address = store.locate(&key, exchange.place.leaf(), exchange.place.by_rid)?;
    session::reached(exchange, store.range(address.range)?)?;
    let item = store.find(&address)?;
    if exchange.header("if-none-match") == Some(item.etag.as_str()) {
        let reply = Reply::new(304, "").header("etag", &item.etag).charge(1.0);
        return Ok(store.describe(reply, address.range));
    }
    answer(&store, exchange, &address, 200, 1.0)
}

/// `PUT /dbs/{db}/colls/{coll}/docs/{id}`
pub fn replace(world: &mut World, exchange: &Exchange) -> Outcome {
    let number = world.next();
    let mut store = store::open(world, exchange)?;
    let sent = item::read(&exchange.request.body)?;
    let key = supplied(exchange, &store, NO_KEY, 0)?;
    let address = store.locate(&key, exchange.place.leaf(), exchange.place.by_rid)?;
    let found = store.find(&address)?;
    let (_, _, id) = &address.slot;
    if *id != sent.id {
        return Err(Refusal::new(
            400,
            "The id of the document in the body is not the id of the document to be replaced.",
        ));
    }
    unchanged(exchange, &found.etag).map_err(|refusal| store.seen(&address, refusal))?;
    matches(&store, &key, &sent)?;
    write(&mut store, exchange, &address, &sent, number)?;
    answer(&store, exchange, &address, 200, 11.05)
}

/// `DELETE /dbs/{db}/colls/{coll}/docs/{id}`
pub fn delete(world: &mut World, exchange: &Exchange) -> Outcome {
    let mut store = store::open(world, exchange)?;
    let key = supplied(exchange, &store, NO_KEY, 0)?;
    let address = store.locate(&key, exchange.place.leaf(), exchange.place.by_rid)?;
    let found = store.find(&address)?;
    unchanged(exchange, &found.etag).map_err(|refusal| store.seen(&address, refusal))?;
    store.remove(&address);
    let reply = Reply::new(204, "").charge(6.67);
    Ok(store.describe(reply, address.range))
}

const NO_KEY: &str = "PartitionKey value must be supplied for this operation. Learn more: https://aka.ms/cosmosdb/sql/errors/missing-pk";
const FEWER: &str = "The partition key supplied in x-ms-partitionkey header has fewer components than defined in the the collection. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";
const MORE: &str = "The partition key supplied in x-ms-partitionkey header has more components than defined in the the collection. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";
const MISMATCH: &str = "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";
const EXISTS: &str = "Resource with specified id or name already exists.";
const CHANGED: &str = "One of the specified pre-condition is not met. Learn more: https://aka.ms/CosmosDB/sql/errors/precondition-failed";
const LONGEST_KEY: usize = 2048;

/// The whole key of one item, which every operation on one item has to name.
fn supplied(
    exchange: &Exchange,
    store: &Store,
    without: &str,
    substatus: u16,
) -> Result<PartitionKey, Refusal> {
    let header = exchange
        .header("x-ms-documentdb-partitionkey")
        .ok_or_else(|| Refusal::new(400, without).sub(substatus))?;
    let key = self::key(header)?;
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
        Component::String(text) => text.len() > LONGEST_KEY,
        _ => false,
    };
    match key.components().iter().any(long) {
        true => Err(Refusal::new(
            400,
            format!("The partition key is longer than {LONGEST_KEY} bytes."),
        )),
        false => Ok(key),
    }
}

/// Whether the item has the key that was named.
fn matches(store: &Store, key: &PartitionKey, sent: &Sent) -> Result<(), Refusal> {
    let own = store.keys.extract(&sent.text);
    let same = own.is_ok_and(|own| own.canonical() == key.canonical());
    match same {
        true => store.unique(&store.address(key, &sent.id)?, &sent.value),
        false => Err(Refusal::new(400, MISMATCH).sub(1001)),
    }
}

/// `If-Match`, where it was sent.
pub fn unchanged(exchange: &Exchange, etag: &str) -> Result<(), Refusal> {
    match exchange.header("if-match") {
        Some(wanted) if wanted != "*" && wanted != etag => Err(Refusal::new(412, CHANGED)),
        _ => Ok(()),
    }
}

fn write(
    store: &mut Store,
    exchange: &Exchange,
    address: &Address,
    sent: &Sent,
    number: u64,
) -> Result<(), Refusal> {
    let now = exchange.now;
    let old = store.get(address);
    let (number_of_item, rid) = match old {
        Some(item) => (item.number, item.rid.clone()),
        None => (number, rid::leaf(&store.container.rid, number, Leaf::Item)),
    };
    let etag = world::etag(number, now);
    let stamp = Stamp {
        rid: &rid,
        parent: &store.link,
        etag: &etag,
        ts: now,
    };
    let text = sent.write(&stamp);
    if text.len() > item::LARGEST {
        return Err(Refusal::new(413, "Request size is too large"));
    }
    let expires = item::expires(store::default_ttl(store.container), &sent.value, now);
    let item = Item {
        text,
        etag,
        ts: now,
        expires,
        lsn: 0,
        rid,
        number: number_of_item,
    };
    store.put(address, item);
    Ok(())
}

fn answer(
    store: &Store,
    exchange: &Exchange,
    address: &Address,
    status: u16,
    charge: f64,
) -> Outcome {
    let item = store.get(address).ok_or_else(Refusal::not_found)?;
    let minimal = exchange
        .header("prefer")
        .is_some_and(|prefer| prefer.eq_ignore_ascii_case("return=minimal"));
    let quiet = minimal && exchange.request.method != "GET";
    let mut reply = Reply::new(status, if quiet { "" } else { item.text.as_str() });
    if quiet {
        reply = reply.header("Preference-Applied", "return=minimal");
    }
    let reply = reply
        .header("etag", &item.etag)
        .header("x-ms-item-lsn", item.lsn)
        .charge(charge);
    Ok(store.describe(reply, address.range))
}
