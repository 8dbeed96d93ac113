//! Attention inside windows and of whole items: position bias, exponential tables.

use super::{
    Lowering,
    heads::Outputs,
    value::{Bytes, Linear},
};
use crate::{
    Error, Result,
    graph::{Heads, Windows},
    plan::{
        ATTENTION_EXPONENTIALS, Axis, Format, LARGEST_EXPONENTIAL, MAX_ATTENTION_TOKENS,
        MAX_WINDOW_TOKENS, operation,
    },
};

/// Table entries for a logit difference of 1, finest first: at 40, entry 255 rounds to 0.
const WINDOW_STEPS: [u32; 6] = [40, 20, 10, 5, 2, 1];

/// The same for whole items: at 120, entry 1023 rounds to 0.
const STEPS: [u32; 8] = [120, 60, 30, 15, 8, 4, 2, 1];

/// Largest position bias in units of its accumulator.
const LARGEST_BIAS: f64 = (1 << 26) as f64;

impl Lowering<'_> {
    /// Emits the product `qkv` and attention inside windows over it; the output has about `out_scale`.
    pub(super) fn emit_window_attention(
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
        let all = Heads { heads, head_dim };
        all.check(site)?;
        let name = self.fresh(site);
        let mut rows = self.quantized(qkv)?;
        let (mut ranges, taken) = self.head_ranges(qkv, all, &mut rows)?;
        let padding = match windows.pads() {
            true => Some(self.padding(&qkv.site, &taken)?),
            false => None,
        };
        if let Some(padding) = &padding {
            for (range, padding) in ranges.iter_mut().zip(padding) {
                *range = range.max(padding.abs());
            }
        }
        let table = self.floats(&format!("{site}.relative_position_bias_table"))?;
        let least = |head: usize| {
            let bias = table.iter().skip(head).step_by(heads);
            let largest = bias.fold(0.0, |most: f64, bias| most.max(bias.abs()));
            largest / LARGEST_BIAS
        };
        let (scale, units) = all.scales(&ranges, least);
        let input = self.emit_heads(qkv, &rows, (&scale, taken), all)?;

        let part = all.part();
        if let Some(padding) = &padding {
            let byte = |c: usize| (padding[c] / scale[c]).round().clamp(-127.0, 127.0) as i8;
            let columns = all.columns();
            let row = columns.iter().take(3 * part);
            let row: Vec<i8> = row.map(|channel| channel.map_or(0, byte)).collect();
            self.weights
                .insert(format!("{name}.padding"), &[3 * part], &row);
        }

        let steps = Self::softmax_steps(site, &units, &WINDOW_STEPS)?;
        let exp = format!("exp.{steps}");
        let entry =
            |entry: u32| (255.0 * (-f64::from(entry) / f64::from(steps)).exp()).round() as u8;
        let entries: Vec<u8> = (0..256).map(entry).collect();
        self.weights.insert(exp.clone(), &[256], &entries);
        self.position_bias(&name, windows, &table, &units);
        self.logit_factors(&name, &units, steps)?;

        let output = self.tensor(name.clone(), Format::Int8, self.lines(input), part);
        let outputs = Outputs {
            values: &scale[2 * all.channels()..],
            wanted: out_scale,
            // Factors up to 64 fit.
            fraction: 7,
            most: 22,
        };
        let bytes = self.attended((site, &name), all, &outputs, output)?;
        self.step(
            &name,
            operation::WindowAttention {
                input,
                output,
                weights: name.clone(),
                exp,
                map: [windows.height, windows.width],
                window,
                shift: windows.shift,
                roll: (windows.roll != [windows.height, windows.width]).then_some(windows.roll),
                heads,
                head_words: all.words(),
            },
        );
        Ok(bytes)
    }

    /// Emits the product `qkv` and attention to all of at most `tokens` tokens of an item over it; the output has
    /// about `out_scale`.
    pub(super) fn emit_attention(
        &mut self,
        qkv: &Linear,
        site: &str,
        (heads, tokens): (Heads, usize),
        out_scale: &[f64],
    ) -> Result<Bytes> {
        heads.check(site)?;
        let name = self.fresh(site);
        let mut rows = self.quantized(qkv)?;
        let (ranges, taken) = self.head_ranges(qkv, heads, &mut rows)?;
        let (scale, units) = heads.scales(&ranges, |_| 0.0);
        let input = self.emit_heads(qkv, &rows, (&scale, taken), heads)?;
        let lines = self.lines(input);
        if tokens > MAX_ATTENTION_TOKENS {
            return Err(Error::Quantize(format!(
                "{site}: expected at most {MAX_ATTENTION_TOKENS} tokens, found {tokens}"
            )));
        }

        let steps = Self::softmax_steps(site, &units, &STEPS)?;
        let exp = format!("softmax.{steps}");
        let largest = f64::from(LARGEST_EXPONENTIAL);
        let entry =
            |entry: usize| (largest * (-(entry as f64) / f64::from(steps)).exp()).round() as u16;
        let entries: Vec<u16> = (0..ATTENTION_EXPONENTIALS).map(entry).collect();
        self.weights
            .insert(exp.clone(), &[ATTENTION_EXPONENTIALS], &entries);
        self.logit_factors(&name, &units, steps)?;

        let output = self.tensor(name.clone(), Format::Int8, lines, heads.part());
        let outputs = Outputs {
            values: &scale[2 * heads.channels()..],
            wanted: out_scale,
            fraction: 10,
            most: 18,
        };
        let bytes = self.attended((site, &name), heads, &outputs, output)?;
        let part = heads.heads * heads.words();
        self.step(
            &name,
            operation::Attention {
                inputs: [input; 3],
                starts: [0, part, 2 * part],
                items: self.items.filter(|_| lines.0 == Axis::Token),
                output,
                weights: name.clone(),
                exp,
                heads: heads.heads,
                head_words: heads.words(),
            },
        );
        Ok(bytes)
    }

    /// Query, key and value of the layer `qkv` less what is `taken`, of the tokens that pad a map: their normalized
    /// input is zero.
    fn padding(&self, qkv: &str, taken: &[f64]) -> Result<Vec<f64>> {
        let bias = format!("{qkv}.bias");
        let bias = match self.float.params.0.contains_key(&bias) {
            true => self.floats(&bias)?,
            false => vec![0.0; taken.len()],
        };
        Ok(bias
            .iter()
            .zip(taken)
            .map(|(bias, taken)| bias - taken)
            .collect())
    }

    fn position_bias(&mut self, site: &str, windows: &Windows, table: &[f64], units: &[f64]) {
        let (heads, entries) = (windows.heads, windows.bias_entries());
        let mut bias = Vec::with_capacity(heads * entries);
        for (head, unit) in units.iter().enumerate() {
            let entry = |e: usize| (table[e * heads + head] / unit).round() as i32;
            bias.extend((0..entries).map(entry));
        }
        self.weights
            .insert(format!("{site}.position_bias"), &[heads, entries], &bias);
    }
}
