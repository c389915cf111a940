//! All items of a key at once, and what the sandbox does not have.

use super::*;

const DELETE: &str = "/dbs/d/colls/c/operations/partitionkeydelete";
const PENDING: &str = "x-ms-cosmos-is-partition-key-delete-pending";

#[test]
fn all_items_of_a_key_go_at_once() {
    let mut bench = filled(3, 40);
    let answer = bench.send("POST", DELETE, &[pk(r#"["k1"]"#)], "");
    assert_eq!(
        (answer.status, answer.body.len()),
        (200, 0),
        "{}",
        text(&answer)
    );
    let all = bench.query(
        &[CROSS, ("x-ms-documentdb-partitionkeyrangeid", "0")],
        "SELECT * FROM c",
    );
    assert_eq!(header(&all, PENDING), Some("True"));
    assert_eq!(bench.pages(&[CROSS], "SELECT * FROM c").0.len(), 38);
    bench.now += 1;
    assert_eq!(
        header(&bench.query(&[CROSS], "SELECT * FROM c"), PENDING),
        Some("False")
    );
    let rows: &[(&str, &str, Option<&str>, u16)] = &[
        ("POST", DELETE, None, 400),
        ("POST", DELETE, Some("nonsense"), 400),
        (
            "POST",
            "/dbs/d/colls/c/operations/other",
            Some(r#"["k1"]"#),
            400,
        ),
        ("GET", DELETE, Some(r#"["k1"]"#), 501),
        (
            "POST",
            "/dbs/d/colls/x/operations/partitionkeydelete",
            Some(r#"["k1"]"#),
            404,
        ),
    ];
    for (method, path, key, wanted) in rows {
        let headers: Vec<_> = key.iter().map(|key| pk(key)).collect();
        let answer = bench.send(method, path, &headers, "");
        assert_eq!(answer.status, *wanted, "{method} {path} {key:?}");
    }
}

#[test]
fn all_keys_that_begin_alike_go_at_once() {
    let key = json!({"partitionKey": {"paths": ["/t", "/u"], "kind": "MultiHash", "version": 2}});
    let mut bench = with(4, key);
    for n in 0..12 {
        let (tenant, user) = (n % 2, n / 2);
        let item = json!({"id": "1", "t": tenant, "u": user}).to_string();
        bench.put(&format!("[{tenant},{user}]"), &item);
    }
    assert_eq!(bench.send("POST", DELETE, &[pk("[0]")], "").status, 200);
    let (rows, _) = bench.pages(&[CROSS], "SELECT VALUE c.t FROM c");
    assert_eq!(rows, [1, 1, 1, 1, 1, 1]);
    assert_eq!(bench.send("POST", DELETE, &[pk("[1,3]")], "").status, 200);
    assert_eq!(bench.pages(&[CROSS], "SELECT * FROM c").0.len(), 5);
}

#[test]
fn what_the_sandbox_lacks_it_names() {
    let mut bench = filled(1, 1);
    let rows = [
        ("POST", "/dbs/d/colls/c/sprocs", "stored procedures"),
        ("GET", "/dbs/d/colls/c/sprocs/s", "stored procedures"),
        ("POST", "/dbs/d/colls/c/sprocs/s", "stored procedures"),
        ("POST", "/dbs/d/colls/c/triggers", "triggers"),
        ("GET", "/dbs/d/users", "users"),
    ];
    for (method, path, what) in rows {
        let answer = bench.send(method, path, &[pk(r#"["k0"]"#)], "[]");
        assert_eq!(answer.status, 501, "{method} {path}");
        assert!(text(&answer).contains(&format!("The sandbox does not have {what}.")));
    }
}

#[test]
fn directives_are_taken_or_refused() {
    let mut bench = with(1, json!({}));
    for (n, (directive, wanted)) in [
        ("Include", 201),
        ("exclude", 201),
        ("1", 201),
        ("some", 400),
    ]
    .into_iter()
    .enumerate()
    {
        let item = json!({"id": n.to_string(), "pk": "a"}).to_string();
        let headers = [pk(r#"["a"]"#), ("x-ms-indexing-directive", directive)];
        assert_eq!(
            bench.send("POST", DOCS, &headers, &item).status,
            wanted,
            "{directive}"
        );
    }
}
