//! Where items wait to be sent: one reader lays them down, a few threads take them and see to what comes of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::fate::{Fate, Said, fate};
use super::lanes::{Lanes, Load, Next};
use super::op::{Op, hash};
use super::pace::Pace;
use super::records::Record;
use super::{Counts, Ears, Heard, Plan, Rejected, Snapshot};
use crate::cosmos::ranges::Ranges;
use crate::error::Error;
use crate::exchange::ranges::SPLITS;
use crate::exchange::{Client, locked};

/// Whoever sleeps looks up this often, and whoever waits for a full request waits no longer.
const NAP: Duration = Duration::from_millis(50);
const FILL: Duration = Duration::from_millis(100);
/// How often is written down what is done with, and how many items may be sent before it is.
const KEPT: Duration = Duration::from_millis(500);
const AHEAD: u64 = 50_000;
/// One item is not sent more often than this, unless for lack of request units.
const TRIES: u32 = 10;

/// What the threads and the reader share.
pub(super) struct Desk<'a> {
    pub client: &'a Client<'a>,
    pub plan: &'a Plan<'a>,
    pub ears: &'a Ears<'a>,
    /// Whether several operations may go in one request.
    pub bulk: bool,
    begun: OffsetDateTime,
    lanes: Mutex<Lanes>,
    moved: Condvar,
    /// Ranges are read again by one thread at a time.
    repair: Mutex<()>,
    keeper: Mutex<Keeper>,
}

/// What was written down last.
#[derive(Debug, Default)]
struct Keeper {
    at: Duration,
    ahead: u64,
    first: Option<u64>,
}

