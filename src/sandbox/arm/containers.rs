//! `sqlDatabases/containers`.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::databases::{self, page, resource};
use super::effects::{Effect, Failure};
use super::errors::{bad_request, not_found};
use super::front::ok;
use super::operations::begin;
use super::{Answer, accounts, throughput};
use crate::sandbox::cosmos::containers::expire_anew;
use crate::sandbox::cosmos::definition;
use crate::sandbox::http::Response;
use crate::sandbox::world::{Container, Database, Offer, World, etag};

pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.name("sqldatabases");
    match (call.method, world.databases.get(name)) {
        ("GET", Some(database)) => {
            let all = database.containers.iter();
            let all = all
                .map(|(id, container)| document(world, call, (name, database), (id, container)))
                .collect();
            page(world, call, all)
        }
        ("GET", None) => Err(not_found(world, &databases::uri(name))),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn container(world: &mut World, call: &Call<'_>) -> Answer {
    let (database, name) = (call.name("sqldatabases"), call.name("containers"));
    let parent = world.databases.get(database);
    let found = parent.and_then(|parent| Some((parent, parent.containers.get(name)?)));
    match (call.method, found) {
        ("GET", Some((parent, container))) => ok(&document(
            world,
            call,
            (database, parent),
            (name, container),
        )),
        ("GET", None) => Err(not_found(world, &uri(database, name))),
        ("PUT", _) if parent.is_none() => Err(not_found(world, &databases::uri(database))),
        ("PUT", _) => create(world, call, database, name),
        ("DELETE", Some(_)) => begin(
            world,
            call,
            Effect::DeleteContainer {
                database: database.to_owned(),
                name: name.to_owned(),
            },
        ),
        ("DELETE", None) => Ok(Response::empty(204)),
        _ => Err(call.wrong_method()),
    }
}

fn create(world: &mut World, call: &Call<'_>, database: &str, name: &str) -> Answer {
    let properties = call.properties()?;
    let mut definition = resource(world, &properties, name)?;
    understood(&mut definition, call.version());
    if let Some(sentence) = complaint(world, &definition, call.version()) {
        return Err(bad_request(world, sentence));
    }
    let offer = throughput::options(world, &properties)?;
    let database = database.to_owned();
    begin(
        world,
        call,
        Effect::PutContainer {
            database,
            definition,
            offer,
        },
    )
}

/// Members of a container, with the first version that knows them; the service passes over all others.
#[rustfmt::skip]
const MEMBERS: &[(&str, &str)] = &[
    ("id", ""), ("partitionKey", ""), ("indexingPolicy", ""), ("defaultTtl", ""), ("analyticalStorageTtl", ""),
    ("uniqueKeyPolicy", ""), ("conflictResolutionPolicy", ""), ("clientEncryptionPolicy", ""),
    ("geospatialConfig", ""), ("createMode", ""), ("restoreParameters", ""),
    ("computedProperties", "2023-11-15"), ("vectorEmbeddingPolicy", "2024-11-15"), ("fullTextPolicy", "2025-04-15"),
];
/// The same of an indexing policy, whose other members are as old as containers.
const INDEXES: &[(&str, &str)] = &[
    ("vectorIndexes", "2024-11-15"),
    ("fullTextIndexes", "2025-10-15"),
];
/// The same of one vector index.
const VECTOR_INDEX: &[(&str, &str)] = &[("vectorIndexShardKey", "2025-10-15")];

/// Takes out what the version does not know.
fn understood(definition: &mut Map<String, Value>, version: &str) {
    definition.retain(|name, value| {
        let known = MEMBERS.iter().find(|(member, _)| member == name);
        known.is_some() && !value.is_null()
    });
    hide(definition, version);
}

/// Takes out what is younger than the version: it is neither shown nor kept.
fn hide(definition: &mut Map<String, Value>, version: &str) {
    without(definition, MEMBERS, version);
    let Some(Value::Object(policy)) = definition.get_mut("indexingPolicy") else {
        return;
    };
    without(policy, INDEXES, version);
    let vectors = policy
        .get_mut("vectorIndexes")
        .and_then(Value::as_array_mut);
    for index in vectors.into_iter().flatten() {
        if let Value::Object(index) = index {
            without(index, VECTOR_INDEX, version);
        }
    }
}

fn without(members: &mut Map<String, Value>, table: &[(&str, &str)], version: &str) {
    members.retain(|name, _| {
        let row = table.iter().find(|(member, _)| member == name);
        row.is_none_or(|(_, since)| *since <= version)
    });
}

/// What an account or a version is not made for.
fn complaint(
    world: &World,
    definition: &Map<String, Value>,
    version: &str,
) -> Option<&'static str> {
    let vectors = definition.contains_key("vectorEmbeddingPolicy");
    let able = world
        .own()
        .is_some_and(|own| own.can("EnableNoSQLVectorSearch"));
    if vectors && !able {
        return Some(
            "The account does not have the capability EnableNoSQLVectorSearch, which a vectorEmbeddingPolicy needs.",
        );
    }
    let kind = definition.get("partitionKey")?.get("kind")?;
    (kind == "MultiHash" && version < "2021-04-15")
        .then_some("The partition key kind value 'MultiHash' is invalid.")
}

