//! All ranges of the container, what waits for them and what is under way. One lock is around it. Pure.

use std::time::Duration;

use super::Counts;
use super::fate::{Fate, Said};
use super::lane::{FULL, Lane};
use super::op::{Op, SLOTS};
use super::pace::Pace;
use super::settled::Settled;
use crate::cosmos::effective_key::order;
use crate::cosmos::ranges::{Range, Ranges};
use crate::error::Error;

/// What may wait at most: bytes, and operations.
const HELD: (usize, usize) = (4 * 1024 * 1024, 10_000);
/// Requests under way have no more bytes than this, unless it is one, or all of them are small.
const FLYING: usize = 2 * 1024 * 1024;

/// One request.
#[derive(Debug)]
pub(super) struct Load {
    pub range: String,
    /// When the ranges were read, counted.
    pub edition: u32,
    pub bytes: usize,
    pub ops: Vec<Op>,
    set_aside: f64,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    Send(Load),
    /// Nothing before then.
    Sleep(Duration),
    /// Nothing until something happens.
    Wait,
    /// Nothing any more.
    Leave,
}

/// All ranges.
#[derive(Debug)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    pub edition: u32,
    /// How often the ranges were read again since the last good answer.
    pub splits: u32,
    busy: Vec<bool>,
    held: (usize, usize),
    flying: usize,
    flying_bytes: usize,
    pace: Pace,
    /// Operations go together.
    bulk: bool,
    /// A thread has ended as none should.
    pub broken: bool,
    /// The reader waits for room.
    pub starved: bool,
    /// There is no more input.
    pub ended: bool,
    /// Nothing new is sent.
    pub stopped: bool,
    pub failed: Option<Error>,
    pub counts: Counts,
    pub settled: Settled,
}

impl Lanes {
    /// Of these ranges; without any there is one lane for all.
    pub fn new(ranges: Option<&Ranges>, bulk: bool, pace: Pace, settled: Settled) -> Lanes {
        let whole = Range {
            id: String::new(),
            min: String::new(),
            max: "FF".into(),
            parents: Vec::new(),
            share: None,
        };
        let mut all: Vec<Lane> = ranges
            .into_iter()
            .flat_map(Ranges::iter)
            .map(Lane::new)
            .collect();
        if all.is_empty() {
            all.push(Lane::new(&whole));
        }
        Lanes {
            all,
            edition: 0,
            splits: 0,
            busy: vec![false; SLOTS],
            held: (0, 0),
            flying: 0,
            flying_bytes: 0,
            pace,
            bulk,
            broken: false,
            starved: false,
            ended: false,
            stopped: false,
            failed: None,
            counts: Counts::default(),
            settled,
        }
    }

    /// Whether another item may wait.
    pub fn has_room(&self) -> bool {
        self.held.0 < HELD.0 && self.held.1 < HELD.1
    }

    /// Whether nothing is under way, nor going to be.
    pub fn is_over(&self) -> bool {
        let done = self.failed.is_some() || self.stopped || (self.ended && self.held.1 == 0);
        self.broken || (self.flying == 0 && done)
    }

    /// Puts an item where its range is: first there, if it was under way, or last. `true` where that makes a request
    /// full.
    pub fn put(&mut self, op: Op, first: bool) -> bool {
        let size = op.operation.len();
        let Some(lane) = self.find(&op.spot.effective) else {
            return false;
        };
        lane.bytes += size;
        match first {
            true => lane.queue.push_front(op),
            false => lane.queue.push_back(op),
        }
        let full = lane.bytes >= FULL || lane.queue.len().is_multiple_of(100);
        self.held = (self.held.0 + size, self.held.1 + 1);
        full
    }

    /// The range of an effective key.
    pub fn find(&mut self, effective: &str) -> Option<&mut Lane> {
        let behind = self
            .all
            .partition_point(|lane| order(&lane.min, effective).is_le());
        self.all.get_mut(behind.saturating_sub(1))
    }

    /// What is to be done at a moment; with `any`, a request need not be full.
    pub fn next(&mut self, now: Duration, any: bool) -> Next {
        if self.failed.is_some() || self.stopped || self.is_over() {
            return Next::Leave;
        }
        if self.held.1 == 0 || self.flying_bytes >= FLYING.max(self.flying * FULL) {
            return Next::Wait;
        }
        let wait = self.pace.wait(now);
        if !wait.is_zero() {
            return Next::Sleep(wait);
        }
        let any = any || self.starved || self.ended;
        let mut ready: Vec<&mut Lane> = self
            .all
            .iter_mut()
            .filter(|lane| lane.may(now, any))
            .collect();
        ready.sort_unstable_by_key(|lane| usize::MAX - lane.bytes);
        let most = if self.bulk { self.pace.operations() } else { 1 };
        for lane in ready {
            let ops = lane.take(&mut self.busy, most);
            if !ops.is_empty() {
                lane.flying += 1;
                let range = lane.id.clone();
                return Next::Send(self.load(range, ops));
            }
        }
        let paused = self.all.iter().filter(|lane| !lane.queue.is_empty());
        let pauses = paused
            .map(|lane| lane.pause(now))
            .filter(|pause| !pause.is_zero());
        pauses.min().map_or(Next::Wait, Next::Sleep)
    }

