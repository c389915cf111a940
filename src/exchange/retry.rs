//! Every rule for sending again, and every back-off schedule. Pure, but for `Client::until`.
//!
//! [`RULES`] are those of one request: the first row that matches decides, and what is not in the table is final.
//! [`super::judge`] goes by it. [`RECOVERY`] is for what many requests are made of: an import, an export, a query over
//! several ranges, the change feed. Once a request has used up its own retries it goes by these rows. The other
//! schedules are constants below. `rawcosmos explain retries` prints all of them.
//!
//! A [`History`] counts what one scope has waited since its last success; whatever holds one says which scope that is.
//! No two ranges share one.

use std::time::Duration;

use super::Client;
use super::budget::Budget;
use crate::error::{Error, Failure, Plane, Stage};
use crate::message::Request;

/// How long to wait before a retry, how often, and how long in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait. Each further one is twice as long,
    pub initial: Duration,
    /// up to this.
    pub max: Duration,
    /// Most retries.
    pub attempts: u32,
    /// Most waiting, over all of them.
    pub budget: Duration,
    /// The first retry does not wait.
    pub at_once: bool,
}

/// The retries of one scope since its last success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    /// How many there were.
    pub retries: u32,
    /// How long was waited before them.
    pub waited: Duration,
}

impl History {
    /// Adds a retry after this wait.
    pub fn add(&mut self, wait: Duration) {
        self.retries = self.retries.saturating_add(1);
        self.waited = self.waited.saturating_add(wait);
    }
}

impl Backoff {
    /// Milliseconds of the first and the longest wait, the number of retries, and milliseconds in all.
    const fn new(initial: u64, max: u64, attempts: u32, budget: u64) -> Backoff {
        Backoff {
            initial: ms(initial),
            max: ms(max),
            attempts,
            budget: ms(budget),
            at_once: false,
        }
    }

    /// With as many retries as the budget has room for.
    const fn within(initial: u64, max: u64, budget: u64) -> Backoff {
        Backoff::new(initial, max, u32::MAX, budget)
    }

    const fn at_once(self) -> Backoff {
        Backoff {
            at_once: true,
            ..self
        }
    }

    /// The same waits without a limit on their number or sum.
    #[must_use]
    pub const fn endless(self) -> Backoff {
        Backoff {
            attempts: u32::MAX,
            budget: Duration::MAX,
            ..self
        }
    }

    /// The same waits within the limits that the caller has set.
    #[must_use]
    pub fn limited(self, limits: &Budget) -> Backoff {
        // What is at once is no wait, and is no repeat of what was refused.
        let attempts = limits
            .retries
            .map(|most| most.saturating_add(u32::from(self.at_once)));
        Backoff {
            attempts: attempts.unwrap_or(self.attempts),
            budget: limits.waiting(self.budget),
            ..self
        }
    }

    /// How long to wait before the next retry; `None` once the retries or the budget are used up. What the service
    /// asks for goes first, but a hint of zero is none.
    #[must_use]
    pub fn next(&self, history: &History, server_hint: Option<Duration>) -> Option<Duration> {
        let wait = self.wait(history.retries, server_hint);
        let may =
            history.retries < self.attempts && history.waited.saturating_add(wait) <= self.budget;
        may.then_some(wait)
    }

    /// How long to wait before a retry, whatever the limits are.
    #[must_use]
    pub fn wait(&self, retries: u32, server_hint: Option<Duration>) -> Duration {
        let doublings = match self.at_once {
            true => retries.checked_sub(1),
            false => Some(retries),
        };
        let own = doublings.map_or(Duration::ZERO, |doublings| {
            let doubled = self.initial.checked_mul(1 << doublings.min(16));
            doubled.unwrap_or(self.max).min(self.max)
        });
        server_hint.filter(|hint| !hint.is_zero()).unwrap_or(own)
    }
}

/// A row: when this plane answers so, set this right, or wait like this, that often.
pub struct Rule {
    /// Who answers.
    pub plane: Plane,
    /// With one of these statuses.
    pub statuses: &'static [u16],
    /// Any substatus where empty.
    pub substatuses: &'static [u32],
    /// One of these is the code, or a sentence's part that the message has, or what a challenge names; any where empty.
    pub says: &'static [&'static str],
    /// Only where the request names a range: whoever did that reads the ranges again.
    pub of_range: bool,
    /// Only where the request is of writes that stand for themselves: whoever sends those sees to each.
    pub of_bulk: bool,
    /// Whether the service promises that it did nothing. Otherwise only what may be repeated is.
    pub untouched: bool,
    /// What is set right first. Where it was, nothing is waited for.
    pub first: Option<Remedy>,
    /// Else waiting. Without a budget only what was set right is sent again, this often.
    pub backoff: Backoff,
}

