//! Many operations in one request: all or none of them in one key, or each for itself in one range.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/transactional-batch>

use super::limits::{BATCH_OPERATIONS, ITEM_BYTES};
use super::operation::Kind;
pub use super::operation::Operation;
use super::outcome::{Brief, briefs, outcomes};
pub use super::outcome::{Outcome, guilty};
use super::partition_key::PartitionKey;
use super::{Call, Container, Effect};
use crate::error::Error;
use crate::message::Request;

/// Operations that fit into one request.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    operations: Vec<Operation>,
    bytes: usize,
}

impl Batch {
    /// Whether another operation fits.
    pub fn has_room_for(&self, operation: &Operation) -> bool {
        self.operations.len() < BATCH_OPERATIONS && self.bytes + operation.len() < ITEM_BYTES
    }

    /// Adds an operation.
    ///
    /// # Errors
    /// [`Error::Usage`], where it does not fit.
    pub fn push(&mut self, operation: Operation) -> Result<(), Error> {
        if !self.has_room_for(&operation) {
            return Err(Error::usage(format!(
                "operation {} does not fit: a batch holds at most {BATCH_OPERATIONS} operations and 2 MB",
                self.operations.len() + 1
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
                .body(body(
                    String::with_capacity(self.bytes + 2),
                    &mut self.operations.iter(),
                )),
            scope: container.0.scope("docs"),
            action: first.map_or("", |row| row.5),
            effect: self.effect(),
            read: outcomes,
        }
    }
}

fn body(mut body: String, operations: &mut dyn Iterator<Item = &Operation>) -> String {
    for operation in operations {
        body.push(if body.is_empty() { '[' } else { ',' });
        body.push_str(&operation.text);
        body.push('}');
    }
    body.push_str(if body.is_empty() { "[]" } else { "]" });
    body
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

/// [`bulk`] of writes that stay where they are; the body goes into an empty text. Of what came of them the least is read.
pub(crate) fn bulk_of(
    container: &Container,
    range: &str,
    room: String,
    operations: &mut dyn Iterator<Item = &Operation>,
) -> Call<Vec<Brief>> {
    let call = bulk(container, range, &Batch::default(), true);
    let request = call.request;
    Call {
        request: request.body(body(room, operations)),
        scope: call.scope,
        action: call.action,
        effect: Effect::Once,
        read: briefs,
    }
}
