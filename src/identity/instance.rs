//! The machine's own description: subscription, resource group, cloud.
//!
//! <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service>

use serde_json::Value;

use crate::error::Error;
use crate::message::{Call, Effect, Plane, Request, Response, Scope};
use crate::name::Endpoint;

/// The version whose answer has everything that is read here.
pub const VERSION: &str = "2021-02-01";

/// What the machine knows of itself; every member may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// Name of the machine.
    pub name: String,
    /// Name of the scale set it belongs to, if any: then the identity is the scale set's.
    pub scale_set: String,
    /// Subscription id.
    pub subscription: String,
    /// Resource group of the machine; the account may be in another.
    pub group: String,
    /// Region.
    pub location: String,
    /// The cloud, in this service's words, in any case: `AzurePublicCloud`.
    pub cloud: String,
    /// Resource id.
    pub id: String,
}

/// `GET /metadata/instance/compute`: what the machine knows of itself. Needs no role.
///
/// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#instance-metadata>
pub fn compute(endpoint: &Endpoint) -> Call<Instance> {
    let url = format!("{endpoint}/metadata/instance/compute?api-version={VERSION}");
    ask(url, read)
}

/// `GET /metadata/versions`: the versions this metadata service knows, oldest first. Needs no role, and no version.
///
/// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#versions>
pub fn versions(endpoint: &Endpoint) -> Call<Vec<String>> {
    ask(format!("{endpoint}/metadata/versions"), |response| {
        let body: Value = response.json()?;
        let versions = body.get("apiVersions").and_then(Value::as_array);
        let texts = versions.map(|all| all.iter().filter_map(Value::as_str));
        let texts = texts.ok_or_else(|| Error::answer("the answer lists no versions"))?;
        Ok(texts.map(str::to_string).collect())
    })
}

/// `GET /metadata/identity/info`: the tenant of the machine's system-assigned identity. Needs no role.
///
/// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#managed-identity>
pub fn tenant(endpoint: &Endpoint) -> Call<String> {
    let version = super::imds::VERSION;
    let url = format!("{endpoint}/metadata/identity/info?api-version={version}");
    ask(url, |response| {
        let body: Value = response.json()?;
        let tenant = body.get("tenantId").and_then(Value::as_str);
        let tenant = tenant.ok_or_else(|| Error::answer("the answer names no tenant"))?;
        Ok(tenant.to_string())
    })
}

fn ask<T>(url: String, read: fn(&Response) -> Result<T, Error>) -> Call<T> {
    Call {
        request: Request::new(Plane::Identity, "GET", url).header("metadata", "true"),
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read,
    }
}

fn read(response: &Response) -> Result<Instance, Error> {
    let body: Value = response.json()?;
    // The whole document nests the same members under "compute".
    let compute = body.get("compute").unwrap_or(&body);
    if !compute.is_object() {
        return Err(Error::answer("the instance metadata is not a JSON object"));
    }
    let text = |name: &str| {
        let value = compute.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_string()
    };
    Ok(Instance {
        name: text("name"),
        scale_set: text("vmScaleSetName"),
        subscription: text("subscriptionId"),
        group: text("resourceGroupName"),
        location: text("location"),
        cloud: text("azEnvironment"),
        id: text("resourceId"),
    })
}
