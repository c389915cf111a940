//! A patch: what is to change in an item, part by part.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/partial-document-update>

use serde_json::Value;
use serde_json::value::RawValue;

use super::Members;
use super::limits::PATCH_OPERATIONS;
use crate::error::Error;

/// What an operation does to the part its path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Adds a member, or replaces it; into an array it inserts, and `/-` appends.
    Add,
    /// Creates or replaces; in an array it replaces.
    Set,
    /// Replaces what must be there.
    Replace,
    /// Removes what must be there.
    Remove,
    /// Adds a number, which may be negative.
    Incr,
    /// Moves what is elsewhere to here.
    Move,
}

const NAMES: &[(&str, Op)] = &[
    ("add", Op::Add),
    ("set", Op::Set),
    ("replace", Op::Replace),
    ("remove", Op::Remove),
    ("incr", Op::Incr),
    ("move", Op::Move),
];

impl Op {
    /// By the service's name for it.
    pub fn named(name: &str) -> Option<Op> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, op)| *op)
    }

    fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(_, op)| *op == self);
        found.map_or("", |(name, _)| name)
    }
}

/// Up to ten operations, and a condition. It cannot change an item's id or key.
///
/// ```
/// use rawcosmos::cosmos::patch::{Op, Patch};
/// let patch = Patch::default()
///     .with(Op::Incr, "/n", "1").unwrap()
///     .with(Op::Move, "/new", "/old").unwrap()
///     .only_if("from c where c.n < 5");
/// assert_eq!(
///     patch.body(),
///     r#"{"condition":"from c where c.n < 5","operations":[{"op":"incr","path":"/n","value":1},{"op":"move","path":"/new","from":"/old"}]}"#
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    operations: Vec<String>,
    condition: Option<String>,
}

