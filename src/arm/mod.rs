//! STEP 3: requests to Azure Resource Manager, the management plane.
//!
//! Databases and containers are made here: with a token the data plane refuses to. Every change answers with an
//! operation that has to be followed, see [`operation`].
//!
//! <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources>

pub mod accounts;
pub mod azure_roles;
pub mod containers;
pub mod databases;
pub mod groups;
pub mod operation;
pub mod roles;
pub mod throughput;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::error::Error;
pub(crate) use crate::message::Members;
use crate::message::{
    Call, Effect, Next, Page, Plane, Request, Response, Scope, Text, Throughput, USER_AGENT,
};
use crate::name::{Endpoint, Name, Secret};

/// The version of the resource provider's API that is spoken.
pub const VERSION: &str = "2024-11-15";

/// A Cosmos DB account as ARM knows it.
#[derive(Debug, Clone)]
pub struct Account {
    endpoint: Endpoint,
    id: String,
    path: String,
    name: Name,
}

impl Account {
    /// An account by subscription, resource group and name; nothing is asked of the service.
    pub fn new(endpoint: Endpoint, subscription: &Name, group: &Name, name: &Name) -> Account {
        const PROVIDER: &str = "providers/Microsoft.DocumentDB/databaseAccounts";
        Account {
            id: format!("/subscriptions/{subscription}/resourceGroups/{group}/{PROVIDER}/{name}"),
            path: format!(
                "/subscriptions/{}/resourceGroups/{}/{PROVIDER}/{}",
                subscription.segment(),
                group.segment(),
                name.segment()
            ),
            endpoint,
            name: name.clone(),
        }
    }

    /// The resource id, as roles and scopes name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The account's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The management endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn request(&self, method: &'static str, below: &str) -> Request {
        self.request_in(VERSION, method, below)
    }

    /// A request in another version of the provider's API than [`VERSION`].
    fn request_in(&self, version: &str, method: &'static str, below: &str) -> Request {
        let path = format!("{}{below}", self.path);
        versioned(&self.endpoint, method, &path, version)
    }
}

/// The next page of a list, at the link the service gave for it.
///
/// Refuses a link that leads elsewhere: following it would hand our token to a stranger.
fn next_page(endpoint: &Endpoint, next: &Next) -> Result<Request, Error> {
    let shown = crate::show::unsigned(next.as_str());
    if !endpoint.covers(next.as_str()) {
        return Err(Error::answer(format!(
            "the next page is said to be at {shown}, which is not {endpoint}; no token is sent there"
        )));
    }
    let url = match shown == next.as_str() {
        true => Text::from(shown),
        false => Secret::within(next.as_str().to_string(), shown).into(),
    };
    Ok(get_ready(Request::new(Plane::Arm, "GET", url)))
}

/// The headers every request to ARM has.
fn get_ready(request: Request) -> Request {
    request
        .header("user-agent", USER_AGENT)
        .header("accept", "application/json")
}

/// A request to the Cosmos DB provider at an encoded path.
fn request(endpoint: &Endpoint, method: &'static str, path: &str) -> Request {
    versioned(endpoint, method, path, VERSION)
}

/// A request to any provider: each has versions of its own.
fn versioned(endpoint: &Endpoint, method: &'static str, path: &str, version: &str) -> Request {
    let url = format!("{endpoint}{path}?api-version={version}");
    get_ready(Request::new(Plane::Arm, method, url))
}

/// The same with a JSON body.
fn with_json(request: Request, body: String) -> Request {
    request
        .header("content-type", "application/json")
        .body(body)
}

/// A name that follows from what it is for, so that asking twice is the same request.
fn guid_of(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let (a, b, c) = (part(0, 8), part(8, 12), part(13, 16));
    let (d, e) = (part(17, 20), part(20, 32));
    // Version 8 of RFC 9562 is the one for a hash of one's own.
    format!("{a}-{b}-8{c}-a{d}-{e}")
}

/// The options of a change: throughput, or none of it.
fn options(throughput: Option<Throughput>) -> serde_json::Value {
    match throughput {
        None => serde_json::json!({}),
        Some(Throughput::Manual(rus)) => serde_json::json!({ "throughput": rus }),
        Some(Throughput::Autoscale(max)) => {
            serde_json::json!({ "autoscaleSettings": { "maxThroughput": max } })
        }
    }
}

pub(crate) fn members<'a>(text: &'a RawValue, what: &str) -> Result<Members<'a>, Error> {
    serde_json::from_str(text.get())
        .map_err(|_| Error::answer(format!("{what} is not a JSON object")))
}

/// A whole resource, with ARM's envelope.
fn whole(response: &Response) -> Result<Box<RawValue>, Error> {
    let body: &RawValue = response.json()?;
    let envelope = members(body, "the body")?;
    let known = ["id", "name", "location", "properties"];
    match known.iter().any(|name| envelope.get(name).is_some()) {
        true => Ok(body.to_owned()),
        false => Err(Error::answer(format!(
            "the body has none of {}",
            known.join(", ")
        ))),
    }
}

/// Takes `properties.resource` out of a database's or container's envelope, untouched.
fn resource(response: &Response) -> Result<Box<RawValue>, Error> {
    let body: &RawValue = response.json()?;
    resource_of(body)
}

fn resource_of(body: &RawValue) -> Result<Box<RawValue>, Error> {
    let envelope = members(body, "the body")?;
    let properties = envelope
        .get("properties")
        .ok_or_else(|| Error::answer("the body has no properties"))?;
    let resource = members(properties, "properties")?;
    resource
        .get("resource")
        .map(ToOwned::to_owned)
        .ok_or_else(|| Error::answer("the body has no properties.resource"))
}

/// Reads a list and the link to its next page.
fn page(response: &Response) -> Result<Page, Error> {
    let body: Members = response.json()?;
    let value = body
        .get("value")
        .ok_or_else(|| Error::answer("the body has no list named \"value\""))?;
    let items = serde_json::from_str(value.get())
        .map_err(|e| Error::answer(format!("\"value\" is not a list: {e}")))?;
    let next = match body.get("nextLink") {
        Some(link) => serde_json::from_str::<Option<String>>(link.get())
            .map_err(|_| Error::answer("nextLink is not a text"))?,
        None => None,
    };
    let next = next.filter(|link| !link.is_empty()).map(Next);
    Ok(Page { items, next })
}

/// As [`page`], with each element's `properties.resource` alone.
fn resources(response: &Response) -> Result<Page, Error> {
    let page = page(response)?;
    let items: Result<_, _> = page.items.iter().map(|item| resource_of(item)).collect();
    Ok(Page {
        items: items?,
        next: page.next,
    })
}
