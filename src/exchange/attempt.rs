//! The one road: authorize, send, judge, and again where the rules of [`super::retry`] allow it.

use std::time::Duration;

use super::judge::{self, Tally, Verdict, judge};
use super::retry::{self, Remedy};
use super::{Client, locked, regions};
use crate::authorize::authorize;
use crate::error::{Error, Stage};
use crate::message::{Effect, Plane, Request, Response, Scope};

/// Names one request to the service, whose support finds it by that; the answer has it, too.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers>
const ACTIVITY: &str = "x-ms-activity-id";

/// A call without its reader.
pub(super) struct Asked<'a> {
    pub request: &'a Request,
    pub scope: &'a Scope,
    pub effect: Effect,
}

impl Client<'_> {
    /// The same for any call: kept apart from [`Client::run`] so that it is compiled once.
    pub(super) fn exchange(
        &self,
        request: &Request,
        scope: &Scope,
        effect: Effect,
    ) -> Result<(Response, Tally), Error> {
        if let Some(broken) = self.is_absent(request) {
            return Err(broken.into());
        }
        let mut tally = Tally::default();
        loop {
            match self.attempt(request, scope, effect, &mut tally) {
                Ok(None) => {}
                Ok(Some(response)) => return Ok((response, tally)),
                Err(error) => {
                    let found = self.recognise(request, scope, effect, &tally, error);
                    let found = found.map_err(|e| e.with_activity(tally.activity.as_deref()));
                    return found.map(|response| (response, tally));
                }
            }
        }
    }

    /// Sends it once; nothing where it is to be sent again.
    fn attempt(
        &self,
        request: &Request,
        scope: &Scope,
        effect: Effect,
        tally: &mut Tally,
    ) -> Result<Option<Response>, Error> {
        tally.activity = None;
        let ready = self.ready(request, scope, effect, tally)?;
        let mut headers = ready.headers.iter();
        let activity = headers.find(|(name, _)| *name == ACTIVITY);
        tally.activity = activity.map(|(_, id)| id.shown().to_string());
        let outcome = judge::heard(&ready, scope, effect, self.send(&ready));
        if let Err(broken) = &outcome
            && broken.stage == Stage::Unusable
        {
            self.transport.distrust();
        }
        tally.attempts += 1;
        match judge(&ready, effect, outcome, tally, &self.budget) {
            Verdict::Accept(response) => Ok(Some(response)),
            Verdict::Refuse(error) => Err(self.in_time(effect, self.remembered(request, error))),
            Verdict::Again { remedy, wait, why } => {
                tally.tried.extend(regions::origin(&ready).map(Into::into));
                let asked = Asked {
                    request,
                    scope,
                    effect,
                };
                self.prepare(&asked, tally, remedy, wait, why)
                    .map(|()| None)
            }
        }
    }

    /// Sets right what can be, or waits, before it is sent again.
    fn prepare(
        &self,
        asked: &Asked,
        tally: &mut Tally,
        remedy: Option<Remedy>,
        wait: Option<Duration>,
        why: Error,
    ) -> Result<(), Error> {
        if !self.has_time_for(wait.unwrap_or_default(), &why) {
            let error = judge::as_final(asked.effect, why);
            return Err(self.remembered(asked.request, error));
        }
        let righted = remedy.filter(|remedy| self.set_right(*remedy, asked, tally, &why));
        let wait = righted.map_or(wait, |_| Some(Duration::ZERO));
        tally.remedies.extend(righted);
        let Some(wait) = wait else {
            return Err(judge::as_final(asked.effect, why));
        };
        if remedy == Some(Remedy::OtherRegion) && righted.is_none() {
            self.take_turns(asked, tally, &why);
        }
        tally.count(wait, &why);
        self.pause(wait, &why)?;
        match self.clock.is_interrupted() {
            // What was sent may have been carried out.
            true => Err(judge::as_final(asked.effect, why)),
            false => Ok(()),
        }
    }

    /// The request as it is sent: to the region where it is served, in a version that is known there, authorized.
    fn ready(
        &self,
        request: &Request,
        scope: &Scope,
        effect: Effect,
        tally: &Tally,
    ) -> Result<Request, Error> {
        self.has_time_after(Duration::ZERO)?;
        self.prefer(request, scope, effect);
        let asked = locked(&self.versions).applied(request);
        let target = tally.target.as_deref();
        let asked = locked(&self.regions).applied(asked, effect, target, self.clock);
        self.signed(asked, scope)
    }

    /// The request, authorized.
    pub(super) fn signed(&self, request: Request, scope: &Scope) -> Result<Request, Error> {
        let proof = self.proof(scope)?;
        let mut ready = authorize(request, scope, &proof, self.now());
        if ready.plane == Plane::Data {
            ready = ready.header(ACTIVITY, activity_id(self.clock.random()));
        }
        refuse_unsendable(&ready)?;
        Ok(ready)
    }

    pub(super) fn pause(&self, wait: Duration, why: &Error) -> Result<(), Error> {
        self.note(&retry::again_in(wait, why));
        self.rest(wait).map_err(|over| and_before(over, why))
    }

    /// A connection that ended with the time given for everything was not the reason.
    fn in_time(&self, effect: Effect, error: Error) -> Error {
        match (&error, self.has_time_after(Duration::ZERO)) {
            (Error::Transport(broken), Err(over))
                if effect == Effect::Read || !broken.was_sent() =>
            {
                and_before(over, &error)
            }
            _ => error,
        }
    }
}

fn and_before(over: Error, why: &Error) -> Error {
    match over {
        Error::Overtime(text) => Error::overtime(format!("{text}; before that: {why}")),
        other => other,
    }
}

/// A number as a UUID of version 4.
fn activity_id(number: u128) -> String {
    let number = number & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}

/// A header value outside printable ASCII would be refused halfway, or split the request in two.
fn refuse_unsendable(request: &Request) -> Result<(), Error> {
    for (name, value) in &request.headers {
        // Of all bytes, without looking where the first one is: many at a time.
        let sendable = |so_far, b: u8| so_far & (0x20..0x7f).contains(&b);
        if !value.expose().bytes().fold(true, sendable) {
            return Err(Error::usage(format!(
                "the header {name} would hold {:?}: only printable ASCII can be sent",
                value.shown()
            )));
        }
    }
    Ok(())
}
