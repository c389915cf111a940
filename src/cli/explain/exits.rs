//! Exit codes: what each means, and which error has which.

use crate::error::{Error, Failure, Plane, Stage};

/// What each code means: the help prints this table, and a test holds the README to it.
#[rustfmt::skip]
pub const CODES: &[(u8, &str)] = &[
    (0, "success; an empty result is success"),
    (1, "another failure"),
    (2, "usage: found before anything was sent"),
    (3, "not found"),
    (4, "not authenticated: no identity, or a token or key that is not accepted"),
    (5, "not authorized: a role, the wrong plane, a firewall"),
    (6, "conflict or precondition: it exists, or it has changed"),
    (7, "throttled, after retries"),
    (8, "could not connect, timed out, or no usable answer to a read"),
    (9, "partly done, or done and the output could not be written"),
    (10, "outcome unknown: a write was sent, and no usable answer came"),
    (129, "interrupted by SIGHUP"),
    (130, "interrupted by SIGINT, as with Ctrl-C"),
    (143, "interrupted by SIGTERM"),
];

/// The table for people.
pub fn table() -> String {
    let lines = CODES
        .iter()
        .map(|(code, text)| format!(" {code:>3}  {text}\n"));
    lines.collect()
}

/// What the process exits with: the refusals of a service, by plane and status.
const EXITS: &[(Option<Plane>, &[u16], u8)] = &[
    (Some(Plane::Identity), &[429], 7),
    (Some(Plane::Identity), &[], 4),
    (Some(Plane::Entra), &[429], 7),
    (Some(Plane::Entra), &[], 4),
    (None, &[401], 4),
    (None, &[403], 5),
    (None, &[404], 3),
    (None, &[409, 412], 6),
    (None, &[429, 449], 7),
    (None, &[], 1),
];

/// What the process exits with for an error. Nothing to do with it are 0 for success, 9 for partly done and 129, 130
/// and 143 for signals.
pub fn exit_code(error: &Error) -> u8 {
    match error {
        Error::DryRun | Error::Closed => 0,
        Error::Local(_) => 1,
        Error::Usage(_) => 2,
        Error::Transport(broken) if broken.stage == Stage::Configuration => 2,
        Error::Identity(no_token) => no_token.failure.as_ref().map_or(4, exit_of),
        Error::Status(failure) => exit_of(failure),
        Error::Conflict(_) => 6,
        Error::Transport(_) | Error::Answer(_) | Error::Unfinished(_) | Error::Overtime(_) => 8,
        Error::Unknown(_) => 10,
        Error::Interrupted(_) => 130,
    }
}

fn exit_of(failure: &Failure) -> u8 {
    of_status(failure.plane, failure.status)
}

/// What the process exits with when a plane answers so.
pub fn of_status(plane: Plane, status: u16) -> u8 {
    let mut rows = EXITS.iter();
    let found = rows.find(|(of, statuses, _)| {
        of.is_none_or(|of| of == plane) && (statuses.is_empty() || statuses.contains(&status))
    });
    found.map_or(1, |(_, _, exit)| *exit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_code_in_use_is_in_the_table() {
        let is_known = |code: u8| CODES.iter().any(|(known, _)| *known == code);
        assert!(EXITS.iter().all(|(_, _, code)| is_known(*code)));
        for error in [
            Error::DryRun,
            Error::local(String::new()),
            Error::usage(String::new()),
            Error::conflict(String::new()),
            Error::unfinished(String::new()),
            Error::overtime(String::new()),
            Error::interrupted(String::new()),
        ] {
            assert!(is_known(exit_code(&error)), "{error}");
        }
    }

    #[test]
    fn the_readme_has_the_same_table() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme
            .split_once("| code | meaning |\n|---|---|\n")
            .unwrap();
        let (rows, _) = rest.split_once("\n\n").unwrap();
        let ours: Vec<String> = CODES
            .iter()
            .map(|(code, text)| format!("| {code} | {text} |"))
            .collect();
        assert_eq!(rows, ours.join("\n"));
    }
}
