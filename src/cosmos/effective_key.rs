//! Effective partition keys: where in a container a key lives, and in which of its ranges.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/partitioning-overview>

use std::cmp::Ordering;

use serde_json::Number;

use super::key_definition::{Definition, Kind};
use super::partition_key::{Component, PartitionKey};

/// Version 1 sees no more of a string than this many UTF-16 units.
const HASHED_UNITS: usize = 100;
/// The ordered form of a string ends without a terminator after this many bytes.
const ORDERED_BYTES: usize = 101;
/// Most keys have no more bytes.
const USUAL: usize = 48;

impl Definition {
    /// The effective key in upper-case hex. Of a hierarchy a prefix of the key gives a prefix of the effective key.
    pub fn effective(&self, key: &PartitionKey) -> String {
        let components = key.components();
        let bytes = match (self.kind, self.version) {
            _ if components.is_empty() => Vec::new(),
            (Kind::MultiHash, _) => components.chunks(1).flat_map(second).collect(),
            (Kind::Hash, 2) => second(components).to_vec(),
            (Kind::Hash, _) => first(components),
            (Kind::Range, _) => ordered_all(components),
        };
        hex(&bytes)
    }

    /// The effective key where one of so many parts ends and the next one begins, by number from 0: parts of equal
    /// width, whatever ranges there are. The first bound is the empty text, the last one `FF`.
    pub fn bound(&self, at: u32, of: u32) -> String {
        let part = |whole: u128| whole / u128::from(of.max(1)) * u128::from(at);
        match (self.kind, self.version) {
            _ if at == 0 => String::new(),
            _ if at >= of => "FF".to_string(),
            (Kind::MultiHash, _) | (Kind::Hash, 2) => format!("{:032X}", part(1 << 126)),
            _ => {
                let mut out = Vec::new();
                ordered_number(part(1 << 32) as f64, &mut out);
                hex(&out)
            }
        }
    }

    /// The range `[min, max)` of everything whose key begins with this one.
    pub fn prefix_range(&self, key: &PartitionKey) -> (String, String) {
        let min = self.effective(key);
        let max = format!("{min}FF");
        (min, max)
    }
}

/// Whether an effective key lies in `[min, max)`, as the bounds of a partition key range are given.
pub fn contains(min: &str, max: &str, effective: &str) -> bool {
    order(min, effective).is_le() && order(effective, max).is_lt()
}

/// Zero bytes at the end say nothing: `80` and `8000` are one place.
pub fn order(one: &str, two: &str) -> Ordering {
    trimmed(one).cmp(trimmed(two))
}

fn trimmed(mut key: &str) -> &str {
    while let Some(rest) = key.strip_suffix("00") {
        key = rest;
    }
    key
}

/// Version 1: the hash as an ordered number, then the components themselves.
fn first(components: &[Component]) -> Vec<u8> {
    let cut: Vec<_> = components.iter().map(truncated).collect();
    let hash = murmur3_32(&hashed(&cut, 0x00));
    let mut out = Vec::new();
    ordered_number(f64::from(hash), &mut out);
    out.extend(ordered_all(&cut));
    out
}

/// Version 2: the hash alone, last byte first, kept below the `FF` that ends the last range.
fn second(components: &[Component]) -> [u8; 16] {
    let hash = murmur3_128(&hashed(components, 0xFF));
    (hash & (u128::MAX >> 2)).to_be_bytes()
}

fn truncated(component: &Component) -> Component {
    let Component::String(text) = component else {
        return component.clone();
    };
    let units: Vec<u16> = text.encode_utf16().take(HASHED_UNITS).collect();
    // A surrogate left alone by the cut is hashed as U+FFFD.
    Component::String(String::from_utf16_lossy(&units))
}

/// What is hashed: a marker for the type, then the value.
fn hashed(components: &[Component], suffix: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL);
    for component in components {
        out.push(marker(component));
        match component {
            Component::Number(number) => out.extend(double(number).to_le_bytes()),
            Component::String(text) => {
                out.extend_from_slice(text.as_bytes());
                out.push(suffix);
            }
            Component::Undefined | Component::Null | Component::Bool(_) => {}
        }
    }
    out
}

fn marker(component: &Component) -> u8 {
    match component {
        Component::Undefined => 0x00,
        Component::Null => 0x01,
        Component::Bool(false) => 0x02,
        Component::Bool(true) => 0x03,
        Component::Number(_) => 0x05,
        Component::String(_) => 0x08,
    }
}

/// Zero has one sign here, or `0` and `-0` would be two keys.
fn double(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default() + 0.0
}

/// Bytes that sort as the values do.
fn ordered_all(components: &[Component]) -> Vec<u8> {
    let mut out = Vec::new();
    for component in components {
        match component {
            Component::Number(number) => ordered_number(double(number), &mut out),
            Component::String(text) => {
                out.push(marker(component));
                ordered_text(text, &mut out);
            }
            other => out.push(marker(other)),
        }
    }
    out
}

