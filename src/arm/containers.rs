//! Containers, through ARM.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::operation::Started;
use super::{
    Account, Call, Effect, Scope, Throughput, members, next_page, options, resource, resource_of,
    resources, with_json,
};
use crate::error::Error;
use crate::message::{Next, Page, Response};
use crate::name::Name;

/// The newest version of the provider's API that is known here. ARM neither shows nor keeps a property that the
/// version of a request does not know, so containers are read and written in this one, or in the newest that the
/// place serves.
pub const VERSION: &str = "2026-07-15";

/// Properties of a container that older versions do not know, and the first version that does.
#[rustfmt::skip]
const SINCE: &[(&str, &str)] = &[
    ("computedProperties", "2023-11-15"),
    ("vectorEmbeddingPolicy", "2024-11-15"),
    ("indexingPolicy.vectorIndexes", "2024-11-15"),
    ("fullTextPolicy", "2025-04-15"),
    ("indexingPolicy.fullTextIndexes", "2025-10-15"),
    ("indexingPolicy.vectorIndexes.vectorIndexShardKey", "2025-10-15"),
    ("enforceHierarchicalPartitionKeyIdLastLevel", "2026-03-15"),
];

/// Properties of a container that this version of the API neither shows nor keeps.
pub fn unknown_to(version: &str) -> impl Iterator<Item = &'static str> {
    let young = SINCE.iter().filter(move |(_, since)| *since > version);
    young.map(|(property, _)| *property)
}

/// Those of them that a resource has, each with the first version that keeps it.
pub fn lost_in(version: &str, resource: &str) -> Result<Vec<(&'static str, &'static str)>, Error> {
    let resource: Value = serde_json::from_str(resource)
        .map_err(|e| Error::answer(format!("the container is not JSON: {e}")))?;
    let young = SINCE.iter().filter(|(_, since)| *since > version);
    let has = |(property, _): &&(&str, &str)| {
        let names: Vec<&str> = property.split('.').collect();
        has_property(&resource, &names)
    };
    Ok(young.filter(has).copied().collect())
}

/// Whether a value has that property, in any element of a list on the way.
fn has_property(value: &Value, names: &[&str]) -> bool {
    match (value, names) {
        (Value::Null, _) => false,
        (_, []) => true,
        (Value::Array(elements), _) => elements.iter().any(|one| has_property(one, names)),
        (_, [first, rest @ ..]) => value
            .get(first)
            .is_some_and(|found| has_property(found, rest)),
    }
}

const READ: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/read";

/// What a new container is to be.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// One path, or two or three for a hierarchical key: `/tenant`, `/user`.
    pub paths: Vec<String>,
    /// Seconds an item lives; -1 switches expiry on without a default.
    pub ttl: Option<i64>,
    /// `indexingPolicy`, as JSON text; the service's default where `None`.
    pub indexing: Option<Box<RawValue>>,
    /// `uniqueKeyPolicy`, as JSON text. It cannot be changed later.
    pub unique_keys: Option<Box<RawValue>>,
}

