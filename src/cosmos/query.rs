//! Queries that the gateway answers by itself: over one partition key, or page by page over all of them.

pub mod aggregate;
pub mod group;
pub mod order;
pub mod plan;
pub mod rows;
pub mod sort;

use serde_json::value::RawValue;

use super::changes::part_of;
use super::partition_key::PartitionKey;
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

    /// Whether the answers of several ranges, one after the other, would be another answer than the whole one: the text
    /// sorts, counts or leaves out. Words in texts do not count.
    pub fn needs_merging(&self) -> bool {
        const WORDS: [&str; 11] = [
            "ORDER", "TOP", "OFFSET", "DISTINCT", "GROUP", "COUNT", "SUM", "MIN", "MAX", "AVG",
            "RANK",
        ];
        let (mut plain, mut within, mut escaped) = (String::new(), None, false);
        for c in self.text.chars() {
            match within {
                Some(_) if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some(quote) if c == quote => within = None,
                Some(_) => {}
                None if c == '\'' || c == '"' => within = Some(c),
                None => plain.push(c.to_ascii_uppercase()),
            }
        }
        let mut words = plain.split(|c: char| !c.is_ascii_alphanumeric() && !"_.@".contains(c));
        words.any(|word| WORDS.contains(&word))
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
        action: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery",
        effect: Effect::Read,
        read: |response| feed(response, "Documents"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_merging_is_seen() {
        for text in [
            "SELECT * FROM c order by c.x",
            "SELECT TOP 5 * FROM c",
            "SELECT VALUE COUNT(1) FROM c",
            "SELECT DISTINCT c.a FROM c",
            "SELECT c.a FROM c GROUP\nBY c.a",
            "SELECT * FROM c WHERE c.a = 'it\\'s' ORDER BY c.b",
            "SELECT * FROM c OFFSET 1 LIMIT 2",
        ] {
            assert!(Query::new(text).needs_merging(), "{text}");
        }
        for text in [
            "SELECT * FROM c WHERE c.order = 'ORDER BY' AND c[\"top\"] > @max AND c.s = \"a' COUNT \\\" SUM\"",
            "SELECT c.counter, c.maximum FROM c JOIN t IN c.groups",
        ] {
            assert!(!Query::new(text).needs_merging(), "{text}");
        }
    }
}
