//! Ranges and moments of a float model's activations.

use std::collections::BTreeMap;

use super::{Observer, covariance::Covariance};
use crate::{
    Error, Result,
    graph::{Graph, Layer},
};

/// Bins of a histogram over |value| / largest |value| of its channel.
const BINS: usize = 1024;

/// How the range of an activation follows from what calibration saw.
///
/// All but [`RangeMethod::MinMax`] need the histograms of a second pass
/// ([`Calibration::begin_histograms`]).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum RangeMethod {
    /// The largest magnitude.
    MinMax,
    /// The magnitude that this share of the values does not exceed, such as 0.9999.
    Percentile(f64),
    /// The clip with the least mean squared error at 8 bits.
    MeanSquaredError,
}

/// What calibration saw at one site.
#[derive(Clone, Debug)]
pub struct SiteStats {
    /// Values of each channel.
    pub count: u64,
    /// Smallest value of each channel.
    pub min: Vec<f32>,
    /// Largest value of each channel.
    pub max: Vec<f32>,
    sum: Vec<f64>,
    squares: Vec<f64>,
    histogram: Vec<u64>,
}

impl SiteStats {
    fn new(channels: usize) -> Self {
        Self {
            count: 0,
            min: vec![f32::INFINITY; channels],
            max: vec![f32::NEG_INFINITY; channels],
            sum: vec![0.0; channels],
            squares: vec![0.0; channels],
            histogram: Vec::new(),
        }
    }

    /// Largest magnitude of channel `c`.
    pub fn largest(&self, c: usize) -> f64 {
        f64::from(self.min[c].abs().max(self.max[c].abs()))
    }

    /// Mean of channel `c`.
    pub fn mean(&self, c: usize) -> f64 {
        self.sum[c] / self.count as f64
    }

    /// Mean square of channel `c`.
    pub fn mean_square(&self, c: usize) -> f64 {
        self.squares[c] / self.count as f64
    }

    /// The share of its largest magnitude that each channel's range keeps.
    fn clip(&self, method: RangeMethod) -> f64 {
        let total: u64 = self.histogram.iter().sum();
        let edge = |bin: usize| (bin + 1) as f64 / BINS as f64;
        match method {
            RangeMethod::MinMax => 1.0,
            RangeMethod::Percentile(share) => {
                let mut seen = 0;
                let reached = self.histogram.iter().position(|&count| {
                    seen += count;
                    seen as f64 >= share * total as f64
                });
                reached.map_or(1.0, edge)
            }
            RangeMethod::MeanSquaredError => {
                let error = |clip: f64| -> f64 {
                    let rounding = (clip / 127.0).powi(2) / 12.0;
                    let bins = self.histogram.iter().enumerate();
                    bins.map(|(bin, &count)| {
                        let value = (bin as f64 + 0.5) / BINS as f64;
                        count as f64 * (value - clip).max(0.0).powi(2).max(rounding)
                    })
                    .sum()
                };
                let candidates = (BINS / 8..BINS).step_by(4).map(edge).chain([1.0]);
                candidates
                    .map(|clip| (error(clip), clip))
                    .min_by(|a, b| a.0.total_cmp(&b.0))
                    .map_or(1.0, |(_, clip)| clip)
            }
        }
    }
}

/// Collects ranges in a first pass over the calibration images and histograms in a second.
///
/// It is an [`Observer`]; `float::calibrate` shows it a float model in both passes.
///
/// # Examples
///
/// A site with one channel of many small values and a large one:
///
/// ```
/// use intformer::quant::{Calibration, Observer, RangeMethod};
///
/// let mut values = vec![0.5; 10_000];
/// values.push(8.0);
///
/// let mut calibration = Calibration::new();
/// calibration.observe("head.fc", 1, &values);
/// assert_eq!(calibration.site("head.fc")?.largest(0), 8.0);
/// assert_eq!(calibration.ranges("head.fc", RangeMethod::MinMax)?, [8.0]);
///
/// // The same values once more, for the methods that clip.
/// calibration.begin_histograms();
/// calibration.observe("head.fc", 1, &values);
/// let range = calibration.ranges("head.fc", RangeMethod::Percentile(0.999))?;
/// assert!((0.5..0.51).contains(&range[0]));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    sites: BTreeMap<String, SiteStats>,
    histograms: bool,
    watched: BTreeMap<String, Covariance>,
}

