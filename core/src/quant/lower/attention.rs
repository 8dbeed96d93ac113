//! Window attention: scales of queries, keys and values, position bias, exponential table.

use super::{
    Lowering,
    value::{Bytes, Linear},
};
use crate::{
    Error, Result,
    graph::Windows,
    plan::{Epilogue, Format, MAX_HEAD_WORDS, MAX_WINDOW_TOKENS, operation, pad16},
    quant::scales::{FACTOR_MARGIN, LARGEST_FACTOR, multiplier},
};

/// Table entries for a logit difference of 1, finest first: at 40, entry 255 rounds to 0.
const STEPS: [u32; 6] = [40, 20, 10, 5, 2, 1];

/// Largest position bias in units of its accumulator.
const LARGEST_BIAS: f64 = (1 << 26) as f64;

impl Lowering<'_> {
    /// Emits the product `qkv` and attention over it; the output has about `out_scale`.
    pub(super) fn emit_attention(
        &mut self,
        qkv: &Linear,
        site: &str,
        windows: &Windows,
        out_scale: &[f64],
    ) -> Result<Bytes> {
        let Windows {
            heads,
            head_dim,
            window,
            ..
        } = *windows;
        if window[0] * window[1] > MAX_WINDOW_TOKENS {
            return Err(Error::Quantize(format!(
                "{site}: expected windows of at most {MAX_WINDOW_TOKENS} tokens, found {window:?}"
            )));
        }
        if head_dim.div_ceil(4) > MAX_HEAD_WORDS {
            return Err(Error::Quantize(format!(
                "{site}: expected heads of at most {} channels, found {head_dim}",
                4 * MAX_HEAD_WORDS
            )));
        }
        let channels = heads * head_dim;
        let name = self.fresh(site);
        let rows = self.quantized(qkv)?;
        let ranges = self.calibration.ranges(&qkv.site, self.options.range)?;
        // No finer than a requantization below a half allows.
        let padding = match windows.pads() {
            true => Some(self.padding(&qkv.site, ranges.len())?),
            false => None,
        };
        let padded = |c: usize| padding.as_ref().map_or(0.0, |padding| padding[c].abs());
        let ranges: Vec<f64> = (0..ranges.len())
            .map(|c| {
                ranges[c]
                    .max(padded(c))
                    .max(127.0 * FACTOR_MARGIN * rows.unit[c])
            })
            .collect();
        let table = self.floats(&format!("{site}.relative_position_bias_table"))?;
        let (scale, units) = scales(&ranges, windows, &table);

        // Heads start on whole words.
        let head_words = head_dim.div_ceil(4);
        let padded = 4 * head_words;
        let part = heads * padded;
        let channel = |at: usize| {
            let (head, i) = (at / padded, at % padded);
            (at < part && i < head_dim).then_some(head * head_dim + i)
        };
        let outputs: Vec<Option<usize>> = (0..pad16(3 * part))
            .map(|at| {
                let which = at / part;
                let inside = (which < 3).then(|| channel(at % part)).flatten();
                inside.map(|c| which * channels + c)
            })
            .collect();
        let epilogue = Epilogue::Int8 { relu: false };
        let input = self.emit_columns(qkv, &rows, &scale, &outputs, epilogue, None)?;

        if let Some(padding) = &padding {
            let byte = |c: usize| (padding[c] / scale[c]).round().clamp(-127.0, 127.0) as i8;
            let row = outputs.iter().take(3 * part);
            let row: Vec<i8> = row.map(|channel| channel.map_or(0, byte)).collect();
            self.weights
                .insert(format!("{name}.padding"), &[3 * part], &row);
        }

        let steps = self.exp_table(site, &units)?;
        self.position_bias(&name, windows, &table, &units, steps)?;
        // The kernel's quotient has 7 fractional bits at least: factors up to 64 fit.
        let values = &scale[2 * channels..];
        let out_scale: Vec<f64> = (0..channels)
            .map(|c| out_scale[c].max(values[c] * FACTOR_MARGIN / 128.0))
            .collect();
        let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
        for at in 0..part {
            let factor = channel(at).map_or(0.0, |c| values[c] / out_scale[c]);
            let (m, shift) = multiplier(factor / 128.0, 22).ok_or_else(|| {
                Error::Quantize(format!("{site}: output {at} has no factor below 64"))
            })?;
            multipliers.push(m);
            shifts.push(shift);
        }
        self.weights
            .insert(format!("{name}.multiplier"), &[part], &multipliers);
        self.weights
            .insert(format!("{name}.shift"), &[part], &shifts);

        let output = self.tensor(name.clone(), Format::Int8, windows.tokens(), part);
        self.step(
            &name,
            operation::WindowAttention {
                input,
                output,
                weights: name.clone(),
                exp: format!("exp.{steps}"),
                map: [windows.height, windows.width],
                window,
                shift: windows.shift,
                roll: (windows.roll != [windows.height, windows.width]).then_some(windows.roll),
                heads,
                head_words,
            },
        );
        let stats = self.calibration.site(site)?;
        let means = (0..channels)
            .map(|c| stats.mean(c) / out_scale[c])
            .collect();
        Ok(Bytes {
            tensor: output,
            columns: (0..pad16(part)).map(channel).collect(),
            scale: out_scale,
            means: Some(means),
            affine: None,
        })
    }

    /// Query, key and value, `count` channels of the layer `qkv`, of the tokens that pad a map: their
    /// normalized input is zero.
    fn padding(&self, qkv: &str, count: usize) -> Result<Vec<f64>> {
        let bias = format!("{qkv}.bias");
        match self.float.params.0.contains_key(&bias) {
            true => self.floats(&bias),
            false => Ok(vec![0.0; count]),
        }
    }

    /// Adds the exponential table that suits logits of `units`, if it is not there yet; returns
    /// its entries for a difference of 1.
    fn exp_table(&mut self, site: &str, units: &[f64]) -> Result<u32> {
        let coarsest = units.iter().copied().fold(0.0, f64::max);
        let fits = |&&steps: &&u32| coarsest * f64::from(steps) < LARGEST_FACTOR;
        let Some(&steps) = STEPS.iter().find(fits) else {
            return Err(Error::Quantize(format!(
                "{site}: expected attention logits in steps below {LARGEST_FACTOR}, found {coarsest}"
            )));
        };
        let table: Vec<u8> = (0..256)
            .map(|entry| (255.0 * (-f64::from(entry) / f64::from(steps)).exp()).round() as u8)
            .collect();
        self.weights.insert(format!("exp.{steps}"), &[256], &table);
        Ok(steps)
    }

    fn position_bias(
        &mut self,
        site: &str,
        windows: &Windows,
        table: &[f64],
        units: &[f64],
        steps: u32,
    ) -> Result<()> {
        let (heads, entries) = (windows.heads, windows.bias_entries());
        let mut bias = Vec::with_capacity(heads * entries);
        let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
        for (head, unit) in units.iter().enumerate() {
            let entry = |e: usize| (table[e * heads + head] / unit).round() as i32;
            bias.extend((0..entries).map(entry));
            let (m, shift) = multiplier(unit * f64::from(steps), 30)
                .ok_or_else(|| Error::Quantize(format!("{site}: head {head} is too coarse")))?;
            multipliers.push(m);
            shifts.push(shift);
        }
        let weights = &mut self.weights;
        weights.insert(format!("{site}.position_bias"), &[heads, entries], &bias);
        weights.insert(format!("{site}.head_multiplier"), &[heads], &multipliers);
        weights.insert(format!("{site}.head_shift"), &[heads], &shifts);
        Ok(())
    }
}

