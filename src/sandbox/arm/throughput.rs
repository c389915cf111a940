//! `throughputSettings` of a database or a container, and the offers that creations ask for.

mod limits;

use serde_json::{Value, json};

use time::OffsetDateTime;

pub(super) use limits::options;
use limits::{MOST, autoscaled, number, out_of_range, read, step};

use super::call::Call;
use super::effects::{Effect, Failure};
use super::errors::{self, bad_request, missing, not_found};
use super::front::ok;
use super::operations::{begin, milliseconds};
use super::{Answer, accounts};
use crate::sandbox::azure::Pending;
use crate::sandbox::cosmos::offers;
use crate::sandbox::http::Response;
use crate::sandbox::secrets::guid;
use crate::sandbox::world::{Offer, World};

/// What one partition can serve.
const PER_RANGE: u64 = 10_000;
/// Throughput beyond what is there takes longer than other operations: so many times as long.
const PATIENCE: i64 = 10;
const NO_OFFER: &str =
    "Throughput update is not supported for resources created without dedicated throughput.";

/// `default`, and the two ways of changing its kind.
pub(super) fn settings(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    let (database, container) = place(call);
    let uri = uri(&database, container.as_deref());
    if world.serverless() {
        return Err(serverless(world));
    }
    let Some(there) = find(world, &database, container.as_deref()) else {
        return Err(not_found(world, &uri));
    };
    let wanted = match (call.method, rest, there) {
        ("GET", ["default"], Some(found)) => return ok(&document(world, call, &found, "")),
        ("GET", ["default"], None) => return Err(not_found(world, &uri)),
        ("PUT" | "POST", ["default", ..], None) => return Err(bad_request(world, NO_OFFER)),
        ("PUT", ["default"], Some(found)) => changed(world, call, found.offer)?,
        ("POST", ["default", "migratetoautoscale"], Some(found)) => autoscaled(found.offer),
        ("POST", ["default", "migratetomanualthroughput"], Some(found)) => {
            Offer::Manual(number(found.offer))
        }
        _ => return Err(call.wrong_method()),
    };
    begin(
        world,
        call,
        Effect::SetOffer {
            database,
            container,
            offer: wanted,
        },
    )
}

/// The account has no offers, and the one place they could be read from says so.
fn serverless(world: &mut World) -> Response {
    let activity = guid(world);
    let sdk = errors::SDK;
    let inner = json!({
        "code": "BadRequest",
        "message": format!("{}\r\nActivityId: {activity}, {sdk}", offers::SERVERLESS),
    });
    let message = format!("Message: {inner}, Request URI: /offers, RequestStats: , SDK: {sdk}");
    errors::provider(400, "BadRequest", &message)
}

fn place(call: &Call<'_>) -> (String, Option<String>) {
    let container = Some(call.name("containers")).filter(|name| !name.is_empty());
    (
        call.name("sqldatabases").to_owned(),
        container.map(str::to_owned),
    )
}

fn uri(database: &str, container: Option<&str>) -> String {
    match container {
        Some(container) => format!("/dbs/{database}/colls/{container}"),
        None => format!("/dbs/{database}"),
    }
}

/// An offer, whose it is, and what its owner can serve at once.
struct Found {
    rid: String,
    offer: Offer,
    held: u64,
}

/// `None` where there is no such resource, `Some(None)` where it has no throughput of its own.
fn find(world: &World, database: &str, container: Option<&str>) -> Option<Option<Found>> {
    let database = world.databases.get(database)?;
    let (rid, offer, ranges) = match container {
        Some(container) => {
            let found = database.containers.get(container)?;
            (&found.rid, found.offer, found.ranges.len())
        }
        None => (&database.rid, database.offer, 1),
    };
    let held = PER_RANGE * u64::try_from(ranges).unwrap_or(1);
    Some(offer.map(|offer| Found {
        rid: rid.clone(),
        offer,
        held: held.max(number(offer)),
    }))
}

/// Gives the resource its offer, if it is still there; what its partitions do not hold comes later.
pub(super) fn set(
    world: &mut World,
    database: &str,
    container: Option<&str>,
    offer: Offer,
    now: OffsetDateTime,
) -> Result<(), Failure> {
    let Some(Some(found)) = find(world, database, container) else {
        let uri = uri(database, container);
        let sentence = errors::NOT_FOUND;
        return Err(Failure::nested(world, "NotFound", sentence, &uri));
    };
    if number(offer) > found.held {
        let due = milliseconds(now) + PATIENCE * world.operation_ms;
        let pending = Pending { offer, due };
        world.azure.pending.insert(found.rid, pending);
    } else {
        world.azure.pending.remove(&found.rid);
        give(world, &found.rid, offer);
    }
    Ok(())
}

