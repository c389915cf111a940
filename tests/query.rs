//! Queries over several ranges: what the client makes of their answers is what one range would have said.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use common::name;
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::cosmos::items::{self, Options as Wanted};
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::cosmos::query::{self, Across, Query};
use rawcosmos::cosmos::{Account, Container, Paging};
use rawcosmos::error::Error;
use rawcosmos::exchange::network::Network;
use rawcosmos::exchange::pages::Flow;
use rawcosmos::exchange::query::Asked;
use rawcosmos::exchange::{Client, Credential, SystemClock};
use rawcosmos::name::Endpoint;
use rawcosmos::sandbox::Options;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::{Place, Run};

// ---- A container in so many ranges

struct Ranges {
    place: Place,
    network: Network,
    container: Container,
}

impl Ranges {
    fn new(partitions: usize, ragged: Option<u64>, path: &str) -> Ranges {
        let place = Place::with(Options {
            partitions,
            ragged_pages: ragged,
            ..Options::default()
        });
        place.container("orders", &[path]);
        let origin = place.sandbox.cosmos();
        let account = Account::new(Endpoint::new(&origin).unwrap());
        let container = account.database(&name("shop")).container(&name("orders"));
        Ranges {
            place,
            network: Network::new(None),
            container,
        }
    }

    fn client(&self) -> Client<'_> {
        let key = MasterKey::new(&self.place.key()).unwrap();
        Client::new(&self.network, &SystemClock, Credential::Key(key))
    }

    fn fill(&self, items: &[Value], member: &str) {
        let client = self.client();
        for item in items {
            let body = RawValue::from_string(item.to_string()).unwrap();
            let key = match item.get(member) {
                Some(key) => PartitionKey::from_json(&json!([key]).to_string()).unwrap(),
                None => PartitionKey::from_json("[{}]").unwrap(),
            };
            let call = items::upsert(&self.container, &key, &body, &Wanted::default());
            client.run(&call).unwrap();
        }
    }

    /// Splits the fullest range.
    fn split(&self) {
        let origin = self.place.sandbox.cosmos();
        let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).unwrap();
        let body = r#"{"database":"shop","container":"orders"}"#;
        let length = body.len();
        write!(
            stream,
            "POST /sandbox/split HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Through the client's engine; a range splits after so many rows.
    fn merged(&self, text: &str, size: u32, parallel: usize, split: Option<usize>) -> Vec<Value> {
        let client = self.client();
        let query = Query::new(text);
        let plan = client.run(&query::plan_of(&self.container, &query));
        let plan = plan.unwrap().value.expect("a plan");
        let asked = Asked {
            container: &self.container,
            query: &query,
            plan: &plan,
            key: None,
            between: None,
            paging: Paging {
                size: Some(size),
                ..Paging::default()
            },
            most: None,
            parallel,
            metrics: false,
            heard: None,
        };
        let mut all: Vec<Value> = Vec::new();
        if split == Some(0) {
            self.place.fault("query.split:1");
        }
        let spent = client.merged(&asked, None, &mut |rows| {
            while let Some(row) = rows.row()? {
                all.push(own(serde_json::from_str(row).unwrap()));
                if split == Some(all.len()) {
                    self.split();
                }
            }
            Ok(())
        });
        spent.unwrap_or_else(|e| panic!("{text}: {e}"));
        all
    }

    /// By the service, of the only range there is.
    fn whole(&self, text: &str) -> Vec<Value> {
        let (client, query) = (self.client(), Query::new(text));
        let page = |from| {
            let paging = Paging {
                from,
                ..Paging::default()
            };
            query::items(&self.container, &query, &Across::Range("0".into()), &paging)
        };
        let mut all = Vec::new();
        client
            .each_page(
                page(None),
                &|next| Ok(page(Some(next.clone()))),
                &mut |answer| {
                    let rows = answer.value.items.iter();
                    all.extend(rows.map(|row| own(serde_json::from_str(row.get()).unwrap())));
                    Ok(Flow::Continue)
                },
            )
            .unwrap_or_else(|e: Error| panic!("{text}: {e}"));
        all
    }
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

/// Without what the service adds to an item, which is another in another container.
fn own(mut row: Value) -> Value {
    if let Value::Object(members) = &mut row {
        members.retain(|name, _| !name.starts_with('_'));
    }
    row
}

/// The same but for the last digits of a sum, which depend on the order of its parts.
fn same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let member = |(name, a)| b.get(name).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(member)
        }
        (a, b) => a == b,
    }
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(ToString::to_string);
    rows
}

