//! A container as a place for items: which range, which item, what is still alive.

use serde_json::Value;

use super::regions::Regions;
use super::reply::{Exchange, Refusal, Reply};
use super::{definition, history, item};
use crate::cosmos::effective_key::contains;
use crate::cosmos::key_definition::Definition;
use crate::cosmos::partition_key::PartitionKey;
use crate::sandbox::faults::Trouble;
use crate::sandbox::world::{Container, Item, Range, Slot, World};

/// A container together with what its items are told of it.
pub struct Store<'w> {
    /// The container.
    pub container: &'w mut Container,
    /// How its keys are read.
    pub keys: Definition,
    /// `dbs/{rid}/colls/{rid}/`.
    pub link: String,
    /// `dbs/{name}/colls/{name}`.
    pub path: String,
    /// What is to get into the way of operations.
    pub trouble: &'w mut Trouble,
    batch: bool,
    counter: &'w mut u64,
    regions: &'w Regions,
}

/// Where an item is: the position of its range and its key there.
pub struct Address {
    /// Position in `Container::ranges`.
    pub range: usize,
    /// Effective key, key, id.
    pub slot: Slot,
}

/// The container a request is for, without what has expired in it.
pub fn open<'w>(world: &'w mut World, exchange: &Exchange) -> Result<Store<'w>, Refusal> {
    let place = &exchange.place;
    let path = format!("dbs/{}/colls/{}", place.database(), place.container());
    let database = world
        .databases
        .get_mut(place.database())
        .ok_or_else(Refusal::no_owner)?;
    let container = database
        .containers
        .get_mut(place.container())
        .ok_or_else(Refusal::no_owner)?;
    same_container(exchange, &container.rid)?;
    let keys = container
        .definition
        .get("partitionKey")
        .unwrap_or(&Value::Null);
    let keys = Definition::from_json(keys).map_err(|message| Refusal::new(400, message))?;
    let link = format!("dbs/{}/colls/{}/", database.rid, container.rid);
    sweep(container, exchange.now);
    Ok(Store {
        container,
        keys,
        link,
        path,
        trouble: &mut world.trouble,
        batch: false,
        counter: &mut world.counter,
        regions: &world.regions,
    })
}

/// A client that remembers a container made before this one of the same name is told so.
fn same_container(exchange: &Exchange, rid: &str) -> Result<(), Refusal> {
    match exchange.header("x-ms-cosmos-intended-collection-rid") {
        Some(intended) if intended != rid => Err(Refusal::gateway(
            400,
            "The collection was recreated: its _rid is not the intended one.",
        )
        .sub(1024)),
        _ => Ok(()),
    }
}

/// Forgets the items whose time has come.
pub fn sweep(container: &mut Container, now: i64) {
    if default_ttl(container).is_none() {
        return;
    }
    for range in &mut container.ranges {
        range
            .items
            .retain(|_, item| item.expires.is_none_or(|end| end > now));
    }
}

/// `defaultTtl`, where the container has it on.
pub fn default_ttl(container: &Container) -> Option<i64> {
    container
        .definition
        .get("defaultTtl")
        .and_then(Value::as_i64)
}

