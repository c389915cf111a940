//! Aggregates: partial results of ranges and pages become one.
//!
//! A range answers with `{"item": …}`; for the least and the greatest with `{"item2": {"min": …, "count": …}}` as
//! well. What is undefined in one part is undefined in the whole.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/nosql/query/aggregate-functions>

use std::cmp::Ordering;

use serde_json::Number;
use serde_json::value::RawValue;

use super::order::{Key, Seen};
use super::rows::{elements, member};
use crate::error::Error;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `AVG`
    Average,
    /// `COUNT` and `COUNTIF`: both add up counts.
    Count,
    /// `MAX`
    Max,
    /// `MIN`
    Min,
    /// `SUM`
    Sum,
    /// `MAKELIST`
    MakeList,
    /// `MAKESET`
    MakeSet,
}

const NAMES: &[(&str, Function)] = &[
    ("Average", Function::Average),
    ("Avg", Function::Average),
    ("Count", Function::Count),
    ("CountIf", Function::Count),
    ("Max", Function::Max),
    ("Min", Function::Min),
    ("Sum", Function::Sum),
    ("MakeList", Function::MakeList),
    ("MakeSet", Function::MakeSet),
];

impl Function {
    /// By the name a plan gives it. An unknown one is an error: to guess would be to compute something else.
    pub fn named(name: &str) -> Result<Function, Error> {
        let mut names = NAMES.iter();
        let found = names.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, function)| *function)
            .ok_or_else(|| Error::answer(format!("the plan has the unknown aggregate {name:?}")))
    }
}

/// An aggregate on its way.
#[derive(Debug)]
pub enum Accumulator {
    /// A count: every part has one.
    Count(Total),
    /// A sum; `None` once a part of it was undefined.
    Total(Option<Total>),
    /// A sum, as above, and how many there were.
    Average(Option<Total>, Total),
    /// The least, or the greatest.
    Extreme(Extreme),
    /// All values; each but once where there is a set of those seen.
    Values(Vec<Box<RawValue>>, Option<Seen>),
}

/// The least or greatest value so far.
#[derive(Debug)]
pub struct Extreme {
    wanted: Ordering,
    best: Option<(Key, Box<RawValue>)>,
    undefined: bool,
}

impl Accumulator {
    /// Of nothing yet.
    pub fn new(function: Function) -> Accumulator {
        let zero = Total::Whole(0);
        let extreme = |wanted| {
            Accumulator::Extreme(Extreme {
                wanted,
                best: None,
                undefined: false,
            })
        };
        match function {
            Function::Count => Accumulator::Count(zero),
            Function::Sum => Accumulator::Total(Some(zero)),
            Function::Average => Accumulator::Average(Some(zero), zero),
            Function::Min => extreme(Ordering::Less),
            Function::Max => extreme(Ordering::Greater),
            Function::MakeList => Accumulator::Values(Vec::new(), None),
            Function::MakeSet => Accumulator::Values(Vec::new(), Some(Seen::new())),
        }
    }

    /// Adds a part: `{"item": …}`, or nothing where a range left it out.
    pub fn add(&mut self, partial: Option<&RawValue>) -> Result<(), Error> {
        let of = |name| match partial {
            Some(partial) => member(partial.get(), name, "a partial aggregate"),
            None => Ok(None),
        };
        let item = of("item")?;
        match self {
            Accumulator::Count(count) => *count = count.plus(counted(item)?),
            Accumulator::Total(total) => *total = sum(*total, item)?,
            Accumulator::Average(total, count) => {
                let Some(item) = item else {
                    *total = None;
                    return Ok(());
                };
                let of = |name| member(item.get(), name, "a partial average");
                *total = sum(*total, of("sum")?)?;
                *count = count.plus(counted(of("count")?)?);
            }
            Accumulator::Extreme(extreme) => match of("item2")? {
                Some(part) => extreme.add_counted(part)?,
                None => extreme.add(item)?,
            },
            Accumulator::Values(values, seen) => {
                for value in item.map_or(Ok(Vec::new()), |item| {
                    elements(item.get(), "a partial list")
                })? {
                    let key = Key::read(Some(value))?;
                    if seen
                        .as_mut()
                        .is_none_or(|seen| seen.insert(key.identity(), 0).is_none())
                    {
                        values.push(value.to_owned());
                    }
                }
            }
        }
        Ok(())
    }

