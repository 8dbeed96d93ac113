//! What both kinds of attention lower to in the same way: rows of heads, scales of queries, keys and values,
//! factors of the outputs.

use intformer_shaders::op::{attention, window_attention};

use super::{
    Lowering,
    value::{Bytes, Linear},
};
use crate::{
    Error, Result,
    graph::Heads,
    plan::{Epilogue, MAX_HEAD_WORDS, TensorId, pad16},
    quant::{
        rows::IntRows,
        scales::{FACTOR_MARGIN, LARGEST_FACTOR, multiplier},
    },
};

/// Products of ranges are no smaller: those of a head that is all zeros would be nothing.
const SMALLEST: f64 = 1e-60;

impl Heads {
    /// Words of a head in a row: heads start on whole words.
    pub(super) fn words(self) -> usize {
        self.head_dim.div_ceil(4)
    }

    /// Bytes of all heads in a row.
    pub(super) fn part(self) -> usize {
        self.heads * 4 * self.words()
    }

    /// Channels of all heads.
    pub(super) fn channels(self) -> usize {
        self.heads * self.head_dim
    }

    /// The channel of byte `at` of a row; padding has none.
    pub(super) fn channel(self, at: usize) -> Option<usize> {
        let padded = 4 * self.words();
        let (head, i) = (at / padded, at % padded);
        (at < self.part() && i < self.head_dim).then_some(head * self.head_dim + i)
    }

    /// The output channels of queries, keys and values side by side in a row.
    pub(super) fn columns(self) -> Vec<Option<usize>> {
        let part = self.part();
        let column = |at: usize| {
            let which = at / part;
            let inside = (which < 3).then(|| self.channel(at % part)).flatten();
            inside.map(|c| which * self.channels() + c)
        };
        (0..pad16(3 * part)).map(column).collect()
    }

    /// Checks that kernels know heads so wide.
    pub(super) fn check(self, site: &str) -> Result<()> {
        const _: () = assert!(
            attention::MAX_HEAD_WORDS == window_attention::MAX_HEAD_WORDS,
            "both kinds of attention have heads as wide"
        );
        match self.words() <= MAX_HEAD_WORDS {
            true => Ok(()),
            false => Err(Error::Quantize(format!(
                "{site}: expected heads of at most {} channels, found {}",
                4 * MAX_HEAD_WORDS,
                self.head_dim
            ))),
        }
    }

    /// Scales of queries, keys and values by channel, and the real size of one unit of each head's logits, which
    /// is at least `least` of it.
    ///
    /// Within a head, query scale times key scale is the same for all channels; how the two share it
    /// follows from the ranges, so that rescaling a query against its key changes nothing.
    pub(super) fn scales(
        self,
        ranges: &[f64],
        least: impl Fn(usize) -> f64,
    ) -> (Vec<f64>, Vec<f64>) {
        let channels = self.channels();
        let (query, rest) = ranges.split_at(channels);
        let (key, value) = rest.split_at(channels);
        let root = (self.head_dim as f64).sqrt();
        let mut scale = vec![0.0; 2 * channels];
        let mut units = Vec::with_capacity(self.heads);
        for head in 0..self.heads {
            let span = head * self.head_dim..(head + 1) * self.head_dim;
            let product = |c: usize| (query[c] * key[c]).max(SMALLEST);
            let products = span.clone().map(product);
            let unit = (products.fold(0.0, f64::max) / (127.0 * 127.0)).max(least(head) * root);
            for c in span {
                let spread = (unit * 127.0 * 127.0 / product(c)).sqrt();
                scale[c] = query[c] / 127.0 * spread;
                scale[channels + c] = key[c] / 127.0 * spread;
            }
            units.push(unit / root);
        }
        scale.extend(value.iter().map(|range| range / 127.0));
        (scale, units)
    }
}

/// What the output of an attention is made of.
pub(super) struct Outputs<'a> {
    /// Scales of the values.
    pub(super) values: &'a [f64],
    /// Scales that are wanted.
    pub(super) wanted: &'a [f64],
    /// The kernel's quotient has so many fractional bits at least.
    pub(super) fraction: i32,
    /// The largest shift.
    pub(super) most: u8,
}

