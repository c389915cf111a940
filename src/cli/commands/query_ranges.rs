//! A query that the client puts together from the answers of several ranges.

use crate::cli::files::kept;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{ACTION, Query};
use crate::cosmos::sheet::stripped;
use crate::cosmos::{Container, Paging};
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
    pub paging: Paging,
    pub most: usize,
    /// Without what the service adds to an item.
    pub strip: bool,
    /// Where to go on, where that is to be kept.
    pub state: Option<State>,
    /// Writes down where to go on, once all rows up to there are out.
    pub keep: &'a dyn Fn(State) -> Result<(), Error>,
    /// Is told how far it is.
    pub heard: Option<&'a (dyn Fn(&Spent) + Sync)>,
}

impl<'a> Scope<'a> {
    /// The key it is about.
    pub fn key(&self) -> Option<&'a PartitionKey> {
        match self {
            Scope::All => None,
            Scope::Key(key) | Scope::Levels(key, _) => Some(*key),
        }
    }
}

impl Ranged<'_, '_> {
    /// Prints the rows; how many there were, and what they took.
    pub fn run(self, output: &mut Output) -> Result<(usize, Spent), Error> {
        let settings = self.session.settings;
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
            parallel: parallel(settings)?,
            metrics: settings.on("metrics"),
            heard: self.heard,
        };
        let mut printed = 0;
        let spent = self.session.flow(ACTION, |client| {
            client.merged(&asked, self.state, &mut |rows| {
                let mut work = || {
                    while printed < self.most
                        && let Some(row) = rows.row()?
                    {
                        print(output, row, self.strip)?;
                        printed += 1;
                        if printed % every == 0 {
                            keep_state(self.keep, rows, output)?;
                        }
                    }
                    Ok(())
                };
                let done = work();
                // Also where it failed, but for what could not be written: another run goes on from there.
                match done {
                    Err(Error::Local(_) | Error::Closed) => done,
                    done => done.and(keep_state(self.keep, rows, output)),
                }
            })
        })?;
        Ok((printed, spent))
    }
}

fn print(output: &mut Output, row: &str, strip: bool) -> Result<(), Error> {
    match strip {
        true => output.text_row(&stripped(row)),
        false => output.text_row(row),
    }
}

/// Where to go on: what the file says, if it is about this container and about what is asked.
pub fn state(file: &str, rid: &str, asked: &str) -> Result<State, Error> {
    let new = State::new(rid, asked);
    let Some(text) = kept("--state", file)? else {
        return Ok(new);
    };
    match State::from_json(&text)? {
        state if state.query != new.query => Err(Error::Usage(
            "--state: the file belongs to another query, other parameters, another key or other options"
                .into(),
        )),
        state if state.container != rid => Err(recreated()),
        state => Ok(state),
    }
}

/// What is held back for the width of a column is not printed yet.
fn keep_state(
    keep: &dyn Fn(State) -> Result<(), Error>,
    rows: &Rows,
    output: &mut Output,
) -> Result<(), Error> {
    output.spill()?;
    rows.state().map_or(Ok(()), keep)
}

/// `--parallel`, or one thread for each core that this process may use, and at least four: they wait more than they work.
pub fn parallel(settings: &Settings) -> Result<usize, Error> {
    let cores = || {
        let cores = std::thread::available_parallelism();
        cores.map_or(4, |cores| cores.get().max(4))
    };
    Ok(settings.number("parallel")?.unwrap_or_else(cores))
}
