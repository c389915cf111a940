//! The items of an input, one after the other: JSON values, the elements of one array, or the rows of a table. Holds one
//! of them at a time, whatever the size of the input.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use super::csv::TableOptions;
use super::csv::{Cells, Header};
use super::cut::{Cut, DELIMITERS, newlines};
use super::source::Source;
use crate::cosmos::escapes::as_utf8;
use crate::cosmos::limits::ITEM_BYTES;
use crate::error::Error;
use crate::message::Members;

/// What an input looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON values one after another, mostly one a line.
    Lines,
    /// One JSON array.
    Array,
    /// A header and rows (RFC 4180), with this byte between cells where the header does not show another one.
    Table(u8),
}

/// White space around an item does not count, a table has more marks than its item, and an escape may take six bytes for
/// a character of one.
pub(super) const LONGEST: usize = 6 * ITEM_BYTES;

/// One of the items.
#[derive(Debug, PartialEq)]
pub struct Record<'a> {
    /// Where it begins, from 1.
    pub line: u64,
    /// Its JSON text; not yet known to be JSON.
    pub text: &'a str,
    /// Why there is no item.
    pub wrong: Option<String>,
}

/// Reads an input item by item.
pub struct Records {
    pub(super) input: Source,
    format: Format,
    options: TableOptions,
    header: Header,
    cut: Cut,
    pub(super) text: Vec<u8>,
    /// Where in the text the next value begins.
    pub(super) at: usize,
    row: String,
    pub(super) too_long: bool,
    /// The line of what comes next.
    pub(super) line: u64,
    /// A carriage return ended a row: a line feed behind it is of the same end.
    returned: bool,
    elements: u64,
    pub(super) ended: bool,
    pub(super) shared: Arc<AtomicBool>,
}

impl Records {
    /// Of an input; without a format it is told by the first character that is not white space.
    ///
    /// # Errors
    /// [`Error::Local`] where it cannot be read, and [`Error::Usage`] where it is of no known format, or a table
    /// without a usable header.
    pub fn new(input: Box<dyn Read>, format: Option<Format>) -> Result<Records, Error> {
        Records::with(input, format, TableOptions::default())
    }

    /// The same, with what is said of a table.
    ///
    /// # Errors
    /// As [`Records::new`], and [`Error::Usage`] where the options are of a table and the input is none.
    pub fn with(
        input: Box<dyn Read>,
        format: Option<Format>,
        options: TableOptions,
    ) -> Result<Records, Error> {
        let mut records = Records {
            input: Source::new(input),
            format: format.unwrap_or(Format::Lines),
            options,
            header: Header::default(),
            cut: Cut::default(),
            text: Vec::new(),
            at: 0,
            row: String::new(),
            too_long: false,
            line: 1,
            returned: false,
            elements: 0,
            ended: false,
            shared: Arc::default(),
        };
        records.open(format)?;
        Ok(records)
    }

