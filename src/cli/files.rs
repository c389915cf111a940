//! Files that a command keeps between two runs. Each was asked for by name, and none holds a secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::settings::{Settings, read_file};
use crate::error::Error;
use crate::exchange::sessions::Sessions;

/// Ends the name of what is written before it takes the place of a file: `.NAME.PID.rawcosmos`.
const BESIDE: &str = ".rawcosmos";

/// What a file holds; nothing where there is none yet. What a run left beside it that was killed while it wrote goes.
pub fn kept(path: &str) -> Result<Option<String>, Error> {
    sweep(Path::new(path));
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        _ => read_file(path).map(Some),
    }
}

/// Writes a file whole or not at all: whoever is killed in between leaves the old one.
pub fn keep(path: &str, text: &str) -> Result<(), Error> {
    let mut written = replace(Path::new(path), text);
    // Until it is locked another run may take it for what a dead one left.
    if written
        .as_ref()
        .is_err_and(|e| e.kind() == ErrorKind::NotFound)
    {
        written = replace(Path::new(path), text);
    }
    written.map_err(|e| Error::local(format!("cannot write {path}: {e}")))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    // In the same folder, because only there a rename is one step.
    let name = format!("{}{}{BESIDE}", begin(path), std::process::id());
    let beside = path.with_file_name(name);
    let written = File::create(&beside).and_then(|mut file| {
        // Held as long as it is there. Where there are no locks, nothing is ever taken for dead.
        let _ = file.lock();
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn begin(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!(".{}.", name.to_string_lossy())
}

/// Removes what nobody holds any more. What cannot be removed does no harm.
fn sweep(path: &Path) {
    let (folder, begin) = (path.with_file_name("."), begin(path));
    let Ok(all) = fs::read_dir(&folder) else {
        return;
    };
    for found in all {
        let Ok(found) = found else { return };
        let name = found.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&*begin));
        let number = number.and_then(|rest| rest.strip_suffix(BESIDE));
        if number.is_none_or(|number| number.parse::<u32>().is_err()) {
            continue;
        }
        let place = folder.join(&name);
        let file = OpenOptions::new().write(true).open(&place);
        if file.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(&place);
        }
    }
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
            keep(&path, &Value::Object(known).to_string())
        }
        None => Ok(()),
    }
}
