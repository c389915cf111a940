//! Arrays and objects.

use std::collections::HashSet;

use super::super::operators::long;
use super::super::value::Value;
use super::Function;

pub const TABLE: &[Function] = &[
    Function::new("ARRAY_CONCAT", 2, Function::ANY, concat),
    Function::new("ARRAY_CONTAINS", 2, 3, contains),
    Function::new("ARRAY_CONTAINS_ANY", 2, Function::ANY, |args| {
        quantified(args, false)
    }),
    Function::new("ARRAY_CONTAINS_ALL", 2, Function::ANY, |args| {
        quantified(args, true)
    }),
    Function::new("ARRAY_LENGTH", 1, 1, length),
    Function::new("ARRAY_SLICE", 2, 3, slice),
    Function::new("SETINTERSECT", 2, 2, intersect),
    Function::new("SETUNION", 2, 2, union),
    Function::new("OBJECTTOARRAY", 1, 3, pairs),
];

fn concat(args: &[Value]) -> Value {
    let mut all = Vec::new();
    for arg in args {
        let Value::Array(items) = arg else {
            return Value::Undefined;
        };
        all.extend_from_slice(items);
    }
    Value::Array(all)
}

fn contains(args: &[Value]) -> Value {
    match args {
        [Value::Array(items), wanted] => within(items, wanted, false),
        [Value::Array(items), wanted, Value::Bool(partial)] => within(items, wanted, *partial),
        _ => Value::Undefined,
    }
}

fn within(items: &[Value], wanted: &Value, partial: bool) -> Value {
    match wanted.defined() {
        true => Value::Bool(items.iter().any(|item| fits(item, wanted, partial))),
        false => Value::Undefined,
    }
}

/// A partial match of an object has at least the wanted members.
fn fits(item: &Value, wanted: &Value, partial: bool) -> bool {
    match (item, wanted) {
        (Value::Object(_), Value::Object(members)) if partial => {
            let has = |name: &str, value: &Value| {
                item.member(name).is_some_and(|own| fits(own, value, true))
            };
            members.iter().all(|(name, value)| has(name, value))
        }
        _ => item.same(wanted),
    }
}

/// The values wanted follow the array, one by one.
fn quantified(args: &[Value], all: bool) -> Value {
    let Some((Value::Array(items), wanted)) = args.split_first() else {
        return Value::Undefined;
    };
    let has = |value: &Value| items.iter().any(|item| item.same(value));
    Value::Bool(match all {
        true => wanted.iter().all(has),
        false => wanted.iter().any(has),
    })
}

fn length(args: &[Value]) -> Value {
    match args {
        [Value::Array(items)] => Value::integer(items.len() as i128),
        _ => Value::Undefined,
    }
}

/// A negative start counts from the end.
fn slice(args: &[Value]) -> Value {
    let (Some(Value::Array(items)), Some(start)) = (args.first(), args.get(1).and_then(long))
    else {
        return Value::Undefined;
    };
    let take = match args.get(2).map(long) {
        None => usize::MAX,
        Some(Some(n)) => usize::try_from(n).unwrap_or(0),
        Some(None) => return Value::Undefined,
    };
    let distance = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
    let skip = if start < 0 {
        items.len().saturating_sub(distance)
    } else {
        distance
    };
    Value::Array(items.iter().skip(skip).take(take).cloned().collect())
}

fn intersect(args: &[Value]) -> Value {
    let [Value::Array(a), Value::Array(b)] = args else {
        return Value::Undefined;
    };
    let other: HashSet<String> = b.iter().map(Value::key).collect();
    distinct(a.iter().filter(|item| other.contains(&item.key())))
}

fn union(args: &[Value]) -> Value {
    match args {
        [Value::Array(a), Value::Array(b)] => distinct(a.iter().chain(b)),
        _ => Value::Undefined,
    }
}

fn distinct<'a>(items: impl Iterator<Item = &'a Value>) -> Value {
    let mut seen = HashSet::new();
    Value::Array(
        items
            .filter(|item| seen.insert(item.key()))
            .cloned()
            .collect(),
    )
}

/// `[{"k": name, "v": value}, ...]`, under other names if they are given.
fn pairs(args: &[Value]) -> Value {
    let (Some(Value::Object(members)), Some(key), Some(value)) =
        (args.first(), label(args, 1, "k"), label(args, 2, "v"))
    else {
        return Value::Undefined;
    };
    let pair = |(name, own): &(String, Value)| {
        Value::Object(vec![
            (key.clone(), Value::string(name)),
            (value.clone(), own.clone()),
        ])
    };
    Value::Array(members.iter().map(pair).collect())
}

fn label(args: &[Value], at: usize, default: &str) -> Option<String> {
    match args.get(at) {
        None => Some(default.to_owned()),
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => None,
    }
}
