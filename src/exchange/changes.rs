//! The changes of a container, range by range, from wherever an earlier run stopped.

use super::Client;
use super::pages::Flow;
use super::retry::{FEED_IDLE, History, RANGE_GONE, is_gone};
use crate::cosmos::changes::{self, Changes, Start, State};
use crate::cosmos::containers::{self, rid_of};
use crate::cosmos::ranges::Ranges;
use crate::cosmos::{Container, Paging};
use crate::error::Error;
use crate::message::Answer;

/// Which changes are read, and how.
pub struct Feed<'a> {
    /// Of which container.
    pub container: &'a Container,
    /// Size of a page and consistency; where to go on is said by the state.
    pub paging: Paging,
    /// Waits for more instead of ending once there is nothing left.
    pub follow: bool,
}

/// Takes a page and what the state is once the page is dealt with.
pub type Each<'a> = dyn FnMut(&Answer<Changes>, &State) -> Result<Flow, Error> + 'a;

impl Client<'_> {
    /// Reads changes from where the state is, and moves it forward. `each` gets every page, the empty ones too: also
    /// they move the state. Whoever keeps the state after he has dealt with its page loses nothing; after a crash in
    /// between, that page comes again.
    ///
    /// A range that was split or merged is followed. What passes is waited for: while following for ever, else as
    /// [`super::retry::RECOVERY`] says. [`Error::Conflict`] where the container is another one by now.
    pub fn each_change(
        &self,
        feed: &Feed,
        state: &mut State,
        each: &mut Each,
    ) -> Result<(), Error> {
        let mut idle = History::default();
        loop {
            let (mut at, mut moved) = (0, false);
            while at < state.positions.len() {
                match self.drain(feed, state, at, &mut moved, each)? {
                    Flow::Continue => at += 1,
                    Flow::Stop => return Ok(()),
                }
            }
            if !feed.follow {
                return Ok(());
            }
            if moved {
                idle = History::default();
            }
            let wait = FEED_IDLE.wait(idle.retries, None);
            idle.add(wait);
            self.rest(wait)?;
        }
    }

    /// Reads one position until there is nothing more for now.
    fn drain(
        &self,
        feed: &Feed,
        state: &mut State,
        at: usize,
        moved: &mut bool,
        each: &mut Each,
    ) -> Result<Flow, Error> {
        let (mut position_history, mut range_history) = (History::default(), History::default());
        while let Some(position) = state.positions.get(at) {
            let call = changes::page(
                feed.container,
                &state.of(position),
                &position.start,
                &feed.paging,
            );
            match self.run(&call) {
                // Once it may be a split; a container that was deleted and created again stays gone.
                Err(e)
                    if (!is_gone(&e) || range_history.retries > 0)
                        && self.is_another(feed.container, state, &e) =>
                {
                    return Err(recreated());
                }
                Err(e) if is_gone(&e) => {
                    state.place(&self.follow_split(feed, &mut range_history, e)?);
                }
                Err(e) => self.outlast(&mut position_history, e, feed.follow)?,
                Ok(answer) => {
                    (position_history, range_history) = (History::default(), History::default());
                    advance(state, at, &answer.value)?;
                    *moved |= !answer.value.items.is_empty();
                    if each(&answer, state)? == Flow::Stop {
                        return Ok(Flow::Stop);
                    }
                    if answer.value.caught_up {
                        break;
                    }
                }
            }
        }
        Ok(Flow::Continue)
    }

    /// The ranges as they are now, because one of them is gone.
    fn follow_split(
        &self,
        feed: &Feed,
        range_history: &mut History,
        error: Error,
    ) -> Result<Ranges, Error> {
        if !feed.follow {
            return self.ranges_again(feed.container, range_history, error, &|| false);
        }
        let wait = self.wait_by(RANGE_GONE, range_history, &error, true);
        self.pause(wait.unwrap_or_default(), &error)?;
        let mut list_history = History::default();
        loop {
            match self.ranges(feed.container) {
                Err(error) => self.outlast(&mut list_history, error, true)?,
                ranges => return ranges,
            }
        }
    }

    /// Whether an error comes from the container being another one by now: its session and its ranges are unknown to it.
    fn is_another(&self, container: &Container, state: &State, error: &Error) -> bool {
        let failure = error.failure();
        let may_be = failure.is_some_and(|failure| matches!(failure.status, 400 | 404 | 410));
        let found = may_be.then(|| self.run(&containers::read(container)));
        let rid = found.and_then(|found| rid_of(&found.ok()?.value));
        rid.is_some_and(|rid| rid != state.rid)
    }
}

fn advance(state: &mut State, at: usize, page: &Changes) -> Result<(), Error> {
    if page.rid.as_ref().is_some_and(|rid| *rid != state.rid) {
        return Err(recreated());
    }
    if let (Some(position), Some(etag)) = (state.positions.get_mut(at), &page.next) {
        position.start = Start::After(etag.clone());
    }
    Ok(())
}

/// What is said of a state that belongs to a container that was deleted.
pub fn recreated() -> Error {
    Error::conflict(
        "the container was deleted and made anew: what was read of it says nothing of this one",
    )
}
