//! Text inputs, and the two files that identity sources need: Arc's key and a pod's token.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Failure};
use crate::identity::arc::{self, Agent, Found};
use crate::identity::workload::Pod;
use crate::name::Secret;

/// A pod's token. Read each time: Kubernetes writes it anew.
pub fn assertion(pod: &Pod) -> Result<Secret, Error> {
    const LONGEST: u64 = 64 * 1024;
    let text = fs::File::open(&pod.file).and_then(|file| read_text(file, LONGEST));
    let text = text.and_then(|text| match text.trim() {
        "" => Err(io::Error::other("it is empty")),
        text => Ok(text.to_string()),
    });
    match text {
        Ok(text) => Ok(Secret::token(text)),
        Err(e) => Err(Error::identity(
            format!("cannot read the pod's token {}: {e}", pod.file.display()),
            None,
        )),
    }
}

/// The text of the key file that a challenge names, and the file, if it may be read.
pub fn key(agent: &Agent, challenge: &Failure) -> Result<(Secret, std::path::PathBuf), Error> {
    let named = challenge.challenge.as_deref().and_then(arc::key_file);
    let Some(file) = named else {
        return Err(refused(challenge, "the answer names no key file".into()));
    };
    let found = find(file, agent);
    let read = found.and_then(|found| {
        found.may_be_read().map_err(io::Error::other)?;
        let text = read_text(fs::File::open(&found.path)?, arc::LONGEST_KEY)?;
        Ok((Secret::new("key", text.trim_end()), found.path))
    });
    read.map_err(|e| refused(challenge, format!("{}: {e}", file.display())))
}

/// Where a file really is, and what it is.
fn find(file: &Path, agent: &Agent) -> io::Result<Found> {
    let path = fs::canonicalize(file)?;
    let about = fs::metadata(&path)?;
    Ok(Found {
        keys: fs::canonicalize(&agent.keys)?,
        path,
        is_file: about.is_file(),
        length: about.len(),
    })
}

/// Reads a text of at most `limit` bytes, without the byte order mark that editors on Windows put before it.
///
/// Every text input that is read whole is read here: a device without an end, or a file that grows while it is read,
/// is an error and not all of the memory.
///
/// ```
/// use rawcosmos::exchange::files::read_text;
/// assert_eq!(read_text("\u{feff}{}".as_bytes(), 100).unwrap(), "{}");
/// assert!(read_text(std::io::repeat(b'a'), 100).is_err());
/// ```
pub fn read_text(reader: impl Read, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let why = format!("it is longer than {limit} bytes");
        return Err(io::Error::other(why));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// U+FEFF in UTF-8. It belongs to no JSON, no query and no key.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The same bytes without a byte order mark before them, for an input that is read piece by piece.
pub struct WithoutMark<R> {
    inner: R,
    /// The bytes before the first one that was handed on; nothing once they were looked at.
    start: Option<Vec<u8>>,
    /// What was read to look for the mark and belongs to the text.
    ahead: io::Cursor<Vec<u8>>,
}

impl<R: Read> WithoutMark<R> {
    /// Nothing is read before the first byte is asked for.
    pub fn new(inner: R) -> WithoutMark<R> {
        WithoutMark {
            inner,
            start: Some(Vec::new()),
            ahead: io::Cursor::default(),
        }
    }

    /// Reads as far as a mark would go. An interruption leaves what was read for the next try.
    fn look(&mut self) -> io::Result<()> {
        while let Some(start) = &mut self.start {
            let mut next = [0];
            let more = self.inner.read(&mut next)?;
            start.extend(next.iter().take(more));
            if more == 0
                || start.len() == BYTE_ORDER_MARK.len()
                || !BYTE_ORDER_MARK.starts_with(start)
            {
                let start = self.start.take().unwrap_or_default();
                let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
                self.ahead = io::Cursor::new(text.to_vec());
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for WithoutMark<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.look()?;
        match self.ahead.read(room)? {
            0 => self.inner.read(room),
            some => Ok(some),
        }
    }
}

/// The challenge stays what was answered; why it could not be met takes the place of its words.
fn refused(challenge: &Failure, why: String) -> Error {
    let sentence = format!("the key that the Arc agent asks for cannot be shown: {why}");
    let failure = Failure {
        message: why,
        ..challenge.clone()
    };
    Error::identity(sentence, Some(failure))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// One byte at a time, as a slow pipe.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let few = room.len().min(1);
            self.0.read(room.get_mut(..few).unwrap_or_default())
        }
    }

    #[test]
    fn a_mark_is_left_out_and_everything_else_is_handed_on() {
        for (bytes, wanted) in [
            (b"\xef\xbb\xbfa,b" as &[u8], b"a,b" as &[u8]),
            (b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb\xbf"),
            (b"\xef\xbb", b"\xef\xbb"),
            (b"\xef\xbba", b"\xef\xbba"),
            (b"", b""),
            (b"a", b"a"),
        ] {
            let mut found = Vec::new();
            WithoutMark::new(Slow(bytes))
                .read_to_end(&mut found)
                .unwrap();
            assert_eq!(found, wanted);
        }
    }
}
