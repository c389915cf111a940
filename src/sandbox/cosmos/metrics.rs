//! What a query tells of its own work, where it is asked to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::pages::Page;
use super::reply::Exchange;
use super::statement::Statement;

/// The headers that were asked for.
pub fn told(
    exchange: &Exchange,
    page: &Page,
    statement: &Statement,
) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if exchange.flag("x-ms-documentdb-populatequerymetrics") {
        headers.push(("x-ms-documentdb-query-metrics", work(page)));
    }
    if exchange.flag("x-ms-cosmos-populateindexmetrics") {
        let used = STANDARD.encode(indexes(&statement.paths()).to_string());
        headers.push(("x-ms-cosmos-index-utilization", used));
    }
    headers
}

fn work(page: &Page) -> String {
    let size: usize = page.rows.iter().map(String::len).sum();
    format!(
        "totalExecutionTimeInMs=0.50;queryCompileTimeInMs=0.05;retrievedDocumentCount={};outputDocumentCount={};outputDocumentSize={size};indexUtilizationRatio=1.00",
        page.scanned,
        page.rows.len()
    )
}

/// Everything is indexed here: each path of the filter and of the order is used.
fn indexes(paths: &[Vec<String>]) -> Value {
    let index = |path: &Vec<String>| json!({"IndexSpec": format!("/{}/?", path.join("/"))});
    let used: Vec<Value> = paths.iter().map(index).collect();
    json!({
        "UtilizedSingleIndexes": used,
        "PotentialSingleIndexes": [],
        "UtilizedCompositeIndexes": [],
        "PotentialCompositeIndexes": []
    })
}
