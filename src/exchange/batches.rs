//! A batch that is all or nothing: sent again while the service is too busy for one of its operations.

use std::time::Duration;

use super::Client;
use crate::cosmos::batch::{Outcome, guilty};
use crate::error::Error;
use crate::message::{Answer, Call};

/// How often it is sent again, and how long may be waited for that.
const TRIES: u32 = 9;
const BUDGET: Duration = Duration::from_secs(30);

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
        let (mut tries, mut waited) = (0, Duration::ZERO);
        loop {
            let answer = self.run(call)?;
            if answer.value.len() != count {
                return Err(Error::Answer {
                    request: call.request.line(),
                    what: format!("{} outcomes for {count} operations", answer.value.len()),
                });
            }
            let (most, times) = (self.budget.waiting(BUDGET), self.budget.tries(TRIES));
            let wait = wait(&answer.value, tries).filter(|wait| waited + *wait <= most);
            let Some(wait) = wait.filter(|_| tries < times) else {
                return Ok(answer);
            };
            self.note(&format!(
                "again in {} ms: an operation was refused for now",
                wait.as_millis()
            ));
            self.rest(wait)?;
            (tries, waited) = (tries + 1, waited + wait);
        }
    }
}

/// How long to wait before the same batch has a chance; `None` where waiting changes nothing.
fn wait(outcomes: &[Outcome], tries: u32) -> Option<Duration> {
    let refused = outcomes.get(guilty(outcomes)?)?;
    let passes = match refused.status {
        429 => !matches!(refused.substatus, Some(3204 | 3213)),
        449 => true,
        _ => false,
    };
    let own = Duration::from_millis(100) * 2u32.pow(tries.min(5));
    let told = refused.retry_after.filter(|wait| !wait.is_zero());
    passes.then(|| told.unwrap_or(own))
}
