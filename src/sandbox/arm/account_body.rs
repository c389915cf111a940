//! What a request may say of an account, and what it may not change.

use serde_json::{Map, Value, json};

use super::account_rules;
use super::call::Call;
use super::errors::{self, bad_request, missing};
use super::regions::{self, location, plain};
use crate::sandbox::azure::Account;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// What the value of a property has to be.
pub(super) enum Kind {
    Flag,
    List,
    Object,
    Text,
    OneOf(&'static [&'static str]),
}

/// Properties that a request sets, with the first version that knows them; others are passed over.
#[rustfmt::skip]
pub(super) const SETTABLE: &[(&str, &str, Kind)] = &[
    ("publicNetworkAccess", "", Kind::OneOf(&["Enabled", "Disabled", "SecuredByPerimeter"])),
    ("enableAutomaticFailover", "", Kind::Flag),
    ("enableMultipleWriteLocations", "", Kind::Flag),
    ("isVirtualNetworkFilterEnabled", "", Kind::Flag),
    ("virtualNetworkRules", "", Kind::List),
    ("disableKeyBasedMetadataWriteAccess", "", Kind::Flag),
    ("enableFreeTier", "", Kind::Flag),
    ("enableAnalyticalStorage", "", Kind::Flag),
    ("defaultIdentity", "", Kind::Text),
    ("networkAclBypass", "", Kind::OneOf(&["None", "AzureServices"])),
    ("networkAclBypassResourceIds", "", Kind::List),
    ("disableLocalAuth", "2021-06-15", Kind::Flag),
    ("minimalTlsVersion", "2022-11-15", Kind::OneOf(&["Tls", "Tls11", "Tls12"])),
    ("consistencyPolicy", "", Kind::Object),
    ("backupPolicy", "", Kind::Object),
    ("capacity", "", Kind::Object),
    ("cors", "", Kind::List),
    ("capabilities", "", Kind::List),
    ("ipRules", "", Kind::List),
];

/// The account a `PUT` asks for: what it does not say is as in a new one.
pub(super) fn put(
    world: &mut World,
    call: &Call<'_>,
    there: Option<&Account>,
) -> Result<Account, Response> {
    let body = call.body()?;
    let location = place(world, call, &body, there)?;
    let Some(Value::Object(properties)) = body.get("properties") else {
        return Err(missing("properties"));
    };
    if properties.get("databaseAccountOfferType") != Some(&json!("Standard")) {
        return Err(missing("properties.databaseAccountOfferType"));
    }
    kind(&body)?;
    let region = locations(world, properties, there)?;
    let (name, group) = (call.name("databaseaccounts"), call.name("resourcegroups"));
    let mut account = Account::new(name, group);
    (account.location, account.region) = (location, region);
    if let Some(there) = there {
        account = Account {
            properties: account.properties,
            tags: Map::new(),
            ..there.clone()
        };
    }
    fill(call, &mut account, &body, properties)?;
    account_rules::judge(world, &account, there)?;
    Ok(account)
}

/// The account a `PATCH` asks for: what it does not say stays.
pub(super) fn patch(
    world: &mut World,
    call: &Call<'_>,
    there: &Account,
) -> Result<Account, Response> {
    let body = call.body()?;
    if body.contains_key("location") {
        place(world, call, &body, Some(there))?;
    }
    let nothing = Map::new();
    let properties = match body.get("properties") {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(properties)) => properties,
        Some(_) => return Err(missing("properties")),
    };
    if properties.contains_key("locations") {
        locations(world, properties, Some(there))?;
    }
    let mut account = there.clone();
    fill(call, &mut account, &body, properties)?;
    account_rules::judge(world, &account, Some(there))?;
    Ok(account)
}

