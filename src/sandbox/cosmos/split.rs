//! What happens to a container behind the backs of its users: a range is split or locked, two are merged, or the
//! container is made anew.

use std::cmp::Ordering;

use super::definition;
use super::place::Place;
use crate::cosmos::effective_key::order;
use crate::sandbox::http::Request;
use crate::sandbox::world::{Container, Range, Slot, World};

/// Why it could not be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Unable {
    /// There is no such database, container or range.
    Absent(String),
    /// There is, and it cannot be done to it.
    Refused(String),
}

/// Splits the range that a request is about to name, or the fullest one of its container.
pub fn before(world: &mut World, request: &Request) {
    let (place, id) = meant(world, request);
    // What is not there cannot be split, and the request will hear that it is not there.
    let _ = world.split(place.database(), place.container(), id.as_deref());
}

/// Merges the range that a request is about to name, or the first one of its container, with its neighbour.
pub fn merge_before(world: &mut World, request: &Request) {
    let (place, id) = meant(world, request);
    // One alone stays as it is.
    let _ = world.merge(place.database(), place.container(), id.as_deref());
}

/// The container of a request, and the range that it names.
fn meant(world: &World, request: &Request) -> (Place, Option<String>) {
    let place = Place::parse(request.path()).unwrap_or_default();
    let place = match place.by_rid {
        true => super::named(world, &place).unwrap_or_default(),
        false => place,
    };
    let named = request.header("x-ms-documentdb-partitionkeyrangeid");
    let id = named.map(|named| named.rsplit(',').next().unwrap_or(named).trim());
    (place, id.map(str::to_owned))
}

impl World {
    /// Splits a range at the middle of its items, the fullest range where none is named; ids of the two new ones.
    pub fn split(
        &mut self,
        database: &str,
        container: &str,
        range: Option<&str>,
    ) -> Result<[String; 2], Unable> {
        let container = self.find(database, container)?;
        let at = match range {
            Some(id) => container.ranges.iter().position(|range| range.id == id),
            None => fullest(&container.ranges),
        };
        let absent = || Unable::Absent(format!("there is no range {}", range.unwrap_or("")));
        let at = at.ok_or_else(absent)?;
        let version = definition::hash_version(&container.definition);
        let parent = container.ranges.get(at).ok_or_else(absent)?;
        let bound = middle(parent, version)?;
        let number = newest(&container.ranges) + 1;
        let parent = container.ranges.remove(at);
        let children = halves(parent, &bound, number);
        let ids = children.each_ref().map(|child| child.id.clone());
        container.ranges.splice(at..at, children);
        Ok(ids)
    }

    /// Merges a range, the first one where none is named, with the next one, the last with the one before; the id of the
    /// new one.
    pub fn merge(
        &mut self,
        database: &str,
        container: &str,
        range: Option<&str>,
    ) -> Result<String, Unable> {
        let container = self.find(database, container)?;
        let ranges = &mut container.ranges;
        let at = match range {
            Some(id) => ranges.iter().position(|range| range.id == id),
            None => Some(0),
        };
        let absent = || Unable::Absent(format!("there is no range {}", range.unwrap_or("")));
        let at = at.ok_or_else(absent)?;
        if ranges.len() < 2 {
            return Err(Unable::Refused("there is only one range".into()));
        }
        let number = newest(ranges) + 1;
        let at = at.min(ranges.len() - 2);
        let (lower, upper) = (ranges.remove(at), ranges.remove(at));
        ranges.insert(at, whole(lower, upper, number));
        Ok(number.to_string())
    }

    /// Has a range serve nothing, or serve again: that of a split or a merge which takes its time.
    pub fn lock(
        &mut self,
        database: &str,
        container: &str,
        range: &str,
        locked: bool,
    ) -> Result<(), Unable> {
        let container = self.find(database, container)?;
        let mut ranges = container.ranges.iter_mut();
        let found = ranges.find(|found| found.id == range);
        let found = found.ok_or_else(|| Unable::Absent(format!("there is no range {range}")))?;
        found.locked = locked;
        Ok(())
    }

    /// Drops a container and makes one of the same name and definition, without items; its new `_rid`.
    pub fn recreate(
        &mut self,
        database: &str,
        container: &str,
        now: i64,
    ) -> Result<String, Unable> {
        let old = self.find(database, container)?;
        let (definition, offer) = (old.definition.clone(), old.offer);
        self.create_container(database, definition, offer, now)
            .map_err(Unable::Refused)?;
        self.find(database, container).map(|made| made.rid.clone())
    }

