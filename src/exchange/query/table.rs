//! What lies on the desk: the ranges that are being read, and which of them is asked or read next.

use super::leaf::{Ahead, Leaf, Sheet};
use super::queue::{Leaves, Queue};
use super::{Asked, Spent};
use crate::cosmos::query::state::State;
use crate::cosmos::ranges::{Part, Ranges};
use crate::error::Error;
use crate::exchange::retry::History;
use crate::message::{Answer, Next, Request};

/// A range has no more pages waiting than this, with the one that is being read.
const PAGES: usize = 2;

/// Once all ranges together hold more than this, none is read ahead.
const HELD: usize = 16 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Table {
    /// In the order of their keys.
    pub leaves: Vec<Leaf>,
    /// Marks of rows that an earlier run has given, a list for each range of that run; none once all of them are passed.
    known: Vec<Vec<u64>>,
    made: usize,
    queue: Queue,
    /// Whose page is read next, where the order of rows does not matter.
    pub turn: usize,
    pub ended: bool,
    pub failed: Option<Error>,
    pub spent: Spent,
}

/// A page that is to be asked for.
pub(super) struct Job {
    pub id: usize,
    pub part: Part,
    pub from: Option<Next>,
}

/// What the reader finds.
pub(super) enum Found {
    /// The next row is at the front of this leaf.
    Row(usize),
    /// This leaf has to be waited for.
    Wait(usize),
    /// Nothing more.
    Nothing,
}

impl Table {
    /// All ranges that can have rows, or what an earlier run left of them.
    pub fn lay(&mut self, asked: &Asked, start: Option<&State>, ranges: &Ranges) {
        if let Some(start) = start.filter(|start| !start.left.is_empty() || start.passed > 0) {
            for left in &start.left {
                self.known.push(left.given.clone());
                let known = Some(self.known.len() - 1).filter(|_| !left.given.is_empty());
                for part in ranges.parts(&left.part.min, &left.part.max) {
                    self.made += 1;
                    let mut leaf = Leaf::new(self.made, part, left.from.clone());
                    leaf.known = known;
                    self.leaves.push(leaf);
                }
            }
            return;
        }
        let whole = (String::new(), "FF".to_string());
        let (min, max) = asked.between.as_ref().unwrap_or(&whole);
        let mut parts = ranges.parts(min, max);
        let may_be_in = |part: &Part| asked.plan.may_be_in(&part.min, &part.max);
        if parts.iter().any(may_be_in) {
            parts.retain(may_be_in);
        }
        for part in parts {
            self.made += 1;
            self.leaves.push(Leaf::new(self.made, part, None));
        }
    }

    fn leaf(&mut self, id: usize) -> Option<&mut Leaf> {
        self.leaves.iter_mut().find(|leaf| leaf.id == id)
    }

    /// What to ask for next: for who has nothing, else for who has least, as long as there is room.
    pub fn pick(&mut self) -> Option<Job> {
        let held: usize = self.leaves.iter().map(Leaf::bytes).sum();
        let most = if held < HELD { PAGES } else { 1 };
        let places = self.leaves.iter().enumerate();
        let open = places.filter(|(_, leaf)| leaf.can_be_asked() && leaf.waiting() < most);
        let hungry = |leaf: &Leaf| leaf.is_hungry();
        let best = open
            .filter(|(_, leaf)| hungry(leaf) || most == PAGES)
            .min_by_key(|(_, leaf)| (!hungry(leaf), leaf.waiting()));
        let at = best.map(|(at, _)| at)?;
        self.job(at)
    }

    /// The next page of a leaf.
    pub fn job(&mut self, at: usize) -> Option<Job> {
        let leaf = self.leaves.get_mut(at).filter(|leaf| !leaf.busy)?;
        let Ahead::Page(from) = &leaf.ahead else {
            return None;
        };
        leaf.busy = true;
        Some(Job {
            id: leaf.id,
            part: leaf.part.clone(),
            from: from.clone(),
        })
    }

    /// Lays an answer down.
    pub fn put(
        &mut self,
        job: &Job,
        request: &Request,
        next: &Option<Next>,
        sheet: Sheet,
    ) -> Result<(), Error> {
        let Some(leaf) = self.leaf(job.id) else {
            return Ok(());
        };
        (leaf.busy, leaf.gone, leaf.range_history) = (false, false, History::default());
        if let Some(next) = next {
            leaf.turns.turn(request, next)?;
        }
        leaf.ahead = match next {
            Some(next) => Ahead::Page(Some(next.clone())),
            None => Ahead::End,
        };
        leaf.add(sheet);
        let held: usize = self.leaves.iter().map(Leaf::bytes).sum();
        self.spent.held = self.spent.held.max(held);
        Ok(())
    }

