//! The head of a request: what it may say, and how long a body it announces.

use std::io;

use super::{Request, Response};

/// The http.sys of the service takes less; this is far above any token.
pub(super) const HEAD_LIMIT: usize = 64 * 1024;
const HEADERS: usize = 128;

/// Why there is no request.
pub(super) enum Stop {
    Refused(Response),
    Closed,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// How long the body is.
pub(super) enum Length {
    None,
    Known(usize),
    Chunked,
}

/// A head, and where in the buffer it ended.
pub(super) struct Head {
    pub(super) request: Request,
    pub(super) old: bool,
    pub(super) end: usize,
}

pub(super) fn parse(buffer: &[u8]) -> Result<Option<Head>, Stop> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let end = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(end)) if end > HEAD_LIMIT => return Err(too_long()),
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(malformed(error)),
    };
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: target(parsed.path.unwrap_or_default())?,
        headers: parsed.headers.iter().map(pair).collect(),
        body: Vec::new(),
    };
    let old = parsed.version != Some(1);
    Ok(Some(Head { request, old, end }))
}

fn malformed(error: httparse::Error) -> Stop {
    match error {
        httparse::Error::TooManyHeaders => too_long(),
        httparse::Error::Version => page(505, "Version", "Only HTTP/1.0 and HTTP/1.1 are served."),
        httparse::Error::HeaderName | httparse::Error::HeaderValue => {
            bad("Invalid Header", "A request header is invalid.")
        }
        _ => bad("Invalid Request Line", "The request line is invalid."),
    }
}

/// Bytes above ASCII are Latin-1, as the protocol has had it from the start.
fn pair(header: &httparse::Header<'_>) -> (String, String) {
    let value = header.value.iter().map(|&byte| char::from(byte)).collect();
    (header.name.to_owned(), value)
}

/// The path and query; an absolute URL, as sent to a proxy, loses its origin.
fn target(sent: &str) -> Result<String, Stop> {
    let path = match sent.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').and_then(|slash| rest.get(slash..)),
        _ => Some(sent),
    };
    match path {
        Some(path) if (path.starts_with('/') || path == "*") && !path.contains('#') => {
            Ok(path.to_owned())
        }
        _ => Err(bad("Invalid URL", "The request URL is invalid.")),
    }
}

pub(super) fn wants_close(request: &Request) -> bool {
    let sent = request.header("Connection").unwrap_or_default();
    sent.split(',')
        .any(|word| word.trim().eq_ignore_ascii_case("close"))
}

fn all<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = move |(sent, _): &&(String, String)| sent.eq_ignore_ascii_case(name);
    request
        .headers
        .iter()
        .filter(named)
        .map(|(_, value)| value.trim())
}

pub(super) fn check_host(request: &Request, old: bool) -> Result<(), Stop> {
    match all(request, "Host").count() {
        1 => Ok(()),
        0 if old => Ok(()),
        _ => Err(bad("Invalid Hostname", "The request hostname is invalid.")),
    }
}

pub(super) fn length(request: &Request, old: bool) -> Result<Length, Stop> {
    let mut lengths = all(request, "Content-Length");
    let mut codings = all(request, "Transfer-Encoding");
    match (lengths.next(), codings.next()) {
        (None, None) if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") => Err(page(
            411,
            "Length Required",
            "The request must be chunked or have a content length.",
        )),
        (None, None) => Ok(Length::None),
        (Some(_), Some(_)) => Err(bad(
            "Invalid Length",
            "Content-Length and Transfer-Encoding exclude each other.",
        )),
        (Some(first), None) if lengths.all(|other| other == first) => number(first),
        (Some(_), None) => Err(bad(
            "Invalid Length",
            "There are two values of Content-Length.",
        )),
        (None, Some(coding))
            if old || codings.next().is_some() || !coding.eq_ignore_ascii_case("chunked") =>
        {
            Err(page(
                501,
                "Not Implemented",
                "The transfer coding is not supported.",
            ))
        }
        (None, Some(_)) => Ok(Length::Chunked),
    }
}

fn number(text: &str) -> Result<Length, Stop> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(length) if digits => Ok(Length::Known(length)),
        _ => Err(bad("Invalid Length", "Content-Length is not a number.")),
    }
}

pub(super) fn too_long() -> Stop {
    bad(
        "Request Too Long",
        "The size of the request headers is too long.",
    )
}

pub(super) fn bad(title: &str, reason: &str) -> Stop {
    page(400, title, reason)
}

pub(super) fn page(status: u16, title: &str, reason: &str) -> Stop {
    Stop::Refused(Response::page(status, title, reason))
}
