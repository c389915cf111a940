//! The table of known errors: when a row applies, and what it says. The first row that applies speaks.
//!
//! The table is text, a file for each kind of trouble. Between blank lines stand rows that say the same, each of them
//! `== PLANE WHAT`, then perhaps `at PATTERN`, then perhaps `code "one" "other"` or `says "part" "other part"`; below
//! stands what they say:
//!
//! - PLANE is who was asked: `identity`, `entra`, `arm`, `data`, or `any`.
//! - WHAT is one of some statuses, on the data plane also of some substatuses (`401`, `500,502`, `403/5301,5302`); a
//!   refusal of an identity endpoint or how far a request came, by the words of [`words`]; `unknown`, `unfinished` or
//!   `noticed`.
//! - PATTERN is a part of method and URL; `*` is anything between two parts, and `$` the end. The query is only looked at
//!   by a pattern that has a `?`.
//! - The service's code is one of those behind `code`, compared whole; or code or message has one of the parts behind
//!   `says`, which begins where a word begins. All in lower case.
//! - `what` happened, `why`, `who` was refused, what that one may `need`, a `note` of what is easily missed, and
//!   commands to paste: `fix`, ours first, `or` an administrator's. What `like HEADING` adds is said by the row of that
//!   heading, where it is not said here.
//!
//! In a text `{name}` stands for a fact. A part in `[…]` is left out where one of its facts is not known, and so is a
//! whole line, except that a command keeps the name in capitals for the reader to fill in; one that begins with `?` is
//! left out too.

mod words;

use crate::error::{Plane, Stage};
use crate::identity::refusal::Refusal;

pub use words::statuses;

const TEXTS: [&str; 6] = [
    include_str!("data.txt"),
    include_str!("limits.txt"),
    include_str!("arm.txt"),
    include_str!("identity.txt"),
    include_str!("noticed.txt"),
    include_str!("road.txt"),
];

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
    /// The service's code, in lower case.
    pub code: String,
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
            code: String::new(),
            text: words.to_ascii_lowercase(),
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
    pub statuses: Numbers,
    /// One of these.
    pub substatuses: Numbers,
    /// A pattern for method and URL.
    pub at: &'static str,
    codes: &'static str,
    says: &'static str,
}

/// A row.
#[derive(Clone, Copy)]
pub struct Rule {
    /// When it applies.
    pub when: When,
    /// The line that says it: no two have the same.
    pub heading: &'static str,
    section: &'static str,
}

/// Numbers with commas between them.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Numbers(&'static str);

impl Numbers {
    /// Each of them.
    pub fn all(self) -> impl Iterator<Item = u32> {
        self.0.split(',').filter_map(|number| number.parse().ok())
    }

    /// Each of them, or else 0.
    pub fn or_none(self) -> impl Iterator<Item = u32> {
        Numbers(if self.is_empty() { "0" } else { self.0 }).all()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of them.
    pub fn has(self, number: u32) -> bool {
        self.all().any(|one| one == number)
    }
}

impl When {
    /// Reads a heading; `None` where it is none.
    fn read(heading: &'static str) -> Option<When> {
        let (heading, says) = heading.split_once(" says ").unwrap_or((heading, ""));
        let (heading, codes) = heading.split_once(" code ").unwrap_or((heading, ""));
        let (heading, at) = heading.split_once(" at ").unwrap_or((heading, ""));
        let (plane, what) = heading.split_once(' ')?;
        let (kind, (statuses, substatuses)) = match words::kind(what) {
            Some(kind) => (kind, ("", "")),
            None => (Kind::Said, what.split_once('/').unwrap_or((what, ""))),
        };
        Some(When {
            kind,
            plane: words::plane(plane)?,
            statuses: Numbers(statuses),
            substatuses: Numbers(substatuses),
            at,
            codes,
            says,
        })
    }

    /// One of these, in lower case, is part of code or message.
    pub fn says(&self) -> impl Iterator<Item = &'static str> {
        self.says.split('"').skip(1).step_by(2)
    }

