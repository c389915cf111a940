//! Every recorded refusal of ARM and of the data plane, in the words a user reads.
//!
//! `fixtures/arm/outcomes.txt` has them all, file by file. `UPDATE=1` rewrites it: read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use rawcosmos::cli::explain::{Context, explain};
use rawcosmos::error::{Error, Failure, Plane};

fn context() -> Context {
    let some = |text: &str| Some(text.to_string());
    Context {
        account: some("acct1"),
        group: some("rg1"),
        database: some("db1"),
        container: some("c1"),
        ..Context::default()
    }
}

fn outcome(file: &str) -> String {
    let case = common::json(&format!("fixtures/arm/errors/{file}"));
    let answer = common::recorded(&case);
    let plane = match file.starts_with("dp_") {
        true => Plane::Data,
        false => Plane::Arm,
    };
    let failure = Failure::read(
        plane,
        String::new(),
        answer.status,
        &answer.headers.pairs(),
        &answer.body,
    );
    let explained = explain(&Error::Status(Box::new(failure)), &context());
    format!("{explained}\nexit code {}", explained.exit)
}

#[test]
fn every_recorded_refusal_becomes_words() {
    let files = common::names("fixtures/arm/errors");
    let blocks = files
        .iter()
        .map(|file| format!("### {file}\n{}\n", outcome(file)));
    let text = blocks.collect::<Vec<_>>().join("\n");
    common::assert_kept("fixtures/arm/outcomes.txt", &text);
    let labels = |label: &str| text.lines().filter(|line| line.starts_with(label)).count();
    assert_eq!(labels("error: "), files.len());
    // The service's own words are never lost.
    assert_eq!(labels("  said  "), files.len());
    assert!(!text.contains("exit code 0"));
}
