//! What each range answers: rewritten queries, pages cut anywhere, and ranges split between two pages.

use super::*;
const RANGE: &str = "x-ms-documentdb-partitionkeyrangeid";
const TOKEN: &str = "x-ms-continuation";

const ORDERED: &str = "SELECT c._rid, [{\"item\": c.n}] AS orderByItems, {\"id\": c.id} AS payload\nFROM c\nWHERE (true)\nORDER BY c.n";
const GROUPED: &str = "SELECT [{\"item\": c.g}] AS groupByItems, {\"g\": c.g, \"n\": {\"item\": COUNT(1)}} AS payload\nFROM c\nGROUP BY c.g";
const COUNTED: &str = "SELECT VALUE [{\"item\": COUNT(1)}]\nFROM c";

/// Forty items: a number, one of four groups, and every type there is in turn.
fn mixed(partitions: usize) -> Bench {
    let mut bench = with(partitions, json!({}));
    let values = [
        "null",
        "true",
        "false",
        "-1",
        "0.5",
        "9007199254740993",
        "\"\\uffff\"",
        "\"\\ud83d\\ude00\"",
        "\"a\"",
        "[1]",
        "{\"b\":1}",
    ];
    for number in 0..40 {
        let pk = format!("k{}", number % 13);
        let n = match values.get(number % 12) {
            Some(value) => format!(",\"n\":{value}"),
            None => String::new(),
        };
        let text = format!(r#"{{"id":"i{number}","pk":"{pk}","g":{}{n}}}"#, number % 4);
        bench.put(&format!(r#"["{pk}"]"#), &text);
    }
    bench
}

fn ids(bench: &Bench) -> Vec<String> {
    let ranges = bench.world.databases["d"].containers["c"].ranges.iter();
    ranges.map(|range| range.id.clone()).collect()
}

/// Cuts a range in two.
fn split(bench: &mut Bench, at: usize) {
    let id = ids(bench)[at].clone();
    bench.world.split("d", "c", Some(&id)).unwrap();
}

fn sorted(mut rows: Vec<Value>) -> Vec<String> {
    let mut texts: Vec<String> = rows.drain(..).map(|row| row.to_string()).collect();
    texts.sort();
    texts
}

fn first(bench: &mut Bench, range: &str, size: &str, query: &str) -> (Vec<Value>, Option<String>) {
    let response = bench.query(
        &[CROSS, (RANGE, range), ("x-ms-max-item-count", size)],
        query,
    );
    assert_eq!(response.status, 200, "{}", text(&response));
    let rows = body(&response)["Documents"].as_array().unwrap().clone();
    (rows, header(&response, TOKEN).map(str::to_owned))
}

/// All rows from a token on.
fn rest(bench: &mut Bench, headers: &[(&str, &str)], query: &str, token: &str) -> Vec<Value> {
    let (mut rows, mut token) = (Vec::new(), Some(token.to_owned()));
    while let Some(at) = token {
        let mut all = headers.to_vec();
        all.push((TOKEN, &at));
        let response = bench.query(&all, query);
        assert_eq!(response.status, 200, "{}", text(&response));
        rows.extend(body(&response)["Documents"].as_array().unwrap().clone());
        token = header(&response, TOKEN).map(str::to_owned);
    }
    rows
}

#[test]
fn ranges_answer_in_the_order_clients_merge_by() {
    let mut bench = mixed(1);
    let (rows, _) = bench.pages(&[CROSS, (RANGE, "0")], ORDERED);
    assert_eq!(rows.len(), 40);
    let items: Vec<String> = rows
        .iter()
        .map(|row| row["orderByItems"].to_string())
        .collect();
    let mut kinds = items.clone();
    kinds.dedup();
    // A pair of surrogates comes before U+FFFF, though it is a greater character.
    let wanted = [
        "[{}]",
        "[{\"item\":null}]",
        "[{\"item\":false}]",
        "[{\"item\":true}]",
        "[{\"item\":-1}]",
        "[{\"item\":0.5}]",
        "[{\"item\":9007199254740993}]",
        "[{\"item\":\"a\"}]",
        "[{\"item\":\"\u{1f600}\"}]",
        "[{\"item\":\"\u{ffff}\"}]",
        "[{\"item\":[1]}]",
        "[{\"item\":{\"b\":1}}]",
    ];
    assert_eq!(kinds, wanted);
    assert!(
        rows.iter()
            .all(|row| row["_rid"].is_string() && row["payload"]["id"].is_string())
    );
    let window = "SELECT TOP 3 c._rid, [{\"item\": c.n}] AS orderByItems, c.n AS payload\nFROM c\nWHERE ((true) AND IS_DEFINED(c.n))\nORDER BY c.n DESC";
    let (rows, _) = bench.pages(&[CROSS, (RANGE, "0")], window);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["payload"], json!({"b": 1}));
    let placeholder = ORDERED.replace("(true)", "({documentdb-formattableorderbyquery-filter})");
    let refused = bench.query(&[CROSS, (RANGE, "0")], &placeholder);
    assert_eq!(refused.status, 400);
    assert!(text(&refused).contains("SC1001"));
}

#[test]
fn partial_answers_have_the_forms_plans_give_them() {
    let mut bench = mixed(1);
    let mut one = |query: &str| {
        let (rows, _) = bench.pages(&[CROSS, (RANGE, "0")], query);
        assert_eq!(rows.len(), 1, "{query}");
        rows[0].clone()
    };
    let average = "SELECT VALUE [{\"item\": {\"sum\": SUM(c.g), \"count\": COUNT(c.g)}}]\nFROM c";
    assert_eq!(one(average), json!([{"item": {"sum": 60, "count": 40}}]));
    let nothing = "SELECT VALUE [{\"item\": {\"sum\": SUM(c.x), \"count\": COUNT(c.x)}}]\nFROM c";
    assert_eq!(one(nothing), json!([{"item": {"sum": 0, "count": 0}}]));
    let spoilt = "SELECT VALUE [{\"item\": {\"sum\": SUM(c.n), \"count\": COUNT(c.n)}}]\nFROM c";
    assert_eq!(one(spoilt), json!([{"item": {"count": 37}}]));
    let least = "SELECT VALUE [{\"item\": MIN(c.x), \"item2\": {\"min\": MIN(c.x), \"count\": COUNT(c.x)}}]\nFROM c";
    assert_eq!(one(least), json!([{"item2": {"count": 0}}]));
    let list = "SELECT {\"$1\": {\"item\": COUNTIF(c.g = 1)}, \"s\": {\"item\": MAKESET(c.g)}} AS payload\nFROM c";
    assert_eq!(
        one(list),
        json!({"payload": {"$1": {"item": 10}, "s": {"item": [0, 1, 2, 3]}}})
    );
    let key = [CROSS, pk(r#"["k1"]"#)];
    let (rows, _) = bench.pages(&key, GROUPED);
    let total: u64 = rows
        .iter()
        .filter_map(|row| row["payload"]["n"]["item"].as_u64())
        .sum();
    assert_eq!(total, 3);
}

#[test]
fn ragged_pages_lose_and_repeat_nothing() {
    let mut bench = mixed(3);
    let queries = [
        "SELECT * FROM c",
        ORDERED,
        "SELECT TOP 5 * FROM c",
        "SELECT c.id, t.k FROM c JOIN (SELECT VALUE {'k': c.g}) AS t",
    ];
    let (mut blanks, mut parts) = (0, 0);
    for range in ids(&bench) {
        let headers = [CROSS, (RANGE, range.as_str())];
        for query in queries {
            bench.world.ragged_pages = None;
            let (whole, _) = bench.pages(&headers, query);
            for seed in 0..12 {
                bench.world.ragged_pages = Some(seed);
                let (rows, empty) = bench.pages(&headers, query);
                assert_eq!(rows, whole, "{query} {seed}");
                blanks += empty;
            }
        }
        bench.world.ragged_pages = None;
        let whole = bench.pages(&headers, COUNTED).0[0][0]["item"]
            .as_u64()
            .unwrap();
        for seed in 0..12 {
            bench.world.ragged_pages = Some(seed);
            let (rows, _) = bench.pages(&headers, COUNTED);
            let counts = rows.iter().map(|row| row[0]["item"].as_u64().unwrap());
            assert_eq!(counts.sum::<u64>(), whole, "{seed}");
            parts += rows.len();
            // The whole query is answered whole.
            let (rows, _) = bench.pages(&headers, "SELECT VALUE COUNT(1) FROM c");
            assert_eq!(rows, [json!(whole)]);
        }
    }
    assert!(blanks > 36 && parts > 72, "{blanks} {parts}");
    bench.world.ragged_pages = Some(1);
    assert_eq!(bench.pages(&[CROSS], queries[0]).0.len(), 40);
}

#[test]
fn parts_of_groups_add_up() {
    let mut bench = mixed(1);
    for (seed, size) in (0..12).zip(["1", "3", "-1"].iter().cycle()) {
        bench.world.ragged_pages = Some(seed);
        let headers = [CROSS, (RANGE, "0"), ("x-ms-max-item-count", *size)];
        let (rows, _) = bench.pages(&headers, GROUPED);
        assert!(rows.len() > 4, "{seed}");
        for group in 0..4 {
            let own = rows
                .iter()
                .filter(|row| row["groupByItems"][0]["item"] == group);
            let counts = own.map(|row| row["payload"]["n"]["item"].as_u64().unwrap());
            assert_eq!(counts.sum::<u64>(), 10, "{seed}");
        }
    }
}

#[test]
fn rows_are_distinct_to_a_page_and_no_further() {
    let mut bench = mixed(1);
    let query = "SELECT DISTINCT c.g FROM c";
    let headers = [CROSS, (RANGE, "0")];
    assert_eq!(bench.pages(&headers, query).0.len(), 4);
    let small = [CROSS, (RANGE, "0"), ("x-ms-max-item-count", "3")];
    let (rows, _) = bench.pages(&small, query);
    assert!(rows.len() > 4);
    for page in rows.chunks(3) {
        let texts = sorted(page.to_vec());
        assert!(texts.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

#[test]
fn a_token_outlives_the_split_of_its_range() {
    let queries = [
        "SELECT c.id FROM c",
        ORDERED,
        "SELECT TOP 9 c.id FROM c ORDER BY c.id",
        "SELECT c.id FROM c OFFSET 2 LIMIT 7",
    ];
    for query in queries {
        for size in ["1", "3"] {
            let mut bench = mixed(2);
            let (whole, _) = bench.pages(&[CROSS, (RANGE, "0")], query);
            let (mut rows, token) = first(&mut bench, "0", size, query);
            let token = token.unwrap();
            split(&mut bench, 0);
            let gone = bench.query(&[CROSS, (RANGE, "0"), (TOKEN, &token)], query);
            assert_eq!(outcome(&gone), (410, 1002));
            for child in ["2", "3"] {
                let headers = [CROSS, (RANGE, child), ("x-ms-max-item-count", size)];
                let own = rest(&mut bench, &headers, query, &token);
                assert!(!own.is_empty(), "{query}");
                rows.extend(own);
            }
            assert_eq!(sorted(rows), sorted(whole), "{query}");
            let foreign = bench.query(&[CROSS, (RANGE, "1"), (TOKEN, &token)], query);
            assert_eq!(foreign.status, 400, "{query}");
        }
    }
}

#[test]
fn groups_given_before_a_split_are_not_given_again() {
    let mut bench = mixed(2);
    let query = "SELECT [{\"item\": c.g}] AS groupByItems, {\"g\": c.g, \"n\": {\"item\": COUNT(1)}} AS payload FROM c GROUP BY c.g";
    let (whole, _) = bench.pages(&[CROSS, (RANGE, "0")], query);
    let (mut rows, token) = first(&mut bench, "0", "2", query);
    split(&mut bench, 0);
    for child in ["2", "3"] {
        rows.extend(rest(
            &mut bench,
            &[CROSS, (RANGE, child)],
            query,
            token.as_ref().unwrap(),
        ));
    }
    let count = |rows: &[Value], group: u64| -> u64 {
        let own = rows.iter().filter(|row| row["payload"]["g"] == group);
        own.filter_map(|row| row["payload"]["n"]["item"].as_u64())
            .sum()
    };
    for group in 0..4 {
        assert_eq!(count(&rows, group), count(&whole, group), "{group}");
    }
}

#[test]
fn a_feed_over_all_ranges_goes_on_through_splits() {
    for seed in [None, Some(3), Some(4)] {
        let mut bench = mixed(2);
        bench.world.ragged_pages = seed;
        let all = [CROSS, ("x-ms-max-item-count", "4")];
        let (mut rows, mut token, mut lists) = (Vec::new(), None::<String>, 0);
        for page in 0.. {
            let mut headers = all.to_vec();
            headers.extend(token.as_deref().map(|token| (TOKEN, token)));
            let response = bench.query(&headers, "SELECT c.id FROM c");
            assert_eq!(response.status, 200, "{}", text(&response));
            rows.extend(body(&response)["Documents"].as_array().unwrap().clone());
            token = header(&response, TOKEN).map(str::to_owned);
            let Some(token) = &token else { break };
            lists += usize::from(token.starts_with('['));
            if page == 1 || page == 3 {
                split(&mut bench, 0);
            }
        }
        assert!(lists > 0);
        let texts = sorted(rows);
        assert_eq!(texts.len(), 40, "{seed:?}");
        assert!(texts.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

#[test]
fn a_part_of_a_range_is_asked_by_its_bounds() {
    let mut bench = mixed(1);
    let (whole, _) = bench.pages(&[CROSS, (RANGE, "0")], ORDERED);
    let kind = ("x-ms-read-key-type", "EffectivePartitionKeyRange");
    let middle = "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    let mut rows = Vec::new();
    for (min, max) in [("00", middle), (middle, "FF")] {
        let bounds = [
            CROSS,
            (RANGE, "0"),
            kind,
            ("x-ms-start-epk", min),
            ("x-ms-end-epk", max),
            ("x-ms-max-item-count", "2"),
        ];
        let (own, _) = bench.pages(&bounds, ORDERED);
        assert!(!own.is_empty() && own.len() < whole.len());
        rows.extend(own);
    }
    assert_eq!(sorted(rows), sorted(whole));
}

#[test]
fn refusals_are_those_of_the_gateway() {
    let mut bench = mixed(2);
    let ask = ("x-ms-cosmos-is-query-plan-request", "True");
    let refused = bench.query(&[ask], "SELECT VALUE COUNT(1) FROM c");
    assert_eq!(outcome(&refused), (400, 0));
    let message = body(&refused)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the requested features:\\r\\nQuery contained Aggregate, which the calling client does not support."), "{message}");
    let told = bench.query(
        &[CROSS],
        "SELECT VALUE AVG(c.g) FROM c WHERE c.pk IN ('k1', 'k2')",
    );
    assert_eq!(outcome(&told), (400, 1004));
    let told = body(&told);
    assert_eq!(told["code"], "BadRequest");
    let plan: Value = serde_json::from_str(told["additionalErrorInfo"].as_str().unwrap()).unwrap();
    assert_eq!(plan["queryInfo"]["aggregates"], json!(["Average"]));
    assert_eq!(plan["queryRanges"][0]["min"], plan["queryRanges"][0]["max"]);
    let syntax = bench.query(&[CROSS], "SELECT * FROM c WHERE BADFUNC(c.a)");
    let message = body(&syntax)["message"].as_str().unwrap().to_owned();
    let errors = r#"Message: {"errors":[{"severity":"Error","location":{"start":22,"end":29},"code":"SC2005","message":"'BADFUNC' is not a recognized built-in function name."}]}"#;
    assert!(message.starts_with(errors), "{message}");
    let order = bench.query(&[CROSS], "SELECT * FROM c ORDER BY LOWER(c.a)");
    assert!(text(&order).contains(r#"\"code\":2206,\"#));
}

#[test]
fn a_query_tells_of_its_work_where_it_is_asked_to() {
    let mut bench = mixed(1);
    let asked = [
        CROSS,
        ("x-ms-documentdb-populatequerymetrics", "True"),
        ("x-ms-cosmos-populateindexmetrics", "True"),
    ];
    let response = bench.query(
        &asked,
        "SELECT * FROM c WHERE c.g = 1 AND c.a.b > 2 OR c.g = 2",
    );
    let metrics = header(&response, "x-ms-documentdb-query-metrics").unwrap();
    assert!(
        metrics.contains("retrievedDocumentCount=40;outputDocumentCount=10;"),
        "{metrics}"
    );
    let indexes = header(&response, "x-ms-cosmos-index-utilization").unwrap();
    let indexes: Value = serde_json::from_slice(&STANDARD.decode(indexes).unwrap()).unwrap();
    assert_eq!(
        indexes["UtilizedSingleIndexes"],
        json!([{"IndexSpec": "/g/?"}, {"IndexSpec": "/a/b/?"}])
    );
    let quiet = bench.query(&[CROSS], "SELECT * FROM c");
    assert_eq!(header(&quiet, "x-ms-cosmos-index-utilization"), None);
}
