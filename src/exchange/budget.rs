//! How much may be spent: repeats and waiting on one request, and time on all of them.

use std::borrow::Cow;
use std::time::Duration;

use super::{Client, patience};
use crate::error::Error;
use crate::message::{Limits, Request};

/// What may be spent on one request; where nothing is said, what the table of [`super::retry`] says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    /// Most repeats.
    pub retries: Option<u32>,
    /// Most waiting, over all of them.
    pub wait: Option<Duration>,
}

impl Budget {
    /// How often something is repeated whose own limit is this.
    pub fn tries(&self, own: u32) -> u32 {
        self.retries.unwrap_or(own)
    }

    /// How long something is waited for whose own limit is this.
    pub fn waiting(&self, own: Duration) -> Duration {
        self.wait.unwrap_or(own)
    }
}

impl<'a> Client<'a> {
    /// The same client with other limits on repeats and waiting.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Client<'a> {
        self.budget = budget;
        self
    }

    /// The same client, which starts nothing once this much time is over. It runs from when the client was made.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Client<'a> {
        self.timeout = timeout;
        self
    }

    /// How much of the time is left, where it is limited.
    pub fn left(&self) -> Option<Duration> {
        let timeout = self.timeout?;
        let spent = (self.clock.now() - self.begun).unsigned_abs();
        Some(timeout.saturating_sub(spent))
    }

    /// Waits, if there is time for something after it.
    pub fn rest(&self, wait: Duration) -> Result<(), Error> {
        self.has_time_after(wait)?;
        if !wait.is_zero() {
            self.clock.sleep(wait);
        }
        Ok(())
    }

    pub(super) fn has_time_after(&self, wait: Duration) -> Result<(), Error> {
        if self.clock.is_interrupted() {
            return Err(Error::interrupted("interrupted: nothing more is sent"));
        }
        if self.left().is_none_or(|left| left > wait) {
            return Ok(());
        }
        let given = self.timeout.unwrap_or_default().as_secs_f64();
        let and_yet = match wait.as_millis() {
            0 => String::new(),
            ms => format!(" before another {ms} ms of waiting"),
        };
        Err(Error::overtime(format!(
            "the {given} s given for all of it would be over{and_yet}: nothing more is sent"
        )))
    }

    /// The request, within the time that is left.
    pub(super) fn bounded<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
        let Some(left) = self.left() else {
            return Cow::Borrowed(request);
        };
        let Limits {
            connect,
            first,
            whole,
        } = request.limits.unwrap_or(patience::usual(request.plane));
        Cow::Owned(Request {
            limits: Some(Limits {
                connect: connect.min(left),
                first: first.min(left),
                whole: whole.min(left),
            }),
            ..request.clone()
        })
    }
}
