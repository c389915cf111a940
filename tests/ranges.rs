//! Ranges that are split, merged, locked or cannot be reached while they are read and written, by the real binary.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rawcosmos::sandbox::Options;
use rawcosmos::sandbox::world::World;
use serde_json::Value;
use support::{Owned, Place, Ran, Run, Scratch};

// ---- A container with items

fn place(partitions: usize) -> Place {
    let place = Place::with(Options {
        partitions,
        ..Options::default()
    });
    place.container("orders", &["/pk"]);
    place.grant();
    place
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    let mut text = String::new();
    for n in numbers {
        let room = "x".repeat(100);
        writeln!(
            text,
            r#"{{"id":"i{n}","pk":"k{n}","n":{n},"room":"{room}"}}"#
        )
        .unwrap();
    }
    text
}

fn fill(place: &Place, numbers: std::ops::Range<usize>) {
    let file = Scratch::new(&lines(numbers));
    place
        .orders(&format!("import {} -q --format ndjson", file.path()))
        .ok();
}

fn with_ranges<T>(place: &Place, look: impl FnOnce(&mut World) -> T) -> T {
    place.sandbox.with_world(look)
}

fn merge(place: &Place) {
    with_ranges(place, |world| world.merge("shop", "orders", None)).unwrap();
}

fn split(place: &Place) {
    with_ranges(place, |world| world.split("shop", "orders", None)).unwrap();
}

fn lock(place: &Place, range: &str, locked: bool) {
    with_ranges(place, |world| world.lock("shop", "orders", range, locked)).unwrap();
}

fn count(place: &Place) -> usize {
    with_ranges(place, |world| {
        let ranges = &world.databases["shop"].containers["orders"].ranges;
        ranges.iter().map(|range| range.items.len()).sum()
    })
}

/// How many writes the container has seen, for as long as nothing is split or merged.
fn writes(place: &Place) -> u64 {
    with_ranges(place, |world| {
        let ranges = &world.databases["shop"].containers["orders"].ranges;
        ranges.iter().map(|range| range.lsn - 1).sum()
    })
}

fn prepare(place: &Place, line: &str) -> Run {
    place
        .prepare(line)
        .env("RAWCOSMOS_DATABASE_NAME", "shop")
        .env("RAWCOSMOS_CONTAINER_NAME", "orders")
}

/// A command whose output is read line by line.
struct Reading {
    child: Owned,
    lines: BufReader<ChildStdout>,
}

