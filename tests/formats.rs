//! Files in every format, by the real binary: what is written is read back unchanged, what others write is read as it is
//! meant, and nothing is lost in silence.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use support::{Place, Ran};

/// Inputs that were read or written wrongly once.
const CASES: &str = "fixtures/cases";

/// A folder that is gone with its value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("formats-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_string()
    }

    fn with(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The items of a container by their ids, without what the service added.
fn items(place: &Place, container: &str) -> BTreeMap<String, Map<String, Value>> {
    place.sandbox.with_world(|world| {
        let container = &world.databases["shop"].containers[container];
        let all = container.ranges.iter().flat_map(|range| &range.items);
        all.map(|((_, _, id), item)| {
            let mut value: Map<String, Value> = serde_json::from_str(&item.text).unwrap();
            value.retain(|name, _| {
                !["_rid", "_self", "_etag", "_attachments", "_ts"].contains(&name.as_str())
            });
            (id.clone(), value)
        })
        .collect()
    })
}

fn at(place: &Place, container: &str, line: &str) -> Ran {
    place
        .prepare(line)
        .env("RAWCOSMOS_DATABASE_NAME", "shop")
        .env("RAWCOSMOS_CONTAINER_NAME", container)
        .go()
}

const FORMATS: [&str; 4] = ["csv", "tsv", "json", "ndjson"];

/// Queries and exports what is in `orders` in every format, imports that elsewhere, and compares.
fn comes_back(place: &Place, folder: &Folder, name: &str) {
    let wanted = items(place, "orders");
    assert!(!wanted.is_empty());
    for format in FORMATS {
        let queried = folder.file(&format!("{name}-q.{format}"));
        let printed = place
            .orders(&format!("query 'SELECT * FROM c' -o {format} -q"))
            .ok();
        assert_eq!(printed.err, "");
        std::fs::write(&queried, printed.out).unwrap();
        let exported = folder.file(&format!("{name}-e.{format}"));
        place.orders(&format!("export {exported}")).ok();
        for (way, file) in [("q", queried), ("e", exported)] {
            let container = format!("{name}-{way}-{format}");
            place.container(&container, &["/pk"]);
            at(place, &container, &format!("import {file}")).ok();
            assert_eq!(items(place, &container), wanted, "{file}");
        }
    }
}

#[test]
fn every_format_that_is_written_is_read_back_unchanged() {
    for case in ["tsvrt", "phones", "out"] {
        let (place, folder) = (Place::furnished(&[]), Folder::new(case));
        place
            .orders(&format!("import fixtures/cases/{case}.ndjson"))
            .ok();
        comes_back(&place, &folder, case);
    }
}

#[test]
fn values_are_changed_for_a_spreadsheet_only_where_that_is_asked_for() {
    let place = Place::furnished(&[]);
    place.orders("import fixtures/cases/phones.ndjson").ok();
    let query = "query 'SELECT c.id, c.phone, c.handle, c.formula, c.temp FROM c' -k DE -o csv";
    place.container("keyed", &["/country"]);
    at(&place, "keyed", "import fixtures/cases/phones.ndjson").ok();
    let run = |more: &str| at(&place, "keyed", &format!("{query} {more}")).ok();
    run("").shows("id,phone,handle,formula,temp\n1,+49 30 1234567,@ada,=1+1,-5 °C\n");
    run("--csv-safe").shows("\n1,'+49 30 1234567,'@ada,'=1+1,'-5 °C\n");
    run("--delimiter semicolon").shows("id;phone;handle;formula;temp\n1;+49");
}

#[test]
fn what_others_write_is_read_as_it_is_meant() {
    for (case, count, wanted) in [
        ("oldmac.csv", 2, r#"{"id":"1","pk":"a"}"#),
        ("pretty.json", 2, r#"{"id":"1","pk":"a"}"#),
        ("concat.json", 3, ""),
        ("semicolon.csv", 2, r#"{"id":"1","pk":"a","note":"x"}"#),
        ("leadingdot.tsv", 3, r#"{"id":"1","pk":"a","rate":0.097}"#),
    ] {
        let place = Place::furnished(&[]);
        let path = format!("{CASES}/{case}");
        let ran = place.orders(&format!("import {path} --mode upsert"));
        assert_eq!(ran.json()["rejected"], 0, "{ran:?}");
        let there = items(&place, "orders");
        assert_eq!(there.len(), count, "{case}");
        if let Ok(wanted) = serde_json::from_str::<Map<String, Value>>(wanted) {
            assert_eq!(there["1"], wanted, "{case}");
        }
    }
}

#[test]
fn the_column_of_the_ids_is_named_where_it_is_near_and_may_be_chosen() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("ids"));
    let case = "import fixtures/cases/casehdr.csv";
    place.orders(case).ends(2).says("\"Id\"").says("--id 'Id'");
    place.orders(&format!("{case} --id Id")).ok();
    assert_eq!(items(&place, "orders")["1"]["PK"], "a");
    place
        .orders(&format!("{case} --id nothing"))
        .ends(2)
        .says("\"nothing\"");
    let both = folder.with("both.csv", "id,key\n1,2\n");
    place
        .orders(&format!("import {both} --id key"))
        .ends(2)
        .says("two columns \"id\"");
    let json = folder.with("a.json", "{\"id\":\"1\"}");
    for option in ["--id key", "--nested", "--delimiter ;"] {
        place
            .orders(&format!("import {json} {option}"))
            .ends(2)
            .says("is for a table");
    }
}

#[test]
fn a_dot_in_a_header_makes_objects_only_where_that_is_asked_for() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("nested"));
    let table = folder.with(
        "n.csv",
        "id,a.b,pk,a.c.d:number,/e/f.g\n1,x,p,5,y\n2,,q,,\n",
    );
    place.orders(&format!("import {table}")).ok();
    assert_eq!(items(&place, "orders")["1"]["a.b"], "x");
    place.container("nested", &["/pk"]);
    at(&place, "nested", &format!("import {table} --nested")).ok();
    let there = items(&place, "nested");
    let wanted = r#"{"id":"1","a":{"b":"x","c":{"d":5}},"pk":"p","e":{"f.g":"y"}}"#;
    assert_eq!(
        serde_json::to_value(&there["1"]).unwrap(),
        serde_json::from_str::<Value>(wanted).unwrap()
    );
    assert_eq!(there["2"].len(), 2);
    let ran = at(
        &place,
        "nested",
        "query 'SELECT * FROM c' -o csv --columns id,/a/c/d,pk",
    );
    ran.ok()
        .shows("id,/a/c/d:number,pk\n")
        .shows("1,5,p\n")
        .shows("2,,q\n");
    for (header, said) in [
        ("id,a,a.b", "a value and an object"),
        ("id,a.b,a", "a value and an object"),
    ] {
        let wrong = folder.with("wrong.csv", format!("{header}\n1,2,3\n"));
        place
            .orders(&format!("import {wrong} --nested"))
            .ends(2)
            .says(said);
    }
}

#[test]
fn an_input_that_holds_something_and_no_item_is_no_success() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("none"));
    for (name, text) in [
        ("a.csv", "id,pk\n"),
        ("b.ndjson", "\n \r\n"),
        ("c.json", "[]\n"),
        ("d.csv", "\n"),
        ("e.tsv", "id\tpk\r\r"),
    ] {
        let path = folder.with(name, text);
        place
            .orders(&format!("import {path}"))
            .ends(2)
            .says("there is no item in it");
        place
            .orders(&format!("import {path} --dry-run -p /pk"))
            .ends(2)
            .says("there is no item in it");
    }
    for name in ["a.csv", "b.ndjson", "c.json"] {
        let path = folder.with(name, "");
        assert_eq!(
            place.orders(&format!("import {path}")).ok().json()["read"],
            0
        );
    }
}

