//! All ranges of the container, what waits for them and what is under way. One lock is around it. Pure.

use std::time::Duration;

use super::Counts;
use super::fate::{Fate, Said};
use super::lane::{FULL, Lane};
use super::op::{Op, SLOTS};
use super::pace::Pace;
use super::settled::Settled;
use crate::cosmos::effective_key::order;
use crate::cosmos::ranges::{Range, Ranges};
use crate::error::Error;
use crate::exchange::budget::Budget;

/// What may wait at most, unless it is one: bytes, and operations.
const HELD: (usize, usize) = (2 * 1024 * 1024, 10_000);
/// Requests under way have no more bytes than this, unless it is one, or all of them are small.
const FLYING: usize = 2 * 1024 * 1024;

/// One request.
#[derive(Debug)]
pub(super) struct Load {
    pub range: String,
    /// When the ranges were read, counted.
    pub edition: u32,
    pub bytes: usize,
    pub ops: Vec<Op>,
    set_aside: f64,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    Send(Load),
    /// The ranges are to be read again.
    ReadRanges,
    /// Nothing before then.
    Sleep(Duration),
    /// Nothing until something happens.
    Wait,
    /// Nothing any more.
    Leave,
}

#[derive(Debug)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    /// How often the ranges were read.
    pub edition: u32,
    /// They are being read again.
    reading: bool,
    /// The range that is looked at first.
    turn: usize,
    busy: Vec<bool>,
    held: (usize, usize),
    flying: usize,
    flying_bytes: usize,
    pace: Pace,
    /// Operations go together.
    bulk: bool,
    /// A thread has ended as none should.
    pub broken: bool,
    /// The reader waits for room.
    pub starved: bool,
    /// There is no more input.
    pub ended: bool,
    /// Nothing new is sent.
    pub stopped: bool,
    pub failed: Option<Error>,
    pub counts: Counts,
    pub settled: Settled,
}

impl Lanes {
    /// Of these ranges; without any there is one lane for all.
    pub fn new(ranges: Option<&Ranges>, bulk: bool, pace: Pace, settled: Settled) -> Lanes {
        let whole = Range {
            id: String::new(),
            min: String::new(),
            max: "FF".into(),
            parents: Vec::new(),
            share: None,
        };
        let mut all: Vec<Lane> = ranges
            .into_iter()
            .flat_map(Ranges::iter)
            .map(Lane::new)
            .collect();
        if all.is_empty() {
            all.push(Lane::new(&whole));
        }
        Lanes {
            all,
            edition: 0,
            reading: false,
            turn: 0,
            busy: vec![false; SLOTS],
            held: (0, 0),
            flying: 0,
            flying_bytes: 0,
            pace,
            bulk,
            broken: false,
            starved: false,
            ended: false,
            stopped: false,
            failed: None,
            counts: Counts::default(),
            settled,
        }
    }

    /// Whether another item may wait.
    pub fn has_room(&self, op: &Op) -> bool {
        let bytes = self.held.0 + op.operation.len();
        self.held.1 == 0 || (bytes <= HELD.0 && self.held.1 < HELD.1)
    }

    /// Whether nothing is under way, nor going to be.
    pub fn is_over(&self) -> bool {
        let done = self.failed.is_some() || self.stopped || (self.ended && self.held.1 == 0);
        self.broken || (self.flying == 0 && done)
    }

    /// Puts an item where its range is: first there, if it was under way, or last. `true` where that makes a request
    /// full.
    pub fn put(&mut self, op: Op, first: bool) -> bool {
        let size = op.operation.len();
        let Some(lane) = self.find(&op.spot.effective) else {
            return false;
        };
        lane.bytes += size;
        match first {
            true => lane.queue.push_front(op),
            false => lane.queue.push_back(op),
        }
        let full = lane.is_full_by(size);
        self.held = (self.held.0 + size, self.held.1 + 1);
        full
    }

    /// The range of an effective key.
    pub fn find(&mut self, effective: &str) -> Option<&mut Lane> {
        let behind = self
            .all
            .partition_point(|lane| order(&lane.min, effective).is_le());
        self.all.get_mut(behind.saturating_sub(1))
    }

