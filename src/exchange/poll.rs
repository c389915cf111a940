//! Following a long-running operation until it is over.
//!
//! Trouble with reading the status of an operation says nothing about the operation. The resource is asked as well
//! then, and the status again at each turn: its `Failed`, with the reason, may still come.

use std::time::Duration;

use time::OffsetDateTime;

use super::Client;
use super::retry::POLL;
use crate::arm::operation::{Progress, Started};
use crate::error::Error;
use crate::message::Call;
use crate::name::Endpoint;

/// How long a wait lasts before the caller is asked again whether to stop.
const SLICE: Duration = Duration::from_millis(200);

/// How many turns in a row both the status and the resource are refused before the wait is given up.
const REFUSED_TURNS: u32 = 3;

/// How many more turns the status is asked for a reason once the resource says that it failed.
const REASON_TURNS: u32 = 2;

/// The wait the service asks for. Zero counts as not asked for.
fn asked_wait(wait: Option<Duration>) -> Option<Duration> {
    const SHORTEST: Duration = Duration::from_millis(10);
    wait.filter(|wait| !wait.is_zero())
        .map(|wait| wait.max(SHORTEST))
}

/// Which operation is followed, and for how long.
pub struct Watch<'a> {
    /// The management endpoint: an operation elsewhere is not followed.
    pub endpoint: &'a Endpoint,
    /// Whether the resource itself is as it should be: asked while the status of the operation cannot be read.
    pub settled: &'a dyn Fn() -> Result<bool, Error>,
    /// The longest time to wait in all.
    pub limit: Duration,
    /// What is waited for, for messages: `container orders`.
    pub what: &'a str,
    /// The command that shows the resource, for messages; may be empty.
    pub look: &'a str,
    /// Called before each further question with the time spent so far.
    pub tell: &'a dyn Fn(Duration),
    /// Asked several times a second: `true` ends the wait with [`Error::Interrupted`]. The operation goes on.
    pub stop: Option<&'a dyn Fn() -> bool>,
}

