//! The plan of a query: what each range is to be asked, and what the client does with the answers.
//!
//! Only the service can make one; a query is sent as it is, and the plan comes back. Reading is lenient about what is
//! left out and strict about what is not known: a stage that is passed over is a wrong answer.

use serde_json::Value;

use super::aggregate::Function;
use crate::cosmos::effective_key::order;
use crate::error::{Error, Failure};
use crate::message::Response;

/// What this client can do with a plan. The service refuses queries that need anything else, in its own words.
pub const FEATURES: &str = "Aggregate, CompositeAggregate, CountIf, DCount, Distinct, GroupBy, \
ListAndSetAggregate, MultipleAggregates, MultipleOrderBy, NonStreamingOrderBy, NonValueAggregate, OffsetAndLimit, \
OrderBy, Top";

/// A plan.
#[derive(Debug, Default)]
pub struct Plan {
    /// The text to send to each range; the original where `None`.
    pub rewritten: Option<String>,
    /// One for each expression of `ORDER BY`.
    pub order: Vec<Direction>,
    /// The rows have to be all there before the first is known.
    pub drains: bool,
    /// How many rows to pass over.
    pub offset: u64,
    /// How many rows at most: the smaller of `TOP` and `LIMIT`.
    pub limit: Option<u64>,
    /// Whether equal rows are one row.
    pub distinct: Distinct,
    /// The texts of the expressions of `GROUP BY`.
    pub group_by: Vec<String>,
    /// The members of a row in order, each with its aggregate if it is one; empty where a row is a bare value.
    pub members: Vec<(String, Option<Function>)>,
    /// The aggregate that is a row by itself.
    pub value: Option<Function>,
    /// `SELECT COUNT(1) FROM (SELECT DISTINCT …)`: the number of rows is the answer, under this name if it has one.
    pub count_rows: Option<String>,
    /// Which effective keys can have rows; all of them where empty.
    pub intervals: Vec<Interval>,
}

/// The direction of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// Whether equal rows are one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Distinct {
    /// They are not.
    #[default]
    No,
    /// Equal rows follow each other.
    Ordered,
    /// Equal rows may be anywhere.
    Unordered,
}

/// An interval of effective partition keys, as upper-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// From here.
    pub min: String,
    /// To here.
    pub max: String,
    /// Whether `max` itself is part of it.
    pub closed: bool,
}

impl Plan {
    /// Reads a plan; `None` where an answer is none, as from a server that does not make them.
    pub fn read(response: &Response) -> Result<Option<Plan>, Error> {
        Plan::of(&response.json()?)
    }

    /// The plan that comes with the refusal of a query which is the client's to put together (400/1004): as a text, or
    /// as it is.
    pub fn of_refusal(failure: &Failure) -> Result<Option<Plan>, Error> {
        let body: Value = serde_json::from_str(&failure.body).unwrap_or_default();
        match body.get("additionalErrorInfo") {
            Some(Value::String(text)) => Plan::of(&serde_json::from_str(text).unwrap_or_default()),
            plan => Plan::of(plan.unwrap_or(&Value::Null)),
        }
    }

    fn of(body: &Value) -> Result<Option<Plan>, Error> {
        if body
            .get("hybridSearchQueryInfo")
            .is_some_and(Value::is_object)
        {
            return Err(Error::usage(
                "ORDER BY RANK (hybrid search) is not implemented: order by one score, with VectorDistance",
            ));
        }
        let Some(info) = body.get("queryInfo").filter(|info| info.is_object()) else {
            return Ok(None);
        };
        let number = |name| whole(info.get(name), name);
        Ok(Some(Plan {
            rewritten: text(info, "rewrittenQuery"),
            order: texts(info, "orderBy")?
                .into_iter()
                .map(direction)
                .collect::<Result<_, _>>()?,
            drains: is_true(info.get("hasNonStreamingOrderBy")),
            offset: number("offset")?.unwrap_or_default(),
            limit: [number("limit")?, number("top")?]
                .into_iter()
                .flatten()
                .min(),
            distinct: distinct(info)?,
            group_by: texts(info, "groupByExpressions")?
                .into_iter()
                .map(str::to_string)
                .collect(),
            members: named_members(info)?,
            value: aggregates(info)?,
            count_rows: match given(info, "dCountInfo") {
                None => None,
                Some(count) if count.is_object() => {
                    Some(text(count, "dCountAlias").unwrap_or_default())
                }
                Some(count) => return Err(strange("dCountInfo", count)),
            },
            intervals: intervals(body.get("queryRanges")),
        }))
    }

    /// Whether the rows of one range after the other are the answer: the service gives those by itself.
    pub fn is_plain(&self) -> bool {
        let merges = !self.order.is_empty() || self.comes_in_parts();
        !merges && !self.is_constant() && self.offset == 0 && self.limit.is_none()
    }

    /// Whether the rows are the same whatever the items are: one range answers for all. Its interval is a point before
    /// all keys.
    fn is_constant(&self) -> bool {
        let at_start = |interval: &Interval| interval.closed && interval.max.is_empty();
        !self.intervals.is_empty() && self.intervals.iter().all(at_start)
    }

