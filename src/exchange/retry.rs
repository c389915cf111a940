//! Whether to send again, and when: one table. Pure.
//!
//! The first matching row decides. What is not in the table is final.

use std::time::Duration;

use crate::error::{Broken, Error, Failure, Plane, Stage};
use crate::identity::refusal::{self, Refusal};
use crate::message::{Effect, Request, Response};

/// A row: when this plane answers so, wait like this, that often.
pub struct Rule {
    /// Who answers.
    pub plane: Plane,
    /// With one of these statuses.
    pub statuses: &'static [u16],
    /// Any substatus where empty.
    pub substatuses: &'static [u32],
    /// Parts of which code or message must have one; any where empty.
    pub says: &'static [&'static str],
    /// Whether the service promises that it did nothing. Otherwise only what may be repeated is.
    pub untouched: bool,
    /// What is done before it is sent again.
    pub wait: Wait,
    /// How often it is sent again at most.
    pub tries: u32,
    /// How long is waited at most, over all attempts.
    pub budget: Duration,
}

/// What is done before a request is sent again.
pub enum Wait {
    /// Waiting, unless the service says how long: doubling from the first to the second.
    Doubling(Duration, Duration),
    /// Setting something right instead, once a call.
    Remedy(Remedy),
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
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn doubling(from: u64, to: u64) -> Wait {
    Wait::Doubling(ms(from), ms(to))
}

/// The table. The first row that covers a refusal decides.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // 410: the metadata service is being updated and is back within 70 s. A 400 there is final.
    Rule { plane: Plane::Identity, statuses: &[410], substatuses: &[], says: &[], untouched: true, wait: doubling(2_000, 10_000), tries: 12, budget: ms(75_000) },
    Rule { plane: Plane::Identity, statuses: &[404, 408, 429, 500, 501, 502, 503, 504], substatuses: &[], says: &[], untouched: true, wait: doubling(1_000, 16_000), tries: 5, budget: ms(40_000) },
    Rule { plane: Plane::Identity, statuses: &[400], substatuses: &[], says: &["api-version is invalid"], untouched: true, wait: Wait::Remedy(Remedy::Version), tries: 1, budget: ms(0) },
    Rule { plane: Plane::Entra, statuses: &[408, 429, 500, 502, 503, 504], substatuses: &[], says: &[], untouched: true, wait: doubling(1_000, 8_000), tries: 4, budget: ms(20_000) },
    // Other clouds lag behind: the refusal lists what this one has.
    Rule { plane: Plane::Arm, statuses: &[400], substatuses: &[], says: &["NoRegisteredProviderFound", "InvalidResourceType", "InvalidApiVersionParameter"], untouched: true, wait: Wait::Remedy(Remedy::Version), tries: 1, budget: ms(0) },
    Rule { plane: Plane::Arm, statuses: &[401], substatuses: &[], says: &["Expired"], untouched: true, wait: Wait::Remedy(Remedy::NewToken), tries: 1, budget: ms(0) },
    Rule { plane: Plane::Arm, statuses: &[429], substatuses: &[], says: &[], untouched: true, wait: doubling(5_000, 30_000), tries: 9, budget: ms(120_000) },
    // Somebody else's change holds the account's lock.
    Rule { plane: Plane::Arm, statuses: &[412], substatuses: &[], says: &["exclusive lock"], untouched: true, wait: doubling(5_000, 40_000), tries: 6, budget: ms(120_000) },
    Rule { plane: Plane::Arm, statuses: &[500, 502, 503, 504], substatuses: &[], says: &[], untouched: false, wait: doubling(1_000, 8_000), tries: 4, budget: ms(30_000) },
    // A signature is good for some minutes around the time it names.
    Rule { plane: Plane::Data, statuses: &[401, 403], substatuses: &[], says: &["not valid at the current time"], untouched: true, wait: Wait::Remedy(Remedy::Clock), tries: 1, budget: ms(0) },
    Rule { plane: Plane::Data, statuses: &[401], substatuses: &[5005], says: &[], untouched: true, wait: Wait::Remedy(Remedy::Clock), tries: 1, budget: ms(0) },
    Rule { plane: Plane::Data, statuses: &[401], substatuses: &[5006, 5013], says: &[], untouched: true, wait: Wait::Remedy(Remedy::NewToken), tries: 1, budget: ms(0) },
    // A limit that waiting does not change.
    Rule { plane: Plane::Data, statuses: &[429], substatuses: &[3204, 3213], says: &[], untouched: true, wait: doubling(0, 0), tries: 0, budget: ms(0) },
    Rule { plane: Plane::Data, statuses: &[429], substatuses: &[], says: &[], untouched: true, wait: doubling(100, 5_000), tries: 9, budget: ms(30_000) },
    Rule { plane: Plane::Data, statuses: &[449], substatuses: &[], says: &[], untouched: true, wait: doubling(10, 1_000), tries: 40, budget: ms(30_000) },
    Rule { plane: Plane::Data, statuses: &[503], substatuses: &[], says: &[], untouched: true, wait: doubling(500, 4_000), tries: 3, budget: ms(30_000) },
    Rule { plane: Plane::Data, statuses: &[404], substatuses: &[1002], says: &[], untouched: true, wait: doubling(100, 500), tries: 3, budget: ms(5_000) },
    // A container is still being made.
    Rule { plane: Plane::Data, statuses: &[404], substatuses: &[1013], says: &[], untouched: true, wait: doubling(500, 4_000), tries: 5, budget: ms(15_000) },
    Rule { plane: Plane::Data, statuses: &[410], substatuses: &[], says: &[], untouched: false, wait: doubling(100, 2_000), tries: 5, budget: ms(10_000) },
    Rule { plane: Plane::Data, statuses: &[408, 500, 502, 504], substatuses: &[], says: &[], untouched: false, wait: doubling(500, 4_000), tries: 3, budget: ms(30_000) },
];

