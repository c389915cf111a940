//! What the commands on items are told: a body, a key, a patch, options.

use serde_json::value::RawValue;

use super::container::{json, key_of};
use crate::cli::output::lookup;
use crate::cli::session::Session;
use crate::cli::settings::contents;
use crate::cosmos::items::{Indexing, Options};
use crate::cosmos::key_definition::Definition;
use crate::cosmos::partition_key::{Component, PartitionKey};
use crate::cosmos::patch::{Op, Patch};
use crate::cosmos::{Consistency, Container, containers};
use crate::error::Error;
use crate::name::Name;
use crate::show::quote;

/// `--body`: JSON, `@file` or `@-`; it must be one JSON object and is sent as it is, but for the `ttl` of `--ttl`.
pub fn body(session: &Session) -> Result<Box<RawValue>, Error> {
    let text = contents(&session.settings.required("body")?)?;
    let item = json(&text, "the body")?;
    if !item.get().starts_with('{') {
        return Err(Error::usage(
            "the body is not a JSON object: an item is {\"id\":…}",
        ));
    }
    match session.settings.number::<i64>("ttl")? {
        None => Ok(item),
        Some(ttl) if ttl == 0 || ttl < -1 => Err(Error::usage(
            "--ttl is a number of seconds, or -1 for never",
        )),
        Some(_) if lookup(&item, "/ttl").is_some() => {
            Err(Error::usage("--ttl is given, and the body has a ttl"))
        }
        Some(ttl) => json(
            &with_member(item.get(), &format!("\"ttl\":{ttl}")),
            "the body",
        ),
    }
}

/// The same object with one more member at its end.
fn with_member(object: &str, member: &str) -> String {
    let inner = object.trim_start_matches('{').trim_end_matches('}').trim();
    let open = object.strip_suffix('}').unwrap_or(object);
    match inner.is_empty() {
        true => format!("{{{member}}}"),
        false => format!("{open},{member}}}"),
    }
}

/// The id in a body.
pub fn id_of(item: &RawValue) -> Result<String, Error> {
    let id = lookup(item, "/id");
    let id = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
    id.ok_or_else(|| Error::usage("the body has no id, or it is not a text"))
}

/// An id with `/` can be created and never again be addressed by it: refused unless it is really wanted.
pub fn addressable(session: &Session, item: &RawValue) -> Result<(), Error> {
    let id = id_of(item)?;
    match Name::new(id) {
        Err(Error::Usage(why)) if !session.settings.on("any-id") => Err(Error::usage(format!(
            "{why}; with --any-id it is written all the same"
        ))),
        _ => Ok(()),
    }
}

/// The same of what an operation of a batch writes. A replaced item that keeps its id is there already.
pub fn addressable_in(session: &Session, operation: &RawValue) -> Result<(), Error> {
    let text = |value: &RawValue, pointer| Some(lookup(value, pointer)?.get().to_string());
    match lookup(operation, "/resourceBody") {
        Some(body) if text(&body, "/id").is_some_and(|id| Some(id) != text(operation, "/id")) => {
            addressable(session, &body)
        }
        _ => Ok(()),
    }
}

/// The key the command line must name.
pub fn needed_key(session: &Session) -> Result<PartitionKey, Error> {
    given_key(session)?.ok_or_else(|| Error::usage("--partition-key is missing"))
}

/// The key the command line must name, with as many levels as the container has: a server may take a part of a key for
/// all the keys that begin with it.
pub fn whole_key(session: &Session, container: &Container) -> Result<PartitionKey, Error> {
    let key = needed_key(session)?;
    match known_levels(session, container)? {
        Some(definition) if !definition.is_complete(&key) => Err(wrong_levels(&definition)),
        _ => Ok(key),
    }
}