impl Calibration {
    /// Before any image.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the first pass: the same images, shown again, fill the histograms that percentile and
    /// mean-squared-error ranges need. A site that is seen from now on for the first time has no
    /// range.
    pub fn begin_histograms(&mut self) {
        self.histograms = true;
        for site in self.sites.values_mut() {
            site.histogram = vec![0; BINS];
        }
    }

    /// Asks for the covariances of what the matrix products of `graph` read, of all that is seen from now on in a first
    /// pass: [`Rounding::Optq`](super::Rounding::Optq) needs them. They take half a square of the channels, 4 bytes each.
    pub fn watch(&mut self, graph: &Graph) {
        let nodes = graph.nodes();
        let linear = nodes
            .iter()
            .filter(|node| matches!(node.layer, Layer::Linear { .. }));
        for &input in linear.flat_map(|node| &node.inputs) {
            let node = &nodes[input];
            if has_covariance(&node.layer) {
                let new = || Covariance::new(node.channels);
                self.watched.entry(node.site.clone()).or_insert_with(new);
            }
        }
    }

    /// How the channels of `site` vary together.
    ///
    /// # Errors
    /// [`Error::Quantize`] if it was not asked for.
    pub(super) fn covariance(&self, site: &str) -> Result<&Covariance> {
        self.watched.get(site).ok_or_else(|| {
            Error::Quantize(format!(
                "expected a calibration that watches {site} for rounding by OPTQ, found one that does not: \
                 Calibration::watch asks for it"
            ))
        })
    }

    /// What was seen at `site`.
    ///
    /// # Errors
    /// [`Error::Quantize`] if nothing was seen there in the first pass, or something not finite.
    pub fn site(&self, site: &str) -> Result<&SiteStats> {
        let Some(stats) = self.sites.get(site).filter(|stats| stats.count > 0) else {
            return Err(Error::Quantize(format!(
                "expected calibration images to reach {site} in the first pass, found none"
            )));
        };
        let channels = stats.min.len();
        if let Some(c) = (0..channels).find(|&c| !stats.squares[c].is_finite()) {
            return Err(Error::Quantize(format!(
                "expected finite values at {site}, found some that are not in channel {c}"
            )));
        }
        Ok(stats)
    }

    /// The largest magnitudes that int8 should hold at `site`, by channel.
    ///
    /// # Errors
    /// As [`Calibration::site`]; [`Error::Quantize`] if `method` needs a second pass and there was
    /// none.
    pub fn ranges(&self, site: &str, method: RangeMethod) -> Result<Vec<f64>> {
        let stats = self.site(site)?;
        let seen_again = stats.histogram.iter().any(|&count| count > 0);
        if method != RangeMethod::MinMax && !seen_again {
            return Err(Error::Quantize(format!(
                "expected a second pass over the calibration images for {method:?}, found none at \
                 {site}: begin_histograms starts it"
            )));
        }
        let clip = stats.clip(method);
        Ok((0..stats.min.len())
            .map(|c| clip * stats.largest(c))
            .collect())
    }
}

/// Whether products that read such a layer may know how its channels vary together.
fn has_covariance(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::LayerNorm { .. }
            | Layer::Attention(_)
            | Layer::WindowAttention(_)
            | Layer::Activation(_)
    )
}

