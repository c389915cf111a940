//! Tokens of the identities: for which audience, from when, until when, and what can be wrong with them.

use super::identities::{Identity, machine, resource_id};
use super::troubles::Trouble;
use crate::sandbox::token::{self, Claims};
use crate::sandbox::world::World;

const BACKDATED: i64 = 5 * 60;
const HOUR: i64 = 60 * 60;
/// A tenant that has nothing to do with the account.
const OTHER_TENANT: &str = "5a0db0c5-0000-4000-8000-0000000000f2";

/// A token and what it says.
pub(in crate::sandbox) struct Token {
    pub(in crate::sandbox) text: String,
    pub(in crate::sandbox) claims: Claims,
}

impl Token {
    /// How many seconds it still lasts.
    pub(in crate::sandbox) fn left(&self, now: i64) -> i64 {
        (self.claims.exp - now).max(0)
    }
}

/// A token of an identity for a resource; `None` where the tenant has never heard of the resource.
pub(in crate::sandbox) fn give(
    world: &mut World,
    identity: &Identity,
    resource: &str,
    now: i64,
) -> Option<Token> {
    let other = counterpart(world, resource)?;
    let audience = match world.wrong_audience {
        true => other,
        false => resource.to_owned(),
    };
    Some(issue(world, identity, audience, now))
}

/// For a resource the tenant knows, one of the other plane.
fn counterpart(world: &World, resource: &str) -> Option<String> {
    let cloud = world.cloud;
    let bare = resource.strip_suffix('/').unwrap_or(resource);
    let (common, own) = (
        format!("https://{}", cloud.cosmos),
        format!("https://{}.{}", world.account, cloud.suffix),
    );
    match bare.to_ascii_lowercase() {
        arm if arm == cloud.arm || arm == cloud.legacy_arm => Some(common),
        data if data == common || data == own => Some(cloud.arm.to_owned()),
        _ => None,
    }
}

/// The token given out before as long as it lasts, as the machine's own cache does.
fn issue(world: &mut World, identity: &Identity, audience: String, now: i64) -> Token {
    let key = (identity.object_id.to_owned(), audience.clone());
    let kept = world
        .tokens
        .get(&key)
        .and_then(|text| Some((text.clone(), token::verify(text)?)));
    if let Some((text, claims)) = kept
        && (claims.nbf..claims.exp - BACKDATED).contains(&now)
    {
        return Token { text, claims };
    }
    let claims = claims(world, identity, audience, now);
    let text = token::mint(&claims);
    world.tokens.insert(key, text.clone());
    Token { text, claims }
}

fn claims(world: &World, identity: &Identity, aud: String, now: i64) -> Claims {
    let (xms_mirid, xms_az_rid) = whose(world, identity);
    let state = &world.identity;
    let tid = match state.has(Trouble::TokenOtherTenant) {
        true => OTHER_TENANT,
        false => &world.tenant,
    };
    let lifetime = state.host.lifetime();
    let start = match (
        state.has(Trouble::TokenExpired),
        state.has(Trouble::TokenFuture),
    ) {
        (true, _) => now - lifetime - 2 * BACKDATED,
        (_, true) => now + HOUR,
        _ => now - BACKDATED,
    };
    Claims {
        aud,
        oid: identity.object_id.to_owned(),
        appid: identity.client_id.to_owned(),
        tid: tid.to_owned(),
        iat: start,
        nbf: start,
        exp: start + BACKDATED + lifetime,
        xms_mirid,
        xms_az_rid,
    }
}

/// `xms_mirid` and `xms_az_rid`. A federated token comes from no machine.
fn whose(world: &World, identity: &Identity) -> (String, Option<String>) {
    let machine = machine(world);
    let federated = world.identity.host == crate::sandbox::host::Host::Aks;
    match identity.name {
        None => (machine, None),
        Some(name) => (
            resource_id(world, name),
            Some(machine).filter(|_| !federated),
        ),
    }
}