    /// What is to be done at a moment; with `any`, a request need not be full.
    pub fn next(&mut self, now: Duration, any: bool) -> Next {
        if self.failed.is_some() || self.stopped || self.is_over() {
            return Next::Leave;
        }
        if !self.reading && self.all.iter().any(|lane| lane.is_to_be_found(now)) {
            self.reading = true;
            return Next::ReadRanges;
        }
        let limit = FLYING.max(self.flying * FULL);
        if self.held.1 == 0 || self.flying_bytes >= limit {
            return Next::Wait;
        }
        let room = match self.flying {
            0 => usize::MAX,
            _ => FULL.max(limit - self.flying_bytes),
        };
        let waiting = if self.bulk { self.held.1 } else { 1 };
        let wait = self.pace.wait(now, waiting);
        if !wait.is_zero() {
            return Next::Sleep(wait);
        }
        let any = any || self.starved || self.ended;
        let most = if self.bulk { self.pace.operations() } else { 1 };
        // Full requests first, of one range after the other.
        for step in 0..2 * self.all.len() {
            let (full, at) = (step < self.all.len(), (self.turn + step) % self.all.len());
            let lane = self.all.get_mut(at);
            let Some(lane) = lane.filter(|lane| lane.may(now, any && !full)) else {
                continue;
            };
            let ops = lane.take(&mut self.busy, most, room);
            if !ops.is_empty() {
                lane.flying += 1;
                let range = lane.id.clone();
                self.turn = at + 1;
                return Next::Send(self.load(range, ops));
            }
        }
        let paused = self.all.iter().filter(|lane| !lane.queue.is_empty());
        let pauses = paused
            .map(|lane| lane.pause(now))
            .filter(|pause| !pause.is_zero());
        pauses.min().map_or(Next::Wait, Next::Sleep)
    }

    /// Whether another thread has something to send, too.
    pub fn has_more(&self, now: Duration) -> bool {
        let any = self.starved || self.ended;
        self.all.iter().any(|lane| lane.may(now, any))
    }

    fn load(&mut self, range: String, ops: Vec<Op>) -> Load {
        let bytes = ops.iter().map(|op| op.operation.len()).sum();
        self.held = (self.held.0 - bytes, self.held.1 - ops.len());
        self.flying += 1;
        self.flying_bytes += bytes;
        self.counts.requests += 1;
        self.counts.sent += ops.len() as u64;
        Load {
            range,
            edition: self.edition,
            bytes,
            set_aside: self.pace.spend(ops.len()),
            ops,
        }
    }

    /// The ranges as they are now: what waits for one that is gone goes to those that took its place. Each that is still
    /// there goes on as it was.
    pub fn replace(&mut self, ranges: &Ranges) {
        self.edition += 1;
        self.reading = false;
        let fresh = ranges.iter().map(Lane::new).collect();
        let mut waiting = Vec::new();
        for mut lane in std::mem::replace(&mut self.all, fresh) {
            lane.gone = false;
            let same = |new: &&mut Lane| {
                new.id == lane.id && (&new.min, &new.max) == (&lane.min, &lane.max)
            };
            if let Some(same) = self.all.iter_mut().find(same) {
                *same = lane;
                continue;
            }
            for new in &mut self.all {
                if order(&new.min, &lane.max).is_lt() && order(&lane.min, &new.max).is_lt() {
                    new.follow(&lane);
                }
            }
            self.held = (self.held.0 - lane.bytes, self.held.1 - lane.queue.len());
            waiting.extend(lane.queue);
        }
        for op in waiting {
            self.put(op, false);
        }
    }

