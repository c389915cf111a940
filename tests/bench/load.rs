//! 100,000 items of 1 KiB into a container and out of it again.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use rawcosmos::cosmos::batch::{Batch, Operation, bulk};
use rawcosmos::cosmos::key_definition::{Definition, Kind};
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::cosmos::{Account, Container};
use rawcosmos::name::{Endpoint, Name};
use serde_json::json;
use serde_json::value::RawValue;

use crate::bare::{self, role};
use crate::canned::{self, Asked, reply};
use crate::measure::Contender;
use crate::order::ranges;
use crate::start::{self, origins};
use crate::support::Place;
use crate::table::Table;

const ITEMS: usize = 100_000;
const RANGES: usize = 4;
/// Connections.
const PARALLEL: &str = "4";
const PAGE: usize = 1000;
const ROUNDS: usize = 3;

pub fn rows(table: &mut Table) {
    let (import, export) = (what("import"), what("export"));
    let full = std::env::var("RAWCOSMOS_BENCH").is_ok_and(|size| size == "full");
    if !full && !table.wants(&import) && !table.wants(&export) {
        return;
    }
    let files = Files::new(ITEMS);
    let place = Place::furnished(&[]);
    let (imds, cosmos) = origins(&place);
    let sandbox = Target {
        imds,
        cosmos,
        variables: place.variables(),
    };
    let canned = Target {
        cosmos: serve(1),
        ..sandbox.clone()
    };
    // Both find the same there: each of them replaces what the first one wrote.
    assert!(
        sandbox
            .bare("import", &files.batches)
            .status()
            .unwrap()
            .success()
    );
    for (name, target) in [("sandbox", &sandbox), ("answers ready", &canned)] {
        if table.wants(&import) {
            race(
                table,
                &format!("{import}; {name}"),
                "≤ 1.11",
                target,
                &files,
                true,
            );
        }
        if table.wants(&export) {
            race(
                table,
                &format!("{export}; {name}"),
                "≤ 1.11",
                target,
                &files,
                false,
            );
        }
    }
    if full {
        let (files, times) = (Files::new(1 << 20), (1 << 20) / ITEMS);
        let canned = Target {
            cosmos: serve(times),
            ..sandbox
        };
        race(table, "import of 1 GiB", "< 32 MiB", &canned, &files, true);
        race(table, "export of 1 GiB", "< 32 MiB", &canned, &files, false);
    }
}

fn what(verb: &str) -> String {
    format!("{verb} of 100,000 items of 1 KiB")
}

fn race(table: &mut Table, what: &str, goal: &str, target: &Target, files: &Files, into: bool) {
    let ours = target.clone();
    let (items, batches) = (files.items.clone(), files.batches.clone());
    let bare = target.clone();
    let contenders = match into {
        true => vec![
            Contender::long("", "items", move || ours.import(&items)),
            Contender::long("ureq, the same batches", "done", move || {
                bare.bare("import", &batches)
            }),
        ],
        false => vec![
            Contender::long("", "items", move || ours.export()),
            Contender::long("ureq, the same pages", "done", move || {
                bare.bare("export", &batches)
            }),
        ],
    };
    table.race(what, goal, ROUNDS, contenders);
}

#[derive(Clone)]
struct Target {
    imds: String,
    cosmos: String,
    variables: Vec<(&'static str, String)>,
}

impl Target {
    fn ours(&self, words: &[&str]) -> Command {
        let mut command = start::ours(words);
        command.envs(self.variables.iter().cloned());
        command.args(["-d", "shop", "-c", "orders", "--endpoint", &self.cosmos]);
        command
    }

    fn import(&self, items: &str) -> Command {
        self.ours(&[
            "import",
            items,
            "--mode",
            "upsert",
            "--concurrency",
            PARALLEL,
        ])
    }

    fn export(&self) -> Command {
        self.ours(&["export", "-", "--parallel", PARALLEL])
    }

