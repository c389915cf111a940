//! [`Name`]: what may stand in a path. [`Endpoint`]: where a path may lead. [`Secret`]: what may not be
//! printed, and [`Claims`]: what may be said of a token without showing it.

mod secret;

use std::fmt;
use std::sync::Arc;

use base64::prelude::*;
use serde_json::Value;

use crate::error::Error;
pub use secret::{Secret, fingerprint};

/// A name that stands for one segment of a path: of an account, a database, a container or an item.
///
/// It is checked once, here, so that whatever builds a path from `Name`s cannot fail and cannot end up
/// at another resource: `..` as a container would otherwise address the database.
///
/// ```
/// use rawcosmos::name::Name;
/// assert_eq!(Name::new("a b%").unwrap().segment(), "a%20b%25");
/// assert!(Name::new("..").is_err());
/// ```
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/documents>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// The longest id the service stores, in bytes.
const LONGEST: usize = 1023;

impl Name {
    /// Accepts what the service can address; the error says which rule a text breaks.
    pub fn new(text: impl Into<String>) -> Result<Name, Error> {
        let text = text.into();
        let broken = match text.as_str() {
            "" => Some("is empty"),
            "." | ".." => Some("would be taken for a step in the path"),
            _ if text.len() > LONGEST => Some("is longer than 1023 bytes"),
            _ if text
                .bytes()
                .any(|b| matches!(b, b'/' | b'\\' | b'?' | b'#')) =>
            {
                Some("contains one of / \\ ? #, which the service cannot address")
            }
            _ if text.ends_with(' ') => Some("ends with a space, which the service drops"),
            _ => None,
        };
        match broken {
            Some(why) => Err(Error::usage(format!("the name {text:?} {why}"))),
            None => Ok(Name(text)),
        }
    }

    /// As it is, for signing and for showing.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As one segment of a path: percent-encoded once.
    pub fn segment(&self) -> String {
        percent_encode(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 3986: the unreserved characters stay, every other byte becomes `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
                encoded.extend(
                    digits
                        .into_iter()
                        .flatten()
                        .map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    encoded
}

/// What was percent-encoded, as far as it is UTF-8.
pub fn percent_decode(text: &str) -> String {
    // A form's key without a value is decoded as any other text is, but for `+`, which must stay.
    let text = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.next().map(|(key, _)| key.into()).unwrap_or_default()
}

/// The root of a service: scheme, host and port, without a trailing slash.
///
/// Plain `http://` is accepted for this machine only; a token must never travel in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Arc<url::Url>);

impl Endpoint {
    /// An ARM or data-plane endpoint: `https://`, or `http://` to a loopback address.
    pub fn new(text: &str) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::parse(text)?;
        if endpoint.0.scheme() == "http" && !endpoint.is_loopback() {
            return Err(Error::usage(format!(
                "{text} is plain http to another machine: a token would travel in the clear; use https"
            )));
        }
        Ok(endpoint)
    }

    /// An identity endpoint, which speaks plain `http://` on a link-local or loopback address.
    pub fn identity(text: &str) -> Result<Endpoint, Error> {
        Endpoint::parse(text)
    }

    fn parse(text: &str) -> Result<Endpoint, Error> {
        let wrong = |why: &str| Error::usage(format!("{text:?} is not an endpoint: {why}"));
        let url = url::Url::parse(text).map_err(|e| wrong(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("it must begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must not hold a user name or password"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must be a host alone, without a path"));
        }
        Ok(Endpoint(Arc::new(url)))
    }

    /// Scheme, host and port, without a trailing slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Whether a URL the service chose may be sent our token: the same origin, or over https a host below ours.
    pub fn covers(&self, link: &str) -> bool {
        // What URL parsers disagree about is nobody's: one reads `\@` as a path, another as a user's name.
        let plain = link.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let absolute = link
            .split_once("://")
            .is_some_and(|(_, rest)| !rest.starts_with('/'));
        if !plain || !absolute {
            return false;
        }
        let Ok(link) = url::Url::parse(link) else {
            return false;
        };
        if !link.username().is_empty() || link.password().is_some() {
            return false;
        }
        let below = || {
            let host = link.host_str().unwrap_or_default();
            let regional = host.strip_suffix(self.host());
            link.scheme() == "https"
                && self.0.domain().is_some()
                && link.port() == self.0.port()
                && regional.is_some_and(|rest| rest.ends_with('.') && !rest.starts_with('.'))
        };
        link.origin() == self.0.origin() || below()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a URL leads to this machine.
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The claims of a token, read and not verified: only the service can do that.
///
/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Value);

impl Claims {
    /// Reads the middle part of a JWT; `None` where the token is opaque.
    pub fn read(token: &str) -> Option<Claims> {
        let payload = token.split('.').nth(1)?;
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        value.is_object().then_some(Claims(value))
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is a time: epoch seconds.
    pub fn time(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// All of them, for display.
    pub fn all(&self) -> &Value {
        &self.0
    }
}
