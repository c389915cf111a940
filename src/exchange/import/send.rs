//! One request: of many operations where the service knows that, else of one; and what is said to each item.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::Mode;
use super::desk::Desk;
use super::fate::{LOST, OPEN, Said};
use super::lanes::Load;
use super::op::Op;
use crate::cosmos::batch::{self, Batch};
use crate::cosmos::items::{self, Options, written};
use crate::cosmos::operation::Operation;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::{Container, many};
use crate::error::{Broken, Error, Failure, Plane, Stage};
use crate::exchange::Client;
use crate::message::{Call, Response, Text};
use crate::name::Name;

/// The id that is asked for to see whether there are batches; that there is no such item is an answer.
const PROBE: &str = "rawcosmos-import-probe";

/// What is said to each item, what it cost, and an error that ends everything.
pub(super) type Asked = (Vec<Said>, f64, Option<Error>);

impl Desk<'_> {
    pub fn ask(&self, load: &mut Load, room: &mut String) -> Asked {
        let count = load.ops.len();
        let asked = match load.ops.as_slice() {
            [op] if op.is_huge() || !self.bulk => {
                self.one(op).map(|(said, charge)| (vec![said], charge))
            }
            _ => self.many(load, room),
        };
        let error = match asked {
            Ok((said, charge)) => return (said, charge, None),
            Err(error) => error,
        };
        if count > 1 && (error.is_status(400) || error.is_status(413)) {
            // One of them spoils it for all: each goes by itself.
            load.ops.iter_mut().for_each(|op| op.alone = true);
            let said = Said::plain(424, error.to_string());
            return (vec![said; count], 0.0, None);
        }
        match Said::of_all(&error, count) {
            Some(said) => (vec![said; count], 0.0, None),
            None => (
                vec![Said::plain(OPEN, String::new()); count],
                0.0,
                Some(error),
            ),
        }
    }

    fn many(&self, load: &Load, room: &mut String) -> Result<(Vec<Said>, f64), Error> {
        let mut operations = load.ops.iter().map(|op| &op.operation);
        let mut body = std::mem::take(room);
        body.reserve(load.bytes + 2);
        let call = batch::bulk_of(self.plan.container, &load.range, body, &mut operations);
        let answer = self.client.run(&call);
        if let Some(Text::Plain(mut body)) = call.request.body.and_then(Arc::into_inner) {
            body.clear();
            *room = body;
        }
        let answer = answer?;
        let outcomes = &answer.value;
        if outcomes.len() != load.ops.len() {
            let what = format!(
                "{} outcomes for {} operations",
                outcomes.len(),
                load.ops.len()
            );
            return Err(Error::unknown(self.line(), what));
        }
        let each = outcomes.iter().filter_map(|outcome| outcome.charge).sum();
        Ok((
            outcomes.iter().map(Said::of).collect(),
            answer.charge.unwrap_or(each),
        ))
    }

    fn one(&self, op: &Op) -> Result<(Said, f64), Error> {
        let (container, minimal) = (self.plan.container, true);
        let place = self
            .plan
            .check
            .keyed
            .read(op.item())
            .map_err(Error::usage)?;
        let item: &RawValue =
            serde_json::from_str(op.item()).map_err(|e| Error::usage(e.to_string()))?;
        let options = Options {
            minimal,
            ..Options::default()
        };
        let call = match self.plan.mode {
            Mode::Upsert => items::upsert(container, &place.key, item, &options),
            _ => items::create(container, &place.key, item, &options),
        };
        let answer = self.client.run(&call)?;
        let said = Said::plain(answer.status, String::new());
        Ok((said, answer.charge.unwrap_or_default()))
    }

    /// Whether the item that is there is the one that was sent.
    pub fn is_own(&self, op: &Op) -> Result<bool, Error> {
        let place = self
            .plan
            .check
            .keyed
            .read(op.item())
            .map_err(Error::usage)?;
        let container = self.plan.container;
        let Ok(name) = Name::new(place.id.as_str()) else {
            let range = self.range_of(&op.spot.effective);
            let found = self.by_batch(&range, &place.id, &place.key)?;
            return Ok(found.is_some_and(|found| written::is_same(op.item(), found.get())));
        };
        let call = items::read(container, &name, &place.key, &Options::default());
        match self.client.patiently(|| self.client.run(&call)) {
            Ok(answer) => Ok(answer
                .value
                .is_some_and(|found| written::is_same(op.item(), found.get()))),
            // What is in the way is something else.
            Err(e) if e.is_status(404) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// An item by an id that has no place in a path.
    fn by_batch(
        &self,
        range: &str,
        id: &str,
        key: &PartitionKey,
    ) -> Result<Option<Box<RawValue>>, Error> {
        let call = batch::bulk(self.plan.container, range, &reading(id, key)?, false);
        let outcomes = self.client.patiently(|| self.client.run(&call))?.value;
        Ok(outcomes.into_iter().next().and_then(|outcome| outcome.item))
    }
}

fn reading(id: &str, key: &PartitionKey) -> Result<Batch, Error> {
    let mut batch = Batch::default();
    batch.push(Operation::read(id).of_key(key))?;
    Ok(batch)
}

impl Client<'_> {
    /// Whether the service takes several operations in one request. Asked by reading what is not there: whoever takes
    /// the question for an item refuses it, or says which item it has made of it, and that is deleted.
    pub(super) fn takes_batches(
        &self,
        container: &Container,
        range: &str,
        key: &PartitionKey,
    ) -> Result<bool, Error> {
        let call = batch::bulk(container, range, &reading(PROBE, key)?, false);
        let call = Call {
            request: call.request,
            scope: call.scope,
            action: call.action,
            effect: call.effect,
            read: Response::raw,
        };
        let bulk = match self.patiently(|| self.run(&call)) {
            Ok(answer)
                if answer
                    .value
                    .get()
                    .to_ascii_lowercase()
                    .contains("\"statuscode\"") =>
            {
                true
            }
            Ok(answer) => self.take_back(container, &answer.value, key)?,
            // May not read, but perhaps write; the range has just been split.
            Err(e) if e.is_status(403) || e.is_status(410) => true,
            Err(e)
                if [400, 404, 405, 415, 501]
                    .iter()
                    .any(|status| e.is_status(*status)) =>
            {
                false
            }
            Err(e) => return Err(e),
        };
        if !bulk {
            self.note("the service knows no batches: each item goes by itself");
        }
        Ok(bulk)
    }

    fn take_back(
        &self,
        container: &Container,
        item: &RawValue,
        key: &PartitionKey,
    ) -> Result<bool, Error> {
        let id = many::id_of(item).ok_or_else(|| {
            Error::answer("a batch was taken for an item, of which no id is told")
        })?;
        self.note("the service took a batch for an item: deleting it");
        let call = items::delete(container, &Name::new(id)?, key, &Options::default());
        self.patiently(|| self.run(&call))?;
        Ok(false)
    }
}

impl Said {
    /// Nothing but a status.
    pub fn plain(status: u16, reason: String) -> Said {
        Said {
            status,
            substatus: 0,
            wait: None,
            reason,
        }
    }

    /// As the error of a request of its own.
    pub fn error(&self, line: String) -> Error {
        if self.status < 100 {
            let stage = if self.status == LOST {
                Stage::Answer
            } else {
                Stage::Connect
            };
            let what = self.reason.clone();
            return Error::from(Broken {
                request: line,
                stage,
                what,
            });
        }
        let headers = [("x-ms-substatus".to_string(), self.substatus.to_string())];
        let body = format!(
            r#"{{"message":{}}}"#,
            serde_json::Value::from(self.reason.as_str())
        );
        Error::Status(Box::new(Failure::read(
            Plane::Data,
            line,
            self.status,
            &headers,
            body.as_bytes(),
        )))
    }
}
