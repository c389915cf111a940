//! A batch that is all or nothing: sent again while the service is too busy for one of its operations.

use std::time::Duration;

use super::Client;
use super::retry::{BATCH, History, RANGE_MOVED};
use crate::cosmos::batch::{Outcome, guilty};
use crate::error::Error;
use crate::message::{Answer, Call, Effect};

impl Client<'_> {
    /// Carries out an atomic batch of so many operations. A refusal for lack of request units, or because another
    /// write was under way, has changed nothing, whether it is the status of the answer or of an operation in it.
    ///
    /// An operation that failed is no error here: see [`guilty`].
    pub fn batch(
        &self,
        call: &Call<Vec<Outcome>>,
        count: usize,
    ) -> Result<Answer<Vec<Outcome>>, Error> {
        let backoff = BATCH.limited(&self.budget);
        let mut batch_history = History::default();
        loop {
            let answer = self.run(call)?;
            if answer.value.len() != count {
                let what = format!("{} outcomes for {count} operations", answer.value.len());
                self.transport.distrust();
                let error = match call.effect {
                    Effect::Read => Error::unusable(call.request.line(), what),
                    _ => Error::unknown(call.request.line(), what),
                };
                return Err(error.with_activity(answer.activity.as_deref()));
            }
            let hint = refused_for_now(&answer.value);
            let Some(wait) = hint.and_then(|hint| backoff.next(&batch_history, hint)) else {
                return Ok(answer);
            };
            self.note(&format!(
                "again in {} ms: an operation was refused for now",
                wait.as_millis()
            ));
            self.rest(wait)?;
            batch_history.add(wait);
        }
    }
}

/// What the service asks to wait before the same batch has a chance, if it does; `None` where waiting changes nothing.
fn refused_for_now(outcomes: &[Outcome]) -> Option<Option<Duration>> {
    let refused = outcomes.get(guilty(outcomes)?)?;
    let passes = match refused.status {
        429 => !matches!(refused.substatus, Some(3204 | 3213)),
        449 => true,
        410 => refused
            .substatus
            .is_some_and(|substatus| RANGE_MOVED.contains(&substatus)),
        _ => false,
    };
    passes.then_some(refused.retry_after)
}
