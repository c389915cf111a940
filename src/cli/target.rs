//! The file a command fills: beside its place until it is whole, so that what stood there stays until then.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::commands::confirm;
use super::files::{Replacement, create, resolved, take_place};
use super::os;
use super::output::{Format, Output};
use super::session::Session;
use super::settings::Settings;
use crate::error::Error;

/// Where lines go.
pub struct Target {
    /// Behind all links.
    place: PathBuf,
    to: To,
}

/// How they get there.
enum To {
    Stdout,
    /// A device or a pipe, which takes them as they come.
    Stream(File),
    /// A temporary file until all of them are there.
    Hidden(Replacement),
    /// The file that another run goes on with until all of them are there.
    Partial(PathBuf, File),
}

/// The name of a file that another run goes on with.
pub fn partial(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Whether something is there that is no file and no folder: it is written to as it is.
fn is_stream(place: &Path) -> bool {
    fs::metadata(place).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Asks before a file is lost.
pub fn spare(session: &Session, name: &str, resumable: bool) -> Result<(), Error> {
    if name == "-" || is_stream(Path::new(name)) {
        return Ok(());
    }
    let place = place_of(name)?;
    let rest = partial(&place);
    let half = resumable && fs::metadata(&rest).is_ok_and(|found| found.len() > 0);
    for (there, file) in [(place.exists(), &place), (half, &rest)] {
        if there {
            confirm(session, &format!("overwrite {}", file.display()))?;
        }
    }
    Ok(())
}

fn place_of(name: &str) -> Result<PathBuf, Error> {
    resolved(Path::new(name)).map_err(|e| Error::usage(format!("cannot write {name}: {e}")))
}

/// Whether a file is all there already, with this length: only the state is left to be removed.
pub fn is_whole(name: &str, length: u64) -> bool {
    let Ok(place) = place_of(name) else {
        return false;
    };
    !partial(&place).exists() && fs::metadata(place).is_ok_and(|found| found.len() == length)
}

impl Target {
    /// Opens a file, or standard output for `-`; `length` is how much of it another run will count on: 0 at the start,
    /// else what an earlier run has written of it. Nothing, where no run will go on.
    pub fn open(name: &str, length: Option<u64>) -> Result<Target, Error> {
        let to = |place, to| Ok(Target { place, to });
        if name == "-" {
            return to(name.into(), To::Stdout);
        }
        let failed = |e: io::Error| Error::local(format!("cannot write {name}: {e}"));
        if is_stream(Path::new(name)) {
            let stream = OpenOptions::new().write(true).open(name).map_err(failed)?;
            return to(name.into(), To::Stream(stream));
        }
        let place = place_of(name)?;
        let rest = partial(&place);
        match length {
            Some(length @ 1..) => {
                let file = resumed(&rest, length)?;
                to(place, To::Partial(rest, file))
            }
            Some(0) => {
                let file = begun(&rest, &place).map_err(failed)?;
                to(place, To::Partial(rest, file))
            }
            None => {
                let hidden = Replacement::begin(&place, false).map_err(failed)?;
                to(place, To::Hidden(hidden))
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::local(format!("cannot write {}: {error}", self.place.display()))
    }

    fn file(&self) -> Option<&File> {
        match &self.to {
            To::Stdout => None,
            To::Stream(file) | To::Partial(_, file) => Some(file),
            To::Hidden(hidden) => Some(&hidden.file),
        }
    }

    /// What writes to it; nothing where standard output does.
    pub fn output(&self, settings: &Settings, format: Format) -> Result<Option<Output>, Error> {
        let Some(file) = self.file() else {
            return Ok(None);
        };
        let file = file.try_clone().map_err(|e| self.failed(&e))?;
        let mut output = super::output_as(settings, format, false, Box::new(file))?;
        if !self.is_stream() {
            let folder = self.place.parent().unwrap_or_else(|| Path::new(""));
            output.look_at_all(folder.to_path_buf());
        }
        Ok(Some(output))
    }

    /// How much of it is on the disk; nothing where that is nothing to go on from.
    pub fn secured(&self) -> Result<Option<u64>, Error> {
        let (Some(mut file), false) = (self.file(), self.is_stream()) else {
            return Ok(None);
        };
        let synced = file.sync_data().and_then(|()| file.stream_position());
        synced.map(Some).map_err(|e| self.failed(&e))
    }

    /// It is whole: it goes to its place.
    pub fn finish(self) -> Result<(), Error> {
        self.secured()?;
        let Target { place, to } = self;
        let moved = match to {
            To::Stdout | To::Stream(_) => Ok(()),
            To::Hidden(hidden) => hidden.commit(),
            To::Partial(rest, _) => take_place(&rest, &place),
        };
        moved.map_err(|e| Error::local(format!("cannot write {}: {e}", place.display())))
    }

    /// Whether what was written cannot be taken back.
    pub fn is_stream(&self) -> bool {
        matches!(self.to, To::Stdout | To::Stream(_))
    }
}

/// A new file, never one that a link leads to. One that was there is no longer wanted.
fn begun(rest: &Path, place: &Path) -> io::Result<File> {
    match fs::symlink_metadata(rest) {
        Ok(found) if found.is_file() => fs::remove_file(rest)?,
        Ok(_) => return Err(no_file(rest)),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    create(rest, fs::metadata(place).ok().as_ref(), false)
}

fn no_file(rest: &Path) -> io::Error {
    io::Error::other(format!(
        "{} is not a regular file: remove it",
        rest.display()
    ))
}

/// What an earlier run has written, without what it wrote behind that.
fn resumed(rest: &Path, length: u64) -> Result<File, Error> {
    let open = || {
        let found = fs::symlink_metadata(rest)?;
        if !found.is_file() {
            return Err(no_file(rest));
        }
        let mut file = OpenOptions::new().write(true).open(rest)?;
        let opened = file.metadata()?;
        if os::identity(&opened) != os::identity(&found) {
            return Err(no_file(rest));
        }
        if opened.len() < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length)).map(|_| file)
    };
    open().map_err(|e| {
        let name = rest.display();
        Error::usage(format!(
            "--state: {name}, whose first {length} bytes it counts on: {e}; to begin anew remove the state"
        ))
    })
}
