//! Expressions to values.

use std::borrow::Cow;
use std::cell::Cell;

use super::EvalError;
use super::ast::{Expr, Select, Step};
use super::computed::Computed;
use super::operators::{and, binary, compare, equal, like, or, unary};
use super::select::{self, Document};
use super::value::Value;

pub type Result<T> = std::result::Result<T, EvalError>;

/// What the names of an expression stand for.
#[derive(Clone)]
pub struct Env<'a> {
    /// As sent with the query.
    pub parameters: &'a [(String, Value)],
    /// The document at hand.
    pub document: Option<&'a Document<'a>>,
    /// Aliases, the innermost last.
    pub names: Vec<(&'a str, &'a Value)>,
    /// The aggregates of the group at hand.
    pub aggregates: &'a [Value],
    /// Members that queries find and no document holds.
    pub computed: Computed<'a>,
    /// Rows that may still be made.
    pub budget: &'a Cell<u32>,
}

impl<'a> Env<'a> {
    /// With one more name.
    pub fn with<'b>(&self, name: Option<&'b str>, value: &'b Value) -> Env<'b>
    where
        'a: 'b,
    {
        let mut env: Env<'b> = self.clone();
        env.names.extend(name.map(|name| (name, value)));
        env
    }

    /// What a name stands for.
    pub fn named(&self, name: &str) -> Option<&'a Value> {
        self.names
            .iter()
            .rev()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| *value)
    }

    /// A parameter that was not sent has no value.
    pub fn parameter(&self, name: &str) -> &'a Value {
        let found = self.parameters.iter().find(|(n, _)| n == name);
        found.map_or(&Value::Undefined, |(_, value)| value)
    }

    /// Takes one row off the budget: joins multiply, and nobody waits for a billion rows.
    pub fn spend(&self) -> Result<()> {
        let left = self.budget.get().checked_sub(1);
        let refusal = || EvalError::Unsupported("it makes too many rows".to_owned());
        self.budget.set(left.ok_or_else(refusal)?);
        Ok(())
    }
}

/// The value of an expression.
pub fn eval(expr: &Expr, env: &Env) -> Result<Value> {
    Ok(match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Parameter(name) => env.parameter(name).clone(),
        Expr::Name(name, _) => env.named(name).cloned().unwrap_or(Value::Undefined),
        Expr::Path(base, steps, _) => path(base, steps, env)?,
        Expr::Unary(operator, a) => unary(*operator, &eval(a, env)?),
        Expr::Binary(operator, a, b) => binary(*operator, &eval(a, env)?, &eval(b, env)?),
        Expr::All(items) => fold(items, env, Value::Bool(true), and)?,
        Expr::Any(items) => fold(items, env, Value::Bool(false), or)?,
        Expr::Coalesce(items) => coalesce(items, env)?,
        Expr::Conditional(parts) => conditional(parts, env)?,
        Expr::In(a, items) => one_of(a, items, env)?,
        Expr::Between(parts) => between(parts, env)?,
        Expr::Like(a, b, escape) => like(&eval(a, env)?, &eval(b, env)?, *escape),
        Expr::Call(function, _, arguments) => (function.call)(&values(arguments, env)?),
        Expr::Foreign(name, _) => return Err(unsupported(name)),
        Expr::Array(items) => array(values(items, env)?),
        Expr::Object(members) => object(members.iter().map(|(name, expr)| (name, expr)), env)?,
        Expr::Aggregate(slot) => env
            .aggregates
            .get(*slot)
            .cloned()
            .unwrap_or(Value::Undefined),
        Expr::Exists(select) => Value::Bool(!subquery(select, env)?.is_empty()),
        Expr::ArrayOf(select) => array(subquery(select, env)?),
        Expr::Scalar(select) => scalar(subquery(select, env)?)?,
    })
}

fn unsupported(name: &str) -> EvalError {
    EvalError::Unsupported(format!("{name} is not implemented in the sandbox."))
}

fn values(exprs: &[Expr], env: &Env) -> Result<Vec<Value>> {
    exprs.iter().map(|expr| eval(expr, env)).collect()
}

fn array(items: Vec<Value>) -> Value {
    Value::Array(items.into_iter().filter(Value::defined).collect())
}