/// Gives what was asked for earlier, where its time has come.
pub(super) fn arrive(world: &mut World, time: i64) {
    let pending = world.azure.pending.iter();
    let ready = pending.filter(|(_, pending)| pending.due <= time);
    let ready: Vec<(String, Offer)> = ready
        .map(|(rid, pending)| (rid.clone(), pending.offer))
        .collect();
    for (rid, offer) in ready {
        world.azure.pending.remove(&rid);
        give(world, &rid, offer);
    }
}

fn give(world: &mut World, rid: &str, offer: Offer) {
    for database in world.databases.values_mut() {
        if database.rid == rid {
            database.offer = Some(offer);
        }
        let containers = database.containers.values_mut();
        for container in containers.filter(|container| container.rid == rid) {
            container.offer = Some(offer);
        }
    }
}

/// The offer in the body, which has to be of the kind there is.
fn changed(world: &mut World, call: &Call<'_>, there: Offer) -> Result<Offer, Response> {
    let properties = call.properties()?;
    let Some(Value::Object(resource)) = properties.get("resource") else {
        return Err(missing("properties.resource"));
    };
    let wanted = read(world, resource)?.ok_or_else(|| missing("properties.resource.throughput"))?;
    let (least, step) = (there.least(), step(there));
    if number(wanted) < least {
        return Err(bad_request(world, &out_of_range(least, step)));
    }
    match (there, wanted) {
        (Offer::Manual(_), Offer::Manual(_)) | (Offer::Autoscale(_), Offer::Autoscale(_)) => {
            Ok(wanted)
        }
        _ => Err(bad_request(
            world,
            "Switching between manual and autoscale throughput is not supported by an update: migrate the throughput first.",
        )),
    }
}

/// A creation that is repeated may not ask for another offer.
pub(super) fn check_unchanged(
    world: &mut World,
    there: Option<Offer>,
    wanted: Option<Offer>,
    uri: &str,
) -> Result<(), Failure> {
    match wanted {
        Some(_) if wanted != there => {
            let sentence = "The throughput of an existing resource can not be changed by creating it again: update its throughputSettings.";
            Err(Failure::nested(world, "BadRequest", sentence, uri))
        }
        _ => Ok(()),
    }
}

/// The answer to a migration that is done, which is about the migration.
pub(super) fn migrated(world: &mut World, call: &Call<'_>) -> Answer {
    let (database, container) = place(call);
    match find(world, &database, container.as_deref()).flatten() {
        Some(found) => {
            let verb = call.segments.last().map_or("", String::as_str);
            ok(&document(world, call, &found, &format!("/{verb}")))
        }
        None => Err(not_found(world, &uri(&database, container.as_deref()))),
    }
}

/// Members but one are strings, though they say numbers and truths.
fn resource(found: &Found, pending: Option<&Pending>) -> Value {
    let mut resource = match found.offer {
        Offer::Manual(number) => json!({"throughput": number}),
        Offer::Autoscale(most) => json!({
            "throughput": most / 10,
            "autoscaleSettings": {"maxThroughput": most},
        }),
    };
    let text = |number: u64| json!(number.to_string());
    let Some(members) = resource.as_object_mut() else {
        return resource;
    };
    let mut add = |name: &str, value| members.insert(name.to_owned(), value);
    add("minimumThroughput", text(found.offer.least()));
    add("instantMaximumThroughput", text(found.held));
    add("softAllowedMaximumThroughput", text(MOST));
    if let Some(pending) = pending {
        add("offerReplacePending", json!("true"));
        let target = json!(number(pending.offer));
        if let Some(Value::Object(settings)) = members.get_mut("autoscaleSettings") {
            settings.insert("targetMaxThroughput".to_owned(), target);
        }
    }
    resource
}

fn document(world: &World, call: &Call<'_>, found: &Found, verb: &str) -> Value {
    let (database, container) = place(call);
    let (kind, below) = match &container {
        Some(container) => (
            "sqlDatabases/containers",
            format!("sqlDatabases/{database}/containers/{container}"),
        ),
        None => ("sqlDatabases", format!("sqlDatabases/{database}")),
    };
    let account = accounts::id(world);
    json!({
        "id": format!("{account}/{below}/throughputSettings/default{verb}"),
        "type": format!("Microsoft.DocumentDB/databaseAccounts/{kind}/throughputSettings{verb}"),
        "name": offers::id(&found.rid),
        "properties": {"resource": resource(found, world.azure.pending.get(&found.rid))},
    })
}

#[cfg(test)]
mod tests;
