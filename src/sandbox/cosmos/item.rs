//! The text of an item: what is read from it, and what is added to it. Its members are sliced, and keep their order and their spelling.

use crate::cosmos::limits::{ID_BYTES, ITEM_BYTES};
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::reply::Refusal;
use super::{definition, path_value, text};

/// An item as it was sent, without system members.
pub struct Sent {
    /// Its `id`.
    pub id: String,
    /// As it was sent, with what is no character replaced.
    pub text: String,
    /// `{"name":value,...` without the closing brace.
    open: String,
    /// For looking into.
    pub value: Value,
}

/// What the service adds.
pub struct Stamp<'a> {
    /// `_rid`.
    pub rid: &'a str,
    /// The `_self` of the container.
    pub parent: &'a str,
    /// `_etag`, with its own quotes.
    pub etag: &'a str,
    /// `_ts`.
    pub ts: i64,
}

/// Reads the body of a create or a replace.
pub fn read(body: &[u8]) -> Result<Sent, Refusal> {
    if body.len() > ITEM_BYTES {
        return Err(Refusal::new(413, "Request size is too large"));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid())?;
    let text = text::settle(&text::mend(text));
    let value: Value = serde_json::from_str(&text).map_err(|_| invalid())?;
    let id = id(&value)?;
    ttl(&value)?;
    Ok(Sent {
        id,
        open: members(&text).ok_or_else(invalid)?,
        text,
        value,
    })
}

impl Sent {
    /// The whole text with system members.
    pub fn write(&self, stamp: &Stamp) -> String {
        let comma = if self.open.len() > 1 { "," } else { "" };
        let Stamp {
            rid,
            parent,
            etag,
            ts,
        } = stamp;
        let etag = Value::from(*etag);
        format!(
            "{}{comma}\"_rid\":\"{rid}\",\"_self\":\"{parent}docs/{rid}/\",\"_etag\":{etag},\"_attachments\":\"attachments/\",\"_ts\":{ts}}}",
            self.open
        )
    }
}

fn invalid() -> Refusal {
    Refusal::new(
        400,
        "The request payload is invalid. Ensure to provide a valid request payload.",
    )
}

fn id(value: &Value) -> Result<String, Refusal> {
    let refuse = |message: String| Err(Refusal::new(400, message));
    match value.as_object().ok_or_else(invalid)?.get("id") {
        None => refuse(definition::missing("id")),
        Some(Value::String(id)) if id.is_empty() => refuse(definition::missing("id")),
        Some(Value::String(id)) if id.len() > ID_BYTES => refuse(
            "The input id is invalid. Ensure to provide a unique non-empty string less than '1024' characters.".into(),
        ),
        Some(Value::String(id)) => Ok(id.clone()),
        Some(other) => refuse(format!("The input content is invalid because the property 'id' must be a string, not {other}")),
    }
}

fn ttl(value: &Value) -> Result<(), Refusal> {
    match value.get("ttl") {
        None => Ok(()),
        Some(ttl) => match definition::seconds("ttl", ttl) {
            Ok(_) => Ok(()),
            Err(message) => Err(Refusal::new(400, message)),
        },
    }
}

/// When the item is gone: a container without a default has no expiry at all.
pub fn expires(default: Option<i64>, value: &Value, ts: i64) -> Option<i64> {
    let own = value.get("ttl").and_then(Value::as_i64);
    match own.or(default)? {
        _ if default.is_none() => None,
        -1 => None,
        seconds => Some(ts + seconds),
    }
}

/// The values a unique key compares: a missing one counts as null, a number as the double it is.
pub fn unique(value: &Value, paths: &[&str]) -> Vec<Value> {
    paths
        .iter()
        .map(|path| path_value(value, path).cloned().unwrap_or_default())
        .map(|value| value.as_f64().map_or(value, Value::from))
        .collect()
}

const SYSTEM: [&str; 5] = ["_rid", "_self", "_etag", "_attachments", "_ts"];

/// The object without its system members and without its closing brace.
fn members(text: &str) -> Option<String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let pairs = (&mut json).deserialize_map(Pairs).ok()?;
    let mut open = String::with_capacity(text.len());
    open.push('{');
    for (name, value) in pairs {
        let plain: String = serde_json::from_str(name.get()).ok()?;
        if SYSTEM.contains(&plain.as_str()) {
            continue;
        }
        if open.len() > 1 {
            open.push(',');
        }
        open.push_str(name.get());
        open.push(':');
        open.push_str(value.get());
    }
    Some(open)
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn written(text: &str) -> String {
        let stamp = Stamp {
            rid: "R",
            parent: "dbs/D/colls/C/",
            etag: "\"e\"",
            ts: 7,
        };
        read(text.as_bytes()).ok().unwrap().write(&stamp)
    }

    #[test]
    fn text_is_kept_and_system_members_are_replaced() {
        let sent = r#" { "z":9007199254740993 , "_etag":"x","id":"1", "a\u0062" : [1.50, 18446744073709551615],"_ts":1 } "#;
        let wanted = r#"{"z":9007199254740993,"id":"1","a\u0062":[1.5, 18446744073709551615],"_rid":"R","_self":"dbs/D/colls/C/docs/R/","_etag":"\"e\"","_attachments":"attachments/","_ts":7}"#;
        assert_eq!(written(sent), wanted);
    }

    #[test]
    fn system_members_are_known_however_they_are_written() {
        let text = written(r#"{"id":"1","_\u0072id":"x"}"#);
        assert!(text.starts_with(r#"{"id":"1","_rid":"R""#), "{text}");
    }

    #[test]
    fn unique_keys_compare_numbers_as_doubles() {
        assert_eq!(
            unique(&json!({"u": 1}), &["/u"]),
            unique(&json!({"u": 1.0}), &["/u"])
        );
    }

    #[test]
    fn what_is_no_item() {
        let rows = [
            ("", "payload is invalid"),
            ("[1]", "payload is invalid"),
            ("{\"id\":\"1\",\"n\":1e400}", "payload is invalid"),
            ("{\"n\":1}", "'id; '"),
            ("{\"id\":\"\"}", "'id; '"),
            ("{\"id\":1}", "must be a string"),
            ("{\"id\":\"1\",\"ttl\":0}", "ttl '0'"),
        ];
        for (text, words) in rows {
            let refusal = read(text.as_bytes()).err().unwrap();
            assert!(
                refusal.status == 400 && refusal.message.contains(words),
                "{text}"
            );
        }
        let large = format!("{{\"id\":\"{}\"}}", "x".repeat(ITEM_BYTES));
        assert_eq!(read(large.as_bytes()).err().unwrap().status, 413);
    }

    #[test]
    fn time_to_live_is_off_unless_the_container_has_it() {
        let item = json!({"ttl": 5});
        assert_eq!(expires(None, &item, 10), None);
        assert_eq!(expires(Some(-1), &item, 10), Some(15));
        assert_eq!(expires(Some(100), &json!({}), 10), Some(110));
        assert_eq!(expires(Some(100), &json!({"ttl": -1}), 10), None);
        assert_eq!(expires(Some(-1), &json!({}), 10), None);
    }
}
