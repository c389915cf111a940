//! Data roles: who may do what on the data plane. Granted through ARM, checked by the account itself.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/reference-data-plane-security>

use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::operation::Started;
use super::{Account, Call, Effect, Response, Scope, next_page, page};
use crate::error::Error;
use crate::message::{Next, Page};
use crate::name::Name;

/// The roles every account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataRole {
    /// Read items, run queries, read the change feed.
    Reader,
    /// The same, and create, replace and delete items.
    Contributor,
}

impl DataRole {
    /// The last part of its id: the same in every account.
    pub fn guid(self) -> &'static str {
        match self {
            DataRole::Reader => "00000000-0000-0000-0000-000000000001",
            DataRole::Contributor => "00000000-0000-0000-0000-000000000002",
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
        let text = format!("{id}|{role}|{}|{principal}", self.scope);
        let hash = Sha256::digest(text.as_bytes());
        let hex: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_string();
        // Version 8 of RFC 9562 is the one for a hash of one's own.
        let (a, b, c, d, e) = (
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32),
        );
        format!("{a}-{b}-8{c}-a{d}-{e}")
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
    Call {
        request: account
            .request(
                "PUT",
                &format!("/sqlRoleAssignments/{}", grant.guid(account)),
            )
            .header("content-type", "application/json")
            .body(body.to_string()),
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
        read: Response::raw,
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
pub fn revoke(account: &Account, grant: &Grant) -> Call<Started> {
    let guid = grant.guid(account);
    Call {
        request: account.request("DELETE", &format!("/sqlRoleAssignments/{guid}")),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/delete",
        effect: Effect::Delete,
        read: Started::read,
    }
}
