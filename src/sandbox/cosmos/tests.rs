//! Conversations with the handler, without sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod batches;
mod change_feeds;
mod clients;
mod deletes;
mod patches;
mod queries;
mod replicas;
mod splits;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use time::OffsetDateTime;

use super::place::Place;
use super::{date, handle};
use crate::sandbox::azure::Account;
use crate::sandbox::http::{Request, Response};
use crate::sandbox::token::{self, Claims};
use crate::sandbox::world::{RoleAssignment, World};

const KEY: &str = "VGhpcyBpcyBhIHNhbXBsZSBzdHJpbmc=";
const DOCS: &str = "/dbs/d/colls/c/docs";
const QUERY: (&str, &str) = ("content-type", "application/query+json");
const CROSS: (&str, &str) = ("x-ms-documentdb-query-enablecrosspartition", "True");
const UPSERT: (&str, &str) = ("x-ms-documentdb-is-upsert", "True");

/// A world, its clock, and a key or a token to come with.
struct Bench {
    world: World,
    now: i64,
    token: Option<String>,
}

fn pk(json: &str) -> (&str, &str) {
    ("x-ms-documentdb-partitionkey", json)
}

fn empty(partitions: usize) -> Bench {
    let mut account = Account::new("acct", "g");
    account.keys = [KEY, "c2Vjb25k", "cmVhZA==", "cmVhZDI="].map(str::to_owned);
    let mut world = World {
        account: "acct".into(),
        tenant: "t".into(),
        key: KEY.into(),
        cosmos: "http://127.0.0.1:1".into(),
        partitions,
        ..World::default()
    };
    world.azure.accounts.insert("acct".into(), account);
    Bench {
        world,
        now: 1_700_000_000,
        token: None,
    }
}

