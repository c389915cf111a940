//! `throughput show|update|migrate`: request units a second of a database or container, through ARM.

use std::time::Duration;

use serde_json::value::RawValue;

use super::change::Change;
use super::confirm;
use super::database::{finish, throughput};
use crate::arm::throughput::{self, Mode, Owner};
use crate::arm::{self, operation::Started};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::message::{Answer, Throughput};
use crate::name::Name;
use crate::show::quote;

/// Longer than for a database: partitions may have to be split.
const PATIENCE: Duration = Duration::from_secs(600);

fn owner(session: &Session) -> Result<Owner, Error> {
    let database = session.database()?;
    let container = session.told("container-name").map(Name::new).transpose()?;
    if let Some(name) = &container {
        session.about_name("container", name);
    }
    Ok(Owner {
        database,
        container,
    })
}

/// It as something that is changed.
fn change<'a, 's>(
    session: &'a Session<'s>,
    account: &'a arm::Account,
    owner: &Owner,
) -> Change<'a, 's> {
    let what = match &owner.container {
        Some(container) => format!("the throughput of container {container}"),
        None => format!("the throughput of database {}", owner.database),
    };
    let show = throughput::show(account, owner);
    let container = owner.container.as_ref();
    let container = container.map_or(String::new(), |name| {
        format!(" -c {}", quote(name.as_str()))
    });
    let database = quote(owner.database.as_str());
    let look = format!("rawcosmos throughput show -d {database}{container}");
    Change {
        limit: PATIENCE,
        ..Change::new(session, account.endpoint(), show, what, look)
    }
}

/// `throughput show -d DB [-c CONTAINER]`
pub fn show(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let owner = owner(session)?;
    let account = session.arm_account()?;
    shown(
        session,
        output,
        session.run(&throughput::show(&account, &owner))?,
    )
}

/// Prints the settings, and says what is easily overlooked in them.
fn shown(
    session: &Session,
    output: &mut Output,
    answer: Answer<Box<RawValue>>,
) -> Result<(), Error> {
    if throughput::is_pending(&answer.value) {
        session.say("a change is still being carried out (offerReplacePending): partitions are split, which can take hours");
    }
    finish(session, output, answer)
}

/// `throughput update -d DB [-c CONTAINER] --throughput N | --max-throughput N [--yes] [--no-wait]`
pub fn update(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let owner = owner(session)?;
    let wanted = throughput(session)?
        .ok_or_else(|| Error::usage("nothing to change: give --throughput or --max-throughput"))?;
    let account = session.arm_account()?;
    let change = change(session, &account, &owner);
    if let Some(now) = now(&change)? {
        let there = throughput::current(&now.value)?;
        if there == wanted {
            session.say(&format!("{} is that already", change.what));
            return shown(session, output, now);
        }
        permit(&change, &owner, there, wanted)?;
    }
    let started = session.run(&throughput::update(&account, &owner, wanted))?;
    let is_new = |found: &RawValue| throughput::current(found).is_ok_and(|now| now == wanted);
    match change.changed(&started.value, &is_new)? {
        true => shown(session, output, change.shown()?),
        false => Ok(()),
    }
}

/// What there is before a change; `None` where nothing is asked.
fn now(change: &Change) -> Result<Option<Answer<Box<RawValue>>>, Error> {
    let session = change.session;
    if session.is_rehearsal() {
        session
            .client
            .note("first a GET of throughputSettings/default, for what there is");
        return Ok(None);
    }
    session.run(&change.show).map(Some)
}

/// ARM changes the number alone; more of it is asked about, because it is billed.
fn permit(
    change: &Change,
    owner: &Owner,
    now: Throughput,
    wanted: Throughput,
) -> Result<(), Error> {
    let (old, is_scaled) = parts(now);
    let (new, scales) = parts(wanted);
    if is_scaled != scales {
        let word = if scales { "autoscale" } else { "manual" };
        let container = owner.container.as_ref();
        let container = container.map_or(String::new(), |name| {
            format!(" -c {}", quote(name.as_str()))
        });
        let database = quote(owner.database.as_str());
        return Err(Error::conflict(format!(
            "{} is {}: first change that, with rawcosmos throughput migrate -d {database}{container} --to {word}",
            change.what,
            described(now)
        )));
    }
    if new <= old {
        return Ok(());
    }
    let (what, old, new) = (&change.what, described(now), described(wanted));
    confirm(
        change.session,
        &format!("raise {what} from {old} to {new}, which is billed by the hour"),
    )
}

fn parts(throughput: Throughput) -> (u32, bool) {
    match throughput {
        Throughput::Manual(units) => (units, false),
        Throughput::Autoscale(most) => (most, true),
    }
}

fn is_mode(throughput: Throughput, mode: Mode) -> bool {
    parts(throughput).1 == (mode == Mode::Autoscale)
}

pub(super) fn described(throughput: Throughput) -> String {
    match throughput {
        Throughput::Manual(units) => format!("{units} RU/s"),
        Throughput::Autoscale(most) => format!("autoscale up to {most} RU/s"),
    }
}

/// `throughput migrate -d DB [-c CONTAINER] --to autoscale|manual [--yes] [--no-wait]`
pub fn migrate(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let to = match session.settings.required("to")?.as_str() {
        "autoscale" => Mode::Autoscale,
        "manual" => Mode::Manual,
        other => {
            return Err(Error::usage(format!(
                "--to {other} is not known: autoscale or manual"
            )));
        }
    };
    let owner = owner(session)?;
    let account = session.arm_account()?;
    let change = change(session, &account, &owner);
    if let Some(now) = now(&change)? {
        let there = throughput::current(&now.value)?;
        if is_mode(there, to) {
            session.say(&format!("{} is {} already", change.what, described(there)));
            return shown(session, output, now);
        }
        let (what, there) = (&change.what, described(there));
        let billed = match to {
            Mode::Autoscale => {
                "to autoscale, which is billed by the hour for the most it was scaled to"
            }
            Mode::Manual => {
                "to manual, which is as much as the most of autoscale and is billed whether used or not"
            }
        };
        confirm(session, &format!("change {what} from {there} {billed}"))?;
    }
    let started = session
        .run(&throughput::migrate(&account, &owner, to))?
        .value;
    let is_new = |found: &RawValue| throughput::current(found).is_ok_and(|now| is_mode(now, to));
    match change.changed(&started, &is_new)? {
        true => shown(session, output, outcome(&change, &started)?),
        false => Ok(()),
    }
}

/// The result stands at the operation's `Location`; where that cannot be read, in the settings themselves.
fn outcome(change: &Change, started: &Started) -> Result<Answer<Box<RawValue>>, Error> {
    let session = change.session;
    let told = started
        .outcome(change.endpoint)
        .map(|call| session.run(&call));
    match told {
        Some(Ok(answer)) => Ok(answer),
        _ => change.shown(),
    }
}
