//! What an outcome means, by the table of [`super::retry`]. Pure.

use std::time::Duration;

use super::budget::Budget;
use super::expected;
use super::retry::{History, RANGE_MOVED, RECONNECT, RULES, Remedy, Rule};
use crate::error::{Broken, Error, Failure, Plane, Stage};
use crate::identity::refusal::{self, Refusal};
use crate::message::{Effect, Request, Response, Scope};

/// What has happened to a call so far.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// How many times it was sent.
    pub attempts: u32,
    /// How many of them ended without an answer.
    pub breaks: u32,
    /// How long was waited between.
    pub waited: Duration,
    /// The statuses it was refused with, and how long was waited after each.
    pub refusals: Vec<(u16, Duration)>,
    /// An attempt may have been carried out although no answer said so.
    pub uncertain: bool,
    /// What was set right.
    pub remedies: Vec<Remedy>,
    /// The activity id it was last sent with.
    pub activity: Option<String>,
    /// Where it was sent and refused or not heard.
    pub tried: Vec<String>,
    /// Where it goes next, if it is a read that was sent elsewhere.
    pub target: Option<String>,
}

impl Tally {
    /// Adds one wait and its reason.
    pub fn count(&mut self, wait: Duration, why: &Error) {
        self.waited += wait;
        if let Error::Status(failure) = why {
            self.refusals.push((failure.status, wait));
        }
        self.breaks += u32::from(matches!(why, Error::Transport(_)));
        self.uncertain |= match why {
            Error::Transport(broken) => broken.was_sent(),
            // A range that is gone has done nothing; another part of the service that moved may have, before.
            Error::Status(failure) => {
                is_unclear(failure) || (failure.status == 410 && !is_range_moved(failure))
            }
            _ => false,
        };
    }

    /// How often it was refused with one of these, and how long was waited for that. What else went wrong meanwhile
    /// says nothing of how long this goes on.
    fn spent(&self, statuses: &[u16]) -> History {
        let mut history = History::default();
        let these = self.refusals.iter();
        these
            .filter(|(status, _)| statuses.contains(status))
            .for_each(|(_, wait)| history.add(*wait));
        history
    }

    /// An error as the caller must see it: what says nothing of an earlier attempt leaves its outcome unknown.
    pub fn honest(&self, request: &Request, effect: Effect, error: Error) -> Error {
        let silent = effect != Effect::Read && self.uncertain;
        if !silent || is_settled(&error) || matches!(error, Error::Unknown(_)) {
            return error;
        }
        let what = format!("an answer was lost, and then: {error}");
        Error::unknown(request.line(), what)
    }
}

/// Whether the item tells the outcome, or the error by itself that it is open.
fn is_settled(error: &Error) -> bool {
    match error {
        Error::Status(failure) => {
            is_unclear(failure)
                || matches!(failure.status, 409 | 412)
                || (failure.status == 404 && !lags(failure.substatus))
        }
        Error::Transport(broken) => broken.was_sent(),
        _ => false,
    }
}

/// What to do with an outcome.
#[derive(Debug)]
pub enum Verdict {
    /// It is the answer.
    Accept(Response),
    /// Send it again.
    Again {
        /// At once where this could be set right.
        remedy: Option<Remedy>,
        /// Else after this long, or not at all.
        wait: Option<Duration>,
        /// Because of this.
        why: Error,
    },
    /// It failed for good.
    Refuse(Error),
}

/// A success that is not the service's answer to this request is as good as none: what was sent may have been carried
/// out.
pub fn heard(
    request: &Request,
    scope: &Scope,
    effect: Effect,
    outcome: Result<Response, Broken>,
) -> Result<Response, Broken> {
    let response = outcome?;
    if !matches!(response.status, 200..=299 | 304) {
        return Ok(response);
    }
    match expected::check(request, scope, effect, &response) {
        Ok(()) => Ok(response),
        Err(why) => Err(Broken {
            request: request.line(),
            stage: Stage::Unusable,
            what: format!("the answer ({}) cannot be used: {why}", response.status),
            activity: response.header("x-ms-activity-id").map(str::to_string),
        }),
    }
}

