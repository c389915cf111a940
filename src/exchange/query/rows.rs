//! The rows of all ranges as the query wants them: merged, put together, each once, in a window, counted.

use serde_json::Value;

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
    /// The last row.
    text: String,
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
            text: String::new(),
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

    /// The next row, as JSON text; `None` behind the last one, and behind an error.
    ///
    /// # Errors
    /// That of a request, and of an answer that is not what the plan says.
    pub fn row(&mut self) -> Result<Option<&str>, Error> {
        if self.over {
            return Ok(None);
        }
        let found = match &self.plan().count_rows {
            Some(name) => self.count(name),
            None => self.windowed(),
        };
        self.over |= !matches!(found, Ok(true));
        Ok(found?.then_some(self.text.as_str()))
    }

    /// How many rows there are in all, where that is what the query asks.
    fn count(&mut self, name: &str) -> Result<bool, Error> {
        let mut count: u64 = 0;
        while self.windowed()? {
            count += 1;
        }
        self.over = true;
        self.text = match name {
            "" => count.to_string(),
            name => format!("{{{}:{count}}}", Value::from(name)),
        };
        Ok(true)
    }

    /// Without those that `OFFSET` passes over and those behind `LIMIT`.
    fn windowed(&mut self) -> Result<bool, Error> {
        let plan = self.plan();
        let end = plan.limit.map(|limit| limit.saturating_add(plan.offset));
        while end.is_none_or(|end| self.passed < end) && self.next()? {
            if self.is_another()? {
                self.passed += 1;
                if self.passed > plan.offset {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether no equal row was before, where that matters.
    fn is_another(&mut self) -> Result<bool, Error> {
        let identity = match self.plan().distinct {
            Distinct::No => return Ok(true),
            _ => Key::of(&self.text)?.identity(),
        };
        Ok(match self.plan().distinct {
            Distinct::Ordered if !self.tied => self.last.replace(identity) != Some(identity),
            _ => self.seen.insert(identity, 0).is_none(),
        })
    }

    /// Goes on to the next row that is not undefined.
    fn next(&mut self) -> Result<bool, Error> {
        self.text.clear();
        while self.text.is_empty() {
            let found = match self.plan().streams_rows() {
                true => self.desk.next(&mut |row| {
                    self.tied = row.keys.iter().any(Key::is_complex);
                    self.text.push_str(row.text);
                })?,
                false => match self.drained()?.next() {
                    Some((_, row)) => {
                        self.text = row.unwrap_or_default();
                        true
                    }
                    None => false,
                },
            };
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
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
        let mut text = String::new();
        while self.desk.next(&mut |row| text.push_str(row.text))? {
            if !text.is_empty() {
                groups.add(&text)?;
            }
            text.clear();
        }
        let rows = groups.finish();
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
        while self.desk.next(&mut |row| {
            if !row.text.is_empty() {
                rows.push((row.keys.to_vec(), Some(row.text.to_string())));
            }
        })? {
            if let Some(end) = end.filter(|end| rows.len() >= end.saturating_mul(2).max(ROOM)) {
                rows = sorted(&plan.order, rows)?;
                rows.truncate(end);
            }
        }
        sorted(&plan.order, rows)
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        self.desk.end();
    }
}