/// One is added to each byte so that the terminator is the smallest; no byte of UTF-8 is FF.
fn ordered_text(text: &str, out: &mut Vec<u8>) {
    out.extend(
        text.bytes()
            .take(ORDERED_BYTES)
            .map(|byte| byte.wrapping_add(1)),
    );
    if text.len() < ORDERED_BYTES {
        out.push(0x00);
    }
}

/// The bits of a double turned so that they sort, the top byte whole and the rest in groups of seven
/// with the low bit set while another follows.
fn ordered_number(value: f64, out: &mut Vec<u8>) {
    let bits = value.to_bits();
    let sorted = if value.is_sign_positive() {
        bits ^ (1 << 63)
    } else {
        bits.wrapping_neg()
    };
    let [top, rest @ ..] = sorted.to_be_bytes();
    out.extend([0x05, top]);
    let mut rest = rest
        .iter()
        .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte))
        << 8;
    loop {
        let [group, ..] = rest.to_be_bytes();
        rest <<= 7;
        out.push((group & 0xFE) | u8::from(rest != 0));
        if rest == 0 {
            return;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| half + if half < 10 { b'0' } else { b'A' - 10 };
    let mut out = vec![0; 2 * bytes.len()];
    for (digits, byte) in out.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = digits {
            (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// A little-endian number of at most eight bytes.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// MurmurHash3 x86, 32 bits, seed 0.
fn murmur3_32(bytes: &[u8]) -> u32 {
    let mixed = |block: &[u8]| {
        let value = little_endian(block) as u32;
        value
            .wrapping_mul(0xCC9E_2D51)
            .rotate_left(15)
            .wrapping_mul(0x1B87_3593)
    };
    let mut hash = 0u32;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        hash = (hash ^ mixed(block))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xE654_6B64);
    }
    hash ^= mixed(blocks.remainder()) ^ bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    hash ^ (hash >> 16)
}

/// MurmurHash3 x64, 128 bits, seed 0: the first half of the result in the low 64 bits.
fn murmur3_128(bytes: &[u8]) -> u128 {
    let (mut one, mut two) = (0u64, 0u64);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        let (low, high) = block.split_at(8);
        one = (one ^ low_mixed(low)).rotate_left(27).wrapping_add(two);
        one = one.wrapping_mul(5).wrapping_add(0x52DC_E729);
        two = (two ^ high_mixed(high)).rotate_left(31).wrapping_add(one);
        two = two.wrapping_mul(5).wrapping_add(0x3849_5AB5);
    }
    let rest = blocks.remainder();
    let (low, high) = rest.split_at(rest.len().min(8));
    let length = bytes.len() as u64;
    one ^= low_mixed(low) ^ length;
    two ^= high_mixed(high) ^ length;
    one = one.wrapping_add(two);
    two = two.wrapping_add(one);
    (one, two) = (avalanche(one), avalanche(two));
    one = one.wrapping_add(two);
    two = two.wrapping_add(one);
    (u128::from(two) << 64) | u128::from(one)
}

fn low_mixed(block: &[u8]) -> u64 {
    let value = little_endian(block).wrapping_mul(0x87C3_7B91_1142_53D5);
    value.rotate_left(31).wrapping_mul(0x4CF5_AD43_2745_937F)
}

fn high_mixed(block: &[u8]) -> u64 {
    let value = little_endian(block).wrapping_mul(0x4CF5_AD43_2745_937F);
    value.rotate_left(33).wrapping_mul(0x87C3_7B91_1142_53D5)
}

fn avalanche(mut value: u64) -> u64 {
    value = (value ^ (value >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    value = (value ^ (value >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    value ^ (value >> 33)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use super::*;
    use serde_json::{Value, json};

    const VECTORS: &str = include_str!("../../fixtures/data-plane/epk_vectors.json");

    fn rows(table: &str, count: usize) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let rows = vectors[table].as_array().unwrap().clone();
        assert_eq!(rows.len(), count);
        rows
    }

    fn definition(kind: &str, version: u8) -> Definition {
        Definition::from_json(&json!({"paths": ["/a", "/b"], "kind": kind, "version": version}))
            .unwrap()
    }

    fn key(value: &Value) -> PartitionKey {
        let text = value.to_string().replace(r#"{"undefined":true}"#, "{}");
        PartitionKey::from_json(&text).unwrap()
    }

    fn all(table: &str, count: usize, definition: &Definition) {
        for row in rows(table, count) {
            // The one row that shows the hash of -0, which no key ever has.
            if row["pk"][0]
                .as_f64()
                .is_some_and(|zero| zero == 0.0 && zero.is_sign_negative())
            {
                assert_eq!(
                    definition.effective(&key(&row["pk"])),
                    definition.effective(&key(&json!([0])))
                );
                continue;
            }
            assert_eq!(
                definition.effective(&key(&row["pk"])),
                row["epk"],
                "{}",
                row["pk"]
            );
        }
    }

    #[test]
    fn every_published_key_has_its_published_place() {
        all("v2_hash", 34, &definition("Hash", 2));
        all("v1_hash", 34, &definition("Hash", 1));
        all("multihash_v2", 6, &definition("MultiHash", 2));
    }

    #[test]
    fn the_bare_hashes_are_the_published_ones() {
        for row in rows("raw_murmur3_x64_128", 7) {
            let hash = murmur3_128(row["input_utf8"].as_str().unwrap().as_bytes());
            let halves = (row["h2"].as_str().unwrap(), row["h1"].as_str().unwrap());
            assert_eq!(format!("{hash:032x}"), format!("{}{}", halves.0, halves.1));
        }
        for row in rows("raw_murmur3_x86_32", 7) {
            let hash = murmur3_32(row["input_utf8"].as_str().unwrap().as_bytes());
            assert_eq!(format!("{hash:08x}"), row["hash"].as_str().unwrap());
        }
    }

    /// The rows hash each level by itself, cut nothing off, and show -0 as it was before it became 0.
    #[test]
    fn the_hashes_behind_the_places_are_the_published_ones() {
        for row in rows("raw_hash_dotnet", 26) {
            let text = row["full_value"].as_str().unwrap();
            let key = PartitionKey::from_json(text.replace("UNDEFINED", "{}").as_str()).unwrap();
            let (mut v1, mut v2) = (String::new(), String::new());
            for level in key.components() {
                let level = std::slice::from_ref(level);
                let (mut small, mut large) = (hashed(level, 0), hashed(level, 0xFF));
                if text == "-0" {
                    *small.last_mut().unwrap() = 0x80;
                    *large.last_mut().unwrap() = 0x80;
                }
                v1 += &format!("{:032X}", murmur3_32(&small));
                v2 += &format!("{:032X}", murmur3_128(&large));
            }
            assert_eq!(
                v1,
                row["raw_murmur32_of_v1_serialization"].as_str().unwrap(),
                "{text}"
            );
            assert_eq!(
                v2,
                row["raw_murmur128_of_v2_serialization_unmasked"]
                    .as_str()
                    .unwrap(),
                "{text}"
            );
        }
    }

    #[test]
    fn parts_of_the_space_have_no_gap_and_hold_alike() {
        for (kind, version) in [("Hash", 2), ("Hash", 1), ("MultiHash", 2)] {
            let definition = definition(kind, version);
            for of in [1, 2, 3, 7, 8, u32::MAX] {
                assert_eq!(definition.bound(0, of), "");
                assert_eq!(definition.bound(of, of), "FF");
            }
            let bounds: Vec<String> = (0..=8).map(|at| definition.bound(at, 8)).collect();
            assert!(bounds.windows(2).all(|two| order(&two[0], &two[1]).is_lt()));
            let mut held = [0; 8];
            for n in 0..4000 {
                let effective = definition.effective(&key(&json!([n.to_string()])));
                let found = (0..8).filter(|at| contains(&bounds[*at], &bounds[at + 1], &effective));
                let found: Vec<usize> = found.collect();
                assert_eq!(found.len(), 1, "{effective}");
                held[found[0]] += 1;
            }
            assert!(held.iter().all(|n| (400..600).contains(n)), "{held:?}");
        }
    }

    #[test]
    fn zeros_at_the_end_do_not_count() {
        for row in rows("trailing_zero_ordering", 6) {
            let (one, two) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
            assert_eq!(
                order(one, two) as i8,
                row[2].as_i64().unwrap() as i8,
                "{row}"
            );
            assert_eq!(order(two, one), order(one, two).reverse());
        }
    }

    #[test]
    fn a_prefix_is_a_range_around_its_keys() {
        let hierarchy = definition("MultiHash", 2);
        for row in rows("prefix_range", 1) {
            let (min, max) = hierarchy.prefix_range(&key(&row["pk"]));
            assert_eq!(
                (min.as_str(), max.as_str()),
                (row["min"].as_str().unwrap(), row["max"].as_str().unwrap())
            );
            assert!(contains(
                &min,
                &max,
                &hierarchy.effective(&key(&json!(["redmond", 5])))
            ));
            assert!(!contains(
                &min,
                &max,
                &hierarchy.effective(&key(&json!(["tenant1", 5])))
            ));
        }
        assert!(contains("", "FF", "") && contains("", "FF", "3FFF"));
        assert!(contains("8000", "FF", "80") && !contains("", "8000", "80"));
    }
}