/// How many levels the key of the container has, before a key is sent; nothing where nothing is sent, or where the
/// service does not say it: then it judges the key.
pub fn known_levels(session: &Session, container: &Container) -> Result<Option<Definition>, Error> {
    if session.is_rehearsal() {
        return Ok(None);
    }
    match definition(session, container) {
        Ok(definition) => Ok(Some(definition)),
        Err(Error::Status(_) | Error::Answer(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The key that was named for one item or for a batch. Several levels are of a hierarchy, whose definition is read first;
/// one level is the whole key as a rule, and the service refuses it where it is not: see [`with_whole_key`].
fn whole_or_single(
    session: &Session,
    container: &Container,
    key: PartitionKey,
    id: Option<&str>,
) -> Result<PartitionKey, Error> {
    if key.components().len() < 2 {
        return Ok(key);
    }
    match known_levels(session, container)? {
        Some(definition) => completed(&definition, key, id),
        None => Ok(key),
    }
}

/// Carries out an operation with a key. Where the service refuses it as too short (400/1001), the last level is taken from
/// the id, if it is the id.
pub fn with_whole_key<T>(
    session: &Session,
    container: &Container,
    key: &PartitionKey,
    id: Option<&str>,
    mut operation: impl FnMut(&PartitionKey) -> Result<T, Error>,
) -> Result<T, Error> {
    let refused = |error: &Error| {
        let failure = error.failure();
        failure.is_some_and(|failure| (failure.status, failure.substatus) == (400, Some(1001)))
    };
    match operation(key) {
        Err(e) if key.components().len() == 1 && refused(&e) => {
            match known_levels(session, container)? {
                Some(definition) if !definition.is_complete(key) => {
                    operation(&completed(&definition, key.clone(), id)?)
                }
                _ => Err(e),
            }
        }
        done => done,
    }
}

/// The key of a batch or a procedure.
pub fn batch_key(session: &Session, container: &Container) -> Result<PartitionKey, Error> {
    whole_or_single(session, container, needed_key(session)?, None)
}

/// A key that has more or fewer levels than the container's.
pub fn wrong_levels(definition: &Definition) -> Error {
    Error::usage(format!(
        "--partition-key: the key of this container is {}, and every level of it is needed",
        definition.paths.join(" ")
    ))
}

/// The key of one item: where its last level is the id, that level may be left out.
pub fn completed(
    definition: &Definition,
    key: PartitionKey,
    id: Option<&str>,
) -> Result<PartitionKey, Error> {
    if definition.is_complete(&key) {
        return Ok(key);
    }
    let by_id = definition.paths.last().is_some_and(|path| path == "/id");
    let mut levels = key.components().to_vec();
    levels.extend(id.map(|id| Component::String(id.to_string())));
    let key = PartitionKey::new(levels);
    match by_id && definition.is_complete(&key) {
        true => Ok(key),
        false => Err(wrong_levels(definition)),
    }
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
            return Err(Error::usage(
                "--partition-key and --partition-key-json exclude each other",
            ));
        }
        (true, None) => return Ok(None),
        (true, Some(json)) => PartitionKey::from_json(&json)
            .map_err(|e| Error::usage(format!("--partition-key-json: {e}")))?,
        (false, None) => PartitionKey::new(texts.into_iter().map(Component::String).collect()),
    };
    if key.is_imprecise() {
        session
            .say("note: keys are doubles; a number above 2^53 shares its key with its neighbours");
    }
    Ok(Some(key))
}

/// The partition key of the container, asked of the service.
pub fn definition(session: &Session, container: &Container) -> Result<Definition, Error> {
    key_of(&session.run(&containers::read(container))?.value)
}

/// The key of an item that is written: named, or taken from its body by the container's paths.
pub fn key_of_item(
    session: &Session,
    container: &Container,
    item: &RawValue,
) -> Result<PartitionKey, Error> {
    if let Some(key) = given_key(session)? {
        return whole_or_single(session, container, key, Some(&id_of(item)?));
    }
    let key = definition(session, container)?.extract(item.get());
    key.map_err(|e| Error::usage(format!("the body has no usable partition key: {e}")))
}

/// The key of an item that is addressed: named, or the id where the container is partitioned by it.
pub fn key_of_id(
    session: &Session,
    container: &Container,
    id: &str,
) -> Result<PartitionKey, Error> {
    if let Some(key) = given_key(session)? {
        return whole_or_single(session, container, key, Some(id));
    }
    let definition = definition(session, container)?;
    if definition.paths == ["/id"] {
        return Ok(PartitionKey::from_text(id));
    }
    Err(Error::usage(format!(
        "--partition-key is missing: an item is addressed by its id and its key, here {}",
        definition.paths.join(" ")
    )))
}

/// The operations of a patch, in the order they were given.
pub fn patch_of(session: &Session) -> Result<Patch, Error> {
    let settings = session.settings;
    let given = settings.args().options.iter();
    let given =
        given.filter_map(|(name, value)| Some((*name, Op::named(name)?, value.as_deref()?)));
    let mut patch = Patch::default();
    for (name, op, text) in given {
        let (path, operand) = match text.split_once('=') {
            _ if op == Op::Remove => (text, ""),
            Some((from, to)) if op == Op::Move => (to, from),
            Some(parts) => parts,
            None => {
                return Err(Error::usage(format!(
                    "--{name} {text}: it must be /PATH=VALUE"
                )));
            }
        };
        if !matches!(op, Op::Remove | Op::Move)
            && serde_json::from_str::<&RawValue>(operand).is_err()
        {
            let meant = quote(&format!("{path}={}", serde_json::Value::from(operand)));
            let what = format!(
                "--{name} {text}: the value is not JSON; a text is written --{name} {meant}"
            );
            return Err(Error::usage(what));
        }
        patch = patch.with(op, path, operand)?;
    }
    if let Some(body) = settings.text("body") {
        if !patch.is_empty() {
            return Err(Error::usage(
                "--body and the options that change a part exclude each other",
            ));
        }
        patch = Patch::from_json(&contents(&body)?)?;
    }
    if patch.is_empty() {
        return Err(Error::usage(
            "what is to change? for example: --set /a=1 --remove /b",
        ));
    }
    match settings.text("condition") {
        Some(condition) => Ok(patch.only_if(&condition)),
        None => Ok(patch),
    }
}

/// What the options say of conditions, indexes and consistency.
pub fn options(session: &Session) -> Result<Options, Error> {
    let settings = session.settings;
    let indexing = settings.text("indexing").map(|text| match text.as_str() {
        "include" => Ok(Indexing::Include),
        "exclude" => Ok(Indexing::Exclude),
        _ => Err(Error::usage(format!(
            "--indexing {text}: it is include or exclude"
        ))),
    });
    Ok(Options {
        if_match: settings.text("if-match"),
        if_none_match: settings.text("if-none-match"),
        session: settings.text("session-token"),
        consistency: consistency(session)?,
        indexing: indexing.transpose()?,
        minimal: settings.on("minimal"),
    })
}

/// `--consistency`
pub fn consistency(session: &Session) -> Result<Option<Consistency>, Error> {
    let Some(text) = session.settings.text("consistency") else {
        return Ok(None);
    };
    let plain = text.replace('-', "");
    let mut all = Consistency::ALL.into_iter();
    let found = all.find(|level| level.name().eq_ignore_ascii_case(&plain));
    let names = || Consistency::ALL.map(Consistency::name).join(", ");
    found
        .map(Some)
        .ok_or_else(|| Error::usage(format!("--consistency {text}: it is one of {}", names())))
}
