//! Strings. Positions and lengths are in characters.

use super::super::operators::long;
use super::super::value::Value;
use super::Function;

/// The longest string a function may make.
const LONGEST: usize = 4 << 20;

pub const TABLE: &[Function] = &[
    Function::new("CONCAT", 2, Function::ANY, concat),
    Function::new("CONTAINS", 2, 3, |args| {
        test(args, |text, part| text.contains(part))
    }),
    Function::new("STARTSWITH", 2, 3, |args| {
        test(args, |text, part| text.starts_with(part))
    }),
    Function::new("ENDSWITH", 2, 3, |args| {
        test(args, |text, part| text.ends_with(part))
    }),
    Function::new("STRINGEQUALS", 2, 3, |args| {
        test(args, |text, other| text == other)
    }),
    Function::new("INDEX_OF", 2, 3, index_of),
    Function::new("LEFT", 2, 2, left),
    Function::new("RIGHT", 2, 2, right),
    Function::new("LENGTH", 1, 1, length),
    Function::new("LOWER", 1, 1, |args| text(args, str::to_lowercase)),
    Function::new("UPPER", 1, 1, |args| text(args, str::to_uppercase)),
    Function::new("LTRIM", 1, 2, |args| trim(args, true, false)),
    Function::new("RTRIM", 1, 2, |args| trim(args, false, true)),
    Function::new("TRIM", 1, 2, |args| trim(args, true, true)),
    Function::new("REPLACE", 3, 3, replace),
    Function::new("REPLICATE", 2, 2, replicate),
    Function::new("REVERSE", 1, 1, |args| {
        text(args, |text| text.chars().rev().collect())
    }),
    Function::new("SUBSTRING", 3, 3, substring),
    Function::new("STRINGJOIN", 2, 2, join),
    Function::new("STRINGSPLIT", 2, 2, split),
    Function::new("TOSTRING", 1, 1, to_string),
    Function::new("STRINGTONUMBER", 1, 1, |args| {
        parsed(args, |v| matches!(v, Value::Number(_)))
    }),
    Function::new("STRINGTOBOOLEAN", 1, 1, |args| {
        parsed(args, |v| matches!(v, Value::Bool(_)))
    }),
    Function::new("STRINGTONULL", 1, 1, |args| {
        parsed(args, |v| matches!(v, Value::Null))
    }),
    Function::new("STRINGTOARRAY", 1, 1, |args| {
        parsed(args, |v| matches!(v, Value::Array(_)))
    }),
    Function::new("STRINGTOOBJECT", 1, 1, |args| {
        parsed(args, |v| matches!(v, Value::Object(_)))
    }),
];

fn concat(args: &[Value]) -> Value {
    let mut all = String::new();
    for arg in args {
        let Value::String(text) = arg else {
            return Value::Undefined;
        };
        all.push_str(text);
    }
    Value::String(all)
}

/// A test of one string by another; a third argument, true, ignores case.
fn test(args: &[Value], holds: fn(&str, &str) -> bool) -> Value {
    match args {
        [Value::String(a), Value::String(b)]
        | [Value::String(a), Value::String(b), Value::Bool(false)] => Value::Bool(holds(a, b)),
        [Value::String(a), Value::String(b), Value::Bool(true)] => {
            Value::Bool(holds(&a.to_lowercase(), &b.to_lowercase()))
        }
        _ => Value::Undefined,
    }
}

fn text(args: &[Value], change: fn(&str) -> String) -> Value {
    match args {
        [Value::String(text)] => Value::String(change(text)),
        _ => Value::Undefined,
    }
}

/// A count of characters; a negative one is none.
fn size(value: &Value) -> Option<usize> {
    long(value).map(|n| usize::try_from(n).unwrap_or(0))
}

/// The place of one string in another, or -1; a third argument is where to begin.
fn index_of(args: &[Value]) -> Value {
    let (Some(Value::String(text)), Some(Value::String(part))) = (args.first(), args.get(1)) else {
        return Value::Undefined;
    };
    let Some(from) = args.get(2).map_or(Some(0), size) else {
        return Value::Undefined;
    };
    let rest: String = text.chars().skip(from).collect();
    let found = rest.find(part.as_str()).and_then(|at| rest.get(..at));
    let place = found.map_or(-1, |before| (before.chars().count() + from) as i128);
    Value::integer(place)
}

