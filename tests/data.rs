//! The commands of the data plane against answers written down here: what they send, print, keep, and end with.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use support::{Ran, Run, Scratch};

// ---- A service that says what it was told to say

/// Status, headers and body.
type Said = (u16, Vec<(&'static str, &'static str)>, String);

fn said(status: u16, body: &str) -> Said {
    (status, Vec::new(), body.to_string())
}

fn with(said: Said, header: (&'static str, &'static str)) -> Said {
    let (status, mut headers, body) = said;
    headers.push(header);
    (status, headers, body)
}

#[derive(Default)]
struct Tape {
    answers: VecDeque<Said>,
    asked: Vec<String>,
}

struct Service {
    origin: String,
    tape: Arc<Mutex<Tape>>,
    key: Scratch,
}

impl Service {
    fn new(answers: Vec<Said>) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let tape = Arc::new(Mutex::new(Tape {
            answers: answers.into(),
            asked: Vec::new(),
        }));
        let kept = Arc::clone(&tape);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tape = Arc::clone(&kept);
                std::thread::spawn(move || while serve(&stream, &tape).is_some() {});
            }
        });
        Service {
            origin,
            tape,
            key: Scratch::new("c2VjcmV0LXNlY3JldA=="),
        }
    }

    fn prepare(&self, line: &str) -> Run {
        Run::line(line)
            .env("RAWCOSMOS_ENDPOINT", &self.origin)
            .env("RAWCOSMOS_KEY_FILE", self.key.path())
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "orders")
    }

    fn run(&self, line: &str) -> Ran {
        self.prepare(line).go()
    }

    /// What was asked, head and body, in lower-case header names; everything that was to be said was said.
    fn asked(&self) -> Vec<String> {
        let tape = self.tape.lock().unwrap();
        assert!(tape.answers.is_empty(), "not asked for: {:?}", tape.answers);
        tape.asked.clone()
    }
}

fn serve(stream: &TcpStream, tape: &Mutex<Tape>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut asked, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.trim().parse().ok()?;
        }
        asked.push_str(&line.replace('\r', ""));
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.push_str(&String::from_utf8(body).ok()?);
    let mut tape = tape.lock().unwrap();
    // Commands that name a key read the container first: the script says of it what matters.
    let next = tape.answers.front().map(|(_, _, body)| body.as_str());
    if asked.starts_with("GET /dbs/shop/colls/orders ")
        && !next.is_some_and(|body| body.contains("partitionKey"))
    {
        let length = SIMPLE.len();
        let answer = format!("HTTP/1.1 200 x\r\ncontent-length: {length}\r\n\r\n{SIMPLE}");
        let mut stream = stream;
        return stream.write_all(answer.as_bytes()).ok();
    }
    let unasked = said(500, &format!("not in the script: {asked}"));
    let (status, headers, body) = tape.answers.pop_front().unwrap_or(unasked);
    tape.asked.push(asked);
    let mut head = format!("HTTP/1.1 {status} x\r\n");
    if status != 304 && status != 204 {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = stream;
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .ok()
}

/// A container by one path.
const SIMPLE: &str =
    r#"{"id":"orders","_rid":"r","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#;

// ---- Items

