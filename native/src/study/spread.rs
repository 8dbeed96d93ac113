//! Mean and spread over few seeds.

use super::numbers::{fixed, points};

/// Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom; more take the last,
/// which is too wide rather than too narrow.
const T: [f64; 10] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
];

/// Mean and spread of some numbers, at least one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// Standard deviation of a sample; of one number there is none.
    pub deviation: Option<f64>,
}

impl Spread {
    /// Of the finite ones of these numbers; none if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values = values.into_iter().filter(|value| value.is_finite());
        let values: Vec<f64> = values.collect();
        if values.is_empty() {
            return None;
        }
        let size = values.len() as f64;
        let mean = values.iter().sum::<f64>() / size;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            count: values.len(),
            mean,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            deviation: (values.len() > 1).then(|| (squares / (size - 1.0)).sqrt()),
        })
    }

    /// The 95 % interval of the mean by Student's t.
    pub fn interval(&self) -> Option<[f64; 2]> {
        let half = T[(self.count - 1).min(T.len()).checked_sub(1)?] * self.deviation?
            / (self.count as f64).sqrt();
        Some([self.mean - half, self.mean + half])
    }

    /// Differences of shares in points, with all that is known of their spread.
    pub fn in_points(&self) -> String {
        let mean = points(self.mean);
        match self.deviation {
            None => format!("{mean} points (one seed, so no spread is known)"),
            Some(deviation) => format!(
                "{mean} points ({} to {} over {} seeds, standard deviation {})",
                points(self.min),
                points(self.max),
                self.count,
                fixed(deviation * 100.0, 2),
            ),
        }
    }
}

/// Shares in percent: mean ± standard deviation; a dash if there are none.
pub fn in_percent(shares: impl IntoIterator<Item = f64>) -> String {
    let Some(Spread {
        mean, deviation, ..
    }) = Spread::of(shares)
    else {
        return "–".into();
    };
    let mean = fixed(mean * 100.0, 2);
    match deviation {
        None => mean,
        Some(deviation) => format!("{mean} ± {}", fixed(deviation * 100.0, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_three() {
        let spread = Spread::of([0.01, 0.02, 0.03, f64::NAN]).unwrap();
        assert_eq!(spread.count, 3);
        assert!((spread.mean - 0.02).abs() < 1e-12);
        assert!((spread.deviation.unwrap() - 0.01).abs() < 1e-12);
        let [low, high] = spread.interval().unwrap();
        assert!((high - low - 2.0 * 4.303 * 0.01 / 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(in_percent([0.01, 0.02, 0.03]), "2.00 ± 1.00");
    }

    #[test]
    fn one_number_has_no_spread_and_none_no_mean() {
        let one = Spread::of([0.5]).unwrap();
        assert_eq!((one.deviation, one.interval()), (None, None));
        assert!(one.in_points().contains("no spread"));
        assert_eq!(in_percent([0.5]), "50.00");
        assert_eq!(Spread::of([f64::NAN]), None);
        assert_eq!(in_percent([f64::NAN]), "–");
    }

    #[test]
    fn many_numbers_take_the_last_quantile() {
        let many = Spread::of((0..100).map(f64::from)).unwrap();
        let [low, high] = many.interval().unwrap();
        assert!((high - low - 2.0 * 2.228 * many.deviation.unwrap() / 10.0).abs() < 1e-9);
    }
}
