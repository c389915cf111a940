//! How a range wraps its rows where the client has to merge them. Values stay the JSON text they are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::order::Key;
use crate::error::Error;

/// The members of an object, their values untouched.
pub type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Takes an object apart.
pub fn members<'a>(raw: &'a RawValue, what: &str) -> Result<Members<'a>, Error> {
    serde_json::from_str(raw.get())
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
        let row = members(row, "a row")?;
        let keys = keys(row.get("orderByItems").copied(), "orderByItems")?;
        if keys.len() != expressions {
            return Err(Error::answer(format!(
                "a row has {} values to order by, and the plan {expressions}",
                keys.len()
            )));
        }
        let payload = row.get("payload").map(|raw| (*raw).to_owned());
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
        let row = members(row, "a row")?;
        let keys = keys(row.get("groupByItems").copied(), "groupByItems")?;
        if keys.len() != expressions {
            return Err(Error::answer(format!(
                "a row has {} values to group by, and the plan {expressions}",
                keys.len()
            )));
        }
        let payload = row.get("payload").copied();
        Ok(Grouped { keys, payload })
    }
}

/// `[{"item": …}, {}]`: an item that is not there is undefined.
fn keys(list: Option<&RawValue>, what: &str) -> Result<Vec<Key>, Error> {
    let list = list.ok_or_else(|| Error::answer(format!("a row has no {what}")))?;
    let read = |item: &&RawValue| Key::read(members(item, what)?.get("item").copied());
    elements(list, what)?.iter().map(read).collect()
}
