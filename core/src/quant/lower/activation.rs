//! Products with their activation.

use super::{
    Lowering,
    emit::{in_order, largest},
    out_of_order,
    value::{Bytes, Linear},
};
use crate::{
    Error, Result,
    graph::Activation,
    plan::{Epilogue, Format, MAX_GELU_ONE, MAX_SHIFT_GELU_UNIT, TensorId, operation},
    quant::{
        Gelu,
        rows::{IntRows, Rows},
        scales::{FACTOR_MARGIN, multiplier},
    },
};

/// Where GELU has flattened out on the negative side.
const GELU_TAIL: f64 = 4.0;

/// The polynomial of I-BERT: a and -b of `a * (min(|x|, -b) + b)^2 + 1`, without the sign of a.
const I_GELU_A: f64 = 0.2888;
const I_GELU_B: f64 = 1.769;

/// `x * sigmoid(1.702 * x)` is about GELU.
const SIGMOID: f64 = 1.702;

/// Fractional bits of ShiftGELU's sigmoid.
const SIGMOID_BITS: i32 = 7;

impl Lowering<'_> {
    /// Emits a product with its activation, for the rows that take it up.
    pub(super) fn emit_activation(
        &mut self,
        hidden: &Linear,
        site: &str,
        activation: Activation,
        next: &Rows,
    ) -> Result<Bytes> {
        let rows = self.quantized(hidden)?;
        let channels = rows.unit.len();
        let tabled = activation == Activation::Tanh || self.options.gelu == Gelu::Table;
        if activation != Activation::Relu && tabled {
            return self.emit_table((hidden, site), activation, rows, next);
        }
        let (tensor, scale) = match activation {
            Activation::Relu => {
                let scale = self.byte_scales(site, &rows, next)?;
                let epilogue = Epilogue::Int8 { relu: true };
                (self.emit(hidden, &rows, &scale, epilogue, None)?, scale)
            }
            Activation::Gelu | Activation::GeluTanh | Activation::Tanh => {
                // Whatever the form, all channels share the scales on both sides of it.
                let after = self.calibration.ranges(site, self.options.range)?;
                let output = (largest(&after) / 127.0).max(1e-12);
                let (tensor, output) = match self.options.gelu {
                    Gelu::Table => return out_of_order(site),
                    Gelu::IGelu => self.emit_i_gelu(hidden, &rows, output),
                    Gelu::ShiftGelu => self.emit_shift_gelu(hidden, site, &rows, output),
                    #[cfg(feature = "comparison")]
                    Gelu::Float => self.emit_float_gelu(hidden, site, rows, output),
                }?;
                (tensor, vec![output; channels])
            }
        };
        let stats = self.calibration.site(site)?;
        let means = (0..channels).map(|c| stats.mean(c) / scale[c]).collect();
        Ok(Bytes {
            tensor,
            columns: in_order(channels),
            scale,
            means: Some(means),
            affine: None,
        })
    }

    /// The largest input of GELU, for scales no finer than products of `rows` allow: negative values
    /// count as far as GELU is not flat.
    fn gelu_range(&self, site: &str) -> Result<f64> {
        let stats = self.calibration.site(site)?;
        let clipped = self.calibration.ranges(site, self.options.range)?;
        let ranges = clipped.iter().zip(&stats.max).map(|(&range, &max)| {
            let positive = f64::from(max).clamp(0.0, range);
            positive.max(range.min(GELU_TAIL))
        });
        Ok(ranges.fold(0.0, f64::max))
    }

    /// The scale of an int8 input of GELU.
    fn gelu_input(&self, site: &str, rows: &IntRows) -> Result<f64> {
        let input = (self.gelu_range(site)? / 127.0).max(1e-12);
        Ok(input.max(largest(&rows.unit) * FACTOR_MARGIN))
    }

    fn emit_i_gelu(
        &mut self,
        hidden: &Linear,
        rows: &IntRows,
        output: f64,
    ) -> Result<(TensorId, f64)> {
        // One: 1 / (a * (S^2 / 2)) must not be too large, so S not too small.
        let finest = (2.0 / (I_GELU_A * f64::from(MAX_GELU_ONE))).sqrt() * 1.0001;
        let input = self.gelu_range(&hidden.site)? / 1023.0;
        let input = input.max(finest).max(largest(&rows.unit) * FACTOR_MARGIN);
        let unit = I_GELU_A * input * input / 2.0;
        let one = (1.0 / unit).round().max(1.0) as u32;
        let clip = (I_GELU_B * std::f64::consts::SQRT_2 / input).round() as u32;
        let output = output.max(input * unit / 2.0 * FACTOR_MARGIN);
        let (multiplier, shift) = factor(&hidden.site, input * unit / 2.0 / output)?;
        let epilogue = Epilogue::IGelu {
            clip: clip.min(one.isqrt()),
            one,
            multiplier,
            shift,
        };
        let scale = vec![input; rows.unit.len()];
        let tensor = self.emit(hidden, rows, &scale, epilogue, None)?;
        Ok((tensor, output))
    }

    fn emit_shift_gelu(
        &mut self,
        hidden: &Linear,
        site: &str,
        rows: &IntRows,
        output: f64,
    ) -> Result<(TensorId, f64)> {
        let coarsest = 1.0 / (SIGMOID * f64::from(MAX_SHIFT_GELU_UNIT));
        let input = self.gelu_input(&hidden.site, rows)?.max(coarsest * 1.0001);
        let unit = (1.0 / (SIGMOID * input)).ceil() as u32;
        let product = input / f64::from(1 << SIGMOID_BITS);
        let scale = output.max(product * FACTOR_MARGIN);
        let (multiplier, shift) = factor(site, product / scale)?;
        let input = self.emit_pass(hidden, rows, input)?;
        let output = self.like(site, input);
        self.step(
            site,
            operation::ShiftGelu {
                input,
                output,
                unit,
                multiplier,
                shift,
            },
        );
        Ok((output, scale))
    }

    #[cfg(feature = "comparison")]
    fn emit_float_gelu(
        &mut self,
        hidden: &Linear,
        site: &str,
        mut rows: IntRows,
        output: f64,
    ) -> Result<(TensorId, f64)> {
        let scale = self.gelu_input(&hidden.site, &rows)?;
        let real = rows.bias.iter().zip(&rows.unit);
        let real = real.map(|(&bias, unit)| (f64::from(bias) * unit) as f32);
        let mut bits: Vec<i32> = real.map(|bias| bias.to_bits() as i32).collect();
        rows.bias.fill(0);
        let input = self.emit_pass(hidden, &rows, scale)?;
        bits.resize(self.plan.tensors[input].padded_cols(), 0);
        let bias = format!("{site}.float_bias");
        self.weights.insert(bias.clone(), &[bits.len()], &bits);
        let tensor = self.like(site, input);
        self.step(
            site,
            operation::FloatGelu {
                input,
                output: tensor,
                bias,
                input_scale: (scale as f32).to_bits(),
                output_factor: ((1.0 / output) as f32).to_bits(),
            },
        );
        Ok((tensor, output))
    }

    /// The product as int8, for a pass over it.
    fn emit_pass(&mut self, hidden: &Linear, rows: &IntRows, scale: f64) -> Result<TensorId> {
        let scale = vec![scale; rows.unit.len()];
        let epilogue = Epilogue::Int8 { relu: false };
        self.emit(hidden, rows, &scale, epilogue, None)
    }

    /// A new int8 tensor of the extents of `tensor`.
    fn like(&mut self, site: &str, tensor: TensorId) -> TensorId {
        let cols = self.plan.tensors[tensor].cols;
        self.tensor(site.to_owned(), Format::Int8, self.lines(tensor), cols)
    }
}

/// A real factor as multiplier and shift.
fn factor(site: &str, factor: f64) -> Result<(u16, u8)> {
    multiplier(factor, 30).ok_or_else(|| {
        Error::Quantize(format!(
            "{site}: expected a factor below 0.5, found {factor}"
        ))
    })
}
