//! The data plane of the account, as strict as the service.

mod account;
mod act;
mod authorization;
mod batch;
mod changes;
pub mod containers;
mod cursor;
pub mod cut;
mod databases;
mod date;
pub mod definition;
mod history;
mod item;
mod items;
mod key_delete;
mod metrics;
pub mod offers;
mod operation;
mod pages;
mod patch;
mod place;
mod plan;
mod pointer;
mod query;
mod ragged;
mod ranges;
pub mod regions;
mod reply;
mod resources;
pub mod rid;
mod roles;
mod scope;
mod session;
pub mod split;
mod spot;
mod statement;
mod store;
#[cfg(test)]
mod tests;
mod text;

use serde_json::Value;
use time::OffsetDateTime;

use super::azure::Barrier;
use super::http::{Request, Response};
use super::world::World;
use crate::cosmos::key_definition::tokens;
use act::Verb;
use authorization::Caller;
use place::Place;
use reply::{Exchange, Outcome, Refusal, finish};

/// Serves one request to the first region; `now` is the service's time.
pub fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    handle_at(world, request, now, 0)
}

/// Serves one request to the second region.
pub fn handle_second(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    handle_at(world, request, now, 1)
}

fn handle_at(world: &mut World, request: &Request, now: OffsetDateTime, region: usize) -> Response {
    let activity = match request.header("x-ms-activity-id") {
        Some(sent) => sent.to_owned(),
        None => activity(world.next(), now),
    };
    let place = Place::parse(request.path());
    let account = place
        .as_ref()
        .is_some_and(|place| place.segments.is_empty());
    let outcome = match place {
        None => Err(Refusal::gateway(400, "Request url is invalid.")),
        Some(place) => {
            let now = now.unix_timestamp();
            serve(
                world,
                Exchange {
                    request,
                    place,
                    now,
                    region,
                },
            )
        }
    };
    finish(outcome, &activity, account)
}

fn activity(number: u64, now: OffsetDateTime) -> String {
    let seconds = now.unix_timestamp() as u32;
    format!("{seconds:08x}-0000-4000-8000-{number:012x}")
}

fn serve(world: &mut World, mut exchange: Exchange) -> Outcome {
    if world.azure.vacant {
        return Err(no_account(world));
    }
    if let Some(barrier) = world.barrier() {
        return Err(kept_out(barrier));
    }
    let caller = authorization::check(world, &exchange)?;
    let query = statement::is_query(&exchange)?;
    regions::check(world, &exchange, query)?;
    if exchange.place.by_rid {
        exchange.place = named(world, &exchange.place)?;
    }
    roles::check(world, &exchange, query, &caller)?;
    controls(world, &exchange, query, &caller)?;
    session::level(&exchange)?;
    match std::mem::take(&mut world.trouble.lag) {
        true => history::behind(world, &exchange, |world| route(world, &exchange, query)),
        false => route(world, &exchange, query),
    }
}

/// A name that leads here although there is no such account any more.
fn no_account(world: &World) -> Refusal {
    let message = format!("Database Account {} does not exist", world.account);
    Refusal::gateway(403, message).sub(1008)
}

fn kept_out(barrier: Barrier) -> Refusal {
    match barrier {
        Barrier::Firewall => Refusal::gateway(403, FIREWALL),
        Barrier::Private => Refusal::gateway(403, PRIVATE),
        Barrier::Perimeter => Refusal::gateway(403, PERIMETER).sub(5307),
    }
}

const FIREWALL: &str = "Request originated from IP 127.0.0.1 through public internet. This is blocked by your Cosmos DB account firewall settings. More info: https://aka.ms/cosmosdb-tsg-forbidden";
const PRIVATE: &str = "Request originated from client IP 127.0.0.1 through public internet. This is blocked by your Cosmos DB account firewall settings (or VNET through service/private endpoint). More info: https://aka.ms/cosmosdb-tsg-forbidden";
const PERIMETER: &str = "Request originated from IP 127.0.0.1 through public internet. This is blocked by the inbound access rules of the network security perimeter the account is associated with.";

/// Keys may not change databases, containers and throughput of an account that says so.
fn controls(
    world: &World,
    exchange: &Exchange,
    query: bool,
    caller: &Caller,
) -> Result<(), Refusal> {
    let method = exchange.request.method.as_str();
    let shape = exchange.place.shape();
    let control = matches!(shape.as_str(), "dbs" | "dbs/colls" | "offers");
    let forbidden = world.flag("disableKeyBasedMetadataWriteAccess") && *caller == Caller::Key;
    if !forbidden || !control || query || method == "GET" {
        return Ok(());
    }
    let kind = exchange.place.kind();
    Err(Refusal::gateway(
        403,
        format!(
            "\"Operation '{method}' on resource '{kind}' is not allowed through Azure Cosmos DB endpoint. Please switch on such operations for your account, or perform this operation through Azure Resource Manager, Azure Portal, Azure CLI or Azure Powershell\"."
        ),
    ))
}

/// What binary JSON begins with, and what its clients are told.
const BINARY: u8 = 0x80;
const TEXT: &str = "JSON in the binary form: clients that send it do without where AZURE_COSMOS_BINARY_ENCODING_ENABLED is false";

/// Headers that name what is to run before and after a write.
const TRIGGERS: [&str; 2] = [
    "x-ms-documentdb-pre-trigger-include",
    "x-ms-documentdb-post-trigger-include",
];

