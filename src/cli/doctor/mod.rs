//! `doctor`: what works from here, in the order in which one thing needs another, so that the first failure is the
//! cause. What is said of a failure comes from the table that explains errors.

mod data;
mod machine;
mod management;
mod road;

use serde_json::json;
use serde_json::value::RawValue;

use super::commands::Outcome;
use super::explain::{Explained, explain};
use super::output::json::object;
use super::output::{Format, Output};
use super::session::Session;
use crate::error::{Error, Failure, Plane};

/// A check: its name, the checks without which it tells nothing, and what it does.
struct Check {
    id: &'static str,
    needs: &'static [&'static str],
    work: fn(&Session) -> Result<Finding, Error>,
}

const fn check(
    id: &'static str,
    needs: &'static [&'static str],
    work: fn(&Session) -> Result<Finding, Error>,
) -> Check {
    Check { id, needs, work }
}

/// All of them. A failure fails what needs it.
#[rustfmt::skip]
const CHECKS: &[Check] = &[
    check("host", &[], machine::host),
    check("metadata", &["host"], machine::metadata),
    check("identity", &["host"], machine::identity),
    check("token", &["identity"], machine::token),
    check("clock", &["host"], machine::clock),
    check("name", &[], road::name),
    check("tcp", &["name"], road::tcp),
    check("tls", &["tcp"], road::tls),
    check("arm", &[], management::arm),
    check("account", &["arm", "identity"], management::account),
    check("arm-role", &["account"], management::role),
    check("audience", &["tls", "identity"], data::audience),
    check("data-role", &["audience"], data::role),
    check("database", &["data-role"], data::database),
    check("container", &["database"], data::container),
    check("query", &["container"], data::query),
    check("write", &["query"], data::write),
];

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
    Skip,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
            State::Skip => "skip",
        }
    }
}

/// What a check found.
struct Finding {
    state: State,
    what: String,
    /// Where the table of known errors has something to say.
    explained: Option<Explained>,
}

fn ok(what: impl Into<String>) -> Finding {
    finding(State::Ok, what)
}

fn skip(what: impl Into<String>) -> Finding {
    finding(State::Skip, what)
}

fn finding(state: State, what: impl Into<String>) -> Finding {
    Finding {
        state,
        what: what.into(),
        explained: None,
    }
}

/// Not what stops anybody, in the words of the table for such a refusal.
fn warn_as(session: &Session, what: String, plane: Plane, status: u16, text: &str) -> Finding {
    let failure = Failure::read(plane, String::new(), status, &[], text.as_bytes());
    let explained = explain(&Error::Status(Box::new(failure)), &session.context());
    // Nobody has said that: the table is asked what it would mean.
    let explained = Explained {
        status: None,
        said: None,
        message: None,
        ..explained
    };
    Finding {
        state: State::Warn,
        what,
        explained: Some(explained),
    }
}

/// A failure, or something less, explained.
fn of_error(session: &Session, state: State, error: &Error) -> Finding {
    let mut explained = explain(error, &session.context());
    // Which this is.
    explained.fix.retain(|fix| fix != "rawcosmos doctor");
    Finding {
        state,
        what: explained.headline(),
        explained: Some(explained),
    }
}

/// `doctor [-d DB] [-c COLL] [--only CHECK] [--probe-write]`
pub fn run(session: &Session, output: &mut Output, _: &[String]) -> Outcome {
    let only = session.settings.text("only");
    let wanted = |check: &&Check| only.as_deref().is_none_or(|only| only == check.id);
    if !CHECKS.iter().any(|check| wanted(&check)) {
        let known: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        return Err(Error::Usage(format!(
            "--only takes one of {}",
            known.join(", ")
        )));
    }
    if session.is_rehearsal() {
        rehearse(session, &wanted);
        return Ok(0);
    }
    output.list();
    let mut failed: Vec<&str> = Vec::new();
    let mut exit = 0;
    for (number, check) in CHECKS.iter().enumerate().filter(|(_, check)| wanted(check)) {
        let finding = carried_out(session, check, &failed);
        if finding.state == State::Fail {
            let code = finding
                .explained
                .as_ref()
                .map_or(1, |explained| explained.exit);
            exit = if exit == 0 { code } else { exit };
        }
        if finding.state == State::Fail || finding.what.starts_with(NEEDS) {
            failed.push(check.id);
        }
        write(session, output, number + 1, check.id, &finding)?;
    }
    output.finish()?;
    Ok(exit)
}

/// Checks that ask the network for more than answers to requests.
const ON_SOCKETS: [&str; 4] = ["host", "name", "tcp", "tls"];

/// Shows the requests that would be sent; nothing follows from them.
fn rehearse(session: &Session, wanted: &dyn Fn(&&Check) -> bool) {
    let on_requests = |check: &&Check| !ON_SOCKETS.contains(&check.id);
    for check in CHECKS.iter().filter(wanted).filter(on_requests) {
        let _ = (check.work)(session);
    }
}

/// Begins the finding of a check that tells nothing, and so of all that need it.
const NEEDS: &str = "needs ";

/// Whether there is an account to ask about.
fn without_account(session: &Session) -> Option<Finding> {
    let named = ["account-name", "endpoint"]
        .into_iter()
        .any(|name| session.settings.text(name).is_some());
    (!named).then(|| skip(format!("{NEEDS}an account: --account-name NAME")))
}

fn carried_out(session: &Session, check: &Check, failed: &[&str]) -> Finding {
    if let Some(needed) = check.needs.iter().find(|id| failed.contains(id)) {
        return skip(format!("{NEEDS}{needed}"));
    }
    (check.work)(session).unwrap_or_else(|error| of_error(session, State::Fail, &error))
}

fn write(
    session: &Session,
    output: &mut Output,
    number: usize,
    id: &str,
    finding: &Finding,
) -> Result<(), Error> {
    let text = match output.format() {
        Format::Auto | Format::Raw => text(number, id, finding),
        _ => return row(session, output, id, finding),
    };
    output.text(&session.masked(&text))
}

fn text(number: usize, id: &str, finding: &Finding) -> String {
    let state = finding.state.word();
    let mut text = format!("{number:>2} {id:<10} {state:<4}  {}", finding.what);
    if let Some(explained) = &finding.explained {
        for line in explained.lines().lines() {
            text.push_str(&format!("\n   {line}"));
        }
    }
    text
}

fn row(session: &Session, output: &mut Output, id: &str, finding: &Finding) -> Result<(), Error> {
    let mut members = vec![
        ("check", json!(id)),
        ("state", json!(finding.state.word())),
        ("found", json!(finding.what)),
    ];
    members.extend(finding.explained.iter().flat_map(Explained::members));
    let raw = RawValue::from_string(session.masked(&object(&members)));
    output.row(&raw.map_err(|e| Error::Local(e.to_string()))?)
}