/// Decides over one outcome of a request, by its plane, its effect and what happened before.
pub fn judge(
    request: &Request,
    effect: Effect,
    outcome: Result<Response, Broken>,
    tally: &Tally,
    budget: &Budget,
) -> Verdict {
    match outcome {
        Ok(response) if matches!(response.status, 200..=299 | 304) => Verdict::Accept(response),
        // The second delete finds nothing because the first one worked.
        Ok(response)
            if effect == Effect::Delete && tally.uncertain && is_absent(request, &response) =>
        {
            Verdict::Accept(response)
        }
        Ok(response) => refused(request, effect, &response, tally, budget),
        Err(broken) => unanswered(request, effect, broken, tally, budget),
    }
}

/// Whether the service says that there is nothing, not that this replica has not heard of it yet.
fn is_absent(request: &Request, response: &Response) -> bool {
    if response.status != 404 {
        return false;
    }
    let failure = read_failure(request, response);
    failure.of_service && !lags(failure.substatus)
}

fn read_failure(request: &Request, response: &Response) -> Failure {
    let (line, headers) = (request.line(), response.headers.pairs());
    Failure::read(
        request.plane,
        line,
        response.status,
        &headers,
        &response.body,
    )
}

fn lags(substatus: Option<u32>) -> bool {
    matches!(substatus, Some(1002 | 1013))
}

