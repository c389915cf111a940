//! What is written is what is read: numbers, ids, partition keys and characters, through the client and the sandbox.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use rawcosmos::cosmos::key_definition::Definition;
use rawcosmos::cosmos::partition_key::{Component, PartitionKey};
use rawcosmos::cosmos::query::aggregate::{Accumulator, Function};
use rawcosmos::cosmos::query::order;
use serde_json::json;
use serde_json::value::RawValue;
use support::{Place, Run, Scratch};

#[test]
fn an_item_is_renamed_by_the_id_in_its_new_body() {
    let place = Place::furnished(&[]);
    for id in ["1", "2"] {
        let body = format!(r#"item create -b {{"id":"{id}","pk":"a"}}"#);
        place.orders(&body).ok();
    }
    let rename = |id: &str, new: &str| {
        place.orders(&format!(
            r#"item replace -i {id} -b {{"id":"{new}","pk":"a","n":5}}"#
        ))
    };
    rename("1", "2").ends(6);
    let renamed = rename("1", "3").ok().json();
    assert_eq!((&renamed["id"], &renamed["n"]), (&"3".into(), &5.into()));
    place.orders("item read -i 1 -k a").ends(3);
    place.orders("item read -i 3 -k a").ok();
    rename("1", "4").ends(3);
    rename("3", "a/b").ends(2).says("--any-id");
    let batch = r#"item batch -k a -b [{"operationType":"Replace","id":"3","resourceBody":{"id":"4","pk":"a"}}]"#;
    place.orders(batch).ok();
    place.orders("item read -i 4 -k a").ok();
}

// ---- Numbers

/// Texts of doubles that simple readers take for their neighbours, and random ones with seventeen digits.
fn doubles(count: usize) -> Vec<String> {
    let known = [
        "12.100000000000001",
        "0.9999999999999999",
        "1700000000.4285715",
        "0.9762551055929201",
        "0.97625510559292",
        "2.2250738585072011e-308",
        "5e-324",
        "1.7976931348623157e308",
        "-0.30000000000000004",
        "9007199254740993.5",
        "123456789012345680000",
    ];
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut texts: Vec<String> = known.map(str::to_string).to_vec();
    while texts.len() < count {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Half of them of every size, half of them as people have them.
        let double = match texts.len() % 2 {
            0 => f64::from_bits(seed),
            _ => (seed >> 11) as f64 / 9_007_199_254_740_992.0 * 1000.0,
        };
        if double.is_finite() {
            texts.push(format!("{double:.16e}"));
        }
    }
    texts
}

/// What the standard library makes of the text.
fn bits(text: &str) -> u64 {
    text.parse::<f64>().unwrap().to_bits()
}

#[test]
fn the_client_reads_every_double_exactly() {
    let definition = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
    let definition = Definition::from_json(&definition).unwrap();
    for text in doubles(5000) {
        let key = PartitionKey::from_json(&text).unwrap();
        for shown in [key.header(), key.canonical()] {
            let inner = shown.trim_start_matches('[').trim_end_matches(']');
            assert_eq!(bits(inner), bits(&text), "{text}: {shown}");
        }
        let number = serde_json::Number::from_f64(text.parse().unwrap()).unwrap();
        let exact = PartitionKey::new(vec![Component::Number(number)]);
        assert_eq!(
            definition.effective(&key),
            definition.effective(&exact),
            "{text}"
        );
        let raw = RawValue::from_string(format!(r#"{{"item":{text}}}"#)).unwrap();
        let mut sum = Accumulator::new(Function::Sum);
        sum.add(Some(&raw)).unwrap();
        assert_eq!(bits(&sum.result().unwrap()), bits(&text), "{text}");
        // Neighbours are two values.
        let next = f64::from_bits(bits(&text) ^ 1);
        let of = |text: &str| order::Key::of(text).unwrap();
        let (one, two) = (of(&text), of(&format!("{next:e}")));
        if next.is_finite() {
            assert_ne!(one.identity(), two.identity(), "{text}");
            let wanted = text.parse::<f64>().unwrap().total_cmp(&next);
            assert_eq!(one.compare(&two), wanted, "{text}");
        }
    }
}

#[test]
fn a_double_is_the_same_after_every_way_through_the_service() {
    let place = Place::furnished(&[]);
    let texts = doubles(300);
    let line = |(id, text): (usize, &String)| {
        format!("{{\"id\":\"{id}\",\"pk\":{text},\"v\":{text},\"n\":1}}\n")
    };
    let lines: String = texts.iter().enumerate().map(line).collect();
    let import = place.prepare("import - -d shop -c orders -q").input(lines);
    import.go().ok();
    let values = |query: &str| -> Vec<u64> {
        let run = Run::new(["query", query, "-d", "shop", "-c", "orders", "-o", "ndjson"]);
        let out = run.envs(place.variables()).go().ok().out;
        out.lines().map(bits).collect()
    };
    let mut wanted: Vec<u64> = texts.iter().map(|text| bits(text)).collect();
    let sorted = |mut all: Vec<u64>| {
        all.sort_by(|one, two| f64::from_bits(*one).total_cmp(&f64::from_bits(*two)));
        all
    };
    wanted = sorted(wanted);
    assert_eq!(sorted(values("SELECT VALUE c.v FROM c")), wanted);
    assert_eq!(sorted(values("SELECT VALUE c.v + 0 FROM c")), wanted);
    assert_eq!(values("SELECT VALUE c.v FROM c ORDER BY c.v"), wanted);
    assert_eq!(values("SELECT VALUE MIN(c.v) FROM c"), wanted[..1]);
    assert_eq!(
        values("SELECT VALUE MAX(c.v) FROM c"),
        wanted[wanted.len() - 1..]
    );
    wanted.dedup();
    assert_eq!(sorted(values("SELECT DISTINCT VALUE c.v FROM c")), wanted);
    assert_eq!(
        sorted(values("SELECT VALUE c.v FROM c GROUP BY c.v")),
        wanted
    );
    for (id, text) in texts.iter().enumerate().take(14) {
        let run = |words: &[&str]| {
            let words = words
                .iter()
                .chain(&["-d", "shop", "-c", "orders", "-o", "ndjson"]);
            Run::new(words).envs(place.variables()).go().ok().out
        };
        let id = id.to_string();
        let read = run(&[
            "item",
            "read",
            "-i",
            &id,
            "--partition-key-json",
            text,
            "--get",
            "/v",
        ]);
        assert_eq!(bits(read.trim()), bits(text), "{text}");
        let patched = run(&[
            "item",
            "patch",
            "-i",
            &id,
            "--partition-key-json",
            text,
            "--incr",
            "/n=1",
            "--get",
            "/v",
        ]);
        assert_eq!(patched, read, "{text}");
        let parameter = format!("@v={text}");
        let found = run(&[
            "query",
            "SELECT VALUE c.id FROM c WHERE c.v = @v",
            "--param-json",
            &parameter,
        ]);
        assert!(found.contains(&format!("\"{id}\"")), "{text}: {found}");
        let literal = format!("SELECT VALUE c.id FROM c WHERE c.v = {text}");
        assert_eq!(run(&["query", &literal]), found, "{text}");
    }
}

// ---- Partition keys

#[test]
fn a_part_of_a_hierarchical_key_is_never_sent_as_the_key() {
    let place = Place::furnished(&[]);
    place.container("levels", &["/t", "/u", "/s"]);
    let run = |line: &str| {
        place
            .prepare(line)
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "levels")
            .go()
    };
    for (id, t, u) in [("1", "T0", "a"), ("2", "T0", "b"), ("3", "T1", "a")] {
        run(&format!(
            r#"item create -b {{"id":"{id}","t":"{t}","u":"{u}","s":"x"}}"#
        ))
        .ok();
    }
    let rows = run("query 'SELECT VALUE c.id FROM c ORDER BY c.id' -k T0 --trace").ok();
    assert_eq!(rows.rows(), ["1", "2"]);
    assert!(
        !rows.err.contains("x-ms-documentdb-partitionkey: "),
        "{}",
        rows.err
    );
    assert_eq!(run("changes -k T0").ok().rows().len(), 2);
    for line in [
        "item read -i 1 -k T0",
        "item read -i 1 -i 2 -k T0",
        "item delete -i 1 -k T0 -k a",
        "item patch -i 1 -k T0 --set /n=1",
        r#"item upsert -k T0 -b {"id":"1","t":"T0","u":"a","s":"x"}"#,
        r#"item batch -k T0 -b [{"operationType":"Delete","id":"1"}]"#,
        "item delete --all-in-partition -y -k T0",
    ] {
        run(line).ends(2).says("/t /u /s");
    }
    run("item read -i 1 -k T0 -k a -k x").ok();
}

#[test]
fn a_key_that_ends_with_the_id_takes_it_from_the_id() {
    let place = Place::furnished(&[]);
    place.container("tenants", &["/tenant", "/id"]);
    let run = |line: &str| {
        place
            .prepare(line)
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "tenants")
            .go()
    };
    for id in ["1", "2"] {
        run(&format!(
            r#"item create -k a -b {{"id":"{id}","tenant":"a"}}"#
        ))
        .ok();
    }
    run("item read -i 1 -k a").ok();
    run("item read -i 1 -k a -k 1").ok();
    assert_eq!(run("item read -i 1 -i 2 -k a").ok().rows().len(), 2);
    run("item patch -i 1 -k a --set /n=1").ok();
    run(r#"item replace -k a -b {"id":"1","tenant":"a","n":2}"#).ok();
    run("item delete -i 1 -k a").ok();
    run("item read -i 1 -k b").ends(3);
    assert_eq!(
        run("query 'SELECT VALUE c.id FROM c' -k a").ok().rows(),
        ["2"]
    );
}

// ---- Characters

#[test]
fn escapes_are_written_as_utf_8_before_they_are_measured_and_sent() {
    let place = Place::furnished(&[]);
    let text = "\\u65e5".repeat(400_000);
    let body = |id: &str| format!(r#"{{"id":"{id}","pk":"a","n":1.50,"t":"{text}"}}"#);
    place
        .prepare("item create -d shop -c orders -b @- --minimal")
        .input(body("1"))
        .go()
        .ok();
    place
        .prepare("item upsert -d shop -c orders -b @- --minimal")
        .input(body("2"))
        .go()
        .ok();
    place
        .prepare("item replace -d shop -c orders -b @- --minimal")
        .input(body("2"))
        .go()
        .ok();
    let batch = format!(
        r#"[{{"operationType":"Create","resourceBody":{}}}]"#,
        body("3")
    );
    place
        .prepare("item batch -d shop -c orders -k a -b @- --minimal")
        .input(batch)
        .go()
        .ok();
    place
        .prepare("import - -d shop -c orders -q")
        .input(body("4"))
        .go()
        .ok();
    let lengths = place
        .orders("query 'SELECT VALUE LENGTH(c.t) FROM c' -k a")
        .ok();
    assert_eq!(lengths.rows(), [400_000; 4]);
}

// ---- Variables

#[test]
fn names_from_variables_lose_what_files_and_containers_leave_around_them() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b {"id":"1","pk":"a"}"#).ok();
    let read = || place.prepare("item read");
    for (database, container, id, key) in [
        ("shop\r", "orders\r\n", "1\n", "a\r"),
        ("\"shop\"", "'orders'", "\"1\"", "'a'"),
        (" \"shop\"\r\n", "\torders ", "1 ", "\"a\"\n"),
    ] {
        let run = read().env("RAWCOSMOS_DATABASE_NAME", database);
        let run = run.env("RAWCOSMOS_CONTAINER_NAME", container);
        run.env("RAWCOSMOS_ID", id)
            .env("RAWCOSMOS_PARTITION_KEY", key)
            .go()
            .ok();
    }
    place
        .prepare("item read -d shop -c orders -k a")
        .env("RAWCOSMOS_ID", "1\r2")
        .go()
        .ends(2)
        .says("U+000D");
    for (words, character) in [
        (["-d", "shop\n", "-c", "orders", "-i", "1"], "U+000A"),
        (["-d", "shop", "-c", "orders\r", "-i", "1"], "U+000D"),
        (["-d", "shop", "-c", "orders", "-i", "1\n"], "U+000A"),
    ] {
        let words = ["item", "read", "-k", "a"].into_iter().chain(words);
        Run::new(words)
            .envs(place.variables())
            .go()
            .ends(2)
            .says(character);
    }
    let key = place.prepare("item read -d shop -c orders -i 1 -k a --key-file -");
    key.input(format!("\"{}\"\r\n", place.key())).go().ok();
}

#[test]
fn accounts_and_guids_are_checked_before_anything_is_sent() {
    let place = Place::furnished(&[]);
    let nobody =
        |line: &str, variable: &str, value: &str| Run::line(line).env(variable, value).go();
    let accounts = "item read -d shop -c orders -i 1 -k a";
    for wrong in [
        "con\rtoso",
        "con toso",
        "contoso.documents.azure.com",
        "\"\"contoso\"\"",
    ] {
        let run = nobody(accounts, "RAWCOSMOS_ACCOUNT_NAME", wrong);
        run.ends(2).says("RAWCOSMOS_ACCOUNT_NAME");
    }
    for name in ["AZURE_CLIENT_ID", "RAWCOSMOS_OBJECT_ID"] {
        let run = nobody("whoami --identity-source imds", name, "not a guid");
        run.ends(2).says("not a GUID").says(name);
    }
    let run = place
        .prepare("account list")
        .env("AZURE_SUBSCRIPTION_ID", "Pay as you go");
    run.without("RAWCOSMOS_SUBSCRIPTION")
        .go()
        .ends(2)
        .says("AZURE_SUBSCRIPTION_ID");
    let dry = Run::line("item read -d shop -c orders -i 1 -k a --dry-run --identity-source imds");
    let dry = dry.env("RAWCOSMOS_ACCOUNT_NAME", " \"contoso\"\r").go();
    assert!(
        dry.out.contains("host: contoso.documents.azure.com"),
        "{dry:?}"
    );
}

// ---- Sessions

#[test]
fn a_session_file_is_of_the_account_and_not_of_the_endpoint() {
    let place = Place::furnished(&[]);
    let file = Scratch::new("");
    let create = r#"item create -d shop -c orders -b {"id":"1","pk":"a"} --session-file"#;
    let account = |line: String| {
        place
            .prepare(&line)
            .env("RAWCOSMOS_ACCOUNT_NAME", "contoso")
    };
    account(format!("{create} {}", file.path())).go().ok();
    let kept = std::fs::read_to_string(file.path()).unwrap();
    assert!(kept.contains("\"contoso/dbs/shop/colls/orders\""), "{kept}");
    // The same account under another address.
    let origin = place.sandbox.cosmos().replace("127.0.0.1", "localhost");
    let read = format!(
        "item read -d shop -c orders -i 1 -k a --trace --session-file {}",
        file.path()
    );
    let read = account(read).env("RAWCOSMOS_ENDPOINT", origin).go().ok();
    assert!(read.err.contains("x-ms-session-token"), "{read:?}");
    // Files of earlier versions name the container by its URL.
    let url = format!(
        "{{\"https://contoso-westeurope.documents.azure.com:443/dbs/shop/colls/orders\":{}}}",
        &kept[kept.find(':').unwrap() + 1..kept.rfind('}').unwrap()]
    );
    std::fs::write(file.path(), url).unwrap();
    let read = format!(
        "item read -d shop -c orders -i 1 -k a --session-file {}",
        file.path()
    );
    account(read).go().ok();
    let kept = std::fs::read_to_string(file.path()).unwrap();
    assert!(
        kept.contains("\"contoso/dbs/shop/colls/orders\"") && !kept.contains("https"),
        "{kept}"
    );
}
