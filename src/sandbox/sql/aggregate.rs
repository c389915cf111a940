//! Aggregates: what a group of rows comes to.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::ast::Aggregate;
use super::value::Value;

/// An aggregate over the rows seen so far.
pub struct Total {
    kind: Aggregate,
    count: u64,
    sum: f64,
    /// A value was met that the aggregate has no answer for; nothing after it changes that.
    spoilt: bool,
    extreme: Value,
    list: Vec<Value>,
    seen: HashSet<String>,
}

impl Total {
    /// Over no row.
    pub fn new(kind: Aggregate) -> Total {
        Total {
            kind,
            count: 0,
            sum: 0.0,
            spoilt: false,
            extreme: Value::Undefined,
            list: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Takes in one more value; one that is undefined changes nothing.
    pub fn add(&mut self, value: Value) {
        if !value.defined() {
            return;
        }
        match self.kind {
            Aggregate::Count => self.count += 1,
            Aggregate::CountIf => self.count += u64::from(value.is_true()),
            Aggregate::Sum | Aggregate::Average => self.add_number(&value),
            Aggregate::Min => self.add_extreme(value, Ordering::Less),
            Aggregate::Max => self.add_extreme(value, Ordering::Greater),
            Aggregate::MakeList => self.list.push(value),
            Aggregate::MakeSet => {
                if self.seen.insert(value.key()) {
                    self.list.push(value);
                }
            }
        }
    }

    fn add_number(&mut self, value: &Value) {
        match value {
            Value::Number(n) => {
                self.count += 1;
                self.sum += n.double();
            }
            _ => self.spoilt = true,
        }
    }

    fn add_extreme(&mut self, value: Value, wanted: Ordering) {
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            self.spoilt = true;
        }
        if !self.extreme.defined() || value.order(&self.extreme) == wanted {
            self.extreme = value;
        }
    }

    /// What it comes to.
    pub fn value(self) -> Value {
        if self.spoilt {
            return Value::Undefined;
        }
        match self.kind {
            Aggregate::Count | Aggregate::CountIf => Value::integer(self.count.into()),
            Aggregate::Sum => Value::float(self.sum),
            Aggregate::Average => Value::float(self.sum / self.count as f64),
            Aggregate::Min | Aggregate::Max => self.extreme,
            Aggregate::MakeList | Aggregate::MakeSet => Value::Array(self.list),
        }
    }
}
