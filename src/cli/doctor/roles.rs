//! What we may do: the Azure roles that ARM goes by, and the data roles that the data plane goes by.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Doctor;
use super::account::unnamed;
use super::finding::{Finding, State, notice, of_error, ok, skip};
use crate::arm::azure_roles::{self, ACCOUNT_CONTRIBUTOR, ACCOUNT_READER, OPERATOR, Place};
use crate::arm::{self, databases, roles};
use crate::cli::session::Session;
use crate::cosmos::{self, Paging};
use crate::error::{Error, Failure};
use crate::exchange::pages::Flow;
use crate::message::{Call, Next, Page};

/// Roles by the last part of their ids, the Azure ones that give more than an account needs first.
#[rustfmt::skip]
const NAMES: [(&str, &str); 9] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    (ACCOUNT_CONTRIBUTOR.guid, ACCOUNT_CONTRIBUTOR.name),
    (OPERATOR.guid, OPERATOR.name),
    (ACCOUNT_READER.guid, ACCOUNT_READER.name),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
    ("00000000-0000-0000-0000-000000000001", "data-reader"),
    ("00000000-0000-0000-0000-000000000002", "data-contributor"),
];

const WIDE: usize = 3;

/// A role that is held, and where.
struct Held {
    role: String,
    scope: String,
}

impl Held {
    fn read(item: &RawValue, principal: &str) -> Option<Held> {
        let item: Value = serde_json::from_str(item.get()).ok()?;
        let text = |name: &str| item.pointer(&format!("/properties/{name}"))?.as_str();
        let guid = text("roleDefinitionId")?.rsplit('/').next()?;
        let known = NAMES.iter().find(|(id, _)| id.eq_ignore_ascii_case(guid));
        let held = Held {
            role: known.map_or(guid, |(_, name)| name).to_string(),
            scope: text("scope")?.to_string(),
        };
        text("principalId")?
            .eq_ignore_ascii_case(principal)
            .then_some(held)
    }

    fn is_wide(&self) -> bool {
        let mut wide = NAMES.iter().take(WIDE);
        wide.any(|(_, name)| self.role == *name)
    }

    /// The scope in short: what stands behind the account's id, or how far above it it is.
    fn place(&self) -> String {
        let parts: Vec<&str> = self.scope.trim_matches('/').split('/').collect();
        match (parts.len(), self.scope.find("/dbs/")) {
            (_, Some(at)) => self.scope.get(at..).unwrap_or_default().to_string(),
            (0..=2, _) => "the subscription".to_string(),
            (3..=4, _) => "the group".to_string(),
            _ => "the account".to_string(),
        }
    }
}

fn listed(held: &[Held]) -> String {
    let each = held
        .iter()
        .map(|held| format!("{} on {}", held.role, held.place()));
    each.collect::<Vec<_>>().join(", ")
}

type NextCall<'a> = &'a dyn Fn(&Next) -> Result<Call<Page>, Error>;

/// Those of a list that are ours.
fn own(session: &Session, list: Call<Page>, next: NextCall) -> Result<Vec<Held>, Error> {
    let principal = session.known.borrow().principal.clone().unwrap_or_default();
    let mut found = Vec::new();
    session.each_page(list, next, &mut |page| {
        let items = page.value.items.iter();
        found.extend(items.filter_map(|item| Held::read(item, &principal)));
        Ok(Flow::Continue)
    })?;
    Ok(found)
}

// ---- Azure roles

/// Which Azure roles we have at the account and above it. A refusal is no failure: items need nothing of ARM.
pub fn azure(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if let Some(other) = doctor.without_arm().or_else(|| unnamed(doctor)) {
        return Ok(skip(other));
    }
    let account = match session.arm_account() {
        Err(error) if error.is_status(403) => return Ok(of_error(session, State::Warn, &error)),
        account => account?,
    };
    let held = match azure_held(session, &account) {
        Err(error) if error.is_status(403) => Vec::new(),
        held => held?,
    };
    if let Some(wide) = held.iter().find(|held| held.is_wide()) {
        let words = format!("wider than needed: role [{}]", wide.role);
        return Ok(notice(session, State::Warn, 0, &words).and(&listed(&held)));
    }
    match session.run(&databases::list(&account)) {
        Ok(_) if held.is_empty() => Ok(ok("databases may be read, by a role of a group's")),
        Ok(_) => Ok(ok(listed(&held))),
        Err(error) if error.is_status(403) => {
            Ok(of_error(session, State::Warn, &error).and(&listed(&held)))
        }
        Err(error) => Err(error),
    }
}

