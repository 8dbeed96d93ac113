//! Places in the order of their keys.

use std::{cmp::Reverse, collections::BinaryHeap};

/// The places of `keys`, those of the largest first, of equal ones the lower place first.
///
/// A heap: it gives the first few without the rest, and takes less code in a browser's module than a
/// sort.
pub(crate) fn largest_first(keys: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    let keys = keys.enumerate();
    let mut heap: BinaryHeap<_> = keys.map(|(place, key)| (key, Reverse(place))).collect();
    std::iter::from_fn(move || heap.pop().map(|(_, Reverse(place))| place))
}

#[cfg(test)]
mod tests {
    use super::largest_first;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_order_of_a_stable_sort(keys in prop::collection::vec(0u64..9, 0..40)) {
            let mut expected: Vec<usize> = (0..keys.len()).collect();
            expected.sort_by_key(|&place| std::cmp::Reverse(keys[place]));
            let found: Vec<usize> = largest_first(keys.into_iter()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
