//! A query that the client puts together from the answers of several ranges.

use crate::cli::files::{keep, kept};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{ACTION, Query};
use crate::cosmos::{Container, Paging, containers};
use crate::error::Error;
use crate::exchange::changes::recreated;
use crate::exchange::query::{Asked, Rows, Spent};

/// Which items are asked for.
pub enum Scope<'a> {
    /// All.
    All,
    /// Those of a key.
    Key(&'a PartitionKey),
    /// Those whose keys begin like this one: between two effective keys.
    Levels(&'a PartitionKey, (String, String)),
}

/// The query, its plan, and what of the container it is about.
pub struct Ranged<'a, 's> {
    pub session: &'a Session<'s>,
    pub container: &'a Container,
    pub query: &'a Query,
    pub plan: &'a Plan,
    pub scope: Scope<'a>,
    pub file: Option<&'a str>,
    pub paging: Paging,
    pub most: usize,
}

impl Ranged<'_, '_> {
    /// Prints the rows; how many there were, and what they took.
    pub fn run(self, output: &mut Output) -> Result<(usize, Spent), Error> {
        let settings = self.session.settings;
        let file = self.file;
        let state = file.map(|file| self.state(file)).transpose()?;
        let (key, between) = match self.scope {
            Scope::All => (None, None),
            Scope::Key(key) => (Some(key.clone()), None),
            Scope::Levels(_, between) => (None, Some(between)),
        };
        let every = self.paging.size.unwrap_or(1000).max(1) as usize;
        let asked = Asked {
            container: self.container,
            query: self.query,
            plan: self.plan,
            key,
            between,
            paging: self.paging,
            most: u64::try_from(self.most)
                .ok()
                .filter(|_| self.most < usize::MAX),
            parallel: settings.number("parallel")?.unwrap_or_else(cores),
            metrics: settings.on("metrics"),
        };
        let mut printed = 0;
        let spent = self.session.flow(ACTION, |client| {
            client.merged(&asked, state, &mut |rows| {
                let mut work = || {
                    while printed < self.most
                        && let Some(row) = rows.next()
                    {
                        output.row(&row?)?;
                        printed += 1;
                        if let Some(file) = file.filter(|_| printed % every == 0) {
                            keep_state(file, rows, output)?;
                        }
                    }
                    Ok(())
                };
                let done = work();
                // Also where it failed: another run goes on from there.
                let kept = file.map(|file| keep_state(file, rows, output));
                done.and(kept.unwrap_or(Ok(())))
            })
        })?;
        Ok((printed, spent))
    }

    /// Where to go on: what the file says, if it is about this container and query.
    fn state(&self, file: &str) -> Result<State, Error> {
        let found = self.session.run(&containers::read(self.container))?.value;
        let rid = containers::rid_of(&found);
        let rid = rid.ok_or_else(|| Error::answer("the container has no _rid"))?;
        let key = match &self.scope {
            Scope::All => None,
            Scope::Key(key) | Scope::Levels(key, _) => Some(*key),
        };
        let new = State::new(&rid, self.query, key);
        let Some(text) = kept(file)? else {
            return Ok(new);
        };
        let state = State::from_json(&text)?;
        match state {
            state if state.query != new.query => Err(Error::Usage(
                "--state: the file belongs to another query, other parameters or another key"
                    .into(),
            )),
            state if state.container != rid => Err(recreated()),
            state => Ok(state),
        }
    }
}

/// What is held back for the width of a column is not printed yet.
fn keep_state(file: &str, rows: &Rows, output: &mut Output) -> Result<(), Error> {
    output.spill()?;
    match rows.state() {
        Some(state) => keep(file, &state.to_json()),
        None => Ok(()),
    }
}

/// One for each core, and at least four: threads wait more than they work. What a quota leaves of a core says nothing
/// of how many can wait, so the standard library's own count, which is long, is not asked.
fn cores() -> usize {
    let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = cores.lines().filter(|line| line.starts_with("processor"));
    cores.count().max(4)
}
