//! One operation of a batch, as JSON text.

use serde_json::Value;
use serde_json::value::RawValue;

use super::escapes::as_utf8;
use super::partition_key::PartitionKey;
use super::patch::{Patch, known, text_of};
use super::{Container, Members, items};
use crate::error::Error;
use crate::name::percent_encode;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Upsert,
    Read,
    Replace,
    Delete,
    Patch,
}

/// The service's word, whether an id is needed, whether a body is, the method it stands for, and the data action.
pub(super) type Row = (Kind, &'static str, bool, bool, &'static str, &'static str);

const KINDS: &[Row] = &[
    (Kind::Create, "Create", false, true, "POST", items::CREATE),
    (Kind::Upsert, "Upsert", false, true, "POST", items::UPSERT),
    (Kind::Read, "Read", true, false, "GET", items::READ),
    (Kind::Replace, "Replace", true, true, "PUT", items::REPLACE),
    (Kind::Delete, "Delete", true, false, "DELETE", items::DELETE),
    (Kind::Patch, "Patch", true, true, "PATCH", items::REPLACE),
];

/// What stands around the body of an operation is mostly no longer.
const ROOM: usize = 128;

/// One operation, as JSON text.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) kind: Kind,
    id: Option<String>,
    /// Without the closing brace.
    pub(super) text: String,
}

