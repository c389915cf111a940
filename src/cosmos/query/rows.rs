//! How a range wraps its rows where the client has to merge them. Values stay the JSON text they are.

use std::ops::Range;

use serde_json::value::RawValue;

use super::order::Key;
use crate::cosmos::cursor::Cursor;
use crate::cosmos::feed::feed;
use crate::cosmos::key_definition::{Pair, pair};
use crate::cosmos::raw::continuation;
use crate::error::Error;
use crate::message::{Call, Next, Page, Response, room};

/// A member of an object, its value untouched. Rows are many and their members few: nothing is built for them.
pub fn member<'a>(text: &'a str, name: &str, what: &str) -> Result<Option<&'a RawValue>, Error> {
    both(text, [name, ""], what).map(|[found, _]| found)
}

fn both<'a>(text: &'a str, names: [&str; 2], what: &str) -> Result<Pair<'a>, Error> {
    pair(text, names)
        .map_err(|_| Error::answer(format!("{what} is not a JSON object: {}", start(text))))
}

/// Takes an array apart.
pub fn elements<'a>(text: &'a str, what: &str) -> Result<Vec<&'a RawValue>, Error> {
    serde_json::from_str(text)
        .map_err(|_| Error::answer(format!("{what} is not a JSON array: {}", start(text))))
}

/// Enough of a value to see what it is.
fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A page of rows in one piece, which is read from its front. To make and to free something for each row takes longer
/// than to read it, most of all where several threads do.
#[derive(Debug, Default)]
pub struct Block {
    /// Where the next page begins.
    pub next: Option<Next>,
    text: String,
    keys: Vec<Key>,
    rows: Vec<Place>,
    marks: Vec<u64>,
    passed: usize,
}

/// Where a row is in the text, and what it is ordered by among the keys.
#[derive(Debug)]
struct Place {
    text: Range<usize>,
    keys: Range<usize>,
}

/// A row.
#[derive(Debug)]
pub struct Row<'b> {
    /// One for each expression of `ORDER BY`.
    pub keys: &'b [Key],
    /// The row itself; empty where it is undefined.
    pub text: &'b str,
}

/// How the row that comes next is added.
type Add = fn(&mut Block, &mut Cursor) -> Option<()>;

/// `POST /dbs/{db}/colls/{coll}/docs`: the same page of a query, as a block: of rows as they came, or of ordered ones
/// that are unwrapped, `{"_rid", "orderByItems": [{"item": …}], "payload": …}`; perhaps with a mark of each.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/query-documents>
pub fn block(page: Call<Page>, ordered: bool, marked: bool) -> Call<Block> {
    Call {
        request: page.request,
        scope: page.scope,
        action: page.action,
        effect: page.effect,
        read: match (ordered, marked) {
            (false, false) => |response| read(response, Block::add),
            (false, true) => |response| read(response, |to, from| to.marked(from)?.add(from)),
            (true, false) => |response| read(response, Block::unwrap),
            (true, true) => |response| read(response, |to, from| to.marked(from)?.unwrap(from)),
        },
    }
}

fn read(response: &Response, add: Add) -> Result<Block, Error> {
    let mut block = Block::default();
    block.next = continuation(response)?;
    if block.fill(response.text()?, add).is_some() {
        return Ok(block);
    }
    // What is wrong with it is said by who reads it more slowly.
    for row in feed(response, "Documents")?.items {
        let [list, _] = both(row.get(), ["orderByItems", "payload"], "a row")?;
        keys(list, "orderByItems")?;
    }
    Err(Error::answer("the rows of the body cannot be told apart"))
}

impl Block {
    fn fill(&mut self, body: &str, add: Add) -> Option<()> {
        let (mut from, mut found) = (Cursor::new(body), None);
        from.enter(b'{')?;
        while let Some(name) = from.name()? {
            if name != "\"Documents\"" {
                pass_other(name, &mut from)?;
                continue;
            }
            if found.is_some() {
                return None;
            }
            self.text = room::text(body.len());
            found = from.enter(b'[');
            while from.more(b']')? {
                add(self, &mut from)?;
            }
        }
        from.end().and(found)
    }

    fn add(&mut self, from: &mut Cursor) -> Option<()> {
        let text = self.put(from.value()?);
        self.rows.push(Place { text, keys: 0..0 });
        Some(())
    }

    fn put(&mut self, row: &str) -> Range<usize> {
        let begin = self.text.len();
        self.text.push_str(row);
        begin..self.text.len()
    }

    /// Not by its text: the next answer may write the same row in another way.
    fn marked(&mut self, from: &Cursor) -> Option<&mut Block> {
        let key = Key::of(from.clone().value()?).ok()?;
        self.marks.push(key.identity().mark());
        Some(self)
    }

    fn unwrap(&mut self, from: &mut Cursor) -> Option<()> {
        let mut ahead = from.clone();
        match usual(&mut ahead) {
            Some((item, payload)) => {
                *from = ahead;
                self.keys.push(Key::of(item).ok()?);
                let keys = self.keys.len() - 1..self.keys.len();
                let text = self.put(payload);
                self.rows.push(Place { text, keys });
                Some(())
            }
            None => self.unwrap_any(from),
        }
    }

