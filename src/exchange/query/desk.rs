//! Where pages are laid down: a few threads fetch them, one reader takes their rows.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::leaf::{Head, Leaf, Reading, Sheet};
use super::table::{Found, Job, Table};
use super::{Asked, Spent};
use crate::cosmos::Paging;
use crate::cosmos::query::rows::unwrapped;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::ranges::Ranges;
use crate::error::Error;
use crate::exchange::changes::is_gone;
use crate::exchange::ranges::SPLITS;
use crate::exchange::threads::Watch;
use crate::exchange::{Client, locked};
use crate::message::{Answer, Call, Next, Page, Request};

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

impl<'a> Desk<'a> {
    /// With all ranges that can have rows, or with what an earlier run left of them.
    pub fn new(
        client: &'a Client<'a>,
        asked: &'a Asked<'a>,
        start: Option<State>,
    ) -> Result<Desk<'a>, Error> {
        let mut table = Table::default();
        if asked.plan.limit != Some(0) {
            let ranges = match asked.key {
                Some(_) => Ranges::whole(),
                None => client.ranges(asked.container)?,
            };
            table.lay(asked, start.as_ref(), &ranges);
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

    pub fn count_threads(&self, begun: usize) {
        self.table().spent.threads = begun;
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
        let ended = || self.end_for_all();
        let _watch = Watch(&ended);
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
            match table.find(self.asked, &self.reading)? {
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
        let done = match self.ask(job) {
            Ok((request, answer, sheet)) => {
                let mut table = self.table();
                table.count(job, &answer, sheet.rows.len(), self.asked.metrics);
                if let Some(heard) = self.asked.heard {
                    heard(&table.spent);
                }
                table.put(job, &request, &answer.value, sheet)
            }
            Err(error) if is_gone(&error) => self.repair(job, error),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.table().failed.get_or_insert(error);
        }
        self.moved.notify_all();
    }

    /// Rows are read here, by whoever has fetched them, and only then laid down.
    fn ask(&self, job: &Job) -> Result<(Request, Answer<Option<Next>>, Sheet), Error> {
        let (call, from) = (self.call(job), job.from.clone());
        if self.reading.unwraps() {
            let call = unwrapped(call);
            let (answer, page) = self.client.run(&call)?.parted();
            let next = page.next.clone();
            let sheet = Sheet::ordered(from, page, &self.reading)?;
            return Ok((call.request, answer.with(next), sheet));
        }
        let (answer, page) = self.client.run(&call)?.parted();
        let sheet = Sheet::read(from, page.items, &self.reading)?;
        Ok((call.request, answer.with(page.next), sheet))
    }

    fn call(&self, job: &Job) -> Call<Page> {
        let paging = Paging {
            size: self.asked.size(),
            from: job.from.clone(),
            ..self.asked.paging.clone()
        };
        let across = match &self.asked.key {
            Some(key) => Across::Key(key.clone()),
            None => Across::from(&job.part),
        };
        let call = query::items(self.asked.container, &self.query, &across, &paging);
        match self.asked.metrics {
            true => query::measured(call),
            false => call,
        }
    }

    fn end_for_all(&self) {
        self.table().failed = Some(Error::answer("a thread that reads ranges has ended"));
        self.moved.notify_all();
    }

    /// The ranges are read again, and the leaf becomes one for each that holds a part of it; but what it still holds
    /// comes first.
    fn repair(&self, job: &Job, error: Error) -> Result<(), Error> {
        let Some(times) = self.table().repairs(job.id) else {
            return Ok(());
        };
        if times >= SPLITS || self.asked.key.is_some() {
            return Err(error);
        }
        let ranges = self.client.ranges_again(self.asked.container, times)?;
        self.table().replace(job.id, &ranges);
        Ok(())
    }
}
