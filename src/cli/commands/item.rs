//! `item create|upsert|read|replace|delete`

use serde_json::value::RawValue;

use super::Trailer;
use super::container::{json, key_of};
use super::database::finish;
use crate::cli::output::{Output, lookup};
use crate::cli::session::Session;
use crate::cli::settings::contents;
use crate::cosmos::items::{self, Options};
use crate::cosmos::key_definition::Definition;
use crate::cosmos::partition_key::{Component, PartitionKey};
use crate::cosmos::{Container, containers};
use crate::error::Error;
use crate::message::Call;
use crate::name::Name;

/// `item create -d DB -c COLL -b BODY [-k KEY]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let item = body(session)?;
    addressable(&item)?;
    let key = key_of_item(session, &container, &item)?;
    write(session, output, &items::create(&container, &key, &item))
}

/// `item upsert -d DB -c COLL -b BODY [-k KEY] [--if-match ETAG]`
pub fn upsert(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let item = body(session)?;
    addressable(&item)?;
    let key = key_of_item(session, &container, &item)?;
    write(
        session,
        output,
        &items::upsert(&container, &key, &item, &options(session)),
    )
}

/// `item read -d DB -c COLL -i ID -k KEY [--if-none-match ETAG]`
pub fn read(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let id = session.settings.name("id")?;
    let key = key_of_id(session, &container, &id)?;
    let answer = session.run(&items::read(&container, &id, &key, &options(session)))?;
    let mut trailer = Trailer::default();
    match &answer.value {
        Some(item) => output.one(item)?,
        None => session.say("not modified: the item still has that ETag"),
    }
    output.finish()?;
    trailer.add(usize::from(answer.value.is_some()), &answer);
    session.say(&trailer.line());
    Ok(())
}

/// `item replace -d DB -c COLL [-i ID] -b BODY [-k KEY] [--if-match ETAG]`
pub fn replace(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let item = body(session)?;
    let id = match session.settings.text("id") {
        Some(id) => Name::new(id)?,
        None => id_of(&item)?,
    };
    let key = key_of_item(session, &container, &item)?;
    write(
        session,
        output,
        &items::replace(&container, &id, &key, &item, &options(session)),
    )
}

/// `item delete -d DB -c COLL -i ID -k KEY [--if-match ETAG]`
pub fn delete(session: &Session, _: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let id = session.settings.name("id")?;
    let key = key_of_id(session, &container, &id)?;
    let answer = session.run(&items::delete(&container, &id, &key, &options(session)))?;
    let mut trailer = Trailer::default();
    trailer.add(1, &answer);
    session.say(&trailer.line());
    Ok(())
}

fn write(session: &Session, output: &mut Output, call: &Call<Box<RawValue>>) -> Result<(), Error> {
    let answer = session.run(call)?;
    finish(session, output, answer)
}

fn options(session: &Session) -> Options {
    Options {
        if_match: session.settings.text("if-match"),
        if_none_match: session.settings.text("if-none-match"),
        session: session.settings.text("session-token"),
    }
}

/// `--body`: JSON, `@file` or `@-`; it must be one JSON object and is sent as it is.
fn body(session: &Session) -> Result<Box<RawValue>, Error> {
    let text = contents(&session.settings.required("body")?)?;
    let item = json(&text, "the body")?;
    if item.get().starts_with('{') {
        return Ok(item);
    }
    Err(Error::Usage(
        "the body is not a JSON object: an item is {\"id\":…}".into(),
    ))
}

fn id_of(item: &RawValue) -> Result<Name, Error> {
    let id = lookup(item, "/id");
    let id = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
    let id = id.ok_or_else(|| Error::Usage("the body has no id, or it is not a text".into()))?;
    Name::new(id)
}

/// An id with `/` can be created and never again be addressed: refused while it is still only a wish.
fn addressable(item: &RawValue) -> Result<(), Error> {
    id_of(item).map(|_| ())
}

/// The key the command line names, if it names one.
pub fn given_key(session: &Session) -> Result<Option<PartitionKey>, Error> {
    let settings = session.settings;
    let mut texts: Vec<String> = settings
        .args()
        .values("partition-key")
        .iter()
        .map(ToString::to_string)
        .collect();
    if texts.is_empty() {
        texts.extend(settings.text("partition-key"));
    }
    let key = match (texts.is_empty(), settings.text("partition-key-json")) {
        (false, Some(_)) => {
            return Err(Error::Usage(
                "--partition-key and --partition-key-json exclude each other".into(),
            ));
        }
        (true, None) => return Ok(None),
        (true, Some(json)) => PartitionKey::from_json(&json)
            .map_err(|e| Error::Usage(format!("--partition-key-json: {e}")))?,
        (false, None) => PartitionKey::new(texts.into_iter().map(Component::String).collect()),
    };
    if key.is_imprecise() {
        session
            .say("note: keys are doubles; a number above 2^53 shares its key with its neighbours");
    }
    Ok(Some(key))
}

/// The partition key of the container, asked of the service.
fn definition(session: &Session, container: &Container) -> Result<Definition, Error> {
    key_of(&session.run(&containers::read(container))?.value)
}

/// The key of an item that is written: named, or taken from its body by the container's paths.
fn key_of_item(
    session: &Session,
    container: &Container,
    item: &RawValue,
) -> Result<PartitionKey, Error> {
    if let Some(key) = given_key(session)? {
        return Ok(key);
    }
    let key = definition(session, container)?.extract(item.get());
    key.map_err(|e| Error::Usage(format!("the body has no usable partition key: {e}")))
}

/// The key of an item that is addressed: named, or the id where the container is partitioned by it.
fn key_of_id(session: &Session, container: &Container, id: &Name) -> Result<PartitionKey, Error> {
    if let Some(key) = given_key(session)? {
        return Ok(key);
    }
    let definition = definition(session, container)?;
    if definition.paths == ["/id"] {
        return Ok(PartitionKey::from_text(id.as_str()));
    }
    Err(Error::Usage(format!(
        "--partition-key is missing: an item is addressed by its id and its key, here {}",
        definition.paths.join(" ")
    )))
}