impl Patch {
    /// Adds an operation. `operand` is the value as JSON text, the path it is moved from, or empty for a removal.
    pub fn with(mut self, op: Op, path: &str, operand: &str) -> Result<Patch, Error> {
        let wrong = |why: &str| Error::usage(format!("{} {path}: {why}", op.name()));
        if self.operations.len() == PATCH_OPERATIONS {
            return Err(wrong("the service takes at most ten operations at once"));
        }
        check_pointer(path).map_err(wrong)?;
        let mut text = format!(r#"{{"op":"{}","path":{}"#, op.name(), Value::from(path));
        match op {
            Op::Remove => {}
            Op::Move => {
                check_pointer(operand).map_err(wrong)?;
                if path
                    .strip_prefix(operand)
                    .is_some_and(|rest| rest.starts_with('/'))
                {
                    return Err(wrong("nothing can be moved into itself"));
                }
                text.push_str(&format!(r#","from":{}"#, Value::from(operand)));
            }
            _ => {
                let value: &RawValue = serde_json::from_str(operand).map_err(|_| {
                    wrong(&format!(
                        "{operand:?} is not JSON; a text stands in double quotes"
                    ))
                })?;
                if op == Op::Incr
                    && !value
                        .get()
                        .starts_with(|c: char| c == '-' || c.is_ascii_digit())
                {
                    return Err(wrong("only a number can be added"));
                }
                text.push_str(&format!(r#","value":{value}"#));
            }
        }
        self.operations.push(text + "}");
        Ok(self)
    }

    /// Changes the item only if it fulfils this: `from c where …`, without a `SELECT`.
    #[must_use]
    pub fn only_if(mut self, condition: &str) -> Patch {
        self.condition = Some(condition.to_string());
        self
    }

    /// Operations in the service's own form: a list, or an object with `operations` and perhaps a `condition`.
    pub fn from_json(text: &str) -> Result<Patch, Error> {
        let wrong = |e: serde_json::Error| Error::usage(format!("the patch is not one: {e}"));
        if text.trim_start().starts_with('[') {
            let operations: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
            return Patch::default().with_all(&operations);
        }
        let body: Members = serde_json::from_str(text).map_err(wrong)?;
        known(&body, &["operations", "condition"])?;
        let operations = body.get("operations").map_or("[]", |list| list.get());
        let operations: Vec<&RawValue> = serde_json::from_str(operations).map_err(wrong)?;
        let patch = Patch::default().with_all(&operations)?;
        match text_of(&body, "condition")? {
            Some(condition) => Ok(patch.only_if(&condition)),
            None => Ok(patch),
        }
    }

    fn with_all(self, operations: &[&RawValue]) -> Result<Patch, Error> {
        operations.iter().try_fold(self, |patch, operation| {
            let operation: Members = serde_json::from_str(operation.get())
                .map_err(|e| Error::usage(format!("{operation} is not an operation: {e}")))?;
            let operation = &operation;
            known(operation, &["op", "path", "value", "from"])?;
            let (name, path) = (text_of(operation, "op")?, text_of(operation, "path")?);
            let name = name.unwrap_or_default();
            let op = Op::named(&name).ok_or_else(|| {
                Error::usage(format!(
                    "{name:?} is no operation of a patch: add, set, replace, remove, incr or move"
                ))
            })?;
            let from = text_of(operation, "from")?.unwrap_or_default();
            let operand = match op {
                Op::Move => from.as_str(),
                _ => operation.get("value").map_or("", |value| value.get()),
            };
            patch.with(op, &path.unwrap_or_default(), operand)
        })
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The body that is sent.
    pub fn body(&self) -> String {
        let condition = self.condition.as_deref().map(Value::from);
        let condition = condition.map_or(String::new(), |text| format!(r#""condition":{text},"#));
        let operations = self.operations.join(",");
        format!(r#"{{{condition}"operations":[{operations}]}}"#)
    }
}

/// A path begins with a slash; in a name `~` is written `~0` and `/` is written `~1`. The service's own complaint about
/// a bare `~` names nothing.
fn check_pointer(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') || path.len() == 1 {
        return Err("a path begins with / and names a part of the item");
    }
    let mut escapes = path.split('~').skip(1);
    match escapes.all(|after| after.starts_with(['0', '1'])) {
        true => Ok(()),
        false => Err("in a path ~ is written ~0, and / in a name ~1"),
    }
}

/// Refuses members that mean nothing: one that is mistyped would silently be left out.
pub(super) fn known(members: &Members, names: &[&str]) -> Result<(), Error> {
    let mut members = members.0.iter();
    match members.find(|(name, _)| !names.contains(&name.as_ref())) {
        Some((other, _)) => Err(Error::usage(format!(
            "{other:?} is not known here; there are {}",
            names.join(", ")
        ))),
        None => Ok(()),
    }
}

/// A member that is a text, if it is there.
pub(super) fn text_of(members: &Members, name: &str) -> Result<Option<String>, Error> {
    let Some(value) = members.get(name) else {
        return Ok(None);
    };
    serde_json::from_str(value.get())
        .map_err(|_| Error::usage(format!("{name:?} is {value}, which is not a text")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn values_travel_as_they_are() {
        let patch = Patch::from_json(
            r#" [{"op":"set","path":"/a~1b/0","value": 1.50e2}, {"value":18446744073709551615,"path":"/n","op":"incr"},
                {"op":"add","path":"/l/-","value":{"z":1, "a":null}},{"op":"remove","path":"/x"},
                {"op":"move","from":"/o","path":"/p"}]"#,
        );
        assert_eq!(
            patch.unwrap().body(),
            r#"{"operations":[{"op":"set","path":"/a~1b/0","value":1.50e2},{"op":"incr","path":"/n","value":18446744073709551615},{"op":"add","path":"/l/-","value":{"z":1, "a":null}},{"op":"remove","path":"/x"},{"op":"move","path":"/p","from":"/o"}]}"#
        );
        let whole = r#"{"condition":"from c where c.a = \"ü\"","operations":[{"op":"remove","path":"/x"}]}"#;
        assert_eq!(Patch::from_json(whole).unwrap().body(), whole);
    }

    #[test]
    fn what_the_service_would_refuse_is_refused_here() {
        for (text, said) in [
            ("7", "is not one"),
            ("[7]", "7 is not an operation"),
            ("[", "is not one"),
            (r#"[{"op":"test","path":"/a","value":1}]"#, "\"test\""),
            (r#"[{"op":7,"path":"/a"}]"#, "not a text"),
            (r#"[{"op":"set","path":"/a"}]"#, "not JSON"),
            (r#"[{"op":"set","path":"a","value":1}]"#, "begins with /"),
            (r#"[{"op":"remove","path":"/"}]"#, "begins with /"),
            (r#"[{"op":"set","path":"/a~b","value":1}]"#, "~0"),
            (r#"[{"op":"incr","path":"/a","value":"1"}]"#, "number"),
            (
                r#"[{"op":"move","path":"/a/b","from":"/a"}]"#,
                "into itself",
            ),
            (r#"[{"op":"move","path":"/a"}]"#, "begins with /"),
            (r#"[{"op":"set","path":"/a","val":1}]"#, "\"val\""),
            (r#"{"operation":[]}"#, "\"operation\""),
            (r#"{"condition":7,"operations":[]}"#, "not a text"),
        ] {
            let error = Patch::from_json(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        let moved = Patch::default().with(Op::Move, "/ab", "/a");
        assert!(moved.is_ok(), "a longer name is no part");
        let remove = r#"{"op":"remove","path":"/a"}"#;
        let many = |count| Patch::from_json(&format!("[{}]", vec![remove; count].join(",")));
        assert_eq!(many(10).unwrap().len(), 10);
        assert!(many(11).unwrap_err().to_string().contains("at most ten"));
    }
}
