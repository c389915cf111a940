//! What can go wrong, by what a caller can do about it, and [`Failure`]: what a service said.

pub mod decimal;
pub mod moment;
mod parts;
mod said;

use std::fmt;
use std::time::Duration;

pub use parts::{Broken, Lost, NoToken, Stage, Words};

/// Which of the protocols a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// The identity endpoint of the machine: plain HTTP, never through a proxy.
    Identity,
    /// Microsoft Entra itself, where a pod's token is exchanged: outside traffic like the next two.
    Entra,
    /// Azure Resource Manager, the management plane.
    Arm,
    /// The Cosmos DB account itself, the data plane.
    Data,
}

impl Plane {
    /// Whether it is where tokens come from.
    pub fn gives_tokens(self) -> bool {
        matches!(self, Plane::Identity | Plane::Entra)
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Plane::Identity => "identity endpoint",
            Plane::Entra => "Microsoft Entra",
            Plane::Arm => "ARM",
            Plane::Data => "data plane",
        })
    }
}

/// Everything that can go wrong. A variant is what a caller can do about it, not where it came from.
///
/// Three words: every `?` moves it, and there are many.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Something asked for cannot be asked. Found before anything was sent: change the question.
    Usage(Words),
    /// No token could be had.
    Identity(Box<NoToken>),
    /// The request did not arrive, or it was a read whose answer was lost: it is safe to send it again.
    Transport(Box<Broken>),
    /// The request may have been carried out: its answer was lost and it must not be sent blindly again.
    Unknown(Box<Lost>),
    /// The service answered, and said no.
    Status(Box<Failure>),
    /// A success that is not what the protocol promises.
    Answer(Box<Lost>),
    /// What exists is not what was asked for.
    Conflict(Words),
    /// An operation was started and is still running.
    Unfinished(Words),
    /// The time given for everything is over: nothing more was started.
    Overtime(Words),
    /// The caller asked to stop while an operation continues on the server.
    Interrupted(Words),
    /// A file or a stream on this machine.
    Local(Words),
    /// Nothing was sent because only a rehearsal was asked for.
    DryRun,
    /// Whoever read our output has stopped reading: no failure, but nothing more is to be done.
    Closed,
}

impl Error {
    /// No token, and what was said instead.
    pub fn identity(what: impl Into<String>, failure: Option<Failure>) -> Error {
        let what = what.into();
        Error::Identity(Box::new(NoToken { what, failure }))
    }

    /// [`Error::Usage`] in these words.
    pub fn usage(words: impl Into<Words>) -> Error {
        Error::Usage(words.into())
    }

    /// [`Error::Conflict`] in these words.
    pub fn conflict(words: impl Into<Words>) -> Error {
        Error::Conflict(words.into())
    }

    /// [`Error::Unfinished`] in these words.
    pub fn unfinished(words: impl Into<Words>) -> Error {
        Error::Unfinished(words.into())
    }

    /// [`Error::Overtime`] in these words.
    pub fn overtime(words: impl Into<Words>) -> Error {
        Error::Overtime(words.into())
    }

    /// [`Error::Interrupted`] in these words.
    pub fn interrupted(words: impl Into<Words>) -> Error {
        Error::Interrupted(words.into())
    }

    /// [`Error::Local`] in these words.
    pub fn local(words: impl Into<Words>) -> Error {
        Error::Local(words.into())
    }

    /// An answer that is not what the protocol promises; the exchange adds which request it was.
    pub fn answer(what: impl Into<String>) -> Error {
        Error::unusable(String::new(), what.into())
    }

    /// The same, of this request.
    pub fn unusable(request: String, what: String) -> Error {
        Error::Answer(Box::new(Lost {
            request,
            what,
            activity: None,
        }))
    }

    /// A request of which only this was seen.
    pub fn unknown(request: String, what: String) -> Error {
        Error::Unknown(Box::new(Lost {
            request,
            what,
            activity: None,
        }))
    }