/// The handlers, by method and by what the path names.
fn route(world: &mut World, exchange: &Exchange, query: bool) -> Outcome {
    let shape = exchange.place.shape();
    let feed = exchange.place.is_feed();
    if exchange.request.body.first() == Some(&BINARY) {
        return Err(Refusal::absent(TEXT));
    }
    if TRIGGERS.iter().any(|name| exchange.header(name).is_some()) {
        return Err(Refusal::absent("triggers"));
    }
    match (exchange.request.method.as_str(), shape.as_str(), feed) {
        ("GET", "", _) => account::read(world, exchange.region),
        ("GET", "dbs", true) => databases::list(world, exchange),
        ("POST", "dbs", true) if query => databases::list(world, exchange),
        ("POST", "dbs", true) => databases::create(world, exchange),
        ("GET", "dbs", false) => databases::read(world, exchange),
        ("DELETE", "dbs", false) => databases::delete(world, exchange),
        ("GET", "dbs/colls", true) => containers::list(world, exchange),
        ("POST", "dbs/colls", true) if query => containers::list(world, exchange),
        ("POST", "dbs/colls", true) => containers::create(world, exchange),
        ("GET", "dbs/colls", false) => containers::read(world, exchange),
        ("PUT", "dbs/colls", false) => containers::replace(world, exchange),
        ("DELETE", "dbs/colls", false) => containers::delete(world, exchange),
        ("GET", "dbs/colls/conflicts", true) => containers::conflicts(world, exchange),
        ("POST", "dbs/colls/conflicts", true) if query => containers::conflicts(world, exchange),
        ("GET" | "DELETE", "dbs/colls/conflicts", false) => Err(Refusal::not_found()),
        ("GET", "dbs/colls/pkranges", true) => ranges::list(world, exchange),
        ("GET", "dbs/colls/pkranges", false) => Err(Refusal::absent("a partition range by itself")),
        ("GET", "dbs/colls/docs", true) if exchange.header("a-im").is_some() => {
            changes::list(world, exchange)
        }
        ("GET", "dbs/colls/docs", true) => query::list(world, exchange),
        ("POST", "dbs/colls/docs", true) if exchange.flag("x-ms-cosmos-is-batch-request") => {
            batch::run(world, exchange)
        }
        ("POST", "dbs/colls/docs", true) if query => query::run(world, exchange),
        ("POST", "dbs/colls/docs", true) => items::create(world, exchange),
        ("GET", "dbs/colls/docs", false) => items::point(world, exchange, Verb::Read),
        ("PUT", "dbs/colls/docs", false) => items::point(world, exchange, Verb::Replace),
        ("DELETE", "dbs/colls/docs", false) => items::point(world, exchange, Verb::Delete),
        ("PATCH", "dbs/colls/docs", false) => items::point(world, exchange, Verb::Patch),
        ("POST", "dbs/colls/operations", false) => key_delete::run(world, exchange),
        ("GET", "offers", true) => offers::list(world, exchange),
        ("POST", "offers", true) if query => offers::list(world, exchange),
        ("GET", "offers", false) => offers::read(world, exchange),
        ("PUT", "offers", false) => offers::replace(world, exchange),
        _ => Err(elsewhere(exchange)),
    }
}

/// Tells what the sandbox lacks from what does not exist at all.
fn elsewhere(exchange: &Exchange) -> Refusal {
    let place = &exchange.place;
    let had = [
        "",
        "dbs",
        "dbs/colls",
        "dbs/colls/conflicts",
        "dbs/colls/docs",
        "dbs/colls/pkranges",
        "offers",
    ];
    let lacked = [
        ("dbs/users", "users"),
        ("dbs/clientencryptionkeys", "client encryption keys"),
        ("dbs/colls/sprocs", "stored procedures"),
        ("dbs/colls/triggers", "triggers"),
        ("dbs/colls/udfs", "user-defined functions"),
        ("dbs/colls/operations", "other operations on a container"),
        ("dbs/users/permissions", "permissions"),
        ("dbs/colls/docs/attachments", "attachments"),
        ("media", "media"),
    ];
    let shape = place.shape();
    if had.contains(&shape.as_str()) {
        let method = &exchange.request.method;
        let message = format!("The requested verb {method} is not supported on this resource.");
        return Refusal::gateway(405, message);
    }
    match lacked.iter().find(|(path, _)| *path == shape) {
        Some((_, what)) => Refusal::absent(what),
        None => Refusal::gateway(400, "Request url is invalid."),
    }
}

/// The same place by its names, where a path gave `_rid`s; an item keeps its own.
fn named(world: &World, place: &Place) -> Result<Place, Refusal> {
    let mut place = place.clone();
    let depth = place.segments.len();
    let rid = place.database().to_owned();
    let database = world
        .databases
        .iter()
        .find(|(_, database)| database.rid == rid);
    let absent = |below: usize| match depth > below {
        true => Refusal::no_owner(),
        false => Refusal::not_found(),
    };
    let (name, database) = database.ok_or_else(|| absent(2))?;
    if let Some(segment) = place.segments.get_mut(1) {
        segment.clone_from(name);
    }
    let rid = place.container().to_owned();
    if rid.is_empty() {
        return Ok(place);
    }
    let container = database
        .containers
        .iter()
        .find(|(_, container)| container.rid == rid);
    let (name, _) = container.ok_or_else(|| absent(4))?;
    if let Some(segment) = place.segments.get_mut(3) {
        segment.clone_from(name);
    }
    Ok(place)
}

/// The member a path leads to, as partition keys and unique keys have paths.
fn path_value<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let names = tokens(path).ok()?;
    names.iter().try_fold(value, |value, name| value.get(name))
}