/// What can be set right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The token: another one is asked for.
    NewToken,
    /// The time: the service's own is taken, if ours differs from it.
    Clock,
    /// The version of the API: one that the refusal lists is taken.
    Version,
    /// The region: the account is read anew, and says where to go.
    NewRegions,
    /// The region of a read: another one of the account.
    OtherRegion,
    /// The region of a read: the one that takes the writes, and has seen all of them.
    WriteRegion,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn of(plane: Plane, statuses: &'static [u16]) -> Rule {
    Rule {
        plane,
        statuses,
        substatuses: &[],
        says: &[],
        of_range: false,
        of_bulk: false,
        untouched: true,
        first: None,
        backoff: Backoff::new(0, 0, 0, 0),
    }
}

const fn data(statuses: &'static [u16]) -> Rule {
    of(Plane::Data, statuses)
}

impl Rule {
    const fn sub(self, substatuses: &'static [u32]) -> Rule {
        Rule {
            substatuses,
            ..self
        }
    }

    const fn says(self, says: &'static [&'static str]) -> Rule {
        Rule { says, ..self }
    }

    const fn of_range(self) -> Rule {
        Rule {
            of_range: true,
            ..self
        }
    }

    const fn of_bulk(self) -> Rule {
        Rule {
            of_bulk: true,
            ..self
        }
    }

    const fn unclear(self) -> Rule {
        Rule {
            untouched: false,
            ..self
        }
    }

    const fn first(self, remedy: Remedy, attempts: u32) -> Rule {
        Rule {
            first: Some(remedy),
            backoff: Backoff {
                attempts,
                ..self.backoff
            },
            ..self
        }
    }

    /// As [`Backoff::new`].
    const fn waits(self, initial: u64, max: u64, attempts: u32, budget: u64) -> Rule {
        Rule {
            backoff: Backoff::new(initial, max, attempts, budget),
            ..self
        }
    }

    /// Whether a refusal of this request is meant.
    pub fn covers(&self, request: &Request, failure: &Failure) -> bool {
        let substatus = failure.substatus.unwrap_or_default();
        self.plane == failure.plane
            && self.statuses.contains(&failure.status)
            && (self.substatuses.is_empty() || self.substatuses.contains(&substatus))
            && (self.says.is_empty() || self.says.iter().any(|part| is_said(failure, part)))
            && (!self.of_range || says(request, "x-ms-documentdb-partitionkeyrangeid", None))
            && (!self.of_bulk
                || says(request, "x-ms-cosmos-batch-atomic", Some("False"))
                    && says(request, "prefer", None))
    }
}

/// A word is a code and compared whole; several words are a part of the message.
fn is_said(failure: &Failure, part: &str) -> bool {
    match part {
        INSUFFICIENT_CLAIMS => {
            let challenge = failure.challenge.as_deref();
            challenge.is_some_and(|challenge| challenge.contains(part))
        }
        _ if part.contains(' ') => failure.message.contains(part),
        _ => failure.code.eq_ignore_ascii_case(part),
    }
}

/// In the challenge of a token that has to be replaced before it expires.
const INSUFFICIENT_CLAIMS: &str = "insufficient_claims";

/// Whether a header is there, and says this.
fn says(request: &Request, wanted: &str, text: Option<&str>) -> bool {
    let mut headers = request.headers.iter();
    headers.any(|(name, value)| *name == wanted && text.is_none_or(|text| text == value.expose()))
}

