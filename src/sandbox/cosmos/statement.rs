//! A query as it was posted: its text, its parameters, and what it needs.

use serde_json::{Value, json};

use super::reply::{Exchange, Refusal};
use crate::sandbox::sql::{self, EvalError, Query, Shape, SyntaxError};

/// A query that was understood.
pub struct Statement {
    /// As it was sent.
    pub text: String,
    given: Value,
    query: Query,
    parameters: Vec<(String, sql::Value)>,
}

/// The longest query text, as the account says.
const LONGEST: usize = 524_288;

/// Whether the body is a query and not a resource: only the one content type says so, or that a plan is wanted.
pub fn is_query(exchange: &Exchange) -> Result<bool, Refusal> {
    let content = exchange
        .header("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    match content.as_str() {
        _ if exchange.request.method != "POST" => Ok(false),
        "application/query+json" => Ok(true),
        _ if exchange.flag("x-ms-cosmos-is-query-plan-request") => Ok(true),
        "application/sql" => Err(Refusal::absent("queries as application/sql")),
        other if other.starts_with("application/query+json") => Err(Refusal::gateway(
            400,
            format!(
                "The content type '{other}' is invalid: a query is 'application/query+json' without parameters."
            ),
        )),
        _ => Ok(false),
    }
}

/// Reads the body of a query.
pub fn read(exchange: &Exchange) -> Result<Statement, Refusal> {
    let body: Value = serde_json::from_slice(&exchange.request.body)
        .map_err(|_| refuse("The input content is invalid: a query is a JSON object."))?;
    let text = body
        .get("query")
        .and_then(Value::as_str)
        .ok_or_else(|| refuse(super::definition::missing("query")))?;
    if text.len() > LONGEST {
        return Err(refuse(format!(
            "The SQL query text exceeded the maximum limit of {LONGEST} characters."
        )));
    }
    let parameters = body.get("parameters").unwrap_or(&Value::Null);
    Ok(Statement {
        text: text.to_owned(),
        given: parameters.clone(),
        query: sql::parse(text).map_err(|error| syntax(&error))?,
        parameters: sql::parameters_from(parameters).map_err(refuse)?,
    })
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal::new(400, message)
}

/// A syntax error in the form of its own that the service has for them.
pub fn syntax(error: &SyntaxError) -> Refusal {
    let SyntaxError {
        code,
        message,
        start,
        end,
    } = error;
    Refusal::errors(
        400,
        &json!({"errors": [{
            "severity": "Error",
            "location": {"start": start, "end": end},
            "code": code,
            "message": message,
        }]}),
    )
}

/// A query that could be read and not answered.
pub fn refusal(error: EvalError) -> Refusal {
    match error {
        EvalError::Unsupported(what) => {
            Refusal::gateway(501, format!("The sandbox cannot answer this query: {what}"))
        }
        EvalError::BadRequest(message) => refuse(message),
    }
}

impl Statement {
    /// A number, or the parameter of that name if it is one.
    pub fn count(&self, text: &str) -> Option<u64> {
        if !text.starts_with('@') {
            return text.parse().ok();
        }
        let given = self.given.as_array()?.iter();
        let mut named =
            given.filter(|parameter| parameter.get("name").is_some_and(|name| name == text));
        named.next()?.get("value")?.as_u64()
    }

    /// Which parts of the language it uses.
    pub fn shape(&self) -> Shape {
        self.query.shape()
    }

    /// The rows one document gives, where the query streams.
    pub fn row(&self, document: &str) -> Result<Vec<String>, Refusal> {
        self.query.row(&self.parameters, document).map_err(refusal)
    }

    /// All rows over all documents.
    pub fn run(&self, documents: &[&str]) -> Result<Vec<String>, Refusal> {
        self.query.run(&self.parameters, documents).map_err(refusal)
    }
}
