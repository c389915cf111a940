//! Resource groups: what an account is in.

use serde_json::json;
use serde_json::value::RawValue;

use super::operation::Started;
use super::{Call, Effect, Scope, versioned, whole, with_json};
use crate::error::Error;
use crate::message::Request;
use crate::name::{Endpoint, Name};

/// The version of the Microsoft.Resources API that is spoken.
pub const VERSION: &str = "2021-04-01";

/// A resource group.
#[derive(Debug, Clone)]
pub struct Group {
    endpoint: Endpoint,
    subscription: Name,
    name: Name,
}

impl Group {
    /// A group by subscription and name; nothing is asked of the service.
    pub fn new(endpoint: Endpoint, subscription: Name, name: Name) -> Group {
        Group {
            endpoint,
            subscription,
            name,
        }
    }

    /// The management endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The subscription it belongs to.
    pub fn subscription(&self) -> &Name {
        &self.subscription
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The path of the group, encoded.
    pub(super) fn path(&self) -> String {
        let (subscription, name) = (self.subscription.segment(), self.name.segment());
        format!("/subscriptions/{subscription}/resourceGroups/{name}")
    }

    fn request(&self, method: &'static str) -> Request {
        versioned(&self.endpoint, method, &self.path(), VERSION)
    }
}

/// `GET /subscriptions/{subscription}/resourceGroups/{group}`: the group, with its `location`.
///
/// Needs `Microsoft.Resources/subscriptions/resourceGroups/read`, which DocumentDB Account Contributor and Cosmos DB
/// Operator have.
///
/// <https://learn.microsoft.com/rest/api/resources/resource-groups/get>
pub fn show(group: &Group) -> Call<Box<RawValue>> {
    Call {
        request: group.request("GET"),
        scope: Scope::Arm,
        action: "Microsoft.Resources/subscriptions/resourceGroups/read",
        effect: Effect::Read,
        read: whole,
    }
}

/// `PUT /subscriptions/{subscription}/resourceGroups/{group}`: makes the group. Answers 201, or 200 where it is there;
/// there is no operation to follow. The same group in another location is refused with 409.
///
/// Needs an Azure role on the subscription such as Contributor: the roles for Cosmos DB are not enough.
///
/// <https://learn.microsoft.com/rest/api/resources/resource-groups/create-or-update>
pub fn create(group: &Group, location: &str) -> Call<Started> {
    let body = format!(r#"{{"location":{}}}"#, json!(location));
    Call {
        request: with_json(group.request("PUT"), body),
        scope: Scope::Arm,
        action: "Microsoft.Resources/subscriptions/resourceGroups/write",
        effect: Effect::Idempotent,
        read: Started::read,
    }
}

/// `DELETE /subscriptions/{subscription}/resourceGroups/{group}`: deletes the group and everything in it.
///
/// Needs an Azure role such as Contributor. Answers 202 and a `Location` to ask until it no longer says 202.
///
/// <https://learn.microsoft.com/rest/api/resources/resource-groups/delete>
pub fn delete(group: &Group) -> Call<Started> {
    Call {
        request: group.request("DELETE"),
        scope: Scope::Arm,
        action: "Microsoft.Resources/subscriptions/resourceGroups/delete",
        effect: Effect::Delete,
        read: Started::read,
    }
}

/// Where a group is, by what [`show`] returned.
pub fn location(group: &RawValue) -> Result<String, Error> {
    let group: serde_json::Value =
        serde_json::from_str(group.get()).map_err(|e| Error::answer(e.to_string()))?;
    let location = group.get("location").and_then(|location| location.as_str());
    let location = location.filter(|location| !location.is_empty());
    location
        .map(str::to_string)
        .ok_or_else(|| Error::answer("the resource group does not say its location"))
}
