//! Azure roles: who may do what through ARM. They open no item; see [`super::roles`] for those that do.
//!
//! <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/databases>

use serde_json::json;
use serde_json::value::RawValue;

use super::{Call, Effect, Scope, guid_of, next_page, page, versioned, whole, with_json};
use crate::error::Error;
use crate::message::{Next, Page, Request};
use crate::name::{Endpoint, Name, percent_encode};

/// The version of the Microsoft.Authorization API that is spoken.
pub const VERSION: &str = "2022-04-01";

/// A role that is the same in every subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// The last part of its id.
    pub guid: &'static str,
    /// As the portal calls it.
    pub name: &'static str,
}

/// Everything about accounts, keys and data roles included: whoever has it can give itself the data.
pub const ACCOUNT_CONTRIBUTOR: Role = Role {
    guid: "5bd9cd88-fe45-4216-938b-f97437e15450",
    name: "DocumentDB Account Contributor",
};

/// Databases, containers and throughput; neither keys nor data roles.
pub const OPERATOR: Role = Role {
    guid: "230815da-be43-4aae-9cb4-875f7bd000aa",
    name: "Cosmos DB Operator",
};

/// Reading the settings, and the read-only keys.
pub const ACCOUNT_READER: Role = Role {
    guid: "fbdf93bf-df7d-467e-a4d2-9458aa1360c8",
    name: "Cosmos DB Account Reader Role",
};

/// Where an Azure role is given: a subscription, a resource group or an account. It counts for all that is below.
#[derive(Debug, Clone)]
pub struct Place {
    endpoint: Endpoint,
    id: String,
    path: String,
}

impl Place {
    /// Reads a resource id: `/subscriptions/S`, with `/resourceGroups/G`, with `/providers/P/TYPE/NAME` behind it.
    ///
    /// ```
    /// use rawcosmos::{arm::azure_roles::Place, name::Endpoint};
    /// let arm = Endpoint::new("https://management.azure.com").unwrap();
    /// assert!(Place::parse(arm.clone(), "/subscriptions/s/resourceGroups/rg 1").is_ok());
    /// assert!(Place::parse(arm, "/dbs/shop").is_err());
    /// ```
    pub fn parse(endpoint: Endpoint, id: &str) -> Result<Place, Error> {
        let wrong = || {
            Error::usage(format!(
                "the scope {id:?} is no id of a subscription, a resource group or an account: /subscriptions/…"
            ))
        };
        let id = id.trim_end_matches('/');
        let mut parts = id.split('/');
        let whole = [1, 3, 5, 9].contains(&parts.clone().count());
        let named = |at: usize, word: &str| {
            let part = id.split('/').nth(at);
            part.is_none_or(|part| part.eq_ignore_ascii_case(word))
        };
        let known =
            named(1, "subscriptions") && named(3, "resourceGroups") && named(5, "providers");
        if parts.next() != Some("") || id.is_empty() || !whole || !known {
            return Err(wrong());
        }
        let names: Result<Vec<Name>, Error> = parts.map(Name::new).collect();
        let segments = names?;
        let path: String = segments
            .iter()
            .map(|part| format!("/{}", part.segment()))
            .collect();
        Ok(Place {
            endpoint,
            id: id.to_string(),
            path,
        })
    }

    /// The resource id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The subscription: roles are defined there.
    fn subscription(&self) -> String {
        let parts: Vec<&str> = self.id.split('/').take(3).collect();
        parts.join("/")
    }

    fn request(&self, method: &'static str, below: &str) -> Request {
        let path = format!("{}/providers/Microsoft.Authorization/{below}", self.path);
        versioned(&self.endpoint, method, &path, VERSION)
    }

    /// The same with a condition behind the version.
    fn filtered(&self, below: &str, condition: &str) -> Request {
        let request = self.request("GET", below);
        let (url, condition) = (request.url.expose(), percent_encode(condition));
        Request {
            url: format!("{url}&$filter={condition}").into(),
            ..request
        }
    }
}

/// A grant: this role, to this principal, at this place.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Which role.
    pub role: Role,
    /// The object id (`oid`) of the principal.
    pub principal: Name,
    /// `ServicePrincipal`, `User` or `Group`. Said, ARM does not look it up, and so takes one made a moment ago.
    pub kind: &'static str,
    /// Where.
    pub place: Place,
}

