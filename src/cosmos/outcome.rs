//! What came of the operations of a batch.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Members;

use crate::error::{Error, decimal};
use crate::message::Response;

/// What came of one operation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// HTTP status: 424 where another operation of the batch failed.
    pub status: u16,
    /// As `x-ms-substatus`.
    pub substatus: Option<u32>,
    /// Request units.
    pub charge: Option<f64>,
    /// With its quotes.
    pub etag: Option<String>,
    /// How long to wait before it is sent again.
    pub retry_after: Option<Duration>,
    /// The item, where one came back.
    pub item: Option<Box<RawValue>>,
    /// The whole outcome as it came.
    pub text: Box<RawValue>,
}

impl Outcome {
    /// Whether it was carried out; an item that has not changed is no failure.
    pub fn is_fine(&self) -> bool {
        matches!(self.status, 200..=299 | 304)
    }
}

/// The operation that failed a batch, by its place: the first whose status is its own.
pub fn guilty(outcomes: &[Outcome]) -> Option<usize> {
    let failed = |own: fn(u16) -> bool| {
        outcomes
            .iter()
            .position(move |outcome| !outcome.is_fine() && own(outcome.status))
    };
    failed(|status| status != 424).or_else(|| failed(|_| true))
}

/// What of an outcome says what comes of a write.
#[derive(Debug, Clone)]
pub(crate) struct Brief {
    pub status: u16,
    pub substatus: Option<u32>,
    pub charge: Option<f64>,
    pub retry_after: Option<Duration>,
    /// Why it was not carried out, where that is said.
    pub message: Option<String>,
}

impl Brief {
    /// Whether it was refused with a status that has many reasons, and none is said.
    pub fn is_unexplained(&self) -> bool {
        self.status == 400 && self.message.is_none()
    }
}

/// The status of the answer says nothing: the outcomes do.
pub(super) fn outcomes(response: &Response) -> Result<Vec<Outcome>, Error> {
    let texts: Vec<&RawValue> = list(response)?;
    texts.into_iter().map(outcome).collect()
}

/// The same, with nothing that only a person would look at.
pub(super) fn briefs(response: &Response) -> Result<Vec<Brief>, Error> {
    let all: Vec<Members> = list(response)?;
    all.iter().map(brief).collect()
}

fn list<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<Vec<T>, Error> {
    let wrong = |e| Error::answer(format!("the answer is no list of outcomes: {e}"));
    response.json().map_err(wrong)
}

/// The service and its emulators do not agree on capitals.
fn find<'a>(members: &Members<'a>, name: &str) -> Option<&'a str> {
    let found = members.find(&|known| known.eq_ignore_ascii_case(name))?;
    Some(found.get()).filter(|value| *value != "null")
}

fn number(members: &Members, name: &str) -> Option<f64> {
    decimal::read(find(members, name)?).filter(|n| n.is_finite() && *n >= 0.0)
}

fn text(members: &Members, name: &str) -> Option<String> {
    serde_json::from_str(find(members, name)?).ok()
}

/// In the place of an item may stand why there is none: `{"code","message"}`, or a sentence.
fn refusal(members: &Members) -> Option<String> {
    let body = find(members, "resourceBody")?;
    match serde_json::from_str::<Members>(body) {
        Ok(inner) => text(&inner, "message"),
        Err(_) => text(members, "resourceBody"),
    }
}

fn brief(members: &Members) -> Result<Brief, Error> {
    let status = find(members, "statusCode").and_then(|status| status.parse().ok());
    let status = status.filter(|status| (100..600).contains(status));
    let wait = number(members, "retryAfterMilliseconds").map(|ms| ms.min(86_400_000.0) / 1000.0);
    Ok(Brief {
        status: status.ok_or_else(|| Error::answer("an outcome has no statusCode"))?,
        substatus: find(members, "subStatusCode").and_then(|code| code.parse().ok()),
        charge: number(members, "requestCharge"),
        retry_after: wait.map(Duration::from_secs_f64),
        message: text(members, "message").or_else(|| refusal(members)),
    })
}

fn outcome(whole: &RawValue) -> Result<Outcome, Error> {
    let members: Members = serde_json::from_str(whole.get())
        .map_err(|_| Error::answer("an outcome is not a JSON object"))?;
    let brief = brief(&members)?;
    Ok(Outcome {
        status: brief.status,
        substatus: brief.substatus,
        charge: brief.charge,
        etag: text(&members, "eTag"),
        retry_after: brief.retry_after,
        item: find(&members, "resourceBody")
            .filter(|body| body.starts_with('{'))
            .and_then(|body| serde_json::from_str::<&RawValue>(body).ok())
            .map(ToOwned::to_owned),
        text: whole.to_owned(),
    })
}
