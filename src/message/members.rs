//! The members of a JSON object, as text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, each with its text.
pub(crate) struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The text of a member; of two with one name the last counts.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.find(&|known| known == name)
    }

    /// The text of the last member with a name like that.
    pub fn find(&self, is_it: &dyn Fn(&str) -> bool) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(name, _)| is_it(name));
        found.map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Members<'de>, D::Error> {
        reader.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A text that stays where it is, unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Name<'de>, D::Error> {
        reader.deserialize_str(InPlace)
    }
}

struct InPlace;

impl<'de> Visitor<'de> for InPlace {
    type Value = Name<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_string())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn members_stay_in_order_and_the_last_of_a_name_counts() {
        let text = r#"{"b":1.10,"\u0061":[ 2 ],"b":null,"B":"x"}"#;
        let members: Members = serde_json::from_str(text).unwrap();
        let all: Vec<(&str, &str)> = members
            .0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()))
            .collect();
        let wanted = [("b", "1.10"), ("a", "[ 2 ]"), ("b", "null"), ("B", "\"x\"")];
        assert_eq!(all, wanted);
        let get = |name| members.get(name).map(RawValue::get);
        assert_eq!(
            [get("a"), get("b"), get("c")],
            [Some("[ 2 ]"), Some("null"), None]
        );
        let any = members.find(&|name| name.eq_ignore_ascii_case("b"));
        assert_eq!(any.map(RawValue::get), Some("\"x\""));
        for wrong in ["[]", "1", "{", r#"{"a":1}x"#] {
            assert!(serde_json::from_str::<Members>(wrong).is_err(), "{wrong}");
        }
    }
}
