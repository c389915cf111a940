//! One request: of many operations where the service knows that, else of one; and what is said to each item.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::Mode;
use super::desk::Desk;
use super::fate::{OPEN, Said};
use super::lanes::Load;
use super::op::Op;
use crate::cosmos::batch::{self, Batch, Outcome};
use crate::cosmos::items::{self, Options, written};
use crate::cosmos::operation::Operation;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::{Container, many};
use crate::error::{Broken, Error, Failure, Plane, Stage};
use crate::exchange::Client;
use crate::exchange::retry::{NO_RESPONSE, is_gone};
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
            [op] if op.is_huge() || op.by_itself || !self.bulk => {
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

    fn many(&self, load: &mut Load, room: &mut String) -> Result<(Vec<Said>, f64), Error> {
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
        let mut said: Vec<Said> = outcomes.iter().map(Said::of).collect();
        for ((op, brief), said) in load.ops.iter_mut().zip(outcomes).zip(&mut said) {
            if brief.is_unexplained() {
                // The response to a request of its own says why; nothing was written.
                (op.alone, op.by_itself) = (true, true);
                said.status = 424;
            }
        }
        Ok((said, answer.charge.unwrap_or(each)))
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
            let found = self.by_batch(op, &place.id, &place.key)?;
            return Ok(found.is_some_and(|found| written::is_same(op.item(), found.get())));
        };
        let call = items::read(container, &name, &place.key, &Options::default());
        match self
            .client
            .until(|| self.client.run(&call).map_err(unheard))
        {
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
        op: &Op,
        id: &str,
        key: &PartitionKey,
    ) -> Result<Option<Box<RawValue>>, Error> {
        let batch = reading(id, key)?;
        self.client.until(|| {
            let range = self.range_of(&op.spot.effective);
            let call = batch::bulk(self.plan.container, &range, &batch, false);
            let answer = self.client.run(&call);
            let found = answer.and_then(|answer| self.only(answer.value));
            if found.as_ref().is_err_and(is_gone) {
                self.read_ranges();
            }
            found.map_err(unheard)
        })
    }

    /// The item of a batch that reads one; nothing where it is not there.
    fn only(&self, outcomes: Vec<Outcome>) -> Result<Option<Box<RawValue>>, Error> {
        let outcome = outcomes.into_iter().next();
        let outcome = outcome.ok_or_else(|| Error::unusable(self.line(), "no outcome".into()))?;
        if outcome.is_fine() || outcome.status == 404 {
            return Ok(outcome.item);
        }
        let said = Said {
            status: outcome.status,
            substatus: outcome.substatus.unwrap_or_default(),
            wait: outcome.retry_after,
            reason: outcome.text.get().to_string(),
        };
        Err(said.error(self.line()))
    }
}

/// A read whose response cannot be used is asked again for as long as one without a response.
fn unheard(error: Error) -> Error {
    match error {
        Error::Answer(lost) => Error::unknown(lost.request, lost.what),
        other => other,
    }
}

fn reading(id: &str, key: &PartitionKey) -> Result<Batch, Error> {
    let mut batch = Batch::default();
    batch.push(Operation::read(id).of_key(key))?;
    Ok(batch)
}

impl Client<'_> {
    /// Whether the service takes several operations in one request. Asked by reading what is not there: a service that
    /// takes the question for an item refuses it, or says which item it has made of it, and that is deleted.
    ///
    /// # Errors
    /// That the range is gone, too: it says nothing of batches.
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
        let ask = || self.run(&call).map_err(not_for_its_size);
        let bulk = match self.until_gone(&|| false, ask) {
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
            // May not read, but perhaps write.
            Err(e) if e.is_status(403) => true,
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
        self.until(|| self.run(&call))?;
        Ok(false)
    }
}

/// A question of some bytes is not too large for the service: something on the way was in trouble.
fn not_for_its_size(error: Error) -> Error {
    match error {
        Error::Status(failure) if failure.status == 413 => Error::from(Broken {
            request: failure.request.clone(),
            stage: Stage::Answer,
            what: failure.to_string(),
            activity: failure.activity.clone(),
        }),
        other => other,
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
            let stage = if self.status == NO_RESPONSE {
                Stage::Answer
            } else {
                Stage::Connect
            };
            let what = self.reason.clone();
            return Error::from(Broken {
                request: line,
                stage,
                what,
                activity: None,
            });
        }
        let hint = self.wait.map(|wait| wait.as_millis().to_string());
        let hint = hint.map(|ms| ("x-ms-retry-after-ms".to_string(), ms));
        let substatus = ("x-ms-substatus".to_string(), self.substatus.to_string());
        let headers: Vec<_> = [substatus].into_iter().chain(hint).collect();
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