fn azure_held(session: &Session, account: &arm::Account) -> Result<Vec<Held>, Error> {
    let place = Place::parse(account.endpoint().clone(), account.id())?;
    let principal = session.own_object_id()?;
    let list = azure_roles::list(&place, Some(&principal));
    own(session, list, &|next| azure_roles::next(&place, next))
}

// ---- Data roles

/// A role is missing, or does not reach so far up: the token itself was taken.
pub fn lacks_role(error: &Error) -> bool {
    error.failure().is_some_and(Failure::lacks_data_role)
}

pub fn is_named(session: &Session, option: &'static str) -> bool {
    session.settings.text(option).is_some()
}

/// What the data role covers, from the whole account down to the container; and what ARM says we hold.
pub fn data(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if session.has_key() {
        return Ok(ok("an account key needs none"));
    }
    let held = data_held(doctor);
    let told = match &held {
        None => String::new(),
        Some(held) if held.is_empty() => "ARM lists none of its own".to_string(),
        Some(held) => format!("ARM lists {}", listed(held)),
    };
    match covered(session) {
        Ok(what) => Ok(ok(what).and(&told)),
        Err(error) if lacks_role(&error) => {
            let narrow = is_elsewhere(session, &held.unwrap_or_default());
            let state = if narrow { State::Warn } else { State::Fail };
            Ok(of_error(session, state, &error).and(&told))
        }
        Err(error) => Err(error),
    }
}

/// What the data plane grants, from wide to narrow: the account itself may be read with a role of any scope.
fn covered(session: &Session) -> Result<&'static str, Error> {
    let account = session.account()?;
    let refused = match session.run(&cosmos::databases::list(&account, &Paging::default())) {
        Ok(_) => return Ok("it covers the account"),
        Err(error) => error,
    };
    if !lacks_role(&refused) || !is_named(session, "database-name") {
        return Err(refused);
    }
    let database = account.database(&session.database()?);
    let refused = match session.run(&cosmos::databases::read(&database)) {
        Err(error) if lacks_role(&error) => error,
        _ => return Ok("it covers the database"),
    };
    if !is_named(session, "container-name") {
        return Err(refused);
    }
    match session.run(&cosmos::containers::read(&session.container()?)) {
        Err(error) if lacks_role(&error) => Err(error),
        _ => Ok("it covers the container"),
    }
}

/// Whether there is a role for a database or container that nobody asked about.
fn is_elsewhere(session: &Session, held: &[Held]) -> bool {
    let listed = held.iter().any(|held| held.scope.contains("/dbs/"));
    let account = session.account();
    let known =
        || account.is_ok_and(|account| session.run(&cosmos::account::read(&account)).is_ok());
    !is_named(session, "container-name") && (listed || known())
}

/// Our data roles, where ARM lets them be read.
fn data_held(doctor: &Doctor) -> Option<Vec<Held>> {
    let readable = doctor.known("account")?.state == State::Ok;
    if !readable || doctor.without_arm().is_some() {
        return None;
    }
    let account = doctor.session.arm_account().ok()?;
    let next = |next: &Next| roles::list_next(&account, next);
    own(doctor.session, roles::list(&account), &next).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_role_is_told_by_its_name_and_its_place() {
        let account =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/a";
        for (guid, scope, told) in [
            (
                "8E3AF657-a8ff-443c-a75c-2fe8c4bcb635",
                "/subscriptions/s",
                "Owner on the subscription",
            ),
            (
                OPERATOR.guid,
                "/subscriptions/s/resourceGroups/g/",
                "Cosmos DB Operator on the group",
            ),
            ("some-guid", account, "some-guid on the account"),
            (
                "00000000-0000-0000-0000-000000000001",
                &format!("{account}/dbs/d/colls/c"),
                "data-reader on /dbs/d/colls/c",
            ),
        ] {
            let item = format!(
                r#"{{"properties":{{"roleDefinitionId":"/x/{guid}","principalId":"P","scope":"{scope}"}}}}"#
            );
            let item = RawValue::from_string(item).unwrap();
            let held = Held::read(&item, "p").unwrap();
            assert_eq!(listed(&[held]), told);
            assert!(Held::read(&item, "q").is_none());
        }
        let wide = NAMES.map(|(_, name)| {
            Held {
                role: name.into(),
                scope: String::new(),
            }
            .is_wide()
        });
        assert_eq!(wide.iter().filter(|wide| **wide).count(), WIDE);
    }
}
