//! Partial updates: a condition, and up to ten operations on the members of an item.

use super::pointer::{self, Pointer};
use super::reply::Refusal;
use crate::cosmos::key_definition::tokens;
use crate::cosmos::limits::PATCH_OPERATIONS;
use crate::sandbox::sql::{self, Value};

/// A patch that was understood.
pub struct Patch {
    condition: Option<sql::Query>,
    operations: Vec<Operation>,
}

/// One change to one place.
struct Operation {
    what: What,
    path: Pointer,
}

enum What {
    Add(Value),
    Set(Value),
    Replace(Value),
    Increment(sql::Number),
    Move(Pointer),
    Remove,
}

const UNMET: &str = "One of the specified pre-condition is not met. Learn more: https://aka.ms/CosmosDB/sql/errors/precondition-failed";
const LEARN: &str = "Learn more: https://aka.ms/cosmosdbpatchdocs";
const SYSTEM: [&str; 6] = ["id", "_rid", "_self", "_etag", "_attachments", "_ts"];

fn refuse(message: impl std::fmt::Display) -> Refusal {
    Refusal::new(400, format!("{message} {LEARN}"))
}

impl Patch {
    /// Reads `{"condition":…,"operations":[…]}`, or the operations alone.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let invalid = || refuse("The request payload is invalid: a patch is JSON.");
        let text = std::str::from_utf8(body).map_err(|_| invalid())?;
        let body = Value::parse(text).map_err(|_| invalid())?;
        let operations = match &body {
            Value::Array(operations) => operations,
            body => match body.member("operations") {
                Some(Value::Array(operations)) => operations,
                _ => return Err(refuse(super::definition::missing("operations"))),
            },
        };
        if operations.is_empty() {
            return Err(refuse("The number of patch operations can't be zero."));
        }
        if operations.len() > PATCH_OPERATIONS {
            let message =
                format!("The number of patch operations can't exceed '{PATCH_OPERATIONS}'.");
            return Err(refuse(message));
        }
        let read = |(at, operation)| Operation::read(operation).map_err(|why| numbered(at, &why));
        let operations = operations.iter().enumerate().map(read);
        Ok(Self {
            condition: condition(body.member("condition"))?,
            operations: operations.collect::<Result<_, _>>()?,
        })
    }

    /// The item's text with all the changes made, or none where one cannot be.
    pub fn apply(&self, text: &str, keys: &[String]) -> Result<String, Refusal> {
        if let Some(condition) = &self.condition {
            let met = condition
                .row(&[], text)
                .map_err(super::statement::refusal)?;
            if met.is_empty() {
                return Err(Refusal::new(412, UNMET).sub(1110));
            }
        }
        let mut item = Value::parse(text).map_err(|_| refuse("The item is not JSON."))?;
        for (at, operation) in self.operations.iter().enumerate() {
            let allowed = operation.allowed(keys);
            let applied = allowed.and_then(|()| operation.apply(&mut item));
            applied.map_err(|why| numbered(at, &why))?;
        }
        Ok(item.json())
    }
}

fn numbered(at: usize, why: &str) -> Refusal {
    refuse(format!("For Operation({}): {why}", at + 1))
}

/// The filter, which begins with FROM and looks at one item.
fn condition(given: Option<&Value>) -> Result<Option<sql::Query>, Refusal> {
    let text = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(refuse("The condition of a patch is a string.")),
    };
    let from = text.trim_start().get(..4);
    if !from.is_some_and(|from| from.eq_ignore_ascii_case("from")) {
        return Err(refuse("The condition of a patch has to begin with FROM."));
    }
    let query = sql::parse(&format!("SELECT VALUE true {text}"));
    let query = query.map_err(|error| super::statement::syntax(&error))?;
    match query.shape().streams() {
        true => Ok(Some(query)),
        false => Err(refuse(
            "The condition of a patch is a filter and nothing else.",
        )),
    }
}

impl Operation {
    fn read(given: &Value) -> Result<Self, String> {
        let text = |name: &str| match given.member(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(format!("'{name}' has to be a string.")),
        };
        let value = || given.member("value").cloned().ok_or("'value' is missing.");
        let what = match text("op")? {
            "add" => What::Add(value()?),
            "set" => What::Set(value()?),
            "replace" => What::Replace(value()?),
            "incr" => match value()? {
                Value::Number(number) => What::Increment(number),
                _ => return Err("Increment takes a number.".into()),
            },
            "move" => What::Move(Pointer::parse(text("from")?)?),
            "remove" => What::Remove,
            other => return Err(format!("'{other}' is not a patch operation.")),
        };
        let path = Pointer::parse(text("path")?)?;
        Ok(Self { what, path })
    }

