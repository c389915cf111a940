//! Operators on values. `Undefined` is what an operator gives for operands it is not made for.

use std::cmp::Ordering;

use super::ast::{Binary, Unary};
use super::value::Value;

/// An operator with one operand.
pub fn unary(operator: Unary, value: &Value) -> Value {
    match (operator, value) {
        (Unary::Not, Value::Bool(b)) => Value::Bool(!b),
        (Unary::Minus, Value::Number(n)) => Value::float(-n.double()),
        (Unary::Plus, Value::Number(n)) => Value::Number(*n),
        (Unary::Complement, value) => bits(value, value, |n, _| (!n).into()),
        _ => Value::Undefined,
    }
}

/// An operator with two operands.
pub fn binary(operator: Binary, a: &Value, b: &Value) -> Value {
    match operator {
        Binary::Equal => equal(a, b),
        Binary::NotEqual => unary(Unary::Not, &equal(a, b)),
        Binary::Less => compare(a, b, Ordering::is_lt),
        Binary::LessOrEqual => compare(a, b, Ordering::is_le),
        Binary::Greater => compare(a, b, Ordering::is_gt),
        Binary::GreaterOrEqual => compare(a, b, Ordering::is_ge),
        Binary::Concat => match (a, b) {
            (Value::String(a), Value::String(b)) => Value::String(format!("{a}{b}")),
            _ => Value::Undefined,
        },
        Binary::Add => arithmetic(a, b, |a, b| a + b),
        Binary::Subtract => arithmetic(a, b, |a, b| a - b),
        Binary::Multiply => arithmetic(a, b, |a, b| a * b),
        Binary::Divide => arithmetic(a, b, |a, b| a / b),
        Binary::Remainder => arithmetic(a, b, |a, b| a % b),
        Binary::BitOr => bits(a, b, |a, b| (a | b).into()),
        Binary::BitXor => bits(a, b, |a, b| (a ^ b).into()),
        Binary::BitAnd => bits(a, b, |a, b| (a & b).into()),
        Binary::ShiftLeft => bits(a, b, |a, b| a.wrapping_shl(b as u32).into()),
        Binary::ShiftRight => bits(a, b, |a, b| a.wrapping_shr(b as u32).into()),
        Binary::ShiftRightZero => bits(a, b, |a, b| (a as u32).wrapping_shr(b as u32).into()),
    }
}

/// Values of different types are unequal; a value that is not there is neither equal nor unequal.
pub fn equal(a: &Value, b: &Value) -> Value {
    match a.defined() && b.defined() {
        true => Value::Bool(a.same(b)),
        false => Value::Undefined,
    }
}

/// Values of different types, arrays and objects have no order in an expression.
pub fn compare(a: &Value, b: &Value, fits: fn(Ordering) -> bool) -> Value {
    let scalar = matches!(
        a,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)
    );
    match scalar && a.rank() == b.rank() {
        true => Value::Bool(fits(a.order(b))),
        false => Value::Undefined,
    }
}

/// `AND` of both.
pub fn and(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        (Value::Bool(true), Value::Bool(true)) => Value::Bool(true),
        _ => Value::Undefined,
    }
}

/// `OR` of both.
pub fn or(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Bool(true), _) | (_, Value::Bool(true)) => Value::Bool(true),
        (Value::Bool(false), Value::Bool(false)) => Value::Bool(false),
        _ => Value::Undefined,
    }
}

/// Arithmetic is that of doubles.
fn arithmetic(a: &Value, b: &Value, compute: fn(f64, f64) -> f64) -> Value {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Value::float(compute(a.double(), b.double())),
        _ => Value::Undefined,
    }
}

/// A signed integer of 64 bits.
pub fn long(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.integer().and_then(|n| i64::try_from(n).ok()),
        _ => None,
    }
}

/// What bitwise operators see of a number: as in JavaScript, its low 32 bits.
fn word(value: &Value) -> Option<i32> {
    match value {
        Value::Number(n) => Some(n.integer().unwrap_or(n.double() as i128) as i32),
        _ => None,
    }
}

fn bits(a: &Value, b: &Value, compute: fn(i32, i32) -> i64) -> Value {
    match (word(a), word(b)) {
        (Some(a), Some(b)) => Value::integer(compute(a, b).into()),
        _ => Value::Undefined,
    }
}

/// `LIKE`: `%` any text, `_` one character, `[a-z]` and `[^a-z]` a set.
pub fn like(text: &Value, pattern: &Value, escape: Option<char>) -> Value {
    let (Value::String(text), Value::String(pattern)) = (text, pattern) else {
        return Value::Undefined;
    };
    let text: Vec<char> = text.chars().collect();
    Value::Bool(matches(&text, &parts(pattern, escape)))
}

enum Part {
    Any,
    One,
    Char(char),
    Set(bool, Vec<(char, char)>),
}

impl Part {
    fn fits(&self, c: char) -> bool {
        match self {
            Part::Any | Part::One => true,
            Part::Char(own) => *own == c,
            Part::Set(inside, ranges) => {
                ranges.iter().any(|(low, high)| *low <= c && c <= *high) == *inside
            }
        }
    }
}

fn parts(pattern: &str, escape: Option<char>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        parts.push(match c {
            c if Some(c) == escape => Part::Char(rest.next().unwrap_or(c)),
            '%' => Part::Any,
            '_' => Part::One,
            '[' => match rest.as_str().split_once(']') {
                Some((set, after)) => {
                    rest = after.chars();
                    set_of(set)
                }
                None => Part::Char('['),
            },
            c => Part::Char(c),
        });
    }
    parts
}

fn set_of(set: &str) -> Part {
    let inside = !set.starts_with('^');
    let members: Vec<char> = set.trim_start_matches('^').chars().collect();
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    loop {
        match rest {
            [low, '-', high, after @ ..] => {
                ranges.push((*low, *high));
                rest = after;
            }
            [one, after @ ..] => {
                ranges.push((*one, *one));
                rest = after;
            }
            [] => return Part::Set(inside, ranges),
        }
    }
}

/// Greedy, going back only to the last `%`: never more than text times pattern steps.
fn matches(text: &[char], parts: &[Part]) -> bool {
    let (mut at, mut part, mut retry) = (0, 0, None);
    loop {
        match (text.get(at), parts.get(part)) {
            (None, None) => return true,
            (_, Some(Part::Any)) => {
                retry = Some((at, part + 1));
                part += 1;
            }
            (Some(c), Some(own)) if own.fits(*c) => (at, part) = (at + 1, part + 1),
            (None, Some(_)) => return false,
            _ => match retry {
                Some((from, to)) => {
                    retry = Some((from + 1, to));
                    (at, part) = (from + 1, to);
                }
                None => return false,
            },
        }
    }
}