impl<'a> Desk<'a> {
    pub fn new(
        client: &'a Client<'a>,
        plan: &'a Plan<'a>,
        ears: &'a Ears<'a>,
        ranges: Option<&Ranges>,
        bulk: bool,
    ) -> Desk<'a> {
        let lanes = Lanes::new(
            ranges,
            bulk,
            Pace::new(plan.max_rus),
            plan.resume.settled.clone(),
        );
        Desk {
            client,
            plan,
            ears,
            bulk,
            begun: client.clock().now(),
            lanes: Mutex::new(lanes),
            moved: Condvar::new(),
            repair: Mutex::default(),
            keeper: Mutex::default(),
        }
    }

    fn now(&self) -> Duration {
        (self.client.clock().now() - self.begun).unsigned_abs()
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        locked(&self.lanes)
    }

    fn wait<'t>(
        &'t self,
        lanes: MutexGuard<'t, Lanes>,
        most: Duration,
    ) -> (MutexGuard<'t, Lanes>, bool) {
        let waited = self.moved.wait_timeout(lanes, most);
        let (lanes, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (lanes, timeout.timed_out())
    }

    // ---- The threads

    /// Sends what is to be sent, until there is nothing any more.
    pub fn serve(&self) {
        let _watch = Watch(self);
        let (mut lanes, mut idle) = (self.lanes(), false);
        loop {
            let next = lanes.next(self.now(), idle);
            idle = false;
            match next {
                Next::Leave => break,
                Next::Wait => (lanes, idle) = self.wait(lanes, FILL),
                Next::Sleep(wait) => {
                    drop(lanes);
                    self.client.clock().sleep(wait.min(NAP));
                    lanes = self.lanes();
                }
                Next::Send(load) => {
                    drop(lanes);
                    self.carry(load);
                    lanes = self.lanes();
                }
            }
        }
        drop(lanes);
        self.moved.notify_all();
    }

    fn carry(&self, mut load: Load) {
        let (mut said, charge, mut error) = self.ask(&mut load);
        let mut fates = Vec::with_capacity(said.len());
        for (op, said) in load.ops.iter().zip(&mut said) {
            fates.push(self.fate(op, said, &mut error));
        }
        let told = load.ops.iter().zip(&said).zip(&fates);
        let refused = told.filter(|(_, fate)| **fate == Fate::Refused);
        for ((op, said), _) in refused {
            if let Err(e) = self.reject(op.line, said, op.item()) {
                error.get_or_insert(e);
            }
        }
        let (range, edition, line) = (load.range.clone(), load.edition, self.line());
        let fates: Vec<(Fate, Said)> = fates.into_iter().zip(said).collect();
        let find = |wanted: fn(&Fate) -> bool| fates.iter().find(|(fate, _)| wanted(fate));
        let fatal = find(|fate| *fate == Fate::Fatal).map(|(_, said)| said.clone());
        let gone = find(|fate| *fate == Fate::Gone).map(|(_, said)| said.clone());
        let patience = |own| self.client.budget.waiting(Duration::from_secs(own));
        let mut lanes = self.lanes();
        let tired = lanes.land(self.now(), load, charge, &fates, &patience);
        if let Some(said) = fatal.or(tired) {
            error.get_or_insert_with(|| said.error(line));
        }
        if lanes.failed.is_none() {
            lanes.failed = error;
        }
        drop(lanes);
        if let Some(said) = gone {
            self.repair(&range, edition, &said);
        }
        self.moved.notify_all();
        self.keep_if_due();
    }

    /// What comes of one item; what is sent again too often is not.
    fn fate(&self, op: &Op, said: &mut Said, error: &mut Option<Error>) -> Fate {
        match fate(said, self.plan.mode, op.unsure) {
            Fate::Compare => match self.is_own(op) {
                Ok(true) => Fate::Own,
                Ok(false) => Fate::Refused,
                Err(e) => {
                    error.get_or_insert(e);
                    Fate::Compare
                }
            },
            Fate::Again(again)
                if !again.is_throttled() && op.tries >= self.client.budget.tries(TRIES) =>
            {
                said.reason = format!("given up after {} times: {}", op.tries + 1, said.reason);
                Fate::Refused
            }
            fate => fate,
        }
    }

    /// Reads the ranges again, unless another thread has done so since.
    fn repair(&self, range: &str, edition: u32, said: &Said) {
        let _one = locked(&self.repair);
        let (now, times) = {
            let lanes = self.lanes();
            (lanes.edition, lanes.splits)
        };
        if now != edition {
            return;
        }
        let ranges = match times >= SPLITS {
            true => Err(said.error(format!("{} of the range {range}", self.line()))),
            false => self.client.ranges_again(self.plan.container, times),
        };
        let mut lanes = self.lanes();
        match ranges {
            Ok(ranges) => lanes.replace(&ranges),
            Err(error) => {
                lanes.failed.get_or_insert(error);
            }
        }
    }

    /// Tells whoever listens of an item that is not going to be written.
    fn reject(&self, line: u64, said: &Said, item: &str) -> Result<(), Error> {
        let told = (self.ears.rejected)(&Rejected {
            line,
            status: said.status,
            substatus: said.substatus,
            reason: &said.reason,
            item,
        });
        if self.plan.stop {
            self.lanes().stopped = true;
        }
        told
    }

    fn line(&self) -> String {
        format!("POST {}/docs", self.plan.container.url())
    }

    // ---- The reader

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
        let spot = match self.plan.check.spot(record) {
            Ok(spot) => spot,
            Err(why) => return self.refuse(number, record, why),
        };
        if self.plan.shard.is_some_and(|holds| !holds(&spot.effective)) {
            let mut lanes = self.lanes();
            lanes.counts.elsewhere += 1;
            lanes.settled.add(number);
            return Ok(true);
        }
        let mut op = Op::new(number, record, spot, self.plan.mode);
        op.unsure = number < self.plan.resume.ahead;
        Ok(self.lay(op, heard))
    }

    /// An item that need not be sent to know that it cannot be written.
    fn refuse(&self, number: u64, record: &Record, reason: String) -> Result<bool, Error> {
        let said = Said::plain(0, reason);
        self.reject(record.line, &said, record.text)?;
        let mut lanes = self.lanes();
        lanes.counts.rejected += 1;
        lanes.settled.add(number);
        Ok(!lanes.stopped)
    }

    fn lay(&self, op: Op, heard: &mut Heard) -> bool {
        let mut lanes = self.lanes();
        while !lanes.has_room() && lanes.failed.is_none() && !lanes.stopped {
            lanes.starved = true;
            self.moved.notify_all();
            lanes = self.wait(lanes, FILL).0;
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
            self.moved.notify_one();
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
        self.moved.notify_all();
        while !lanes.is_over() {
            lanes = self.wait(lanes, FILL).0;
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

    /// The range that holds an effective key, as far as is known.
    pub fn range_of(&self, effective: &str) -> String {
        self.lanes()
            .find(effective)
            .map(|lane| lane.id.clone())
            .unwrap_or_default()
    }

    pub fn counts(&self) -> Counts {
        self.lanes().counts.clone()
    }

    // ---- What is written down

    fn recognise_input(&self, record: &Record) -> Result<(), Error> {
        let first = hash(&[record.text]);
        locked(&self.keeper).first = Some(first);
        match self.plan.resume.first.is_some_and(|known| known != first) {
            true => Err(Error::usage(
                "the input does not begin as the one of which the state says what is done: another input needs another state",
            )),
            false => Ok(()),
        }
    }

    /// Before an item is sent it is written down that it may have been.
    fn allow(&self, number: u64) -> Result<(), Error> {
        if self.ears.keep.is_none() || number < locked(&self.keeper).ahead {
            return Ok(());
        }
        self.keep(Some(number + AHEAD))
    }

    fn keep_if_due(&self) {
        // Whoever is at it does it for all.
        let due = match self.keeper.try_lock() {
            Ok(keeper) => self.now() >= keeper.at + KEPT,
            Err(_) => false,
        };
        if due && let Err(error) = self.keep(None) {
            self.lanes().failed.get_or_insert(error);
        }
    }

    fn keep(&self, ahead: Option<u64>) -> Result<(), Error> {
        let Some(keep) = self.ears.keep else {
            return Ok(());
        };
        let mut keeper = locked(&self.keeper);
        keeper.at = self.now();
        let ahead = ahead.unwrap_or(keeper.ahead).max(self.plan.resume.ahead);
        let Some(first) = keeper.first else {
            return Ok(());
        };
        let lanes = self.lanes();
        let (counts, settled) = (lanes.counts.clone(), lanes.settled.clone());
        drop(lanes);
        keep(&Snapshot {
            counts,
            settled,
            ahead,
            first,
        })?;
        keeper.ahead = ahead;
        Ok(())
    }
}

/// Nobody waits for a thread that has panicked.
struct Watch<'d, 'a>(&'d Desk<'a>);

impl Drop for Watch<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut lanes = self.0.lanes();
            lanes.failed = Some(Error::answer("a thread that sends items has ended"));
            lanes.broken = true;
            self.0.moved.notify_all();
        }
    }
}