impl Operation {
    fn new(kind: Kind, id: Option<&str>, body: Option<&str>) -> Operation {
        let word = KINDS
            .iter()
            .find(|row| row.0 == kind)
            .map_or("", |row| row.1);
        let room = ROOM + body.map_or(0, str::len);
        let mut operation = Operation {
            kind,
            id: id.map(str::to_string),
            text: String::with_capacity(room),
        };
        for part in [r#"{"operationType":""#, word, "\""] {
            operation.text.push_str(part);
        }
        if let Some(id) = id {
            operation.text(r#"id"#, id);
        }
        if let Some(body) = body {
            operation.text.push_str(r#","resourceBody":"#);
            operation.text.push_str(&as_utf8(body));
        }
        operation
    }

    fn text(&mut self, name: &str, value: &str) {
        self.text
            .push_str(&format!(r#","{name}":{}"#, Value::from(value)));
    }

    /// 201, or 409 if its id exists.
    pub fn create(item: &RawValue) -> Operation {
        Operation::new(Kind::Create, None, Some(item.get()))
    }

    /// 201, or 200 if it replaced one.
    pub fn upsert(item: &RawValue) -> Operation {
        Operation::new(Kind::Upsert, None, Some(item.get()))
    }

    /// [`Operation::create`] or [`Operation::upsert`] of a text that is known to be a JSON object.
    pub(crate) fn write(upsert: bool, item: &str) -> Operation {
        let kind = if upsert { Kind::Upsert } else { Kind::Create };
        Operation::new(kind, None, Some(item))
    }

    /// The item of what [`Operation::write`] made.
    pub(crate) fn item(&self, length: usize) -> &str {
        let begin = r#"{"operationType":"Create","resourceBody":"#.len();
        self.text.get(begin..begin + length).unwrap_or_default()
    }

    /// 200 and the item, or 404. The id stands in the body here, so it may be any text.
    pub fn read(id: &str) -> Operation {
        Operation::new(Kind::Read, Some(id), None)
    }

    /// 200, or 404.
    pub fn replace(id: &str, item: &RawValue) -> Operation {
        Operation::new(Kind::Replace, Some(id), Some(item.get()))
    }

    /// 204, or 404.
    pub fn delete(id: &str) -> Operation {
        Operation::new(Kind::Delete, Some(id), None)
    }

    /// 200, or 404, or 412 if its condition does not hold.
    pub fn patch(id: &str, patch: &Patch) -> Operation {
        Operation::new(Kind::Patch, Some(id), Some(&patch.body()))
    }

    /// Only if the item still has this ETag; else 412.
    #[must_use]
    pub fn if_match(mut self, etag: &str) -> Operation {
        self.text("ifMatch", etag);
        self
    }

    /// Only if the item no longer has this ETag; else 304.
    #[must_use]
    pub fn if_none_match(mut self, etag: &str) -> Operation {
        self.text("ifNoneMatch", etag);
        self
    }

    /// Under this key: in [`super::batch::bulk`] each operation says its own.
    #[must_use]
    pub fn of_key(self, key: &PartitionKey) -> Operation {
        self.of_header(&key.header())
    }

    /// The same, by the text of the header.
    pub(crate) fn of_header(mut self, key: &str) -> Operation {
        self.text.push_str(r#","partitionKey":""#);
        // It is printable ASCII.
        for character in key.chars() {
            if matches!(character, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(character);
        }
        self.text.push('"');
        self
    }

    /// An operation in the service's own form: `{"operationType","id","resourceBody","ifMatch","ifNoneMatch"}`.
    ///
    /// # Errors
    /// [`Error::Usage`], where a member is missing or means nothing.
    pub fn from_json(text: &RawValue) -> Result<Operation, Error> {
        let wrong = |why: String| Error::usage(format!("{}: {why}", beginning(text.get())));
        let members: Members = serde_json::from_str(text.get())
            .map_err(|_| wrong("an operation is a JSON object".into()))?;
        known(
            &members,
            &[
                "operationType",
                "id",
                "resourceBody",
                "ifMatch",
                "ifNoneMatch",
            ],
        )?;
        let word = text_of(&members, "operationType")?.unwrap_or_default();
        let row = KINDS.iter().find(|row| row.1 == word).ok_or_else(|| {
            let words: Vec<&str> = KINDS.iter().map(|row| row.1).collect();
            wrong(format!(
                "its operationType must be one of {}",
                words.join(", ")
            ))
        })?;
        let (kind, _, with_id, with_body, ..) = *row;
        let id = text_of(&members, "id")?;
        let body = members.get("resourceBody").map(|body| body.get());
        if with_id && id.is_none() {
            return Err(wrong(format!("{word} needs an id")));
        }
        if with_body != body.is_some_and(|body| body.starts_with('{')) {
            let needs = if with_body {
                "needs a resourceBody, a JSON object"
            } else {
                "takes no resourceBody"
            };
            return Err(wrong(format!("{word} {needs}")));
        }
        let mut operation = Operation::new(kind, id.as_deref(), body);
        for name in ["ifMatch", "ifNoneMatch"] {
            if let Some(etag) = text_of(&members, name)? {
                operation.text(name, &etag);
            }
        }
        Ok(operation)
    }

    pub(super) fn row(&self) -> Option<&'static Row> {
        KINDS.iter().find(|row| row.0 == self.kind)
    }

    /// The id of the item it names.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// For messages: `Replace "3"`.
    pub fn name(&self) -> String {
        let word = self.row().map_or("", |row| row.1);
        match &self.id {
            Some(id) => format!("{word} {id:?}"),
            None => word.to_string(),
        }
    }

    /// Method and URL of the request that would do the same alone, for messages.
    pub fn line(&self, container: &Container) -> String {
        let method = self.row().map_or("", |row| row.4);
        let id = self
            .id
            .as_deref()
            .map(|id| format!("/{}", percent_encode(id)));
        format!(
            "{method} {}/docs{}",
            container.url(),
            id.unwrap_or_default()
        )
    }

    /// The bytes it takes in a request.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + 2
    }
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_text_in_an_operation_whatever_it_holds() {
        for key in ["a", "", "a\"b\\c", "\\u00fc", "ü\n\u{1}", &"\"".repeat(200)] {
            let header = PartitionKey::from_text(key).header();
            let operation = Operation::write(true, "{}").of_header(&header);
            let wanted = Value::from(header);
            assert_eq!(
                operation.text,
                format!(
                    r#"{{"operationType":"Upsert","resourceBody":{{}},"partitionKey":{wanted}"#
                )
            );
            assert_eq!(operation.item(2), "{}");
        }
    }
}
