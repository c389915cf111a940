//! The file a command fills: beside its place until it is whole, so that what stood there stays until then.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::commands::confirm;
use super::output::Output;
use super::session::Session;
use super::settings::Settings;
use crate::error::Error;

/// Where lines go.
pub struct Target {
    place: PathBuf,
    /// Where they are until all of them are there; nothing where that does not matter, as of a device or a pipe.
    beside: Option<PathBuf>,
    /// Nothing where it is standard output.
    file: Option<File>,
}

/// The name of a file that another run goes on with.
fn partial(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// The name of a file that is of no use to another run.
fn hidden(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// Whether something is there that is no file and no folder: it is written to as it is.
fn is_stream(place: &Path) -> bool {
    fs::metadata(place).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Asks before a file is lost.
pub fn spare(session: &Session, name: &str, resumable: bool) -> Result<(), Error> {
    let place = Path::new(name);
    if name == "-" || is_stream(place) {
        return Ok(());
    }
    let rest = partial(place);
    let half = resumable && fs::metadata(&rest).is_ok_and(|found| found.len() > 0);
    for (there, file) in [(place.exists(), place), (half, &rest)] {
        if there {
            confirm(session, &format!("overwrite {}", file.display()))?;
        }
    }
    Ok(())
}

/// Whether a file is all there already, with this length: only the state is left to be removed.
pub fn is_whole(name: &str, length: u64) -> bool {
    let place = Path::new(name);
    !partial(place).exists() && fs::metadata(place).is_ok_and(|found| found.len() == length)
}

impl Target {
    /// Opens a file, or standard output for `-`; `length` is how much of it another run will count on: 0 at the start,
    /// else what an earlier run has written of it. Nothing, where no run will go on.
    pub fn open(name: &str, length: Option<u64>) -> Result<Target, Error> {
        let place = PathBuf::from(name);
        let mut target = Target {
            place,
            beside: None,
            file: None,
        };
        if name == "-" {
            return Ok(target);
        }
        if !is_stream(&target.place) {
            target.beside = Some(match length {
                Some(_) => partial(&target.place),
                None => hidden(&target.place),
            });
        }
        target.file = Some(match (&target.beside, length) {
            (Some(beside), Some(length @ 1..)) => resumed(beside, length)?,
            (Some(beside), _) => File::create(beside).map_err(|e| target.failed(&e))?,
            (None, _) => {
                let open = OpenOptions::new().write(true).open(&target.place);
                open.map_err(|e| target.failed(&e))?
            }
        });
        Ok(target)
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::local(format!("cannot write {}: {error}", self.place.display()))
    }

    /// What writes to it; nothing where standard output does.
    pub fn output(&self, settings: &Settings) -> Result<Option<Output>, Error> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let file = file.try_clone().map_err(|e| self.failed(&e))?;
        super::output_to(settings, false, Box::new(file)).map(Some)
    }

    /// How much of it is on the disk; nothing where that is nothing to go on from.
    pub fn secured(&self) -> Result<Option<u64>, Error> {
        let (Some(mut file), Some(_)) = (self.file.as_ref(), &self.beside) else {
            return Ok(None);
        };
        let synced = file.sync_data().and_then(|()| file.stream_position());
        synced.map(Some).map_err(|e| self.failed(&e))
    }

    /// It is whole: it goes to its place.
    pub fn finish(self) -> Result<(), Error> {
        self.secured()?;
        let moved = self
            .beside
            .as_ref()
            .map(|beside| fs::rename(beside, &self.place));
        moved.unwrap_or(Ok(())).map_err(|e| self.failed(&e))
    }

    /// Whether what was written cannot be taken back.
    pub fn is_stream(&self) -> bool {
        self.beside.is_none()
    }

    /// It will never be whole.
    pub fn remove(self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

/// What an earlier run has written, without what it wrote behind that.
fn resumed(beside: &Path, length: u64) -> Result<File, Error> {
    let open = OpenOptions::new().write(true).open(beside);
    let cut = open.and_then(|mut file| match file.metadata()?.len() < length {
        true => Err(ErrorKind::UnexpectedEof.into()),
        false => {
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length)).map(|_| file)
        }
    });
    cut.map_err(|e| {
        let name = beside.display();
        Error::usage(format!(
            "--state: {name}, whose first {length} bytes it counts on: {e}; to begin anew remove the state"
        ))
    })
}
