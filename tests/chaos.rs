//! Every operation, with its answer spoiled in every way, whether it was carried out or not: success is said where the
//! service has confirmed it, an outcome that is not known is said to be unknown, and nothing is done twice.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rawcosmos::cli::args::Args;
use rawcosmos::cli::commands::{self, Work};
use rawcosmos::cli::explain::explain;
use rawcosmos::cli::output::{Format, Output};
use rawcosmos::cli::session::Session;
use rawcosmos::cli::settings::Settings;
use rawcosmos::error::Error;
use rawcosmos::exchange::Clock;
use rawcosmos::exchange::network::Network;
use rawcosmos::show::Mask;
use support::spoiler::{Armed, Spoiler, Way, ways};
use support::{Place, Scratch, words};
use time::OffsetDateTime;

/// The machine's time; a wait of any length is a short one.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn sleep(&self, wait: Duration) {
        std::thread::sleep(wait.min(Duration::from_micros(200)));
    }
}

/// How often something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undone,
    Done,
    Wrong,
}

/// What is run. `#` is the number of the case in each text.
struct Operation {
    name: &'static str,
    /// Run before, undisturbed.
    before: &'static [&'static str],
    line: &'static str,
    /// Parts of the request whose answer is spoiled.
    needles: &'static [&'static str],
    /// A line that shows whether it was done, and what it prints before and after; nothing where it fails.
    look: (&'static str, Option<&'static str>, Option<&'static str>),
}

const ITEM: &str = "-d shop -c orders";
const CREATE: &str = r#"item create IN -b '{"id":"c#","pk":"a","v":0}'"#;
const LOOK: &str = "item read IN -i c# -k a --get /v";
const DATABASE: &str = "database show -n d# --get /id";
const CONTAINER: &str = "container show -d shop -n t# --get /id";

