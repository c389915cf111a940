//! The files of an import: what is done with, and what was rejected.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::cli::files::{keep, kept};
use crate::cli::say::tell;
use crate::cli::settings::Settings;
use crate::cli::shard::Shard;
use crate::error::Error;
use crate::exchange::changes::recreated;
use crate::exchange::import::settled::Settled;
use crate::exchange::import::{Rejected, Resume, Snapshot};
use crate::exchange::locked;

/// As many rejected items are told on standard error where no file takes them.
const TOLD: u64 = 10;

/// More items than any input has.
const MOST_ITEMS: u64 = 1 << 48;

/// `--state`: of which container and input what is done with.
pub struct State {
    path: String,
    /// Container, size of the input, and share; nothing else may go on with it.
    of: [(&'static str, Value); 3],
    /// What it says.
    pub resume: Resume,
    /// The length of the file of rejected items at that time.
    pub errors: Option<u64>,
}

impl State {
    /// What the file says, if it is about the same.
    pub fn read(
        settings: &Settings,
        rid: Option<String>,
        size: Option<u64>,
        shard: Option<Shard>,
    ) -> Result<Option<State>, Error> {
        let Some(path) = settings.text("state") else {
            return Ok(None);
        };
        let shard = shard.map(|shard| format!("{}/{}", shard.number, shard.of));
        let mut state = State {
            of: [
                ("container", rid.into()),
                ("size", size.into()),
                ("shard", shard.into()),
            ],
            resume: Resume::default(),
            errors: None,
            path,
        };
        if let Some(text) = kept("--state", &state.path)? {
            state.learn(&text)?;
        }
        Ok(Some(state))
    }

    fn learn(&mut self, text: &str) -> Result<(), Error> {
        let wrong = || Error::usage("--state: the file holds no state of an import");
        let found: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let number = |name: &str| found.get(name).and_then(Value::as_u64);
        let settled = found.get("settled").and_then(Settled::from_json);
        self.resume = Resume {
            settled: settled.ok_or_else(wrong)?,
            ahead: number("ahead").ok_or_else(wrong)?,
            first: Some(number("first").ok_or_else(wrong)?),
            rejected: number("rejected").unwrap_or_default(),
        };
        self.errors = number("errors");
        // An item takes a byte at least.
        let size = self.of.iter().find(|(name, _)| *name == "size");
        let most = size.and_then(|(_, size)| size.as_u64());
        if self.resume.settled.end() > most.unwrap_or(MOST_ITEMS) {
            return Err(wrong());
        }
        let other = self
            .of
            .iter()
            .find(|(name, value)| found.get(*name) != Some(value));
        match other.map(|(name, _)| *name) {
            None => Ok(()),
            Some("container") => Err(recreated()),
            Some(name) => Err(Error::usage(format!(
                "--state: the file is about another {name} than this import"
            ))),
        }
    }

    /// Writes down how far it is.
    pub fn keep(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let mut state = String::from("{");
        for (name, value) in &self.of {
            state += &format!("\"{name}\":{value},");
        }
        for (name, number) in [
            ("first", snapshot.first),
            ("ahead", snapshot.ahead),
            ("errors", snapshot.told),
            ("rejected", snapshot.rejected),
        ] {
            state += &format!("\"{name}\":{number},");
        }
        keep(
            &self.path,
            &(state + "\"settled\":" + &snapshot.settled + "}"),
        )
    }
}

/// `--errors`, or the first few on standard error.
pub struct Rejects(Mutex<Rejecting>);

struct Rejecting {
    file: Option<(String, File)>,
    /// Whether a line alone does not say which item it is.
    numbered: Arc<AtomicBool>,
    length: u64,
    count: u64,
}

impl Rejects {
    /// A new file, or the one of an earlier run as it was when that wrote its state last.
    pub fn new(
        settings: &Settings,
        length: Option<u64>,
        numbered: Arc<AtomicBool>,
    ) -> Result<Rejects, Error> {
        let (file, length) = match settings.text("errors") {
            Some(path) => {
                let (file, length) = opened(&path, length.unwrap_or_default())?;
                (Some((path, file)), length)
            }
            None => (None, 0),
        };
        Ok(Rejects(Mutex::new(Rejecting {
            length,
            file,
            numbered,
            count: 0,
        })))
    }

    /// A line of JSON for an item that was not written.
    pub fn tell(&self, rejected: &Rejected) -> Result<(), Error> {
        let mut all = locked(&self.0);
        all.count += 1;
        let Rejecting {
            file,
            length,
            count,
            numbered,
        } = &mut *all;
        let Some((path, file)) = file else {
            if *count <= TOLD {
                let number = numbered
                    .load(Ordering::Relaxed)
                    .then(|| format!(", item {}", rejected.number));
                let status = (rejected.status >= 100).then(|| format!(" {}:", rejected.status));
                tell(&format!(
                    "line {}{}:{} {}",
                    rejected.line,
                    number.unwrap_or_default(),
                    status.unwrap_or_default(),
                    rejected.reason
                ));
            }
            return Ok(());
        };
        let line = line(rejected);
        match file.write_all(line.as_bytes()) {
            Ok(()) => *length += line.len() as u64,
            Err(e) => {
                // Half a line says nothing; a device has no length.
                let _ = file.set_len(*length);
                return Err(Error::local(format!("cannot write {path}: {e}")));
            }
        }
        Ok(())
    }

    /// How long the file is.
    pub fn length(&self) -> u64 {
        locked(&self.0).length
    }

    /// Tells how many were not told.
    pub fn end(&self) {
        let all = locked(&self.0);
        if all.file.is_none() && all.count > TOLD {
            tell(&format!(
                "and {} more; --errors FILE takes them all",
                all.count - TOLD
            ));
        }
    }
}

/// The file, without what an earlier run wrote behind its state, and where it goes on. Of a new one nothing counts.
fn opened(path: &str, length: u64) -> Result<(File, u64), Error> {
    let failed = |e: std::io::Error| Error::usage(format!("cannot write {path}: {e}"));
    let found = fs::metadata(path).ok();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    let length = found.as_ref().map_or(0, |_| length);
    match found {
        // A pipe or a device has no length.
        Some(found) if !found.is_file() => {}
        Some(found) if found.len() < length => {
            return Err(Error::usage(format!(
                "--errors: {path} has {} bytes, and the state counts on its first {length}: move it away to begin a new one",
                found.len()
            )));
        }
        _ => {
            file.set_len(length).map_err(failed)?;
            file.seek(SeekFrom::Start(length)).map_err(failed)?;
        }
    }
    Ok((file, length))
}

/// `{"line","number","status","substatus","reason","item"}`; what is no JSON is its text.
fn line(rejected: &Rejected) -> String {
    // Within JSON a line ends only between words.
    let item = rejected.item.replace(['\n', '\r'], " ");
    let item = match serde_json::from_str::<&serde_json::value::RawValue>(&item) {
        Ok(_) => format!(r#""item":{item}"#),
        Err(_) => format!(r#""text":{}"#, Value::from(rejected.item)),
    };
    format!(
        "{{\"line\":{},\"number\":{},\"status\":{},\"substatus\":{},\"reason\":{},{item}}}\n",
        rejected.line,
        rejected.number,
        rejected.status,
        rejected.substatus,
        Value::from(rejected.reason)
    )
}
