//! Which items of an input are done with: all up to a place, and some behind it. Bounded by how many are under way.

use std::collections::VecDeque;

use serde_json::Value;

/// More than this many items are never under way at once: whoever says so has written nonsense.
const WIDEST: u64 = 1 << 26;

/// No input has more items.
const MOST: u64 = 1 << 62;

/// Items by their number, from 0.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Settled {
    /// Everything before is settled; a multiple of 64.
    base: u64,
    /// One bit an item from there on.
    bits: VecDeque<u64>,
}

impl Settled {
    /// This one is done with.
    pub fn add(&mut self, item: u64) {
        let Some(ahead) = item.checked_sub(self.base) else {
            return;
        };
        let (word, bit) = ((ahead / 64) as usize, ahead % 64);
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << bit;
        }
        while self.bits.front() == Some(&u64::MAX) {
            self.bits.pop_front();
            self.base += 64;
        }
    }

    /// Whether it is done with.
    pub fn has(&self, item: u64) -> bool {
        item.checked_sub(self.base).is_none_or(|ahead| {
            let bits = self.bits.get((ahead / 64) as usize);
            bits.is_some_and(|bits| bits >> (ahead % 64) & 1 == 1)
        })
    }

    /// Behind the last one that is done with.
    pub fn end(&self) -> u64 {
        match self.bits.back() {
            None => self.base,
            Some(last) => self.base + 64 * self.bits.len() as u64 - u64::from(last.leading_zeros()),
        }
    }

    /// From where to where, again and again, as JSON: `[0,700,702,705]`.
    pub fn to_json(&self) -> String {
        let mut spans = String::from(if self.base > 0 { "[0" } else { "[" });
        let mut inside = self.base > 0;
        for item in self.base..=self.end() {
            if self.has(item) != inside {
                if spans.len() > 1 {
                    spans.push(',');
                }
                spans.push_str(&item.to_string());
                inside = !inside;
            }
        }
        spans.push(']');
        spans
    }

    /// Reads what [`Settled::to_json`] wrote; `None` where it is something else.
    pub fn from_json(value: &Value) -> Option<Settled> {
        let spans = value.as_array()?.iter();
        let spans: Vec<u64> = spans.map(Value::as_u64).collect::<Option<_>>()?;
        let mut settled = Settled::default();
        let mut before = 0;
        for (at, span) in spans.chunks(2).enumerate() {
            let [from, to] = *span else { return None };
            if from < before || to <= from || to > MOST || (from > 0 && to - settled.base > WIDEST)
            {
                return None;
            }
            // The first span may be as long as it likes: it is not kept bit by bit.
            if at == 0 && from == 0 {
                settled.base = to / 64 * 64;
            }
            (from.max(settled.base)..to).for_each(|item| settled.add(item));
            before = to;
        }
        Some(settled)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_done_with_is_known_in_any_order() {
        let mut settled = Settled::default();
        let (mut seed, mut left): (u64, Vec<u64>) = (7, (0..1000).collect());
        while let Some(last) = left.len().checked_sub(1) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Not far from the front, as it is.
            let item = left.remove(((seed >> 33) as usize % 100).min(last));
            assert!(!settled.has(item));
            settled.add(item);
            assert!(settled.has(item));
            assert!(left.iter().all(|other| !settled.has(*other)));
            let again = serde_json::from_str(&settled.to_json()).unwrap();
            let again = Settled::from_json(&again).unwrap();
            assert!((0..1001).all(|n| again.has(n) == settled.has(n)));
        }
        assert_eq!(settled.to_json(), "[0,1000]");
        assert_eq!(settled.end(), 1000);
        assert!(settled.bits.len() <= 1);
    }

    #[test]
    fn nonsense_is_no_state() {
        for wrong in [
            json!(1),
            json!([1]),
            json!([5, 5]),
            json!([0, 5, 4, 9]),
            json!([0, -1]),
            json!(["a", 2]),
            json!([0, 64, 70, 9_000_000_000_000_000_u64]),
            json!([5, 2]),
        ] {
            assert_eq!(Settled::from_json(&wrong), None, "{wrong}");
        }
        let far = Settled::from_json(&json!([0, 9_000_000_000_000_000_u64])).unwrap();
        assert!(far.has(8_999_999_999_999_999) && !far.has(9_000_000_000_000_000));
        assert_eq!(Settled::from_json(&json!([])), Some(Settled::default()));
    }
}
