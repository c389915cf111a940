//! What is set right before a refused request is sent again: the token, the clock, the version of the API.

use time::{Duration, OffsetDateTime};

use super::attempt::Asked;
use super::judge::Tally;
use super::retry::Remedy;
use super::{Client, Credential, locked};
use crate::error::{Error, Failure, moment};
use crate::message::Scope;

/// A difference below this is the way of an answer, not a wrong clock.
const NOTICED: Duration = Duration::seconds(60);

impl Client<'_> {
    /// The moment, by the service's clock where ours was found to be wrong.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now().saturating_add(*locked(&self.offset))
    }

    /// Sets something right. `false` where that cannot be done, and the refusal stands.
    pub(super) fn set_right(
        &self,
        remedy: Remedy,
        asked: &Asked,
        tally: &mut Tally,
        why: &Error,
    ) -> bool {
        match (remedy, why.failure()) {
            (Remedy::Clock, Some(failure)) => self.correct_clock(failure),
            (Remedy::NewToken, Some(failure)) => {
                self.correct_clock(failure);
                self.renew(asked.scope)
            }
            (Remedy::Version, Some(failure)) => {
                let mut versions = locked(&self.versions);
                let chosen = versions.choose(asked.request, failure);
                chosen.inspect(|note| self.note(note)).is_some()
            }
            (remedy, _) => self.go_elsewhere(remedy, asked, tally, why),
        }
    }

    /// Takes the service's time from the refusal's `Date`, if it differs from ours.
    fn correct_clock(&self, failure: &Failure) -> bool {
        let date = failure.date.as_deref();
        let Some(theirs) = date.and_then(moment::read) else {
            return false;
        };
        if (theirs - self.now()).abs() < NOTICED {
            return false;
        }
        let offset = theirs - self.clock.now();
        *locked(&self.offset) = offset;
        self.note(&format!(
            "this machine's clock is {} the service's; signing by the service's clock",
            apart(offset)
        ));
        true
    }

    /// Forgets the token of a scope. `false` where no other one can be had.
    fn renew(&self, scope: &Scope) -> bool {
        let audiences = self.audiences();
        let audience = match scope {
            Scope::Arm => audiences.arm,
            _ => audiences.data,
        };
        let identity = matches!(self.credential, Credential::Identity { .. });
        identity && locked(&self.tokens).forget(&audience)
    }
}

/// `10 minutes behind`: the largest unit of which there are two.
pub fn apart(offset: Duration) -> String {
    let seconds = offset.whole_seconds().unsigned_abs();
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= 2 * unit);
    let (unit, name) = unit.unwrap_or((1, "seconds"));
    let side = if offset.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    format!("{} {name} {side}", (seconds + unit / 2) / unit)
}