impl Reading {
    fn begin(place: &Place, line: &str) -> Reading {
        let mut command = prepare(place, line).command();
        let mut child = Owned(command.stdout(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(child.0.stdout.take().unwrap());
        Reading { child, lines }
    }

    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).unwrap();
        (read > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// So many items, or all.
    fn take(&mut self, most: usize) -> Vec<u64> {
        let mut items = Vec::new();
        while items.len() < most
            && let Some(item) = self.next()
        {
            items.push(item["n"].as_u64().unwrap());
        }
        items
    }

    #[track_caller]
    fn ends_well(mut self) {
        assert!(self.child.0.wait().unwrap().success());
    }
}

#[track_caller]
fn each_once(found: &[u64], wanted: std::ops::Range<u64>) {
    let set: BTreeSet<u64> = found.iter().copied().collect();
    assert_eq!(set.len(), found.len(), "an item came twice");
    assert!(set.into_iter().eq(wanted), "{} items", found.len());
}

fn numbers(ran: &Ran) -> Vec<u64> {
    let rows = ran.rows();
    rows.iter().map(|row| row["n"].as_u64().unwrap()).collect()
}

/// Nothing is answered for this long.
fn away(place: &Place, time: Duration) {
    place.fault("reset-before");
    std::thread::sleep(time);
    place.sandbox.clear_faults();
}

const AWAY: Duration = Duration::from_secs(4);

// ---- Locked

#[test]
fn of_eight_ranges_one_that_is_locked_for_seconds_delays_an_import_and_loses_nothing() {
    let place = place(8);
    let file = Scratch::new(&lines(0..20_001));
    let line = format!("import {} --format ndjson", file.path());
    lock(&place, "3", true);
    let ran = std::thread::scope(|scope| {
        let ran = scope.spawn(|| prepare(&place, &line).go());
        while count(&place) < 5_000 {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_secs(3));
        lock(&place, "3", false);
        ran.join().unwrap()
    });
    let ran = ran.ok();
    let counts = ran.json();
    // What is locked has not been written: nothing has to be compared.
    assert_eq!(
        (&counts["created"], &counts["recognised"]),
        (&20_001.into(), &0.into())
    );
    assert_eq!((count(&place), writes(&place)), (20_001, 20_001));
}

#[test]
fn what_reads_ranges_waits_for_one_that_is_locked() {
    let place = place(4);
    fill(&place, 0..400);
    let keys = Scratch::new("[\"i1\",\"k1\"]\n[\"i2\",\"k2\"]\n[\"i3\",\"k3\"]\n");
    let keys = format!("item read --keys {}", keys.path());
    for line in [
        "export - -q",
        "query 'SELECT * FROM c ORDER BY c.n' -q",
        "changes -q",
        &keys,
    ] {
        (0..4).for_each(|range| lock(&place, &range.to_string(), true));
        let ran = std::thread::scope(|scope| {
            let ran = scope.spawn(|| prepare(&place, line).go());
            std::thread::sleep(Duration::from_millis(1_500));
            (0..4).for_each(|range| lock(&place, &range.to_string(), false));
            ran.join().unwrap()
        });
        let found = numbers(&ran.ok());
        match line.contains("--keys") {
            true => each_once(&found, 1..4),
            false => each_once(&found, 0..400),
        }
    }
}

// ---- Away

#[test]
fn an_export_and_a_merged_query_outlast_a_server_that_is_away() {
    std::thread::scope(|scope| {
        for line in [
            "export - -q --page-size 50",
            "query 'SELECT * FROM c ORDER BY c.n' -q --page-size 50",
        ] {
            scope.spawn(move || {
                let place = place(3);
                fill(&place, 0..3000);
                let mut reading = Reading::begin(&place, line);
                let mut found = reading.take(100);
                away(&place, AWAY);
                found.extend(reading.take(usize::MAX));
                reading.ends_well();
                each_once(&found, 0..3000);
            });
        }
    });
}

#[test]
fn what_is_away_for_longer_than_is_to_be_waited_for_ends_it() {
    let place = place(2);
    fill(&place, 0..100);
    place.fault("feed.reset-before");
    for (line, exit) in [
        ("export - --retry-max-wait 2 -q", 8),
        ("export - --timeout 2 -q", 8),
        ("changes --retry-max-wait 2 -q", 8),
        ("changes --follow --timeout 2 -q", 8),
        ("export - --retries 0 -q", 8),
    ] {
        let begun = Instant::now();
        prepare(&place, line).go().ends(exit).prints("");
        assert!(begun.elapsed() < Duration::from_secs(40), "{line}");
    }
}

#[test]
fn changes_are_followed_through_any_trouble_that_passes() {
    let place = place(2);
    fill(&place, 0..10);
    let mut reading = Reading::begin(&place, "changes --follow -q --retries 1");
    let mut found = reading.take(10);
    away(&place, AWAY);
    for fault in [
        "feed.503:5",
        "feed.429:3",
        "feed.not-json:7",
        "feed.410/1007:5",
    ] {
        place.fault(fault);
    }
    fill(&place, 10..20);
    found.extend(reading.take(10));
    each_once(&found, 0..20);
}

#[test]
fn what_does_not_pass_ends_the_following_of_changes() {
    for (fault, exit) in [
        ("feed.401", 4),
        ("feed.403/5302", 5),
        ("feed.404", 3),
        ("feed.400", 1),
    ] {
        let place = place(2);
        place.fault(fault);
        place.orders("changes --follow -q").ends(exit);
    }
}

// ---- Merged

#[test]
fn an_import_goes_on_in_ranges_that_are_merged_and_split() {
    let place = place(6);
    let file = Scratch::new(&lines(0..6_000));
    for fault in ["batch.merge:3", "batch.split:2", "batch.delay=1ms"] {
        place.fault(fault);
    }
    let ran = std::thread::scope(|scope| {
        let line = format!("import {} --format ndjson", file.path());
        let place = &place;
        let ran = scope.spawn(move || prepare(place, &line).go());
        for turn in 0..4 {
            while count(place) < 1_000 * (turn + 1) {
                std::thread::sleep(Duration::from_millis(5));
            }
            merge(place);
        }
        ran.join().unwrap()
    });
    assert_eq!(ran.ok().json()["created"], 6_000);
    assert_eq!(count(&place), 6_000);
}

#[test]
fn an_export_and_a_merged_query_go_on_in_ranges_that_are_merged_and_split() {
    for line in [
        "export - -q --page-size 20",
        "export - -q --page-size 20 --order",
        "query 'SELECT * FROM c ORDER BY c.n' -q --page-size 20",
        "query 'SELECT * FROM c ORDER BY c.n DESC' -q --page-size 20",
        "query 'SELECT DISTINCT c.n FROM c' -q --page-size 20",
    ] {
        let place = place(6);
        fill(&place, 0..3000);
        let mut reading = Reading::begin(&place, line);
        let mut found = Vec::new();
        for turn in 0..5 {
            found.extend(reading.take(400));
            match turn {
                3 => split(&place),
                _ => merge(&place),
            }
        }
        found.extend(reading.take(usize::MAX));
        reading.ends_well();
        each_once(&found, 0..3000);
        if line.contains("ORDER BY") {
            let mut sorted = found.clone();
            sorted.sort_unstable();
            if line.contains("DESC") {
                sorted.reverse();
            }
            assert_eq!(found, sorted, "{line}");
        }
    }
}

#[test]
fn aggregates_and_many_reads_go_on_in_ranges_that_are_merged() {
    let place = place(4);
    fill(&place, 0..300);
    place.fault("query.merge:2");
    let ran = place
        .orders("query 'SELECT VALUE COUNT(1) FROM c WHERE c.n >= 0' -q")
        .ok();
    assert_eq!(ran.out.trim(), "300");
    place.fault("query.merge:1");
    let ran = place
        .orders("query 'SELECT VALUE SUM(c.n) FROM c WHERE c.n >= 0' -q")
        .ok();
    assert_eq!(ran.out.trim(), "44850");
    split(&place);
    split(&place);
    place.fault("query.merge:1");
    let keys: String = (0..300).map(|n| format!("[\"i{n}\",\"k{n}\"]\n")).collect();
    let keys = Scratch::new(&keys);
    let ran = place
        .orders(&format!("item read --keys {} -q", keys.path()))
        .ok();
    each_once(&numbers(&ran), 0..300);
}

#[test]
fn the_change_feed_goes_on_in_ranges_that_are_merged_and_split() {
    // Within one run.
    let place = place(6);
    fill(&place, 0..600);
    for fault in ["feed.merge:3", "feed.split:1", "feed.merge:2"] {
        place.fault(fault);
    }
    each_once(
        &numbers(&place.orders("changes -q --page-size 20").ok()),
        0..600,
    );
    // Between runs, with changes before and after.
    let place = self::place(6);
    let state = Scratch::new("");
    std::fs::remove_file(state.path()).unwrap();
    let mut found = Vec::new();
    for turn in 0..6 {
        fill(&place, 100 * turn..100 * (turn + 1));
        match turn {
            4 => split(&place),
            _ => merge(&place),
        }
        fill(&place, 1000 + 100 * turn..1000 + 100 * (turn + 1));
        if turn == 2 {
            place.fault("feed.merge:1");
        }
        let line = format!("changes -q --page-size 7 --state {}", state.path());
        found.extend(numbers(&place.orders(&line).ok()));
        if turn == 3 {
            // Back to several ranges, for there to be something to merge.
            split(&place);
        }
    }
    let wanted = (0..600).chain(1000..1600);
    let set: BTreeSet<u64> = found.iter().copied().collect();
    assert_eq!((set.len(), found.len()), (1200, 1200));
    assert!(set.into_iter().eq(wanted));
}

#[test]
fn an_export_that_was_stopped_goes_on_in_ranges_that_were_merged() {
    let place = place(4);
    fill(&place, 0..800);
    let (out, state) = (Scratch::new(""), Scratch::new(""));
    for file in [&out, &state] {
        std::fs::remove_file(file.path()).unwrap();
    }
    let line = format!(
        "export {} --state {} --page-size 20 -q -o ndjson",
        out.path(),
        state.path()
    );
    place.fault("feed.delay=100ms");
    for _ in 0..3 {
        let mut child = Owned(prepare(&place, &line).start());
        std::thread::sleep(Duration::from_millis(150));
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        merge(&place);
    }
    place.orders(&line).ok();
    let text = std::fs::read_to_string(out.path()).unwrap();
    let items = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let items: Vec<u64> = items.map(|item| item["n"].as_u64().unwrap()).collect();
    each_once(&items, 0..800);
}

#[test]
fn a_session_of_two_ranges_is_that_of_the_one_they_were_merged_to() {
    let place = place(2);
    let file = Scratch::new("");
    std::fs::remove_file(file.path()).unwrap();
    let session = format!("--session-file {}", file.path());
    for n in 0..40 {
        let create =
            format!("item upsert -q -b '{{\"id\":\"i{n}\",\"pk\":\"k{n}\",\"n\":{n}}}' {session}");
        place.orders(&create).ok();
    }
    merge(&place);
    // A replica that lags does not serve a session that has seen more of either parent.
    place.fault("read.stale-session:1");
    let ran = place
        .orders(&format!("item read -i i39 -k k39 {session} -q"))
        .ok();
    assert_eq!(ran.json()["n"], 39);
    each_once(
        &numbers(&place.orders(&format!("export - {session} -q")).ok()),
        0..40,
    );
}
