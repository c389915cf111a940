//! Partition keys: the values of an item's key, and the header that carries them.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/partitioning-overview>

use serde_json::{Number, Value};

pub use super::key_definition::{Definition, Kind, normalise_path};

/// From here on neighbouring integers are one double, and a key is a double.
const FIRST_SHARED_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Most keys, as text, are no longer.
const USUAL: usize = 48;

/// One level of a key. Undefined, null and the empty string are three different keys.
#[derive(Debug, Clone)]
pub enum Component {
    /// The item has no such member; `{}` in the header.
    Undefined,
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// The service keeps it as a double, so `5` and `5.0` are one key.
    Number(Number),
    /// Any text, the empty one too.
    String(String),
}

impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Number(one), Self::Number(two)) => one.as_f64() == two.as_f64(),
            (Self::String(one), Self::String(two)) => one == two,
            _ => false,
        }
    }
}

impl Component {
    pub(super) fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Bool(flag) => Ok(Self::Bool(flag)),
            Value::Number(number) => Ok(Self::Number(number)),
            Value::String(text) => Ok(Self::String(text)),
            Value::Object(members) if members.is_empty() => Ok(Self::Undefined),
            Value::Object(_) => Err("an object is not a valid partition key".into()),
            Value::Array(_) => Err("an array is not a valid partition key".into()),
        }
    }

    fn write(&self, number: fn(&Number) -> String, out: &mut String) {
        match self {
            Self::Undefined => out.push_str("{}"),
            Self::Null => out.push_str("null"),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(value) => out.push_str(&number(value)),
            Self::String(text) => write_ascii(text, out),
        }
    }
}

/// What stands in `x-ms-documentdb-partitionkey`: one component for each path of the container.
///
/// None at all, `[]`, is the key of items without one in a container whose key is the system's.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionKey {
    components: Vec<Component>,
}

impl PartitionKey {
    /// A key of these components.
    pub fn new(components: Vec<Component>) -> Self {
        Self { components }
    }

    /// `[]`: no key, in a container whose definition says `systemKey`.
    pub fn none() -> Self {
        Self::new(Vec::new())
    }

    /// `[{}]`: the key of an item that lacks the member.
    pub fn undefined() -> Self {
        Self::new(vec![Component::Undefined])
    }

    /// A key of one string, whatever the text looks like.
    pub fn from_text(text: &str) -> Self {
        Self::new(vec![Component::String(text.to_owned())])
    }

    /// A scalar, or an array with one element for each level; `{}` stands for undefined.
    ///
    /// # Errors
    /// A sentence, where the text is not JSON or holds what cannot be a key.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let value = serde_json::from_str(text)
            .map_err(|error| format!("the partition key is not JSON: {error}"))?;
        let levels = match value {
            Value::Array(levels) => levels,
            scalar => vec![scalar],
        };
        let components: Result<_, _> = levels.into_iter().map(Component::from_value).collect();
        components.map(Self::new)
    }

    /// The value of `x-ms-documentdb-partitionkey`, which is an array in ASCII or refused.
    ///
    /// # Errors
    /// A sentence, where the value is anything else.
    pub fn parse_header(value: &str) -> Result<Self, String> {
        if !value.is_ascii() {
            return Err("the partition key header must be ASCII".into());
        }
        if !value.trim_start().starts_with('[') {
            return Err("the partition key header must be a JSON array".into());
        }
        Self::from_json(value)
    }

    /// The value of `x-ms-documentdb-partitionkey`: compact JSON in printable ASCII.
    pub fn header(&self) -> String {
        self.write(digits)
    }

    /// The header with numbers as the doubles they are to the service: equal keys, equal text.
    pub fn canonical(&self) -> String {
        self.write(|number| number.as_f64().map_or_else(|| digits(number), double))
    }

    /// From the first path of the container to the last one given.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Whether a number is so large that its neighbours share its key.
    pub fn is_imprecise(&self) -> bool {
        self.components.iter().any(|component| match component {
            Component::Number(number) => number
                .as_f64()
                .is_some_and(|value| value.abs() >= FIRST_SHARED_INTEGER),
            _ => false,
        })
    }

    fn write(&self, number: fn(&Number) -> String) -> String {
        let mut out = String::with_capacity(USUAL);
        out.push('[');
        for (index, component) in self.components.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            component.write(number, &mut out);
        }
        out.push(']');
        out
    }
}

