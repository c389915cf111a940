//! All items of a container, or of a plain query: several ranges are read at once, and their pages are handed over
//! whole, one after the other.

mod table;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::changes::recreated;
use super::retry::is_gone;
use super::threads::{Watch, with_help};
use super::{Client, locked};
use crate::cosmos::effective_key::contains;
use crate::cosmos::key_definition::Definition;
use crate::cosmos::query::Query;
use crate::cosmos::query::state::{Left, State};
use crate::cosmos::ranges::Part;
use crate::cosmos::sheet::{self, Sheet};
use crate::cosmos::{Container, Paging};
use crate::error::Error;
use crate::message::{Answer, Call, Page, Response};
use table::{Job, Table};

/// What is read, and how.
pub struct Sweep<'a> {
    /// Of which container.
    pub container: &'a Container,
    /// Its partition key; without a query, the items of a part are told by it, too.
    pub definition: &'a Definition,
    /// Only what this query finds. Its rows must need no merging.
    pub query: Option<&'a Query>,
    /// Size of a page, session and consistency.
    pub paging: Paging,
    /// Without what the service adds to an item.
    pub strip: bool,
    /// How many ranges are read at once.
    pub parallel: usize,
    /// Range after range instead of whatever page comes first.
    pub ordered: bool,
}

/// Takes a page, and what the state is once the page is dealt with.
pub type Each<'a> = dyn FnMut(&Answer<Sheet>, &mut State) -> Result<(), Error> + 'a;

/// Everything between two effective keys, nothing of which is read.
pub fn whole(min: String, max: String) -> Left {
    Left {
        part: Part {
            range: String::new(),
            min,
            max,
            within: false,
        },
        from: None,
        given: Vec::new(),
    }
}

impl Client<'_> {
    /// Reads what the state says is left, and moves it forward. `each` gets every page, the empty ones too. Whoever
    /// keeps the state after its page is dealt with loses nothing; after a crash in between, that page comes again.
    ///
    /// A range that was split or merged is followed. Memory stays within a few pages, however many ranges there are.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the container is another one than the state's.
    pub fn sweep(&self, sweep: &Sweep, state: &mut State, each: &mut Each) -> Result<(), Error> {
        if state.left.is_empty() {
            return Ok(());
        }
        let ranges = self.until(|| self.ranges(sweep.container))?;
        let desk = Desk {
            client: self,
            sweep,
            rid: state.container.clone(),
            table: Mutex::new(Table::new(state, &ranges, sweep.ordered)),
            moved: Condvar::new(),
        };
        let threads = sweep.parallel.min(desk.table().leaves());
        with_help(threads, &|| desk.serve(), &mut |threads| {
            // Without any thread the pages are fetched here.
            let done = desk.hand_over(threads == 0, state, each);
            desk.table().ended = true;
            desk.moved.notify_all();
            done
        })
    }
}

/// What the threads and the reader share.
struct Desk<'a> {
    client: &'a Client<'a>,
    sweep: &'a Sweep<'a>,
    rid: String,
    table: Mutex<Table>,
    moved: Condvar,
}

impl Desk<'_> {
    fn table(&self) -> MutexGuard<'_, Table> {
        locked(&self.table)
    }

    fn wait<'t>(&self, table: MutexGuard<'t, Table>) -> MutexGuard<'t, Table> {
        let waited = self.moved.wait(table);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches pages until the end.
    fn serve(&self) {
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
                None => self.wait(table),
            };
        }
    }

    fn hand_over(&self, alone: bool, state: &mut State, each: &mut Each) -> Result<(), Error> {
        while let Some(answer) = self.next(alone, state)? {
            self.moved.notify_all();
            each(&answer, state)?;
            self.table().written(&answer.value);
            self.moved.notify_all();
        }
        Ok(())
    }

    /// The next page, and with it the state; nothing once all was handed over.
    fn next(&self, alone: bool, state: &mut State) -> Result<Option<Answer<Sheet>>, Error> {
        let mut table = self.table();
        loop {
            if let Some(error) = table.failed.take() {
                return Err(error);
            }
            if table.leaves() == 0 {
                return Ok(None);
            }
            if let Some(taken) = table.take(state) {
                return Ok(Some(taken));
            }
            let job = if alone { table.pick() } else { None };
            table = match job {
                Some(job) => {
                    drop(table);
                    self.fetch(&job);
                    self.table()
                }
                None => self.wait(table),
            };
        }
    }

    fn fetch(&self, job: &Job) {
        let call = self.call(job);
        let read = |response: &mut Response| sheet::read(response, self.sweep.strip);
        let ask = || self.client.run_by(&call, read);
        let done = match self.client.until_gone(&|| self.is_over(), ask) {
            Ok(answer) => self.put(job, &call, answer),
            Err(error) if is_gone(&error) => self.repair(job, error),
            // Not every gateway takes the bounds of a part: then the whole range is read, and the rest left out here.
            Err(error) if job.is_bounded() && self.tells() && error.is_status(400) => {
                self.table().unbind(job.id);
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.table().failed.get_or_insert(error);
        }
        self.moved.notify_all();
    }

    /// Whether an item tells itself whether it is in a part.
    fn tells(&self) -> bool {
        self.sweep.query.is_none()
    }

    fn call(&self, job: &Job) -> Call<Page> {
        let Sweep {
            container, paging, ..
        } = self.sweep;
        let paging = Paging {
            from: job.from.clone(),
            ..paging.clone()
        };
        let part = Part {
            within: job.is_bounded(),
            ..job.part.clone()
        };
        match self.sweep.query {
            Some(query) => sheet::rows(container, query, &part, &paging),
            None => sheet::items(container, &part, &paging),
        }
    }

    /// Lines are made ready here, by whoever has fetched them, and only then laid down.
    fn put(&self, job: &Job, call: &Call<Page>, mut answer: Answer<Sheet>) -> Result<(), Error> {
        let sheet = &mut answer.value;
        if sheet.rid.as_ref().is_some_and(|rid| *rid != self.rid) {
            return Err(recreated());
        }
        let size = sheet.lines.len();
        if job.part.within && self.tells() {
            sheet.keep(&|item| self.is_in(&job.part, item))?;
        }
        self.table().put(job.id, &call.request, answer, size)
    }

    fn is_in(&self, part: &Part, item: &str) -> Result<bool, Error> {
        let definition = self.sweep.definition;
        let key = definition.extract(item).map_err(Error::answer)?;
        Ok(contains(&part.min, &part.max, &definition.effective(&key)))
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

    /// The ranges are read again, and the leaf becomes one for each that holds a part of it.
    fn repair(&self, job: &Job, error: Error) -> Result<(), Error> {
        let mut range_history = self.table().range_history(job.id);
        let (client, container) = (self.client, self.sweep.container);
        let ranges =
            client.ranges_again(container, &mut range_history, error, &|| self.is_over())?;
        self.table().replace(job.id, &ranges, range_history);
        Ok(())
    }
}
