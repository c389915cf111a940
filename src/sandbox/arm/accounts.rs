//! `databaseAccounts`: the one that is there, its keys, and where accounts may be.

use serde_json::{Value, json};

use super::call::Call;
use super::front::ok;
use super::{Answer, errors};
use crate::sandbox::LOCATION;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

const DISPLAY: &str = "West Europe";

/// The ARM id of the account.
pub(super) fn id(world: &World) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.DocumentDB/databaseAccounts/{}",
        world.subscription, world.resource_group, world.account
    )
}

pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&json!({"value": [document(world)]})),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn account(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&document(world)),
        "PUT" | "PATCH" | "DELETE" => Err(fixed()),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn fixed() -> Response {
    errors::unsupported(
        "The sandbox has one account, which can be neither made, changed nor deleted.",
    )
}

/// Neither a subscription nor a body: the status is the answer.
pub(super) fn name_exists(world: &World, call: &Call<'_>) -> Answer {
    let taken = call
        .name("databaseaccountnames")
        .eq_ignore_ascii_case(&world.account);
    match (call.method, taken) {
        ("HEAD", true) => Ok(Response::empty(200)),
        ("HEAD", false) => Ok(Response::empty(404)),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn action(world: &World, call: &Call<'_>) -> Answer {
    let words = call.words();
    match (call.method, words.last().copied().unwrap_or_default()) {
        ("POST", "listkeys") => ok(&keys(world)),
        ("POST" | "GET", "readonlykeys") => Err(errors::unsupported(
            "The sandbox's data plane has no keys that only read.",
        )),
        ("POST", "listconnectionstrings") => ok(&connection_strings(world)),
        ("POST", _) => Err(errors::unsupported(
            "The sandbox does not replace its keys.",
        )),
        _ => Err(call.wrong_method()),
    }
}

fn keys(world: &World) -> Value {
    json!({
        "primaryMasterKey": world.key,
        "secondaryMasterKey": world.key,
        "primaryReadonlyMasterKey": world.reading_key(2),
        "secondaryReadonlyMasterKey": world.reading_key(3),
    })
}

fn connection_strings(world: &World) -> Value {
    let string = format!(
        "AccountEndpoint={}/;AccountKey={};",
        world.cosmos, world.key
    );
    json!({"connectionStrings": [{
        "connectionString": string,
        "description": "Primary SQL Connection String",
        "keyKind": "Primary",
        "type": "Sql",
    }]})
}

pub(super) fn locations(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&json!({"value": [location_document(world)]})),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn location(world: &World, call: &Call<'_>, name: &str) -> Answer {
    match (call.method, name) {
        ("GET", LOCATION) => ok(&location_document(world)),
        ("GET", _) => {
            let message = format!("The location '{name}' is not known to the sandbox.");
            Err(errors::provider(404, "NotFound", &message))
        }
        _ => Err(call.wrong_method()),
    }
}

fn location_document(world: &World) -> Value {
    json!({
        "id": format!("/subscriptions/{}/providers/Microsoft.DocumentDB/locations/{LOCATION}", world.subscription),
        "name": DISPLAY,
        "type": "Microsoft.DocumentDB/locations",
        "properties": {
            "supportsAvailabilityZone": true,
            "isResidencyRestricted": false,
            "backupStorageRedundancies": ["Local", "Geo"],
            "isSubscriptionRegionAccessAllowedForRegular": true,
            "isSubscriptionRegionAccessAllowedForAz": true,
            "status": "Online",
        },
    })
}

fn document(world: &World) -> Value {
    let region = json!([{
        "id": format!("{}-{LOCATION}", world.account),
        "locationName": DISPLAY,
        "documentEndpoint": format!("{}/", world.cosmos),
        "provisioningState": "Succeeded",
        "failoverPriority": 0,
        "isZoneRedundant": false,
    }]);
    json!({
        "id": id(world),
        "name": world.account,
        "location": DISPLAY,
        "type": "Microsoft.DocumentDB/databaseAccounts",
        "kind": "GlobalDocumentDB",
        "tags": {},
        "systemData": {"createdAt": "2026-01-01T00:00:00.0000000Z"},
        "properties": {
            "provisioningState": "Succeeded",
            "documentEndpoint": format!("{}/", world.cosmos),
            "publicNetworkAccess": "Enabled",
            "enableAutomaticFailover": false,
            "enableMultipleWriteLocations": false,
            "isVirtualNetworkFilterEnabled": false,
            "virtualNetworkRules": [],
            "EnabledApiTypes": "Sql",
            "disableKeyBasedMetadataWriteAccess": false,
            "enableFreeTier": false,
            "databaseAccountOfferType": "Standard",
            "defaultIdentity": "FirstPartyIdentity",
            "disableLocalAuth": world.local_auth_disabled,
            "minimalTlsVersion": "Tls12",
            "consistencyPolicy": {
                "defaultConsistencyLevel": "Session", "maxIntervalInSeconds": 5, "maxStalenessPrefix": 100,
            },
            "writeLocations": region,
            "readLocations": region,
            "locations": region,
            "failoverPolicies": [{
                "id": format!("{}-{LOCATION}", world.account), "locationName": DISPLAY, "failoverPriority": 0,
            }],
            "cors": [],
            "capabilities": [],
            "ipRules": [],
        },
        "identity": {"type": "None"},
    })
}
