//! What came of the operations of a batch.

use std::time::Duration;

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

/// The status of the answer says nothing: the outcomes do.
pub(super) fn outcomes(response: &Response) -> Result<Vec<Outcome>, Error> {
    let texts: Vec<&RawValue> = response
        .json()
        .map_err(|e| Error::answer(format!("the answer is no list of outcomes: {e}")))?;
    texts.into_iter().map(outcome).collect()
}

fn outcome(text: &RawValue) -> Result<Outcome, Error> {
    let members: Members = serde_json::from_str(text.get())
        .map_err(|_| Error::answer("an outcome is not a JSON object"))?;
    // The service and its emulators do not agree on capitals.
    let find = |name: &str| {
        let mut all = members.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.get())
            .filter(|value| *value != "null")
    };
    let number = |name: &str| decimal::read(find(name)?).filter(|n| n.is_finite() && *n >= 0.0);
    let status = find("statusCode").and_then(|status| status.parse().ok());
    let status = status.filter(|status| (100..600).contains(status));
    let wait = number("retryAfterMilliseconds").map(|ms| ms.min(86_400_000.0) / 1000.0);
    Ok(Outcome {
        status: status.ok_or_else(|| Error::answer("an outcome has no statusCode"))?,
        substatus: find("subStatusCode").and_then(|code| code.parse().ok()),
        charge: number("requestCharge"),
        etag: find("eTag").and_then(|etag| serde_json::from_str(etag).ok()),
        retry_after: wait.map(Duration::from_secs_f64),
        item: find("resourceBody")
            .filter(|body| body.starts_with('{'))
            .and_then(|body| serde_json::from_str::<&RawValue>(body).ok())
            .map(ToOwned::to_owned),
        text: text.to_owned(),
    })
}
