//! States of the management plane, of the account and of the way to it.

use serde_json::json;

use crate::sandbox::azure::NOBODY;
use crate::sandbox::world::World;

/// Those that last; see [`set`].
pub const STATES: [&str; 22] = [
    "no-arm-role",
    "policy",
    "locked",
    "provider-unregistered",
    "poll-refused",
    "operation-elsewhere",
    "operation-relative",
    "api-version-old",
    "no-capacity",
    "account-creating",
    "account-failed",
    "no-account",
    "serverless",
    "local-auth-disabled",
    "metadata-writes-disabled",
    "firewall",
    "private-endpoint",
    "nsp",
    "no-dns",
    "no-arm",
    "no-cosmos",
    "tls-inspection",
];

/// Puts the world into a state, or says that it is not one of these.
pub fn set(world: &mut World, state: &'static str) -> bool {
    match state {
        "policy"
        | "locked"
        | "provider-unregistered"
        | "poll-refused"
        | "operation-elsewhere"
        | "operation-relative"
        | "api-version-old"
        | "no-capacity" => {
            world.azure.troubles.insert(state);
        }
        "no-arm-role" => world.azure.assignments.clear(),
        "account-creating" | "account-failed" | "no-account" => make(world, state),
        "no-dns" | "no-arm" | "no-cosmos" | "tls-inspection" => lead(world, state),
        _ => return property(world, state),
    }
    true
}

/// An account that is not there, not there yet, or left behind by an attempt to make it.
fn make(world: &mut World, state: &str) {
    match (state, world.own_mut()) {
        ("account-creating", Some(own)) => own.state = "Creating",
        ("account-failed", Some(own)) => own.state = "Failed",
        _ => {
            world.azure.accounts.remove(&world.account);
        }
    }
    world.vacate();
}

fn property(world: &mut World, state: &str) -> bool {
    let (name, value) = match state {
        "serverless" => ("capabilities", json!([{"name": "EnableServerless"}])),
        "local-auth-disabled" => ("disableLocalAuth", json!(true)),
        "metadata-writes-disabled" => ("disableKeyBasedMetadataWriteAccess", json!(true)),
        // Addresses for documentation: no machine has them.
        "firewall" => ("ipRules", json!([{"ipAddressOrRange": "203.0.113.0/24"}])),
        "private-endpoint" => ("publicNetworkAccess", json!("Disabled")),
        "nsp" => ("publicNetworkAccess", json!("SecuredByPerimeter")),
        _ => return false,
    };
    if let Some(own) = world.own_mut() {
        own.set(name, value);
    }
    true
}

/// Changes what clients are told of the addresses; the listeners stay where they are.
fn lead(world: &mut World, state: &str) {
    let port = world.cosmos.rsplit(':').next().unwrap_or_default();
    match state {
        "no-arm" => world.arm = NOBODY.to_owned(),
        "no-cosmos" => world.cosmos = NOBODY.to_owned(),
        // A label has 63 letters at most: every resolver refuses this name before it asks anybody.
        "no-dns" => world.cosmos = format!("https://{}.invalid:{port}", "a".repeat(64)),
        // The sandbox speaks no TLS, so this shows a client whose handshake fails against something that answers
        // in another way, as behind a proxy that means well; it cannot show a certificate of an unknown issuer.
        _ => world.cosmos = format!("https://127.0.0.1:{port}"),
    }
}

/// For so many writes, or for good, somebody else holds the account's lock.
pub fn busy(world: &mut World, count: Option<u32>) {
    world.azure.busy = count.unwrap_or(u32::MAX);
}
