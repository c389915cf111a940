//! Ranges that are split, and containers that are made anew, while somebody uses them.

use super::super::split::{Unable, before};
use super::*;

const FEED: (&str, &str) = ("A-IM", "Incremental Feed");
const RANGE: &str = "x-ms-documentdb-partitionkeyrangeid";
const RANGES: &str = "/dbs/d/colls/c/pkranges";

fn ranges(bench: &mut Bench, headers: &[(&str, &str)]) -> (Vec<Value>, String) {
    let listed = bench.send("GET", RANGES, headers, "");
    let etag = header(&listed, "etag").unwrap().to_owned();
    match listed.status {
        304 => (vec![], etag),
        _ => (
            body(&listed)["PartitionKeyRanges"]
                .as_array()
                .unwrap()
                .clone(),
            etag,
        ),
    }
}

fn numbers(rows: &[Value]) -> Vec<u64> {
    let mut numbers: Vec<u64> = rows.iter().map(|row| row.as_u64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_split_halves_what_is_there_and_is_seen_in_the_map() {
    let mut bench = filled(2, 40);
    let (old, etag) = ranges(&mut bench, &[FEED]);
    assert_eq!(old.len(), 2);
    let ids = bench.world.split("d", "c", Some("0")).unwrap();
    assert_eq!(ids, ["2", "3"]);
    let (new, next) = ranges(&mut bench, &[FEED, ("if-none-match", &etag)]);
    let of = |range: &Value| (range["id"].clone(), range["parents"].clone());
    let wanted = [(json!("2"), json!(["0"])), (json!("3"), json!(["0"]))];
    assert_eq!(new.iter().map(of).collect::<Vec<_>>(), wanted);
    assert_eq!(
        ranges(&mut bench, &[FEED, ("if-none-match", &next)]),
        (vec![], next)
    );
    let (all, _) = ranges(&mut bench, &[]);
    let fraction: f64 = all
        .iter()
        .map(|range| range["throughputFraction"].as_f64().unwrap())
        .sum();
    assert!((fraction - 1.0).abs() < 1e-9);
    for pair in all.windows(2) {
        assert_eq!(pair[0]["maxExclusive"], pair[1]["minInclusive"]);
    }
    let container = &bench.world.databases["d"].containers["c"];
    let counts: Vec<usize> = container
        .ranges
        .iter()
        .map(|range| range.items.len())
        .collect();
    assert!(
        counts[0].abs_diff(counts[1]) <= 4 && counts.iter().sum::<usize>() == 40,
        "{counts:?}"
    );
    let again = bench.world.split("d", "c", Some("3")).unwrap();
    assert_eq!(again, ["4", "5"]);
    let (all, _) = ranges(&mut bench, &[]);
    assert_eq!(all[1]["parents"], json!(["0", "3"]));
}

#[test]
fn the_map_is_read_in_pages() {
    let mut bench = empty(5);
    bench.world.create_database("d", None, 1);
    let definition = json!({"id": "c", "partitionKey": {"paths": ["/pk"], "version": 2}});
    let definition = definition.as_object().unwrap().clone();
    bench
        .world
        .create_container("d", definition, None, 1)
        .unwrap();
    bench.world.split("d", "c", Some("1")).unwrap();
    let two = ("x-ms-max-item-count", "2");
    let (mut all, mut from) = (vec![], None::<String>);
    loop {
        let mut headers = vec![FEED, two];
        headers.extend(from.as_deref().map(|etag| ("if-none-match", etag)));
        let (page, etag) = ranges(&mut bench, &headers);
        if page.is_empty() {
            break;
        }
        all.extend(
            page.into_iter()
                .map(|range| range["id"].as_str().unwrap().to_owned()),
        );
        from = Some(etag);
    }
    assert_eq!(all, ["0", "2", "3", "4", "5", "6"]);
    let first = bench.send("GET", RANGES, &[two], "");
    let token = header(&first, "x-ms-continuation").unwrap();
    let second = bench.send("GET", RANGES, &[two, ("x-ms-continuation", token)], "");
    assert_eq!(body(&second)["PartitionKeyRanges"][0]["id"], "6");
    let junk = bench.send("GET", RANGES, &[FEED, ("if-none-match", "x")], "");
    assert_eq!(junk.status, 400);
}

#[test]
fn who_names_the_parent_is_sent_away() {
    let mut bench = filled(1, 20);
    bench.world.split("d", "c", None).unwrap();
    let parent = (RANGE, "0");
    let batch = [("x-ms-cosmos-is-batch-request", "True"), parent];
    let operation = r#"[{"operationType":"Read","id":"1","partitionKey":"[\"k1\"]"}]"#;
    let answers = [
        bench.query(&[parent, CROSS], "SELECT * FROM c"),
        bench.send("GET", DOCS, &[parent], ""),
        bench.send("GET", DOCS, &[parent, FEED], ""),
        bench.send("POST", DOCS, &batch, operation),
    ];
    for answer in answers {
        assert_eq!(outcome(&answer), (410, 1002));
    }
    let found = bench.send("GET", &format!("{DOCS}/1"), &[pk(r#"["k1"]"#)], "");
    assert_eq!(found.status, 200);
}

/// Pages of one size, with a split after the first: each row comes once, whoever follows the children.
#[test]
fn pages_go_on_in_the_children() {
    for query in [
        "SELECT VALUE c.n FROM c",
        "SELECT VALUE x FROM c JOIN x IN c.l WHERE c.n < 10",
    ] {
        for size in ["1", "3", "7", "1000"] {
            let mut bench = filled(1, 40);
            let wanted = numbers(&bench.pages(&[CROSS], query).0);
            let count = ("x-ms-max-item-count", size);
            let (mut rows, mut token, mut page) = (vec![], None::<String>, 0);
            loop {
                let mut headers = vec![CROSS, count];
                headers.extend(token.as_deref().map(|token| ("x-ms-continuation", token)));
                let answer = bench.query(&headers, query);
                rows.extend(body(&answer)["Documents"].as_array().unwrap().clone());
                token = header(&answer, "x-ms-continuation").map(str::to_owned);
                page += 1;
                if page % 2 == 1 && page < 6 {
                    bench.world.split("d", "c", None).unwrap();
                }
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(numbers(&rows), wanted, "{query} {size}");
        }
    }
}

#[test]
fn a_client_that_fans_out_takes_its_tokens_to_the_children() {
    for query in [
        "SELECT VALUE c.n FROM c",
        "SELECT VALUE c.n FROM c ORDER BY c.n DESC",
    ] {
        let mut bench = filled(1, 40);
        let count = ("x-ms-max-item-count", "15");
        let first = bench.query(&[(RANGE, "0"), CROSS, count], query);
        let mut rows = body(&first)["Documents"].as_array().unwrap().clone();
        let token = header(&first, "x-ms-continuation").unwrap().to_owned();
        for child in bench.world.split("d", "c", None).unwrap() {
            let mut token = Some(token.clone());
            while let Some(at) = token {
                let headers = [
                    (RANGE, child.as_str()),
                    CROSS,
                    count,
                    ("x-ms-continuation", &at),
                ];
                let page = bench.query(&headers, query);
                assert_eq!(page.status, 200, "{}", text(&page));
                rows.extend(body(&page)["Documents"].as_array().unwrap().clone());
                token = header(&page, "x-ms-continuation").map(str::to_owned);
            }
        }
        assert_eq!(numbers(&rows), (0..40).collect::<Vec<_>>(), "{query}");
    }
}

#[test]
fn a_token_of_one_child_is_not_for_the_other() {
    let mut bench = filled(1, 40);
    let [one, two] = bench.world.split("d", "c", None).unwrap();
    let count = ("x-ms-max-item-count", "2");
    let query = "SELECT * FROM c";
    let first = bench.query(&[(RANGE, &one), CROSS, count], query);
    let token = (
        "x-ms-continuation",
        header(&first, "x-ms-continuation").unwrap(),
    );
    assert_eq!(
        bench.query(&[(RANGE, &two), CROSS, token], query).status,
        400
    );
    assert_eq!(
        bench.query(&[(RANGE, &one), CROSS, token], query).status,
        200
    );
}

#[test]
fn a_change_feed_goes_on_in_the_children() {
    let mut bench = filled(1, 40);
    let first = bench.send(
        "GET",
        DOCS,
        &[FEED, (RANGE, "0"), ("x-ms-max-item-count", "25")],
        "",
    );
    let count = |answer: &Response| match answer.status {
        304 => 0,
        _ => body(answer)["Documents"].as_array().unwrap().len(),
    };
    let mut total = count(&first);
    let token = header(&first, "x-ms-session-token").unwrap().to_owned();
    for child in bench.world.split("d", "c", None).unwrap() {
        let from = ("if-none-match", header(&first, "etag").unwrap());
        let session = ("x-ms-session-token", token.as_str());
        total += count(&bench.send("GET", DOCS, &[FEED, (RANGE, &child), from, session], ""));
    }
    assert_eq!(total, 40);
}

#[test]
fn a_parents_token_is_good_for_its_children() {
    let mut bench = filled(1, 20);
    let made = bench.put(r#"["k1"]"#, r#"{"id":"x","pk":"k1"}"#);
    let token = header(&made, "x-ms-session-token").unwrap().to_owned();
    bench.world.split("d", "c", None).unwrap();
    let path = format!("{DOCS}/x");
    let key = pk(r#"["k1"]"#);
    let read = bench.send("GET", &path, &[key, ("x-ms-session-token", &token)], "");
    assert_eq!(read.status, 200);
    let ahead = bench.send("GET", &path, &[key, ("x-ms-session-token", "0:-1#900")], "");
    assert_eq!(outcome(&ahead), (404, 1002));
}

#[test]
fn a_container_made_anew_is_another_one() {
    let mut bench = filled(2, 10);
    let old = bench.send("GET", "/dbs/d/colls/c", &[], "");
    let old_rid = body(&old)["_rid"].as_str().unwrap().to_owned();
    let item = bench.send("GET", &format!("{DOCS}/1"), &[pk(r#"["k1"]"#)], "");
    let link = format!("/{}", body(&item)["_self"].as_str().unwrap());
    let page = bench.query(&[CROSS, ("x-ms-max-item-count", "1")], "SELECT * FROM c");
    let token = header(&page, "x-ms-continuation").unwrap().to_owned();
    let rid = bench.world.recreate("d", "c", bench.now).unwrap();
    assert_ne!(rid, old_rid);
    let now = bench.send("GET", "/dbs/d/colls/c", &[], "");
    assert_eq!(body(&now)["partitionKey"], body(&old)["partitionKey"]);
    let key = pk(r#"["k1"]"#);
    let intended = ("x-ms-cosmos-intended-collection-rid", old_rid.as_str());
    let path = format!("{DOCS}/1");
    assert_eq!(
        outcome(&bench.send("GET", &path, &[key, intended], "")),
        (400, 1024)
    );
    assert_eq!(outcome(&bench.send("GET", &link, &[key], "")), (404, 1003));
    assert_eq!(outcome(&bench.send("GET", &path, &[key], "")), (404, 0));
    let stale = [CROSS, ("x-ms-continuation", token.as_str())];
    assert_eq!(bench.query(&stale, "SELECT * FROM c").status, 400);
    assert!(matches!(
        bench.world.recreate("d", "x", 1),
        Err(Unable::Absent(_))
    ));
    assert!(matches!(
        bench.world.split("d", "c", Some("9")),
        Err(Unable::Absent(_))
    ));
}

#[test]
fn a_split_can_be_right_before_a_request() {
    let mut bench = filled(1, 10);
    let rid = body(&bench.send("GET", "/dbs/d/colls/c", &[], ""))["_self"].clone();
    let by_rid = format!("/{}docs", rid.as_str().unwrap());
    for (path, named) in [
        (DOCS, "0"),
        (by_rid.as_str(), "1"),
        ("/dbs/x/colls/c/docs", "0"),
        ("/%zz", "0"),
    ] {
        let request = Request {
            method: "GET".into(),
            target: path.into(),
            headers: vec![(RANGE.into(), named.into())],
            body: vec![],
        };
        before(&mut bench.world, &request);
    }
    let (all, _) = ranges(&mut bench, &[]);
    let ids: Vec<&str> = all
        .iter()
        .map(|range| range["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["3", "4", "2"]);
}
