//! Which partition keys the items that pass the filter can have.

use std::cell::Cell;

use super::super::EvalError;
use super::super::ast::{Binary, Expr, Select, Unary};
use super::super::eval::{self, Env};
use super::super::value::Value;
use super::Setting;
use super::scope::Scope;

/// One value for each part of the key; fewer where the filter tells only the first parts of a hierarchy.
pub type Point = Vec<Value>;

/// The partition keys that can have answers.
#[derive(Debug, Default, PartialEq)]
pub enum Keys {
    /// Any may.
    #[default]
    All,
    /// These only; where there is none, nothing passes the filter.
    Points(Vec<Point>),
}

/// What is known of each part of the key, in each of the cases in which the filter holds.
type Cases = Vec<Vec<Option<Value>>>;

/// More cases than these are no longer told apart.
const MOST: usize = 2000;

/// The keys a query is over.
pub fn of(select: &Select, setting: &Setting) -> Result<Keys, EvalError> {
    if select.from.is_empty() {
        return Ok(Keys::Points(Vec::new()));
    }
    let Some(filter) = &select.filter else {
        return Ok(Keys::All);
    };
    let sieve = Sieve {
        scope: Scope::of(select),
        setting,
    };
    let cases = sieve.cases(filter, true)?;
    if cases.len() > MOST {
        return Ok(Keys::All);
    }
    let points = cases.into_iter().map(|case| sieve.point(case));
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        match point {
            None => return Ok(Keys::All),
            Some(point) if kept.contains(&point) => {}
            Some(point) => kept.push(point),
        }
    }
    Ok(Keys::Points(kept))
}

struct Sieve<'a> {
    scope: Scope,
    setting: &'a Setting<'a>,
}

