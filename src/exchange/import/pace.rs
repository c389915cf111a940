//! So many request units a second and no more, by what earlier requests were charged. Pure.

use std::time::Duration;

/// What an operation is taken to cost until one was charged.
const GUESS: f64 = 10.0;

/// Time and request units.
#[derive(Debug)]
pub(super) struct Pace {
    /// A second; without a limit nothing is counted.
    most: Option<f64>,
    left: f64,
    at: Duration,
    /// The cost of one operation, as far as is known.
    each: f64,
}

impl Pace {
    /// At most one second's worth is saved up.
    pub fn new(most: Option<f64>) -> Pace {
        Pace {
            most,
            left: most.unwrap_or_default(),
            at: Duration::ZERO,
            each: GUESS,
        }
    }

    /// How long to wait before the next request.
    pub fn wait(&mut self, now: Duration) -> Duration {
        let Some(most) = self.most else {
            return Duration::ZERO;
        };
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + passed * most).min(most);
        let missing = (self.each.min(most) - self.left).max(0.0);
        Duration::from_secs_f64(missing / most)
    }

    /// How many operations a request may have.
    pub fn operations(&self) -> usize {
        let fit = self.most.map(|_| (self.left / self.each) as usize);
        fit.unwrap_or(usize::MAX).max(1)
    }

    /// Sets aside what a request of so many operations is going to cost.
    pub fn spend(&mut self, operations: usize) -> f64 {
        let cost = self.each * operations as f64;
        self.left -= cost;
        cost
    }

    /// It cost something else, for so many operations that were carried out.
    pub fn correct(&mut self, set_aside: f64, charge: f64, operations: usize) {
        self.left += set_aside - charge;
        if operations > 0 && charge > 0.0 {
            self.each = (3.0 * self.each + charge / operations as f64) / 4.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_spent_than_the_limit_allows() {
        let (mut pace, mut now, mut charged) = (Pace::new(Some(350.0)), Duration::ZERO, 0.0);
        while now < Duration::from_secs(60) {
            let wait = pace.wait(now);
            if wait.is_zero() {
                let operations = pace.operations().min(100);
                let set_aside = pace.spend(operations);
                let charge = 6.67 * operations as f64;
                charged += charge;
                pace.correct(set_aside, charge, operations);
            }
            now += wait.max(Duration::from_millis(1));
        }
        // What was saved up for one second comes on top.
        assert!((350.0 * 57.0..350.0 * 61.5).contains(&charged), "{charged}");
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut pace = Pace::new(None);
        for _ in 0..1000 {
            let set_aside = pace.spend(100);
            pace.correct(set_aside, 1e6, 100);
            assert!(pace.wait(Duration::ZERO).is_zero());
        }
        assert_eq!(pace.operations(), usize::MAX);
    }
}
