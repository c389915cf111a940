//! Containers: list, query, create, read, replace, delete.

use serde_json::{Value, json};

use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::{act, definition, item, resources, store};
use crate::sandbox::world::{self, Container, Database, World};

/// `GET /dbs/{db}/colls`, or `POST` with a query
pub fn list(world: &World, exchange: &Exchange) -> Outcome {
    let parent = parent(world, exchange)?;
    let all = parent.containers.values();
    let all = all.map(|container| resource(parent, container)).collect();
    resources::feed(
        exchange,
        &parent.rid,
        "DocumentCollections",
        all,
        world.counter,
    )
}

/// `POST /dbs/{db}/colls`
pub fn create(world: &mut World, exchange: &Exchange) -> Outcome {
    let body = resources::body(exchange)?;
    hierarchy(exchange, &body)?;
    let taken = &parent(world, exchange)?.containers;
    let name = definition::text(&body, "id").to_owned();
    if taken.contains_key(&name) {
        return Err(Refusal::new(
            409,
            "Resource with specified id or name already exists.",
        ));
    }
    let offer = resources::offer(world, exchange)?;
    world
        .create_container(exchange.place.database(), body, offer, exchange.now)
        .map_err(|message| Refusal::new(400, message))?;
    answer(world, exchange, &name, 201)
}

/// The versions before hierarchical keys know nothing of them.
fn hierarchy(exchange: &Exchange, body: &definition::Definition) -> Result<(), Refusal> {
    let kind = body.get("partitionKey").and_then(|key| key.get("kind"));
    let old = |version: &str| version <= "2018-12-31";
    match exchange.header("x-ms-version").is_some_and(old) && kind == Some(&json!("MultiHash")) {
        true => Err(Refusal::new(
            400,
            "The partition key kind value 'MultiHash' is invalid.",
        )),
        false => Ok(()),
    }
}

/// `GET /dbs/{db}/colls/{coll}`
pub fn read(world: &mut World, exchange: &Exchange) -> Outcome {
    let reply = answer(world, exchange, exchange.place.container(), 200)?;
    match exchange.flag("x-ms-documentdb-populatequotainfo") {
        true => Ok(quota(reply, world, exchange)),
        false => Ok(reply),
    }
}

fn quota(reply: Reply, world: &mut World, exchange: &Exchange) -> Reply {
    let place = &exchange.place;
    let database = world.databases.get_mut(place.database());
    let found = database.and_then(|database| database.containers.get_mut(place.container()));
    let usage = found.map(|found| {
        store::sweep(found, exchange.now);
        store::usage(found)
    });
    reply
        .header(
            "x-ms-documentdb-collection-index-transformation-progress",
            100,
        )
        .header("x-ms-resource-quota", store::QUOTA)
        .header("x-ms-resource-usage", usage.unwrap_or_default())
}

/// `PUT /dbs/{db}/colls/{coll}`
pub fn replace(world: &mut World, exchange: &Exchange) -> Outcome {
    let number = world.next();
    let body = resources::body(exchange)?;
    let body = definition::complete(body).map_err(|message| Refusal::new(400, message))?;
    let container = world
        .databases
        .get_mut(exchange.place.database())
        .ok_or_else(Refusal::no_owner)?
        .containers
        .get_mut(exchange.place.container())
        .ok_or_else(Refusal::not_found)?;
    act::unchanged(exchange.header("if-match"), &container.etag)?;
    same(&container.definition, &body)?;
    container.definition = body;
    container.etag = world::etag(number, exchange.now);
    container.ts = exchange.now;
    expire_anew(container);
    answer(world, exchange, exchange.place.container(), 200)
}

/// `DELETE /dbs/{db}/colls/{coll}`
pub fn delete(world: &mut World, exchange: &Exchange) -> Outcome {
    let database = world.databases.get_mut(exchange.place.database());
    let database = database.ok_or_else(Refusal::no_owner)?;
    let name = exchange.place.container();
    let found = database.containers.get(name);
    let found = found.ok_or_else(Refusal::not_found)?;
    act::unchanged(exchange.header("if-match"), &found.etag)?;
    database.containers.remove(name);
    let lsn = world.next();
    Ok(resources::describe(Reply::new(204, "").charge(4.95), lsn))
}

/// `GET /dbs/{db}/colls/{coll}/conflicts`, or `POST` with a query: where one region takes the writes, there are none.
pub fn conflicts(world: &World, exchange: &Exchange) -> Outcome {
    let containers = &parent(world, exchange)?.containers;
    let container = containers.get(exchange.place.container());
    let rid = &container.ok_or_else(Refusal::no_owner)?.rid;
    resources::feed(exchange, rid, "Conflicts", Vec::new(), world.counter)
}

/// What a container keeps for life.
fn same(old: &definition::Definition, new: &definition::Definition) -> Result<(), Refusal> {
    if definition::text(old, "id") != definition::text(new, "id") {
        return Err(Refusal::new(
            400,
            "The id of a container cannot be changed.",
        ));
    }
    if key(old) != key(new) {
        return Err(Refusal::new(
            400,
            "Document collection partition key cannot be changed.",
        ));
    }
    if definition::unique_key_paths(old) != definition::unique_key_paths(new) {
        return Err(Refusal::new(
            403,
            "The unique keys of a container cannot be changed.",
        ));
    }
    Ok(())
}

/// A version that is not said is the first one.
fn key(definition: &definition::Definition) -> (Vec<&str>, u64, Option<&Value>) {
    let kind = definition
        .get("partitionKey")
        .and_then(|key| key.get("kind"));
    (
        definition::key_paths(definition),
        definition::hash_version(definition),
        kind,
    )
}

/// A changed default moves the end of every item.
pub fn expire_anew(container: &mut Container) {
    let default = store::default_ttl(container);
    let items = container
        .ranges
        .iter_mut()
        .flat_map(|range| range.items.values_mut());
    for each in items {
        let value: Value = serde_json::from_str(&each.text).unwrap_or_default();
        each.expires = item::expires(default, &value, each.ts);
    }
}

fn parent<'w>(world: &'w World, exchange: &Exchange) -> Result<&'w Database, Refusal> {
    world
        .databases
        .get(exchange.place.database())
        .ok_or_else(Refusal::no_owner)
}

fn answer(world: &World, exchange: &Exchange, name: &str, status: u16) -> Outcome {
    let parent = parent(world, exchange)?;
    let container = parent.containers.get(name).ok_or_else(Refusal::not_found)?;
    let charge = if status == 201 { 4.95 } else { 1.0 };
    let path = format!("dbs/{}", exchange.place.database());
    let reply = resources::one(status, &resource(parent, container), charge, world.counter);
    Ok(reply
        .header("x-ms-alt-content-path", path)
        .header("x-ms-content-path", &parent.rid))
}

fn resource(parent: &Database, container: &Container) -> Value {
    let own = json!({
        "_rid": container.rid,
        "_ts": container.ts,
        "_self": format!("dbs/{}/colls/{}/", parent.rid, container.rid),
        "_etag": container.etag,
        "_docs": "docs/",
        "_sprocs": "sprocs/",
        "_triggers": "triggers/",
        "_udfs": "udfs/",
        "_conflicts": "conflicts/",
    });
    let mut all = container.definition.clone();
    if let Value::Object(own) = own {
        all.extend(own);
    }
    Value::Object(all)
}
