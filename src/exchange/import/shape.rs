//! Where a JSON value ends that may go over several lines: brackets, commas, colons and strings, in whatever pieces they
//! come. What stands between them is looked at by those who read the value. Pure.

use super::cut::special;

/// More brackets than this are never open at once: the service takes 128.
const DEEPEST: usize = 256;

/// What may come next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Value,
    FirstElement,
    FirstName,
    Name,
    Colon,
    /// A comma, or the end of what is open.
    Next,
    /// More of a number or a word, or what follows it.
    Word,
}

/// The brackets of one value.
#[derive(Debug, Default)]
pub(super) struct Shape {
    expects: Expects,
    /// Objects and arrays that are open: `true` for an object.
    open: Vec<bool>,
    quoted: bool,
    escaped: bool,
}

/// What some bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The value ends after this many bytes.
    Whole(usize),
    /// It goes on behind them.
    More,
    /// It is no JSON.
    Broken,
}

impl Shape {
    /// Looks at more bytes of the value.
    pub fn feed(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            if self.quoted {
                self.quoted = self.escaped || *byte != b'"';
                self.escaped = *byte == b'\\' && !self.escaped;
            } else if !self.step(*byte) {
                return Found::Broken;
            } else if self.open.is_empty() {
                return Found::Whole(at);
            }
            if self.quoted && !self.escaped {
                at = special(bytes, at);
            }
        }
        Found::More
    }

    fn step(&mut self, byte: u8) -> bool {
        use Expects::{Colon, FirstElement, FirstName, Name, Next, Value, Word};
        let object = self.open.last() == Some(&true);
        let next = match (self.expects, byte) {
            (Word, b' ' | b'\t' | b'\r' | b'\n') => Next,
            (expects, b' ' | b'\t' | b'\r' | b'\n') => expects,
            (Value | FirstElement, b'{' | b'[') => {
                self.open.push(byte == b'{');
                if byte == b'{' {
                    FirstName
                } else {
                    FirstElement
                }
            }
            (Value | FirstElement | FirstName | Name, b'"') => {
                self.quoted = true;
                match self.expects {
                    FirstName | Name => Colon,
                    _ => Next,
                }
            }
            (FirstName, b'}') | (FirstElement, b']') => self.close(),
            (Next | Word, b'}') if object => self.close(),
            (Next | Word, b']') if !object => self.close(),
            (Next | Word, b',') if object => Name,
            (Next | Word, b',') => Value,
            (Colon, b':') => Value,
            (Value | FirstElement | Word, _) if is_of_word(byte) => Word,
            _ => return false,
        };
        self.expects = next;
        // A value that is no object and no array is no item.
        self.open.len() <= DEEPEST && (!self.open.is_empty() || matches!(byte, b'}' | b']'))
    }

    fn close(&mut self) -> Expects {
        self.open.pop();
        Expects::Next
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, piece: usize) -> (Found, usize) {
        let (mut shape, mut before) = (Shape::default(), 0);
        for chunk in text.as_bytes().chunks(piece) {
            match shape.feed(chunk) {
                Found::More => before += chunk.len(),
                Found::Whole(length) => return (Found::Whole(before + length), 0),
                Found::Broken => return (Found::Broken, 0),
            }
        }
        (Found::More, before)
    }

    #[test]
    fn a_value_ends_where_its_brackets_close_in_whatever_pieces_it_comes() {
        let deep = "[".repeat(DEEPEST + 1);
        let cases = [
            ("{}x", Found::Whole(2)),
            ("[ ] [", Found::Whole(3)),
            (
                "{\"a\" : [1, {\"b\":\"]}\\\"\\\\\"}, null ],\n\"c\":-1.5e+3 } {",
                Found::Whole(48),
            ),
            ("{\"a\":\n", Found::More),
            ("{\"a\":\"x", Found::More),
            ("{\"a\":{\"b\":1}\n{\"a\"", Found::Broken),
            ("{\"a\":\"x\n{\"id\":1}", Found::Broken),
            ("{\"a\" 1}", Found::Broken),
            ("{\"a\":1]", Found::Broken),
            ("{\"a\":1,}", Found::Broken),
            ("{a:1}", Found::Broken),
            ("[1 2]", Found::Broken),
            ("7", Found::Broken),
            ("\"x\"", Found::Broken),
            (&deep, Found::Broken),
        ];
        for (text, wanted) in cases {
            for piece in (1..12).chain([text.len()]) {
                assert_eq!(found(text, piece).0, wanted, "{text:?} {piece}");
            }
        }
    }
}
