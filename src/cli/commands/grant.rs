//! `grant`: gives a role, waits until it works, and may be repeated.

use std::time::Duration;

use serde_json::value::RawValue;

use super::change::Change;
use super::role::{Wanted, object_id};
use super::{azure_grant, confirm};
use crate::arm::{
    self,
    roles::{Grant, name_if_same},
};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos;
use crate::error::{Error, Failure};
use crate::exchange::pages::Flow;
use crate::exchange::retry::{GRANT, History};
use crate::message::Call;
use crate::name::Name;

/// `grant --role ROLE [--principal self|OID] [--principal-type T] [--scope SCOPE] [--wait S] [--revoke]`
pub fn run(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let role = Wanted::role(&session.settings.required("role")?)?;
    let own = session
        .settings
        .text("principal")
        .filter(|principal| principal != "self");
    let asked = session.settings.text("scope").unwrap_or("/".into());
    let principal = || match &own {
        Some(oid) => object_id(oid),
        None => session.own_object_id(),
    };
    if let Wanted::Azure(role) = role {
        let asked = azure_grant::Asked::new(session, role, &asked)?;
        return asked.run(session, output, principal()?);
    }
    if !asked.to_ascii_lowercase().starts_with("/subscriptions/") {
        relative(&asked)?;
    }
    // What is only used once the grant is made must not be found wrong only then.
    patience(session)?;
    session.account()?;
    let principal = principal()?;
    let account = session.arm_account()?;
    let scope = scope(&asked, &account)?;
    let grant = Grant {
        role: role.found(session, &account)?,
        principal,
        scope,
    };
    if session.settings.on("revoke") {
        return revoke(session, &account, &grant);
    }
    give(session, &account, &grant)?;
    let show = arm::roles::show(&account, &grant.guid(&account))?;
    output.one(&session.run(&show)?.value)?;
    // Its own id counts as `self`: a printed command names it.
    let is_own = |id: Name| {
        let principal = grant.principal.as_str();
        id.as_str().eq_ignore_ascii_case(principal)
    };
    if own.is_none() || session.own_object_id().is_ok_and(is_own) {
        verify(session, &grant)?;
        session.say("the data plane knows the grant");
    }
    Ok(())
}

/// The grant as something that is made or taken back.
pub fn change<'a, 's>(
    session: &'a Session<'s>,
    account: &'a arm::Account,
    grant: &Grant,
) -> Result<Change<'a, 's>, Error> {
    let show = arm::roles::show(account, &grant.guid(account))?;
    Ok(grant_change(session, account, show))
}

fn grant_change<'a, 's>(
    session: &'a Session<'s>,
    account: &'a arm::Account,
    show: Call<Box<RawValue>>,
) -> Change<'a, 's> {
    let (what, look) = ("the grant", "rawcosmos role list --plane data");
    Change::new(session, account.endpoint(), show, what.into(), look.into())
}

/// Grants, and waits until ARM says that it is done.
pub fn give(session: &Session, account: &arm::Account, grant: &Grant) -> Result<(), Error> {
    let call = arm::roles::assign(account, grant);
    let change = change(session, account, grant)?;
    patiently(session, &|| {
        let started = session.run(&call)?;
        change.wait(&started.value, true)
    })
}

/// Grants again where that helps: a principal made a moment ago may not be known yet, and an operation may fail over the
/// lock that another change of the account holds.
pub fn patiently(session: &Session, give: &dyn Fn() -> Result<(), Error>) -> Result<(), Error> {
    let mut grant_history = History::default();
    loop {
        let given = give();
        let passing = given.as_ref().err().and_then(passing);
        match (GRANT.next(&grant_history, None), passing) {
            (Some(wait), Some(why)) => {
                session.say(&format!("{why}; again in {} s", wait.as_secs()));
                session.client.rest(wait)?;
                grant_history.add(wait);
            }
            _ => return given,
        }
    }
}

/// Why a grant was refused, if that passes. A lock that was said at once has been waited for already.
fn passing(error: &Error) -> Option<&'static str> {
    let failure = error.failure()?;
    let says = |text: &str| failure.message.contains(text);
    if says("was not found in the AAD tenant") || says("does not exist in the directory") {
        return Some("the principal is not known yet");
    }
    let locked = failure.status == 200 && says("exclusive lock");
    locked.then_some("another change of the account is running")
}

fn revoke(session: &Session, account: &arm::Account, grant: &Grant) -> Result<(), Error> {
    confirm(
        session,
        &format!("take the role back from {}", grant.principal),
    )?;
    let guid = name_of(session, account, grant)?;
    let show = arm::roles::show(account, &guid)?;
    let change = grant_change(session, account, show);
    let started = session.run(&arm::roles::revoke(account, &guid)?)?;
    change.wait(&started.value, false)?;
    session.say("taken back");
    Ok(())
}

