//! What errors are made of. Each is behind one pointer, so that an [`Error`](super::Error) is small.

use std::fmt;

use super::Failure;

/// Why there is no token.
#[derive(Debug, Clone)]
pub struct NoToken {
    /// In a sentence.
    pub what: String,
    /// What an identity endpoint said, where one did.
    pub failure: Option<Failure>,
}

/// A sentence.
#[derive(Debug, Clone)]
pub struct Words(Box<str>);

impl std::ops::Deref for Words {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Words {
        Words(text.into())
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Words {
        text.to_string().into()
    }
}

/// A request whose answer does not tell what was asked.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Method and URL; empty until the exchange adds it.
    pub request: String,
    /// What was seen instead.
    pub what: String,
    /// The `x-ms-activity-id` it was sent with, or the one of its answer.
    pub activity: Option<String>,
}

/// How far a request came before the connection failed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The name has no address.
    Resolve,
    /// Nobody answered at the address, or a proxy would not let us through.
    Connect,
    /// The other side could not prove who it is.
    Tls,
    /// What this machine is configured with is of no use: the proxy or the root certificates. Nothing was sent.
    Configuration,
    /// The request was sent, at least in part; no whole answer came.
    Answer,
    /// The request was sent; something answered that is not the service.
    Unusable,
}

/// A request without an answer.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Method and URL.
    pub request: String,
    /// How far it came.
    pub stage: Stage,
    /// In words.
    pub what: String,
    /// The `x-ms-activity-id` it was sent with, where it was sent with one.
    pub activity: Option<String>,
}

impl Broken {
    /// Whether a single byte of the request may have reached the service.
    pub fn was_sent(&self) -> bool {
        matches!(self.stage, Stage::Answer | Stage::Unusable)
    }
}

impl Stage {
    /// Whether another attempt would end the same way.
    pub fn is_final(self) -> bool {
        matches!(self, Stage::Tls | Stage::Configuration)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Resolve => "cannot find the host",
            Stage::Connect => "cannot connect",
            Stage::Tls => "cannot trust the connection",
            Stage::Configuration => "cannot use the configuration",
            Stage::Answer => "no answer",
            Stage::Unusable => "unusable answer",
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.stage, self.what, self.request)
    }
}
