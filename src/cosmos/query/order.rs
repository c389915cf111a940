//! How values compare: the total order of JSON types, and which values are the same.
//!
//! `undefined < null < booleans < numbers < strings < arrays < objects`. Strings go by UTF-16 code units, numbers by
//! value whatever their form. Arrays and objects have an order inside the service that means nothing to a reader:
//! here two of them are tied.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/nosql/query/order-by>

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// A value that rows are ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// Not there at all: before everything else.
    Undefined,
    /// Anything JSON can say.
    Value(Value),
}

impl Key {
    /// Reads one from JSON text; `None` is undefined.
    pub fn read(raw: Option<&RawValue>) -> Result<Key, Error> {
        match raw {
            None => Ok(Key::Undefined),
            Some(raw) => Key::of(raw.get()),
        }
    }

    /// Reads one from JSON text.
    pub fn of(text: &str) -> Result<Key, Error> {
        // Most are whole numbers.
        if let [b'1'..=b'9', ..] = text.as_bytes()
            && let Ok(whole) = text.parse::<i64>()
        {
            return Ok(Key::Value(whole.into()));
        }
        serde_json::from_str(text)
            .map(Key::Value)
            .map_err(|e| Error::answer(format!("a value to order by cannot be read: {e}")))
    }

    /// The order of two values. Two different arrays, or two different objects, are tied.
    pub fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Value(Value::Bool(a)), Key::Value(Value::Bool(b))) => a.cmp(b),
            (Key::Value(Value::Number(a)), Key::Value(Value::Number(b))) => numbers(a, b),
            (Key::Value(Value::String(a)), Key::Value(Value::String(b))) => {
                a.bytes().map(unit).cmp(b.bytes().map(unit))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// A number that is in the order of the values wherever it differs: two numbers are compared in no time.
    pub fn coarse(&self) -> u64 {
        let within = match self {
            Key::Value(Value::Bool(whether)) => u64::from(*whether),
            Key::Value(Value::Number(number)) => coarse_number(number),
            Key::Value(Value::String(text)) => coarse_text(text),
            _ => 0,
        };
        u64::from(self.rank()) << 60 | within >> 4
    }

    /// Whether two values are tied only because nothing is known of their order.
    pub fn is_moot(&self, other: &Key) -> bool {
        self.is_complex() && self.rank() == other.rank() && self.identity() != other.identity()
    }

    /// Whether it is an array or an object.
    pub fn is_complex(&self) -> bool {
        self.rank() >= ARRAY
    }

    /// Whether it can be less or greater than others: an array, an object and what is undefined cannot.
    pub fn has_order(&self) -> bool {
        (1..ARRAY).contains(&self.rank())
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Undefined => 0,
            Key::Value(Value::Null) => 1,
            Key::Value(Value::Bool(_)) => 2,
            Key::Value(Value::Number(_)) => 3,
            Key::Value(Value::String(_)) => 4,
            Key::Value(Value::Array(_)) => ARRAY,
            Key::Value(Value::Object(_)) => ARRAY + 1,
        }
    }

    /// What is the same for equal values and differs for others.
    pub fn identity(&self) -> Identity {
        let mut text = String::new();
        match self {
            Key::Undefined => text.push('u'),
            Key::Value(value) => canonical(value, &mut text),
        }
        Identity::of(&text)
    }
}

const ARRAY: u8 = 5;

/// Which values were seen, each with a number.
pub type Seen = HashMap<Identity, usize>;

/// Stands for a value wherever only sameness matters: 16 bytes, however large the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity([u8; 16]);

impl Identity {
    /// Of a text.
    pub fn of(text: &str) -> Identity {
        let mut bytes = [0; 16];
        let hash = Sha256::digest(text.as_bytes());
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Identity(bytes)
    }

    /// Half of it, for a list that is written down.
    pub fn mark(&self) -> u64 {
        let first = self.0.iter().take(8);
        first.fold(0, |mark, byte| (mark << 8) | u64::from(*byte))
    }

