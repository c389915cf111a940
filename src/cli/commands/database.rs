//! `database create|show|list|delete`: through ARM, or with a key through the data plane.

use serde_json::value::RawValue;

use super::change::Change;
use super::{Trailer, confirm, difference};
use crate::arm::{self, throughput::Owner};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos::{self, Paging};
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::message::{Answer, Call, Next, Page, Throughput};
use crate::name::Name;
use crate::show::quote;

fn name(session: &Session) -> Result<Name, Error> {
    let name = session.settings.name("name")?;
    session.about_name("database", &name);
    Ok(name)
}

/// It as something that is made or deleted.
pub fn change<'a, 's>(
    session: &'a Session<'s>,
    account: &'a arm::Account,
    name: &Name,
) -> Change<'a, 's> {
    let show = arm::databases::show(account, name);
    let what = format!("database {name}");
    let look = format!("rawcosmos database show -n {}", quote(name.as_str()));
    Change::new(session, account.endpoint(), show, what, look)
}

/// `database create -n NAME [--throughput N | --max-throughput N] [--if-not-exists] [--no-wait]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (name, throughput) = (name(session)?, throughput(session)?);
    if session.has_key() {
        let account = session.account()?;
        let made = session.run(&cosmos::databases::create(&account, &name, throughput));
        let there = || cosmos::databases::read(&account.database(&name));
        let existed = made.as_ref().is_err_and(|error| error.is_status(409));
        let made = made_or_there(session, made, &there)?;
        if existed {
            difference::warn_not_compared(session, &format!("database {name}"), throughput);
        }
        return finish(session, output, made);
    }
    let account = session.arm_account()?;
    let change = change(session, &account, &name);
    if let Some(there) = change.existing()? {
        session.say(&format!("{} is already there", change.what));
        let owner = Owner {
            database: name,
            container: None,
        };
        difference::warn_of_throughput(session, &account, &owner, throughput)?;
        return finish(session, output, there);
    }
    let started = session.run(&arm::databases::create(&account, &name, throughput))?;
    change.made(output, &started.value)
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
        session.say(&format!("deleted database {name}"));
        return Ok(());
    }
    let account = session.arm_account()?;
    let change = change(session, &account, &name);
    change.must_be_there()?;
    let started = session.run(&arm::databases::delete(&account, &name))?;
    change.deleted(&started.value)
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
        return Err(Error::usage(
            "--throughput and --max-throughput exclude each other",
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
    Trailer::end(session, output, 1, &answer)
}

/// Prints a list, element by element, and the line at the end.
pub fn rows(
    session: &Session,
    output: &mut Output,
    first: Call<Page>,
    next: &dyn Fn(&Next) -> Result<Call<Page>, Error>,
) -> Result<(), Error> {
    let mut trailer = Trailer::default();
    some_rows(session, output, &mut trailer, (first, next), &|_| true)?;
    trailer.say(session, output)
}

/// A list: its first page, and how to ask for the others.
pub type List<'a> = (Call<Page>, &'a dyn Fn(&Next) -> Result<Call<Page>, Error>);

/// Prints those elements of a list that are to be kept.
pub fn some_rows(
    session: &Session,
    output: &mut Output,
    trailer: &mut Trailer,
    (first, next): List,
    keep: &dyn Fn(&RawValue) -> bool,
) -> Result<(), Error> {
    output.list();
    session.each_page(first, next, &mut |page| {
        let kept = page.value.items.iter().filter(|item| keep(item));
        let kept: Vec<_> = kept.collect();
        trailer.add(kept.len(), &page);
        for item in kept {
            output.row(item)?;
        }
        Ok(Flow::Continue)
    })
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
