//! What a value is, and choosing between values.

use super::super::operators::long;
use super::super::value::Value;
use super::Function;

pub const TABLE: &[Function] = &[
    Function::new("IS_DEFINED", 1, 1, |args| is(args, Value::defined)),
    Function::new("IS_NULL", 1, 1, |args| {
        is(args, |v| matches!(v, Value::Null))
    }),
    Function::new("IS_BOOL", 1, 1, |args| {
        is(args, |v| matches!(v, Value::Bool(_)))
    }),
    Function::new("IS_NUMBER", 1, 1, |args| {
        is(args, |v| matches!(v, Value::Number(_)))
    }),
    Function::new("IS_STRING", 1, 1, |args| {
        is(args, |v| matches!(v, Value::String(_)))
    }),
    Function::new("IS_ARRAY", 1, 1, |args| {
        is(args, |v| matches!(v, Value::Array(_)))
    }),
    Function::new("IS_OBJECT", 1, 1, |args| {
        is(args, |v| matches!(v, Value::Object(_)))
    }),
    Function::new("IS_PRIMITIVE", 1, 1, |args| is(args, primitive)),
    Function::new("IS_FINITE_NUMBER", 1, 1, |args| {
        is(args, |v| matches!(v, Value::Number(_)))
    }),
    Function::new("IS_INTEGER", 1, 1, |args| is(args, |v| long(v).is_some())),
    Function::new("IIF", 3, 3, choose_if),
    Function::new("CHOOSE", 2, Function::ANY, choose),
];

fn is(args: &[Value], holds: fn(&Value) -> bool) -> Value {
    Value::Bool(args.first().is_some_and(holds))
}

fn primitive(value: &Value) -> bool {
    matches!(
        value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)
    )
}

fn choose_if(args: &[Value]) -> Value {
    match args {
        [Value::Bool(true), then, _] => then.clone(),
        [_, _, otherwise] => otherwise.clone(),
        _ => Value::Undefined,
    }
}

/// Counts from one.
fn choose(args: &[Value]) -> Value {
    let index = args
        .first()
        .and_then(long)
        .and_then(|n| usize::try_from(n).ok());
    let chosen = index.filter(|n| *n > 0).and_then(|n| args.get(n));
    chosen.cloned().unwrap_or(Value::Undefined)
}
