//! Items. An item is JSON text and travels untouched: numbers and the order of members come out as they went in.

use serde_json::value::RawValue;

use super::partition_key::PartitionKey;
use super::{Call, Container, Effect, Paging, Resource, feed, nothing, resource};
use crate::error::Error;
use crate::message::{Page, Request, Response};
use crate::name::Name;

/// Conditions and options of an operation on an item.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Write only if the item still has this ETag; else 412.
    pub if_match: Option<String>,
    /// Read only if the item no longer has this ETag; else nothing is returned.
    pub if_none_match: Option<String>,
    /// A session token of an earlier answer: the read sees at least that write.
    pub session: Option<String>,
}

impl Options {
    fn apply(&self, request: Request) -> Request {
        request
            .header_if("if-match", self.if_match.clone())
            .header_if("if-none-match", self.if_none_match.clone())
            .header_if("x-ms-session-token", self.session.clone())
    }
}

fn point(container: &Container, id: &Name) -> Resource {
    container.0.child("docs", id)
}

/// `POST /dbs/{db}/colls/{coll}/docs`: creates an item; 409 if its id exists under that partition key.
///
/// Needs the data action `items/create`. Returns the item with its system members.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/create-a-document>
pub fn create(container: &Container, key: &PartitionKey, item: &RawValue) -> Call<Box<RawValue>> {
    Call {
        request: container
            .0
            .feed("POST", "docs")
            .header("content-type", "application/json")
            .header("x-ms-documentdb-partitionkey", key.header())
            .body(item.get()),
        scope: container.0.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create",
        effect: Effect::Once,
        read: resource,
    }
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `x-ms-documentdb-is-upsert`: creates the item (201) or replaces it (200).
///
/// Needs the data action `items/upsert`. Returns the item with its system members.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/create-a-document>
pub fn upsert(
    container: &Container,
    key: &PartitionKey,
    item: &RawValue,
    options: &Options,
) -> Call<Box<RawValue>> {
    let request = container
        .0
        .feed("POST", "docs")
        .header("content-type", "application/json")
        .header("x-ms-documentdb-partitionkey", key.header())
        .header("x-ms-documentdb-is-upsert", "True")
        .body(item.get());
    Call {
        request: options.apply(request),
        scope: container.0.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/upsert",
        effect: Effect::Once,
        read: resource,
    }
}

/// `GET /dbs/{db}/colls/{coll}/docs/{id}`: one item, for 1 RU per KB. `None` if it still has the ETag of `if_none_match`.
///
/// Needs the data action `items/read`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-document>
pub fn read(
    container: &Container,
    id: &Name,
    key: &PartitionKey,
    options: &Options,
) -> Call<Option<Box<RawValue>>> {
    let item = point(container, id);
    let request = item
        .request("GET")
        .header("x-ms-documentdb-partitionkey", key.header());
    Call {
        request: options.apply(request),
        scope: item.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read",
        effect: Effect::Read,
        read: unless_unmodified,
    }
}

/// `PUT /dbs/{db}/colls/{coll}/docs/{id}`: replaces an item; 404 if there is none, 412 if `if_match` no longer fits.
///
/// Needs the data action `items/replace`. The partition key of an item cannot change.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/replace-a-document>
pub fn replace(
    container: &Container,
    id: &Name,
    key: &PartitionKey,
    item: &RawValue,
    options: &Options,
) -> Call<Box<RawValue>> {
    let place = point(container, id);
    let request = place
        .request("PUT")
        .header("content-type", "application/json")
        .header("x-ms-documentdb-partitionkey", key.header())
        .body(item.get());
    Call {
        request: options.apply(request),
        scope: place.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/replace",
        effect: Effect::Once,
        read: resource,
    }
}

/// `DELETE /dbs/{db}/colls/{coll}/docs/{id}`: deletes an item; 404 if there is none, 412 if `if_match` no longer fits.
///
/// Needs the data action `items/delete`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/delete-a-document>
pub fn delete(container: &Container, id: &Name, key: &PartitionKey, options: &Options) -> Call<()> {
    let item = point(container, id);
    let request = item
        .request("DELETE")
        .header("x-ms-documentdb-partitionkey", key.header());
    Call {
        request: options.apply(request),
        scope: item.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/delete",
        effect: Effect::Delete,
        read: nothing,
    }
}

/// `GET /dbs/{db}/colls/{coll}/docs`: all items of a container, in pages.
///
/// Without a partition key the service wants to be told that all of them are meant.
///
/// Needs the data actions `items/read` and `readChangeFeed`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/list-documents>
pub fn list(container: &Container, paging: &Paging) -> Call<Page> {
    let request = container
        .0
        .feed("GET", "docs")
        .header("x-ms-documentdb-query-enablecrosspartition", "True");
    Call {
        request: paging.apply(request),
        scope: container.0.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read",
        effect: Effect::Read,
        read: |response| feed(response, "Documents"),
    }
}

fn unless_unmodified(response: &Response) -> Result<Option<Box<RawValue>>, Error> {
    match response.status {
        304 => Ok(None),
        _ => resource(response).map(Some),
    }
}