    /// Of members with one name the last counts.
    fn unwrap_any(&mut self, from: &mut Cursor) -> Option<()> {
        let (mut keys, mut text) = (None, 0..0);
        from.enter(b'{')?;
        while let Some(name) = from.name()? {
            match name {
                "\"orderByItems\"" => keys = Some(self.put_keys(from)?),
                "\"payload\"" => text = self.put(from.value()?),
                _ => pass_other(name, from)?,
            }
        }
        self.rows.push(Place { text, keys: keys? });
        Some(())
    }

    /// `[{"item": …}, {}]`: an item that is not there is undefined.
    fn put_keys(&mut self, from: &mut Cursor) -> Option<Range<usize>> {
        let begin = self.keys.len();
        from.enter(b'[')?;
        while from.more(b']')? {
            let mut key = Key::Undefined;
            from.enter(b'{')?;
            while let Some(name) = from.name()? {
                match name {
                    "\"item\"" => key = Key::of(from.value()?).ok()?,
                    _ => pass_other(name, from)?,
                }
            }
            self.keys.push(key);
        }
        Some(begin..self.keys.len())
    }

    /// Whether each row has as many values to order by as the plan has expressions.
    pub fn is_by(&self, expressions: usize) -> Result<(), Error> {
        let mut counts = self.rows.iter().map(|row| row.keys.len());
        match counts.find(|count| *count != expressions) {
            None => Ok(()),
            Some(keys) => Err(Error::answer(format!(
                "a row has {keys} values to order by, and the plan {expressions}"
            ))),
        }
    }

    /// How many rows are left.
    pub fn len(&self) -> usize {
        self.rows.len() - self.passed
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes its rows are.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The first row that is left.
    pub fn front(&self) -> Option<Row<'_>> {
        let place = self.rows.get(self.passed)?;
        Some(Row {
            keys: self.keys(),
            text: self.text.get(place.text.clone())?,
        })
    }

    /// What the first row is ordered by.
    pub fn keys(&self) -> &[Key] {
        let place = self.rows.get(self.passed);
        let keys = place.and_then(|place| self.keys.get(place.keys.clone()));
        keys.unwrap_or_default()
    }

    /// The [mark](super::order::Identity::mark) of all that came of the first row, where it was to be made.
    pub fn mark(&self) -> Option<u64> {
        self.marks.get(self.passed).copied()
    }

    /// Goes on to the next row.
    pub fn pass(&mut self) {
        self.passed = self.rows.len().min(self.passed + 1);
    }
}

/// What a row is ordered by and its payload, where it is as the service writes it, which is quick to see.
fn usual<'t>(from: &mut Cursor<'t>) -> Option<(&'t str, &'t str)> {
    from.text("{\"_rid\":")?;
    from.value()?;
    from.text(",\"orderByItems\":[{\"item\":")?;
    let item = from.value()?;
    from.text("}],\"payload\":")?;
    let payload = from.value()?;
    from.text("}").map(|()| (item, payload))
}

/// Passes over a member; not where it may be one that is looked for, written in another way.
fn pass_other(name: &str, from: &mut Cursor) -> Option<()> {
    let plain = !name.as_bytes().contains(&b'\\');
    from.value().filter(|_| plain).map(drop)
}

