//! A folder of this start's own, below the system's temporary one, for what a host hands over in files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::sandbox::os;
use crate::sandbox::secrets::secret;

const PREFIX: &str = "rawcosmos-sandbox-";
const LOCK: &str = "lock";

/// Gone with the value; nobody else may look into it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as the process lives, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes a folder whose name nobody knew, after removing those of sandboxes that were killed.
    pub(super) fn create() -> io::Result<Self> {
        let all = std::env::temp_dir();
        let missing = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", all.display()));
        let all = fs::canonicalize(&all).map_err(missing)?;
        sweep(&all);
        let path = all.join(format!("{PREFIX}{}", secret()));
        private(&path)?;
        let lock = lock(&path).inspect_err(|_| {
            let _ = fs::remove_dir_all(&path);
        })?;
        Ok(Self { path, _lock: lock })
    }

    /// Makes a folder in it.
    pub(super) fn inner(&self, name: &str) -> io::Result<()> {
        private(&self.path(name))
    }

    /// Where something of that name is or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that was not there, and says where it is.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        new_file(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the business of whoever cleans the temporary folder.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    os::private_folder(&mut builder);
    builder.create(path)
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    os::private_file(&mut options);
    options.open(path)
}

/// The lock gets its name when it is held: whoever sees it free knows that its holder is gone.
fn lock(folder: &Path) -> io::Result<File> {
    let fresh = folder.join(secret());
    let file = new_file(&fresh)?;
    file.lock()?;
    fs::rename(fresh, folder.join(LOCK))?;
    Ok(file)
}

fn sweep(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if ours && folder && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_sandbox_left_goes_with_the_next_start() {
        let place = Folder::create().unwrap();
        place.inner("temporary").unwrap();
        let all = place.path("temporary");
        let folder = |name: &str| {
            let path = all.join(name);
            private(&path).unwrap();
            fs::write(path.join("key"), "secret").unwrap();
            path
        };
        let killed = folder("rawcosmos-sandbox-1");
        drop(lock(&killed).unwrap());
        let alive = folder("rawcosmos-sandbox-2");
        let held = lock(&alive).unwrap();
        let beginning = folder("rawcosmos-sandbox-3");
        let foreign = folder("other");
        drop(lock(&foreign).unwrap());
        sweep(&all);
        assert!(!killed.exists());
        assert!(alive.exists() && beginning.exists() && foreign.exists());
        drop(held);
        sweep(&all);
        assert!(!alive.exists());
    }
}
