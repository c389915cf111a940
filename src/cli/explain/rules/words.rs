//! The words of the table of known errors, and what each of them means.

use super::{Kind, Numbers, When};
use crate::error::{Plane, Stage};
use crate::identity::refusal::Refusal;

const PLANES: [(&str, Option<Plane>); 5] = [
    ("data", Some(Plane::Data)),
    ("arm", Some(Plane::Arm)),
    ("identity", Some(Plane::Identity)),
    ("entra", Some(Plane::Entra)),
    ("any", None),
];

/// A kind, and the statuses an identity endpoint refuses with; a test holds them to recorded answers.
#[rustfmt::skip]
const KINDS: [(&str, Kind, &str); 23] = [
    ("no-identity", Kind::Refused(Refusal::NoIdentity), "400,404"),
    ("many-identities", Kind::Refused(Refusal::ManyIdentities), "400"),
    ("unknown-audience", Kind::Refused(Refusal::UnknownAudience), "400,500"),
    ("header-lost", Kind::Refused(Refusal::HeaderLost), "400"),
    ("bad-request", Kind::Refused(Refusal::BadRequest), "400,405"),
    ("not-configured", Kind::Refused(Refusal::NotConfigured), "401,403"),
    ("not-azure", Kind::Refused(Refusal::NotAzure), "403"),
    ("other-cloud", Kind::Refused(Refusal::OtherCloud), "401,404"),
    ("no-machine", Kind::Refused(Refusal::NoMachine), "404"),
    ("key-wanted", Kind::Refused(Refusal::KeyWanted), "401"),
    ("pod-refused", Kind::Refused(Refusal::PodRefused), "400,401,404"),
    ("somebody-else", Kind::Refused(Refusal::SomebodyElse), "302,400,401,403,404,500"),
    ("updating", Kind::Refused(Refusal::Updating), "404,410"),
    ("busy", Kind::Refused(Refusal::Busy), "429"),
    ("failing", Kind::Refused(Refusal::Failing), "500,502,503,504"),
    ("resolve", Kind::Broken(Stage::Resolve), ""),
    ("connect", Kind::Broken(Stage::Connect), ""),
    ("tls", Kind::Broken(Stage::Tls), ""),
    ("configuration", Kind::Broken(Stage::Configuration), ""),
    ("answer", Kind::Broken(Stage::Answer), ""),
    ("unknown", Kind::Unknown, ""),
    ("unfinished", Kind::Unfinished, ""),
    ("noticed", Kind::Noticed, ""),
];

/// Who was asked; `None` for a word that names nobody.
pub(super) fn plane(word: &str) -> Option<Option<Plane>> {
    let mut planes = PLANES.iter();
    let found = planes.find(|(name, _)| *name == word);
    found.map(|(_, plane)| *plane)
}

/// What kind of trouble it is, where that is not a number.
pub(super) fn kind(word: &str) -> Option<Kind> {
    let mut kinds = KINDS.iter();
    let found = kinds.find(|(name, ..)| *name == word);
    found.map(|(_, kind, _)| *kind)
}

/// Which statuses a row is about.
pub fn statuses(when: &When) -> Numbers {
    let mut kinds = KINDS.iter();
    let refused = kinds.find(|(_, kind, _)| *kind == when.kind);
    refused.map_or(when.statuses, |(.., statuses)| Numbers(statuses))
}
