//! What waits for one range, and how fast it may be sent there. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::fate::{Fate, Said};
use super::op::Op;
use crate::cosmos::limits::{BATCH_OPERATIONS, ITEM_BYTES};
use crate::cosmos::ranges::Range;
use crate::exchange::budget::Budget;
use crate::exchange::retry::{History, RANGE_GONE, Recovery};

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
    pub max: String,
    pub queue: VecDeque<Op>,
    /// Of the queue.
    pub bytes: usize,
    /// Requests under way, and how many may be.
    pub flying: usize,
    allowed: usize,
    /// It is gone, and until the ranges are read again, once the pause is over, nothing is sent there.
    pub gone: bool,
    /// Good answers since `allowed` grew.
    good: usize,
    /// Operations a request.
    most: usize,
    /// Nothing is sent before.
    paused: Duration,
    /// Retries of this range since its last success.
    range_history: History,
    /// How often the ranges were read again on account of this one, since its last success.
    gone_history: History,
}

impl Lane {
    /// Of a range of which nothing is known yet: one request at a time.
    pub fn new(range: &Range) -> Lane {
        Lane {
            id: range.id.clone(),
            min: range.min.clone(),
            max: range.max.clone(),
            allowed: 1,
            most: BATCH_OPERATIONS,
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

    /// A success: after as many whole ones as requests may be under way, one more may be.
    pub fn succeed(&mut self, wholly: bool) {
        (self.range_history, self.gone_history) = (History::default(), History::default());
        if !wholly {
            return;
        }
        self.most = (self.most + LEAST).min(BATCH_OPERATIONS);
        self.good += 1;
        if self.good >= self.allowed {
            (self.allowed, self.good) = (self.allowed + 1, 0);
        }
    }

    /// Takes what the operations of a request were told, of which so many succeeded, and what is to be waited for. The
    /// reason, where the schedule of this range is used up. An operation that was sent before is waited for longer.
    pub fn take_results(
        &mut self,
        now: Duration,
        succeeded: usize,
        results: &[(&Op, Fate, &Said)],
        limits: &Budget,
    ) -> Option<Said> {
        if succeeded > 0 {
            self.succeed(succeeded == results.len());
        }
        // The longest wait counts.
        let again = results.iter().filter_map(|(op, fate, said)| match fate {
            Fate::Again(row) => Some((*row, op.attempts, *said)),
            Fate::Gone if self.id.is_empty() => Some((Recovery::of(410)?, op.attempts, *said)),
            _ => None,
        });
        let longest =
            again.max_by_key(|(row, attempts, said)| row.backoff.wait(*attempts, said.wait));
        let spent = longest
            .filter(|(row, attempts, said)| !self.back_off(now, row, *attempts, said.wait, limits));
        spent.map(|(_, _, said)| said.clone())
    }

    /// Waits before this range is asked again. `false` once its schedule is used up.
    fn back_off(
        &mut self,
        now: Duration,
        row: &Recovery,
        item_attempts: u32,
        hint: Option<Duration>,
        limits: &Budget,
    ) -> bool {
        let backoff = row.backoff.limited(limits);
        let retries = self.range_history.retries.max(item_attempts);
        let until = now + backoff.wait(retries, hint);
        // Requests that were under way together are refused together.
        let alone = self.pause(now).is_zero();
        if alone && row.is_throttled() {
            if self.allowed == 1 {
                self.most = (self.most / 2).max(LEAST);
            }
            (self.allowed, self.good) = ((self.allowed / 2).max(1), 0);
        }
        self.range_history.retries += u32::from(alone);
        self.range_history.waited += until.saturating_sub(self.paused.max(now));
        self.paused = self.paused.max(until);
        self.range_history.waited <= backoff.budget
    }

    /// The range is gone: after a wait the ranges are to be read again. `false` once its schedule is used up.
    pub fn leave(
        &mut self,
        now: Duration,
        item_attempts: u32,
        hint: Option<Duration>,
        limits: &Budget,
    ) -> bool {
        if self.gone {
            return true;
        }
        let retries = self.gone_history.retries.max(item_attempts);
        let history = History {
            retries,
            ..self.gone_history
        };
        let Some(wait) = RANGE_GONE.limited(limits).next(&history, hint) else {
            return false;
        };
        self.gone = true;
        self.gone_history.add(wait);
        self.paused = self.paused.max(now + wait);
        true
    }

    /// Whether the ranges are to be read again on its account, now.
    pub fn is_to_be_found(&self, now: Duration) -> bool {
        self.gone && self.pause(now).is_zero()
    }

    /// A range that came from this one, or is this one in other bounds, has waited as long.
    pub fn follow(&mut self, parent: &Lane) {
        if parent.gone_history.retries > self.gone_history.retries {
            self.gone_history = parent.gone_history;
        }
    }
}

impl Op {
    /// Too large to be one of several.
    pub fn is_huge(&self) -> bool {
        self.operation.len() + 2 > ITEM_BYTES
    }
}
