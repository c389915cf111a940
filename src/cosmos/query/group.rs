//! Groups: rows of ranges and pages that belong together become one. Without `GROUP BY` all rows are one group.

use serde_json::Value;
use serde_json::value::RawValue;

use super::aggregate::Accumulator;
use super::order::{Identity, Key, Seen};
use super::plan::Plan;
use super::rows::{Grouped, elements, member};
use crate::error::Error;

/// All groups so far, in the order in which they were first seen.
pub struct Groups<'a> {
    plan: &'a Plan,
    places: Seen,
    groups: Vec<Group>,
}

/// A group on its way.
struct Group {
    keys: Vec<Key>,
    parts: Vec<Part>,
}

/// A member of the row that a group becomes.
enum Part {
    /// The same in every row of the group; the first one seen.
    Scalar(Option<Box<RawValue>>),
    /// Put together from all of them.
    Aggregate(Accumulator),
}

/// A finished group.
pub struct Row {
    /// What it is grouped by.
    pub keys: Vec<Key>,
    /// The row; `None` where it is undefined.
    pub row: Option<String>,
}

impl<'a> Groups<'a> {
    /// None yet; without `GROUP BY` the one group there is, which has a row even of nothing.
    pub fn new(plan: &'a Plan) -> Groups<'a> {
        let mut groups = Groups {
            plan,
            places: Seen::new(),
            groups: Vec::new(),
        };
        if plan.group_by.is_empty() {
            groups.begin(Vec::new());
        }
        groups
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Adds a row as a range gave it.
    pub fn add(&mut self, row: &str) -> Result<(), Error> {
        if self.plan.group_by.is_empty() {
            return self.add_to_all(row);
        }
        let row = Grouped::read(row, self.plan.group_by.len())?;
        let identity = Identity::of_all(&row.keys);
        let place = match self.places.get(&identity) {
            Some(place) => *place,
            None => {
                self.places.insert(identity, self.groups.len());
                self.begin(row.keys)
            }
        };
        self.add_at(place, row.payload)
    }

    /// A row of the one group: `[{"item": …}]`, or `{"payload": {alias: {"item": …}}}`.
    fn add_to_all(&mut self, row: &str) -> Result<(), Error> {
        if self.plan.value.is_some() {
            let row = serde_json::from_str(row);
            return self.add_at(0, Some(row.map_err(|e| Error::answer(e.to_string()))?));
        }
        let payload = member(row, "payload", "a row")?;
        self.add_at(
            0,
            Some(payload.ok_or_else(|| Error::answer("a row has no payload"))?),
        )
    }

    fn begin(&mut self, keys: Vec<Key>) -> usize {
        let part = |function: &Option<_>| match function {
            Some(function) => Part::Aggregate(Accumulator::new(*function)),
            None => Part::Scalar(None),
        };
        let parts = match self.plan.members.as_slice() {
            [] => vec![part(&self.plan.value)],
            members => members.iter().map(|(_, function)| part(function)).collect(),
        };
        self.groups.push(Group { keys, parts });
        self.groups.len() - 1
    }

    fn add_at(&mut self, place: usize, payload: Option<&RawValue>) -> Result<(), Error> {
        let Some(group) = self.groups.get_mut(place) else {
            return Ok(());
        };
        let plan = self.plan;
        if plan.members.is_empty() {
            return match group.parts.first_mut() {
                Some(part) => part.add_value(payload),
                None => Ok(()),
            };
        }
        for ((name, _), part) in plan.members.iter().zip(&mut group.parts) {
            part.add(match payload {
                Some(payload) => member(payload.get(), name, "the payload of a row")?,
                None => None,
            })?;
        }
        Ok(())
    }

    /// The rows, in the order in which their groups were first seen.
    pub fn finish(self) -> Vec<Row> {
        let plan = self.plan;
        let row = |group: Group| Row {
            row: finished(plan, group.parts),
            keys: group.keys,
        };
        self.groups.into_iter().map(row).collect()
    }
}

impl Part {
    fn add(&mut self, value: Option<&RawValue>) -> Result<(), Error> {
        match self {
            Part::Aggregate(aggregate) => aggregate.add(value),
            Part::Scalar(scalar) => {
                if scalar.is_none() {
                    *scalar = value.map(ToOwned::to_owned);
                }
                Ok(())
            }
        }
    }

    /// What a row is by itself: a scalar, or `[{"item": …}]`.
    fn add_value(&mut self, payload: Option<&RawValue>) -> Result<(), Error> {
        match (&self, payload) {
            (Part::Aggregate(_), Some(payload)) => {
                let items = elements(payload.get(), "a partial aggregate")?;
                self.add(items.first().copied())
            }
            _ => self.add(payload),
        }
    }

    fn result(self) -> Option<String> {
        match self {
            Part::Scalar(scalar) => scalar.map(|raw| raw.get().to_string()),
            Part::Aggregate(aggregate) => aggregate.result(),
        }
    }
}

fn finished(plan: &Plan, parts: Vec<Part>) -> Option<String> {
    let mut results = parts.into_iter().map(Part::result);
    match plan.members.as_slice() {
        [] => results.next().flatten(),
        members => {
            let member = |((name, _), value): (&(String, _), Option<String>)| {
                Some(format!("{}:{}", Value::from(name.as_str()), value?))
            };
            let named: Vec<String> = members.iter().zip(results).filter_map(member).collect();
            Some(format!("{{{}}}", named.join(",")))
        }
    }
}
