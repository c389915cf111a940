//! Text inputs, and files that are replaced: a new one takes the place of the old one in a single
//! step, under the same name, behind the same links, with the same mode. What is written holds no secret.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::interrupt::Stdin;
use super::os;
use super::say::tell;
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
        return Ok(Box::new(Stdin));
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

/// A line of at most this many bytes, without its end; nothing at the end of the input.
pub fn line_of(from: &mut impl BufRead, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if from.take(limit + 2).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    match line.len() as u64 > limit {
        true => Err(io::Error::other(format!("it is longer than {limit} bytes"))),
        false => Ok(Some(line)),
    }
}

// ---- States

/// Stands before the checksum, at the end of a state.
const CHECKSUM: &str = ",\"checksum\":\"";

/// What a state file holds; nothing where there is none yet, or an empty one. `called` is the option that names it.
pub fn kept(called: &str, path: &str) -> Result<Option<String>, Error> {
    let text = match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => {
            return Err(Error::usage(format!(
                "{called}: {path} is not a regular file"
            )));
        }
        _ => read_text(path, STATE_BYTES).map_err(|e| Error::usage(format!("{called}: {e}")))?,
    };
    match text.trim() {
        "" => Ok(None),
        text => verified(text).map(Some).ok_or_else(|| {
            Error::usage(format!(
                "{called}: {path} is damaged: its checksum is another one. Restore it, or remove it to start again"
            ))
        }),
    }
}

/// The state without its checksum, if that is right. Earlier versions wrote none.
fn verified(text: &str) -> Option<String> {
    let Some((state, rest)) = text.rsplit_once(CHECKSUM) else {
        return Some(text.to_string());
    };
    let state = format!("{state}}}");
    (rest == format!("{}\"}}", checksum(&state))).then_some(state)
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text);
    let bytes = digest.iter().take(8);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a state, which is a JSON object, whole or not at all.
pub fn keep(path: &str, state: &str) -> Result<(), Error> {
    let open = state.strip_suffix('}').unwrap_or(state);
    let text = format!("{open}{CHECKSUM}{}\"}}\n", checksum(state));
    replace(path, text.as_bytes())
}

/// Writes a file whole or not at all. A new one is readable by its owner alone.
fn replace(path: &str, content: &[u8]) -> Result<(), Error> {
    let written = Replacement::begin(Path::new(path), true).and_then(|mut new| {
        new.file.write_all(content)?;
        new.commit()
    });
    written.map_err(|e| Error::local(format!("cannot write {path}: {e}")))
}

// ---- Replacing a file

/// What stands before the random part of the name of a temporary file, and how many digits that part has.
const MARK: &str = ".rawcosmos-";
const DIGITS: usize = 16;

/// A new file beside the one whose place it takes. It is locked while it is in use, and removed unless it is committed.
pub struct Replacement {
    /// The file that is replaced, behind all links.
    place: PathBuf,
    temporary: PathBuf,
    /// Takes what is written.
    pub file: File,
    committed: bool,
}

