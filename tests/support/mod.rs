//! The real binary, started with nothing in its environment but what a test says.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod lines;
pub mod relay;
pub mod service;
pub mod spoiler;
pub mod tapped;
pub mod wire;

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rawcosmos::sandbox::faults::Fault;
use rawcosmos::sandbox::host::Host;
use rawcosmos::sandbox::world::RoleAssignment;
use rawcosmos::sandbox::{self, Options, Sandbox};
use serde_json::{Value, json};

pub const BINARY: &str = env!("CARGO_BIN_EXE_rawcosmos");

/// No command of a test takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub line: String,
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It ended with this code; everything it said is in the complaint if not.
    #[track_caller]
    pub fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> Ran {
        self.ends(0)
    }

    /// Standard error holds this.
    #[track_caller]
    pub fn says(self, words: &str) -> Ran {
        assert!(self.err.contains(words), "no {words:?} in {self:#?}");
        self
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub fn prints(self, text: &str) -> Ran {
        assert_eq!(self.out, text, "{self:#?}");
        self
    }

    /// Standard output holds this.
    #[track_caller]
    pub fn shows(self, text: &str) -> Ran {
        assert!(self.out.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }

    /// Standard output as a JSON value a line.
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        self.out.lines().map(read).collect()
    }
}

/// A command to be run.
pub struct Run {
    command: Command,
    line: String,
    input: Option<Vec<u8>>,
}

impl Run {
    pub fn new<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Run {
        let words: Vec<OsString> = words.into_iter().map(|w| w.as_ref().into()).collect();
        let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let line = shown.join(" ");
        let mut command = Command::new(BINARY);
        command.args(&words).env_clear();
        Run {
            command,
            line,
            input: None,
        }
    }

    /// Words as a line: split at spaces that do not stand between single quotes.
    pub fn line(line: &str) -> Run {
        Run::new(words(line))
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    pub fn envs<'a>(mut self, all: impl IntoIterator<Item = (&'a str, String)>) -> Run {
        self.command.envs(all);
        self
    }

    pub fn without(mut self, name: &str) -> Run {
        self.command.env_remove(name);
        self
    }

    pub fn input(mut self, text: impl Into<Vec<u8>>) -> Run {
        self.input = Some(text.into());
        self
    }

    /// The command itself, for what the tests of streams do with it.
    pub fn command(self) -> Command {
        self.command
    }

    pub fn start(mut self) -> Child {
        let stdin = match self.input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        };
        self.command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        if let Some(input) = self.input {
            // A command that refuses its words does not read on.
            let _ = child.stdin.take().unwrap().write_all(&input);
        }
        child
    }

    pub fn go(self) -> Ran {
        let line = self.line.clone();
        let begun = Instant::now();
        let mut child = self.start();
        let out = drain(child.stdout.take().unwrap());
        let err = drain(child.stderr.take().unwrap());
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => {
                    child.kill().unwrap();
                    panic!("{line}: still running after {PATIENCE:?}");
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        Ran {
            line,
            code: status.code().unwrap_or(-1),
            out: out.join().unwrap(),
            err: err.join().unwrap(),
        }
    }
}

fn drain(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// A sandbox in this process, and the binary pointed at it.
pub struct Place {
    pub sandbox: Sandbox,
}

impl Place {
    /// One partition and these faults.
    pub fn new(faults: &[&str]) -> Place {
        Place::with(Options {
            faults: faults.iter().map(|f| Fault::parse(f).unwrap()).collect(),
            ..Options::default()
        })
    }

    pub fn with(options: Options) -> Place {
        Place {
            sandbox: sandbox::start(options).unwrap(),
        }
    }

    /// Four partitions, a container `orders` by `/pk` in the database `shop`, and a grant for whoever asks.
    pub fn furnished(faults: &[&str]) -> Place {
        Place::furnished_on(Host::default(), faults)
    }

    pub fn furnished_on(host: Host, faults: &[&str]) -> Place {
        let place = Place::with(Options {
            host,
            partitions: 4,
            faults: faults.iter().map(|f| Fault::parse(f).unwrap()).collect(),
            ..Options::default()
        });
        place.container("orders", &["/pk"]);
        place.grant();
        place
    }

    /// Makes a container in `shop` without asking ARM.
    pub fn container(&self, name: &str, paths: &[&str]) {
        let kind = if paths.len() > 1 { "MultiHash" } else { "Hash" };
        let key = json!({"paths": paths, "kind": kind, "version": 2});
        let definition = json!({"id": name, "partitionKey": key});
        self.sandbox.with_world(|world| {
            if !world.databases.contains_key("shop") {
                world.create_database("shop", None, 1);
            }
            let definition = definition.as_object().unwrap().clone();
            world.create_container("shop", definition, None, 1).unwrap();
        });
    }

    /// Grants the contributor's role on everything to all the identities the sandbox knows.
    pub fn grant(&self) {
        self.sandbox.with_world(|world| {
            for identity in sandbox::imds::IDENTITIES {
                let assignment = RoleAssignment {
                    role_definition: "00000000-0000-0000-0000-000000000002".into(),
                    scope: String::new(),
                    principal: identity.object_id.into(),
                };
                world
                    .role_assignments
                    .insert(identity.object_id.into(), assignment);
            }
        });
    }

    pub fn fault(&self, text: &str) {
        self.sandbox.add_fault(Fault::parse(text).unwrap());
    }

    /// Takes back the faults of single requests and operations.
    pub fn clear_faults(&self) {
        self.sandbox.clear_faults();
    }

    /// What points the binary here.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        rawcosmos::cli::commands::sandbox::variables(&self.sandbox)
    }

    pub fn prepare(&self, line: &str) -> Run {
        Run::line(line).envs(self.variables())
    }

    pub fn run(&self, line: &str) -> Ran {
        self.prepare(line).go()
    }

    /// In the container `orders` of the database `shop`.
    pub fn orders(&self, line: &str) -> Ran {
        self.prepare(line)
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "orders")
            .go()
    }

    pub fn key(&self) -> String {
        self.sandbox.with_world(|world| world.key.clone())
    }

    /// The account key in a file.
    pub fn key_file(&self) -> Scratch {
        Scratch::new(&self.key())
    }
}

/// A process that is gone with its value, even if the test fails first.
pub struct Owned(pub Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file that is gone with its value.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(text: &str) -> Scratch {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("scratch-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A loopback address where nobody listens: no program takes port 1, and no test is given it.
pub fn nobody() -> String {
    "http://127.0.0.1:1".to_string()
}
