//! Where an item ends and the next one begins, byte by byte. Pure.

use std::io::BufRead;

use super::records::Format;

/// Where in an item the bytes are.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub depth: usize,
    pub quoted: bool,
    /// Behind a backslash, or behind a quote that may be the first of two.
    pub odd: bool,
    /// Not at the beginning of a cell.
    pub inside: bool,
    pub closed: bool,
    /// Text stands behind a closing quote: the row ends with the line.
    pub broken: bool,
    /// Line feeds since the last quote that opened.
    pub lines: u64,
    /// What stands between cells is not known yet: it may be any of [`DELIMITERS`].
    pub any: bool,
}

/// What stands between the cells of a table, where that is found out from its header.
pub(super) const DELIMITERS: [u8; 4] = *b",;\t|";

impl Cut {
    /// Where the item ends; `None` where it goes on behind these bytes.
    pub fn find(&mut self, chunk: &[u8], format: Format) -> Option<usize> {
        match format {
            Format::Lines => line_end(chunk),
            // Once the array is closed the rest is one piece.
            Format::Array if self.closed => None,
            Format::Array => self.walk(chunk, |cut, byte| cut.element(byte)),
            Format::Table(separator) => self.walk(chunk, |cut, byte| cut.row(byte, separator)),
        }
    }

    /// Byte by byte, but for what means nothing inside quotes.
    fn walk(&mut self, chunk: &[u8], ends: impl Fn(&mut Cut, u8) -> bool) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = chunk.get(at) {
            if ends(self, *byte) {
                return Some(at);
            }
            at += 1;
            if self.quoted && !self.odd {
                let from = at;
                at = special(chunk, at);
                self.lines += newlines(chunk.get(from..at).unwrap_or_default());
            }
        }
        None
    }

    fn element(&mut self, byte: u8) -> bool {
        if self.quoted {
            self.quoted = self.odd || byte != b'"';
            self.odd = byte == b'\\' && !self.odd;
            return false;
        }
        match byte {
            b'"' => self.quoted = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' if self.depth > 0 => self.depth -= 1,
            b']' => self.closed = true,
            b',' if self.depth == 0 => return true,
            _ => {}
        }
        self.closed
    }

    /// A quote counts at the beginning of a cell, and there until the next one that does not stand twice.
    fn row(&mut self, byte: u8, separator: u8) -> bool {
        if self.quoted && !self.odd {
            self.odd = byte == b'"';
            self.lines += u64::from(byte == b'\n');
            return false;
        }
        let ends = matches!(byte, b'\r' | b'\n');
        if self.broken {
            return ends;
        }
        let separates = byte == separator || (self.any && DELIMITERS.contains(&byte));
        if std::mem::take(&mut self.odd) {
            self.quoted = byte == b'"';
            if self.quoted {
                return false;
            }
            self.broken = !separates && !ends;
        }
        self.quoted = byte == b'"' && !self.inside;
        self.lines = if self.quoted { 0 } else { self.lines };
        self.inside = !separates && !ends;
        ends
    }
}

/// Where the next quote or backslash is; or somewhere among the last few bytes, where it is looked for one by one.
pub(super) fn special(text: &[u8], from: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // A byte's high bit is set where the byte is zero; of those above the first one that may be wrong.
    let zero = |word: u64| word.wrapping_sub(EACH) & !word & (EACH << 7);
    let mut at = from;
    while let Some(eight) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        let word = u64::from_le_bytes(eight);
        let found = zero(word ^ (EACH * 0x22)) | zero(word ^ (EACH * 0x5C));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// Where a line ends.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    // Of a slice it cannot fail, and looks at many bytes at a time.
    let length = rest.skip_until(b'\n').unwrap_or_default();
    let end = length.checked_sub(1)?;
    (bytes.get(end) == Some(&b'\n')).then_some(end)
}

/// How many lines end in these bytes.
pub(super) fn newlines(bytes: &[u8]) -> u64 {
    let (mut rest, mut count) = (bytes, 0);
    while let Some(end) = line_end(rest) {
        rest = rest.get(end + 1..).unwrap_or_default();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where items end, if so many bytes come at a time.
    fn ends(text: &[u8], format: Format, piece: usize) -> Vec<usize> {
        let (mut cut, mut ends) = (Cut::default(), Vec::new());
        for (number, chunk) in text.chunks(piece).enumerate() {
            let mut from = 0;
            while let Some(end) = cut.find(chunk.get(from..).unwrap_or_default(), format) {
                ends.push(number * piece + from + end);
                from += end + 1;
            }
        }
        ends
    }

    #[test]
    fn items_end_where_they_do_in_whatever_pieces_they_come() {
        let array = r#"{"a":"x, ] \" , \\","b":["],",{"c":"a longer text, with \\\" in it"}]},"ü,",[1,2],"\\" ] "#;
        let table = "a,\"b\nc \"\" d, and a longer text\",\"\"\ne,f \"g\"\n\"\\\",\"h\n\"\n";
        let lines = "{}\n\n{\"a\":\"a longer text in quotes\"}\r\n[";
        for (text, format, wanted) in [
            (array, Format::Array, vec![70, 76, 82, 88]),
            (table, Format::Table(b','), vec![34, 42, 51]),
            (lines, Format::Lines, vec![2, 3, 36]),
        ] {
            for piece in (1..40).chain([text.len()]) {
                assert_eq!(ends(text.as_bytes(), format, piece), wanted, "{piece}");
            }
        }
    }

    #[test]
    fn every_end_of_a_line_counts() {
        for (text, lines) in [("", 0), ("a", 0), ("\n", 1), ("a\n\nb\nc", 3)] {
            assert_eq!(newlines(text.as_bytes()), lines, "{text:?}");
        }
    }
}
