//! The real binary against the real sandbox, over sockets: the tutorial, the edges of it, and faults.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::io::{BufRead, BufReader};

use rawcosmos::sandbox::world::World;
use serde_json::{Value, json};
use support::wire::Wire;
use support::{Place, Run, Scratch, nobody};

const BIG: &str = r#"{"id":"1","pk":"a","z":9007199254740993,"a":18446744073709551615}"#;

// ---- The tutorial, command by command

#[test]
fn the_tutorial_from_nothing_to_a_query_and_back() {
    let place = Place::new(&[]);
    let who = place.run("whoami").ok().json();
    assert_eq!(who["identity"], "system-assigned");
    assert_eq!(who["resourceGroup"], "sandbox-group");
    assert_eq!(who["audience"], "https://management.azure.com/");
    let token = place.run("token").ok().json();
    assert_eq!(token["audience"], "https://cosmos.azure.com");
    assert_eq!(token["objectId"], who["objectId"]);

    let made = place
        .run("database create -n shop")
        .ok()
        .says("made database shop");
    assert_eq!(made.json()["id"], "shop");
    place
        .run("container create -d shop -n orders -p /pk")
        .ok()
        .says("made container orders");
    let names = |line: &str| -> Vec<String> {
        let rows = place.run(line).ok().rows();
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(names("database list"), ["shop"]);
    assert_eq!(names("container list -d shop"), ["orders"]);

    place
        .orders("item read -i 1 -k a")
        .ends(5)
        .prints("")
        .says("fix")
        .says("rawcosmos grant --role data-");
    let granted = place
        .run("grant --role data-contributor --scope /dbs/shop")
        .ok()
        .json();
    let again = place
        .run("grant --role data-contributor --scope /dbs/shop")
        .ok()
        .json();
    assert_eq!(granted, again);
    assert_eq!(place.sandbox.with_world(|w| w.role_assignments.len()), 1);

    place.orders("item read -i 1 -k a").ends(3);
    place
        .orders(&format!("item create -b '{BIG}'"))
        .ok()
        .says("RU");
    let read = place.orders("item read -i 1 -k a").ok();
    assert!(read.out.starts_with(BIG.trim_end_matches('}')), "{read:#?}");
    let rows = place.orders("query 'SELECT * FROM c'").ok();
    assert_eq!(rows.out, read.out);
    assert!(read.says("1 item · 1 page · 1.00 RU").out.ends_with("}\n"));
    place.orders("item delete -i 1 -k a").ok().prints("");
    place.orders("item delete -i 1 -k a").ends(3);

    place
        .run("container delete -d shop -n orders")
        .ends(2)
        .says("--yes");
    place
        .run("container delete -d shop -n orders --yes")
        .ok()
        .prints("");
    place.run("database delete -n shop -y").ok();
    place.run("database delete -n shop -y").ends(3);
    place.run("database show -n shop").ends(3);
    place
        .run("grant --role data-contributor --scope /dbs/shop --revoke -y")
        .ok();
    assert!(place.sandbox.with_world(|w| w.role_assignments.is_empty()));
}

#[test]
fn a_scope_is_written_in_any_of_its_ways() {
    let place = Place::new(&[]);
    place.container("orders", &["/pk"]);
    let account = "/subscriptions/5a0db0c5-0000-4000-8000-000000000001/RESOURCEGROUPS/sandbox-group/providers/Microsoft.DocumentDB/databaseAccounts/sandbox-account";
    for (scope, kept) in [
        ("/", ""),
        ("/dbs/shop/", "/dbs/shop"),
        ("/dbs/shop/colls/orders", "/dbs/shop/colls/orders"),
        (account, ""),
        (&format!("{account}/dbs/shop"), "/dbs/shop"),
    ] {
        let grant = format!("grant --role data-reader --scope {scope}");
        place.run(&grant).ok();
        let kept_now = |world: &mut World| {
            let mut all = world.role_assignments.values();
            all.next().map(|assignment| assignment.scope.clone())
        };
        assert_eq!(
            place.sandbox.with_world(kept_now).as_deref(),
            Some(kept),
            "{scope}"
        );
        place.run(&format!("{grant} --revoke -y")).ok();
    }
}

#[test]
fn what_is_there_is_not_made_twice() {
    let place = Place::new(&[]);
    place.run("database create -n shop").ok();
    place
        .run("database create -n shop")
        .ends(6)
        .says("--if-not-exists");
    place
        .run("database create -n shop --if-not-exists")
        .ok()
        .says("already there");
    let make = "container create -d shop -n orders -p /pk";
    let first = place.run(make).ok().json();
    place.run(make).ends(6);
    let again = place
        .run(&format!("{make} --if-not-exists --ttl 5"))
        .ok()
        .json();
    assert_eq!(first["_etag"], again["_etag"]);
    place
        .run("container create -d shop -n orders -p /other --if-not-exists")
        .ends(6)
        .says("/pk");
    place.run("container create -d nowhere -n c -p /pk").ends(3);
}

#[test]
fn a_container_is_made_as_it_was_asked_for() {
    let place = Place::new(&[]);
    let index = r#"{"indexingMode":"consistent","automatic":true,"includedPaths":[{"path":"/sku/?"}],"excludedPaths":[{"path":"/*"}]}"#;
    let unique = r#"{"uniqueKeys":[{"paths":["/email"]}]}"#;
    let (index, unique) = (Scratch::new(index), Scratch::new(unique));
    place.run("database create -n shop --throughput 500").ok();
    let line = format!(
        "container create -d shop -n orders -p /pk --ttl -1 --max-throughput 4000 --idx @{} -u @{}",
        index.path(),
        unique.path()
    );
    let made = place.run(&line).ok().json();
    assert_eq!(made["defaultTtl"], -1);
    assert_eq!(made["indexingPolicy"]["includedPaths"][0]["path"], "/sku/?");
    assert_eq!(
        made["uniqueKeyPolicy"]["uniqueKeys"][0]["paths"],
        json!(["/email"])
    );
    let keys = "container create -d shop -n deep -p /tenant -p /user -p /session --throughput 400";
    let deep = place.run(keys).ok().json();
    assert_eq!(deep["partitionKey"]["kind"], "MultiHash");
    assert_eq!(
        deep["partitionKey"]["paths"],
        json!(["/tenant", "/user", "/session"])
    );
    let offers = place.sandbox.with_world(|world| {
        let shop = &world.databases["shop"];
        let of = |name: &str| format!("{:?}", shop.containers[name].offer);
        (format!("{:?}", shop.offer), of("orders"), of("deep"))
    });
    assert_eq!(offers.0, "Some(Manual(500))");
    assert_eq!(offers.1, "Some(Autoscale(4000))");
    assert_eq!(offers.2, "Some(Manual(400))");

    place.grant();
    place
        .orders(r#"item create -b '{"id":"1","pk":"a","email":"x@y"}'"#)
        .ok();
    place
        .orders(r#"item create -b '{"id":"2","pk":"a","email":"x@y"}'"#)
        .ends(6);
    for (wrong, said) in [
        ("-p /pk --throughput 400 --max-throughput 1000", "exclude"),
        ("-p /pk --ttl soon", "whole number"),
        ("-p /pk --idx '{'", "not JSON"),
        ("", "--partition-key-path"),
    ] {
        place
            .run(&format!("container create -d shop -n x {wrong}"))
            .ends(2)
            .says(said);
    }
}

#[test]
fn with_a_key_everything_goes_through_the_data_plane() {
    let place = Place::new(&[]);
    let key = place.key_file();
    let nowhere = Wire::deaf();
    let run = |line: &str| {
        place
            .prepare(line)
            .env("RAWCOSMOS_KEY_FILE", key.path())
            .env("RAWCOSMOS_IMDS_ENDPOINT", &nowhere.origin)
            .env("RAWCOSMOS_ARM_ENDPOINT", &nowhere.origin)
            .go()
    };
    assert_eq!(run("database create -n shop").ok().json()["id"], "shop");
    run("database create -n shop").ends(6);
    run("database create -n shop --if-not-exists").ok();
    assert_eq!(run("database show -n shop").ok().json()["id"], "shop");
    assert_eq!(run("database list").ok().rows().len(), 1);
    let make = "container create -d shop -n 'my orders+%' -p /pk --throughput 1000";
    assert_eq!(
        run(make).ok().json()["partitionKey"]["paths"],
        json!(["/pk"])
    );
    run(make).ends(6);
    run(&format!("{make} --if-not-exists")).ok();
    run("container create -d shop -n 'my orders+%' -p /other --if-not-exists").ends(6);
    let at = "-d shop -c 'my orders+%'";
    run(&format!("item create {at} -b '{BIG}'")).ok();
    run(&format!("item read {at} -i 1 -k a"))
        .ok()
        .shows("9007199254740993");
    assert_eq!(
        run(&format!("query 'SELECT VALUE 1 FROM c' {at}")).ok().out,
        "1\n"
    );
    assert_eq!(run("container list -d shop").ok().rows().len(), 1);
    run(&format!("item delete {at} -i 1 -k a")).ok();
    run("container delete -d shop -n 'my orders+%' -y").ok();
    run("database delete -n shop -y").ok();
    run("database delete -n shop -y").ends(3);
    // An address is not named after an account, and so no fix names one.
    let address = place
        .prepare("database delete -n shop -y")
        .env("RAWCOSMOS_KEY_FILE", key.path())
        .without("RAWCOSMOS_ACCOUNT_NAME")
        .without("RAWCOSMOS_RESOURCE_GROUP");
    let fix = "rawcosmos database create -n shop\n";
    address.go().ends(3).says(fix);
    run("grant --role data-reader").ends(2);
    assert_eq!(nowhere.connections(), 0);

    let wrong = Scratch::new("bm90IHRoZSBrZXk=");
    let refused = place
        .prepare("database list")
        .env("RAWCOSMOS_KEY_FILE", wrong.path());
    refused.go().ends(4);
    let piped = place
        .prepare("database list --key-file -")
        .input(place.key());
    piped.go().ok().prints("");
}

// ---- Items

#[test]
fn items_are_written_read_and_guarded_by_their_etag() {
    let place = Place::furnished(&[]);
    let made = place
        .orders(r#"item create -b '{"id":"1","pk":"a","n":1}'"#)
        .ok()
        .json();
    place
        .orders(r#"item create -b '{"id":"1","pk":"a","n":1}'"#)
        .ends(6)
        .prints("");
    let etag = made["_etag"].as_str().unwrap();
    let same = place.orders(&format!("item read -i 1 -k a --if-none-match '{etag}'"));
    same.ok().prints("").says("not modified");
    let changed = place
        .orders(r#"item upsert -b '{"id":"1","pk":"a","n":2}'"#)
        .ok()
        .json();
    assert_eq!(changed["n"], 2);
    place
        .orders(&format!("item read -i 1 -k a --if-none-match '{etag}'"))
        .ok()
        .shows("\"n\":2");
    for stale in [
        format!(r#"item replace -i 1 -b '{{"id":"1","pk":"a","n":3}}' --if-match '{etag}'"#),
        format!(r#"item upsert -b '{{"id":"1","pk":"a","n":3}}' --if-match '{etag}'"#),
        format!("item delete -i 1 -k a --if-match '{etag}'"),
    ] {
        place.orders(&stale).ends(6).prints("").says("412");
    }
    let etag = changed["_etag"].as_str().unwrap();
    let line = format!(r#"item replace -b '{{"id":"1","pk":"a","n":3}}' --if-match '{etag}'"#);
    assert_eq!(place.orders(&line).ok().json()["n"], 3);
    place
        .orders(r#"item replace -b '{"id":"none","pk":"a"}'"#)
        .ends(3);
    let file = Scratch::new(r#"{"id":"f","pk":"a"}"#);
    place
        .orders(&format!("item create -b @{}", file.path()))
        .ok();
    let piped = place.prepare("item create -d shop -c orders -b @-");
    piped.input(r#"{"id":"p","pk":"a"}"#).go().ok();
    assert_eq!(
        place
            .orders("query 'SELECT VALUE c.id FROM c' -k a")
            .ok()
            .out,
        "\"1\"\n\"f\"\n\"p\"\n"
    );
}

#[test]
fn a_partition_key_comes_from_the_body_or_is_said() {
    let place = Place::furnished(&[]);
    place.container("deep", &["/a", "/b"]);
    place.container("self", &["/id"]);
    for (body, key) in [
        (r#"{"id":"t","pk":"a b|+%ü"}"#, "-k 'a b|+%ü'"),
        (r#"{"id":"t","pk":"1"}"#, "-k 1"),
        (r#"{"id":"n","pk":1}"#, "--partition-key-json 1"),
        (r#"{"id":"n","pk":-0.5e3}"#, "--partition-key-json -500"),
        (r#"{"id":"b","pk":true}"#, "--partition-key-json true"),
        (r#"{"id":"z","pk":null}"#, "--partition-key-json null"),
        (r#"{"id":"u"}"#, "--partition-key-json {}"),
        (r#"{"id":"e","pk":""}"#, "-k ''"),
    ] {
        let id = serde_json::from_str::<Value>(body).unwrap()["id"].clone();
        let id = id.as_str().unwrap();
        place.orders(&format!("item create -b '{body}'")).ok();
        place
            .orders(&format!("item create -b '{body}' {key}"))
            .ends(6);
        place.orders(&format!("item read -i {id} {key}")).ok();
        place.orders(&format!("item delete -i {id} {key}")).ok();
    }
    // The key that is said and the one in the body must be the same.
    place
        .orders(r#"item create -b '{"id":"1","pk":1}' -k 1"#)
        .ends(1)
        .says("1001");

    let deep = |line: &str| place.run(&format!("{line} -d shop -c deep"));
    deep(r#"item create -b '{"id":"1","a":"x","b":1}'"#).ok();
    deep(r#"item read -i 1 --partition-key-json '["x",1]'"#).ok();
    deep("item read -i 1 -k x -k 1").ends(3);
    deep(r#"item create -b '{"id":"2","a":"x","b":"y"}' -k x -k y"#).ok();
    deep("item read -i 2 -k x -k y").ok();
    // The beginning of a key is enough for a query, and for nothing else.
    assert_eq!(deep("query 'SELECT * FROM c' -k x").ok().rows().len(), 2);
    deep("item read -i 2 -k x").ends(2).says("every level");
    assert_eq!(
        deep("query 'SELECT * FROM c' -k x -k y").ok().rows().len(),
        1
    );

    place
        .run(r#"item create -b '{"id":"me"}' -d shop -c self"#)
        .ok();
    place.run("item read -i me -d shop -c self").ok();
    place.orders("item read -i 1").ends(2).says("/pk");
    place
        .orders("item read -i 1 -k a --partition-key-json 1")
        .ends(2)
        .says("exclude");
    place
        .orders("item read -i 1 --partition-key-json nul")
        .ends(2);
}

#[test]
fn any_id_that_can_be_addressed_is() {
    let place = Place::furnished(&[]);
    let key = place.key_file();
    for id in [
        "a b",
        "100%",
        "a%20b",
        "a+b",
        "a|b",
        "naïve ☃ 🦀",
        "a'b\"c",
        "&=;:,@$",
        "...",
    ] {
        let body = json!({"id": id, "pk": "a"}).to_string();
        let in_orders = ["-d", "shop", "-c", "orders", "-k", "a"];
        let go = |words: &[&str], signed: bool| {
            let words = words.iter().chain(&in_orders);
            let mut run = Run::new(words).envs(place.variables());
            if signed {
                run = run.env("RAWCOSMOS_KEY_FILE", key.path());
            }
            run.go().ok()
        };
        assert_eq!(go(&["item", "create", "-b", &body], false).json()["id"], id);
        for signed in [false, true] {
            assert_eq!(go(&["item", "read", "-i", id], signed).json()["id"], id);
            assert_eq!(
                go(&["item", "replace", "-b", &body], signed).json()["id"],
                id
            );
        }
        go(&["item", "delete", "-i", id], true).prints("");
    }
}

#[test]
fn an_id_that_cannot_be_addressed_is_refused_before_anything_is_sent() {
    let deaf = Wire::deaf();
    let long = "x".repeat(1024);
    for id in ["a/b", "a#b", "a?b", r"a\b", ".", "..", "", "end ", &long] {
        let body = json!({"id": id, "pk": "a"}).to_string();
        let mut lines = vec![
            vec![
                "item", "create", "-b", &body, "-k", "a", "-d", "shop", "-c", "orders",
            ],
            vec!["item", "upsert", "-b", &body, "-d", "shop", "-c", "orders"],
            vec![
                "item", "read", "-i", "1", "-k", "a", "-d", id, "-c", "orders",
            ],
            vec!["query", "SELECT * FROM c", "-d", "shop", "-c", id],
            vec!["database", "delete", "--yes", "-n", id],
        ];
        // An item that has such an id all the same is reached by a batch; these no item has.
        if id.is_empty() || id.len() > 1023 {
            lines.extend([
                vec![
                    "item", "read", "-i", id, "-k", "a", "-d", "shop", "-c", "orders",
                ],
                vec!["item", "replace", "-b", &body, "-d", "shop", "-c", "orders"],
                vec![
                    "item", "delete", "-i", id, "-k", "a", "-d", "shop", "-c", "orders",
                ],
            ]);
        }
        for words in lines {
            toward(&deaf, Run::new(&words)).go().ends(2).prints("");
        }
    }
    for body in [
        "{",
        "[]",
        "1",
        "\"x\"",
        "{}",
        r#"{"id":1}"#,
        r#"{"id":"1"} {}"#,
        "",
    ] {
        let words = [
            "item", "create", "-d", "shop", "-c", "orders", "-k", "a", "-b", body,
        ];
        toward(&deaf, Run::new(words)).go().ends(2).prints("");
    }
    assert_eq!(deaf.connections(), 0);
}

fn toward(wire: &Wire, run: Run) -> Run {
    run.env("RAWCOSMOS_IMDS_ENDPOINT", &wire.origin)
        .env("RAWCOSMOS_ARM_ENDPOINT", &wire.origin)
        .env("RAWCOSMOS_ENDPOINT", &wire.origin)
        .env("RAWCOSMOS_SUBSCRIPTION", "s")
        .env("RAWCOSMOS_RESOURCE_GROUP", "g")
        .env("RAWCOSMOS_ACCOUNT_NAME", "a")
}

#[test]
fn payloads_come_back_letter_by_letter() {
    let place = Place::furnished(&[]);
    let made = place.orders(&format!("item create -b '{BIG}'")).ok();
    assert!(made.out.starts_with(BIG.trim_end_matches('}')), "{made:#?}");
    for line in [
        "item read -i 1 -k a",
        "query 'SELECT * FROM c'",
        "query 'SELECT * FROM c WHERE c.z = @z' -k a --param-json @z=9007199254740993",
    ] {
        place.orders(line).ok().prints(&made.out);
    }
    place
        .orders("item read -i 1 -k a --get /z")
        .ok()
        .prints("9007199254740993\n");
    place
        .orders("query 'SELECT VALUE c.a FROM c'")
        .ok()
        .prints("18446744073709551615\n");
    let odd = "{\"id\":\"2\",\"pk\":\"a\",\"t\":\"a\\u0000\\n<é☃>\u{7f}\",\"x\":[0.1,{}]}";
    let words = ["item", "create", "-d", "shop", "-c", "orders", "-b", odd];
    let made = Run::new(words).envs(place.variables()).go().ok();
    assert!(made.out.starts_with(odd.trim_end_matches('}')), "{made:#?}");
}

#[test]
fn a_cold_read_is_two_exchanges() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    let [imds, arm, cosmos] = place
        .sandbox
        .with_world(|w| [&w.imds, &w.arm, &w.cosmos].map(|o| Wire::to(o)));
    let read = place
        .prepare("item read -d shop -c orders -i 1 -k a")
        .env("RAWCOSMOS_IMDS_ENDPOINT", &imds.origin)
        .env("RAWCOSMOS_ARM_ENDPOINT", &arm.origin)
        .env("RAWCOSMOS_ENDPOINT", &cosmos.origin);
    read.go().ok().shows(r#"{"id":"1","pk":"a""#);
    assert_eq!(imds.requests().len(), 1);
    assert_eq!(cosmos.requests(), ["GET /dbs/shop/colls/orders/docs/1"]);
    assert_eq!(
        (imds.connections(), arm.connections(), cosmos.connections()),
        (1, 0, 1)
    );
}

// ---- Queries

fn ten_orders(place: &Place) {
    let key = place.key_file();
    for number in 0..10 {
        let body =
            json!({"id": format!("{number}"), "pk": format!("k{}", number % 5), "n": number});
        let line = format!("item create -d shop -c orders -b '{body}'");
        place
            .prepare(&line)
            .env("RAWCOSMOS_KEY_FILE", key.path())
            .go()
            .ok();
    }
}

#[test]
fn queries_take_parameters_keys_and_pages() {
    let place = Place::furnished(&[]);
    ten_orders(&place);
    let ids = |line: &str| -> Vec<String> {
        let rows = place
            .orders(&format!("query 'SELECT * FROM c WHERE {line}"))
            .ok()
            .rows();
        let mut ids: Vec<_> = rows
            .iter()
            .map(|r| r["id"].as_str().unwrap().to_string())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("true'").len(), 10);
    assert_eq!(ids("true' -k k1"), ["1", "6"]);
    assert_eq!(ids("c.pk = @k' --param @k=k2"), ["2", "7"]);
    assert_eq!(ids("c.n = @n' --param-json @n=3"), ["3"]);
    assert_eq!(ids("c.n = @n' --param @n=3"), [""; 0]);
    assert_eq!(
        ids("ARRAY_CONTAINS(@all, c.n) AND c.pk = @k' --param-json @all=[4,9,5] --param @k=k4"),
        ["4", "9"]
    );
    assert_eq!(ids("true' --page-size 1").len(), 10);
    assert_eq!(ids("true' --page-size 1 --max-items 3").len(), 3);
    assert_eq!(ids("true' --max-items 0").len(), 0);
    assert_eq!(
        place
            .orders("query 'SELECT c.n FROM c ORDER BY c.n DESC' -k k4")
            .ok()
            .out,
        "{\"n\":9}\n{\"n\":4}\n"
    );
    assert_eq!(
        place
            .orders("query 'SELECT VALUE COUNT(1) FROM c' -k k4")
            .ok()
            .out,
        "2\n"
    );
    let file = Scratch::new("SELECT VALUE c.n\nFROM c -- all of them\nWHERE c.pk = 'k3'\n");
    assert_eq!(
        place.orders(&format!("query -f {}", file.path())).ok().out,
        "3\n8\n"
    );
    place
        .orders("query 'SELEC * FROM c'")
        .ends(1)
        .prints("")
        .says("SC1001");
    place.orders("query").ends(2);
    place.orders("query 'SELECT * FROM c' --param n").ends(2);
    place
        .orders("query 'SELECT * FROM c' --param-json @n={")
        .ends(2);
}

#[test]
fn pages_may_be_empty_and_one_page_can_be_gone_on_with() {
    let place = Place::furnished(&[]);
    ten_orders(&place);
    // One item somewhere in four partitions: the other three answer with nothing, and a continuation.
    let found = place
        .orders("query 'SELECT * FROM c WHERE c.n = 7' --page-size 1 --trace=url")
        .ok();
    assert_eq!(found.rows().len(), 1);
    assert!(found.err.matches("POST").count() >= 4, "{found:#?}");
    let (mut seen, mut continuation) = (Vec::new(), String::new());
    for _ in 0..20 {
        let line =
            format!("query 'SELECT VALUE c.id FROM c' --page-size 3 --one-page {continuation}");
        let page = place.orders(&line).ok();
        seen.extend(page.out.lines().map(str::to_string));
        let Some((_, next)) = page.err.split_once("more with ") else {
            break;
        };
        continuation = next.trim().to_string();
    }
    seen.sort();
    assert_eq!(seen.len(), 10, "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), 10);
    place
        .orders("query 'SELECT * FROM c' --one-page --continuation nonsense")
        .ends(1);
}

#[test]
fn what_needs_merging_is_merged_but_not_page_by_page() {
    let place = Place::furnished(&[]);
    ten_orders(&place);
    for (text, rows) in [
        ("SELECT VALUE c.n FROM c ORDER BY c.n", 10),
        ("SELECT VALUE COUNT(1) FROM c", 1),
        ("SELECT DISTINCT c.pk FROM c", 5),
        ("SELECT * FROM c OFFSET 1 LIMIT 2", 2),
    ] {
        let merged = place.orders(&format!("query '{text}'")).ok();
        assert_eq!(merged.rows().len(), rows, "{merged:#?}");
        let refused = place
            .orders(&format!("query '{text}' --one-page"))
            .ends(1)
            .prints("");
        assert!(refused.err.contains("partition"), "{refused:#?}");
        assert!(refused.err.contains("-k KEY"), "{refused:#?}");
        place.orders(&format!("query '{text}' -k k1")).ok();
    }
}

#[test]
fn a_query_goes_on_in_another_run_even_after_a_split() {
    let place = Place::furnished(&[]);
    ten_orders(&place);
    let file = Scratch::new("");
    std::fs::remove_file(file.path()).unwrap();
    let next = |more: &str| {
        let line = format!(
            "query 'SELECT VALUE c.n FROM c ORDER BY c.n DESC' --state {} --page-size 3",
            file.path()
        );
        place.orders(&format!("{line} {more}"))
    };
    next("--max-items 4").ok().prints("9\n8\n7\n6\n");
    place.fault("query.split:2");
    next("--max-items 1").ok().prints("5\n");
    next("").ok().prints("4\n3\n2\n1\n0\n");
    next("").ok().prints("").says("0 items · 0 pages");
    // It belongs to one query, to one container, and to queries that can go on.
    let other = |text: &str| place.orders(&format!("query '{text}' --state {}", file.path()));
    other("SELECT VALUE c.n FROM c ORDER BY c.n")
        .ends(2)
        .says("another query");
    other("SELECT DISTINCT c.n FROM c").ends(2);
    std::fs::remove_file(file.path()).unwrap();
    other("SELECT VALUE COUNT(1) FROM c")
        .ends(2)
        .says("DISTINCT, GROUP BY");
}

// ---- Faults

/// Most of the time is spent waiting, and that can be done together.
fn at_once(faults: &[&str], test: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(|| test(fault));
        }
    });
}

#[test]
fn what_passes_is_waited_for() {
    let faults = [
        "429:3",
        "503:2",
        "449:2",
        "410/1002:1",
        "408:1",
        "500:1",
        "404/1002:1",
    ];
    at_once(&faults, |fault| {
        let place = Place::furnished(&[]);
        place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
        place.fault(fault);
        let read = place.orders("item read -i 1 -k a --trace=url").ok();
        assert!(read.err.contains("again in"), "{fault}: {read:#?}");
    });
    let place = Place::furnished(&["429"]);
    let busy = place.orders("item read -i 1 -k a");
    busy.ends(7).prints("");
}

#[test]
fn a_write_that_was_refused_unheard_is_sent_again() {
    for fault in ["429:3", "449:2", "503:2"] {
        let place = Place::furnished(&[fault]);
        place
            .orders(r#"item create -b '{"id":"1","pk":"a"}' -k a"#)
            .ok();
    }
    for fault in ["500:1", "408:1"] {
        let place = Place::furnished(&[fault]);
        let body = r#"-b '{"id":"1","pk":"a"}' -k a"#;
        let upsert = place.orders(&format!("item upsert {body}"));
        upsert.ends(10).prints("").says("not known whether");
        place.fault(fault);
        place.orders(&format!("item create {body}")).ok();
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_only_where_that_is_safe() {
    let place = Place::furnished(&[]);
    let create = r#"item create -b '{"id":"1","pk":"a"}' -k a"#;
    place.fault("reset-after:1");
    place.orders(create).ok().shows("_etag");
    for fault in ["reset-before:1", "reset-after:1", "truncate:1"] {
        place.fault(fault);
        place
            .orders("item read -i 1 -k a")
            .ok()
            .shows("\"pk\":\"a\"");
        place.fault(fault);
        assert_eq!(
            place
                .orders("query 'SELECT * FROM c' -k a")
                .ok()
                .rows()
                .len(),
            1
        );
    }
    place.fault("truncate:1");
    place
        .orders(r#"item upsert -b '{"id":"3","pk":"a"}' -k a"#)
        .ends(10)
        .prints("")
        .says("not known whether");
    place.orders("item read -i 3 -k a").ok();
    // The second delete finds nothing because the first one worked.
    place.fault("reset-after:1");
    place.orders("item delete -i 3 -k a").ok();
    place.orders("item read -i 3 -k a").ends(3);
    for slow in ["drip:1", "delay=300ms:1"] {
        place.fault(slow);
        place.orders("item read -i 1 -k a").ok();
    }
    place.fault("reset-before");
    place.orders("item read -i 1 -k a").ends(8).prints("");
}

#[test]
fn an_answer_lost_by_arm_is_no_loss() {
    let faults = [
        "arm.reset-after:1",
        "arm.truncate:1",
        "arm.500:1",
        "arm.503:1",
    ];
    at_once(&faults, |fault| {
        let place = Place::new(&[fault]);
        place.run("database create -n shop").ok();
        place.fault(fault);
        place.run("database delete -n shop -y").ok();
    });
}

#[test]
fn arm_is_waited_for() {
    let place = Place::new(&["arm.429:1"]);
    place.run("database create -n shop").ok();
}

#[test]
fn a_busy_metadata_service_is_waited_for() {
    let place = Place::new(&["imds.429:1"]);
    place.run("token").ok();
    let place = Place::new(&["imds.500:1", "imds.reset-before:1"]);
    place.run("token").ok();
}

#[test]
fn an_updating_metadata_service_is_waited_for() {
    let place = Place::new(&["imds.410:2"]);
    place.run("token").ok();
}

#[test]
fn who_has_no_identity_is_told_so() {
    let place = Place::furnished(&["no-identity"]);
    place
        .orders("item read -i 1 -k a")
        .ends(4)
        .prints("")
        .says("no managed identity");
    let place = Place::furnished(&["two-identities"]);
    place
        .orders("item read -i 1 -k a")
        .ends(4)
        .says("--client-id");
    let id = "5a0db0c5-0000-4000-8000-0000000000c3";
    let who = place.run(&format!("whoami --client-id {id}")).ok().json();
    assert_eq!(
        (&who["clientId"], &who["identity"]),
        (&json!(id), &json!("user-assigned"))
    );
    let named = place
        .prepare("whoami")
        .env("AZURE_CLIENT_ID", id)
        .go()
        .ok()
        .json();
    assert_eq!(named["clientId"], id);
    place
        .run("whoami --client-id 5a0db0c5-0000-4000-8000-0000000000ff")
        .ends(4);
    let by_object = "whoami --object-id 5a0db0c5-0000-4000-8000-0000000000a2";
    assert_eq!(
        place.run(by_object).ok().json()["objectId"],
        "5a0db0c5-0000-4000-8000-0000000000a2"
    );
}

#[test]
fn every_refusal_has_its_exit_code() {
    let place = Place::furnished(&["no-arm-role"]);
    place
        .run("database create -n x")
        .ends(5)
        .prints("")
        .says("fix");
    place.run("database list").ends(5);
    let place = Place::furnished(&["no-data-role"]);
    place.orders("item read -i 1 -k a").ends(5).says("fix");
    let place = Place::furnished(&["firewall"]);
    place.orders("item read -i 1 -k a").ends(5).says("firewall");
    let place = Place::furnished(&["wrong-audience"]);
    place.orders("item read -i 1 -k a").ends(4).prints("");
    place.run("database list").ends(4);
    let place = Place::furnished(&["local-auth-disabled"]);
    let key = place.key_file();
    let signed = place
        .prepare("database list")
        .env("RAWCOSMOS_KEY_FILE", key.path());
    signed.go().ends(4).prints("");
    place.orders("item read -i 1 -k a").ends(3);
}

#[test]
fn a_clock_that_is_off_is_borne_or_corrected() {
    for (skew, exchanges) in [
        ("clock-skew=10m", 1),
        ("clock-skew=-4m", 1),
        ("clock-skew=-10m", 2),
        ("clock-skew=1h", 2),
    ] {
        let place = Place::furnished(&[skew]);
        let key = place.key_file();
        place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
        let wire = Wire::to(&place.sandbox.with_world(|world| world.cosmos.clone()));
        let signed = place
            .prepare("item read -d shop -c orders -i 1 -k a --trace=url")
            .env("RAWCOSMOS_ENDPOINT", &wire.origin)
            .env("RAWCOSMOS_KEY_FILE", key.path());
        let ran = signed.go().ok();
        assert_eq!(
            wire.asked().matches("GET /dbs").count(),
            exchanges,
            "{skew}"
        );
        let told = ran.err.contains("signing by the service's clock");
        assert_eq!(told, exchanges == 2, "{skew}: {ran:#?}");
    }
}

#[test]
fn a_sandbox_that_is_gone_is_an_error_of_the_connection() {
    let place = Place::furnished(&[]);
    let gone = place.prepare("item read -d shop -c orders -i 1 -k a");
    gone.env("RAWCOSMOS_ENDPOINT", nobody())
        .go()
        .ends(8)
        .prints("");
}

// ---- The sandbox as a process

#[test]
fn a_sandbox_of_its_own_serves_until_it_is_ended() {
    let run = Run::line("sandbox start --port 0 --partitions 4 --fault 429:1 --fault=imds.500:1");
    let mut child = support::Owned(run.start());
    let child = &mut child.0;
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["event"], "ready");
    let text = |name: &str| ready[name].as_str().unwrap().to_string();
    let at = |line: &str| {
        Run::line(line)
            .env("RAWCOSMOS_IMDS_ENDPOINT", text("imds"))
            .env("RAWCOSMOS_ARM_ENDPOINT", text("arm"))
            .env("RAWCOSMOS_ENDPOINT", text("cosmos"))
            .env("RAWCOSMOS_ACCOUNT_NAME", text("account"))
            .go()
    };
    // Subscription and group are not said: the machine knows them.
    at("database create -n shop").ok();
    at("container create -d shop -n orders -p /pk").ok();
    at("grant --role data-contributor").ok();
    at(&format!("item create -d shop -c orders -b '{BIG}'")).ok();
    let read = at("item read -d shop -c orders -i 1 -k a").ok();
    assert!(read.out.starts_with(BIG.trim_end_matches('}')));
    let signed = Run::line("item read -d shop -c orders -i 1 -k a --key-file -")
        .env("RAWCOSMOS_ENDPOINT", text("cosmos"))
        .input(text("key"));
    signed.go().ok().prints(&read.out);
    child.kill().unwrap();
    child.wait().unwrap();
    at("database list").ends(8);
    let mut rest = String::new();
    reader.read_line(&mut rest).unwrap();
    assert_eq!(rest, "", "one line and no more");
}

/// The variables of identities that a command in a sandbox sees, with everything set outside that could be.
#[cfg(unix)]
fn seen_in(line: &str) -> std::collections::BTreeMap<String, String> {
    let words = support::words(&format!("sandbox run {line} -- /usr/bin/env"));
    let outside = rawcosmos::sandbox::host::VARIABLES.iter();
    let run = outside.fold(Run::new(words), |run, name| run.env(name, "outside"));
    // This one the sandbox itself would obey.
    let ran = run.without("RAWCOSMOS_CLOUD").go().ok();
    let pairs = ran.out.lines().filter_map(|line| line.split_once('='));
    let known = |(name, _): &(&str, &str)| {
        [
            "RAWCOSMOS_",
            "AZURE_",
            "IDENTITY_",
            "IMDS_",
            "MSI_",
            "KUBERNETES_",
        ]
        .iter()
        .any(|begin| name.starts_with(begin))
    };
    let pairs = pairs.filter(known);
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(unix)]
#[test]
fn a_command_sees_the_variables_of_its_host_and_none_of_another() {
    let hosts: [(&str, &[&str]); 6] = [
        ("vm", &[]),
        ("aci", &[]),
        ("none", &[]),
        (
            "app-service",
            &[
                "IDENTITY_ENDPOINT",
                "IDENTITY_HEADER",
                "MSI_ENDPOINT",
                "MSI_SECRET",
            ],
        ),
        (
            "arc",
            &[
                "IDENTITY_ENDPOINT",
                "IMDS_ENDPOINT",
                "RAWCOSMOS_ARC_KEY_DIRECTORY",
            ],
        ),
        (
            "aks",
            &[
                "AZURE_AUTHORITY_HOST",
                "AZURE_CLIENT_ID",
                "AZURE_FEDERATED_TOKEN_FILE",
                "AZURE_TENANT_ID",
                "KUBERNETES_SERVICE_HOST",
            ],
        ),
    ];
    let always = [
        "RAWCOSMOS_ACCOUNT_NAME",
        "RAWCOSMOS_ARM_ENDPOINT",
        "RAWCOSMOS_ENDPOINT",
        "RAWCOSMOS_IMDS_ENDPOINT",
        "RAWCOSMOS_RESOURCE_GROUP",
        "RAWCOSMOS_SUBSCRIPTION",
    ];
    for (host, own) in hosts {
        let seen = seen_in(&format!("--host {host}"));
        let mut expected = [own, &always].concat();
        expected.sort_unstable();
        assert_eq!(seen.keys().collect::<Vec<_>>(), expected, "{host}");
        assert!(seen.values().all(|value| value != "outside"), "{host}");
        let identity = &seen["RAWCOSMOS_IMDS_ENDPOINT"];
        assert!(identity.starts_with("http://127.0.0.1:"), "{host}");
        let mut endpoints = seen.iter().filter(|(name, _)| {
            ["IDENTITY_ENDPOINT", "AZURE_AUTHORITY_HOST"].contains(&name.as_str())
        });
        assert!(
            endpoints.all(|(_, value)| value.starts_with(identity)),
            "{host}"
        );
        let files = ["RAWCOSMOS_ARC_KEY_DIRECTORY", "AZURE_FEDERATED_TOKEN_FILE"];
        for file in files.iter().filter_map(|name| seen.get(*name)) {
            assert!(!std::path::Path::new(file).exists(), "{host} left {file}");
        }
    }
}

// ---- The rest of the data plane

#[test]
fn parts_of_items_change_and_batches_are_all_or_nothing() {
    let place = Place::furnished(&[]);
    let create = r#"item create -b '{"id":"1","pk":"a","n":1,"big":9007199254740993}' --ttl 600"#;
    place.orders(create).ok();
    let patched =
        place.orders("item patch -i 1 -k a --incr /n=2 --set '/l=[1]' --add /l/-=2 --remove /ttl");
    let patched = patched.ok().json();
    assert_eq!((&patched["n"], &patched["l"]), (&json!(3), &json!([1, 2])));
    assert_eq!(patched["big"], json!(9_007_199_254_740_993_i64));
    assert!(patched.get("ttl").is_none());
    place
        .orders("item patch -i 1 -k a --set /n=0 --condition 'from c where c.n = 1'")
        .ends(6);
    let both = r#"[{"operationType":"Upsert","resourceBody":{"id":"2","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"1","pk":"a"}}]"#;
    let failed = place.orders(&format!("item batch -k a -b '{both}'"));
    let rows = failed.ends(6).says("operation 2 of 2, Create").rows();
    assert_eq!(
        (&rows[0]["statusCode"], &rows[1]["statusCode"]),
        (&json!(424), &json!(409))
    );
    place.orders("item read -i 2 -k a").ends(3);
    let fine = place.orders(&format!(
        "item batch -k a --minimal -b '{}'",
        both.replace("Create", "Upsert")
    ));
    let rows = fine.ok().rows();
    assert!(
        rows.iter()
            .all(|row| row["statusCode"].as_u64().unwrap() < 300
                && row.get("resourceBody").is_none())
    );
    // An operation that is refused for now is sent again with all the others.
    place.fault("op.429:1");
    place
        .orders(r#"item batch -k a -b '{"operationType":"Read","id":"1"}'"#)
        .ok();
}

#[test]
fn an_item_with_any_id_is_written_found_and_deleted() {
    let place = Place::furnished(&[]);
    place
        .orders(r#"item create -b '{"id":"a/b","pk":"a"}'"#)
        .ends(2);
    let made = place
        .orders(r#"item create -b '{"id":"a/b","pk":"a"}' --any-id"#)
        .ok()
        .json();
    assert_eq!(place.orders("item read -i a/b -k a").ok().json(), made);
    let by_link = format!("item read --self {} -k a", made["_self"].as_str().unwrap());
    assert_eq!(place.orders(&by_link).ok().json(), made);
    let key = place.key_file();
    let with_key = place
        .prepare(&by_link)
        .env("RAWCOSMOS_KEY_FILE", key.path());
    assert_eq!(with_key.go().ok().json(), made);
    place.orders("item delete -i a/b -k a").ok();
    place.orders(&by_link).ends(3);
}

#[test]
fn many_items_are_read_from_every_range() {
    let place = Place::furnished(&[]);
    let mut wanted = String::new();
    for n in 0..20 {
        place
            .orders(&format!(r#"item create -b '{{"id":"{n}","pk":"k{n}"}}'"#))
            .ok();
        wanted = format!("[\"{n}\",\"k{n}\"]\n{wanted}");
    }
    let read = |input: &str| {
        let run = place.prepare("item read --keys - -d shop -c orders --get /id -o raw");
        run.input(input).go()
    };
    let order: String = (0..20).rev().map(|n| format!("{n}\n")).collect();
    read(&wanted).ok().prints(&order);
    let missing = read(&format!("{wanted}[\"1\",\"k2\"]\n"));
    missing
        .ends(3)
        .prints(&order)
        .says("not found: \"1\" of the key [\"k2\"]");
    // A range that splits meanwhile is looked for again.
    place.fault("query.split");
    read(&wanted).ok().prints(&order);
}

#[test]
fn changes_survive_splits_and_notice_a_new_container() {
    let place = Place::furnished(&[]);
    let file = Scratch::new("");
    std::fs::remove_file(file.path()).unwrap();
    let line = format!(
        "changes --state {} --get /id -o raw --page-size 2",
        file.path()
    );
    let write = |ids: std::ops::Range<u32>| {
        for n in ids {
            place
                .orders(&format!(r#"item upsert -b '{{"id":"{n}","pk":"k{n}"}}'"#))
                .ok();
        }
    };
    let seen = || {
        let mut ids: Vec<u32> = place
            .orders(&line)
            .ok()
            .out
            .lines()
            .map(|id| id.parse().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    };
    write(0..10);
    assert_eq!(seen(), (0..10).collect::<Vec<_>>());
    assert!(seen().is_empty());
    write(5..15);
    place.fault("feed.split:2");
    assert_eq!(seen(), (5..15).collect::<Vec<_>>());
    let ranges = place.orders("ranges").ok().rows();
    assert_eq!(ranges[0]["minInclusive"], "");
    assert_eq!(ranges[ranges.len() - 1]["maxExclusive"], "FF");
    assert!(ranges.iter().any(|range| range["parents"] != json!([])));
    write(20..21);
    assert_eq!(seen(), [20]);
    place.sandbox.with_world(|world| {
        world
            .databases
            .get_mut("shop")
            .unwrap()
            .containers
            .remove("orders");
    });
    place.container("orders", &["/pk"]);
    write(30..31);
    place.orders(&line).ends(6).prints("").says("--from");
    place
        .orders(&format!("{line} --from beginning"))
        .ok()
        .prints("30\n");
}

#[test]
fn a_session_is_kept_from_command_to_command() {
    let place = Place::furnished(&[]);
    let file = Scratch::new("{}");
    let line = |line: &str| format!("{line} --session-file {}", file.path());
    place
        .orders(&line(r#"item create -b '{"id":"1","pk":"a"}'"#))
        .ok();
    place.fault("stale-session:2");
    let read = place.orders(&line("item read -i 1 -k a --trace=headers"));
    read.ok().says("> x-ms-session-token: ");
}
