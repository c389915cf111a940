//! What one wide or deep item costs, at n, 2n and 4n: each cost should double with the size.

use std::time::Instant;

use crate::support::service::{Asked, Reply, Service, reply};
use crate::support::{Run, Scratch};
use crate::table::Table;

/// The smallest size, in properties or levels.
const SMALLEST: usize = 50_000;

/// A name, what makes an item of a size, and the command that prints it.
type Row = (&'static str, fn(usize) -> String, &'static str);

const ROWS: &[Row] = &[
    (
        "columns: query -o csv",
        wide,
        "query 'SELECT * FROM c' -k a -o csv",
    ),
    (
        "columns: query -o tsv",
        wide,
        "query 'SELECT * FROM c' -k a -o tsv",
    ),
    (
        "columns: item read -o table",
        wide,
        "item read -i 1 -k a -o table",
    ),
    (
        "columns: deep nesting, item read -o json",
        deep,
        "item read -i 1 -k a -o json",
    ),
];

pub fn print(table: &Table) {
    let wanted: Vec<&Row> = ROWS.iter().filter(|row| table.wants(row.0)).collect();
    if wanted.is_empty() {
        return;
    }
    println!("| what | n | 2n | 4n |\n| --- | --- | --- | --- |");
    for (name, item, line) in wanted {
        let times =
            [1, 2, 4].map(|times| format!("{:.2} s", seconds(&item(times * SMALLEST), line)));
        println!("| {name} | {} |", times.join(" | "));
    }
    println!();
}

fn wide(size: usize) -> String {
    let members = (0..size).map(|n| format!(",\"p{n}\":{n}"));
    format!(
        "{{\"id\":\"1\",\"pk\":\"a\"{}}}",
        members.collect::<String>()
    )
}

fn deep(size: usize) -> String {
    format!(
        "{{\"id\":\"1\",\"pk\":\"a\",\"d\":{}{}}}",
        "[".repeat(size),
        "]".repeat(size)
    )
}

fn seconds(item: &str, line: &str) -> f64 {
    let item = item.to_string();
    let service = Service::new(move |asked| answer(asked, &item));
    let key = Scratch::new("a2V5");
    let line = format!(
        "{line} -d shop -c orders --endpoint {} --key-file {}",
        service.origin,
        key.path()
    );
    let begun = Instant::now();
    let ran = Run::line(&line).go();
    assert_eq!(ran.code, 0, "{}", ran.err);
    begun.elapsed().as_secs_f64()
}

fn answer(asked: &Asked, item: &str) -> Reply {
    match (asked.method.as_str(), asked.target.as_str()) {
        ("POST", _) => reply(200, format!("{{\"Documents\":[{item}],\"_count\":1}}")),
        (_, "/dbs/shop/colls/orders") => reply(
            200,
            r#"{"id":"orders","_rid":"r==","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#,
        ),
        _ => reply(200, item),
    }
}
