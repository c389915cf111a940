//! `sqlDatabases`.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::effects::{Effect, Failure};
use super::errors::{bad_request, missing, nested, not_found};
use super::front::ok;
use super::operations::begin;
use super::{Answer, accounts, errors, throughput};
use crate::sandbox::cosmos::definition;
use crate::sandbox::http::Response;
use crate::sandbox::world::{Database, Offer, World};

pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => {
            let all = world
                .databases
                .iter()
                .map(|(name, database)| document(world, name, database))
                .collect();
            page(world, call, all)
        }
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn database(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.name("sqldatabases");
    let uri = uri(name);
    match (call.method, world.databases.get(name)) {
        ("GET", Some(database)) => ok(&document(world, name, database)),
        ("GET", None) => Err(not_found(world, &uri)),
        ("PUT", _) => create(world, call, name),
        ("DELETE", Some(_)) => begin(
            world,
            call,
            Effect::DeleteDatabase {
                name: name.to_owned(),
            },
        ),
        ("DELETE", None) => Ok(Response::empty(204)),
        _ => Err(call.wrong_method()),
    }
}

fn create(world: &mut World, call: &Call<'_>, name: &str) -> Answer {
    let properties = call.properties()?;
    let resource = resource(world, &properties, name)?;
    if let Err(sentence) = definition::name(resource.get("id")) {
        return Err(nested(world, 400, "BadRequest", &sentence, "/dbs"));
    }
    let offer = throughput::options(world, &properties)?;
    begin(
        world,
        call,
        Effect::PutDatabase {
            name: name.to_owned(),
            offer,
        },
    )
}

/// `properties.resource`, whose `id` says the same as the path.
pub(super) fn resource(
    world: &mut World,
    properties: &Map<String, Value>,
    name: &str,
) -> Result<Map<String, Value>, Response> {
    let Some(Value::Object(resource)) = properties.get("resource") else {
        return Err(missing("properties.resource"));
    };
    match resource.get("id").and_then(Value::as_str) {
        Some(id) if id == name => Ok(resource.clone()),
        Some(id) => {
            let sentence = format!(
                "The resource id '{id}' of the request body does not match the name '{name}' of the request URL."
            );
            Err(bad_request(world, &sentence))
        }
        None => Err(missing("properties.resource.id")),
    }
}

/// Makes the database; one that is there already stays as it is.
pub(super) fn put(
    world: &mut World,
    name: &str,
    offer: Option<Offer>,
    now: i64,
) -> Result<(), Failure> {
    match world.databases.get(name).map(|database| database.offer) {
        None => world.create_database(name, offer, now),
        Some(there) => throughput::check_unchanged(world, there, offer, &uri(name))?,
    }
    Ok(())
}

pub(super) fn uri(name: &str) -> String {
    format!("/dbs/{name}")
}

fn document(world: &World, name: &str, database: &Database) -> Value {
    json!({
        "id": format!("{}/sqlDatabases/{name}", accounts::id(world)),
        "type": "Microsoft.DocumentDB/databaseAccounts/sqlDatabases",
        "name": name,
        "properties": {"resource": {
            "id": name,
            "_rid": database.rid,
            "_self": format!("dbs/{}/", database.rid),
            "_etag": database.etag,
            "_colls": "colls/",
            "_users": "users/",
            "_ts": database.ts,
        }},
    })
}

/// One page of a list, and the link to the next.
pub(super) fn page(world: &World, call: &Call<'_>, all: Vec<Value>) -> Answer {
    let first = match call.query("$skiptoken").map(str::parse) {
        None => 0,
        Some(Ok(first)) => first,
        Some(Err(_)) => {
            return Err(errors::front(
                400,
                "InvalidSkipToken",
                "The skiptoken is invalid.",
            ));
        }
    };
    let next = world.page_size.saturating_add(first);
    let link = (next < all.len()).then(|| {
        let (path, version) = (call.request.path(), call.version());
        format!(
            "{}{path}?api-version={version}&%24skiptoken={next}",
            world.arm
        )
    });
    let value: Vec<Value> = all.into_iter().skip(first).take(world.page_size).collect();
    match link {
        Some(link) => ok(&json!({"value": value, "nextLink": link})),
        None => ok(&json!({"value": value})),
    }
}
