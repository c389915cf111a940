//! What is sent again, and how often: every row of the table, by the real binary against the real sandbox.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use rawcosmos::error::{Failure, Plane};
use rawcosmos::exchange::retry::RULES;
use rawcosmos::message::Request;
use rawcosmos::sandbox::Options;
use rawcosmos::sandbox::host::Host;
use serde_json::Value;
use support::service::{Service, reply};
use support::{Place, Ran, Run, Scratch};

// ---- What was sent, from the trace

/// One exchange: the request in short, and its status; 0 where no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    line: String,
    origin: String,
    status: u64,
    /// The row of the table that its refusal is of.
    row: Option<usize>,
}

/// Every exchange of a command that ran with `--trace=json`.
fn sent(ran: &Ran) -> Vec<Sent> {
    let lines = ran
        .err
        .lines()
        .filter(|line| line.starts_with("{\"request\""));
    let read = |line| serde_json::from_str::<Value>(line).unwrap();
    lines.map(read).map(|exchange| one(&exchange)).collect()
}

fn one(exchange: &Value) -> Sent {
    let (request, response) = (&exchange["request"], &exchange["response"]);
    let url = request["url"].as_str().unwrap();
    let start = url.find("://").unwrap() + 3;
    let (host, path) = url[start..].split_once('/').unwrap();
    let path = path.split('?').next().unwrap();
    Sent {
        line: format!("{} /{path}", request["method"].as_str().unwrap()),
        origin: format!("{}{host}", &url[..start]),
        status: response["status"].as_u64().unwrap_or_default(),
        row: response["text"]
            .as_str()
            .and_then(|text| row(request, text)),
    }
}

fn row(request: &Value, text: &str) -> Option<usize> {
    let plane = match request["plane"].as_str().unwrap() {
        "identity" => Plane::Identity,
        "entra" => Plane::Entra,
        "arm" => Plane::Arm,
        _ => Plane::Data,
    };
    let text = text.replace('\r', "");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers
        .map(|(n, v)| (n.to_string(), v.to_string()))
        .collect();
    let failure = Failure::read(plane, String::new(), status, &headers, body.as_bytes());
    let mut asked = Request::new(plane, "GET", "");
    let headers = request["headers"].to_string();
    let range = "x-ms-documentdb-partitionkeyrangeid";
    if headers.contains(range) {
        asked = asked.header(range, "0");
    }
    for (name, value) in [
        ("x-ms-cosmos-batch-atomic", "False"),
        ("prefer", "return=minimal"),
    ] {
        if headers.contains(&format!("[\"{name}\",\"{value}\"]")) {
            asked = asked.header(name, value);
        }
    }
    RULES.iter().position(|rule| rule.covers(&asked, &failure))
}

// ---- Rows

/// What makes a row apply, what is run, and what is then sent: the statuses of the requests that a word picks.
struct Case {
    faults: &'static [&'static str],
    host: &'static str,
    regions: usize,
    /// With the account key.
    key: bool,
    line: &'static str,
    picked: &'static str,
    statuses: &'static [u64],
    exit: i32,
}

const READ: &str = "item read -i 1 -k a";
const DOCS: &str = "/docs";

const fn case(
    faults: &'static [&'static str],
    line: &'static str,
    picked: &'static str,
    statuses: &'static [u64],
) -> Case {
    Case {
        faults,
        host: "vm-both",
        regions: 1,
        key: false,
        line,
        picked,
        statuses,
        exit: 0,
    }
}

impl Case {
    const fn ends(self, exit: i32) -> Case {
        Case { exit, ..self }
    }

    const fn host(self, host: &'static str) -> Case {
        Case { host, ..self }
    }

    const fn regions(self, regions: usize) -> Case {
        Case { regions, ..self }
    }

    const fn with_key(self) -> Case {
        Case { key: true, ..self }
    }
}

const CREATE: &str = r#"item create -b '{"id":"2","pk":"a"}'"#;
const BATCH: &str =
    r#"item batch -k a -b '{"operationType":"Upsert","resourceBody":{"id":"3","pk":"a"}}'"#;
const UPSERT: &str = r#"item upsert -b '{"id":"2","pk":"a"}'"#;

