//! A change through ARM: whether it is needed, and waiting until it is made.

use std::time::Duration;

use serde_json::value::RawValue;

use super::database::finish;
use crate::arm;
use crate::arm::operation::Started;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::exchange::poll::Watch;
use crate::message::{Answer, Call};

/// Databases, containers and grants take seconds; this is when something is wrong.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is to be made or deleted.
pub struct Change<'a, 's> {
    /// Who asks.
    pub session: &'a Session<'s>,
    /// In which account.
    pub account: &'a arm::Account,
    /// Shows it, if it is there.
    pub show: Call<Box<RawValue>>,
    /// In words: `database mi-test`.
    pub what: String,
}

impl Change<'_, '_> {
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
            Ok(_) => Err(Error::Conflict(format!(
                "{} exists already; with --if-not-exists that is fine",
                self.what
            ))),
            Err(e) if is_absent(&e) => Ok(None),
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
        session.say(&format!("made {what}"));
        finish(session, output, session.run(&self.show)?)
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
        let settled = || Ok(self.session.is_there(&self.show)? == there);
        let watch = Watch {
            endpoint: self.account.endpoint(),
            settled: &settled,
            limit: PATIENCE,
            what: &self.what,
        };
        self.session.client.finish(started, &watch)
    }
}

/// The database or container alone is absent, not the account or the group it would be in.
fn is_absent(error: &Error) -> bool {
    let failure = error.failure();
    failure.is_some_and(|failure| failure.status == 404 && failure.code == "NotFound")
}
