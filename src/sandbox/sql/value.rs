//! JSON values as queries see them: with `undefined`, exact 64-bit integers and members in order.

use std::cmp::Ordering;
use std::fmt;

/// A number: integers of 64 bits are exact, everything else is a double.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// Fits a signed 64-bit integer.
    Int(i64),
    /// Above `i64::MAX`.
    UInt(u64),
    /// Anything else; always finite.
    Float(f64),
}

/// A JSON value, or the absence of one.
#[derive(Debug, Clone)]
pub enum Value {
    /// No value: a missing member, or an operation that has no result.
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array; never holds `Undefined`.
    Array(Vec<Value>),
    /// An object, its members in order; never holds `Undefined`.
    Object(Vec<(String, Value)>),
}

const TWO_64: f64 = 18_446_744_073_709_551_616.0;

impl Number {
    /// As a double, rounded where it must be.
    pub fn double(self) -> f64 {
        match self {
            Number::Int(n) => n as f64,
            Number::UInt(n) => n as f64,
            Number::Float(n) => n,
        }
    }

    /// The exact integer, where it is one of at most 64 bits.
    pub fn integer(self) -> Option<i128> {
        match self {
            Number::Int(n) => Some(n.into()),
            Number::UInt(n) => Some(n.into()),
            Number::Float(n) if n.fract() == 0.0 && n.abs() < TWO_64 => Some(n as i128),
            Number::Float(_) => None,
        }
    }

    /// By value, without rounding an integer to a double where that would make two numbers equal.
    pub fn order(self, other: Number) -> Ordering {
        match (self.integer(), other.integer()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self.double().total_cmp(&other.double()),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Number::Int(n) => write!(out, "{n}"),
            Number::UInt(n) => write!(out, "{n}"),
            Number::Float(n) if n.fract() == 0.0 && n.abs() < 1e17 => write!(out, "{}", n as i64),
            Number::Float(n) if n.abs() < 1e17 && n.abs() >= 1e-5 => write!(out, "{n}"),
            Number::Float(n) => {
                let text = format!("{n:e}");
                let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let sign = if exponent.starts_with('-') { '-' } else { '+' };
                write!(
                    out,
                    "{digits}e{sign}{:0>2}",
                    exponent.trim_start_matches('-')
                )
            }
        }
    }
}

impl Value {
    /// A double, or `Undefined` where JSON cannot hold it.
    pub fn float(n: f64) -> Value {
        match n.is_finite() {
            true => Value::Number(Number::Float(n)),
            false => Value::Undefined,
        }
    }

    /// An integer; a double beyond 64 bits.
    pub fn integer(n: i128) -> Value {
        Value::Number(match (i64::try_from(n), u64::try_from(n)) {
            (Ok(n), _) => Number::Int(n),
            (_, Ok(n)) => Number::UInt(n),
            _ => Number::Float(n as f64),
        })
    }

    /// A string.
    pub fn string(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// Whether there is a value at all.
    pub fn defined(&self) -> bool {
        !matches!(self, Value::Undefined)
    }

    /// Exactly `true`.
    pub fn is_true(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    /// The member of that name; the last where the text repeats it.
    pub fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members
                .iter()
                .rev()
                .find(|(n, _)| n == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The place of its type in the order of types.
    pub fn rank(&self) -> u8 {
        match self {
            Value::Undefined => 0,
            Value::Null => 1,
            Value::Bool(_) => 2,
            Value::Number(_) => 3,
            Value::String(_) => 4,
            Value::Array(_) => 5,
            Value::Object(_) => 6,
        }
    }

    /// The order of ORDER BY, MIN and MAX: by type, then by value; arrays tie, and so do objects.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => a.order(*b),
            (Value::String(a), Value::String(b)) => order_text(a, b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Structural equality: numbers by value, members in any order.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(n, a)| other.member(n).is_some_and(|b| a.same(b)))
            }
            _ => self.order(other) == Ordering::Equal,
        }
    }

    /// A text that two values share exactly when they are the `same`; for DISTINCT and GROUP BY.
    pub fn key(&self) -> String {
        let mut key = String::new();
        self.write_key(&mut key);
        key
    }

    fn write_key(&self, key: &mut String) {
        match self {
            Value::Undefined => key.push('u'),
            Value::Number(n) => match n.integer() {
                Some(n) => key.push_str(&n.to_string()),
                None => key.push_str(&format!("{:e}", n.double())),
            },
            Value::Array(items) => {
                key.push('[');
                items.iter().for_each(|item| {
                    item.write_key(key);
                    key.push(',');
                });
                key.push(']');
            }
            Value::Object(members) => write_members_key(members, key),
            _ => self.write(key),
        }
    }

    /// Appends the JSON text; nothing for `Undefined`.
    pub fn write(&self, out: &mut String) {
        match self {
            Value::Undefined => {}
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(n) => out.push_str(&n.to_string()),
            Value::String(text) => write_text(text, out),
            Value::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    comma(i, out);
                    item.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    comma(i, out);
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The JSON text; empty for `Undefined`.
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

fn comma(i: usize, out: &mut String) {
    if i > 0 {
        out.push(',');
    }
}

fn write_members_key(members: &[(String, Value)], key: &mut String) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    key.push('{');
    for (name, value) in sorted {
        write_text(name, key);
        key.push(':');
        value.write_key(key);
        key.push(',');
    }
    key.push('}');
}

fn write_text(text: &str, out: &mut String) {
    // A string always has a JSON form; serde_json cannot refuse it.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Strings are ordered by UTF-16 code unit.
pub fn order_text(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}