#[rustfmt::skip]
const CASES: &[Case] = &[
    case(&["imds.410:1"], "token -o none", "oauth2/token", &[410, 200]),
    case(&["imds.503:1"], "token -o none", "oauth2/token", &[503, 200]),
    case(&["imds.503:1"], "token -o none", "/oauth2/v2.0/token", &[503, 200]).host("aks"),
    case(&["api-version-old"], "database list", "/sqlDatabases", &[400, 200]),
    case(&["token-expired"], "database list", "/sqlDatabases", &[401, 401]).ends(4),
    case(&["arm.429:2"], "database list", "/sqlDatabases", &[429, 429, 200]),
    case(&["lock-busy:1"], "database create -n d2", "PUT", &[412, 202]),
    case(&["arm.503:1"], "database list", "/sqlDatabases", &[503, 200]),
    case(&["arm.create.502:1"], "database create -n d2", "PUT", &[502, 202]),
    case(&["read.400/1024:1"], READ, DOCS, &[400, 200]),
    case(&["read.400/1024:2"], READ, DOCS, &[400, 400]).ends(1),
    case(&["clock-skew=-1h"], READ, DOCS, &[403, 200]).with_key(),
    case(&["clock-skew=-1h", "read.401/5005:1"], READ, DOCS, &[401, 200]),
    case(&["read.401/5005:1"], READ, DOCS, &[401]).ends(4),
    case(&["read.401/5006:1"], READ, DOCS, &[401, 200]),
    case(&["read.401/5013:2"], READ, DOCS, &[401, 401]).ends(4),
    case(&["read.401/5006:1"], READ, "oauth2/token", &[200, 200]),
    case(&["failover"], CREATE, DOCS, &[403, 201]).regions(2),
    case(&["create.403/3:1"], CREATE, DOCS, &[403, 201]),
    case(&["read.403/1008:1"], READ, DOCS, &[403, 200]).regions(2),
    case(&["read.403/1008:1"], READ, DOCS, &[403]).ends(5),
    case(&["read.404/1002:2"], READ, DOCS, &[404, 404, 200]),
    case(&["read.404/1013:1"], READ, DOCS, &[404, 200]),
    case(&["read.408:1"], READ, DOCS, &[408, 200]),
    case(&["create.500:1"], CREATE, DOCS, &[500, 201]),
    case(&["upsert.500:1"], UPSERT, DOCS, &[500]).ends(10),
    case(&["feed.410/1002:1"], "changes -o none", "pkranges", &[200, 200]),
    case(&["feed.410/1007:2"], "changes -o none", DOCS, &[410, 410, 304, 200, 304]),
    case(&["read.410/1000:1"], READ, DOCS, &[410, 200]),
    case(&["read.410/1002:1"], READ, DOCS, &[410, 200]),
    case(&["create.410/1002:1"], CREATE, DOCS, &[410, 201]),
    case(&["upsert.410/1007:3"], UPSERT, DOCS, &[410, 410, 410, 201]),
    case(&["replace.410/1008:1"], r#"item replace -i 1 -b '{"id":"1","pk":"a"}'"#, DOCS, &[410, 200]),
    case(&["patch.410/1007:2"], "item patch -i 1 -k a --incr /n=1", DOCS, &[410, 410, 200]),
    case(&["delete.410/1002:1"], "item delete -i 1 -k a", DOCS, &[410, 204]),
    case(&["batch.410/1007:2"], BATCH, DOCS, &[410, 410, 200]),
    case(&["op.410/1007:2"], BATCH, DOCS, &[207, 207, 200]),
    case(&["create.410:1"], CREATE, DOCS, &[410, 201]),
    case(&["read.429/3204:1"], READ, DOCS, &[429]).ends(7),
    case(&["read.429/3092:1"], READ, DOCS, &[429, 200]).regions(2),
    case(&["create.429:3"], CREATE, DOCS, &[429, 429, 429, 201]),
    case(&["upsert.429/3200:9"], UPSERT, DOCS, &[429, 429, 429, 429, 429, 429, 429, 429, 429, 201]),
    case(&["create.449:4"], CREATE, DOCS, &[449, 449, 449, 449, 201]),
    case(&["read.503:1"], READ, DOCS, &[503, 200]),
    case(&["read.503:1"], READ, DOCS, &[503, 200]).regions(2),
    case(&["upsert.503:1"], UPSERT, DOCS, &[503, 201]),
    // No whole answer: a read and a create are sent again, and the create is then compared; an upsert is not.
    case(&["read.reset-before:2"], READ, DOCS, &[0, 0, 200]),
    case(&["read.reset-during:1"], READ, DOCS, &[0, 200]),
    case(&["read.truncate:1"], READ, DOCS, &[0, 200]),
    case(&["read.wrong-length=9:1"], READ, DOCS, &[0, 200]),
    case(&["create.reset-before:1"], CREATE, DOCS, &[0, 201]),
    case(&["create.reset-during:1"], CREATE, DOCS, &[0, 409, 200]),
    case(&["create.reset-after:2"], CREATE, DOCS, &[0, 0, 409, 200]),
    case(&["create.reset-after"], CREATE, DOCS, &[0, 0, 0]).ends(10),
    case(&["create.reset-after:1", "read.503"], CREATE, DOCS, &[0, 409, 503, 503, 503, 503]).ends(10),
    case(&["create.reset-after:1", "create.400:1"], CREATE, DOCS, &[0, 400]).ends(10),
    case(&["upsert.reset-after:1"], UPSERT, DOCS, &[0]).ends(10),
    case(&["upsert.truncate:1"], UPSERT, DOCS, &[0]).ends(10),
    case(&["delete.reset-after:1"], "item delete -i 1 -k a", DOCS, &[0, 404]),
    case(&["delete.reset-before:1"], "item delete -i 1 -k a", DOCS, &[0, 204]),
    case(&["patch.reset-after:1"], "item patch -i 1 -k a --incr /n=1", DOCS, &[0]).ends(10),
    case(&["read.drip:1"], READ, DOCS, &[200]),
    case(&["read.delay=50ms:1"], READ, DOCS, &[200]),
    // What cannot be used is asked for again.
    case(&["read.not-json:1"], READ, DOCS, &[200, 200]),
    case(&["read.huge:1"], READ, DOCS, &[200]),
];

impl Case {
    fn place(&self) -> Place {
        let place = Place::with(Options {
            partitions: 2,
            regions: self.regions,
            host: Host::parse(self.host).unwrap(),
            ..Options::default()
        });
        place.container("orders", &["/pk"]);
        place.grant();
        place
            .orders(r#"item create -b '{"id":"1","pk":"a","n":1}' -q"#)
            .ok();
        for fault in self.faults {
            place.fault(fault);
        }
        place
    }

    /// Runs it and returns the rows that were driven.
    fn drive(&self) -> BTreeSet<usize> {
        let place = self.place();
        let key = place.key_file();
        let mut run = place.prepare(&format!("{} --trace=json", self.line));
        run = run
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "orders");
        if self.key {
            run = run.env("RAWCOSMOS_KEY_FILE", key.path());
        }
        let ran = run.go();
        let sent = sent(&ran);
        let picked = sent.iter().filter(|sent| sent.line.contains(self.picked));
        let statuses: Vec<u64> = picked.map(|sent| sent.status).collect();
        let what = format!("{:?} {} {ran:#?}", self.faults, self.host);
        assert_eq!(statuses, self.statuses, "{what}");
        assert_eq!(ran.code, self.exit, "{what}");
        assert!(ran.code == 0 || ran.out.is_empty(), "{what}");
        let refused = sent.iter().filter(|sent| sent.status >= 400);
        refused.filter_map(|sent| sent.row).collect()
    }
}

#[test]
fn every_row_of_the_table_is_driven() {
    let driven = Mutex::new(BTreeSet::from([
        versions_of_the_metadata_service(),
        an_import_that_is_throttled(),
    ]));
    let (next, begun) = (Mutex::new(CASES.iter()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let case = next.lock().unwrap().next();
                    let Some(case) = case else { break };
                    let rows = case.drive();
                    driven.lock().unwrap().extend(rows);
                }
            });
        }
    });
    let driven = driven.into_inner().unwrap();
    let missing: Vec<_> = (0..RULES.len())
        .filter(|row| !driven.contains(row))
        .collect();
    assert_eq!(missing, [0; 0], "rows without a case");
    println!("{} cases in {:?}", CASES.len(), begun.elapsed());
}