impl Client<'_> {
    /// Waits until a started change is over. Returns at once where there is nothing to follow.
    ///
    /// While the status of the operation cannot be read (a role without `locations/operationsStatus/read`, a URL of
    /// another host), the resource is asked too.
    pub fn finish(&self, started: &Started, watch: &Watch) -> Result<(), Error> {
        let Some(mut poll) = Poll::begin(self, started, watch) else {
            return Ok(());
        };
        for turn in 0.. {
            poll.wait(turn)?;
            match poll.is_over() {
                Ok(true) => break,
                Ok(false) => {}
                Err(Error::Interrupted(_)) => return Err(poll.interrupted()),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// One operation that is followed.
struct Poll<'p, 'a> {
    client: &'p Client<'a>,
    started: &'p Started,
    watch: &'p Watch<'p>,
    begun: OffsetDateTime,
    /// Asks for the status; `None` where there is no URL that may be asked.
    status: Option<Call<Progress>>,
    /// How long the service asked to wait before the next turn.
    wait: Option<Duration>,
    /// Whether it was noted that the status cannot be read.
    noted: bool,
    /// Turns in a row in which neither the status nor the resource could be read.
    refused: u32,
    /// The resource failed; the status may still say why. With the turns left.
    failed: Option<(Error, u32)>,
}

impl<'p, 'a> Poll<'p, 'a> {
    fn begin(
        client: &'p Client<'a>,
        started: &'p Started,
        watch: &'p Watch<'p>,
    ) -> Option<Poll<'p, 'a>> {
        let status = match started.progress(watch.endpoint) {
            Ok(None) if !started.is_unsettled() => return None,
            Ok(status) => status,
            Err(elsewhere) => {
                client.note(&format!("{elsewhere}; asking for the resource instead"));
                None
            }
        };
        Some(Poll {
            client,
            started,
            watch,
            begun: client.clock.now(),
            status,
            wait: asked_wait(started.retry_after),
            noted: false,
            refused: 0,
            failed: None,
        })
    }

    fn spent(&self) -> Duration {
        (self.client.clock.now() - self.begun).unsigned_abs()
    }

    /// Waits for the next turn. An error once the time is over, or the caller wants to stop.
    fn wait(&mut self, turn: usize) -> Result<(), Error> {
        let wait = self.wait.take().unwrap_or_else(|| own_wait(turn));
        let wait = wait.min(self.time_left()?);
        match self.watch.stop {
            None => self.client.clock.sleep(wait),
            Some(stop) => self.sleep_unless(stop, wait)?,
        }
        (self.watch.tell)(self.spent());
        Ok(())
    }

    fn sleep_unless(&self, stop: &dyn Fn() -> bool, wait: Duration) -> Result<(), Error> {
        let mut left = wait;
        loop {
            if stop() {
                return Err(self.interrupted());
            }
            if left.is_zero() {
                return Ok(());
            }
            let slice = left.min(SLICE);
            self.client.clock.sleep(slice);
            left -= slice;
        }
    }

    fn interrupted(&self) -> Error {
        Error::interrupted(self.goes_on("was not waited for"))
    }

    /// How much longer to wait at most; an error once that is nothing.
    fn time_left(&self) -> Result<Duration, Error> {
        let spent = self.spent();
        let left = self.watch.limit.saturating_sub(spent);
        let left = self.client.left().map_or(left, |all| all.min(left));
        if !left.is_zero() {
            return Ok(left);
        }
        let seconds = spent.as_secs();
        let state = format!("is still running after {seconds} s");
        Err(Error::unfinished(self.goes_on(&state)))
    }

    /// That the operation continues on the server, and how to look at it.
    fn goes_on(&self, state: &str) -> String {
        let what = self.watch.what;
        let url = self.started.shown_url();
        let url = url.map_or(String::new(), |url| format!(": {url}"));
        let look = match self.watch.look {
            "" => String::new(),
            look => format!("; see how it is with: {look}"),
        };
        format!("{what} {state}; the operation continues on the server{url}{look}")
    }

    fn is_over(&mut self) -> Result<bool, Error> {
        match self.by_status()? {
            Some(over) => Ok(over),
            None => self.by_resource(),
        }
    }

    /// Whether the operation is over, by its status; `None` where that cannot be read.
    fn by_status(&mut self) -> Result<Option<bool>, Error> {
        let Some(call) = &self.status else {
            return Ok(None);
        };
        let answer = match self.client.run(call) {
            Ok(answer) => answer,
            Err(error) => return self.unreadable(error),
        };
        self.refused = 0;
        match answer.value {
            Progress::Running(after) => {
                self.wait = asked_wait(after);
                match self.failed {
                    Some(_) => Ok(None),
                    None => Ok(Some(false)),
                }
            }
            Progress::Succeeded => Ok(Some(true)),
            Progress::Failed(failure) => Err(Error::Status(failure)),
        }
    }

    /// The status cannot be read. That ends the wait only where nothing of ARM could be believed any more.
    fn unreadable(&mut self, error: Error) -> Result<Option<bool>, Error> {
        match error {
            // Told in the next turn, with what continues.
            Error::Overtime(_) => Ok(Some(false)),
            Error::Transport(broken) if !broken.stage.is_final() => {
                self.client
                    .note(&format!("still waiting, although {broken}"));
                Ok(Some(false))
            }
            Error::Status(_) | Error::Answer(_) => {
                if !std::mem::replace(&mut self.noted, true) {
                    self.client.note(&format!(
                        "the status of the operation cannot be read ({error}); asking for the resource as well"
                    ));
                }
                Ok(None)
            }
            other => Err(other),
        }
    }

    /// Whether the operation is over, by the resource it is about.
    fn by_resource(&mut self) -> Result<bool, Error> {
        let error = match (self.watch.settled)() {
            Ok(settled) => {
                (self.refused, self.failed) = (0, None);
                return Ok(settled);
            }
            Err(error) => error,
        };
        match error {
            Error::Conflict(_) => self.await_reason(error).map(|()| false),
            Error::Status(_) | Error::Answer(_) => self.put_up_with(&error).map(|()| false),
            Error::Overtime(_) => Ok(false),
            Error::Transport(broken) if !broken.stage.is_final() => {
                self.client
                    .note(&format!("still waiting, although {broken}"));
                Ok(false)
            }
            other => Err(other),
        }
    }

    /// The resource failed. Its error is the answer unless the status says the reason soon.
    fn await_reason(&mut self, error: Error) -> Result<(), Error> {
        let left = match self.failed.take() {
            Some((_, left)) => left,
            None if self.status.is_some() => REASON_TURNS,
            None => 0,
        };
        match left.checked_sub(1) {
            None => Err(error),
            Some(left) => {
                self.failed = Some((error, left));
                Ok(())
            }
        }
    }

    /// Neither the status nor the resource can be read: that may pass.
    fn put_up_with(&mut self, error: &Error) -> Result<(), Error> {
        self.refused += 1;
        if self.refused < REFUSED_TURNS {
            self.client
                .note(&format!("still waiting, although {error}"));
            return Ok(());
        }
        let state = format!("was accepted, and its state cannot be read ({error})");
        Err(Error::unfinished(self.goes_on(&state)))
    }
}

fn own_wait(turn: usize) -> Duration {
    POLL.wait(u32::try_from(turn).unwrap_or(u32::MAX), None)
}