    /// A request has come back: what it cost, and what comes of its items. Those that are to be sent again come back
    /// first. The reason, where the schedule of its range is used up.
    pub fn land(
        &mut self,
        now: Duration,
        load: Load,
        charge: f64,
        fates: &[(Fate, Said)],
        limits: &Budget,
    ) -> Option<Said> {
        self.flying -= 1;
        self.flying_bytes -= load.bytes;
        let results = load.ops.iter().zip(fates);
        let results: Vec<(&Op, Fate, &Said)> = results
            .map(|(op, (fate, said))| (op, *fate, said))
            .collect();
        let succeeded = fates
            .iter()
            .filter(|(fate, _)| !matches!(fate, Fate::Again(_) | Fate::Gone));
        let succeeded = succeeded.count();
        self.pace.correct(load.set_aside, charge, succeeded);
        self.counts.charge += charge;
        let mut spent = None;
        if let Some(lane) = self.all.iter_mut().find(|lane| lane.id == load.range) {
            lane.flying = lane.flying.saturating_sub(1);
            spent = lane.take_results(now, succeeded, &results, limits);
            // A refusal of a range that was read again since says nothing of the new one.
            if load.edition == self.edition && !lane.id.is_empty() {
                spent = leave(lane, now, &results, limits).or(spent);
            }
        }
        for (op, (fate, said)) in load.ops.into_iter().zip(fates).rev() {
            if let Some(busy) = self.busy.get_mut(op.spot.slot) {
                *busy = false;
            }
            self.count(op, *fate, said, succeeded > 0);
        }
        spent
    }

    /// An attempt counts against an item where others of its request succeeded, or where it may be the reason why they
    /// did not; else against its range.
    fn count(&mut self, mut op: Op, fate: Fate, said: &Said, good: bool) {
        let counts = &mut self.counts;
        match fate {
            Fate::Created => counts.created += 1,
            Fate::Replaced => counts.replaced += 1,
            Fate::Own => counts.own += 1,
            Fate::Skipped => counts.skipped += 1,
            Fate::Refused => counts.rejected += 1,
            Fate::Again(row) => {
                counts.throttled += u64::from(row.is_throttled());
                op.attempts += u32::from(!row.is_throttled() && good != row.is_of_others());
                op.unsure |= row.unsure;
                self.put(op, true);
                return;
            }
            Fate::Gone => {
                op.attempts += u32::from(good);
                op.unsure |= said.is_unsure_of_range();
                self.put(op, true);
                return;
            }
            // It stays open, for another run.
            Fate::Compare | Fate::Fatal => return,
        }
        self.settled.add(op.number);
    }
}

