//! With `--probe-write`: whether an item can be written.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Doctor;
use super::data::{definition, no_container};
use super::finding::{Finding, ok, skip};
use crate::cli::commands::container::json;
use crate::cosmos::{items, key_definition};
use crate::error::Error;
use crate::name::Name;

/// An item of its own is made and deleted again.
pub fn write(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if !session.settings.on("probe-write") {
        return Ok(skip("nothing is written without --probe-write"));
    }
    let Some(definition) = definition(session)? else {
        return Ok(no_container());
    };
    let container = session.container()?;
    // What an earlier run left behind is in nobody's way.
    let now = session.client.clock().now().unix_timestamp_nanos();
    let id = Name::new(format!("rawcosmos-doctor-{now}"))?;
    let item = sample(&definition, &id)?;
    let key = definition.extract(item.get()).map_err(Error::usage)?;
    let options = items::Options::default();
    let made = session.run(&items::upsert(&container, &key, &item, &options))?;
    session.run(&items::delete(&container, &id, &key, &options))?;
    let charge = format!("{:.2}", made.charge.unwrap_or_default());
    Ok(ok(format!(
        "an item was made, for {charge} RU, and deleted"
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
