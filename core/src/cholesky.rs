//! Symmetric systems of linear equations by their Cholesky factor.

#[cfg(not(target_family = "wasm"))]
use rayon::prelude::*;

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor; false if the matrix is not positive.
pub(crate) fn triangular(rows: &mut [Vec<f64>]) -> bool {
    for j in 0..rows.len() {
        let (before, after) = rows.split_at_mut(j + 1);
        let own = &mut before[j];
        let square = own[j] - dot(&own[..j], &own[..j]);
        if !(square.is_finite() && square > 0.0) {
            return false;
        }
        own[j] = square.sqrt();
        let own = &*own;
        let next = |row: &mut Vec<f64>| row[j] = (row[j] - dot(&row[..j], &own[..j])) / own[j];
        #[cfg(not(target_family = "wasm"))]
        after.par_iter_mut().with_min_len(64).for_each(next);
        #[cfg(target_family = "wasm")]
        after.iter_mut().for_each(next);
    }
    true
}

/// The sum of products, in eight sums, so that compilers make vectors of them.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// The solution of the system whose matrix has the factor `rows` ([`triangular`]) and whose right side is `right`.
#[cfg(feature = "float")]
pub(crate) fn solve(rows: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut x = right.to_vec();
    for (i, row) in rows.iter().enumerate() {
        x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
    }
    for i in (0..rows.len()).rev() {
        let value = x[i] / rows[i][i];
        x[i] = value;
        let (before, _) = x.split_at_mut(i);
        for (x, factor) in before.iter_mut().zip(&rows[i]) {
            *x -= factor * value;
        }
    }
    x
}

#[cfg(all(test, feature = "float"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A matrix of products is positive once a little is added to its diagonal.
        #[test]
        fn a_solution_solves(
            columns in prop::collection::vec(prop::collection::vec(-2.0f64..2.0, 13), 1..12),
            right in prop::collection::vec(-3.0f64..3.0, 12),
        ) {
            let count = columns.len();
            let value = |i: usize, j: usize| {
                dot(&columns[i], &columns[j]) + if i == j { 0.5 } else { 0.0 }
            };
            let mut rows: Vec<Vec<f64>> =
                (0..count).map(|i| (0..=i).map(|j| value(i, j)).collect()).collect();
            prop_assert!(triangular(&mut rows));
            let x = solve(&rows, &right[..count]);
            for (i, &right) in right[..count].iter().enumerate() {
                let found: f64 = (0..count).map(|j| value(i, j) * x[j]).sum();
                prop_assert!((found - right).abs() < 1e-7, "{found} {right}");
            }
        }

        #[test]
        fn what_is_not_positive_has_no_factor(at in 0usize..5) {
            let mut rows: Vec<Vec<f64>> = (0..5)
                .map(|i| (0..=i).map(|j| f64::from(u8::from(i == j))).collect())
                .collect();
            rows[at][at] = -1.0;
            prop_assert!(!triangular(&mut rows));
        }
    }
}
