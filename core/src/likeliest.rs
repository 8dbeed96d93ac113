//! The likeliest classes of an image.

use crate::order::largest_first;

/// A class that an image may show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likely {
    /// The class, from 0.
    pub class: usize,
    /// Its logit.
    pub logit: f64,
    /// Its share in the softmax of all logits, 0 to 1: for display, since floats may differ in their last
    /// digit between machines.
    pub probability: f64,
}

/// The `top` likeliest classes by their logits, the likeliest first; of equal ones the lower class first.
///
/// # Examples
///
/// ```
/// use intformer::likeliest;
///
/// // The integer logits of an image times the model's `logit_scale`.
/// let logits = [40, 70, -9000, -8000].map(|logit| 0.1 * f64::from(logit));
/// let top = likeliest(&logits, 3);
/// assert_eq!(top.iter().map(|likely| likely.class).collect::<Vec<_>>(), [1, 0, 3]);
/// assert_eq!(format!("{:.1} %", 100.0 * top[0].probability), "95.3 %");
/// ```
pub fn likeliest(logits: &[f64], top: usize) -> Vec<Likely> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weight = |logit: f64| (logit - most).exp();
    let sum: f64 = logits.iter().map(|&logit| weight(logit)).sum();
    // By logits: the probabilities of unlikely classes are all 0.
    let ranks = logits.iter().map(|&logit| rank(logit));
    let likely = |class: usize| Likely {
        class,
        logit: logits[class],
        probability: weight(logits[class]) / sum,
    };
    largest_first(ranks).take(top).map(likely).collect()
}

/// An integer in the order of the number's [`f64::total_cmp`].
fn rank(logit: f64) -> u64 {
    let bits = logit.to_bits();
    match logit.is_sign_negative() {
        true => !bits,
        false => bits | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_no_probability_keep_the_order_of_their_logits() {
        let top = likeliest(&[-5000.0, 0.0, -4000.0, -4000.0, -3000.0], 9);
        let classes: Vec<_> = top.iter().map(|likely| likely.class).collect();
        assert_eq!(classes, [1, 4, 2, 3, 0]);
        assert!(top[1..].iter().all(|likely| likely.probability == 0.0));
        assert_eq!(likeliest(&[], 5), []);
    }

    #[test]
    fn probabilities_add_up_to_one_and_huge_logits_overflow_nothing() {
        let logits = [i32::MAX, i32::MIN, i32::MAX - 1, 0].map(f64::from);
        for scale in [1.0, 1e100] {
            let top = likeliest(&logits.map(|logit| logit * scale), 9);
            assert_eq!(top.len(), 4);
            let sum: f64 = top.iter().map(|likely| likely.probability).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
            let mut all = top.iter();
            assert!(all.all(|likely| (0.0..=1.0).contains(&likely.probability)));
        }
    }

    #[test]
    fn ranks_are_in_the_order_of_the_numbers() {
        let numbers = [
            f64::NEG_INFINITY,
            -2.5,
            -0.0,
            0.0,
            1e-300,
            3.0,
            f64::INFINITY,
        ];
        assert!(numbers.map(rank).is_sorted());
    }
}
