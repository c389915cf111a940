//! Throughput of a database or container: request units a second, fixed or scaling with use.

use serde_json::Value;
use serde_json::value::RawValue;

use super::operation::Started;
use super::{Account, Call, Effect, Scope, Throughput, options, resource, with_json};
use crate::error::Error;
use crate::message::Request;
use crate::name::Name;

/// What has throughput: a database, whose containers share it, or one container.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The database.
    pub database: Name,
    /// The container, where it is about one.
    pub container: Option<Name>,
}

impl Owner {
    fn request(&self, account: &Account, method: &'static str, below: &str) -> Request {
        let database = self.database.segment();
        let container = self.container.as_ref().map(Name::segment);
        let container = container.map_or(String::new(), |name| format!("/containers/{name}"));
        let settings = "throughputSettings/default";
        let path = format!("/sqlDatabases/{database}{container}/{settings}{below}");
        account.request(method, &path)
    }

    /// Which action it takes on the throughput: of the database, or of the container.
    fn action(&self, database: &'static str, container: &'static str) -> &'static str {
        match self.container {
            None => database,
            Some(_) => container,
        }
    }
}

/// How throughput can be: always the same, or scaling with use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A fixed number, billed whether it is used or not.
    Manual,
    /// From a tenth of the most up to the most, as it is used.
    Autoscale,
}

/// `GET …/throughputSettings/default`: what there is. Returns the resource alone, without ARM's envelope; `minimumThroughput`
/// and other limits in it are texts. 404 where it has no throughput of its own; 400 on a serverless account.
///
/// Needs the Azure role Cosmos DB Operator or DocumentDB Account Contributor; no data role covers it.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/get-sql-container-throughput>
pub fn show(account: &Account, owner: &Owner) -> Call<Box<RawValue>> {
    Call {
        request: owner.request(account, "GET", ""),
        scope: Scope::Arm,
        action: owner.action(
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/throughputSettings/read",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/throughputSettings/read",
        ),
        effect: Effect::Read,
        read: resource,
    }
}

/// `PUT …/throughputSettings/default`: another number in the same [`Mode`]. Answers 202 and an operation to follow; where
/// partitions have to be split, `offerReplacePending` stays `"true"` for long after it.
///
/// Needs the same role as [`show`]. An account takes 25 of these in 5 minutes.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/update-sql-container-throughput>
pub fn update(account: &Account, owner: &Owner, throughput: Throughput) -> Call<Started> {
    let resource = options(Some(throughput));
    let body = format!(r#"{{"properties":{{"resource":{resource}}}}}"#);
    Call {
        request: with_json(owner.request(account, "PUT", ""), body),
        scope: Scope::Arm,
        action: owner.action(
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/throughputSettings/write",
            "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/throughputSettings/write",
        ),
        effect: Effect::Idempotent,
        read: Started::read,
    }
}

/// `POST …/throughputSettings/default/migrateToAutoscale`, or `…/migrateToManualThroughput`: the other [`Mode`], with a
/// number the service chooses. Answers 202, an operation to follow and a `Location` with the result.
///
/// Needs the same role as [`show`]. It is not known whether a second one is accepted, so it is sent once.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db-resource-provider/sql-resources/migrate-sql-container-to-autoscale>
pub fn migrate(account: &Account, owner: &Owner, to: Mode) -> Call<Started> {
    let (below, action) = match to {
        Mode::Autoscale => (
            "/migrateToAutoscale",
            owner.action(
                "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/throughputSettings/migrateToAutoscale/action",
                "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/throughputSettings/migrateToAutoscale/action",
            ),
        ),
        Mode::Manual => (
            "/migrateToManualThroughput",
            owner.action(
                "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/throughputSettings/migrateToManualThroughput/action",
                "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/throughputSettings/migrateToManualThroughput/action",
            ),
        ),
    };
    Call {
        request: owner.request(account, "POST", below).body(""),
        scope: Scope::Arm,
        action,
        effect: Effect::Once,
        read: Started::read,
    }
}

/// What the resource of [`show`] says: with autoscale its `throughput` is only how far it is scaled right now.
pub fn current(settings: &RawValue) -> Result<Throughput, Error> {
    let settings = read(settings)?;
    let number = |pointer: &str| settings.pointer(pointer).and_then(number);
    let most = number("/autoscaleSettings/maxThroughput").map(Throughput::Autoscale);
    most.or_else(|| number("/throughput").map(Throughput::Manual))
        .ok_or_else(|| Error::answer("the throughput settings name no throughput"))
}

/// Whether an earlier change is still being carried out.
pub fn is_pending(settings: &RawValue) -> bool {
    let settings = read(settings).unwrap_or_default();
    let pending = settings.get("offerReplacePending");
    pending.is_some_and(|pending| *pending == true || *pending == "true")
}

fn read(settings: &RawValue) -> Result<Value, Error> {
    serde_json::from_str(settings.get()).map_err(|e| Error::answer(e.to_string()))
}

/// ARM writes some numbers as texts.
fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u32::try_from(number).ok()
}
