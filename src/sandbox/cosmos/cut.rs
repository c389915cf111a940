//! The hash space of a container, cut into ranges of equal width.

use crate::sandbox::world::Range;

/// That many ranges, from the first place to the last.
pub fn ranges(count: usize, version: u64) -> Vec<Range> {
    let count = count.max(1);
    let bound = |at: usize| match at {
        0 => String::new(),
        at if at == count => "FF".to_owned(),
        at if version == 1 => first(at as u64, count as u64),
        at => second(at as u128, count as u128),
    };
    (0..count)
        .map(|at| Range {
            id: at.to_string(),
            min: bound(at),
            max: bound(at + 1),
            lsn: 1,
            ..Range::default()
        })
        .collect()
}

/// Hashes of version 2 have 128 bits, the top two of them clear.
fn second(at: u128, count: u128) -> String {
    format!("{:032X}", (1u128 << 126) / count * at - 1)
}

/// Hashes of version 1 have 32 bits and are written as ordered doubles: seven bits to a byte after the first.
fn first(at: u64, count: u64) -> String {
    let hash = (1u64 << 32) / count * at - 1;
    let bits = (hash as f64).to_bits() ^ (1 << 63);
    let mut text = format!("05{:02X}", bits >> 56);
    let mut rest = bits << 8;
    while rest != 0 {
        let more = u64::from(rest << 7 != 0);
        text.push_str(&format!("{:02X}", (rest >> 57) << 1 | more));
        rest <<= 7;
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn ranges_tile_the_hash_space() {
        for version in [1, 2] {
            let cut = ranges(4, version);
            assert_eq!((cut[0].min.as_str(), cut[3].max.as_str()), ("", "FF"));
            let touch = |pair: &[Range]| pair[0].max == pair[1].min && pair[0].min < pair[0].max;
            assert!(cut.windows(2).all(touch), "{version}");
        }
        assert_eq!(ranges(2, 2)[0].max, "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
        assert_eq!(ranges(2, 1)[0].max, "05C1DFFFFFFFFC");
        assert_eq!(ranges(0, 2).len(), 1);
    }
}