impl Definition {
    /// The resource as both planes take it. The key's `version` is always 2: without it the service makes a
    /// container whose keys may not be longer than 101 bytes.
    ///
    /// ```
    /// let definition = rawcosmos::arm::containers::Definition { paths: vec!["/pk".into()], ..Default::default() };
    /// let name = rawcosmos::name::Name::new("container01").unwrap();
    /// assert_eq!(
    ///     definition.resource(&name),
    ///     r#"{"id":"container01","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#
    /// );
    /// ```
    pub fn resource(&self, name: &Name) -> String {
        let kind = if self.paths.len() > 1 {
            "MultiHash"
        } else {
            "Hash"
        };
        let (id, paths) = (json!(name.as_str()), json!(self.paths));
        let mut text = format!(
            r#"{{"id":{id},"partitionKey":{{"paths":{paths},"kind":"{kind}","version":2}}"#
        );
        for (member, value) in [
            ("defaultTtl", self.ttl.map(|ttl| ttl.to_string())),
            ("indexingPolicy", self.indexing.as_deref().map(owned)),
            ("uniqueKeyPolicy", self.unique_keys.as_deref().map(owned)),
        ] {
            if let Some(value) = value {
                text.push_str(&format!(r#","{member}":{value}"#));
            }
        }
        text + "}"
    }
}

fn owned(raw: &RawValue) -> String {
    raw.get().to_string()
}

fn path(database: &Name, name: &Name) -> String {
    let (database, name) = (database.segment(), name.segment());
    format!("/sqlDatabases/{database}/containers/{name}")
}

/// `PUT …/sqlDatabases/{db}/containers/{coll}`: creates a container.
///
/// Needs the Azure role Cosmos DB Operator or DocumentDB Account Contributor. Answers 202 and an operation to
/// follow. Repeating it is accepted; a different partition key is not.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/create-update-sql-container>
pub fn create(
    account: &Account,
    database: &Name,
    name: &Name,
    definition: &Definition,
    throughput: Option<Throughput>,
) -> Call<Started> {
    let (resource, options) = (definition.resource(name), options(throughput));
    let body = format!(r#"{{"properties":{{"resource":{resource},"options":{options}}}}}"#);
    Call {
        request: with_json(
            account.request_in(VERSION, "PUT", &path(database, name)),
            body,
        ),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/write",
        effect: Effect::Idempotent,
        read: Started::read,
    }
}

/// `GET …/sqlDatabases/{db}/containers/{coll}`: one container. Returns the resource alone, without ARM's envelope.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/get-sql-container>
pub fn show(account: &Account, database: &Name, name: &Name) -> Call<Box<RawValue>> {
    Call {
        request: account.request_in(VERSION, "GET", &path(database, name)),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: resource,
    }
}

/// `GET …/sqlDatabases/{db}/containers/{coll}`: as [`show`], with ARM's envelope: what [`Changes::body`] is made from.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/get-sql-container>
pub fn show_whole(account: &Account, database: &Name, name: &Name) -> Call<Box<RawValue>> {
    Call {
        read: whole,
        ..show(account, database, name)
    }
}

/// The resource of what [`show_whole`] returned, without ARM's envelope.
pub fn inner(whole: &RawValue) -> Result<Box<RawValue>, Error> {
    resource_of(whole)
}

fn whole(response: &Response) -> Result<Box<RawValue>, Error> {
    let body: &RawValue = response.json()?;
    resource_of(body)?;
    Ok(body.to_owned())
}

/// `GET …/sqlDatabases/{db}/containers`: the containers of a database.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-containers>
pub fn list(account: &Account, database: &Name) -> Call<Page> {
    let path = format!("/sqlDatabases/{}/containers", database.segment());
    Call {
        request: account.request_in(VERSION, "GET", &path),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: resources,
    }
}

/// `GET …/sqlDatabases/{db}/containers?…`: the next page of [`list`], at the link it gave. Refuses a link to another host.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-containers>
pub fn list_next(account: &Account, database: &Name, next: &Next) -> Result<Call<Page>, Error> {
    Ok(Call {
        request: next_page(&account.endpoint, next)?,
        ..list(account, database)
    })
}

/// `DELETE …/sqlDatabases/{db}/containers/{coll}`: deletes a container and its items.
///
/// Needs the same role as [`create`]. Answers 202 and an operation to follow, or 204 where there was none.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/delete-sql-container>
pub fn delete(account: &Account, database: &Name, name: &Name) -> Call<Started> {
    Call {
        request: account.request_in(VERSION, "DELETE", &path(database, name)),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/delete",
        effect: Effect::Delete,
        read: Started::read,
    }
}

/// What is changed of a container. A partition key and unique keys cannot be.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// `defaultTtl`: `Some(None)` takes it away, so that items no longer expire.
    pub ttl: Option<Option<i64>>,
    /// The whole new `indexingPolicy`, as JSON text.
    pub indexing: Option<Box<RawValue>>,
}

/// The property the service adds to what it shows; besides it, all whose name begins with `_`.
const READ_ONLY: &str = "statistics";

/// Properties of ARM's envelope that belong to the resource and are replaced by a `PUT` too.
const ENVELOPE: [&str; 3] = ["location", "tags", "identity"];

impl Changes {
    /// The resource to put, made from the one that [`show`] returned: what is not changed stays as the text it is, also where
    /// it is not known here, and what the service adds is left out.
    ///
    /// ```
    /// use rawcosmos::arm::containers::Changes;
    /// use serde_json::value::RawValue;
    /// let now = r#"{"id":"c","_ts":1,"new":{"n":1.10},"partitionKey":{"paths":["/pk"]}}"#;
    /// let now = RawValue::from_string(now.to_string()).unwrap();
    /// let changes = Changes { ttl: Some(Some(60)), ..Changes::default() };
    /// assert_eq!(
    ///     changes.applied(&now).unwrap(),
    ///     r#"{"id":"c","new":{"n":1.10},"partitionKey":{"paths":["/pk"]},"defaultTtl":60}"#
    /// );
    /// ```
    pub fn applied(&self, now: &RawValue) -> Result<String, Error> {
        let ttl = self.ttl.map(|ttl| ttl.map(|seconds| seconds.to_string()));
        let indexing = self.indexing.as_deref().map(|policy| Some(owned(policy)));
        let mut changes = [("defaultTtl", ttl), ("indexingPolicy", indexing)];
        let mut texts = Vec::new();
        for (name, value) in &members(now, "the container")?.0 {
            if name.starts_with('_') || name == READ_ONLY {
                continue;
            }
            let mut changed = changes.iter_mut().filter(|(member, _)| member == name);
            let new = changed.find_map(|(_, new)| new.take());
            let value = new.unwrap_or_else(|| Some(owned(value)));
            texts.extend(value.map(|value| format!("{}:{value}", json!(name))));
        }
        for (member, new) in changes {
            texts.extend(new.flatten().map(|value| format!("\"{member}\":{value}")));
        }
        Ok(format!("{{{}}}", texts.join(",")))
    }

    /// The body to put, made from what [`show_whole`] returned.
    pub fn body(&self, now: &RawValue) -> Result<String, Error> {
        let envelope = members(now, "the container")?;
        let kept = ENVELOPE.into_iter().filter_map(|name| {
            let value = envelope.get(name)?;
            Some(format!("\"{name}\":{value},"))
        });
        let (kept, resource) = (kept.collect::<String>(), self.applied(&resource_of(now)?)?);
        Ok(format!(
            r#"{{{kept}"properties":{{"resource":{resource},"options":{{}}}}}}"#
        ))
    }
}

/// `PUT …/sqlDatabases/{db}/containers/{coll}`: replaces the settings of a container by the whole body of
/// [`Changes::body`]; what is left out is reset. Its throughput is another resource and stays as it is.
///
/// Needs the same role as [`create`]. Answers 202 and an operation to follow. ARM documents no `If-Match` here, so
/// whoever puts last wins: read it right before.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/create-update-sql-container>
pub fn update(account: &Account, database: &Name, name: &Name, body: String) -> Call<Started> {
    Call {
        request: with_json(
            account.request_in(VERSION, "PUT", &path(database, name)),
            body,
        ),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/write",
        effect: Effect::Idempotent,
        read: Started::read,
    }
}
