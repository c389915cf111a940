//! The last writes of a range: a batch takes its own back, and a replica that lags has not seen the last one.

use super::reply::Exchange;
use crate::sandbox::world::{Item, Range, Slot, World};

/// Puts an item into a slot, or takes it away, and remembers what was there.
pub fn write(range: &mut Range, slot: &Slot, item: Option<Item>) {
    range.lsn += 1;
    let lsn = range.lsn;
    let old = swap(range, slot, item.map(|item| Item { lsn, ..item }));
    range.history.push((slot.clone(), old));
}

/// Takes back all writes that are remembered, as if they had never been.
pub fn undo(range: &mut Range) {
    while let Some((slot, old)) = range.history.pop() {
        swap(range, &slot, old);
        range.lsn -= 1;
    }
}

/// Remembers no more than the last one.
pub fn forget(range: &mut Range) {
    let before = range.history.len().saturating_sub(1);
    range.history.drain(..before);
}

/// Serves a read from a replica that has not seen the last write to any range.
pub fn behind<T>(world: &mut World, exchange: &Exchange, serve: impl FnOnce(&mut World) -> T) -> T {
    step(world, exchange, |lsn| lsn - 1);
    let served = serve(world);
    step(world, exchange, |lsn| lsn + 1);
    served
}

/// Changes the last write of each range for what it replaced, or back again.
fn step(world: &mut World, exchange: &Exchange, lsn: fn(u64) -> u64) {
    let place = &exchange.place;
    let database = world.databases.get_mut(place.database());
    let container = database.and_then(|database| database.containers.get_mut(place.container()));
    for range in container.into_iter().flat_map(|found| &mut found.ranges) {
        if let Some((slot, old)) = range.history.pop() {
            let newer = swap(range, &slot, old);
            range.history.push((slot, newer));
            range.lsn = lsn(range.lsn);
        }
    }
}

fn swap(range: &mut Range, slot: &Slot, item: Option<Item>) -> Option<Item> {
    match item {
        Some(item) => range.items.insert(slot.clone(), item),
        None => range.items.remove(slot),
    }
}
