//! How many request units a second an import may spend: a token bucket that learns what an operation costs. Pure.
//!
//! The bucket begins empty and holds little, so that the limit is kept in the first second as in any other. A request
//! waits until there is enough for all of its operations: batches stay as large as without a limit, or as a second's
//! worth. The first few operations go one by one, because their cost is not known yet.

use std::time::Duration;

use crate::cosmos::limits::BATCH_OPERATIONS;

/// What an operation is taken to cost until one was charged.
const GUESS: f64 = 10.0;
/// How many operations go first, to see what they cost.
const FIRST: usize = 10;
/// The part of a second's worth that may be saved up for threads that come late.
const SAVED: f64 = 0.1;
/// How long to wait before looking again whether the first operations have been charged.
const LOOK: Duration = Duration::from_millis(5);

/// Time and request units.
#[derive(Debug)]
pub(super) struct Pace {
    /// A second; without a limit nothing is counted.
    limit: Option<f64>,
    /// What may be spent now.
    left: f64,
    at: Duration,
    /// The cost of one operation, as far as is known.
    each: f64,
    /// Whether one was charged.
    known: bool,
    /// Requests under way.
    flying: usize,
}

impl Pace {
    /// With this limit a second.
    pub fn new(limit: Option<f64>) -> Pace {
        Pace {
            limit,
            left: 0.0,
            at: Duration::ZERO,
            each: GUESS,
            known: false,
            flying: 0,
        }
    }

    /// How long to wait before the next request, where so many operations are waiting.
    pub fn wait(&mut self, now: Duration, waiting: usize) -> Duration {
        let Some(limit) = self.limit else {
            return Duration::ZERO;
        };
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        let most = self.cost(self.full(limit), limit).max(SAVED * limit);
        self.left = (self.left + passed * limit).min(most);
        if !self.known && self.flying > 0 {
            return LOOK;
        }
        let wanted = self.cost(self.full(limit).min(waiting), limit);
        Duration::from_secs_f64((wanted - self.left).max(0.0) / limit)
    }

    /// How many operations a full request has: no more than a second's worth.
    fn full(&self, limit: f64) -> usize {
        let most = if self.known { BATCH_OPERATIONS } else { FIRST };
        ((limit / self.each) as usize).clamp(1, most)
    }

    /// Of so many operations; of one that costs more than a second's worth as much as can be had.
    fn cost(&self, operations: usize, limit: f64) -> f64 {
        (self.each * operations as f64).min(limit)
    }

    /// How many operations a request may have.
    pub fn operations(&self) -> usize {
        let Some(limit) = self.limit else {
            return usize::MAX;
        };
        // A wait that is over by the clock may be short by a rounding.
        let fit = (self.left / self.each + 1e-3) as usize;
        fit.clamp(1, self.full(limit))
    }

    /// Sets aside what a request of so many operations is going to cost.
    pub fn spend(&mut self, operations: usize) -> f64 {
        let cost = self.each * operations as f64;
        self.left -= cost;
        self.flying += 1;
        cost
    }

    /// It cost something else, for so many operations that were carried out.
    pub fn correct(&mut self, set_aside: f64, charge: f64, operations: usize) {
        self.left += set_aside - charge;
        self.flying -= 1;
        if operations > 0 && charge > 0.0 {
            let each = charge / operations as f64;
            self.each = match self.known {
                true => (3.0 * self.each + each) / 4.0,
                false => each,
            };
            self.known = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Charges and requests of a minute, second by second, with this many requests under way.
    fn minute(limit: f64, each: f64) -> (Vec<f64>, Vec<usize>) {
        let (mut pace, mut now) = (Pace::new(Some(limit)), Duration::ZERO);
        let (mut charged, mut sizes) = (vec![0.0; 60], Vec::new());
        while now < Duration::from_secs(60) {
            let wait = pace.wait(now, 1_000);
            if wait.is_zero() {
                let operations = pace.operations();
                let set_aside = pace.spend(operations);
                let charge = each * operations as f64;
                if let Some(second) = charged.get_mut(now.as_secs() as usize) {
                    *second += charge;
                }
                sizes.push(operations);
                pace.correct(set_aside, charge, operations);
            }
            now += wait.max(Duration::from_millis(1));
        }
        (charged, sizes)
    }

    #[test]
    fn the_limit_is_kept_from_the_first_second() {
        for (limit, each) in [
            (350.0, 6.67),
            (3_000.0, 6.67),
            (3_000.0, 55.0),
            (100_000.0, 6.67),
        ] {
            let (charged, _) = minute(limit, each);
            let all: f64 = charged.iter().sum();
            assert!(
                (limit * 57.0..=limit * 60.5).contains(&all),
                "{limit} {all}"
            );
            let first = charged.first().copied().unwrap_or_default();
            assert!(
                first <= 1.05 * limit,
                "{limit}: {first} in the first second"
            );
        }
    }

    #[test]
    fn batches_stay_as_large_as_without_a_limit() {
        let (_, sizes) = minute(3_000.0, 6.67);
        assert!(
            sizes.iter().skip(1).all(|size| *size == BATCH_OPERATIONS),
            "{sizes:?}"
        );
        // Or as large as a second's worth.
        let (_, sizes) = minute(350.0, 6.67);
        assert!(sizes.iter().skip(1).all(|size| *size == 52), "{sizes:?}");
        let (_, sizes) = minute(4.0, 6.67);
        assert!(sizes.iter().all(|size| *size == 1), "{sizes:?}");
    }

    #[test]
    fn nothing_else_goes_before_it_is_known_what_an_operation_costs() {
        let mut pace = Pace::new(Some(100_000.0));
        let now = Duration::from_secs(1);
        assert!(pace.wait(now, 1_000).is_zero());
        let set_aside = pace.spend(pace.operations());
        assert_eq!(set_aside, GUESS * FIRST as f64);
        assert_eq!(pace.wait(now, 1_000), LOOK);
        pace.correct(set_aside, 500.0, FIRST);
        assert!(pace.wait(now, 1_000).is_zero());
        assert_eq!(pace.operations(), BATCH_OPERATIONS);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut pace = Pace::new(None);
        for _ in 0..1000 {
            let set_aside = pace.spend(100);
            pace.correct(set_aside, 1e6, 100);
            assert!(pace.wait(Duration::ZERO, 1_000).is_zero());
        }
        assert_eq!(pace.operations(), usize::MAX);
    }
}
