//! What came of the operations of a batch.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

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

/// The members of an outcome that are read.
#[derive(Clone, Copy)]
enum Member {
    Status,
    Substatus,
    Charge,
    Wait,
    Etag,
    Item,
    Message,
}

#[rustfmt::skip]
const NAMES: &[(&str, Member)] = &[
    ("statusCode", Member::Status),
    ("subStatusCode", Member::Substatus),
    ("requestCharge", Member::Charge),
    ("retryAfterMilliseconds", Member::Wait),
    ("eTag", Member::Etag),
    ("resourceBody", Member::Item),
    ("message", Member::Message),
];

/// Those that are there, each at its own place.
#[derive(Default)]
struct Found<'a>([Option<&'a RawValue>; 7]);

/// The status of the answer says nothing: the outcomes do.
pub(super) fn outcomes(response: &Response) -> Result<Vec<Outcome>, Error> {
    let texts: Vec<&RawValue> = list(response)?;
    texts.into_iter().map(outcome).collect()
}

/// The same, with nothing that only a person would look at.
pub(super) fn briefs(response: &Response) -> Result<Vec<Brief>, Error> {
    let all: Vec<Found> = list(response)?;
    all.iter().map(Found::brief).collect()
}

fn list<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<Vec<T>, Error> {
    let wrong = |e| Error::answer(format!("the answer is no list of outcomes: {e}"));
    response.json().map_err(wrong)
}

fn outcome(text: &RawValue) -> Result<Outcome, Error> {
    let found: Found = serde_json::from_str(text.get())
        .map_err(|_| Error::answer("an outcome is not a JSON object"))?;
    let brief = found.brief()?;
    Ok(Outcome {
        status: brief.status,
        substatus: brief.substatus,
        charge: brief.charge,
        etag: found.text(Member::Etag),
        retry_after: brief.retry_after,
        item: found
            .get(Member::Item)
            .filter(|body| body.get().starts_with('{'))
            .map(ToOwned::to_owned),
        text: text.to_owned(),
    })
}

impl<'a> Found<'a> {
    fn get(&self, member: Member) -> Option<&'a RawValue> {
        let found = self.0.get(member as usize).copied().flatten();
        found.filter(|value| value.get() != "null")
    }

    fn number(&self, member: Member) -> Option<f64> {
        let number = decimal::read(self.get(member)?.get());
        number.filter(|n| n.is_finite() && *n >= 0.0)
    }

    fn text(&self, member: Member) -> Option<String> {
        serde_json::from_str(self.get(member)?.get()).ok()
    }

    fn brief(&self) -> Result<Brief, Error> {
        let status = self.get(Member::Status);
        let status = status.and_then(|status| status.get().parse().ok());
        let status = status.filter(|status| (100..600).contains(status));
        let substatus = self.get(Member::Substatus);
        let wait = self.number(Member::Wait);
        let wait = wait.map(|ms| ms.min(86_400_000.0) / 1000.0);
        Ok(Brief {
            status: status.ok_or_else(|| Error::answer("an outcome has no statusCode"))?,
            substatus: substatus.and_then(|code| code.get().parse().ok()),
            charge: self.number(Member::Charge),
            retry_after: wait.map(Duration::from_secs_f64),
            message: self.text(Member::Message),
        })
    }
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Found::default())
    }
}

impl<'de> Visitor<'de> for Found<'de> {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Self, A::Error> {
        while let Some(member) = members.next_key_seed(Known)? {
            match member.and_then(|member| self.0.get_mut(member as usize)) {
                Some(found) => *found = Some(members.next_value()?),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self)
    }
}

/// Which of them it is.
struct Known;

impl<'de> DeserializeSeed<'de> for Known {
    type Value = Option<Member>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Known {
    type Value = Option<Member>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        // The service and its emulators do not agree on capitals.
        let mut all = NAMES.iter();
        let known = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        Ok(known.map(|(_, member)| *member))
    }
}