    pub fn count(&mut self, job: &Job, answer: &Answer<Option<Next>>, rows: usize, measured: bool) {
        let spent = &mut self.spent;
        spent.pages += 1;
        spent.rows += rows as u64;
        spent.attempts += u64::from(answer.attempts);
        if let Some(charge) = answer.charge {
            *spent.charge.get_or_insert(0.0) += charge;
        }
        spent.elapsed += answer.elapsed;
        spent.activity = answer.activity.clone().or(spent.activity.take());
        if measured {
            let range = match job.part.range.as_str() {
                "" => "the service".to_string(),
                id => format!("range {id}"),
            };
            spent.metrics.add(&range, &answer.metrics);
        }
    }

    /// How often a leaf was gone since its last page; `None` where its rows are to be used up first.
    pub fn range_history(&mut self, id: usize) -> Option<History> {
        let leaf = self.leaf(id)?;
        leaf.gone = true;
        if !leaf.is_hungry() {
            leaf.busy = false;
            return None;
        }
        Some(leaf.range_history)
    }

    /// A leaf becomes one for each range that holds a part of it.
    pub fn replace(&mut self, id: usize, ranges: &Ranges, range_history: History) {
        let Some(at) = self.leaves.iter().position(|leaf| leaf.id == id) else {
            return;
        };
        self.queue.clear();
        let leaf = self.leaves.remove(at);
        let parts = ranges.parts(&leaf.part.min, &leaf.part.max);
        if at < self.turn {
            self.turn += parts.len().saturating_sub(1);
        }
        for (place, part) in (at..).zip(parts) {
            self.made += 1;
            let mut child = leaf.child(self.made, part);
            child.range_history = range_history;
            self.leaves.insert(place, child);
        }
    }

    /// Where the next row is.
    pub fn find(&mut self, asked: &Asked) -> Result<Found, Error> {
        let merging = !asked.plan.order.is_empty() && !asked.plan.drains;
        if !self.has_next(merging)
            && let Some(other) = self.look_through(merging)
        {
            return Ok(other);
        }
        if !merging {
            return Ok(Found::Row(self.turn));
        }
        let among = Leaves {
            order: &asked.plan.order,
            leaves: &self.leaves,
        };
        self.queue.least(&among).map(Found::Row)
    }

    /// Whether the only leaf that may have changed since a row was found has another one.
    fn has_next(&mut self, merging: bool) -> bool {
        let at = match merging {
            true => self.queue.first(),
            false => Some(self.turn).filter(|_| self.known.is_empty()),
        };
        let Some(leaf) = at.and_then(|at| self.leaves.get_mut(at)) else {
            return false;
        };
        leaf.raise(&mut self.known);
        leaf.has_head()
    }

    /// All leaves: whether one has to be waited for, or there are none left.
    fn look_through(&mut self, merging: bool) -> Option<Found> {
        for leaf in &mut self.leaves {
            leaf.raise(&mut self.known);
        }
        self.forget_ended();
        if self.turn >= self.leaves.len() {
            self.turn = 0;
        }
        let turn = self.turn;
        // What an earlier run has given is passed by all before anything is given.
        let needed = |at: usize, leaf: &Leaf| merging || leaf.known.is_some() || at == turn;
        let mut places = self.leaves.iter().enumerate();
        let missing = places.find(|(at, leaf)| !leaf.has_head() && needed(*at, leaf));
        match missing {
            _ if self.leaves.is_empty() => Some(Found::Nothing),
            Some((at, _)) => Some(Found::Wait(at)),
            None => {
                self.known.clear();
                None
            }
        }
    }

    fn forget_ended(&mut self) {
        let gone = |leaf: &Leaf| leaf.is_over();
        let before = self.leaves.iter().take(self.turn).filter(|leaf| gone(leaf));
        self.turn -= before.count();
        let were = self.leaves.len();
        self.leaves.retain(|leaf| !gone(leaf));
        if self.leaves.len() != were {
            self.queue.clear();
        }
    }
}
