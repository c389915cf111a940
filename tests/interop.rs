//! What the official clients sent, replayed against the sandbox: their own headers, bodies and signatures.
//!
//! The service's clock is set to each request's date, so that the signature the client made is the one that is
//! checked. Nothing of the clients is needed here: the recordings are the whole of them.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::sandbox::cosmos::handle;
use rawcosmos::sandbox::http::{Request, Response};
use rawcosmos::sandbox::world::World;
use serde_json::Value;
use time::format_description::well_known::Rfc2822;
use time::{OffsetDateTime, macros::datetime};

const PYTHON: &str = include_str!("../fixtures/interop/azure-cosmos-4.17.1.http");
const NODE: &str = include_str!("../fixtures/interop/azure-cosmos-js-4.9.3.http");

/// A recording: `key` and `partitions` of the sandbox it was made with, then the exchanges.
struct Recording {
    key: String,
    partitions: usize,
    exchanges: Vec<Exchange>,
}

/// One request as it was sent, and what is to be seen of the answer.
struct Exchange {
    step: String,
    request: String,
    answer: Value,
}

impl Recording {
    fn read(text: &str) -> Self {
        let mut blocks = text.split("\n### ");
        let mut start = blocks.next().unwrap().lines();
        let mut field = |name: &str| start.next().unwrap().strip_prefix(name).unwrap().to_owned();
        Self {
            key: field("key: "),
            partitions: field("partitions: ").parse().unwrap(),
            exchanges: blocks.map(Exchange::read).collect(),
        }
    }

    fn world(&self) -> World {
        World {
            account: "sandbox-account".into(),
            key: self.key.clone(),
            cosmos: "http://127.0.0.1:1".into(),
            partitions: self.partitions,
            ..World::default()
        }
    }
}

impl Exchange {
    fn read(block: &str) -> Self {
        let (step, rest) = block.split_once('\n').unwrap();
        let (request, answer) = rest.rsplit_once("\n< ").unwrap();
        Self {
            step: step.to_owned(),
            request: request.to_owned(),
            answer: serde_json::from_str(answer).expect(step),
        }
    }
}

/// What the sandbox made up while recording, and what it makes up now: `_etag`s, `_rid`s, continuations.
#[derive(Default)]
struct Renamed(Vec<(String, String)>);

impl Renamed {
    fn note(&mut self, then: Option<&str>, now: Option<&str>) {
        if let (Some(then), Some(now)) = (then, now)
            && then != now
        {
            self.0.push((then.to_owned(), now.to_owned()));
        }
    }

    fn apply(&self, text: &str) -> String {
        let latest_first = self.0.iter().rev();
        latest_first.fold(text.to_owned(), |text, (then, now)| text.replace(then, now))
    }

    fn learn(&mut self, recorded: &Value, answer: &Response) {
        let body = body(answer);
        self.note(recorded["etag"].as_str(), header(answer, "etag"));
        let continuation = header(answer, "x-ms-continuation");
        self.note(recorded["continuation"].as_str(), continuation);
        self.note(recorded["rid"].as_str(), body["_rid"].as_str());
        let feeds = ["Offers", "Databases", "DocumentCollections"];
        let listed = feeds.iter().find_map(|feed| body[*feed].as_array());
        for (then, now) in list(&recorded["rids"]).zip(listed.into_iter().flatten()) {
            self.note(then.as_str(), now["_rid"].as_str());
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = answer.headers.iter();
    let found = headers.find(|(each, _)| each.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn body(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// The request, and when it was sent.
fn parse(text: &str) -> (Request, OffsetDateTime) {
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ');
    let pairs = lines.map(|line| line.split_once(':').unwrap());
    let request = Request {
        method: words.next().unwrap().to_owned(),
        target: words.next().unwrap().to_owned(),
        headers: pairs
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    };
    let date = request.header("x-ms-date").expect("a date");
    let date = OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).expect(date);
    (request, date)
}

/// Where an offer's `_rid` is another now, the client would have signed the other one.
fn sign(request: &mut Request, key: &str) {
    let rid = request.target.trim_matches('/').strip_prefix("offers/");
    let rid = rid.expect("only offers are named by _rid").to_lowercase();
    let date = request.header("x-ms-date").unwrap();
    let key = MasterKey::new(key).unwrap();
    let signed = key.authorization(&request.method, "offers", &rid, date);
    for (name, value) in &mut request.headers {
        if name.eq_ignore_ascii_case("authorization") {
            value.clear();
            value.push_str(signed.expose());
        }
    }
}

const SYSTEM: [&str; 6] = ["_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"];

fn without_system_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !SYSTEM.contains(&name.as_str()));
            members.values_mut().for_each(without_system_members);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_system_members),
        _ => {}
    }
}

/// The rows of a feed, without what differs from one sandbox to another; of a batch what became of each operation.
fn rows(mut body: Value) -> Value {
    if let Value::Array(lines) = body {
        return lines
            .iter()
            .map(|line| line["statusCode"].clone())
            .collect();
    }
    let mut rows = body
        .get_mut("Documents")
        .map(Value::take)
        .unwrap_or_default();
    without_system_members(&mut rows);
    rows
}

/// Every answer has the status of the recorded one and, where it has rows, its rows.
fn replay(mut world: World, recording: &Recording) {
    let mut renamed = Renamed::default();
    for (at, exchange) in recording.exchanges.iter().enumerate() {
        let Exchange { step, answer, .. } = exchange;
        let (mut request, now) = parse(&renamed.apply(&exchange.request));
        if parse(&exchange.request).0.target != request.target {
            sign(&mut request, &recording.key);
        }
        let given = handle(&mut world, &request, now);
        let place = format!("{at} {step}: {} {}", request.method, request.target);
        let words = String::from_utf8_lossy(&given.body);
        assert_eq!(
            u64::from(given.status),
            answer["status"],
            "{place}\n{words}"
        );
        let substatus = header(&given, "x-ms-substatus").map(|text| text.parse::<u64>().unwrap());
        assert_eq!(substatus, answer["substatus"].as_u64(), "{place}\n{words}");
        let rows = rows(body(&given));
        assert_eq!(rows, answer["rows"], "{place}");
        renamed.learn(answer, &given);
    }
}

#[test]
fn the_python_client_is_answered_as_it_was() {
    let recording = Recording::read(PYTHON);
    replay(recording.world(), &recording);
}

#[test]
fn the_node_client_is_answered_as_it_was() {
    let recording = Recording::read(NODE);
    replay(recording.world(), &recording);
}

#[test]
fn the_replay_survives_other_etags_and_rids() {
    for text in [PYTHON, NODE] {
        let recording = Recording::read(text);
        let shifted = World {
            counter: 1_000,
            ..recording.world()
        };
        replay(shifted, &recording);
    }
}

#[test]
fn no_signature_is_believed_with_another_key_or_at_another_time() {
    for text in [PYTHON, NODE] {
        let recording = Recording::read(text);
        let other = World {
            key: "b3RoZXI=".into(),
            ..recording.world()
        };
        refused(other, &recording, None, 401);
        let late = Some(datetime!(2033-01-01 0:00 UTC));
        refused(recording.world(), &recording, late, 403);
    }
}

fn refused(mut world: World, recording: &Recording, at: Option<OffsetDateTime>, status: u16) {
    for Exchange { step, request, .. } in &recording.exchanges {
        let (request, sent) = parse(request);
        let answer = handle(&mut world, &request, at.unwrap_or(sent));
        assert_eq!(answer.status, status, "{step}");
    }
    assert!(world.databases.is_empty());
}
