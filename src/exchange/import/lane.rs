//! What waits for one range, and how fast it may be sent there. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::fate::{Again, Fate, Said};
use super::op::Op;
use crate::cosmos::batch::{LARGEST, MOST};
use crate::cosmos::ranges::Range;

/// A request is closed once it has this many bytes; a larger operation travels alone.
pub(super) const FULL: usize = 200 * 1024;
/// Never fewer operations in a request than this, however often it is refused.
const LEAST: usize = 10;
/// Not more are looked through for one that need not wait for another of its id.
const LOOKED: usize = 500;

/// One range.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub id: String,
    pub min: String,
    pub queue: VecDeque<Op>,
    /// Of the queue.
    pub bytes: usize,
    /// Requests under way, and how many may be.
    pub flying: usize,
    allowed: usize,
    /// It is no more, and until the ranges are read again nothing is sent there.
    pub gone: bool,
    /// Good answers since `allowed` grew.
    good: usize,
    /// Operations a request.
    most: usize,
    /// Nothing is sent before.
    paused: Duration,
    /// Since the last good answer: how often, and how long was waited.
    vain: u32,
    waited: Duration,
}

impl Lane {
    /// Of a range of which nothing is known yet: one request at a time.
    pub fn new(range: &Range) -> Lane {
        Lane {
            id: range.id.clone(),
            min: range.min.clone(),
            allowed: 1,
            most: MOST,
            ..Lane::default()
        }
    }

    /// How much longer it pauses.
    pub fn pause(&self, now: Duration) -> Duration {
        self.paused.saturating_sub(now)
    }

    /// Whether a request may be sent, and there is something to send: enough for a full one, if not any will do.
    pub fn may(&self, now: Duration, any: bool) -> bool {
        let full = self.queue.len() >= self.most || self.bytes >= FULL;
        self.flying < self.allowed
            && !self.gone
            && self.pause(now).is_zero()
            && !self.queue.is_empty()
            && (any || full)
    }

    /// Whether the last of the queue, which is so long, makes a request full.
    pub fn is_full_by(&self, size: usize) -> bool {
        let fuller = self.bytes / FULL > (self.bytes - size) / FULL;
        fuller || self.queue.len().is_multiple_of(self.most)
    }

    /// The operations of the next request: none of an id that is under way, so that two of one id stay in order, and
    /// not one that is larger than the room there is.
    pub fn take(&mut self, busy: &mut [bool], most: usize, room: usize) -> Vec<Op> {
        let most = self.most.min(most);
        let (mut taken, mut bytes, mut at) = (Vec::new(), 0, 0);
        while taken.len() < most && at < LOOKED {
            let Some(op) = self.queue.get(at) else { break };
            let (size, alone) = (op.operation.len(), op.alone);
            if size > room {
                break;
            }
            match busy.get_mut(op.spot.slot) {
                Some(busy) if !*busy => {
                    if !taken.is_empty() && (alone || bytes + size > FULL) {
                        break;
                    }
                    *busy = true;
                }
                _ => {
                    at += 1;
                    continue;
                }
            }
            bytes += size;
            taken.extend(self.queue.remove(at));
            if alone {
                break;
            }
        }
        self.bytes -= bytes;
        taken
    }

    /// A good answer: another request may go once as many as may go have come back.
    pub fn please(&mut self, wholly: bool) {
        (self.vain, self.waited) = (0, Duration::ZERO);
        if !wholly {
            return;
        }
        self.most = (self.most + LEAST).min(MOST);
        self.good += 1;
        if self.good >= self.allowed {
            (self.allowed, self.good) = (self.allowed + 1, 0);
        }
    }

    /// What a request was told, of which so many were good; the reason, where there is no patience left.
    pub fn endure(
        &mut self,
        now: Duration,
        good: usize,
        fates: &[(Fate, Said)],
        patience: &dyn Fn(u64) -> Duration,
    ) -> Option<Said> {
        if good > 0 {
            self.please(good == fates.len());
        }
        // The longest wait counts: it is told by whoever was refused last.
        let again = fates.iter().filter_map(|(fate, said)| match fate {
            Fate::Again(again) => Some((*again, said)),
            _ => None,
        });
        let (again, said) = again.max_by_key(|(again, said)| again.wait(said.wait, 0))?;
        let patient = self.suffer(now, again, said.wait, patience(again.patience));
        (!patient).then(|| said.clone())
    }

    /// Something has to wait. `false` once there is no patience left.
    fn suffer(
        &mut self,
        now: Duration,
        again: Again,
        told: Option<Duration>,
        patience: Duration,
    ) -> bool {
        let until = now + again.wait(told, self.vain);
        // Requests that were under way together are told the same.
        if self.pause(now).is_zero() && again.is_throttled() {
            if self.allowed == 1 {
                self.most = (self.most / 2).max(LEAST);
            }
            (self.allowed, self.good) = ((self.allowed / 2).max(1), 0);
        }
        self.vain += u32::from(self.pause(now).is_zero());
        self.waited += until.saturating_sub(self.paused.max(now));
        self.paused = self.paused.max(until);
        self.waited <= patience
    }
}

impl Op {
    /// Too large to be one of several.
    pub fn is_huge(&self) -> bool {
        self.operation.len() + 2 > LARGEST
    }
}
