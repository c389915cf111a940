//! `POST /dbs/{db}/colls/{coll}/docs` with `x-ms-cosmos-is-batch-request`: up to a hundred operations,
//! all or none of them in one partition key, or each by itself in one partition range.

use super::act::{Action, Verb, act};
use super::items;
use super::operation::{self, Line, Operation};
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::session;
use super::store::{self, GONE, Store};
use crate::cosmos::limits::{ITEM_BYTES, RESPONSE_BYTES};
use crate::cosmos::partition_key::PartitionKey;
use crate::sandbox::world::World;

/// A batch while it is being done.
struct Batch<'r, 'w> {
    store: Store<'w>,
    exchange: &'r Exchange<'r>,
    /// Position of the range that all of it is in.
    range: usize,
    /// Bytes of results so far.
    size: usize,
}

/// Does the operations in order.
pub fn run(world: &mut World, exchange: &Exchange) -> Outcome {
    if exchange.request.body.len() > ITEM_BYTES {
        return Err(Refusal::new(413, "Request size is too large"));
    }
    let store = store::open(world, exchange)?;
    let key = match exchange.flag("x-ms-cosmos-batch-atomic") {
        true => Some(items::supplied(exchange, &store, items::NO_KEY, 0)?),
        false => None,
    };
    let range = match &key {
        Some(key) => store.address(key, "")?.range,
        None => named(exchange, &store)?,
    };
    let operations = operation::read(&exchange.request.body)?;
    session::reached(exchange, store.range(range)?)?;
    let mut batch = Batch {
        store,
        exchange,
        range,
        size: 0,
    };
    let lines = match key {
        Some(key) => batch.together(&key, &operations),
        None => batch.each(&operations),
    };
    Ok(batch.answer(&lines))
}

/// The range that the operations of other keys are in.
fn named(exchange: &Exchange, store: &Store) -> Result<usize, Refusal> {
    let Some(named) = exchange.header("x-ms-documentdb-partitionkeyrangeid") else {
        if exchange.header("x-ms-documentdb-partitionkey").is_some() {
            return Err(Refusal::absent("a batch of one key that is not atomic"));
        }
        let message = "A batch that is not atomic has to name its range in x-ms-documentdb-partitionkeyrangeid.";
        return Err(Refusal::gateway(400, message));
    };
    store.named(named)
}

impl Batch<'_, '_> {
    /// All of them or none.
    fn together(&mut self, key: &PartitionKey, operations: &[Operation]) -> Vec<Line> {
        let mut lines = Vec::with_capacity(operations.len());
        self.store.begin(self.range);
        for operation in operations {
            let line = self.one(operation, Some(key));
            let failed = line.failed();
            lines.push(line);
            if failed {
                self.store.roll_back(self.range);
                let last = lines.len() - 1;
                let others = lines.iter_mut().take(last);
                others.for_each(|line| *line = Line::dependent());
                lines.resize_with(operations.len(), Line::dependent);
                return lines;
            }
        }
        self.store.commit(self.range);
        lines
    }

    /// Each by itself; after one that fails no other, unless that was asked for.
    fn each(&mut self, operations: &[Operation]) -> Vec<Line> {
        let goes_on = self.exchange.flag("x-ms-cosmos-batch-continue-on-error");
        let (mut stopped, mut full) = (false, false);
        let mut lines = Vec::with_capacity(operations.len());
        for operation in operations {
            if full || stopped {
                let line = if full {
                    Line::too_large()
                } else {
                    Line::dependent()
                };
                lines.push(line);
                continue;
            }
            self.store.begin(self.range);
            let line = self.one(operation, None);
            full = line.status == 413 && line.substatus == 3402;
            match line.failed() {
                true => self.store.roll_back(self.range),
                false => self.store.commit(self.range),
            }
            stopped = line.failed() && !goes_on;
            lines.push(line);
        }
        lines
    }

    fn one(&mut self, operation: &Operation, key: Option<&PartitionKey>) -> Line {
        if let Some((status, substatus)) = self.store.trouble.operations.pop_front() {
            return Line::troubled(status, substatus);
        }
        let quiet = self.exchange.minimal() && operation.verb != Verb::Read;
        let done = match self.done(operation, key) {
            Ok(done) => done,
            Err(refusal) => return Line::refused(&refusal),
        };
        let line = Line::done(done, quiet);
        self.size += line.json().len() + 1;
        match self.size > RESPONSE_BYTES {
            true => Line::too_large(),
            false => line,
        }
    }

    fn done(
        &mut self,
        operation: &Operation,
        key: Option<&PartitionKey>,
    ) -> Result<super::act::Done, Refusal> {
        let key = self.key(operation, key)?;
        let action = Action {
            verb: operation.verb,
            key,
            name: operation.name()?,
            by_rid: false,
            body: operation.body()?.as_bytes(),
            if_match: operation.if_match.as_deref(),
            if_none_match: operation.if_none_match.as_deref(),
            now: self.exchange.now,
        };
        act(&mut self.store, &action)
    }

    /// The batch's key, or the operation's own, which has to be in the batch's range.
    fn key(
        &self,
        operation: &Operation,
        common: Option<&PartitionKey>,
    ) -> Result<PartitionKey, Refusal> {
        let own = operation.key.as_deref().map(items::key).transpose()?;
        let key = match (common, own) {
            (Some(common), None) => return Ok(common.clone()),
            (Some(common), Some(own)) if own.canonical() == common.canonical() => return Ok(own),
            (Some(_), Some(_)) => {
                let message = "The partition key of an operation is not the one of its batch.";
                return Err(Refusal::new(400, message).sub(1001));
            }
            (None, None) => return Err(Refusal::new(400, items::NO_KEY)),
            (None, Some(own)) => items::whole(&self.store, own)?,
        };
        match self.store.address(&key, "")?.range == self.range {
            true => Ok(key),
            false => Err(Refusal::new(410, GONE).sub(1002)),
        }
    }

    fn answer(&self, lines: &[Line]) -> Reply {
        let failed = lines.iter().any(Line::failed);
        let all: Vec<String> = lines.iter().map(Line::json).collect();
        let charge = lines.iter().map(|line| line.charge).sum();
        let reply = Reply::new(
            if failed { 207 } else { 200 },
            format!("[{}]", all.join(",")),
        );
        self.store.describe(reply.charge(charge), self.range)
    }
}
