//! `TOP`, `OFFSET` and `LIMIT` with their parameters filled in.

use super::super::ast::{Count, Select};
use super::super::{EvalError, Value};

/// The counts of a query.
#[derive(Debug, Default)]
pub struct Window {
    pub top: Option<u64>,
    pub offset: Option<u64>,
    pub limit: Option<u64>,
}

/// Reads the counts.
pub fn read(select: &Select, parameters: &[(String, Value)]) -> Result<Window, EvalError> {
    let number = |count: &Count| resolve(count, parameters);
    let window = select.window.as_ref();
    Ok(Window {
        top: select.top.as_ref().map(number).transpose()?,
        offset: window.map(|(offset, _)| number(offset)).transpose()?,
        limit: window.map(|(_, limit)| number(limit)).transpose()?,
    })
}

fn resolve(count: &Count, parameters: &[(String, Value)]) -> Result<u64, EvalError> {
    let name = match count {
        Count::Number(number) => return Ok(*number),
        Count::Parameter(name) => name,
    };
    let given = parameters.iter().find(|(given, _)| given == name);
    let number = match given {
        Some((_, Value::Number(number))) => number.integer(),
        _ => None,
    };
    let number = number.and_then(|number| u32::try_from(number).ok());
    let refusal = || EvalError::BadRequest(format!("The value '{name}' is not a valid count."));
    number.map(u64::from).ok_or_else(refusal)
}

impl Window {
    /// A range cannot know how much the ranges before it gave: all of it is asked from each.
    pub fn line(&self) -> String {
        match (self.offset, self.limit) {
            (Some(offset), Some(limit)) => format!("\nOFFSET 0 LIMIT {}", offset + limit),
            _ => String::new(),
        }
    }
}