impl Drop for Block {
    fn drop(&mut self) {
        room::give(std::mem::take(&mut self.text).into_bytes());
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
    pub fn read(row: &'a str, expressions: usize) -> Result<Grouped<'a>, Error> {
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
    let read = |item: &&RawValue| Key::read(member(item.get(), "item", what)?);
    elements(list.get(), what)?.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cosmos::Account;
    use crate::cosmos::query::{Across, Query, items};
    use crate::name::{Endpoint, Name};

    fn read_as(rows: &str, ordered: bool, marked: bool) -> Result<Block, String> {
        let account = Account::new(Endpoint::new("https://x.documents.azure.com").unwrap());
        let name = Name::new("x").unwrap();
        let container = account.database(&name).container(&name);
        let query = Query::new("x");
        let page = items(&container, &query, &Across::All, &Default::default());
        let response = Response {
            status: 200,
            body: format!(r#"{{"_rid":"r","Documents":{rows},"_count":1}}"#).into(),
            ..Response::default()
        };
        let call = block(page, ordered, marked);
        (call.read)(&response).map_err(|e| e.to_string())
    }

    fn shown(mut block: Block) -> String {
        let mut all = Vec::new();
        while let Some(row) = block.front() {
            all.push(format!("{:?} {}", row.keys, row.text));
            block.pass();
        }
        all.join("; ")
    }

    #[test]
    fn rows_are_read_from_the_front_of_a_block() {
        for (rows, expected) in [
            ("[]", ""),
            ("[7]", "[] 7"),
            (
                r#" [ {"a": [1.10,"}"]} , "\"]", null ]"#,
                r#"[] {"a": [1.10,"}"]}; [] "\"]"; [] null"#,
            ),
        ] {
            assert_eq!(shown(read_as(rows, false, false).unwrap()), expected);
        }
        for (rows, expected) in [
            ("[]", ""),
            (
                r#"[{"orderByItems":[{"item":1.10}],"payload":{"n":1.10},"_rid":"r"}]"#,
                r#"[Value(Number(1.1))] {"n":1.10}"#,
            ),
            (
                r#"[ {"payload" : [1, 2],"orderByItems":[{},{"item": null,"x":[{"item":2}]}] } ]"#,
                "[Undefined, Value(Null)] [1, 2]",
            ),
            (
                r#"[{"orderByItems":[{"item":1}]},{"orderByItems":[{"item":{"item":[]}}],"payload":null}]"#,
                r#"[Value(Number(1))] ; [Value(Object {"item": Array []})] null"#,
            ),
            (
                r#"[{"orderByItems":[{"item":1}],"orderByItems":[{"item":2}],"payload":1,"payload":2}]"#,
                "[Value(Number(2))] 2",
            ),
        ] {
            assert_eq!(shown(read_as(rows, true, false).unwrap()), expected);
        }
    }

    #[test]
    fn what_is_no_row_is_refused_in_words() {
        for (rows, said) in [
            (r#"[{"payload":1}]"#, "a row has no orderByItems"),
            (
                r#"[{"orderByItems":{},"payload":1}]"#,
                "orderByItems is not a JSON array: {}",
            ),
            (
                r#"[{"orderByItems":[1],"payload":1}]"#,
                "orderByItems is not a JSON object: 1",
            ),
            (
                r#"[{"orderByItems":[{"item":x}],"payload":1}]"#,
                "the body is not JSON",
            ),
            ("[7]", "a row is not a JSON object: 7"),
            ("{}", "is not a list"),
            ("[{]", "the body is not JSON"),
        ] {
            let why = read_as(rows, true, false).unwrap_err();
            assert!(why.contains(said), "{rows}: {why}");
        }
    }

    /// The same rows, read slowly; none where it is no page of them.
    fn slowly(rows: &str) -> Option<String> {
        let all: Vec<&RawValue> = serde_json::from_str(rows).ok()?;
        let mut shown = Vec::new();
        for row in all {
            let [list, payload] = both(row.get(), ["orderByItems", "payload"], "a row").ok()?;
            let keys = keys(list, "orderByItems").ok()?;
            shown.push(format!("{keys:?} {}", payload.map_or("", RawValue::get)));
        }
        Some(shown.join("; "))
    }

    #[test]
    fn rows_are_those_a_slow_reader_finds() {
        for rows in [
            r#"[{"orderByItems":[{"\u0069tem":1}],"payload":1}]"#,
            r#"[{"orderByItems":[{"item":1}],"payloa\u0064":1}]"#,
            "[{\"_rid\":\"r\",\"orderByItems\":[{\"item\":1}],\"payload\":\u{1b}[2J}]",
            r#"[{"_rid":x,"orderByItems":[{"item":1}],"payload":1 2}]"#,
            r#"[{"_rid":"r","orderByItems":[{"item":1}],"payload":1},]"#,
            r#"[{"orderByItems":[{"item":1,}],"payload":1}]"#,
            r#"[{"orderByItems":[{"item":1e400}],"payload":1}]"#,
        ] {
            let read = read_as(rows, true, false).ok().map(shown);
            assert!(read.is_none() || read == slowly(rows), "{rows} {read:?}");
        }
        let row = "{\"_rid\":\"r\",\"orderByItems\":[{\"item\":\"ü\\n\"}],\"payload\":{\"a\":[-1.5,true]}}";
        let rows =
            format!("[{row} ,{{\"payload\":\"x\",\"orderByItems\":[{{}},{{\"item\":7}}]}},{row}]");
        for (at, _) in rows.char_indices() {
            for mark in [
                "", "\n", "\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\u{1b}", "0", "\\u0069",
            ] {
                let (before, behind) = rows.split_at(at);
                let behind = behind.chars().skip(1).collect::<String>();
                let spoilt = format!("{before}{mark}{behind}");
                let read = read_as(&spoilt, true, false).ok().map(shown);
                let slow = slowly(&spoilt);
                assert!(read.is_none() || read == slow, "{spoilt} {read:?}");
                // A name with an escape in it is not looked into.
                let escaped = mark.starts_with('\\');
                assert!(
                    escaped || read.is_some() == slow.is_some(),
                    "{spoilt} {slow:?}"
                );
            }
        }
    }

    #[test]
    fn a_mark_is_that_of_all_that_came() {
        let row = r#"{"payload": 1, "orderByItems": [{"item": 1.0}]}"#;
        for text in [row, r#"{"orderByItems":[{"item":1e0}],"payload":1.0}"#] {
            for ordered in [true, false] {
                let block = read_as(&format!("[{text}]"), ordered, true).unwrap();
                let mark = Key::of(row).unwrap().identity().mark();
                assert_eq!(block.mark(), Some(mark), "{text}");
            }
        }
    }
}
