//! Databases, through ARM.

use serde_json::json;
use serde_json::value::RawValue;

use super::operation::Started;
use super::{
    Account, Call, Effect, Scope, Throughput, next_page, options, resource, resources, with_json,
};
use crate::error::Error;
use crate::message::{Next, Page};
use crate::name::Name;

const READ: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/read";

fn path(name: &Name) -> String {
    format!("/sqlDatabases/{}", name.segment())
}

/// `PUT …/sqlDatabases/{db}`: creates a database, or accepts that it is already there.
///
/// Needs the Azure role Cosmos DB Operator or DocumentDB Account Contributor. Answers 202 and an operation to follow.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/create-update-sql-database>
pub fn create(account: &Account, name: &Name, throughput: Option<Throughput>) -> Call<Started> {
    let (id, options) = (json!(name.as_str()), options(throughput));
    let body = format!(r#"{{"properties":{{"resource":{{"id":{id}}},"options":{options}}}}}"#);
    Call {
        request: with_json(account.request("PUT", &path(name)), body),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/write",
        effect: Effect::Idempotent,
        read: Started::read,
    }
}

/// `GET …/sqlDatabases/{db}`: one database. Returns the resource alone, without ARM's envelope.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/get-sql-database>
pub fn show(account: &Account, name: &Name) -> Call<Box<RawValue>> {
    Call {
        request: account.request("GET", &path(name)),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: resource,
    }
}

/// `GET …/sqlDatabases`: the databases of the account.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-databases>
pub fn list(account: &Account) -> Call<Page> {
    Call {
        request: account.request("GET", "/sqlDatabases"),
        scope: Scope::Arm,
        action: READ,
        effect: Effect::Read,
        read: resources,
    }
}

/// `GET …/sqlDatabases?…`: the next page of [`list`], at the link it gave. Refuses a link to another host.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/list-sql-databases>
pub fn list_next(account: &Account, next: &Next) -> Result<Call<Page>, Error> {
    Ok(Call {
        request: next_page(&account.endpoint, next)?,
        ..list(account)
    })
}

/// `DELETE …/sqlDatabases/{db}`: deletes a database and all that is in it.
///
/// Needs the same role as [`create`]. Answers 202 and an operation to follow, or 204 where there was none.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/delete-sql-database>
pub fn delete(account: &Account, name: &Name) -> Call<Started> {
    Call {
        request: account.request("DELETE", &path(name)),
        scope: Scope::Arm,
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/delete",
        effect: Effect::Delete,
        read: Started::read,
    }
}
