//! Whether to send again, and when: one table. Pure.
//!
//! The first matching row decides. What is not in the table is final. [`super::judge`] goes by it.

use std::time::Duration;

use crate::error::{Failure, Plane};
use crate::message::Request;

/// A row: when this plane answers so, set this right, or wait like this, that often.
pub struct Rule {
    /// Who answers.
    pub plane: Plane,
    /// With one of these statuses.
    pub statuses: &'static [u16],
    /// Any substatus where empty.
    pub substatuses: &'static [u32],
    /// Parts of which code or message must have one; any where empty.
    pub says: &'static [&'static str],
    /// Only where the request names a range: whoever did that reads the ranges again.
    pub of_range: bool,
    /// Only where the request is of writes that stand for themselves: whoever sends those sees to each.
    pub of_bulk: bool,
    /// Whether the service promises that it did nothing. Otherwise only what may be repeated is.
    pub untouched: bool,
    /// What is set right first. Where it was, nothing is waited for.
    pub first: Option<Remedy>,
    /// Else waiting, unless the service says how long: doubling from the first to the second.
    pub waits: (Duration, Duration),
    /// How often it is sent again at most.
    pub tries: u32,
    /// How long is waited at most, over all attempts. Nothing: only what was set right is sent again.
    pub budget: Duration,
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
        waits: (ms(0), ms(0)),
        tries: 0,
        budget: ms(0),
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

    const fn first(self, remedy: Remedy, tries: u32) -> Rule {
        Rule {
            first: Some(remedy),
            tries,
            ..self
        }
    }

    /// Milliseconds from, to, and in all.
    const fn waits(self, from: u64, to: u64, tries: u32, budget: u64) -> Rule {
        Rule {
            waits: (ms(from), ms(to)),
            tries,
            budget: ms(budget),
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

fn is_said(failure: &Failure, part: &str) -> bool {
    failure.code.contains(part) || failure.message.contains(part)
}

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
    of(Plane::Arm, &[401]).says(&["Expired"]).first(Remedy::NewToken, 1),
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
    data(&[410]).sub(&[1002, 1007, 1008]).of_range(),
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

/// After a connection failed: not more often than this, and after these waits.
pub const RECONNECT: [Duration; 2] = [ms(200), ms(1_000)];
