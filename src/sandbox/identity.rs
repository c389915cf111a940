//! The identity endpoint of the host, whichever it is, and what can be wrong with it.

pub(super) mod aadsts;
mod aci;
mod app_service;
mod arc;
mod entra;
mod folder;
pub mod identities;
pub(super) mod odd;
pub(super) mod query;
pub(super) mod tokens;
mod troubles;

use std::io;
use std::time::Duration;

use time::OffsetDateTime;

pub use arc::Keys;
pub use folder::Folder;
pub use odd::Odd;
pub use troubles::{Lure, Trouble};

use super::host::Host;
use super::http::{Request, Response};
use super::imds;
use super::secrets::{guid, secret};
use super::world::World;

/// The folder of Arc's keys, one for files that are none, and the file of the pod's token, all in the host's own folder.
pub(super) const KEYS: &str = "tokens";
const ELSEWHERE: &str = "elsewhere";
pub(super) const ASSERTION: &str = "azure-identity-token";
/// How long a silent endpoint says nothing before it hangs up.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// What the host has besides its identities.
#[derive(Debug, Default)]
pub struct State {
    /// Which host it is.
    pub host: Host,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
    /// The secret of App Service's endpoint.
    pub header: String,
    /// Where its files are, if it has any.
    pub folder: Option<Folder>,
    /// Keys of Arc.
    pub keys: Keys,
    /// The token of the pod's service account.
    pub assertion: String,
}

impl State {
    /// Whether this is wrong.
    pub fn has(&self, trouble: Trouble) -> bool {
        self.troubles.contains(&trouble)
    }

    /// Makes something wrong.
    pub fn add(&mut self, trouble: Trouble) {
        self.troubles.push(trouble);
    }
}

/// The names of all troubles.
pub(super) fn troubles() -> impl Iterator<Item = &'static &'static str> {
    troubles::TROUBLES.iter().map(|(name, _)| name)
}

/// Makes wrong what has that name, if anything has; what was given out before is forgotten.
pub(super) fn disturb(world: &mut World, name: &str) -> bool {
    let trouble = troubles::named(name);
    if let Some(trouble) = trouble {
        world.identity.add(trouble);
        world.tokens.clear();
    }
    trouble.is_some()
}

/// Gives the host its secrets and its files.
pub(super) fn prepare(world: &mut World, now: OffsetDateTime) -> io::Result<()> {
    world.identity.header = secret();
    match world.identity.host {
        Host::Arc => {
            let folder = Folder::create()?;
            folder.inner(KEYS)?;
            folder.inner(ELSEWHERE)?;
            world.identity.folder = Some(folder);
        }
        Host::Aks => {
            world.identity.folder = Some(Folder::create()?);
            entra::write(world, now.unix_timestamp())?;
        }
        _ => {}
    }
    Ok(())
}

/// Whether the request gets no answer at all; pods are kept from the metadata service that way.
pub(super) fn is_silent(world: &World, request: &Request) -> bool {
    let blocked = world.identity.host == Host::Aks && request.path().starts_with("/metadata");
    blocked || world.identity.has(Trouble::Silent)
}

/// Answers one request.
pub fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    let mut troubles = world.identity.troubles.iter();
    if let Some(answer) = troubles.find_map(|trouble| trouble.impostor()) {
        return answer;
    }
    let stripped = world.identity.has(Trouble::HeaderLost).then(|| {
        let mut request = request.clone();
        let kept = |(name, _): &(String, String)| !name.eq_ignore_ascii_case("Metadata");
        request.headers.retain(kept);
        request
    });
    let request = stripped.as_ref().unwrap_or(request);
    match world.identity.host {
        Host::AppService => app_service::handle(world, request, now),
        Host::Arc => arc::handle(world, request, now),
        Host::Aks => entra::handle(world, request, now),
        Host::Aci => aci::handle(world, request, now),
        Host::Vm | Host::VmUser | Host::VmBoth | Host::None => imds::handle(world, request, now),
    }
}

/// The answer of an endpoint in a bad state, in the host's own form.
pub(super) fn refuse(
    world: &mut World,
    status: u16,
    (error, text): (&'static str, &str),
) -> Response {
    let plain = || match status {
        410 => Response::empty(410),
        _ => imds::complaint::error(status, error, text),
    };
    let now = OffsetDateTime::now_utc().unix_timestamp() + world.skew;
    match world.identity.host {
        Host::AppService => app_service::fail(world, status, text),
        Host::Aks => aadsts::refuse(world, (status, error, 90_033), TRANSIENT, now),
        Host::Arc | Host::Aci => plain(),
        _ => {
            let id = guid(world);
            imds::signed(plain(), id)
        }
    }
}

const TRANSIENT: &str = "A transient error has occurred. Please try again.";

/// Nothing is there.
fn absent() -> Response {
    Response::empty(404)
}

#[cfg(test)]
mod tests;
