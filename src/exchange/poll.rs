//! Following a long-running operation until it is over.

use std::time::Duration;

use super::Client;
use crate::arm::operation::{Progress, Started};
use crate::error::{Error, Stage};
use crate::name::Endpoint;

/// Seconds between two questions, where the service does not say; the last one repeats.
const WAITS: [u64; 5] = [1, 2, 4, 8, 15];

/// What an operation is waited for, and how long.
pub struct Watch<'a> {
    /// The management endpoint: an operation elsewhere is not followed.
    pub endpoint: &'a Endpoint,
    /// Whether the resource itself is as it should be: asked where the operation may not be read.
    pub settled: &'a dyn Fn() -> Result<bool, Error>,
    /// Overall.
    pub limit: Duration,
    /// What is waited for, for messages.
    pub what: &'a str,
}

impl Client<'_> {
    /// Waits until a started change is over. Returns at once where there is nothing to follow.
    ///
    /// The change may be done although its operation cannot be read (a role without
    /// `locations/operationsStatus/read`): then the resource itself tells.
    pub fn finish(&self, started: &Started, watch: &Watch) -> Result<(), Error> {
        let progress = started.progress(watch.endpoint)?;
        if progress.is_none() && !started.is_unsettled() {
            return Ok(());
        }
        let begun = self.clock.now();
        let mut asked_to_wait = started.retry_after;
        let mut readable = progress.is_some();
        for turn in 0.. {
            let wait = asked_to_wait.unwrap_or_else(|| own_wait(turn));
            self.give_up_if_late(begun, wait, started, watch)?;
            self.clock.sleep(wait);
            asked_to_wait = None;
            match progress.as_ref().filter(|_| readable) {
                Some(call) => match self.run(call) {
                    Ok(answer) => match answer.value {
                        Progress::Running(after) => asked_to_wait = after,
                        Progress::Succeeded => return Ok(()),
                        Progress::Failed(failure) => return Err(Error::Status(failure)),
                    },
                    Err(Error::Status(failure)) => {
                        self.note(&format!("the operation cannot be read ({failure}); asking for the resource instead"));
                        readable = false;
                        asked_to_wait = Some(Duration::ZERO);
                    }
                    // The operation goes on, whether we can ask or not.
                    Err(Error::Transport(broken)) if broken.stage != Stage::Tls => {
                        self.note(&format!("still waiting, although {broken}"));
                    }
                    Err(other) => return Err(other),
                },
                None if (watch.settled)()? => return Ok(()),
                None => {}
            }
        }
        Ok(())
    }

    fn give_up_if_late(
        &self,
        begun: time::OffsetDateTime,
        wait: Duration,
        started: &Started,
        watch: &Watch,
    ) -> Result<(), Error> {
        let spent = (self.clock.now() - begun).unsigned_abs();
        if spent + wait <= watch.limit {
            return Ok(());
        }
        let url = started.shown_url().unwrap_or_default();
        let (what, seconds) = (watch.what, watch.limit.as_secs());
        Err(Error::Unfinished(format!(
            "{what} is still running after {seconds} s and goes on without us: {url}"
        )))
    }
}

fn own_wait(turn: usize) -> Duration {
    let seconds = WAITS.get(turn).or(WAITS.last()).copied();
    Duration::from_secs(seconds.unwrap_or(15))
}
