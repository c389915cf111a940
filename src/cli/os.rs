//! What the file system of Unix tells of a file, and what takes its place elsewhere.

use std::fs::{File, Metadata, OpenOptions};

/// Device and inode: two paths are one file where these are equal.
pub fn identity(found: &Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt;
        Some((found.dev(), found.ino()))
    };
    #[cfg(not(unix))]
    let (_, identity) = (found, None);
    identity
}

/// How many names a file has: more than one where there are hard links.
pub fn links(found: &Metadata) -> u64 {
    #[cfg(unix)]
    let links = std::os::unix::fs::MetadataExt::nlink(found);
    #[cfg(not(unix))]
    let (_, links) = (found, 1);
    links
}

/// The file can be read and written by its owner alone.
pub fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Gives a file the mode of another one, and its owner and group where that is allowed.
pub fn adopt(file: &File, like: &Metadata) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            let _ = fchown(file, Some(like.uid()), Some(like.gid()));
        }
    }
    file.set_permissions(like.permissions())
}

/// What standard input, output and error are connected to.
pub fn streams() -> [Option<Metadata>; 3] {
    #[cfg(unix)]
    let streams = {
        use std::os::fd::{AsFd, BorrowedFd};
        let found = |fd: BorrowedFd| File::from(fd.try_clone_to_owned().ok()?).metadata().ok();
        [
            found(std::io::stdin().as_fd()),
            found(std::io::stdout().as_fd()),
            found(std::io::stderr().as_fd()),
        ]
    };
    #[cfg(not(unix))]
    let streams = [None, None, None];
    streams
}

/// Whether standard output was closed when the program began. The standard library then opens the null device in its
/// place, for reading too, which a shell's `>/dev/null` does not.
pub fn is_stdout_closed() -> bool {
    #[cfg(unix)]
    let closed = {
        use std::io::Read;
        use std::os::fd::AsFd;
        use std::os::unix::fs::MetadataExt;
        let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
        let stdout = std::io::stdout().as_fd().try_clone_to_owned();
        stdout.is_ok_and(|stdout| {
            let mut stdout = File::from(stdout);
            let device = stdout.metadata().map(|found| found.rdev());
            let is_null = matches!((device, null), (Ok(one), Ok(two)) if one == two && two != 0);
            is_null && stdout.read(&mut [0]).is_ok()
        })
    };
    #[cfg(not(unix))]
    let closed = false;
    closed
}
