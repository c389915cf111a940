//! How fast it is: one table, each row against a bare loop over the same HTTP client, measured in the same run, turn
//! and turn about. Ratios are what counts; no time is a limit.
//!
//! `RAWCOSMOS_BENCH=full` moves 1 GiB in and out; words behind `--` pick rows: `cargo bench -- import`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod bare;
mod canned;
mod columns;
mod load;
mod measure;
mod order;
mod reads;
mod signing;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod table;

use table::Table;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, role, rest @ ..] = words.as_slice()
        && flag == "--role"
    {
        return bare::play(role, rest);
    }
    let wanted: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut table = Table::new(wanted);
    columns::print(&table);
    start::rows(&mut table);
    reads::rows(&mut table);
    load::rows(&mut table);
    order::rows(&mut table);
    signing::rows(&mut table);
    table.print();
}
