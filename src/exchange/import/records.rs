//! The items of an input, one after the other: lines, the elements of one array, or the rows of a table. Holds one of
//! them at a time, whatever the size of the input.

use std::io::Read;

use super::csv::Header;
use super::cut::{Cut, newlines};
use super::source::Source;
use crate::error::Error;

/// What an input looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line of JSON an item.
    Lines,
    /// One JSON array.
    Array,
    /// A header and rows (RFC 4180), with this byte between cells.
    Table(u8),
}

/// The largest item, and so the largest line that can hold one.
pub const LARGEST: usize = 2 * 1024 * 1024;
/// White space around an item does not count, and a table has more marks than its item.
const LONGEST: usize = 2 * LARGEST;

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
    input: Source,
    format: Format,
    header: Header,
    cut: Cut,
    text: Vec<u8>,
    row: String,
    too_long: bool,
    /// The line of what comes next.
    line: u64,
    elements: u64,
    ended: bool,
}

impl Records {
    /// Of an input; without a format it is told by the first character that is not white space.
    ///
    /// # Errors
    /// [`Error::Local`] where it cannot be read, and [`Error::Usage`] where it is of no known format, or a table
    /// without a usable header.
    pub fn new(input: Box<dyn Read>, format: Option<Format>) -> Result<Records, Error> {
        let mut records = Records {
            input: Source::new(input),
            format: format.unwrap_or(Format::Lines),
            header: Header::default(),
            cut: Cut::default(),
            text: Vec::new(),
            row: String::new(),
            too_long: false,
            line: 1,
            elements: 0,
            ended: false,
        };
        records.open(format)?;
        Ok(records)
    }

    /// Whether several of them may begin in one line.
    pub fn share_lines(&self) -> bool {
        self.format == Format::Array
    }

    /// How many bytes have been read.
    pub fn read(&self) -> u64 {
        self.input.read
    }

    fn open(&mut self, format: Option<Format>) -> Result<(), Error> {
        for mark in [0xEF, 0xBB, 0xBF] {
            if self.input.peek()? == Some(mark) {
                self.input.skip(1);
            }
        }
        let table = matches!(format, Some(Format::Table(_)));
        while let Some(byte) = self.input.peek()?.filter(|byte| !table && is_blank(*byte)) {
            self.line += u64::from(byte == b'\n');
            self.input.skip(1);
        }
        let first = self.input.peek()?;
        self.format = match (format, first) {
            (Some(format), _) => format,
            (None, Some(b'[')) => Format::Array,
            (None, Some(b'{') | None) => Format::Lines,
            (None, Some(_)) => {
                return Err(Error::usage(
                    "the input begins with neither { nor [: is it a table? then say --format csv or --format tsv",
                ));
            }
        };
        match self.format {
            Format::Array if first.is_some_and(|byte| byte != b'[') => Err(Error::usage(
                "the input is no JSON array: it does not begin with [",
            )),
            Format::Array => {
                self.input.skip(1);
                Ok(())
            }
            Format::Table(separator) => self.read_header(separator),
            Format::Lines => Ok(()),
        }
    }

    fn read_header(&mut self, separator: u8) -> Result<(), Error> {
        if let Some(wrong) = self.fetch()? {
            return Err(Error::usage(format!("the header of the table: {wrong}")));
        }
        let text = std::str::from_utf8(&self.text)
            .map_err(|_| Error::usage("the header of the table is not UTF-8"))?;
        self.header = Header::read(text, separator).map_err(Error::usage)?;
        Ok(())
    }

    /// The next item, or what stands where one should be; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Local`], where the input cannot be read on.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, Error> {
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
            Format::Table(_) => self.text.strip_suffix(b"\r").unwrap_or(&self.text),
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
        if self.too_long || text.len() > LARGEST {
            wrong = wrong.or_else(|| Some("it is larger than 2 MB".into()));
            text = "";
        }
        Record { line, text, wrong }
    }

    /// Reads up to the end of an item, and says what is wrong with the end of the input.
    fn fetch(&mut self) -> Result<Option<String>, Error> {
        self.text.clear();
        self.too_long = false;
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
            if self.format != Format::Lines {
                self.line += newlines(taken);
            }
            self.too_long |= self.text.len() + taken.len() > LONGEST;
            if !self.too_long {
                self.text.extend_from_slice(taken);
            }
            let length = taken.len() + usize::from(end.is_some());
            if end.is_some() && self.format != Format::Array {
                self.line += 1;
            }
            self.input.skip(length);
            if end.is_some() {
                return match self.format {
                    Format::Array => Ok(self.element()?.map(str::to_string)),
                    Format::Table(_) => Ok(self.mend(b"\n")),
                    Format::Lines => Ok(None),
                };
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
        again.extend_from_slice(end);
        self.line -= newlines(&again);
        self.input.put_back(again);
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

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