    /// The whole, as JSON text; `None` is undefined.
    pub fn result(self) -> Option<String> {
        match self {
            Accumulator::Count(count) => count.text(),
            Accumulator::Total(total) => total?.text(),
            Accumulator::Average(total, count) => total?.over(count)?.text(),
            Accumulator::Extreme(extreme) if extreme.undefined => None,
            Accumulator::Extreme(extreme) => extreme.best.map(|(_, raw)| raw.get().to_string()),
            Accumulator::Values(values, _) => {
                let values: Vec<&str> = values.iter().map(|value| value.get()).collect();
                Some(format!("[{}]", values.join(",")))
            }
        }
    }
}

impl Extreme {
    /// `{"min": …, "count": N}` or `{"max": …, "count": N}`: a part without values says nothing.
    fn add_counted(&mut self, part: &RawValue) -> Result<(), Error> {
        let of = |name| member(part.get(), name, "a partial extreme");
        if counted(of("count")?)?.is_zero() {
            return Ok(());
        }
        let name = match self.wanted {
            Ordering::Less => "min",
            _ => "max",
        };
        self.add(of(name)?)
    }

    fn add(&mut self, item: Option<&RawValue>) -> Result<(), Error> {
        let key = Key::read(item)?;
        // Neither what is not there nor what has no order can be the least or the greatest.
        let Some(item) = item.filter(|_| key.has_order()) else {
            self.undefined = true;
            return Ok(());
        };
        let better = |(best, _): &(Key, Box<RawValue>)| key.compare(best) == self.wanted;
        if self.best.as_ref().is_none_or(better) {
            self.best = Some((key, item.to_owned()));
        }
        Ok(())
    }
}

/// Adds a part to a sum; what is not a number makes all of it undefined.
fn sum(total: Option<Total>, part: Option<&RawValue>) -> Result<Option<Total>, Error> {
    let part = part.map(Total::read).transpose()?.flatten();
    Ok(total.zip(part).map(|(total, part)| total.plus(part)))
}

fn counted(count: Option<&RawValue>) -> Result<Total, Error> {
    let count = count.map(Total::read).transpose()?.flatten();
    count.ok_or_else(|| Error::answer("a partial aggregate has no count"))
}

/// A number that is added up: whole as long as all parts are and it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Total {
    /// Exact.
    Whole(i64),
    /// As the service computes.
    Float(f64),
}

impl Total {
    /// `None` for JSON that is no number.
    fn read(raw: &RawValue) -> Result<Option<Total>, Error> {
        let value: serde_json::Value = serde_json::from_str(raw.get())
            .map_err(|e| Error::answer(format!("a partial aggregate cannot be read: {e}")))?;
        let whole = value.as_i64().map(Total::Whole);
        Ok(whole.or_else(|| value.as_f64().map(Total::Float)))
    }

    fn float(self) -> f64 {
        match self {
            Total::Whole(whole) => whole as f64,
            Total::Float(float) => float,
        }
    }

    fn plus(self, other: Total) -> Total {
        let whole = match (self, other) {
            (Total::Whole(a), Total::Whole(b)) => a.checked_add(b),
            _ => None,
        };
        whole.map_or(Total::Float(self.float() + other.float()), Total::Whole)
    }

    fn is_zero(self) -> bool {
        self.float() == 0.0
    }

    /// The mean; of nothing there is none.
    fn over(self, count: Total) -> Option<Total> {
        (!count.is_zero()).then(|| Total::Float(self.float() / count.float()))
    }

