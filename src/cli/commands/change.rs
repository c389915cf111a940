//! A change through ARM: whether it is needed, and waiting until it is made.

use std::cell::Cell;
use std::time::Duration;

use serde_json::value::RawValue;

use super::database::finish;
use crate::arm::operation::{self, Started};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::exchange::poll::Watch;
use crate::message::{Answer, Call};
use crate::name::Endpoint;

/// Databases, containers and grants take seconds; this is when something is wrong.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often somebody who waits is told that it goes on.
const REMINDER: Duration = Duration::from_secs(30);

/// Seconds between questions for a resource that was made and is not found yet.
const NOT_YET_SECONDS: [u64; 5] = [1, 1, 2, 4, 4];

/// Whether what was found, if anything, is what was waited for.
type Done<'a> = &'a dyn Fn(Option<&RawValue>) -> bool;

/// What is to be made or deleted.
pub struct Change<'a, 's> {
    /// Who asks.
    pub session: &'a Session<'s>,
    /// The management endpoint.
    pub endpoint: &'a Endpoint,
    /// Shows it, if it is there.
    pub show: Call<Box<RawValue>>,
    /// In words: `database mi-test`.
    pub what: String,
    /// The command that shows it.
    pub look: String,
    /// ARM's code where it alone is absent, not the account or the group it would be in.
    pub absent: &'static str,
    /// How long it is waited for.
    pub limit: Duration,
}

impl<'a, 's> Change<'a, 's> {
    /// Of something within an account.
    pub fn new(
        session: &'a Session<'s>,
        endpoint: &'a Endpoint,
        show: Call<Box<RawValue>>,
        what: String,
        look: String,
    ) -> Change<'a, 's> {
        Change {
            session,
            endpoint,
            show,
            what,
            look,
            absent: "NotFound",
            limit: PATIENCE,
        }
    }

    /// What is already there under that name: with `--if-not-exists` it is the answer, without it is a conflict,
    /// because a second `PUT` would silently replace its settings.
    pub fn existing(&self) -> Result<Option<Answer<Box<RawValue>>>, Error> {
        let session = self.session;
        if session.is_rehearsal() {
            let note = "first a GET of the same URL, which must answer 404";
            session.client.note(note);
            return Ok(None);
        }
        match session.run(&self.show) {
            Ok(there) if session.settings.on("if-not-exists") => Ok(Some(there)),
            Ok(there) => {
                self.refuse_failed(&there.value)?;
                Err(Error::conflict(format!(
                    "{} exists already; with --if-not-exists that is fine",
                    self.what
                )))
            }
            Err(e) if self.is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// ARM answers 204 for what was not there; a user who mistyped a name wants to know.
    pub fn must_be_there(&self) -> Result<(), Error> {
        if self.session.is_rehearsal() {
            let note = "first a GET of the same URL, which must find it";
            self.session.client.note(note);
            return Ok(());
        }
        self.session.run(&self.show).map(|_| ())
    }

    /// Waits until it is made, unless told not to, and prints it.
    pub fn made(&self, output: &mut Output, started: &Started) -> Result<(), Error> {
        let (session, what) = (self.session, &self.what);
        if session.settings.on("no-wait") {
            session.say(&format!(
                "{what} is being made; show tells when it is there"
            ));
            return Ok(());
        }
        session.say(&format!("making {what} …"));
        self.wait(started, true)?;
        let there = self.shown().map_err(|e| match e {
            Error::Interrupted(_) => Error::interrupted(format!("{what} was made")),
            other => other,
        })?;
        self.refuse_failed(&there.value)?;
        session.say(&format!("made {what}"));
        finish(session, output, there)
    }

    /// It as it is once the operation is over. The service may answer 404 for a moment although the operation has
    /// succeeded: then it is asked again for some seconds.
    pub fn shown(&self) -> Result<Answer<Box<RawValue>>, Error> {
        let mut waits = NOT_YET_SECONDS.into_iter();
        loop {
            let found = self.session.run(&self.show);
            let missing = found.as_ref().is_err_and(|error| error.is_status(404));
            match waits.next().filter(|_| missing) {
                Some(seconds) => self.session.client.rest(Duration::from_secs(seconds))?,
                None => return found,
            }
        }
    }

    /// Waits until it is changed, unless told not to. Whether it was waited for. `done` tells from the thing itself, where
    /// the operation cannot be read: that it is there says nothing.
    pub fn changed(
        &self,
        started: &Started,
        done: &dyn Fn(&RawValue) -> bool,
    ) -> Result<bool, Error> {
        let (session, what) = (self.session, &self.what);
        session.say(&format!("changing {what} …"));
        if session.settings.on("no-wait") {
            return Ok(false);
        }
        self.wait_until(started, &|found| found.is_some_and(done))?;
        session.say(&format!("changed {what}"));
        Ok(true)
    }

    /// Waits until it is gone, unless told not to.
    pub fn deleted(&self, started: &Started) -> Result<(), Error> {
        let (session, what) = (self.session, &self.what);
        session.say(&format!("deleting {what} …"));
        if session.settings.on("no-wait") {
            return Ok(());
        }
        self.wait(started, false)?;
        session.say(&format!("deleted {what}"));
        Ok(())
    }

    /// Waits until the operation is over; where it cannot be read, until it is there, or gone.
    pub fn wait(&self, started: &Started, there: bool) -> Result<(), Error> {
        self.wait_until(started, &|found| found.is_some() == there)
    }

    fn wait_until(&self, started: &Started, done: Done) -> Result<(), Error> {
        let settled = || self.is_settled(done);
        let reminded = Cell::new(Duration::ZERO);
        let tell = |passed: Duration| {
            if passed >= reminded.get() + REMINDER {
                reminded.set(passed);
                let (what, seconds) = (&self.what, passed.as_secs());
                self.session
                    .say(&format!("still waiting for {what}: {seconds} s so far"));
            }
        };
        let watch = Watch {
            endpoint: self.endpoint,
            settled: &settled,
            limit: self.limit,
            what: &self.what,
            look: &self.look,
            tell: &tell,
            stop: Some(&interrupt::is_raised),
        };
        self.session.client.finish(started, &watch)
    }

    /// Whether it is as it should be and no longer being made. One that failed can only go.
    fn is_settled(&self, done: Done) -> Result<bool, Error> {
        let found = match self.session.run(&self.show) {
            Ok(found) => found.value,
            Err(e) if e.is_status(404) => return Ok(done(None)),
            Err(e) => return Err(e),
        };
        if !done(None) {
            self.refuse_failed(&found)?;
        }
        Ok(done(Some(&found)) && !Started::found(&found).is_unsettled())
    }

    /// What is there, but failed to be made, can only be deleted.
    pub fn refuse_failed(&self, found: &RawValue) -> Result<(), Error> {
        let state = operation::state(found).unwrap_or_default();
        if !state.eq_ignore_ascii_case("failed") {
            return Ok(());
        }
        Err(Error::conflict(format!(
            "{} could not be made and is left in the state Failed: it has to be deleted before it is made again",
            self.what
        )))
    }

    fn is_absent(&self, error: &Error) -> bool {
        let failure = error.failure();
        failure.is_some_and(|failure| failure.status == 404 && failure.code == self.absent)
    }
}
