//! What comes of an item, by what the service says to it. Pure.

use std::time::Duration;

use super::Mode;
use crate::cosmos::outcome::Brief;
use crate::error::{Error, Failure};
use crate::exchange::retry::{NO_RESPONSE, NOT_SENT, RANGE_MOVED, Recovery};
use crate::show;

/// What was said to one item.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// [`NO_RESPONSE`] or [`NOT_SENT`] where there was none.
    pub status: u16,
    pub substatus: u32,
    pub wait: Option<Duration>,
    pub reason: String,
}

/// Something else has ended everything: another run sees to it.
pub(super) const OPEN: u16 = 99;

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Created,
    Replaced,
    /// It was there, and is the one that was sent.
    Own,
    Skipped,
    /// It may be there because it was sent before: to be compared.
    Compare,
    /// To be sent again, by this row.
    Again(&'static Recovery),
    /// Its range is gone: to be sent once the ranges were read again.
    Gone,
    /// It is not for the service.
    Refused,
    /// And neither is any other.
    Fatal,
}

/// What comes of an item.
pub(super) fn fate(said: &Said, mode: Mode, unsure: bool) -> Fate {
    match (said.status, said.substatus) {
        (201, _) => Fate::Created,
        (200..=299, _) => Fate::Replaced,
        // Its id is free, but not another value that must be unique, or its key.
        (409, 3301 | 3302) if mode == Mode::Skip => Fate::Refused,
        (409, _) if mode == Mode::Skip => Fate::Skipped,
        (409, _) if mode == Mode::Create && unsure => Fate::Compare,
        (410, _) => Fate::Gone,
        // Of a whole logical partition, and nobody else's.
        (403, 1014) => Fate::Refused,
        // A limit that waiting does not change; what may not be done; a container that is gone.
        (429, 3204 | 3213) | (OPEN | 401 | 403 | 404, _) => Fate::Fatal,
        (413, sub) if sub != 3402 => Fate::Refused,
        (status, _) => Recovery::of(status).map_or(Fate::Refused, Fate::Again),
    }
}

impl Said {
    /// Whether a write may have been carried out although its range is gone: only where it says that it moved has it
    /// not.
    pub fn is_unsure_of_range(&self) -> bool {
        !RANGE_MOVED.contains(&self.substatus)
    }

    /// By one operation's outcome.
    pub fn of(brief: &Brief) -> Said {
        let (status, substatus) = (brief.status, brief.substatus.unwrap_or_default());
        let why = match (status, &brief.message) {
            (200..=299 | 304, _) => String::new(),
            (_, Some(message)) => message.clone(),
            _ => reason(status, substatus),
        };
        Said {
            status,
            substatus,
            wait: brief.retry_after,
            reason: why,
        }
    }

    /// By the refusal of a whole request.
    fn of_failure(failure: &Failure) -> Said {
        Said {
            status: failure.status,
            substatus: failure.substatus.unwrap_or_default(),
            wait: failure.retry_after,
            reason: failure.message.clone(),
        }
    }

    fn unheard(status: u16, why: &Error) -> Said {
        Said {
            status,
            substatus: 0,
            wait: None,
            reason: why.to_string(),
        }
    }

    /// What the failure of a request with so many items says to each of them; nothing where it is no matter of items.
    pub fn of_all(error: &Error, count: usize) -> Option<Said> {
        match error {
            Error::Status(failure) => match failure.status {
                408 | 410 | 429 | 449 | 500 | 502..=504 => Some(Said::of_failure(failure)),
                400 | 409 | 412 | 413 if count == 1 => Some(Said::of_failure(failure)),
                403 if count == 1 && failure.substatus == Some(1014) => {
                    Some(Said::of_failure(failure))
                }
                _ => None,
            },
            Error::Unknown(_) => Some(Said::unheard(NO_RESPONSE, error)),
            Error::Transport(broken) if broken.was_sent() => {
                Some(Said::unheard(NO_RESPONSE, error))
            }
            Error::Transport(_) => Some(Said::unheard(NOT_SENT, error)),
            _ => None,
        }
    }
}

/// Outcomes rarely say why.
fn reason(status: u16, substatus: u32) -> String {
    match (status, substatus) {
        (409, _) => "an item with its id is there, or one with a value that must be unique".into(),
        (403, 1014) => "its logical partition is full".into(),
        _ => show::reason(status).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_is_sent_again() {
        let said = |status, substatus| Said {
            status,
            substatus,
            wait: None,
            reason: String::new(),
        };
        let create = |status, sub, unsure| fate(&said(status, sub), Mode::Create, unsure);
        for (status, sub) in [
            (429, 0),
            (429, 3200),
            (449, 0),
            (413, 3402),
            (424, 0),
            (503, 0),
            (408, 0),
            (500, 0),
            (NO_RESPONSE, 0),
            (NOT_SENT, 0),
        ] {
            assert!(
                matches!(create(status, sub, true), Fate::Again(_)),
                "{status}/{sub}"
            );
        }
        for (status, sub) in [
            (400, 0),
            (400, 1001),
            (409, 0),
            (412, 0),
            (413, 0),
            (403, 1014),
            (405, 0),
        ] {
            assert_eq!(create(status, sub, false), Fate::Refused, "{status}/{sub}");
        }
        for (status, sub) in [(401, 0), (403, 5302), (404, 0), (429, 3213)] {
            assert_eq!(create(status, sub, true), Fate::Fatal, "{status}/{sub}");
        }
        assert_eq!(create(409, 0, true), Fate::Compare);
        assert_eq!(create(410, 1002, false), Fate::Gone);
        assert_eq!(fate(&said(409, 0), Mode::Skip, false), Fate::Skipped);
        // An item that is nowhere was not left out because it is there.
        assert_eq!(fate(&said(409, 3301), Mode::Skip, true), Fate::Refused);
        assert_eq!(fate(&said(409, 0), Mode::Upsert, true), Fate::Refused);
        assert_eq!(fate(&said(200, 0), Mode::Upsert, false), Fate::Replaced);
    }
}
