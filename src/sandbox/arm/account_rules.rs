//! Which properties of an account go together.

use serde_json::Value;

use super::errors::{self, bad_request, missing};
use crate::sandbox::azure::{Account, addresses};
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

const LEVELS: [&str; 5] = [
    "Strong",
    "BoundedStaleness",
    "Session",
    "ConsistentPrefix",
    "Eventual",
];
const CAPABILITIES: [&str; 3] = [
    "EnableServerless",
    "EnableNoSQLVectorSearch",
    "EnableNoSQLFullTextSearch",
];
const OTHER_KINDS: [&str; 4] = [
    "EnableCassandra",
    "EnableTable",
    "EnableGremlin",
    "EnableMongo",
];
/// What depends on more than one property, on what is there, or on other accounts.
pub(super) fn judge(
    world: &mut World,
    account: &Account,
    there: Option<&Account>,
) -> Result<(), Response> {
    capabilities(account)?;
    let sentence = complaint(world, account, there);
    match sentence {
        Some(sentence) => Err(bad_request(world, &sentence)),
        None => Ok(()),
    }
}

fn capabilities(account: &Account) -> Result<(), Response> {
    let all = account
        .properties
        .get("capabilities")
        .and_then(Value::as_array);
    for each in all.into_iter().flatten() {
        let name = each.get("name").and_then(Value::as_str);
        match name.ok_or_else(|| missing("properties.capabilities.name"))? {
            name if CAPABILITIES.contains(&name) => {}
            name if OTHER_KINDS.contains(&name) => return Err(other_kind()),
            name => {
                let message = format!("The capability '{name}' is not known.");
                return Err(errors::provider(400, "BadRequest", &message));
            }
        }
    }
    Ok(())
}

fn complaint(world: &World, account: &Account, there: Option<&Account>) -> Option<String> {
    let (free, serverless) = (
        account.flag("enableFreeTier"),
        account.can("EnableServerless"),
    );
    let other_free = |other: &Account| other.name != account.name && other.flag("enableFreeTier");
    let changed =
        |name: &str| format!("{name} can be chosen when the account is created and not later.");
    let level = account
        .properties
        .get("consistencyPolicy")?
        .get("defaultConsistencyLevel");
    let level = level.and_then(Value::as_str).unwrap_or_default();
    if !LEVELS.contains(&level) {
        return Some(format!("The consistency level '{level}' is invalid."));
    }
    if bad_rule(account) {
        return Some("The ipRules are invalid: each has an ipAddressOrRange, an IPv4 address or a range in CIDR form.".into());
    }
    if free && serverless {
        return Some("Free tier is not supported for serverless accounts.".into());
    }
    if free && world.azure.accounts.values().any(other_free) {
        return Some("Free tier has already been applied to another Azure Cosmos DB account in this subscription.".into());
    }
    match there {
        Some(there) if there.flag("enableFreeTier") != free => Some(changed("Free tier")),
        Some(there) if there.can("EnableServerless") != serverless => {
            Some(changed("EnableServerless"))
        }
        _ => None,
    }
}

fn bad_rule(account: &Account) -> bool {
    let rules = account.properties.get("ipRules").and_then(Value::as_array);
    let rules = rules.into_iter().flatten();
    rules.map(addresses::block).any(|block| block.is_none())
}

/// Accounts of other interfaces than this one.
pub(super) fn other_kind() -> Response {
    errors::unsupported("The sandbox has accounts for NoSQL alone.")
}