fn refused(
    request: &Request,
    effect: Effect,
    response: &Response,
    tally: &Tally,
    budget: &Budget,
) -> Verdict {
    let failure = read_failure(request, response);
    let rule = RULES
        .iter()
        .find(|rule| rule.covers(request, &failure) && !is_hopeless(&failure));
    let allowed = |rule: &&Rule| match effect {
        Effect::Never => false,
        Effect::Once => rule.untouched && !is_unclear(&failure),
        _ => true,
    };
    let next = rule
        .filter(allowed)
        .and_then(|rule| rule.next(&failure, tally, budget));
    match next {
        Some((remedy, wait)) => Verdict::Again {
            remedy,
            wait,
            why: Error::Status(Box::new(failure)),
        },
        None => Verdict::Refuse(in_kind(effect, failure)),
    }
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

/// The error of what was to be sent again, where it is not.
pub fn as_final(effect: Effect, why: Error) -> Error {
    match why {
        Error::Status(failure) => in_kind(effect, *failure),
        Error::Transport(broken) => lost(effect, *broken),
        other => other,
    }
}

/// A connection that failed for good.
fn lost(effect: Effect, broken: Broken) -> Error {
    let Broken {
        request,
        stage,
        what,
        activity,
    } = broken;
    let error = match (stage, effect) {
        (Stage::Unusable, Effect::Read) => Error::unusable(request, what),
        (Stage::Unusable, _) => Error::unknown(request, what),
        (Stage::Answer, effect) if effect != Effect::Read => {
            Error::unknown(request, format!("it was sent, and then: {what}"))
        }
        _ => Error::from(Broken {
            request,
            stage,
            what,
            activity: None,
        }),
    };
    error.with_activity(activity.as_deref())
}

/// A refusal as the kind of error it is.
fn in_kind(effect: Effect, failure: Failure) -> Error {
    if failure.plane.gives_tokens() {
        let sentence = refusal::of(&failure).sentence();
        return Error::identity(sentence, Some(failure));
    }
    let passed_on = !failure.of_service && effect != Effect::Read;
    if (passed_on || !is_harmless(effect)) && is_unclear(&failure) {
        let error = Error::unknown(failure.request.clone(), failure.to_string());
        return error.with_activity(failure.activity.as_deref());
    }
    Error::Status(Box::new(failure))
}

/// Whether it may be sent by whoever did not see what came of it.
fn is_harmless(effect: Effect) -> bool {
    matches!(effect, Effect::Read | Effect::Idempotent | Effect::Delete)
}

/// Whether a range says that it is not the one to ask, and has not done it.
pub(super) fn is_range_moved(failure: &Failure) -> bool {
    let moved = |substatus| RANGE_MOVED.contains(&substatus);
    failure.status == 410 && failure.substatus.is_some_and(moved)
}

/// Statuses after which a change may or may not have been made.
fn is_unclear(failure: &Failure) -> bool {
    let tokens = failure.plane.gives_tokens();
    // The data plane promises that a 503 did nothing; in front of ARM anybody may say it.
    matches!(failure.status, 408 | 500 | 502 | 504)
        || (failure.status == 503 && failure.plane == Plane::Arm)
        || (!failure.of_service && !tokens && is_of_others(failure.status))
}

/// Statuses that a proxy gives as well: only where the service gives them they mean that nothing was done.
fn is_of_others(status: u16) -> bool {
    matches!(status, ..400 | 408 | 410 | 429 | 449 | 500..)
}

impl Rule {
    /// What is set right and how long is waited before the next attempt; `None` once all that is used up.
    fn next(
        &self,
        failure: &Failure,
        tally: &Tally,
        budget: &Budget,
    ) -> Option<(Option<Remedy>, Option<Duration>)> {
        let done = |remedy: &Remedy| tally.remedies.iter().filter(|done| *done == remedy).count();
        let remedy = self.first.filter(|remedy| {
            done(remedy) < self.backoff.attempts as usize
                && tally.attempts <= budget.tries(u32::MAX)
        });
        let wait = self.wait(failure, tally, budget);
        (remedy.is_some() || wait.is_some()).then_some((remedy, wait))
    }

    fn wait(&self, failure: &Failure, tally: &Tally, budget: &Budget) -> Option<Duration> {
        if self.backoff.budget.is_zero() {
            return None;
        }
        let own = tally.spent(self.statuses);
        let wait = self.backoff.wait(own.retries, failure.retry_after);
        let may = match budget.retries {
            Some(most) => tally.attempts <= most,
            None => own.retries < self.backoff.attempts,
        };
        let patient = match budget.wait {
            Some(most) => tally.waited + wait <= most,
            None => own.waited + wait <= self.backoff.budget,
        };
        (may && patient).then_some(wait)
    }
}

fn unanswered(
    request: &Request,
    effect: Effect,
    broken: Broken,
    tally: &Tally,
    budget: &Budget,
) -> Verdict {
    let repeatable = !broken.was_sent() || !matches!(effect, Effect::Once | Effect::Never);
    let wait = reconnect(request.plane, broken.stage, tally, budget);
    if let (true, Some(wait)) = (repeatable, wait) {
        let elsewhere = request.plane == Plane::Data;
        return Verdict::Again {
            remedy: elsewhere.then_some(Remedy::OtherRegion),
            wait: Some(wait),
            why: broken.into(),
        };
    }
    Verdict::Refuse(lost(effect, broken))
}

/// How long to wait before the next attempt to connect; `None` where that is hopeless, or was tried often enough.
fn reconnect(plane: Plane, stage: Stage, tally: &Tally, budget: &Budget) -> Option<Duration> {
    // Whoever runs this elsewhere than on Azure should not wait for a metadata service that is not there. Where one
    // was connected to, whether to ask it again is decided by a probe; see `super::patience`.
    let tries = match (plane, stage) {
        (_, stage) if stage.is_final() => 0,
        (Plane::Identity, Stage::Answer) => 0,
        (Plane::Identity, _) => budget.tries(u32::MAX).min(1),
        _ => budget.tries(RECONNECT.len() as u32),
    };
    // Refusals that were waited out do not count: the service was there.
    let wait = RECONNECT.get(tally.breaks as usize).or(RECONNECT.last());
    let wait = wait.copied().filter(|_| tally.breaks < tries)?;
    let enough = budget.waiting(Duration::MAX);
    (tally.attempts <= budget.tries(u32::MAX) && tally.waited + wait <= enough).then_some(wait)
}
