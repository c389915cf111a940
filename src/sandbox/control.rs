//! Calls to the sandbox itself, on the port of the data plane: a fault, a split, a container made anew.
//!
//! They need no authorization but to come from this machine, and no fault befalls them.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::cosmos::split::{self, Unable};
use super::faults::{Event, Fault, Faults};
use super::http::{Request, Response};
use super::world::World;

const PREFIX: &str = "/sandbox/";

/// The answer to such a call, or nothing where the request is for the service.
pub fn handle(
    world: &mut World,
    faults: &mut Faults,
    request: &Request,
    now: OffsetDateTime,
) -> Option<Response> {
    let name = request.path().strip_prefix(PREFIX)?;
    if request.method != "POST" {
        return Some(refuse(405, "a call to the sandbox is a POST"));
    }
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(error) => return Some(refuse(400, &format!("the body is not JSON: {error}"))),
    };
    let answer = match name {
        "split" => halve(world, &body),
        "fault" => fault(world, faults, &body),
        "recreate" => recreate(world, &body, now),
        _ => Err(refuse(
            404,
            "there are /sandbox/split, /sandbox/fault and /sandbox/recreate",
        )),
    };
    Some(answer.map_or_else(|refused| refused, |done| Response::json(200, &done)))
}

fn refuse(status: u16, why: &str) -> Response {
    Response::json(status, &json!({ "error": why }))
}

fn unable(why: Unable) -> Response {
    match why {
        Unable::Absent(why) => refuse(404, &why),
        Unable::Refused(why) => refuse(400, &why),
    }
}

fn text<'b>(body: &'b Value, name: &str) -> Result<&'b str, Response> {
    let text = body.get(name).and_then(Value::as_str);
    text.ok_or_else(|| refuse(400, &format!("\"{name}\" has to be a string")))
}

/// `{"database","container","range"?}`: the two new ranges.
fn halve(world: &mut World, body: &Value) -> Result<Value, Response> {
    let (database, container) = (text(body, "database")?, text(body, "container")?);
    let range = match body.get("range") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text(body, "range")?),
    };
    let ids = world.split(database, container, range).map_err(unable)?;
    let found = world.databases.get(database);
    let found = found.and_then(|found| found.containers.get(container));
    let ranges = found.map_or(&[][..], |found| &found.ranges);
    let new = ranges.iter().filter(|range| ids.contains(&range.id));
    let told = new.map(|range| {
        json!({
            "id": range.id,
            "minInclusive": range.min,
            "maxExclusive": range.max,
            "parents": range.parents,
        })
    });
    Ok(json!({ "ranges": told.collect::<Vec<_>>() }))
}

/// `{"fault":"410/1002:1"}`
fn fault(world: &mut World, faults: &mut Faults, body: &Value) -> Result<Value, Response> {
    let written = text(body, "fault")?;
    let fault = Fault::parse(written).map_err(|why| refuse(400, &why))?;
    faults.add(fault, world);
    Ok(json!({ "fault": written }))
}

/// `{"database","container"}`: the new `_rid`.
fn recreate(world: &mut World, body: &Value, now: OffsetDateTime) -> Result<Value, Response> {
    let (database, container) = (text(body, "database")?, text(body, "container")?);
    let rid = world.recreate(database, container, now.unix_timestamp());
    Ok(json!({ "_rid": rid.map_err(unable)? }))
}

/// What a fault has happen right before a request is served.
pub fn happen(world: &mut World, event: Event, request: &Request) {
    match event {
        Event::Lag => world.trouble.lag = true,
        Event::Failover => world.regions.fail_over(),
        Event::Split => split::before(world, request),
    }
}