    /// One of these, in lower case, is the whole code.
    pub fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.codes.split('"').skip(1).step_by(2)
    }

    fn covers(&self, case: &Case) -> bool {
        let has = |numbers: Numbers, number| numbers.is_empty() || numbers.has(number);
        self.kind == case.kind
            && (self.plane.is_none() || self.plane == case.plane)
            && has(self.statuses, case.status.into())
            && has(self.substatuses, case.substatus)
            && (self.codes.is_empty() || self.codes().any(|code| case.code == code))
            && (self.says.is_empty() || self.says().any(|part| is_said(&case.text, part)))
            && stands_in(self.at, &case.request)
    }
}

/// Whether a part stands in a text, from the beginning of a word. Numbers of Entra's errors are compared whole: some
/// begin with another one's.
fn is_said(text: &str, part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let whole = part.starts_with("aadsts");
    text.match_indices(part).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let after = rest.strip_prefix(part).unwrap_or_default();
        let goes_on = part.starts_with(is_word) && before.ends_with(is_word);
        let is_longer = whole && after.starts_with(is_word);
        !goes_on && !is_longer
    })
}

impl Rule {
    fn read(heading: &'static str, section: &'static str) -> Option<Rule> {
        let when = When::read(heading)?;
        Some(Rule {
            when,
            heading,
            section,
        })
    }

    /// The line of that name; empty where there is none.
    pub fn line(&self, name: &str) -> &'static str {
        self.lines(&[name]).first().copied().unwrap_or_default()
    }

    /// Commands to paste: ours, then an administrator's.
    pub fn fix(&self) -> Vec<&'static str> {
        self.lines(&["fix", "or"])
    }

    /// The lines of these names, here or else at the row that this one is like.
    fn lines(&self, names: &[&str]) -> Vec<&'static str> {
        let lines = self.section.lines();
        let words = lines.filter_map(|line| line.split_once(' '));
        let mut like = "";
        let mut found = Vec::new();
        for (name, text) in words {
            match name {
                "like" => like = text,
                name if names.contains(&name) => found.push(text.trim_start()),
                _ => {}
            }
        }
        if like.is_empty() || !found.is_empty() {
            return found;
        }
        let other = all().into_iter().find(|rule| rule.heading == like);
        other.map_or(found, |rule| rule.lines(names))
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
pub fn all() -> Vec<Rule> {
    let mut rules = Vec::new();
    for section in TEXTS.iter().flat_map(|text| text.split("\n\n")) {
        let headings = section.lines().filter_map(|line| line.strip_prefix("== "));
        rules.extend(headings.filter_map(|heading| Rule::read(heading, section)));
    }
    rules
}