/// What a request says of a range that is gone. The reason, where the schedule of the range is used up.
fn leave(
    lane: &mut Lane,
    now: Duration,
    results: &[(&Op, Fate, &Said)],
    limits: &Budget,
) -> Option<Said> {
    let gone = results.iter().filter(|(_, fate, _)| *fate == Fate::Gone);
    let (op, _, said) = gone.max_by_key(|(op, _, _)| op.attempts)?;
    let waits = lane.leave(now, op.attempts, said.wait, limits);
    (!waits).then(|| (*said).clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::super::Mode;
    use super::super::fate::fate;
    use super::super::op::Check;
    use super::super::records::Record;
    use super::*;
    use crate::cosmos::key_definition::Definition;
    use crate::cosmos::key_definition::keyed::Keyed;
    use crate::cosmos::operation::Operation;
    use crate::exchange::retry::NO_RESPONSE;
    use serde_json::json;

    fn ranges(cuts: &[(&str, &str, &str)]) -> Ranges {
        let range = |(id, min, max): &(&str, &str, &str)| Range {
            id: id.to_string(),
            min: min.to_string(),
            max: max.to_string(),
            parents: Vec::new(),
            share: None,
        };
        Ranges::new(cuts.iter().map(range).collect()).unwrap()
    }

    fn lanes(cuts: &[(&str, &str, &str)]) -> Lanes {
        Lanes::new(
            Some(&ranges(cuts)),
            true,
            Pace::new(None),
            Settled::default(),
        )
    }

    fn op(number: u64, id: &str, key: &str) -> Op {
        let definition = json!({"paths": ["/pk"], "kind": "Hash", "version": 2});
        let keyed = Keyed::new(Definition::from_json(&definition).unwrap()).unwrap();
        let text = format!(r#"{{"id":"{id}","pk":"{key}"}}"#);
        let record = Record {
            line: number,
            text: &text,
            wrong: None,
        };
        let spot = Check {
            keyed: &keyed,
            any_id: false,
        }
        .spot(&record)
        .unwrap();
        Op::new(number, &record, spot, Mode::Upsert)
    }

    fn load(lanes: &mut Lanes, at: u64) -> Load {
        match lanes.next(Duration::from_secs(at), true) {
            Next::Send(load) => load,
            other => panic!("{other:?}"),
        }
    }

    fn numbers(load: &Load) -> Vec<u64> {
        load.ops.iter().map(|op| op.number).collect()
    }

    /// All of them are told the same.
    fn land(lanes: &mut Lanes, at: u64, load: Load, status: u16) -> Option<Said> {
        let said = Said::plain(status, String::new());
        let fates: Vec<_> = load
            .ops
            .iter()
            .map(|op| (fate(&said, Mode::Upsert, op.unsure), said.clone()))
            .collect();
        lanes.land(
            Duration::from_secs(at),
            load,
            1.0,
            &fates,
            &Budget::default(),
        )
    }

    const ONE: &[(&str, &str, &str)] = &[("0", "", "FF")];
    const TWO: &[(&str, &str, &str)] = &[("1", "", "1FFF"), ("2", "1FFF", "FF")];

    #[test]
    fn two_of_one_id_are_never_under_way_together_and_stay_in_order() {
        let mut lanes = lanes(ONE);
        for (number, id) in ["a", "b", "a", "a", "c"].iter().enumerate() {
            lanes.put(op(number as u64, id, "k"), false);
        }
        let first = load(&mut lanes, 0);
        assert_eq!(numbers(&first), [0, 1, 4]);
        // Nothing else may go: of the one id the first is under way.
        assert!(matches!(lanes.next(Duration::ZERO, true), Next::Wait));
        assert!(land(&mut lanes, 0, first, 449).is_none());
        let again = load(&mut lanes, 1);
        assert_eq!(numbers(&again), [0, 1, 4]);
        land(&mut lanes, 1, again, 200);
        let second = load(&mut lanes, 1);
        assert_eq!(numbers(&second), [2]);
        land(&mut lanes, 1, second, 200);
        let third = load(&mut lanes, 1);
        assert_eq!(numbers(&third), [3]);
        land(&mut lanes, 1, third, 200);
        lanes.ended = true;
        assert!(lanes.is_over() && matches!(lanes.next(Duration::ZERO, true), Next::Leave));
        assert_eq!(lanes.settled.to_json(), "[0,5]");
        assert_eq!(lanes.counts.replaced, 5);
    }

    #[test]
    fn a_second_large_one_waits_until_the_first_is_back() {
        let mut lanes = lanes(TWO);
        let sized = |number: u64, place: &str, size: usize| {
            let mut op = op(number, &number.to_string(), "k");
            op.operation = Operation::write(true, &"x".repeat(size));
            op.spot.effective = place.into();
            op
        };
        let large = FLYING - 100;
        for (number, place, size) in [(0, "00", large), (1, "2A", large), (2, "00", 1000)] {
            let op = sized(number, place, size);
            assert_eq!(lanes.has_room(&op), number == 0);
            lanes.put(op, false);
        }
        let first = load(&mut lanes, 0);
        assert_eq!(numbers(&first), [0]);
        lanes.all[0].succeed(true);
        // What is small may go along with it.
        let small = load(&mut lanes, 0);
        assert_eq!(numbers(&small), [2]);
        assert!(matches!(lanes.next(Duration::ZERO, true), Next::Wait));
        land(&mut lanes, 0, first, 200);
        assert!(matches!(lanes.next(Duration::ZERO, true), Next::Wait));
        land(&mut lanes, 0, small, 200);
        assert_eq!(numbers(&load(&mut lanes, 0)), [1]);
    }

    #[test]
    fn what_waited_for_a_range_that_is_gone_goes_to_its_children_in_order() {
        let mut lanes = lanes(ONE);
        for number in 0..20 {
            lanes.put(
                op(
                    number,
                    &format!("i{}", number % 10),
                    &format!("k{}", number % 10),
                ),
                false,
            );
        }
        let flying = load(&mut lanes, 0);
        assert_eq!(numbers(&flying), (0..10).collect::<Vec<_>>());
        lanes.replace(&ranges(TWO));
        // While the first ten are under way, none of their ids goes.
        assert!(matches!(lanes.next(Duration::ZERO, true), Next::Wait));
        land(&mut lanes, 0, flying, 410);
        let mut seen = Vec::new();
        while lanes.counts.replaced < 20 {
            let load = load(&mut lanes, 1);
            assert!(load.range == "1" || load.range == "2");
            seen.extend(numbers(&load));
            land(&mut lanes, 1, load, 200);
        }
        for id in 0..10 {
            let place = |number: u64| seen.iter().position(|seen| *seen == number).unwrap();
            assert!(place(id) < place(id + 10), "{seen:?}");
        }
    }

    #[test]
    fn nothing_goes_to_a_range_that_is_gone_until_the_ranges_are_read_again() {
        let mut lanes = lanes(ONE);
        for number in 0..300 {
            lanes.put(
                op(number, &format!("i{number}"), &format!("k{number}")),
                false,
            );
        }
        // It may have two requests under way.
        let first = load(&mut lanes, 0);
        land(&mut lanes, 0, first, 201);
        let (one, two) = (load(&mut lanes, 0), load(&mut lanes, 0));
        land(&mut lanes, 0, one, 410);
        assert!(matches!(lanes.next(Duration::ZERO, true), Next::ReadRanges));
        assert!(matches!(
            lanes.next(Duration::from_secs(9), true),
            Next::Wait
        ));
        lanes.replace(&ranges(ONE));
        let again = load(&mut lanes, 9);
        // The late answer is of the range as it was before.
        land(&mut lanes, 9, two, 410);
        land(&mut lanes, 9, again, 201);
        assert_eq!(load(&mut lanes, 9).ops.len(), 100);
    }

    #[test]
    fn each_range_waits_for_itself_before_the_ranges_are_read_again() {
        let mut lanes = lanes(TWO);
        for number in 0..2000 {
            let id = format!("i{number}");
            lanes.put(op(number, &id, &id), false);
        }
        let gone = Said {
            substatus: 1007,
            ..Said::plain(410, String::new())
        };
        let refuse = |lanes: &mut Lanes, at: Duration, load: Load| {
            let fates: Vec<_> = load
                .ops
                .iter()
                .map(|_| (Fate::Gone, gone.clone()))
                .collect();
            lanes.land(at, load, 0.0, &fates, &Budget::default())
        };
        let (mut at, mut reads, mut ended) = (Duration::ZERO, Vec::new(), false);
        // The range 1 is locked; all that is sent to the other one is written.
        while !ended {
            match lanes.next(at, true) {
                Next::Send(load) if load.range == "1" => {
                    assert!(load.ops.iter().all(|op| op.attempts == 0 && !op.unsure));
                    ended = refuse(&mut lanes, at, load).is_some();
                }
                Next::Send(load) => assert!(land(&mut lanes, 0, load, 201).is_none()),
                Next::ReadRanges => {
                    reads.push(at.as_millis());
                    lanes.replace(&ranges(TWO));
                }
                Next::Sleep(wait) => at += wait,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(reads[..6], [0, 100, 300, 700, 1500, 3100]);
        // A minute in all.
        assert!(
            (58_000..=60_000).contains(reads.last().unwrap()),
            "{reads:?}"
        );
        let other = lanes.all[1].queue.len();
        assert!(other == 0 && lanes.counts.created > 500, "{other}");
    }

    #[test]
    fn ranges_that_are_merged_go_on_in_the_order_of_each_id() {
        let mut lanes = lanes(TWO);
        for number in 0..40 {
            let name = format!("i{}", number % 20);
            lanes.put(op(number, &name, &name), false);
        }
        let flying = load(&mut lanes, 0);
        lanes.replace(&ranges(ONE));
        land(&mut lanes, 0, flying, 410);
        let mut seen = Vec::new();
        while lanes.counts.replaced < 40 {
            let load = load(&mut lanes, 1);
            assert_eq!(load.range, "0");
            seen.extend(numbers(&load));
            land(&mut lanes, 1, load, 200);
        }
        let place = |number: u64| seen.iter().position(|seen| *seen == number).unwrap();
        assert!((0..20).all(|id| place(id) < place(id + 20)), "{seen:?}");
    }

    #[test]
    fn a_range_that_is_throttled_slows_down_alone_and_comes_back() {
        let mut lanes = lanes(TWO);
        for number in 0..2000 {
            lanes.put(
                op(number, &format!("i{number}"), &format!("k{number}")),
                false,
            );
        }
        let (one, two) = (load(&mut lanes, 0), load(&mut lanes, 0));
        assert_ne!(one.range, two.range);
        let (slow, fast) = (one.range.clone(), two.range.clone());
        land(&mut lanes, 0, one, 429);
        land(&mut lanes, 0, two, 201);
        // Both requests that may go are of the other one; and then there is nothing before the pause is over.
        let both = [load(&mut lanes, 0), load(&mut lanes, 0)];
        assert!(
            both.iter()
                .all(|load| load.range == fast && load.ops.len() == 100)
        );
        let wait = lanes.next(Duration::ZERO, true);
        assert!(
            matches!(wait, Next::Sleep(wait) if wait == Duration::from_millis(100)),
            "{wait:?}"
        );
        let smaller = load(&mut lanes, 1);
        assert_eq!(
            (smaller.range.as_str(), smaller.ops.len()),
            (slow.as_str(), 50)
        );
        land(&mut lanes, 1, smaller, 201);
        assert_eq!(load(&mut lanes, 1).ops.len(), 60);
        assert_eq!(lanes.counts.throttled, 100);
    }

    #[test]
    fn a_request_is_full_sooner_where_the_range_was_throttled() {
        let mut lanes = lanes(ONE);
        let put = |lanes: &mut Lanes, number: u64| {
            let id = format!("i{number}");
            lanes.put(op(number, &id, &id), false)
        };
        assert!((0..100).all(|number| put(&mut lanes, number) == (number == 99)));
        let first = load(&mut lanes, 0);
        land(&mut lanes, 0, first, 429);
        for size in [50, 50] {
            let again = load(&mut lanes, 9);
            assert_eq!(again.ops.len(), size);
            land(&mut lanes, 9, again, 200);
        }
        let full: Vec<u64> = (100..170).filter(|n| put(&mut lanes, *n)).collect();
        assert_eq!(full, [169]);
    }

    #[test]
    fn patience_ends_where_nothing_good_comes() {
        let mut lanes = lanes(ONE);
        lanes.put(op(0, "a", "k"), false);
        let (mut at, mut tired) = (0, None);
        while tired.is_none() && at < 1000 {
            let load = load(&mut lanes, at);
            tired = land(&mut lanes, at, load, NO_RESPONSE);
            at += 6;
        }
        // A minute, at five seconds a time in the end.
        assert!((60..120).contains(&at), "{at}");
        let first = load(&mut lanes, at).ops.remove(0);
        assert!(first.unsure && first.attempts == 0);
    }

    #[test]
    fn large_items_travel_alone() {
        let mut lanes = lanes(ONE);
        for number in 0..3 {
            let mut large = op(number, &format!("i{number}"), "k");
            large.operation = crate::cosmos::operation::Operation::write(
                true,
                &format!(r#"{{"x":"{}"}}"#, "y".repeat(150_000)),
            );
            lanes.put(large, false);
        }
        let mut spoilt = op(3, "spoilt", "k");
        spoilt.alone = true;
        lanes.put(spoilt, false);
        lanes.put(op(4, "i4", "k"), false);
        for wanted in [vec![0], vec![1], vec![2], vec![3], vec![4]] {
            let load = load(&mut lanes, 0);
            assert_eq!(numbers(&load), wanted);
            land(&mut lanes, 0, load, 201);
        }
    }
}
