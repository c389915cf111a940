//! Where a command puts many lines: the target, how far it has come, and what is said of it along the way.

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use super::commands::{Outcome, Trailer, query};
use super::files::{keep, resolved};
use super::output::Output;
use super::progress::{Progress, Sofar};
use super::session::Session;
use super::target::Target;
use crate::cosmos::query::state::State;
use crate::cosmos::sheet::Sheet;
use crate::error::Error;
use crate::message::Answer;

/// Takes pages of lines and remembers how far they are.
pub struct Sink<'a> {
    session: &'a Session<'a>,
    /// Where the lines go.
    pub target: Target,
    /// Where it is kept how far they are.
    file: Option<String>,
    /// What was counted.
    pub trailer: Trailer,
    progress: Progress,
    sofar: Sofar,
    /// When it was last kept, and how long that took.
    kept: Cell<(Instant, Duration)>,
    stuck: bool,
}

/// To keep how far it is takes no more than this part of the time.
const PART: u32 = 10;

impl<'a> Sink<'a> {
    /// Into this target; how far it is goes into the file.
    pub fn new(session: &'a Session<'a>, target: Target, file: Option<String>) -> Sink<'a> {
        Sink {
            session,
            target,
            file,
            trailer: Trailer::default(),
            progress: Progress::new(session.settings.on("quiet"), None),
            sofar: Sofar::default(),
            kept: Cell::new((Instant::now(), Duration::ZERO)),
            stuck: false,
        }
    }

    /// Whether it is kept how far it is.
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Whether lines may be there that were not written whole.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Writes a page, and behind it how far it is.
    pub fn page(
        &mut self,
        output: &mut Output,
        answer: &Answer<Sheet>,
        state: &mut State,
    ) -> Result<(), Error> {
        self.stuck = true;
        output.rows(&answer.value.lines)?;
        self.stuck = false;
        self.count(answer);
        let (kept, took) = self.kept.get();
        // What is no file cannot be cut off where the state ends: then every page counts.
        let due = self.target.is_stream() || kept.elapsed() >= took * PART;
        if due { self.keep(state) } else { Ok(()) }
    }

    fn count(&mut self, answer: &Answer<Sheet>) {
        let sofar = &mut self.sofar;
        self.trailer.add(answer.value.count, answer);
        sofar.items += answer.value.count as u64;
        sofar.charge += answer.charge.unwrap_or_default();
        sofar.sent += u64::from(answer.attempts);
        sofar.throttled += u64::from(answer.attempts.saturating_sub(1));
        self.progress.show(sofar);
    }

    /// Keeps how far it is, once that is on the disk.
    pub fn keep(&self, state: &mut State) -> Result<(), Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let begun = Instant::now();
        state.length = self.target.secured()?;
        keep(file, &state.to_json())?;
        self.kept.set((Instant::now(), begun.elapsed()));
        Ok(())
    }

    /// All of it was written.
    pub fn finish(self, output: &Output) -> Outcome {
        drop(self.progress);
        self.target.finish()?;
        Sink::forget(self.file.as_deref())?;
        query::end(self.session, &self.trailer, None);
        Ok(super::losses(output))
    }

    /// There is nothing left to go on with. A link to the state stays.
    pub fn forget(file: Option<&str>) -> Result<(), Error> {
        let removed = |file| resolved(Path::new(file)).and_then(fs::remove_file);
        match file.map(|file| (file, removed(file))) {
            Some((file, Err(e))) if e.kind() != ErrorKind::NotFound => {
                Err(Error::local(format!("cannot remove {file}: {e}")))
            }
            _ => Ok(()),
        }
    }
}
