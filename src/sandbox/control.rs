//! Calls to the sandbox itself, on the port of the data plane: a fault, a split, a merge, a lock, a container made anew.
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
        "merge" => unite(world, &body),
        "lock" => lock(world, &body),
        "fault" => fault(world, faults, &body),
        "recreate" => recreate(world, &body, now),
        _ => Err(refuse(
            404,
            "there are /sandbox/split, /sandbox/merge, /sandbox/lock, /sandbox/fault and /sandbox/recreate",
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
    Ok(told(world, database, container, &ids))
}

/// `{"database","container","range"?}`: the new range.
fn unite(world: &mut World, body: &Value) -> Result<Value, Response> {
    let (database, container) = (text(body, "database")?, text(body, "container")?);
    let range = match body.get("range") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text(body, "range")?),
    };
    let id = world.merge(database, container, range).map_err(unable)?;
    Ok(told(world, database, container, &[id]))
}

/// `{"database","container","range","locked"}`: a range that is locked answers 410/1007.
fn lock(world: &mut World, body: &Value) -> Result<Value, Response> {
    let (database, container) = (text(body, "database")?, text(body, "container")?);
    let locked = body.get("locked").and_then(Value::as_bool);
    let locked = locked.ok_or_else(|| refuse(400, "\"locked\" has to be true or false"))?;
    let range = text(body, "range")?;
    let done = world.lock(database, container, range, locked);
    done.map_err(unable)?;
    Ok(json!({ "range": range, "locked": locked }))
}