/// The elements of arrays in any order.
fn loosely(value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(sorted(values.clone())),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(members.map(|(n, v)| (n.clone(), loosely(v))).collect())
        }
        other => other.clone(),
    }
}

// ---- The recorded answers

#[test]
fn aggregates_are_the_recorded_ones_however_the_items_lie() {
    let recorded = common::json("fixtures/query/aggregate_mixed_types.json");
    let items = recorded["documents"].as_array().unwrap();
    let queries = recorded["queries"].as_array().unwrap();
    assert_eq!((items.len(), queries.len()), (243, 123));
    let mut dice = Dice(7);
    for partitions in [1, 2, 7, 25] {
        let ranges = Ranges::new(partitions, Some(partitions as u64), "/key");
        ranges.fill(items, "key");
        let splits = dice.roll(queries.len());
        for (at, query) in queries.iter().enumerate() {
            let text = query["query"].as_str().unwrap();
            let size = *dice.pick(&[&1, &2, &10, &100, &1000]);
            let parallel = 1 + dice.roll(4);
            let split = (at == splits).then_some(0);
            let rows = Value::Array(ranges.merged(text, size, parallel, split));
            let (rows, wanted) = match query["anyOrder"] == true {
                true => {
                    let each =
                        |rows: &Value| rows.as_array().unwrap().iter().map(loosely).collect();
                    (
                        Value::Array(each(&rows)),
                        Value::Array(each(&query["rows"])),
                    )
                }
                false => (rows, query["rows"].clone()),
            };
            assert!(
                same(&rows, &wanted),
                "{text}, {partitions} ranges, pages of {size}:\n{rows}\n{wanted}"
            );
        }
    }
}

// ---- Random items, random queries

fn random_items(dice: &mut Dice, count: usize) -> Vec<Value> {
    let scalar = |dice: &mut Dice| match dice.roll(9) {
        0 => json!(null),
        1 => json!(dice.roll(2) == 0),
        2 => json!(dice.roll(5)),
        3 => json!(dice.roll(40) as f64 / 4.0 - 5.0),
        4 => json!(-(dice.roll(3) as i64)),
        5 => json!(dice.pick(&["a", "B", "ä", "\u{ffff}", "\u{1f600}", "", "aa"])),
        6 => json!(9_007_199_254_740_993_i64),
        7 => json!(format!("t{}", dice.roll(4))),
        _ => Value::Null,
    };
    let any = |dice: &mut Dice| match dice.roll(6) {
        0 => json!([1, dice.roll(2)]),
        1 => json!({"x": dice.roll(2), "y": [true]}),
        2 => json!({"y": [true], "x": dice.roll(2)}),
        _ => scalar(dice),
    };
    let item = |id: usize| {
        let mut item = json!({"id": id.to_string(), "pk": format!("p{}", dice.roll(60))});
        item["n"] = json!(dice.roll(20) as i64 - 5);
        item["f"] = json!(dice.roll(100) as f64 / 8.0);
        for (member, odds) in [("a", 6), ("b", 3), ("g", 8)] {
            if dice.roll(odds) > 0 {
                item[member] = scalar(dice);
            }
        }
        if dice.roll(5) > 0 {
            item["x"] = any(dice);
        }
        item["tags"] = json!([dice.roll(3), "t"]);
        item
    };
    (0..count).map(item).collect()
}

