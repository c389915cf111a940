//! How long an answer is waited for, and whether a silent identity endpoint is there at all.
//!
//! A metadata service answers at once what it knows, and may need seconds for a token it must fetch. Elsewhere than on
//! Azure its address leads nowhere, or to something that accepts a connection and says nothing. After a moment of
//! silence a request that it refuses without thinking tells the two apart: an answer, whichever, is worth waiting for.

use std::time::Duration;

use super::{Client, locked};
use crate::error::{Broken, Error, Stage};
use crate::message::{Limits, Plane, Request, Response};

pub(super) const fn limits(connect: u64, first: u64, whole: u64) -> Limits {
    Limits {
        connect: Duration::from_millis(connect),
        first: Duration::from_millis(first),
        whole: Duration::from_millis(whole),
    }
}

/// With the silence before it, three seconds are over when it is clear that nobody is there.
const PROBE: Limits = limits(1_000, 1_000, 1_000);

/// For an endpoint that has answered the probe.
const SLOW: Limits = limits(2_000, 10_000, 12_000);

/// For one that was named as the source: in a container that has just begun, connecting has taken six seconds.
const NAMED: Limits = limits(10_000, 1_500, 20_000);

/// For whoever would rather know now than get through later.
const HURRIED: Limits = limits(3_000, 10_000, 12_000);

/// The same after nobody was found to give a token: what is asked now is only to be looked at.
const GLANCE: Limits = limits(1_000, 800, 2_000);

/// How long nobody stays nobody.
const A_MOMENT: time::Duration = time::Duration::seconds(10);

/// How long an exchange may take, where its request does not say. A metadata service is one hop away and answers at
/// once; whoever is not on Azure should know after three seconds: two tries to connect, or silence and a probe.
pub(super) const fn usual(plane: Plane) -> Limits {
    match plane {
        Plane::Identity => limits(1_300, 1_500, 10_000),
        Plane::Entra => limits(5_000, 20_000, 20_000),
        Plane::Arm | Plane::Data => limits(5_000, 65_000, 65_000),
    }
}

impl Client<'_> {
    fn carry(&self, request: &Request) -> Result<Response, Broken> {
        self.transport.send(&self.bounded(request))
    }

    /// Sends one request, and once more to an identity endpoint that is there and was only slow.
    pub(super) fn send(&self, request: &Request) -> Result<Response, Broken> {
        if request.plane != Plane::Identity {
            let alone = locked(&self.absent).is_some();
            let hurry = *locked(&self.hurry);
            return match (hurry, alone) {
                (Some(_), true) => self.carry(&within(request, GLANCE)),
                (Some(_), false) => self.carry(&within(request, HURRIED)),
                (None, _) => self.carry(request),
            };
        }
        let outcome = match self.patient {
            true => self.carry(&within(request, NAMED)),
            false => self.carry(request),
        };
        match outcome {
            Err(broken) if broken.stage == Stage::Answer && self.is_there(request) => {
                self.note("the identity endpoint is there, and slow: asking it again, for longer");
                self.carry(&within(request, SLOW))
            }
            other => other,
        }
    }

    /// Waits no longer than this from now on, over all calls, before something is tried again.
    pub fn hurry(&self, waiting: Duration) {
        *locked(&self.hurry) = Some(waiting);
    }

    /// Whether there is so much time; it is taken. Who is in a hurry does not listen to silence twice.
    pub(super) fn has_time_for(&self, wait: Duration, why: &Error) -> bool {
        let mut hurry = locked(&self.hurry);
        let Some(left) = *hurry else {
            return true;
        };
        if matches!(why, Error::Transport(broken) if broken.stage == Stage::Answer) {
            return false;
        }
        let rest = left.checked_sub(wait);
        *hurry = Some(rest.unwrap_or(left));
        rest.is_some()
    }

    /// What came of the endpoint a moment ago, where that was nothing: asking again so soon would take as long.
    pub(super) fn is_absent(&self, request: &Request) -> Option<Broken> {
        let absent = locked(&self.absent);
        let (since, broken) = absent.as_ref()?;
        let recent = self.clock.now() < since.saturating_add(A_MOMENT);
        (recent && request.plane == Plane::Identity).then(|| Broken {
            request: request.line(),
            ..broken.clone()
        })
    }

    /// Keeps what came of the endpoint, where that was nothing.
    pub(super) fn remembered(&self, request: &Request, error: Error) -> Error {
        if let (Plane::Identity, Error::Transport(broken)) = (request.plane, &error) {
            *locked(&self.absent) = Some((self.clock.now(), Broken::clone(broken)));
        }
        error
    }

    /// Asks without a query and without the header that every real request has: refused at once, and without a trace.
    fn is_there(&self, request: &Request) -> bool {
        self.note("no answer yet: is anybody there?");
        let url = request.url.expose().split('?').next().unwrap_or_default();
        let bare = Request::new(Plane::Identity, "GET", url);
        self.carry(&within(&bare, PROBE)).is_ok()
    }
}

fn within(request: &Request, limits: Limits) -> Request {
    Request {
        limits: Some(limits),
        ..request.clone()
    }
}
