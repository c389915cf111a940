//! `doctor`: what works from here, in the order in which one thing needs another, so that the first failure is the
//! cause. What is said of a failure comes from the table that explains errors.

mod account;
mod data;
mod door;
mod finding;
mod machine;
mod road;
mod roles;
mod token;
mod write;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::commands::Outcome;
use super::output::Output;
use super::session::Session;
use crate::error::{Broken, Error};
use door::Door;
use finding::{Finding, State, blocked, of_error, show};

/// A check: its name, the checks without which it tells nothing, those it tells more after, and what it does.
struct Check {
    id: &'static str,
    needs: &'static [&'static str],
    after: &'static [&'static str],
    work: fn(&Doctor) -> Result<Finding, Error>,
}

const fn check(
    id: &'static str,
    needs: &'static [&'static str],
    work: fn(&Doctor) -> Result<Finding, Error>,
) -> Check {
    Check {
        id,
        needs,
        after: &[],
        work,
    }
}

impl Check {
    const fn after(self, after: &'static [&'static str]) -> Check {
        Check { after, ..self }
    }
}

/// All of them. What a check names stands above it.
#[rustfmt::skip]
const CHECKS: &[Check] = &[
    check("host", &[], machine::host),
    check("metadata", &["host"], machine::metadata),
    check("identity", &["host", "metadata"], machine::identity),
    check("token", &["identity"], token::token),
    check("clock", &[], token::clock).after(&["metadata"]),
    check("name", &[], road::name),
    check("tcp", &["name"], road::tcp),
    check("tls", &["tcp"], road::tls),
    check("arm", &[], road::arm),
    check("account", &["arm", "token"], account::account).after(&["tls"]),
    check("arm-role", &["account"], roles::azure),
    check("audience", &["tls", "token"], data::audience).after(&["account"]),
    check("data-role", &["audience"], roles::data),
    check("database", &["data-role"], data::database),
    check("container", &["database"], data::container),
    check("query", &["container"], data::query),
    check("write", &["query"], write::write),
];

/// How long a check waits for something to pass: it is to say what is wrong, not to get through.
const WAITING: Duration = Duration::from_secs(4);

/// One run: what was found, and what checks know from each other.
struct Doctor<'d, 's> {
    session: &'d Session<'s>,
    done: RefCell<Vec<(&'static str, Rc<Finding>)>>,
    /// What ARM and the account answer to somebody who does not say who it is.
    doors: [OnceCell<Result<Door, Broken>>; 2],
    /// By how much the service's clock is ahead of this machine's.
    ahead: OnceCell<Option<time::Duration>>,
    /// There is no such account, or none that can be used yet.
    unborn: Cell<bool>,
    /// The account does not let this machine in.
    shut_out: Cell<bool>,
}

/// `doctor [-d DB] [-c COLL] [--only CHECK] [--probe-write]`
pub fn run(session: &Session, output: &mut Output, _: &[String]) -> Outcome {
    let wanted = wanted(session.settings.text("only").as_deref())?;
    let doctor = Doctor {
        session,
        done: RefCell::default(),
        doors: Default::default(),
        ahead: OnceCell::new(),
        unborn: Cell::default(),
        shut_out: Cell::default(),
    };
    if session.is_rehearsal() {
        rehearse(&doctor, &wanted);
        return Ok(0);
    }
    output.list();
    let mut exit = None;
    for (number, check) in CHECKS.iter().enumerate() {
        if !wanted.contains(&check.id) {
            continue;
        }
        let finding = doctor.result(check);
        if finding.state == State::Fail {
            exit.get_or_insert(finding.exit());
        }
        show(session, output, number + 1, check.id, &finding)?;
    }
    output.finish()?;
    Ok(exit.unwrap_or_default())
}

/// All checks, or the one that is named with everything it goes by.
fn wanted(only: Option<&str>) -> Result<Vec<&'static str>, Error> {
    let Some(only) = only else {
        return Ok(CHECKS.iter().map(|check| check.id).collect());
    };
    let mut wanted = Vec::new();
    for check in CHECKS.iter().rev() {
        if check.id == only || wanted.contains(&check.id) {
            wanted.push(check.id);
            wanted.extend(check.needs.iter().chain(check.after));
        }
    }
    match wanted.is_empty() {
        false => Ok(wanted),
        true => {
            let known: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
            let known = known.join(", ");
            Err(Error::Usage(format!("--only takes one of {known}")))
        }
    }
}

/// Checks that ask the network for more than answers to requests.
const ON_SOCKETS: [&str; 4] = ["host", "name", "tcp", "tls"];

/// Shows the requests that would be sent; nothing follows from them.
fn rehearse(doctor: &Doctor, wanted: &[&str]) {
    let shown = |check: &&Check| wanted.contains(&check.id) && !ON_SOCKETS.contains(&check.id);
    for check in CHECKS.iter().filter(shown) {
        let _ = (check.work)(doctor);
    }
}

impl Doctor<'_, '_> {
    /// What a check found: it is made once, and after what it needs.
    fn result(&self, check: &Check) -> Rc<Finding> {
        if let Some(known) = self.known(check.id) {
            return known;
        }
        let lacks = check.needs.iter().find(|id| self.of(id).blocks);
        let finding = match lacks {
            Some(id) => blocked(format!("needs {id}")),
            None => {
                self.session.client.hurry(WAITING);
                let found = (check.work)(self);
                found.unwrap_or_else(|error| of_error(self.session, State::Fail, &error))
            }
        };
        let finding = Rc::new(finding);
        self.done.borrow_mut().push((check.id, Rc::clone(&finding)));
        finding
    }

    /// What a check has found already.
    fn known(&self, id: &str) -> Option<Rc<Finding>> {
        let done = self.done.borrow();
        let found = done.iter().find(|(known, _)| *known == id);
        found.map(|(_, finding)| Rc::clone(finding))
    }

    /// What the check of that name finds.
    fn of(&self, id: &str) -> Rc<Finding> {
        match CHECKS.iter().find(|check| check.id == id) {
            Some(check) => self.result(check),
            None => Rc::new(blocked(format!("there is no check {id}"))),
        }
    }

    /// Whether an account leads nowhere because it is not there, as far as ARM may be asked.
    fn is_unborn(&self) -> bool {
        self.of("account");
        self.unborn.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_goes_by_stands_above_it() {
        for (at, check) in CHECKS.iter().enumerate() {
            let above: Vec<&str> = CHECKS.iter().take(at).map(|check| check.id).collect();
            for id in check.needs.iter().chain(check.after) {
                assert!(above.contains(id), "{} goes by {id}", check.id);
            }
        }
        for on_sockets in ON_SOCKETS {
            assert!(CHECKS.iter().any(|check| check.id == on_sockets));
        }
    }

    #[test]
    fn one_check_takes_along_what_it_goes_by() {
        let ids = |only| {
            let mut ids = wanted(Some(only)).unwrap_or_default();
            ids.sort_unstable();
            ids.dedup();
            ids.join(" ")
        };
        assert_eq!(ids("name"), "name");
        assert_eq!(ids("token"), "host identity metadata token");
        assert_eq!(ids("clock"), "clock host metadata");
        assert_eq!(
            ids("arm-role"),
            "account arm arm-role host identity metadata name tcp tls token"
        );
        assert_eq!(ids("nonsense"), "");
    }
}
