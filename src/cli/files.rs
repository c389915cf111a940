//! Text inputs, and files that a command keeps between two runs. Each was asked for by name; what is kept holds no
//! secret.

use std::fs;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};

use super::settings::Settings;
use crate::error::Error;
use crate::exchange::files::{self, WithoutMark};
use crate::exchange::sessions::Sessions;

/// The longest key or token.
pub const SECRET_BYTES: u64 = 64 * 1024;
/// The longest query, policy or item: an item of 2 MB may be written with escapes of six bytes a character.
pub const TEXT_BYTES: u64 = 16 * 1024 * 1024;
/// The longest state or session file.
pub const STATE_BYTES: u64 = 64 * 1024 * 1024;

/// Whether standard input has been read to its end: there is nothing for a second reader.
static STDIN_READ: AtomicBool = AtomicBool::new(false);

/// A text input of at most `limit` bytes; `-` is standard input. A byte order mark at its start is left out.
pub fn read_text(path: &str, limit: u64) -> Result<String, Error> {
    let called = if path == "-" { "standard input" } else { path };
    let failed = |e: std::io::Error| Error::usage(format!("cannot read {called}: {e}"));
    files::read_text(source(path)?, limit).map_err(failed)
}

/// A text input that is read line by line; `-` is standard input.
pub fn lines(path: &str) -> Result<BufReader<Box<dyn Read>>, Error> {
    open(path).map(BufReader::new)
}

/// A text input that is read piece by piece; `-` is standard input. A byte order mark at its start is left out.
pub fn open(path: &str) -> Result<Box<dyn Read>, Error> {
    Ok(Box::new(WithoutMark::new(source(path)?)))
}

fn source(path: &str) -> Result<Box<dyn Read>, Error> {
    if path == "-" {
        take_stdin()?;
        return Ok(Box::new(std::io::stdin()));
    }
    let file = fs::File::open(path);
    Ok(Box::new(file.map_err(|e| {
        Error::usage(format!("cannot read {path}: {e}"))
    })?))
}

/// Standard input has one reader.
fn take_stdin() -> Result<(), Error> {
    match STDIN_READ.swap(true, Ordering::Relaxed) {
        false => Ok(()),
        true => Err(Error::usage(
            "standard input can be read once only, and two options ask for it",
        )),
    }
}

/// What a file holds; nothing where there is none yet.
pub fn kept(path: &str) -> Result<Option<String>, Error> {
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        _ => read_text(path, STATE_BYTES).map(Some),
    }
}

/// Writes a file whole or not at all: whoever is killed in between leaves the old one, and beside it a piece that the
/// next one writes over.
pub fn keep(path: &str, text: &str) -> Result<(), Error> {
    keep_by(path, text, "new")
}

/// What is written beside the file has a name of its own.
fn keep_by(path: &str, text: &str, end: &str) -> Result<(), Error> {
    let failed = |e: std::io::Error| Error::local(format!("cannot write {path}: {e}"));
    // In the same folder, because only there a rename is one step.
    let mut beside = PathBuf::from(path);
    let name = beside
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    beside.set_file_name(format!(".{}.{end}", name.unwrap_or_default()));
    let written = fs::File::create(&beside)
        .and_then(|mut file| writeln!(file, "{text}").and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)
}

/// `--session-file`: what earlier commands with that file wrote is seen by this one.
pub fn learn_sessions(settings: &Settings, sessions: &Sessions) -> Result<(), Error> {
    let path = settings.text("session-file");
    let Some(text) = path.map(|path| kept(&path)).transpose()?.flatten() else {
        return Ok(());
    };
    let wrong = || Error::usage("--session-file: the file holds no session tokens");
    let tokens: Map<String, Value> = serde_json::from_str(&text).map_err(|_| wrong())?;
    for (url, token) in &tokens {
        let learnt = token
            .as_str()
            .is_some_and(|token| sessions.learn(url, token));
        learnt.then_some(()).ok_or_else(wrong)?;
    }
    Ok(())
}

/// What this command learnt goes into the file, for the next one.
pub fn keep_sessions(settings: &Settings, sessions: &Sessions) -> Result<(), Error> {
    let tokens = sessions.tokens();
    match settings.text("session-file").filter(|_| !tokens.is_empty()) {
        Some(path) => {
            let mut known = Map::new();
            for (url, token) in tokens {
                known.insert(url, token.into());
            }
            // Several commands may share it at a time.
            let end = std::process::id().to_string();
            keep_by(&path, &Value::Object(known).to_string(), &end)
        }
        None => Ok(()),
    }
}