impl Lowering<'_> {
    /// Ranges of queries, keys and values, no finer than a requantization below a half allows, and what is taken from each
    /// channel of `rows` before: from keys the middle of what was seen. What all keys have in common adds the same to
    /// all logits of a query, which changes no weight (arXiv 2410.02367), but takes room in int8. Keys then keep their whole range.
    pub(super) fn head_ranges(
        &self,
        qkv: &Linear,
        heads: Heads,
        rows: &mut IntRows,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let mut ranges = self.calibration.ranges(&qkv.site, self.options.range)?;
        let stats = self.calibration.site(&qkv.site)?;
        let mut taken = vec![0.0; ranges.len()];
        for c in heads.channels()..2 * heads.channels() {
            let [low, high] = [stats.min[c], stats.max[c]].map(f64::from);
            let steps = ((low + high) / 2.0 / rows.unit[c]).round();
            rows.bias[c] = (f64::from(rows.bias[c]) - steps) as i32;
            taken[c] = steps * rows.unit[c];
            ranges[c] = (high - low) / 2.0;
        }
        for (range, unit) in ranges.iter_mut().zip(&rows.unit) {
            *range = range.max(127.0 * FACTOR_MARGIN * unit);
        }
        Ok((ranges, taken))
    }

    /// Emits queries, keys and values side by side, int8 with `scale`, of which `taken` was taken.
    pub(super) fn emit_heads(
        &mut self,
        qkv: &Linear,
        rows: &IntRows,
        (scale, taken): (&[f64], Vec<f64>),
        heads: Heads,
    ) -> Result<TensorId> {
        let epilogue = Epilogue::Int8 { relu: false };
        let columns = heads.columns();
        let tensor = self.emit_columns(qkv, rows, scale, &columns, epilogue, None)?;
        self.tap(&qkv.site, tensor, columns, scale.to_vec());
        if let Some(tap) = self.taps.last_mut() {
            tap.affine = Some((vec![1.0; taken.len()], taken));
        }
        Ok(tensor)
    }

    /// The table entries for a logit difference of 1, of `steps` finest first, that suit logits of `units`.
    pub(super) fn softmax_steps(site: &str, units: &[f64], steps: &[u32]) -> Result<u32> {
        let coarsest = units.iter().copied().fold(0.0, f64::max);
        let fits = |&&steps: &&u32| coarsest * f64::from(steps) < LARGEST_FACTOR;
        steps.iter().find(fits).copied().ok_or_else(|| {
            Error::Quantize(format!(
                "{site}: expected attention logits in steps below {LARGEST_FACTOR}, found {coarsest}"
            ))
        })
    }

    /// Adds the factors from logits of `units` to table entries.
    pub(super) fn logit_factors(&mut self, name: &str, units: &[f64], steps: u32) -> Result<()> {
        let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
        for (head, unit) in units.iter().enumerate() {
            let (m, shift) = multiplier(unit * f64::from(steps), 30)
                .ok_or_else(|| Error::Quantize(format!("{name}: head {head} is too coarse")))?;
            multipliers.push(m);
            shifts.push(shift);
        }
        let shape = [units.len()];
        self.weights
            .insert(format!("{name}.head_multiplier"), &shape, &multipliers);
        self.weights
            .insert(format!("{name}.head_shift"), &shape, &shifts);
        Ok(())
    }

    /// Adds the factors of the outputs; returns what they are as the input of a product, in `tensor`.
    pub(super) fn attended(
        &mut self,
        (site, name): (&str, &str),
        heads: Heads,
        outputs: &Outputs,
        tensor: TensorId,
    ) -> Result<Bytes> {
        let unit = f64::from(outputs.fraction).exp2();
        let part = heads.part();
        let scale = outputs.wanted.iter().zip(outputs.values);
        let scale: Vec<f64> = scale
            .map(|(wanted, value)| wanted.max(value * FACTOR_MARGIN / unit))
            .collect();
        let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
        for at in 0..part {
            let factor = heads
                .channel(at)
                .map_or(0.0, |c| outputs.values[c] / scale[c]);
            let (m, shift) = multiplier(factor / unit, outputs.most).ok_or_else(|| {
                Error::Quantize(format!(
                    "{site}: output {at} has no factor below {}",
                    unit / 2.0
                ))
            })?;
            multipliers.push(m);
            shifts.push(shift);
        }
        self.weights
            .insert(format!("{name}.multiplier"), &[part], &multipliers);
        self.weights
            .insert(format!("{name}.shift"), &[part], &shifts);
        let stats = self.calibration.site(site)?;
        let means = scale.iter().enumerate();
        let means = means.map(|(c, scale)| stats.mean(c) / scale).collect();
        Ok(Bytes {
            tensor,
            columns: (0..pad16(part)).map(|at| heads.channel(at)).collect(),
            scale,
            means: Some(means),
            affine: None,
        })
    }
}
