//! A place in an order: behind which row a page ended, whatever else the query asks for by then.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::statement::Statement;
use crate::sandbox::sql::{Placed, Value};

/// The most bytes of one in a token; rows of longer keys are counted instead.
const LONGEST: usize = 800;

/// What the last row was ordered by.
pub struct Spot {
    keys: Vec<Value>,
    /// Of its document.
    number: u64,
    /// How many rows of that document and these keys were given.
    count: usize,
}

impl Spot {
    /// That of the row before one, where there is an order of documents.
    pub fn before(
        at: usize,
        statement: &Statement,
        rows: &[Placed],
        numbers: &[u64],
    ) -> Option<Self> {
        let given = rows.get(..at)?;
        let last = given.last().filter(|_| statement.shape().order_by)?;
        let spot = Self {
            keys: last.keys.clone(),
            number: *numbers.get(last.place?)?,
            count: 0,
        };
        let same = |row: &&Placed| spot.compare(statement, row, numbers).is_eq();
        let count = given.iter().rev().take_while(same).count();
        Some(Self { count, ..spot })
    }

    /// How many rows come before it or are it.
    pub fn passed(&self, statement: &Statement, rows: &[Placed], numbers: &[u64]) -> usize {
        let mut same = 0;
        let beyond = rows.iter().position(|row| {
            let order = self.compare(statement, row, numbers);
            same += usize::from(order.is_eq());
            order.is_gt() || same > self.count
        });
        beyond.unwrap_or(rows.len())
    }

    fn compare(&self, statement: &Statement, row: &Placed, numbers: &[u64]) -> Ordering {
        let number = row.place.and_then(|place| numbers.get(place));
        let own = (self.keys.as_slice(), Some(&self.number));
        statement.compare((&row.keys, number), own)
    }

    /// As a token has it, where it is not too long for one.
    pub fn write(&self) -> Option<String> {
        // A key without a value is in an empty list, and every other one in a list of its own.
        let keys = self.keys.iter().map(|key| match key.defined() {
            true => format!("[{}]", key.json()),
            false => "[]".to_owned(),
        });
        let keys = keys.collect::<Vec<_>>().join(",");
        let text = STANDARD.encode(format!("[{},{},[{keys}]]", self.number, self.count));
        Some(text).filter(|text| text.len() <= LONGEST)
    }

    /// From a token.
    pub fn read(text: &str) -> Option<Self> {
        let json: Json = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
        let keys = json.get(2)?.as_array()?.iter();
        let key = |key: &Json| key.get(0).map_or(Value::Undefined, Value::deserialize_from);
        Some(Self {
            keys: keys.map(key).collect(),
            number: json.get(0)?.as_u64()?,
            count: usize::try_from(json.get(1)?.as_u64()?).ok()?,
        })
    }
}
