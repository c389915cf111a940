//! `container create|update|show|list|delete`: through ARM, or with a key through the data plane.

use serde_json::Value;
use serde_json::value::RawValue;

use super::change::Change;
use super::database::{finish, from, made_or_there, rows, throughput};
use super::{confirm, difference};
use crate::arm::{
    self,
    containers::{Changes, Definition},
    throughput::Owner,
};
use crate::cli::output::{Output, lookup};
use crate::cli::session::Session;
use crate::cli::settings::{Settings, contents};
use crate::cosmos::key_definition::{self, normalise_path};
use crate::cosmos::{self, Paging};
use crate::error::Error;
use crate::message::{Next, Throughput};
use crate::name::Name;
use crate::show::quote;

fn names(session: &Session) -> Result<(Name, Name), Error> {
    let (database, name) = (session.database()?, session.settings.name("name")?);
    session.about_name("container", &name);
    Ok((database, name))
}

/// It as something that is made or deleted.
pub fn change<'a, 's>(
    session: &'a Session<'s>,
    account: &'a arm::Account,
    database: &Name,
    name: &Name,
) -> Change<'a, 's> {
    let show = arm::containers::show(account, database, name);
    let what = format!("container {name}");
    let (parent, own) = (quote(database.as_str()), quote(name.as_str()));
    let look = format!("rawcosmos container show -d {parent} -n {own}");
    Change::new(session, account.endpoint(), show, what, look)
}

/// `container create -d DB -n NAME -p /PATH… [--ttl S] [--idx @F] [-u @F] [--throughput N] [--if-not-exists] [--no-wait]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (database, name) = names(session)?;
    let (definition, throughput) = (definition(session.settings)?, throughput(session)?);
    if session.has_key() {
        return create_with_key(session, output, (&database, &name), &definition, throughput);
    }
    let account = session.arm_account()?;
    let change = change(session, &account, &database, &name);
    if let Some(there) = change.existing()? {
        same_key(&there.value, &definition, &name)?;
        session.say(&format!("{} is already there", change.what));
        difference::warn(
            session,
            &change.what,
            &difference::of_container(&there.value, &definition)?,
        );
        let owner = Owner {
            database,
            container: Some(name),
        };
        difference::warn_of_throughput(session, &account, &owner, throughput)?;
        return finish(session, output, there);
    }
    keeps(session, &change, Some(definition.resource(&name)))?;
    let call = arm::containers::create(&account, &database, &name, &definition, throughput);
    let started = session.run(&call)?;
    change.made(output, &started.value)
}

fn create_with_key(
    session: &Session,
    output: &mut Output,
    (database, name): (&Name, &Name),
    definition: &Definition,
    throughput: Option<Throughput>,
) -> Result<(), Error> {
    let parent = session.account()?.database(database);
    let text = json(&definition.resource(name), "the definition")?;
    let made = session.run(&cosmos::containers::create(&parent, &text, throughput));
    let there = || cosmos::containers::read(&parent.container(name));
    let existed = made.as_ref().is_err_and(|error| error.is_status(409));
    let made = made_or_there(session, made, &there)?;
    same_key(&made.value, definition, name)?;
    if existed {
        let what = format!("container {name}");
        difference::warn(
            session,
            &what,
            &difference::of_container(&made.value, definition)?,
        );
        difference::warn_not_compared(session, &what, throughput);
    }
    finish(session, output, made)
}

