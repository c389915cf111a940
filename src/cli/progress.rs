//! How far a long command has come, on standard error: one line that changes on a terminal, else a line every five
//! seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use super::say;

/// How often a line on a terminal changes, and how often another one is written elsewhere.
const TERMINAL: Duration = Duration::from_millis(250);
const PLAIN: Duration = Duration::from_secs(5);

/// What has been done so far.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sofar {
    /// Items.
    pub items: u64,
    /// Request units.
    pub charge: f64,
    /// What was sent: requests, or operations in them.
    pub sent: u64,
    /// How much of that was refused for lack of request units.
    pub throttled: u64,
    /// How much of the whole, in the unit of the whole.
    pub done: u64,
}

/// Shows how far a command has come, as often as is useful.
pub struct Progress {
    /// Nothing is shown where there is none.
    every: Option<Duration>,
    terminal: bool,
    begun: Instant,
    due: Duration,
    meter: Meter,
}

impl Progress {
    /// Of a command with so much to do, in any unit, where that is known. Nothing is shown where that is not wanted.
    pub fn new(quiet: bool, whole: Option<u64>) -> Progress {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let every = if terminal { TERMINAL } else { PLAIN };
        Progress {
            every: (!quiet).then_some(every),
            terminal,
            begun: Instant::now(),
            due: every,
            meter: Meter {
                whole,
                ..Meter::default()
            },
        }
    }

    /// Is told how far it is; may be called as often as one likes, and should be while nothing happens, too.
    pub fn show(&mut self, sofar: &Sofar) {
        let now = self.begun.elapsed();
        let Some(every) = self.every.filter(|_| now >= self.due) else {
            return;
        };
        self.due = now + every;
        let line = self.meter.line(now, sofar);
        match self.terminal {
            true => say::status(&line),
            false => say::tell(&line),
        }
    }
}

impl Drop for Progress {
    /// What comes next is said in its place.
    fn drop(&mut self) {
        say::end_status();
    }
}

/// Rates of the last five to ten seconds. Pure.
#[derive(Debug, Default)]
struct Meter {
    whole: Option<u64>,
    older: (Duration, Sofar),
    newer: (Duration, Sofar),
}

impl Meter {
    fn line(&mut self, now: Duration, sofar: &Sofar) -> String {
        let (since, before) = self.older;
        let seconds = (now - since).as_secs_f64().max(0.001);
        let rate = |now: f64, before: f64| (now - before).max(0.0) / seconds;
        // Whole numbers are enough, and need no table of powers.
        let whole = |now, before| rate(now, before).round() as u64;
        let mut line = format!(
            "{} items · {} items/s",
            sofar.items,
            whole(sofar.items as f64, before.items as f64)
        );
        if sofar.charge > 0.0 {
            line += &format!(" · {} RU/s", whole(sofar.charge, before.charge));
        }
        let (refused, sent) = (sofar.throttled - before.throttled, sofar.sent - before.sent);
        if let Some(share) = (100 * refused).checked_div(sent).filter(|share| *share > 0) {
            line += &format!(" · {share} % throttled");
        }
        let left = self
            .whole
            .map(|whole| whole.saturating_sub(sofar.done) as f64);
        let speed = rate(sofar.done as f64, before.done as f64);
        if let Some(left) = left.filter(|_| speed > 0.0) {
            line = line + " · " + &words((left / speed) as u64) + " left";
        }
        if now - self.newer.0 >= PLAIN {
            self.older = self.newer;
            self.newer = (now, *sofar);
        }
        line
    }
}

/// So many seconds, as people say it.
fn words(seconds: u64) -> String {
    let two = |large: u64, one: &str, small: u64, two: &str| format!("{large} {one} {small} {two}");
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_last_seconds() {
        let mut meter = Meter {
            whole: Some(10_000),
            ..Meter::default()
        };
        let mut line = |seconds, items, charge, sent, throttled| {
            let sofar = Sofar {
                items,
                charge,
                sent,
                throttled,
                done: items,
            };
            meter.line(Duration::from_secs(seconds), &sofar)
        };
        assert_eq!(
            line(5, 500, 0.0, 500, 0),
            "500 items · 100 items/s · 1 min 35 s left"
        );
        assert_eq!(
            line(10, 1000, 4000.0, 1250, 250),
            "1000 items · 100 items/s · 400 RU/s · 20 % throttled · 1 min 30 s left"
        );
        // From here on, the first five seconds do not count any more.
        assert_eq!(
            line(15, 9500, 4000.0, 9750, 250),
            "9500 items · 900 items/s · 400 RU/s · 2 % throttled · 0 s left"
        );
        assert_eq!(
            line(20, 9500, 4000.0, 9750, 250),
            "9500 items · 850 items/s · 0 RU/s · 0 s left"
        );
    }

    #[test]
    fn nothing_done_has_no_end() {
        let mut meter = Meter {
            whole: Some(7),
            ..Meter::default()
        };
        let line = meter.line(Duration::ZERO, &Sofar::default());
        assert_eq!(line, "0 items · 0 items/s");
    }

    #[test]
    fn a_while_is_said_in_words() {
        for (seconds, text) in [(0, "0 s"), (61, "1 min 1 s"), (7_385, "2 h 3 min")] {
            assert_eq!(words(seconds), text);
        }
    }
}