    /// The identity of an item and what the service writes are not to be changed.
    fn allowed(&self, keys: &[String]) -> Result<(), String> {
        let from = match &self.what {
            What::Move(from) => Some(from),
            _ => None,
        };
        for path in from.into_iter().chain([&self.path]) {
            if SYSTEM.iter().any(|name| path.within(&[name])) {
                return Err(format!("'{path}' cannot be patched."));
            }
            for key in keys {
                let key = tokens(key)?;
                let key: Vec<&str> = key.iter().map(String::as_str).collect();
                if path.within(&key) || path.above(&key) {
                    return Err(format!(
                        "'{path}' is of the partition key, which cannot be patched."
                    ));
                }
            }
        }
        Ok(())
    }

    fn apply(&self, item: &mut Value) -> Result<(), String> {
        let path = &self.path;
        match &self.what {
            What::Add(value) => pointer::add(item, path, value.clone()),
            What::Set(value) => pointer::set(item, path, value.clone()),
            What::Replace(value) => pointer::replace(item, path, value.clone()),
            What::Remove => pointer::remove(item, path).map(|_| ()),
            What::Increment(by) => increment(item, path, *by),
            What::Move(from) if path.below(from) => Err(format!(
                "'{path}' is within '{from}', which is to be moved there."
            )),
            What::Move(from) => {
                let moved = pointer::remove(item, from)?;
                pointer::add(item, path, moved)
            }
        }
    }
}

