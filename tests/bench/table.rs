//! The table, as Markdown, so that it can be carried into the README as it is.

use crate::measure::{Contender, Cost, compete};

const HEAD: [&str; 10] = [
    "what", "against", "wall", "its wall", "ratio", "CPU", "its CPU", "ratio", "peak", "goal",
];

pub struct Table {
    wanted: Vec<String>,
    rows: Vec<[String; 10]>,
}

impl Table {
    /// Rows whose name has one of these words; all where none is given.
    pub fn new(words: Vec<&str>) -> Table {
        let words = words.into_iter().filter(|word| !word.starts_with("--"));
        Table {
            wanted: words.map(str::to_string).collect(),
            rows: Vec::new(),
        }
    }

    pub fn wants(&self, what: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| what.contains(word.as_str()))
    }

    /// The first contender against each of the others.
    pub fn race(&mut self, what: &str, goal: &str, rounds: usize, mut contenders: Vec<Contender>) {
        eprintln!("{what} …");
        compete(rounds, &mut contenders);
        let [ours, others @ ..] = contenders.as_slice() else {
            panic!("{what}: nobody takes part")
        };
        for other in others {
            self.row(what, goal, &ours.cost(), &other.name, &other.cost());
        }
    }

    fn row(&mut self, what: &str, goal: &str, ours: &Cost, name: &str, theirs: &Cost) {
        let ratio = |ours: f64, theirs: f64| format!("{:.2}", ours / theirs);
        self.rows.push([
            what.to_string(),
            name.to_string(),
            time(ours.wall),
            time(theirs.wall),
            ratio(ours.wall, theirs.wall),
            time(ours.cpu),
            time(theirs.cpu),
            ratio(ours.cpu, theirs.cpu),
            memory(ours.peak, theirs.peak),
            goal.to_string(),
        ]);
    }

    pub fn print(&self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("{cores} cores, loopback, the server on the same cores; medians.");
        println!("CPU and peak memory are the client's; a ratio is ours through theirs.\n");
        let head = HEAD.map(str::to_string);
        let rule = HEAD.map(|_| "---".to_string());
        for row in [&head, &rule].into_iter().chain(&self.rows) {
            println!("| {} |", row.join(" | "));
        }
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 0.1 => format!("{s:.2} s"),
        s if s >= 0.000_1 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.0} ns", s * 1e9),
    }
}

fn memory(ours: u64, theirs: u64) -> String {
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    match ours {
        0 => String::new(),
        _ => format!("{} / {} MiB", mib(ours), mib(theirs)),
    }
}
