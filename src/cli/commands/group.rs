//! `group create|show|delete`: the resource group an account is in.

use std::time::Duration;

use super::change::Change;
use super::confirm;
use super::database::finish;
use crate::arm::groups::{self, Group};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::name::Name;
use crate::show::quote;

/// As long as the slowest resource in it; an account may take most of an hour.
const DELETING: Duration = Duration::from_secs(60 * 60);

/// The group by `-n`, as `az` names it, or by `-g`, as every other command here does. Never the machine's own by itself.
fn group(session: &Session) -> Result<Group, Error> {
    let given = |option| session.settings.args().value(option);
    if let (Some(name), Some(other)) = (given("name"), given("resource-group"))
        && name != other
    {
        return Err(Error::usage(
            "--name and --resource-group exclude each other here",
        ));
    }
    let name = session.settings.text("name");
    let name = name.or_else(|| session.settings.text("resource-group"));
    let name = name.ok_or_else(|| Error::usage("which resource group? give --name"))?;
    session.group(Name::new(name)?)
}

/// It as something that is made or deleted.
fn change<'a, 's>(session: &'a Session<'s>, group: &'a Group) -> Change<'a, 's> {
    let what = format!("resource group {}", group.name());
    let look = format!("rawcosmos group show -n {}", quote(group.name().as_str()));
    Change {
        absent: "ResourceGroupNotFound",
        limit: DELETING,
        ..Change::new(session, group.endpoint(), groups::show(group), what, look)
    }
}

/// `group create -n NAME --location LOCATION [--if-not-exists]`
pub fn create(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let location = session.settings.required("location")?;
    let group = group(session)?;
    let change = change(session, &group);
    if let Some(there) = change.existing()? {
        session.say(&format!("{} is already there", change.what));
        return finish(session, output, there);
    }
    let started = session.run(&groups::create(&group, &location))?;
    change.made(output, &started.value)
}

/// `group show -n NAME`
pub fn show(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let group = group(session)?;
    finish(session, output, session.run(&groups::show(&group))?)
}

/// `group delete -n NAME [--yes] [--no-wait]`
pub fn delete(session: &Session, _: &mut Output, _: &[String]) -> Result<(), Error> {
    let group = group(session)?;
    let what = format!(
        "delete the resource group {} and everything in it",
        group.name()
    );
    confirm(session, &what)?;
    let change = change(session, &group);
    change.must_be_there()?;
    let started = session.run(&groups::delete(&group))?;
    change.deleted(&started.value)
}