    fn find(&mut self, database: &str, container: &str) -> Result<&mut Container, Unable> {
        let found = self.databases.get_mut(database);
        let found = found.and_then(|found| found.containers.get_mut(container));
        found.ok_or_else(|| Unable::Absent(format!("there is no container {database}/{container}")))
    }
}

/// The highest number that any range has or had: parents are remembered by their children.
fn newest(ranges: &[Range]) -> u64 {
    let ids = ranges
        .iter()
        .flat_map(|range| range.parents.iter().chain([&range.id]));
    let numbers = ids.filter_map(|id| id.parse().ok());
    numbers.max().unwrap_or_default()
}

/// Of several the first.
fn fullest(ranges: &[Range]) -> Option<usize> {
    let counts = ranges.iter().enumerate();
    let fuller = counts.max_by_key(|(at, range)| (range.items.len(), usize::MAX - at));
    fuller.map(|(at, _)| at)
}

/// A bound with half of the keys below it; without keys, half of the space.
fn middle(range: &Range, version: u64) -> Result<String, Unable> {
    let mut keys: Vec<&str> = range.items.keys().map(|(key, _, _)| key.as_str()).collect();
    keys.dedup();
    let bound = match keys.get(keys.len() / 2) {
        Some(key) if keys.len() > 1 => (*key).to_owned(),
        _ => between(range, version),
    };
    let inside = order(&range.min, &bound).is_lt() && order(&bound, &range.max).is_lt();
    match inside {
        true => Ok(bound),
        false => Err(Unable::Refused(format!(
            "range {} is too narrow to be split",
            range.id
        ))),
    }
}

/// The mean of two bounds, taken as fractions; the first and the last bound are where hashes begin and end.
fn between(range: &Range, version: u64) -> String {
    let (first, last) = match version {
        1 => ("0580", "05C1F0"),
        _ => ("00", "40"),
    };
    let number = |bound: &str| {
        let digits: String = bound
            .chars()
            .chain("0".repeat(32).chars())
            .take(32)
            .collect();
        u128::from_str_radix(&digits, 16).unwrap_or_default()
    };
    let min = number(if range.min.is_empty() {
        first
    } else {
        &range.min
    });
    let max = number(if range.max == "FF" { last } else { &range.max });
    format!("{:032X}", min / 2 + max / 2)
}

/// Two children that have what their parent had, and its LSN.
fn halves(parent: Range, bound: &str, number: u64) -> [Range; 2] {
    let below = |(key, _, _): &Slot| order(key, bound) == Ordering::Less;
    let (lower, upper) = parent.items.into_iter().partition(|(slot, _)| below(slot));
    let mut parents = parent.parents;
    parents.push(parent.id);
    let child = |number: u64, min: &str, max: &str, items| Range {
        id: number.to_string(),
        min: min.to_owned(),
        max: max.to_owned(),
        parents: parents.clone(),
        lsn: parent.lsn,
        items,
        history: Vec::new(),
        locked: false,
    };
    [
        child(number, &parent.min, bound, lower),
        child(number + 1, bound, &parent.max, upper),
    ]
}

/// The one child of two ranges: it has what both had. Its LSN is behind all that they gave out, so that what any reader
/// of either has seen is no later than the next write.
fn whole(lower: Range, upper: Range, number: u64) -> Range {
    let (lsn, min, max) = (lower.lsn.max(upper.lsn), lower.min, upper.max);
    let mut parents = Vec::new();
    let all = [lower.parents, vec![lower.id], upper.parents, vec![upper.id]];
    for parent in all.into_iter().flatten() {
        if !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    let mut items = lower.items;
    items.extend(upper.items);
    Range {
        id: number.to_string(),
        min,
        max,
        parents,
        lsn,
        items,
        history: Vec::new(),
        locked: false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::cut;
    use super::*;

    #[test]
    fn empty_ranges_are_halved_until_they_are_too_narrow() {
        for version in [1, 2] {
            for range in cut::ranges(3, version) {
                let bound = middle(&range, version).unwrap();
                let [low, high] = halves(range, &bound, 3);
                assert!(low.min < low.max && low.max == high.min && high.min < high.max);
                assert_eq!((low.id.as_str(), high.id.as_str()), ("3", "4"));
                assert_eq!(high.parents.len(), 1);
            }
        }
        let narrow = Range {
            min: "10".into(),
            max: "10000000000000000000000000000001".into(),
            ..Range::default()
        };
        assert!(middle(&narrow, 2).is_err());
    }
}
