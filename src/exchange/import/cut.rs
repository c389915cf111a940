//! Where an item ends and the next one begins, byte by byte. Pure.

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
}

impl Cut {
    /// Where the item ends; `None` where it goes on behind these bytes.
    pub fn find(&mut self, chunk: &[u8], format: Format) -> Option<usize> {
        let mut bytes = chunk.iter();
        match format {
            Format::Lines => bytes.position(|byte| *byte == b'\n'),
            // Once the array is closed the rest is one piece.
            Format::Array if self.closed => None,
            Format::Array => bytes.position(|byte| self.element(*byte)),
            Format::Table(separator) => bytes.position(|byte| self.row(*byte, separator)),
        }
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
        if self.broken {
            return byte == b'\n';
        }
        if std::mem::take(&mut self.odd) {
            self.quoted = byte == b'"';
            if self.quoted {
                return false;
            }
            self.broken = byte != separator && !matches!(byte, b'\r' | b'\n');
        }
        self.quoted = byte == b'"' && !self.inside;
        self.lines = if self.quoted { 0 } else { self.lines };
        self.inside = byte != separator && byte != b'\n';
        byte == b'\n'
    }
}