#[test]
fn a_patch_keeps_the_order_of_its_options() {
    let service = Service::new(vec![said(200, r#"{"id":"1","n":1.10}"#)]);
    let ran = service.run(
        "item patch -i 1 -k a --set /a=1.50 --remove /b --set '/c=\"x=y\"' --incr /n=-1 --move /from=/to --condition 'from c where c.n > 0' --if-match e",
    );
    ran.ok().prints("{\"id\":\"1\",\"n\":1.10}\n");
    let asked = &service.asked()[0];
    assert!(
        asked.starts_with("PATCH /dbs/shop/colls/orders/docs/1 "),
        "{asked}"
    );
    assert!(asked.contains("if-match: e\n"), "{asked}");
    let body = asked.split("\n\n").nth(1).unwrap();
    assert_eq!(
        body,
        r#"{"condition":"from c where c.n > 0","operations":[{"op":"set","path":"/a","value":1.50},{"op":"remove","path":"/b"},{"op":"set","path":"/c","value":"x=y"},{"op":"incr","path":"/n","value":-1},{"op":"move","path":"/to","from":"/from"}]}"#
    );
    let failed = with(
        said(412, r#"{"code":"PreconditionFailed","message":"x"}"#),
        ("x-ms-substatus", "1110"),
    );
    let service = Service::new(vec![failed, with(said(200, ""), ("etag", "\"e\""))]);
    service
        .run("item patch -i 1 -k a --set /a=1")
        .ends(6)
        .prints("");
    service
        .run("item patch -i 1 -k a --set /a=1 --minimal")
        .ok()
        .prints("");
    assert!(service.asked()[1].contains("prefer: return=minimal\n"));
    let raw = Service::new(vec![said(200, r#"{"id":"1"}"#)]);
    raw.prepare("item patch -i 1 -k a -b @-")
        .input(r#"[{"op":"set","path":"/a=b","value":1}]"#)
        .go()
        .ok();
    assert!(raw.asked()[0].ends_with(r#"{"operations":[{"op":"set","path":"/a=b","value":1}]}"#));
}

#[test]
fn a_ttl_is_one_more_member_and_the_rest_stays() {
    let service = Service::new((0..3).map(|_| said(201, r#"{"id":"1"}"#)).collect());
    for (body, sent) in [
        (
            r#"{"id":"1","n":1.10 }"#,
            r#"{"id":"1","n":1.10 ,"ttl":60}"#,
        ),
        (r#"{"id":"1","s":"}"}"#, r#"{"id":"1","s":"}","ttl":60}"#),
        (r#" {"id":"1","o":{}} "#, r#"{"id":"1","o":{},"ttl":60}"#),
    ] {
        let create = service.prepare("item create -k a --ttl 60 --indexing exclude -b @-");
        create.input(body).go().ok();
        let asked = service.tape.lock().unwrap().asked.pop().unwrap();
        assert!(asked.ends_with(&format!("\n\n{sent}")), "{asked}");
        assert!(
            asked.contains("x-ms-indexing-directive: Exclude\n"),
            "{asked}"
        );
    }
}

#[test]
fn a_batch_names_the_operation_that_failed_it() {
    const OPERATIONS: &str = "{\"operationType\":\"Read\",\"id\":\"1\"}\n{\"operationType\":\"Replace\",\"id\":\"a/b\",\"resourceBody\":{\"n\": 1.10}}\n";
    let failed = r#"[{"statusCode":424},{"statusCode":412,"subStatusCode":0}]"#;
    let fine = r#"[{"statusCode":200,"resourceBody":{"n":1.10}},{"statusCode":200}]"#;
    let service = Service::new(vec![
        with(said(207, failed), ("x-ms-activity-id", "the-activity")),
        said(200, fine),
        said(400, r#"{"code":"BadRequest","message":"too large"}"#),
        said(200, "{}"),
    ]);
    let run = || {
        let run = service.prepare("item batch -k a -b @- --session-token 0:1#5");
        run.input(OPERATIONS).go()
    };
    run()
        .ends(6)
        .prints("{\"statusCode\":424}\n{\"statusCode\":412,\"subStatusCode\":0}\n")
        .says("operation 2 of 2, Replace \"a/b\", failed: nothing was applied")
        .says("the-activity");
    run()
        .ok()
        .prints("{\"statusCode\":200,\"resourceBody\":{\"n\":1.10}}\n{\"statusCode\":200}\n");
    run().ends(1).prints("").says("too large");
    // Somebody said 200, and perhaps not the one who was asked.
    run().ends(10).prints("").says("no list of outcomes");
    let asked = &service.asked()[0];
    assert!(asked.contains("x-ms-session-token: 0:1#5\n"), "{asked}");
    assert!(asked.ends_with(
        r#"[{"operationType":"Read","id":"1"},{"operationType":"Replace","id":"a/b","resourceBody":{"n": 1.10}}]"#
    ));
}

#[test]
fn an_id_without_a_place_in_a_path_goes_into_a_body() {
    let item = r#"[{"statusCode":200,"eTag":"e","resourceBody":{"id":"a/b"}}]"#;
    let service = Service::new(vec![
        said(200, item),
        said(200, item),
        said(200, item),
        said(200, r#"[{"statusCode":204}]"#),
        said(207, r#"[{"statusCode":404}]"#),
        said(207, r#"[{"statusCode":304}]"#),
    ]);
    let body = r#"{"id":"a/b"}"#;
    let printed = format!("{body}\n");
    service.run("item read -i a/b -k a").ok().prints(&printed);
    service
        .run(&format!("item replace -k a -b '{body}'"))
        .ok()
        .prints(&printed);
    service
        .run("item patch -i a/b -k a --set /n=1")
        .ok()
        .prints(&printed);
    service
        .run("item delete -i .. -k a --if-match e")
        .ok()
        .prints("");
    service
        .run("item read -i a/b -k a")
        .ends(3)
        .says("there is no such item");
    service
        .run("item read -i a/b -k a --if-none-match e")
        .ok()
        .prints("");
    let bodies: Vec<String> = service
        .asked()
        .iter()
        .map(|asked| asked.split("\n\n").nth(1).unwrap().to_string())
        .collect();
    assert_eq!(
        bodies,
        [
            r#"[{"operationType":"Read","id":"a/b"}]"#,
            r#"[{"operationType":"Replace","id":"a/b","resourceBody":{"id":"a/b"}}]"#,
            r#"[{"operationType":"Patch","id":"a/b","resourceBody":{"operations":[{"op":"set","path":"/n","value":1}]}}]"#,
            r#"[{"operationType":"Delete","id":"..","ifMatch":"e"}]"#,
            r#"[{"operationType":"Read","id":"a/b"}]"#,
            r#"[{"operationType":"Read","id":"a/b","ifNoneMatch":"e"}]"#,
        ]
    );
}

#[test]
fn every_item_of_a_key_goes_only_with_a_yes() {
    let service = Service::new(vec![with(said(200, ""), ("x-ms-request-charge", "1"))]);
    service
        .run("item delete --all-in-partition -k t")
        .ends(2)
        .says("--yes");
    let yes = service
        .prepare("item delete --all-in-partition -k t")
        .env("RAWCOSMOS_YES", "1");
    yes.go().ends(2);
    service
        .run("item delete --all-in-partition -k t -y")
        .ok()
        .prints("")
        .says("background");
    let asked = &service.asked()[0];
    assert!(
        asked.starts_with("POST /dbs/shop/colls/orders/operations/partitionkeydelete "),
        "{asked}"
    );
    assert!(
        asked.contains("x-ms-documentdb-partitionkey: [\"t\"]\n"),
        "{asked}"
    );
    assert!(asked.contains("content-length: 0\n"), "{asked}");
}

// ---- Many items

const CONTAINER: &str =
    r#"{"id":"orders","_rid":"rid=","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#;
const RANGES: &str =
    r#"{"PartitionKeyRanges":[{"id":"0","minInclusive":"","maxExclusive":"FF","parents":[]}]}"#;

#[test]
fn what_is_missing_is_named_and_counts() {
    let page = r#"{"Documents":[{"id":"3","pk":"a"},{"id":"1","pk":"a"}]}"#;
    let service = Service::new(vec![said(200, page), said(200, page)]);
    let both = "{\"id\":\"1\",\"pk\":\"a\"}\n{\"id\":\"3\",\"pk\":\"a\"}\n";
    service
        .run("item read -i 1 -i 2 -i 3 -k a")
        .ends(3)
        .prints(both)
        .says("not found: \"2\" of the key [\"a\"]")
        .says("1 of 3 items are not there");
    service.run("item read -i 1 -i 3 -k a").ok().prints(both);
    service.asked();
}

#[test]
fn keys_come_line_by_line_and_a_bad_one_is_named() {
    let page = r#"{"Documents":[{"id":"1","pk":null},{"id":"1"}]}"#;
    let service = Service::new(vec![
        said(200, CONTAINER),
        said(200, RANGES),
        said(200, page),
    ]);
    let run = service.prepare("item read --keys -");
    run.input("[\"1\",{}]\n\n[\"1\",null]\n")
        .go()
        .ok()
        .prints("{\"id\":\"1\"}\n{\"id\":\"1\",\"pk\":null}\n");
    let asked = &service.asked()[2];
    assert!(
        asked.contains(
            "(c.id=@i0 AND NOT IS_DEFINED(c[\\\"pk\\\"])) OR (c.id=@i1 AND c[\\\"pk\\\"]=@k1_0)"
        ),
        "{asked}"
    );
    for (line, said_of_it) in [
        ("[\"1\"", "line 2: it is not JSON"),
        ("7", "line 2: it is no list"),
        ("[7,\"a\"]", "the id is not a text"),
        ("\"1\"", "the partition key is missing"),
        ("[\"1\",\"a\",\"b\"]", "other levels than /pk"),
        ("[\"1\",[2]]", "not a valid partition key"),
    ] {
        let service = Service::new(vec![said(200, CONTAINER), said(200, RANGES)]);
        let run = service.prepare("item read --keys -");
        run.input(format!("[\"0\",\"a\"]\n{line}\n"))
            .go()
            .ends(2)
            .prints("")
            .says(said_of_it);
        service.asked();
    }
}

// ---- Hierarchical keys

const DEEP: &str = r#"{"id":"orders","_rid":"rid=","partitionKey":{"paths":["/t","/u","/s"],"kind":"MultiHash","version":2}}"#;

fn split_at(place: &str) -> String {
    format!(
        r#"{{"PartitionKeyRanges":[{{"id":"5","minInclusive":"","maxExclusive":"{place}"}},{{"id":"6","minInclusive":"{place}","maxExclusive":"FF"}}]}}"#
    )
}

fn effective(texts: &[&str]) -> String {
    use rawcosmos::cosmos::key_definition::Definition;
    use rawcosmos::cosmos::partition_key::PartitionKey;
    let container: serde_json::Value = serde_json::from_str(DEEP).unwrap();
    let definition = Definition::from_json(&container["partitionKey"]).unwrap();
    let key = PartitionKey::from_json(&serde_json::json!(texts).to_string()).unwrap();
    definition.effective(&key)
}

const PLAIN: &str = r#"{"queryInfo":{}}"#;
const BY_ID: &str = r#"{"queryInfo":{"orderBy":["Ascending"],"rewrittenQuery":"SELECT 1"}}"#;
const COUNTED: &str = r#"{"queryInfo":{"aggregates":["Count"],"rewrittenQuery":"SELECT 2"}}"#;

#[test]
fn a_prefix_of_a_key_is_a_part_of_a_range() {
    let page = r#"{"Documents":[{"id":"1"}]}"#;
    let ordered =
        r#"{"Documents":[{"_rid":"","orderByItems":[{"item":"1"}],"payload":{"id":"1"}}]}"#;
    let service = Service::new(vec![
        said(200, DEEP),
        said(200, BY_ID),
        said(200, RANGES),
        said(200, ordered),
    ]);
    let query = "query -k t -k u 'SELECT * FROM c ORDER BY c.id'";
    service.run(query).ok().prints("{\"id\":\"1\"}\n");
    let min = effective(&["t", "u"]);
    let asked = &service.asked()[3];
    for header in [
        "x-ms-documentdb-partitionkeyrangeid: 0".to_string(),
        "x-ms-read-key-type: EffectivePartitionKeyRange".to_string(),
        format!("x-ms-start-epk: {min}"),
        format!("x-ms-end-epk: {min}FF"),
    ] {
        assert!(asked.contains(&format!("{header}\n")), "{asked}");
    }
    assert!(!asked.contains("x-ms-documentdb-partitionkey:"), "{asked}");

    // One level alone: the container says that there are more, and the part is never sent as the key.
    let service = Service::new(vec![
        said(200, DEEP),
        said(200, PLAIN),
        said(200, RANGES),
        said(200, page),
    ]);
    service
        .run("query -k t 'SELECT * FROM c'")
        .ok()
        .prints("{\"id\":\"1\"}\n");
    let asked = service.asked();
    assert!(asked[3].contains(&format!("x-ms-start-epk: {}\n", effective(&["t"]))));
    let sent = |asked: &String| asked.contains("x-ms-documentdb-partitionkey:");
    assert!(!asked.iter().any(sent));

    let service = Service::new(vec![said(200, DEEP), said(200, page)]);
    service.run("query -k t -k u -k s 'SELECT * FROM c'").ok();
    assert!(service.asked()[1].contains("x-ms-documentdb-partitionkey: [\"t\",\"u\",\"s\"]\n"));
    let service = Service::new(vec![said(200, CONTAINER)]);
    service
        .run("query -k t -k u 'SELECT * FROM c'")
        .ends(2)
        .says("/pk");
    service.asked();
}

#[test]
fn a_prefix_over_two_ranges_is_read_from_both_and_not_page_by_page() {
    let inside: &'static str = Box::leak(format!("{}80", effective(&["t"])).into_boxed_str());
    let ranges = split_at(inside);
    let (one, two) = (
        r#"{"Documents":[{"id":"1"}]}"#,
        r#"{"Documents":[{"id":"2"}]}"#,
    );
    let answers = |plan: Option<&str>| {
        let plan = plan.map(|plan| said(200, plan));
        let mut answers = vec![said(200, DEEP)];
        answers.extend(plan);
        answers.push(said(200, &ranges));
        answers
    };
    let mut plain = answers(Some(PLAIN));
    plain.extend([said(200, one), said(200, two)]);
    let service = Service::new(plain);
    service
        .run("query -k t 'SELECT * FROM c' --parallel 1")
        .ok()
        .prints("{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    let asked = service.asked();
    assert!(
        asked[3].contains("partitionkeyrangeid: 5\n")
            && asked[4].contains("partitionkeyrangeid: 6\n")
    );
    let mut counted = answers(Some(COUNTED));
    let count = |n: u32| said(200, &format!(r#"{{"Documents":[[{{"item":{n}}}]]}}"#));
    counted.extend([count(2), count(3)]);
    let service = Service::new(counted);
    let query = "query -k t 'SELECT VALUE COUNT(1) FROM c'";
    service.run(query).ok().prints("5\n");
    service.asked();
    // Page by page, or where nobody makes a plan.
    for (line, plan) in [
        ("query -k t 'SELECT * FROM c' --one-page", None),
        ("query -k t 'SELECT VALUE COUNT(1) FROM c'", Some("[]")),
    ] {
        let service = Service::new(answers(plan));
        service.run(line).ends(2).prints("").says("2 ranges");
        service.asked();
    }
}

// ---- Queries over several ranges

#[test]
fn without_a_plan_a_query_is_asked_as_it_is() {
    let page = |id: u32| format!(r#"{{"Documents":[{{"id":"{id}"}}]}}"#);
    let first = with(said(200, &page(1)), ("X-MS-Continuation", "[{\"a\":1}]"));
    // Rows instead of a plan, an empty one, and one that says that nothing is to be done.
    for plan in [r#"{"Documents":[{"id":"1"}]}"#, "{}", PLAIN] {
        let service = Service::new(vec![said(200, plan), first.clone(), said(200, &page(2))]);
        let query = "query 'SELECT * FROM c ORDER BY c.id'";
        service
            .run(query)
            .ok()
            .prints("{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
        let asked = service.asked();
        assert!(asked[0].contains("x-ms-cosmos-is-query-plan-request: True\n"));
        for asked in &asked[1..] {
            assert!(asked.contains("enablecrosspartition: True\n"), "{asked}");
            assert!(!asked.contains("partitionkeyrangeid"), "{asked}");
            assert!(asked.contains("SELECT * FROM c ORDER BY c.id"), "{asked}");
        }
        assert!(asked[2].contains("x-ms-continuation: [{\"a\":1}]\n"));
    }
    // Page by page no plan is needed.
    let service = Service::new(vec![first.clone()]);
    let page = service.run("query 'SELECT * FROM c' --one-page").ok();
    page.says("--continuation '[{\"a\":1}]'");
    service.asked();
    for (line, why) in [
        ("query x --state f --one-page", "--one-page"),
        ("query x --state f --continuation y", "--continuation"),
        ("query x --state f --continuation {", "--continuation"),
        ("query x --continuation f --state f", "--continuation"),
        ("query x --parallel many", "--parallel"),
        ("query x --page-size -1", "--page-size"),
    ] {
        let service = Service::new(vec![said(200, BY_ID)]);
        service.run(line).ends(2).prints("").says(why);
    }
}

#[test]
fn a_server_that_makes_no_plans_is_asked_for_the_rows() {
    let rows = || said(200, r#"{"Documents":[{"id":"1"}]}"#);
    let query = "query 'SELECT * FROM c ORDER BY c.id'";
    for (status, body) in [
        (400, "what?"),
        (400, r#"{"code":"BadRequest","message":"no such header"}"#),
        (404, ""),
        (405, ""),
        (501, "{}"),
    ] {
        let service = Service::new(vec![said(status, body), rows()]);
        service.run(query).ok().prints("{\"id\":\"1\"}\n");
        assert!(!service.asked()[1].contains("is-query-plan-request"));
    }
    // What is wrong with the query itself is wrong without a plan too.
    for body in [
        r#"{"code":"BadRequest","message":"Message: {\"Errors\":[\"Query contains 1 or more unsupported features.\"]}"}"#,
        r#"{"code":"BadRequest","message":"{\"errors\":[{\"severity\":\"Error\",\"code\":\"SC2041\",\"message\":\"x\"}]}"}"#,
    ] {
        let service = Service::new(vec![said(400, body)]);
        service.run(query).ends(1).prints("");
        service.asked();
    }
}

#[test]
fn a_refusal_that_holds_the_plan_is_one() {
    let plan: serde_json::Value = serde_json::from_str(COUNTED).unwrap();
    let refusal = |plan: serde_json::Value| {
        let body = serde_json::json!({"code": "BadRequest", "message": "The provided cross partition query can not be directly served by the gateway.", "additionalErrorInfo": plan});
        with(said(400, &body.to_string()), ("X-MS-SUBSTATUS", "1004"))
    };
    let count = || said(200, r#"{"Documents":[[{"item":7}]]}"#);
    let query = "query 'SELECT VALUE COUNT(1) FROM c'";
    for plan in [plan.clone(), plan.to_string().into()] {
        // To whoever asks for a plan, or only to whoever asks for the rows.
        for first in [None, Some(said(405, ""))] {
            let mut answers: Vec<Said> = first.into_iter().collect();
            answers.extend([refusal(plan.clone()), said(200, RANGES), count()]);
            let service = Service::new(answers);
            service.run(query).ok().prints("7\n");
            let asked = service.asked();
            assert!(asked.last().unwrap().contains("SELECT 2"), "{asked:?}");
        }
    }
    let service = Service::new(vec![refusal("{".into())]);
    service.run(query).ends(1).prints("");
    service.asked();
}

#[test]
fn pages_of_one_key_are_parts_where_the_query_puts_them_together() {
    let to_be_continued = |body: &str| {
        let said = with(said(200, body), ("x-ms-request-charge", "2"));
        with(said, ("x-ms-continuation", "t"))
    };
    let page = || to_be_continued(r#"{"Documents":[100]}"#);
    let part = |count: u32| format!(r#"{{"Documents":[[{{"item":{count}}}]]}}"#);
    let query = "query -k a 'SELECT VALUE COUNT(1) FROM c'";
    let service = Service::new(vec![
        page(),
        said(200, COUNTED),
        to_be_continued(&part(100)),
        with(said(200, &part(20)), ("x-ms-request-charge", "2")),
    ]);
    let ran = service.run(query).ok().prints("120\n");
    ran.says("1 item · 3 pages · 6.00 RU");
    for asked in &service.asked()[2..] {
        assert!(asked.contains("x-ms-documentdb-partitionkey: [\"a\"]\n"));
        assert!(asked.contains("SELECT 2"), "{asked}");
        for absent in ["partitionkeyrangeid", "epk", "enablecrosspartition"] {
            assert!(!asked.contains(absent), "{asked}");
        }
    }
    // A page that was wanted by itself is what it is, and so is one that is everything.
    let service = Service::new(vec![page()]);
    let one = service.run(&format!("{query} --one-page")).ok();
    one.prints("100\n");
    service.asked();
    let service = Service::new(vec![said(200, r#"{"Documents":[100]}"#)]);
    service.run(query).ok().prints("100\n");
    service.asked();
    // The words were there by chance.
    let query = "query -k a 'SELECT VALUE c.maximum FROM c'";
    let service = Service::new(vec![
        page(),
        said(200, PLAIN),
        said(200, r#"{"Documents":[20]}"#),
    ]);
    service.run(query).ok().prints("100\n20\n");
    assert!(service.asked()[2].contains("x-ms-continuation: t\n"));
}

#[test]
fn a_continuation_is_what_the_service_said_or_a_file() {
    let file = state_file("continuation");
    let rows = r#"{"Documents":[{"orderByItems":[{"item":1}],"payload":1},{"orderByItems":[{"item":2}],"payload":2}]}"#;
    let run = |service: &Service, more: &str| {
        let query = format!("query 'SELECT * FROM c ORDER BY c.n' --continuation {file} {more}");
        service.run(&query)
    };
    let answers = || [BY_ID, CONTAINER, RANGES, rows].map(|body| said(200, body));
    let service = Service::new([answers(), answers()].concat());
    run(&service, "--max-items 1").ok().prints("1\n");
    run(&service, "").ok().prints("2\n");
    service.asked();
    std::fs::remove_file(&file).unwrap();
    // Of one key too.
    let (one, two) = (r#"{"Documents":[1,2]}"#, r#"{"Documents":[3]}"#);
    let one = || with(said(200, one), ("x-ms-continuation", "t"));
    let start = || [said(200, CONTAINER), said(200, CONTAINER)];
    let mut answers = Vec::from(start());
    answers.push(one());
    answers.extend(start());
    answers.extend([one(), said(200, two)]);
    let service = Service::new(answers);
    run(&service, "-k a --max-items 1").ok().prints("1\n");
    run(&service, "-k a").ok().prints("2\n3\n");
    let asked = service.asked();
    for asked in [&asked[2], &asked[5], &asked[6]] {
        assert!(asked.contains("x-ms-documentdb-partitionkey: [\"a\"]\n"));
        assert!(!asked.contains("partitionkeyrangeid"), "{asked}");
    }
    std::fs::remove_file(&file).unwrap();
    // Of one that comes in parts there is nothing to go on with.
    let mut answers = Vec::from([said(200, CONTAINER), said(200, COUNTED)]);
    answers.push(said(200, CONTAINER));
    let service = Service::new(answers);
    let line = format!("query 'SELECT VALUE COUNT(1) FROM c' -k a --state {file}");
    service.run(&line).ends(2).says("aggregates");
    service.asked();
    for (text, more) in [
        ("{\"a\":1}", ""),
        ("[]", ""),
        ("-RID:~x", ""),
        ("+RID:~x", ""),
        ("a", "--one-page"),
    ] {
        let service = Service::new(vec![said(200, r#"{"Documents":[1]}"#)]);
        let line = format!("query 'SELECT 1' --continuation={text} {more}");
        service.run(&line).ok().prints("1\n");
        assert!(service.asked()[0].contains(&format!("x-ms-continuation: {text}\n")));
    }
}

#[test]
fn empty_pages_may_repeat_a_continuation_but_not_for_ever() {
    let empty = || with(said(200, r#"{"Documents":[]}"#), ("x-ms-continuation", "t"));
    let mut answers = vec![said(200, PLAIN)];
    answers.extend((0..6).map(|_| empty()));
    answers.push(said(200, r#"{"Documents":[1]}"#));
    let service = Service::new(answers);
    service.run("query 'SELECT 1'").ok().prints("1\n");
    service.asked();
    let mut answers = vec![said(200, PLAIN)];
    answers.extend((0..11).map(|_| empty()));
    let service = Service::new(answers);
    service
        .run("query 'SELECT 1'")
        .ends(8)
        .says("same continuation");
    service.asked();
}

#[test]
fn what_a_query_took_is_told_range_by_range() {
    let measured = |said: Said| {
        let said = with(said, ("x-ms-documentdb-query-metrics", "aInMs=0.50;n=2"));
        with(said, ("x-ms-request-charge", "2.5"))
    };
    let count = r#"{"Documents":[[{"item":2}]]}"#;
    let service = Service::new(vec![
        said(200, COUNTED),
        said(200, RANGES),
        measured(said(200, count)),
    ]);
    let ran = service
        .run("query 'SELECT VALUE COUNT(1) FROM c' --metrics")
        .ok();
    let ran = ran.prints("2\n").says("range 0: aInMs=0.5 n=2\n");
    ran.says("1 item · 1 page · 2.50 RU");
    assert!(service.asked()[2].contains("x-ms-documentdb-populatequerymetrics: True\n"));
    let service = Service::new(vec![measured(said(200, r#"{"Documents":[1]}"#))]);
    let ran = service
        .run("query 'SELECT VALUE 1 FROM c' -k a --metrics")
        .ok();
    ran.says("the service: aInMs=0.5 n=2\n");
    // Nobody asked.
    let service = Service::new(vec![measured(said(200, r#"{"Documents":[1]}"#))]);
    let ran = service.run("query 'SELECT VALUE 1 FROM c' -k a").ok();
    assert!(!ran.err.contains("aInMs"), "{ran:?}");
}

#[test]
fn a_mark_stands_under_what_is_wrong_in_a_query() {
    let refused = |start: u32, end: u32| {
        let inner = serde_json::json!({"errors": [{"severity": "Error", "location": {"start": start, "end": end}, "code": "SC1001", "message": "Syntax error"}]});
        let body = serde_json::json!({"code": "BadRequest", "message": format!("Message: {inner}\r\nActivityId: 5a3f")});
        Service::new(vec![said(400, &body.to_string())])
    };
    let query = Scratch::new("SELECT *\nFROM ü WHRE\tx = 1");
    let line = format!("query -f {}", query.path());
    for (start, end, marks) in [
        (16, 20, "        FROM ü WHRE x = 1\n               ^^^^\n"),
        (0, 6, "        SELECT *\n        ^^^^^^\n"),
        (7, 12, "        SELECT *\n               ^\n"),
        (
            26,
            26,
            "        FROM ü WHRE x = 1\n                         ^\n",
        ),
    ] {
        refused(start, end)
            .run(&line)
            .ends(1)
            .prints("")
            .says(marks);
    }
    // A place that is not there.
    let ran = refused(90, 3).run(&line).ends(1);
    assert!(!ran.err.contains('^'), "{ran:?}");
}

// ---- Changes

fn page(etag: &'static str, body: &str) -> Said {
    with(said(200, body), ("etag", etag))
}

fn drained(etag: &'static str) -> Said {
    with(said(304, ""), ("etag", etag))
}

fn state_file(name: &str) -> String {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path.to_str().unwrap().to_string()
}

#[test]
fn changes_go_on_where_they_stopped() {
    let file = state_file("goes-on");
    let line = format!("changes --state {file}");
    let first = r#"{"_rid":"rid=","Documents":[{"id":"1","n":1.10}]}"#;
    let service = Service::new(vec![
        said(200, CONTAINER),
        said(200, RANGES),
        page("\"1\"", first),
        drained("\"2\""),
        said(200, CONTAINER),
        said(200, RANGES),
        page("\"3\"", r#"{"_rid":"rid=","Documents":[{"id":"2"}]}"#),
        said(500, ""),
        said(500, ""),
        said(500, ""),
        said(405, "{\"code\":\"MethodNotAllowed\",\"message\":\"no\"}"),
        said(200, CONTAINER),
        said(200, RANGES),
        drained("\"4\""),
    ]);
    service
        .run(&line)
        .ok()
        .prints("{\"id\":\"1\",\"n\":1.10}\n")
        .says("1 item · 2 pages");
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(kept["container"], "rid=");
    assert_eq!(kept["ranges"][0]["etag"], "\"2\"");
    // A run that breaks off has kept what it printed, in columns too.
    service
        .run(&format!("{line} -o csv"))
        .ends(1)
        .prints("id\n2\n");
    // --from is for where there is nothing kept.
    service.run(&format!("{line} --from now")).ok().prints("");
    let asked = service.asked();
    let after = |at: usize| {
        asked[at]
            .lines()
            .find_map(|line| line.strip_prefix("if-none-match: "))
            .map(str::to_string)
    };
    assert_eq!(
        [after(2), after(3), after(6), after(13)].map(Option::unwrap_or_default),
        ["", "\"1\"", "\"2\"", "\"3\""]
    );
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_state_belongs_to_one_container_and_one_key() {
    let file = state_file("belongs");
    let other = CONTAINER.replace("rid=", "new=");
    let line = format!("changes --state {file}");
    let service = Service::new(vec![
        said(200, CONTAINER),
        said(200, RANGES),
        drained("\"1\""),
        said(200, &other),
        said(200, CONTAINER),
        said(200, &other),
        said(200, RANGES),
        drained("\"9\""),
        said(200, &other),
        drained("\"5\""),
    ]);
    service.run(&line).ok();
    service.run(&line).ends(6).prints("").says("--from");
    service
        .run(&format!("{line} -k a"))
        .ends(2)
        .says("another partition key");
    service
        .run(&format!("{line} --from 2026-01-02T03:04:05+01:00"))
        .ok();
    // A whole key is found by the service itself.
    let keyed = state_file("keyed");
    service
        .run(&format!(
            "changes --state {keyed} -k a --from now --page-size 5"
        ))
        .ok();
    let asked = service.asked();
    assert!(
        asked[7].contains("if-modified-since: Fri, 02 Jan 2026 02:04:05 GMT\n"),
        "{}",
        asked[7]
    );
    let last = &asked[9];
    for header in [
        "x-ms-documentdb-partitionkey: [\"a\"]",
        "if-none-match: *",
        "x-ms-max-item-count: 5",
        "a-im: Incremental Feed",
    ] {
        assert!(last.contains(&format!("{header}\n")), "{last}");
    }
    for file in [file, keyed] {
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_state_that_cannot_be_written_is_refused() {
    let service = Service::new(vec![]);
    service
        .run("changes --state /nowhere/at/all/x")
        .ends(2)
        .says("/nowhere/at/all/x");
    service.asked();
}

#[cfg(unix)]
#[test]
fn following_ends_with_a_signal_and_loses_nothing() {
    use std::process::Stdio;
    let file = state_file("follows");
    let mut answers = vec![
        said(200, CONTAINER),
        said(200, RANGES),
        page("\"1\"", r#"{"_rid":"rid=","Documents":[{"id":"1"}]}"#),
    ];
    answers.extend((0..50).map(|_| drained("\"2\"")));
    let service = Service::new(answers);
    // Columns are held back for their widths, but no state may say that a row was printed which was not.
    let line = format!("changes --follow -o csv --state {file}");
    let mut command = service.prepare(&line).command();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = support::Owned(child);
    let written = || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\\\"2\\\""));
    let begun = std::time::Instant::now();
    while !written() {
        assert!(begun.elapsed().as_secs() < 20, "the state is not written");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = child.0.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.0.wait().unwrap().code(), Some(143));
    let mut printed = String::new();
    let mut out = child.0.stdout.take().unwrap();
    out.read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "id\n1\n");
    std::fs::remove_file(file).unwrap();
}

// ---- Ranges, procedures, any call, sessions

#[test]
fn ranges_are_rows() {
    let ranges = r#"{"PartitionKeyRanges":[
        {"id":"2","minInclusive":"80","maxExclusive":"FF","throughputFraction":0.5,"parents":["1"],"_rid":"x"},
        {"id":"0","minInclusive":"","maxExclusive":"80","throughputFraction":0.5,"parents":[]},
        {"id":"1","minInclusive":"80","maxExclusive":"FF"}]}"#;
    let service = Service::new(vec![said(200, ranges)]);
    service.run("ranges").ok().prints(concat!(
        "{\"id\":\"0\",\"minInclusive\":\"\",\"maxExclusive\":\"80\",\"throughputFraction\":0.5,\"parents\":[]}\n",
        "{\"id\":\"2\",\"minInclusive\":\"80\",\"maxExclusive\":\"FF\",\"throughputFraction\":0.5,\"parents\":[\"1\"]}\n",
    ));
}

#[test]
fn a_procedure_runs_once() {
    let done = with(
        said(200, "[1.10]"),
        ("x-ms-documentdb-script-log-results", "one%0Atwo%1B"),
    );
    let service = Service::new(vec![done, said(408, "")]);
    let ran = service.run("procedure execute -n p -k a --log --args '[\"x\", 2]'");
    ran.ok().prints("[1.10]\n").says("one\ntwo");
    service.run("procedure execute -n p -k a").ends(10);
    let asked = service.asked();
    assert!(asked[0].starts_with("POST /dbs/shop/colls/orders/sprocs/p "));
    assert!(asked[0].ends_with("\n\n[\"x\", 2]") && asked[1].ends_with("\n\n[]"));
}

#[test]
fn any_call_is_authorized_and_its_body_is_untouched() {
    let more = with(said(200, r#"{"a": 1.10}"#), ("x-ms-continuation", "next"));
    let service = Service::new(vec![
        more.clone(),
        more,
        said(200, r#"{"b":2}"#),
        said(201, r#"{"id":"x"}"#),
        said(404, r#"{"code":"NotFound","message":"x"}"#),
        said(204, ""),
    ]);
    service
        .run("api data GET /dbs/{database}/colls -o raw")
        .ok()
        .prints("{\"a\": 1.10}\n")
        .says("--paginate");
    service
        .run("api data GET /dbs --paginate")
        .ok()
        .prints("{\"a\":1.10}\n{\"b\":2}\n");
    service.run("api data post /dbs --header X-Ms-Version=2018-12-31 --header x-a=b=c -b '{\"id\":\"x\"}'").ok();
    service.run("api data GET /dbs/x").ends(3);
    service.run("api data DELETE /dbs/x").ok().prints("");
    let asked = service.asked();
    assert!(asked[0].starts_with("GET /dbs/shop/colls "));
    assert!(asked[2].contains("x-ms-continuation: next\n"));
    let post = &asked[3];
    for header in [
        "x-ms-version: 2018-12-31",
        "x-a: b=c",
        "content-type: application/json",
        "content-length: 10",
    ] {
        assert!(post.contains(&format!("{header}\n")), "{post}");
    }
    assert_eq!(post.matches("x-ms-version").count(), 1);
    assert!(
        asked
            .iter()
            .all(|asked| asked.contains("authorization: type%3Dmaster"))
    );
}

#[test]
fn a_session_goes_from_command_to_command() {
    let file = state_file("session");
    let token = |said, token| with(said, ("x-ms-session-token", token));
    let service = Service::new(vec![
        token(said(201, r#"{"id":"1"}"#), "0:1#5"),
        token(said(200, r#"{"id":"1"}"#), "0:1#7"),
        token(said(409, "{}"), "1:1#2"),
        said(200, r#"{"id":"1"}"#),
    ]);
    let run = |line: &str| service.run(&format!("{line} --session-file {file}"));
    run("item create -k a -b '{\"id\":\"1\"}'").ok();
    run("item read -i 1 -k a").ok();
    run("item create -k a -b '{\"id\":\"1\"}'").ends(6);
    run("item read -i 1 -k a").ok();
    let sent: Vec<Option<String>> = service
        .asked()
        .iter()
        .map(|asked| {
            asked
                .lines()
                .find_map(|line| line.strip_prefix("x-ms-session-token: "))
                .map(str::to_string)
        })
        .collect();
    let wanted = [None, Some("0:1#5"), None, Some("0:1#7,1:1#2")];
    assert_eq!(sent, wanted.map(|token| token.map(str::to_string)));
    std::fs::remove_file(file).unwrap();
}