impl Observer for Calibration {
    /// # Panics
    /// If `site` had another number of channels before.
    fn observe(&mut self, site: &str, channels: usize, values: &[f32]) {
        if !self.sites.contains_key(site) {
            // Without a first pass there is no range that a histogram could divide.
            if self.histograms {
                return;
            }
            self.sites.insert(site.to_owned(), SiteStats::new(channels));
        }
        let stats = self.sites.get_mut(site).expect("just inserted");
        assert_eq!(stats.min.len(), channels, "channels of {site}");
        if self.histograms {
            let scale: Vec<f32> = (0..channels)
                .map(|c| BINS as f32 / stats.min[c].abs().max(stats.max[c].abs()).max(1e-30))
                .collect();
            for row in values.chunks(channels) {
                for (value, scale) in row.iter().zip(&scale) {
                    let bin = (value.abs() * scale) as usize;
                    stats.histogram[bin.min(BINS - 1)] += 1;
                }
            }
            return;
        }
        if let Some(covariance) = self.watched.get_mut(site) {
            covariance.add(values);
        }
        stats.count += (values.len() / channels) as u64;
        for row in values.chunks(channels) {
            for (c, &value) in row.iter().enumerate() {
                stats.min[c] = stats.min[c].min(value);
                stats.max[c] = stats.max[c].max(value);
                stats.sum[c] += f64::from(value);
                stats.squares[c] += f64::from(value).powi(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(values: &[f32]) -> Calibration {
        let mut calibration = Calibration::new();
        calibration.observe("x", 1, values);
        calibration.begin_histograms();
        calibration.observe("x", 1, values);
        calibration
    }

    #[test]
    fn an_outlier_is_clipped_by_the_error_search_and_kept_by_min_max() {
        let mut values: Vec<f32> = (0..100_000)
            .map(|i| (i % 200) as f32 / 100.0 - 1.0)
            .collect();
        values.push(3.0);
        let calibration = calibration(&values);
        let range = |method| calibration.ranges("x", method).unwrap()[0];
        assert_eq!(range(RangeMethod::MinMax), 3.0);
        // The least of (3 - c)^2 + 100000 (c / 127)^2 / 12 is at 1.98.
        let clipped = range(RangeMethod::MeanSquaredError);
        assert!((1.95..2.01).contains(&clipped), "{clipped}");
        let percentile = range(RangeMethod::Percentile(0.9999));
        assert!((1.0..1.01).contains(&percentile), "{percentile}");
    }

    #[test]
    fn methods_that_clip_ask_for_a_second_pass() {
        let mut calibration = Calibration::new();
        calibration.observe("x", 1, &[0.5, 3.0]);
        let clipped = [RangeMethod::Percentile(0.5), RangeMethod::MeanSquaredError];
        // Neither announced nor made.
        for _ in 0..2 {
            assert_eq!(calibration.ranges("x", RangeMethod::MinMax).unwrap(), [3.0]);
            for method in clipped {
                let error = calibration.ranges("x", method).unwrap_err().to_string();
                assert!(error.contains("second pass"), "{error}");
            }
            calibration.begin_histograms();
        }
        calibration.observe("x", 1, &[0.5, 3.0]);
        for method in clipped {
            calibration.ranges("x", method).unwrap();
        }
    }

    #[test]
    fn a_site_of_the_second_pass_alone_has_no_range() {
        let mut calibration = calibration(&[1.0]);
        calibration.observe("late", 2, &[1.0, 2.0]);
        for method in [RangeMethod::MinMax, RangeMethod::MeanSquaredError] {
            let error = calibration.ranges("late", method).unwrap_err().to_string();
            assert!(error.contains("reach late in the first pass"), "{error}");
        }
    }

    #[test]
    fn what_was_not_seen_or_not_finite_is_an_error() {
        let mut calibration = Calibration::new();
        assert!(calibration.site("x").is_err());
        calibration.observe("x", 2, &[1.0, f32::NAN]);
        let error = calibration.site("x").unwrap_err().to_string();
        assert!(error.contains("channel 1"), "{error}");
    }
}
