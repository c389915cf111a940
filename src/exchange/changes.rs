//! The changes of a container, range by range, from wherever an earlier run stopped.

use std::time::Duration;

use super::Client;
use super::pages::Flow;
use super::ranges::SPLITS;
use crate::cosmos::changes::{self, Changes, Start, State};
use crate::cosmos::containers::{self, rid_of};
use crate::cosmos::{Container, Paging};
use crate::error::Error;
use crate::message::Answer;

/// Waits between two rounds that brought nothing; the last one repeats.
const WAITS: [u64; 4] = [1, 2, 3, 5];

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
    /// A range that was split or merged is followed. [`Error::Conflict`] where the container is another one by now.
    pub fn each_change(
        &self,
        feed: &Feed,
        state: &mut State,
        each: &mut Each,
    ) -> Result<(), Error> {
        let mut idle = 0;
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
            idle = if moved { 0 } else { idle + 1 };
            let seconds = WAITS.get(idle).or(WAITS.last()).copied();
            self.rest(Duration::from_secs(seconds.unwrap_or(1)))?;
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
        let mut splits = 0;
        while let Some(position) = state.positions.get(at) {
            let call = changes::page(
                feed.container,
                &state.of(position),
                &position.start,
                &feed.paging,
            );
            match self.run(&call) {
                Err(e) if is_gone(&e) && splits < SPLITS => {
                    state.place(&self.ranges_again(feed.container, splits)?);
                    splits += 1;
                }
                Err(e) if self.is_another(feed.container, state, &e) => return Err(recreated()),
                Err(e) => return Err(e),
                Ok(answer) => {
                    splits = 0;
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

    /// Whether an error comes from the container being another one by now: its session and its ranges are unknown to it.
    fn is_another(&self, container: &Container, state: &State, error: &Error) -> bool {
        let failure = error.failure();
        let may_be = failure.is_some_and(|failure| matches!(failure.status, 400 | 404 | 410));
        let found = may_be.then(|| self.run(&containers::read(container)));
        let rid = found.and_then(|found| rid_of(&found.ok()?.value));
        rid.is_some_and(|rid| rid != state.rid)
    }
}

/// The range is not there any more: it was split or merged.
pub(super) fn is_gone(error: &Error) -> bool {
    const GONE: [u32; 4] = [0, 1002, 1007, 1008];
    let failure = error.failure();
    failure.is_some_and(|failure| {
        failure.status == 410 && GONE.contains(&failure.substatus.unwrap_or_default())
    })
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
    Error::Conflict(
        "the container was deleted and made anew: what was read of it says nothing of this one"
            .into(),
    )
}
