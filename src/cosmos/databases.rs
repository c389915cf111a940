//! Databases on the data plane. With a token they can be read; to create or delete them takes a key, or ARM.

use serde_json::json;
use serde_json::value::RawValue;

use super::{Account, Call, Database, Effect, Paging, feed, nothing, resource};
use crate::message::{Page, Request, Throughput};
use crate::name::Name;

const READ: &str = "Microsoft.DocumentDB/databaseAccounts/readMetadata";

/// The header that gives a new database or container its own throughput.
pub(super) fn with_throughput(request: Request, throughput: Option<Throughput>) -> Request {
    match throughput {
        None => request,
        Some(Throughput::Manual(rus)) => request.header("x-ms-offer-throughput", rus.to_string()),
        Some(Throughput::Autoscale(max)) => request.header(
            "x-ms-cosmos-offer-autopilot-settings",
            json!({ "maxThroughput": max }).to_string(),
        ),
    }
}

/// `POST /dbs`: creates a database. Takes a key: with a token the service answers 403/5300, see `arm::databases`.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/create-a-database>
pub fn create(
    account: &Account,
    name: &Name,
    throughput: Option<Throughput>,
) -> Call<Box<RawValue>> {
    let request = account.0.feed("POST", "dbs");
    Call {
        request: with_throughput(request, throughput)
            .header("content-type", "application/json")
            .body(json!({ "id": name.as_str() }).to_string()),
        scope: account.0.scope("dbs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/write",
        effect: Effect::Once,
        read: resource,
    }
}

/// `GET /dbs/{db}`: one database. Needs the data action `readMetadata` on the database.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/get-a-database>
pub fn read(database: &Database) -> Call<Box<RawValue>> {
    Call {
        request: database.0.request("GET"),
        scope: database.0.scope("dbs"),
        action: READ,
        effect: Effect::Read,
        read: resource,
    }
}

/// `GET /dbs`: the databases of the account. Needs the data action `readMetadata` on the whole account.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/list-databases>
pub fn list(account: &Account, paging: &Paging) -> Call<Page> {
    Call {
        request: paging.apply(account.0.feed("GET", "dbs")),
        scope: account.0.scope("dbs"),
        action: READ,
        effect: Effect::Read,
        read: |response| feed(response, "Databases"),
    }
}

/// `DELETE /dbs/{db}`: deletes a database and all that is in it. Takes a key, as [`create`].
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/delete-a-database>
pub fn delete(database: &Database) -> Call<()> {
    Call {
        request: database.0.request("DELETE"),
        scope: database.0.scope("dbs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/delete",
        effect: Effect::Delete,
        read: nothing,
    }
}