/// After a connection failed: not more often than this, and after these waits.
pub const RECONNECT: [Duration; 2] = [ms(200), ms(1_000)];

/// What has happened to a call so far.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// How many times it was sent.
    pub attempts: u32,
    /// How many of them ended without an answer.
    pub breaks: usize,
    /// How long was waited between.
    pub waited: Duration,
    /// An attempt may have been carried out although no answer said so.
    pub uncertain: bool,
    /// What was set right: to do it twice would be no better.
    pub remedies: Vec<Remedy>,
}

impl Tally {
    /// Adds one wait and its reason.
    pub fn count(&mut self, wait: Duration, why: &Error) {
        self.waited += wait;
        self.breaks += usize::from(matches!(why, Error::Transport(_)));
        self.uncertain |= match why {
            Error::Transport(broken) => broken.was_sent(),
            Error::Status(failure) => is_unclear(failure),
            _ => false,
        };
    }
}

/// What to do with an outcome.
#[derive(Debug)]
pub enum Verdict {
    /// It is the answer.
    Accept(Response),
    /// Send it again.
    Again {
        /// After this long.
        wait: Duration,
        /// Because of this.
        why: Error,
        /// Once this is set right.
        remedy: Option<Remedy>,
    },
    /// It failed for good.
    Refuse(Error),
}

/// Decides over one outcome of a request, by its plane, its effect and what happened before.
pub fn judge(
    request: &Request,
    effect: Effect,
    outcome: Result<Response, Broken>,
    tally: &Tally,
) -> Verdict {
    match outcome {
        Ok(response) if matches!(response.status, 200..=299 | 304) => Verdict::Accept(response),
        // The second delete finds nothing because the first one worked.
        Ok(response) if effect == Effect::Delete && tally.uncertain && is_absent(&response) => {
            Verdict::Accept(response)
        }
        Ok(response) => refused(request, effect, &response, tally),
        Err(broken) => unanswered(request, effect, broken, tally),
    }
}

/// Whether the service says that there is nothing, not that this replica has not heard of it yet.
fn is_absent(response: &Response) -> bool {
    let substatus = response.header("x-ms-substatus").unwrap_or_default();
    response.status == 404 && !matches!(substatus, "1002" | "1013")
}

fn refused(request: &Request, effect: Effect, response: &Response, tally: &Tally) -> Verdict {
    let failure = Failure::read(
        request.plane,
        request.line(),
        response.status,
        &response.headers,
        &response.body,
    );
    let rule = RULES
        .iter()
        .find(|rule| rule.covers(&failure) && !is_hopeless(&failure))
        .filter(|_| !names_what_is_gone(request, &failure));
    if let Some(rule) = rule.filter(|rule| rule.untouched || effect != Effect::Once)
        && let Some(wait) = rule.wait(&failure, tally)
    {
        let why = Error::Status(Box::new(failure));
        let remedy = match rule.wait {
            Wait::Remedy(remedy) => Some(remedy),
            Wait::Doubling(..) => None,
        };
        return Verdict::Again { wait, why, remedy };
    }
    Verdict::Refuse(in_kind(effect, failure))
}

