//! Pages until there are no more. Only a missing continuation ends a list: an empty page does not.

use super::Client;
use crate::error::Error;
use crate::message::{Answer, Call, Next, Page, Request};

/// A service that gives the same continuation this often in a row is going in circles. Some say it again with a page
/// that is empty because time was up, so a few times mean nothing.
const REPEATS: u32 = 10;

/// What to do after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Ask for the next one.
    Continue,
    /// Enough.
    Stop,
}

/// Sees a list that goes in circles.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Turns {
    previous: Option<Next>,
    repeats: u32,
}

impl Turns {
    /// Counts a page that names a next one.
    pub(super) fn turn(&mut self, request: &Request, next: &Next) -> Result<(), Error> {
        let same = self.previous.as_ref() == Some(next);
        self.repeats = if same { self.repeats + 1 } else { 0 };
        self.previous = Some(next.clone());
        if self.repeats < REPEATS {
            return Ok(());
        }
        Err(Error::unusable(
            request.line(),
            "the service keeps giving the same continuation".into(),
        ))
    }
}

impl Client<'_> {
    /// Runs a list from its first page, and hands over each page as it comes. `next` makes the call for what a page
    /// names as the next one. Memory stays at one page, however long the list.
    pub fn each_page(
        &self,
        first: Call<Page>,
        next: &dyn Fn(&Next) -> Result<Call<Page>, Error>,
        each: &mut dyn FnMut(Answer<Page>) -> Result<Flow, Error>,
    ) -> Result<(), Error> {
        let mut call = first;
        let mut turns = Turns::default();
        loop {
            let answer = self.run(&call)?;
            let going_on = answer.value.next.clone();
            if each(answer)? == Flow::Stop {
                return Ok(());
            }
            let Some(going_on) = going_on else {
                return Ok(());
            };
            turns.turn(&call.request, &going_on)?;
            call = next(&going_on)?;
        }
    }
}
