//! Stored procedures, run by name. To make them is left to other tools: with a token it takes another plane.

use serde_json::value::RawValue;

use super::partition_key::PartitionKey;
use super::raw::decoded;
use super::{Call, Container, Effect};
use crate::error::Error;
use crate::message::Response;
use crate::name::Name;

/// What a procedure returned, and what it wrote to its log.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Its body, as JSON text; `null` where it set none.
    pub result: Box<RawValue>,
    /// Its log, where it was asked for.
    pub log: Option<String>,
}

/// `POST /dbs/{db}/colls/{coll}/sprocs/{name}`: runs a procedure over the items of one key. `arguments` is a JSON list.
///
/// Needs the data action `executeStoredProcedure`. It may do anything, so it is never sent again, whatever the answer.
/// The service ends it after 5 seconds.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/execute-a-stored-procedure>
pub fn execute(
    container: &Container,
    name: &Name,
    key: &PartitionKey,
    arguments: &RawValue,
    log: bool,
) -> Call<Execution> {
    let procedure = container.0.child("sprocs", name);
    Call {
        request: procedure
            .request("POST")
            .header("content-type", "application/json")
            .header("x-ms-documentdb-partitionkey", key.header())
            .header_if(
                "x-ms-documentdb-script-enable-logging",
                log.then_some("True"),
            )
            .body(arguments.get()),
        scope: procedure.scope("sprocs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeStoredProcedure",
        effect: Effect::Never,
        read: executed,
    }
}

fn executed(response: &Response) -> Result<Execution, Error> {
    let result = match response.body.is_empty() {
        true => RawValue::NULL.to_owned(),
        false => response.raw()?,
    };
    let log = response.header("x-ms-documentdb-script-log-results");
    Ok(Execution {
        result,
        // A log of several lines fits into a header only if it is encoded.
        log: log.map(decoded),
    })
}
