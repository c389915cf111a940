//! An operation of a batch as it is sent, and the line that answers it.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::act::{Done, Verb};
use super::definition;
use super::reply::Refusal;

const MOST: usize = 100;
const RETRY_MS: u32 = 20;

/// One operation of a batch.
pub struct Operation<'a> {
    /// What is to be done.
    pub verb: Verb,
    /// The partition key as JSON in a string, where it is not the whole batch's.
    pub key: Option<String>,
    /// As the header of the same name.
    pub if_match: Option<String>,
    /// As the header of the same name.
    pub if_none_match: Option<String>,
    id: Option<String>,
    body: Option<&'a str>,
}

const VERBS: [(&str, Verb); 6] = [
    ("Create", Verb::Create),
    ("Upsert", Verb::Upsert),
    ("Read", Verb::Read),
    ("Replace", Verb::Replace),
    ("Patch", Verb::Patch),
    ("Delete", Verb::Delete),
];

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Reads the body of a batch.
pub fn read(body: &[u8]) -> Result<Vec<Operation<'_>>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| invalid())?;
    let all: Vec<Members> = serde_json::from_str(text).map_err(|_| invalid())?;
    match all.len() {
        0 => Err(invalid()),
        1..=MOST => all.iter().map(Operation::read).collect(),
        _ => Err(Refusal::new(
            400,
            format!("Batch request has more operations than what is supported: {MOST}."),
        )),
    }
}

/// The verbs of a batch, where it is one that can be read.
pub fn verbs(body: &[u8]) -> Vec<Verb> {
    let operations = read(body).unwrap_or_default();
    operations.iter().map(|operation| operation.verb).collect()
}

fn invalid() -> Refusal {
    Refusal::new(
        400,
        "The request payload is invalid. Ensure to provide a valid request payload.",
    )
}

impl<'a> Operation<'a> {
    fn read(members: &Members<'a>) -> Result<Self, Refusal> {
        let text = |name: &str| match members.get(name).map(|value| value.get()) {
            None | Some("null") => Ok(None),
            Some(value) => serde_json::from_str(value).map(Some).map_err(|_| invalid()),
        };
        let named = text("operationType")?.unwrap_or_default();
        let verb = VERBS.iter().find(|(name, _)| *name == named);
        let (_, verb) = verb.ok_or_else(|| {
            let message = format!("The operation type '{named}' of a batch is invalid.");
            Refusal::new(400, message)
        })?;
        Ok(Self {
            verb: *verb,
            key: text("partitionKey")?,
            if_match: text("ifMatch")?,
            if_none_match: text("ifNoneMatch")?,
            id: text("id")?,
            body: members.get("resourceBody").map(|body| body.get()),
        })
    }

    /// What it is done to; a new item has its id in its body.
    pub fn name(&self) -> Result<&str, Refusal> {
        match (self.verb, self.id.as_deref()) {
            (Verb::Create | Verb::Upsert, id) => Ok(id.unwrap_or_default()),
            (_, Some(id)) if !id.is_empty() => Ok(id),
            _ => Err(Refusal::new(400, definition::missing("id"))),
        }
    }

    /// The item or the patch.
    pub fn body(&self) -> Result<&'a str, Refusal> {
        match (self.verb, self.body) {
            (Verb::Read | Verb::Delete, _) => Ok(""),
            (_, Some(body)) => Ok(body),
            _ => Err(Refusal::new(400, definition::missing("resourceBody"))),
        }
    }
}

/// What is told of one operation.
pub struct Line {
    /// The status code.
    pub status: u16,
    /// Zero is not told.
    pub substatus: u16,
    /// Request units.
    pub charge: f64,
    etag: Option<String>,
    text: String,
}

impl Line {
    /// Of what was done.
    pub fn done(done: Done, quiet: bool) -> Self {
        Self {
            status: done.status,
            substatus: 0,
            charge: done.charge,
            etag: done.etag,
            text: if quiet { String::new() } else { done.text },
        }
    }

    fn bare(status: u16, substatus: u16, charge: f64) -> Self {
        Self {
            status,
            substatus,
            charge,
            etag: None,
            text: String::new(),
        }
    }

    /// Of what was refused.
    pub fn refused(refusal: &Refusal) -> Self {
        Self::bare(refusal.status, refusal.substatus, 1.24)
    }

    /// Of what was not looked at, on purpose.
    pub fn troubled(status: u16, substatus: Option<u16>) -> Self {
        let usual = if status == 429 { 3200 } else { 0 };
        Self::bare(status, substatus.unwrap_or(usual), 0.38)
    }

    /// Of what was not done because another operation failed.
    pub fn dependent() -> Self {
        Self::bare(424, 0, 0.0)
    }

    /// Of what has no room in the answer, and was not done for that.
    pub fn too_large() -> Self {
        Self::bare(413, 3402, 0.0)
    }

    /// Whether the batch is not a whole success for it.
    pub fn failed(&self) -> bool {
        self.status >= 300
    }

    /// As it stands in the answer.
    pub fn json(&self) -> String {
        let charge = (self.charge * 100.0).round() / 100.0;
        let mut text = format!("{{\"statusCode\":{}", self.status);
        if self.substatus != 0 {
            text += &format!(",\"subStatusCode\":{}", self.substatus);
        }
        text += &format!(",\"requestCharge\":{charge}");
        if self.status == 429 {
            text += &format!(",\"retryAfterMilliseconds\":{RETRY_MS}");
        }
        if let Some(etag) = &self.etag {
            text += &format!(",\"eTag\":{}", Value::from(etag.as_str()));
        }
        if !self.text.is_empty() {
            text += ",\"resourceBody\":";
            text += &self.text;
        }
        text.push('}');
        text
    }
}
