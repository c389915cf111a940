//! What comes before what, and how much of it: ORDER BY, TOP, OFFSET and LIMIT.

use std::cmp::Ordering;

use super::EvalError;
use super::ast::{Count, Select};
use super::eval::{Env, Result};
use super::select::Row;
use super::value::Value;

/// Two rows by what ORDER BY compares, and else by the numbers of their documents.
pub fn compare<N: Ord>(select: &Select, a: (&[Value], N), b: (&[Value], N)) -> Ordering {
    let keys = order(select, a.0, b.0);
    keys.then_with(|| match backwards(select) {
        true => b.1.cmp(&a.1),
        false => a.1.cmp(&b.1),
    })
}

/// Whether the index is read from its end.
pub fn backwards(select: &Select) -> bool {
    select.order.first().is_some_and(|order| order.descending)
}

fn order(select: &Select, a: &[Value], b: &[Value]) -> Ordering {
    let pairs = select.order.iter().zip(a.iter().zip(b));
    let compared = pairs.map(|(order, (a, b))| match order.descending {
        true => b.order(a),
        false => a.order(b),
    });
    compared.fold(Ordering::Equal, Ordering::then)
}

/// The rows that TOP or OFFSET and LIMIT leave.
pub fn window(select: &Select, env: &Env, rows: Vec<Row>) -> Result<Vec<Row>> {
    let mut skip = 0;
    let mut take = usize::MAX;
    if let Some((offset, limit)) = &select.window {
        skip = count(offset, "OFFSET", env)?;
        take = count(limit, "LIMIT", env)?;
    }
    if let Some(top) = &select.top {
        take = take.min(count(top, "TOP", env)?);
    }
    Ok(rows.into_iter().skip(skip).take(take).collect())
}

fn count(count: &Count, clause: &str, env: &Env) -> Result<usize> {
    let number = match count {
        Count::Number(n) => usize::try_from(*n).ok(),
        Count::Parameter(name) => match env.parameter(name) {
            Value::Number(n) => n
                .integer()
                .and_then(|n| u32::try_from(n).ok())
                .map(|n| n as usize),
            _ => None,
        },
    };
    let refusal = || {
        format!("The count value provided for a {clause} clause must be a non-negative integer.")
    };
    number.ok_or_else(|| EvalError::BadRequest(refusal()))
}
