//! What has changed in a range.

use super::*;

const FEED: (&str, &str) = ("A-IM", "Incremental Feed");
const RANGE: (&str, &str) = ("x-ms-documentdb-partitionkeyrangeid", "0");

fn ids(response: &Response) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", text(response));
    let found = body(response)["Documents"].as_array().unwrap().clone();
    assert_eq!(
        header(response, "x-ms-item-count").unwrap(),
        found.len().to_string()
    );
    found
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

fn etag(response: &Response) -> String {
    header(response, "etag").unwrap().to_owned()
}

fn feed(bench: &mut Bench, headers: &[(&str, &str)]) -> Response {
    let mut all = vec![FEED];
    all.extend(headers);
    bench.send("GET", DOCS, &all, "")
}

#[test]
fn changes_come_once_each_in_the_order_they_were_made() {
    let mut bench = filled(1, 5);
    let item = r#"{"id":"1","pk":"k1","n":9007199254740993}"#;
    bench.send("PUT", &format!("{DOCS}/1"), &[pk(r#"["k1"]"#)], item);
    bench.send("DELETE", &format!("{DOCS}/3"), &[pk(r#"["k3"]"#)], "");
    let two = ("x-ms-max-item-count", "2");
    let first = feed(&mut bench, &[RANGE, two]);
    assert_eq!(ids(&first), ["0", "2"]);
    let second = feed(&mut bench, &[RANGE, two, ("if-none-match", &etag(&first))]);
    assert_eq!(ids(&second), ["4", "1"]);
    assert!(text(&second).contains("9007199254740993"));
    let lsn = &body(&second)["Documents"][1]["_lsn"];
    assert_eq!(header(&first, "lsn").unwrap(), "8");
    assert_eq!(lsn, 7);
    let drained = feed(&mut bench, &[RANGE, ("if-none-match", &etag(&second))]);
    assert_eq!((drained.status, drained.body.len()), (304, 0));
    assert_eq!(etag(&drained), "\"8\"");
    bench.put(r#"["k9"]"#, r#"{"id":"new","pk":"k9"}"#);
    let next = feed(&mut bench, &[RANGE, ("if-none-match", &etag(&drained))]);
    assert_eq!(ids(&next), ["new"]);
}

#[test]
fn a_feed_begins_where_it_is_told() {
    let mut bench = filled(1, 2);
    let now = feed(&mut bench, &[RANGE, ("if-none-match", "*")]);
    assert_eq!(now.status, 304);
    bench.now += 100;
    let since = date::format(bench.now);
    bench.put(r#"["k1"]"#, r#"{"id":"late","pk":"k1"}"#);
    assert_eq!(
        ids(&feed(&mut bench, &[RANGE, ("if-modified-since", &since)])),
        ["late"]
    );
    assert_eq!(
        ids(&feed(&mut bench, &[RANGE, ("if-none-match", &etag(&now))])),
        ["late"]
    );
    assert_eq!(ids(&feed(&mut bench, &[pk(r#"["k1"]"#)])), ["1", "late"]);
    assert_eq!(
        ids(&feed(
            &mut bench,
            &[RANGE, ("a-im", "ignored, for it is the second")]
        ))
        .len(),
        3
    );
}

#[test]
fn what_is_no_change_feed() {
    let mut bench = filled(3, 5);
    let kind = ("x-ms-read-key-type", "EffectivePartitionKeyRange");
    let single = ("x-ms-read-key-type", "EffectivePartitionKey");
    let (from, to) = (("x-ms-start-epk", ""), ("x-ms-end-epk", "FF"));
    let zero = ("x-ms-start-epk", "00");
    type Row<'r> = (&'r [(&'r str, &'r str)], (u16, u16));
    let rows: &[Row] = &[
        (&[FEED], (400, 0)),
        (&[FEED, RANGE], (200, 0)),
        (&[("A-IM", "incremental feed"), RANGE], (200, 0)),
        (&[("A-IM", "Full-Fidelity Feed"), RANGE], (501, 0)),
        (&[("A-IM", "everything"), RANGE], (400, 0)),
        (
            &[
                FEED,
                RANGE,
                ("x-ms-cosmos-changefeed-wire-format-version", "2031-09-15"),
            ],
            (501, 0),
        ),
        (
            &[FEED, ("x-ms-documentdb-partitionkeyrangeid", "7")],
            (410, 1002),
        ),
        (&[FEED, RANGE, ("if-none-match", "5")], (400, 0)),
        (&[FEED, RANGE, ("if-none-match", "\"x\"")], (400, 0)),
        (&[FEED, RANGE, ("if-modified-since", "yesterday")], (400, 0)),
        (&[FEED, RANGE, ("x-ms-max-item-count", "x")], (400, 0)),
        (
            &[FEED, RANGE, ("x-ms-session-token", "0:-1#900")],
            (404, 1002),
        ),
        (&[FEED, kind, zero, to], (410, 1002)),
        (&[FEED, RANGE, kind, zero, to], (200, 0)),
        (&[FEED, RANGE, single, zero, to], (400, 0)),
        (&[FEED, RANGE, kind, from, to], (200, 0)),
        (&[FEED, RANGE, kind, from], (501, 0)),
    ];
    for (headers, wanted) in rows {
        let response = bench.send("GET", DOCS, headers, "");
        assert_eq!(
            outcome(&response),
            *wanted,
            "{headers:?} {}",
            text(&response)
        );
    }
}

#[test]
fn a_hierarchy_is_followed_by_the_range_of_a_prefix() {
    let key = json!({"partitionKey": {"paths": ["/t", "/u"], "kind": "MultiHash", "version": 2}});
    let mut bench = with(1, key);
    for (id, tenant) in [("1", "a"), ("2", "b"), ("3", "a")] {
        let item = json!({"id": id, "t": tenant, "u": id}).to_string();
        bench.put(&format!(r#"["{tenant}","{id}"]"#), &item);
    }
    let ranges = bench.world.databases["d"].containers["c"].ranges[0]
        .items
        .keys();
    let epk = ranges.map(|slot| slot.0.clone()).collect::<Vec<_>>();
    let prefix = |id: &str| {
        let items = &bench.world.databases["d"].containers["c"].ranges[0].items;
        let (slot, _) = items.iter().find(|((_, _, own), _)| own == id).unwrap();
        slot.0[..32].to_owned()
    };
    assert_eq!(
        (epk.len(), epk[0].len(), prefix("1") == prefix("3")),
        (3, 64, true)
    );
    let (min, max) = (prefix("1"), format!("{}FF", prefix("1")));
    let kind = ("x-ms-read-key-type", "EffectivePartitionKeyRange");
    let bounds = [
        ("x-ms-start-epk", min.as_str()),
        ("x-ms-end-epk", max.as_str()),
        kind,
    ];
    assert_eq!(ids(&feed(&mut bench, &bounds)), ["1", "3"]);
    assert_eq!(ids(&feed(&mut bench, &[pk(r#"["a"]"#)])), ["1", "3"]);
    assert_eq!(ids(&feed(&mut bench, &[pk(r#"["a","3"]"#)])), ["3"]);
    let asked = bench.query(
        &[bounds[0], bounds[1], kind, RANGE, CROSS],
        "SELECT * FROM c",
    );
    assert_eq!(ids(&asked), ["1", "3"]);
}

#[test]
fn expired_items_have_not_changed() {
    let mut bench = with(1, json!({"defaultTtl": 10}));
    bench.put(r#"["a"]"#, r#"{"id":"1","pk":"a"}"#);
    bench.put(r#"["a"]"#, r#"{"id":"2","pk":"a","ttl":-1}"#);
    bench.now += 10;
    assert_eq!(ids(&feed(&mut bench, &[RANGE])), ["2"]);
    let wanted = ("x-ms-documentdb-populatequotainfo", "True");
    let read = bench.send("GET", "/dbs/d/colls/c", &[wanted], "");
    assert!(
        header(&read, "x-ms-resource-usage")
            .unwrap()
            .contains("documentsCount=1;")
    );
    assert!(
        header(
            &read,
            "x-ms-documentdb-collection-index-transformation-progress"
        )
        .is_some()
    );
}
