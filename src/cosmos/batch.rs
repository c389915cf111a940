//! Many operations in one request: all or none of them in one key, or each for itself in one range.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/transactional-batch>

use serde_json::Value;
use serde_json::value::RawValue;

use super::outcome::outcomes;
pub use super::outcome::{Outcome, guilty};
use super::partition_key::PartitionKey;
use super::patch::{Patch, known, text_of};
use super::{Call, Container, Effect, Members, items};
use crate::error::Error;
use crate::message::Request;
use crate::name::percent_encode;

/// The service takes no more operations in one request.
pub const MOST: usize = 100;

/// Nor a larger request, in bytes.
pub const LARGEST: usize = 2 * 1024 * 1024;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Upsert,
    Read,
    Replace,
    Delete,
    Patch,
}

/// The service's word, whether an id is needed, whether a body is, the method it stands for, and the data action.
type Row = (Kind, &'static str, bool, bool, &'static str, &'static str);

const KINDS: &[Row] = &[
    (Kind::Create, "Create", false, true, "POST", items::CREATE),
    (Kind::Upsert, "Upsert", false, true, "POST", items::UPSERT),
    (Kind::Read, "Read", true, false, "GET", items::READ),
    (Kind::Replace, "Replace", true, true, "PUT", items::REPLACE),
    (Kind::Delete, "Delete", true, false, "DELETE", items::DELETE),
    (Kind::Patch, "Patch", true, true, "PATCH", items::REPLACE),
];

/// One operation, as JSON text.
#[derive(Debug, Clone)]
pub struct Operation {
    kind: Kind,
    id: Option<String>,
    /// Without the closing brace.
    text: String,
}

impl Operation {
    fn new(kind: Kind, id: Option<&str>, body: Option<&str>) -> Operation {
        let word = KINDS
            .iter()
            .find(|row| row.0 == kind)
            .map_or("", |row| row.1);
        let mut operation = Operation {
            kind,
            id: id.map(str::to_string),
            text: format!(r#"{{"operationType":"{word}""#),
        };
        if let Some(id) = id {
            operation.text(r#"id"#, id);
        }
        if let Some(body) = body {
            operation.text.push_str(r#","resourceBody":"#);
            operation.text.push_str(body);
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

    /// Under this key: in [`bulk`] each operation says its own.
    #[must_use]
    pub fn of_key(mut self, key: &PartitionKey) -> Operation {
        self.text("partitionKey", &key.header());
        self
    }

    /// An operation in the service's own form: `{"operationType","id","resourceBody","ifMatch","ifNoneMatch"}`.
    ///
    /// # Errors
    /// [`Error::Usage`], where a member is missing or means nothing.
    pub fn from_json(text: &RawValue) -> Result<Operation, Error> {
        let wrong = |why: String| Error::Usage(format!("{}: {why}", beginning(text.get())));
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

    fn row(&self) -> Option<&'static Row> {
        KINDS.iter().find(|row| row.0 == self.kind)
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

    fn len(&self) -> usize {
        self.text.len() + 2
    }
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_string(),
    }
}

/// Operations that fit into one request.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    operations: Vec<Operation>,
    bytes: usize,
}

impl Batch {
    /// Whether another operation fits.
    pub fn has_room_for(&self, operation: &Operation) -> bool {
        self.operations.len() < MOST && self.bytes + operation.len() < LARGEST
    }

    /// Adds an operation.
    ///
    /// # Errors
    /// [`Error::Usage`], where it does not fit.
    pub fn push(&mut self, operation: Operation) -> Result<(), Error> {
        if !self.has_room_for(&operation) {
            return Err(Error::Usage(format!(
                "operation {} does not fit: a batch holds at most {MOST} operations and 2 MB",
                self.operations.len()
            )));
        }
        self.bytes += operation.len();
        self.operations.push(operation);
        Ok(())
    }

    /// Each of them, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The size of the body, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn body(&self) -> String {
        let mut body = String::with_capacity(self.bytes + 2);
        for operation in &self.operations {
            body.push(if body.is_empty() { '[' } else { ',' });
            body.push_str(&operation.text);
            body.push('}');
        }
        body + if self.operations.is_empty() {
            "[]"
        } else {
            "]"
        }
    }

    /// Reads alone may be sent twice. A create that is repeated says 409, but not whose item it met.
    fn effect(&self) -> Effect {
        match self
            .operations
            .iter()
            .all(|operation| operation.kind == Kind::Read)
        {
            true => Effect::Read,
            false => Effect::Once,
        }
    }

    fn call(&self, request: Request, container: &Container, minimal: bool) -> Call<Vec<Outcome>> {
        let first = self.operations.first().and_then(Operation::row);
        Call {
            request: request
                .header("content-type", "application/json")
                .header_if("prefer", minimal.then_some("return=minimal"))
                .body(self.body()),
            scope: container.0.scope("docs"),
            action: first.map_or("", |row| row.5),
            effect: self.effect(),
            read: outcomes,
        }
    }
}

fn batch_request(container: &Container, atomic: bool) -> Request {
    let words = |yes: bool| if yes { "True" } else { "False" };
    container
        .0
        .feed("POST", "docs")
        .header("x-ms-cosmos-is-batch-request", "True")
        .header("x-ms-cosmos-batch-atomic", words(atomic))
        .header("x-ms-cosmos-batch-continue-on-error", words(!atomic))
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `x-ms-cosmos-is-batch-request`: all operations in one key, or none.
///
/// Needs the data action of each operation. Returns one outcome an operation. If one fails it has its own status, all
/// others have 424, and nothing was applied: see [`guilty`]. The answer may have at most 4 MB, the work 5 seconds.
///
/// <https://learn.microsoft.com/azure/cosmos-db/transactional-batch>
pub fn atomic(
    container: &Container,
    key: &PartitionKey,
    batch: &Batch,
    minimal: bool,
) -> Call<Vec<Outcome>> {
    let request = batch_request(container, true);
    let request = request.header("x-ms-documentdb-partitionkey", key.header());
    batch.call(request, container, minimal)
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `x-ms-cosmos-is-batch-request`: each operation for itself, of any keys that
/// one range holds. Each says its key, see [`Operation::of_key`].
///
/// Needs the data action of each operation. Returns one outcome an operation. 429, 449 and 413/3402 are to be sent
/// again, 410 after the ranges were read again.
///
/// <https://learn.microsoft.com/azure/cosmos-db/nosql/how-to-migrate-from-bulk-executor-library>
pub fn bulk(
    container: &Container,
    range: &str,
    batch: &Batch,
    minimal: bool,
) -> Call<Vec<Outcome>> {
    let request = batch_request(container, false);
    let request = request.header("x-ms-documentdb-partitionkeyrangeid", range);
    batch.call(request, container, minimal)
}
