//! Following a long-running operation until it is over.

use std::time::Duration;

use super::Client;
use crate::arm::operation::{Progress, Started};
use crate::error::{Error, Stage};
use crate::name::Endpoint;

/// Seconds between two questions, where the service does not say; the last one repeats.
const WAITS: [u64; 5] = [1, 2, 4, 8, 15];

/// What the service asks for; to be told to wait for nothing is to be told nothing.
fn told(wait: Option<Duration>) -> Option<Duration> {
    const SHORTEST: Duration = Duration::from_millis(10);
    wait.filter(|wait| !wait.is_zero())
        .map(|wait| wait.max(SHORTEST))
}

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
    /// Is told before each further question how long it has taken so far.
    pub tell: &'a dyn Fn(Duration),
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
        let mut asked_to_wait = told(started.retry_after);
        let mut readable = progress.is_some();
        for turn in 0.. {
            let wait = asked_to_wait.unwrap_or_else(|| own_wait(turn));
            let left = self.time_left(begun, started, watch)?;
            self.clock.sleep(wait.min(left));
            (watch.tell)((self.clock.now() - begun).unsigned_abs());
            asked_to_wait = None;
            match progress.as_ref().filter(|_| readable) {
                Some(call) => match self.run(call) {
                    Ok(answer) => match answer.value {
                        Progress::Running(after) => asked_to_wait = told(after),
                        Progress::Succeeded => return Ok(()),
                        Progress::Failed(failure) => return Err(Error::Status(failure)),
                    },
                    Err(Error::Status(failure)) => {
                        self.note(&format!("the operation cannot be read ({failure}); asking for the resource instead"));
                        readable = false;
                        asked_to_wait = Some(Duration::ZERO);
                    }
                    // Said in the next turn, with what goes on.
                    Err(Error::Overtime(_)) => {}
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

    /// How much longer to wait at most; an error once that is nothing.
    fn time_left(
        &self,
        begun: time::OffsetDateTime,
        started: &Started,
        watch: &Watch,
    ) -> Result<Duration, Error> {
        let spent = (self.clock.now() - begun).unsigned_abs();
        let left = watch.limit.saturating_sub(spent);
        let left = self.left().map_or(left, |all| all.min(left));
        if !left.is_zero() {
            return Ok(left);
        }
        let url = started.shown_url().unwrap_or_default();
        let (what, seconds) = (watch.what, spent.as_secs());
        Err(Error::Unfinished(format!(
            "{what} is still running after {seconds} s and goes on without us: {url}"
        )))
    }
}

fn own_wait(turn: usize) -> Duration {
    let seconds = WAITS.get(turn).or(WAITS.last()).copied();
    Duration::from_secs(seconds.unwrap_or(15))
}
