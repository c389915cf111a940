//! Where pages are laid down: a few threads fetch them, one reader takes their rows.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::leaf::{Ahead, Head, Leaf, Reading, Sheet};
use super::{Asked, Spent};
use crate::cosmos::Paging;
use crate::cosmos::query::sort::compare;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::ranges::{Part, Ranges};
use crate::error::Error;
use crate::exchange::changes::is_gone;
use crate::exchange::{Client, locked};
use crate::message::{Answer, Call, Next, Page};

/// A range has no more pages waiting than this, with the one that is being read.
const PAGES: usize = 2;

/// Once all ranges together hold more than this, none is read ahead.
const HELD: usize = 16 * 1024 * 1024;

/// What the threads and the reader share.
pub(super) struct Desk<'a> {
    client: &'a Client<'a>,
    pub asked: &'a Asked<'a>,
    query: Query,
    reading: Reading,
    start: Option<State>,
    table: Mutex<Table>,
    moved: Condvar,
}

#[derive(Default)]
struct Table {
    /// In the order of their keys.
    leaves: Vec<Leaf>,
    /// Marks of rows that an earlier run has given, a list for each range of that run.
    known: Vec<Vec<u64>>,
    made: usize,
    /// Whose page is read next, where the order of rows does not matter.
    turn: usize,
    ended: bool,
    failed: Option<Error>,
    spent: Spent,
}

/// A page that is to be asked for.
struct Job {
    id: usize,
    part: Part,
    from: Option<Next>,
}

/// What the reader finds.
enum Found {
    /// The next row is at the front of this leaf.
    Row(usize),
    /// This leaf has to be waited for.
    Wait(usize),
    /// Nothing more.
    Nothing,
}

impl<'a> Desk<'a> {
    /// With all ranges that can have rows, or with what an earlier run left of them.
    pub fn new(
        client: &'a Client<'a>,
        asked: &'a Asked<'a>,
        start: Option<State>,
    ) -> Result<Desk<'a>, Error> {
        let mut table = Table::default();
        if asked.plan.limit != Some(0) {
            table.lay(asked, start.as_ref(), &client.ranges(asked.container)?);
        }
        table.spent.ranges = table.leaves.len();
        Ok(Desk {
            client,
            asked,
            query: asked.query.rewritten(asked.plan),
            reading: Reading {
                expressions: asked.plan.order.len(),
                marked: start.is_some(),
            },
            start,
            table: Mutex::new(table),
            moved: Condvar::new(),
        })
    }

    pub fn ranges(&self) -> usize {
        self.table().leaves.len()
    }

    pub fn count_thread(&self, begun: bool) {
        self.table().spent.threads += usize::from(begun);
    }

    pub fn spent(&self) -> Spent {
        self.table().spent.clone()
    }

    /// How many rows an earlier run has passed.
    pub fn passed(&self) -> u64 {
        self.start.as_ref().map_or(0, |start| start.passed)
    }

    /// How far it has come, for another run.
    pub fn state(&self, passed: u64) -> Option<State> {
        let start = self.start.as_ref()?;
        let table = self.table();
        // What an earlier run gave has not been passed yet.
        if table.leaves.iter().any(|leaf| leaf.known.is_some()) {
            return Some(start.clone());
        }
        Some(State {
            passed,
            left: table.leaves.iter().filter_map(Leaf::left).collect(),
            ..start.clone()
        })
    }

    /// The threads may go.
    pub fn end(&self) {
        self.table().ended = true;
        self.moved.notify_all();
    }

    /// Fetches whatever is wanted most, until the end.
    pub fn serve(&self) {
        let mut table = self.table();
        while !table.ended && table.failed.is_none() {
            table = match table.pick() {
                Some(job) => {
                    drop(table);
                    self.fetch(&job);
                    self.table()
                }
                None => self.pause(table),
            }
        }
    }

    /// The next row of all ranges, in the order of the plan.
    pub fn next(&self) -> Result<Option<Head>, Error> {
        let mut table = self.table();
        loop {
            if let Some(error) = table.failed.take() {
                return Err(error);
            }
            match table.find(self)? {
                Found::Nothing => return Ok(None),
                Found::Row(at) => return Ok(self.take(&mut table, at)),
                Found::Wait(at) => table = self.wait(table, at),
            }
        }
    }

    fn take(&self, table: &mut Table, at: usize) -> Option<Head> {
        let leaf = table.leaves.get_mut(at)?;
        let head = leaf.take();
        if leaf.has_turned() {
            // Range after range, a page of each: all of them are read ahead alike. Or the first to its end.
            table.turn += usize::from(!self.asked.is_easily_satisfied());
            self.moved.notify_all();
        }
        head
    }

    /// Until somebody has brought something; without threads that is the reader.
    fn wait<'t>(&'t self, mut table: MutexGuard<'t, Table>, at: usize) -> MutexGuard<'t, Table> {
        if table.spent.threads > 0 {
            // Looking for a row may have used up pages: there is room for others.
            self.moved.notify_all();
            return self.pause(table);
        }
        let job = table.job(at);
        drop(table);
        if let Some(job) = job {
            self.fetch(&job);
        }
        self.table()
    }

    fn pause<'t>(&self, table: MutexGuard<'t, Table>) -> MutexGuard<'t, Table> {
        let waited = self.moved.wait(table);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        locked(&self.table)
    }

    fn fetch(&self, job: &Job) {
        let call = self.call(job);
        let done = match self.client.run(&call) {
            Ok(answer) => self.table().put(job, &call, answer, self.asked.metrics),
            Err(error) if is_gone(&error) => self.repair(job, error),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.table().failed.get_or_insert(error);
        }
        self.moved.notify_all();
    }

    fn call(&self, job: &Job) -> Call<Page> {
        let paging = Paging {
            size: self.asked.size(),
            from: job.from.clone(),
            ..self.asked.paging.clone()
        };
        let across = Across::from(&job.part);
        let call = query::items(self.asked.container, &self.query, &across, &paging);
        match self.asked.metrics {
            true => query::measured(call),
            false => call,
        }
    }

    /// The ranges are read again, and the leaf becomes one for each that holds a part of it; but what it still holds
    /// comes first.
    fn repair(&self, job: &Job, error: Error) -> Result<(), Error> {
        let Some(times) = self.table().repairs(job.id) else {
            return Ok(());
        };
        match self.client.ranges_after(self.asked.container, times)? {
            Some(ranges) => {
                self.table().replace(job.id, &ranges);
                Ok(())
            }
            None => Err(error),
        }
    }
}

