//! The data plane: whether it takes the token, what the data role covers, and whether the data is there.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Finding, ok, skip};
use crate::cli::commands::container::{json, key_of};
use crate::cli::session::Session;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::{Paging, account, containers, databases, items, key_definition};
use crate::error::{Error, Failure};
use crate::name::Name;

/// A role is missing, or does not reach so far up: the token itself was taken.
fn is_role(failure: &Failure) -> bool {
    failure.status == 403 && matches!(failure.substatus, Some(5300..=5303))
}

fn lacks_role(error: &Error) -> bool {
    error.failure().is_some_and(is_role)
}

/// Whether the account takes the token at all.
pub fn audience(session: &Session) -> Result<Finding, Error> {
    match session.run(&account::read(&session.account()?)) {
        Err(error) if !lacks_role(&error) => Err(error),
        _ if session.has_key() => Ok(ok("the account takes the key")),
        _ => Ok(ok(format!(
            "the account takes tokens for {}",
            session.client.audiences().data
        ))),
    }
}

fn is_named(session: &Session, option: &'static str) -> bool {
    session.settings.text(option).is_some()
}

/// What the data role covers, from the whole account down to the container.
pub fn role(session: &Session) -> Result<Finding, Error> {
    let refused = match session.run(&account::read(&session.account()?)) {
        Ok(_) => return Ok(ok("covers the account")),
        Err(error) => error,
    };
    let database = is_named(session, "database-name");
    if database {
        let database = session.account()?.database(&session.database()?);
        if reaches(session.run(&databases::read(&database))) {
            return Ok(ok("covers the database"));
        }
    }
    if database && is_named(session, "container-name") {
        let read = session.run(&containers::read(&session.container()?));
        return read.map(|_| ok("covers the container"));
    }
    Err(refused)
}

fn reaches<T>(done: Result<T, Error>) -> bool {
    done.map_or_else(|error| error.is_status(404), |_| true)
}

/// Whether the database is there. A role for a container alone may not ask.
pub fn database(session: &Session) -> Result<Finding, Error> {
    if !is_named(session, "database-name") {
        return Ok(skip("no database is named (-d)"));
    }
    let name = session.database()?;
    match session.run(&databases::read(&session.account()?.database(&name))) {
        Err(error) if lacks_role(&error) => Ok(skip("the data role does not cover it")),
        done => done.map(|_| ok(format!("{name} is there"))),
    }
}

/// Whether the container is there, and by what it is divided.
pub fn container(session: &Session) -> Result<Finding, Error> {
    match definition(session)? {
        Some(key) => Ok(ok(format!(
            "is there, with the partition key {}",
            key.paths.join(" ")
        ))),
        None => Ok(skip("no container is named (-d, -c)")),
    }
}

fn definition(session: &Session) -> Result<Option<key_definition::Definition>, Error> {
    if !is_named(session, "database-name") || !is_named(session, "container-name") {
        return Ok(None);
    }
    let answer = session.run(&containers::read(&session.container()?))?;
    key_of(&answer.value).map(Some)
}

/// Whether a query is answered, and its price.
pub fn query(session: &Session) -> Result<Finding, Error> {
    if definition(session)?.is_none() {
        return Ok(skip("no container is named (-d, -c)"));
    }
    let paging = Paging {
        size: Some(1),
        ..Paging::default()
    };
    let container = session.container()?;
    let query = Query::new("SELECT c.id FROM c");
    let answer = session.run(&query::items(&container, &query, &Across::All, &paging))?;
    Ok(ok(format!(
        "a query is answered, for {:.2} RU",
        answer.charge.unwrap_or_default()
    )))
}

/// With `--probe-write`: an item is made and deleted again.
pub fn write(session: &Session) -> Result<Finding, Error> {
    if !session.settings.on("probe-write") {
        return Ok(skip("nothing is written without --probe-write"));
    }
    let Some(definition) = definition(session)? else {
        return Ok(skip("no container is named (-d, -c)"));
    };
    let (container, id) = (session.container()?, Name::new("rawcosmos-doctor")?);
    let item = sample(&definition, &id)?;
    let key = definition.extract(item.get()).map_err(Error::Usage)?;
    let made = session.run(&items::create(&container, &key, &item, &Default::default()))?;
    session.run(&items::delete(
        &container,
        &id,
        &key,
        &items::Options::default(),
    ))?;
    let charge = made.charge.unwrap_or_default();
    Ok(ok(format!(
        "an item was made, for {charge:.2} RU, and deleted"
    )))
}

/// An item with a text wherever the key asks for one.
fn sample(definition: &key_definition::Definition, id: &Name) -> Result<Box<RawValue>, Error> {
    let mut item = Value::Null;
    for path in definition.paths.iter().map(String::as_str).chain(["/id"]) {
        let tokens = key_definition::tokens(path).map_err(Error::answer)?;
        put(&mut item, &tokens, id.as_str());
    }
    json(&item.to_string(), "the item")
}

/// Puts a text at the end of a path, making what is not there.
fn put(place: &mut Value, path: &[String], text: &str) {
    let Some((first, rest)) = path.split_first() else {
        *place = Value::from(text);
        return;
    };
    let mut members = match place.take() {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    put(
        members.entry(first.clone()).or_insert(Value::Null),
        rest,
        text,
    );
    *place = Value::Object(members);
}
