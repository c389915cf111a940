//! Imports by the real binary: nothing is lost, nothing is written twice that need not be, and what is wrong is named.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::{Act, FakeClock, KEY, Script, answer};
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::cosmos::key_definition::Definition;
use rawcosmos::cosmos::key_definition::keyed::Keyed;
use rawcosmos::error::{Error, Stage};
use rawcosmos::exchange::budget::Budget;
use rawcosmos::exchange::import::records::{Format, Records};
use rawcosmos::exchange::import::{Check, Counts, Ears, Mode, Plan, Resume};
use rawcosmos::exchange::{Client, Credential};
use serde_json::{Value, json};
use support::service::{Asked, Reply, Service, reply};
use support::{Place, Ran, Run, Scratch};

// ---- What is in the container

/// Every item's text, by its id.
fn items(place: &Place) -> BTreeMap<String, String> {
    place.sandbox.with_world(|world| {
        let container = &world.databases["shop"].containers["orders"];
        let all = container.ranges.iter().flat_map(|range| &range.items);
        let all: Vec<_> = all
            .map(|((_, _, id), item)| (id.clone(), item.text.clone()))
            .collect();
        let count = all.len();
        let map = BTreeMap::from_iter(all);
        assert_eq!(map.len(), count, "an id is there twice");
        map
    })
}

/// How many writes the container has seen.
fn writes(place: &Place) -> u64 {
    place.sandbox.with_world(|world| {
        let container = &world.databases["shop"].containers["orders"];
        container.ranges.iter().map(|range| range.lsn - 1).sum()
    })
}

fn lines(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        writeln!(text, r#"{{"id":"i{n}","pk":"k{}","n":{n}}}"#, n % 97).unwrap();
    }
    text
}

/// A file with a name of its own end.
struct Named(std::path::PathBuf);

