//! Rows in columns: tables, CSV and TSV, whatever their number, in constant memory.

use serde_json::value::RawValue;

use super::json;
use crate::show::printable;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Aligned, for people.
    Table,
    /// Commas and quotes: RFC 4180, with plain line feeds.
    Csv,
    /// Tabs; a tab, a line break or a backslash in a value is written `\t`, `\n`, `\r`, `\\`.
    Tsv,
}

/// The columns are those of this many rows, or of as many as fit this many bytes.
const FIRST_ROWS: usize = 100;
const FIRST_BYTES: usize = 1 << 20;

/// A wider cell is not cut, and does not push the other rows apart either.
const WIDEST: usize = 60;

/// The column of a row that is not an object.
const BARE: &str = "value";

type Row = Vec<(String, String)>;

/// Takes rows and gives back what is to be printed of them.
pub struct Grid {
    style: Style,
    columns: Vec<String>,
    widths: Vec<usize>,
    held: Vec<Row>,
    bytes: usize,
    settled: bool,
    left_out: Vec<String>,
}

impl Grid {
    /// An empty one.
    pub fn new(style: Style) -> Grid {
        Grid {
            style,
            columns: Vec::new(),
            widths: Vec::new(),
            held: Vec::new(),
            bytes: 0,
            settled: false,
            left_out: Vec::new(),
        }
    }

    /// Takes a row; the text is empty as long as the columns are not known.
    pub fn row(&mut self, value: &RawValue) -> String {
        let row = cells(value, self.style);
        if self.settled {
            self.remember_left_out(&row);
            return self.line(&row);
        }
        self.bytes += value.get().len();
        self.held.push(row);
        if self.held.len() < FIRST_ROWS && self.bytes < FIRST_BYTES {
            return String::new();
        }
        self.finish()
    }

    /// The rows that are still held back, and the header before the first of them.
    pub fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return String::new();
        }
        self.settle(&held);
        if self.style == Style::Table {
            self.put_first_what_is_read_first();
        }
        let mut text = self.header();
        for row in &held {
            text.push_str(&self.line(row));
        }
        text
    }

    /// Members of later rows that have no column.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn settle(&mut self, rows: &[Row]) {
        self.settled = true;
        for (name, text) in rows.iter().flatten() {
            let at = match self.columns.iter().position(|column| column == name) {
                Some(at) => at,
                None => {
                    self.columns.push(name.clone());
                    self.widths.push(visible(name).chars().count());
                    self.columns.len() - 1
                }
            };
            if let Some(width) = self.widths.get_mut(at) {
                *width = text.chars().count().max(*width).min(WIDEST);
            }
        }
    }

    /// For the eye: the id, what the user put in, and last what the service added.
    fn put_first_what_is_read_first(&mut self) {
        let rank = |name: &str| match name {
            "id" => 0,
            name if name.starts_with('_') => 2,
            _ => 1,
        };
        let columns = std::mem::take(&mut self.columns);
        let widths = std::mem::take(&mut self.widths);
        // A sort that keeps the order of equals is 3 KB.
        for place in 0..3 {
            let all = columns.iter().zip(&widths);
            for (name, width) in all.filter(|(name, _)| rank(name) == place) {
                self.columns.push(name.clone());
                self.widths.push(*width);
            }
        }
    }

    fn remember_left_out(&mut self, row: &Row) {
        for (name, _) in row {
            if !self.columns.contains(name) && !self.left_out.contains(name) {
                self.left_out.push(name.clone());
            }
        }
    }

    fn header(&self) -> String {
        let names = self.columns.iter();
        match self.style {
            Style::Table => {
                let names = names.map(|name| visible(name)).collect();
                let rules = self.widths.iter().map(|width| "-".repeat(*width)).collect();
                self.join(names) + &self.join(rules)
            }
            style => self.join(names.map(|name| guarded(style, name.clone())).collect()),
        }
    }

    fn line(&self, row: &Row) -> String {
        let cell = |column: &String| {
            let named = row.iter().rev().find(|(name, _)| name == column);
            named.map(|(_, text)| text.clone()).unwrap_or_default()
        };
        self.join(self.columns.iter().map(cell).collect())
    }

    fn join(&self, cells: Vec<String>) -> String {
        match self.style {
            Style::Csv => cells.join(",") + "\n",
            Style::Tsv => cells.join("\t") + "\n",
            Style::Table => {
                let pairs = cells.iter().zip(&self.widths);
                let padded: Vec<String> = pairs
                    .map(|(text, width)| format!("{text:<width$}"))
                    .collect();
                padded.join("  ").trim_end().to_string() + "\n"
            }
        }
    }
}

/// The cells of a row, by the names of their columns.
fn cells(value: &RawValue, style: Style) -> Row {
    match json::members(value) {
        Some(members) => members
            .0
            .into_iter()
            .map(|(name, value)| (name.into_owned(), cell(value, style)))
            .collect(),
        None => vec![(BARE.to_string(), cell(value, style))],
    }
}

/// A string as its text, a number as it stands, everything else as JSON.
fn cell(value: &RawValue, style: Style) -> String {
    let text = json::string(value);
    match (style, text) {
        (Style::Table, Some(text)) => visible(&text),
        (Style::Table, None) => visible(&json::compact(value.get())),
        (_, None) if value.get() == "null" => String::new(),
        (style, Some(text)) => guarded(style, text),
        (style, None) => escaped(style, json::compact(value.get()).into_owned()),
    }
}

/// On one line, and nothing in it that steers a terminal.
fn visible(text: &str) -> String {
    printable(&text.replace("\r\n", "\n"))
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// A text a spreadsheet would take for a formula gets an apostrophe before it; a number is none.
fn guarded(style: Style, text: String) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && !is_number(&text) {
        return escaped(style, format!("'{text}"));
    }
    escaped(style, text)
}

fn is_number(text: &str) -> bool {
    let digits = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    digits && text.trim() == text && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn escaped(style: Style, text: String) -> String {
    if style == Style::Tsv {
        return text
            .replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
    }
    if text.contains([',', '"', '\r', '\n']) || text.trim() != text {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}
