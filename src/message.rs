//! Plain data: what is sent, what comes back, and an operation as a value. No I/O.

mod answer;
mod headers;
mod members;
pub(crate) mod room;
mod text;

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

pub use crate::error::Plane;
use crate::error::{self, Error};
pub use answer::Answer;
pub use headers::Headers;
pub(crate) use members::Members;
pub use text::Text;

/// How the services are told who asks.
pub const USER_AGENT: &str = concat!("rawcosmos/", env!("CARGO_PKG_VERSION"));

/// An HTTP request, complete but for `Host` and `Content-Length`, which follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which protocol it belongs to; decides the way it takes.
    pub plane: Plane,
    /// Upper case.
    pub method: &'static str,
    /// Absolute, every part encoded: sent byte for byte.
    pub url: Text,
    /// In the order they are sent; names in lower case, as they go over the wire.
    pub headers: Vec<(&'static str, Text)>,
    /// `None` sends no body and no `Content-Length`; an empty text sends `Content-Length: 0`. What is sent on the way is
    /// a copy of the request with something added; of its largest part there is one for all of them.
    pub body: Option<Arc<Text>>,
    /// How long it may take; `None` is the usual of its plane.
    pub limits: Option<Limits>,
}

impl Request {
    /// A request without headers or body.
    pub fn new(plane: Plane, method: &'static str, url: impl Into<Text>) -> Request {
        Request {
            plane,
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            limits: None,
        }
    }

    /// Adds a header at the end.
    pub fn header(mut self, name: &'static str, value: impl Into<Text>) -> Request {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header where there is a value for it.
    pub fn header_if(self, name: &'static str, value: Option<impl Into<Text>>) -> Request {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Text>) -> Request {
        self.body = Some(Arc::new(body.into()));
        self
    }

    /// Method and URL, as shown in errors.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.url.shown())
    }
}

/// How long parts of an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// From then until the head of the answer.
    pub first: Duration,
    /// All of it.
    pub whole: Duration,
}

/// An HTTP answer.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// In the order they came, names as they came.
    pub headers: Headers,
    /// The whole body, transfer coding removed.
    pub body: Vec<u8>,
    /// From the first byte sent to the last byte read.
    pub elapsed: Duration,
}

impl Response {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(str::trim)
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.body)
            .map_err(|_| Error::answer("the body is not UTF-8; was it cut off?"))
    }

    /// The body read as JSON of a known shape.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(self.text()?).map_err(|e| self.not_json(&e))
    }

    /// The body as JSON text, untouched.
    pub fn raw(&self) -> Result<Box<RawValue>, Error> {
        self.json::<&RawValue>().map(ToOwned::to_owned)
    }

    /// How long the service asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        error::retry_after(|name| self.header(name).map(str::to_string))
    }

    /// The beginning of a page tells who answered; the beginning of JSON may be a secret.
    pub(crate) fn not_json(&self, e: &serde_json::Error) -> Error {
        let text = String::from_utf8_lossy(&self.body);
        let start: String = text.trim_start().chars().take(60).collect();
        let what = if e.is_eof() { "cut off" } else { "not JSON" };
        let start = match start.is_empty() || start.starts_with(['{', '[', '"']) {
            true => String::new(),
            false => format!("; it begins with {start:?}"),
        };
        Error::answer(format!("the body is {what} ({e}){start}"))
    }
}

/// What a request must be authorized for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: the identity endpoint proves the caller by where it is.
    Open,
    /// ARM: a bearer token for the management audience.
    Arm,
    /// The data plane: a token for the data audience, or a signature over this type and link.
    Data {
        /// `dbs`, `colls`, `docs`, `pkranges`, or empty for the account.
        kind: &'static str,
        /// The path of the resource, or of the parent for a feed: unescaped, case kept, no outer slashes.
        link: String,
    },
}

/// What it means to send a request twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Twice is the same as once.
    Idempotent,
    /// As [`Effect::Idempotent`], and the second time finds nothing: then 404 is success.
    Delete,
    /// Refused the second time, with 409 or 412: then what is there tells whether the first one was carried out.
    Guarded,
    /// Must not be carried out twice without its caller knowing.
    Once,
    /// As [`Effect::Once`], and not even what was refused is sent again: nobody but its author knows what it does.
    Never,
}

/// An operation as a value: what to send, what it must be authorized for, whether it may be sent twice,
/// and how to read the answer. It opens nothing and knows no credential and no clock.
#[derive(Clone)]
pub struct Call<T> {
    /// What to send, without authorization.
    pub request: Request,
    /// What it must be authorized for.
    pub scope: Scope,
    /// The action a role must hold, in the words of the role system that is asked; empty where none is.
    pub action: &'static str,
    /// Whether it may be sent twice.
    pub effect: Effect,
    /// Reads the value from a success. A plain function: it can use nothing but the answer.
    pub read: fn(&Response) -> Result<T, Error>,
}

/// One page of a list, as the service cut it. An empty page may have a next one.
#[derive(Debug, Default)]
pub struct Page {
    /// Each element as JSON text, untouched.
    pub items: Vec<Box<RawValue>>,
    /// Where the list goes on; only a reader makes one.
    pub next: Option<Next>,
}

/// Where a list goes on: a continuation of the data plane or a link of ARM, opaque either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next(pub(crate) String);

impl Next {
    /// The text as the service gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A continuation kept from an earlier run; it must fit into a header.
    pub fn resume(text: &str) -> Result<Next, Error> {
        if text.is_empty() || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(Error::usage(
                "a continuation is one line of printable ASCII, as the service gave it",
            ));
        }
        Ok(Next(text.to_string()))
    }
}

/// Dedicated throughput of a new database or container, in request units a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throughput {
    /// A fixed number, at least 400.
    Manual(u32),
    /// Scales up to this number, at least 1000.
    Autoscale(u32),
}