/// The table. The first row that covers a refusal decides.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // 410: the metadata service is being updated and is back within 70 s. A 400 there is final.
    of(Plane::Identity, &[410]).waits(2_000, 10_000, 12, 75_000),
    of(Plane::Identity, &[404, 408, 429, 500, 501, 502, 503, 504]).waits(1_000, 16_000, 5, 40_000),
    of(Plane::Identity, &[400]).says(&["api-version is invalid"]).first(Remedy::Version, 1),
    of(Plane::Entra, &[408, 429, 500, 502, 503, 504]).waits(1_000, 8_000, 4, 20_000),
    // Other clouds lag behind: the refusal lists what this one has.
    of(Plane::Arm, &[400]).says(&["NoRegisteredProviderFound", "InvalidResourceType", "InvalidApiVersionParameter"]).first(Remedy::Version, 1),
    of(Plane::Arm, &[401]).says(&["ExpiredAuthenticationToken", INSUFFICIENT_CLAIMS]).first(Remedy::NewToken, 1),
    of(Plane::Arm, &[429]).waits(5_000, 30_000, 9, 120_000),
    // Somebody else's change holds the account's lock.
    of(Plane::Arm, &[412]).says(&["exclusive lock"]).waits(5_000, 40_000, 6, 120_000),
    of(Plane::Arm, &[500, 502, 503, 504]).unclear().waits(1_000, 8_000, 4, 30_000),
    // A container was made anew under its name; what was known of the old one is forgotten.
    data(&[400]).sub(&[1024]).waits(100, 100, 1, 1_000),
    // A signature is good for some minutes around the time it names.
    data(&[401, 403]).says(&["not valid at the current time"]).first(Remedy::Clock, 1),
    data(&[401]).sub(&[5005]).first(Remedy::Clock, 1),
    data(&[401]).sub(&[5006, 5013]).first(Remedy::NewToken, 1),
    // Writes are taken elsewhere by now, or soon.
    data(&[403]).sub(&[3]).waits(250, 1_000, 10, 5_000).first(Remedy::NewRegions, 10),
    data(&[403]).sub(&[1008]).first(Remedy::NewRegions, 3),
    data(&[404]).sub(&[1002]).waits(100, 500, 3, 5_000).first(Remedy::WriteRegion, 3),
    // A container is still being made.
    data(&[404]).sub(&[1013]).waits(500, 4_000, 5, 15_000),
    data(&[408, 500, 502, 504]).unclear().waits(500, 4_000, 3, 30_000),
    // The range that answers has not done it, whatever it was asked.
    data(&[410]).sub(RANGE_MOVED).of_range(),
    data(&[410]).sub(RANGE_MOVED).waits(100, 2_000, 20, 30_000),
    data(&[410]).unclear().waits(100, 2_000, 5, 10_000),
    // A limit that waiting does not change.
    data(&[429]).sub(&[3204, 3213]),
    // Its machine is out of something: another one may not be.
    data(&[429]).sub(&[3092]).waits(500, 4_000, 3, 30_000).first(Remedy::OtherRegion, 3),
    data(&[429, 449]).of_bulk(),
    data(&[429]).waits(100, 5_000, 9, 30_000),
    data(&[449]).waits(10, 1_000, 40, 30_000),
    data(&[503]).waits(500, 4_000, 3, 30_000).first(Remedy::OtherRegion, 3),
];

/// Substatuses of a 410 that says of a range that it was split, merged or moved, or is being so.
pub const RANGE_MOVED: &[u32] = &[1002, 1007, 1008];

/// After a connection failed: not more often than this, and after these waits.
pub const RECONNECT: [Duration; 2] = [ms(200), ms(1_000)];

// ---- Many requests

/// In place of a status: it was sent, and no response came.
pub const NO_RESPONSE: u16 = 0;
/// In place of a status: it was not sent.
pub const NOT_SENT: u16 = 1;
/// In place of a status: a read has a response that cannot be used.
pub const UNUSABLE: u16 = 2;

/// A row: how an import, an export, a query over ranges or the change feed goes on after one of these.
#[derive(Debug, PartialEq)]
pub struct Recovery {
    /// Statuses, of a request that has used up its own retries or of one operation in a batch.
    pub statuses: &'static [u16],
    /// Of one range.
    pub backoff: Backoff,
    /// Whether a write may have been carried out.
    pub unsure: bool,
}

const fn recovery(statuses: &'static [u16], backoff: Backoff) -> Recovery {
    Recovery {
        statuses,
        backoff,
        unsure: false,
    }
}

/// The table for many requests. Each range, and each further question, has a history of its own.
#[rustfmt::skip]
pub const RECOVERY: &[Recovery] = &[
    recovery(&[429], Backoff::within(100, 5_000, 300_000)),
    recovery(&[449], Backoff::within(10, 1_000, 60_000)),
    recovery(&[410], RANGE_GONE),
    // Another operation of the batch was the reason.
    recovery(&[413, 424], Backoff::within(0, 0, 60_000)),
    recovery(&[503, NOT_SENT], Backoff::within(500, 5_000, 60_000)),
    Recovery { unsure: true, ..recovery(&[NO_RESPONSE, 408, 500, 502, 504], Backoff::within(200, 5_000, 60_000)) },
    recovery(&[UNUSABLE], Backoff::new(200, 2_000, 5, 60_000)),
];

