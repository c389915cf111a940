//! What Unix has and other systems do not, or not in that form. No other file of `src` asks which system it is.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// The folder will be nobody else's to look into.
pub fn private_folder(builder: &mut DirBuilder) {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    #[cfg(not(unix))]
    let _ = builder;
}

/// The file will be nobody else's to read.
pub fn private_file(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Another way to a file, for whom links are open; else the way itself.
pub fn link(path: &Path, link: PathBuf) -> io::Result<PathBuf> {
    #[cfg(unix)]
    std::os::unix::fs::symlink(path, &link)?;
    Ok(if cfg!(unix) { link } else { path.to_owned() })
}

/// The number of the signal that ended a process, if one did.
pub fn signal(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let (_, signal) = (status, None);
    signal
}
