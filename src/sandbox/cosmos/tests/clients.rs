//! What the official clients ask for on their ordinary ways.

use super::*;

const RANGE: (&str, &str) = ("x-ms-documentdb-partitionkeyrangeid", "0");
const COMPUTED: &str = "SELECT VALUE LOWER(i.name) FROM i";

fn computed(partitions: usize) -> Bench {
    let property = json!({"name": "lower", "query": COMPUTED});
    let mut bench = with(partitions, json!({"computedProperties": [property]}));
    for (id, name) in [("1", "Bo"), ("2", "AL"), ("3", "bO"), ("4", "Cy")] {
        let item = json!({"id": id, "pk": id, "name": name});
        bench.put(&format!("[{id:?}]"), &item.to_string());
    }
    bench
}

#[test]
fn computed_properties_are_found_by_every_query() {
    let mut bench = computed(1);
    let rows = [
        (
            "SELECT VALUE c.lower FROM c ORDER BY c.lower",
            r#"["al","bo","bo","cy"]"#,
        ),
        (
            "SELECT VALUE x.id FROM x WHERE x['lower'] = 'bo'",
            r#"["1","3"]"#,
        ),
        (
            "SELECT c.lower, COUNT(1) AS n FROM c GROUP BY c.lower",
            r#"[{"lower":"bo","n":2},{"lower":"al","n":1},{"lower":"cy","n":1}]"#,
        ),
        ("SELECT VALUE s.lower FROM (SELECT VALUE c FROM c) s", "[]"),
        (
            "SELECT VALUE s FROM (SELECT VALUE c.lower FROM c) s WHERE s < 'b'",
            r#"["al"]"#,
        ),
        ("SELECT VALUE c.lower.x FROM c", "[]"),
        ("SELECT VALUE COUNT(c.lower) FROM c", "[4]"),
        ("SELECT VALUE c.other FROM c", "[]"),
    ];
    for (query, wanted) in rows {
        let (found, _) = bench.pages(&[RANGE], query);
        assert_eq!(json!(found).to_string(), wanted, "{query}");
    }
    let (whole, _) = bench.pages(&[RANGE], "SELECT * FROM c");
    assert!(whole.iter().all(|item| item.get("lower").is_none()));
    let several = computed(4).pages(&[CROSS], "SELECT VALUE c.id FROM c WHERE c.lower = 'bo'");
    assert_eq!(several.0.len(), 2);
}

#[test]
fn a_computed_property_is_one_value_of_one_item() {
    let refused = [
        "SELECT VALUE c.a FROM c WHERE c.b",
        "SELECT c.a FROM c",
        "SELECT VALUE COUNT(1) FROM c",
        "SELECT VALUE t FROM c JOIN t IN c.tags",
        "SELECT TOP 1 VALUE c.a FROM c",
        "SELECT VALUE LOWER(c.a",
        "",
    ];
    for query in refused {
        let mut bench = empty(1);
        bench.world.create_database("d", None, 1);
        let properties = json!([{"name": "p", "query": query}]);
        let body = json!({"id": "c", "partitionKey": {"paths": ["/pk"]}, "computedProperties": properties});
        let answer = bench.send("POST", "/dbs/d/colls", &[], &body.to_string());
        assert_eq!(answer.status, 400, "{query}");
        assert!(
            text(&answer).contains("'p' has an invalid query"),
            "{query}"
        );
    }
}

