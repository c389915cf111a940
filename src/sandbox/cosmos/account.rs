//! `GET /`: the account and its regions.

use serde_json::{Value, json};

use super::regions;
use super::reply::{Outcome, Reply};
use crate::sandbox::world::World;

/// `GET /`
pub fn read(world: &World, region: usize) -> Outcome {
    let location = |(name, origin): (&str, &str)| json!({"name": name, "databaseAccountEndpoint": format!("{origin}/")});
    let locations: Vec<Value> = regions::serving(world).into_iter().map(location).collect();
    let origin = match (&world.regions.second, region) {
        (Some(second), 1) => second,
        _ => &world.cosmos,
    };
    let id = regions::account(world, region);
    let multi_write = regions::multi_write(world);
    let writable = if multi_write { locations.len() } else { 1 };
    let body = json!({
        "_self": "",
        "id": id,
        "_rid": format!("{id}.{}", world.cloud.suffix),
        "media": "//media/",
        "addresses": "//addresses/",
        "_dbs": "//dbs/",
        "writableLocations": locations.iter().take(writable).collect::<Vec<_>>(),
        "readableLocations": locations,
        "enableMultipleWriteLocations": multi_write,
        "continuousBackupEnabled": false,
        "enableNRegionSynchronousCommit": false,
        "enablePerPartitionFailoverBehavior": false,
        "userReplicationPolicy": {"asyncReplication": false, "minReplicaSetSize": 3, "maxReplicasetSize": 4},
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "systemReplicationPolicy": {"minReplicaSetSize": 3, "maxReplicasetSize": 4},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
        "queryEngineConfiguration": engine().to_string(),
    });
    Ok(Reply::new(200, body.to_string()).header("Content-Location", format!("{origin}/")))
}

fn engine() -> Value {
    json!({
        "maxSqlQueryInputLength": 524_288,
        "maxJoinsPerSqlQuery": 10,
        "maxLogicalAndPerSqlQuery": i32::MAX,
        "maxLogicalOrPerSqlQuery": i32::MAX,
        "maxUdfRefPerSqlQuery": 10,
        "maxInExpressionItemsCount": i32::MAX,
        "queryMaxInMemorySortDocumentCount": -1000,
        "maxQueryRequestTimeoutFraction": 0.9,
        "sqlAllowNonFiniteNumbers": false,
        "sqlAllowAggregateFunctions": true,
        "sqlAllowSubQuery": true,
        "sqlAllowScalarSubQuery": true,
        "allowNewKeywords": true,
        "sqlAllowLike": true,
        "sqlAllowGroupByClause": true,
        "maxSpatialQueryCells": i32::MAX,
        "spatialMaxGeometryPointCount": 256,
        "sqlDisableOptimizationFlags": 0,
        "sqlAllowTop": true,
        "enableSpatialIndexing": true
    })
}