/// Integers keep their digits.
fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => double(value),
        _ => number.to_string(),
    }
}

/// `5.0` is `5` and `-0.0` is `0`: the service hashes what it reads.
fn double(value: f64) -> String {
    let fits = value.fract() == 0.0 && value.abs() < i64::MAX as f64;
    if fits {
        (value as i64).to_string()
    } else {
        Value::from(value).to_string()
    }
}

/// The front end drops a connection over raw UTF-8 in a header, so all but printable ASCII is escaped.
fn write_ascii(text: &str, out: &mut String) {
    let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    for character in Value::from(text).to_string().chars() {
        if (' '..='~').contains(&character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use super::*;

    const VECTORS: &str = include_str!("../../fixtures/data-plane/partition_key_vectors.json");

    /// The vectors mark undefined as `{"undefined":true}`.
    fn key(value: &Value) -> PartitionKey {
        if value.is_string() {
            return PartitionKey::none();
        }
        let text = value.to_string().replace(r#"{"undefined":true}"#, "{}");
        PartitionKey::from_json(&text).unwrap()
    }

    #[test]
    fn headers_are_the_published_ones() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let rows = vectors["header"].as_array().unwrap();
        assert_eq!(rows.len(), 22);
        for row in rows {
            let header = row["header"].as_str().unwrap();
            assert_eq!(key(&row["value"]).header(), header);
            assert_eq!(
                PartitionKey::parse_header(header).unwrap(),
                key(&row["value"])
            );
        }
    }

    #[test]
    fn numbers_are_written_as_the_service_reads_them() {
        for (given, header, canonical) in [
            (
                "9007199254740993",
                "[9007199254740993]",
                "[9007199254740992]",
            ),
            (
                "18446744073709551615",
                "[18446744073709551615]",
                "[1.8446744073709552e+19]",
            ),
            ("[-0, -0.0, 1e3]", "[0,0,1000]", "[0,0,1000]"),
            ("0.1", "[0.1]", "[0.1]"),
            ("5e-324", "[5e-324]", "[5e-324]"),
        ] {
            let key = PartitionKey::from_json(given).unwrap();
            assert_eq!(
                (key.header().as_str(), key.canonical().as_str()),
                (header, canonical)
            );
            assert_eq!(PartitionKey::parse_header(header).unwrap(), key);
        }
    }

    #[test]
    fn neighbours_above_two_to_the_53rd_are_one_key() {
        let key = |text| PartitionKey::from_json(text).unwrap();
        assert_eq!(key("9007199254740993"), key("9007199254740992"));
        assert!(key("9007199254740993").is_imprecise());
        assert!(key(r#"["a", -9007199254740993]"#).is_imprecise());
        assert!(!key("9007199254740991").is_imprecise());
        assert!(!PartitionKey::from_text("9007199254740993").is_imprecise());
    }

    #[test]
    fn text_stays_text_and_nothing_is_not_null() {
        assert_eq!(PartitionKey::from_text("5").header(), r#"["5"]"#);
        assert_eq!(PartitionKey::from_text("{}").header(), r#"["{}"]"#);
        let undefined = PartitionKey::undefined();
        for other in [r#"[""]"#, "[null]", "[]"] {
            assert_ne!(PartitionKey::from_json(other).unwrap(), undefined);
        }
        assert_eq!(PartitionKey::from_json("{}").unwrap(), undefined);
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        for text in [
            r#"{"a":1}"#,
            "[[1]]",
            r#"[{"a":1}]"#,
            "x",
            "",
            "1 2",
            "[1",
            "1e999",
        ] {
            assert!(PartitionKey::from_json(text).is_err(), "{text}");
        }
        for header in ["a", r#""a""#, "5", "[\"\u{fc}\"]", "null"] {
            assert!(PartitionKey::parse_header(header).is_err(), "{header}");
        }
    }
}