#[test]
fn a_container_on_its_own_has_throughput() {
    let definition = json!({"id": "c", "partitionKey": {"paths": ["/pk"]}}).to_string();
    let rows = [
        (vec![], vec![], json!([400])),
        (vec![], vec![("x-ms-offer-throughput", "700")], json!([700])),
        (vec![("x-ms-offer-throughput", "500")], vec![], json!([500])),
    ];
    for (database, container, wanted) in rows {
        let mut bench = empty(1);
        bench.send("POST", "/dbs", &database, r#"{"id":"d"}"#);
        let made = bench.send("POST", "/dbs/d/colls", &container, &definition);
        assert_eq!(made.status, 201);
        let offers = body(&bench.send("GET", "/offers", &[], ""));
        let offers = offers["Offers"].as_array().unwrap().clone();
        let units = offers
            .iter()
            .map(|offer| &offer["content"]["offerThroughput"]);
        assert_eq!(json!(units.collect::<Vec<_>>()), wanted);
    }
}

#[test]
fn where_one_region_takes_the_writes_no_conflicts_are() {
    let mut bench = with(2, json!({}));
    let feed = "/dbs/d/colls/c/conflicts";
    let query = r#"{"query":"SELECT * FROM c"}"#;
    let rows = [
        ("GET", feed, vec![], "", 200),
        ("POST", feed, vec![QUERY], query, 200),
        ("POST", feed, vec![], "{}", 405),
        ("GET", "/dbs/d/colls/c/conflicts/x", vec![], "", 404),
        ("DELETE", "/dbs/d/colls/c/conflicts/x", vec![], "", 404),
        ("GET", "/dbs/d/colls/none/conflicts", vec![], "", 404),
    ];
    for (method, path, headers, sent, wanted) in rows {
        let answer = bench.send(method, path, &headers, sent);
        assert_eq!(answer.status, wanted, "{method} {path}");
        if wanted == 200 {
            assert_eq!(body(&answer)["Conflicts"], json!([]));
        }
    }
}

#[test]
fn changes_come_in_envelopes_where_asked() {
    let mut bench = with(1, json!({}));
    bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a","n":9007199254740993}"#);
    let feed = ("A-IM", "Incremental Feed");
    let format = |version| ("x-ms-cosmos-changefeed-wire-format-version", version);
    let answer = bench.send("GET", DOCS, &[feed, RANGE, format("2021-09-15")], "");
    let change = &body(&answer)["Documents"][0];
    assert_eq!(change["current"]["id"], "1");
    assert!(text(&answer).contains("9007199254740993"));
    assert!(change["current"].get("_lsn").is_none());
    assert_eq!(change["metadata"], json!({"lsn": 2, "crts": bench.now}));
    let other = bench.send("GET", DOCS, &[feed, RANGE, format("2031-01-01")], "");
    assert_eq!(other.status, 501);
}

const ORDERED: &str = "SELECT c._rid, [{\"item\": c.n}] AS orderByItems, c.id AS payload\nFROM c\nWHERE (true)\nORDER BY c.n";

/// Nine items of three numbers, whose keys have another order than their making.
fn tied() -> Bench {
    let mut bench = with(1, json!({}));
    for number in 0..9 {
        let pk = format!("k{}", (number * 5) % 9);
        let item = json!({"id": number.to_string(), "pk": pk, "n": number % 3});
        bench.put(&format!("[{pk:?}]"), &item.to_string());
    }
    let none = json!({"id": "none", "pk": "x"});
    bench.put(r#"["x"]"#, &none.to_string());
    bench
}

fn resumed(bench: &mut Bench, query: &str, filter: &Value) -> Response {
    let body = json!({"query": query, "resumeFilter": filter}).to_string();
    bench.send("POST", DOCS, &[QUERY, RANGE], &body)
}

fn payloads(response: &Response) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", text(response));
    let rows = body(response)["Documents"].as_array().unwrap().clone();
    let payloads = rows.iter().map(|row| row["payload"].as_str().unwrap());
    payloads.map(str::to_owned).collect()
}

#[test]
fn what_an_order_does_not_tell_apart_comes_by_its_number() {
    let mut bench = tied();
    let (rows, _) = bench.pages(&[RANGE], ORDERED);
    let found: Vec<_> = rows.iter().map(|row| row["payload"].clone()).collect();
    let mut wanted = ["none", "0", "3", "6", "1", "4", "7", "2", "5", "8"];
    assert_eq!(found, wanted);
    let down = bench.query(&[RANGE], &format!("{ORDERED} DESC"));
    wanted.reverse();
    assert_eq!(payloads(&down), wanted);
    let told = header(&down, "x-ms-cosmos-query-execution-info").unwrap();
    assert!(told.contains("\"reverseIndexScan\":true"), "{told}");
}

#[test]
fn an_order_goes_on_where_its_client_left_it() {
    let mut bench = tied();
    let rid = |bench: &Bench, id: &str| {
        let items = bench.world.databases["d"].containers["c"].ranges[0]
            .items
            .values();
        let values = items.map(|item| serde_json::from_str::<Value>(&item.text).unwrap());
        let mut found = values.filter(|value| value["id"] == id);
        found.next().unwrap()["_rid"].clone()
    };
    let four = rid(&bench, "4");
    let (one, down) = (json!([1]), format!("{ORDERED} DESC"));
    let rows: [(&str, Value, &[&str]); 8] = [
        (
            ORDERED,
            json!({"value": one, "rid": four, "exclude": false}),
            &["4", "7", "2", "5", "8"],
        ),
        (
            ORDERED,
            json!({"value": one, "exclude": false}),
            &["1", "4", "7", "2", "5", "8"],
        ),
        (
            ORDERED,
            json!({"value": one, "exclude": true}),
            &["2", "5", "8"],
        ),
        (
            ORDERED,
            json!({"value": [[]], "exclude": true}),
            &["0", "3", "6", "1", "4", "7", "2", "5", "8"],
        ),
        (ORDERED, json!({"value": [5]}), &[]),
        (ORDERED, json!({"value": ["a"]}), &[]),
        (
            &down,
            json!({"value": one, "rid": four}),
            &["4", "1", "6", "3", "0", "none"],
        ),
        (
            &down,
            json!({"value": one, "exclude": true}),
            &["6", "3", "0", "none"],
        ),
    ];
    for (query, filter, wanted) in rows {
        let answer = resumed(&mut bench, query, &filter);
        assert_eq!(payloads(&answer), wanted, "{filter}");
    }
    let refused = [
        (json!({"value": [1, 2]}), 400),
        (json!({"value": []}), 400),
        (json!({"rid": four}), 400),
        (
            json!({"value": [{"type": "array", "low": 1, "high": 2}]}),
            501,
        ),
    ];
    for (filter, status) in refused {
        assert_eq!(
            resumed(&mut bench, ORDERED, &filter).status,
            status,
            "{filter}"
        );
    }
    let pages = json!({"query": ORDERED, "resumeFilter": {"value": one, "rid": four}}).to_string();
    let two = ("x-ms-max-item-count", "2");
    let first = bench.send("POST", DOCS, &[QUERY, RANGE, two], &pages);
    assert_eq!(payloads(&first), ["4", "7"]);
    let next = (
        "x-ms-continuation",
        header(&first, "x-ms-continuation").unwrap(),
    );
    let second = bench.send("POST", DOCS, &[QUERY, RANGE, two, next], &pages);
    assert_eq!(payloads(&second), ["2", "5"]);
}

/// A page of two rows of a query, and the token of the next.
fn two(bench: &mut Bench, query: &str, token: &str) -> (Vec<String>, String) {
    let mut headers = vec![RANGE, ("x-ms-max-item-count", "2")];
    if !token.is_empty() {
        headers.push(("x-ms-continuation", token));
    }
    let answer = bench.query(&headers, query);
    let next = header(&answer, "x-ms-continuation").unwrap_or_default();
    (payloads(&answer), next.to_owned())
}

#[test]
fn a_token_of_an_order_is_a_place_and_no_count() {
    let mut bench = tied();
    let (rows, token) = two(&mut bench, ORDERED, "");
    assert_eq!(rows, ["none", "0"]);
    // A client that keeps tokens narrows the query by what it has.
    let narrowed = ORDERED.replace("(true)", "(c.n >= 0)");
    let (rows, token) = two(&mut bench, &narrowed, &token);
    assert_eq!(rows, ["3", "6"]);
    let narrowed = ORDERED.replace("(true)", "(c.n > 0)");
    let (rows, token) = two(&mut bench, &narrowed, &token);
    assert_eq!(rows, ["1", "4"]);
    bench.send("DELETE", &format!("{DOCS}/4"), &[pk(r#"["k2"]"#)], "");
    bench.put(r#"["y"]"#, r#"{"id":"new","pk":"y","n":0}"#);
    let (rows, _) = two(&mut bench, ORDERED, &token);
    assert_eq!(rows, ["7", "2"]);
}

#[test]
fn a_token_goes_on_within_one_item_and_behind_long_keys() {
    let mut bench = with(1, json!({}));
    let long = "ä".repeat(2000);
    for (id, n) in [
        ("1", json!(1)),
        ("2", json!(1)),
        ("3", json!(long)),
        ("4", json!(long)),
    ] {
        let item = json!({"id": id, "pk": id, "n": n, "t": ["a", "b", "c"]});
        bench.put(&format!("[{id:?}]"), &item.to_string());
    }
    let query = "SELECT VALUE {\"payload\": CONCAT(c.id, t)} FROM c JOIN t IN c.t ORDER BY c.n";
    let (mut found, mut token) = (vec![], String::new());
    loop {
        let (rows, next) = two(&mut bench, query, &token);
        found.extend(rows);
        assert!(next.len() < 1100, "{next}");
        if next.is_empty() {
            break;
        }
        token = next;
    }
    let wanted = "1a 1b 1c 2a 2b 2c 3a 3b 3c 4a 4b 4c";
    assert_eq!(found.join(" "), wanted);
    let broken = token.replace("#OB:", "#OB:x");
    let headers = [RANGE, ("x-ms-continuation", broken.as_str())];
    let broken = broken != token && bench.query(&headers, query).status == 400;
    assert!(broken);
}

#[test]
fn binary_json_is_told_from_what_is_no_json() {
    let mut bench = with(1, json!({}));
    let date = date::format(bench.now);
    let headers = [
        ("x-ms-date", date.clone()),
        ("authorization", sign("POST", DOCS, &date)),
        ("x-ms-documentdb-partitionkey", r#"["a"]"#.to_owned()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    let request = Request {
        method: "POST".into(),
        target: DOCS.into(),
        headers: headers.into(),
        body: vec![0x80, 0xEA, 0x00],
    };
    let now = OffsetDateTime::from_unix_timestamp(bench.now).unwrap();
    let answer = handle(&mut bench.world, &request, now);
    assert_eq!(answer.status, 501);
    assert!(text(&answer).contains("AZURE_COSMOS_BINARY_ENCODING_ENABLED"));
}