impl Sieve<'_> {
    /// The leading parts that are known; of a key that is hashed as a whole, all or nothing.
    fn point(&self, case: Vec<Option<Value>>) -> Option<Point> {
        let parts = case.len();
        let point: Point = case.into_iter().map_while(|part| part).collect();
        let enough = match self.setting.hierarchical {
            true => !point.is_empty(),
            false => point.len() == parts && parts > 0,
        };
        enough.then_some(point)
    }

    fn any(&self) -> Cases {
        vec![vec![None; self.setting.paths.len()]]
    }

    /// The cases in which the expression is exactly `wanted`.
    fn cases(&self, expr: &Expr, wanted: bool) -> Result<Cases, EvalError> {
        if let Some(value) = self.constant(expr)? {
            let holds = matches!(value, Value::Bool(value) if value == wanted);
            return Ok(if holds { self.any() } else { Vec::new() });
        }
        match (expr, wanted) {
            (Expr::Unary(Unary::Not, inner), _) => self.cases(inner, !wanted),
            (Expr::All(items), true) | (Expr::Any(items), false) => self.both(items, wanted),
            (Expr::Any(items), true) | (Expr::All(items), false) => self.either(items, wanted),
            (Expr::Binary(Binary::Equal, a, b), true) => self.equal(a, b),
            (Expr::In(a, items), true) => self.one_of(a, items),
            (Expr::Like(a, pattern, escape), true) => self.like(a, pattern, *escape),
            (Expr::Call(function, _, arguments), true) => self.call(function.name, arguments),
            (Expr::Foreign(name, arguments), true) => self.call(name, arguments),
            (Expr::Name(..) | Expr::Path(..), _) => Ok(self.known(expr, [Value::Bool(wanted)])),
            _ => Ok(self.any()),
        }
    }

    fn both(&self, items: &[Expr], wanted: bool) -> Result<Cases, EvalError> {
        let mut all = self.any();
        for item in items {
            all = meet(&all, &self.cases(item, wanted)?).unwrap_or_else(|| self.any());
        }
        Ok(all)
    }

    fn either(&self, items: &[Expr], wanted: bool) -> Result<Cases, EvalError> {
        let mut all = Vec::new();
        for item in items {
            all.extend(self.cases(item, wanted)?);
        }
        Ok(if all.len() > MOST { self.any() } else { all })
    }

    /// The cases in which the part of the key a path leads to has one of these values.
    fn known(&self, path: &Expr, values: impl IntoIterator<Item = Value>) -> Cases {
        let path = self.scope.path(path);
        let part = |path| self.setting.paths.iter().position(|known| *known == path);
        let Some(at) = path.and_then(part) else {
            return self.any();
        };
        let case = |value| {
            let mut case = vec![None; self.setting.paths.len()];
            if let Some(part) = case.get_mut(at) {
                *part = Some(scalar(value));
            }
            case
        };
        values.into_iter().map(case).collect()
    }

    fn equal(&self, a: &Expr, b: &Expr) -> Result<Cases, EvalError> {
        let (value, other) = match (self.constant(a)?, self.constant(b)?) {
            (Some(value), _) => (value, b),
            (_, Some(value)) => (value, a),
            _ => return meet(&self.inner(a)?, &self.inner(b)?).map_or(Ok(self.any()), Ok),
        };
        if !value.defined() {
            return Ok(Vec::new());
        }
        match (other, &value) {
            (Expr::Call(function, _, arguments), Value::Number(number))
                if function.name == "ABS" =>
            {
                let Some(of) = arguments.first() else {
                    return Ok(self.any());
                };
                let size = number.double();
                Ok(self.known(of, [Value::float(size), Value::float(-size)]))
            }
            (Expr::Scalar(_), _) => self.inner(other),
            _ => Ok(self.known(other, [value])),
        }
    }

    /// An inner query has a value to compare only where its own filter holds.
    fn inner(&self, expr: &Expr) -> Result<Cases, EvalError> {
        let Expr::Scalar(select) = expr else {
            return Ok(self.any());
        };
        let sieve = Sieve {
            scope: self.scope.within(select),
            setting: self.setting,
        };
        match &select.filter {
            Some(filter) if !select.grouped() => sieve.cases(filter, true),
            _ => Ok(self.any()),
        }
    }

    fn one_of(&self, a: &Expr, items: &[Expr]) -> Result<Cases, EvalError> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.constant(item)? {
                Some(value) => values.push(value),
                None => return Ok(self.any()),
            }
        }
        Ok(self.known(a, values.into_iter().filter(Value::defined)))
    }

    /// A pattern without wildcards is a text.
    fn like(&self, a: &Expr, pattern: &Expr, escape: Option<char>) -> Result<Cases, EvalError> {
        let Some(Value::String(pattern)) = self.constant(pattern)? else {
            return Ok(self.any());
        };
        let mut text = String::with_capacity(pattern.len());
        let mut rest = pattern.chars();
        while let Some(letter) = rest.next() {
            match letter {
                letter if Some(letter) == escape => text.extend(rest.next()),
                '%' | '_' | '[' => return Ok(self.any()),
                letter => text.push(letter),
            }
        }
        Ok(self.known(a, [Value::String(text)]))
    }

    fn call(&self, name: &str, arguments: &[Expr]) -> Result<Cases, EvalError> {
        match (name, arguments) {
            ("IS_NULL", [of]) => Ok(self.known(of, [Value::Null])),
            ("IS_BOOL", [of]) => Ok(self.known(of, [Value::Bool(true), Value::Bool(false)])),
            ("ARRAY_CONTAINS" | "_TRY_ARRAY_CONTAINS", [list, of]) => match self.constant(list)? {
                Some(Value::Array(items)) => Ok(self.known(of, items)),
                _ => Ok(self.any()),
            },
            _ => Ok(self.any()),
        }
    }

    /// The value of an expression that has the same for all documents.
    fn constant(&self, expr: &Expr) -> Result<Option<Value>, EvalError> {
        if !is_constant(expr) {
            return Ok(None);
        }
        let budget = Cell::new(0);
        let env = Env {
            parameters: self.setting.parameters,
            document: None,
            names: Vec::new(),
            aggregates: &[],
            computed: Default::default(),
            budget: &budget,
        };
        eval::eval(expr, &env).map(Some)
    }
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Name(..)
        | Expr::Aggregate(_)
        | Expr::Exists(_)
        | Expr::ArrayOf(_)
        | Expr::Scalar(_) => false,
        Expr::Foreign(name, _) if !folds(name) => false,
        expr => expr.parts().into_iter().all(is_constant),
    }
}

/// Whether the service works out the function ahead of time, where its arguments are constant.
fn folds(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with("ST_")
}

/// To the hash, an array or an object is a value that is not there.
fn scalar(value: Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => Value::Undefined,
        value => value,
    }
}

/// The cases of both; nothing where there are too many to tell apart.
fn meet(one: &Cases, two: &Cases) -> Option<Cases> {
    if one.len().saturating_mul(two.len()) > MOST {
        return None;
    }
    let pairs = one.iter().flat_map(|a| two.iter().map(move |b| (a, b)));
    Some(pairs.filter_map(|(a, b)| merge(a, b)).collect())
}

fn merge(a: &[Option<Value>], b: &[Option<Value>]) -> Option<Vec<Option<Value>>> {
    let part = |(a, b): (&Option<Value>, &Option<Value>)| match (a, b) {
        (Some(a), Some(b)) => (a == b).then(|| Some(a.clone())),
        (a, b) => Some(a.as_ref().or(b.as_ref()).cloned()),
    };
    a.iter().zip(b).map(part).collect()
}

impl Keys {
    /// Whether there is exactly one key, and all of it.
    pub fn is_one(&self, parts: usize) -> bool {
        matches!(self, Keys::Points(points) if matches!(points.as_slice(), [one] if one.len() == parts))
    }
}