/// Some of the ranges of a container.
fn told(world: &World, database: &str, container: &str, ids: &[String]) -> Value {
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
    json!({ "ranges": told.collect::<Vec<_>>() })
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
        Event::Merge => split::merge_before(world, request),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use super::super::{Options, Sandbox, start};
    use super::*;

    fn sandbox(regions: usize, faults: &[&str]) -> Sandbox {
        let sandbox = start(Options {
            regions,
            partitions: 2,
            faults: faults
                .iter()
                .map(|text| Fault::parse(text).unwrap())
                .collect(),
            ..Options::default()
        })
        .unwrap();
        sandbox.with_world(|world| {
            world.create_database("d", None, 1);
            let definition = json!({"id": "c", "partitionKey": {"paths": ["/pk"], "version": 2}});
            let definition = definition.as_object().unwrap().clone();
            world.create_container("d", definition, None, 1).unwrap();
        });
        sandbox
    }

    fn ask(origin: &str, method: &str, path: &str, body: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        let end = all
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or(all.len());
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        let status = head
            .split(' ')
            .nth(1)
            .map_or(0, |text| text.parse().unwrap());
        (status, head, all.split_off((end + 4).min(all.len())))
    }

    fn call(sandbox: &Sandbox, name: &str, body: Value) -> (u16, Value) {
        let path = format!("/sandbox/{name}");
        let (status, _, body) = ask(&sandbox.cosmos(), "POST", &path, &body.to_string());
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_running_sandbox_is_told_what_is_to_happen() {
        let sandbox = sandbox(1, &[]);
        let place = json!({"database": "d", "container": "c", "range": "1"});
        let (status, told) = call(&sandbox, "split", place.clone());
        assert_eq!(status, 200, "{told}");
        let ids: Vec<_> = told["ranges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|range| &range["id"])
            .collect();
        assert_eq!(ids, ["2", "3"]);
        assert_eq!(told["ranges"][0]["parents"], json!(["1"]));
        assert_eq!(told["ranges"][1]["maxExclusive"], "FF");
        assert_eq!(call(&sandbox, "split", place.clone()).0, 404);
        let place = json!({"database": "d", "container": "c", "range": "3", "locked": true});
        assert_eq!(call(&sandbox, "lock", place.clone()).0, 200);
        let locked = |sandbox: &Sandbox| {
            let ranges = |world: &mut World| world.databases["d"].containers["c"].ranges[2].locked;
            sandbox.with_world(ranges)
        };
        assert!(locked(&sandbox));
        let (status, told) = call(&sandbox, "merge", place.clone());
        assert_eq!(
            (status, &told["ranges"][0]["parents"]),
            (200, &json!(["1", "2", "3"]))
        );
        let whole = json!({"database": "d", "container": "c"});
        assert_eq!(call(&sandbox, "merge", whole.clone()).0, 200);
        assert_eq!(call(&sandbox, "merge", whole).0, 400);
        let before = sandbox.with_world(|world| world.databases["d"].containers["c"].rid.clone());
        let (status, told) = call(&sandbox, "recreate", place);
        assert!(status == 200 && told["_rid"] != before, "{told}");
        let (status, told) = call(&sandbox, "fault", json!({"fault": "account.418:1"}));
        assert_eq!((status, &told["fault"]), (200, &json!("account.418:1")));
        assert_eq!(ask(&sandbox.cosmos(), "GET", "/", "").0, 418);
        assert_eq!(ask(&sandbox.cosmos(), "GET", "/", "").0, 401);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let sandbox = sandbox(1, &["503"]);
        let refused = [
            ("split", json!({"database": "d"}), 400),
            ("split", json!({"database": "d", "container": "x"}), 404),
            (
                "split",
                json!({"database": "d", "container": "c", "range": 1}),
                400,
            ),
            (
                "merge",
                json!({"database": "d", "container": "c", "range": "9"}),
                404,
            ),
            (
                "lock",
                json!({"database": "d", "container": "c", "range": "0"}),
                400,
            ),
            ("recreate", json!({"database": "x", "container": "c"}), 404),
            ("fault", json!({"fault": "trunkate"}), 400),
            ("fault", json!("429"), 400),
            ("nothing", json!({}), 404),
        ];
        for (name, body, wanted) in refused {
            let (status, told) = call(&sandbox, name, body.clone());
            assert_eq!(status, wanted, "{name} {body}");
            assert!(told["error"].is_string(), "{name} {body}");
        }
        let cosmos = sandbox.cosmos();
        assert_eq!(ask(&cosmos, "GET", "/sandbox/split", "").0, 405);
        assert_eq!(ask(&cosmos, "POST", "/sandbox/split", "{").0, 400);
        assert_eq!(ask(&cosmos, "POST", "/dbs", "{}").0, 503);
        assert_ne!(ask(&sandbox.arm(), "POST", "/sandbox/split", "{}").0, 200);
    }

    #[test]
    fn two_regions_have_two_ports() {
        let sandbox = sandbox(2, &["account.failover:1"]);
        let second = sandbox.second().unwrap();
        let ready: Value = serde_json::from_str(&sandbox.ready_line()).unwrap();
        assert_eq!(ready["cosmosSecond"], second);
        let writes = |sandbox: &Sandbox| sandbox.with_world(|world| world.regions.write);
        assert_eq!(
            (ask(&second, "GET", "/dbs", "").0, writes(&sandbox)),
            (401, 0)
        );
        assert_eq!((ask(&second, "GET", "/", "").0, writes(&sandbox)), (401, 1));
        call(&sandbox, "fault", json!({"fault": "failover"}));
        assert_eq!(writes(&sandbox), 0);
        sandbox.stop();
        assert!(TcpStream::connect(second.trim_start_matches("http://")).is_err());
    }

    #[test]
    fn answers_are_spoilt_as_asked() {
        let sandbox = sandbox(
            1,
            &["not-json:1", "huge:1", "many-headers:1", "delay=150ms:1"],
        );
        let cosmos = sandbox.cosmos();
        let begun = Instant::now();
        let (status, head, body) = ask(&cosmos, "GET", "/", "");
        assert!(begun.elapsed() >= Duration::from_millis(150));
        assert!(status == 401 && head.contains("text/html") && body.starts_with(b"<html>"));
        let (_, _, body) = ask(&cosmos, "GET", "/", "");
        assert!(body.len() > 5 * 1024 * 1024);
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["code"].is_string());
        let (_, head, body) = ask(&cosmos, "GET", "/", "");
        assert!(head.lines().count() > 150 && body.len() < 2000, "{head}");
    }

    #[test]
    fn what_never_came_to_a_read_is_not_for_the_next_one() {
        let sandbox = sandbox(1, &["stale-session:1", "read.503:1"]);
        let item = "/dbs/d/colls/c/docs/1";
        assert_eq!(ask(&sandbox.cosmos(), "GET", item, "").0, 503);
        assert!(!sandbox.with_world(|world| world.trouble.lag));
        let ranges = |sandbox: &Sandbox| {
            sandbox.with_world(|world| world.databases["d"].containers["c"].ranges.len())
        };
        call(&sandbox, "fault", json!({"fault": "delete.split"}));
        assert_eq!(
            (ask(&sandbox.cosmos(), "GET", item, "").0, ranges(&sandbox)),
            (401, 2)
        );
        assert_eq!(
            (
                ask(&sandbox.cosmos(), "DELETE", item, "").0,
                ranges(&sandbox)
            ),
            (401, 3)
        );
    }
}
