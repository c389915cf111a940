//! The rows of all ranges as the query wants them: merged, put together, each once, in a window, counted.

use serde_json::Value;
use serde_json::value::RawValue;

use super::desk::Desk;
use crate::cosmos::query::group::Groups;
use crate::cosmos::query::order::{Identity, Key, Seen};
use crate::cosmos::query::plan::{Distinct, Plan};
use crate::cosmos::query::sort::{GroupOrder, Keyed, sorted};
use crate::cosmos::query::state::State;
use crate::error::Error;

/// The rows of a query, one after the other, as the JSON text they are.
pub struct Rows<'r> {
    desk: &'r Desk<'r>,
    order: Option<GroupOrder>,
    drained: Option<std::vec::IntoIter<Keyed>>,
    seen: Seen,
    last: Option<Identity>,
    /// The row is ordered by an array or an object: equal ones need not follow each other.
    tied: bool,
    passed: u64,
    over: bool,
}

impl<'r> Rows<'r> {
    pub(super) fn new(desk: &'r Desk<'r>, order: Option<GroupOrder>) -> Rows<'r> {
        Rows {
            desk,
            order,
            drained: None,
            seen: Seen::new(),
            last: None,
            tied: false,
            passed: desk.passed(),
            over: false,
        }
    }

    /// What another run needs to go on behind the last row; `None` where no state was begun with.
    pub fn state(&self) -> Option<State> {
        self.desk.state(self.passed)
    }

    fn plan(&self) -> &'r Plan {
        self.desk.asked.plan
    }

    /// How many rows there are in all, where that is what the query asks.
    fn count(&mut self, name: &str) -> Result<Box<RawValue>, Error> {
        let mut count: u64 = 0;
        while self.windowed()?.is_some() {
            count += 1;
        }
        self.over = true;
        let text = match name {
            "" => count.to_string(),
            name => format!("{{{}:{count}}}", Value::from(name)),
        };
        RawValue::from_string(text).map_err(|e| Error::answer(e.to_string()))
    }

    /// Without those that `OFFSET` passes over and those behind `LIMIT`.
    fn windowed(&mut self) -> Result<Option<Box<RawValue>>, Error> {
        let plan = self.plan();
        let end = plan.limit.map(|limit| limit.saturating_add(plan.offset));
        while end.is_none_or(|end| self.passed < end) {
            let Some(row) = self.row()? else {
                return Ok(None);
            };
            if self.is_another(&row)? {
                self.passed += 1;
                if self.passed > plan.offset {
                    return Ok(Some(row));
                }
            }
        }
        Ok(None)
    }

    /// Whether no equal row was before, where that matters.
    fn is_another(&mut self, row: &RawValue) -> Result<bool, Error> {
        let identity = match self.plan().distinct {
            Distinct::No => return Ok(true),
            _ => Key::read(Some(row))?.identity(),
        };
        Ok(match self.plan().distinct {
            Distinct::Ordered if !self.tied => self.last.replace(identity) != Some(identity),
            _ => self.seen.insert(identity, 0).is_none(),
        })
    }

    /// The next row that is not undefined.
    fn row(&mut self) -> Result<Option<Box<RawValue>>, Error> {
        loop {
            let row = match self.plan().streams_rows() {
                true => self.desk.next()?.map(|head| {
                    self.tied = head.keys.iter().any(Key::is_complex);
                    head.payload
                }),
                false => self.drained()?.next().map(|(_, row)| row),
            };
            match row {
                Some(None) => {}
                row => return Ok(row.flatten()),
            }
        }
    }

    /// All rows, once all of them have been seen.
    fn drained(&mut self) -> Result<&mut std::vec::IntoIter<Keyed>, Error> {
        let rows = match self.drained.take() {
            Some(rows) => rows,
            None if self.plan().groups() => self.grouped()?.into_iter(),
            None => self.ordered()?.into_iter(),
        };
        Ok(self.drained.insert(rows))
    }

    fn grouped(&self) -> Result<Vec<Keyed>, Error> {
        let mut groups = Groups::new(self.plan());
        while let Some(head) = self.desk.next()? {
            if let Some(row) = head.payload {
                groups.add(&row)?;
            }
        }
        let rows = groups.finish()?;
        match &self.order {
            Some(order) => order.sort(rows),
            None => Ok(rows.into_iter().map(|row| (row.keys, row.row)).collect()),
        }
    }

    /// By a score that is known of all rows only once all of them are there. What cannot come into the window any
    /// more is not kept.
    fn ordered(&self) -> Result<Vec<Keyed>, Error> {
        const ROOM: usize = 1000;
        let plan = self.plan();
        let end = plan.limit.map(|limit| limit.saturating_add(plan.offset));
        let end = end.filter(|_| plan.distinct == Distinct::No);
        let end = end.and_then(|end| usize::try_from(end).ok());
        let mut rows: Vec<Keyed> = Vec::new();
        while let Some(head) = self.desk.next()? {
            rows.extend(head.payload.map(|row| (head.keys, Some(row))));
            if let Some(end) = end.filter(|end| rows.len() >= end.saturating_mul(2).max(ROOM)) {
                rows = sorted(&plan.order, rows)?;
                rows.truncate(end);
            }
        }
        sorted(&plan.order, rows)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Box<RawValue>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let row = match &self.plan().count_rows {
            Some(name) => self.count(name).map(Some),
            None => self.windowed(),
        };
        self.over |= !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        self.desk.end();
    }
}
