//! The change feed: the items of a container in the order of their last change, range by range.
//!
//! Of an item that changed twice the newest state comes; of a deleted one nothing does.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/change-feed>

use serde_json::value::RawValue;

pub use super::change_state::{Position, State};
use super::partition_key::PartitionKey;
use super::ranges::Part;
use super::{Call, Container, Effect, Members, Paging, feed};
use crate::error::Error;
use crate::message::{Request, Response};

/// Where to begin in one range, or to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With the oldest change.
    Beginning,
    /// With what comes after this moment.
    Now,
    /// With what came after a moment, as HTTP writes it: `Tue, 01 Nov 1994 08:12:31 GMT`.
    Since(String),
    /// After the page that had this ETag.
    After(String),
}

impl Start {
    fn apply(&self, request: Request) -> Request {
        match self {
            Start::Beginning => request,
            Start::Now => request.header("if-none-match", "*"),
            Start::Since(date) => request.header("if-modified-since", date.as_str()),
            Start::After(etag) => request.header("if-none-match", etag.as_str()),
        }
    }
}

/// Whose changes are read.
#[derive(Debug, Clone, PartialEq)]
pub enum Of {
    /// Those of one key.
    Key(PartitionKey),
    /// Those of a range.
    Range(String),
    /// Those of a part of a range: from an effective key up to another one.
    Part(String, String, String),
}

/// A page of changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// Each item as JSON text, untouched.
    pub items: Vec<Box<RawValue>>,
    /// There is nothing more for now.
    pub caught_up: bool,
    /// The ETag to go on after; even of a page without items.
    pub next: Option<String>,
    /// The container's own id, where the answer says it.
    pub rid: Option<String>,
}

/// `GET /dbs/{db}/colls/{coll}/docs` with `A-IM: Incremental Feed`: one page of changes.
///
/// Needs the data action `readChangeFeed`. 410 where the range was split or merged.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/list-documents>
pub fn page(container: &Container, of: &Of, start: &Start, paging: &Paging) -> Call<Changes> {
    let request = container
        .0
        .feed("GET", "docs")
        .header("a-im", "Incremental Feed");
    let request = match of {
        Of::Key(key) => request.header("x-ms-documentdb-partitionkey", key.header()),
        Of::Range(id) => request.header("x-ms-documentdb-partitionkeyrangeid", id.as_str()),
        Of::Part(id, min, max) => part_of(request, id, min, max),
    };
    Call {
        request: paging.apply(start.apply(request)),
        scope: container.0.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/readChangeFeed",
        effect: Effect::Read,
        read: changes,
    }
}

/// Narrows a request to a range, or to a part of one.
pub(super) fn narrowed(request: Request, part: &Part) -> Request {
    match part.within {
        true => part_of(request, &part.range, &part.min, &part.max),
        false => request.header("x-ms-documentdb-partitionkeyrangeid", part.range.as_str()),
    }
}

/// Narrows a request to a part of a range.
pub(super) fn part_of(request: Request, id: &str, min: &str, max: &str) -> Request {
    request
        .header("x-ms-documentdb-partitionkeyrangeid", id)
        .header("x-ms-read-key-type", "EffectivePartitionKeyRange")
        .header("x-ms-start-epk", min)
        .header("x-ms-end-epk", max)
}

fn changes(response: &Response) -> Result<Changes, Error> {
    let next = response.header("etag").map(str::to_string);
    if next.is_none() {
        return Err(Error::answer(
            "a page of changes has no ETag to go on after",
        ));
    }
    if response.status == 304 {
        return Ok(Changes {
            caught_up: true,
            next,
            ..Changes::default()
        });
    }
    let rid = response.json::<Members>()?.get("_rid").map(|rid| rid.get());
    Ok(Changes {
        items: feed(response, "Documents")?.items,
        caught_up: false,
        next,
        rid: rid.and_then(|rid| serde_json::from_str(rid).ok()),
    })
}
