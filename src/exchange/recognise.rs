//! Whether a write that is refused the second time was carried out the first time: what is there tells.

use super::Client;
use super::judge::Tally;
use crate::cosmos::items::written;
use crate::error::Error;
use crate::message::{Effect, Request, Response, Scope};

impl Client<'_> {
    /// The answer to a write whose first one was lost, where the refusal of the second one means that it is done.
    pub(super) fn recognise(
        &self,
        request: &Request,
        scope: &Scope,
        effect: Effect,
        tally: &Tally,
        error: Error,
    ) -> Result<Response, Error> {
        let refused = error.is_status(409) || error.is_status(412);
        if !(refused && tally.uncertain && effect == Effect::Guarded) {
            return Err(tally.honest(request, effect, error));
        }
        self.note("it was there, or has changed: comparing it with what was sent");
        match self.left_behind(request, scope) {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(error),
            Err(why) => Err(Error::Unknown {
                request: request.line(),
                what: format!(
                    "an answer was lost, and then: {error}; and it cannot be compared: {why}"
                ),
            }),
        }
    }

    /// The item as it is, if it is the one that was sent.
    fn left_behind(&self, request: &Request, scope: &Scope) -> Result<Option<Response>, Error> {
        let unnamed = || Error::answer("its id has no place in a path");
        let call = written::read(request, scope).ok_or_else(unnamed)?;
        let (mut response, _) = match self.exchange(&call.request, &call.scope, call.effect) {
            // What is not there was not made: it is something else that was in the way.
            Err(e) if e.is_status(404) => return Ok(None),
            found => found?,
        };
        let sent = request.body.as_ref().map_or("", |body| body.expose());
        let same = written::is_same(sent, (call.read)(&response)?.get());
        if request.headers.iter().any(|(name, _)| *name == "prefer") {
            response.body.clear();
        }
        Ok(same.then_some(response))
    }
}
