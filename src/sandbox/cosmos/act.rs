//! One operation on one item, whether it came by itself or in a batch.

use super::item::{self, Sent, Stamp};
use super::patch::Patch;
use super::reply::Refusal;
use super::rid::{self, Leaf};
use super::store::{self, Address, Store};
use crate::cosmos::limits::ITEM_BYTES;
use crate::cosmos::partition_key::PartitionKey;
use crate::sandbox::world::{self, Item};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Fails where the item is there.
    Create,
    /// Creates or replaces.
    Upsert,
    /// Changes nothing.
    Read,
    /// Fails where the item is not there.
    Replace,
    /// Changes some of the item's members.
    Patch,
    /// Fails where the item is not there.
    Delete,
}

/// An operation with all that it depends on.
pub struct Action<'a> {
    /// What is to be done.
    pub verb: Verb,
    /// The whole key of the item.
    pub key: PartitionKey,
    /// The item's id, or its `_rid`; a new item has it in its body.
    pub name: &'a str,
    /// Whether the name is a `_rid`.
    pub by_rid: bool,
    /// The item, or the patch.
    pub body: &'a [u8],
    /// `If-Match`.
    pub if_match: Option<&'a str>,
    /// `If-None-Match`, which only reads look at.
    pub if_none_match: Option<&'a str>,
    /// Epoch seconds on the service's clock.
    pub now: i64,
}

/// What came of it.
pub struct Done {
    /// The status code.
    pub status: u16,
    /// Request units.
    pub charge: f64,
    /// The item's, after a write the new one; nothing of what is gone.
    pub etag: Option<String>,
    /// The range's LSN at the item's last write.
    pub lsn: u64,
    /// The item as it now is, where it is to be given back.
    pub text: String,
    /// Position of the item's range.
    pub range: usize,
}

const EXISTS: &str = "Resource with specified id or name already exists.";
const CHANGED: &str = "One of the specified pre-condition is not met. Learn more: https://aka.ms/CosmosDB/sql/errors/precondition-failed";
const MISMATCH: &str = "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";

/// Does it, or says why not; what is refused has changed nothing.
pub fn act(store: &mut Store, action: &Action) -> Result<Done, Refusal> {
    match action.verb {
        Verb::Create | Verb::Upsert => create(store, action),
        Verb::Read => read(store, action),
        Verb::Replace => replace(store, action),
        Verb::Patch => patch(store, action),
        Verb::Delete => delete(store, action),
    }
}

fn create(store: &mut Store, action: &Action) -> Result<Done, Refusal> {
    let sent = item::read(action.body)?;
    matches(store, action, &sent)?;
    let address = store.address(&action.key, &sent.id)?;
    let (status, charge) = match store.get(&address) {
        None => (201, 6.67),
        Some(_) if action.verb == Verb::Create => {
            return Err(store.seen(&address, Refusal::new(409, EXISTS)));
        }
        Some(found) => {
            same(store, action, &address, &found.etag)?;
            (200, 10.67)
        }
    };
    write(store, action, &address, &sent)?;
    done(store, &address, status, charge)
}

fn read(store: &Store, action: &Action) -> Result<Done, Refusal> {
    let address = located(store, action)?;
    let found = store.find(&address)?;
    let known = action.if_none_match == Some(found.etag.as_str());
    let mut done = done(store, &address, if known { 304 } else { 200 }, 1.0)?;
    if known {
        done.text.clear();
    }
    Ok(done)
}

fn replace(store: &mut Store, action: &Action) -> Result<Done, Refusal> {
    let sent = item::read(action.body)?;
    let address = located(store, action)?;
    let found = store.find(&address)?;
    same(store, action, &address, &found.etag)?;
    let (_, _, id) = &address.slot;
    let address = match *id == sent.id {
        true => {
            matches(store, action, &sent)?;
            address
        }
        false => rename(store, action, &address, &sent)?,
    };
    write(store, action, &address, &sent)?;
    done(store, &address, 200, 11.05)
}

