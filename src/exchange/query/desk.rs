//! Where pages are laid down: a few threads fetch them, one reader takes their rows.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::leaf::{Leaf, Sheet};
use super::table::{Found, Job, Table};
use super::{Asked, Spent};
use crate::cosmos::Paging;
use crate::cosmos::query::rows::{Block, Row, block};
use crate::cosmos::query::state::State;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::ranges::Ranges;
use crate::error::Error;
use crate::exchange::retry::is_gone;
use crate::exchange::threads::Watch;
use crate::exchange::{Client, locked};
use crate::message::{Answer, Call, Next, Request};

/// What the threads and the reader share.
pub(super) struct Desk<'a> {
    client: &'a Client<'a>,
    pub asked: &'a Asked<'a>,
    query: Query,
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
                None => client.until(|| client.ranges(asked.container))?,
            };
            table.lay(asked, start.as_ref(), &ranges);
        }
        table.spent.ranges = table.leaves.len();
        Ok(Desk {
            client,
            asked,
            query: asked.query.rewritten(asked.plan),
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

    /// Gives the next row of all ranges, in the order of the plan, to `each`; whether there was one.
    pub fn next(&self, each: &mut dyn FnMut(&Row)) -> Result<bool, Error> {
        let mut table = self.table();
        loop {
            if let Some(error) = table.failed.take() {
                return Err(error);
            }
            match table.find(self.asked)? {
                Found::Nothing => return Ok(false),
                Found::Row(at) => {
                    self.take(&mut table, at, each);
                    return Ok(true);
                }
                Found::Wait(at) => table = self.wait(table, at),
            }
        }
    }

    fn take(&self, table: &mut Table, at: usize, each: &mut dyn FnMut(&Row)) {
        let Some(leaf) = table.leaves.get_mut(at) else {
            return;
        };
        leaf.take(each);
        if leaf.has_turned() {
            // Range after range, a page of each: all of them are read ahead alike. Or the first to its end.
            table.turn += usize::from(!self.asked.is_easily_satisfied());
            self.moved.notify_all();
        }
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
                table.count(job, &answer, sheet.block.len(), self.asked.metrics);
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
        let call = self.call(job);
        let ask = || self.client.run(&call);
        let answer = self.client.until_gone(&|| self.is_over(), ask)?;
        let (answer, mut block) = answer.parted();
        block.is_by(self.asked.plan.order.len())?;
        let answer = answer.with(block.next.take());
        Ok((call.request, answer, Sheet::new(job.from.clone(), block)))
    }

    fn call(&self, job: &Job) -> Call<Block> {
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
        let call = match self.asked.metrics {
            true => query::measured(call),
            false => call,
        };
        block(
            call,
            !self.asked.plan.order.is_empty(),
            self.start.is_some(),
        )
    }

    fn end_for_all(&self) {
        self.table().failed = Some(Error::answer("a thread that reads ranges has ended"));
        self.moved.notify_all();
    }

    /// Nothing more is to be read.
    fn is_over(&self) -> bool {
        let table = self.table();
        table.ended || table.failed.is_some()
    }

    /// The ranges are read again, and the leaf becomes one for each that holds a part of it; but what it still holds
    /// comes first.
    fn repair(&self, job: &Job, error: Error) -> Result<(), Error> {
        let Some(mut range_history) = self.table().range_history(job.id) else {
            return Ok(());
        };
        if self.asked.key.is_some() {
            return Err(error);
        }
        let (client, container) = (self.client, self.asked.container);
        let ranges =
            client.ranges_again(container, &mut range_history, error, &|| self.is_over())?;
        self.table().replace(job.id, &ranges, range_history);
        Ok(())
    }
}
