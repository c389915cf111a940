//! `item create|upsert|read|replace|patch|delete`

use serde_json::value::RawValue;

use super::input::{
    addressable, body, id_of, key_of_id, key_of_item, needed_key, options, patch_of, whole_key,
    with_whole_key,
};
use super::{Trailer, batch, confirm, many};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::without_control;
use crate::cosmos::Container;
use crate::cosmos::batch::Operation;
use crate::cosmos::items::{self, Item, Options};
use crate::cosmos::limits::ID_BYTES;
use crate::cosmos::partition_key::PartitionKey;
use crate::error::Error;
use crate::message::{Answer, Call};
use crate::name::Name;

/// `item create -d DB -c COLL -b BODY [-k KEY]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    new(session, output, items::create)
}

/// `item upsert -d DB -c COLL -b BODY [-k KEY] [--if-match ETAG]`
pub fn upsert(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    new(session, output, items::upsert)
}

type New = fn(&Container, &PartitionKey, &RawValue, &Options) -> Call<Option<Box<RawValue>>>;

fn new(session: &Session, output: &mut Output, operation: New) -> Result<(), Error> {
    let container = session.container()?;
    let item = body(session)?;
    addressable(session, &item)?;
    let options = options(session)?;
    let key = key_of_item(session, &container, &item)?;
    let id = id_of(&item)?;
    let answer = with_whole_key(session, &container, &key, Some(&id), |key| {
        session.run(&operation(&container, key, &item, &options))
    })?;
    let verb = if answer.status == 201 {
        "created"
    } else {
        "replaced"
    };
    session.changed(&format!("item {id:?} was {verb}"));
    done(session, output, &answer)
}

/// `item read -d DB -c COLL -i ID… -k KEY | --keys FILE | --self LINK -k KEY`
pub fn read(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let settings = session.settings;
    let ids = settings.args().values("id");
    if let Some(link) = settings.text("self") {
        let item = Item::linked(&session.account()?, &link)?;
        let call = items::read_at(&item, &needed_key(session)?, &options(session)?);
        return done(session, output, &session.run(&call)?);
    }
    let container = session.container()?;
    if let Some(path) = settings.text("keys") {
        return many::by_keys(session, output, &container, &path);
    }
    if ids.len() > 1 {
        ids.iter().try_for_each(|id| without_control("id", id))?;
        return many::of_one_key(session, output, &container, &ids);
    }
    let options = options(session)?;
    match id(session, &container)? {
        (Id::Named(id), key) => {
            let answer = with_whole_key(session, &container, &key, Some(id.as_str()), |key| {
                session.run(&items::read(&container, &id, key, &options))
            })?;
            done(session, output, &answer)
        }
        (Id::Odd(id), key) => {
            let mut read = Operation::read(&id);
            if let Some(etag) = &options.if_none_match {
                read = read.if_none_match(etag);
            }
            batch::alone(session, output, &container, &key, read)
        }
    }
}

/// `item replace -d DB -c COLL [-i ID] -b BODY [-k KEY] [--if-match ETAG]`: the id in the body may be a new one.
pub fn replace(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let item = body(session)?;
    let new = id_of(&item)?;
    let id = session.settings.text("id").unwrap_or_else(|| new.clone());
    if id != new {
        addressable(session, &item)?;
    }
    let id = Id::new(id)?;
    let options = options(session)?;
    let key = key_of_item(session, &container, &item)?;
    match id {
        Id::Named(id) => {
            let answer = with_whole_key(session, &container, &key, Some(id.as_str()), |key| {
                session.run(&items::replace(&container, &id, key, &item, &options))
            })?;
            done(session, output, &answer)
        }
        Id::Odd(id) => {
            let replace = matching(Operation::replace(&id, &item), &options);
            batch::alone(session, output, &container, &key, replace)
        }
    }
}

/// `item patch -d DB -c COLL -i ID -k KEY [--set /PATH=JSON]… | -b PATCH [--condition TEXT] [--if-match ETAG]`
pub fn patch(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let patch = patch_of(session)?;
    let options = options(session)?;
    match id(session, &container)? {
        (Id::Named(id), key) => {
            let answer = with_whole_key(session, &container, &key, Some(id.as_str()), |key| {
                session.run(&items::patch(&container, &id, key, &patch, &options))
            })?;
            done(session, output, &answer)
        }
        (Id::Odd(id), key) => {
            let patch = matching(Operation::patch(&id, &patch), &options);
            batch::alone(session, output, &container, &key, patch)
        }
    }
}

/// `item delete -d DB -c COLL -i ID -k KEY [--if-match ETAG] | --self LINK -k KEY | --all-in-partition -k KEY`
pub fn delete(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let options = options(session)?;
    if let Some(link) = session.settings.text("self") {
        let item = Item::linked(&session.account()?, &link)?;
        let call = items::delete_at(&item, &needed_key(session)?, &options);
        return Trailer::end(session, output, 1, &session.run(&call)?);
    }
    let container = session.container()?;
    if session.settings.on("all-in-partition") {
        return delete_all(session, &container);
    }
    match id(session, &container)? {
        (Id::Named(id), key) => {
            let answer = with_whole_key(session, &container, &key, Some(id.as_str()), |key| {
                session.run(&items::delete(&container, &id, key, &options))
            })?;
            Trailer::end(session, output, 1, &answer)
        }
        (Id::Odd(id), key) => {
            let delete = matching(Operation::delete(&id), &options);
            batch::alone(session, output, &container, &key, delete)
        }
    }
}

fn delete_all(session: &Session, container: &Container) -> Result<(), Error> {
    if session.settings.text("id").is_some() {
        return Err(Error::usage(
            "--id and --all-in-partition exclude each other",
        ));
    }
    let key = needed_key(session)?;
    confirm(
        session,
        &format!("delete every item of the key {}", key.header()),
    )?;
    let key = whole_key(session, container)?;
    session.run(&items::delete_all(container, &key))?;
    session.say("the service deletes them in the background, on request units nobody else wants");
    Ok(())
}

/// Prints what came back, if anything did, and the line at the end.
fn done(
    session: &Session,
    output: &mut Output,
    answer: &Answer<Option<Box<RawValue>>>,
) -> Result<(), Error> {
    match &answer.value {
        Some(item) => output.one(item)?,
        None if answer.status == 304 => session.say("not modified: the item still has that ETag"),
        None => {}
    }
    Trailer::end(session, output, usize::from(answer.status != 304), answer)
}

/// An id that has a place in a path, or one that can only be written into a body.
enum Id {
    Named(Name),
    Odd(String),
}

impl Id {
    fn new(text: String) -> Result<Id, Error> {
        without_control("id", &text)?;
        match Name::new(text.as_str()) {
            Ok(name) => Ok(Id::Named(name)),
            Err(_) if (1..=ID_BYTES).contains(&text.len()) => Ok(Id::Odd(text)),
            Err(e) => Err(Error::usage(format!("--id: {e}"))),
        }
    }
}

/// Which item is meant: its id and its key.
fn id(session: &Session, container: &Container) -> Result<(Id, PartitionKey), Error> {
    let text = session.settings.required("id")?;
    let id = Id::new(text.clone())?;
    Ok((id, key_of_id(session, container, &text)?))
}

fn matching(operation: Operation, options: &Options) -> Operation {
    match &options.if_match {
        Some(etag) => operation.if_match(etag),
        None => operation,
    }
}