    /// Of several values in a row.
    pub fn of_all(keys: &[Key]) -> Identity {
        let mut text = String::new();
        for key in keys {
            match key {
                Key::Undefined => text.push('u'),
                Key::Value(value) => canonical(value, &mut text),
            }
            text.push(';');
        }
        Identity::of(&text)
    }
}

/// Equal values have equal texts: `1` is `1.0`, `-0` is `0`, and the order of an object's members is no part of it.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&Exact::of(number).text()),
        Value::Array(values) => {
            text.push('[');
            for value in values {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            // In the order of their names: they are kept in it.
            text.push('{');
            for (name, value) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// A number without rounding: whole where it is whole.
#[derive(Clone, Copy)]
enum Exact {
    Whole(i128),
    Other(f64),
}

impl Exact {
    fn of(number: &Number) -> Exact {
        const LARGEST: f64 = 1e38;
        if let Some(whole) = number.as_i64() {
            return Exact::Whole(whole.into());
        }
        if let Some(whole) = number.as_u64() {
            return Exact::Whole(whole.into());
        }
        match number.as_f64().unwrap_or_default() {
            float if float.fract() == 0.0 && float.abs() < LARGEST => Exact::Whole(float as i128),
            float => Exact::Other(float),
        }
    }

    fn text(self) -> String {
        match self {
            Exact::Whole(whole) => whole.to_string(),
            Exact::Other(float) => Value::from(float).to_string(),
        }
    }
}

/// A byte of UTF-8 so that texts are in the order of UTF-16: the units of what is beyond U+FFFF stand before U+E000.
fn unit(byte: u8) -> u8 {
    match byte {
        0xEE | 0xEF => byte + 0x10,
        _ => byte,
    }
}

/// The bits of a float are in its order, but for the sign. Adding zero takes the sign off a negative one.
fn coarse_number(number: &Number) -> u64 {
    let bits = (number.as_f64().unwrap_or_default() + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

fn coarse_text(text: &str) -> u64 {
    let first = text.bytes().map(unit).chain([0; 8]).take(8);
    first.fold(0, |all, byte| all << 8 | u64::from(byte))
}

/// By value, whatever form they are written in.
fn numbers(a: &Number, b: &Number) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.cmp(&b);
    }
    match (Exact::of(a), Exact::of(b)) {
        (Exact::Whole(a), Exact::Whole(b)) => a.cmp(&b),
        (Exact::Other(a), Exact::Other(b)) => a.total_cmp(&b),
        (Exact::Whole(a), Exact::Other(b)) => whole_and_other(a, b),
        (Exact::Other(a), Exact::Whole(b)) => whole_and_other(b, a).reverse(),
    }
}

/// A number that is not whole never equals one; casting a huge one stops at the ends of the range, where it lies.
fn whole_and_other(whole: i128, other: f64) -> Ordering {
    match whole <= other.floor() as i128 {
        true => Ordering::Less,
        false => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn key(text: &str) -> Key {
        match text {
            "undefined" => Key::Undefined,
            text => Key::Value(serde_json::from_str(text).unwrap()),
        }
    }

    #[test]
    fn types_and_values_have_one_order() {
        let ascending = [
            "undefined",
            "null",
            "false",
            "true",
            "-1e300",
            "-9007199254740993",
            "-9007199254740992",
            "-1.5",
            "-1",
            "0",
            "0.5",
            "1",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e39",
            r#""""#,
            r#""A""#,
            r#""a""#,
            // Two code units from D800 on stand before one from FF00 on, although its code point is larger.
            r#""😀""#,
            r#""\ue000""#,
            r#""\uff21""#,
            "[]",
            "{}",
        ];
        for (i, left) in ascending.iter().enumerate() {
            for (j, right) in ascending.iter().enumerate() {
                let order = key(left).compare(&key(right));
                assert_eq!(order, i.cmp(&j), "{left} {right}");
                let coarse = key(left).coarse().cmp(&key(right).coarse());
                assert!(coarse == order || coarse.is_eq(), "{left} {right}");
            }
        }
    }

    #[test]
    fn sameness_is_by_value() {
        let same = [
            ("1", "1.0"),
            ("0", "-0.0"),
            ("1e2", "100"),
            (r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":1e0}"#),
        ];
        for (left, right) in same {
            assert_eq!(key(left).identity(), key(right).identity(), "{left}");
            assert_eq!(key(left).coarse(), key(right).coarse(), "{left}");
        }
        let other = [
            ("undefined", "null"),
            ("1", r#""1""#),
            ("[1,2]", "[2,1]"),
            ("[12]", "[1,2]"),
            (r#"{"a":1}"#, r#"{"a":null}"#),
            ("9007199254740993", "9007199254740992"),
        ];
        for (left, right) in other {
            assert_ne!(key(left).identity(), key(right).identity(), "{left}");
        }
        let pairs = [key(r#""a""#), key(r#""b""#)];
        assert_ne!(
            Identity::of_all(&pairs),
            Identity::of_all(&[key(r#""ab""#)])
        );
    }

    #[test]
    fn a_key_is_what_its_text_says() {
        for text in [
            "0",
            "7",
            "-7",
            "10",
            "1.5",
            "12e3",
            "9223372036854775807",
            "9223372036854775808",
            "1_0",
            "+1",
            "01",
            "1 ",
            "",
            "1x",
            "-",
            r#""1""#,
            "[1]",
        ] {
            let read = serde_json::from_str(text).map(Key::Value).ok();
            assert_eq!(Key::of(text).ok(), read, "{text}");
        }
    }

    #[test]
    fn texts_and_numbers_are_in_order_however_they_begin() {
        let mut state = 11_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let parts = [
            "",
            "\0",
            "a",
            "b",
            "~",
            "é",
            "\u{7ff}",
            "\u{d7ff}",
            "\u{e000}",
            "\u{ffff}",
            "😀",
            "\u{10ffff}",
        ];
        let numbers = [
            "0",
            "-0.0",
            "5e-324",
            "-5e-324",
            "9007199254740992",
            "9007199254740993",
            "9007199254740994.0",
            "-9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e38",
            "1e39",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "1.7976931348623157e308",
        ];
        for _ in 0..20_000 {
            let mut texts = [String::from("aaaaaa"), String::from("aaaaaa")];
            let from = random(7);
            for text in &mut texts {
                text.truncate(from);
                (0..random(6)).for_each(|_| text.push_str(parts[random(parts.len())]));
            }
            let [one, other] = &texts;
            let wanted = one.encode_utf16().cmp(other.encode_utf16());
            let [one, other] = texts.map(|text| Key::Value(text.into()));
            let coarse = one.coarse().cmp(&other.coarse());
            assert_eq!(one.compare(&other), wanted, "{one:?} {other:?}");
            assert!(coarse == wanted || coarse.is_eq(), "{one:?} {other:?}");
        }
        for one in numbers.map(key) {
            for other in numbers.map(key) {
                let (order, coarse) = (one.compare(&other), one.coarse().cmp(&other.coarse()));
                assert!(coarse == order || coarse.is_eq(), "{one:?} {other:?}");
                assert_eq!(
                    order.is_eq(),
                    one.identity() == other.identity(),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn two_objects_are_tied_and_it_is_known() {
        assert_eq!(
            key(r#"{"a":1}"#).compare(&key(r#"{"a":2}"#)),
            Ordering::Equal
        );
        assert!(key(r#"{"a":1}"#).is_moot(&key(r#"{"a":2}"#)));
        assert!(!key(r#"{"a":1}"#).is_moot(&key(r#"{"a":1.0}"#)));
        assert!(!key("1").is_moot(&key("2")));
        assert!(!key("[]").is_moot(&key("{}")));
    }
}