/// What an existing grant is called: as we name it, or as somebody else did who made it.
fn name_of(session: &Session, account: &arm::Account, grant: &Grant) -> Result<String, Error> {
    let missing = match change(session, account, grant)?.must_be_there() {
        Err(e) if e.is_status(404) => e,
        other => return other.map(|()| grant.guid(account)),
    };
    let (role, principal) = (grant.role.guid(), &grant.principal);
    let scope = format!("{}{}", account.id(), grant.scope);
    let mut found = None;
    session.each_page(
        arm::roles::list(account),
        &|next| arm::roles::list_next(account, next),
        &mut |page| {
            let mut items = page.value.items.iter();
            found = items.find_map(|item| name_if_same(item, role, principal, &scope));
            Ok(if found.is_some() {
                Flow::Stop
            } else {
                Flow::Continue
            })
        },
    )?;
    found.ok_or(missing)
}

/// How many seconds the data plane is given to know a grant.
fn patience(session: &Session) -> Result<u64, Error> {
    Ok(session.settings.number("wait")?.unwrap_or(180))
}

/// Asks the data plane until it knows the grant: seconds as a rule, minutes at worst.
pub fn verify(session: &Session, grant: &Grant) -> Result<(), Error> {
    let limit = patience(session)?;
    let account = session.account()?;
    let probe = Probe::of(&account, &grant.scope)?;
    let clock = session.client.clock();
    let begun = clock.now();
    for wait in [1, 2, 5, 10, 15, 20]
        .into_iter()
        .chain(std::iter::repeat(30))
    {
        match probe.ask(session) {
            Ok(()) => return Ok(()),
            Err(e) if !e.failure().is_some_and(Failure::lacks_data_role) => {
                session.say("granted; what the data plane refuses is not about the role");
                return Err(e);
            }
            Err(e)
                if (clock.now() - begun).whole_seconds() + wait
                    > i64::try_from(limit).unwrap_or(i64::MAX) =>
            {
                session.say(
                    "granted; the data plane does not know it yet, which can take some minutes",
                );
                return Err(e);
            }
            Err(_) => session
                .client
                .rest(Duration::from_secs(wait.unsigned_abs()))?,
        }
    }
    Ok(())
}

/// What a grant of some scope may read without asking for more than it covers.
enum Probe {
    Account(cosmos::Account),
    Database(cosmos::Database),
    Container(cosmos::Container),
}

impl Probe {
    fn of(account: &cosmos::Account, scope: &str) -> Result<Probe, Error> {
        let names: Vec<&str> = scope.split('/').skip(1).collect();
        Ok(match names.as_slice() {
            ["dbs", database] => Probe::Database(account.database(&Name::new(*database)?)),
            ["dbs", database, "colls", container] => {
                let database = account.database(&Name::new(*database)?);
                Probe::Container(database.container(&Name::new(*container)?))
            }
            _ => Probe::Account(account.clone()),
        })
    }

    fn ask(&self, session: &Session) -> Result<(), Error> {
        let call = match self {
            Probe::Account(account) => cosmos::account::read(account),
            Probe::Database(database) => cosmos::databases::read(database),
            Probe::Container(container) => cosmos::containers::read(container),
        };
        match session.run(&call) {
            // A scope may be granted before what it names is there.
            Err(e) if e.is_status(404) => Ok(()),
            other => other.map(|_: crate::message::Answer<Box<serde_json::value::RawValue>>| ()),
        }
    }
}

/// A scope relative to the account: as it is, or behind the account's id.
fn scope(text: &str, account: &arm::Account) -> Result<String, Error> {
    let id = account.id();
    match text.get(..id.len()) {
        Some(start) if start.eq_ignore_ascii_case(id) => {
            relative(&format!("/{}", text.get(id.len()..).unwrap_or_default()))
        }
        _ => relative(text),
    }
}

/// `/`, `/dbs/D` or `/dbs/D/colls/C`, without a slash at its end. The widest scope is asked for in so many words: an
/// empty variable is no wish for it.
fn relative(text: &str) -> Result<String, Error> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] if text.is_empty() => Err(Error::usage("--scope is empty: / is the account")),
        [] => Ok(String::new()),
        ["dbs", _] | ["dbs", _, "colls", _] => Ok(format!("/{}", parts.join("/"))),
        _ => Err(Error::usage(format!(
            "the scope {text:?} is not /, /dbs/DATABASE or /dbs/DATABASE/colls/CONTAINER"
        ))),
    }
}
