//! Numbers.

use super::super::operators::long;
use super::super::value::Value;
use super::Function;

pub const TABLE: &[Function] = &[
    Function::new("ABS", 1, 1, |args| float(args, f64::abs)),
    Function::new("CEILING", 1, 1, |args| float(args, f64::ceil)),
    Function::new("FLOOR", 1, 1, |args| float(args, f64::floor)),
    Function::new("ROUND", 1, 2, round),
    Function::new("TRUNC", 1, 1, |args| float(args, f64::trunc)),
    Function::new("SIGN", 1, 1, |args| float(args, sign)),
    Function::new("SQRT", 1, 1, |args| float(args, f64::sqrt)),
    Function::new("SQUARE", 1, 1, |args| float(args, |n| n * n)),
    Function::new("POWER", 2, 2, |args| floats(args, f64::powf)),
    Function::new("EXP", 1, 1, |args| float(args, f64::exp)),
    Function::new("LOG", 1, 2, log),
    Function::new("LOG10", 1, 1, |args| float(args, f64::log10)),
    Function::new("SIN", 1, 1, |args| float(args, f64::sin)),
    Function::new("COS", 1, 1, |args| float(args, f64::cos)),
    Function::new("TAN", 1, 1, |args| float(args, f64::tan)),
    Function::new("ASIN", 1, 1, |args| float(args, f64::asin)),
    Function::new("ACOS", 1, 1, |args| float(args, f64::acos)),
    Function::new("ATAN", 1, 1, |args| float(args, f64::atan)),
    Function::new("ATN2", 2, 2, |args| floats(args, f64::atan2)),
    Function::new("COT", 1, 1, |args| float(args, |n| 1.0 / n.tan())),
    Function::new("DEGREES", 1, 1, |args| float(args, f64::to_degrees)),
    Function::new("RADIANS", 1, 1, |args| float(args, f64::to_radians)),
    Function::new("PI", 0, 0, |_| Value::float(std::f64::consts::PI)),
    Function::new("INTADD", 2, 2, |args| integers(args, i64::checked_add)),
    Function::new("INTSUB", 2, 2, |args| integers(args, i64::checked_sub)),
    Function::new("INTMUL", 2, 2, |args| integers(args, i64::checked_mul)),
    Function::new("INTDIV", 2, 2, |args| integers(args, i64::checked_div)),
    Function::new("INTMOD", 2, 2, |args| integers(args, i64::checked_rem)),
    Function::new("INTBITAND", 2, 2, |args| integers(args, |a, b| Some(a & b))),
    Function::new("INTBITOR", 2, 2, |args| integers(args, |a, b| Some(a | b))),
    Function::new("INTBITXOR", 2, 2, |args| integers(args, |a, b| Some(a ^ b))),
    Function::new("INTBITNOT", 1, 1, |args| integer(args, |n| !n)),
    Function::new("INTBITLEFTSHIFT", 2, 2, |args| {
        integers(args, |a, b| shift(a, b, i64::wrapping_shl))
    }),
    Function::new("INTBITRIGHTSHIFT", 2, 2, |args| {
        integers(args, |a, b| shift(a, b, i64::wrapping_shr))
    }),
];

fn float(args: &[Value], compute: fn(f64) -> f64) -> Value {
    match args {
        [Value::Number(n)] => Value::float(compute(n.double())),
        _ => Value::Undefined,
    }
}

fn floats(args: &[Value], compute: fn(f64, f64) -> f64) -> Value {
    match args {
        [Value::Number(a), Value::Number(b)] => Value::float(compute(a.double(), b.double())),
        _ => Value::Undefined,
    }
}

fn integer(args: &[Value], compute: fn(i64) -> i64) -> Value {
    let result = args.first().and_then(long).map(compute);
    result.map_or(Value::Undefined, |n| Value::integer(n.into()))
}

fn integers(args: &[Value], compute: fn(i64, i64) -> Option<i64>) -> Value {
    let result = match args {
        [a, b] => long(a).zip(long(b)).and_then(|(a, b)| compute(a, b)),
        _ => None,
    };
    result.map_or(Value::Undefined, |n| Value::integer(n.into()))
}

fn shift(n: i64, by: i64, compute: fn(i64, u32) -> i64) -> Option<i64> {
    u32::try_from(by)
        .ok()
        .filter(|by| *by < 64)
        .map(|by| compute(n, by))
}

fn sign(n: f64) -> f64 {
    match n {
        n if n > 0.0 => 1.0,
        n if n < 0.0 => -1.0,
        _ => 0.0,
    }
}

/// To the nearest, halves away from zero; the second argument is a number of digits.
fn round(args: &[Value]) -> Value {
    match args {
        [n] => float(std::slice::from_ref(n), f64::round),
        [Value::Number(n), digits] => match long(digits).and_then(|n| i32::try_from(n).ok()) {
            Some(digits) => {
                Value::float((n.double() * 10f64.powi(digits)).round() / 10f64.powi(digits))
            }
            None => Value::Undefined,
        },
        _ => Value::Undefined,
    }
}

fn log(args: &[Value]) -> Value {
    match args {
        [n] => float(std::slice::from_ref(n), f64::ln),
        _ => floats(args, f64::log),
    }
}