/// A query, and whether its rows have an order.
fn random_query(dice: &mut Dice) -> (String, bool) {
    let filter = *dice.pick(&[
        &"",
        &" WHERE c.n > 3",
        &" WHERE IS_DEFINED(c.a) AND c.n < 12",
        &" WHERE c.pk IN (\"p1\", \"p2\", \"p3\")",
        &" WHERE c.n > 1000",
        &" WHERE IS_STRING(c.b) OR c.n = 0",
    ]);
    let way = *dice.pick(&[&"", &" DESC", &" ASC"]);
    let other = *dice.pick(&[&"", &" DESC"]);
    let (one, two) = (
        *dice.pick(&[&"a", &"b", &"n", &"f", &"g"]),
        *dice.pick(&[&"a", &"b", &"n", &"id"]),
    );
    let (offset, limit) = (dice.roll(30), dice.roll(40));
    let top = 1 + dice.roll(25);
    let function = *dice.pick(&[&"COUNT", &"SUM", &"AVG", &"MIN", &"MAX"]);
    match dice.roll(20) {
        0 => (format!("SELECT c.id, c.n FROM c{filter}"), false),
        1 => (
            format!("SELECT VALUE t FROM c JOIN t IN c.tags{filter}"),
            false,
        ),
        2 => (
            format!("SELECT c.{one} FROM c{filter} ORDER BY c.{one}{way}"),
            true,
        ),
        3 => (
            format!("SELECT VALUE c.{one} FROM c{filter} ORDER BY c.{one}{way}"),
            true,
        ),
        4 => (
            format!("SELECT c.{one}, c.{two} FROM c{filter} ORDER BY c.{one}{way}, c.{two}{other}"),
            true,
        ),
        5 => (
            format!("SELECT * FROM c{filter} ORDER BY c.{one}{way}, c.id{other}"),
            true,
        ),
        6 => (
            format!("SELECT TOP {top} c.{one} FROM c{filter} ORDER BY c.{one}{way}"),
            true,
        ),
        7 => (
            format!(
                "SELECT c.{one}, c.id FROM c{filter} ORDER BY c.{one}{way}, c.id OFFSET {offset} LIMIT {limit}"
            ),
            true,
        ),
        8 => (format!("SELECT DISTINCT c.{one} FROM c{filter}"), false),
        9 => (format!("SELECT DISTINCT VALUE c.x FROM c{filter}"), false),
        10 => (
            format!("SELECT DISTINCT VALUE c.{one} FROM c{filter} ORDER BY c.{one}{way}"),
            true,
        ),
        11 => (
            format!("SELECT VALUE {function}(c.{one}) FROM c{filter}"),
            false,
        ),
        12 => (
            format!("SELECT COUNT(1) AS k, {function}(c.n) AS v, SUM(c.f) FROM c{filter}"),
            false,
        ),
        13 => (
            format!(
                "SELECT c.g, COUNT(1) AS k, {function}(c.{one}) AS v FROM c{filter} GROUP BY c.g"
            ),
            false,
        ),
        14 => (
            format!("SELECT c.g, c.b, MAX(c.n) AS v FROM c{filter} GROUP BY c.g, c.b"),
            false,
        ),
        15 => (
            format!(
                "SELECT c.g, {function}(c.n) AS v FROM c{filter} GROUP BY c.g ORDER BY c.g{way}"
            ),
            true,
        ),
        16 => (
            format!("SELECT COUNT(1) AS k FROM (SELECT DISTINCT c.{one} FROM c{filter})"),
            false,
        ),
        17 => (
            format!("SELECT VALUE IS_ARRAY(c.x) FROM c{filter} ORDER BY c.x{way}"),
            true,
        ),
        18 => (
            format!("SELECT VALUE {function}(c.n) FROM c{filter} GROUP BY c.g"),
            false,
        ),
        _ => (
            format!("SELECT DISTINCT TOP {top} VALUE c.{one} FROM c{filter} ORDER BY c.{one}{way}"),
            true,
        ),
    }
}