/// An object of the members that have a value; a repeated name keeps its last.
pub fn object<'e>(
    members: impl Iterator<Item = (&'e String, &'e Expr)>,
    env: &Env,
) -> Result<Value> {
    let mut object: Vec<(String, Value)> = Vec::new();
    for (name, expr) in members {
        let value = eval(expr, env)?;
        if value.defined() {
            object.retain(|(other, _)| other != name);
            object.push((name.clone(), value));
        }
    }
    Ok(Value::Object(object))
}

fn path(base: &Expr, steps: &[Step], env: &Env) -> Result<Value> {
    // Only what the path leads to is copied, not the document it starts from.
    let mut steps = steps;
    let mut at = match base {
        Expr::Name(name, _) => match (env.named(name), env.computed.find(name, steps)) {
            (Some(document), Some((property, rest))) => {
                steps = rest;
                Cow::Owned(property.of(document, env)?)
            }
            (Some(value), None) => Cow::Borrowed(value),
            (None, _) => Cow::Owned(Value::Undefined),
        },
        Expr::Parameter(name) => Cow::Borrowed(env.parameter(name)),
        _ => Cow::Owned(eval(base, env)?),
    };
    for step in steps {
        let index = match step {
            Step::Name(..) => Value::Undefined,
            Step::Index(index) => eval(index, env)?,
        };
        at = match at {
            Cow::Borrowed(value) => inside(value, step, &index).map(Cow::Borrowed),
            Cow::Owned(value) => inside(&value, step, &index).cloned().map(Cow::Owned),
        }
        .unwrap_or(Cow::Owned(Value::Undefined));
    }
    Ok(at.into_owned())
}

fn inside<'v>(value: &'v Value, step: &Step, index: &Value) -> Option<&'v Value> {
    match (value, step, index) {
        (value, Step::Name(name, _), _) => value.member(name),
        (value, _, Value::String(name)) => value.member(name),
        (Value::Array(items), _, Value::Number(n)) => {
            items.get(usize::try_from(n.integer()?).ok()?)
        }
        _ => None,
    }
}

fn fold(
    items: &[Expr],
    env: &Env,
    neutral: Value,
    join: fn(&Value, &Value) -> Value,
) -> Result<Value> {
    let decided = !neutral.is_true();
    let mut result = neutral;
    for item in items {
        result = join(&result, &eval(item, env)?);
        if matches!(result, Value::Bool(b) if b == decided) {
            break;
        }
    }
    Ok(result)
}

fn coalesce(items: &[Expr], env: &Env) -> Result<Value> {
    for item in items {
        let value = eval(item, env)?;
        if value.defined() {
            return Ok(value);
        }
    }
    Ok(Value::Undefined)
}

fn conditional([condition, then, otherwise]: &[Expr; 3], env: &Env) -> Result<Value> {
    match eval(condition, env)?.is_true() {
        true => eval(then, env),
        false => eval(otherwise, env),
    }
}

fn one_of(a: &Expr, items: &[Expr], env: &Env) -> Result<Value> {
    let a = eval(a, env)?;
    let mut found = Value::Bool(false);
    for item in items {
        found = or(&found, &equal(&a, &eval(item, env)?));
    }
    Ok(found)
}

fn between([a, low, high]: &[Expr; 3], env: &Env) -> Result<Value> {
    let a = eval(a, env)?;
    let above = compare(&a, &eval(low, env)?, std::cmp::Ordering::is_ge);
    let below = compare(&a, &eval(high, env)?, std::cmp::Ordering::is_le);
    Ok(and(&above, &below))
}

fn subquery(select: &Select, env: &Env) -> Result<Vec<Value>> {
    let rows = select::rows(select, env, None)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

fn scalar(rows: Vec<Value>) -> Result<Value> {
    let mut rows = rows.into_iter();
    let first = rows.next().unwrap_or(Value::Undefined);
    match rows.next() {
        None => Ok(first),
        Some(_) => {
            let message =
                "The cardinality of a scalar subquery result set cannot be greater than one.";
            Err(EvalError::BadRequest(message.to_owned()))
        }
    }
}
