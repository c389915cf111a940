//! JSON text, part by part, for who passes the parts on as they are.

use super::scan::Scan;

/// Reads JSON text part by part, none of it twice. Bytes are looked at, because patterns of a `str` are slow where the
/// binary is made for size. What is read gives nothing where something else comes than is asked for.
#[derive(Clone)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// No part of the object or list has been read.
    fresh: bool,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str) -> Cursor<'t> {
        Cursor {
            text,
            at: 0,
            fresh: false,
        }
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn step(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Steps into an object or a list, by its bracket.
    pub fn enter(&mut self, open: u8) -> Option<()> {
        self.fresh = true;
        self.step(open)
    }

    /// Whether another part comes; steps out behind the last one.
    pub fn more(&mut self, close: u8) -> Option<bool> {
        let fresh = std::mem::take(&mut self.fresh);
        let byte = self.next()?;
        if byte == close || (byte == b',' && !fresh) {
            self.at += 1;
            return Some(byte != close);
        }
        fresh.then_some(true)
    }

    /// The name of the next member, in its quotes; its value comes next. Steps out of the object behind the last one.
    pub fn name(&mut self) -> Option<Option<&'t str>> {
        if !self.more(b'}')? {
            return Some(None);
        }
        let name = (self.next()? == b'"').then(|| self.value())??;
        self.step(b':').map(|()| Some(name))
    }

    /// A value.
    pub fn value(&mut self) -> Option<&'t str> {
        self.next()?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let behind = Scan::default().behind_value(rest)?;
        let from = self.at;
        self.at += rest.len() - behind.len();
        self.text
            .get(from..self.at)
            .filter(|value| !value.is_empty())
    }

    /// Exactly this.
    pub fn text(&mut self, text: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(text.as_bytes())
            .then(|| self.at += text.len())
    }

    /// The end of the text.
    pub fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }
}
