//! Databases: list, query, create, read, delete.

use serde_json::{Value, json};

use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::{act, definition, resources};
use crate::sandbox::world::{Database, World};

/// `GET /dbs`, or `POST /dbs` with a query
pub fn list(world: &World, exchange: &Exchange) -> Outcome {
    let all = world.databases.iter();
    let all = all
        .map(|(name, database)| resource(name, database))
        .collect();
    resources::feed(exchange, "", "Databases", all, world.counter)
}

/// `POST /dbs`
pub fn create(world: &mut World, exchange: &Exchange) -> Outcome {
    let body = resources::body(exchange)?;
    let name = definition::name(body.get("id")).map_err(|message| Refusal::new(400, message))?;
    if world.databases.contains_key(name) {
        return Err(Refusal::new(
            409,
            "Resource with specified id or name already exists.",
        ));
    }
    let offer = resources::offer(world, exchange)?;
    world.create_database(name, offer, exchange.now);
    answer(world, name, 201, 4.95)
}

/// `GET /dbs/{db}`
pub fn read(world: &World, exchange: &Exchange) -> Outcome {
    answer(world, exchange.place.database(), 200, 2.0)
}

/// `DELETE /dbs/{db}`
pub fn delete(world: &mut World, exchange: &Exchange) -> Outcome {
    let name = exchange.place.database();
    let found = world.databases.get(name);
    let found = found.ok_or_else(Refusal::not_found)?;
    act::unchanged(exchange.header("if-match"), &found.etag)?;
    world.databases.remove(name);
    let lsn = world.next();
    Ok(resources::describe(Reply::new(204, "").charge(4.95), lsn))
}

fn answer(world: &World, name: &str, status: u16, charge: f64) -> Outcome {
    let database = world.databases.get(name).ok_or_else(Refusal::not_found)?;
    Ok(resources::one(
        status,
        &resource(name, database),
        charge,
        world.counter,
    ))
}

fn resource(name: &str, database: &Database) -> Value {
    json!({
        "id": name,
        "_rid": database.rid,
        "_self": format!("dbs/{}/", database.rid),
        "_etag": database.etag,
        "_colls": "colls/",
        "_users": "users/",
        "_ts": database.ts,
    })
}
