//! Partial updates.

use super::*;

const ITEM: &str = "/dbs/d/colls/c/docs/1";

fn patched(bench: &mut Bench, headers: &[(&str, &str)], patch: &str) -> Response {
    let mut all = vec![pk(r#"["a"]"#)];
    all.extend(headers);
    bench.send("PATCH", ITEM, &all, patch)
}

#[test]
fn a_patch_changes_members_and_keeps_the_others() {
    let mut bench = with(2, json!({}));
    let made = bench.put(
        r#"["a"]"#,
        r#"{"z":9007199254740993,"id":"1","pk":"a","n":1}"#,
    );
    let patch = r#"{"operations":[{"op":"incr","path":"/n","value":2},{"op":"set","path":"/o","value":{"x":[]}},{"op":"add","path":"/o/x/-","value":1.50}]}"#;
    let answer = patched(&mut bench, &[("content-type", "text/plain")], patch);
    assert_eq!(answer.status, 200, "{}", text(&answer));
    let wanted = r#"{"z":9007199254740993,"id":"1","pk":"a","n":3,"o":{"x":[1.5]},"_rid":""#;
    assert!(text(&answer).starts_with(wanted), "{}", text(&answer));
    assert_eq!(body(&answer)["_rid"], body(&made)["_rid"]);
    let read = bench.send("GET", ITEM, &[pk(r#"["a"]"#)], "");
    assert_eq!(read.body, answer.body);
    assert_eq!(header(&read, "etag"), header(&answer, "etag"));
    assert_ne!(header(&made, "etag"), header(&answer, "etag"));
    let quiet = [("prefer", "return=minimal")];
    let answer = patched(&mut bench, &quiet, r#"[{"op":"remove","path":"/o"}]"#);
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(header(&answer, "etag").is_some());
}

#[test]
fn a_patch_that_fails_changes_nothing() {
    let mut bench = with(
        1,
        json!({"uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/u"]}]}}),
    );
    let made = bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a","n":1,"u":1}"#);
    bench.put(r#"["a"]"#, r#"{"id":"2","pk":"a","u":2}"#);
    let stale = ("if-match", "\"x\"");
    let rows = [
        (
            None,
            r#"[{"op":"incr","path":"/n","value":1},{"op":"replace","path":"/x","value":1}]"#,
            (400, 0),
        ),
        (
            None,
            r#"{"condition":"from c where c.n = 2","operations":[{"op":"incr","path":"/n","value":1}]}"#,
            (412, 1110),
        ),
        (
            Some(stale),
            r#"[{"op":"incr","path":"/n","value":1}]"#,
            (412, 0),
        ),
        (None, r#"[{"op":"set","path":"/u","value":2}]"#, (409, 0)),
        (None, r#"[{"op":"set","path":"/ttl","value":0}]"#, (400, 0)),
        (None, r#"[{"op":"set","path":"/pk","value":"b"}]"#, (400, 0)),
    ];
    for (condition, patch, wanted) in rows {
        let headers: Vec<_> = condition.into_iter().collect();
        assert_eq!(
            outcome(&patched(&mut bench, &headers, patch)),
            wanted,
            "{patch}"
        );
    }
    let read = bench.send("GET", ITEM, &[pk(r#"["a"]"#)], "");
    assert_eq!(read.body, made.body);
    let absent = bench.send(
        "PATCH",
        "/dbs/d/colls/c/docs/9",
        &[pk(r#"["a"]"#)],
        r#"[{"op":"remove","path":"/n"}]"#,
    );
    assert_eq!(absent.status, 404);
}

#[test]
fn every_level_of_a_key_is_kept_from_patches() {
    let key = json!({"paths": ["/t/a", "/u"], "kind": "MultiHash", "version": 2});
    let mut bench = with(3, json!({ "partitionKey": key }));
    bench.put(r#"["x",1]"#, r#"{"id":"1","t":{"a":"x","b":1},"u":1}"#);
    let rows = [("/t", 400), ("/t/a", 400), ("/u", 400), ("/t/b", 200)];
    for (path, wanted) in rows {
        let patch = json!([{"op": "set", "path": path, "value": 2}]).to_string();
        let answer = bench.send("PATCH", ITEM, &[pk(r#"["x",1]"#)], &patch);
        assert_eq!(answer.status, wanted, "{path}");
    }
}

#[test]
fn items_are_written_by_their_rids_too() {
    let mut bench = with(2, json!({}));
    let made = bench.put(r#"["a"]"#, r#"{"id":"a/b","pk":"a"}"#);
    let link = format!("/{}", body(&made)["_self"].as_str().unwrap());
    let key = pk(r#"["a"]"#);
    let patch = bench.send(
        "PATCH",
        &link,
        &[key],
        r#"[{"op":"add","path":"/n","value":1}]"#,
    );
    assert_eq!(body(&patch)["n"], 1);
    let put = bench.send("PUT", &link, &[key], r#"{"id":"a/b","pk":"a","n":2}"#);
    assert_eq!(body(&put)["n"], 2);
    assert_eq!(bench.send("DELETE", &link, &[key], "").status, 204);
    assert_eq!(bench.send("GET", &link, &[key], "").status, 404);
}
