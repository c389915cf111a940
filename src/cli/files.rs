//! Files that a command keeps between two runs. Each was asked for by name, and none holds a secret.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::settings::{Settings, read_file};
use crate::error::Error;
use crate::exchange::sessions::Sessions;

/// What a file holds; nothing where there is none yet.
pub fn kept(path: &str) -> Result<Option<String>, Error> {
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        _ => read_file(path).map(Some),
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
