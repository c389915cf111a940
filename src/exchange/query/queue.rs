//! The ranges in the order of their rows.

use super::leaf::Leaf;
use crate::cosmos::query::order::Key;
use crate::cosmos::query::plan::Direction;
use crate::cosmos::query::sort::compare;
use crate::error::Error;

/// The places of the leaves, the one with the least row first; that one may have another row by now. Empty where the
/// order is not known.
#[derive(Default)]
pub(super) struct Queue(Vec<Stand>);

/// Where a leaf is, and [roughly](Key::coarse) how early its row comes.
struct Stand {
    coarse: u64,
    at: usize,
}

/// What is put in order, and how.
pub(super) struct Leaves<'t> {
    pub order: &'t [Direction],
    pub leaves: &'t [Leaf],
}

impl Queue {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Where the leaf is that was the first.
    pub fn first(&self) -> Option<usize> {
        self.0.first().map(|stand| stand.at)
    }

    /// The leaf with the least row; of equal ones the first.
    pub fn least(&mut self, among: &Leaves) -> Result<usize, Error> {
        if self.arrange(among).is_err() {
            // Two rows whose order is not known matter once one of them comes first.
            self.clear();
            return among.first();
        }
        Ok(self.first().unwrap_or_default())
    }

    /// Only the first can stand at the wrong place.
    fn arrange(&mut self, among: &Leaves) -> Result<(), Error> {
        if let Some((first, others)) = self.0.split_first_mut() {
            *first = among.stand(first.at);
            let place = among.place(others, first)?;
            self.0.get_mut(..=place).unwrap_or_default().rotate_left(1);
            return Ok(());
        }
        for at in 0..among.leaves.len() {
            let stand = among.stand(at);
            self.0.insert(among.place(&self.0, &stand)?, stand);
        }
        Ok(())
    }
}

impl Leaves<'_> {
    fn stand(&self, at: usize) -> Stand {
        let coarse = self.keys(at).first().map(Key::coarse).unwrap_or_default();
        let coarse = match self.order.first() {
            Some(Direction::Descending) => !coarse,
            _ => coarse,
        };
        Stand { coarse, at }
    }

    fn keys(&self, at: usize) -> &[Key] {
        self.leaves.get(at).map(Leaf::keys).unwrap_or_default()
    }

    /// Where a leaf stands in the queue.
    fn place(&self, queue: &[Stand], stand: &Stand) -> Result<usize, Error> {
        let (mut from, mut to) = (0, queue.len());
        while from < to {
            let middle = from + (to - from) / 2;
            let is_before = match queue.get(middle) {
                Some(other) if other.coarse == stand.coarse => {
                    self.is_before(other.at, stand.at)?
                }
                other => other.is_some_and(|other| other.coarse < stand.coarse),
            };
            match is_before {
                true => from = middle + 1,
                false => to = middle,
            }
        }
        Ok(from)
    }

    /// By comparing all of them.
    fn first(&self) -> Result<usize, Error> {
        let mut least = 0;
        for at in 1..self.leaves.len() {
            if !self.is_before(least, at)? {
                least = at;
            }
        }
        Ok(least)
    }

    fn is_before(&self, one: usize, other: usize) -> Result<bool, Error> {
        let order = compare(self.order, self.keys(one), self.keys(other))?;
        Ok(order.then(one.cmp(&other)).is_lt())
    }
}