    fn bare(&self, verb: &str, batches: &str) -> Command {
        role(verb, &[&self.imds, &self.cosmos, batches])
    }
}

fn item(number: usize) -> String {
    let start = format!(
        r#"{{"id":"{number:08}","pk":"{:04}","n":{number},"text":""#,
        number % 1000
    );
    let text = "x".repeat(1023 - start.len() - 2);
    format!("{start}{text}\"}}")
}

/// What goes in: items, a line each, and the requests that carry them.
struct Files {
    items: String,
    batches: String,
    folder: PathBuf,
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Files {
    fn new(count: usize) -> Files {
        let name = format!("bench-{}-{count}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
        let files = Files {
            items: path("items"),
            batches: path("batches"),
            folder: folder.clone(),
        };
        let mut items = BufWriter::new(File::create(&files.items).unwrap());
        let mut batches = Batches::new(&files.batches);
        for number in 0..count {
            let item = item(number);
            writeln!(items, "{item}").unwrap();
            batches.add(&item, &format!("{:04}", number % 1000));
        }
        batches.end();
        files
    }
}

/// Items by their range, a hundred in a request.
struct Batches {
    container: Container,
    definition: Definition,
    open: Vec<Batch>,
    to: BufWriter<File>,
}

impl Batches {
    fn new(path: &str) -> Batches {
        Batches {
            container: container("http://127.0.0.1:1"),
            definition: Definition {
                paths: vec!["/pk".into()],
                kind: Kind::Hash,
                version: 2,
                system: false,
            },
            open: vec![Batch::default(); RANGES],
            to: BufWriter::new(File::create(path).unwrap()),
        }
    }

    fn add(&mut self, item: &str, key: &str) {
        let key = PartitionKey::from_text(key);
        let effective = self.definition.effective(&key);
        let range = usize::from(u8::from_str_radix(&effective[..2], 16).unwrap()) * RANGES / 0x40;
        let item: &RawValue = serde_json::from_str(item).unwrap();
        self.open[range]
            .push(Operation::upsert(item).of_key(&key))
            .unwrap();
        if self.open[range].operations().len() == 100 {
            self.close(range);
        }
    }

    fn close(&mut self, range: usize) {
        let batch = std::mem::take(&mut self.open[range]);
        let call = bulk(&self.container, &range.to_string(), &batch, true);
        let body = call.request.body.unwrap();
        let body = body.expose();
        writeln!(self.to, "{range:04} {:08}\n{body}", body.len()).unwrap();
    }

    fn end(mut self) {
        for range in 0..RANGES {
            if !self.open[range].operations().is_empty() {
                self.close(range);
            }
        }
        self.to.flush().unwrap();
    }
}

fn container(cosmos: &str) -> Container {
    let account = Account::new(Endpoint::new(cosmos).unwrap());
    let name = |text: &str| Name::new(text).unwrap();
    account.database(&name("shop")).container(&name("orders"))
}

/// Posts what is in the file, over several connections.
pub fn import(imds: &str, cosmos: &str, batches: &str) {
    let agent = bare::agent();
    let url = format!("{cosmos}/dbs/shop/colls/orders/docs");
    let mut headers = bare::headers(&agent, imds);
    for (name, value) in [
        ("x-ms-cosmos-is-batch-request", "True"),
        ("x-ms-cosmos-batch-atomic", "False"),
        ("x-ms-cosmos-batch-continue-on-error", "True"),
        ("content-type", "application/json"),
        ("prefer", "return=minimal"),
    ] {
        headers.push((name, value.to_string()));
    }
    let file = Mutex::new(BufReader::with_capacity(
        1 << 18,
        File::open(batches).unwrap(),
    ));
    let post = || {
        let mut headers = headers.clone();
        headers.push(("x-ms-documentdb-partitionkeyrangeid", String::new()));
        let mut body = Vec::new();
        // Not in the loop's own line: the file would be held until the answer is there.
        let read = |body: &mut Vec<u8>| next(&mut *file.lock().unwrap(), body);
        while let Some(range) = read(&mut body) {
            headers.last_mut().unwrap().1 = range.to_string();
            let answer = bare::post(&agent, &url, &headers, &body);
            assert!(!answer.is_empty());
        }
    };
    std::thread::scope(|scope| (0..RANGES).for_each(|_| drop(scope.spawn(post))));
    eprintln!("done");
}

/// The next request of the file, and its range.
fn next(file: &mut impl Read, body: &mut Vec<u8>) -> Option<usize> {
    let mut head = [0; 14];
    file.read_exact(&mut head).ok()?;
    let number = |part: &[u8]| std::str::from_utf8(part).unwrap().parse().unwrap();
    body.resize(number(&head[5..13]), 0);
    file.read_exact(body).unwrap();
    file.read_exact(&mut [0]).unwrap();
    Some(number(&head[..4]))
}

/// Reads all pages of all ranges, over several connections.
pub fn export(imds: &str, cosmos: &str) {
    let agent = bare::agent();
    let url = format!("{cosmos}/dbs/shop/colls/orders/docs");
    let mut headers = bare::headers(&agent, imds);
    headers.push(("x-ms-max-item-count", PAGE.to_string()));
    let read = |range: usize| {
        let mut headers = headers.clone();
        headers.push(("x-ms-documentdb-partitionkeyrangeid", range.to_string()));
        headers.push(("x-ms-continuation", String::new()));
        let end = headers.len() - 1;
        let (mut from, mut bytes) = (None, 0);
        loop {
            let sent = match &from {
                Some(from) => {
                    headers[end].1 = String::clone(from);
                    &headers[..]
                }
                None => &headers[..end],
            };
            let (page, next) = bare::page(&agent, &url, sent);
            bytes += page.len();
            from = next;
            if from.is_none() {
                return assert!(bytes > PAGE);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..RANGES).for_each(|range| drop(scope.spawn(move || read(range))))
    });
    eprintln!("done");
}

/// All answers ready: the container with its ranges, the pages of its items, so many times over, and a success for
/// whatever is written.
fn serve(times: usize) -> String {
    let pages: Vec<Vec<String>> = (0..RANGES).map(pages).collect();
    canned::serve(move |asked, to| match asked.head.split('/').next_back() {
        _ if asked.head.starts_with("POST") => written(asked, to),
        _ if asked.head.contains("/pkranges ") => reply(to, 200, "", ranges(RANGES).as_bytes()),
        _ if asked.head.contains("/docs ") => {
            let range = asked.number("x-ms-documentdb-partitionkeyrangeid").unwrap();
            let (pages, at) = (
                &pages[range],
                asked.number("x-ms-continuation").unwrap_or(0),
            );
            let next = match at + 1 < pages.len() * times {
                true => format!("x-ms-continuation: {}\r\n", at + 1),
                false => String::new(),
            };
            reply(to, 200, &next, pages[at % pages.len()].as_bytes());
        }
        _ => {
            let key = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
            let container = json!({"id": "orders", "partitionKey": key, "_rid": "3JMBAIm-Q3M="});
            reply(to, 200, "", container.to_string().as_bytes());
        }
    })
}

fn written(asked: &Asked, to: &mut dyn Write) {
    const MARK: &[u8] = b"\"operationType\"";
    let body = &asked.body;
    let marks = body
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'o' && body[at - 1..].starts_with(MARK));
    let outcome = r#"{"statusCode":200,"eTag":"\"0100d3e2-0000-0700-0000-000000000001\"","requestCharge":10.29}"#;
    let outcomes: Vec<&str> = marks.map(|_| outcome).collect();
    reply(to, 200, "", format!("[{}]", outcomes.join(",")).as_bytes());
}

/// The pages of a range, each item as the service gives it.
fn pages(range: usize) -> Vec<String> {
    let with_system = |number: usize| {
        let item = item(number);
        let rid = format!("3JMBAIm-Q3MBAAAAAAAA{number:06}");
        format!(
            r#"{},"_rid":"{rid}","_self":"dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/{rid}/","_etag":"\"0100d3e2-0000-0700-0000-{number:012}\"","_attachments":"attachments/","_ts":1700000000}}"#,
            item.trim_end_matches('}')
        )
    };
    let numbers: Vec<usize> = (range..ITEMS).step_by(RANGES).collect();
    let page = |numbers: &[usize]| {
        let items: Vec<String> = numbers.iter().map(|number| with_system(*number)).collect();
        let (rid, count) = ("3JMBAIm-Q3M=", items.len());
        format!(
            r#"{{"_rid":"{rid}","Documents":[{}],"_count":{count}}}"#,
            items.join(",")
        )
    };
    numbers.chunks(PAGE).map(page).collect()
}