/// The sandbox knows every version of the metadata service that we speak, so another service refuses it.
fn versions_of_the_metadata_service() -> usize {
    let service = Service::new(|asked| match asked.has("api-version=2018-02-01") {
        true => reply(
            400,
            r#"{"error":"Bad request. api-version is invalid or was not specified in the request.","newest-versions":["2020-06-01"]}"#,
        ),
        false => reply(200, r#"{"access_token":"t","expires_in":"3600"}"#),
    });
    let ran = Run::line("token --identity-source imds -o none --trace=json")
        .env("RAWCOSMOS_IMDS_ENDPOINT", &service.origin)
        .go();
    let mut sent = sent(&ran);
    sent.retain(|sent| sent.line.contains("oauth2/token"));
    let statuses: Vec<u64> = sent.iter().map(|sent| sent.status).collect();
    assert_eq!(statuses, [400, 200], "{ran:#?}");
    sent[0].row.unwrap()
}

/// A fault of the sandbox would be met by what is asked before the first item.
fn an_import_that_is_throttled() -> usize {
    let turn = Mutex::new(0);
    let service = Service::new(move |asked| match asked.target.as_str() {
        "/dbs/shop/colls/orders" => reply(200, r#"{"partitionKey":{"paths":["/pk"],"version":2}}"#),
        "/dbs/shop/colls/orders/pkranges" => reply(
            200,
            r#"{"PartitionKeyRanges":[{"id":"0","minInclusive":"","maxExclusive":"FF"}]}"#,
        ),
        _ => {
            *turn.lock().unwrap() += 1;
            match *turn.lock().unwrap() {
                // The question whether there are batches goes by another row, and is waited for.
                1 | 3 => reply(429, r#"{"code":"TooManyRequests","message":"x"}"#),
                2 => reply(207, r#"[{"statusCode":404}]"#),
                _ => reply(200, r#"[{"statusCode":201},{"statusCode":201}]"#),
            }
        }
    });
    let key = Scratch::new("c2VjcmV0LXNlY3JldC1zZWNyZXQ=");
    let ran = Run::line("import fixtures/data-plane/items.ndjson -d shop -c orders --trace=json")
        .env("RAWCOSMOS_ENDPOINT", &service.origin)
        .env("RAWCOSMOS_KEY_FILE", key.path())
        .go()
        .ok();
    let mut sent = sent(&ran);
    sent.retain(|sent| sent.line.starts_with("POST"));
    let statuses: Vec<u64> = sent.iter().map(|sent| sent.status).collect();
    assert_eq!(statuses, [429, 207, 429, 200], "{ran:#?}");
    assert_ne!(sent[0].row, sent[2].row);
    sent[2].row.unwrap()
}

#[test]
fn a_session_is_waited_for() {
    let place = Place::furnished(&[]);
    let kept = Scratch::new("{}");
    let at = format!("--session-file {} --trace=json", kept.path());
    place.orders(&format!("{CREATE} {at}")).ok();
    place.fault("stale-session:2");
    let ran = place.orders(&format!("item read -i 2 -k a {at}")).ok();
    let statuses: Vec<u64> = sent(&ran).iter().map(|sent| sent.status).collect();
    assert_eq!(statuses, [200, 404, 404, 200]);
}

// ---- Regions

/// Who was asked in which region, without the metadata service: `0` is the first.
fn asked(place: &Place, ran: &Ran) -> Vec<(String, usize, u64)> {
    let second = place.sandbox.second().unwrap();
    let mut sent = sent(ran);
    sent.retain(|sent| !sent.line.contains("/metadata/"));
    let region = |sent: &Sent| usize::from(sent.origin == second);
    let named = |sent: Sent| {
        let at = region(&sent);
        let end = sent.line.replace("/dbs/shop/colls/orders", "");
        (end, at, sent.status)
    };
    sent.into_iter().map(named).collect()
}

/// Two regions, an item in them, and these faults.
fn two_regions(faults: &[&str]) -> Place {
    let place = Place::with(Options {
        regions: 2,
        ..Options::default()
    });
    place.container("orders", &["/pk"]);
    place.grant();
    place
        .orders(r#"item create -b '{"id":"1","pk":"a"}' -q"#)
        .ok();
    faults.iter().for_each(|fault| place.fault(fault));
    place
}

/// Faults, what is run, and who is asked what in which region.
type Move = (
    &'static [&'static str],
    &'static str,
    &'static [(&'static str, usize, u64)],
);

#[rustfmt::skip]
const REGIONS: &[Move] = &[
    // Nothing is asked that is not needed.
    (&[], READ, &[("GET /docs/1", 0, 200)]),
    (&["429:1"], READ, &[("GET /docs/1", 0, 429), ("GET /docs/1", 0, 200)]),
    // Reads go on in the other region, and in turn; writes stay where writes are taken.
    (&["read.503:1"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 200), ("GET /docs/1", 1, 200)]),
    (&["read.503:2"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 200), ("GET /docs/1", 1, 503), ("GET /docs/1", 0, 200)]),
    (&["read.reset-before:1"], READ, &[("GET /docs/1", 0, 0), ("GET /", 0, 200), ("GET /docs/1", 1, 200)]),
    (&["read.403/1008:1"], READ, &[("GET /docs/1", 0, 403), ("GET /", 0, 200), ("GET /docs/1", 1, 200)]),
    (&["query.503:1"], "query 'SELECT * FROM c' -k a", &[("GET ", 0, 200), ("POST /docs", 0, 503), ("GET /", 0, 200), ("POST /docs", 1, 200)]),
    (&["create.503:1"], CREATE2, &[("POST /docs", 0, 503), ("POST /docs", 0, 201)]),
    // After a failover writes follow, and the first region still serves reads.
    (&["failover"], CREATE2, &[("POST /docs", 0, 403), ("GET /", 0, 200), ("POST /docs", 1, 201)]),
    (&["failover"], READ, &[("GET /docs/1", 0, 200)]),
    (&["create.403/3:1"], CREATE2, &[("POST /docs", 0, 403), ("GET /", 0, 200), ("POST /docs", 0, 201)]),
    // Who is not told of other regions stays.
    (&["read.503:1", "account-unreadable"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 403), ("GET /docs/1", 0, 200)]),
    (&["read.503:1", "account.500"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 500), ("GET /docs/1", 0, 200)]),
    (&["read.503:1", "account.not-json"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 200), ("GET /docs/1", 0, 200)]),
    (&["read.503:1", "account.reset-before"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 0), ("GET /docs/1", 0, 200)]),
    (&["read.503:1", "region-gone"], READ, &[("GET /docs/1", 0, 503), ("GET /", 0, 200), ("GET /docs/1", 0, 200)]),
    // A region that is preferred is read in, by the name people write or that of hosts.
    (&[], "item read -i 1 -k a --region 'Sandbox 2'", &[("GET /", 0, 200), ("GET /docs/1", 1, 200)]),
    (&[], "item read -i 1 -k a --region nowhere,sandbox2,sandbox", &[("GET /", 0, 200), ("GET /docs/1", 1, 200)]),
    (&[], "item read -i 1 -k a --region nowhere", &[("GET /", 0, 200), ("GET /docs/1", 0, 200)]),
    (&["account-unreadable"], "item read -i 1 -k a --region sandbox2", &[("GET /", 0, 403), ("GET /docs/1", 0, 200)]),
    (&["region-gone"], "item read -i 1 -k a --region sandbox2", &[("GET /", 0, 200), ("GET /docs/1", 0, 200)]),
    (&["read.503:1"], "item read -i 1 -k a --region sandbox2", &[("GET /", 0, 200), ("GET /docs/1", 1, 503), ("GET /docs/1", 0, 200)]),
    (&["read.404/1002:1"], "item read -i 1 -k a --region sandbox2", &[("GET /", 0, 200), ("GET /docs/1", 1, 404), ("GET /docs/1", 0, 200)]),
    (&[], "item create -b '{\"id\":\"2\",\"pk\":\"a\"}' -k a --region sandbox2", &[("POST /docs", 0, 201)]),
];