/// One range, after a 410: each time the ranges are read again, since it may have been split or merged.
pub const RANGE_GONE: Backoff = Backoff::within(100, 2_000, 60_000).at_once();
/// The list of the ranges, where it leaves a gap: it was read while it changed.
pub const RANGE_LIST: Backoff = Backoff::new(200, 1_600, 4, 10_000).at_once();
/// A transactional batch of which an operation was refused with 429 or 449.
pub const BATCH: Backoff = Backoff::new(100, 3_200, 9, 30_000);
/// `changes --follow`, where there was nothing new.
pub const FEED_IDLE: Backoff = Backoff::within(1_000, 5_000, 0).endless();
/// The status of an operation of ARM, until the time given for it is over.
pub const POLL: Backoff = Backoff::within(1_000, 15_000, 0).endless();
/// A grant to a principal that is not known yet, or while the account is being changed.
pub const GRANT: Backoff = Backoff::new(5_000, 40_000, 4, 75_000);
/// One item of an import is not sent more often than this, unless it is its range that is refused.
pub const ITEM_ATTEMPTS: u32 = 10;

/// What is waited for again and again beside single requests, the table for many requests apart.
pub const SCHEDULES: &[(&str, Backoff)] = &[
    ("operation of an item batch: 429 449 410", BATCH),
    ("one range gone: read the ranges again", RANGE_GONE),
    ("list of ranges with a gap: read again", RANGE_LIST),
    ("changes --follow: nothing new", FEED_IDLE),
    ("operation of ARM: not over yet", POLL),
    ("grant: principal unknown, account locked", GRANT),
];

impl Recovery {
    /// The row of a status.
    #[must_use]
    pub fn of(status: u16) -> Option<&'static Recovery> {
        RECOVERY.iter().find(|row| row.statuses.contains(&status))
    }

    /// Whether there are too few request units: then an item is sent again for as long as its range waits.
    pub fn is_throttled(&self) -> bool {
        self.statuses.contains(&429)
    }

    /// Whether another item of the request may be the reason.
    pub fn is_of_others(&self) -> bool {
        self.statuses.contains(&424)
    }

    /// The row of an error of a read, or of a write that may be repeated; `None` where it does not pass.
    #[must_use]
    pub fn of_error(error: &Error) -> Option<&'static Recovery> {
        match error {
            Error::Status(failure) if is_final(failure) => None,
            Error::Status(failure) => Recovery::of(failure.status),
            // The token could not be had; the identity endpoint has its own rules, and this comes after them.
            Error::Identity(no_token) => match no_token.failure.as_ref()?.status {
                status @ (408 | 410 | 429 | 500 | 502..=504) => Recovery::of(status),
                _ => None,
            },
            Error::Transport(broken) if broken.stage == Stage::Tls => None,
            Error::Transport(broken) if broken.was_sent() => Recovery::of(NO_RESPONSE),
            Error::Transport(_) => Recovery::of(NOT_SENT),
            Error::Unknown(_) => Recovery::of(NO_RESPONSE),
            Error::Answer(_) => Recovery::of(UNUSABLE),
            _ => None,
        }
    }
}

/// A limit that waiting does not change; a request that is too large; a stale name, for which a range is not to blame.
fn is_final(failure: &Failure) -> bool {
    match failure.status {
        429 => matches!(failure.substatus, Some(3204 | 3213)),
        413 | 424 => true,
        _ => false,
    }
}

/// Whatever waits looks this often whether that is still wanted.
const NAP: Duration = ms(50);