    fn load(&mut self, range: String, ops: Vec<Op>) -> Load {
        let bytes = ops.iter().map(|op| op.operation.len()).sum();
        self.held = (self.held.0 - bytes, self.held.1 - ops.len());
        self.flying += 1;
        self.flying_bytes += bytes;
        self.counts.requests += 1;
        self.counts.sent += ops.len() as u64;
        Load {
            range,
            edition: self.edition,
            bytes,
            set_aside: self.pace.spend(ops.len()),
            ops,
        }
    }

    /// Other ranges. What waits for one that is gone goes to those that took its place.
    pub fn replace(&mut self, ranges: &Ranges) {
        self.edition += 1;
        self.splits += 1;
        let fresh = ranges.iter().map(Lane::new).collect();
        for lane in std::mem::replace(&mut self.all, fresh) {
            match self.all.iter_mut().find(|new| new.id == lane.id) {
                Some(same) => *same = lane,
                None => {
                    self.held = (self.held.0 - lane.bytes, self.held.1 - lane.queue.len());
                    for op in lane.queue {
                        self.put(op, false);
                    }
                }
            }
        }
    }

    /// A request has come back: what it cost, and what comes of its items. Those that are to be sent again come back
    /// first. The patience that a range has is told by whoever knows the limits.
    pub fn land(
        &mut self,
        now: Duration,
        load: Load,
        charge: f64,
        fates: &[(Fate, Said)],
        patience: &dyn Fn(u64) -> Duration,
    ) -> Option<Said> {
        self.flying -= 1;
        self.flying_bytes -= load.bytes;
        let good = fates
            .iter()
            .filter(|(fate, _)| !matches!(fate, Fate::Again(_) | Fate::Gone));
        let good = good.count();
        self.pace.correct(load.set_aside, charge, good);
        self.counts.charge += charge;
        let mut worst = None;
        if let Some(lane) = self.all.iter_mut().find(|lane| lane.id == load.range) {
            lane.flying = lane.flying.saturating_sub(1);
            worst = ordeal(lane, now, good, fates, patience);
        }
        if good > 0 {
            self.splits = 0;
        }
        for (op, (fate, _)) in load.ops.into_iter().zip(fates).rev() {
            if let Some(busy) = self.busy.get_mut(op.spot.slot) {
                *busy = false;
            }
            self.count(op, *fate);
        }
        worst
    }

    fn count(&mut self, mut op: Op, fate: Fate) {
        let counts = &mut self.counts;
        match fate {
            Fate::Created => counts.created += 1,
            Fate::Replaced => counts.replaced += 1,
            Fate::Own => counts.own += 1,
            Fate::Skipped => counts.skipped += 1,
            Fate::Refused => counts.rejected += 1,
            Fate::Again(again) => {
                counts.throttled += u64::from(again.is_throttled());
                op.tries += u32::from(!again.is_throttled());
                op.unsure |= again.unsure;
                self.put(op, true);
                return;
            }
            // A part of the service that moved may have done its work before.
            Fate::Gone => {
                op.unsure = true;
                self.put(op, true);
                return;
            }
            // It stays open, for another run.
            Fate::Compare | Fate::Fatal => return,
        }
        self.settled.add(op.number);
    }
}

/// What a range goes through; the reason, where there is no patience left.
fn ordeal(
    lane: &mut Lane,
    now: Duration,
    good: usize,
    fates: &[(Fate, Said)],
    patience: &dyn Fn(u64) -> Duration,
) -> Option<Said> {
    if good > 0 {
        lane.please(good == fates.len());
    }
    // The longest wait counts: it is told by whoever was refused last.
    let again = fates.iter().filter_map(|(fate, said)| match fate {
        Fate::Again(again) => Some((*again, said)),
        _ => None,
    });
    let (again, said) = again.max_by_key(|(again, said)| again.wait(said.wait, 0))?;
    let patient = lane.suffer(now, again, said.wait, patience(again.patience));
    (!patient).then(|| said.clone())
}
