//! JSON pointers into an item, as patches use them.

use std::fmt;

use crate::sandbox::sql::Value;

/// A path, taken apart and unescaped; never empty.
pub struct Pointer(Vec<String>);

/// A number of that many digits is too large for an index, and the service looks no further.
const TOO_MANY_DIGITS: usize = 20;

impl Pointer {
    /// Reads `/a/0/b`, with `~1` for a slash and `~0` for a tilde.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("The path '{text}' has to begin with '/'."));
        };
        rest.split('/')
            .map(token)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn split(&self) -> (&str, &[String]) {
        match self.0.split_last() {
            Some((last, parents)) => (last, parents),
            None => ("", &[]),
        }
    }

    /// Whether it is that place or one within it.
    pub fn within(&self, place: &[&str]) -> bool {
        self.0.len() >= place.len() && self.0.iter().zip(place).all(|(own, other)| own == other)
    }

    /// Whether that place is within it.
    pub fn above(&self, place: &[&str]) -> bool {
        place.len() > self.0.len() && self.0.iter().zip(place).all(|(own, other)| own == other)
    }

    /// Whether it is within the other one, and not the same.
    pub fn below(&self, other: &Self) -> bool {
        let other: Vec<&str> = other.0.iter().map(String::as_str).collect();
        self.0.len() > other.len() && self.within(&other)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(out, "/{token}"))
    }
}

fn token(text: &str) -> Result<String, String> {
    let mut parts = text.split('~');
    let mut token = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => token.extend(["~", rest]),
            (_, Some(rest)) => token.extend(["/", rest]),
            _ => return Err(format!("In '{text}' a tilde is neither of ~0 and ~1.")),
        }
    }
    let number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    match number && token.len() >= TOO_MANY_DIGITS {
        true => Err(format!("'{token}' has too many digits.")),
        false => Ok(token),
    }
}

/// What is at that place.
pub fn find<'v>(value: &'v Value, path: &Pointer) -> Option<&'v Value> {
    path.0.iter().try_fold(value, |value, token| match value {
        Value::Array(items) => items.get(index(token)?),
        other => other.member(token),
    })
}

/// Puts a value there: a new member, another value of one, or an element before that one.
pub fn add(item: &mut Value, path: &Pointer, value: Value) -> Result<(), String> {
    let (last, parent) = parent(item, path, "Add")?;
    match parent {
        Value::Object(members) => put(members, last, value),
        Value::Array(items) => match position(items, last) {
            Some(at) => items.insert(at, value),
            None => return Err(beyond("Add", last)),
        },
        _ => return Err(beyond("Add", last)),
    }
    Ok(())
}

/// The same, but that an element is replaced.
pub fn set(item: &mut Value, path: &Pointer, value: Value) -> Result<(), String> {
    let (last, parent) = parent(item, path, "Set")?;
    match slot(parent, last) {
        Some(old) => *old = value,
        None => add(item, path, value).map_err(|why| why.replace("Add", "Set"))?,
    }
    Ok(())
}

/// Replaces what has to be there.
pub fn replace(item: &mut Value, path: &Pointer, value: Value) -> Result<(), String> {
    let (last, parent) = parent(item, path, "Replace")?;
    let old = slot(parent, last).ok_or_else(|| beyond("Replace", last))?;
    *old = value;
    Ok(())
}

/// Takes out what has to be there.
pub fn remove(item: &mut Value, path: &Pointer) -> Result<Value, String> {
    let (last, parent) = parent(item, path, "Remove")?;
    let absent = || beyond("Remove", last);
    match parent {
        Value::Object(members) => {
            let at = members.iter().rposition(|(name, _)| name == last);
            Ok(members.remove(at.ok_or_else(absent)?).1)
        }
        Value::Array(items) => match index(last).filter(|at| *at < items.len()) {
            Some(at) => Ok(items.remove(at)),
            None => Err(absent()),
        },
        _ => Err(absent()),
    }
}

/// The last name of a path, and what it is in; nothing is made on the way.
fn parent<'v, 'p>(
    item: &'v mut Value,
    path: &'p Pointer,
    operation: &str,
) -> Result<(&'p str, &'v mut Value), String> {
    let (last, names) = path.split();
    let mut value = item;
    for name in names {
        value = slot(value, name).ok_or_else(|| beyond(operation, name))?;
    }
    Ok((last, value))
}

fn slot<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(members) => {
            let mut latest_first = members.iter_mut().rev();
            latest_first
                .find(|(own, _)| own == name)
                .map(|(_, value)| value)
        }
        Value::Array(items) => items.get_mut(index(name)?),
        _ => None,
    }
}

fn put(members: &mut Vec<(String, Value)>, name: &str, value: Value) {
    match members.iter_mut().rev().find(|(own, _)| own == name) {
        Some((_, old)) => *old = value,
        None => members.push((name.to_owned(), value)),
    }
}

/// Where an element may be put in, the end included.
fn position(items: &[Value], token: &str) -> Option<usize> {
    match token {
        "-" => Some(items.len()),
        _ => index(token).filter(|at| *at <= items.len()),
    }
}

/// An index is written without zeros before it.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| plain)
}

fn beyond(operation: &str, name: &str) -> String {
    match operation {
        "Add" | "Set" => format!(
            "{operation} Operation can only create a child object of an existing node(array or object) and cannot create path recursively, no path found beyond: '{name}'."
        ),
        _ => format!(
            "{operation} Operation takes a path that exists, no path found beyond: '{name}'."
        ),
    }
}
