//! `grant` of an Azure role: a role of ARM, given on the account, its group or the subscription.

use serde_json::value::RawValue;

use super::confirm;
use super::grant::patiently;
use crate::arm::azure_roles::{self, Grant, Place, Role};
use crate::arm::roles::name_if_same;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::name::Name;

/// Seconds between two looks whether ARM lists what it has just accepted.
const WAITS: [u64; 5] = [1, 2, 4, 8, 15];

/// What was asked for, checked as far as it can be before anything is sent.
pub struct Asked {
    role: Role,
    kind: &'static str,
    /// `None` is the account itself.
    place: Option<Place>,
}

impl Asked {
    /// From `--principal-type` and `--scope`.
    pub fn new(session: &Session, role: Role, scope: &str) -> Result<Asked, Error> {
        const KINDS: [&str; 3] = ["ServicePrincipal", "User", "Group"];
        let kind = session.settings.text("principal-type");
        let kind = kind.unwrap_or(KINDS[0].into());
        let found = KINDS.iter().find(|known| known.eq_ignore_ascii_case(&kind));
        let kind = found.ok_or_else(|| {
            let known = KINDS.join(", ");
            Error::Usage(format!("--principal-type {kind} is not known: {known}"))
        })?;
        let place = match scope {
            "/" => None,
            id => Some(Place::parse(session.arm()?, id)?),
        };
        Ok(Asked { role, kind, place })
    }

    /// Gives the role, or takes it back.
    pub fn run(self, session: &Session, output: &mut Output, principal: Name) -> Result<(), Error> {
        let place = match self.place {
            Some(place) => place,
            None => {
                let account = session.arm_account()?;
                Place::parse(account.endpoint().clone(), account.id())?
            }
        };
        let grant = Grant {
            role: self.role,
            principal,
            kind: self.kind,
            place,
        };
        match session.settings.on("revoke") {
            true => revoke(session, &grant),
            false => give(session, output, &grant),
        }
    }
}

/// That it is given already, under whatever name, is what was wanted.
fn give(session: &Session, output: &mut Output, grant: &Grant) -> Result<(), Error> {
    let call = azure_roles::assign(grant);
    match patiently(session, &|| session.run(&call).map(|_| ())) {
        Ok(()) => {}
        Err(e)
            if e.failure()
                .is_some_and(|f| f.code == "RoleAssignmentExists") =>
        {
            session.say("it is given already");
        }
        Err(e) => return Err(e),
    }
    for wait in WAITS {
        if let Some((_, assignment)) = find(session, grant)? {
            output.one(&assignment)?;
            session
                .say("ARM knows the role; where it was not given before, it works in some minutes");
            return Ok(());
        }
        session.client.rest(std::time::Duration::from_secs(wait))?;
    }
    let principal = &grant.principal;
    Err(Error::Unfinished(format!(
        "ARM accepted the role and does not list it yet: rawcosmos role list --plane arm --principal {principal} tells when it does"
    )))
}

/// The assignment among those of the principal, and its name.
fn find(session: &Session, grant: &Grant) -> Result<Option<(String, Box<RawValue>)>, Error> {
    let (place, role, principal) = (&grant.place, grant.role.guid, &grant.principal);
    let mut found = None;
    session.each_page(
        azure_roles::list(place, Some(principal)),
        &|next| azure_roles::next(place, next),
        &mut |page| {
            found = page.value.items.into_iter().find_map(|item| {
                let name = name_if_same(&item, role, principal, place.id())?;
                Some((name, item))
            });
            Ok(if found.is_some() {
                Flow::Stop
            } else {
                Flow::Continue
            })
        },
    )?;
    Ok(found)
}

fn revoke(session: &Session, grant: &Grant) -> Result<(), Error> {
    let (role, principal) = (grant.role.name, &grant.principal);
    confirm(
        session,
        &format!("take the role {role} back from {principal}"),
    )?;
    let guid = match session.is_rehearsal() {
        true => grant.guid(),
        false => match find(session, grant)? {
            Some((name, _)) => name,
            // Its refusal says that there is none.
            None => session
                .run(&azure_roles::show(&grant.place, &grant.guid())?)
                .map(|_| grant.guid())?,
        },
    };
    session.run(&azure_roles::revoke(&grant.place, &guid)?)?;
    session.say("taken back");
    Ok(())
}