impl Table {
    fn lay(&mut self, asked: &Asked, start: Option<&State>, ranges: &Ranges) {
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
    fn pick(&mut self) -> Option<Job> {
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

    fn job(&mut self, at: usize) -> Option<Job> {
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

    fn put(
        &mut self,
        job: &Job,
        call: &Call<Page>,
        answer: Answer<Page>,
        measured: bool,
    ) -> Result<(), Error> {
        self.count(job, &answer, measured);
        let Some(leaf) = self.leaf(job.id) else {
            return Ok(());
        };
        (leaf.busy, leaf.gone, leaf.repairs) = (false, false, 0);
        if let Some(next) = &answer.value.next {
            leaf.turns
                .turn(&call.request, next, answer.value.items.is_empty())?;
        }
        leaf.ahead = match answer.value.next {
            Some(next) => Ahead::Page(Some(next)),
            None => Ahead::End,
        };
        leaf.add(Sheet::new(job.from.clone(), answer.value.items));
        let held: usize = self.leaves.iter().map(Leaf::bytes).sum();
        self.spent.held = self.spent.held.max(held);
        Ok(())
    }

    fn count(&mut self, job: &Job, answer: &Answer<Page>, measured: bool) {
        let spent = &mut self.spent;
        spent.pages += 1;
        if let Some(charge) = answer.charge {
            *spent.charge.get_or_insert(0.0) += charge;
        }
        spent.elapsed += answer.elapsed;
        spent.activity = answer.activity.clone().or(spent.activity.take());
        if measured {
            let range = format!("range {}", job.part.range);
            spent.metrics.add(&range, &answer.metrics);
        }
    }

    /// How often a leaf was gone; `None` where its rows are to be used up first.
    fn repairs(&mut self, id: usize) -> Option<u32> {
        let leaf = self.leaf(id)?;
        leaf.gone = true;
        if !leaf.is_hungry() {
            leaf.busy = false;
            return None;
        }
        leaf.repairs += 1;
        Some(leaf.repairs)
    }

    fn replace(&mut self, id: usize, ranges: &Ranges) {
        let Some(at) = self.leaves.iter().position(|leaf| leaf.id == id) else {
            return;
        };
        let leaf = self.leaves.remove(at);
        let parts = ranges.parts(&leaf.part.min, &leaf.part.max);
        if at < self.turn {
            self.turn += parts.len().saturating_sub(1);
        }
        for (place, part) in (at..).zip(parts) {
            self.made += 1;
            self.leaves.insert(place, leaf.child(self.made, part));
        }
    }

    /// Where the next row is.
    fn find(&mut self, desk: &Desk) -> Result<Found, Error> {
        let merging = desk.reading.expressions > 0 && !desk.asked.plan.drains;
        for leaf in &mut self.leaves {
            leaf.raise(&desk.reading, &mut self.known)?;
        }
        self.forget_ended();
        if self.turn >= self.leaves.len() {
            self.turn = 0;
        }
        let turn = self.turn;
        // What an earlier run has given is passed by all before anything is given.
        let needed = |at: usize, leaf: &Leaf| merging || leaf.known.is_some() || at == turn;
        let mut places = self.leaves.iter().enumerate();
        let missing = places.find(|(at, leaf)| leaf.head().is_none() && needed(*at, leaf));
        match missing {
            _ if self.leaves.is_empty() => Ok(Found::Nothing),
            Some((at, _)) => Ok(Found::Wait(at)),
            None if merging => self.least(desk).map(Found::Row),
            None => Ok(Found::Row(turn)),
        }
    }

    fn forget_ended(&mut self) {
        let gone = |leaf: &Leaf| leaf.is_over();
        let before = self.leaves.iter().take(self.turn).filter(|leaf| gone(leaf));
        self.turn -= before.count();
        self.leaves.retain(|leaf| !gone(leaf));
    }

    /// The leaf with the least row; of equal ones the first.
    fn least(&self, desk: &Desk) -> Result<usize, Error> {
        let mut heads = self.leaves.iter().enumerate();
        let mut heads = heads
            .by_ref()
            .filter_map(|(at, leaf)| Some((at, leaf.head()?)));
        let Some((mut least, mut best)) = heads.next() else {
            return Ok(0);
        };
        for (at, head) in heads {
            if compare(&desk.asked.plan.order, &head.keys, &best.keys)?.is_lt() {
                (least, best) = (at, head);
            }
        }
        Ok(least)
    }
}