    /// Whether several of them have begun in one line, as far as is known.
    pub fn share_lines(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared)
    }

    /// How many bytes have been read.
    pub fn read(&self) -> u64 {
        self.input.read
    }

    fn open(&mut self, format: Option<Format>) -> Result<(), Error> {
        if matches!(self.input.peek()?, Some(0xFE | 0xFF)) {
            return Err(Error::usage(
                "the input is not UTF-8, but perhaps UTF-16: convert it first (iconv -f UTF-16 -t UTF-8)",
            ));
        }
        for mark in MARK {
            if self.input.peek()? == Some(mark) {
                self.input.skip(1);
            }
        }
        if let Some(Format::Table(usual)) = format {
            return self.read_header(usual);
        }
        self.options_of_a_table()?;
        while let Some(byte) = self.input.peek()?.filter(|byte| is_blank(*byte)) {
            self.line += u64::from(byte == b'\n');
            self.input.skip(1);
        }
        self.format = match (format, self.input.peek()?) {
            (_, Some(b'[')) => Format::Array,
            (_, Some(b'{') | None) | (Some(Format::Lines), _) => Format::Lines,
            (Some(_), Some(_)) => {
                return Err(Error::usage(
                    "the input is no JSON: it begins with neither { nor [",
                ));
            }
            (None, Some(_)) => {
                return Err(Error::usage(
                    "the input begins with neither { nor [: is it a table? then say --format csv or --format tsv",
                ));
            }
        };
        if self.format == Format::Array {
            self.shared.store(true, Ordering::Relaxed);
            self.input.skip(1);
        }
        Ok(())
    }

    fn options_of_a_table(&self) -> Result<(), Error> {
        let TableOptions {
            delimiter,
            id,
            nested,
        } = &self.options;
        let given = [
            ("--delimiter", delimiter.is_some()),
            ("--id", id.is_some()),
            ("--nested", *nested),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Error::usage(format!(
                "{name} is for a table, and the input is JSON: a table has --format csv or --format tsv"
            ))),
            None => Ok(()),
        }
    }

    fn read_header(&mut self, usual: u8) -> Result<(), Error> {
        let mut said = None;
        loop {
            let separator = self.options.delimiter.or(said).unwrap_or(usual);
            self.format = Format::Table(separator);
            self.cut.any = self.options.delimiter.or(said).is_none();
            if let Some(wrong) = self.fetch()? {
                return Err(Error::usage(format!("the header of the table: {wrong}")));
            }
            let text = std::str::from_utf8(&self.text)
                .map_err(|_| Error::usage("the header of the table is not UTF-8"))?;
            if text.trim().is_empty() {
                if self.ended {
                    return Ok(());
                }
                continue;
            }
            if let (None, Some(separator)) = (said, sep_line(text)) {
                said = Some(separator);
                continue;
            }
            let id = self.options.id.as_deref().unwrap_or("id");
            let known = self.options.delimiter.or(said);
            let separator = known.unwrap_or_else(|| delimiter_of(text, usual, id));
            self.header = Header::read(text, separator, &self.options).map_err(Error::usage)?;
            self.format = Format::Table(separator);
            return Ok(());
        }
    }

    /// The next item, or what stands where one should be; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Local`], where the input cannot be read on.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, Error> {
        if self.format == Format::Lines {
            return self.next_value();
        }
        loop {
            let blank = self.line;
            if self.ended {
                return Ok(None);
            }
            let wrong = self.fetch()?;
            let inner = self.text.trim_ascii();
            if inner.is_empty() && !self.too_long && wrong.is_none() {
                continue;
            }
            let before = self.text.iter().take_while(|byte| is_blank(**byte));
            let line = blank + before.filter(|byte| **byte == b'\n').count() as u64;
            return Ok(Some(self.record(line, wrong)));
        }
    }

    fn record(&mut self, line: u64, mut wrong: Option<String>) -> Record<'_> {
        // In a row blanks are of a cell, or stand between cells.
        let whole = match self.format {
            Format::Table(_) => &self.text,
            _ => self.text.trim_ascii(),
        };
        let inner = std::str::from_utf8(whole);
        if inner.is_err() && !self.too_long {
            wrong = Some("it is not UTF-8".into());
        }
        let mut text = inner.unwrap_or_default();
        if let (Format::Table(separator), None, false) = (self.format, &wrong, self.too_long) {
            wrong = self.header.item(text, separator, &mut self.row).err();
            text = if wrong.is_some() { text } else { &self.row };
        }
        if self.too_long || is_too_large(text) {
            wrong = wrong.or_else(|| Some("it is larger than 2 MB".into()));
            text = "";
        }
        Record { line, text, wrong }
    }

    /// A value, or what stands where one should be, that ends in the text after this many bytes.
    pub(super) fn value_record(
        &mut self,
        line: u64,
        end: usize,
        wrong: Option<String>,
    ) -> Record<'_> {
        let from = std::mem::replace(&mut self.at, end);
        let whole = self.text.get(from..end).unwrap_or_default().trim_ascii();
        let (text, mut wrong) = match std::str::from_utf8(whole) {
            Ok(text) => (text, wrong),
            Err(_) => ("", wrong.or_else(|| Some("it is not UTF-8".into()))),
        };
        if self.too_long || is_too_large(text) {
            let wrong = Some("it is larger than 2 MB".into());
            let text = "";
            return Record { line, text, wrong };
        }
        let text = match rejected_before(text) {
            Some(Rejected::Item(item)) => item,
            Some(Rejected::Text(inner)) => {
                self.row = inner;
                wrong = None;
                &self.row
            }
            None => text,
        };
        Record { line, text, wrong }
    }

    /// Reads up to the end of an item, and says what is wrong with the end of the input.
    fn fetch(&mut self) -> Result<Option<String>, Error> {
        self.text.clear();
        self.too_long = false;
        if std::mem::take(&mut self.returned) && self.input.peek()? == Some(b'\n') {
            self.input.skip(1);
        }
        loop {
            let chunk = self.input.chunk()?;
            if chunk.is_empty() && self.cut.broken {
                return Ok(self.mend(b""));
            }
            if chunk.is_empty() {
                self.ended = true;
                return Ok(self.unfinished());
            }
            let end = self.cut.find(chunk, self.format);
            let taken = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let last = end.and_then(|end| chunk.get(end)).copied();
            self.line += newlines(taken);
            self.too_long |= self.text.len() + taken.len() > LONGEST;
            if !self.too_long {
                self.text.extend_from_slice(taken);
            }
            let length = taken.len() + usize::from(end.is_some());
            self.input.skip(length);
            match last {
                None => {}
                Some(_) if self.format == Format::Array => {
                    return Ok(self.element()?.map(str::to_string));
                }
                Some(last) => {
                    self.line += 1;
                    self.returned = last == b'\r';
                    return Ok(self.mend(&[last]));
                }
            }
        }
    }

    /// At the end of a row. Where text stands behind a quote that closes in a later line, the row was another one: it
    /// ends where that quote opened, and what follows is read again.
    fn mend(&mut self, end: &[u8]) -> Option<String> {
        let cut = std::mem::take(&mut self.cut);
        if !cut.broken || self.too_long {
            return None;
        }
        let mut ends = (0..self.text.len())
            .rev()
            .filter(|at| self.text.get(*at) == Some(&b'\n'));
        let at = ends.nth(cut.lines.checked_sub(1)? as usize)?;
        let mut again = self.text.split_off(at + 1);
        self.line -= newlines(&again) + end.len() as u64;
        again.extend_from_slice(end);
        self.input.put_back(again);
        self.returned = false;
        let opened = self.line - 1;
        Some(format!(
            "the quote that opens in line {opened} closes in line {}, and text follows it",
            opened + cut.lines
        ))
    }

    /// Behind the last element nothing may follow; between two commas there must be one.
    fn element(&mut self) -> Result<Option<&'static str>, Error> {
        let empty = self.text.trim_ascii().is_empty() && !self.too_long;
        let only = self.cut.closed && self.elements == 0;
        self.elements += 1;
        if !self.cut.closed {
            return Ok(empty.then_some("it is not JSON: an element is missing"));
        }
        self.ended = true;
        let odd = (empty && !only).then_some("it is not JSON: an element is missing");
        // What follows is of no use, but the last element is: it is told before.
        Ok(match self.rest_is_blank()? {
            false if empty => Some("something follows the array"),
            false => {
                self.ended = false;
                None
            }
            true => odd,
        })
    }

    fn rest_is_blank(&mut self) -> Result<bool, Error> {
        while let Some(byte) = self.input.peek()? {
            if !is_blank(byte) {
                return Ok(false);
            }
            self.line += u64::from(byte == b'\n');
            self.input.skip(1);
        }
        Ok(true)
    }

    /// At the end of the input.
    fn unfinished(&self) -> Option<String> {
        match self.format {
            Format::Array if self.cut.closed => Some("something follows the array".into()),
            Format::Array => Some("the array does not end here: was the input cut off?".into()),
            Format::Table(_) if self.cut.quoted && !self.cut.odd => Some(format!(
                "the quote that opens in line {} is not closed",
                self.line - self.cut.lines
            )),
            _ => None,
        }
    }
}

