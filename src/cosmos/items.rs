//! Items. An item is JSON text and travels untouched: numbers and the order of members come out as they went in.

pub mod written;

use serde_json::value::RawValue;

use super::escapes::as_utf8;
use super::partition_key::PartitionKey;
use super::patch::Patch;
use super::{
    Account, Call, Consistency, Container, Effect, Link, Paging, Resource, Scope, feed, nothing,
    resource,
};
use crate::error::Error;
use crate::message::{Page, Request, Response};
use crate::name::Name;

/// What creating an item needs.
pub const CREATE: &str =
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create";
/// What creating or replacing an item needs.
pub const UPSERT: &str =
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/upsert";
/// The data action that reading items needs.
pub const READ: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read";
pub(super) const REPLACE: &str =
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/replace";
pub(super) const DELETE: &str =
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/delete";

/// Conditions and options of an operation on an item.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Write only if the item still has this ETag; else 412.
    pub if_match: Option<String>,
    /// Read only if the item no longer has this ETag; else nothing is returned.
    pub if_none_match: Option<String>,
    /// A session token of an earlier answer: the read sees at least that write.
    pub session: Option<String>,
    /// A read with a weaker consistency than the account's.
    pub consistency: Option<Consistency>,
    /// Whether a write goes into the index, where the container leaves that open.
    pub indexing: Option<Indexing>,
    /// A write need not return the item.
    pub minimal: bool,
}

/// `x-ms-indexing-directive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// Queries find the item.
    Include,
    /// Only its id and key do.
    Exclude,
}

impl Options {
    fn apply(&self, request: Request) -> Request {
        let indexing = self.indexing.map(|indexing| match indexing {
            Indexing::Include => "Include",
            Indexing::Exclude => "Exclude",
        });
        request
            .header_if("if-match", self.if_match.clone())
            .header_if("if-none-match", self.if_none_match.clone())
            .header_if("x-ms-session-token", self.session.clone())
            .header_if(
                "x-ms-consistency-level",
                self.consistency.map(Consistency::name),
            )
            .header_if("x-ms-indexing-directive", indexing)
            .header_if("prefer", self.minimal.then_some("return=minimal"))
    }
}

/// Where one item is.
#[derive(Debug, Clone)]
pub struct Item(Resource);

impl Item {
    /// By its id.
    pub fn named(container: &Container, id: &Name) -> Item {
        Item(container.0.child("docs", id))
    }

    /// By its `_self`: the way to an item whose id has no place in a path. The key is needed all the same.
    ///
    /// <https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-not-found>
    pub fn linked(account: &Account, link: &str) -> Result<Item, Error> {
        Ok(Item(Resource {
            endpoint: account.0.endpoint.clone(),
            link: Link::of_self(link)?,
        }))
    }
}

/// An answer that is an item, nothing (304), or nothing because nothing was asked for.
type Perhaps = Option<Box<RawValue>>;

fn with_key(request: Request, key: &PartitionKey) -> Request {
    request.header("x-ms-documentdb-partitionkey", key.header())
}

fn with_body(request: Request, key: &PartitionKey, body: &str) -> Request {
    with_key(request.header("content-type", "application/json"), key).body(&*as_utf8(body))
}

fn write(request: Request, scope: Scope, action: &'static str, options: &Options) -> Call<Perhaps> {
    Call {
        request: options.apply(request),
        scope,
        action,
        effect: Effect::Once,
        read: match options.minimal {
            true => written,
            false => |response| resource(response).map(Some),
        },
    }
}