    /// As JSON, without a fraction where there is none; infinity cannot be said.
    fn text(self) -> Option<String> {
        match self {
            Total::Whole(whole) => Some(whole.to_string()),
            // Adding zero takes the sign off a negative one.
            Total::Float(float) => {
                let text = Number::from_f64(float + 0.0)?.to_string();
                Some(text.strip_suffix(".0").map(str::to_string).unwrap_or(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn whole(function: &str, parts: &[&str]) -> Result<Option<String>, Error> {
        let mut all = Accumulator::new(Function::named(function)?);
        for part in parts {
            let raw = RawValue::from_string((*part).to_string()).unwrap();
            all.add(Some(&raw))?;
        }
        Ok(all.result())
    }

    #[rustfmt::skip]
    const ROWS: &[(&str, &[&str], Option<&str>)] = &[
        ("Count", &[], Some("0")),
        ("Count", &[r#"{"item":2}"#, r#"{"item":3}"#], Some("5")),
        ("CountIf", &[r#"{"item":2}"#, r#"{"item":0}"#], Some("2")),
        ("Sum", &[], Some("0")),
        ("Sum", &[r#"{"item":0.5}"#, r#"{"item":1}"#, r#"{"item":0.5}"#], Some("2")),
        ("Sum", &[r#"{"item":9223372036854775807}"#, r#"{"item":1}"#], Some("9.223372036854776e+18")),
        ("Sum", &[r#"{"item":1}"#, "{}", r#"{"item":1}"#], None),
        ("Sum", &[r#"{"item":1e308}"#, r#"{"item":1e308}"#], None),
        ("Average", &[], None),
        ("Average", &[r#"{"item":{"sum":3,"count":2}}"#, r#"{"item":{"sum":2,"count":2}}"#], Some("1.25")),
        ("Average", &[r#"{"item":{"count":2}}"#, r#"{"item":{"sum":2,"count":2}}"#], None),
        ("Average", &[r#"{"item":{"sum":0,"count":0}}"#], None),
        ("Min", &[], None),
        ("Min", &[r#"{"item":3,"item2":{"min":3,"count":1}}"#, r#"{"item":null,"item2":{"min":null,"count":1}}"#], Some("null")),
        ("Min", &[r#"{"item2":{"count":0}}"#, r#"{"item":2.50,"item2":{"min":2.50,"count":1}}"#], Some("2.50")),
        ("Min", &[r#"{"item2":{"count":1}}"#, r#"{"item2":{"min":2,"count":1}}"#], None),
        ("Max", &[r#"{"item2":{"max":"a","count":1}}"#, r#"{"item2":{"max":7,"count":1}}"#], Some(r#""a""#)),
        ("Max", &[r#"{"item2":{"max":[1],"count":1}}"#, r#"{"item2":{"max":7,"count":1}}"#], None),
        ("Max", &[r#"{"item":3}"#, r#"{"item":4}"#], Some("4")),
        ("MakeList", &[r#"{"item":[1,"a"]}"#, r#"{"item":[1]}"#], Some(r#"[1,"a",1]"#)),
        ("MakeSet", &[r#"{"item":[1,"a"]}"#, r#"{"item":[1.0,{"x":1}]}"#], Some(r#"[1,"a",{"x":1}]"#)),
        ("avg", &[r#"{"item":{"sum":3,"count":3}}"#], Some("1")),
    ];

    #[test]
    fn parts_make_a_whole() {
        for (function, parts, expected) in ROWS {
            let found = whole(function, parts).unwrap();
            assert_eq!(found.as_deref(), *expected, "{function} {parts:?}");
        }
    }

    #[test]
    fn what_is_no_partial_is_refused() {
        for (function, part) in [
            ("Count", "[]"),
            ("Count", "{}"),
            ("CountIf", r#"{"item":"5"}"#),
            ("Average", r#"{"item":3}"#),
            ("Average", r#"{"item":{"sum":1}}"#),
            ("Min", r#"{"item2":{"min":1}}"#),
            ("MakeList", r#"{"item":{}}"#),
            ("Median", "{}"),
        ] {
            assert!(whole(function, &[part]).is_err(), "{function} {part}");
        }
    }
}