/// The row for an error, where there is one.
pub fn rule(case: &Case) -> Option<Rule> {
    all().into_iter().find(|rule| rule.when.covers(case))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a text is made of, comments left out.
    fn lines() -> impl Iterator<Item = &'static str> {
        let lines = TEXTS.iter().flat_map(|text| text.lines());
        lines.filter(|line| !line.is_empty() && !line.starts_with("# "))
    }

    #[test]
    fn every_line_is_read() {
        let headings: Vec<&str> = lines()
            .filter_map(|line| line.strip_prefix("== "))
            .collect();
        let read: Vec<&str> = all().iter().map(|rule| rule.heading).collect();
        assert_eq!(headings, read);
        let names = [
            "==", "like", "what", "why", "who", "need", "note", "fix", "or",
        ];
        for line in lines() {
            let (name, text) = line.split_once(' ').unwrap_or_default();
            assert!(names.contains(&name), "{line}");
            assert_eq!(
                format!("{name:<w$} {text}", w = line.len() - text.len() - 1),
                line
            );
            assert!(text.trim().len() > 1, "{line}");
        }
    }

    #[test]
    fn every_part_of_a_heading_is_read() {
        for rule in all() {
            let (when, quote) = (rule.when, |part| format!(" \"{part}\""));
            let says: String = when.says().map(quote).collect();
            let codes: String = when.codes().map(quote).collect();
            assert!(
                when.says()
                    .chain(when.codes())
                    .all(|part| !part.is_empty() && part == part.to_ascii_lowercase())
            );
            let numbers = |numbers: Numbers| {
                let all: Vec<String> = numbers.all().map(|number| number.to_string()).collect();
                all.join(",")
            };
            let mut read = numbers(when.statuses);
            if !when.substatuses.is_empty() {
                read += &format!("/{}", numbers(when.substatuses));
            }
            for (name, part) in [(" at ", when.at), (" code", &codes), (" says", &says)] {
                read += &if part.is_empty() {
                    String::new()
                } else {
                    format!("{name}{part}")
                };
            }
            let words = rule.heading.split_once(' ').unwrap().1;
            let rest = words::kind(words.split(' ').next().unwrap()).map(|_| words.split_once(' '));
            let rest = rest.map_or(words, |rest| rest.unwrap_or_default().1);
            assert_eq!(read.trim_start(), rest, "{}", rule.heading);
        }
    }

    #[test]
    fn every_row_says_what_happened_once() {
        let rules = all();
        for (index, rule) in rules.iter().enumerate() {
            let (before, _) = rules.split_at(index);
            let known = |heading: &str| before.iter().any(|rule| rule.heading == heading);
            assert!(!known(rule.heading), "{}: twice", rule.heading);
            for line in rule
                .section
                .lines()
                .filter_map(|line| line.strip_prefix("like "))
            {
                assert!(known(line), "{}: no row before is {line}", rule.heading);
            }
            for name in ["like", "what", "why", "who", "need", "note", "fix"] {
                let lines = rule.section.lines().map(|line| line.split(' ').next());
                assert!(
                    lines.filter(|line| *line == Some(name)).count() < 2,
                    "{name}: {}",
                    rule.heading
                );
            }
            assert!(!rule.line("what").is_empty(), "{}", rule.heading);
        }
    }

    /// Errors that a row is meant for: one for each of its numbers and words.
    fn cases(when: When) -> Vec<Case> {
        let says: Vec<&str> = when.says().collect();
        let said: Vec<(&str, &str)> = match when.codes().next() {
            Some(_) => when.codes().map(|code| (code, code)).collect(),
            None if says.is_empty() => vec![("", "")],
            None => says.iter().map(|part| ("", *part)).collect(),
        };
        let mut cases = Vec::new();
        for status in when.statuses.or_none() {
            for substatus in when.substatuses.or_none() {
                cases.extend(said.iter().map(|(code, text)| Case {
                    code: code.to_string(),
                    kind: when.kind,
                    plane: when.plane,
                    status: status.try_into().unwrap(),
                    substatus,
                    text: text.to_string(),
                    request: when.at.replace('*', "x").replace('$', ""),
                }));
            }
        }
        cases
    }

    #[test]
    fn every_row_is_reached() {
        let rules = all();
        for row in &rules {
            for case in cases(row.when) {
                let found = rules.iter().find(|rule| rule.when.covers(&case));
                let found = found.map(|rule| rule.heading);
                let said = format!("{} {}/{}", case.text, case.status, case.substatus);
                assert_eq!(found, Some(row.heading), "{said}");
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
    fn a_name_that_no_server_answers_for_is_not_said_to_be_misspelt() {
        for (said, why) in [
            ("its name has no address", "misspelt"),
            (
                "no name server says what its address is (10.0.0.1: SERVFAIL)",
                "/etc/resolv.conf",
            ),
            (
                "failed to lookup address information: Try again",
                "/etc/resolv.conf",
            ),
        ] {
            let case = Case {
                kind: Kind::Broken(Stage::Resolve),
                plane: Some(Plane::Data),
                status: 0,
                substatus: 0,
                code: String::new(),
                request: "get https://contoso/dbs".to_owned(),
                text: said.to_ascii_lowercase(),
            };
            let found = rule(&case).unwrap();
            assert!(found.line("why").contains(why), "{said}: {}", found.heading);
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
                code: String::new(),
                text: said.to_ascii_lowercase(),
            };
            let found = rule(&case).unwrap();
            assert!(found.line("why").contains(why), "{said}: {}", found.heading);
        }
    }
}