fn place(
    world: &World,
    call: &Call<'_>,
    body: &Map<String, Value>,
    there: Option<&Account>,
) -> Result<String, Response> {
    let sent = location(body)?;
    let place = plain(sent);
    match there {
        Some(there) if place != there.location => {
            let message = format!(
                "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name cannot be created in location '{sent}'. Please select a new resource name.",
                there.name,
                there.location,
                call.name("resourcegroups")
            );
            Err(errors::front(409, "InvalidResourceLocation", &message))
        }
        _ if regions::is_known(world, &place) => Ok(place),
        _ => {
            let message = format!(
                "The provided location '{sent}' is not available for resource type 'Microsoft.DocumentDB/databaseAccounts'. List of available regions for the resource type is '{}'.",
                regions::all(world)
            );
            let code = "LocationNotAvailableForResourceType";
            Err(errors::front(400, code, &message))
        }
    }
}

fn kind(body: &Map<String, Value>) -> Result<(), Response> {
    match body.get("kind").map(Value::as_str) {
        None | Some(Some("GlobalDocumentDB")) => Ok(()),
        Some(Some("MongoDB" | "Parse")) => Err(account_rules::other_kind()),
        Some(_) => Err(missing("kind")),
    }
}

/// The one region the account is to be in.
fn locations(
    world: &mut World,
    properties: &Map<String, Value>,
    there: Option<&Account>,
) -> Result<String, Response> {
    let all = properties.get("locations").and_then(Value::as_array);
    let mut regions = Vec::new();
    for each in all.into_iter().flatten() {
        regions.push(region(world, each)?);
    }
    let capabilities = properties.get("capabilities").map(Value::to_string);
    let serverless = capabilities.is_some_and(|all| all.contains("\"EnableServerless\""));
    match regions.as_slice() {
        [] => Err(missing("properties.locations")),
        [one] if there.is_none_or(|there| there.region == *one) => Ok(one.clone()),
        [_, _, ..] if serverless => Err(bad_request(
            world,
            "Serverless accounts can have one region only.",
        )),
        _ => Err(errors::unsupported(
            "An account of the sandbox has one region and stays there.",
        )),
    }
}

fn region(world: &mut World, location: &Value) -> Result<String, Response> {
    let named = location.get("locationName").and_then(Value::as_str);
    let named = named.ok_or_else(|| missing("properties.locations.locationName"))?;
    let priority = location.get("failoverPriority");
    if priority.is_some_and(|priority| priority.as_u64().is_none()) {
        return Err(missing("properties.locations.failoverPriority"));
    }
    match regions::is_known(world, &plain(named)) {
        true => Ok(plain(named)),
        false => {
            let sentence = format!("The location '{named}' is not a region of Azure Cosmos DB.");
            Err(bad_request(world, &sentence))
        }
    }
}

fn fill(
    call: &Call<'_>,
    account: &mut Account,
    body: &Map<String, Value>,
    properties: &Map<String, Value>,
) -> Result<(), Response> {
    if let Some(tags) = body.get("tags") {
        account.tags = self::tags(tags)?;
    }
    if properties
        .get("createMode")
        .is_some_and(|mode| mode != "Default")
    {
        return Err(errors::unsupported("The sandbox restores no accounts."));
    }
    for (name, since, kind) in SETTABLE {
        match properties.get(*name) {
            Some(value) if !value.is_null() && *since <= call.version() => {
                check(name, kind, value)?;
                account.set(name, value.clone());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Tags are text by text.
pub(super) fn tags(sent: &Value) -> Result<Map<String, Value>, Response> {
    match sent {
        Value::Null => Ok(Map::new()),
        Value::Object(tags) if tags.len() <= 50 && tags.values().all(Value::is_string) => {
            Ok(tags.clone())
        }
        _ => Err(errors::front(
            400,
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: 'tags' are at most 50 strings by name.",
        )),
    }
}

fn check(name: &str, kind: &Kind, value: &Value) -> Result<(), Response> {
    let fits = match kind {
        Kind::Flag => value.is_boolean(),
        Kind::List => value.is_array(),
        Kind::Object => value.is_object(),
        Kind::Text => value.is_string(),
        Kind::OneOf(all) => value.as_str().is_some_and(|sent| all.contains(&sent)),
    };
    match fits {
        true => Ok(()),
        false => Err(missing(&format!("properties.{name}"))),
    }
}
