//! The query language of items: a parser and an evaluator, without I/O and without a clock.
//!
//! A query is either streaming ([`Shape::streams`]), and then [`Query::row`] answers for each
//! document on its own, or it needs all documents of its scope at once: [`Query::run`].

mod aggregate;
mod ast;
mod eval;
mod expr;
mod functions;
mod lexer;
mod operators;
mod parser;
mod resolve;
mod select;
mod value;

use std::fmt;

pub use value::{Number, Value};

/// A query text that is not a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// `SC1001` and the like.
    pub code: &'static str,
    /// In the service's words where they are known.
    pub message: String,
    /// The first character of what is wrong.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
}

impl SyntaxError {
    fn new(code: &'static str, message: impl Into<String>, start: usize, end: usize) -> Self {
        SyntaxError {
            code,
            message: message.into(),
            start,
            end,
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} at {}..{}: {}",
            self.code, self.start, self.end, self.message
        )
    }
}

/// A query that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// The service can; the sandbox cannot.
    Unsupported(String),
    /// The service would refuse it, too.
    BadRequest(String),
}

/// What a query needs besides a look at each document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// `ORDER BY`
    pub order_by: bool,
    /// `TOP`
    pub top: bool,
    /// `OFFSET ... LIMIT`
    pub offset_limit: bool,
    /// `DISTINCT`
    pub distinct: bool,
    /// `GROUP BY`
    pub group_by: bool,
    /// An aggregate in `SELECT VALUE`.
    pub value_aggregate: bool,
    /// An aggregate in a select list.
    pub list_aggregate: bool,
    /// No `FROM`: one row, whatever the documents.
    pub constant: bool,
    /// `FROM (SELECT ...)`: the documents are those of an inner query.
    pub derived: bool,
}

impl Shape {
    /// Row by row, with nothing to remember between documents.
    pub fn streams(self) -> bool {
        self == Shape::default()
    }
}

/// A parsed query.
pub struct Query {
    select: ast::Select,
}

/// Parses a query text.
pub fn parse(text: &str) -> Result<Query, SyntaxError> {
    let select = parser::parse(text)?;
    resolve::check(&select)?;
    Ok(Query { select })
}

impl Query {
    /// Which parts of the language it uses.
    pub fn shape(&self) -> Shape {
        let select = &self.select;
        let value = matches!(select.projection, ast::Projection::Value(_));
        let aggregates = !select.aggregates.is_empty();
        Shape {
            order_by: !select.order.is_empty(),
            top: select.top.is_some(),
            offset_limit: select.window.is_some(),
            distinct: select.distinct,
            group_by: !select.group.is_empty(),
            value_aggregate: aggregates && value,
            list_aggregate: aggregates && !value,
            constant: select.from.is_empty(),
            derived: select.derived().is_some(),
        }
    }

    /// The rows one document gives to a streaming query, as JSON texts.
    pub fn row(
        &self,
        parameters: &[(String, Value)],
        document: &str,
    ) -> Result<Vec<String>, EvalError> {
        self.run(parameters, &[document])
    }

    /// The rows of the query over all documents of its scope, as JSON texts.
    pub fn run(
        &self,
        parameters: &[(String, Value)],
        documents: &[&str],
    ) -> Result<Vec<String>, EvalError> {
        let documents: Result<Vec<_>, _> = documents
            .iter()
            .map(|text| select::Document::read(text))
            .collect();
        let rows = select::run(&self.select, parameters, &documents?)?;
        Ok(rows.into_iter().map(select::Row::into_text).collect())
    }
}

/// The `parameters` of a query body: names that start with `@`, each once.
pub fn parameters_from(json: &serde_json::Value) -> Result<Vec<(String, Value)>, String> {
    let given = match json {
        serde_json::Value::Null => return Ok(Vec::new()),
        serde_json::Value::Array(given) => given,
        _ => return Err("The parameters of a query must be an array.".to_owned()),
    };
    let mut parameters: Vec<(String, Value)> = Vec::with_capacity(given.len());
    for parameter in given {
        let (name, value) = named(parameter)?;
        if parameters.iter().any(|(other, _)| *other == name) {
            return Err(format!("The parameter '{name}' is given more than once."));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

fn named(parameter: &serde_json::Value) -> Result<(String, Value), String> {
    let name = parameter.get("name").and_then(serde_json::Value::as_str);
    let name = name.ok_or("Every parameter of a query must have a name.")?;
    if !name.starts_with('@') || name.len() < 2 {
        return Err(format!("The parameter name '{name}' must start with '@'."));
    }
    let value = parameter.get("value").map(Value::deserialize_from);
    Ok((name.to_owned(), value.unwrap_or(Value::Undefined)))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]

    use super::*;

    const DOCUMENT: &str =
        r#"{"id": "1","n":9007199254740993,"f":1.0,"a":{"b":"x"},"l":[1,"2",{"k":3}],"z":null}"#;

    fn rows(text: &str) -> Vec<String> {
        let query = parse(text).map_err(|e| panic!("{text}: {e}")).unwrap();
        query
            .run(&[], &[DOCUMENT])
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    fn value(expression: &str) -> String {
        rows(&format!("SELECT VALUE {expression} FROM c")).join("|")
    }

    #[test]
    fn whole_documents_come_back_byte_for_byte() {
        assert_eq!(rows("SELECT * FROM c"), [DOCUMENT]);
        assert_eq!(
            rows("select value x from c as x where x.id = '1' -- the end"),
            [DOCUMENT]
        );
        assert_eq!(rows("SELECT * FROM c WHERE c.id = '2'"), [""; 0]);
    }
}
