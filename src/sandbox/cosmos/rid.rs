//! `_rid`s: numbers that nest, four bytes for a database, eight for a container, sixteen for what is in one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Type marks in the top half of a leaf's last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// An item.
    Item = 0x00,
    /// A partition range.
    Range = 0x50,
}

/// The `_rid` of a database.
pub fn database(number: u64) -> String {
    encode(&scatter(number).to_be_bytes())
}

/// The `_rid` of a container; the top bit of its own four bytes tells it from a user.
pub fn container(parent: &str, number: u64) -> String {
    let mut bytes = decode(parent).unwrap_or_default();
    bytes.extend((scatter(number) | 0x8000_0000).to_be_bytes());
    encode(&bytes)
}

/// The `_rid` of what is in a container.
pub fn leaf(parent: &str, number: u64, kind: Leaf) -> String {
    let mut bytes = decode(parent).unwrap_or_default();
    let mut own = number.to_le_bytes();
    if let Some(last) = own.last_mut() {
        *last = (*last & 0x0F) | kind as u8;
    }
    bytes.extend(own);
    encode(&bytes)
}

/// The bytes of a `_rid`, or nothing where the text is not one.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace('-', "/")).ok()
}

/// An item's own number, which items are ordered by where nothing else tells them apart.
pub fn number(text: &str) -> Option<u64> {
    let own = decode(text)?.get(8..16)?.try_into().ok()?;
    Some(u64::from_le_bytes(own))
}

/// Whether a path's database segment is a `_rid`: eight characters that stand for four bytes.
pub fn is_database(segment: &str) -> bool {
    segment.len() == 8 && decode(segment).is_some_and(|bytes| bytes.len() == 4)
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('/', "-")
}

/// Keeps neighbours apart, so that a `_rid` does not look like a sequence; one to one.
fn scatter(number: u64) -> u32 {
    (number as u32).wrapping_mul(0x9E37_79B1) & 0x7FFF_FFFF
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rids_nest_and_have_their_lengths() {
        let database = database(7);
        let container = container(&database, 8);
        let item = leaf(&container, 9, Leaf::Item);
        let range = leaf(&container, 9, Leaf::Range);
        let bytes = decode(&item).unwrap();
        assert_eq!(bytes.len(), 16);
        assert!(bytes.starts_with(&decode(&container).unwrap()));
        assert!(
            decode(&container)
                .unwrap()
                .starts_with(&decode(&database).unwrap())
        );
        assert_ne!(item, range);
        assert!(is_database(&database));
        assert!(!is_database("database") || decode("database").unwrap().len() == 4);
        assert!(!is_database(&container));
    }

    #[test]
    fn rids_stay_out_of_the_path_syntax() {
        assert!((0..5000).all(|number| !database(number).contains('/')));
        let distinct: std::collections::BTreeSet<_> = (0..5000).map(database).collect();
        assert_eq!(distinct.len(), 5000);
    }
}
