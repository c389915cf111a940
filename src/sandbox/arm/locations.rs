//! Where accounts may be.

use serde_json::{Value, json};

use super::call::Call;
use super::front::ok;
use super::regions::{self, display, plain};
use super::{Answer, errors};
use crate::sandbox::world::World;

pub(super) fn locations(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => {
            let all = regions::names(world).map(|name| document(world, name));
            let all: Vec<Value> = all.collect();
            ok(&json!({"value": all}))
        }
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn location(world: &World, call: &Call<'_>, name: &str) -> Answer {
    let name = plain(name);
    match (call.method, regions::is_known(world, &name)) {
        ("GET", true) => ok(&document(world, &name)),
        ("GET", false) => {
            let message = format!("The location '{name}' is not known to the sandbox.");
            Err(errors::provider(404, "NotFound", &message))
        }
        _ => Err(call.wrong_method()),
    }
}

fn document(world: &World, name: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{}/providers/Microsoft.DocumentDB/locations/{name}", world.subscription),
        "name": display(name),
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
