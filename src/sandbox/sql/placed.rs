//! The rows of a query that needs all documents, and where each is among them.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::{EvalError, Query, Value, order, select};

/// A row among all there are, and where it is in their order.
pub struct Placed {
    /// Nothing where somebody else gives it.
    pub text: Option<String>,
    /// What ORDER BY compares.
    pub keys: Vec<Value>,
    /// Which document it is of.
    pub place: Option<usize>,
}

impl Query {
    /// Two rows by what ORDER BY compares, and else by the numbers of their documents.
    pub fn compare<N: Ord>(&self, a: (&[Value], N), b: (&[Value], N)) -> Ordering {
        order::compare(&self.select, a, b)
    }

    /// Whether the index is read from its end.
    pub fn backwards(&self) -> bool {
        order::backwards(&self.select)
    }

    /// The rows over all documents, of which only those are given that are of one of `own`: a
    /// group is what it is over these alone, and what is of no document in particular is given where `first`.
    pub fn divided(
        &self,
        parameters: &[(String, Value)],
        documents: &[&str],
        own: &[bool],
        first: bool,
    ) -> Result<Vec<Placed>, EvalError> {
        let pairs = documents.iter().zip(own);
        let kept: Vec<&str> = pairs
            .filter(|(_, own)| **own)
            .map(|(text, _)| *text)
            .collect();
        let mut groups = HashMap::new();
        let whole = first && kept.len() == documents.len();
        if !whole && !self.select.group.is_empty() {
            for row in self.rows(parameters, &kept)? {
                if let select::Origin::Group(key) = row.origin.clone() {
                    groups.insert(key, row.into_text());
                }
            }
        }
        let rows = self.rows(parameters, documents)?.into_iter();
        let given = rows.map(|mut row| {
            let keys = std::mem::take(&mut row.keys);
            let place = row.place();
            let text = match &row.origin {
                _ if whole => Some(row.into_text()),
                select::Origin::Document(place) => {
                    let own = own.get(*place).copied().unwrap_or_default();
                    own.then(|| row.into_text())
                }
                select::Origin::Group(key) if !self.select.group.is_empty() => groups.remove(key),
                _ => first.then(|| row.into_text()),
            };
            Placed { text, keys, place }
        });
        Ok(given.collect())
    }
}
