//! Where items wait to be sent: one reader lays them down, a few threads take them and see to what comes of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::fate::{Fate, Said, fate};
use super::keeper::Keeper;
use super::lane::FULL;
use super::lanes::{Lanes, Load, Next};
use super::op::Op;
use super::pace::Pace;
use super::{Counts, Ears, Plan, Rejected};
use crate::cosmos::ranges::Ranges;
use crate::error::Error;
use crate::exchange::retry::ITEM_ATTEMPTS;
use crate::exchange::threads::Watch;
use crate::exchange::{Client, locked};

/// Whoever sleeps looks up this often, and whoever waits for a full request waits no longer.
const NAP: Duration = Duration::from_millis(50);
const FILL: Duration = Duration::from_millis(100);

/// What the threads and the reader share.
pub(super) struct Desk<'a> {
    pub client: &'a Client<'a>,
    pub plan: &'a Plan<'a>,
    pub ears: &'a Ears<'a>,
    /// Whether several operations may go in one request.
    pub bulk: bool,
    begun: OffsetDateTime,
    lanes: Mutex<Lanes>,
    /// For the threads: there may be something to send.
    pub work: Condvar,
    /// For the reader: there may be room, or nothing is under way any more.
    pub room: Condvar,
    pub keeper: Mutex<Keeper>,
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
            work: Condvar::new(),
            room: Condvar::new(),
            keeper: Mutex::default(),
        }
    }

    pub fn now(&self) -> Duration {
        (self.client.clock().now() - self.begun).unsigned_abs()
    }

    pub fn lanes(&self) -> MutexGuard<'_, Lanes> {
        locked(&self.lanes)
    }

    fn wake_all(&self) {
        self.work.notify_all();
        self.room.notify_all();
    }

    // ---- The threads

    fn end_for_all(&self) {
        let mut lanes = self.lanes();
        lanes.failed = Some(Error::answer("a thread that sends items has ended"));
        lanes.broken = true;
        self.wake_all();
    }

    /// Sends what is to be sent, until there is nothing any more.
    pub fn serve(&self) {
        let ended = || self.end_for_all();
        let _watch = Watch(&ended);
        let (mut lanes, mut idle, mut room) = (self.lanes(), false, String::new());
        loop {
            let next = lanes.next(self.now(), idle);
            idle = false;
            match next {
                Next::Leave => break,
                Next::Wait => {
                    (lanes, idle) = waited(&self.work, lanes);
                    if idle {
                        drop(lanes);
                        self.keep_if_due();
                        lanes = self.lanes();
                    }
                }
                Next::Sleep(wait) => {
                    drop(lanes);
                    self.client.clock().sleep(wait.min(NAP));
                    self.keep_if_due();
                    lanes = self.lanes();
                }
                Next::ReadRanges => {
                    drop(lanes);
                    self.read_ranges();
                    lanes = self.lanes();
                }
                Next::Send(load) => {
                    if lanes.has_more(self.now()) {
                        self.work.notify_one();
                    }
                    if lanes.starved {
                        self.room.notify_one();
                    }
                    drop(lanes);
                    self.carry(load, &mut room);
                    lanes = self.lanes();
                }
            }
        }
        drop(lanes);
        self.wake_all();
    }

    fn carry(&self, mut load: Load, room: &mut String) {
        let (mut said, charge, mut error) = self.ask(&mut load, room);
        // Most requests are about so large; a larger one was one item.
        room.shrink_to(2 * FULL);
        let mut fates = Vec::with_capacity(said.len());
        for (op, said) in load.ops.iter().zip(&mut said) {
            fates.push(self.fate(op, said, &mut error));
        }
        let mut fates: Vec<(Fate, Said)> = fates.into_iter().zip(said).collect();
        let find = |wanted: fn(&Fate) -> bool| fates.iter().find(|(fate, _)| wanted(fate));
        let fatal = find(|fate| *fate == Fate::Fatal).map(|(_, said)| said.clone());
        let mut lanes = self.lanes();
        for (op, fate, said) in refused(&load, &mut fates) {
            if let Err(e) = self.reject(&mut lanes, (op.line, op.number), said, op.item()) {
                // Of whom nobody was told is not done with.
                *fate = Fate::Fatal;
                error.get_or_insert(e);
            }
        }
        let spent = lanes.land(self.now(), load, charge, &fates, &self.client.budget);
        if let Some(said) = fatal.or(spent) {
            error.get_or_insert_with(|| said.error(self.line()));
        }
        if lanes.failed.is_none() {
            lanes.failed = error;
        }
        drop(lanes);
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
            Fate::Again(row) if row.is_throttled() => Fate::Again(row),
            again @ (Fate::Again(_) | Fate::Gone)
                if self.is_given_up(op) && (again != Fate::Gone || op.attempts > 0) =>
            {
                said.reason = format!("given up after {} times: {}", op.attempts + 1, said.reason);
                Fate::Refused
            }
            fate => fate,
        }
    }

    /// Whether an item was sent too often; one whose whole range is refused is not counted.
    fn is_given_up(&self, op: &Op) -> bool {
        op.attempts >= self.client.budget.tries(ITEM_ATTEMPTS)
    }

    /// Reads the ranges again, because one of them is gone.
    pub fn read_ranges(&self) {
        self.client
            .note("the range was split or merged: reading the ranges again");
        let ranges = self
            .client
            .until(|| self.client.ranges(self.plan.container));
        let mut lanes = self.lanes();
        match ranges {
            Ok(ranges) => lanes.replace(&ranges),
            Err(error) => {
                lanes.failed.get_or_insert(error);
            }
        }
        drop(lanes);
        self.wake_all();
    }

    /// Tells whoever listens of an item that is not going to be written. No other is told of meanwhile, and nothing is
    /// written down between this and that it is done with.
    pub fn reject(
        &self,
        lanes: &mut Lanes,
        (line, number): (u64, u64),
        said: &Said,
        item: &str,
    ) -> Result<(), Error> {
        lanes.stopped |= self.plan.stop;
        (self.ears.rejected)(&Rejected {
            line,
            number: number + 1,
            status: said.status,
            substatus: said.substatus,
            reason: &said.reason,
            item,
        })
    }

    pub fn line(&self) -> String {
        format!("POST {}/docs", self.plan.container.url())
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
}

/// Waits until woken, but not for long; `true` where nothing woke it.
pub(super) fn waited<'t>(
    until: &Condvar,
    lanes: MutexGuard<'t, Lanes>,
) -> (MutexGuard<'t, Lanes>, bool) {
    let waited = until.wait_timeout(lanes, FILL);
    let (lanes, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
    (lanes, timeout.timed_out())
}

/// The items of a request that are not going to be written.
fn refused<'l>(
    load: &'l Load,
    fates: &'l mut [(Fate, Said)],
) -> impl Iterator<Item = (&'l Op, &'l mut Fate, &'l Said)> {
    let all = load.ops.iter().zip(fates);
    let all = all.map(|(op, (fate, said))| (op, fate, &*said));
    all.filter(|(_, fate, _)| **fate == Fate::Refused)
}