    /// Whether even the pages of one range, or of one key, are parts that have to be put together.
    pub fn comes_in_parts(&self) -> bool {
        !self.streams() || self.distinct != Distinct::No
    }

    /// Whether rows can be given while others are still to come.
    pub fn streams(&self) -> bool {
        self.streams_rows() && self.count_rows.is_none()
    }

    /// Whether rows of ranges are rows of the query, and come in its order.
    pub fn streams_rows(&self) -> bool {
        !self.drains && !self.groups()
    }

    /// Whether a range can hold rows at all. Where none seems to, all of them may.
    pub fn may_be_in(&self, min: &str, max: &str) -> bool {
        let mut intervals = self.intervals.iter();
        intervals.len() == 0 || intervals.any(|interval| interval.overlaps(min, max))
    }

    /// Whether groups, or one group of everything, are put together from parts.
    pub fn groups(&self) -> bool {
        !self.group_by.is_empty() || self.aggregates()
    }

    /// Whether there is an aggregate at all.
    pub fn aggregates(&self) -> bool {
        self.value.is_some() || self.members.iter().any(|(_, function)| function.is_some())
    }
}

fn text(info: &Value, name: &str) -> Option<String> {
    let text = info.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_string)
}

/// A member that says something.
fn given<'a>(info: &'a Value, name: &str) -> Option<&'a Value> {
    info.get(name).filter(|value| !value.is_null())
}

fn texts<'a>(info: &'a Value, name: &str) -> Result<Vec<&'a str>, Error> {
    let text = |value: &'a Value| value.as_str().ok_or_else(|| strange(name, value));
    match given(info, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(text).collect(),
        Some(other) => Err(strange(name, other)),
    }
}

fn strange(name: &str, value: &Value) -> Error {
    Error::answer(format!("the plan's {name} is {value}"))
}

/// A boolean; one generator of plans writes 1 and 0.
fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value == true || value == 1)
}

fn whole(value: Option<&Value>, name: &str) -> Result<Option<u64>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(strange(name, value)),
        },
    }
}

fn direction(text: &str) -> Result<Direction, Error> {
    match text {
        "Ascending" => Ok(Direction::Ascending),
        "Descending" => Ok(Direction::Descending),
        other => Err(strange("orderBy", &other.into())),
    }
}

fn distinct(info: &Value) -> Result<Distinct, Error> {
    let Some(distinct) = given(info, "distinctType") else {
        return Ok(Distinct::No);
    };
    match distinct.as_str() {
        Some("None") => Ok(Distinct::No),
        Some("Ordered") => Ok(Distinct::Ordered),
        Some("Unordered") => Ok(Distinct::Unordered),
        _ => Err(strange("distinctType", distinct)),
    }
}

/// The aggregate of `SELECT VALUE`; a row of several values cannot be one.
fn aggregates(info: &Value) -> Result<Option<Function>, Error> {
    let all: Vec<Function> = texts(info, "aggregates")?
        .into_iter()
        .map(Function::named)
        .collect::<Result<_, _>>()?;
    match all.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(Error::answer(
            "the plan has several aggregates in one value",
        )),
    }
}

/// The members of a row in the order of the query, each with its aggregate.
fn named_members(info: &Value) -> Result<Vec<(String, Option<Function>)>, Error> {
    const NAMED: &str = "groupByAliasToAggregateType";
    let named = info.get(NAMED);
    let function = |name: &str| match named.and_then(|named| given(named, name)) {
        None => Ok(None),
        Some(function) => match function.as_str() {
            Some("null" | "None") => Ok(None),
            Some(function) => Function::named(function).map(Some),
            None => Err(strange(NAMED, function)),
        },
    };
    let mut names = texts(info, "groupByAliases")?;
    // Left out, or not known to the server: in any order then.
    if names.is_empty() {
        let named = named.and_then(Value::as_object);
        names = named
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
    }
    let member = |name: &str| Ok((name.to_string(), function(name)?));
    names.into_iter().map(member).collect()
}

/// Intervals in another form than digits are of another gateway: then all ranges are asked, which is never wrong.
fn intervals(list: Option<&Value>) -> Vec<Interval> {
    let interval = |range: &Value| {
        Some(Interval {
            min: range.get("min")?.as_str()?.to_ascii_uppercase(),
            max: range.get("max")?.as_str()?.to_ascii_uppercase(),
            closed: is_true(range.get("isMaxInclusive")),
        })
    };
    let list = list.and_then(Value::as_array);
    let all: Option<Vec<Interval>> = list.and_then(|list| list.iter().map(interval).collect());
    all.unwrap_or_default()
}

impl Interval {
    /// Whether a range of keys from `min` up to, but not including, `max` has a part in it.
    pub fn overlaps(&self, min: &str, max: &str) -> bool {
        let begins_before = match self.closed {
            true => order(min, &self.max).is_le(),
            false => order(min, &self.max).is_lt(),
        };
        // A point is an interval too, although it is closed on both sides.
        begins_before && order(&self.min, max).is_lt()
    }
}