/// Moves an item to the id in its new body, where no other item has that id. It stays the same resource.
fn rename(
    store: &mut Store,
    action: &Action,
    from: &Address,
    sent: &Sent,
) -> Result<Address, Refusal> {
    of_key(store, action, sent)?;
    let to = store.address(&action.key, &sent.id)?;
    if store.get(&to).is_some() {
        return Err(store.seen(&to, Refusal::new(409, EXISTS)));
    }
    let (_, _, old) = &from.slot;
    store.unique(&to, &sent.value, old)?;
    let item = store.find(from)?.clone();
    store.remove(from);
    store.put(&to, item);
    Ok(to)
}

fn patch(store: &mut Store, action: &Action) -> Result<Done, Refusal> {
    let patch = Patch::read(action.body)?;
    let address = located(store, action)?;
    let found = store.find(&address)?;
    same(store, action, &address, &found.etag)?;
    let patched = patch.apply(&found.text, &store.keys.paths);
    let patched = patched.map_err(|refusal| store.seen(&address, refusal))?;
    let sent = item::read(patched.as_bytes())?;
    matches(store, action, &sent)?;
    write(store, action, &address, &sent)?;
    done(store, &address, 200, 11.43)
}

fn delete(store: &mut Store, action: &Action) -> Result<Done, Refusal> {
    let address = located(store, action)?;
    let found = store.find(&address)?;
    same(store, action, &address, &found.etag)?;
    store.remove(&address);
    Ok(Done {
        status: 204,
        charge: 6.67,
        etag: None,
        lsn: store.range(address.range)?.lsn,
        text: String::new(),
        range: address.range,
    })
}

fn located(store: &Store, action: &Action) -> Result<Address, Refusal> {
    store.locate(&action.key, action.name, action.by_rid)
}

/// `If-Match`, where it was sent.
pub fn unchanged(wanted: Option<&str>, etag: &str) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if wanted != "*" && wanted != etag => Err(Refusal::new(412, CHANGED)),
        _ => Ok(()),
    }
}

fn same(store: &Store, action: &Action, address: &Address, etag: &str) -> Result<(), Refusal> {
    unchanged(action.if_match, etag).map_err(|refusal| store.seen(address, refusal))
}

/// Whether the item has the key that was named, and no unique key of another.
fn matches(store: &Store, action: &Action, sent: &Sent) -> Result<(), Refusal> {
    of_key(store, action, sent)?;
    let address = store.address(&action.key, &sent.id)?;
    store.unique(&address, &sent.value, &sent.id)
}

/// Whether the item has the key that was named.
fn of_key(store: &Store, action: &Action, sent: &Sent) -> Result<(), Refusal> {
    let own = store.keys.extract(&sent.text);
    match own.is_ok_and(|own| own.canonical() == action.key.canonical()) {
        true => Ok(()),
        false => Err(Refusal::new(400, MISMATCH).sub(1001)),
    }
}

fn write(
    store: &mut Store,
    action: &Action,
    address: &Address,
    sent: &Sent,
) -> Result<(), Refusal> {
    let ts = action.now;
    let number = store.next();
    let old = store.get(address);
    let (first, rid) = match old {
        Some(item) => (item.number, item.rid.clone()),
        None => (number, rid::leaf(&store.container.rid, number, Leaf::Item)),
    };
    let etag = world::etag(number, ts);
    let text = sent.write(&Stamp {
        rid: &rid,
        parent: &store.link,
        etag: &etag,
        ts,
    });
    if text.len() > ITEM_BYTES {
        return Err(Refusal::new(413, "Request size is too large"));
    }
    let expires = item::expires(store::default_ttl(store.container), &sent.value, ts);
    let item = Item {
        text,
        etag,
        ts,
        expires,
        lsn: 0,
        rid,
        number: first,
    };
    store.put(address, item);
    Ok(())
}

fn done(store: &Store, address: &Address, status: u16, charge: f64) -> Result<Done, Refusal> {
    let item = store.get(address).ok_or_else(Refusal::not_found)?;
    Ok(Done {
        status,
        charge,
        etag: Some(item.etag.clone()),
        lsn: item.lsn,
        text: item.text.clone(),
        range: address.range,
    })
}
