//! Queries that the gateway answers by itself: over one partition key, or page by page over all of them.

pub mod aggregate;
pub mod group;
pub mod order;
pub mod plan;
pub mod rows;
pub mod sort;

use serde_json::value::RawValue;

use super::partition_key::PartitionKey;
use super::{Call, Container, Effect, Paging, feed};
use crate::error::Error;
use crate::message::Page;

/// The text of a query and the values of its parameters.
///
/// ```
/// use rawcosmos::cosmos::query::Query;
/// let query = Query::new("SELECT * FROM c WHERE c.n > @n").parameter("@n", "9007199254740993").unwrap();
/// assert_eq!(
///     query.body(),
///     r#"{"query":"SELECT * FROM c WHERE c.n > @n","parameters":[{"name":"@n","value":9007199254740993}]}"#
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    parameters: Vec<(String, Box<RawValue>)>,
}

impl Query {
    /// A query without parameters.
    pub fn new(text: impl Into<String>) -> Query {
        Query {
            text: text.into(),
            parameters: Vec::new(),
        }
    }

    /// Adds a parameter; `value` is JSON text and is sent as it is.
    pub fn parameter(mut self, name: &str, value: &str) -> Result<Query, Error> {
        let name = format!("@{}", name.trim_start_matches('@'));
        if name.len() == 1 || self.parameters.iter().any(|(n, _)| *n == name) {
            return Err(Error::Usage(format!(
                "the parameter {name:?} has no name or is given twice"
            )));
        }
        let value = RawValue::from_string(value.to_string())
            .map_err(|e| Error::Usage(format!("the parameter {name} is not JSON: {e}")))?;
        self.parameters.push((name, value));
        Ok(self)
    }

    /// The body that is sent.
    pub fn body(&self) -> String {
        let parameters: Vec<String> = self.parameters.iter().map(parameter_json).collect();
        format!(
            r#"{{"query":{},"parameters":[{}]}}"#,
            serde_json::Value::from(self.text.as_str()),
            parameters.join(",")
        )
    }
}

fn parameter_json((name, value): &(String, Box<RawValue>)) -> String {
    let name = serde_json::Value::from(name.as_str());
    format!(r#"{{"name":{name},"value":{value}}}"#)
}

/// Which items a query sees.
#[derive(Debug, Clone)]
pub enum Across {
    /// Those of one partition key: every query works.
    Key(PartitionKey),
    /// All: the gateway refuses what needs merging, such as `ORDER BY`, with 400/1004.
    All,
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `application/query+json`: one page of a query.
///
/// Needs the data action `executeQuery`. The same query, parameters and key must be sent for each page;
/// a page may be empty and still have a next one.
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/query-documents>
pub fn items(container: &Container, query: &Query, across: &Across, paging: &Paging) -> Call<Page> {
    let request = container
        .0
        .feed("POST", "docs")
        .header("content-type", "application/query+json")
        .header("x-ms-documentdb-isquery", "True")
        // A token of 1 to 4 KB and an unlimited continuation together overflow the gateway's header limit.
        .header("x-ms-documentdb-responsecontinuationtokenlimitinkb", "2");
    let request = match across {
        Across::Key(key) => request.header("x-ms-documentdb-partitionkey", key.header()),
        Across::All => request.header("x-ms-documentdb-query-enablecrosspartition", "True"),
    };
    Call {
        request: paging.apply(request).body(query.body()),
        scope: container.0.scope("docs"),
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery",
        effect: Effect::Read,
        read: |response| feed(response, "Documents"),
    }
}
