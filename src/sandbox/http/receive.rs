//! One request off a connection, or the reason why it is none.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::head::{
    HEAD_LIMIT, Head, Length, Stop, bad, check_host, length, page, parse, too_long, wants_close,
};
use super::{Request, Response};

const LINE_LIMIT: usize = 1024;

/// What came off a connection.
pub(super) enum Received {
    /// A request.
    Request(Request),
    /// Something that gets this answer, after which the connection is of no use.
    Refused(Response),
    /// Nothing more will come.
    Closed,
}

/// The receiving side of a connection; keeps what came early for the next request.
pub(super) struct Receiver {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The last byte of the buffer is still in the socket, too.
    held: bool,
    body_limit: usize,
    /// The last request was HTTP/1.0 or asked for the connection to be closed.
    pub(super) last: bool,
    /// The last request was HTTP/1.0, which knows no chunks.
    pub(super) old: bool,
}

impl Receiver {
    pub(super) fn new(stream: TcpStream, body_limit: usize) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            held: false,
            body_limit,
            last: false,
            old: false,
        }
    }

    /// The next request.
    pub(super) fn next(&mut self, too_large: fn() -> Response) -> Received {
        match self.request(too_large) {
            Ok(request) => Received::Request(request),
            Err(Stop::Refused(answer)) => Received::Refused(answer),
            Err(Stop::Closed) => Received::Closed,
        }
    }

    fn request(&mut self, too_large: fn() -> Response) -> Result<Request, Stop> {
        let head = self.head()?;
        let mut request = head.request;
        self.buffer.drain(..head.end);
        self.old = head.old;
        self.last = head.old || wants_close(&request);
        check_host(&request, head.old)?;
        let length = length(&request, head.old)?;
        if matches!(length, Length::Known(length) if length > self.body_limit) {
            return Err(Stop::Refused(too_large()));
        }
        self.invite(&request, head.old)?;
        request.body = match length {
            Length::None => Vec::new(),
            Length::Known(length) => self.exactly(length)?,
            Length::Chunked => self.chunks(too_large)?,
        };
        Ok(request)
    }

    fn head(&mut self) -> Result<Head, Stop> {
        loop {
            if let Some(head) = parse(&self.buffer)? {
                return Ok(head);
            }
            if self.buffer.len() > HEAD_LIMIT {
                return Err(too_long());
            }
            self.more()?;
        }
    }

    /// Says that the body may come, to a client that waits to be told.
    fn invite(&mut self, request: &Request, old: bool) -> Result<(), Stop> {
        match request.header("Expect") {
            None => Ok(()),
            Some(value) if !value.eq_ignore_ascii_case("100-continue") => {
                Err(page(417, "Expectation", "The expectation is not known."))
            }
            Some(_) if old || !self.buffer.is_empty() => Ok(()),
            Some(_) => Ok(self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?),
        }
    }

    /// Leaves a byte in the socket, for the connection can be reset as long as there is one.
    fn more(&mut self) -> Result<(), Stop> {
        self.take_rest()?;
        let mut piece = [0; 16 * 1024];
        let count = self.stream.peek(&mut piece)?;
        let came = piece.get_mut(..count).unwrap_or_default();
        self.buffer.extend_from_slice(came);
        match came.split_last_mut() {
            None => return Err(Stop::Closed),
            Some((_, before)) => self.stream.read_exact(before)?,
        }
        self.held = true;
        Ok(())
    }

    /// Takes the byte that was left in the socket.
    pub(super) fn take_rest(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.held) {
            true => self.stream.read_exact(&mut [0]),
            false => Ok(()),
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Stop> {
        while self.buffer.len() < length {
            self.more()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn line(&mut self) -> Result<Vec<u8>, Stop> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.drain(..end + 2).take(end).collect();
                return Ok(line);
            }
            if self.buffer.len() > LINE_LIMIT {
                return Err(bad("Invalid Chunk", "A line of the body is too long."));
            }
            self.more()?;
        }
    }

    fn chunks(&mut self, too_large: fn() -> Response) -> Result<Vec<u8>, Stop> {
        let mut body = Vec::new();
        loop {
            let size = chunk_size(&self.line()?)?;
            if size == 0 {
                break;
            }
            if size > self.body_limit - body.len() {
                return Err(Stop::Refused(too_large()));
            }
            body.append(&mut self.exactly(size)?);
            if self.exactly(2)? != b"\r\n" {
                return Err(bad("Invalid Chunk", "A chunk does not end where it said."));
            }
        }
        let mut trailers = 0;
        loop {
            let length = self.line()?.len();
            trailers += length;
            if length == 0 {
                return Ok(body);
            }
            if trailers > HEAD_LIMIT {
                return Err(too_long());
            }
        }
    }

    /// Swallows what a refused client still sends, so that it can read why before a reset reaches it.
    pub(super) fn drain(&mut self) {
        let mut piece = [0; 16 * 1024];
        for _ in 0..1024 {
            if !matches!(self.stream.read(&mut piece), Ok(count) if count > 0) {
                return;
            }
        }
    }
}

fn chunk_size(line: &[u8]) -> Result<usize, Stop> {
    let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
    let size = str::from_utf8(size)
        .unwrap_or_default()
        .trim_end_matches([' ', '\t']);
    let digits = (1..=8).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
    match usize::from_str_radix(size, 16) {
        Ok(size) if digits => Ok(size),
        _ => Err(bad("Invalid Chunk", "The size of a chunk is not a number.")),
    }
}