#[rustfmt::skip]
const WRITES: &[Operation] = &[
    Operation { name: "item create", before: &[], line: CREATE, needles: &["POST ", "\"c#\""], look: (LOOK, None, Some("0")) },
    Operation { name: "item upsert", before: &[], line: r#"item upsert IN -b '{"id":"c#","pk":"a","v":1}'"#, needles: &["POST ", "\"c#\""], look: (LOOK, None, Some("1")) },
    Operation { name: "item replace", before: &[CREATE], line: r#"item replace IN -b '{"id":"c#","pk":"a","v":1}'"#, needles: &["PUT ", "/docs/c# "], look: (LOOK, Some("0"), Some("1")) },
    Operation { name: "item patch --set", before: &[CREATE], line: "item patch IN -i c# -k a --set /v=1", needles: &["PATCH ", "/docs/c# "], look: (LOOK, Some("0"), Some("1")) },
    Operation { name: "item patch --incr", before: &[CREATE], line: "item patch IN -i c# -k a --incr /v=1", needles: &["PATCH ", "/docs/c# "], look: (LOOK, Some("0"), Some("1")) },
    Operation { name: "item delete", before: &[CREATE], line: "item delete IN -i c# -k a", needles: &["DELETE ", "/docs/c# "], look: (LOOK, Some("0"), None) },
    Operation { name: "item batch", before: &[CREATE], line: r#"item batch IN -k a -b '[{"operationType":"Patch","id":"c#","resourceBody":{"operations":[{"op":"incr","path":"/v","value":1}]}}]'"#, needles: &["POST ", "\"c#\"", "is-batch"], look: (LOOK, Some("0"), Some("1")) },
    Operation { name: "api data PATCH", before: &[CREATE], line: r#"api data PATCH /dbs/shop/colls/orders/docs/c# --header 'x-ms-documentdb-partitionkey=["a"]' --header content-type=application/json-patch+json -b '{"operations":[{"op":"incr","path":"/v","value":1}]}'"#, needles: &["PATCH ", "/docs/c# "], look: (LOOK, Some("0"), Some("1")) },
    Operation { name: "database create", before: &[], line: "database create -n d#", needles: &["PUT ", "/sqlDatabases/d#?"], look: (DATABASE, None, Some("d#")) },
    Operation { name: "database delete", before: &["database create -n d#"], line: "database delete -n d# -y", needles: &["DELETE ", "/sqlDatabases/d#?"], look: (DATABASE, Some("d#"), None) },
    Operation { name: "container create", before: &[], line: "container create -d shop -n t# -p /pk", needles: &["PUT ", "/containers/t#?"], look: (CONTAINER, None, Some("t#")) },
    Operation { name: "container delete", before: &["container create -d shop -n t# -p /pk"], line: "container delete -d shop -n t# -y", needles: &["DELETE ", "/containers/t#?"], look: (CONTAINER, Some("t#"), None) },
    Operation { name: "throughput update", before: &["container create -d shop -n t# -p /pk --throughput 400"], line: "throughput update -d shop -c t# --throughput 500 -y", needles: &["PUT ", "/containers/t#/throughputSettings/default?"], look: ("throughput show -d shop -c t# --get /throughput", Some("400"), Some("500")) },
    Operation { name: "database create with a key", before: &[], line: "database create -n d# --key-file KEY", needles: &["POST /dbs ", "\"d#\""], look: (DATABASE, None, Some("d#")) },
    Operation { name: "database delete with a key", before: &["database create -n d#"], line: "database delete -n d# -y --key-file KEY", needles: &["DELETE ", "/dbs/d# "], look: (DATABASE, Some("d#"), None) },
    Operation { name: "container create with a key", before: &[], line: "container create -d shop -n t# -p /pk --key-file KEY", needles: &["POST ", "\"t#\""], look: (CONTAINER, None, Some("t#")) },
];

#[rustfmt::skip]
const READS: &[Operation] = &[
    Operation { name: "item read", before: &[CREATE], line: LOOK, needles: &["GET ", "/docs/c# "], look: (LOOK, Some("0"), Some("0")) },
    Operation { name: "query", before: &[CREATE], line: "query 'SELECT VALUE c.v FROM c WHERE c.id = \"c#\"' IN -k a", needles: &["POST ", "\\\"c#\\\""], look: (LOOK, Some("0"), Some("0")) },
    Operation { name: "changes", before: &[], line: "changes IN --get /id", needles: &["GET ", "/docs "], look: ("changes IN --get /id", None, None) },
    Operation { name: "container show", before: &[], line: "container show -d shop -n orders --get /id", needles: &["GET ", "/containers/orders?"], look: ("container show -d shop -n orders --get /id", None, None) },
    Operation { name: "database list", before: &[], line: "database list --key-file KEY --get /id", needles: &["GET /dbs "], look: ("database list --key-file KEY --get /id", None, None) },
];

// ---- The program, in this process

struct Bench {
    spoilers: Vec<Spoiler>,
    variables: Vec<(&'static str, String)>,
    network: Network,
    key: Scratch,
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Bench {
    fn new(place: &Place) -> Bench {
        // The services name themselves by what stands before them, so that operations are followed through it.
        let spoilers = place.sandbox.with_world(|world| {
            let spoilers = vec![Spoiler::new(&world.arm), Spoiler::new(&world.cosmos)];
            world.arm.clone_from(&spoilers[0].origin);
            world.cosmos.clone_from(&spoilers[1].origin);
            spoilers
        });
        Bench {
            spoilers,
            variables: place.variables(),
            network: Network::new(None),
            key: place.key_file(),
        }
    }

    fn filled(&self, text: &str, number: usize) -> String {
        let text = text.replace('#', &number.to_string());
        text.replace(" IN", &format!(" {ITEM}"))
            .replace("KEY", self.key.path())
    }

    /// Runs a line: its exit code, what it prints, and what it says to it.
    fn run(&self, line: &str) -> (u8, String, String) {
        let variables = self.variables.clone();
        let settings = Settings::new(
            Args::parse(words(line).into_iter().map(Into::into)).unwrap(),
            Box::new(move |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                let quiet = (name == "RAWCOSMOS_QUIET").then(|| "1".to_string());
                found.map(|(_, value)| value.clone()).or(quiet)
            }),
        );
        let mask = Mask::default();
        let page = Page::default();
        let done = self.done(&settings, &mask, page.clone());
        let out = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        match done {
            Ok(code) => (code, out, String::new()),
            Err((code, text)) => (code, out, text),
        }
    }

    fn done(&self, settings: &Settings, mask: &Mask, page: Page) -> Result<u8, (u8, String)> {
        let session = Session::new(settings, &self.network, None, mask).unwrap();
        let session = session.with_clock(&Hasty);
        let failed = |e: Error| {
            let explained = explain(&e, &session.context());
            (explained.exit, explained.to_string())
        };
        let mut output = Output::new(Format::Auto, settings.text("get"), false, Box::new(page))
            .map_err(failed)?;
        let (command, operands) = commands::find(settings.args()).map_err(failed)?;
        let code = match command.work {
            Work::Session(work) => work(&session, &mut output, &operands).map(|()| 0),
            Work::Verdict(work) => work(&session, &mut output, &operands),
            Work::Alone(_) => panic!("it has no session"),
        };
        let code = code.map_err(failed)?;
        output.finish().map_err(failed)?;
        Ok(code)
    }

    fn look(&self, operation: &Operation, number: usize) -> State {
        let (line, before, after) = operation.look;
        let (code, out, said) = self.run(&self.filled(line, number));
        let shown = match code {
            0 => Some(out.trim().trim_matches('"').to_string()),
            3 => None,
            _ => panic!("{line}: {said}"),
        };
        let is = |wanted: Option<&str>| shown == wanted.map(|text| self.filled(text, number));
        match (is(before), is(after)) {
            (_, true) => State::Done,
            (true, _) => State::Undone,
            _ => State::Wrong,
        }
    }

    /// Runs an operation while answers are spoiled.
    fn spoiled(
        &self,
        operation: &Operation,
        number: usize,
        (way, applied, count): (&Arc<Way>, bool, usize),
    ) -> (u8, String, String) {
        for line in operation.before {
            let (code, _, said) = self.run(&self.filled(line, number));
            assert_eq!(code, 0, "{line}: {said}");
        }
        let needles = operation.needles.iter();
        let needles: Vec<String> = needles.map(|text| self.filled(text, number)).collect();
        for spoiler in &self.spoilers {
            spoiler.arm(Armed {
                way: Arc::clone(way),
                needles: needles.clone(),
                count,
                applied,
            });
        }
        let ran = self.run(&self.filled(operation.line, number));
        let left: Vec<usize> = self.spoilers.iter().map(Spoiler::disarm).collect();
        assert!(
            left.iter().any(|left| *left < count),
            "{}: nothing was spoiled: {needles:?} {ran:?}",
            operation.name
        );
        ran
    }
}

/// Of all ways another third for each operation: together they meet all of them, and it takes a minute.
fn sample(number: usize) -> Vec<Arc<Way>> {
    let all = ways().into_iter().enumerate();
    let chosen = all.filter(|(place, _)| place % 3 == number % 3);
    chosen.map(|(_, way)| way).collect()
}

/// Whether the service is asked, and how often its answer is spoiled: always once, and one of the others in turn.
fn turns(number: usize) -> [(bool, usize); 2] {
    let others = [(true, 99), (false, 1), (false, 99)];
    [(true, 1), others[number % 3]]
}

/// What cannot be told from the service's own answer.
fn is_right(operation: &Operation, way: &Way) -> bool {
    let deletes = operation.needles[0].starts_with("DELETE");
    deletes && way.name == "204 with nothing"
}

/// Whether the headers are the service's: by them a refusal of the second attempt, or an operation, is recognised.
fn keeps_headers(way: &Way) -> bool {
    way.needs_answer && !way.name.ends_with("without marks")
}

/// Whether the answer is whole in spite of all that is around it.
fn is_whole(way: &Way) -> bool {
    ["surplus", "another answer behind it", "twice"].contains(&way.name.as_str())
}

#[test]
fn every_spoiled_answer_to_a_write_leaves_it_done_once_or_known_to_be_unknown() {
    std::thread::scope(|scope| {
        for part in WRITES.chunks(WRITES.len() / 2) {
            scope.spawn(|| spoil_all(part));
        }
    });
}

fn spoil_all(writes: &[Operation]) {
    let place = Place::furnished(&[]);
    let bench = Bench::new(&place);
    let (mut number, mut complaints, mut unknown, mut fine) = (0, Vec::new(), 0, 0);
    for operation in writes {
        for way in sample(number) {
            let way = &way;
            for (applied, count) in turns(number) {
                if (way.needs_answer && !applied) || is_right(operation, way) {
                    continue;
                }
                number += 1;
                let (code, _, said) = bench.spoiled(operation, number, (way, applied, count));
                let state = bench.look(operation, number);
                let good = match (code, state) {
                    (0, State::Done) => count == 1 || keeps_headers(way),
                    (10, State::Done | State::Undone) => !is_whole(way),
                    (_, State::Undone) => code != 0 && !applied,
                    _ => false,
                };
                unknown += usize::from(code == 10);
                fine += usize::from(code == 0);
                if !good {
                    complaints.push(format!(
                        "{}, {}, applied {applied}, {count}: {code} {state:?} {said}",
                        operation.name, way.name
                    ));
                }
            }
        }
    }
    println!("{number} cases: {fine} fine, {unknown} unknown");
    assert!(
        complaints.is_empty(),
        "{} of {number}:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert!(number > 200 && unknown > number / 3 && fine > number / 20);
}

#[test]
fn no_spoiled_answer_to_a_read_is_taken_for_one() {
    let place = Place::furnished(&[]);
    let bench = Bench::new(&place);
    let (mut number, mut complaints) = (0, Vec::new());
    for operation in READS {
        for way in sample(number) {
            let way = &way;
            for count in [1, 99] {
                number += 1;
                let (code, out, said) = bench.spoiled(operation, number, (way, true, count));
                let (_, right, _) = bench.run(&bench.filled(operation.line, number));
                let good = match code {
                    0 => out == right,
                    10 => false,
                    _ => !is_whole(way),
                };
                if !good {
                    complaints.push(format!(
                        "{}, {}, {count}: {code} {out:?} {said}",
                        operation.name, way.name
                    ));
                }
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of {number}:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn an_import_writes_every_item_once_whatever_becomes_of_its_answers() {
    let place = Place::furnished(&[]);
    let bench = Bench::new(&place);
    let import = Operation {
        name: "import",
        before: &[],
        line: "",
        needles: &["POST ", "\"operationType\":\"Create\"", "\"c#-0\""],
        look: ("", None, None),
    };
    let mut complaints = Vec::new();
    for (number, way) in sample(2).iter().enumerate() {
        for (turn, applied) in [true, false].into_iter().enumerate() {
            if way.needs_answer && !applied {
                continue;
            }
            let number = 2 * number + turn;
            let lines: Vec<String> = (0..3)
                .map(|i| format!("{{\"id\":\"c{number}-{i}\",\"pk\":\"p{number}\",\"v\":0}}\n"))
                .collect();
            let file = Scratch::new(&lines.concat());
            let line = format!("import -d shop -c orders {} --format ndjson", file.path());
            let line: &'static str = Box::leak(line.into_boxed_str());
            let operation = Operation { line, ..import };
            let (code, _, said) = bench.spoiled(&operation, number, (way, applied, 1));
            let count = format!("query 'SELECT VALUE c.id FROM c' -d shop -c orders -k p{number}");
            let (_, out, _) = bench.run(&count);
            if code != 0 || out.lines().count() != 3 {
                complaints.push(format!(
                    "{}, applied {applied}: {code} {out:?} {said}",
                    way.name
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{}:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
