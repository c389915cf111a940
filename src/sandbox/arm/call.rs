//! A request that has come past the front door, taken apart.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use url::form_urlencoded;

use super::errors;
use crate::sandbox::http::{Request, Response};
use crate::sandbox::token::Claims;

/// A request, who sends it and when.
#[derive(Clone)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) method: &'a str,
    pub(super) claims: Claims,
    pub(super) now: OffsetDateTime,
    /// Percent-decoded.
    pub(super) segments: Vec<String>,
    lower: Vec<String>,
    query: Vec<(String, String)>,
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &'a Request, claims: Claims, now: OffsetDateTime) -> Self {
        let segments: Vec<String> = segments(request.path());
        Self {
            request,
            method: &request.method,
            claims,
            now,
            lower: segments
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            segments,
            query: form_urlencoded::parse(request.query().as_bytes())
                .into_owned()
                .collect(),
        }
    }

    /// The segments in lower case, as ARM compares them.
    pub(super) fn words(&self) -> Vec<&str> {
        self.lower.iter().map(String::as_str).collect()
    }

    /// The name after a type, as it was sent.
    pub(super) fn name(&self, kind: &str) -> &str {
        let place = self.lower.iter().position(|word| word == kind);
        let name = place.and_then(|place| self.segments.get(place + 1));
        name.map_or("", String::as_str)
    }

    /// The same call to another resource: the path less some segments at its end.
    pub(super) fn upwards(&self, segments: usize) -> Self {
        let kept = self.segments.len().saturating_sub(segments);
        let mut call = self.clone();
        call.segments.truncate(kept);
        call.lower.truncate(kept);
        call
    }

    /// A member of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self
            .query
            .iter()
            .find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn version(&self) -> &str {
        self.query("api-version").unwrap_or_default()
    }

    /// The body, which has to be a JSON object.
    pub(super) fn body(&self) -> Result<Map<String, Value>, Response> {
        let sent = self.request.header("Content-Type").unwrap_or_default();
        let kind = sent.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let message = format!(
                "The content media type '{kind}' is not supported. Only 'application/json' is supported."
            );
            return Err(errors::front(415, "UnsupportedMediaType", &message));
        }
        let complaint = |error: &str| {
            let message = format!(
                "The request content was invalid and could not be deserialized: '{error}'."
            );
            errors::front(400, "InvalidRequestContent", &message)
        };
        match serde_json::from_slice(&self.request.body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(complaint("An object is expected")),
            Err(error) => Err(complaint(&error.to_string())),
        }
    }

    /// `properties` of the body.
    pub(super) fn properties(&self) -> Result<Map<String, Value>, Response> {
        match self.body()?.remove("properties") {
            Some(Value::Object(properties)) => Ok(properties),
            _ => Err(errors::missing("properties")),
        }
    }

    /// The answer to a method that the resource does not know.
    pub(super) fn wrong_method(&self) -> Response {
        let message = format!(
            "The requested resource does not support http method '{}'.",
            self.method
        );
        errors::front(405, "MethodNotAllowed", &message)
    }
}

fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(decode).collect()
}

/// Percent signs that start no escape stand for themselves.
fn decode(segment: &str) -> String {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                decoded.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            _ => decoded.push(*first),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or_default() as u8
}