/// The range that the request names was split or merged: what came of it has other names, and asking again is no use.
fn names_what_is_gone(request: &Request, failure: &Failure) -> bool {
    let named = |(name, _): &(&str, _)| *name == "x-ms-documentdb-partitionkeyrangeid";
    let gone = failure.status == 410 && failure.substatus == Some(1002);
    gone && request.headers.iter().any(named)
}

/// Whether no other answer is to come, although the status is one that passes.
fn is_hopeless(failure: &Failure) -> bool {
    use Refusal::{NoIdentity, NoMachine, OtherCloud, SomebodyElse};
    let refusal = (failure.plane.gives_tokens()).then(|| refusal::of(failure));
    matches!(
        refusal,
        Some(SomebodyElse | OtherCloud | NoIdentity | NoMachine)
    )
}

/// The error of a refusal that was to be answered with a remedy, where there is none.
pub fn as_final(effect: Effect, why: Error) -> Error {
    match why {
        Error::Status(failure) => in_kind(effect, *failure),
        other => other,
    }
}

/// A refusal as the kind of error it is.
fn in_kind(effect: Effect, failure: Failure) -> Error {
    if failure.plane.gives_tokens() {
        let sentence = refusal::of(&failure).sentence().to_string();
        return Error::Identity(sentence, Some(Box::new(failure)));
    }
    if effect == Effect::Once && is_unclear(&failure) {
        return Error::Unknown {
            request: failure.request.clone(),
            what: failure.to_string(),
        };
    }
    Error::Status(Box::new(failure))
}

/// Statuses after which a change may or may not have been made.
fn is_unclear(failure: &Failure) -> bool {
    // The data plane promises that a 503 did nothing; in front of ARM anybody may say it.
    matches!(failure.status, 408 | 500 | 502 | 504)
        || (failure.status == 503 && failure.plane == Plane::Arm)
}

impl Rule {
    fn covers(&self, failure: &Failure) -> bool {
        let substatus = failure.substatus.unwrap_or_default();
        self.plane == failure.plane
            && self.statuses.contains(&failure.status)
            && (self.substatuses.is_empty() || self.substatuses.contains(&substatus))
            && (self.says.is_empty() || self.says.iter().any(|part| is_said(failure, part)))
    }

    /// How long to wait before the next attempt; `None` once tries or budget are used up.
    fn wait(&self, failure: &Failure, tally: &Tally) -> Option<Duration> {
        let (first, most) = match self.wait {
            Wait::Remedy(remedy) => {
                return (!tally.remedies.contains(&remedy)).then_some(Duration::ZERO);
            }
            Wait::Doubling(first, most) => (first, most),
        };
        let doublings = tally.attempts.saturating_sub(1).min(16);
        let own = (first * 2u32.pow(doublings)).min(most);
        // To be told to wait for nothing is to be told nothing.
        let told = failure.retry_after.filter(|wait| !wait.is_zero());
        let wait = told.unwrap_or(own);
        let allowed = tally.attempts <= self.tries && tally.waited + wait <= self.budget;
        allowed.then_some(wait)
    }
}

fn is_said(failure: &Failure, part: &str) -> bool {
    failure.code.contains(part) || failure.message.contains(part)
}

fn unanswered(request: &Request, effect: Effect, broken: Broken, tally: &Tally) -> Verdict {
    let repeatable = !broken.was_sent() || effect != Effect::Once;
    let hopeless = broken.stage == Stage::Tls;
    // Whoever runs this elsewhere than on Azure should not wait for a metadata service that is not there. Where one
    // was connected to, whether to ask it again is decided by a probe; see `super::patience`.
    let tries = match (request.plane, broken.stage) {
        (Plane::Identity, Stage::Answer) => 0,
        (Plane::Identity, _) => 1,
        _ => 2,
    };
    // Refusals that were waited out do not count: the service was there.
    let wait = RECONNECT.get(tally.breaks).copied();
    match wait.filter(|_| repeatable && !hopeless && tally.breaks < tries) {
        Some(wait) => Verdict::Again {
            wait,
            why: Error::Transport(broken),
            remedy: None,
        },
        None if repeatable => Verdict::Refuse(Error::Transport(broken)),
        None => Verdict::Refuse(Error::Unknown {
            request: broken.request.clone(),
            what: format!("it was sent, and then: {}", broken.what),
        }),
    }
}