impl Grant {
    /// The assignment's name: a GUID that follows from what is granted.
    pub fn guid(&self) -> String {
        let id = self.place.id.to_ascii_lowercase();
        guid_of(&format!("{id}|{}|{}", self.role.guid, self.principal))
    }
}

/// `PUT …/providers/Microsoft.Authorization/roleAssignments/{guid}`: gives an Azure role. Answers 201 and the assignment; there is no
/// operation to follow, yet it works up to 10 minutes later. 409 `RoleAssignmentExists` where it is given already.
///
/// Needs `Microsoft.Authorization/roleAssignments/write`: Owner and User Access Administrator have it, Contributor has not.
///
/// <https://learn.microsoft.com/rest/api/authorization/role-assignments/create>
pub fn assign(grant: &Grant) -> Call<Box<RawValue>> {
    let (subscription, role) = (grant.place.subscription(), grant.role.guid);
    let definitions = "providers/Microsoft.Authorization/roleDefinitions";
    let definition = json!(format!("{subscription}/{definitions}/{role}"));
    let (principal, kind) = (json!(grant.principal.as_str()), grant.kind);
    let body = format!(
        r#"{{"properties":{{"roleDefinitionId":{definition},"principalId":{principal},"principalType":"{kind}"}}}}"#
    );
    let below = format!("roleAssignments/{}", grant.guid());
    Call {
        request: with_json(grant.place.request("PUT", &below), body),
        scope: Scope::Arm,
        action: "Microsoft.Authorization/roleAssignments/write",
        effect: Effect::Idempotent,
        read: whole,
    }
}

/// `GET …/providers/Microsoft.Authorization/roleAssignments/{guid}`: one assignment.
///
/// <https://learn.microsoft.com/rest/api/authorization/role-assignments/get>
pub fn show(place: &Place, guid: &str) -> Result<Call<Box<RawValue>>, Error> {
    let guid = Name::new(guid)?.segment();
    Ok(Call {
        request: place.request("GET", &format!("roleAssignments/{guid}")),
        scope: Scope::Arm,
        action: "Microsoft.Authorization/roleAssignments/read",
        effect: Effect::Read,
        read: whole,
    })
}

/// `GET …/providers/Microsoft.Authorization/roleAssignments?$filter=…`: the Azure roles given at a place and above it; with a principal
/// all of its own there, below the place too.
///
/// Needs `Microsoft.Authorization/*/read`, which the roles for Cosmos DB have.
///
/// <https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope>
pub fn list(place: &Place, principal: Option<&Name>) -> Call<Page> {
    let condition = match principal {
        Some(principal) => format!("principalId eq '{principal}'"),
        None => "atScope()".to_string(),
    };
    Call {
        request: place.filtered("roleAssignments", &condition),
        scope: Scope::Arm,
        action: "Microsoft.Authorization/roleAssignments/read",
        effect: Effect::Read,
        read: page,
    }
}

/// `GET …/providers/Microsoft.Authorization/roleDefinitions`: every Azure role that can be given at a place, built in or not: hundreds.
///
/// <https://learn.microsoft.com/rest/api/authorization/role-definitions/list>
pub fn definitions(place: &Place) -> Call<Page> {
    Call {
        request: place.request("GET", "roleDefinitions"),
        scope: Scope::Arm,
        action: "Microsoft.Authorization/roleDefinitions/read",
        effect: Effect::Read,
        read: page,
    }
}

/// `GET …/providers/Microsoft.Authorization/…?…`: the next page of [`list`] or [`definitions`], at the link it gave. Refuses a link to
/// another host.
///
/// <https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope>
pub fn next(place: &Place, next: &Next) -> Result<Call<Page>, Error> {
    Ok(Call {
        request: next_page(&place.endpoint, next)?,
        ..list(place, None)
    })
}

/// `DELETE …/providers/Microsoft.Authorization/roleAssignments/{guid}`: takes an Azure role back. Answers 200 and what it was, or 204.
///
/// Needs `Microsoft.Authorization/roleAssignments/delete`.
///
/// <https://learn.microsoft.com/rest/api/authorization/role-assignments/delete>
pub fn revoke(place: &Place, guid: &str) -> Result<Call<()>, Error> {
    let guid = Name::new(guid)?.segment();
    Ok(Call {
        request: place.request("DELETE", &format!("roleAssignments/{guid}")),
        scope: Scope::Arm,
        action: "Microsoft.Authorization/roleAssignments/delete",
        effect: Effect::Delete,
        read: |_| Ok(()),
    })
}
