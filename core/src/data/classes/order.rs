//! The orders in which trainers number the folders of classes.

use std::cmp::Ordering;

use crate::ClassOrder;

/// The place of each name when `order` sorts them; `None` if it holds two of them equal, so that
/// their order is left to chance.
///
/// # Examples
///
/// ```
/// use intformer::{ClassOrder, data::classes::order::places};
///
/// let folders = ["0", "1", "2", "10"];
/// assert_eq!(
///     places(&folders, ClassOrder::Natural),
///     Some(vec![0, 1, 2, 3])
/// );
/// // As strings, 10 comes before 2.
/// assert_eq!(places(&folders, ClassOrder::String), Some(vec![0, 1, 3, 2]));
/// ```
pub fn places<S: AsRef<str>>(names: &[S], order: ClassOrder) -> Option<Vec<usize>> {
    let compare = match order {
        ClassOrder::String => str::cmp,
        ClassOrder::Natural => natural,
    };
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by(|&a, &b| compare(names[a].as_ref(), names[b].as_ref()));
    let equal = |pair: &[usize]| compare(names[pair[0]].as_ref(), names[pair[1]].as_ref()).is_eq();
    if sorted.windows(2).any(equal) {
        return None;
    }
    let mut places = vec![0; names.len()];
    for (place, name) in sorted.into_iter().enumerate() {
        places[name] = place;
    }
    Some(places)
}

/// Compares as timm's `natural_key`: text without case, in turn with runs of digits by number.
///
/// Digits are 0 to 9 and may be as many as they like.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (mut a, mut b) = (a.as_str(), b.as_str());
    loop {
        let ((text_a, digits_a, rest_a), (text_b, digits_b, rest_b)) = (split(a), split(b));
        let order = text_a.cmp(text_b);
        // The key of a name ends behind its last text, and a key that ends comes first.
        let ends = || digits_a.is_empty().cmp(&digits_b.is_empty()).reverse();
        let order = order.then_with(ends).then_with(|| {
            let (a, b) = (number(digits_a), number(digits_b));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        });
        if order.is_ne() || digits_a.is_empty() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// The text before the first digit, the digits, and what follows.
fn split(name: &str) -> (&str, &str, &str) {
    let digit = |c: char| c.is_ascii_digit();
    let (text, rest) = name.split_at(name.find(digit).unwrap_or(name.len()));
    let end = rest.find(|c| !digit(c)).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    (text, digits, rest)
}

/// Digits without leading zeros.
fn number(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(names: &[&str], order: ClassOrder) -> Vec<String> {
        let places = places(names, order).unwrap();
        let mut sorted = vec![String::new(); names.len()];
        for (name, place) in names.iter().zip(places) {
            sorted[place] = (*name).to_owned();
        }
        sorted
    }

    #[test]
    fn orders_are_those_of_the_trainers() {
        let names = ["10", "2", "b", "0", "1", "B2", "a10", "a9", ""];
        assert_eq!(
            sorted(&names, ClassOrder::String),
            ["", "0", "1", "10", "2", "B2", "a10", "a9", "b"]
        );
        // timm.utils.misc.natural_key on the same names.
        assert_eq!(
            sorted(&names, ClassOrder::Natural),
            ["", "0", "1", "2", "10", "a9", "a10", "b", "B2"]
        );
        let long = [
            "n100000000000000000000000000001",
            "n99999999999999999999999999999",
        ];
        assert_eq!(sorted(&long, ClassOrder::Natural), [long[1], long[0]]);
    }

    #[test]
    fn equal_keys_have_no_order() {
        for names in [["a", "A"], ["01", "1"], ["x007y", "X7Y"]] {
            assert_eq!(places(&names, ClassOrder::Natural), None, "{names:?}");
            assert!(places(&names, ClassOrder::String).is_some(), "{names:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_of_one_width_are_in_order_either_way(numbers in prop::collection::btree_set(0..10_000u32, 1..50)) {
            let names: Vec<_> = numbers.iter().map(|n| format!("n{n:04}")).collect();
            let counted: Vec<_> = (0..names.len()).collect();
            prop_assert_eq!(places(&names, ClassOrder::String), Some(counted.clone()));
            prop_assert_eq!(places(&names, ClassOrder::Natural), Some(counted));
        }

        #[test]
        fn numbers_are_in_natural_order(numbers in prop::collection::btree_set(any::<u64>(), 1..50)) {
            let names: Vec<_> = numbers.iter().map(u64::to_string).collect();
            prop_assert_eq!(places(&names, ClassOrder::Natural), Some((0..names.len()).collect()));
        }

        #[test]
        fn natural_order_is_an_order(names in prop::collection::vec("[aAb0-2. é]{0,6}", 3)) {
            let [a, b, c] = [&names[0], &names[1], &names[2]];
            prop_assert_eq!(natural(a, b), natural(b, a).reverse());
            prop_assert!(natural(a, a).is_eq());
            if natural(a, b).is_le() && natural(b, c).is_le() {
                prop_assert!(natural(a, c).is_le());
            }
        }
    }
}
