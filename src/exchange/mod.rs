//! STEP 4: an answer. STEP 5: many answers.
//!
//! [`Client::run`] is the one road every call takes: authorize, send, judge, read. What needs more than one exchange
//! (a token first, an operation to follow, pages, retries) is sequential code over it.

mod attempt;
pub mod batches;
pub mod budget;
pub mod changes;
mod expected;
pub mod files;
pub mod import;
pub mod judge;
pub mod many;
pub mod network;
pub mod pages;
mod patience;
pub mod poll;
mod proof;
pub mod query;
pub mod ranges;
mod recognise;
pub mod regions;
mod remedy;
pub mod retry;
pub mod sessions;
pub mod sweep;
mod threads;
pub mod tokens;
pub mod version;

pub use remedy::apart;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use crate::authorize::master_key::MasterKey;
use crate::error::{Broken, Error};
use crate::identity::cloud::PUBLIC;
use crate::identity::{Selector, Source, Token};
use crate::message::{Answer, Call, Effect, Request, Response};
use budget::Budget;
use proof::Ready;
use regions::Regions;
use tokens::Tokens;

/// Something that carries a request to its service and an answer back; several threads may use it at once.
pub trait Transport: Sync {
    /// Sends one request and reads its whole answer, whatever the status.
    fn send(&self, request: &Request) -> Result<Response, Broken>;

    /// Is told why the next request is sent, or why it waits.
    fn note(&self, _text: &str) {}

    /// Called after a response that is not the service's: the connections opened before it are not used again.
    fn distrust(&self) {}

    /// Is told that the account at one origin is served at another one, too.
    fn served(&self, _home: &str, _also: &str) {}
}

/// The time, and a way to let it pass.
pub trait Clock: Sync {
    /// The moment.
    fn now(&self) -> OffsetDateTime;

    /// Returns after that long.
    fn sleep(&self, wait: Duration);

    /// An unpredictable number, for the activity id of a request. The clock of a test may return a fixed one.
    fn random(&self) -> u128 {
        let half = || u128::from(RandomState::new().hash_one(0));
        half() << 64 | half()
    }

    /// Whether the caller was asked to stop: then nothing more is sent.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn sleep(&self, wait: Duration) {
        std::thread::sleep(wait);
    }
}

/// Where the proof of who asks comes from.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A managed identity of this machine.
    Identity {
        /// Where it is had.
        source: Source,
        /// Which identity.
        selector: Selector,
    },
    /// A token obtained elsewhere; its audience decides which plane takes it.
    Token(Token),
    /// The account key: the data plane alone takes it.
    Key(MasterKey),
}

/// Which audience a token is asked for, by plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audiences {
    /// ARM's. With its slash, as the portal writes it.
    pub arm: String,
    /// The data plane's. A trailing slash here is refused with 401/5008.
    pub data: String,
    /// What is asked for once where the tenant does not know the data plane's: the account's own.
    pub data_else: Option<String>,
}

impl Default for Audiences {
    fn default() -> Audiences {
        Audiences {
            arm: PUBLIC.arm_audience.into(),
            data: PUBLIC.data_audience.into(),
            data_else: None,
        }
    }
}

/// Carries out calls: with one credential, over one transport, by one clock. Several threads may share one.
pub struct Client<'a> {
    transport: &'a dyn Transport,
    clock: &'a dyn Clock,
    credential: Credential,
    audiences: Mutex<Audiences>,
    tokens: Mutex<Tokens>,
    /// The header of the token of each plane.
    ready: Mutex<Vec<Ready>>,
    patient: bool,
    absent: Mutex<Option<(OffsetDateTime, Broken)>>,
    /// How far the service's clock is ahead of ours, once that is known to matter.
    offset: Mutex<time::Duration>,
    /// How long may still be waited for answers that are worth another try; as long as they are where it is not said.
    hurry: Mutex<Option<Duration>>,
    versions: Mutex<version::Known>,
    regions: Mutex<Regions>,
    budget: Budget,
    timeout: Option<Duration>,
    begun: OffsetDateTime,
}

impl<'a> Client<'a> {
    /// A client for the public cloud's audiences.
    pub fn new(
        transport: &'a dyn Transport,
        clock: &'a dyn Clock,
        credential: Credential,
    ) -> Client<'a> {
        Client {
            transport,
            clock,
            credential,
            audiences: Mutex::default(),
            tokens: Mutex::default(),
            ready: Mutex::default(),
            patient: false,
            absent: Mutex::default(),
            offset: Mutex::default(),
            hurry: Mutex::default(),
            versions: Mutex::default(),
            regions: Mutex::default(),
            budget: Budget::default(),
            timeout: None,
            begun: clock.now(),
        }
    }

    /// The same client for other audiences.
    #[must_use]
    pub fn with_audiences(mut self, audiences: Audiences) -> Client<'a> {
        self.audiences = Mutex::new(audiences);
        self
    }

    /// The same client, which waits longer for a connection to the identity endpoint: for who knows that it is there.
    #[must_use]
    pub fn patient(mut self, patient: bool) -> Client<'a> {
        self.patient = patient;
        self
    }

    /// Asks for other audiences from now on.
    pub fn set_audiences(&self, change: impl FnOnce(&mut Audiences)) {
        change(&mut locked(&self.audiences));
    }

    /// The same client by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: &'a dyn Clock) -> Client<'a> {
        (self.clock, self.begun) = (clock, clock.now());
        self
    }

    /// The credential it was made with.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The audiences it asks for.
    pub fn audiences(&self) -> Audiences {
        locked(&self.audiences).clone()
    }

    /// The clock it goes by.
    pub fn clock(&self) -> &dyn Clock {
        self.clock
    }

    /// Tells whoever watches what happens next.
    pub fn note(&self, text: &str) {
        self.transport.note(text);
    }

    /// Authorizes, sends, judges and reads one call; again where the rules of [`retry`] allow it.
    pub fn run<T>(&self, call: &Call<T>) -> Result<Answer<T>, Error> {
        self.run_by(call, |response| (call.read)(response))
    }

    /// The same with another reader, which may keep the body.
    fn run_by<T, U>(
        &self,
        call: &Call<T>,
        read: impl FnOnce(&mut Response) -> Result<U, Error>,
    ) -> Result<Answer<U>, Error> {
        let (mut response, tally) = self.exchange(&call.request, &call.scope, call.effect)?;
        match read(&mut response) {
            Ok(value) => Ok(Answer::new(value, &response, tally.attempts)),
            Err(error) => {
                self.transport.distrust();
                let error = unread(&call.request, call.effect, &response, error);
                let activity = response.header("x-ms-activity-id");
                Err(error.with_activity(activity.or(tally.activity.as_deref())))
            }
        }
    }
}

/// What is behind a lock, even where a thread has ended in the middle of it: each change is one step.
pub(crate) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A success that cannot be read may be that of somebody on the way: then a change was perhaps not made.
#[inline(never)]
fn unread(request: &Request, effect: Effect, response: &Response, error: Error) -> Error {
    let what = match error {
        Error::Answer(lost) => lost.what,
        other => return other,
    };
    match effect == Effect::Read {
        true => Error::unusable(request.line(), what),
        false => {
            let status = response.status;
            let what = format!("the answer ({status}) cannot be used: {what}");
            Error::unknown(request.line(), what)
        }
    }
}