fn left(args: &[Value]) -> Value {
    match args {
        [Value::String(text), n] => cut(text, Some(0), size(n)),
        _ => Value::Undefined,
    }
}

fn right(args: &[Value]) -> Value {
    match args {
        [Value::String(text), n] => {
            let skip = size(n).map(|n| text.chars().count().saturating_sub(n));
            cut(text, skip, Some(usize::MAX))
        }
        _ => Value::Undefined,
    }
}

fn substring(args: &[Value]) -> Value {
    match args {
        [Value::String(text), start, n] => cut(text, size(start), size(n)),
        _ => Value::Undefined,
    }
}

fn cut(text: &str, skip: Option<usize>, take: Option<usize>) -> Value {
    match (skip, take) {
        (Some(skip), Some(take)) => Value::String(text.chars().skip(skip).take(take).collect()),
        _ => Value::Undefined,
    }
}

fn length(args: &[Value]) -> Value {
    match args {
        [Value::String(text)] => Value::integer(text.chars().count() as i128),
        _ => Value::Undefined,
    }
}

/// Whitespace, or else the second argument as often as it is there.
fn trim(args: &[Value], start: bool, end: bool) -> Value {
    let (mut rest, part) = match args {
        [Value::String(text)] => (text.as_str(), None),
        [Value::String(text), Value::String(part)] => (text.as_str(), Some(part.as_str())),
        _ => return Value::Undefined,
    };
    if start {
        rest = part.map_or_else(|| rest.trim_start(), |part| trim_start(rest, part));
    }
    if end {
        rest = part.map_or_else(|| rest.trim_end(), |part| trim_end(rest, part));
    }
    Value::string(rest)
}

fn trim_start<'a>(text: &'a str, part: &str) -> &'a str {
    if part.is_empty() {
        text
    } else {
        text.trim_start_matches(part)
    }
}

fn trim_end<'a>(text: &'a str, part: &str) -> &'a str {
    if part.is_empty() {
        text
    } else {
        text.trim_end_matches(part)
    }
}

fn replace(args: &[Value]) -> Value {
    let [Value::String(text), Value::String(old), Value::String(new)] = args else {
        return Value::Undefined;
    };
    if old.is_empty() {
        return Value::string(text);
    }
    let times = text.matches(old.as_str()).count();
    match times.saturating_mul(new.len()) <= LONGEST {
        true => Value::String(text.replace(old.as_str(), new)),
        false => Value::Undefined,
    }
}

fn replicate(args: &[Value]) -> Value {
    match args {
        [Value::String(text), n] => match long(n).and_then(|n| usize::try_from(n).ok()) {
            Some(n) if n.saturating_mul(text.len()) <= LONGEST => Value::String(text.repeat(n)),
            _ => Value::Undefined,
        },
        _ => Value::Undefined,
    }
}

fn join(args: &[Value]) -> Value {
    let [Value::Array(items), Value::String(between)] = args else {
        return Value::Undefined;
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        let Value::String(text) = item else {
            return Value::Undefined;
        };
        texts.push(text.as_str());
    }
    Value::String(texts.join(between))
}

fn split(args: &[Value]) -> Value {
    match args {
        [Value::String(text), Value::String(between)] if between.is_empty() => {
            Value::Array(vec![Value::string(text)])
        }
        [Value::String(text), Value::String(between)] => {
            Value::Array(text.split(between.as_str()).map(Value::string).collect())
        }
        _ => Value::Undefined,
    }
}

fn to_string(args: &[Value]) -> Value {
    match args {
        [Value::Undefined] => Value::Undefined,
        [Value::String(text)] => Value::string(text),
        [value] => Value::String(value.json()),
        _ => Value::Undefined,
    }
}

/// A string that holds the JSON of a value of the wanted type.
fn parsed(args: &[Value], wanted: fn(&Value) -> bool) -> Value {
    match args {
        [Value::String(text)] => Value::parse(text)
            .ok()
            .filter(wanted)
            .unwrap_or(Value::Undefined),
        _ => Value::Undefined,
    }
}
