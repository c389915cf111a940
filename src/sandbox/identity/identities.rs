//! Who there is: the identities of the tenant, and which of them a host has.

use super::query::Query;
use super::troubles::Trouble;
use crate::sandbox::host::Host;
use crate::sandbox::world::World;

/// An identity of the machine.
pub struct Identity {
    /// What `client_id` and `appid` say.
    pub client_id: &'static str,
    /// What `oid` says: the principal of a role assignment.
    pub object_id: &'static str,
    /// The name of a user-assigned identity; `None` for the machine's own.
    pub name: Option<&'static str>,
}

/// Every identity there is in the tenant, the machine's own one first.
pub const IDENTITIES: [Identity; 3] = [
    Identity {
        client_id: "5a0db0c5-0000-4000-8000-0000000000c1",
        object_id: "5a0db0c5-0000-4000-8000-0000000000a1",
        name: None,
    },
    Identity {
        client_id: "5a0db0c5-0000-4000-8000-0000000000c2",
        object_id: "5a0db0c5-0000-4000-8000-0000000000a2",
        name: Some("sandbox-identity"),
    },
    Identity {
        client_id: "5a0db0c5-0000-4000-8000-0000000000c3",
        object_id: "5a0db0c5-0000-4000-8000-0000000000a3",
        name: Some("sandbox-identity-2"),
    },
];

static ALL: [Identity; 3] = IDENTITIES;

/// By what a request can name an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum By {
    Client,
    Object,
    Resource,
}

/// What a request says about the identity it wants.
pub(in crate::sandbox) enum Asked<'a> {
    ForNone,
    For(By, &'a str),
    ForSeveral,
}

/// Reads those query variables that name an identity on this host.
pub(in crate::sandbox) fn asked<'a>(query: &'a Query, selectors: &[(&str, By)]) -> Asked<'a> {
    let mut sent = selectors
        .iter()
        .filter_map(|(name, by)| Some((*by, query.get(name)?)));
    match (sent.next(), sent.next()) {
        (None, _) => Asked::ForNone,
        (Some((by, value)), None) => Asked::For(by, value),
        _ => Asked::ForSeveral,
    }
}

/// The identities of the host, its own one first.
pub(in crate::sandbox) fn assigned(world: &World) -> &'static [Identity] {
    let range = match (world.no_identity, world.two_identities, world.identity.host) {
        (true, ..) | (.., Host::None) => 0..0,
        (_, true, _) => 1..3,
        (.., Host::Vm) => 0..1,
        (.., Host::VmUser | Host::Aks) => 1..2,
        _ => 0..2,
    };
    ALL.get(range).unwrap_or_default()
}

/// The identity that belongs to the host itself, if it has one.
pub(in crate::sandbox) fn own(world: &World) -> Option<&'static Identity> {
    assigned(world)
        .iter()
        .find(|identity| identity.name.is_none())
}

/// The host's identity of that id.
pub(in crate::sandbox) fn find(world: &World, by: By, value: &str) -> Option<&'static Identity> {
    let is = |identity: &&Identity| {
        let id = id(world, identity, by);
        id.is_some_and(|id| id.eq_ignore_ascii_case(value))
    };
    assigned(world).iter().find(is)
}

/// An identity's id of one kind; the host's own identity has no resource id.
pub(in crate::sandbox) fn id(world: &World, identity: &Identity, by: By) -> Option<String> {
    match by {
        By::Client => Some(identity.client_id.to_owned()),
        By::Object => Some(identity.object_id.to_owned()),
        By::Resource => identity.name.map(|name| resource_id(world, name)),
    }
}

/// Who answers where this one was asked for: somebody else, if that is what is wrong.
pub(in crate::sandbox) fn answering(world: &World, wanted: &'static Identity) -> &'static Identity {
    let else_one = |other: &&Identity| other.client_id != wanted.client_id;
    match world.identity.has(Trouble::IdentityOther) {
        true => ALL.iter().find(else_one).unwrap_or(wanted),
        false => wanted,
    }
}

/// The ARM id of a user-assigned identity.
pub(in crate::sandbox) fn resource_id(world: &World, name: &str) -> String {
    format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
        group(world)
    )
}

/// The ARM id of the resource group.
fn group(world: &World) -> String {
    format!(
        "/subscriptions/{}/resourcegroups/{}",
        world.subscription, world.resource_group
    )
}

/// The ARM id of the host as the claims of a token spell it.
pub(in crate::sandbox) fn machine(world: &World) -> String {
    format!(
        "{}/providers/{}",
        group(world),
        world.identity.host.resource()
    )
}
