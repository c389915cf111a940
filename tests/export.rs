//! Everything out of a container, by the real binary: whole, once, and whatever happens on the way.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rawcosmos::cosmos::effective_key::contains;
use rawcosmos::cosmos::key_definition::Definition;
use rawcosmos::sandbox::Options;
use rawcosmos::sandbox::world::Item;
use serde_json::{Value, json};
use support::relay::{End, Relay};
use support::service::{Asked, Reply, Service, reply};
use support::{BINARY, Owned, Place, Ran, Run, Scratch};

// ---- A container with items in it, and a folder

struct Filled {
    place: Place,
    folder: Folder,
}

/// A folder that is gone with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let scratch = Scratch::new("");
        let path = PathBuf::from(format!("{}.d", scratch.path()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// The names of all that is in it.
    fn names(&self) -> Vec<String> {
        let found = fs::read_dir(&self.0).unwrap();
        let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Filled {
    fn new(partitions: usize, items: usize) -> Filled {
        Filled::ragged(partitions, items, None)
    }

    fn ragged(partitions: usize, items: usize, ragged_pages: Option<u64>) -> Filled {
        let options = Options {
            partitions,
            ragged_pages,
            ..Options::default()
        };
        Filled::with(options, items)
    }

    fn with(options: Options, items: usize) -> Filled {
        let place = Place::with(options);
        place.container("orders", &["/pk"]);
        place.grant();
        let filled = Filled {
            place,
            folder: Folder::new(),
        };
        for n in 0..items {
            filled.put(n, "");
        }
        filled
    }

    /// An item, with this among its members.
    fn put(&self, n: usize, member: &str) {
        let (id, pk) = (n.to_string(), format!("key-{}", n % 97));
        let definition = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
        let definition = Definition::from_json(&definition).unwrap();
        let text = format!(
            r#"{{"id":"{id}","pk":"{pk}","n":{n}.0{member},"_rid":"r{n}","_self":"dbs/d/colls/c/docs/r{n}/","_etag":"\"e{n}\"","_attachments":"attachments/","_ts":1700000000}}"#
        );
        let key = definition.extract(&text).unwrap();
        let effective = definition.effective(&key);
        self.place.sandbox.with_world(|world| {
            let number = world.next();
            let container = world.databases.get_mut("shop").unwrap();
            let ranges = &mut container.containers.get_mut("orders").unwrap().ranges;
            let holds = |min: &str, max: &str| contains(min, max, &effective);
            let mut ranges = ranges.iter_mut();
            let range = ranges.find(|range| holds(&range.min, &range.max)).unwrap();
            let item = Item {
                text,
                number,
                rid: format!("r{n}"),
                ..Item::default()
            };
            let slot = (effective.clone(), key.canonical(), id);
            range.items.insert(slot, item);
        });
    }

    /// Every item as the service has it, in any order.
    fn all(&self) -> Vec<String> {
        let all: Vec<String> = self.place.sandbox.with_world(|world| {
            let ranges = world.databases["shop"].containers["orders"].ranges.iter();
            let items = ranges.flat_map(|range| range.items.values());
            items.map(|item| item.text.clone()).collect()
        });
        sorted(all)
    }

    fn split(&self) {
        let split =
            |world: &mut rawcosmos::sandbox::world::World| world.split("shop", "orders", None);
        self.place.sandbox.with_world(split).unwrap();
    }

    fn prepare(&self, line: &str) -> Run {
        self.place
            .prepare(line)
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "orders")
    }

    /// Runs in the folder.
    fn export(&self, line: &str) -> Ran {
        let variables = self.command(line);
        run(line, variables)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.prepare(line).command();
        command.current_dir(&self.folder.0);
        command
    }
}

fn run(line: &str, mut command: Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ran {
        line: line.to_string(),
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// The same lines, in any order, each as often.
#[track_caller]
fn same(found: &str, wanted: Vec<String>) {
    let (found, wanted) = (lines(found), sorted(wanted));
    let at = found.iter().zip(&wanted).position(|(a, b)| a != b);
    let at = at.map(|at| (&found[at], &wanted[at]));
    assert!(
        found.len() == wanted.len() && at.is_none(),
        "{} lines, not {}: {at:?}",
        found.len(),
        wanted.len()
    );
}

fn lines(text: &str) -> Vec<String> {
    assert!(text.is_empty() || text.ends_with('\n'), "half a line");
    sorted(text.lines().map(str::to_string).collect())
}

// ---- Whole and once

#[test]
fn everything_comes_once_and_as_it_is() {
    for (partitions, ragged) in [(1, None), (3, None), (7, Some(5))] {
        let filled = Filled::ragged(partitions, 500, ragged);
        let ran = filled.export("export all.ndjson --page-size 17").ok();
        same(&filled.folder.text("all.ndjson"), filled.all());
        assert_eq!(filled.folder.names(), ["all.ndjson"]);
        ran.prints("").says("500 items · ").says(" RU · ");
        let ran = filled.export("export - -q").ok();
        same(&ran.out, filled.all());
        assert_eq!(ran.err, "");
    }
}

#[test]
fn an_empty_container_is_an_empty_file() {
    let filled = Filled::new(2, 0);
    filled.export("export all --state s").ok();
    assert_eq!(filled.folder.text("all"), "");
    filled.export("export all.json -o json").ok();
    assert_eq!(filled.folder.text("all.json"), "[]\n");
    assert_eq!(filled.folder.names(), ["all", "all.json"]);
}

#[test]
fn an_order_is_the_same_every_time() {
    let filled = Filled::ragged(5, 400, Some(9));
    let all = |line: &str| filled.export(line).ok().out;
    let first = all("export - --order --parallel 1");
    for parallel in [2, 4, 9] {
        let again = all(&format!("export - --order --parallel {parallel}"));
        assert!(first == again, "{parallel}");
    }
    // Range after range, and within one as the service gives them: by the time they were made.
    let wanted: String = filled.place.sandbox.with_world(|world| {
        let ranges = world.databases["shop"].containers["orders"].ranges.iter();
        let items = ranges.flat_map(|range| {
            let mut items: Vec<&Item> = range.items.values().collect();
            items.sort_by_key(|item| item.number);
            items
        });
        items.map(|item| format!("{}\n", item.text)).collect()
    });
    assert_eq!(first, wanted);
}

#[test]
fn what_the_service_added_is_left_out_when_asked() {
    let filled = Filled::new(2, 0);
    filled.put(
        7,
        r#", "o" : {"_rid":1,"_ts":[{"_etag":1.10}]},"\u005fts":5,"x":"\"_rid\":\"","_ts2":9007199254740993,"h":1e400"#,
    );
    let left = r#"{"id":"7","pk":"key-7","n":7.0,"o" : {"_rid":1,"_ts":[{"_etag":1.10}]},"x":"\"_rid\":\"","_ts2":9007199254740993,"h":1e400}"#;
    let left = format!("{left}\n");
    filled.export("export - --strip-system").ok().prints(&left);
    // No query of the sandbox reads such a number.
    let filled = Filled::new(2, 0);
    filled.put(8, r#","o":{"_rid":1},"_ts2":9007199254740993"#);
    for query in ["SELECT * FROM c", "SELECT TOP 5 * FROM c"] {
        let ran = filled.export(&format!("export - --strip-system --query '{query}'"));
        let value: Value = serde_json::from_str(ran.ok().out.trim()).unwrap();
        assert_eq!(value["_ts2"], 9_007_199_254_740_993_u64, "{query}");
        assert_eq!(
            (&value["_rid"], &value["_ts"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(value["o"]["_rid"], 1, "{query}");
    }
}

#[test]
fn queries_and_formats_are_those_of_query() {
    let filled = Filled::ragged(4, 120, Some(3));
    let folder = &filled.folder;
    for (query, size) in [
        ("SELECT c.id FROM c WHERE c.n >= @n", 20),
        (
            "SELECT VALUE c.n FROM c WHERE c.n >= @n ORDER BY c.n DESC",
            20,
        ),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.n >= @n", 1),
    ] {
        fs::write(folder.file("q.sql"), query).unwrap();
        for format in ["ndjson", "json", "csv"] {
            let tail = format!("-f q.sql --param-json n=100 -o {format}");
            let query = filled.export(&format!("query {tail} --parallel 2")).ok();
            filled.export(&format!("export out -y {tail}")).ok();
            let (found, wanted) = (folder.text("out"), query.out);
            if query.line.contains("json") && format == "json" {
                let rows: Vec<Value> = serde_json::from_str(&found).unwrap();
                assert_eq!(rows.len(), size, "{found}");
                continue;
            }
            same(&found, lines(&wanted));
        }
    }
    let picked = filled.export("export - --get /n -o raw").ok();
    assert_eq!(picked.out.lines().count(), 120);
    assert!(picked.out.lines().all(|line| line.ends_with(".0")));
}

// ---- Shares

#[test]
fn all_shares_are_the_whole_and_no_two_have_anything_in_common() {
    for partitions in [1, 3, 7] {
        let filled = Filled::ragged(partitions, 600, Some(7));
        let share = |n: usize, of: usize| {
            if n == 2 {
                // Ranges may split while other machines are at work.
                filled.split();
            }
            filled
                .export(&format!("export - --shard {n}/{of} --page-size 40"))
                .ok()
        };
        for of in [1, 2, 8] {
            let shares: Vec<Ran> = (1..=of).map(|n| share(n, of)).collect();
            let together: String = shares.iter().map(|ran| ran.out.as_str()).collect();
            same(&together, filled.all());
            let sizes: Vec<usize> = shares.iter().map(|ran| ran.out.lines().count()).collect();
            assert!(sizes.iter().all(|size| *size > 600 / of / 4), "{sizes:?}");
        }
        let query = "SELECT VALUE c.n FROM c WHERE c.n < 300";
        let shares = (1..=3).map(|n| {
            let line = format!("export - --shard {n}/3 --query '{query}'");
            filled.export(&line).ok().out
        });
        assert_eq!(shares.collect::<String>().lines().count(), 300);
    }
}

#[test]
fn a_share_of_a_merged_query_is_refused() {
    let filled = Filled::new(2, 4);
    let line = "export - --shard 1/2 --query 'SELECT VALUE COUNT(1) FROM c'";
    filled.export(line).ends(2).prints("").says("--shard");
    filled.export("export - --shard 3/2").ends(2).says("3/2");
}

/// A gateway that takes no bounds, and one that takes no notice of them.
#[test]
fn a_share_does_not_rely_on_the_gateway() {
    for refuses in [true, false] {
        let service = Service::new(move |asked: &Asked| {
            let bounded = asked.header("x-ms-start-epk").is_some();
            match (asked.has("/pkranges"), asked.has("/docs")) {
                (true, _) => reply(200, RANGE),
                (_, true) if bounded && refuses => reply(400, r#"{"code":"BadRequest"}"#),
                (_, true) => {
                    let item = |n: usize| format!(r#"{{"id":"{n}","pk":"{n}"}}"#);
                    let items: Vec<String> = (0..100).map(item).collect();
                    let items = items.join(",");
                    reply(200, format!(r#"{{"_rid":"r","Documents":[{items}]}}"#))
                }
                _ => reply(200, CONTAINER),
            }
        });
        let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
        let share = |n: usize| {
            let line = format!("export - -d d -c c --shard {n}/3 --key-file {}", key.path());
            let ran = Run::line(&line)
                .env("RAWCOSMOS_ENDPOINT", &service.origin)
                .go();
            ran.ok().out.lines().map(str::to_string).collect::<Vec<_>>()
        };
        let all: Vec<String> = (1..=3).flat_map(share).collect();
        assert_eq!(all.len(), 100);
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), 100, "{refuses}");
    }
}

const RANGE: &str = r#"{"PartitionKeyRanges":[{"id":"0","minInclusive":"","maxExclusive":"FF"}]}"#;
const CONTAINER: &str =
    r#"{"id":"c","_rid":"r","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#;

// ---- Regions

/// The preferred region is `second` or the account's own, and is gone behind some requests.
fn survives_a_region(own: bool, end: End, line: &str) {
    let options = Options {
        partitions: 4,
        regions: 2,
        ..Options::default()
    };
    let filled = Filled::with(options, 400);
    // The account, the container, its ranges, and some pages.
    let relay = filled.place.sandbox.with_world(|world| {
        let place = match own {
            true => &mut world.cosmos,
            false => world.regions.second.as_mut().unwrap(),
        };
        let relay = Relay::new(place, 20, end);
        place.clone_from(&relay.origin);
        relay
    });
    let regions = if own {
        "Sandbox,Sandbox 2"
    } else {
        "Sandbox 2,Sandbox"
    };
    let line = format!("export out -y --page-size 7 --parallel 3 --region '{regions}' {line}");
    let ran = filled.export(&line).ok();
    assert!(relay.seen() > 20, "{end:?} {} {ran:#?}", relay.seen());
    // A query writes numbers in its own way.
    let found = filled.folder.text("out").replace(".0,", ",");
    let all = filled.all();
    same(
        &found,
        all.iter().map(|item| item.replace(".0,", ",")).collect(),
    );
    assert_eq!(filled.folder.names(), ["out"]);
}

#[test]
fn a_region_that_fails_in_the_midst_costs_nothing_and_doubles_nothing() {
    let lines = ["", "--state st", "--query 'SELECT * FROM c ORDER BY c.n'"];
    std::thread::scope(|scope| {
        for own in [true, false] {
            for end in [End::Busy, End::Refused, End::Torn] {
                scope.spawn(move || lines.map(|line| survives_a_region(own, end, line)));
            }
        }
    });
}

// ---- Killed, and gone on with

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// Kills it at some time, again and again, until it comes to its end; how often it was killed.
fn killed_until_done(filled: &Filled, line: &str, dice: &mut Dice, between: &dyn Fn()) -> usize {
    let out = || fs::read_to_string(filled.folder.file("out")).ok();
    let mut found = None;
    for round in 0..100 {
        let mut command = filled.command(line);
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = Owned(child.unwrap());
        let patience = Duration::from_millis(30 + dice.roll(150) + 20 * round);
        let begun = Instant::now();
        while begun.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(1));
            if let Some(status) = child.0.try_wait().unwrap() {
                let mut err = String::new();
                let pipe = child.0.stderr.take().unwrap();
                { pipe }.read_to_string(&mut err).unwrap();
                assert_eq!(status.code(), Some(0), "{err}");
                assert!(
                    found.is_none() || found == out(),
                    "not whole and in its place"
                );
                return usize::try_from(round).unwrap();
            }
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        // The kill may come between the last steps and the end.
        found = found.or_else(out);
        if found.is_some() && !filled.folder.file("st").exists() {
            // Or behind the last step: all of it is done.
            return usize::try_from(round).unwrap() + 1;
        }
        between();
    }
    panic!("it never comes to its end");
}

#[test]
fn killed_at_any_time_nothing_is_lost_or_doubled() {
    let mut dice = Dice(20_261_125);
    for (ragged, order) in [(None, ""), (Some(3), "--order")] {
        let filled = Filled::ragged(4, 1500, ragged);
        filled.place.fault("feed.delay=25ms");
        let line = format!("export out --state st --page-size 10 --parallel 3 {order}");
        let killed = killed_until_done(&filled, &line, &mut dice, &|| {});
        assert!(
            killed >= 3,
            "killed {killed} times only: not much was tried"
        );
        same(&filled.folder.text("out"), filled.all());
        assert_eq!(filled.folder.names(), ["out"]);
    }
}

#[test]
fn killed_while_ranges_split_nothing_is_lost_or_doubled() {
    let mut dice = Dice(7);
    let filled = Filled::new(2, 1500);
    filled.place.fault("feed.delay=15ms");
    let line = "export out --state st --page-size 10 --strip-system";
    let killed = killed_until_done(&filled, line, &mut dice, &|| {
        filled.split();
        filled.place.fault("feed.split:1");
    });
    assert!(killed >= 2, "{killed}");
    let all = filled.all();
    let wanted = all.iter().map(|item| {
        let (own, _) = item.split_once(",\"_rid\"").unwrap();
        format!("{own}}}")
    });
    same(&filled.folder.text("out"), wanted.collect());
}

#[test]
fn killed_queries_go_on_too() {
    let mut dice = Dice(3);
    for query in [
        "SELECT * FROM c WHERE c.n >= 0",
        "SELECT * FROM c ORDER BY c.n",
    ] {
        let filled = Filled::new(3, 900);
        filled.place.fault("query.delay=40ms");
        let line = format!("export out --state st --page-size 10 --query '{query}'");
        let killed = killed_until_done(&filled, &line, &mut dice, &|| {});
        assert!(killed >= 2, "{killed}");
        let text = filled.folder.text("out");
        let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["n"].as_f64();
        let mut numbers: Vec<f64> = text.lines().filter_map(number).collect();
        assert!(numbers.is_sorted() || !query.contains("ORDER"), "{query}");
        numbers.sort_by(f64::total_cmp);
        assert_eq!(
            numbers,
            (0..900).map(f64::from).collect::<Vec<f64>>(),
            "{query}"
        );
    }
}

#[test]
fn ranges_that_split_meanwhile_go_on_in_their_children() {
    for order in ["", "--order"] {
        let filled = Filled::ragged(3, 1200, Some(11));
        filled.place.fault("feed.split:1");
        filled.place.fault("feed.delay=1ms");
        let mut command = filled.command(&format!("export - -q {order}"));
        let mut child = Owned(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut reader = BufReader::new(child.0.stdout.take().unwrap());
        let (mut text, mut count) = (String::new(), 0);
        while reader.read_line(&mut text).unwrap() > 0 {
            count += 1;
            if count % 150 == 0 {
                filled.split();
            }
        }
        assert!(child.0.wait().unwrap().success());
        same(&text, filled.all());
        let ranges = filled.export("ranges -q").ok().out.lines().count();
        assert!(ranges > 9, "{ranges}");
    }
}

#[test]
fn standard_output_gets_a_page_twice_at_most_and_loses_none() {
    let filled = Filled::new(2, 600);
    filled.place.fault("feed.delay=3ms");
    let line = "export - --state st --page-size 10";
    let mut command = filled.command(line);
    let mut child = Owned(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut reader = BufReader::new(child.0.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..95 {
        reader.read_line(&mut text).unwrap();
    }
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    // What waits in the pipe is read, too.
    reader.read_to_string(&mut text).unwrap();
    filled.place.sandbox.clear_faults();
    text += &filled.export(line).ok().out;
    let twice = text.lines().count() - 600;
    assert!(twice == 0 || twice == 10, "{twice}");
    let mut once = lines(&text);
    once.dedup();
    assert_eq!(once, filled.all());
    assert!(filled.folder.names().is_empty());
}

// ---- Files

#[test]
fn a_file_that_is_there_is_not_lost() {
    let filled = Filled::new(2, 20);
    fs::write(filled.folder.file("out"), "precious").unwrap();
    for line in ["export out", "export out --state st"] {
        filled.export(line).ends(2).says("overwrite out");
        assert_eq!(filled.folder.text("out"), "precious");
        assert_eq!(filled.folder.names(), ["out"]);
    }
    filled.place.fault("feed.403");
    filled.export("export out -y").ends(5);
    filled.export("export out -y --state st").ends(5);
    assert_eq!(filled.folder.text("out"), "precious");
    filled.place.sandbox.clear_faults();
    fs::remove_file(filled.folder.file("st")).unwrap();
    // What another state belongs to is as precious.
    fs::write(filled.folder.file("out.partial"), "half").unwrap();
    filled.export("export out -y").ok();
    assert_eq!(filled.folder.text("out.partial"), "half");
    fs::remove_file(filled.folder.file("out")).unwrap();
    filled
        .export("export out --state st")
        .ends(2)
        .says("out.partial");
    filled.export("export out --state st -y").ok();
    same(&filled.folder.text("out"), filled.all());
    assert_eq!(filled.folder.names(), ["out"]);
}

#[test]
fn a_full_disk_leaves_what_was_there_and_the_last_good_state() {
    let filled = Filled::new(2, 900);
    fs::write(filled.folder.file("out"), "precious").unwrap();
    let limited = |line: &str, blocks: usize| {
        let whole = filled.command(line);
        let words: Vec<String> = whole
            .get_args()
            .map(|w| w.to_str().unwrap().into())
            .collect();
        let mut command = Command::new("/bin/sh");
        // The signal that comes with the limit would end it: it is to see the error.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, BINARY]).args(&words);
        command.env_clear().current_dir(&filled.folder.0);
        command.envs(whole.get_envs().filter_map(|(n, v)| Some((n, v?))));
        run(line, command)
    };
    let full = limited("export out -y --page-size 50", 100);
    full.ends(1).says("File too large");
    assert_eq!(filled.folder.names(), ["out"]);
    let full = limited("export out -y --page-size 50 --state st", 100);
    full.ends(1).says("File too large");
    assert_eq!(filled.folder.text("out"), "precious");
    assert_eq!(filled.folder.names(), ["out", "out.partial", "st"]);
    let state: Value = serde_json::from_str(&filled.folder.text("st")).unwrap();
    let length = state["length"].as_u64().unwrap();
    assert!(length <= 100 * 512, "{length}");
    // With room it goes on.
    filled.export("export out -y --state st").ok();
    same(&filled.folder.text("out"), filled.all());
    filled
        .export("export /dev/full")
        .ends(1)
        .says("No space left");
}

#[test]
fn a_state_says_when_it_is_not_of_this_export() {
    let filled = Filled::new(2, 200);
    filled.place.fault("feed.503:1");
    filled.place.fault("feed.403");
    filled
        .export("export out --state st --page-size 10")
        .ends(5);
    filled.place.sandbox.clear_faults();
    for line in [
        "export out --state st --strip-system",
        "export out --state st --shard 1/2",
        "export out --state st --query 'SELECT * FROM c'",
    ] {
        filled.export(line).ends(2).says("--state");
    }
    filled
        .export("export out --state st -o csv")
        .ends(2)
        .says("ndjson");
    let state = filled.folder.text("st");
    // As earlier versions wrote it: nothing says whether it was changed.
    let state = state.split(",\"checksum\"").next().unwrap().to_string() + "}";
    let state = state.replace("\"length\":0", "\"length\":77");
    fs::write(filled.folder.file("st"), &state).unwrap();
    filled
        .export("export out --state st")
        .ends(2)
        .says("first 77 bytes it counts on");
    fs::remove_file(filled.folder.file("out.partial")).unwrap();
    filled
        .export("export out --state st")
        .ends(2)
        .says("out.partial");
    fs::write(
        filled.folder.file("st"),
        state.replace("\"length\":77", "\"length\":0"),
    )
    .unwrap();
    filled
        .place
        .sandbox
        .with_world(|world| world.recreate("shop", "orders", 2))
        .unwrap();
    filled
        .export("export out --state st")
        .ends(6)
        .says("made anew");
    fs::write(filled.folder.file("st"), "{").unwrap();
    filled
        .export("export out --state st")
        .ends(2)
        .says("not usable");
}

/// Killed between the last two steps: the file is in its place, and the state is still there.
#[test]
fn a_whole_file_with_its_state_is_done() {
    let filled = Filled::new(2, 30);
    filled.export("export out").ok();
    let text = filled.folder.text("out");
    filled.place.fault("feed.403");
    filled.export("export other --state st").ends(5);
    filled.place.sandbox.clear_faults();
    fs::remove_file(filled.folder.file("other.partial")).unwrap();
    let mut state: Value = serde_json::from_str(&filled.folder.text("st")).unwrap();
    state.as_object_mut().unwrap().remove("checksum").unwrap();
    state["ranges"] = json!([]);
    state["passed"] = json!(30);
    state["length"] = json!(text.len());
    fs::write(filled.folder.file("st"), state.to_string()).unwrap();
    filled
        .export("export out --state st")
        .ok()
        .says("all there");
    assert_eq!(filled.folder.names(), ["out"]);
    assert_eq!(filled.folder.text("out"), text);
}

/// Twelve answers, and all of them take more than five seconds.
#[test]
fn how_far_a_merged_export_is_is_said_too() {
    let filled = Filled::new(2, 100);
    filled.place.fault("query.delay=600ms");
    let says = |name: &str, query: &str| {
        let line = format!("export {name} --query '{query}' --page-size 10 --parallel 1");
        let ran = filled.export(&line).ok();
        let told = ran.err.lines().filter(|line| line.contains("items/s"));
        assert!(told.count() > 0, "{ran:#?}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| says("ordered", "SELECT * FROM c ORDER BY c.n"));
        scope.spawn(|| says("grouped", "SELECT c.pk, COUNT(1) AS n FROM c GROUP BY c.pk"));
    });
}

#[test]
fn an_export_whose_reader_leaves_is_not_whole() {
    let filled = Filled::new(2, 3000);
    for state in ["", "--state st"] {
        let mut command = filled.command(&format!("export - --page-size 20 {state}"));
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = Owned(child.unwrap());
        let mut reader = BufReader::new(child.0.stdout.take().unwrap());
        reader.read_line(&mut String::new()).unwrap();
        drop(reader);
        assert_eq!(child.0.wait().unwrap().code(), Some(9));
        let mut err = String::new();
        child
            .0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        assert!(err.contains(" items written, and more are left"), "{err}");
    }
    let rest = filled.export("export - --state st").ok().out;
    let all = filled.all();
    assert!(lines(&rest).iter().all(|line| all.contains(line)));
    assert!(rest.lines().count() < 3000);
}

// ---- What goes wrong on the way

#[test]
fn faults_are_met_as_everywhere() {
    for fault in [
        "feed.429:4",
        "feed.503:1",
        "feed.410/1002:1",
        "feed.truncate:1",
        "feed.reset-during:1",
        "feed.wrong-length=7:1",
        "feed.500:1",
        "ranges.429:1",
    ] {
        let filled = Filled::new(3, 200);
        filled.place.fault(fault);
        filled.export("export out --page-size 20").ok();
        same(&filled.folder.text("out"), filled.all());
    }
    for (fault, code) in [
        ("feed.401", 4),
        ("feed.403/5302", 5),
        ("feed.404", 3),
        ("feed.410/1002", 1),
        ("feed.not-json", 8),
        ("feed.503", 8),
    ] {
        let filled = Filled::new(3, 200);
        filled.place.fault(fault);
        let line = "export out --page-size 20 --retries 1 --retry-max-wait 1";
        let ran = filled.export(line);
        assert_ne!(ran.code, 0, "{fault}");
        if fault != "feed.503" {
            ran.ends(code).prints("");
        }
        assert!(filled.folder.names().is_empty(), "{fault}");
    }
}

#[test]
fn half_a_page_is_no_page() {
    let service =
        Service::new(
            |asked: &Asked| match (asked.has("/pkranges"), asked.has("/docs")) {
                (true, _) => reply(200, RANGE),
                (_, true) => reply(
                    200,
                    r#"{"_rid":"r","Documents":[{"id":"1"},{"id":"2","a":[1,"#,
                ),
                _ => reply(200, CONTAINER),
            },
        );
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    let line = format!("export - -d d -c c --key-file {}", key.path());
    let ran = Run::line(&line)
        .env("RAWCOSMOS_ENDPOINT", &service.origin)
        .go();
    ran.ends(8).prints("").says("cut off");
}

#[test]
fn a_container_made_anew_meanwhile_is_seen() {
    let service =
        Service::new(
            |asked: &Asked| match (asked.has("/pkranges"), asked.has("/docs")) {
                (true, _) => reply(200, RANGE),
                (_, true) => reply(200, r#"{"_rid":"other","Documents":[{"id":"1"}]}"#),
                _ => reply(200, CONTAINER),
            },
        );
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    let line = format!("export - -d d -c c --key-file {}", key.path());
    let ran = Run::line(&line)
        .env("RAWCOSMOS_ENDPOINT", &service.origin)
        .go();
    ran.ends(6).prints("");
}

// ---- Into another container

/// What the shell does with `export | import`: the exit codes of both.
fn piped(from: &Filled, left: &str, to: &Filled, right: &str) -> (Option<i32>, Option<i32>) {
    let mut export = from.command(left).stdout(Stdio::piped()).spawn().unwrap();
    let mut import = to.command(right);
    let import = import
        .stdin(export.stdout.take().unwrap())
        .output()
        .unwrap();
    (export.wait().unwrap().code(), import.status.code())
}

#[test]
fn a_copy_is_an_export_piped_into_an_import() {
    let one = Filled::ragged(3, 700, Some(2));
    one.place.container("copied", &["/pk"]);
    // Another account, with another number of ranges.
    let two = Filled::new(2, 0);
    let own = |filled: &Filled, container: &str| {
        let line = format!("query 'SELECT c.id, c.pk, c.n FROM c' -c {container} -q");
        sorted(
            filled
                .export(&line)
                .ok()
                .out
                .lines()
                .map(str::to_string)
                .collect(),
        )
    };
    let left = "export - --strip-system --page-size 50";
    let right = "import - --mode upsert -c";
    for again in 0..2 {
        let done = piped(&one, left, &one, &format!("{right} copied"));
        assert_eq!(done, (Some(0), Some(0)));
        let done = piped(&one, left, &two, &format!("{right} orders"));
        assert_eq!(done, (Some(0), Some(0)), "{again}");
        let wanted = own(&one, "orders");
        assert_eq!(wanted.len(), 700);
        assert!(own(&one, "copied") == wanted && own(&two, "orders") == wanted);
    }
    one.place.fault("feed.403");
    let (left, _) = piped(&one, left, &two, &format!("{right} orders"));
    assert_eq!(left, Some(5), "it is the left side that says so");
}

// ---- Memory

const PAGES: usize = 16;

/// Four ranges of pages of a size.
fn pages_of(size: usize) -> impl Fn(&Asked) -> Reply {
    let item = format!(r#"{{"id":"1","pk":"a","text":"{}"}}"#, "x".repeat(1000));
    let items = vec![item; size / 1024].join(",");
    let page = format!(r#"{{"_rid":"r","Documents":[{items}],"_count":1}}"#);
    move |asked| {
        if asked.has("/pkranges") {
            let bounds = ["", "10", "20", "30", "FF"];
            let range = |at: usize| json!({"id": at.to_string(), "minInclusive": bounds[at], "maxExclusive": bounds[at + 1]});
            let ranges: Vec<Value> = (0..4).map(range).collect();
            return reply(200, json!({"PartitionKeyRanges": ranges}).to_string());
        }
        if !asked.has("/docs") {
            return reply(200, CONTAINER);
        }
        let at = asked.header("x-ms-continuation");
        let at: usize = at.map_or(0, |at| at.parse().unwrap());
        let next = (at + 1 < PAGES).then(|| ("x-ms-continuation", (at + 1).to_string()));
        (200, next.into_iter().collect(), page.clone())
    }
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_within_a_few_pages() {
    // 64 MiB, and as many pages as large as the service makes them. The allocator of most systems keeps some pages for
    // each thread; with that of the static binary it is less than half.
    for (size, most, tail) in [
        (1 << 20, 48, ""),
        (1 << 20, 48, "--order --parallel 9"),
        (4_000_000, 64, "--strip-system --parallel 9"),
    ] {
        let service = Service::new(pages_of(size));
        let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
        let line = format!("export - -d d -c c --key-file {} {tail}", key.path());
        let mut command = Run::line(&line)
            .env("RAWCOSMOS_ENDPOINT", &service.origin)
            .command();
        let mut child = Owned(command.stdout(Stdio::piped()).spawn().unwrap());
        let (mut bytes, mut peak) = (0, 0);
        let status = format!("/proc/{}/status", child.0.id());
        let mut lines = BufReader::with_capacity(1 << 20, child.0.stdout.take().unwrap());
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).unwrap() > 0 {
            if bytes / (1 << 20) < (bytes + line.len()) / (1 << 20) {
                peak = peak.max(peak_of(&status));
            }
            bytes += line.len();
            line.clear();
        }
        assert!(child.0.wait().unwrap().success());
        assert!(bytes >= 4 * PAGES * size * 9 / 10, "{bytes}");
        assert!(
            peak > 1024 && peak < most * 1024,
            "{size} {tail}: {peak} KiB"
        );
    }
}

fn peak_of(status: &str) -> u64 {
    let status = fs::read_to_string(Path::new(status)).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.map_or(0, |number| number.parse().unwrap())
}