/// A container `c` in a database `d`, with more of a definition.
fn with(partitions: usize, more: Value) -> Bench {
    let mut bench = empty(partitions);
    bench.world.create_database("d", None, 1);
    let mut definition =
        json!({"id": "c", "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}});
    definition
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let definition = definition.as_object().unwrap().clone();
    bench
        .world
        .create_container("d", definition, None, 1)
        .unwrap();
    bench
}

impl Bench {
    fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let date = date::format(self.now);
        let authorization = match &self.token {
            Some(token) => format!("type=aad&ver=1.0&sig={token}"),
            None => sign(method, target, &date),
        };
        let mut all = vec![
            ("x-ms-date", date.as_str()),
            ("authorization", &authorization),
        ];
        all.extend(headers);
        let request = Request {
            method: method.into(),
            target: target.into(),
            headers: all
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            body: body.into(),
        };
        handle(
            &mut self.world,
            &request,
            OffsetDateTime::from_unix_timestamp(self.now).unwrap(),
        )
    }

    fn put(&mut self, key: &str, body: &str) -> Response {
        let response = self.send("POST", DOCS, &[pk(key)], body);
        assert_eq!(response.status, 201, "{}", text(&response));
        response
    }

    fn query(&mut self, headers: &[(&str, &str)], query: &str) -> Response {
        let mut all = vec![QUERY];
        all.extend(headers);
        let body = json!({ "query": query }).to_string();
        self.send("POST", DOCS, &all, &body)
    }

    /// All rows of all pages, and how many pages had none.
    fn pages(&mut self, headers: &[(&str, &str)], query: &str) -> (Vec<Value>, usize) {
        let (mut rows, mut blanks, mut token) = (vec![], 0, None);
        loop {
            let mut all = headers.to_vec();
            all.extend(token.as_deref().map(|token| ("x-ms-continuation", token)));
            let response = self.query(&all, query);
            assert_eq!(response.status, 200, "{}", text(&response));
            let found = body(&response)["Documents"].as_array().unwrap().clone();
            assert_eq!(
                header(&response, "x-ms-item-count"),
                Some(found.len().to_string().as_str())
            );
            blanks += usize::from(found.is_empty());
            rows.extend(found);
            token = header(&response, "x-ms-continuation").map(str::to_owned);
            if token.is_none() {
                return (rows, blanks);
            }
        }
    }
}

fn sign(method: &str, target: &str, date: &str) -> String {
    let place = Place::parse(target).unwrap_or_default();
    let owner = (place.kind() == "operations").then(|| place.owner());
    let place = owner.unwrap_or(place);
    let payload = format!(
        "{}\n{}\n{}\n{}\n\n",
        method.to_lowercase(),
        place.kind(),
        place.link(),
        date.to_lowercase()
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY).unwrap()).unwrap();
    mac.update(payload.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let signature = signature
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    format!("type%3Dmaster%26ver%3D1.0%26sig%3D{signature}")
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|(sent, _)| sent.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn outcome(response: &Response) -> (u16, u16) {
    let substatus = header(response, "x-ms-substatus").map_or(0, |text| text.parse().unwrap());
    (response.status, substatus)
}

#[test]
fn an_item_lives_and_dies() {
    let mut bench = with(4, json!({}));
    let made = bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a","n":9007199254740993}"#);
    let etag = header(&made, "etag").unwrap().to_owned();
    let path = format!("{DOCS}/1");
    let read = bench.send("GET", &path, &[pk(r#"["a"]"#)], "");
    assert_eq!(read.body, made.body);
    assert!(text(&read).starts_with(r#"{"id":"1","pk":"a","n":9007199254740993,"_rid":""#));
    assert_eq!(header(&read, "x-ms-request-charge"), Some("1"));
    assert_eq!(header(&read, "etag"), Some(etag.as_str()));
    let same = bench.send(
        "GET",
        &path,
        &[pk(r#"["a"]"#), ("If-None-Match", &etag)],
        "",
    );
    assert_eq!((same.status, same.body.len()), (304, 0));
    let replaced = bench.send(
        "PUT",
        &path,
        &[pk(r#"["a"]"#), ("If-Match", &etag)],
        r#"{"id":"1","pk":"a"}"#,
    );
    assert_eq!(replaced.status, 200);
    assert_eq!(body(&replaced)["_rid"], body(&made)["_rid"]);
    let stale = bench.send("DELETE", &path, &[pk(r#"["a"]"#), ("If-Match", &etag)], "");
    assert_eq!(stale.status, 412);
    let deleted = bench.send("DELETE", &path, &[pk(r#"["a"]"#)], "");
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(header(&deleted, "x-ms-request-charge"), Some("6.67"));
    assert_eq!(bench.send("GET", &path, &[pk(r#"["a"]"#)], "").status, 404);
}

#[test]
fn what_an_item_is_refused_for() {
    let mut bench = with(2, json!({}));
    bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a"}"#);
    let long = format!("[\"{}\"]", "x".repeat(3000));
    type Row<'r> = (&'r str, &'r str, Option<&'r str>, &'r str, (u16, u16));
    let rows: &[Row] = &[
        ("POST", DOCS, None, r#"{"id":"2","pk":"a"}"#, (400, 1001)),
        (
            "POST",
            DOCS,
            Some(r#"["b"]"#),
            r#"{"id":"2","pk":"a"}"#,
            (400, 1001),
        ),
        ("POST", DOCS, Some("[null]"), r#"{"id":"2"}"#, (400, 1001)),
        ("POST", DOCS, Some("[]"), r#"{"id":"2"}"#, (400, 1001)),
        (
            "POST",
            DOCS,
            Some(r#"["a","b"]"#),
            r#"{"id":"2","pk":"a"}"#,
            (400, 1001),
        ),
        (
            "POST",
            DOCS,
            Some(r#""a""#),
            r#"{"id":"2","pk":"a"}"#,
            (400, 0),
        ),
        (
            "POST",
            DOCS,
            Some(&long),
            r#"{"id":"2","pk":"a"}"#,
            (400, 0),
        ),
        ("POST", DOCS, Some(r#"["a"]"#), r#"{"pk":"a"}"#, (400, 0)),
        (
            "POST",
            DOCS,
            Some(r#"["a"]"#),
            r#"{"id":"1","pk":"a"}"#,
            (409, 0),
        ),
        ("GET", "/dbs/d/colls/c/docs/1", None, "", (400, 0)),
        (
            "GET",
            "/dbs/d/colls/c/docs/1",
            Some(r#"["b"]"#),
            "",
            (404, 0),
        ),
        (
            "GET",
            "/dbs/d/colls/x/docs/1",
            Some(r#"["b"]"#),
            "",
            (404, 1003),
        ),
        (
            "PUT",
            "/dbs/d/colls/c/docs/1",
            Some(r#"["a"]"#),
            r#"{"id":"1","pk":"b"}"#,
            (400, 1001),
        ),
        (
            "PUT",
            "/dbs/d/colls/c/docs/9",
            Some(r#"["a"]"#),
            r#"{"id":"9","pk":"a"}"#,
            (404, 0),
        ),
        (
            "PATCH",
            "/dbs/d/colls/c/docs/1",
            Some(r#"["a"]"#),
            "{}",
            (400, 0),
        ),
        ("GET", "/dbs/d/colls/c/sprocs", None, "", (501, 0)),
        ("POST", "/dbs/d/colls/c/docs/$batch", None, "[]", (405, 0)),
        (
            "GET",
            "/dbs/d/colls/c/docs/a%2Fb",
            Some(r#"["a"]"#),
            "",
            (400, 0),
        ),
    ];
    for (method, path, key, body, wanted) in rows {
        let headers: Vec<_> = key.iter().map(|key| pk(key)).collect();
        let response = bench.send(method, path, &headers, body);
        assert_eq!(
            outcome(&response),
            *wanted,
            "{method} {path} {key:?} {}",
            text(&response)
        );
    }
}

#[test]
fn keys_of_every_kind_are_apart() {
    let mut bench = with(4, json!({}));
    let keys = ["[null]", "[{}]", r#"[""]"#, "[0]", "[false]", r#"["0"]"#];
    let bodies = [
        r#"{"id":"1","pk":null}"#,
        r#"{"id":"1"}"#,
        r#"{"id":"1","pk":""}"#,
        r#"{"id":"1","pk":-0.0}"#,
        r#"{"id":"1","pk":false}"#,
        r#"{"id":"1","pk":"0"}"#,
    ];
    for (key, body) in keys.iter().zip(bodies) {
        bench.put(key, body);
    }
    let one = bench.send("GET", &format!("{DOCS}/1"), &[pk("[0.0]")], "");
    assert!(text(&one).contains(r#""pk":0,"#));
    let (rows, _) = bench.pages(&[CROSS], "SELECT * FROM c");
    assert_eq!(rows.len(), keys.len());
}

#[test]
fn hierarchies_take_whole_keys_for_items_and_prefixes_for_queries() {
    let key = json!({"partitionKey": {"paths": ["/t", "/u"], "kind": "MultiHash", "version": 2}});
    let mut bench = with(4, key);
    for (id, user) in [("1", "x"), ("2", "y"), ("3", "z")] {
        let body = json!({"id": id, "t": "a", "u": user}).to_string();
        bench.put(&format!(r#"["a","{user}"]"#), &body);
    }
    bench.put(r#"["b",{}]"#, r#"{"id":"4","t":"b"}"#);
    let few = bench.send("GET", &format!("{DOCS}/1"), &[pk(r#"["a"]"#)], "");
    assert_eq!(outcome(&few), (400, 1001));
    let (rows, _) = bench.pages(&[pk(r#"["a"]"#)], "SELECT VALUE c.id FROM c");
    assert_eq!(rows.len(), 3);
    let (rows, _) = bench.pages(&[pk(r#"["a","y"]"#)], "SELECT VALUE c.id FROM c");
    assert_eq!(rows, ["2"]);
}

#[test]
fn upserts_keep_unique_keys_and_etags() {
    let mut bench = with(
        1,
        json!({"uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/email"]}]}}),
    );
    let made = bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a","email":"x"}"#);
    bench.put(r#"["b"]"#, r#"{"id":"2","pk":"b","email":"x"}"#);
    let clash = bench.send(
        "POST",
        DOCS,
        &[pk(r#"["a"]"#), UPSERT],
        r#"{"id":"3","pk":"a","email":"x"}"#,
    );
    assert_eq!(clash.status, 409);
    let again = bench.send(
        "POST",
        DOCS,
        &[pk(r#"["a"]"#), UPSERT],
        r#"{"id":"1","pk":"a","email":"x"}"#,
    );
    assert_eq!(again.status, 200);
    assert_ne!(header(&again, "etag"), header(&made, "etag"));
    let old = header(&made, "etag").unwrap();
    let stale = bench.send(
        "POST",
        DOCS,
        &[pk(r#"["a"]"#), UPSERT, ("if-match", old)],
        r#"{"id":"1","pk":"a"}"#,
    );
    assert_eq!(stale.status, 412);
    let quiet = bench.send(
        "POST",
        DOCS,
        &[pk(r#"["a"]"#), ("Prefer", "return=minimal")],
        r#"{"id":"5","pk":"a"}"#,
    );
    assert_eq!((quiet.status, quiet.body.len()), (201, 0));
    assert!(header(&quiet, "etag").is_some() && header(&quiet, "x-ms-request-charge").is_some());
}

#[test]
fn time_to_live_ends() {
    let mut bench = with(1, json!({"defaultTtl": 10}));
    bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a"}"#);
    bench.put(r#"["a"]"#, r#"{"id":"2","pk":"a","ttl":-1}"#);
    bench.now += 9;
    assert_eq!(bench.pages(&[CROSS], "SELECT * FROM c").0.len(), 2);
    bench.now += 1;
    assert_eq!(bench.pages(&[CROSS], "SELECT VALUE c.id FROM c").0, ["2"]);
    bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a"}"#);
}

fn filled(partitions: usize, count: usize) -> Bench {
    let mut bench = with(partitions, json!({}));
    for n in 0..count {
        let body =
            json!({"id": n.to_string(), "pk": format!("k{}", n % 20), "n": n, "l": [1, 2, 3]})
                .to_string();
        bench.put(&format!("[\"k{}\"]", n % 20), &body);
    }
    bench
}

#[test]
fn pages_give_everything_once() {
    let mut bench = filled(4, 100);
    for size in ["1", "7", "1000", "-1"] {
        let (rows, _) = bench.pages(
            &[CROSS, ("x-ms-max-item-count", size)],
            "SELECT VALUE c.n FROM c",
        );
        let mut numbers: Vec<u64> = rows.iter().map(|row| row.as_u64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>(), "{size}");
    }
    let (rows, blanks) = bench.pages(&[CROSS], "SELECT VALUE c.n FROM c WHERE c.n = 5");
    assert!(
        rows == [5] && blanks == 3,
        "an end of a range is an end of a page"
    );
    let twice = "SELECT VALUE x FROM c JOIN x IN c.l";
    let (rows, _) = bench.pages(&[pk(r#"["k1"]"#), ("x-ms-max-item-count", "2")], twice);
    assert_eq!(rows.len(), 15);
    let (rows, _) = bench.pages(
        &[pk(r#"["k1"]"#), ("x-ms-max-item-count", "2")],
        "SELECT VALUE c.n FROM c ORDER BY c.n DESC",
    );
    assert_eq!(rows, [81, 61, 41, 21, 1]);
}

#[test]
fn old_hashes_spread_too() {
    let mut bench = with(
        4,
        json!({"partitionKey": {"paths": ["/pk"], "kind": "Hash"}}),
    );
    for n in 0..40 {
        bench.put(
            &format!("[\"k{n}\"]"),
            &json!({"id": "1", "pk": format!("k{n}")}).to_string(),
        );
    }
    let ranges = &bench.world.databases["d"].containers["c"].ranges;
    assert!(ranges.iter().all(|range| range.items.len() > 2));
    assert_eq!(bench.pages(&[CROSS], "SELECT * FROM c").0.len(), 40);
}

#[test]
fn ranges_can_be_asked_one_by_one() {
    let mut bench = filled(4, 40);
    let listed = bench.send(
        "GET",
        "/dbs/d/colls/c/pkranges",
        &[("a-im", "Incremental Feed")],
        "",
    );
    let etag = header(&listed, "etag").unwrap().to_owned();
    assert_eq!(header(&listed, "x-ms-request-charge"), None);
    let ranges = body(&listed)["PartitionKeyRanges"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        (ranges.len(), ranges[3]["maxExclusive"].as_str()),
        (4, Some("FF"))
    );
    let again = [
        ("a-im", "Incremental Feed"),
        ("if-none-match", etag.as_str()),
    ];
    assert_eq!(
        bench
            .send("GET", "/dbs/d/colls/c/pkranges", &again, "")
            .status,
        304
    );
    let mut total = 0;
    for range in &ranges {
        let id = (
            "x-ms-documentdb-partitionkeyrangeid",
            range["id"].as_str().unwrap(),
        );
        let counted = bench.query(&[id, CROSS], "SELECT VALUE COUNT(1) FROM c");
        total += body(&counted)["Documents"][0].as_u64().unwrap();
        let start = format!("{}:-1#", range["id"].as_str().unwrap());
        assert!(
            header(&counted, "x-ms-session-token")
                .unwrap()
                .starts_with(&start)
        );
    }
    assert_eq!(total, 40);
    let gone = bench.query(
        &[("x-ms-documentdb-partitionkeyrangeid", "9"), CROSS],
        "SELECT * FROM c",
    );
    assert_eq!(outcome(&gone), (410, 1002));
}

#[test]
fn what_the_gateway_leaves_to_its_clients() {
    for partitions in [1, 4] {
        let mut bench = filled(partitions, 40);
        let left = [
            "SELECT * FROM c ORDER BY c.n",
            "SELECT TOP 1 * FROM c",
            "SELECT * FROM c OFFSET 0 LIMIT 1",
            "SELECT DISTINCT c.pk FROM c",
            "SELECT VALUE COUNT(1) FROM c",
        ];
        for text in left {
            assert_eq!(outcome(&bench.query(&[CROSS], text)), (400, 1004), "{text}");
            assert_eq!(bench.query(&[pk(r#"["k1"]"#)], text).status, 200, "{text}");
        }
        for query in [
            "SELECT COUNT(1) FROM c",
            "SELECT c.pk, COUNT(1) AS n FROM c GROUP BY c.pk",
        ] {
            let response = bench.query(&[CROSS], query);
            assert_eq!(outcome(&response), (400, 0));
            assert!(text(&response).contains("only supports 'VALUE <AggregateFunc>'"));
        }
        let disabled = bench.query(&[], "SELECT * FROM c");
        assert!(text(&disabled).contains("Cross partition query is required but disabled"));
    }
}

#[test]
fn a_query_on_one_key_needs_no_header() {
    let mut bench = filled(4, 40);
    for (text, rows) in [
        ("SELECT * FROM c WHERE c.pk = 'k1'", 2),
        (
            "SELECT TOP 2 * FROM c WHERE c.pk = 'k1' ORDER BY c.n DESC",
            2,
        ),
        (
            "SELECT VALUE COUNT(1) FROM c WHERE 'k1' = c.pk AND c.n >= 0",
            1,
        ),
        ("SELECT DISTINCT c.pk FROM c WHERE c.pk IN ('k1')", 1),
        ("SELECT * FROM c WHERE c.pk = 'none' OFFSET 0 LIMIT 1", 0),
    ] {
        for headers in [&[] as &[_], &[CROSS]] {
            let answer = bench.query(headers, text);
            let found = body(&answer)["Documents"].as_array().map(Vec::len);
            assert_eq!((answer.status, found), (200, Some(rows)), "{text}");
        }
    }
    for text in [
        "SELECT * FROM c WHERE c.pk IN ('k1', 'k2')",
        "SELECT * FROM c WHERE c.pk > 'k1'",
        "SELECT * FROM c WHERE c.pk = 'k1' OR c.n = 1",
        "SELECT * FROM c WHERE c.n = 1",
    ] {
        assert_eq!(outcome(&bench.query(&[], text)), (400, 0), "{text}");
    }
    let key = json!({"paths": ["/t", "/u"], "kind": "MultiHash", "version": 2});
    let mut levels = with(4, json!({ "partitionKey": key }));
    levels.put(r#"["a","b"]"#, r#"{"id":"1","t":"a","u":"b"}"#);
    let whole = levels.query(
        &[],
        "SELECT VALUE c.id FROM c WHERE c.t = 'a' AND c.u = 'b'",
    );
    assert_eq!(body(&whole)["Documents"], json!(["1"]));
    let part = levels.query(&[], "SELECT VALUE c.id FROM c WHERE c.t = 'a'");
    assert_eq!(outcome(&part), (400, 0));
}

#[test]
fn plans_are_for_clients_that_can_carry_them_out() {
    let ask = ("x-ms-cosmos-is-query-plan-request", "True");
    let able = ("x-ms-cosmos-supported-query-features", "OrderBy, Top,");
    let mut many = filled(4, 1);
    let plain = many.query(&[ask], "SELECT * FROM c WHERE c.n > 1");
    assert_eq!(body(&plain)["queryInfo"]["rewrittenQuery"], "");
    let order = "SELECT * FROM c ORDER BY c.n";
    let refused = many.query(&[ask], order);
    assert!(
        text(&refused)
            .contains("Query contained OrderBy, which the calling client does not support.")
    );
    let planned = many.query(&[ask, able], order);
    assert_eq!(body(&planned)["queryInfo"]["orderBy"], json!(["Ascending"]));
    let told = body(&many.query(&[CROSS], order));
    let info: Value = serde_json::from_str(told["additionalErrorInfo"].as_str().unwrap()).unwrap();
    assert_eq!(info, body(&planned));
}

#[test]
fn a_query_has_to_be_one() {
    let mut bench = filled(1, 1);
    let good =
        r#"{"query":"SELECT * FROM c WHERE c.n = @n","parameters":[{"name":"@n","value":0}]}"#;
    let rows = [
        ("application/query+json", good, 200),
        ("application/query+json; charset=utf-8", good, 400),
        ("application/json", good, 400),
        (
            "application/query+json",
            r#"{"query":"SELECT * FROM c WHERE c.n = @n","parameters":[{"name":"n","value":0}]}"#,
            400,
        ),
        ("application/query+json", r#"{"query":"SELECT FROM"}"#, 400),
        ("application/query+json", r#"{"sql":"SELECT 1"}"#, 400),
    ];
    for (content, body, status) in rows {
        let headers = [
            ("content-type", content),
            CROSS,
            ("x-ms-documentdb-isquery", "True"),
        ];
        let response = bench.send("POST", DOCS, &headers, body);
        assert_eq!(
            response.status,
            status,
            "{content} {body} {}",
            text(&response)
        );
    }
    let syntax = bench.query(&[CROSS], "SELECT * FORM c");
    let message = body(&syntax)["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with(r#"Message: {"errors":[{"#) && message.contains(r#""code":"SC1001""#),
        "{message}"
    );
    for (name, value) in [
        ("x-ms-continuation", "nonsense"),
        ("x-ms-max-item-count", "many"),
        ("x-ms-max-item-count", "-2"),
    ] {
        assert_eq!(
            bench
                .query(&[CROSS, (name, value)], "SELECT * FROM c")
                .status,
            400,
            "{value}"
        );
    }
}

#[test]
fn sessions_and_levels() {
    let mut bench = filled(1, 1);
    let path = format!("{DOCS}/0");
    let rows = [
        ("x-ms-session-token", "0:-1#2", (200, 0)),
        ("x-ms-session-token", "0:-1#999", (404, 1002)),
        ("x-ms-session-token", "7:-1#999", (200, 0)),
        ("x-ms-session-token", "nonsense", (400, 0)),
        ("x-ms-consistency-level", "Eventual", (200, 0)),
        ("x-ms-consistency-level", "Strong", (400, 0)),
        ("x-ms-consistency-level", "some", (400, 0)),
        (
            "x-ms-cosmos-read-consistency-strategy",
            "LatestCommitted",
            (200, 0),
        ),
        (
            "x-ms-cosmos-read-consistency-strategy",
            "GlobalStrong",
            (400, 0),
        ),
        ("x-ms-cosmos-intended-collection-rid", "other", (400, 1024)),
    ];
    for (name, value, wanted) in rows {
        let response = bench.send("GET", &path, &[pk(r#"["k0"]"#), (name, value)], "");
        assert_eq!(outcome(&response), wanted, "{name} {value}");
    }
    let ahead = ("x-ms-session-token", "0:-1#999");
    let eventual = ("x-ms-consistency-level", "Eventual");
    let newer = ("x-ms-cosmos-read-consistency-strategy", "Eventual");
    for (headers, wanted) in [
        ([ahead, eventual], 200),
        ([ahead, newer], 200),
        ([eventual, newer], 400),
    ] {
        let mut all = vec![pk(r#"["k0"]"#)];
        all.extend(headers);
        assert_eq!(
            bench.send("GET", &path, &all, "").status,
            wanted,
            "{headers:?}"
        );
    }
}

#[test]
fn rids_lead_to_the_same_items() {
    let mut bench = with(4, json!({}));
    let made = bench.put(r#"["a"]"#, r#"{"id":"a/b","pk":"a"}"#);
    let link = body(&made)["_self"].as_str().unwrap().to_owned();
    let read = bench.send("GET", &format!("/{link}"), &[pk(r#"["a"]"#)], "");
    assert_eq!(text(&read), text(&made));
    let feed = link.rsplit_once("/docs/").unwrap().0;
    let listed = bench.send("GET", &format!("/{feed}/docs"), &[CROSS], "");
    assert_eq!(listed.status, 200);
    assert_eq!(
        bench
            .send("DELETE", &format!("/{link}"), &[pk(r#"["a"]"#)], "")
            .status,
        204
    );
}

#[test]
fn databases_and_containers_with_a_key() {
    let mut bench = empty(1);
    let colls = "/dbs/d/colls";
    let key = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
    let container = json!({"id": "c", "partitionKey": key}).to_string();
    let other = json!({"id": "c", "partitionKey": {"paths": ["/x"], "kind": "Hash", "version": 2}})
        .to_string();
    let ttl = json!({"id": "c", "partitionKey": key, "defaultTtl": 60}).to_string();
    let offer = ("x-ms-offer-throughput", "400");
    type Row<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)], &'r str, u16);
    let rows: &[Row] = &[
        ("POST", "/dbs", &[], r#"{"id":"d"}"#, 201),
        ("POST", "/dbs", &[], r#"{"id":"d"}"#, 409),
        ("POST", "/dbs", &[], r#"{"id":""}"#, 400),
        (
            "POST",
            "/dbs",
            &[("x-ms-offer-throughput", "401")],
            r#"{"id":"e"}"#,
            400,
        ),
        ("GET", "/dbs/d", &[], "", 200),
        ("GET", "/dbs/e", &[], "", 404),
        ("POST", colls, &[], r#"{"id":"c"}"#, 400),
        ("POST", colls, &[offer], &container, 201),
        ("POST", colls, &[], &container, 409),
        ("POST", "/dbs/e/colls", &[], &container, 404),
        ("GET", "/dbs/d/colls/c", &[], "", 200),
        ("PUT", "/dbs/d/colls/c", &[], &other, 400),
        ("PUT", "/dbs/d/colls/c", &[], &ttl, 200),
        ("PATCH", "/dbs/d", &[], "", 405),
        ("GET", "/nonsense", &[], "", 400),
    ];
    for (method, path, headers, body, wanted) in rows {
        let response = bench.send(method, path, headers, body);
        assert_eq!(
            response.status,
            *wanted,
            "{method} {path} {}",
            text(&response)
        );
    }
    let found = bench.send(
        "POST",
        "/offers",
        &[QUERY],
        r#"{"query":"SELECT * FROM root r"}"#,
    );
    let offer = body(&found)["Offers"][0].clone();
    assert_eq!(offer["content"]["offerThroughput"], 400);
    let path = format!("/offers/{}", offer["_rid"].as_str().unwrap());
    let more = json!({"content": {"offerThroughput": 500}}).to_string();
    assert_eq!(
        body(&bench.send("PUT", &path, &[], &more))["content"]["offerThroughput"],
        500
    );
    let listed = bench.send("GET", colls, &[], "");
    assert_eq!(body(&listed)["DocumentCollections"][0]["defaultTtl"], 60);
    assert_eq!(bench.send("DELETE", "/dbs/d/colls/c", &[], "").status, 204);
    assert_eq!(bench.send("DELETE", "/dbs/d", &[], "").status, 204);
    assert_eq!(body(&bench.send("GET", "/dbs", &[], ""))["_count"], 0);
}

#[test]
fn feeds_of_resources_have_pages() {
    let mut bench = empty(1);
    for name in ["a", "b", "c"] {
        bench.world.create_database(name, None, 1);
    }
    let first = bench.send("GET", "/dbs", &[("x-ms-max-item-count", "2")], "");
    let token = header(&first, "x-ms-continuation").unwrap();
    let second = bench.send("GET", "/dbs", &[("x-ms-continuation", token)], "");
    assert_eq!(body(&second)["Databases"][0]["id"], "c");
    assert_eq!(header(&second, "x-ms-continuation"), None);
    assert_eq!(
        bench
            .send("GET", "/dbs", &[("x-ms-continuation", "2")], "")
            .status,
        400
    );
    let asked = bench.send(
        "POST",
        "/dbs",
        &[QUERY],
        r#"{"query":"SELECT * FROM r WHERE r.id = 'b'"}"#,
    );
    assert_eq!(body(&asked)["_count"], 1);
}

#[test]
fn identities_have_roles_and_no_control() {
    let mut bench = filled(1, 1);
    bench.token = Some(token::mint(&Claims {
        aud: "https://cosmos.azure.com".into(),
        oid: "p".into(),
        tid: "t".into(),
        exp: bench.now + 60,
        ..Claims::default()
    }));
    let path = format!("{DOCS}/0");
    let none = bench.send("GET", "/", &[], "");
    assert_eq!(outcome(&none), (403, 5301));
    assert!(text(&none).contains("principal [p] does not have required RBAC permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on any scope."));
    let refused = bench.send("GET", &path, &[pk(r#"["k0"]"#)], "");
    assert_eq!(outcome(&refused), (403, 5302));
    assert!(
        text(&refused)
            .contains("/sqlDatabases/containers/items/read] on resource [dbs/d/colls/c].")
    );
    let assignment = RoleAssignment {
        role_definition: "00000000-0000-0000-0000-000000000002".into(),
        scope: "/dbs/d/colls/c".into(),
        principal: "p".into(),
    };
    bench.world.role_assignments.insert("g".into(), assignment);
    assert_eq!(bench.send("GET", &path, &[pk(r#"["k0"]"#)], "").status, 200);
    assert_eq!(bench.send("GET", "/", &[], "").status, 200);
    let control = bench.send("POST", "/dbs", &[], r#"{"id":"x"}"#);
    assert_eq!(outcome(&control), (403, 5300));
    assert!(text(&control).contains(
        "The given request [POST /dbs] cannot be authorized by AAD token in data plane."
    ));
    bench.world.no_data_role = true;
    assert_eq!(bench.send("GET", &path, &[pk(r#"["k0"]"#)], "").status, 403);
    bench.token = None;
    let own = |bench: &mut Bench, name: &str, value: Value| {
        bench.world.own_mut().unwrap().set(name, value);
    };
    own(
        &mut bench,
        "disableKeyBasedMetadataWriteAccess",
        json!(true),
    );
    let control = bench.send("POST", "/dbs", &[], r#"{"id":"x"}"#);
    assert_eq!(outcome(&control), (403, 0));
    assert!(
        text(&control).contains("\"Operation 'POST' on resource 'dbs' is not allowed"),
        "{}",
        text(&control)
    );
    assert_eq!(bench.send("GET", "/dbs", &[], "").status, 200);
    own(&mut bench, "disableLocalAuth", json!(true));
    assert_eq!(outcome(&bench.send("GET", "/", &[], "")), (401, 5202));
    let rules = json!([{"ipAddressOrRange": "203.0.113.7"}]);
    own(&mut bench, "ipRules", rules);
    assert_eq!(outcome(&bench.send("GET", "/", &[], "")), (403, 0));
    own(
        &mut bench,
        "publicNetworkAccess",
        json!("SecuredByPerimeter"),
    );
    assert_eq!(outcome(&bench.send("GET", "/", &[], "")), (403, 5307));
    own(&mut bench, "publicNetworkAccess", json!("Disabled"));
    let private = bench.send("GET", "/", &[], "");
    assert!(
        text(&private).contains("private endpoint"),
        "{}",
        text(&private)
    );
    bench.world.vacate();
    let gone = bench.send("GET", "/", &[], "");
    assert_eq!(outcome(&gone), (403, 1008));
    assert!(text(&gone).contains("Database Account acct does not exist"));
}

#[test]
fn every_answer_has_an_activity_id_but_the_account() {
    let mut bench = filled(1, 1);
    assert_eq!(
        header(&bench.send("GET", "/", &[], ""), "x-ms-activity-id"),
        None
    );
    let sent = ("X-Ms-Activity-Id", "11111111-2222-3333-4444-555555555555");
    for path in ["/dbs", "/dbs/none", "/%zz"] {
        let response = bench.send("GET", path, &[sent], "");
        assert_eq!(
            header(&response, "x-ms-activity-id"),
            Some(sent.1),
            "{path}"
        );
    }
    let missing = bench.send("GET", "/dbs/none", &[sent], "");
    assert!(body(&missing)["message"].as_str().unwrap().contains(sent.1));
}

/// Nothing that is sent may end the service: requests with pieces that do not fit together.
#[test]
fn hostile_requests_are_answered() {
    let mut bench = filled(3, 30);
    let max = usize::MAX.to_string();
    let skips = format!(
        r##"{{"token":"-RID:~{{}}#AT:0#SK:{max}#ISV:2","range":{{"min":"","max":"FF"}}}}"##
    );
    let values = [
        "",
        "-1",
        "0",
        "9223372036854775807",
        "[]",
        "[{}]",
        "[[]]",
        "{}",
        "\"",
        "True",
        "0:-1#",
        "é",
        "type=aad&ver=1.0&sig=...",
        "application/query+json",
        "Incremental Feed",
        "FF",
        &skips,
        "+FEED:~18446744073709551615",
        "\u{0}",
        "x-ms",
    ];
    let names = [
        "x-ms-documentdb-partitionkey",
        "x-ms-max-item-count",
        "x-ms-continuation",
        "x-ms-session-token",
        "content-type",
        "x-ms-documentdb-partitionkeyrangeid",
        "x-ms-start-epk",
        "x-ms-end-epk",
        "if-match",
        "a-im",
        "x-ms-offer-throughput",
        "x-ms-cosmos-offer-autopilot-settings",
        "x-ms-cosmos-is-query-plan-request",
        "x-ms-documentdb-is-upsert",
        "prefer",
        "x-ms-cosmos-is-batch-request",
        "x-ms-cosmos-batch-atomic",
        "x-ms-read-key-type",
        "if-none-match",
        "if-modified-since",
    ];
    let paths = [
        "/",
        "/dbs",
        "/dbs/d",
        "/dbs/d/colls",
        "/dbs/d/colls/c",
        DOCS,
        "/dbs/d/colls/c/docs/1",
        "/dbs/d/colls/c/pkranges",
        "/dbs/d/colls/c/operations/partitionkeydelete",
        "/offers",
        "/offers/é",
        "//",
        "/dbs/AAAAAA==/colls",
    ];
    let bodies = [
        "",
        "{}",
        "[",
        r#"{"id":"1","pk":"k1"}"#,
        r#"{"query":"SELECT * FROM c"}"#,
        r#"{"query":"SELECT TOP 1 * FROM (","parameters":[1]}"#,
        r#"[{"op":"set","path":"/n","value":1}]"#,
        r#"[{"operationType":"Create","resourceBody":[]},{"operationType":"Read"}]"#,
    ];
    let mut seed = 7usize;
    let mut pick = |count: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % count
    };
    for _ in 0..4000 {
        let method = ["GET", "POST", "PUT", "PATCH", "HEAD"][pick(5)];
        let headers = [
            (names[pick(names.len())], values[pick(values.len())]),
            (names[pick(names.len())], values[pick(values.len())]),
            CROSS,
        ];
        let (path, body) = (paths[pick(paths.len())], bodies[pick(bodies.len())]);
        let response = bench.send(method, path, &headers, body);
        assert!(
            (200..=501).contains(&response.status) && response.status != 500,
            "{method} {path} {headers:?}"
        );
        assert!(
            response.body.is_empty() || serde_json::from_slice::<Value>(&response.body).is_ok(),
            "{method} {path} {headers:?}"
        );
    }
}

#[test]
fn refusals_of_items_tell_how_far_the_session_is() {
    let mut bench = with(1, json!({}));
    let made = bench.put("[\"p\"]", r#"{"id":"1","pk":"p"}"#);
    let token = header(&made, "x-ms-session-token").unwrap().to_owned();
    let key = pk("[\"p\"]");
    let stale = ("if-match", "\"x\"");
    let item = format!("{DOCS}/1");
    let text = r#"{"id":"1","pk":"p"}"#;
    let answers = [
        bench.send("POST", DOCS, &[key], text),
        bench.send("POST", DOCS, &[key, UPSERT, stale], text),
        bench.send("PUT", &item, &[key, stale], text),
        bench.send("DELETE", &item, &[key, stale], ""),
        bench.send("GET", &format!("{DOCS}/2"), &[key], ""),
        bench.send("DELETE", &format!("{DOCS}/2"), &[key], ""),
    ];
    for (answer, status) in answers.iter().zip([409, 412, 412, 412, 404, 404]) {
        assert_eq!(answer.status, status);
        assert_eq!(header(answer, "x-ms-session-token"), Some(token.as_str()));
    }
}

#[test]
fn containers_keep_their_conditions_and_versions() {
    let mut bench = empty(1);
    bench.world.create_database("d", None, 1);
    let stale: &[(&str, &str)] = &[("if-match", "\"x\"")];
    let any: &[(&str, &str)] = &[("if-match", "*")];
    let old: &[(&str, &str)] = &[("x-ms-version", "2018-12-31")];
    let (colls, coll) = ("/dbs/d/colls", "/dbs/d/colls/c");
    let first = r#"{"id":"c","partitionKey":{"paths":["/pk"]}}"#;
    let said = r#"{"id":"c","partitionKey":{"paths":["/pk"],"version":1}}"#;
    let multi = r#"{"id":"m","partitionKey":{"paths":["/a"],"kind":"MultiHash","version":2}}"#;
    let open = r#"{"id":"o","partitionKey":{"paths":["/\"a"],"version":2}}"#;
    let rows = [
        ("POST", colls, &[][..], open, 400),
        ("POST", colls, old, multi, 400),
        ("POST", colls, &[], multi, 201),
        ("POST", colls, old, first, 201),
        ("PUT", coll, any, said, 200),
        ("PUT", coll, stale, said, 412),
        ("DELETE", coll, stale, "", 412),
        ("DELETE", "/dbs/d", stale, "", 412),
        ("GET", "/dbs/d/colls/c/pkranges/0", &[], "", 501),
    ];
    for (method, path, headers, body, wanted) in rows {
        let response = bench.send(method, path, headers, body);
        assert_eq!(response.status, wanted, "{method} {path} {body}");
    }
    let wanted = ("x-ms-documentdb-populatequotainfo", "True");
    let read = bench.send("GET", coll, &[wanted], "");
    let usage = header(&read, "x-ms-resource-usage").unwrap();
    assert!(usage.contains("documentsCount=0;"), "{usage}");
}

#[test]
fn a_feed_takes_no_token_of_another() {
    let mut bench = empty(3);
    for name in ["a", "b"] {
        bench.world.create_database(name, None, 1);
    }
    let first = bench.send("GET", "/dbs", &[("x-ms-max-item-count", "1")], "");
    let token = header(&first, "x-ms-continuation").unwrap();
    let other = bench.send("GET", "/dbs/a/colls", &[("x-ms-continuation", token)], "");
    assert_eq!(other.status, 400);
}

#[test]
fn a_serverless_account_gives_no_throughput() {
    let mut bench = with(1, json!({}));
    let serverless = json!([{"name": "EnableServerless"}]);
    bench
        .world
        .own_mut()
        .unwrap()
        .set("capabilities", serverless);
    for path in ["/offers", "/offers/abcd"] {
        let refused = bench.send("GET", path, &[], "");
        assert_eq!(refused.status, 400, "{path}");
        assert!(
            text(&refused)
                .contains("Reading or replacing offers is not supported for serverless accounts.")
        );
    }
    let offer = ("x-ms-offer-throughput", "400");
    let refused = bench.send("POST", "/dbs", &[offer], r#"{"id":"x"}"#);
    assert_eq!(refused.status, 400);
    assert!(text(&refused).contains("is not supported for serverless accounts."));
    assert_eq!(bench.send("POST", "/dbs", &[], r#"{"id":"x"}"#).status, 201);
}

#[test]
fn either_of_the_two_keys_signs() {
    let mut bench = with(1, json!({}));
    bench.world.key = "b3RoZXI=".into();
    assert_eq!(bench.send("GET", "/dbs", &[], "").status, 401);
    bench.world.own_mut().unwrap().keys[1] = KEY.into();
    assert_eq!(bench.send("GET", "/dbs", &[], "").status, 200);
}

#[test]
fn a_key_that_only_reads_is_known_and_not_served() {
    let mut bench = with(1, json!({}));
    let reading = bench.world.own().unwrap().keys[2].clone();
    let date = date::format(bench.now);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(reading).unwrap()).unwrap();
    mac.update(format!("get\ndbs\n\n{}\n\n", date.to_lowercase()).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let sent = [("master", signature), ("resource", "a".repeat(4000))];
    for (kind, signature) in sent {
        let signature = signature.replace('+', "%2b");
        let request = Request {
            method: "GET".into(),
            target: "/dbs".into(),
            headers: vec![
                ("x-ms-date".into(), date.clone()),
                (
                    "authorization".into(),
                    format!("type={kind}&ver=1.0&sig={signature}"),
                ),
            ],
            body: vec![],
        };
        let now = OffsetDateTime::from_unix_timestamp(bench.now).unwrap();
        let response = handle(&mut bench.world, &request, now);
        assert_eq!(response.status, 501, "{}", text(&response));
    }
}

#[test]
fn no_page_is_larger_than_four_megabytes_and_none_loses_a_row() {
    let mut bench = with(1, json!({}));
    let large = "x".repeat(1_900_000);
    for id in 0..4 {
        let item = format!(r#"{{"id":"{id}","pk":"p","x":"{large}"}}"#);
        bench.put("[\"p\"]", &item);
    }
    let key = pk("[\"p\"]");
    for query in ["SELECT * FROM c", "SELECT * FROM c ORDER BY c.id"] {
        let page = bench.query(&[key], query);
        assert!(page.body.len() < 4 * 1024 * 1024 + 1024, "{query}");
        assert_eq!(bench.pages(&[key], query).0.len(), 4, "{query}");
    }
    let all = "SELECT VALUE [c.x, c.x, c.x] FROM c ORDER BY c.id";
    assert_eq!(bench.pages(&[key], all).0.len(), 4);
}

#[test]
fn a_write_that_names_a_trigger_is_not_done_without_it() {
    let mut bench = with(1, json!({}));
    let trigger = ("x-ms-documentdb-pre-trigger-include", "t");
    let item = r#"{"id":"1","pk":"p"}"#;
    let answer = bench.send("POST", DOCS, &[pk("[\"p\"]"), trigger], item);
    assert_eq!(answer.status, 501);
    assert_eq!(body(&bench.send("GET", DOCS, &[], ""))["_count"], 0);
}

#[test]
fn a_conflict_resolution_policy_is_completed() {
    let policy = json!({"mode": "lastWriterWins", "conflictResolutionPath": "/path"});
    let mut bench = with(1, json!({"conflictResolutionPolicy": policy}));
    let read = body(&bench.send("GET", "/dbs/d/colls/c", &[], ""));
    let policy = &read["conflictResolutionPolicy"];
    assert_eq!(policy["conflictResolutionProcedure"], "");
    assert_eq!(policy["mode"], "lastWriterWins");
}

#[test]
fn a_range_of_effective_keys_has_two_bounds_in_hexadecimal() {
    let mut bench = filled(1, 3);
    let kind = ("x-ms-read-key-type", "EffectivePartitionKeyRange");
    let from = |min| ("x-ms-start-epk", min);
    let to = ("x-ms-end-epk", "FF");
    let all = "SELECT * FROM c";
    assert_eq!(bench.query(&[CROSS, kind, from("00")], all).status, 501);
    assert_eq!(bench.query(&[CROSS, kind, from("zz"), to], all).status, 400);
    assert_eq!(bench.query(&[CROSS, kind, from("00"), to], all).status, 200);
}

#[test]
fn a_replace_with_another_id_renames_the_item() {
    let mut bench = with(
        4,
        json!({"uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/u"]}]}}),
    );
    let key = [pk(r#"["a"]"#)];
    let made = bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a","u":1}"#);
    bench.put(r#"["a"]"#, r#"{"id":"2","pk":"a","u":2}"#);
    let put = |bench: &mut Bench, id: &str, text: &str| {
        bench.send("PUT", &format!("{DOCS}/{id}"), &key, text)
    };
    let taken = put(&mut bench, "1", r#"{"id":"2","pk":"a","u":1}"#);
    assert_eq!(outcome(&taken), (409, 0), "{}", text(&taken));
    let moved = put(&mut bench, "1", r#"{"id":"3","pk":"a","u":1,"n":5}"#);
    assert_eq!(moved.status, 200, "{}", text(&moved));
    assert_eq!(body(&moved)["_rid"], body(&made)["_rid"]);
    let read = |bench: &mut Bench, id: &str| bench.send("GET", &format!("{DOCS}/{id}"), &key, "");
    assert_eq!(read(&mut bench, "1").status, 404);
    assert_eq!(body(&read(&mut bench, "3"))["n"], 5);
    let absent = put(&mut bench, "1", r#"{"id":"4","pk":"a"}"#);
    assert_eq!(absent.status, 404);
    let other = put(&mut bench, "3", r#"{"id":"4","pk":"b"}"#);
    assert_eq!(outcome(&other), (400, 1001));
    // In a batch that fails later on it keeps its id.
    let batch = |bench: &mut Bench, last: &str| {
        let operations = json!([
            {"operationType": "Replace", "id": "3", "resourceBody": {"id": "4", "pk": "a"}},
            {"operationType": "Read", "id": last}
        ]);
        let headers = [
            ("x-ms-cosmos-is-batch-request", "True"),
            ("x-ms-cosmos-batch-atomic", "True"),
            pk(r#"["a"]"#),
        ];
        bench
            .send("POST", DOCS, &headers, &operations.to_string())
            .status
    };
    assert_eq!(batch(&mut bench, "3"), 207);
    assert_eq!(read(&mut bench, "3").status, 200);
    assert_eq!(batch(&mut bench, "4"), 200);
    assert_eq!(
        (read(&mut bench, "3").status, read(&mut bench, "4").status),
        (404, 200)
    );
}
