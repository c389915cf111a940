//! The side of the reader: items are laid down one by one, and in the end everything is waited for.

use super::desk::{Desk, waited};
use super::fate::Said;
use super::op::Op;
use super::records::Record;
use super::{Counts, Heard};
use crate::error::Error;

impl Desk<'_> {
    /// One more item of the input. `false` once nothing more is wanted.
    pub fn take(
        &self,
        number: u64,
        read: u64,
        record: &Record,
        heard: &mut Heard,
    ) -> Result<bool, Error> {
        if number == 0 {
            self.recognise_input(record)?;
        }
        let mut lanes = self.lanes();
        (lanes.counts.read, lanes.counts.bytes) = (lanes.counts.read + 1, read);
        if lanes.settled.has(number) {
            lanes.counts.passed += 1;
            return Ok(true);
        }
        drop(lanes);
        self.allow(number)?;
        let spot = self.plan.check.spot(record);
        // What is no item has no key: one share tells of it, and not all.
        let key = spot.as_ref().map_or("", |spot| &spot.effective);
        if self.plan.shard.is_some_and(|holds| !holds(key)) {
            let mut lanes = self.lanes();
            lanes.counts.elsewhere += 1;
            lanes.settled.add(number);
            return Ok(true);
        }
        let spot = match spot {
            Ok(spot) => spot,
            Err(why) => return self.refuse(number, record, why),
        };
        let mut op = Op::new(number, record, spot, self.plan.mode);
        op.unsure = number < self.plan.resume.ahead;
        Ok(self.lay(op, heard))
    }

    /// An item that need not be sent to know that it cannot be written.
    fn refuse(&self, number: u64, record: &Record, reason: String) -> Result<bool, Error> {
        let said = Said::plain(0, reason);
        let mut lanes = self.lanes();
        self.reject(&mut lanes, (record.line, number), &said, record.text)?;
        lanes.counts.rejected += 1;
        lanes.settled.add(number);
        Ok(!lanes.stopped)
    }

    fn lay(&self, op: Op, heard: &mut Heard) -> bool {
        let mut lanes = self.lanes();
        while !lanes.has_room(&op) && lanes.failed.is_none() && !lanes.stopped {
            lanes.starved = true;
            self.work.notify_one();
            lanes = waited(&self.room, lanes).0;
            let counts = lanes.counts.clone();
            drop(lanes);
            heard(&counts);
            lanes = self.lanes();
        }
        lanes.starved = false;
        let full = lanes.put(op, false);
        let on = lanes.failed.is_none() && !lanes.stopped;
        drop(lanes);
        if full {
            self.work.notify_one();
        }
        on
    }

    /// There is no more input: until everything is done with.
    pub fn drain(&self, error: Option<Error>, heard: &mut Heard) {
        let mut lanes = self.lanes();
        lanes.ended = true;
        if lanes.failed.is_none() {
            lanes.failed = error;
        }
        self.work.notify_all();
        while !lanes.is_over() {
            lanes = waited(&self.room, lanes).0;
            let counts = lanes.counts.clone();
            drop(lanes);
            heard(&counts);
            lanes = self.lanes();
        }
    }

    /// How far it has come, and what ended it early.
    pub fn result(&self) -> (Counts, Option<Error>) {
        let mut lanes = self.lanes();
        let (counts, failed) = (lanes.counts.clone(), lanes.failed.take());
        drop(lanes);
        let kept = self.keep(None);
        (counts, failed.or(kept.err()))
    }
}
