//! The table of known errors: when a row applies, and what it says. The first row that applies speaks.
//!
//! In a text `{name}` stands for a fact. A part in `[…]` is left out where one of its facts is not known, and so is a
//! whole line, except that a fix keeps the name in capitals for the reader to fill in; a fix that begins with `?` is
//! left out too.

mod arm;
mod data;
mod identity;
mod limits;
mod noticed;
mod road;

use crate::error::{Plane, Stage};
use crate::identity::refusal::Refusal;

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A service said no.
    Said,
    /// An identity endpoint gave no token.
    Refused(Refusal),
    /// No answer, and how far the request came.
    Broken(Stage),
    /// Sent, and the answer lost.
    Unknown,
    /// Begun, and not over.
    Unfinished,
    /// Nobody said no: it was noticed here.
    Noticed,
}

/// An error, as far as rows look at it.
pub struct Case {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// Who was asked.
    pub plane: Option<Plane>,
    /// HTTP status; 0 without an answer.
    pub status: u16,
    /// 0 where there is none.
    pub substatus: u32,
    /// Code and message, in lower case.
    pub text: String,
    /// Method and URL.
    pub request: String,
}

impl Case {
    /// What nobody has said, in our own words.
    pub fn noticed(words: &str) -> Case {
        Case {
            kind: Kind::Noticed,
            plane: None,
            status: 0,
            substatus: 0,
            text: words.to_lowercase(),
            request: String::new(),
        }
    }
}

/// When a row applies. What is empty is not looked at.
#[derive(Clone, Copy)]
pub struct When {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// Who was asked.
    pub plane: Option<Plane>,
    /// One of these.
    pub statuses: &'static [u16],
    /// One of these.
    pub substatuses: &'static [u32],
    /// One of these, in lower case, is part of code or message.
    pub says: &'static [&'static str],
    /// A part of method and URL; `*` is anything between two parts, and `$` the end. The query is only looked at by a
    /// pattern that has a `?`.
    pub at: &'static str,
}

/// What is said of it.
#[derive(Clone, Copy)]
pub struct Rule {
    /// When it applies.
    pub when: When,
    /// What happened.
    pub what: &'static str,
    /// Why it happens.
    pub why: &'static str,
    /// Who was refused.
    pub who: &'static str,
    /// What that one lacks.
    pub need: &'static str,
    /// What is easily missed.
    pub note: &'static str,
    /// Commands to paste: ours, then an administrator's.
    pub fix: &'static [&'static str],
}

const fn when(kind: Kind, plane: Option<Plane>) -> When {
    When {
        kind,
        plane,
        statuses: &[],
        substatuses: &[],
        says: &[],
        at: "",
    }
}

const fn data(statuses: &'static [u16]) -> When {
    When {
        statuses,
        ..when(Kind::Said, Some(Plane::Data))
    }
}

const fn arm(statuses: &'static [u16]) -> When {
    When {
        statuses,
        ..when(Kind::Said, Some(Plane::Arm))
    }
}

impl When {
    const fn sub(self, substatuses: &'static [u32]) -> When {
        When {
            substatuses,
            ..self
        }
    }

    const fn says(self, says: &'static [&'static str]) -> When {
        When { says, ..self }
    }

    const fn at(self, at: &'static str) -> When {
        When { at, ..self }
    }

    fn covers(&self, case: &Case) -> bool {
        self.kind == case.kind
            && (self.plane.is_none() || self.plane == case.plane)
            && (self.statuses.is_empty() || self.statuses.contains(&case.status))
            && (self.substatuses.is_empty() || self.substatuses.contains(&case.substatus))
            && (self.says.is_empty() || self.says.iter().any(|part| case.text.contains(part)))
            && stands_in(self.at, &case.request)
    }
}

impl Rule {
    const fn new(when: When, what: &'static str) -> Rule {
        Rule {
            when,
            what,
            why: "",
            who: "",
            need: "",
            note: "",
            fix: &[],
        }
    }

    const fn what(self, what: &'static str) -> Rule {
        Rule { what, ..self }
    }

    const fn why(self, why: &'static str) -> Rule {
        Rule { why, ..self }
    }

    const fn who(self) -> Rule {
        Rule {
            who: "{principal}",
            ..self
        }
    }

    const fn need(self, need: &'static str) -> Rule {
        Rule { need, ..self }
    }

    const fn note(self, note: &'static str) -> Rule {
        Rule { note, ..self }
    }

    const fn fix(self, fix: &'static [&'static str]) -> Rule {
        Rule { fix, ..self }
    }

    const fn on(self, when: When) -> Rule {
        Rule { when, ..self }
    }
}

/// Whether the parts of a pattern stand in a request, one behind the other.
fn stands_in(pattern: &str, request: &str) -> bool {
    let path = request.split('?').next().unwrap_or_default();
    let mut rest = if pattern.contains('?') { request } else { path };
    if let Some((pattern, end)) = pattern.strip_suffix('$').and_then(|p| p.rsplit_once('*')) {
        return rest
            .strip_suffix(end)
            .is_some_and(|rest| stands_in(pattern, rest));
    }
    pattern.split('*').all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// All rows, in the order they are tried.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let tables = [
        data::RULES,
        limits::RULES,
        arm::RULES,
        identity::RULES,
        noticed::RULES,
        road::RULES,
    ];
    tables.into_iter().flatten()
}

/// The row for an error, where there is one.
pub fn rule(case: &Case) -> Option<&'static Rule> {
    all().find(|rule| rule.when.covers(case))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_are_looked_for_in_lower_case_text() {
        for rule in all() {
            for words in rule.when.says {
                assert_eq!(*words, words.to_lowercase());
            }
        }
    }

    #[test]
    fn a_part_of_a_request_may_be_its_end() {
        let (list, item) = (
            "POST https://x/dbs/d/colls",
            "POST https://x/dbs/d/colls/c/docs",
        );
        for (pattern, request, found) in [
            ("/dbs/*/colls$", list, true),
            ("/dbs/*/colls$", item, false),
            ("/dbs/*/colls$", "GET https://x/dbs/colls?a=/colls", false),
            ("POST */docs", item, true),
            ("/colls?a=", "GET https://x/dbs/colls?a=/colls", true),
            ("/docs?a=", item, false),
            ("GET */docs", item, false),
            ("", item, true),
        ] {
            assert_eq!(stands_in(pattern, request), found, "{pattern} {request}");
        }
    }

    #[test]
    fn a_certificate_is_refused_for_what_is_wrong_with_it() {
        let rows = [
            (
                "invalid peer certificate: certificate expired: verification time 1795411812 (UNIX)",
                "has expired",
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "CA:TRUE",
            ),
            (
                "invalid peer certificate: certificate not valid for name \"localhost\"",
                "another host",
            ),
            (
                "invalid peer certificate: UnknownIssuer",
                "no authority known here",
            ),
        ];
        for (said, why) in rows {
            let case = Case {
                kind: Kind::Broken(Stage::Tls),
                plane: Some(Plane::Data),
                status: 0,
                substatus: 0,
                request: "get https://localhost/dbs".to_owned(),
                text: said.to_lowercase(),
            };
            let found = rule(&case).unwrap();
            assert!(found.why.contains(why), "{said}: {}", found.why);
        }
    }
}