#[test]
fn what_was_rejected_can_be_imported_again_as_it_is() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("again"));
    let input = folder.with(
        "in.ndjson",
        "{\"id\":\"1\",\"pk\":\"a\"}\n{\"id\":\"2\",\n\"pk\":\"b\",\"n\":1.0}\n{\"id\":\n",
    );
    place.orders(&format!("import {input}")).ends(9);
    let errors = folder.file("errors.ndjson");
    let ran = place
        .orders(&format!("import {input} --errors {errors}"))
        .ends(9);
    assert_eq!(ran.json()["rejected"], 3);
    place.container("again", &["/pk"]);
    let ran = at(&place, "again", &format!("import {errors}")).ends(9);
    assert_eq!(
        (&ran.json()["created"], &ran.json()["rejected"]),
        (&2.into(), &1.into())
    );
    assert_eq!(items(&place, "again"), items(&place, "orders"));
}

#[test]
fn a_late_property_gets_its_column_in_a_file_and_is_named_in_a_stream() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("late"));
    let long = "x".repeat(1000);
    let mut text = String::new();
    for n in 0..5001 {
        let late = if n == 5000 { ",\"late\":{\"a\":1}" } else { "" };
        writeln!(
            text,
            "{{\"id\":\"i{n:05}\",\"pk\":\"a\",\"t\":\"{long}\"{late}}}"
        )
        .unwrap();
    }
    let input = folder.with("in.ndjson", text);
    place.orders(&format!("import {input}")).ok();
    let file = folder.file("l.csv");
    place
        .orders(&format!("export {file} -o csv --strip-system -q"))
        .ok();
    assert!(folder.text("l.csv").starts_with("id,pk,t,late:json\n"));
    assert!(folder.text("l.csv").contains(",\"{\"\"a\"\":1}\"\n"));
    let names: Vec<_> = std::fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for line in [
        "export - -o csv -q",
        "query 'SELECT * FROM c' -o csv -q",
        "query 'SELECT c.id, c.pk, c.t, c.late.a ?? c.late AS b FROM c' -o tsv -q",
    ] {
        let Ran { code, out, err, .. } = place.orders(line);
        match line.contains(" AS b") {
            true => assert_eq!(
                (code, out.starts_with("id\tpk\tt\tb:any\n"), &*err),
                (0, true, "")
            ),
            false => assert!(
                code == 9 && err.contains("without a column: late"),
                "{line}: {code} {err}"
            ),
        }
    }
    let chosen = place
        .orders("query 'SELECT * FROM c' -o csv --columns id,late:json -q")
        .ok();
    assert_eq!(chosen.err, "");
    assert!(
        chosen.out.starts_with("id,late:json\n") && chosen.out.contains(",\"{\"\"a\"\":1}\"\n")
    );
}