/// Makes the container or replaces the definition of the one that is there.
pub(super) fn put(
    world: &mut World,
    database: &str,
    definition: Map<String, Value>,
    offer: Option<Offer>,
    now: i64,
) -> Result<(), Failure> {
    let name = definition::text(&definition, "id").to_owned();
    let uri = uri(database, &name);
    let Some(parent) = world.databases.get(database) else {
        return Err(Failure::nested(
            world,
            "NotFound",
            super::errors::NOT_FOUND,
            &uri,
        ));
    };
    let done = match parent.containers.get(&name).map(|there| there.offer) {
        None => world.create_container(database, definition, offer, now),
        Some(there) => {
            throughput::check_unchanged(world, there, offer, &uri)?;
            replace(world, database, &name, definition, now)
        }
    };
    done.map_err(|sentence| Failure::nested(world, "BadRequest", &sentence, &uri))
}

fn replace(
    world: &mut World,
    database: &str,
    name: &str,
    definition: Map<String, Value>,
    now: i64,
) -> Result<(), String> {
    let definition = definition::complete(definition)?;
    let number = world.next();
    let parent = world.databases.get_mut(database);
    let container = parent.and_then(|parent| parent.containers.get_mut(name));
    let container = container.ok_or("Owner resource does not exist")?;
    if key(&container.definition) != key(&definition) {
        return Err("Document collection partition key cannot be changed.".to_owned());
    }
    if container.definition.get("uniqueKeyPolicy") != definition.get("uniqueKeyPolicy") {
        return Err("The unique index cannot be modified. To change the unique index, remove the collection and re-create a new one.".to_owned());
    }
    container.definition = definition;
    container.etag = etag(number, now);
    container.ts = now;
    expire_anew(container);
    Ok(())
}

/// What makes two partition keys the same; a version that is not said is the first.
fn key(definition: &Map<String, Value>) -> (Vec<&str>, &str, u64) {
    let member = |name: &str| definition.get("partitionKey").and_then(|key| key.get(name));
    let kind = member("kind").and_then(Value::as_str).unwrap_or("Hash");
    let version = member("version").and_then(Value::as_u64).unwrap_or(1);
    (definition::key_paths(definition), kind, version)
}

fn uri(database: &str, name: &str) -> String {
    format!("/dbs/{database}/colls/{name}")
}

fn document(
    world: &World,
    call: &Call<'_>,
    (database, parent): (&str, &Database),
    (name, container): (&str, &Container),
) -> Value {
    let mut resource = container.definition.clone();
    hide(&mut resource, call.version());
    let own = format!("dbs/{}/colls/{}/", parent.rid, container.rid);
    for (member, value) in [
        ("_rid", json!(container.rid)),
        ("_ts", json!(container.ts)),
        ("_self", json!(own)),
        ("_etag", json!(container.etag)),
        ("_docs", json!("docs/")),
        ("_sprocs", json!("sprocs/")),
        ("_triggers", json!("triggers/")),
        ("_udfs", json!("udfs/")),
        ("_conflicts", json!("conflicts/")),
        ("statistics", statistics(container)),
    ] {
        resource.insert(member.to_owned(), value);
    }
    json!({
        "id": format!("{}/sqlDatabases/{database}/containers/{name}", accounts::id(world)),
        "type": "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers",
        "name": name,
        "properties": {"resource": resource},
    })
}

fn statistics(container: &Container) -> Value {
    let of = |range: &crate::sandbox::world::Range| json!({"id": range.id, "sizeInKB": 0, "documentCount": range.items.len(), "partitionKeys": []});
    container.ranges.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
