//! What is written in any format is imported as it was: ten thousand items made of all that has ever been read wrongly.
//! `RAWCOSMOS_SEED` makes others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::rc::Rc;

use serde_json::value::RawValue;

use crate::cli::output::grid::{Grid, Layout};
use crate::cli::output::{Format, Output, json};
use crate::exchange::import::records::{self, Records, TableOptions};

const ITEMS: usize = 10_000;
const BATCH: usize = 40;

const NAMES: &[&str] = &[
    "v",
    "w",
    "pk",
    "n:number",
    "a.b",
    "/c/d",
    "a,b",
    "a;b",
    "a|b",
    "tab\tname",
    "\"q\"",
    " blank ",
    "sep=;",
    "ID",
    "=1+1",
    "\u{feff}bom",
    "名前",
    "line\nbreak",
    "c\rr",
    "",
    ":",
    "x:any",
    "value",
    "'",
    "\\",
    "null",
    "-",
];

const STRINGS: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "a\tb",
    "line\nbreak",
    "c\rr",
    "\"",
    "\"\"",
    "x\"y",
    "\"quoted\"",
    "back\\nslash",
    "C:\\temp",
    "\\",
    "\\\"",
    ",",
    ";",
    "|",
    "a,b;c|d\te",
    "5",
    "007",
    "+5",
    ".097",
    "-0",
    "1e400",
    "1_000",
    "NaN",
    "null",
    "true",
    "False",
    "undefined",
    "[]",
    "{}",
    "{\"a\":1}",
    "[1,",
    "\"5\"",
    "=1+1",
    "+49 30 1",
    "-",
    "- see",
    "@ada",
    "'quote",
    " lead",
    "trail ",
    "\u{a0}nbsp\u{a0}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "\u{1}\u{1f}",
    "\u{1b}[31m",
    "\u{7f}",
    "日本語",
    "👩‍👩‍👧‍👦 é",
    "\u{202e}rtl",
    "#",
    "--",
    "sep=;",
    "id",
    "\u{1e}",
    "é",
    "$",
    "%",
];

const OTHERS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1.0",
    "1.10",
    "1e5",
    "1E+5",
    "0.1000",
    "1e400",
    "-1e-400",
    "123456789012345678901234567890",
    "9007199254740993",
    "5e-324",
    "{}",
    "[]",
    "[[[]]]",
    "[null,\"\",\" a\"]",
    "{\"x\":[1,2],\"y\":{\"a/b\":\"\\n\"}}",
    "\"\\ud800\"",
    "\"\\u0041\"",
    "{\"\\ud800\":\"\\udc00\"}",
    "[1.0,\"1\"]",
    "\"\\/\"",
    "{\"a\":1,\"a\":2}",
];

/// xorshift64*
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn value(&mut self) -> String {
        match self.roll(3) {
            0 => OTHERS[self.roll(OTHERS.len())].into(),
            1 => json_text(STRINGS[self.roll(STRINGS.len())]),
            _ => {
                let parts = (0..self.roll(4)).map(|_| STRINGS[self.roll(STRINGS.len())]);
                json_text(&parts.collect::<String>())
            }
        }
    }

    fn item(&mut self, number: usize) -> String {
        let mut item = format!("{{\"id\":\"i{number}\"");
        let only = self.roll(NAMES.len());
        for _ in 0..self.roll(6) {
            let name = match self.roll(3) {
                0 => NAMES[self.roll(NAMES.len())],
                _ => NAMES[(only + self.roll(2)) % NAMES.len()],
            };
            item += &format!(",{}:{}", json_text(name), self.value());
        }
        item + "}"
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What counts of an item: its properties, whatever their order; of two with one name the last.
fn content(item: &str) -> BTreeMap<String, String> {
    let raw: &RawValue = serde_json::from_str(item).unwrap_or_else(|e| panic!("{e}: {item}"));
    let members = json::members(raw).unwrap().0.into_iter();
    let text = |value: &RawValue| match json::string(value) {
        Some(text) => format!("text {text}"),
        None => json::compact(value.get()).into_owned(),
    };
    members
        .map(|(name, value)| (name.into_owned(), text(value)))
        .collect()
}

#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A format, and what stands between its cells.
type Way = (Format, Option<records::Format>, Option<u8>);

const WAYS: &[Way] = &[
    (Format::Ndjson, None, None),
    (Format::Json, None, None),
    (Format::Csv, Some(records::Format::Table(b',')), None),
    (Format::Tsv, Some(records::Format::Table(b'\t')), None),
    (Format::Csv, Some(records::Format::Table(b',')), Some(b';')),
    (Format::Csv, Some(records::Format::Table(b',')), Some(b'|')),
    (
        Format::Tsv,
        Some(records::Format::Table(b'\t')),
        Some(b'\x01'),
    ),
    (Format::Csv, Some(records::Format::Table(b',')), Some(b':')),
    (Format::Csv, Some(records::Format::Table(b',')), Some(b' ')),
    (Format::Csv, Some(records::Format::Table(b',')), Some(b'-')),
];

fn written((format, _, delimiter): &Way, items: &[String]) -> Vec<u8> {
    let page = Page::default();
    let mut output = Output::new(*format, None, false, Box::new(page.clone())).unwrap();
    let layout = Layout {
        delimiter: *delimiter,
        ..Layout::default()
    };
    output.grid = format.style().map(|style| Grid::new(style, &layout));
    output.list();
    for item in items {
        output.text_row(item).unwrap();
    }
    output.finish().unwrap();
    assert!(output.losses().is_empty(), "{:?}", output.losses());
    page.0.take()
}

fn imported((_, format, delimiter): &Way, text: &[u8]) -> Vec<String> {
    let options = TableOptions {
        // What the header shows need not be said.
        delimiter: delimiter.filter(|byte| !b";|".contains(byte)),
        ..TableOptions::default()
    };
    let input = Box::new(Cursor::new(text.to_vec()));
    let mut records = Records::with(input, *format, options).unwrap();
    let mut items = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        assert_eq!(record.wrong, None, "{}", String::from_utf8_lossy(text));
        items.push(record.text.to_string());
    }
    items
}

#[test]
fn whatever_is_written_is_imported_as_it_was() {
    let seed = std::env::var("RAWCOSMOS_SEED").ok();
    let seed = seed.map_or(2026, |seed| seed.parse().unwrap());
    let mut dice = Dice(seed);
    for batch in 0..ITEMS / BATCH {
        let items: Vec<String> = (0..BATCH).map(|n| dice.item(batch * BATCH + n)).collect();
        let way = &WAYS[batch % WAYS.len()];
        let mut text = written(way, &items);
        // What other programs do to a file on the way.
        if batch % 3 == 1 && text.ends_with(b"\n") {
            text.pop();
        }
        if batch % 2 == 1 {
            text.splice(..0, *b"\xef\xbb\xbf");
        }
        let back = imported(way, &text);
        assert_eq!(back.len(), items.len(), "{way:?} {seed}");
        for (item, back) in items.iter().zip(&back) {
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(
                content(item),
                content(back),
                "{way:?} {seed}: {item}\n{shown}"
            );
        }
    }
}
