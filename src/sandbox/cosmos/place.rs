//! What a path names, and the link of it that a key signs.

use super::rid;

/// A path taken apart: `dbs`, a database, `colls`, a container, ...
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Decoded, kinds and names by turns.
    pub segments: Vec<String>,
    /// Whether the names are `_rid`s.
    pub by_rid: bool,
}

impl Place {
    /// Takes a path apart; nothing where it does not decode.
    ///
    /// It is decoded before it is split, as the service does: an item with a slash in its id has no path.
    pub fn parse(path: &str) -> Option<Self> {
        let decoded = decode(path, false)?.replace('\\', "/");
        let parts = decoded.split('/').filter(|part| !part.is_empty());
        let segments: Vec<String> = parts.map(str::to_owned).collect();
        let by_rid = match (segments.first(), segments.get(1)) {
            (Some(kind), Some(name)) => kind == "dbs" && rid::is_database(name),
            _ => false,
        };
        Some(Self { segments, by_rid })
    }

    /// Whether it is all there is of a kind, and not one thing of it.
    pub fn is_feed(&self) -> bool {
        self.segments.len() % 2 == 1
    }

    /// The kind of what is named: `dbs`, `colls`, `docs`, ...; empty for the account.
    pub fn kind(&self) -> &str {
        let last = if self.is_feed() { 1 } else { 2 };
        self.back(last)
    }

    /// The text before the date in what a key signs.
    pub fn link(&self) -> String {
        let named = self.named();
        match named.last() {
            Some(leaf) if self.by_rid || self.kind() == "offers" => leaf.to_ascii_lowercase(),
            _ => named.join("/"),
        }
    }

    /// The path as text, without a slash at either end.
    pub fn path(&self) -> String {
        self.segments.join("/")
    }

    /// What an operation is done to.
    pub fn owner(&self) -> Self {
        let end = self.segments.len().saturating_sub(2);
        Self {
            segments: self.segments.get(..end).unwrap_or_default().to_vec(),
            by_rid: self.by_rid,
        }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.name_of("dbs", 0)
    }

    /// The name of the container.
    pub fn container(&self) -> &str {
        self.name_of("colls", 2)
    }

    /// The name of what is in a container.
    pub fn leaf(&self) -> &str {
        self.segments.get(5).map_or("", String::as_str)
    }

    /// The kinds by turns, to tell a shape from another: `dbs/colls/docs`.
    pub fn shape(&self) -> String {
        let kinds: Vec<&str> = self
            .segments
            .iter()
            .step_by(2)
            .map(String::as_str)
            .collect();
        kinds.join("/")
    }

    fn named(&self) -> &[String] {
        let end = self.segments.len() - self.segments.len() % 2;
        self.segments.get(..end).unwrap_or_default()
    }

    fn name_of(&self, kind: &str, at: usize) -> &str {
        match self.segments.get(at) {
            Some(found) if found == kind => self.segments.get(at + 1).map_or("", String::as_str),
            _ => "",
        }
    }

    fn back(&self, count: usize) -> &str {
        let at = self.segments.len().checked_sub(count);
        at.and_then(|at| self.segments.get(at))
            .map_or("", String::as_str)
    }
}

/// Undoes percent-encoding once; `plus` as in a form, where it is a space.
pub fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                hex(digits)?
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    let only = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    only.then(|| u8::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn place(path: &str) -> Place {
        Place::parse(path).unwrap()
    }

    #[test]
    fn feeds_sign_their_parent_and_points_themselves() {
        let rows = [
            ("/", "", ""),
            ("/dbs", "dbs", ""),
            ("/dbs/D", "dbs", "dbs/D"),
            ("/dbs/D/colls/", "colls", "dbs/D"),
            (
                "/dbs/D/colls/C/docs/%41%2Bb%20c",
                "docs",
                "dbs/D/colls/C/docs/A+b c",
            ),
            ("/offers/Ab1X", "offers", "ab1x"),
            (
                "/dbs/DPZtAA==/colls/DPZtAKyOj5g=/docs",
                "docs",
                "dpztakyoj5g=",
            ),
        ];
        for (path, kind, link) in rows {
            assert_eq!(place(path).kind(), kind, "{path}");
            assert_eq!(place(path).link(), link, "{path}");
        }
    }

    #[test]
    fn an_encoded_slash_is_a_slash() {
        assert_eq!(place("/dbs/D/colls/C/docs/a%2Fb").segments.len(), 7);
        assert_eq!(place("/dbs/D/colls/C/docs/a%252Fb").leaf(), "a%2Fb");
        assert_eq!(place("/dbs/D/colls/C/docs").shape(), "dbs/colls/docs");
    }

    #[test]
    fn what_does_not_decode_names_nothing() {
        assert!(Place::parse("/dbs/%4").is_none());
        assert!(Place::parse("/dbs/%+4").is_none());
        assert!(Place::parse("/dbs/%FF").is_none());
        assert_eq!(decode("a+b%2b", true).unwrap(), "a b+");
    }
}
