//! `role list|definitions`: who may do what, on either plane; and the words `grant` takes for roles.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Trailer;
use super::database::some_rows;
use crate::arm::azure_roles::{self, ACCOUNT_CONTRIBUTOR, ACCOUNT_READER, OPERATOR, Place, Role};
use crate::arm::{
    self,
    roles::{self, DataRole},
};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::is_guid;
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::name::Name;

/// The Azure roles that are given by a word.
const AZURE: [(&str, Role); 3] = [
    ("account-contributor", ACCOUNT_CONTRIBUTOR),
    ("operator", OPERATOR),
    ("account-reader", ACCOUNT_READER),
];

/// A role as it was asked for.
pub enum Wanted {
    /// A data role.
    Data(DataRole),
    /// A data role by the name somebody gave it.
    Named(String),
    /// An Azure role.
    Azure(Role),
}

impl Wanted {
    /// By its word here, by its name in Azure, or by its GUID.
    pub fn role(text: &str) -> Result<Wanted, Error> {
        let word = text.to_ascii_lowercase();
        let azure = AZURE.iter().find(|(known, role)| {
            *known == word || role.guid == word || role.name.eq_ignore_ascii_case(text)
        });
        if let Some((_, role)) = azure {
            return Ok(Wanted::Azure(*role));
        }
        match word.as_str() {
            "data-reader"
            | "cosmos db built-in data reader"
            | "00000000-0000-0000-0000-000000000001" => Ok(Wanted::Data(DataRole::Reader)),
            "data-contributor"
            | "cosmos db built-in data contributor"
            | "00000000-0000-0000-0000-000000000002" => Ok(Wanted::Data(DataRole::Contributor)),
            "owner" | "contributor" | "reader" => Err(Error::usage(format!(
                "{text} opens no item and is more than Cosmos DB needs; there are data-reader, data-contributor, account-contributor, operator and account-reader"
            ))),
            "" => Err(Error::usage("--role is empty")),
            _ if is_guid(text) => Ok(Wanted::Data(DataRole::Custom(Name::new(text)?))),
            _ => Ok(Wanted::Named(text.to_string())),
        }
    }

    /// The data role; one by name is looked up.
    pub fn found(self, session: &Session, account: &arm::Account) -> Result<DataRole, Error> {
        match self {
            Wanted::Data(role) => Ok(role),
            Wanted::Named(name) => data_role_named(session, account, &name).map(DataRole::Custom),
            Wanted::Azure(role) => Err(Error::usage(format!("{} is no data role", role.name))),
        }
    }
}

/// Which planes are asked: data, arm, or both where it is not said.
fn planes(session: &Session) -> Result<(bool, bool), Error> {
    match session.settings.text("plane").as_deref() {
        None => Ok((true, true)),
        Some("data") => Ok((true, false)),
        Some("arm") => Ok((false, true)),
        Some(other) => Err(Error::usage(format!(
            "--plane {other} is not known: arm or data"
        ))),
    }
}

/// `self`, `all` or an object id; all where it is not said.
fn principal(session: &Session) -> Result<Option<Name>, Error> {
    match session.settings.text("principal").as_deref() {
        None | Some("all") => Ok(None),
        Some("self") => session.own_object_id().map(Some),
        Some(oid) => object_id(oid).map(Some),
    }
}

/// `role list [--plane data|arm] [--principal self|OID|all]`
pub fn list(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (data, azure) = planes(session)?;
    let principal = principal(session)?;
    let account = session.arm_account()?;
    let mut trailer = Trailer::default();
    let is_theirs = |item: &RawValue| principal.as_ref().is_none_or(|id| is_of(item, id));
    if data {
        let next = |next: &_| roles::list_next(&account, next);
        let list = (roles::list(&account), &next as _);
        some_rows(session, output, &mut trailer, list, &is_theirs)?;
    }
    if azure {
        let place = Place::parse(account.endpoint().clone(), account.id())?;
        let next = |next: &_| azure_roles::next(&place, next);
        let list = (azure_roles::list(&place, principal.as_ref()), &next as _);
        some_rows(session, output, &mut trailer, list, &is_theirs)?;
    }
    output.finish()?;
    session.say(&trailer.line());
    Ok(())
}

fn is_of(item: &RawValue, principal: &Name) -> bool {
    let found = text(item, "/properties/principalId");
    found.is_some_and(|id| id.eq_ignore_ascii_case(principal.as_str()))
}

fn text(item: &RawValue, pointer: &str) -> Option<String> {
    let item: Value = serde_json::from_str(item.get()).ok()?;
    item.pointer(pointer)?.as_str().map(str::to_string)
}

/// `role definitions [--plane data|arm]`: of the hundreds of Azure roles those that name Cosmos DB.
pub fn definitions(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let (data, azure) = planes(session)?;
    let account = session.arm_account()?;
    let mut trailer = Trailer::default();
    if data {
        let next = |next: &_| roles::definitions_next(&account, next);
        let list = (roles::definitions(&account), &next as _);
        some_rows(session, output, &mut trailer, list, &|_| true)?;
    }
    if azure {
        let place = Place::parse(account.endpoint().clone(), account.id())?;
        let next = |next: &_| azure_roles::next(&place, next);
        let list = (azure_roles::definitions(&place), &next as _);
        let names_us = |item: &RawValue| {
            item.get()
                .to_ascii_lowercase()
                .contains("microsoft.documentdb/")
        };
        some_rows(session, output, &mut trailer, list, &names_us)?;
    }
    output.finish()?;
    session.say(&trailer.line());
    Ok(())
}

/// The GUID of a data role by the name it was given.
fn data_role_named(session: &Session, account: &arm::Account, name: &str) -> Result<Name, Error> {
    let mut found = None;
    session.each_page(
        roles::definitions(account),
        &|next| roles::definitions_next(account, next),
        &mut |page| {
            let mut items = page.value.items.iter();
            found = items.find_map(|item| {
                let role = text(item, "/properties/roleName")?;
                let same = role.eq_ignore_ascii_case(name);
                same.then(|| text(item, "/name"))?
            });
            Ok(if found.is_some() {
                Flow::Stop
            } else {
                Flow::Continue
            })
        },
    )?;
    let words: Vec<&str> = AZURE.iter().map(|(word, _)| *word).collect();
    let words = words.join(", ");
    Name::new(found.ok_or_else(|| {
        Error::usage(format!(
            "the account has no data role {name:?}, and there are data-reader, data-contributor, {words}: see rawcosmos role definitions"
        ))
    })?)
}

/// An object id is a GUID: anything else would be waited for as if it were about to appear.
pub fn object_id(text: &str) -> Result<Name, Error> {
    if is_guid(text) {
        return Name::new(text);
    }
    Err(Error::usage(format!(
        "the principal {text:?} is no object id: self, or a GUID as whoami shows it"
    )))
}
