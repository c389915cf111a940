//! Containers on the data plane. With a token they can be read; to create or delete them takes a key, or ARM.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::databases::with_throughput;
use super::{Call, Container, Database, Effect, Members, Paging, feed, nothing, resource};
use crate::error::Error;
use crate::message::{Page, Response, Throughput};

const READ: &str = "Microsoft.DocumentDB/databaseAccounts/readMetadata";

/// `POST /dbs/{db}/colls`: creates a container from its definition: `{"id","partitionKey":{"paths","kind","version"},…}`.
/// Takes a key: with a token the service answers 403/5300, see `arm::containers`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/create-a-collection>
pub fn create(
    database: &Database,
    definition: &RawValue,
    throughput: Option<Throughput>,
) -> Call<Box<RawValue>> {
    let request = database.0.feed("POST", "colls");
    Call {
        request: with_throughput(request, throughput)
            .header("content-type", "application/json")
            .body(definition.get()),
        scope: database.0.scope("colls"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/write",
        effect: Effect::Once,
        read: resource,
    }
}

/// `GET /dbs/{db}/colls/{coll}`: one container, with its partition key. Needs the data action `readMetadata` on it.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-collection>
pub fn read(container: &Container) -> Call<Box<RawValue>> {
    Call {
        request: container.0.request("GET"),
        scope: container.0.scope("colls"),
        action: READ,
        effect: Effect::Read,
        read: resource,
    }
}

/// The service's own id of a container, `_rid`: another one as soon as it was deleted and made anew.
pub fn rid_of(container: &RawValue) -> Option<String> {
    let members: Members = serde_json::from_str(container.get()).ok()?;
    serde_json::from_str(members.get("_rid")?.get()).ok()
}

/// `GET /dbs/{db}/colls`: the containers of a database, in pages. Needs the data action `readMetadata` on the database.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/list-collections>
pub fn list(database: &Database, paging: &Paging) -> Call<Page> {
    Call {
        request: paging.apply(database.0.feed("GET", "colls")),
        scope: database.0.scope("colls"),
        action: READ,
        effect: Effect::Read,
        read: |response| feed(response, "DocumentCollections"),
    }
}

/// `DELETE /dbs/{db}/colls/{coll}`: deletes a container and its items. Takes a key, as [`create`].
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/delete-a-collection>
pub fn delete(container: &Container) -> Call<()> {
    Call {
        request: container.0.request("DELETE"),
        scope: container.0.scope("colls"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/delete",
        effect: Effect::Delete,
        read: nothing,
    }
}

/// `GET /dbs/{db}/colls/{coll}` with `x-ms-documentdb-populatequotainfo`: how large a container is, in KB and items, and
/// how far its index has come after a change of the policy, in percent. Needs the data action `readMetadata` on it.
///
/// Returns `{"usage":{…},"quota":{…},"indexTransformationProgress":100}`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-collection>
pub fn quota(container: &Container) -> Call<Box<RawValue>> {
    let header = "x-ms-documentdb-populatequotainfo";
    Call {
        request: container.0.request("GET").header(header, "True"),
        read: quotas,
        ..read(container)
    }
}

fn quotas(response: &Response) -> Result<Box<RawValue>, Error> {
    let list = |name: &str| pairs(response.header(name).unwrap_or_default());
    let progress = response.header("x-ms-documentdb-collection-index-transformation-progress");
    let quota = json!({
        "usage": list("x-ms-resource-usage"),
        "quota": list("x-ms-resource-quota"),
        "indexTransformationProgress": progress.map(number),
    });
    RawValue::from_string(quota.to_string()).map_err(|e| Error::answer(e.to_string()))
}

/// `documentsCount=2000;collectionSize=1408;` as an object.
fn pairs(text: &str) -> Map<String, Value> {
    let mut pairs = Map::new();
    for (name, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
        pairs.insert(name.trim().to_string(), number(value));
    }
    pairs
}

/// A number where it is one, else the text.
fn number(text: &str) -> Value {
    text.trim()
        .parse()
        .map(Value::Number)
        .unwrap_or_else(|_| text.into())
}
