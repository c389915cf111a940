//! Queries: what the service answers by itself, and in `query/` what a client makes of the answers of several ranges.

pub mod aggregate;
pub mod group;
pub mod metrics;
pub mod order;
pub mod plan;
pub mod rows;
mod select;
pub mod sort;
pub mod state;

use serde_json::value::RawValue;

use self::plan::{FEATURES, Plan};
use super::changes::part_of;
use super::partition_key::PartitionKey;
use super::ranges::Part;
use super::{Call, Container, Effect, Paging, feed};
use crate::error::Error;
use crate::message::{Page, Request};

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
            return Err(Error::usage(format!(
                "the parameter {name:?} has no name or is given twice"
            )));
        }
        let value = RawValue::from_string(value.to_string())
            .map_err(|e| Error::usage(format!("the parameter {name} is not JSON: {e}")))?;
        self.parameters.push((name, value));
        Ok(self)
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the pages of an answer may be parts of one: its text has a word of those that ask for it, perhaps by
    /// chance.
    pub fn may_come_in_parts(&self) -> bool {
        const WORDS: &[&str] = &[
            "DISTINCT", "GROUP", "COUNT", "SUM", "AVG", "MIN", "MAX", "MAKE", "VECTOR",
        ];
        let text = self.text.to_ascii_uppercase();
        WORDS.iter().any(|word| text.contains(word))
    }

    /// What a range is asked, by its plan: the same parameters with the text that was rewritten, if it was.
    pub fn rewritten(&self, plan: &Plan) -> Query {
        const FILTER: &str = "{documentdb-formattableorderbyquery-filter}";
        let text = plan.rewritten.as_ref().unwrap_or(&self.text);
        Query {
            text: text.replace(FILTER, "true"),
            parameters: self.parameters.clone(),
        }
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
    /// Those of one range, by its id: every query works.
    Range(String),
    /// Of one range those between two effective keys. A prefix of a hierarchical key is such a part, of one range or of several.
    Part {
        /// The id of the range.
        range: String,
        /// The first effective key.
        min: String,
        /// The effective key behind the last one.
        max: String,
    },
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
    let crossing =
        |request: Request| request.header("x-ms-documentdb-query-enablecrosspartition", "True");
    let request = match across {
        Across::Key(key) => request.header("x-ms-documentdb-partitionkey", key.header()),
        Across::All => crossing(request),
        Across::Range(id) => {
            crossing(request.header("x-ms-documentdb-partitionkeyrangeid", id.as_str()))
        }
        Across::Part { range, min, max } => crossing(part_of(request, range, min, max)),
    };
    Call {
        request: paging.apply(request).body(query.body()),
        scope: container.0.scope("docs"),
        action: ACTION,
        effect: Effect::Read,
        read: |response| feed(response, "Documents"),
    }
}

/// The data action that every query needs.
pub const ACTION: &str =
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery";

impl From<&Part> for Across {
    fn from(part: &Part) -> Across {
        match part.within {
            false => Across::Range(part.range.clone()),
            true => Across::Part {
                range: part.range.clone(),
                min: part.min.clone(),
                max: part.max.clone(),
            },
        }
    }
}

/// `POST /dbs/{db}/colls/{coll}/docs` with `x-ms-cosmos-is-query-plan-request`: what has to be asked of each range,
/// and what is to be done with the answers. `None` from a server that makes no plans.
///
/// Needs the data action `executeQuery`. Costs no request units. 400 where the query is wrong, or needs what is not
/// among [`FEATURES`].
///
/// <https://learn.microsoft.com/rest/api/cosmos-db/querying-cosmosdb-resources-using-the-rest-api#queries-that-cannot-be-served-by-gateway>
pub fn plan_of(container: &Container, query: &Query) -> Call<Option<Plan>> {
    let request = container
        .0
        .feed("POST", "docs")
        .header("content-type", "application/query+json")
        .header("x-ms-documentdb-isquery", "True")
        .header("x-ms-documentdb-query-enablecrosspartition", "True")
        .header("x-ms-cosmos-is-query-plan-request", "True")
        .header("x-ms-cosmos-supported-query-features", FEATURES)
        .header("x-ms-cosmos-query-version", "1.0");
    Call {
        request: request.body(query.body()),
        scope: container.0.scope("docs"),
        action: ACTION,
        effect: Effect::Read,
        read: Plan::read,
    }
}

/// `POST /dbs/{db}/colls/{coll}/docs`, as [`items`], with word of how the page was found: see [`metrics`].
///
/// <https://learn.microsoft.com/azure/cosmos-db/nosql/query-metrics>
pub fn measured(mut page: Call<Page>) -> Call<Page> {
    let request = page.request;
    page.request = request
        .header("x-ms-documentdb-populatequerymetrics", "True")
        .header("x-ms-cosmos-populateindexmetrics", "True");
    page
}
