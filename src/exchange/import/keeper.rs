//! What is written down for another run, and when.

use std::time::Duration;

use super::Snapshot;
use super::desk::Desk;
use super::op::hash;
use super::records::Record;
use crate::error::Error;
use crate::exchange::locked;

/// To write down what is done with may take one part in so many of the time: what was not is sent again after a kill.
const PART: u32 = 10;
/// How many items may be sent before it is written down that they may have been.
const AHEAD: u64 = 50_000;

/// What was written down last.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// Nothing more is written down before.
    next: Duration,
    last: Snapshot,
    first: Option<u64>,
}

impl Desk<'_> {
    pub fn recognise_input(&self, record: &Record) -> Result<(), Error> {
        let first = hash(&[record.text]);
        if self.plan.resume.first.is_some_and(|known| known != first) {
            return Err(Error::usage(
                "the input does not begin as the one of which the state says what is done: another input needs another state",
            ));
        }
        locked(&self.keeper).first = Some(first);
        Ok(())
    }

    /// Before an item is sent it is written down that it may have been.
    pub fn allow(&self, number: u64) -> Result<(), Error> {
        if self.ears.keep.is_none() || number < locked(&self.keeper).last.ahead {
            return Ok(());
        }
        self.keep(Some(number + AHEAD))
    }

    pub fn keep_if_due(&self) {
        // Whoever is at it does it for all.
        let due = match self.keeper.try_lock() {
            Ok(keeper) => self.now() >= keeper.next,
            Err(_) => false,
        };
        if due && let Err(error) = self.keep(None) {
            self.lanes().failed.get_or_insert(error);
        }
    }

    pub fn keep(&self, ahead: Option<u64>) -> Result<(), Error> {
        let Some(keep) = self.ears.keep else {
            return Ok(());
        };
        let mut keeper = locked(&self.keeper);
        let Some(first) = keeper.first else {
            return Ok(());
        };
        let ahead = ahead
            .unwrap_or(keeper.last.ahead)
            .max(self.plan.resume.ahead);
        let begun = self.now();
        let lanes = self.lanes();
        let snapshot = Snapshot {
            settled: lanes.settled.to_json(),
            told: (self.ears.told)(),
            rejected: self.plan.resume.rejected + lanes.counts.rejected,
            ahead,
            first,
        };
        drop(lanes);
        if snapshot != keeper.last {
            keep(&snapshot)?;
            keeper.last = snapshot;
        }
        let now = self.now();
        keeper.next = now + (now - begun) * PART;
        Ok(())
    }
}
