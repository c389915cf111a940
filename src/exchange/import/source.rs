//! The bytes of an input, some of which may be put back.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};

use crate::error::Error;

const BUFFER: usize = 64 * 1024;

pub(super) struct Source {
    input: BufReader<Box<dyn Read>>,
    /// Comes before the rest of the input.
    again: Cursor<Vec<u8>>,
    /// Bytes read so far.
    pub read: u64,
}

impl Source {
    pub fn new(input: Box<dyn Read>) -> Source {
        Source {
            input: BufReader::with_capacity(BUFFER, input),
            again: Cursor::default(),
            read: 0,
        }
    }

    /// What comes next; nothing at the end.
    pub fn chunk(&mut self) -> Result<&[u8], Error> {
        let first = self.again.fill_buf().unwrap_or_default();
        if !first.is_empty() {
            return Ok(first);
        }
        // A signal may come between.
        while let Err(e) = self.input.fill_buf() {
            if e.kind() != ErrorKind::Interrupted {
                return Err(Error::local(format!(
                    "the input cannot be read any further: {e}"
                )));
            }
        }
        Ok(self.input.buffer())
    }

    pub fn peek(&mut self) -> Result<Option<u8>, Error> {
        Ok(self.chunk()?.first().copied())
    }

    pub fn skip(&mut self, bytes: usize) {
        match self.again.fill_buf().unwrap_or_default() {
            [] => self.input.consume(bytes),
            _ => self.again.consume(bytes),
        }
        self.read += bytes as u64;
    }

    /// These were read last, and are to be read once more.
    pub fn put_back(&mut self, mut bytes: Vec<u8>) {
        self.read -= bytes.len() as u64;
        bytes.extend_from_slice(self.again.fill_buf().unwrap_or_default());
        self.again = Cursor::new(bytes);
    }
}