impl Store<'_> {
    /// The place of an item with that key and id.
    pub fn address(&self, key: &PartitionKey, id: &str) -> Result<Address, Refusal> {
        let effective = self.keys.effective(key);
        let holds = |range: &Range| contains(&range.min, &range.max, &effective);
        let range = self.container.ranges.iter().position(holds);
        let range = range.ok_or_else(|| Refusal::gateway(410, GONE).sub(1002))?;
        Ok(Address {
            range: self.serving(range)?,
            slot: (effective, key.canonical(), id.to_owned()),
        })
    }

    /// The place of an item by the last segment of its path.
    pub fn locate(&self, key: &PartitionKey, leaf: &str, by_rid: bool) -> Result<Address, Refusal> {
        let mut address = self.address(key, leaf)?;
        if by_rid {
            let (_, named, _) = &address.slot;
            let range = self.range(address.range)?;
            let found = range
                .items
                .iter()
                .find(|((_, key, _), item)| key == named && item.rid == leaf);
            let (slot, _) = found.ok_or_else(Refusal::not_found)?;
            address.slot = slot.clone();
        }
        Ok(address)
    }

    /// The item there.
    pub fn get(&self, address: &Address) -> Option<&Item> {
        self.range(address.range).ok()?.items.get(&address.slot)
    }

    /// The item there, or the refusal that says how far the range was when it was not.
    pub fn find(&self, address: &Address) -> Result<&Item, Refusal> {
        let absent = || self.seen(address, Refusal::not_found());
        self.get(address).ok_or_else(absent)
    }

    /// The refusal with the session token of the range.
    pub fn seen(&self, address: &Address, refusal: Refusal) -> Refusal {
        match self.range(address.range) {
            Ok(range) => refusal.session(self.token(range)),
            Err(_) => refusal,
        }
    }

    /// The position of the range that a header names, which may come after the container's `_rid` and a comma.
    pub fn named(&self, header: &str) -> Result<usize, Refusal> {
        let id = header.rsplit(',').next().unwrap_or(header).trim();
        let mut ranges = self.container.ranges.iter();
        let found = ranges.position(|range| range.id == id);
        self.serving(found.ok_or_else(|| Refusal::new(410, GONE).sub(1002))?)
    }

    /// The position of a range, unless it is being split or merged.
    pub fn serving(&self, at: usize) -> Result<usize, Refusal> {
        match self.range(at)?.locked {
            true => Err(Refusal::new(410, LOCKED).sub(1007)),
            false => Ok(at),
        }
    }

    /// A range by its position.
    pub fn range(&self, at: usize) -> Result<&Range, Refusal> {
        self.container
            .ranges
            .get(at)
            .ok_or_else(|| Refusal::gateway(410, GONE).sub(1002))
    }

    /// The next number of the world's sequence.
    pub fn next(&mut self) -> u64 {
        *self.counter += 1;
        *self.counter
    }

    /// Puts the item there, with the range's next LSN.
    pub fn put(&mut self, address: &Address, item: Item) {
        self.change(address, Some(item));
    }

    /// Takes the item away.
    pub fn remove(&mut self, address: &Address) {
        self.change(address, None);
    }

    fn change(&mut self, address: &Address, item: Option<Item>) {
        let Some(range) = self.container.ranges.get_mut(address.range) else {
            return;
        };
        if !self.batch {
            range.history.clear();
        }
        history::write(range, &address.slot, item);
    }

    /// From here on the writes to a range can be taken back together.
    pub fn begin(&mut self, range: usize) {
        self.batch = true;
        self.history(range, |range| range.history.clear());
    }

    /// Takes back all writes since the beginning.
    pub fn roll_back(&mut self, range: usize) {
        self.batch = false;
        self.history(range, history::undo);
    }

    /// The writes stay.
    pub fn commit(&mut self, range: usize) {
        self.batch = false;
        self.history(range, history::forget);
    }

    fn history(&mut self, at: usize, change: fn(&mut Range)) {
        if let Some(range) = self.container.ranges.get_mut(at) {
            change(range);
        }
    }

    /// Refuses an item whose unique keys another item of the same partition key has; the one with the id `own` is
    /// replaced by it.
    pub fn unique(&self, address: &Address, value: &Value, own: &str) -> Result<(), Refusal> {
        let policies = definition::unique_key_paths(&self.container.definition);
        if policies.is_empty() {
            return Ok(());
        }
        let (_, key, _) = &address.slot;
        let others = self.range(address.range)?.items.iter();
        let others = others.filter(|((_, its, name), _)| its == key && name != own);
        for (_, other) in others {
            let other: Value = serde_json::from_str(&other.text).unwrap_or_default();
            if policies
                .iter()
                .any(|paths| item::unique(&other, paths) == item::unique(value, paths))
            {
                let refusal = Refusal::new(409, "Unique index constraint violation.");
                return Err(self.seen(address, refusal));
            }
        }
        Ok(())
    }

    /// Adds what an answer about items of a range says of the range and the container.
    pub fn describe(&self, reply: Reply, at: usize) -> Reply {
        let Ok(range) = self.range(at) else {
            return reply;
        };
        reply
            .header("x-ms-session-token", self.token(range))
            .header("x-ms-documentdb-partitionkeyrangeid", &range.id)
            .header("lsn", range.lsn)
            .header("x-ms-cosmos-llsn", range.lsn)
            .header("x-ms-global-committed-lsn", range.lsn)
            .header("x-ms-number-of-read-regions", 0)
            .header("x-ms-alt-content-path", &self.path)
            .header("x-ms-content-path", &self.container.rid)
            .header("x-ms-resource-quota", QUOTA)
            .header("x-ms-resource-usage", usage(self.container))
            .header("x-ms-schemaversion", "1.21")
            .header("x-ms-serviceversion", "version=2.14.0.0")
            .header("x-ms-request-duration-ms", "0.5")
    }

    /// What a session is told of a range.
    pub fn token(&self, range: &Range) -> String {
        format!("{}:{}", range.id, self.regions.progress(range.lsn))
    }
}

/// How much of its quota a container uses, in kilobytes.
pub fn usage(container: &Container) -> String {
    let ranges = container.ranges.iter();
    let (count, bytes) = ranges
        .flat_map(|range| range.items.values())
        .fold((0, 0), |(count, bytes), item| {
            (count + 1, bytes + item.text.len())
        });
    let kilobytes = bytes.div_ceil(1024);
    format!(
        "documentSize=0;documentsSize={kilobytes};documentsCount={count};collectionSize={kilobytes};"
    )
}

/// What a range that is not there any more is answered with.
pub const GONE: &str = "The requested resource is no longer available at the server.";
const LOCKED: &str = "The partition key range is being split or merged.";
/// What a container may hold.
pub const QUOTA: &str =
    "documentSize=10240;documentsSize=10485760;documentsCount=-1;collectionSize=10485760;";
