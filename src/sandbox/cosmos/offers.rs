//! Offers: the throughput of databases and containers that have their own. With a key only.

use serde_json::{Value, json};

use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::resources;
use crate::sandbox::world::{Offer, World};

/// What a serverless account says of offers.
pub const SERVERLESS: &str =
    "Reading or replacing offers is not supported for serverless accounts.";
/// What it says of a creation that asks for one.
pub const NO_SETTING: &str =
    "Setting offer throughput or autopilot on container is not supported for serverless accounts.";

/// An offer as it is found: whose it is, and what it says.
struct Found {
    link: String,
    owner: String,
    etag: String,
    ts: i64,
    offer: Offer,
}

/// `GET /offers`, or `POST /offers` with a query
pub fn list(world: &World, exchange: &Exchange) -> Outcome {
    provisioned(world)?;
    let all = all(world).iter().map(resource).collect();
    resources::feed(exchange, "", "Offers", all, world.counter)
}

/// `GET /offers/{rid}`
pub fn read(world: &World, exchange: &Exchange) -> Outcome {
    let found = find(world, exchange)?;
    Ok(answer(world, &found))
}

/// `PUT /offers/{rid}`
pub fn replace(world: &mut World, exchange: &Exchange) -> Outcome {
    let found = find(world, exchange)?;
    let body = Value::Object(resources::body(exchange)?);
    let manual = body
        .pointer("/content/offerThroughput")
        .and_then(Value::as_u64);
    let most = "/content/offerAutopilotSettings/maxThroughput";
    let offer = match (body.pointer(most).and_then(Value::as_u64), manual) {
        (Some(most), _) => Offer::Autoscale(most),
        (None, Some(manual)) => Offer::Manual(manual),
        (None, None) => return Err(Refusal::new(400, "The offer content is invalid.")),
    };
    let offer = offer.check()?;
    if std::mem::discriminant(&offer) != std::mem::discriminant(&found.offer) {
        return Err(Refusal::absent(
            "migration between manual and autoscale throughput on the data plane",
        ));
    }
    world.next();
    world.azure.pending.remove(&found.owner);
    for database in world.databases.values_mut() {
        if database.rid == found.owner {
            database.offer = Some(offer);
        }
        let containers = database.containers.values_mut();
        for container in containers.filter(|container| container.rid == found.owner) {
            container.offer = Some(offer);
        }
    }
    let found = Found { offer, ..found };
    Ok(answer(world, &found))
}

fn answer(world: &World, found: &Found) -> Reply {
    let pending = match world.azure.pending.contains_key(&found.owner) {
        true => "True",
        false => "False",
    };
    resources::one(200, &resource(found), 1.0, world.counter)
        .header("x-ms-cosmos-min-throughput", found.offer.least())
        .header("x-ms-offer-replace-pending", pending)
}

fn provisioned(world: &World) -> Result<(), Refusal> {
    match world.serverless() {
        true => Err(Refusal::gateway(400, SERVERLESS)),
        false => Ok(()),
    }
}

fn find(world: &World, exchange: &Exchange) -> Result<Found, Refusal> {
    provisioned(world)?;
    let wanted = exchange.place.segments.get(1).map_or("", String::as_str);
    let same = |found: &Found| id(&found.owner).eq_ignore_ascii_case(wanted);
    all(world)
        .into_iter()
        .find(same)
        .ok_or_else(Refusal::not_found)
}

fn all(world: &World) -> Vec<Found> {
    let mut all = Vec::new();
    for database in world.databases.values() {
        let link = format!("dbs/{}/", database.rid);
        let found = |link, rid: &String, etag: &String, ts, offer: &Option<Offer>| {
            offer.map(|offer| Found {
                link,
                owner: rid.clone(),
                etag: etag.clone(),
                ts,
                offer,
            })
        };
        all.extend(found(
            link.clone(),
            &database.rid,
            &database.etag,
            database.ts,
            &database.offer,
        ));
        for each in database.containers.values() {
            let link = format!("{link}colls/{}/", each.rid);
            all.extend(found(link, &each.rid, &each.etag, each.ts, &each.offer));
        }
    }
    all
}

/// Four characters, as an offer's `_rid` has them: the last ones of its owner's.
pub fn id(owner: &str) -> String {
    let text = owner.trim_end_matches('=');
    text.chars()
        .skip(text.chars().count().saturating_sub(4))
        .collect()
}

fn resource(found: &Found) -> Value {
    let content = match found.offer {
        Offer::Manual(units) => {
            json!({"offerThroughput": units, "offerIsRUPerMinuteThroughputEnabled": false})
        }
        Offer::Autoscale(most) => json!({
            "offerThroughput": most / 10,
            "offerAutopilotSettings": {"maxThroughput": most},
        }),
    };
    let id = id(&found.owner);
    json!({
        "resource": found.link,
        "offerType": "Invalid",
        "offerResourceId": found.owner,
        "offerVersion": "V2",
        "content": content,
        "id": id,
        "_rid": id,
        "_self": format!("offers/{id}/"),
        "_etag": found.etag,
        "_ts": found.ts,
    })
}