const CREATE2: &str = r#"item create -b '{"id":"2","pk":"a"}' -k a"#;

#[test]
fn requests_go_where_they_are_served() {
    for (faults, line, expected) in REGIONS {
        let place = two_regions(faults);
        let ran = place.orders(&format!("{line} --trace=json")).ok();
        let asked = asked(&place, &ran);
        let asked: Vec<_> = asked
            .iter()
            .map(|(line, at, status)| (line.as_str(), *at, *status))
            .collect();
        assert_eq!(asked, *expected, "{faults:?} {line} {ran:#?}");
    }
}

#[test]
fn a_session_goes_along_to_another_region() {
    let place = two_regions(&["query.503:1"]);
    let kept = Scratch::new("{}");
    let at = format!("--session-file {} --trace=json", kept.path());
    place.orders(&format!("{CREATE2} {at}")).ok();
    let ran = place
        .orders(&format!("query 'SELECT * FROM c' -k a {at}"))
        .ok();
    assert_eq!(ran.rows().len(), 2);
    let second = place.sandbox.second().unwrap();
    let token = |line: &&str| line.contains(&second) && line.contains("x-ms-session-token\",\"0:");
    assert!(ran.err.lines().any(|line| token(&line)), "{ran:#?}");
    // The file speaks of the account, and of no endpoint of it.
    let text = std::fs::read_to_string(kept.path()).unwrap();
    assert!(
        text.contains("\"sandbox-account/dbs/shop/colls/orders\"") && !text.contains(&second),
        "{text}"
    );
}

