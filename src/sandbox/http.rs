//! HTTP/1.1 on loopback: what a handler is given and what it gives back.

/// A request as it came off the wire.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// As sent, upper case for every method that exists.
    pub method: String,
    /// Path and query exactly as sent, still percent-encoded.
    pub target: String,
    /// Names as sent, in order.
    pub headers: Vec<(String, String)>,
    /// The whole body, chunked coding removed.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(sent, _)| sent.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target up to the question mark, still percent-encoded.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The target after the question mark, still percent-encoded; empty where there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// An answer to be written to the wire; the server adds `Date` and `Content-Length`.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In the order they are to be written.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}
