//! A query as it was posted: its text, its parameters, and what it needs.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::definition::{self, Definition};
use super::plan::Frame;
use super::reply::{Exchange, Refusal};
use crate::cosmos::limits::QUERY_BYTES;
use crate::sandbox::sql::{
    self, EvalError, Keys, Placed, Plan, Query, Setting, Shape, SyntaxError,
};

/// A query that was understood.
pub struct Statement {
    query: Query,
    parameters: Vec<(String, sql::Value)>,
}

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
    if text.len() > QUERY_BYTES {
        return Err(refuse(format!(
            "The SQL query text exceeded the maximum limit of {QUERY_BYTES} characters."
        )));
    }
    let resume = body.get("resumeFilter").filter(|filter| !filter.is_null());
    let resume = resume.map(sql::Resume::read).transpose();
    let resume = resume.map_err(refusal)?;
    let parameters = body.get("parameters").unwrap_or(&Value::Null);
    Ok(Statement {
        query: sql::parse(text)
            .map_err(|error| syntax(&error))?
            .after(resume),
        parameters: sql::parameters_from(parameters).map_err(refuse)?,
    })
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal::new(400, message)
}

/// A syntax error in the form of its own that the service has for them.
pub fn syntax(error: &SyntaxError) -> Refusal {
    let errors: Vec<String> = std::iter::once(error).chain(&error.also).map(one).collect();
    let mut refusal = Refusal::errors(400, &Value::Null);
    refusal.message = format!("{{\"errors\":[{}]}}", errors.join(","));
    refusal
}

/// Members in the order the service has them; older errors have a number and no place.
fn one(error: &SyntaxError) -> String {
    let message = json!(error.message);
    match error.code.parse::<u32>() {
        Ok(code) => {
            format!("{{\"severity\":\"Error\",\"code\":{code},\"message\":{message}}}")
        }
        Err(_) => format!(
            "{{\"severity\":\"Error\",\"location\":{{\"start\":{},\"end\":{}}},\"code\":\"{}\",\"message\":{message}}}",
            error.start, error.end, error.code
        ),
    }
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
    /// The same over a container that has computed properties.
    pub fn over(self, container: &Definition) -> Self {
        let computed = definition::computed(container);
        let computed = computed.filter_map(Result::ok).collect();
        let query = self.query.with(computed);
        Self { query, ..self }
    }

    /// What each range is to be asked, and what is to be done with the answers.
    pub fn plan(&self, frame: &Frame) -> Result<Plan, Refusal> {
        self.with_setting(frame, |setting| self.query.plan(setting))
    }

    /// Which partition keys can have answers.
    pub fn keys(&self, frame: &Frame) -> Result<Keys, Refusal> {
        self.with_setting(frame, |setting| self.query.keys(setting))
    }

    fn with_setting<T>(
        &self,
        frame: &Frame,
        make: impl FnOnce(&Setting) -> Result<T, EvalError>,
    ) -> Result<T, Refusal> {
        let setting = Setting {
            parameters: &self.parameters,
            paths: &frame.paths,
            hierarchical: frame.hierarchical,
            keyed: frame.keyed,
            nearest_first: &|path| frame.nearest_first(path),
        };
        make(&setting).map_err(refusal)
    }

    /// The paths it filters and orders by.
    pub fn paths(&self) -> Vec<Vec<String>> {
        self.query.paths()
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

    /// Two rows by what the order compares, and else by the numbers of their items.
    pub fn compare<N: Ord>(&self, a: (&[sql::Value], N), b: (&[sql::Value], N)) -> Ordering {
        self.query.compare(a, b)
    }

    /// Whether the index is read from its end.
    pub fn backwards(&self) -> bool {
        self.query.backwards()
    }

    /// All rows over all documents, those that are not of `own` left out; see [`Query::divided`].
    pub fn divided(
        &self,
        documents: &[&str],
        own: &[bool],
        first: bool,
    ) -> Result<Vec<Placed>, Refusal> {
        let rows = self.query.divided(&self.parameters, documents, own, first);
        rows.map_err(refusal)
    }
}