impl Replacement {
    /// A new file in the folder of the one that is replaced. `private` says that nobody else may read it where it
    /// replaces none; else the mode is that of the old file, or what is usual.
    pub fn begin(path: &Path, private: bool) -> io::Result<Replacement> {
        let place = resolved(path)?;
        let old = fs::metadata(&place).ok();
        for _ in 0..100 {
            let temporary = place.with_file_name(temporary_name(&place, &random()));
            let file = match create(&temporary, old.as_ref(), private) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            let new = Replacement {
                place: place.clone(),
                temporary,
                file,
                committed: false,
            };
            if new.is_held() {
                return Ok(new);
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// Takes the lock. Another run that saw the file before that may have removed it.
    fn is_held(&self) -> bool {
        // Some file systems have no locks; there, nothing is removed by another run either.
        let _ = self.file.lock();
        is_same(&self.file, &self.temporary)
    }

    /// It is whole: it takes its place.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        take_place(&self.temporary, &self.place)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Creates a file that was not there, with the mode of the one it is to replace.
pub fn create(path: &Path, old: Option<&Metadata>, private: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if private || old.is_some() {
        os::private(&mut options);
    }
    let file = options.open(path)?;
    if let Some(old) = old {
        os::adopt(&file, old)?;
    }
    Ok(file)
}

/// Puts a whole file into the place of another. A file with several names keeps them: it is written over.
pub fn take_place(new: &Path, place: &Path) -> io::Result<()> {
    match fs::metadata(place) {
        Ok(old) if os::links(&old) > 1 => {
            write_over(new, place)?;
            fs::remove_file(new)
        }
        _ => fs::rename(new, place),
    }
}

/// Never empties it first: a kill then leaves what a checksum finds, and no empty file.
fn write_over(new: &Path, place: &Path) -> io::Result<()> {
    let mut to = OpenOptions::new().write(true).open(place)?;
    let length = io::copy(&mut File::open(new)?, &mut to)?;
    to.set_len(length)?;
    to.sync_all()
}

/// The file a path leads to, behind all links, also where it does not exist yet.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut place = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(to) => place = folder(&place).join(to),
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::other("too many links, one behind the other"))
}

/// The folder a path is in.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// A name that no other program can know before.
fn random() -> String {
    // Its keys come from the system's source of randomness.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

fn temporary_name(place: &Path, random: &str) -> OsString {
    // With what is added it stays within the 255 bytes that a name may have.
    const LONGEST_STEM: usize = 200;
    let name = place.file_name().unwrap_or_default();
    let mut own = OsString::from(".");
    match name.len() > LONGEST_STEM {
        true => own.push(checksum(&name.to_string_lossy())),
        false => own.push(name),
    }
    own.push(MARK);
    own.push(random);
    own
}

/// Whether an open file is the one that the path names.
fn is_same(file: &File, path: &Path) -> bool {
    let identity = |found: io::Result<Metadata>| found.map(|found| os::identity(&found)).ok();
    let there = identity(fs::symlink_metadata(path));
    there.is_some() && there == identity(file.metadata())
}

/// Removes what killed runs left beside a file: regular files with a temporary name of this file that are not in use.
pub fn sweep(path: &Path) {
    let Ok(place) = resolved(path) else { return };
    let stem = temporary_name(&place, "");
    let ours = |name: &OsString| {
        let digits = name
            .as_encoded_bytes()
            .strip_prefix(stem.as_encoded_bytes());
        digits.is_some_and(|digits| {
            digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit)
        })
    };
    for entry in fs::read_dir(folder(&place)).into_iter().flatten().flatten() {
        let left = place.with_file_name(entry.file_name());
        if ours(&entry.file_name())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && remove_abandoned(&left)
        {
            let left = left.display();
            tell(&format!("removed {left}, which an interrupted run left"));
        }
    }
}

/// Removes it, unless its lock is held: then its run is still at work.
fn remove_abandoned(path: &Path) -> bool {
    /// Between the creation of a file and its lock.
    const MOMENT: Duration = Duration::from_millis(50);
    let open = File::open(path).or_else(|_| OpenOptions::new().write(true).open(path));
    let Ok(file) = open else {
        return false;
    };
    let is_new = file.metadata().is_ok_and(|found| found.len() == 0);
    if is_new && file.try_lock().is_ok() && file.unlock().is_ok() {
        std::thread::sleep(MOMENT);
    }
    file.try_lock().is_ok() && is_same(&file, path) && fs::remove_file(path).is_ok()
}

/// Tries whether a file can be replaced, or written where it is, and changes nothing.
pub fn try_writing(path: &Path, in_place: bool) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::Error::other("it is a folder")),
        Ok(found) if found.is_file() => {
            OpenOptions::new().write(true).open(path)?;
            if in_place {
                return Ok(());
            }
        }
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    Replacement::begin(path, true).map(drop)
}

// ---- Session tokens

/// `--session-file`: what earlier commands with that file wrote is seen by this one.
pub fn learn_sessions(settings: &Settings, sessions: &Sessions) -> Result<(), Error> {
    let Some(path) = settings.text("session-file") else {
        return Ok(());
    };
    for (container, token) in &kept_tokens(&path)? {
        if !sessions.learn(container, token) {
            return Err(no_tokens(&path));
        }
    }
    Ok(())
}

fn no_tokens(path: &str) -> Error {
    Error::usage(format!("--session-file: {path} holds no session tokens"))
}

/// The tokens in the file, by container.
fn kept_tokens(path: &str) -> Result<Vec<(String, String)>, Error> {
    let Some(text) = kept("--session-file", path)? else {
        return Ok(Vec::new());
    };
    let tokens: Map<String, Value> = serde_json::from_str(&text).map_err(|_| no_tokens(path))?;
    let pair = |(container, token): (String, Value)| Some((container, token.as_str()?.to_string()));
    let tokens: Option<_> = tokens.into_iter().map(pair).collect();
    tokens.ok_or_else(|| no_tokens(path))
}

/// What this command learnt goes into the file, for the next one. Several commands may share it at a time: each adds
/// to what the others have written.
pub fn keep_sessions(settings: &Settings, sessions: &Sessions) -> Result<(), Error> {
    let path = settings.text("session-file");
    let Some(path) = path.filter(|_| sessions.has_news()) else {
        return Ok(());
    };
    let failed = |e| Error::local(format!("cannot write {path}: {e}"));
    let _lock = locked_file(Path::new(&path)).map_err(failed)?;
    let mut tokens = kept_tokens(&path)?;
    sessions.merge_into(&mut tokens);
    let tokens: Map<String, Value> = tokens.into_iter().map(|(c, t)| (c, t.into())).collect();
    replace(&path, format!("{}\n", Value::Object(tokens)).as_bytes())
}

/// The file with its lock. Each writer puts another file in its place, so it is looked at again once the lock is held.
fn locked_file(path: &Path) -> io::Result<File> {
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        os::private(&mut options);
        let file = options.open(path)?;
        // Without locks, as on some network file systems, it is written all the same.
        let _ = file.lock();
        if leads_to(path, &file) {
            return Ok(file);
        }
    }
}

fn leads_to(path: &Path, file: &File) -> bool {
    let identity = |found: io::Result<Metadata>| found.ok().map(|found| os::identity(&found));
    identity(fs::metadata(path)) == identity(file.metadata())
}