/// Where every region takes writes, one that is not the first is told that the caller knows: once the account has
/// said so, with every write.
#[test]
fn writes_go_to_any_region_of_an_account_that_takes_them_everywhere() {
    const HEADER: &str = "[\"x-ms-cosmos-allow-tentative-writes\",\"true\"]";
    let place = Place::with(Options {
        regions: 2,
        multi_write: true,
        ..Options::default()
    });
    place.container("orders", &["/pk"]);
    place.grant();
    let second = place.sandbox.second().unwrap();
    let at_second = |line: &str| {
        let line = format!("{line} -d shop -c orders --trace=json");
        place
            .prepare(&line)
            .env("RAWCOSMOS_ENDPOINT", &second)
            .go()
            .ok()
    };
    for (line, made) in [
        (r#"item create -b '{"id":"1","pk":"a"}'"#, 201),
        (r#"item upsert -b '{"id":"1","pk":"a","n":1}'"#, 200),
        ("item patch -i 1 -k a --incr /n=1", 200),
        ("item delete -i 1 -k a", 204),
    ] {
        let ran = at_second(line);
        let writes: Vec<_> = asked(&place, &ran)
            .into_iter()
            .filter(|(line, ..)| line.contains("/docs"))
            .map(|(_, region, status)| (region, status))
            .collect();
        assert_eq!(writes, [(1, 403), (1, made)], "{line}");
        assert_eq!(ran.err.matches(HEADER).count(), 1, "{line}");
    }
    // The account is asked once, and many writes of one run say it from then on.
    let rows: String = (0..300)
        .map(|n| format!("{{\"id\":\"{n}\",\"pk\":\"{n}\"}}\n"))
        .collect();
    let rows = Scratch::new(&rows);
    let ran = at_second(&format!("import {} --concurrency 1", rows.path()));
    let sent = asked(&place, &ran);
    let refused = sent.iter().filter(|(.., status)| *status == 403).count();
    let accounts = sent.iter().filter(|(line, ..)| line == "GET /").count();
    assert_eq!((refused, accounts), (1, 1), "{sent:?}");
    assert!(sent.iter().all(|(_, region, _)| *region == 1), "{sent:?}");
    // The first region wants no header, and nothing is asked for it.
    let ran = place
        .orders(r#"item create -b '{"id":"2","pk":"a"}' --trace=json"#)
        .ok();
    let sent = asked(&place, &ran);
    assert!(!ran.err.contains(HEADER), "{ran:#?}");
    assert!(!sent.iter().any(|(line, ..)| line == "GET /"), "{sent:?}");
    // ARM says the same of the account.
    let shown = place.run("account show").ok().json();
    assert_eq!(
        shown["properties"]["writeLocations"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// A single region does not answer, and the account neither: the command ends as it would without regions.
#[test]
fn an_account_that_leads_elsewhere_is_not_followed() {
    let stranger = Service::new(|_| reply(200, "{}"));
    let outside = "https://elsewhere.documents.azure.com/";
    let account = format!(
        r#"{{"readableLocations":[{{"name":"a","databaseAccountEndpoint":"{outside}"}}],"writableLocations":[{{"name":"a","databaseAccountEndpoint":"{outside}"}}]}}"#
    );
    let service = Service::new(move |asked| match asked.target.as_str() {
        "/" => reply(200, account.clone()),
        _ => reply(503, "{}"),
    });
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    let ran = Run::line("item read -i 1 -k a -d shop -c orders --retries 1")
        .env("RAWCOSMOS_ENDPOINT", &service.origin)
        .env("RAWCOSMOS_KEY_FILE", key.path())
        .go();
    ran.ends(1);
    assert_eq!(service.lines().len(), 3);
    assert!(stranger.lines().is_empty());
}

// ---- Limits

#[test]
fn repeats_and_waiting_have_the_limits_that_are_given() {
    for (fault, options, count, exit) in [
        ("read.429", "--retries 0", 1, 7),
        ("read.429", "--retries 2", 3, 7),
        ("read.429:14", "--retries 14", 15, 0),
        ("read.429:12", "--retries 11", 12, 7),
        ("read.429", "--retry-max-wait 0", 1, 7),
        ("read.503", "--retries 1", 2, 1),
        ("read.401/5006", "--retries 0", 1, 4),
        ("read.reset-before", "--retries 0", 1, 8),
        ("read.reset-before", "--retries 1", 2, 8),
        ("read.reset-before:3", "--retries 3", 4, 0),
        ("read.reset-before", "--retry-max-wait 1", 2, 8),
        ("read.429/3204", "--retries 5", 1, 7),
    ] {
        let place = Place::furnished(&[]);
        place
            .orders(r#"item create -b '{"id":"1","pk":"a"}' -q"#)
            .ok();
        place.fault(fault);
        let ran = place
            .orders(&format!("{READ} {options} --trace=json"))
            .ends(exit);
        let sent = sent(&ran);
        let docs = sent.iter().filter(|sent| sent.line.contains(DOCS));
        assert_eq!(docs.count(), count, "{fault} {options} {ran:#?}");
    }
    let place = Place::furnished(&["op.429:4"]);
    let batch = |options: &str| {
        let create = r#"{"operationType":"Create","resourceBody":{"id":"1","pk":"a"}}"#;
        place.orders(&format!(
            "item batch -k a -b '{create}' {options} --trace=url"
        ))
    };
    let posts = |ran: &Ran| ran.err.matches("> POST").count();
    assert_eq!(posts(&batch("--retries 1")), 2);
    assert_eq!(posts(&batch("").ok()), 3);
}

#[test]
fn the_time_for_a_command_is_over_when_it_is() {
    let place = Place::furnished(&[]);
    place
        .orders(r#"item create -b '{"id":"1","pk":"a"}' -q"#)
        .ok();
    place.orders(&format!("{READ} --timeout 30")).ok();
    for (fault, line, exit, says) in [
        ("read.503", READ, 8, "1 s given for all of it"),
        ("read.503", READ, 8, "503"),
        ("read.delay=10m", READ, 8, "1 s given for all of it"),
        ("create.delay=10m", CREATE, 10, "not known whether"),
        ("upsert.delay=10m", UPSERT, 10, "not known whether"),
        ("imds.delay=10m", READ, 8, "1 s given"),
    ] {
        place.fault(fault);
        let ran = place.orders(&format!("{line} --timeout 1"));
        let place = ran.ends(exit).says(says).prints("");
        drop(place);
    }
    // What the service goes on with is said.
    let place = Place::with(Options {
        operation_ms: 600_000,
        ..Options::default()
    });
    let ran = place.run("database create -n d --timeout 2").ends(8);
    ran.says("is still running after");
    let place = Place::furnished(&[]);
    place
        .orders("changes --follow --timeout 2 -q")
        .ends(8)
        .says("2 s given");
    place
        .orders(&format!("{READ} --timeout 0"))
        .ends(8)
        .says("0 s given");
    for wrong in [
        "--timeout x",
        "--retries -1",
        "--retry-max-wait 1.5",
        "--timeout 99999999999999999999",
    ] {
        place.orders(&format!("{READ} {wrong}")).ends(2);
    }
    place.orders(&format!("{READ} --timeout 18446744073709551615 --retries 4294967295 --retry-max-wait 18446744073709551615")).ends(3);
}

// ---- The service a procedure is run by

#[test]
fn a_procedure_is_sent_once() {
    for (status, exit) in [(429, 7), (449, 7), (503, 1), (401, 4), (500, 10), (408, 10)] {
        let service =
            Service::new(move |_| (status, vec![("x-ms-substatus", "0".into())], "{}".into()));
        let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
        for line in [
            "procedure execute -n p -k a",
            "api data POST /dbs/shop/colls/orders/sprocs/p --body []",
        ] {
            let ran = Run::line(line)
                .env("RAWCOSMOS_ENDPOINT", &service.origin)
                .env("RAWCOSMOS_KEY_FILE", key.path())
                .env("RAWCOSMOS_DATABASE_NAME", "shop")
                .env("RAWCOSMOS_CONTAINER_NAME", "orders")
                .go();
            assert_eq!(ran.code, exit, "{ran:#?}");
        }
        assert_eq!(service.lines().len(), 2, "{status}");
    }
}