#[test]
fn an_export_follows_the_end_of_the_files_name() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("ends"));
    place.orders("import fixtures/cases/semicolon.csv").ok();
    for (name, more, begins) in [
        ("a.csv", "", "id,pk,note"),
        ("a.TSV", "", "id\tpk\tnote"),
        ("a.json", "", "[{\""),
        ("a.jsonl", "", "{\""),
        ("a.ndjson", "", "{\""),
        ("a.txt", "", "{\""),
        ("b.csv", "-o ndjson", "{\""),
        ("c.csv", "--delimiter ;", "id;pk;note"),
    ] {
        let path = folder.file(name);
        place.orders(&format!("export {path} {more}")).ok();
        assert!(
            folder.text(name).starts_with(begins),
            "{name}: {}",
            folder.text(name)
        );
    }
    let state = folder.file("state");
    place
        .orders(&format!("export {} --state {state}", folder.file("d.csv")))
        .ends(2)
        .says("-o ndjson");
}

#[test]
fn columns_and_delimiters_that_make_no_sense_are_refused() {
    let place = Place::furnished(&[]);
    for (line, said) in [
        (
            "query 'SELECT * FROM c' --columns a",
            "add -o table, csv or tsv",
        ),
        ("query 'SELECT * FROM c' -o csv --columns a,a", "twice"),
        (
            "query 'SELECT * FROM c' -o csv --columns a:nmber",
            "no known type",
        ),
        (
            "query 'SELECT * FROM c' -o csv --columns /a~2",
            "JSON pointer",
        ),
        ("query 'SELECT * FROM c' -o csv --columns ''", "no name"),
        (
            "query 'SELECT * FROM c' -o csv --delimiter xy",
            "one character",
        ),
        (
            "query 'SELECT * FROM c' -o csv --delimiter 5",
            "one character",
        ),
        (
            "query 'SELECT * FROM c' -o csv --delimiter é",
            "one character",
        ),
        (
            "import fixtures/cases/semicolon.csv --columns id",
            "add -o table, csv or tsv",
        ),
    ] {
        place.orders(line).ends(2).says(said);
    }
}

#[test]
fn a_list_of_keys_may_begin_with_a_byte_order_mark() {
    let place = Place::furnished(&[]);
    place
        .orders("item create -b '{\"id\":\"n1\",\"pk\":null}' -q")
        .ok();
    place
        .orders("item read --keys fixtures/cases/bomkeys")
        .ok()
        .shows("\"id\":\"n1\"");
}

#[test]
fn each_item_that_is_refused_in_a_batch_has_the_reason_of_the_service() {
    let (place, folder) = (Place::furnished(&[]), Folder::new("odd"));
    let errors = folder.file("errors.ndjson");
    let line = format!("import fixtures/cases/odd.ndjson --errors {errors}");
    place.orders(&line).ends(9);
    let mut reasons = BTreeMap::new();
    for line in folder.text("errors.ndjson").lines() {
        // Not as a value: some of these numbers are in no range.
        let row: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
        let reason: String = serde_json::from_str(row["reason"].get()).unwrap();
        assert!(!reason.is_empty() && reason != "bad request", "{line}");
        reasons.insert(row["line"].get().parse::<u64>().unwrap(), reason);
    }
    assert!(
        reasons[&14].contains("ttl") && reasons[&15].contains("ttl"),
        "{reasons:?}"
    );
    assert!(reasons[&5].contains("not JSON"), "{reasons:?}");
}

#[test]
fn an_item_that_lives_for_null_seconds_is_refused() {
    let place = Place::furnished(&[]);
    let ran = place.orders("import fixtures/cases/ttl.ndjson").ends(9);
    let ran = ran
        .says("line 1: 400: ")
        .says("ttl 'null' is invalid")
        .says("line 2: 400: ");
    assert_eq!(ran.json()["created"], 1);
}