/// `container update -d DB -n NAME [--ttl S|off] [--idx @F] [--no-wait]`
pub fn update(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (database, name) = names(session)?;
    let changes = changes(session.settings)?;
    let account = session.arm_account()?;
    let change = change(session, &account, &database, &name);
    if session.is_rehearsal() {
        let note =
            "then a PUT of the same URL, with what the GET answered and the change made in it";
        session.client.note(note);
    }
    let now = session.run(&arm::containers::show_whole(&account, &database, &name))?;
    let body = changes.body(&now.value)?;
    if body == Changes::default().body(&now.value)? {
        session.say(&format!("{} is like that already", change.what));
        let (answer, whole) = now.parted();
        return finish(
            session,
            output,
            answer.with(arm::containers::inner(&whole)?),
        );
    }
    let indexing = changes.indexing.as_deref();
    keeps(
        session,
        &change,
        indexing.map(|policy| format!(r#"{{"indexingPolicy":{policy}}}"#)),
    )?;
    warn_of_age(session, &change);
    let call = arm::containers::update(&account, &database, &name, body);
    let etag = |container: &RawValue| lookup(container, "/_etag").map(|etag| etag.to_string());
    let old = etag(&arm::containers::inner(&now.value)?);
    let is_new = |found: &RawValue| old.is_none() || etag(found) != old;
    match change.changed(&session.run(&call)?.value, &is_new)? {
        true => finish(session, output, change.shown()?),
        false => Ok(()),
    }
}

/// Refuses what the place would pass over in silence, because its version of the API does not know it.
fn keeps(session: &Session, change: &Change, asked: Option<String>) -> Result<(), Error> {
    let version = version(session, change);
    let lost = match &asked {
        Some(asked) => arm::containers::lost_in(&version, asked)?,
        None => Vec::new(),
    };
    let Some((property, since)) = lost.first() else {
        return Ok(());
    };
    Err(Error::conflict(format!(
        "ARM serves the API version {version} here, which does not keep {property} (known since {since}): nothing was changed"
    )))
}

/// Says before a container is replaced what its version of the API may lose.
fn warn_of_age(session: &Session, change: &Change) {
    let version = version(session, change);
    let unknown: Vec<&str> = arm::containers::unknown_to(&version).collect();
    if !unknown.is_empty() {
        session.warn(&format!(
            "ARM serves the API version {version} here, which neither shows nor keeps {}; if {} has any of these, this change removes it",
            unknown.join(", "),
            change.what
        ));
    }
}

/// The version of the API that the container is read and written in.
fn version(session: &Session, change: &Change) -> String {
    let version = session.client.api_version(&change.show.request);
    version.unwrap_or_else(|| arm::containers::VERSION.into())
}

fn changes(settings: &Settings) -> Result<Changes, Error> {
    let ttl = match settings.text("ttl").as_deref() {
        Some("off") => Some(None),
        _ => settings.number("ttl")?.map(Some),
    };
    check_ttl(ttl.flatten())?;
    let indexing = file(settings, "idx")?;
    if ttl.is_none() && indexing.is_none() {
        return Err(Error::usage("nothing to change: give --ttl or --idx"));
    }
    Ok(Changes { ttl, indexing })
}

/// The JSON text an option has, or names as a file.
fn file(settings: &Settings, name: &'static str) -> Result<Option<Box<RawValue>>, Error> {
    let Some(value) = settings.text(name) else {
        return Ok(None);
    };
    json(&contents(&value)?, &format!("--{name}")).map(Some)
}

/// `container show -d DB -n NAME [--quota]`
pub fn show(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (database, name) = names(session)?;
    let call = if session.settings.on("quota") {
        // Sizes are known to the data plane alone.
        cosmos::containers::quota(&session.account()?.database(&database).container(&name))
    } else if session.has_key() {
        cosmos::containers::read(&session.account()?.database(&database).container(&name))
    } else {
        arm::containers::show(&session.arm_account()?, &database, &name)
    };
    finish(session, output, session.run(&call)?)
}

/// `container list -d DB`
pub fn list(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let database = session.database()?;
    if session.has_key() {
        let database = session.account()?.database(&database);
        let next = |next: &Next| Ok(cosmos::containers::list(&database, &from(next)));
        return rows(
            session,
            output,
            cosmos::containers::list(&database, &Paging::default()),
            &next,
        );
    }
    let account = session.arm_account()?;
    let next = |next: &Next| arm::containers::list_next(&account, &database, next);
    rows(
        session,
        output,
        arm::containers::list(&account, &database),
        &next,
    )
}

/// `container delete -d DB -n NAME [--yes] [--no-wait]`
pub fn delete(session: &Session, _: &mut Output, _: &[String]) -> Result<(), Error> {
    let (database, name) = names(session)?;
    confirm(
        session,
        &format!("delete the container {name} and everything in it"),
    )?;
    if session.has_key() {
        let container = session.account()?.database(&database).container(&name);
        session.run(&cosmos::containers::delete(&container))?;
        session.say(&format!("deleted container {name}"));
        return Ok(());
    }
    let account = session.arm_account()?;
    let change = change(session, &account, &database, &name);
    change.must_be_there()?;
    let started = session.run(&arm::containers::delete(&account, &database, &name))?;
    change.deleted(&started.value)
}

fn definition(settings: &Settings) -> Result<Definition, Error> {
    let mut paths: Vec<String> = settings
        .args()
        .values("partition-key-path")
        .iter()
        .map(ToString::to_string)
        .collect();
    if paths.is_empty() {
        paths.push(settings.required("partition-key-path")?);
    }
    let paths: Result<Vec<String>, String> =
        paths.iter().map(|path| normalise_path(path)).collect();
    let paths = paths.map_err(Error::usage)?;
    let ttl = settings.number("ttl")?;
    check(&paths)?;
    check_ttl(ttl)?;
    Ok(Definition {
        paths,
        ttl,
        indexing: file(settings, "idx")?,
        unique_keys: file(settings, "unique-key-policy")?,
    })
}

/// What ARM would accept, work on for a while, and then refuse.
fn check(paths: &[String]) -> Result<(), Error> {
    let repeated = paths
        .iter()
        .enumerate()
        .any(|(at, path)| paths.iter().take(at).any(|other| other == path));
    if repeated || paths.len() > 3 {
        return Err(Error::usage(
            "a partition key has one to three paths, each once",
        ));
    }
    Ok(())
}

fn check_ttl(ttl: Option<i64>) -> Result<(), Error> {
    if ttl.is_some_and(|ttl| ttl == 0 || ttl < -1) {
        return Err(Error::usage(
            "--ttl is a number of seconds, or -1 for no default",
        ));
    }
    Ok(())
}

/// JSON text, checked and otherwise left as it is.
pub fn json(text: &str, what: &str) -> Result<Box<RawValue>, Error> {
    let wrong = |e| Error::usage(format!("{what} is not JSON: {e}"));
    let raw: &RawValue = serde_json::from_str(text).map_err(wrong)?;
    Ok(raw.to_owned())
}

/// The partition key of a container as one of the planes describes it.
pub fn key_of(container: &RawValue) -> Result<key_definition::Definition, Error> {
    let container: Value = serde_json::from_str(container.get())
        .map_err(|e| Error::answer(format!("the container is not JSON: {e}")))?;
    let key = container.get("partitionKey");
    let key = key.ok_or_else(|| Error::answer("the container has no partitionKey"))?;
    key_definition::Definition::from_json(key).map_err(Error::answer)
}

fn same_key(there: &RawValue, wanted: &Definition, name: &Name) -> Result<(), Error> {
    let there = key_of(there)?;
    if there.paths == wanted.paths {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "container {name} exists with the partition key {}, not {}; a partition key cannot be changed",
        there.paths.join(" "),
        wanted.paths.join(" ")
    )))
}