/// `POST /dbs/{db}/colls/{coll}/docs`: creates an item; 409 if its id exists under that partition key.
///
/// Needs the data action `items/create`. Returns the item with its system members, or nothing where `minimal`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/create-a-document>
pub fn create(
    container: &Container,
    key: &PartitionKey,
    item: &RawValue,
    options: &Options,
) -> Call<Option<Box<RawValue>>> {
    let request = with_body(container.0.feed("POST", "docs"), key, item.get());
    Call {
        effect: Effect::Guarded,
        ..write(request, container.0.scope("docs"), CREATE, options)
    }
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `x-ms-documentdb-is-upsert`: creates the item (201) or replaces it (200).
///
/// Needs the data action `items/upsert`. Returns the item with its system members, or nothing where `minimal`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/create-a-document>
pub fn upsert(
    container: &Container,
    key: &PartitionKey,
    item: &RawValue,
    options: &Options,
) -> Call<Option<Box<RawValue>>> {
    let request = with_body(container.0.feed("POST", "docs"), key, item.get())
        .header("x-ms-documentdb-is-upsert", "True");
    Call {
        effect: options.effect(),
        ..write(request, container.0.scope("docs"), UPSERT, options)
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
    read_at(&Item::named(container, id), key, options)
}

/// `GET /dbs/{db}/colls/{coll}/docs/{id}`: as [`read`], of an item however it is addressed.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-document>
pub fn read_at(item: &Item, key: &PartitionKey, options: &Options) -> Call<Option<Box<RawValue>>> {
    Call {
        request: options.apply(with_key(item.0.request("GET"), key)),
        scope: item.0.scope("docs"),
        action: READ,
        effect: Effect::Read,
        read: unless_unmodified,
    }
}

/// `PUT /dbs/{db}/colls/{coll}/docs/{id}`: replaces an item; 404 if there is none, 412 if `if_match` no longer fits.
///
/// Needs the data action `items/replace`. The partition key of an item cannot change. Its id can: with another id in
/// the body the item is renamed; 409 if that id exists under the partition key.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/replace-a-document>
pub fn replace(
    container: &Container,
    id: &Name,
    key: &PartitionKey,
    item: &RawValue,
    options: &Options,
) -> Call<Option<Box<RawValue>>> {
    let place = container.0.child("docs", id);
    let request = with_body(place.request("PUT"), key, item.get());
    Call {
        effect: options.effect(),
        ..write(request, place.scope("docs"), REPLACE, options)
    }
}

/// `PATCH /dbs/{db}/colls/{coll}/docs/{id}`: changes parts of an item; 404 if there is none, 412 if `if_match` or
/// the patch's condition (substatus 1110) does not hold, 400 if a part that must be there is not.
///
/// Needs the data action `items/replace`. To add a number twice, to append twice or to move twice is not the same as
/// once, so a lost answer is reported as an unknown outcome, whatever the operations are.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/patch-a-document>
pub fn patch(
    container: &Container,
    id: &Name,
    key: &PartitionKey,
    patch: &Patch,
    options: &Options,
) -> Call<Option<Box<RawValue>>> {
    let place = container.0.child("docs", id);
    let request = place
        .request("PATCH")
        .header("content-type", "application/json-patch+json");
    let request = with_key(request, key).body(patch.body());
    write(request, place.scope("docs"), REPLACE, options)
}

/// `DELETE /dbs/{db}/colls/{coll}/docs/{id}`: deletes an item; 404 if there is none, 412 if `if_match` no longer fits.
///
/// Needs the data action `items/delete`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/delete-a-document>
pub fn delete(container: &Container, id: &Name, key: &PartitionKey, options: &Options) -> Call<()> {
    delete_at(&Item::named(container, id), key, options)
}

/// `DELETE /dbs/{db}/colls/{coll}/docs/{id}`: as [`delete`], of an item however it is addressed.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/delete-a-document>
pub fn delete_at(item: &Item, key: &PartitionKey, options: &Options) -> Call<()> {
    Call {
        request: options.apply(with_key(item.0.request("DELETE"), key)),
        scope: item.0.scope("docs"),
        action: DELETE,
        effect: Effect::Delete,
        read: nothing,
    }
}

/// `POST /dbs/{db}/colls/{coll}/operations/partitionkeydelete`: begins to delete every item of a key, or of a prefix
/// of a hierarchical one. The service goes on in the background, on request units that nobody else wants.
///
/// The account must have the feature, and no data action is documented for it: expect that it takes an account key.
/// Items written meanwhile may go as well, so it is not sent twice.
///
/// <https://learn.microsoft.com/azure/cosmos-db/nosql/how-to-delete-by-partition-key>
pub fn delete_all(container: &Container, key: &PartitionKey) -> Call<()> {
    let request = container.0.feed("POST", "operations/partitionkeydelete");
    Call {
        request: with_key(request, key).body(""),
        // Signed as an operation on the container, which it is.
        scope: container.0.scope("colls"),
        action: "",
        effect: Effect::Once,
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
        action: READ,
        effect: Effect::Read,
        read: |response| feed(response, "Documents"),
    }
}

fn written(response: &Response) -> Result<Perhaps, Error> {
    match response.body.is_empty() {
        true => Ok(None),
        false => resource(response).map(Some),
    }
}

fn unless_unmodified(response: &Response) -> Result<Perhaps, Error> {
    match response.status {
        304 => Ok(None),
        _ => resource(response).map(Some),
    }
}
