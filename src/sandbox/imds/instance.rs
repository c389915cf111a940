//! What the machine says about itself: `/metadata/instance` and its parts.

use serde_json::{Value, json};

use super::complaint::{bad, error};
use super::identities::machine;
use super::{Response, World};

/// Every version of the metadata there is, oldest first.
pub(super) const VERSIONS: &[&str] = &[
    "2017-03-01",
    "2017-04-02",
    "2017-08-01",
    "2017-10-01",
    "2017-12-01",
    "2018-02-01",
    "2018-04-02",
    "2018-10-01",
    "2019-02-01",
    "2019-03-11",
    "2019-04-30",
    "2019-06-01",
    "2019-06-04",
    "2019-08-01",
    "2019-08-15",
    "2019-11-01",
    "2020-06-01",
    "2020-07-15",
    "2020-09-01",
    "2020-10-01",
    "2020-12-01",
    "2021-01-01",
    "2021-02-01",
    "2021-03-01",
    "2021-05-01",
    "2021-08-01",
    "2021-10-01",
    "2021-11-01",
    "2021-11-15",
    "2021-12-13",
    "2023-07-01",
    "2023-11-15",
    "2024-03-15",
    "2024-07-17",
    "2025-04-07",
];

const NAME: &str = "sandbox-vm";

/// The complaint about a version that is missing or unknown.
pub(super) fn bad_version() -> Value {
    let newest: Vec<&str> = VERSIONS.iter().rev().take(3).copied().collect();
    json!({
        "error": "Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds",
        "newest-versions": newest,
    })
}

/// The document or the part of it that the path names.
pub(super) fn read(world: &World, path: &str, format: Option<&str>) -> Result<Response, Response> {
    let absent = || error(404, "not_found", "Not found");
    let rest = path.strip_prefix("/metadata/instance").ok_or_else(absent)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(absent());
    }
    let document = document(world);
    let part = document
        .pointer(rest.trim_end_matches('/'))
        .ok_or_else(absent)?;
    match (part, format) {
        (Value::String(leaf), Some("text")) => Ok(text(leaf)),
        (Value::String(_), _) => Err(bad("The format of a leaf is text")),
        (_, None | Some("json")) => Ok(Response::json(200, part)),
        (Value::Object(members), Some("text")) => Ok(text(&listing(members))),
        _ => Err(bad("The format is not supported for this element")),
    }
}

fn text(content: &str) -> Response {
    Response::empty(200)
        .with("Content-Type", "text/plain; charset=utf-8")
        .carrying(content)
}

fn listing(members: &serde_json::Map<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| match value.is_string() {
        true => name.clone(),
        false => format!("{name}/"),
    };
    members.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn document(world: &World) -> Value {
    json!({
        "compute": compute(world),
        "network": {"interface": [{
            "ipv4": {
                "ipAddress": [{"privateIpAddress": "127.0.0.1", "publicIpAddress": ""}],
                "subnet": [{"address": "127.0.0.0", "prefix": "8"}],
            },
            "ipv6": {"ipAddress": []},
            "macAddress": "000000000000",
        }]},
    })
}

/// What a machine does not have is an empty text.
fn compute(world: &World) -> Value {
    json!({
        "additionalCapabilities": {"hibernationEnabled": "false"},
        "azEnvironment": world.cloud.environment,
        "evictionPolicy": "",
        "extendedLocation": {"name": "", "type": ""},
        "hostGroup": {"id": ""},
        "isHostCompatibilityLayerVm": "false",
        "licenseType": "",
        "location": world.cloud.location,
        "name": NAME,
        "offer": "",
        "osProfile": {"adminUsername": "sandbox", "computerName": NAME, "disablePasswordAuthentication": "true"},
        "osType": "Linux",
        "placementGroupId": "",
        "plan": {"name": "", "product": "", "publisher": ""},
        "platformFaultDomain": "0",
        "platformSubFaultDomain": "",
        "platformUpdateDomain": "0",
        "priority": "",
        "provider": "Microsoft.Compute",
        "publicKeys": [],
        "publisher": "",
        "resourceGroupName": world.resource_group,
        "resourceId": machine(world).replace("/resourcegroups/", "/resourceGroups/"),
        "securityProfile": {
            "encryptionAtHost": "false", "secureBootEnabled": "true", "securityType": "TrustedLaunch", "virtualTpmEnabled": "true",
        },
        "sku": "",
        "subscriptionId": world.subscription,
        "tags": "",
        "tagsList": [],
        "version": "",
        "virtualMachineScaleSet": {"id": ""},
        "vmId": "5a0db0c5-0000-4000-8000-0000000000b1",
        "vmScaleSetName": "",
        "vmSize": "Standard_B1s",
        "zone": "",
    })
}
