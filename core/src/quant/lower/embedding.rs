//! Texts: their inputs, and what the tables of an embedding lower to.

use std::rc::Rc;

use intformer_shaders::op::embedding::TOKEN_WORDS;

use super::{
    Lowering,
    value::{StreamScales, Value, Wide},
};
use crate::{
    Error, Result,
    graph::{Axis, NodeId, TokenLimits},
    plan::{
        Format, InputKind, Port, TensorId,
        operation::{self, Items},
        pad16,
    },
    quant::scales::multiplier,
};

/// The largest shift of the factor of an embedding.
const MOST: u8 = 30;

impl Lowering<'_> {
    /// Adds the inputs of a plan that takes texts.
    pub(super) fn tokens(&mut self, site: &str, limits: TokenLimits) -> Value {
        let words = TOKEN_WORDS as usize;
        let mut input = |name: &str, axis: Axis, kind: InputKind| {
            // Rows of a port are not padded.
            let tensor = self.padded(name.to_owned(), Format::Int32, (axis, 1), words, words);
            self.plan.inputs.push(Port { kind, tensor });
            tensor
        };
        let tokens = input(site, Axis::Token, InputKind::Tokens(limits));
        let spans = input("spans", Axis::Item, InputKind::Spans);
        self.items = Some(Items { tokens, spans });
        Value::Tokens(tokens)
    }

    /// Emits the embedding `id` of `tokens`: int8 rows of the ids, each with a scale of its own, and int16 rows of
    /// places and segments.
    pub(super) fn embedding(&mut self, id: NodeId, tokens: TensorId) -> Result<Value> {
        let node = &self.float.graph.nodes()[id];
        let (site, channels) = (node.site.clone(), node.channels);
        let table = |name: &str| self.floats(&format!("{site}.{name}.weight"));
        let [word, position, segment] = [table("word")?, table("position")?, table("segment")?];

        let scales = match self.streams.written_by(id) {
            Some(stream) => Rc::clone(&self.scales[stream]),
            None => {
                // What any token can come to.
                let mut ranges = vec![0f64; channels];
                for table in [&word, &position, &segment] {
                    for (c, range) in ranges.iter_mut().enumerate() {
                        let values = table.iter().skip(c).step_by(channels);
                        *range += values.fold(0.0, |most: f64, value| most.max(value.abs()));
                    }
                }
                Rc::new(self.scales_of(&ranges, self.options.residual_exponents))
            }
        };
        let name = self.fresh(&site);
        self.words(&name, &word, &scales)?;
        for (part, table) in [("position", position), ("segment", segment)] {
            let rows = halves(&table, &scales);
            let shape = [rows.len() / pad16(channels), pad16(channels)];
            self.weights.insert(format!("{name}.{part}"), &shape, &rows);
        }
        let output = self.tensor(name.clone(), Format::Int16, (Axis::Token, 1), channels);
        let embedding = operation::Embedding {
            input: tokens,
            output,
            weights: name.clone(),
        };
        self.step(&name, embedding);
        self.tap_wide(site, output, &scales);
        let tensor = output;
        Ok(Value::Wide(Rc::new(Wide { tensor, scales })))
    }

    /// Adds the int8 rows of the ids and their factors.
    fn words(&mut self, name: &str, table: &[f64], scales: &StreamScales) -> Result<()> {
        let channels = scales.exponents.len();
        let scale: Vec<f64> = (0..channels).map(|c| scales.scale(c)).collect();
        let count = table.len() / channels;
        let mut bytes = vec![0i8; count * pad16(channels)];
        let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
        let rows = table
            .chunks(channels)
            .zip(bytes.chunks_mut(pad16(channels)));
        for (id, (row, bytes)) in rows.enumerate() {
            let units = || row.iter().zip(&scale).map(|(value, scale)| value / scale);
            let largest = units().fold(0.0, |most: f64, unit| most.max(unit.abs()));
            let factor = (largest / 127.0).max(f64::MIN_POSITIVE);
            for (byte, unit) in bytes.iter_mut().zip(units()) {
                *byte = (unit / factor).round().clamp(-127.0, 127.0) as i8;
            }
            // The kernel has no 16 bits below the shift that other factors have.
            let (m, shift) = embedded(factor).ok_or_else(|| {
                Error::Quantize(format!(
                    "{name}: expected a row of id {id} that int16 holds, found one of {largest} units"
                ))
            })?;
            multipliers.push(m);
            shifts.push(shift);
        }
        let shape = [count, pad16(channels)];
        self.weights.insert(format!("{name}.word"), &shape, &bytes);
        self.weights
            .insert(format!("{name}.multiplier"), &[count], &multipliers);
        self.weights
            .insert(format!("{name}.shift"), &[count], &shifts);
        Ok(())
    }
}

/// `factor` as `multiplier / 2^shift`.
fn embedded(factor: f64) -> Option<(u16, u8)> {
    multiplier(factor / 65536.0, MOST)
}

/// The rows of `table` in units of `scales`, padded.
fn halves(table: &[f64], scales: &StreamScales) -> Vec<i16> {
    let channels = scales.exponents.len();
    let mut rows = vec![0i16; table.len() / channels * pad16(channels)];
    for (row, values) in rows.chunks_mut(pad16(channels)).zip(table.chunks(channels)) {
        for (c, value) in values.iter().enumerate() {
            row[c] = (value / scales.scale(c)).round().clamp(-32767.0, 32767.0) as i16;
        }
    }
    rows
}
