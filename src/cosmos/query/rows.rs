//! How a range wraps its rows where the client has to merge them. Values stay the JSON text they are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::order::Key;
use crate::cosmos::feed::{feed, list};
use crate::cosmos::key_definition::{Named, Pair, pair};
use crate::cosmos::raw::continuation;
use crate::error::Error;
use crate::message::{Call, Next, Page};

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
        let row = Ordered::of(row)?;
        row.is_by(expressions).map(|()| row)
    }

    fn of(row: &RawValue) -> Result<Ordered, Error> {
        let [list, payload] = both(row, ["orderByItems", "payload"], "a row")?;
        let keys = keys(list, "orderByItems")?;
        let payload = payload.map(ToOwned::to_owned);
        Ok(Ordered { keys, payload })
    }

    /// Whether it has as many values as the plan has expressions.
    pub fn is_by(&self, expressions: usize) -> Result<(), Error> {
        match self.keys.len() {
            keys if keys == expressions => Ok(()),
            keys => Err(Error::answer(format!(
                "a row has {keys} values to order by, and the plan {expressions}"
            ))),
        }
    }
}

/// A page of rows that are ordered.
#[derive(Debug)]
pub struct Wrapped {
    /// In the order of their range.
    pub rows: Vec<Ordered>,
    /// Where the next page begins.
    pub next: Option<Next>,
    /// The size of the answer.
    pub bytes: usize,
}

/// `POST /dbs/{db}/colls/{coll}/docs`: the same page of a query, its rows unwrapped as they are read. What reads a row
/// again takes as long as what reads the page.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/query-documents>
pub fn unwrapped(page: Call<Page>) -> Call<Wrapped> {
    Call {
        request: page.request,
        scope: page.scope,
        action: page.action,
        effect: page.effect,
        read: |response| {
            let rows = match list::<Ordered>(response, "Documents") {
                Ok(rows) => rows,
                // One by one, for what is to be said of the one that is wrong.
                Err(_) => {
                    let rows = feed(response, "Documents")?.items;
                    let rows = rows.iter().map(|row| Ordered::of(row));
                    rows.collect::<Result<_, _>>()?
                }
            };
            Ok(Wrapped {
                rows,
                next: continuation(response)?,
                bytes: response.body.len(),
            })
        },
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Ordered, D::Error> {
        reader.deserialize_map(OrderedRow)
    }
}

struct OrderedRow;

impl<'de> Visitor<'de> for OrderedRow {
    type Value = Ordered;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Ordered, A::Error> {
        let (mut keys, mut payload) = (None, None);
        while let Some(place) = members.next_key_seed(Named(["orderByItems", "payload"]))? {
            match place {
                Some(0) => keys = Some(members.next_value::<Vec<Item>>()?),
                Some(_) => payload = Some(members.next_value()?),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        let keys = keys.ok_or_else(|| A::Error::missing_field("orderByItems"))?;
        let keys = keys.into_iter().map(|item| item.0).collect();
        Ok(Ordered { keys, payload })
    }
}

/// `{"item": …}`
struct Item(Key);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Item, D::Error> {
        reader.deserialize_map(OneItem)
    }
}

struct OneItem;

impl<'de> Visitor<'de> for OneItem {
    type Value = Item;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        let mut key = Key::Undefined;
        while let Some(place) = members.next_key_seed(Named(["item", ""]))? {
            match place {
                Some(0) => key = Key::Value(members.next_value()?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Item(key))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cosmos::Account;
    use crate::cosmos::query::{Across, Query, items};
    use crate::message::Response;
    use crate::name::{Endpoint, Name};

    fn both_ways(rows: &str) -> [Result<Vec<Ordered>, String>; 2] {
        let account = Account::new(Endpoint::new("https://x.documents.azure.com").unwrap());
        let name = Name::new("x").unwrap();
        let container = account.database(&name).container(&name);
        let page = items(
            &container,
            &Query::new("x"),
            &Across::All,
            &Default::default(),
        );
        let response = Response {
            status: 200,
            body: format!(r#"{{"_rid":"r","Documents":{rows},"_count":1}}"#).into(),
            ..Response::default()
        };
        let slow = (page.read)(&response).and_then(|page| {
            let rows = page.items.iter().map(|row| Ordered::of(row));
            rows.collect()
        });
        let fast = (unwrapped(page).read)(&response).map(|page| page.rows);
        [fast, slow].map(|rows| rows.map_err(|e| e.to_string()))
    }

    #[test]
    fn rows_that_are_unwrapped_at_once_are_those_that_are_read_one_by_one() {
        for (rows, count) in [
            ("[]", Some(0)),
            (
                r#"[{"orderByItems":[{"item":1.10}],"payload":{"n":1.10},"_rid":"r"}]"#,
                Some(1),
            ),
            (
                r#"[{"payload":[1, 2],"orderByItems":[{},{"item":null,"x":[{"item":2}]}]}]"#,
                Some(1),
            ),
            (
                r#"[{"orderByItems":[{"item":1}]},{"orderByItems":[{"item":{"item":[]}}],"payload":null}]"#,
                Some(2),
            ),
            (
                r#"[{"orderByItems":[{"item":1}],"orderByItems":[{"item":2}],"payload":1,"payload":2}]"#,
                Some(1),
            ),
            (r#"[{"payload":1}]"#, None),
            (r#"[{"orderByItems":{},"payload":1}]"#, None),
            (r#"[{"orderByItems":[1],"payload":1}]"#, None),
            ("[7]", None),
            ("{}", None),
            ("[{]", None),
        ] {
            let [fast, slow] = both_ways(rows);
            assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{rows}");
            assert_eq!(fast.ok().map(|rows| rows.len()), count, "{rows}");
        }
    }
}
