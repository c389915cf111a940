//! `database create|show|list|delete`: through ARM, or with a key through the data plane.

use std::time::Duration;

use serde_json::value::RawValue;

use super::{Trailer, confirm};
use crate::arm;
use crate::arm::operation::Started;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos::{self, Paging};
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::exchange::poll::Watch;
use crate::message::{Answer, Call, Next, Page, Throughput};
use crate::name::{Endpoint, Name};

/// Databases, containers and grants take seconds; this is when something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(300);

fn name(session: &Session) -> Result<Name, Error> {
    let name = session.settings.name("name")?;
    session.about_name("database", &name);
    Ok(name)
}

/// `database create -n NAME [--throughput N | --max-throughput N] [--if-not-exists] [--no-wait]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (name, throughput) = (name(session)?, throughput(session)?);
    if session.has_key() {
        let account = session.account()?;
        let made = session.run(&cosmos::databases::create(&account, &name, throughput));
        let there = || cosmos::databases::read(&account.database(&name));
        return finish(session, output, made_or_there(session, made, &there)?);
    }
    let account = session.arm_account()?;
    let show = arm::databases::show(&account, &name);
    if let Some(there) = existing(session, &show, &format!("database {name}"))? {
        session.say(&format!("database {name} is already there"));
        return finish(session, output, there);
    }
    let started = session.run(&arm::databases::create(&account, &name, throughput))?;
    made(
        session,
        output,
        account.endpoint(),
        &started.value,
        &show,
        &format!("database {name}"),
    )
}

/// `database show -n NAME`
pub fn show(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let name = name(session)?;
    let call = if session.has_key() {
        cosmos::databases::read(&session.account()?.database(&name))
    } else {
        arm::databases::show(&session.arm_account()?, &name)
    };
    finish(session, output, session.run(&call)?)
}

/// `database list`
pub fn list(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    if session.has_key() {
        let account = session.account()?;
        let next = |next: &Next| Ok(cosmos::databases::list(&account, &from(next)));
        return rows(
            session,
            output,
            cosmos::databases::list(&account, &Paging::default()),
            &next,
        );
    }
    let account = session.arm_account()?;
    let next = |next: &Next| arm::databases::list_next(&account, next);
    rows(session, output, arm::databases::list(&account), &next)
}

/// `database delete -n NAME [--yes] [--no-wait]`
pub fn delete(session: &Session, _: &mut Output, _: &[String]) -> Result<(), Error> {
    let name = name(session)?;
    confirm(
        session,
        &format!("delete the database {name} and everything in it"),
    )?;
    if session.has_key() {
        let database = session.account()?.database(&name);
        session.run(&cosmos::databases::delete(&database))?;
    } else {
        let account = session.arm_account()?;
        let show = arm::databases::show(&account, &name);
        let started = present(session, &show)
            .and_then(|()| session.run(&arm::databases::delete(&account, &name)))?;
        gone(
            session,
            account.endpoint(),
            &started.value,
            &show,
            &format!("database {name}"),
        )?;
    }
    session.say(&format!("deleted database {name}"));
    Ok(())
}

/// Throughput of a new database or container, from `--throughput` or `--max-throughput`.
pub fn throughput(session: &Session) -> Result<Option<Throughput>, Error> {
    let fixed = session
        .settings
        .number("throughput")?
        .map(Throughput::Manual);
    let scaled = session
        .settings
        .number("max-throughput")?
        .map(Throughput::Autoscale);
    if fixed.is_some() && scaled.is_some() {
        return Err(Error::Usage(
            "--throughput and --max-throughput exclude each other".into(),
        ));
    }
    Ok(fixed.or(scaled))
}

/// The page a continuation names.
pub fn from(next: &Next) -> Paging {
    Paging {
        from: Some(next.clone()),
        ..Paging::default()
    }
}

/// Prints one resource and the line at the end.
pub fn finish(
    session: &Session,
    output: &mut Output,
    answer: Answer<Box<RawValue>>,
) -> Result<(), Error> {
    output.one(&answer.value)?;
    output.finish()?;
    let mut trailer = Trailer::default();
    trailer.add(1, &answer);
    session.say(&trailer.line());
    Ok(())
}

/// Prints a list, element by element, and the line at the end.
pub fn rows(
    session: &Session,
    output: &mut Output,
    first: Call<Page>,
    next: &dyn Fn(&Next) -> Result<Call<Page>, Error>,
) -> Result<(), Error> {
    let mut trailer = Trailer::default();
    output.list();
    session.each_page(first, next, &mut |page| {
        trailer.add(page.value.items.len(), &page);
        for item in &page.value.items {
            output.row(item)?;
        }
        Ok(Flow::Continue)
    })?;
    output.finish()?;
    session.say(&trailer.line());
    Ok(())
}

/// What is already there under the name of something to be made: with `--if-not-exists` it is the answer, without it
/// is a conflict, because a second `PUT` would silently replace its settings.
pub fn existing(
    session: &Session,
    show: &Call<Box<RawValue>>,
    what: &str,
) -> Result<Option<Answer<Box<RawValue>>>, Error> {
    if session.is_rehearsal() {
        session
            .client
            .note("first a GET of the same URL, which must answer 404");
        return Ok(None);
    }
    match session.run(show) {
        Ok(there) if session.settings.on("if-not-exists") => Ok(Some(there)),
        Ok(_) => Err(Error::Conflict(format!(
            "{what} exists already; with --if-not-exists that is fine"
        ))),
        Err(e)
            if e.failure()
                .is_some_and(|f| f.status == 404 && f.code == "NotFound") =>
        {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// With a key the service itself tells that something is there.
pub fn made_or_there(
    session: &Session,
    made: Result<Answer<Box<RawValue>>, Error>,
    there: &dyn Fn() -> Call<Box<RawValue>>,
) -> Result<Answer<Box<RawValue>>, Error> {
    match made {
        Err(e) if e.is_status(409) && session.settings.on("if-not-exists") => session.run(&there()),
        other => other,
    }
}

/// Waits for a change to be over, unless told not to, and prints what was made.
pub fn made(
    session: &Session,
    output: &mut Output,
    endpoint: &Endpoint,
    started: &Started,
    show: &Call<Box<RawValue>>,
    what: &str,
) -> Result<(), Error> {
    if session.settings.on("no-wait") {
        session.say(&format!(
            "{what} is being made; show tells when it is there"
        ));
        return Ok(());
    }
    session.say(&format!("making {what} …"));
    let settled = || session.is_there(show);
    let watch = Watch {
        endpoint,
        settled: &settled,
        limit: PATIENCE,
        what,
    };
    session.client.finish(started, &watch)?;
    session.say(&format!("made {what}"));
    finish(session, output, session.run(show)?)
}

/// ARM answers 204 for what was not there; a user who mistyped a name wants to know.
pub fn present(session: &Session, show: &Call<Box<RawValue>>) -> Result<(), Error> {
    if session.is_rehearsal() {
        session
            .client
            .note("first a GET of the same URL, which must find it");
        return Ok(());
    }
    session.run(show).map(|_| ())
}

/// Waits until what was deleted is gone, unless told not to.
pub fn gone(
    session: &Session,
    endpoint: &Endpoint,
    started: &Started,
    show: &Call<Box<RawValue>>,
    what: &str,
) -> Result<(), Error> {
    if session.settings.on("no-wait") {
        return Ok(());
    }
    session.say(&format!("deleting {what} …"));
    let settled = || session.is_there(show).map(|there| !there);
    let watch = Watch {
        endpoint,
        settled: &settled,
        limit: PATIENCE,
        what,
    };
    session.client.finish(started, &watch)
}
