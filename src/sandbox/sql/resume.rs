//! Where an ordered query goes on: the last row its client has, told by what the order compares.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::ast::Select;
use super::order::compare;
use super::select::{Document, Row};
use super::value::Value;
use super::{EvalError, eval::Result};
use crate::sandbox::cosmos::rid;

/// The `resumeFilter` of a query.
pub struct Resume {
    keys: Vec<Value>,
    rid: Option<Option<u64>>,
    exclude: bool,
}

impl Resume {
    /// From its JSON: `{"value": […], "rid": …, "exclude": …}`.
    pub fn read(json: &Json) -> Result<Self> {
        let keys = json.get("value").and_then(Json::as_array);
        let keys = keys.ok_or_else(|| refused("it needs an array of values"))?;
        let rid = json.get("rid").and_then(Json::as_str);
        Ok(Self {
            keys: keys.iter().map(key).collect::<Result<_>>()?,
            rid: rid.map(rid::number),
            exclude: json.get("exclude") == Some(&Json::Bool(true)),
        })
    }

    /// Leaves out what comes before it.
    pub fn apply(
        &self,
        select: &Select,
        mut rows: Vec<Row>,
        documents: &[Document],
    ) -> Result<Vec<Row>> {
        if self.keys.len() != select.order.len() || self.keys.is_empty() {
            return Err(refused("it needs a value for each item of ORDER BY"));
        }
        rows.retain(|row| {
            // Without a number all rows of the keys are there, or none.
            let (own, wanted) = match self.rid {
                Some(rid) => (number(row, documents), rid),
                None => (None, None),
            };
            match compare(select, (&row.keys, own), (&self.keys, wanted)) {
                Ordering::Equal => !self.exclude,
                order => order.is_gt(),
            }
        });
        Ok(rows)
    }
}

/// The number of the document a row is of.
fn number(row: &Row, documents: &[Document]) -> Option<u64> {
    match documents.get(row.place()?)?.value.member("_rid")? {
        Value::String(rid) => rid::number(rid),
        _ => None,
    }
}

/// An empty array stands for no value.
fn key(json: &Json) -> Result<Value> {
    match json {
        Json::Array(items) if items.is_empty() => Ok(Value::Undefined),
        Json::Array(_) | Json::Object(_) => Err(EvalError::Unsupported(
            "it resumes at an array or an object.".into(),
        )),
        scalar => Ok(Value::deserialize_from(scalar)),
    }
}

fn refused(what: &str) -> EvalError {
    EvalError::BadRequest(format!(
        "The resume filter of the query is invalid: {what}."
    ))
}
