//! The data plane: whether it takes the token, and whether the data is there.

use super::Doctor;
use super::finding::{Finding, blocked, ok, skip};
use super::roles::{is_named, lacks_role};
use crate::cli::commands::container::key_of;
use crate::cli::session::Session;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::{Paging, account, containers, databases, key_definition};
use crate::error::Error;

/// Whether the account takes the token at all.
pub fn audience(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if doctor.shut_out.get() || doctor.unborn.get() {
        return Ok(blocked("needs account"));
    }
    match session.run(&account::read(&session.account()?)) {
        Err(error) if !lacks_role(&error) => Err(error),
        _ if session.has_key() => Ok(ok("the account takes the key")),
        _ => Ok(ok(format!(
            "the account takes tokens for {}",
            session.client.audiences().data
        ))),
    }
}

/// Whether the database is there. A role for a container alone may not ask.
pub fn database(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
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
pub fn container(doctor: &Doctor) -> Result<Finding, Error> {
    match definition(doctor.session)? {
        Some(key) => Ok(ok(format!(
            "is there, with the partition key {}",
            key.paths.join(" ")
        ))),
        None => Ok(no_container()),
    }
}

pub fn no_container() -> Finding {
    skip("no container is named (-d, -c)")
}

pub fn definition(session: &Session) -> Result<Option<key_definition::Definition>, Error> {
    if !is_named(session, "database-name") || !is_named(session, "container-name") {
        return Ok(None);
    }
    let answer = session.run(&containers::read(&session.container()?))?;
    key_of(&answer.value).map(Some)
}

/// Whether a query is answered, and its price.
pub fn query(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if definition(session)?.is_none() {
        return Ok(no_container());
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
