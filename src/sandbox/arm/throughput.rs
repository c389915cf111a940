//! `throughputSettings` of a database or a container, and the offers that creations ask for.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::errors::{bad_request, missing, not_found};
use super::front::ok;
use super::operations::{Effect, Failure, begin};
use super::{Answer, accounts};
use crate::sandbox::http::Response;
use crate::sandbox::world::{Offer, World};

const MOST: u64 = 1_000_000;
const NO_OFFER: &str =
    "Throughput update is not supported for resources created without dedicated throughput.";

/// `default`, and the two ways of changing its kind.
pub(super) fn settings(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    let (database, container) = place(call);
    let uri = uri(&database, container.as_deref());
    let Some(there) = find(world, &database, container.as_deref()) else {
        return Err(not_found(world, &uri));
    };
    let wanted = match (call.method, rest, there) {
        ("GET", ["default"], Some(offer)) => return ok(&document(world, call, offer)),
        ("GET", ["default"], None) => return Err(not_found(world, &uri)),
        ("PUT" | "POST", ["default", ..], None) => return Err(bad_request(world, NO_OFFER)),
        ("PUT", ["default"], Some(offer)) => changed(world, call, offer)?,
        ("POST", ["default", "migratetoautoscale"], Some(offer)) => autoscaled(offer),
        ("POST", ["default", "migratetomanualthroughput"], Some(offer)) => {
            Offer::Manual(number(offer))
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

/// `None` where there is no such resource, `Some(None)` where it has no throughput of its own.
fn find(world: &World, database: &str, container: Option<&str>) -> Option<Option<Offer>> {
    let database = world.databases.get(database)?;
    match container {
        Some(container) => Some(database.containers.get(container)?.offer),
        None => Some(database.offer),
    }
}

/// Gives the resource its offer, if it is still there.
pub(super) fn set(
    world: &mut World,
    database: &str,
    container: Option<&str>,
    offer: Offer,
) -> Result<(), Failure> {
    let parent = world.databases.get_mut(database);
    let place = match container {
        Some(name) => parent
            .and_then(|parent| parent.containers.get_mut(name))
            .map(|found| &mut found.offer),
        None => parent.map(|parent| &mut parent.offer),
    };
    match place {
        Some(place) => {
            *place = Some(offer);
            Ok(())
        }
        None => Err(Failure::nested(
            world,
            "NotFound",
            super::errors::NOT_FOUND,
            &uri(database, container),
        )),
    }
}

fn number(offer: Offer) -> u64 {
    match offer {
        Offer::Manual(number) | Offer::Autoscale(number) => number,
    }
}

/// The next maximum that autoscale can have.
fn autoscaled(offer: Offer) -> Offer {
    match offer {
        Offer::Manual(number) => Offer::Autoscale((number.div_ceil(1000) * 1000).min(MOST)),
        Offer::Autoscale(_) => offer,
    }
}

/// The offer in the body, which has to be of the kind there is.
fn changed(world: &mut World, call: &Call<'_>, there: Offer) -> Result<Offer, Response> {
    let properties = call.properties()?;
    let Some(Value::Object(resource)) = properties.get("resource") else {
        return Err(missing("properties.resource"));
    };
    let wanted = read(world, resource)?.ok_or_else(|| missing("properties.resource.throughput"))?;
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

/// `properties.options` of a creation.
pub(super) fn options(
    world: &mut World,
    properties: &Map<String, Value>,
) -> Result<Option<Offer>, Response> {
    match properties.get("options") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(options)) => read(world, options),
        Some(_) => Err(missing("properties.options")),
    }
}

/// `throughput` or `autoscaleSettings.maxThroughput`, but not both.
fn read(world: &mut World, members: &Map<String, Value>) -> Result<Option<Offer>, Response> {
    let manual = members.get("throughput").filter(|value| !value.is_null());
    let autoscale = members
        .get("autoscaleSettings")
        .filter(|value| !value.is_null());
    let (offer, least, step) = match (
        manual,
        autoscale.map(|settings| settings.get("maxThroughput")),
    ) {
        (None, None) => return Ok(None),
        (Some(manual), None) => (manual.as_u64().map(Offer::Manual), 400, 100),
        (None, Some(most)) => (
            most.and_then(Value::as_u64).map(Offer::Autoscale),
            1000,
            1000,
        ),
        (Some(_), Some(_)) => {
            return Err(bad_request(
                world,
                "Only one of throughput and autoscaleSettings can be specified.",
            ));
        }
    };
    let fits = |offer: &Offer| {
        (least..=MOST).contains(&number(*offer)) && number(*offer).is_multiple_of(step)
    };
    match offer.filter(fits) {
        Some(offer) => Ok(Some(offer)),
        None => Err(bad_request(
            world,
            &format!(
                "The offer should have valid throughput values between {least} and {MOST} inclusive in increments of {step}."
            ),
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

fn document(world: &World, call: &Call<'_>, offer: Offer) -> Value {
    let (database, container) = place(call);
    let (kind, below) = match &container {
        Some(container) => (
            "sqlDatabases/containers",
            format!("sqlDatabases/{database}/containers/{container}"),
        ),
        None => ("sqlDatabases", format!("sqlDatabases/{database}")),
    };
    let mut resource = match offer {
        Offer::Manual(number) => json!({"throughput": number, "minimumThroughput": "400"}),
        Offer::Autoscale(most) => json!({
            "throughput": most / 10,
            "autoscaleSettings": {"maxThroughput": most},
            "minimumThroughput": "1000",
        }),
    };
    if let Some(members) = resource.as_object_mut() {
        members.insert("instantMaximumThroughput".to_owned(), json!("10000"));
        members.insert(
            "softAllowedMaximumThroughput".to_owned(),
            json!(MOST.to_string()),
        );
    }
    json!({
        "id": format!("{}/{below}/throughputSettings/default", accounts::id(world)),
        "type": format!("Microsoft.DocumentDB/databaseAccounts/{kind}/throughputSettings"),
        "name": "g6MM",
        "properties": {"resource": resource},
    })
}
