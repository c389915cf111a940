//! `account list|show|exists|create|delete|keys`.

use std::time::Duration;

use serde_json::value::RawValue;

use super::change::Change;
use super::database::{finish, rows};
use super::identity::object;
use super::{confirm, confirm_secret};
use crate::arm::accounts::{self, New};
use crate::arm::groups::{self, Group};
use crate::arm::{self, operation::Started};
use crate::cli::output::Output;
use crate::cli::place::PLACEHOLDER;
use crate::cli::session::Session;
use crate::cli::settings::account_name;
use crate::error::Error;
use crate::message::Answer;
use crate::name::Name;
use crate::show::quote;

/// As a rule some minutes.
const MAKING: Duration = Duration::from_secs(30 * 60);

/// As a rule more than ten minutes.
const DELETING: Duration = Duration::from_secs(60 * 60);

/// The account by `-n`, as `az` names it, or by `-a`, as every other command here does.
fn name(session: &Session) -> Result<Name, Error> {
    let Some(name) = session.settings.find("name") else {
        return session.account_name();
    };
    match session.settings.args().value("account-name") {
        Some(other) if other != name.text => Err(Error::usage(
            "--name and --account-name exclude each other here",
        )),
        _ => account_name(name),
    }
}

/// It as something that is made or deleted.
fn change<'a, 's>(
    session: &'a Session<'s>,
    account: &'a arm::Account,
    limit: Duration,
) -> Change<'a, 's> {
    let what = format!("account {}", account.name());
    let look = format!(
        "rawcosmos account show -n {}",
        quote(account.name().as_str())
    );
    let show = accounts::show(account);
    Change {
        absent: "ResourceNotFound",
        limit,
        ..Change::new(session, account.endpoint(), show, what, look)
    }
}

/// `account list [-g GROUP]`
pub fn list(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let arm = session.arm()?;
    let first = match session.told("resource-group") {
        Some(group) => accounts::list_in(&session.group(Name::new(group)?)?),
        None => accounts::list(&arm, &session.subscription()?),
    };
    let next = |next: &_| accounts::list_next(&arm, next);
    rows(session, output, first, &next)
}

/// `account show -n NAME`
pub fn show(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let account = session.arm_account_of(name(session)?)?;
    finish(session, output, session.run(&accounts::show(&account))?)
}

/// `account exists -n NAME`: whether the name is taken, by whomever. Success either way, as with `az`.
pub fn exists(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let name = name(session)?;
    let ask = accounts::name_taken(&session.arm()?, &name);
    let taken = match session.is_there(&ask) {
        // A HEAD has no body to say which versions this cloud serves; to a GET that is said, whatever else it is told.
        Err(e) if e.is_status(400) => {
            let mut aloud = ask.clone();
            aloud.request.method = "GET";
            let _ = session.run(&aloud);
            session.is_there(&ask)?
        }
        asked => asked?,
    };
    output.one(&object(&[
        ("name", name.as_str().into()),
        ("exists", taken.into()),
    ])?)
}

/// `account create -n NAME [-g GROUP] [--location L] [--serverless] [--free-tier] [--disable-local-auth] [--if-not-exists] [--no-wait]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let name = name(session)?;
    check(&name)?;
    let on = |option| session.settings.on(option);
    let mut new = New {
        location: session.settings.text("location").unwrap_or_default(),
        serverless: on("serverless"),
        free_tier: on("free-tier"),
        tokens_only: on("disable-local-auth"),
    };
    if new.serverless && new.free_tier {
        return Err(Error::usage(
            "--serverless and --free-tier exclude each other: the free tier is throughput",
        ));
    }
    let group = session.own_group()?;
    let account = arm::Account::new(session.arm()?, group.subscription(), group.name(), &name);
    session.about_name("account", &name);
    let change = change(session, &account, MAKING);
    if let Some(there) = change.existing()? {
        return found(&change, output, there);
    }
    refuse_taken(session, &account)?;
    if new.location.is_empty() {
        new.location = location(session, &group)?;
    }
    change.made(output, &begin(session, &account, &new)?)
}

/// One that is there: perhaps still being made by whoever began it.
fn found(change: &Change, output: &mut Output, there: Answer<Box<RawValue>>) -> Result<(), Error> {
    change.refuse_failed(&there.value)?;
    let started = Started::found(&there.value);
    if started.is_unsettled() {
        return change.made(output, &started);
    }
    let session = change.session;
    session.say(&format!("{} is already there", change.what));
    finish(session, output, there)
}

