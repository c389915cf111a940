//! JSON values one after another, with any white space between them: mostly one a line, which is the fast way; else one
//! goes over several lines, or several are in one.
//!
//! What is no JSON must not take good values with it. A string never holds a line break, so a line that is broken ends
//! with the line; a value of several lines that is broken ends before the next line that begins with a bracket.

use std::sync::atomic::Ordering;

use super::cut::{line_end, newlines};
use super::records::{LONGEST, MARK, Record, Records};
use super::shape::{Found, Shape};
use crate::cosmos::scan::{Scan, behind_blank};
use crate::error::Error;

/// Where a value ends in the text, or where the next one may begin behind what is broken.
enum End {
    Value(usize),
    Broken(usize),
}

impl Records {
    /// The next value; `None` at the end.
    pub(super) fn next_value(&mut self) -> Result<Option<Record<'_>>, Error> {
        self.too_long = false;
        let before = self.line;
        let shares = self.at > 0;
        while self.skip_blank() {
            if !self.more()? {
                return Ok(None);
            }
        }
        let line = self.line;
        if shares && line == before {
            self.shared.store(true, Ordering::Relaxed);
        }
        let (end, wrong) = match self.end()? {
            End::Value(end) => (end, None),
            End::Broken(end) => (end, self.what_is_wrong(end)),
        };
        let taken = self.text.get(self.at..end).unwrap_or_default();
        self.line += line_ends(taken);
        Ok(Some(self.value_record(line, end, wrong)))
    }

    /// One line says by itself what is wrong with it.
    fn what_is_wrong(&self, end: usize) -> Option<String> {
        let text = self.text.get(self.at..end)?.trim_ascii();
        let spread = text.contains(&b'\n') || text.contains(&b'\r');
        let begun = self.line;
        spread.then(|| {
            format!("it is not JSON: the value that begins in line {begun} is broken or has no end")
        })
    }

    /// Passes over what may stand between values; `true` where nothing else is left of the text.
    fn skip_blank(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut behind = behind_blank(rest);
        // Files that were put behind each other, and RFC 7464.
        while let Some(more) = behind.strip_prefix(&MARK).or(behind.strip_prefix(b"\x1e")) {
            behind = behind_blank(more);
        }
        let length = rest.len() - behind.len();
        let passed = rest.get(..length).unwrap_or_default();
        let (lines, is_over) = (line_ends(passed), behind.is_empty());
        self.line += lines;
        self.at += length;
        is_over
    }

    /// Reads on to the end of the line, as far as there is room; `false` at the end of the input. What lies before the
    /// value is forgotten.
    fn more(&mut self) -> Result<bool, Error> {
        self.text.drain(..self.at);
        self.at = 0;
        let before = self.text.len();
        loop {
            let chunk = self.input.chunk()?;
            if chunk.is_empty() {
                self.ended = true;
                return Ok(self.text.len() > before);
            }
            let end = line_end(chunk).map(|end| end + 1);
            let taken = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            self.text.extend_from_slice(taken);
            let length = taken.len();
            self.input.skip(length);
            if end.is_some() || self.text.len() - before > LONGEST {
                return Ok(true);
            }
        }
    }

    /// Finds the end of the value that begins here.
    fn end(&mut self) -> Result<End, Error> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if let Some(behind) = Scan::default().behind_value(rest) {
            let is_alone = behind_blank(behind).is_empty() && rest.ends_with(b"\n");
            let end = self.text.len() - behind.len();
            if is_alone {
                return Ok(End::Value(end));
            }
        }
        let mut shape = Shape::default();
        let mut fed = 0;
        loop {
            let rest = self.text.get(self.at + fed..).unwrap_or_default();
            match shape.feed(rest) {
                Found::Whole(length) => return self.behind(fed + length),
                Found::Broken => return self.broken(),
                Found::More => fed += rest.len(),
            }
            if fed > LONGEST {
                // No item is as large: its end is all that is looked for.
                self.too_long = true;
                self.line += line_ends(self.text.get(self.at..).unwrap_or_default());
                self.at = self.text.len();
                fed = 0;
            }
            if !self.more()? {
                return self.broken();
            }
        }
    }

    /// Behind a value nothing may follow in its line but another one.
    fn behind(&mut self, length: usize) -> Result<End, Error> {
        loop {
            let rest = self.text.get(self.at + length..).unwrap_or_default();
            let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
            let next = rest.get(rest.iter().take_while(blank).count()).copied();
            match next {
                Some(b'{' | b'[' | b'\r' | b'\n' | b'\x1e' | 0xEF) => {}
                Some(_) => return self.broken(),
                None if self.more()? => continue,
                None => {}
            }
            return Ok(End::Value(self.at + length));
        }
    }

    /// What is broken ends with its line; or, where that leaves brackets open, before a line that begins with one.
    fn broken(&mut self) -> Result<End, Error> {
        let mut end = self.line_behind(0)?;
        let first = self.text.get(self.at..self.at + end).unwrap_or_default();
        if Shape::default().feed(first) == Found::More || self.too_long {
            while self.begins_no_value(end)? {
                end = self.line_behind(end)?;
            }
        }
        Ok(End::Broken(self.at + end))
    }

    /// Where the line ends that begins this far behind the value's beginning. What is too long is forgotten.
    fn line_behind(&mut self, from: usize) -> Result<usize, Error> {
        let mut from = from;
        loop {
            let rest = self.text.get(self.at + from..).unwrap_or_default();
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            if let Some(end) = end {
                return Ok(from + end + 1);
            }
            from += rest.len();
            if from > LONGEST {
                self.too_long = true;
                self.line += line_ends(self.text.get(self.at..).unwrap_or_default());
                self.at = self.text.len();
                from = 0;
            }
            if !self.more()? {
                return Ok(from);
            }
        }
    }

    /// Whether there is a line, and it does not begin with a bracket.
    fn begins_no_value(&mut self, end: usize) -> Result<bool, Error> {
        if self.text.len() <= self.at + end && !self.more()? {
            return Ok(false);
        }
        Ok(!matches!(self.text.get(self.at + end), Some(b'{' | b'[')))
    }
}

/// How many lines end in these bytes: also with a carriage return alone.
fn line_ends(bytes: &[u8]) -> u64 {
    let alone = |pair: &&[u8]| matches!(pair, [b'\r', next] if *next != b'\n');
    let returns = match bytes.contains(&b'\r') {
        true => bytes.windows(2).filter(alone).count() as u64 + u64::from(bytes.ends_with(b"\r")),
        false => 0,
    };
    newlines(bytes) + returns
}
