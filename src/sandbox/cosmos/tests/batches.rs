//! Operations that are sent together.

use super::*;

const SAMPLES: &str = include_str!("../../../../fixtures/data-plane/batch_samples.json");
const IS_BATCH: (&str, &str) = ("x-ms-cosmos-is-batch-request", "True");
const ATOMIC: (&str, &str) = ("x-ms-cosmos-batch-atomic", "True");
const GO_ON: (&str, &str) = ("x-ms-cosmos-batch-continue-on-error", "True");
const RANGE: &str = "x-ms-documentdb-partitionkeyrangeid";

fn samples() -> Value {
    serde_json::from_str(SAMPLES).unwrap()
}

/// Sends a request as the samples write it.
fn sent(bench: &mut Bench, sample: &Value) -> Response {
    let headers = sample["headers"].as_object().unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let path = sample["path"]
        .as_str()
        .unwrap()
        .replace("/dbs/db/", "/dbs/d/");
    let method = sample["method"].as_str().unwrap();
    bench.send(method, &path, &headers, &sample["body"].to_string())
}

fn batch(bench: &mut Bench, operations: &Value) -> Response {
    let headers = [IS_BATCH, ATOMIC, pk(r#"["p"]"#)];
    bench.send("POST", DOCS, &headers, &operations.to_string())
}

fn statuses(response: &Response) -> Vec<(u64, u64)> {
    let lines = body(response);
    let lines = lines
        .as_array()
        .unwrap_or_else(|| panic!("{}", text(response)))
        .clone();
    let pair = |line: &Value| {
        let sub = line["subStatusCode"].as_u64().unwrap_or(0);
        (line["statusCode"].as_u64().unwrap(), sub)
    };
    lines.iter().map(pair).collect()
}

/// The names of members and the types of their values, as a sample has them.
fn shape(line: &Value) -> Vec<(String, u8)> {
    let kind = |value: &Value| match value {
        Value::Number(_) => 1,
        Value::String(_) => 2,
        _ => 3,
    };
    let members = line.as_object().unwrap().iter();
    members
        .map(|(name, value)| (name.clone(), kind(value)))
        .collect()
}

#[test]
fn the_published_batch_is_done_as_a_whole() {
    let mut bench = with(4, json!({}));
    for id in 3..=6 {
        bench.put(
            r#"["p"]"#,
            &json!({"id": id.to_string(), "pk": "p", "n": 1}).to_string(),
        );
    }
    let all = samples();
    let mut request = all["transactional_request"].clone();
    let etag = bench.send("GET", &format!("{DOCS}/3"), &[pk(r#"["p"]"#)], "");
    request["body"][2]["ifMatch"] = json!(header(&etag, "etag").unwrap());
    let done = sent(&mut bench, &request);
    assert_eq!(done.status, 200, "{}", text(&done));
    let wanted = [201, 201, 200, 200, 204, 200].map(|status| (status, 0));
    assert_eq!(statuses(&done), wanted);
    let lines = body(&done);
    assert_eq!(lines[5]["resourceBody"]["n"], 2);
    let sample = &all["transactional_success"]["body"];
    assert_eq!(shape(&lines[0]), shape(&sample[0]));
    assert_eq!(shape(&lines[4]), shape(&sample[2]));
    let charge: f64 = header(&done, "x-ms-request-charge")
        .unwrap()
        .parse()
        .unwrap();
    assert!(charge > 30.0, "{charge}");
    assert_eq!(
        bench
            .send("GET", &format!("{DOCS}/5"), &[pk(r#"["p"]"#)], "")
            .status,
        404
    );
}

#[test]
fn the_published_batch_fails_as_a_whole() {
    let mut bench = with(4, json!({}));
    for id in 3..=6 {
        bench.put(
            r#"["p"]"#,
            &json!({"id": id.to_string(), "pk": "p", "n": 1}).to_string(),
        );
    }
    let before = bench.send("GET", DOCS, &[pk(r#"["p"]"#)], "");
    let all = samples();
    // The etag of the sample is not that of the item.
    let failed = sent(&mut bench, &all["transactional_request"]);
    assert_eq!(failed.status, 207);
    let wanted = [424, 424, 412, 424, 424, 424].map(|status| (status, 0));
    assert_eq!(statuses(&failed), wanted);
    let sample = &all["transactional_failure"];
    assert_eq!(sample["status"], failed.status);
    let lines = body(&failed);
    assert_eq!(shape(&lines[0]), shape(&sample["body"][0]));
    assert_eq!(shape(&lines[2]), shape(&sample["body"][1]));
    let after = bench.send("GET", DOCS, &[pk(r#"["p"]"#)], "");
    assert_eq!(before.body, after.body);
    assert_eq!(
        header(&before, "x-ms-session-token"),
        header(&after, "x-ms-session-token")
    );
}

#[test]
fn an_operation_can_be_throttled() {
    let mut bench = with(1, json!({}));
    let all = samples();
    let three = json!([{"operationType": "Upsert", "resourceBody": {"id": "1", "pk": "p"}}, {"operationType": "Read", "id": "1"}, {"operationType": "Read", "id": "1"}]);
    bench.world.trouble.operations.push_back((429, None));
    let failed = batch(&mut bench, &three);
    assert_eq!(statuses(&failed), [(429, 3200), (424, 0), (424, 0)]);
    let sample = &all["transactional_throttled"];
    assert_eq!(sample["status"], failed.status);
    let lines = body(&failed);
    for (name, kind) in shape(&sample["body"][1]) {
        assert!(shape(&lines[0]).contains(&(name, kind)));
    }
    assert_eq!(batch(&mut bench, &three).status, 200);
}

#[test]
fn the_published_bulk_is_done_one_by_one() {
    let mut bench = with(1, json!({}));
    let all = samples();
    let mixed = sent(&mut bench, &all["bulk_request"]);
    assert_eq!(mixed.status, 207);
    assert_eq!(statuses(&mixed), [(201, 0), (404, 0)]);
    bench.put(r#"["q"]"#, r#"{"id":"9","pk":"q"}"#);
    let whole = sent(&mut bench, &all["bulk_request"]);
    assert_eq!(
        (whole.status, statuses(&whole)),
        (200, vec![(200, 0), (204, 0)])
    );
}

/// Large enough items to fill an answer, keys of other ranges, and what is refused on the way.
#[test]
fn a_bulk_answers_as_the_published_one() {
    let mut bench = with(2, json!({}));
    let key = |n: usize| format!("[\"k{n}\"]");
    let keys: Vec<usize> = (0..20).collect();
    let at = |bench: &mut Bench, n: usize| {
        let read = bench.send("GET", DOCS, &[pk(&key(n))], "");
        header(&read, RANGE).unwrap().to_owned()
    };
    let here: Vec<usize> = keys
        .iter()
        .copied()
        .filter(|n| at(&mut bench, *n) == "0")
        .collect();
    let there = keys.iter().copied().find(|n| !here.contains(n)).unwrap();
    let large = "x".repeat(1_500_000);
    for n in here.iter().take(3) {
        let item = json!({"id": "1", "pk": format!("k{n}"), "x": large}).to_string();
        bench.put(&key(*n), &item);
    }
    let read = |n: usize| json!({"operationType": "Read", "id": "1", "partitionKey": key(n)});
    let new = json!({"operationType": "Create", "partitionKey": key(here[3]), "resourceBody": {"id": "1", "pk": format!("k{}", here[3])}});
    let other = json!({"operationType": "Create", "partitionKey": key(here[4]), "resourceBody": {"id": "1", "pk": "other"}});
    let operations = json!([
        new,
        new,
        read(there),
        other,
        read(here[0]),
        read(here[1]),
        read(here[2]),
        new,
        read(here[3])
    ]);
    let headers = [IS_BATCH, GO_ON, (RANGE, "0")];
    let answer = bench.send("POST", DOCS, &headers, &operations.to_string());
    assert_eq!(answer.status, 207);
    let wanted = [
        (201, 0),
        (409, 0),
        (410, 1002),
        (400, 1001),
        (200, 0),
        (200, 0),
        (413, 3402),
        (413, 3402),
        (413, 3402),
    ];
    assert_eq!(statuses(&answer), wanted);
    assert!(answer.body.len() < 4 * 1024 * 1024 + 4096);
    let sample = samples();
    let sample = sample["bulk_mixed"]["body"].as_array().unwrap().clone();
    let pairs: Vec<_> = sample
        .iter()
        .map(|line| {
            (
                line["statusCode"].as_u64().unwrap(),
                line["subStatusCode"].as_u64().unwrap_or(0),
            )
        })
        .collect();
    assert_eq!(pairs, [(201, 0), (429, 3200), (413, 3402), (410, 1002)]);
    assert!(
        pairs
            .iter()
            .filter(|pair| pair.0 != 429)
            .all(|pair| wanted.contains(pair))
    );
    let stops = [IS_BATCH, (RANGE, "0")];
    let operations = json!([new, read(here[3])]).to_string();
    let stopped = bench.send("POST", DOCS, &stops, &operations);
    assert_eq!(statuses(&stopped), [(409, 0), (424, 0)]);
}

#[test]
fn an_atomic_batch_without_room_for_its_answer_is_not_done() {
    let mut bench = with(1, json!({}));
    let large = "x".repeat(1_500_000);
    bench.put(
        r#"["p"]"#,
        &json!({"id": "1", "pk": "p", "x": large}).to_string(),
    );
    let read = json!({"operationType": "Read", "id": "1"});
    let new = json!({"operationType": "Create", "resourceBody": {"id": "2", "pk": "p"}});
    let answer = batch(&mut bench, &json!([new, read, read, read]));
    assert_eq!(
        statuses(&answer),
        [(424, 0), (424, 0), (424, 0), (413, 3402)]
    );
    assert_eq!(
        bench
            .send("GET", &format!("{DOCS}/2"), &[pk(r#"["p"]"#)], "")
            .status,
        404
    );
}

#[test]
fn what_is_no_batch() {
    let mut bench = with(2, json!({}));
    let one = r#"[{"operationType":"Read","id":"1"}]"#;
    let many = |count: usize| {
        format!(
            "[{}]",
            vec![r#"{"operationType":"Read","id":"1"}"#; count].join(",")
        )
    };
    let key = pk(r#"["p"]"#);
    let (range, gone, prefix) = ((RANGE, "0"), (RANGE, "9"), pk("[]"));
    let heavy = format!(
        r#"[{{"operationType":"Upsert","resourceBody":{{"id":"1","pk":"p","x":"{}"}}}}]"#,
        "x".repeat(2 * 1024 * 1024)
    );
    type Row<'r> = (&'r [(&'r str, &'r str)], &'r str, (u16, u16));
    let rows: &[Row] = &[
        (&[ATOMIC, key], &many(100), (207, 0)),
        (&[ATOMIC, key], &many(101), (400, 0)),
        (&[ATOMIC, key], "[]", (400, 0)),
        (&[ATOMIC, key], "{}", (400, 0)),
        (&[ATOMIC, key], "[1]", (400, 0)),
        (
            &[ATOMIC, key],
            r#"[{"operationType":"read","id":"1"}]"#,
            (400, 0),
        ),
        (&[ATOMIC, key], r#"[{"id":"1"}]"#, (400, 0)),
        (
            &[ATOMIC, key],
            r#"[{"operationType":"Read","id":1}]"#,
            (400, 0),
        ),
        (&[ATOMIC, key], &heavy, (413, 0)),
        (&[ATOMIC], one, (400, 0)),
        (&[ATOMIC, prefix], one, (400, 1001)),
        (&[ATOMIC, range], one, (400, 0)),
        (&[], one, (400, 0)),
        (&[key], one, (501, 0)),
        (&[gone], one, (410, 1002)),
        (
            &[range],
            r#"[{"operationType":"Read","id":"1","partitionKey":["p"]}]"#,
            (400, 0),
        ),
        (
            &[ATOMIC, key, ("x-ms-session-token", "0:-1#99,1:-1#99")],
            one,
            (404, 1002),
        ),
    ];
    let sample = samples();
    assert_eq!(sample["too_many_operations"]["status"], 400);
    for (headers, body, wanted) in rows {
        let mut all = vec![IS_BATCH];
        all.extend(*headers);
        let response = bench.send("POST", DOCS, &all, body);
        assert_eq!(outcome(&response), *wanted, "{headers:?} {:.80}", body);
    }
    let wrong = [
        r#"{"operationType":"Read"}"#,
        r#"{"operationType":"Upsert"}"#,
        r#"{"operationType":"Upsert","resourceBody":[]}"#,
        r#"{"operationType":"Read","id":"1","partitionKey":"[\"q\"]"}"#,
    ];
    for operation in wrong {
        let response = bench.send(
            "POST",
            DOCS,
            &[IS_BATCH, ATOMIC, key],
            &format!("[{operation}]"),
        );
        assert_eq!(
            (response.status, statuses(&response)[0].0),
            (207, 400),
            "{operation}"
        );
    }
}

#[test]
fn writes_of_a_batch_can_be_answered_shortly() {
    let mut bench = with(1, json!({}));
    let operations = r#"[{"operationType":"Upsert","resourceBody":{"id":"1","pk":"p","n":18446744073709551615}},{"operationType":"Read","id":"1"}]"#;
    let headers = [
        IS_BATCH,
        ATOMIC,
        pk(r#"["p"]"#),
        ("prefer", "return=minimal"),
    ];
    let answer = bench.send("POST", DOCS, &headers, operations);
    let lines = body(&answer);
    assert!(lines[0]["resourceBody"].is_null() && lines[0]["eTag"].is_string());
    assert!(text(&answer).contains(r#""n":18446744073709551615"#));
    let etag = lines[0]["eTag"].as_str().unwrap();
    let known = json!([{"operationType": "Read", "id": "1", "ifNoneMatch": etag}]);
    assert_eq!(statuses(&batch(&mut bench, &known)), [(304, 0)]);
}

#[test]
fn a_reader_may_only_read_in_batches() {
    let mut bench = filled(1, 1);
    bench.token = Some(token::mint(&Claims {
        aud: "https://cosmos.azure.com".into(),
        oid: "p".into(),
        tid: "t".into(),
        exp: bench.now + 60,
        ..Claims::default()
    }));
    let assignment = RoleAssignment {
        role_definition: "00000000-0000-0000-0000-000000000001".into(),
        scope: String::new(),
        principal: "p".into(),
    };
    bench.world.role_assignments.insert("g".into(), assignment);
    let read = json!({"operationType": "Read", "id": "0"});
    let upsert = json!({"operationType": "Upsert", "resourceBody": {"id": "0", "pk": "p"}});
    assert_eq!(statuses(&batch(&mut bench, &json!([read]))), [(404, 0)]);
    let refused = batch(&mut bench, &json!([read, upsert]));
    assert_eq!(outcome(&refused), (403, 5302));
    assert!(text(&refused).contains("items/upsert]"));
    bench.world.account_unreadable = true;
    assert_eq!(outcome(&bench.send("GET", "/", &[], "")), (403, 5301));
    assert_eq!(
        bench
            .send("GET", &format!("{DOCS}/0"), &[pk(r#"["k0"]"#)], "")
            .status,
        200
    );
}
