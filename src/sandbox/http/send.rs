//! One answer onto a connection, whole or spoilt on purpose.

use std::io::{self, Write};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::Response;

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);
const CHUNK: usize = 8 * 1024;
const DRIPS: usize = 40;

/// How much of an answer reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All of it.
    Whole,
    /// Nothing: the connection ends.
    Nothing,
    /// The head and half of the body, then the connection ends.
    Half,
    /// The same, but that the connection is reset.
    Reset,
    /// All of it, a few bytes at a time.
    Drip,
    /// All of it, with a length that is off by so many bytes.
    Length(i32),
}

/// An answer and how it is to be delivered.
pub struct Reply {
    /// The answer.
    pub response: Response,
    /// How much of it arrives.
    pub delivery: Delivery,
    /// How long to wait before it is sent.
    pub delay: Duration,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self {
            response,
            delivery: Delivery::Whole,
            delay: Duration::ZERO,
        }
    }
}

/// What the connection says about itself on every answer.
#[derive(Clone, Copy)]
pub(super) struct Framing {
    pub(super) date: OffsetDateTime,
    pub(super) head_only: bool,
    pub(super) chunked: bool,
    pub(super) last: bool,
    /// How far the length is off.
    pub(super) off: i32,
}

/// Writes an answer in as few writes as its delivery allows; `false` when the connection is spent.
pub(super) fn send(
    stream: &mut impl Write,
    reply: &Reply,
    mut framing: Framing,
) -> io::Result<bool> {
    if let Delivery::Length(off) = reply.delivery {
        (framing.off, framing.chunked) = (off, false);
    }
    let (head, body) = (
        head(&reply.response, framing),
        body(&reply.response, framing),
    );
    let whole = [head.as_slice(), &body].concat();
    match reply.delivery {
        Delivery::Whole => stream.write_all(&whole)?,
        Delivery::Nothing => return Ok(false),
        Delivery::Half | Delivery::Reset => {
            let kept = if body.is_empty() {
                head.len() / 2
            } else {
                head.len() + body.len() / 2
            };
            stream.write_all(whole.get(..kept).unwrap_or_default())?;
            return Ok(false);
        }
        Delivery::Drip => drip(stream, &whole)?,
        Delivery::Length(off) => {
            stream.write_all(&whole)?;
            // Who waits for more is not to wait for long.
            return Ok(!framing.last && off < 0);
        }
    }
    Ok(!framing.last)
}

fn drip(stream: &mut impl Write, whole: &[u8]) -> io::Result<()> {
    for drop in whole.chunks(whole.len().div_ceil(DRIPS).max(1)) {
        stream.write_all(drop)?;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn head(response: &Response, framing: Framing) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {} {}\r\n",
        response.status,
        reason(response.status)
    );
    let mut line = |name: &str, value: &str| {
        let printable = value.chars().filter(|letter| !letter.is_control());
        head.extend([name, ": "]);
        head.extend(printable);
        head.push_str("\r\n");
    };
    for (name, value) in &response.headers {
        line(name, value);
    }
    line("Date", &framing.date.format(HTTP_DATE).unwrap_or_default());
    if framing.last {
        line("Connection", "close");
    }
    match (bodiless(response.status), chunked(response, framing)) {
        (true, _) => {}
        (false, true) => line("Transfer-Encoding", "chunked"),
        (false, false) => {
            let length = i64::try_from(response.body.len()).unwrap_or(i64::MAX);
            let length = length.saturating_add(framing.off.into()).max(0);
            line("Content-Length", &length.to_string());
        }
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn body(response: &Response, framing: Framing) -> Vec<u8> {
    if framing.head_only || bodiless(response.status) {
        return Vec::new();
    }
    if !chunked(response, framing) {
        return response.body.clone();
    }
    let mut body = Vec::with_capacity(response.body.len() + 64);
    for chunk in response.body.chunks(CHUNK) {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

fn chunked(response: &Response, framing: Framing) -> bool {
    framing.chunked && !response.body.is_empty()
}

fn bodiless(status: u16) -> bool {
    status < 200 || status == 204 || status == 304
}

/// The phrase after the status; the service says `Ok`, not `OK`.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "Ok",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        207 => "Multi-Status",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        424 => "Failed Dependency",
        429 => "Too Many Requests",
        449 => "Retry With",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