#[test]
fn several_ranges_say_what_one_says() {
    let mut dice = Dice(11);
    let items = random_items(&mut dice, 150);
    let one = Ranges::new(1, None, "/pk");
    one.fill(&items, "pk");
    let mut families = BTreeMap::new();
    for partitions in [2, 5, 16] {
        let many = Ranges::new(partitions, Some(31 + partitions as u64), "/pk");
        many.fill(&items, "pk");
        for round in 0..60 {
            let (text, ordered) = random_query(&mut dice);
            let wanted = one.whole(&text);
            let size = *dice.pick(&[&1, &3, &20, &1000]);
            // Ranges are few: a split now and then, at the start or after some rows.
            let split = (round % 10 == 9).then(|| dice.roll(3) * 5);
            let found = many.merged(&text, size, 1 + dice.roll(4), split);
            let (found, wanted) = match ordered {
                true => (found, wanted),
                false => (sorted(found), sorted(wanted)),
            };
            let mut pairs = found.iter().zip(&wanted);
            let difference = pairs.position(|(found, wanted)| !same(found, wanted));
            assert!(
                difference.is_none() && found.len() == wanted.len(),
                "{text}, {partitions} ranges, pages of {size}, split {split:?}: {} rows, not {}; {:?}",
                found.len(),
                wanted.len(),
                difference.map(|at| (at, &found[at], &wanted[at]))
            );
            let family: String = text.split(" WHERE ").next().unwrap().into();
            *families.entry(family).or_insert(0) += 1;
        }
    }
    assert!(families.len() > 40, "{families:#?}");
}

// ---- The queries of an official SDK's tests

/// Runs the queries of a file with the binary over so many ranges; a query with a key is asked of that key alone.
fn runs_as_in_the_sdk(file: &str, partitions: usize) {
    let set = common::json(file);
    let path = set["pk"][0].as_str().unwrap();
    let ranges = Ranges::new(partitions, None, path);
    ranges.place.grant();
    ranges.fill(
        set["docs"].as_array().unwrap(),
        path.trim_start_matches('/'),
    );
    for case in set["cases"].as_array().unwrap() {
        let query = case["q"].as_str().unwrap();
        let mut words = vec!["query", query, "-d", "shop", "-c", "orders", "-o", "ndjson"];
        if let Some(key) = case["pkjson"].as_str() {
            words.extend(["--partition-key-json", key]);
        }
        let run = Run::new(words).envs(ranges.place.variables());
        assert_rows(case, run.go().ok().rows(), partitions);
    }
}

fn assert_rows(case: &Value, mut rows: Vec<Value>, partitions: usize) {
    let mut wanted = case["expect"].clone();
    match case["kind"].as_str().unwrap() {
        "count" => wanted = json!(vec![Value::Null; wanted.as_u64().unwrap() as usize]),
        "seqproj" => {
            let names: Vec<&str> = case["proj"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
                .collect();
            for row in &mut rows {
                row.as_object_mut()
                    .unwrap()
                    .retain(|name, _| names.contains(&name.as_str()));
            }
        }
        _ => {}
    }
    let mut wanted: Vec<String> = wanted.as_array().unwrap().iter().map(plain).collect();
    let mut rows: Vec<String> = match case["kind"] == "count" {
        true => rows.iter().map(|_| plain(&Value::Null)).collect(),
        false => rows.iter().map(plain).collect(),
    };
    if case["kind"] == "multiset" {
        wanted.sort();
        rows.sort();
    }
    assert_eq!(rows, wanted, "{} over {partitions} ranges", case["q"]);
}

/// Equal values have equal texts: every number as the double it is.
fn plain(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{:?}", number.as_f64().unwrap()),
        Value::Array(items) => format!("{:?}", items.iter().map(plain).collect::<Vec<_>>()),
        Value::Object(members) => {
            let members: BTreeMap<&String, String> = members
                .iter()
                .map(|(name, value)| (name, plain(value)))
                .collect();
            format!("{members:?}")
        }
        other => other.to_string(),
    }
}

#[test]
fn queries_on_one_key_and_on_all_give_the_rows_of_the_sdk() {
    for partitions in [1, 3, 5] {
        runs_as_in_the_sdk("fixtures/query/sdk/partitioning.json", partitions);
    }
}

#[test]
fn distinct_queries_give_the_rows_of_the_sdk() {
    for partitions in [1, 3, 5] {
        runs_as_in_the_sdk("fixtures/query/sdk/distinct.json", partitions);
    }
}
