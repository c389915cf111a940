//! Rows that wait in a file until all columns are known. The file has no name that anything else could use: it is removed
//! at once where the system allows that of an open file, else once it has been read.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file that is written once and then read once.
pub struct Spool {
    file: BufWriter<File>,
    /// Removes the file if its name is still there.
    _name: Name,
}

struct Name(Option<PathBuf>);

impl Drop for Name {
    fn drop(&mut self) {
        let _ = self.0.as_ref().map(fs::remove_file);
    }
}

/// What could not be written or read.
pub fn failed(error: std::io::Error) -> Error {
    Error::local(format!(
        "cannot keep the rows until all columns are known: {error}"
    ))
}

impl Spool {
    /// A new file in a folder.
    pub fn new(folder: &Path) -> Result<Spool, Error> {
        let number = RandomState::new().build_hasher().finish();
        let path = folder.join(format!(".rawcosmos-{number:016x}.rows"));
        let mut options = File::options();
        let options = options.read(true).write(true).create_new(true);
        let file = options.open(&path).map_err(failed)?;
        let left = fs::remove_file(&path).is_err().then_some(path);
        Ok(Spool {
            file: BufWriter::new(file),
            _name: Name(left),
        })
    }

    /// Adds lines.
    pub fn write(&mut self, lines: &str) -> Result<(), Error> {
        self.file.write_all(lines.as_bytes()).map_err(failed)
    }

    /// All lines from the first on.
    pub fn read(mut self) -> Result<BufReader<File>, Error> {
        self.file.flush().map_err(failed)?;
        let mut file = self.file.get_ref().try_clone().map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(BufReader::new(file))
    }
}