impl Named {
    fn new(name: &str, text: impl AsRef<[u8]>) -> Named {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("import-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Named(path)
    }

    fn none(name: &str) -> Named {
        let named = Named::new(name, "");
        std::fs::remove_file(&named.0).unwrap();
        named
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn rows(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn count(ran: &Ran, name: &str) -> u64 {
    ran.json()[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {ran:#?}"))
}

// ---- Reading

fn read(text: &[u8], format: Option<Format>) -> Vec<(u64, String)> {
    // In pieces of all sizes, so that nothing depends on where one ends.
    struct Pieces(Vec<u8>, usize);
    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.1 = self.1 % 7 + 1;
            let size = self.1.min(self.0.len()).min(into.len());
            into[..size].copy_from_slice(&self.0[..size]);
            self.0.drain(..size);
            Ok(size)
        }
    }
    let mut records = match Records::new(Box::new(Pieces(text.to_vec(), 0)), format) {
        Ok(records) => records,
        Err(error) => return vec![(0, error.to_string())],
    };
    let mut all = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        let text = record
            .wrong
            .map_or(record.text.to_string(), |wrong| format!("! {wrong}"));
        all.push((record.line, text));
    }
    all
}

/// An input, its format, and the line and text of each item.
type Case = (&'static str, Option<Format>, &'static [(u64, &'static str)]);

#[test]
fn inputs_are_read_as_they_are_or_what_is_wrong_is_named() {
    let csv = Some(Format::Table(b','));
    let tsv = Some(Format::Table(b'\t'));
    #[rustfmt::skip]
    let cases: &[Case] = &[
        ("", None, &[]),
        ("\u{feff}{\"a\":1}\r\n\r\n  {\"b\":[1,\n", None, &[(1, "{\"a\":1}"), (3, "{\"b\":[1,")]),
        ("{1}\n\n{2}", None, &[(1, "{1}"), (3, "{2}")]),
        (" [ ] \n", None, &[]),
        ("\n[\n {\"a\":\"],}\\\"\"},\n\n {\"b\":[{}]}\n]\n", None, &[(3, "{\"a\":\"],}\\\"\"}"), (5, "{\"b\":[{}]}")]),
        ("[1,]", None, &[(1, "1"), (1, "! it is not JSON: an element is missing")]),
        ("[,1]", None, &[(1, "! it is not JSON: an element is missing"), (1, "1")]),
        ("[{\"a\":1},\n{\"a\":2", None, &[(1, "{\"a\":1}"), (2, "! the array does not end here: was the input cut off?")]),
        ("[1,2", None, &[(1, "1"), (1, "! the array does not end here: was the input cut off?")]),
        ("[1]\n[2]", None, &[(1, "1"), (2, "! something follows the array")]),
        ("[] x", None, &[(1, "! something follows the array")]),
        ("id,pk\n1,a\n", None, &[(0, "the input begins with neither { nor [: is it a table? then say --format csv or --format tsv")]),
        ("{}", Some(Format::Array), &[(1, "{}")]),
        ("x", Some(Format::Array), &[(0, "the input is no JSON: it begins with neither { nor [")]),
        ("\u{feff}{\n \"a\": [\n  1\n ]\n}\n\u{feff}{\"b\":\n2}{\"c\":3} [4]\n\u{1e}{\"d\":5}", None, &[
            (1, "{\n \"a\": [\n  1\n ]\n}"), (6, "{\"b\":\n2}"), (7, "{\"c\":3}"), (7, "[4]"), (8, "{\"d\":5}")]),
        ("{\"a\":1}\r{\"b\":2}\r\r{\"c\":\r3}", None, &[(1, "{\"a\":1}"), (2, "{\"b\":2}"), (4, "{\"c\":\r3}")]),
        ("{\"a\":1},\n{\"b\":2} x\n{\"c\":3}\n", None, &[(1, "{\"a\":1},"), (2, "{\"b\":2} x"), (3, "{\"c\":3}")]),
        ("{\"a\":\n{\"b\":2}\n{\n \"c\" 3,\n \"d\":4\n}\n{\"e\":5}\n{\"f\":[\n", None, &[
            (1, "{\"a\":"), (2, "{\"b\":2}"),
            (3, "! it is not JSON: the value that begins in line 3 is broken or has no end"),
            (7, "{\"e\":5}"), (8, "{\"f\":[")]),
        ("{\"line\":7,\"number\":7,\"status\":409,\"substatus\":0,\"reason\":\"x\",\"item\":{\"id\":\"1\"}}\n\
          {\"line\":8,\"number\":8,\"status\":0,\"substatus\":0,\"reason\":\"x\",\"text\":\"{\\\"id\\\":\"}\n\
          {\"line\":8,\"number\":8,\"status\":0,\"substatus\":0,\"reason\":\"x\",\"id\":\"2\"}", None, &[
            (1, "{\"id\":\"1\"}"), (2, "{\"id\":"),
            (3, "{\"line\":8,\"number\":8,\"status\":0,\"substatus\":0,\"reason\":\"x\",\"id\":\"2\"}")]),
        ("\u{feff}id;pk|x;\"a;\nb\"\r1;a|;x\r\r\n2;\"b\n\";\r\n3;;", csv, &[
            (3, r#"{"id":"1","pk|x":"a|","a;\nb":"x"}"#), (5, r#"{"id":"2","pk|x":"b\n"}"#), (7, r#"{"id":"3"}"#)]),
        ("SEP=|\r\nid|pk\r\n1|a,b;c\r\n", csv, &[(3, r#"{"id":"1","pk":"a,b;c"}"#)]),
        ("\"sep=;\"\nid;pk\n1;a", csv, &[(3, r#"{"id":"1","pk":"a"}"#)]),
        ("id,a|b|c\n1,2\n", csv, &[(2, r#"{"id":"1","a|b|c":"2"}"#)]),
        ("id\n1\n", csv, &[(2, r#"{"id":"1"}"#)]),
        ("\n\n", csv, &[]),
        ("id,\"s\nt\"\n1,\"a\r\n2,\"b\"\r\n", csv, &[
            (3, "! the quote that opens in line 3 closes in line 4, and text follows it"), (4, r#"{"id":"2","s\nt":"b"}"#)]),
        ("id,n:number\n1,.097\n2,+5\n3,007\n4,-.5e3\n5,null\n6,1.\n7,0x1\n8,.\n9,1e400\n10,-0\n11,\" 1.50 \"\n12,+-1\n", csv, &[
            (2, r#"{"id":"1","n":0.097}"#), (3, r#"{"id":"2","n":5}"#), (4, r#"{"id":"3","n":7}"#),
            (5, r#"{"id":"4","n":-0.5e3}"#), (6, r#"{"id":"5","n":null}"#), (7, r#"{"id":"6","n":1}"#),
            (8, "! the cell of \"n\" is no number: \"0x1\""), (9, "! the cell of \"n\" is no number: \".\""),
            (10, r#"{"id":"9","n":1e400}"#), (11, r#"{"id":"10","n":-0}"#), (12, r#"{"id":"11","n":1.50}"#),
            (13, "! the cell of \"n\" is no number: \"+-1\"")]),
        ("id,v:any\n1,x\n2,5\n3,\"\"\"5\"\"\"\n4,null\n5,\"\"\n6,\n7,\"[1,\"\n8, 5 \n9,\" x\"\n", csv, &[
            (2, r#"{"id":"1","v":"x"}"#), (3, r#"{"id":"2","v":5}"#), (4, r#"{"id":"3","v":"5"}"#),
            (5, r#"{"id":"4","v":null}"#), (6, r#"{"id":"5","v":""}"#), (7, r#"{"id":"6"}"#),
            (8, r#"{"id":"7","v":"[1,"}"#), (9, r#"{"id":"8","v":5}"#), (10, r#"{"id":"9","v":" x"}"#)]),
        ("Id,PK\n1,a\n", csv, &[(0, "the table has no column \"id\", but \"Id\": rename it, or add --id 'Id'")]),
        ("_id,PK\n1,a\n", csv, &[(0, "the table has no column \"id\", but \"_id\": rename it, or add --id '_id'")]),
        ("a/b\n1\n", csv, &[(0, "the table has no column \"id\". Its columns are [\"a/b\"]: --id COLUMN says which one holds the ids, --delimiter what stands between them")]),
        (":string,\" id \",id\n1,2,3\n", csv, &[(2, r#"{"":"1"," id ":"2","id":"3"}"#)]),
        ("\u{feff}id,n:number,b:bool,j:json,t:string\r\n007,1.50,TRUE,\"{\"\"x\"\":[1]}\",\"a\n\"\"b\"\"\"\r\n\r\n2,,,,\"\"\n", csv,
            &[(2, r#"{"id":"007","n":1.50,"b":true,"j":{"x":[1]},"t":"a\n\"b\""}"#), (5, r#"{"id":"2","t":""}"#)]),
        ("id\tx y\n1\ta,\"b\n", tsv, &[(2, r#"{"id":"1","x y":"a,\"b"}"#)]),
        ("id,n:number\n1,x\n2,1,3\n3\n4,01\n\"5\"x,1\n6,7", csv, &[
            (2, "! the cell of \"n\" is no number: \"x\""), (3, "! it has 3 cells, and the header 2"),
            (4, "! it has 1 cells, and the header 2"), (5, r#"{"id":"4","n":1}"#),
            (6, "! something follows a quoted cell"), (7, r#"{"id":"6","n":7}"#)]),
        ("id,t\n1,\"a\n2,b\n", csv, &[(2, "! the quote that opens in line 2 is not closed")]),
        ("id,s,t\n1,\"a\nb\",\"c\n2,,d\n", csv, &[(2, "! the quote that opens in line 3 is not closed")]),
        ("id,t\n1,\"a\n2,b\n3,\"\"\n4,\"d\"\n5,\"e\"", csv, &[
            (2, "! the quote that opens in line 2 closes in line 5, and text follows it"),
            (3, r#"{"id":"2","t":"b"}"#), (4, r#"{"id":"3","t":""}"#),
            (5, r#"{"id":"4","t":"d"}"#), (6, r#"{"id":"5","t":"e"}"#)]),
        ("id,s,t\r\n1,\"a\r\nb\",\"c\r\n2,,d\r\n3,,\"e\"\r\n", csv, &[
            (2, "! the quote that opens in line 3 closes in line 5, and text follows it"),
            (4, r#"{"id":"2","t":"d"}"#), (5, r#"{"id":"3","t":"e"}"#)]),
        ("id,t\n1,\"a\n2,\"b\n3,\"c\"", csv, &[
            (2, "! the quote that opens in line 2 closes in line 3, and text follows it"),
            (3, "! the quote that opens in line 3 closes in line 4, and text follows it"), (4, r#"{"id":"3","t":"c"}"#)]),
        ("id,t\n1,\"a\" \"b\n2,c\n3,5\" disk\n4,\"5\"\" disk\"\n", csv, &[
            (2, "! something follows a quoted cell"), (3, r#"{"id":"2","t":"c"}"#),
            (4, "! a quote stands within a cell that does not begin with one"), (5, r#"{"id":"4","t":"5\" disk"}"#)]),
        ("id,\"t\n1,\"a\"", csv, &[(0, "the header of the table: the quote that opens in line 1 closes in line 2, and text follows it")]),
        ("id\tx\ty\n\tb\t\n 1 \t\" \"\t c \r\n\t\t\n2\t\t", tsv,
            &[(2, r#"{"x":"b"}"#), (3, r#"{"id":" 1 ","x":" ","y":" c "}"#), (5, r#"{"id":"2"}"#)]),
        ("id,x\n1, a \n ,\t\n", csv, &[(2, r#"{"id":"1","x":" a "}"#), (3, r#"{"id":" ","x":"\t"}"#)]),
        ("id,t\n1,\"a\"", csv, &[(2, r#"{"id":"1","t":"a"}"#)]),
        ("id,id\n", csv, &[(0, "the table has two columns \"id\"")]),
        ("id,\n", csv, &[(0, "a column of the table has no name")]),
        ("id,a:nmber\n", csv, &[(0, "the column \"a:nmber\" has no known type: string, number, bool, json or any. If its name has a colon, write \"a:nmber:string\"")]),
        ("id,b:bool\n1,yes\n2,\n", csv, &[(2, "! the cell of \"b\" is no true or false: \"yes\""), (3, r#"{"id":"2"}"#)]),
    ];
    for (text, format, wanted) in cases {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(line, text)| (*line, text.to_string()))
            .collect();
        assert_eq!(read(text.as_bytes(), *format), wanted, "{text:?}");
    }
    assert_eq!(
        read(b"{\"a\":\"\xff\"}\n{}\n", None),
        [(1, "! it is not UTF-8".into()), (2, "{}".into())]
    );
}

#[test]
fn a_line_may_be_of_any_length() {
    let long = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(5 * 1024 * 1024));
    let text = |text: &str| text.to_string();
    let mut records = Records::new(Box::new(std::io::Cursor::new(long)), None).unwrap();
    let first = records.next_record().unwrap().unwrap();
    assert_eq!(
        (first.line, first.wrong),
        (1, Some(text("it is larger than 2 MB")))
    );
    let second = records.next_record().unwrap().unwrap();
    assert_eq!((second.line, second.text), (2, "{}"));
}

// ---- Writing

#[test]
fn every_form_of_input_is_written_as_it_is() {
    let place = Place::furnished(&[]);
    let fixture = std::fs::read_to_string("fixtures/data-plane/items.ndjson").unwrap();
    let ran = place.orders("import fixtures/data-plane/items.ndjson").ok();
    assert_eq!((count(&ran, "created"), count(&ran, "read")), (2, 2));
    ran.says("2 items");
    let there = items(&place);
    for (line, id) in fixture.lines().zip(["i1", "i2"]) {
        assert!(
            there[id].starts_with(line.trim_end_matches('}')),
            "{there:?}"
        );
    }
    let array = Named::new("a.json", "[{\"id\":\"a\",\n\"pk\":1e2 } , {\"id\":\"b\"}]");
    place.orders(&format!("import {}", array.path())).ok();
    let service = server(|asked| outcomes(asked, r#"{"statusCode":201}"#));
    let key = key();
    toward(&service, &format!("import {}", array.path()), &key)
        .go()
        .ok();
    let sent = service.asked().pop().unwrap().body;
    let first = r#"{"operationType":"Create","resourceBody":{"id":"a",\n"pk":1e2 },"partitionKey":"[100]"}"#;
    assert!(sent.contains(&first.replace("\\n", "\n")), "{sent}");
    let table = Named::new("a.CSV", "id,pk,n:number\n5,a,5\n6,\"b,\",\n");
    place.orders(&format!("import {}", table.path())).ok();
    assert!(items(&place)["5"].starts_with(r#"{"id":"5","pk":"a","n":5,"#));
    assert!(items(&place)["6"].starts_with(r#"{"id":"6","pk":"b,","#));
    let piped = place
        .prepare("import - -d shop -c orders --format tsv -o none -q")
        .input("id\tpk\nt\ta\n")
        .go();
    assert_eq!(piped.ok().err, "");
    assert_eq!(items(&place).len(), 7);
    // Hierarchical keys.
    place.container("levels", &["/t", "/a/b"]);
    let levels = Named::new(
        "l.ndjson",
        "{\"id\":\"1\",\"t\":\"x\",\"a\":{\"b\":7}}\n{\"id\":\"2\",\"t\":null}\n{\"id\":\"3\",\"a\":[]}\n",
    );
    let ran = place
        .run(&format!("import {} -d shop -c levels", levels.path()))
        .ok();
    assert_eq!(count(&ran, "created"), 3);
    let read = place.run("item read -d shop -c levels -i 2 --partition-key-json [null,{}]");
    read.ok().shows("\"id\":\"2\"");
}

#[test]
fn what_is_wrong_is_named_and_loses_nothing_else() {
    let place = Place::furnished(&[]);
    place
        .orders(r#"item create -b '{"id":"i7","pk":"k7"}' -q"#)
        .ok();
    let mut all: Vec<String> = lines(1000).lines().map(str::to_string).collect();
    for (at, line) in [
        (700, "{\"id\":\"i700\",\"pk\":"),
        (701, "{\"pk\":\"a\"}"),
        (702, "{\"id\":\"i702\",\"pk\":{\"a\":1}}"),
        (703, "7"),
        (704, "{\"id\":7,\"pk\":\"a\"}"),
        (705, "{\"id\":\"a/b\",\"pk\":\"a\"}"),
    ] {
        all[at] = line.to_string();
    }
    let file = Named::new("wrong.ndjson", all.join("\n"));
    let errors = Named::none("wrong.errors");
    let ran = place
        .orders(&format!(
            "import {} --errors {}",
            file.path(),
            errors.path()
        ))
        .ends(9);
    assert_eq!(
        (
            count(&ran, "created"),
            count(&ran, "rejected"),
            count(&ran, "read")
        ),
        (993, 7, 1000)
    );
    assert_eq!(items(&place).len(), 994);
    let mut rows = errors.rows();
    rows.sort_by_key(|row| row["line"].as_u64());
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["line"].as_u64().unwrap(),
                row["status"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (8, 409),
            (701, 0),
            (702, 0),
            (703, 0),
            (704, 0),
            (705, 0),
            (706, 0)
        ]
    );
    assert_eq!(rows[0]["item"], json!({"id": "i7", "pk": "k7", "n": 7}));
    assert_eq!(rows[1]["text"], all[700]);
    for (row, word) in rows.iter().zip([
        "its id is there",
        "not JSON",
        "no id",
        "/pk",
        "object",
        "not a text",
        "cannot address",
    ]) {
        assert!(
            row["reason"].as_str().unwrap().contains(word),
            "{row} {word}"
        );
    }
    // Without a file the first ten are told, whichever they are.
    let again = place.orders(&format!("import {}", file.path())).ends(9);
    let again = again.says("and 990 more; --errors FILE");
    assert_eq!(
        again
            .err
            .lines()
            .filter(|line| line.starts_with("line "))
            .count(),
        10
    );
    place
        .orders(&format!("import {} --dry-run -p /pk", file.path()))
        .ends(9)
        .says("line 701: it is not JSON");
    let any = Named::new("any.ndjson", all[705].clone());
    place
        .orders(&format!("import {} --any-id", any.path()))
        .ok();
}

#[test]
fn of_an_array_in_one_line_the_number_says_which_item_is_wrong() {
    let place = Place::furnished(&[]);
    let all = r#"[{"id":"a","pk":"x"},{"id":7},{"id":"b","pk":"x"},{"id":"a","pk":"x"},"#;
    let file = Named::new("one-line.json", all);
    let run = |more: &str| {
        let ran = place.orders(&format!("import {} --concurrency 1 {more}", file.path()));
        ran.ends(9)
    };
    run("--dry-run").says("line 1, item 2: its id is not a text");
    run("")
        .says("line 1, item 2: its id is not a text")
        .says("line 1, item 4: 409: ")
        .says("line 1, item 5: the array does not end here");
    let errors = Named::none("one-line.errors");
    run(&format!("--errors {}", errors.path()));
    let mut told: Vec<_> = errors.rows();
    told.sort_by_key(|row| row["number"].as_u64());
    let told: Vec<_> = told
        .iter()
        .map(|row| (&row["line"], &row["number"]))
        .collect();
    let wanted = [1, 2, 3, 4, 5].map(Value::from);
    assert!(
        told.iter().map(|(_, number)| *number).eq(&wanted),
        "{told:?}"
    );
    assert!(told.iter().all(|(line, _)| **line == 1), "{told:?}");
}

#[test]
fn the_first_rejection_may_end_it() {
    let place = Place::furnished(&[]);
    let mut all: Vec<String> = lines(60_000).lines().map(str::to_string).collect();
    all[300] = "{".into();
    let file = Named::new("stop.ndjson", all.join("\n"));
    let ran = place
        .orders(&format!("import {} --on-error stop", file.path()))
        .ends(9);
    assert_eq!((count(&ran, "read"), count(&ran, "rejected")), (301, 1));
    assert_eq!(items(&place).len() as u64, count(&ran, "created"));
    ran.says("line 301:")
        .says("stopped at an item that was rejected");
    place
        .orders(&format!("import {} --on-error perhaps", file.path()))
        .ends(2)
        .says("continue, stop");
}

#[test]
fn an_id_that_is_there_is_rejected_replaced_or_left_out() {
    let place = Place::furnished(&[]);
    let (old, new) = (
        Named::new("old.ndjson", lines(300)),
        Named::new("new.ndjson", lines(400).replace("\"n\"", "\"m\"")),
    );
    place.orders(&format!("import {}", old.path())).ok();
    let ran = place
        .orders(&format!("import {} --mode skip-existing", new.path()))
        .ok();
    assert_eq!((count(&ran, "created"), count(&ran, "skipped")), (100, 300));
    assert!(items(&place)["i0"].contains("\"n\":0"));
    let ran = place
        .orders(&format!("import {} --mode upsert", new.path()))
        .ok();
    assert_eq!((count(&ran, "created"), count(&ran, "replaced")), (0, 400));
    assert!(items(&place)["i0"].contains("\"m\":0"));
    let ran = place
        .orders(&format!("import {} --mode create", new.path()))
        .ends(9);
    assert_eq!(count(&ran, "rejected"), 400);
    place
        .orders(&format!("import {} --mode replace", new.path()))
        .ends(2)
        .says("create, upsert, skip-existing");
}

#[test]
fn the_last_of_one_id_wins() {
    let place = Place::furnished(&[]);
    let mut text = String::new();
    for n in 0..3000 {
        writeln!(text, r#"{{"id":"i{}","pk":"k{}","n":{n}}}"#, n % 30, n % 5).unwrap();
    }
    let file = Named::new("order.ndjson", text);
    for fault in [
        "op.429:40",
        "op.408:20",
        "reset-after:3",
        "op.410:9",
        "429:4",
        "split:1",
    ] {
        place.fault(fault);
    }
    let ran = place
        .orders(&format!(
            "import {} --mode upsert --concurrency 16",
            file.path()
        ))
        .ok();
    assert_eq!(count(&ran, "read"), 3000);
    let there = items(&place);
    for id in 0..30 {
        let last = format!("\"n\":{},", 2970 + id);
        assert!(there[&format!("i{id}")].contains(&last), "{id}: {there:?}");
    }
}

// ---- Trouble

/// What may go wrong while items are created, alone and together.
const TROUBLE: &[&[&str]] = &[
    &["op.429:300"],
    &["op.449:50", "op.503:20"],
    &["op.408:20", "op.500:3"],
    &["op.410/1002:5"],
    &["429:6", "449:3"],
    &["batch.503:2", "batch.408:2"],
    &["batch.410/1002:2"],
    &["reset-after:3"],
    &["reset-before:2", "truncate:2"],
    &["not-json:2", "wrong-length=-5:2"],
    &["split:2"],
    &["op.413/3402:5"],
    &[
        "split:2",
        "reset-after:2",
        "op.429:100",
        "truncate:2",
        "op.408:9",
        "503:1",
    ],
];

#[test]
fn whatever_goes_wrong_every_item_is_written_once() {
    std::thread::scope(|scope| {
        for (at, faults) in TROUBLE.iter().enumerate() {
            scope.spawn(move || survives(at, faults));
        }
    });
}

fn survives(at: usize, faults: &[&str]) {
    let place = Place::furnished(&[]);
    let line = "import - -d shop -c orders --format ndjson";
    let mut child = place
        .prepare(line)
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = lines(2000);
    let (first, rest) = text.split_at(text.find('\n').unwrap() + 1);
    // What is asked before the first item is tried elsewhere.
    stdin.write_all(first.as_bytes()).unwrap();
    while items(&place).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    for fault in faults {
        place.fault(fault);
    }
    stdin.write_all(rest.as_bytes()).unwrap();
    drop(stdin);
    let out = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{at} {faults:?} {told}");
    let counts: Value = serde_json::from_slice(&out.stdout).unwrap();
    let number = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(
        (number("created") + number("recognised"), number("rejected")),
        (2000, 0),
        "{faults:?} {counts}"
    );
    assert_eq!(items(&place).len(), 2000, "{faults:?}");
}

#[test]
fn a_service_without_batches_gets_each_item_by_itself() {
    for fault in ["batch.400", "batch.404", "batch.405", "batch.501"] {
        let place = Place::furnished(&[fault]);
        let file = Named::new("single.ndjson", lines(120));
        place.fault("create.429:5");
        let ran = place.orders(&format!("import {}", file.path())).ok();
        assert_eq!(
            (count(&ran, "created"), count(&ran, "requests")),
            (120, 120),
            "{fault}"
        );
        assert_eq!((items(&place).len(), writes(&place)), (120, 120));
        let again = place.orders(&format!("import {}", file.path())).ends(9);
        assert_eq!(count(&again, "rejected"), 120, "{fault}");
    }
}

/// A server as it may be: says what it is, and knows no more than it is asked here.
fn server(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Service {
    Service::new(move |asked| match asked.target.as_str() {
        "/dbs/shop/colls/orders" => reply(
            200,
            r#"{"id":"orders","_rid":"r","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#,
        ),
        "/dbs/shop/colls/orders/pkranges" => reply(
            200,
            r#"{"PartitionKeyRanges":[{"id":"0","minInclusive":"","maxExclusive":"FF"}]}"#,
        ),
        _ => answer(asked),
    })
}

/// Every operation is told this.
fn outcomes(asked: &Asked, outcome: &str) -> Reply {
    let count = asked.body.matches("\"operationType\"").count();
    (
        200,
        vec![("x-ms-request-charge", format!("{}", 5 * count))],
        format!("[{}]", vec![outcome; count].join(",")),
    )
}

fn toward(service: &Service, line: &str, key: &Scratch) -> Run {
    Run::line(line)
        .env("RAWCOSMOS_ENDPOINT", &service.origin)
        .env("RAWCOSMOS_KEY_FILE", key.path())
        .env("RAWCOSMOS_DATABASE_NAME", "shop")
        .env("RAWCOSMOS_CONTAINER_NAME", "orders")
}

fn key() -> Scratch {
    Scratch::new("c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
}

#[test]
fn what_a_batch_was_taken_for_is_deleted() {
    let service = server(
        |asked| match (asked.method.as_str(), asked.body.starts_with('[')) {
            ("POST", true) => reply(201, r#"{"id":"made up","_rid":"x"}"#),
            ("DELETE", _) => reply(204, ""),
            _ => (201, vec![("etag", "\"e\"".into())], String::new()),
        },
    );
    let (file, key) = (Named::new("bogus.ndjson", lines(5)), key());
    let ran = toward(&service, &format!("import {}", file.path()), &key)
        .go()
        .ok();
    assert_eq!(count(&ran, "created"), 5);
    let lines = service.lines();
    assert_eq!(
        lines[3], "DELETE /dbs/shop/colls/orders/docs/made%20up",
        "{lines:?}"
    );
    assert_eq!(lines.len(), 9);
    let first = &service.asked()[2];
    assert!(
        first.body.contains("\"Read\"") && first.header("prefer").is_none(),
        "{first:?}"
    );
    // And if it does not say what it made of it, that is said.
    let service = server(|_| reply(201, "[]"));
    toward(&service, &format!("import {}", file.path()), &key)
        .go()
        .ends(8)
        .says("taken for an item");
}

/// What the service says to the first two questions: its ranges, and that it takes batches.
fn at_first() -> [Act; 2] {
    let ranges = r#"{"PartitionKeyRanges":[{"id":"0","minInclusive":"","maxExclusive":"FF"}]}"#;
    [
        answer(200, &[], ranges).into(),
        answer(207, &[], r#"[{"statusCode":404}]"#).into(),
    ]
}

/// What a script makes of three items, the body of each batch, and what was written down as done before each.
fn scripted(clock: &FakeClock, acts: Vec<Act>) -> (Counts, Vec<String>, Vec<String>) {
    let acts = at_first().into_iter().chain(acts);
    let (counts, error, sent, kept) = imported(clock, acts.collect(), Budget::default());
    assert!(error.is_none(), "{error:?}");
    (counts, sent.into_iter().skip(2).collect(), kept)
}

/// The same from the first question on, and what ended it.
fn imported(
    clock: &FakeClock,
    acts: Vec<Act>,
    budget: Budget,
) -> (Counts, Option<Error>, Vec<String>, Vec<String>) {
    let script = Script::new(clock, acts);
    let kept = Mutex::new(Vec::new());
    let key = MasterKey::new(KEY).unwrap();
    let client = Client::new(&script, clock, Credential::Key(key)).with_budget(budget);
    let definition = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
    let keyed = Keyed::new(Definition::from_json(&definition).unwrap()).unwrap();
    let container = common::container();
    let plan = Plan {
        container: &container,
        check: Check {
            keyed: &keyed,
            any_id: false,
        },
        shard: None,
        mode: Mode::Create,
        concurrency: 1,
        max_rus: None,
        stop: false,
        resume: Resume::default(),
    };
    let ears = Ears {
        rejected: &|rejected| panic!("{rejected:?}"),
        told: &|| 0,
        keep: Some(&|snapshot| {
            let batches = script.count() - 2;
            kept.lock()
                .unwrap()
                .push((batches, snapshot.settled.clone()));
            Ok(())
        }),
    };
    let mut records = Records::new(Box::new(std::io::Cursor::new(lines(3))), None).unwrap();
    let (counts, error) = client.import(&plan, &ears, &mut records, &mut |_| {});
    script.assert_over();
    let sent = script.sent();
    let bodies = sent.iter().map(|sent| {
        sent.body
            .as_ref()
            .map_or(sent.line(), |body| body.expose().into())
    });
    let kept = kept.into_inner().unwrap();
    let kept = kept
        .iter()
        .map(|(batches, done)| format!("{batches} {done}"));
    (counts, error, bodies.collect(), kept.collect())
}

/// A service that cannot be reached for longer than one request is tried.
fn outage() -> Vec<Act> {
    vec![Act::Break(Stage::Connect, Duration::ZERO); 6]
}

#[test]
fn an_outage_before_the_first_item_is_sat_out_as_one_after_it() {
    let written = Act::from(answer(
        200,
        &[],
        format!("[{}]", [r#"{"statusCode":201}"#; 3].join(",")),
    ));
    for question in 0..=2 {
        let clock = FakeClock::new();
        let mut acts = [at_first().to_vec(), vec![written.clone()]].concat();
        acts.splice(question..question, outage());
        let (counts, error, sent, _) = imported(&clock, acts, Budget::default());
        assert!(error.is_none(), "{question}: {error:?}");
        assert_eq!((counts.created, sent.len()), (3, 9), "{question}");
    }
}

#[test]
fn no_question_is_asked_with_more_patience_than_is_given() {
    let nobody = |times| vec![Act::Break(Stage::Connect, Duration::ZERO); times];
    let seconds = |n| Some(Duration::from_secs(n));
    for (retries, wait, times) in [
        (Some(0), None, 1),
        (None, seconds(0), 1),
        (Some(1), None, 4),
        (None, seconds(1), 4),
    ] {
        let acts = [at_first()[..1].to_vec(), nobody(times)].concat();
        let budget = Budget { retries, wait };
        let (_, error, _, _) = imported(&FakeClock::new(), acts, budget);
        assert!(matches!(&error, Some(Error::Transport(_))), "{error:?}");
    }
    // What does not pass ends it at once.
    let refused = answer(401, &[], "{}").into();
    let acts = vec![at_first()[0].clone(), refused];
    let (_, error, _, _) = imported(&FakeClock::new(), acts, Budget::default());
    assert!(error.is_some_and(|error| error.is_status(401)));
}

#[test]
fn an_outage_is_sat_out_whatever_is_asked_at_that_time() {
    let (one, two) = (r#"{"statusCode":201}"#, r#"{"statusCode":409}"#);
    let outcomes = |each: [&str; 3]| Act::from(answer(207, &[], format!("[{}]", each.join(","))));
    // The ranges, after one is gone.
    let clock = FakeClock::new();
    let gone = Act::from(answer(410, &[("x-ms-substatus", "1002")], "{}"));
    let mut acts = [vec![gone], outage(), at_first()[..1].to_vec()].concat();
    acts.push(outcomes([one; 3]));
    assert_eq!(scripted(&clock, acts).0.created, 3);
    // The item that is compared with what was sent.
    let there = Act::from(answer(200, &[], r#"{"id":"i0","pk":"k0","n":0}"#));
    let lost = Act::Break(Stage::Answer, Duration::ZERO);
    let mut acts = [vec![lost, outcomes([two, one, one])], outage()].concat();
    acts.push(there);
    let counts = scripted(&clock, acts).0;
    assert_eq!((counts.created, counts.own), (2, 1));
}

#[test]
fn the_question_for_batches_is_asked_until_it_is_answered() {
    let [ranges, known] = at_first();
    let written = format!("[{}]", [r#"{"statusCode":201}"#; 3].join(","));
    let written = Act::from(answer(200, &[], written));
    let split = Act::from(answer(410, &[("x-ms-substatus", "1002")], "{}"));
    let refused = |status| Act::from(answer(status, &[], "{}"));
    for trouble in [
        vec![split.clone(), ranges.clone()],
        vec![split.clone(), ranges.clone(), split, ranges.clone()],
        vec![refused(413)],
        vec![refused(449); 3],
        vec![refused(429); 12],
        vec![refused(503); 6],
        vec![answer(200, &[], "<html>").into(); 2],
    ] {
        let asked = trouble.len();
        let acts = [
            vec![ranges.clone()],
            trouble,
            vec![known.clone(), written.clone()],
        ];
        let clock = FakeClock::new();
        let (counts, error, sent, _) = imported(&clock, acts.concat(), Budget::default());
        assert!(error.is_none(), "{error:?}");
        // All three in one request, as only batches go.
        assert_eq!((counts.created, counts.requests), (3, 1), "{sent:?}");
        assert_eq!(sent.len(), asked + 3);
    }
}

#[test]
fn what_spoils_the_read_that_compares_is_waited_for_as_for_a_batch() {
    let (one, two) = (r#"{"statusCode":201}"#, r#"{"statusCode":409}"#);
    let outcomes = answer(207, &[], format!("[{two},{one},{one}]"));
    let there = answer(200, &[], r#"{"id":"i0","pk":"k0","n":0}"#);
    let gone = answer(410, &[("x-ms-substatus", "1007")], "{}");
    for spoilt in [
        vec![answer(200, &[], "<html>"); 12],
        vec![answer(200, &[], ""); 3],
        vec![gone; 25],
        vec![answer(503, &[], ""); 20],
    ] {
        let lost = Act::Break(Stage::Answer, Duration::ZERO);
        let mut acts = vec![lost, outcomes.clone().into()];
        acts.extend(spoilt.into_iter().map(Act::from));
        acts.push(there.clone().into());
        let counts = scripted(&FakeClock::new(), acts).0;
        assert_eq!((counts.created, counts.own), (2, 1));
    }
}

#[test]
fn only_what_was_refused_is_sent_again_and_only_when_it_may_be() {
    let clock = FakeClock::new();
    let later = r#"[{"statusCode":201,"requestCharge":5},{"statusCode":429,"retryAfterMilliseconds":7000},{"statusCode":449}]"#;
    let fine = r#"[{"statusCode":201,"requestCharge":5},{"statusCode":201,"requestCharge":6}]"#;
    let (counts, bodies, kept) = scripted(
        &clock,
        vec![
            answer(207, &[], later).into(),
            answer(200, &[("x-ms-request-charge", "12")], fine).into(),
        ],
    );
    assert_eq!(
        (counts.created, counts.throttled, counts.requests),
        (3, 1, 2)
    );
    assert_eq!(counts.charge, 17.0);
    assert!(
        (7_000..7_100).contains(&clock.passed().as_millis()),
        "{:?}",
        clock.passed()
    );
    assert!(
        !bodies[1].contains("\"i0\"")
            && bodies[1].contains("\"i1\"")
            && bodies[1].contains("\"i2\""),
        "{bodies:?}"
    );
    // A kill at any moment leaves nothing open that was answered.
    assert_eq!(kept, ["0 []", "1 [0,1]", "2 [0,3]"]);
}

#[test]
fn a_create_whose_answer_was_lost_is_compared_with_what_is_there() {
    let clock = FakeClock::new();
    let there = |n: usize| {
        answer(
            200,
            &[],
            format!(r#"{{"id":"i{n}","pk":"k{n}","n":{n}.0,"_rid":"x"}}"#),
        )
    };
    let (counts, bodies, _) = scripted(
        &clock,
        vec![
            Act::Break(Stage::Answer, Duration::ZERO),
            answer(
                207,
                &[],
                r#"[{"statusCode":409},{"statusCode":201},{"statusCode":409}]"#,
            )
            .into(),
            there(0).into(),
            there(2).into(),
        ],
    );
    assert_eq!((counts.created, counts.own, counts.requests), (1, 2, 2));
    assert!(
        bodies[2].starts_with("GET ") && bodies[2].ends_with("/docs/i0"),
        "{bodies:?}"
    );
    assert_eq!(bodies[0], bodies[1]);
}

#[test]
fn one_item_that_cannot_be_read_spoils_it_for_itself_alone() {
    for status in [400, 413] {
        let service = server(move |asked| match asked.body.contains("\"n\":7}") {
            true => reply(status, r#"{"code":"x","message":"It is not to be had."}"#),
            false => outcomes(asked, r#"{"statusCode":201,"requestCharge":5}"#),
        });
        let (file, key) = (Named::new("spoilt.ndjson", lines(50)), key());
        let ran = toward(&service, &format!("import {}", file.path()), &key)
            .go()
            .ends(9);
        assert_eq!((count(&ran, "created"), count(&ran, "rejected")), (49, 1));
        ran.says(&format!("line 8: {status}: It is not to be had."));
    }
}

#[test]
fn a_reason_that_stands_in_the_place_of_an_item_is_told_and_a_missing_one_is_asked_for() {
    for (outcome, requests) in [
        (
            r#"{"statusCode":400,"resourceBody":{"code":"x","message":"It is odd."}}"#,
            3,
        ),
        (r#"{"statusCode":400,"resourceBody":"It is odd."}"#, 3),
        (r#"{"statusCode":400,"message":"It is odd."}"#, 3),
        (r#"{"statusCode":400}"#, 7),
        (r#"{"statusCode":400,"resourceBody":null}"#, 7),
    ] {
        let service = server(move |asked| match asked.body.starts_with('[') {
            true => outcomes(asked, outcome),
            false => reply(400, r#"{"code":"x","message":"It is odd."}"#),
        });
        let (file, key) = (Named::new("odd.ndjson", lines(4)), key());
        let ran = toward(&service, &format!("import {}", file.path()), &key)
            .go()
            .ends(9);
        assert_eq!((count(&ran, "created"), count(&ran, "rejected")), (0, 4));
        for line in 1..5 {
            assert!(
                ran.err.contains(&format!("line {line}: 400: It is odd.")),
                "{outcome} {ran:?}"
            );
        }
        let asked = service.asked();
        let sent = asked.iter().filter(|asked| asked.method == "POST").count();
        assert!(sent <= requests, "{outcome}: {sent}");
    }
}

/// A range may refuse a question about a key that is not its own.
#[test]
fn the_range_that_is_asked_for_batches_is_that_of_the_key_it_is_asked_for() {
    let place = Place::furnished(&[]);
    let file = Named::new("one.ndjson", lines(1));
    let ran = place.orders(&format!("import {} --trace", file.path()));
    let ran = ran
        .ok()
        .says("rawcosmos-import-probe")
        .says("\"statusCode\":404");
    assert!(!ran.err.contains("\"statusCode\":410"), "{}", ran.err);
}

#[test]
fn what_may_not_be_done_ends_it_and_so_does_too_little_patience() {
    let (file, key) = (Named::new("ends.ndjson", lines(5000)), key());
    for (outcome, code, said) in [
        (
            r#"{"statusCode":403,"subStatusCode":5302}"#,
            5,
            "HTTP 403, substatus 5302",
        ),
        (
            r#"{"statusCode":429,"subStatusCode":3213}"#,
            7,
            "substatus 3213",
        ),
        (
            r#"{"statusCode":429,"subStatusCode":3200,"retryAfterMilliseconds":900}"#,
            7,
            "substatus 3200",
        ),
        (r#"{"statusCode":404}"#, 3, "HTTP 404"),
        (r#"{"statusCode":410,"subStatusCode":1002}"#, 1, "HTTP 410"),
    ] {
        let service = server(move |asked| match asked.body.contains("import-probe") {
            true => outcomes(asked, r#"{"statusCode":404}"#),
            false => outcomes(asked, outcome),
        });
        let line = format!("import {} --retry-max-wait 1 --retries 3", file.path());
        let ran = toward(&service, &line, &key).go().ends(code).says(said);
        assert_eq!(count(&ran, "created"), 0);
        let sent = service.asked().len() as u64;
        assert!(sent < 30, "{sent}");
    }
    // Nobody answers any more.
    let service = server(|asked| match asked.body.contains("import-probe") {
        true => outcomes(asked, r#"{"statusCode":404}"#),
        false => reply(200, "what?"),
    });
    let line = format!("import {} --retry-max-wait 1", file.path());
    toward(&service, &line, &key)
        .go()
        .ends(8)
        .says("cannot be used");
}

#[test]
fn no_more_is_spent_than_is_allowed() {
    let service = server(|asked| outcomes(asked, r#"{"statusCode":201,"requestCharge":5}"#));
    let (file, key) = (Named::new("spent.ndjson", lines(900)), key());
    let begun = Instant::now();
    let ran = toward(
        &service,
        &format!("import {} --max-rus 2000", file.path()),
        &key,
    )
    .go()
    .ok();
    // 4,500 units.
    assert!(begun.elapsed() > Duration::from_millis(2100), "{ran:#?}");
    assert_eq!(ran.json()["requestCharge"], 4500.0);
    toward(
        &service,
        &format!("import {} --max-rus 0", file.path()),
        &key,
    )
    .go()
    .ends(2);
}

#[test]
fn a_limit_on_request_units_keeps_the_batches() {
    let place = Place::furnished(&[]);
    let file = Named::new("paced.ndjson", lines(3000));
    // Three seconds' worth.
    let ran = place.orders(&format!("import {} --max-rus 7000", file.path()));
    let ran = ran.ok();
    assert_eq!(count(&ran, "created"), 3000);
    assert!(count(&ran, "requests") < 60, "{ran:#?}");
}

#[test]
fn a_small_container_is_not_overrun() {
    // 400 request units a second, 6.67 an item: sixty of them, and the others are told when.
    let spent = std::sync::Mutex::new((Instant::now(), 0_u32));
    let service = server(move |asked| {
        if asked.body.contains("import-probe") {
            return outcomes(asked, r#"{"statusCode":404}"#);
        }
        let mut spent = spent.lock().unwrap();
        // A second of that service is a tenth of one.
        if spent.0.elapsed() > Duration::from_millis(100) {
            *spent = (Instant::now(), 0);
        }
        let all: Vec<_> = asked
            .body
            .matches("\"operationType\"")
            .map(|_| {
                spent.1 += 1;
                match spent.1 <= 60 {
                    true => r#"{"statusCode":201,"requestCharge":6.67}"#,
                    false => {
                        r#"{"statusCode":429,"subStatusCode":3200,"retryAfterMilliseconds":60}"#
                    }
                }
            })
            .collect();
        reply(207, format!("[{}]", all.join(",")))
    });
    let (file, key) = (Named::new("small.ndjson", lines(900)), key());
    let ran = toward(
        &service,
        &format!("import {} --retry-max-wait 5", file.path()),
        &key,
    )
    .go()
    .ok();
    assert_eq!(count(&ran, "created"), 900);
    assert!(count(&ran, "throttled") < 2700, "{ran:#?}");
}

// ---- Sizes

#[test]
fn items_of_up_to_two_megabytes_go_and_larger_ones_are_named() {
    let place = Place::furnished(&[]);
    let item = |id: &str, size: usize| {
        let begin = format!("{{\"id\":\"{id}\",\"pk\":\"a\",\"x\":\"");
        format!("{begin}{}\"}}", "y".repeat(size - begin.len() - 2))
    };
    const MOST: usize = 2 * 1024 * 1024;
    let all = [
        item("a", MOST - 1000),
        item("b", MOST + 1),
        item("c", MOST - 50),
        item("d", 300_000),
        item("e", 100),
    ];
    let file = Named::new("large.ndjson", all.join("\n"));
    let ran = place
        .orders(&format!("import {}", file.path()))
        .ends(9)
        .says("line 2: it is larger than 2 MB")
        // With what the service adds it would be.
        .says("line 3: 413:");
    assert_eq!(count(&ran, "created"), 3, "{ran:#?}");
    assert_eq!(items(&place).keys().collect::<Vec<_>>(), ["a", "d", "e"]);
}

/// The most memory a process has had, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The peak of an import of so many items of 2 KB.
fn peak_of(count: usize) -> u64 {
    let service = server(|asked| outcomes(asked, r#"{"statusCode":201,"requestCharge":5}"#));
    let mut text = String::new();
    let pad = "z".repeat(1980);
    for n in 0..count {
        writeln!(text, r#"{{"id":"i{n}","pk":"k{}","x":"{pad}"}}"#, n % 100).unwrap();
    }
    let (file, key) = (Named::new(&format!("memory{count}.ndjson"), text), key());
    let mut child = toward(&service, &format!("import {} -q", file.path()), &key).start();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(peak(child.id()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut out = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut out).unwrap();
    assert!(out.contains(&format!("\"created\":{count},")), "{out}");
    most
}

/// Half of what this binary takes is itself: it is not made to be small.
#[test]
fn memory_does_not_grow_with_the_input() {
    let (small, large) = (peak_of(4_000), peak_of(24_000));
    assert!(
        (1..small + 6 * 1024).contains(&large),
        "{small} and {large} KiB"
    );
    assert!(large < 48 * 1024, "{large} KiB");
}

// ---- Killed

/// Starts it and ends it with a kill once that is so; fails when it was over before.
fn killed(place: &Place, line: &str, when: impl Fn() -> bool) {
    let run = place
        .prepare(line)
        .env("RAWCOSMOS_DATABASE_NAME", "shop")
        .env("RAWCOSMOS_CONTAINER_NAME", "orders");
    let mut child = run.start();
    while !when() {
        let over = child.try_wait().unwrap();
        assert!(over.is_none(), "it was over before it could be killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A state as earlier versions wrote it: nothing says whether it was changed.
fn without_checksum(mut state: Value) -> Value {
    state.as_object_mut().unwrap().remove("checksum").unwrap();
    state
}

/// How many items a state says are done with; none before it is there.
fn done(state: &Named) -> u64 {
    let Ok(text) = std::fs::read_to_string(&state.0) else {
        return 0;
    };
    let state: Value = serde_json::from_str(&text).unwrap();
    let ends = state["settled"].as_array().unwrap().iter();
    let ends: Vec<u64> = ends.map(|end| end.as_u64().unwrap()).collect();
    ends.chunks(2).map(|span| span[1] - span[0]).sum()
}

#[test]
fn a_killed_import_goes_on_without_loss_and_knows_its_own() {
    const COUNT: usize = 8_000;
    for mode in ["create", "upsert"] {
        let place = Place::furnished(&[]);
        let (file, state, errors) = (
            Named::new(&format!("{mode}.killed.ndjson"), lines(COUNT) + "{\n"),
            Named::none(&format!("{mode}.killed.state")),
            Named::none(&format!("{mode}.killed.errors")),
        );
        // More than two seconds on any machine, so that each kill comes in the middle.
        place.fault("batch.delay=60ms");
        let line = format!(
            "import {} --mode {mode} --concurrency 2 --state {} --errors {} -q",
            file.path(),
            state.path(),
            errors.path()
        );
        // Before anything is written down as done, then each time that more is, then after more was written than that.
        killed(&place, &line, || !items(&place).is_empty());
        for _ in 0..2 {
            let before = done(&state);
            killed(&place, &line, || done(&state) > before);
        }
        let before = items(&place).len();
        killed(&place, &line, || items(&place).len() > before);
        let (known, there) = (done(&state), items(&place).len());
        assert!(known > 0 && there < COUNT, "{known} known, {there} there");

        let ran = place.orders(&line);
        // The line that is no item is told by the run that comes to it, which may have been a killed one. Whoever looks
        // at the last run alone must learn of it all the same.
        assert_eq!(ran.code, 9, "{ran:#?}");
        assert_eq!(items(&place).len(), COUNT, "{ran:#?}");
        assert_eq!(count(&ran, "earlier"), known, "{ran:#?}");
        let rows = errors.rows();
        assert!(rows.len() == 1 && rows[0]["line"] == COUNT + 1, "{rows:?}");
        if mode == "create" {
            assert_eq!(writes(&place), COUNT as u64);
            assert!(count(&ran, "recognised") > 0, "{ran:#?}");
        } else {
            // What was not written down as done is written again, and nothing else; of two batches the service may have
            // learned, or the line that is no item be known, without being there.
            let again = (count(&ran, "replaced") + known) as usize;
            assert!((there..=there + 201).contains(&again), "{there}: {ran:#?}");
        }
        // What is done with is done with.
        let (again, before) = (place.orders(&line).ends(9), writes(&place));
        assert_eq!(
            (count(&again, "earlier"), count(&again, "requests")),
            (COUNT as u64 + 1, 0)
        );
        assert_eq!(writes(&place), before);
    }
}

/// What is cut off, where it is gone on, and what is missing, each by itself.
#[test]
fn of_the_rejected_items_as_many_bytes_count_as_the_state_says() {
    let place = Place::furnished(&[]);
    let file = Named::new("cut.ndjson", "{\"id\":\"a\",\"pk\":\"x\"}\n{1\n{2\n");
    let (state, errors) = (Named::none("cut.state"), Named::none("cut.errors"));
    let line = format!(
        "import {} --state {} --errors {}",
        file.path(),
        state.path(),
        errors.path()
    );
    place.orders(&line).ends(9);
    let all = std::fs::read_to_string(&errors.0).unwrap();
    let first = all.find('\n').unwrap() + 1;
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&state.0).unwrap()).unwrap();
    assert_eq!(
        (&whole["settled"], &whole["errors"]),
        (&json!([0, 3]), &json!(all.len()))
    );
    let whole = without_checksum(whole);
    let mut half = whole.clone();
    half["settled"] = json!([0, 2]);
    (half["errors"], half["rejected"]) = (json!(first), json!(1));
    // The state, the file, the exit code, and the file behind it.
    let cases = [
        (&whole, Some(all.clone() + "{\"li"), 9, Some(all.as_str())),
        (&half, Some(all[..first].to_string()), 9, Some(&all)),
        (
            &half,
            Some(all[..first].to_string() + &"z".repeat(5_000)),
            9,
            Some(&all),
        ),
        (
            &half,
            Some(all[..first - 1].to_string()),
            2,
            Some(&all[..first - 1]),
        ),
        (&half, Some(String::new()), 2, Some("")),
        (&half, None, 9, Some(&all[first..])),
    ];
    for (kept, before, code, after) in cases {
        std::fs::write(&state.0, kept.to_string()).unwrap();
        let _ = std::fs::remove_file(&errors.0);
        if let Some(before) = before {
            std::fs::write(&errors.0, before).unwrap();
        }
        let ran = place.orders(&line).ends(code);
        assert!(
            code != 2 || ran.err.contains(&format!("first {first}")),
            "{ran:#?}"
        );
        assert_eq!(
            std::fs::read_to_string(&errors.0).ok().as_deref(),
            after,
            "{ran:#?}"
        );
    }
    assert_eq!(writes(&place), 1);
}

#[test]
fn a_conflict_that_is_not_of_a_kill_is_one_after_a_kill_too() {
    let place = Place::furnished(&[]);
    place
        .orders(r#"item create -b '{"id":"i3","pk":"k3","n":"other"}' -q"#)
        .ok();
    place
        .orders(r#"item create -b '{"id":"i4","pk":"k4","n":4}' -q"#)
        .ok();
    let (file, state) = (
        Named::new("conflict.ndjson", lines(10)),
        Named::none("conflict.state"),
    );
    let line = format!("import {} --state {}", file.path(), state.path());
    place
        .orders(&line)
        .ends(9)
        .says("line 4: 409:")
        .says("line 5: 409:");
    // As if it had been killed before it could write down more than that it was about to begin.
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&state.0).unwrap()).unwrap();
    let mut kept = without_checksum(kept);
    kept["settled"] = json!([]);
    std::fs::write(&state.0, kept.to_string()).unwrap();
    // All ten may have been sent: the same item is taken for ours, another one is not.
    let ran = place.orders(&line).ends(9).says("line 4: 409:");
    assert_eq!((count(&ran, "rejected"), count(&ran, "recognised")), (1, 9));
    assert_eq!((items(&place).len(), writes(&place)), (10, 10));
}

#[test]
fn a_state_belongs_to_one_input_one_container_and_one_share() {
    let place = Place::furnished(&[]);
    let (one, two) = (
        Named::new("one.ndjson", lines(10)),
        Named::new("two.ndjson", lines(10).replace("\"n\"", "\"m\"")),
    );
    let longer = Named::new("longer.ndjson", lines(11));
    let state = Named::none("one.state");
    place
        .orders(&format!(
            "import {} --state {} --shard 1/1",
            one.path(),
            state.path()
        ))
        .ok();
    let with = |file: &str, more: &str| {
        place.orders(&format!("import {file} --state {} {more}", state.path()))
    };
    with(one.path(), "").ends(2).says("another shard");
    with(two.path(), "--shard 1/1")
        .ends(2)
        .says("another input needs another state");
    with(longer.path(), "--shard 1/1")
        .ends(2)
        .says("another size");
    // What a kill left of it beside the file is in nobody's way, and does not stay.
    let beside = state.0.with_file_name(format!(
        ".{}.rawcosmos-0123456789abcdef",
        state.0.file_name().unwrap().to_str().unwrap()
    ));
    std::fs::write(&beside, "{").unwrap();
    with(one.path(), "--shard 1/1").ok().shows("\"earlier\":10");
    assert!(!beside.exists());
    assert_eq!(writes(&place), 10);
    place.sandbox.with_world(|world| {
        world
            .databases
            .get_mut("shop")
            .unwrap()
            .containers
            .remove("orders")
    });
    place.container("orders", &["/pk"]);
    with(one.path(), "--shard 1/1").ends(6);
    std::fs::write(&state.0, "{}").unwrap();
    with(one.path(), "--shard 1/1")
        .ends(2)
        .says("no state of an import");
}

#[test]
fn a_disk_that_is_full_is_an_error() {
    let place = Place::furnished(&[]);
    let file = Named::new("full.ndjson", "{\n".to_string() + &lines(10));
    place
        .orders(&format!("import {} --errors /dev/full", file.path()))
        .ends(1)
        .says("cannot write /dev/full");
    let line = format!("import {} --state /proc/none/state", file.path());
    place
        .orders(&line)
        .ends(2)
        .says("cannot write /proc/none/state");
    assert_eq!(writes(&place), 0);
    place
        .orders("import no-such-file")
        .ends(2)
        .says("cannot read no-such-file");
    place
        .orders("import .")
        .ends(1)
        .says("the input cannot be read");
    place.orders("import").ends(2).says("name a file");
}

/// An item of which nobody could be told is neither written nor done with.
#[test]
fn what_a_full_disk_did_not_take_of_the_rejected_is_told_by_the_next_run() {
    const COUNT: usize = 400;
    let place = Place::furnished(&[]);
    let (file, state, errors) = (
        Named::new("told.ndjson", lines(COUNT) + &"{\n".repeat(COUNT)),
        Named::none("told.state"),
        Named::none("told.errors"),
    );
    let others = Named::new("told.before", lines(COUNT).replace("\"n\"", "\"m\""));
    place.orders(&format!("import {} -q", others.path())).ok();
    let line = format!(
        "import {} --state {} --errors {} -q",
        file.path(),
        state.path(),
        errors.path()
    );
    for blocks in [20, 40, 60] {
        let run = place
            .prepare(&line)
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "orders");
        let whole = run.command();
        let mut command = Command::new("/bin/sh");
        // The signal that comes with the limit would end it: it is to see the error.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(whole.get_program());
        command.args(whole.get_args()).env_clear();
        command.envs(whole.get_envs().filter_map(|(n, v)| Some((n, v?))));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("File too large"), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(errors.rows().len() < 2 * COUNT);
    }
    place.orders(&line).ends(9);
    let told: Vec<_> = errors
        .rows()
        .iter()
        .map(|row| row["line"].as_u64())
        .collect();
    let once: BTreeSet<_> = told.iter().collect();
    assert_eq!((told.len(), once.len()), (2 * COUNT, 2 * COUNT));
}

// ---- Shares

#[test]
fn shares_are_the_whole_and_nothing_twice() {
    let place = Place::furnished(&[]);
    let file = Named::new("shares.ndjson", lines(2999) + "{\n");
    let (mut written, mut rejected) = (0, 0);
    for share in 1..=3 {
        if share == 2 {
            place.fault("split:1");
        }
        let ran = place.orders(&format!("import {} --shard {share}/3", file.path()));
        let bad = count(&ran, "rejected");
        assert_eq!(ran.code, if bad > 0 { 9 } else { 0 }, "{ran:#?}");
        assert_eq!(
            count(&ran, "created") + count(&ran, "elsewhere") + bad,
            3000
        );
        rejected += bad;
        assert!(count(&ran, "created") > 500, "{ran:#?}");
        written += count(&ran, "created");
        assert_eq!(items(&place).len() as u64, written);
    }
    // What is no item is of no key, and of one share all the same.
    assert_eq!((written, rejected), (2999, 1));
    let rehearsed = (1..=3).map(|share| {
        let line = format!("import {} -p /pk --dry-run --shard {share}/3", file.path());
        count(&place.orders(&line), "rejected")
    });
    assert_eq!(rehearsed.sum::<u64>(), 1);
    place
        .orders(&format!("import {} --shard 4/3", file.path()))
        .ends(2)
        .says("4/3");
}

// ---- Without sending, and on the way

#[test]
fn a_rehearsal_looks_at_every_item_and_asks_nobody() {
    let file = Named::new(
        "dry.ndjson",
        lines(300) + "{\"id\":\"a\",\"pk\":[]}\n{\"id\":1}\n",
    );
    let run = |more: &str| Run::line(&format!("import {} --dry-run {more}", file.path())).go();
    let ran = run("").ends(9).says("line 302: its id is not a text");
    assert_eq!(
        (
            count(&ran, "read"),
            count(&ran, "fine"),
            count(&ran, "rejected")
        ),
        (302, 301, 1)
    );
    let ran = run("-p pk")
        .ends(9)
        .says("line 301: its key /pk: an array is not a valid partition key");
    assert_eq!((count(&ran, "fine"), count(&ran, "rejected")), (300, 2));
    let shares: u64 = (1..=3)
        .map(|n| count(&run(&format!("-p /pk --shard {n}/3")), "fine"))
        .sum();
    assert_eq!(shares, 300);
    run("--shard 1/3").ends(2).says("--partition-key-path");
    run("-p pk -p 'a//b'").ends(2);
}

#[test]
fn the_key_that_is_named_must_be_the_containers() {
    let place = Place::furnished(&[]);
    let file = Named::new("named.ndjson", lines(1));
    place
        .orders(&format!("import {} -p id", file.path()))
        .ends(6)
        .says("partitioned by /pk, not by /id");
    place.orders(&format!("import {} -p pk", file.path())).ok();
}

#[test]
fn how_far_it_is_is_said_while_it_goes_on() {
    let place = Place::furnished(&[]);
    place.fault("batch.delay=1500ms");
    let file = Named::new("slow.ndjson", lines(2000));
    let line = format!("import {} --concurrency 1", file.path());
    let mut child = place
        .prepare(&line)
        .env("RAWCOSMOS_DATABASE_NAME", "shop")
        .env("RAWCOSMOS_CONTAINER_NAME", "orders")
        .start();
    let mut said = String::new();
    let told = BufReader::new(child.stderr.take().unwrap()).read_line(&mut said);
    assert!(told.unwrap() > 0 && said.contains("items/s"), "{said:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn time_that_is_over_ends_it_and_another_run_goes_on() {
    let place = Place::furnished(&[]);
    place.fault("batch.delay=300ms");
    let (file, state) = (
        Named::new("over.ndjson", lines(4000)),
        Named::none("over.state"),
    );
    let line = format!("import {} --state {}", file.path(), state.path());
    let ran = place
        .orders(&format!("{line} --timeout 1 --concurrency 2"))
        .ends(8)
        .says("1 s given");
    // What was under way then may have been written all the same.
    let there = items(&place).len() as u64;
    assert!(
        (count(&ran, "created")..4000).contains(&there),
        "{there} {ran:#?}"
    );
    place.sandbox.clear_faults();
    place.orders(&line).ok();
    assert_eq!((items(&place).len(), writes(&place)), (4000, 4000));
}
