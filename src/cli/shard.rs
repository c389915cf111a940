//! `2/8`: one of several shares of the work, so that several machines do it without talking to each other.

use super::settings::Settings;
use crate::error::Error;

/// One share of several. All of them together are the whole, and no two have anything in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// The share the settings ask for, if they do.
    pub fn asked(settings: &Settings) -> Result<Option<Shard>, Error> {
        let text = settings.text("shard");
        text.map(|text| Shard::parse(&text)).transpose()
    }

    /// Reads `I/N`.
    ///
    /// # Errors
    /// [`Error::Usage`], where it is not that, or I is not one of 1 to N.
    pub fn parse(text: &str) -> Result<Shard, Error> {
        let parts = text.split_once('/').and_then(|(number, of)| {
            let number = number.trim().parse().ok()?;
            let of = of.trim().parse().ok()?;
            (1..=of).contains(&number).then_some(Shard { number, of })
        });
        parts.ok_or_else(|| {
            Error::usage(format!(
                "{text:?} is no share: write 2/8 for the second of eight"
            ))
        })
    }

    /// Whether an effective partition key belongs to this share: all items of a key go to one share, whatever ranges
    /// there are, so that what is written twice is written in order.
    pub fn holds(&self, effective: &str) -> bool {
        // FNV-1a: the effective keys of old containers are no hashes, but begin with one.
        let hash = effective
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            });
        // Its upper half is mixed better.
        (hash >> 32) % u64::from(self.of) == u64::from(self.number - 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_share_is_one_of_several() {
        assert_eq!(Shard::parse("2/8").unwrap(), Shard { number: 2, of: 8 });
        assert_eq!(Shard::parse(" 1 / 1").unwrap(), Shard { number: 1, of: 1 });
        for wrong in [
            "",
            "2",
            "0/8",
            "9/8",
            "1/0",
            "-1/2",
            "1/2/3",
            "a/b",
            "1/4294967296",
        ] {
            assert!(Shard::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_key_is_in_exactly_one_share_and_the_shares_are_alike() {
        let shards = [1, 2, 3].map(|number| Shard { number, of: 3 });
        let mut sizes = [0, 0, 0];
        for n in 0..3000_u32 {
            let key = format!("{:032X}", u128::from(n) << 100);
            for (shard, size) in shards.iter().zip(&mut sizes) {
                *size += u32::from(shard.holds(&key));
            }
        }
        assert_eq!(sizes.iter().sum::<u32>(), 3000);
        assert!(
            sizes.iter().all(|size| (850..1150).contains(size)),
            "{sizes:?}"
        );
    }
}