/// With which editors on Windows begin a file.
pub(super) const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What a first line `sep=;` says, which some spreadsheets write and read.
fn sep_line(text: &str) -> Option<u8> {
    let bare = text.trim_matches('"');
    let (name, separator) = bare.split_at_checked(4)?;
    let [separator] = *separator.as_bytes() else {
        return None;
    };
    (name.eq_ignore_ascii_case("sep=") && separator.is_ascii()).then_some(separator)
}

/// What stands between the cells of a header: what makes a cell of the id, and else what makes most cells.
fn delimiter_of(header: &str, usual: u8, id: &str) -> u8 {
    let mut best = (usual, (false, 0));
    for delimiter in std::iter::once(usual).chain(DELIMITERS) {
        let cells: Result<Vec<_>, String> = Cells::new(header, delimiter).collect();
        let Ok(cells) = cells else { continue };
        let name = |cell: &str| cell.trim() == id || cell.trim().starts_with(&format!("{id}:"));
        let rank = (cells.iter().any(|(cell, _)| name(cell)), cells.len());
        if rank > best.1 {
            best = (delimiter, rank);
        }
    }
    best.0
}

/// What a line of `--errors` is about.
enum Rejected<'a> {
    Item(&'a str),
    Text(String),
}

/// What was rejected by an earlier import, where this is what it said of it.
fn rejected_before(text: &str) -> Option<Rejected<'_>> {
    const NAMES: [&str; 5] = ["line", "number", "status", "substatus", "reason"];
    let begins = text.strip_prefix('{')?.trim_start();
    if !begins.starts_with("\"line\"") {
        return None;
    }
    let members: Members = serde_json::from_str(text).ok()?;
    let names = members.0.iter().map(|(name, _)| name.as_ref());
    let (last, value) = members.0.last()?;
    if members.0.len() != NAMES.len() + 1 || !NAMES.into_iter().eq(names.take(NAMES.len())) {
        return None;
    }
    match last.as_ref() {
        "item" => Some(Rejected::Item(value.get())),
        "text" => serde_json::from_str(value.get()).ok().map(Rejected::Text),
        _ => None,
    }
}

/// Whether it is larger than an item, once its escapes are written as UTF-8.
fn is_too_large(text: &str) -> bool {
    text.len() > ITEM_BYTES && as_utf8(text).len() > ITEM_BYTES
}
