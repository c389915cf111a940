//! Answers and refusals, in the forms the gateway and the replicas behind it have.

use serde_json::{Value, json};

use super::place::Place;
use crate::sandbox::http::{Request, Response};

/// What a handler gives back.
pub type Outcome = Result<Reply, Refusal>;

/// One request while it is being served.
pub struct Exchange<'a> {
    /// As it came.
    pub request: &'a Request,
    /// What its path names.
    pub place: Place,
    /// Epoch seconds on the service's clock.
    pub now: i64,
    /// Position of the region it was sent to.
    pub region: usize,
}

impl Exchange<'_> {
    /// A header, trimmed; nothing where it is missing or empty.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.request.header(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Whether a header says `true`, however it is written.
    pub fn flag(&self, name: &str) -> bool {
        self.header(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether writes are to be answered without what was written.
    pub fn minimal(&self) -> bool {
        self.header("prefer")
            .is_some_and(|prefer| prefer.eq_ignore_ascii_case("return=minimal"))
    }
}

/// An answer before the headers that every answer has.
#[derive(Default)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// In the order they are to be written.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or nothing.
    pub body: String,
}

impl Reply {
    /// An answer without headers of its own.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Adds what it cost.
    pub fn charge(self, units: f64) -> Self {
        let rounded = (units * 100.0).round() / 100.0;
        self.header("x-ms-request-charge", rounded)
    }
}

/// Who refuses: the two write their sentences differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    Gateway,
    Replica,
}

/// A request that is not served.
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// `x-ms-substatus`; zero is not sent.
    pub substatus: u16,
    /// The sentence, or for a replica the JSON that stands for it.
    pub message: String,
    info: Option<String>,
    session: Option<String>,
    voice: Voice,
}

impl Refusal {
    /// A refusal by the gateway: a plain sentence.
    pub fn gateway(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            substatus: 0,
            info: None,
            session: None,
            message: message.into(),
            voice: Voice::Gateway,
        }
    }

    /// A header that says nothing the service knows.
    pub fn header(name: &str, value: &str) -> Self {
        Self::gateway(
            400,
            format!("The value '{value}' specified for the header '{name}' is invalid."),
        )
    }

    /// A refusal by a replica: a list of errors in JSON within the message.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self::errors(status, &json!({ "Errors": [message] }))
    }

    /// A refusal by a replica with errors of another form.
    pub fn errors(status: u16, errors: &Value) -> Self {
        Self {
            status,
            substatus: 0,
            info: None,
            session: None,
            message: errors.to_string(),
            voice: Voice::Replica,
        }
    }

    /// Adds a substatus.
    pub fn sub(mut self, substatus: u16) -> Self {
        self.substatus = substatus;
        self
    }

    /// Adds `additionalErrorInfo`, which is JSON in a string.
    pub fn info(mut self, info: &Value) -> Self {
        self.info = Some(info.to_string());
        self
    }

    /// Adds how far the session has seen the range, which a refusal of an item tells like an answer does.
    pub fn session(mut self, token: String) -> Self {
        self.session = Some(token);
        self
    }

    /// What the sandbox does not have.
    pub fn absent(what: &str) -> Self {
        Self::gateway(501, format!("The sandbox does not have {what}."))
    }

    /// Nothing is at that address.
    pub fn not_found() -> Self {
        Self::new(404, NOT_FOUND)
    }

    /// Nor is there what it would be in.
    pub fn no_owner() -> Self {
        Self::new(404, "Owner resource does not exist").sub(1003)
    }

    fn text(&self, activity: &str) -> String {
        match self.voice {
            Voice::Gateway => format!("{}\r\nActivityId: {activity}, {SDK}", self.message),
            Voice::Replica => format!(
                "Message: {}\r\nActivityId: {activity}, Request URI: {REPLICA}, RequestStats: , SDK: {SDK}",
                self.message
            ),
        }
    }

    fn reply(&self, activity: &str) -> Reply {
        let mut body = json!({"code": code(self.status), "message": self.text(activity)});
        if let (Some(info), Some(body)) = (&self.info, body.as_object_mut()) {
            body.insert("additionalErrorInfo".to_owned(), json!(info));
        }
        let mut reply = Reply::new(self.status, body.to_string());
        if self.substatus != 0 {
            reply = reply.header("x-ms-substatus", self.substatus);
        }
        if let Some(session) = &self.session {
            reply = reply.header("x-ms-session-token", session);
        }
        match self.voice {
            Voice::Replica => reply.charge(1.0),
            Voice::Gateway => reply,
        }
    }
}

const NOT_FOUND: &str = "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found";
const SDK: &str = "Microsoft.Azure.Documents.Common/2.14.0";
const REPLICA: &str = "/apps/sandbox/services/sandbox/partitions/sandbox/replicas/0p";

/// The word that stands for a status in the body of an error.
fn code(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        410 => "Gone",
        412 => "PreconditionFailed",
        413 => "RequestEntityTooLarge",
        501 => "NotImplemented",
        _ => "InternalServerError",
    }
}

/// The answer as it goes out, with the headers every answer has.
pub fn finish(outcome: Outcome, activity: &str, account: bool) -> Response {
    let reply = outcome.unwrap_or_else(|refusal| refusal.reply(activity));
    let mut headers = Vec::with_capacity(reply.headers.len() + 8);
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    add("Cache-Control", "no-store, no-cache");
    add("Pragma", "no-cache");
    if !reply.body.is_empty() {
        add("Content-Type", "application/json");
    }
    add("Server", "Microsoft-HTTPAPI/2.0");
    add("x-ms-gatewayversion", "version=2.14.0");
    // The account alone is answered without one, unless it is refused.
    if !(account && reply.status == 200) {
        add("x-ms-activity-id", activity);
    }
    for (name, value) in reply.headers {
        add(name, &value);
    }
    Response {
        status: reply.status,
        headers,
        body: reply.body.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_replica_wraps_its_errors() {
        let response = finish(Err(Refusal::not_found()), "a-1", false);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["code"], "NotFound");
        let message = body["message"].as_str().unwrap();
        assert!(message.starts_with(
            "Message: {\"Errors\":[\"Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found\"]}\r\nActivityId: a-1, Request URI: "
        ));
    }

    #[test]
    fn the_gateway_speaks_plainly_and_without_a_charge() {
        let refusal = Refusal::gateway(400, "No.").sub(1004);
        let response = finish(Err(refusal), "a-1", false);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["message"], format!("No.\r\nActivityId: a-1, {SDK}"));
        let names: Vec<_> = response
            .headers
            .iter()
            .map(|header| header.0.as_str())
            .collect();
        assert!(names.contains(&"x-ms-substatus") && !names.contains(&"x-ms-request-charge"));
    }

    #[test]
    fn charges_have_two_places_at_most() {
        assert_eq!(Reply::new(200, "").charge(1.0).headers[0].1, "1");
        assert_eq!(
            Reply::new(200, "").charge(2.25 + 3.0 * 0.03).headers[0].1,
            "2.34"
        );
    }
}