impl Client<'_> {
    /// Asks until there is an answer that counts, or the schedule of what is in the way is used up. For questions that
    /// may be asked twice.
    pub(super) fn until<T>(&self, ask: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let mut history = History::default();
        loop {
            match ask() {
                Err(error) => self.outlast(&mut history, error, false)?,
                answer => return answer,
            }
        }
    }

    /// The same for a page of one range, unless the caller no longer wants it. A range that is gone is a result, too.
    pub(super) fn until_gone<T>(
        &self,
        unwanted: &dyn Fn() -> bool,
        ask: impl Fn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut history = History::default();
        loop {
            let error = match ask() {
                Err(error) if !is_gone(&error) && !unwanted() => error,
                answer => return answer,
            };
            let (wait, error) = self.next_wait(&mut history, error, false)?;
            self.note(&again_in(wait, &error));
            self.nap(wait, unwanted)?;
        }
    }

    /// Waits, if what is in the way passes and the schedule is not used up, which it never is where `endless`.
    pub(super) fn outlast(
        &self,
        history: &mut History,
        error: Error,
        endless: bool,
    ) -> Result<(), Error> {
        let (wait, error) = self.next_wait(history, error, endless)?;
        self.pause(wait, &error)
    }

    fn next_wait(
        &self,
        history: &mut History,
        error: Error,
        endless: bool,
    ) -> Result<(Duration, Error), Error> {
        let row = Recovery::of_error(&error);
        let wait = row.and_then(|row| self.wait_by(row.backoff, history, &error, endless));
        match wait {
            Some(wait) => Ok((wait, error)),
            None => Err(error),
        }
    }

    /// The next wait of a schedule within the caller's limits, counted.
    pub(super) fn wait_by(
        &self,
        backoff: Backoff,
        history: &mut History,
        why: &Error,
        endless: bool,
    ) -> Option<Duration> {
        let backoff = match endless {
            true => backoff.endless(),
            false => backoff.limited(&self.budget),
        };
        let hint = why.failure().and_then(|failure| failure.retry_after);
        let wait = backoff.next(history, hint)?;
        history.add(wait);
        Some(wait)
    }

    /// Waits, in short steps, for as long as that is wanted.
    pub(super) fn nap(&self, wait: Duration, unwanted: &dyn Fn() -> bool) -> Result<(), Error> {
        let mut left = wait;
        while !left.is_zero() && !unwanted() {
            let step = left.min(NAP);
            self.rest(step)?;
            left -= step;
        }
        Ok(())
    }
}

/// The range is not there any more, or not for now: it was split, merged or moved, or is being so.
pub(super) fn is_gone(error: &Error) -> bool {
    let gone = |substatus: u32| substatus == 0 || RANGE_MOVED.contains(&substatus);
    error
        .failure()
        .is_some_and(|failure| failure.status == 410 && gone(failure.substatus.unwrap_or_default()))
}

/// What a trace says before a wait.
pub(super) fn again_in(wait: Duration, why: &Error) -> String {
    format!("again in {} ms: {why}", wait.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_unless_the_service_says_how_long() {
        let backoff = Backoff::within(100, 5_000, 300_000);
        let wait = |hint, retries| backoff.wait(retries, hint).as_millis();
        assert_eq!(
            (wait(None, 0), wait(None, 3), wait(None, 40)),
            (100, 800, 5000)
        );
        assert_eq!(wait(Some(ms(7)), 3), 7);
        assert_eq!(wait(Some(Duration::ZERO), 1), 200);
        let waits: Vec<_> = (0..4)
            .map(|n| backoff.at_once().wait(n, None).as_millis())
            .collect();
        assert_eq!(waits, [0, 100, 200, 400]);
    }

    #[test]
    fn a_schedule_ends_with_its_retries_or_before_its_budget_is_exceeded() {
        let all = |backoff: Backoff| {
            let mut history = History::default();
            while let Some(wait) = backoff.next(&history, None) {
                history.add(wait);
            }
            (history.retries, history.waited)
        };
        assert_eq!(all(Backoff::new(100, 400, 4, 60_000)), (4, ms(1_100)));
        assert_eq!(all(Backoff::within(100, 400, 1_000)), (3, ms(700)));
        let limits = |retries, wait| Budget { retries, wait };
        let limited = |limits: Budget| all(Backoff::within(100, 400, 60_000).limited(&limits));
        assert_eq!(limited(limits(Some(2), None)), (2, ms(300)));
        assert_eq!(limited(limits(None, Some(ms(300)))), (2, ms(300)));
        let gone = all(RANGE_GONE.limited(&limits(Some(0), Some(ms(0)))));
        assert_eq!(gone, (1, ms(0)), "the ranges are read again once");
        // What the service asks for is not cut short: either there is room for it, or it is the end.
        assert_eq!(BATCH.next(&History::default(), Some(ms(30_001))), None);
        let endless = FEED_IDLE.next(
            &History {
                retries: u32::MAX - 1,
                waited: Duration::MAX,
            },
            None,
        );
        assert_eq!(endless, Some(ms(5_000)));
    }
}