/// Adds to a number; a member that is not there begins with nothing.
fn increment(item: &mut Value, path: &Pointer, by: sql::Number) -> Result<(), String> {
    match pointer::find(item, path) {
        None => pointer::add(item, path, Value::Number(by)),
        Some(Value::Number(number)) => {
            let sum = match (number.integer(), by.integer()) {
                (Some(one), Some(two)) => Value::integer(one + two),
                _ => Value::float(number.double() + by.double()),
            };
            match sum.defined() {
                true => pointer::replace(item, path, sum),
                false => Err(format!("'{path}' would be too large a number.")),
            }
        }
        Some(_) => Err(format!("'{path}' is not a number.")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ITEM: &str =
        r#"{"id":"1","pk":"p","n":9007199254740993,"o":{"a/b":1,"~":2},"l":[1,2],"f":0.1}"#;

    fn patched(operations: &str) -> Result<String, Refusal> {
        Patch::read(operations.as_bytes())?.apply(ITEM, &["/pk".to_owned()])
    }

    /// What has become of one member.
    fn after(operations: &str, member: &str) -> String {
        let text = patched(operations).ok().unwrap();
        let value = Value::parse(&text).unwrap();
        value.member(member).map(Value::json).unwrap_or_default()
    }

    #[test]
    fn six_operations_change_what_they_say() {
        let rows = [
            (
                r#"[{"op":"add","path":"/x","value":{"y":[]}}]"#,
                "x",
                r#"{"y":[]}"#,
            ),
            (r#"[{"op":"add","path":"/n","value":1}]"#, "n", "1"),
            (r#"[{"op":"add","path":"/l/1","value":9}]"#, "l", "[1,9,2]"),
            (r#"[{"op":"add","path":"/l/2","value":9}]"#, "l", "[1,2,9]"),
            (r#"[{"op":"add","path":"/l/-","value":9}]"#, "l", "[1,2,9]"),
            (r#"[{"op":"set","path":"/l/1","value":9}]"#, "l", "[1,9]"),
            (r#"[{"op":"set","path":"/x","value":null}]"#, "x", "null"),
            (
                r#"[{"op":"replace","path":"/o/a~1b","value":3}]"#,
                "o",
                r#"{"a/b":3,"~":2}"#,
            ),
            (r#"[{"op":"remove","path":"/o/~0"}]"#, "o", r#"{"a/b":1}"#),
            (r#"[{"op":"remove","path":"/l/0"}]"#, "l", "[2]"),
            (
                r#"[{"op":"incr","path":"/n","value":-2}]"#,
                "n",
                "9007199254740991",
            ),
            (
                r#"[{"op":"incr","path":"/f","value":0.2}]"#,
                "f",
                "0.30000000000000004",
            ),
            (r#"[{"op":"incr","path":"/new","value":5}]"#, "new", "5"),
            (
                r#"[{"op":"move","from":"/l/0","path":"/o/first"}]"#,
                "o",
                r#"{"a/b":1,"~":2,"first":1}"#,
            ),
            (
                r#"{"operations":[{"op":"add","path":"/x","value":{}},{"op":"add","path":"/x/y","value":1}]}"#,
                "x",
                r#"{"y":1}"#,
            ),
        ];
        for (operations, member, wanted) in rows {
            assert_eq!(after(operations, member), wanted, "{operations}");
        }
        assert!(
            patched(r#"[{"op":"set","path":"/x","value":1}]"#)
                .ok()
                .unwrap()
                .starts_with(&ITEM[..ITEM.len() - 1])
        );
    }

    #[test]
    fn what_is_no_patch() {
        let many = format!("[{}]", [r#"{"op":"remove","path":"/n"}"#; 11].join(","));
        let rows = [
            ("", "payload is invalid"),
            ("{}", "'operations; '"),
            ("[]", "zero"),
            (&many, "'10'"),
            (r#"[{"op":"test","path":"/n","value":1}]"#, "'test'"),
            (r#"[{"op":"add","path":"/n"}]"#, "'value'"),
            (r#"[{"op":"move","path":"/n"}]"#, "'from'"),
            (
                r#"[{"op":"incr","path":"/n","value":"1"}]"#,
                "takes a number",
            ),
            (r#"[{"op":"incr","path":"/o","value":1}]"#, "not a number"),
            (
                r#"[{"op":"add","path":"n","value":1}]"#,
                "has to begin with",
            ),
            (r#"[{"op":"add","path":"","value":1}]"#, "has to begin with"),
            (r#"[{"op":"add","path":"/a~2","value":1}]"#, "~0 and ~1"),
            (r#"[{"op":"add","path":"/a~","value":1}]"#, "~0 and ~1"),
            (
                r#"[{"op":"add","path":"/12345678901234567890","value":1}]"#,
                "digits",
            ),
            (
                r#"[{"op":"add","path":"/x/y","value":1}]"#,
                "cannot create path recursively",
            ),
            (
                r#"[{"op":"add","path":"/l/3","value":1}]"#,
                "no path found beyond",
            ),
            (
                r#"[{"op":"add","path":"/l/01","value":1}]"#,
                "no path found beyond",
            ),
            (
                r#"[{"op":"set","path":"/l/7","value":1}]"#,
                "no path found beyond",
            ),
            (
                r#"[{"op":"replace","path":"/x","value":1}]"#,
                "no path found beyond",
            ),
            (r#"[{"op":"remove","path":"/l/-"}]"#, "no path found beyond"),
            (r#"[{"op":"remove","path":"/x"}]"#, "no path found beyond"),
            (r#"[{"op":"move","from":"/o","path":"/o/x"}]"#, "within"),
            (r#"[{"op":"set","path":"/pk","value":1}]"#, "partition key"),
            (
                r#"[{"op":"set","path":"/pk/x","value":1}]"#,
                "partition key",
            ),
            (
                r#"[{"op":"move","from":"/pk","path":"/x"}]"#,
                "partition key",
            ),
            (
                r#"[{"op":"set","path":"/id","value":"2"}]"#,
                "cannot be patched",
            ),
            (r#"[{"op":"remove","path":"/_ts"}]"#, "cannot be patched"),
            (
                r#"{"condition":"SELECT * FROM c","operations":[{"op":"remove","path":"/n"}]}"#,
                "begin with FROM",
            ),
            (
                r#"{"condition":"from c where","operations":[{"op":"remove","path":"/n"}]}"#,
                "SC1001",
            ),
            (
                r#"{"condition":"from c order by c.n","operations":[{"op":"remove","path":"/n"}]}"#,
                "filter",
            ),
            (
                r#"{"condition":5,"operations":[{"op":"remove","path":"/n"}]}"#,
                "string",
            ),
        ];
        for (operations, words) in rows {
            let refusal = patched(operations).err().unwrap();
            assert!(
                refusal.status == 400 && refusal.message.contains(words),
                "{operations}: {}",
                refusal.message
            );
        }
    }

    #[test]
    fn a_condition_that_is_not_met_has_a_status_of_its_own() {
        let with = |condition: &str| {
            patched(&format!(
                r#"{{"condition":"{condition}","operations":[{{"op":"remove","path":"/n"}}]}}"#
            ))
        };
        assert!(with("from c where c.n > 5").is_ok());
        assert!(with(" FROM x WHERE x.pk = 'p'").is_ok());
        let refusal = with("from c where c.n < 5").err().unwrap();
        assert_eq!((refusal.status, refusal.substatus), (412, 1110));
    }
}
