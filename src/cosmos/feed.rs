//! Pages of a feed: a list in a member of an object, read in one go. Rows are many, and what is around them is little.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::key_definition::Named;
use super::raw::continuation;
use crate::error::Error;
use crate::message::{Page, Response};

/// Reads a feed whose elements stand in the member `name`.
pub(super) fn feed(response: &Response, name: &str) -> Result<Page, Error> {
    Ok(Page {
        items: list(response, name)?,
        next: continuation(response)?,
    })
}

fn list(response: &Response, name: &str) -> Result<Vec<Box<RawValue>>, Error> {
    let text = response.text()?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let list = Envelope(name).deserialize(&mut reader);
    let list = list.and_then(|list| reader.end().map(|()| list));
    match list {
        Ok(list) => list.ok_or_else(|| Error::answer(format!("the body has no member {name:?}"))),
        Err(e) if e.is_data() && text.trim_start().starts_with('{') => Err(Error::answer(format!(
            "the member {name:?} is not a list: {e}"
        ))),
        Err(e) => Err(response.not_json(&e)),
    }
}

struct Envelope<'name>(&'name str);

impl<'de> DeserializeSeed<'de> for Envelope<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut list = None;
        while let Some(place) = members.next_key_seed(Named([self.0, ""]))? {
            match place {
                Some(0) => list = Some(members.next_value()?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(list)
    }
}
