//! Data roles: who may do what on the data plane. Granted through ARM, checked by the account itself.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/reference-data-plane-security>

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::operation::Started;
use super::{Account, Call, Effect, Scope, guid_of, next_page, page, whole, with_json};
use crate::error::Error;
use crate::message::{Next, Page};
use crate::name::Name;

/// The roles every account has, and those made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataRole {
    /// Read items, run queries, read the change feed.
    Reader,
    /// The same, and create, replace and delete items.
    Contributor,
    /// One of the account's own, by its GUID: see [`definitions`].
    Custom(Name),
}

impl DataRole {
    /// The last part of its id: that of a built-in role is the same in every account.
    pub fn guid(&self) -> &str {
        match self {
            DataRole::Reader => "00000000-0000-0000-0000-000000000001",
            DataRole::Contributor => "00000000-0000-0000-0000-000000000002",
            DataRole::Custom(guid) => guid.as_str(),
        }
    }
}

/// A grant: this role, to this principal, on this part of the account.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Which role.
    pub role: DataRole,
    /// The object id (`oid`) of the principal. A client id is refused.
    pub principal: Name,
    /// Relative to the account: empty, `/dbs/{db}` or `/dbs/{db}/colls/{coll}`.
    pub scope: String,
}

impl Grant {
    /// The assignment's name: a GUID that follows from what is granted, so that granting twice is the same request.
    pub fn guid(&self, account: &Account) -> String {
        let id = account.id().to_ascii_lowercase();
        let (role, principal) = (self.role.guid(), &self.principal);
        guid_of(&format!("{id}|{role}|{}|{principal}", self.scope))
    }
}

/// `PUT …/sqlRoleAssignments/{guid}`: grants a data role. Repeating it is accepted.
///
/// Needs `Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write`: DocumentDB Account Contributor has it,
/// Cosmos DB Operator has not. Answers 202 and an operation to follow; it works on the data plane a little later.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/create-update-sql-role-assignment>
pub fn assign(account: &Account, grant: &Grant) -> Call<Started> {
    let (id, role) = (account.id(), grant.role.guid());
    let body = json!({ "properties": {
        "roleDefinitionId": format!("{id}/sqlRoleDefinitions/{role}"),
        "scope": format!("{id}{}", grant.scope),
        "principalId": grant.principal.as_str(),
    }});
    let below = format!("/sqlRoleAssignments/{}", grant.guid(account));
    Call {
        request: with_json(account.request("PUT", &below), body.to_string()),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write",
        effect: Effect::Idempotent,
        read: Started::read,
    }
}

/// `GET …/sqlRoleAssignments/{guid}`: one assignment, whole.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/get-sql-role-assignment>
pub fn show(account: &Account, guid: &str) -> Result<Call<Box<RawValue>>, Error> {
    let guid = Name::new(guid)?.segment();
    Ok(Call {
        request: account.request("GET", &format!("/sqlRoleAssignments/{guid}")),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/read",
        effect: Effect::Read,
        read: whole,
    })
}

/// `GET …/sqlRoleAssignments`: every data role granted in the account.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-role-assignments>
pub fn list(account: &Account) -> Call<Page> {
    Call {
        request: account.request("GET", "/sqlRoleAssignments"),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/read",
        effect: Effect::Read,
        read: page,
    }
}

/// `GET …/sqlRoleAssignments?…`: the next page of [`list`], at the link it gave. Refuses a link to another host.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-role-assignments>
pub fn list_next(account: &Account, next: &Next) -> Result<Call<Page>, Error> {
    Ok(Call {
        request: next_page(&account.endpoint, next)?,
        ..list(account)
    })
}

/// `DELETE …/sqlRoleAssignments/{guid}`: takes a data role back.
///
/// Needs `Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/delete`. Answers 202 and an operation to follow.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/delete-sql-role-assignment>
pub fn revoke(account: &Account, guid: &str) -> Result<Call<Started>, Error> {
    let guid = Name::new(guid)?.segment();
    Ok(Call {
        request: account.request("DELETE", &format!("/sqlRoleAssignments/{guid}")),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/delete",
        effect: Effect::Delete,
        read: Started::read,
    })
}

/// `GET …/sqlRoleDefinitions`: the data roles there are, built in and made for this account.
///
/// Needs `Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions/read`. `properties.type` comes as a text and as a
/// number: 0 is built in, 1 is custom.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-role-definitions>
pub fn definitions(account: &Account) -> Call<Page> {
    Call {
        request: account.request("GET", "/sqlRoleDefinitions"),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions/read",
        effect: Effect::Read,
        read: page,
    }
}

/// `GET …/sqlRoleDefinitions?…`: the next page of [`definitions`], at the link it gave. Refuses a link to another host.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-role-definitions>
pub fn definitions_next(account: &Account, next: &Next) -> Result<Call<Page>, Error> {
    Ok(Call {
        request: next_page(&account.endpoint, next)?,
        ..definitions(account)
    })
}

/// The name of an assignment, if it gives this role to this principal at this very scope. The same on both planes:
/// whoever made it, under whatever name.
pub fn name_if_same(item: &RawValue, role: &str, principal: &Name, scope: &str) -> Option<String> {
    let item: Value = serde_json::from_str(item.get()).ok()?;
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str);
    let definition = text("/properties/roleDefinitionId")?.rsplit('/').next()?;
    let same = definition.eq_ignore_ascii_case(role)
        && text("/properties/principalId")?.eq_ignore_ascii_case(principal.as_str())
        && same_scope(text("/properties/scope")?, scope);
    same.then(|| text("/name").map(str::to_string))?
}

/// ARM's part of a scope is the same in any case; the names of databases and containers are not.
fn same_scope(one: &str, other: &str) -> bool {
    let parts = |scope: &str| {
        let scope = scope.trim_end_matches('/');
        let (arm, data) = scope.split_at(scope.find("/dbs/").unwrap_or(scope.len()));
        (arm.to_ascii_lowercase(), data.to_string())
    };
    parts(one) == parts(other)
}
