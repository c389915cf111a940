//! Pages cut where nobody would cut them: any number of rows, none at all, one more at the end.

/// What happens to one page; the same for the same seed and place.
pub struct Dice(u64);

/// The most rows, or documents to a partial answer, of such a page.
const MOST: u64 = 9;

impl Dice {
    /// For a place in a feed.
    pub fn new(seed: u64, range: &str, numbers: &[u64]) -> Self {
        let bytes = range.bytes().map(u64::from);
        let all = bytes.chain(numbers.iter().copied());
        Self(all.fold(mixed(seed), |state, next| mixed(state ^ next)))
    }

    /// How many rows fit.
    pub fn size(&self) -> usize {
        usize::try_from(1 + self.0 % MOST).unwrap_or(1)
    }

    /// Whether the page is empty and goes on.
    pub fn empty(&self) -> bool {
        (self.0 >> 16).is_multiple_of(4)
    }

    /// Whether an empty page comes after the last row.
    pub fn tail(&self) -> bool {
        (self.0 >> 32).is_multiple_of(2)
    }
}

/// Spreads every bit over all of them.
fn mixed(state: u64) -> u64 {
    let mut state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_has_the_same_page_and_others_have_others() {
        let page = |seed, number| {
            let dice = Dice::new(seed, "1F", &[number, 0]);
            (dice.size(), dice.empty(), dice.tail())
        };
        let pages = |seed| (0..64).map(|number| page(seed, number)).collect::<Vec<_>>();
        assert_eq!(pages(7), pages(7));
        assert_ne!(pages(7), pages(8));
        let sizes: std::collections::BTreeSet<_> = pages(7).iter().map(|page| page.0).collect();
        assert_eq!(sizes, (1..=9).collect());
        let empty = pages(7).iter().filter(|page| page.1).count();
        assert!((5..30).contains(&empty), "{empty}");
    }
}