/// What ARM would accept, work on for a while, and then refuse.
fn check(name: &Name) -> Result<(), Error> {
    let text = name.as_str();
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let dashes = text.starts_with('-') || text.ends_with('-') || text.contains("--");
    if text.bytes().all(known) && !dashes && (3..=44).contains(&text.len()) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "an account's name is 3 to 44 lower-case letters, digits and single dashes between them, not {text:?}"
    )))
}

/// Names are global. Whoever may not ask for one is told by the answer to the `PUT`.
fn refuse_taken(session: &Session, account: &arm::Account) -> Result<(), Error> {
    if session.is_rehearsal() {
        let note =
            "then a HEAD of databaseAccountNames, which must answer 404: nobody has the name";
        session.client.note(note);
        return Ok(());
    }
    let name = account.name();
    match session.is_there(&accounts::name_taken(account.endpoint(), name)) {
        Ok(true) => Err(Error::conflict(format!(
            "the name {name} is taken by an account elsewhere, and names are the whole cloud's: choose another one"
        ))),
        Err(e) if !e.is_status(403) => Err(e),
        _ => Ok(()),
    }
}

/// The region of the group; the machine's own where the group may not be read.
fn location(session: &Session, group: &Group) -> Result<String, Error> {
    if session.is_rehearsal() {
        let note = "then a GET of the resource group, whose location is taken";
        session.client.note(note);
        return Ok(PLACEHOLDER.into());
    }
    let (text, origin) = match session.run(&groups::show(group)) {
        Ok(group) => (groups::location(&group.value)?, "the resource group"),
        Err(e) if e.is_status(403) => (session.machine()?.location, "the machine's metadata"),
        Err(e) => return Err(e),
    };
    if text.is_empty() {
        return Err(Error::usage("which location? give --location"));
    }
    session.origin("location", &text, origin);
    Ok(text)
}

/// Sends the `PUT` once; if its answer is lost, the account itself tells whether it arrived.
fn begin(session: &Session, account: &arm::Account, new: &New) -> Result<Started, Error> {
    match session.run(&accounts::create(account, new)) {
        Ok(started) => Ok(started.value),
        Err(unknown @ Error::Unknown(_)) => {
            session.say("no clear answer: looking whether the account is there");
            let found = session.run(&accounts::show(account));
            let found = found.map_err(|_| unknown)?.value;
            Ok(Started::found(&found))
        }
        Err(other) => Err(other),
    }
}

/// `account delete -n NAME [--yes] [--no-wait]`
pub fn delete(session: &Session, _: &mut Output, _: &[String]) -> Result<(), Error> {
    let name = name(session)?;
    confirm(
        session,
        &format!("delete the account {name} and all its databases, for good"),
    )?;
    let account = session.arm_account_of(name)?;
    let change = change(session, &account, DELETING);
    change.must_be_there()?;
    let started = session.run(&accounts::delete(&account))?;
    change.deleted(&started.value)
}

/// The kinds of key by the words for them.
const KINDS: [&str; 4] = [
    "primary",
    "secondary",
    "primary-readonly",
    "secondary-readonly",
];

/// `account keys -n NAME [--kind KIND] [--raw]`
pub fn keys(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (kind, is_raw) = (session.settings.text("kind"), session.settings.on("raw"));
    match &kind {
        Some(kind) if !KINDS.contains(&kind.as_str()) => {
            let known = KINDS.join(", ");
            return Err(Error::usage(format!("--kind {kind} is not known: {known}")));
        }
        None if is_raw => {
            let known = KINDS.join(", ");
            return Err(Error::usage(format!(
                "--raw prints one key: add --kind {known}"
            )));
        }
        _ => {}
    }
    if is_raw {
        confirm_secret(session, "a key")?;
    }
    let account = session.arm_account_of(name(session)?)?;
    // Who wants to read needs no more than a reader's role, and is sent no more.
    let call = match &kind {
        Some(kind) if kind.ends_with("-readonly") => accounts::reading_keys(&account),
        _ => accounts::keys(&account),
    };
    let keys = session.run(&call)?.value;
    keys.iter().for_each(|(_, key)| session.learn(key));
    let mut wanted = keys
        .iter()
        .filter(|(k, _)| kind.as_ref().is_none_or(|kind| kind == k));
    if is_raw {
        let (_, key) = wanted
            .next()
            .ok_or_else(|| Error::answer("there is no such key"))?;
        return output.text(key.expose());
    }
    output.list();
    for (kind, key) in wanted {
        let sha256 = crate::name::fingerprint(key.expose());
        output.row(&object(&[
            ("kind", (*kind).into()),
            ("sha256", sha256.into()),
        ])?)?;
    }
    output.finish()
}
