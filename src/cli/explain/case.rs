//! An error as the table of known errors looks at it.

use super::rules::{Case, Kind};
use crate::error::{Error, Plane};
use crate::identity::refusal;

/// What rows look at; `None` for an error that explains itself.
pub(super) fn case(error: &Error) -> Option<Case> {
    let (kind, request, text) = match error {
        Error::Answer(lost) => return Some(Case::noticed(&lost.what)),
        Error::Identity(no_token) => {
            let Some(failure) = &no_token.failure else {
                return Some(Case::noticed(&no_token.what));
            };
            let kind = Kind::Refused(refusal::of(failure));
            (kind, failure.request.clone(), failure.message.clone())
        }
        Error::Status(failure) => {
            let text = format!("{} {}", failure.code, failure.message);
            (Kind::Said, failure.request.clone(), text)
        }
        Error::Transport(broken) => (
            Kind::Broken(broken.stage),
            broken.request.clone(),
            broken.what.clone(),
        ),
        Error::Unknown(lost) => (Kind::Unknown, lost.request.clone(), lost.what.clone()),
        Error::Unfinished(what) => (Kind::Unfinished, String::new(), what.to_string()),
        _ => return None,
    };
    let failure = error.failure();
    let challenge = failure.and_then(|failure| failure.challenge.as_deref());
    let text = match challenge.is_some_and(|text| text.contains(CLAIMS)) {
        true => format!("{text} {CLAIMS}"),
        false => text,
    };
    Some(Case {
        code: failure.map_or(String::new(), |failure| failure.code.to_ascii_lowercase()),
        kind,
        plane: failure.map_or_else(|| plane_of(&request), |failure| Some(failure.plane)),
        status: failure.map_or(0, |failure| failure.status),
        substatus: failure.and_then(|f| f.substatus).unwrap_or_default(),
        text: text.to_ascii_lowercase(),
        request,
    })
}

/// What a challenge says of a token that was good and has to be replaced.
const CLAIMS: &str = "insufficient_claims";

/// Which plane a request was for, where no answer says it.
fn plane_of(request: &str) -> Option<Plane> {
    let has = |part: &str| request.contains(part);
    if has("/oauth2/v2.0/token") {
        return Some(Plane::Entra);
    }
    let asks = has("?resource=") || has("&resource=");
    if asks || has("/metadata/") || has("/msi/token") || has("/MSI/token") || has("://169.254.") {
        return Some(Plane::Identity);
    }
    if has("/subscriptions") || has("/providers/") || has("api-version=") {
        return Some(Plane::Arm);
    }
    Some(Plane::Data).filter(|_| !request.is_empty())
}