    /// The service's refusal, where this is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Error::Status(failure) => Some(failure),
            Error::Identity(no_token) => no_token.failure.as_ref(),
            _ => None,
        }
    }

    /// The activity id of the request that failed: of the answer, else the one that was sent.
    pub fn activity(&self) -> Option<&str> {
        let activity = match self {
            Error::Transport(broken) => &broken.activity,
            Error::Unknown(lost) | Error::Answer(lost) => &lost.activity,
            other => &other.failure()?.activity,
        };
        activity.as_deref()
    }

    /// The same error with an activity id, unless it has one.
    #[must_use]
    pub fn with_activity(mut self, id: Option<&str>) -> Error {
        let place = match &mut self {
            Error::Transport(broken) => Some(&mut broken.activity),
            Error::Unknown(lost) | Error::Answer(lost) => Some(&mut lost.activity),
            Error::Status(failure) => Some(&mut failure.activity),
            _ => None,
        };
        if let (Some(place @ None), Some(id)) = (place, id) {
            *place = Some(id.to_string());
        }
        self
    }

    /// Whether the service said this status.
    pub fn is_status(&self, status: u16) -> bool {
        matches!(self, Error::Status(failure) if failure.status == status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Identity(no_token) => f.write_str(&no_token.what),
            Error::Usage(what)
            | Error::Conflict(what)
            | Error::Unfinished(what)
            | Error::Overtime(what)
            | Error::Interrupted(what)
            | Error::Local(what) => f.write_str(what),
            Error::Transport(broken) => broken.fmt(f),
            Error::Unknown(lost) => write!(f, "outcome unknown of {}: {}", lost.request, lost.what),
            Error::Status(failure) => failure.fmt(f),
            Error::Answer(lost) if lost.request.is_empty() => {
                write!(f, "unusable answer: {}", lost.what)
            }
            Error::Answer(lost) => {
                write!(f, "unusable answer to {}: {}", lost.request, lost.what)
            }
            Error::DryRun => f.write_str("dry run: nothing was sent"),
            Error::Closed => f.write_str("nobody reads the output any more"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Error {
        Error::Transport(Box::new(broken))
    }
}

/// What a service said when it said no. Nothing of its own words is lost.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Who said it.
    pub plane: Plane,
    /// Method and URL.
    pub request: String,
    /// HTTP status.
    pub status: u16,
    /// `x-ms-substatus`, on the data plane.
    pub substatus: Option<u32>,
    /// The service's code, e.g. `NotFound`; empty where it gave none.
    pub code: String,
    /// The innermost sentence of the body, or the body's beginning where it has no known form.
    pub message: String,
    /// The first character of a query that is wrong, and the one behind the last.
    pub place: Option<(u64, u64)>,
    /// `x-ms-activity-id`, `x-ms-request-id` or the `ActivityId` in the text: what support asks for.
    pub activity: Option<String>,
    /// How long the service asked us to wait.
    pub retry_after: Option<Duration>,
    /// The `Server` header: tells who really answered.
    pub server: Option<String>,
    /// The `WWW-Authenticate` header: what the service wants to be shown.
    pub challenge: Option<String>,
    /// The `Date` header: the service's clock.
    pub date: Option<String>,
    /// Whether the service itself says so: it has a header `x-ms-…`, or a code and a message in JSON. A proxy has neither.
    pub of_service: bool,
    /// The beginning of the body, as it came.
    pub body: String,
}

/// A body is kept up to here: enough for any message, too little to fill a terminal.
const BODY_KEPT: usize = 16 * 1024;

impl Failure {
    /// Reads an answer that is not a success. Never fails: what it does not understand it keeps.
    pub fn read(
        plane: Plane,
        request: String,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Failure {
        let header = |name: &str| {
            let found = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim().to_string())
        };
        let said = said::read_body(&String::from_utf8_lossy(body));
        let marked = headers.iter().any(|(name, _)| is_mark(name));
        let body = String::from_utf8_lossy(body.get(..BODY_KEPT).unwrap_or(body)).into();
        Failure {
            plane,
            request,
            status,
            substatus: header("x-ms-substatus").and_then(|text| text.parse().ok()),
            code: said.code,
            message: said.message,
            place: said.place,
            activity: header("x-ms-activity-id")
                .or(said.activity)
                .or_else(|| header("x-ms-correlation-request-id"))
                .or_else(|| header("x-ms-request-id")),
            retry_after: retry_after(header),
            server: header("server"),
            challenge: header("www-authenticate"),
            date: header("date"),
            of_service: marked || said.coded,
            body,
        }
    }
}

impl Failure {
    /// Whether the account's firewall does not admit the address of this machine.
    pub fn is_of_firewall(&self) -> bool {
        self.plane == Plane::Data
            && self.status == 403
            && self.message.to_ascii_lowercase().contains("firewall")
    }

    /// Whether the data plane refused this for want of a data role: it took the token, and lets the machine in.
    pub fn lacks_data_role(&self) -> bool {
        let says = |part: &str| self.message.to_ascii_lowercase().contains(part);
        self.plane == Plane::Data
            && self.status == 403
            && match self.substatus {
                None | Some(0) => says("rbac permissions"),
                Some(substatus) => (5300..=5303).contains(&substatus),
            }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.plane, self.status)?;
        if let Some(substatus) = self.substatus.filter(|&s| s != 0) {
            write!(f, "/{substatus}")?;
        }
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Whether a header is one that only the services send.
pub(crate) fn is_mark(name: &str) -> bool {
    name.get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("x-ms-"))
}

/// The wait a service asks for: milliseconds where given, else whole seconds, else until a date by its own clock.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers>
pub fn retry_after(header: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let number = |name: &str| decimal::read(&header(name)?).filter(|n| *n >= 0.0);
    let date = |name: &str| moment::read(&header(name)?);
    let until = || {
        Some(
            (date("retry-after")? - date("date")?)
                .as_seconds_f64()
                .max(0.0),
        )
    };
    let seconds = number("x-ms-retry-after-ms")
        .or_else(|| number("retry-after-ms"))
        .map(|ms| ms / 1000.0)
        .or_else(|| number("retry-after"))
        .or_else(until)?;
    // A service that asks for a year is broken; a day is already more than any caller waits.
    Some(Duration::from_secs_f64(seconds.min(86_400.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_two_words() {
        assert_eq!(size_of::<Error>(), 3 * size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<Error>());
    }
}
