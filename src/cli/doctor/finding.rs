//! What a check found, and how that is shown.

use serde_json::json;
use serde_json::value::RawValue;

use crate::cli::explain::{Explained, explain, noticed};
use crate::cli::output::json::object;
use crate::cli::output::{Format, Output};
use crate::cli::session::Session;
use crate::error::{Error, Failure, Plane};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
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
pub struct Finding {
    pub state: State,
    what: String,
    /// Whether what needs this check tells nothing after it.
    pub blocks: bool,
    /// Where the table of known errors has something to say.
    explained: Option<Explained>,
}

impl Finding {
    /// What the run exits with if this is its first failure.
    pub fn exit(&self) -> u8 {
        let explained = self.explained.as_ref();
        explained.map_or(1, |explained| explained.exit.max(1))
    }

    /// The same with something more to know.
    pub fn and(mut self, more: &str) -> Finding {
        if !more.is_empty() {
            self.what.push_str("; ");
            self.what.push_str(more);
        }
        self
    }
}

pub fn ok(what: impl Into<String>) -> Finding {
    finding(State::Ok, what.into(), None)
}

pub fn skip(what: impl Into<String>) -> Finding {
    finding(State::Skip, what.into(), None)
}

/// A check that tells nothing, and so do all that need it.
pub fn blocked(what: impl Into<String>) -> Finding {
    Finding {
        blocks: true,
        ..skip(what)
    }
}

fn finding(state: State, what: String, explained: Option<Explained>) -> Finding {
    Finding {
        state,
        what,
        blocks: state == State::Fail,
        explained,
    }
}

/// What was noticed here, in the words of the table.
pub fn notice(session: &Session, state: State, exit: u8, words: &str) -> Finding {
    let explained = Explained {
        exit,
        ..noticed(words, &session.context())
    };
    let explained = without_exit(state, explained);
    finding(state, explained.what.clone(), Some(explained))
}

/// What a service would say, and has not been asked: in the words of the table for such a refusal.
pub fn foreseen(
    session: &Session,
    state: State,
    what: String,
    (plane, status, substatus, text): (Plane, u16, u32, &str),
) -> Finding {
    let failure = Failure {
        substatus: Some(substatus),
        ..Failure::read(plane, String::new(), status, &[], text.as_bytes())
    };
    let explained = explain(&Error::Status(Box::new(failure)), &session.context());
    let explained = Explained {
        status: None,
        substatus: None,
        said: None,
        message: None,
        ..explained
    };
    finding(state, what, Some(without_exit(state, explained)))
}

/// A failure, or something less, explained.
pub fn of_error(session: &Session, state: State, error: &Error) -> Finding {
    let mut explained = explain(error, &session.context());
    // Which this is.
    explained
        .fix
        .retain(|fix| !fix.starts_with("rawcosmos doctor"));
    finding(
        state,
        explained.headline(),
        Some(without_exit(state, explained)),
    )
}

/// What is no failure ends nothing.
fn without_exit(state: State, explained: Explained) -> Explained {
    let exit = if state == State::Fail {
        explained.exit
    } else {
        0
    };
    Explained { exit, ..explained }
}

pub fn show(
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
    output.row(&raw.map_err(|e| Error::local(e.to_string()))?)
}
