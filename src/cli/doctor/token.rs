//! The token, and the clocks it is measured by.

use time::{Duration, OffsetDateTime};

use super::Doctor;
use super::door::date;
use super::finding::{Finding, State, foreseen, ok, skip};
use super::machine::source;
use crate::error::{Error, Plane, moment};
use crate::exchange::apart;
use crate::identity::{Source, instance};
use crate::message::Call;
use crate::name::Claims;

/// As far as clocks may be apart.
const TOLERATED: Duration = Duration::minutes(5);

/// Whether the token is for the data plane, and good now.
pub fn token(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if session.has_key() {
        return Ok(skip("an account key needs none"));
    }
    let (token, audience) = session.data_token()?;
    let claims = token.claims();
    let now = doctor.now();
    let left = (token.expires.moment(now) - now).whole_minutes();
    let text = |name: &str| claims.as_ref().and_then(|claims| claims.text(name));
    let aud = text("aud").unwrap_or("an unknown audience");
    let what = format!("for {aud}, lives {left} minutes");
    let wrong = |what, said| Ok(foreseen(session, State::Fail, what, said));
    if left <= 0 {
        let what = format!("for {aud}, expired {} minutes ago", -left);
        return wrong(what, (Plane::Data, 401, 5006, ""));
    }
    if let Some(early) = claims.as_ref().and_then(|claims| too_early(claims, now)) {
        let what = format!("for {aud}, not valid for another {early} minutes");
        return wrong(what, (Plane::Data, 401, 5005, ""));
    }
    let is_ready = source(session).is_err();
    if !is_ready && aud.contains("://") && aud != audience {
        let said = format!(
            "AAD token is intended for [{aud}]. This database account accepts tokens intended for [{audience}]."
        );
        let what = format!("for {aud}, although one for {audience} was asked for");
        return wrong(what, (Plane::Data, 401, 5008, &said));
    }
    Ok(ok(what))
}

/// In how many minutes it becomes valid.
fn too_early(claims: &Claims, now: OffsetDateTime) -> Option<i64> {
    let from = OffsetDateTime::from_unix_timestamp(claims.time("nbf")?).ok()?;
    let wait = from - now;
    (wait > TOLERATED).then_some(wait.whole_minutes())
}

/// Our clock against theirs.
pub fn clock(doctor: &Doctor) -> Result<Finding, Error> {
    let Some(ahead) = doctor.ahead() else {
        return Ok(skip("nobody says what time it is"));
    };
    if ahead.whole_seconds().unsigned_abs() < 60 {
        return Ok(ok("this machine's clock and the service's agree"));
    }
    let what = format!("this machine's clock is {} the service's", apart(ahead));
    let said = (Plane::Data, 403, 0, "not valid at the current time");
    Ok(foreseen(doctor.session, State::Warn, what, said))
}

impl Doctor<'_, '_> {
    /// The time, by the service's clock where that is known.
    fn now(&self) -> OffsetDateTime {
        let ours = self.session.client.clock().now();
        ours.saturating_add(self.ahead().unwrap_or_default())
    }

    fn ahead(&self) -> Option<Duration> {
        *self.ahead.get_or_init(|| {
            let told = self.told()?;
            let theirs = moment::read(&told)?;
            Some(theirs - self.session.client.clock().now())
        })
    }

    /// What somebody says the time is: the metadata service, ARM, or the account.
    fn told(&self) -> Option<String> {
        let metadata = self.known("metadata");
        let is_there = metadata.is_some_and(|found| found.state == State::Ok);
        if let (Ok(Source::Imds(endpoint)), true) = (source(self.session), is_there) {
            let asked = instance::compute(endpoint);
            let call = Call {
                request: asked.request,
                scope: asked.scope,
                action: asked.action,
                effect: asked.effect,
                read: date,
            };
            return self.session.client.run(&call).ok()?.value;
        }
        let arm = self.without_arm().is_none().then(|| self.arm_door().ok());
        let door = arm.flatten().or_else(|| self.account_door().ok());
        door?.date.clone()
    }
}