/// Scales of queries, keys and values by channel, and the real size of one unit of each head's
/// logits.
///
/// Within a head, query scale times key scale is the same for all channels; how the two share it
/// follows from the ranges, so that rescaling a query against its key changes nothing.
fn scales(ranges: &[f64], windows: &Windows, table: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let Windows {
        heads, head_dim, ..
    } = *windows;
    let channels = heads * head_dim;
    let (query, rest) = ranges.split_at(channels);
    let (key, value) = rest.split_at(channels);
    let root = (head_dim as f64).sqrt();
    let mut scale = vec![0.0; 2 * channels];
    let mut units = Vec::with_capacity(heads);
    for head in 0..heads {
        let span = head * head_dim..(head + 1) * head_dim;
        let products = span.clone().map(|c| query[c] * key[c]);
        let bias = table.iter().skip(head).step_by(heads);
        let largest_bias = bias.fold(0.0, |most: f64, bias| most.max(bias.abs()));
        let unit = (products.fold(0.0, f64::max) / (127.0 * 127.0))
            .max(largest_bias * root / LARGEST_BIAS);
        for c in span {
            let spread = (unit * 127.0 * 127.0 / (query[c] * key[c])).sqrt();
            scale[c] = query[c] / 127.0 * spread;
            scale[channels + c] = key[c] / 127.0 * spread;
        }
        units.push(unit / root);
    }
    scale.extend(value.iter().map(|range| range / 127.0));
    (scale, units)
}
