//! How a range wraps its rows where the client has to merge them. Values stay the JSON text they are.

use serde_json::value::RawValue;

use super::order::Key;
use crate::cosmos::key_definition::{Pair, pair};
use crate::error::Error;

/// A member of an object, its value untouched. Rows are many and their members few: nothing is built for them.
pub fn member<'a>(
    raw: &'a RawValue,
    name: &str,
    what: &str,
) -> Result<Option<&'a RawValue>, Error> {
    both(raw, [name, ""], what).map(|[found, _]| found)
}

fn both<'a>(raw: &'a RawValue, names: [&str; 2], what: &str) -> Result<Pair<'a>, Error> {
    pair(raw.get(), names)
        .map_err(|_| Error::answer(format!("{what} is not a JSON object: {}", start(raw))))
}

/// Takes an array apart.
pub fn elements<'a>(raw: &'a RawValue, what: &str) -> Result<Vec<&'a RawValue>, Error> {
    serde_json::from_str(raw.get())
        .map_err(|_| Error::answer(format!("{what} is not a JSON array: {}", start(raw))))
}

/// Enough of a value to see what it is.
fn start(raw: &RawValue) -> String {
    raw.get().chars().take(40).collect()
}

/// `{"_rid", "orderByItems": [{"item": …}], "payload": …}`: a row and what it is ordered by.
#[derive(Debug)]
pub struct Ordered {
    /// One for each expression of `ORDER BY`.
    pub keys: Vec<Key>,
    /// The row itself; `None` where it is undefined.
    pub payload: Option<Box<RawValue>>,
}

impl Ordered {
    /// Reads a row that is ordered by so many expressions.
    pub fn read(row: &RawValue, expressions: usize) -> Result<Ordered, Error> {
        let [list, payload] = both(row, ["orderByItems", "payload"], "a row")?;
        let keys = keys(list, "orderByItems")?;
        if keys.len() != expressions {
            return Err(Error::answer(format!(
                "a row has {} values to order by, and the plan {expressions}",
                keys.len()
            )));
        }
        let payload = payload.map(ToOwned::to_owned);
        Ok(Ordered { keys, payload })
    }
}

/// `{"groupByItems": [{"item": …}], "payload": …}`: what a row is grouped by, and what is known of its group.
#[derive(Debug)]
pub struct Grouped<'a> {
    /// One for each expression of `GROUP BY`.
    pub keys: Vec<Key>,
    /// Values and partial aggregates; `None` where it is undefined.
    pub payload: Option<&'a RawValue>,
}

impl<'a> Grouped<'a> {
    /// Reads a row that is grouped by so many expressions.
    pub fn read(row: &'a RawValue, expressions: usize) -> Result<Grouped<'a>, Error> {
        let [list, payload] = both(row, ["groupByItems", "payload"], "a row")?;
        let keys = keys(list, "groupByItems")?;
        if keys.len() != expressions {
            return Err(Error::answer(format!(
                "a row has {} values to group by, and the plan {expressions}",
                keys.len()
            )));
        }
        Ok(Grouped { keys, payload })
    }
}

/// `[{"item": …}, {}]`: an item that is not there is undefined.
fn keys(list: Option<&RawValue>, what: &str) -> Result<Vec<Key>, Error> {
    let list = list.ok_or_else(|| Error::answer(format!("a row has no {what}")))?;
    let read = |item: &&RawValue| Key::read(member(item, "item", what)?);
    elements(list, what)?.iter().map(read).collect()
}
