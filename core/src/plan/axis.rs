//! How many rows there are in a batch, and where they lie.

use std::{
    fmt::{self, Display, Formatter},
    ops::Range,
};

use super::Axis;

/// How many items and tokens a batch has, or there is room for.
///
/// # Examples
///
/// ```
/// use intformer::plan::Counts;
///
/// let images = Counts::of_items(8);
/// assert_eq!((images.items, images.tokens), (8, 0));
/// // Room for two sentences of 40 tokens in all; a shorter third would fit, too.
/// let room = Counts { items: 2, tokens: 40 }.stepped();
/// assert!(Counts { items: 3, tokens: 35 }.fits(room));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Items.
    pub items: usize,
    /// Tokens of all items; 0 where items have none.
    pub tokens: usize,
}

impl Counts {
    /// More than there are.
    pub(crate) const UNBOUNDED: Self = Self {
        items: usize::MAX,
        tokens: usize::MAX,
    };

    /// Items without tokens: images.
    pub fn of_items(items: usize) -> Self {
        Self { items, tokens: 0 }
    }

    /// How many there are of what `axis` counts.
    pub fn along(self, axis: Axis) -> usize {
        match axis {
            Axis::Item => self.items,
            Axis::Token => self.tokens,
        }
    }

    /// Whether there are no more of either than `most`.
    pub fn fits(self, most: Self) -> bool {
        self.items <= most.items && self.tokens <= most.tokens
    }

    /// Both rounded up by at most a quarter, and to at least 4 items and 16 tokens: few sizes, so that
    /// batches of any lengths share what is made for one.
    #[must_use]
    pub fn stepped(self) -> Self {
        let step = |count: usize, least: usize| {
            let quarter = count.max(1).ilog2().saturating_sub(2);
            let next = count.checked_next_multiple_of(1 << quarter);
            next.unwrap_or(usize::MAX).max(least)
        };
        Self {
            items: step(self.items, 4),
            tokens: step(self.tokens, 16),
        }
    }

    /// The smaller of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            items: self.items.min(other.items),
            tokens: self.tokens.min(other.tokens),
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            items: self.items.max(other.items),
            tokens: self.tokens.max(other.tokens),
        }
    }
}

/// For messages.
impl Display for Counts {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{} items", self.items)?;
        match self.tokens {
            0 => Ok(()),
            tokens => write!(f, " of {tokens} tokens in all"),
        }
    }
}

/// The words of a tensor: for each of what its axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// What it is counted by.
    pub axis: Axis,
    /// First word among those of its axis.
    pub offset: usize,
    /// Words.
    pub words: usize,
}

/// An arena with room for so many items and tokens: first what is counted by items, then by tokens. A
/// tensor starts as many times as far into its part as there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub(super) item_words: usize,
    pub(super) token_words: usize,
    /// How many it is for.
    pub capacity: Counts,
}

impl Room {
    /// Words of the arena; `usize::MAX` if there are more.
    pub fn words(self) -> usize {
        let items = self.item_words.saturating_mul(self.capacity.items);
        items.saturating_add(self.token_words.saturating_mul(self.capacity.tokens))
    }

    /// The first word of a tensor.
    pub(crate) fn place(self, region: Region) -> usize {
        let part = match region.axis {
            Axis::Item => 0,
            Axis::Token => self.item_words * self.capacity.items,
        };
        part + region.offset * self.capacity.along(region.axis)
    }

    /// The words of a tensor in a batch of `live`.
    pub(crate) fn range(self, region: Region, live: Counts) -> Range<usize> {
        let start = self.place(region);
        start..start + region.words * live.along(region.axis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_is_never_less_nor_much_more(
            items in prop_oneof![1usize..100_000, Just(usize::MAX)],
            tokens in prop_oneof![1usize..100_000, any::<usize>()],
        ) {
            let counts = Counts { items, tokens };
            let stepped = counts.stepped();
            prop_assert!(counts.fits(stepped));
            prop_assert!(stepped.items <= items.saturating_add(items / 4).max(4));
            prop_assert!(stepped.tokens <= tokens.saturating_add(tokens / 4).max(16));
        }
    }

    #[test]
    fn there_are_few_steps() {
        let tokens = |tokens| Counts { items: 1, tokens }.stepped().tokens;
        let mut sizes: Vec<_> = (1..=4096).map(tokens).collect();
        sizes.dedup();
        assert_eq!(sizes.len(), 33);
    }
}
