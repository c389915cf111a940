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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::leaf::Sheet;
    use super::*;
    use crate::cosmos::Account;
    use crate::cosmos::query::rows::{block, member};
    use crate::cosmos::query::{Across, Query, items};
    use crate::cosmos::ranges::Part;
    use crate::message::Response;
    use crate::name::{Endpoint, Name};

    fn sheet(rows: &[String]) -> Sheet {
        let account = Account::new(Endpoint::new("https://x.documents.azure.com").unwrap());
        let name = Name::new("x").unwrap();
        let container = account.database(&name).container(&name);
        let page = items(
            &container,
            &Query::new("x"),
            &Across::All,
            &Default::default(),
        );
        let response = Response {
            status: 200,
            body: format!("{{\"Documents\":[{}]}}", rows.join(",")).into(),
            ..Response::default()
        };
        Sheet::new(None, (block(page, true, false).read)(&response).unwrap())
    }

    #[test]
    fn rows_come_as_if_all_of_them_were_sorted() {
        const ITEMS: [&str; 16] = [
            "{}",
            "{\"item\":null}",
            "{\"item\":false}",
            "{\"item\":-0.0}",
            "{\"item\":0}",
            "{\"item\":1e0}",
            "{\"item\":9007199254740992}",
            "{\"item\":9007199254740993}",
            "{\"item\":-1e300}",
            "{\"item\":\"aaaaaaaa\"}",
            "{\"item\":\"aaaaaaab\"}",
            "{\"item\":\"aaaaaaa\"}",
            "{\"item\":\"\\ue000\"}",
            "{\"item\":\"\\ud83d\\ude00\"}",
            "{\"item\":\"a\\u0000\"}",
            "{\"item\":\"a\"}",
        ];
        let mut state = 5_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let of = |item: usize| Key::read(member(ITEMS[item], "item", "").unwrap()).unwrap();
        for round in 0..300 {
            let way = [Direction::Ascending, Direction::Descending];
            let order = [way[round % 2], way[random(2)]];
            let (mut leaves, mut all) = (Vec::new(), Vec::new());
            for at in 0..1 + random(6) {
                let mut rows: Vec<(Vec<Key>, String)> = Vec::new();
                for number in 0..random(12) {
                    let (one, two) = (random(16), random(16));
                    let row = format!(
                        r#"{{"orderByItems":[{},{}],"payload":"{at} {number}"}}"#,
                        ITEMS[one], ITEMS[two]
                    );
                    rows.push((vec![of(one), of(two)], row));
                }
                rows.sort_by(|a, b| compare(&order, &a.0, &b.0).unwrap());
                let texts: Vec<String> = rows.iter().map(|row| row.1.clone()).collect();
                let part = Part {
                    range: String::new(),
                    min: String::new(),
                    max: String::new(),
                    within: false,
                };
                let mut leaf = Leaf::new(at, part, None);
                leaf.add(sheet(&texts));
                leaves.push(leaf);
                all.extend(rows);
            }
            all.sort_by(|a, b| compare(&order, &a.0, &b.0).unwrap());
            let (mut queue, mut given) = (Queue::default(), Vec::new());
            loop {
                let were = leaves.len();
                leaves.retain(Leaf::has_head);
                if leaves.len() != were {
                    queue.clear();
                }
                if leaves.is_empty() {
                    break;
                }
                let at = queue
                    .least(&Leaves {
                        order: &order,
                        leaves: &leaves,
                    })
                    .unwrap();
                leaves[at].take(&mut |row| given.push(row.text.to_string()));
            }
            let wanted = all.iter().map(|(_, row)| {
                let at = row.find("\"payload\":").unwrap() + "\"payload\":".len();
                row[at..row.len() - 1].to_string()
            });
            assert_eq!(given, wanted.collect::<Vec<_>>());
        }
    }
}
