//! What each operation of a topology lowers to.

use std::rc::Rc;

use super::{Bytes, HEADROOM, Input, Linear, Lowering, Norm, Value, out_of_order};
use crate::{
    Result,
    model::{Activation, LinearShape, Ops, SwinConfig, Windows},
    plan::{Epilogue, Format, operation, pad16},
    quant::{
        rows::Rows,
        scales::{FACTOR_MARGIN, balance},
    },
};

impl Ops for Lowering<'_> {
    type Tensor = Value;

    fn patch_embed(&mut self, site: &str, _: Value, config: &SwinConfig) -> Result<Value> {
        let SwinConfig {
            in_channels,
            patch_size,
            image_size: [height, width],
            ..
        } = *config;
        let (rows, cols) = (
            self.rows(site, true)?,
            in_channels * patch_size * patch_size,
        );
        let image = self.tensor(
            "image".to_owned(),
            Format::Uint8,
            1,
            height * width * in_channels,
        );
        let grid = config.map(0);
        let patches = self.tensor("patches".to_owned(), Format::Int8, grid[0] * grid[1], cols);
        self.plan.input = image;
        self.step(
            "patches",
            operation::PatchGather {
                input: image,
                output: patches,
                grid,
                patch: patch_size,
                channels: in_channels,
            },
        );

        // Weights come as (channel, y, x), bytes as (y, x, channel): byte = pixel - 128, and the
        // real input is (pixel / 255 - mean) / std.
        let columns: Vec<Option<usize>> = (0..pad16(cols))
            .map(|byte| {
                let (place, channel) = (byte / in_channels, byte % in_channels);
                (byte < cols).then_some(channel * patch_size * patch_size + place)
            })
            .collect();
        let per_channel = patch_size * patch_size;
        let pre = &self.model.preprocessing;
        let gain: Vec<f64> = (0..cols)
            .map(|k| 1.0 / (255.0 * pre.std[k / per_channel]))
            .collect();
        let shift: Vec<f64> = (0..cols)
            .map(|k| (128.0 / 255.0 - pre.mean[k / per_channel]) / pre.std[k / per_channel])
            .collect();
        let mut rows = rows;
        rows.fold(&gain, &shift);
        let bytes = Bytes {
            tensor: patches,
            columns,
            scale: vec![1.0; cols],
            means: None,
            affine: None,
        };
        let linear = Linear {
            site: site.to_owned(),
            input: Input::Bytes(Rc::new(bytes)),
            rows,
            scale: vec![1.0; cols],
            means: None,
        };
        let rows = self.quantized(&linear)?;
        let stats = self.calibration.site(site)?;
        let range = (0..rows.unit.len())
            .map(|c| stats.largest(c))
            .fold(0.0, f64::max);
        let finest = rows.unit.iter().copied().fold(0.0, f64::max) * FACTOR_MARGIN;
        let floor = (rows.unit.len() as f64 * config.layer_norm_eps / f64::from(1 << 30)).sqrt();
        let unit = (range * HEADROOM / 32767.0).max(finest).max(floor);
        let scale = vec![unit; rows.unit.len()];
        let tensor = self.emit(&linear, &rows, &scale, Epilogue::Int16, None)?;
        Ok(Value::Embedded { tensor, unit })
    }

    fn layer_norm(&mut self, site: &str, x: &Value, channels: usize, eps: f64) -> Result<Value> {
        let gain = self.floats(&format!("{site}.weight"))?;
        let shift = self.floats(&format!("{site}.bias"))?;
        let (tensor, stream, merge) = match *x {
            Value::Residual { tensor, stream } => (tensor, stream, None),
            Value::Merged {
                tensor,
                stream,
                map,
            } => (tensor, stream, Some(map)),
            Value::Embedded { tensor, unit } => {
                // The normalized patches are the residual: gain and shift cannot move on.
                let stream = self.start();
                let scales = Rc::clone(&self.scales[stream]);
                let over = |values: &[f64]| -> Vec<f64> {
                    (0..channels).map(|c| values[c] / scales.scale(c)).collect()
                };
                let exponents = vec![0; channels];
                if !self.norm_params(site, &exponents, &over(&gain), &over(&shift)) {
                    self.coarsen(stream, 4.0);
                }
                let rows = self.plan.tensors[tensor].rows;
                let output = self.tensor(site.to_owned(), Format::Int16, rows, channels);
                self.step(
                    site,
                    operation::LayerNorm {
                        input: tensor,
                        output,
                        norm: site.to_owned(),
                        epsilon: Self::epsilon(channels, eps, unit),
                        merge: None,
                    },
                );
                return Ok(Value::Residual {
                    tensor: output,
                    stream,
                });
            }
            _ => return out_of_order(site),
        };
        let site = site.to_owned();
        Ok(Value::Norm(Rc::new(Norm {
            site,
            tensor,
            stream,
            merge,
            eps,
            gain,
            shift,
        })))
    }

    fn linear(&mut self, site: &str, x: &Value, shape: LinearShape) -> Result<Value> {
        let mut rows = self.rows(site, shape.bias)?;
        let (input, scale, means) = match x {
            Value::Norm(norm) => {
                rows.fold(&norm.gain, &norm.shift);
                let scale = self.balanced(&norm.site, &rows)?;
                let stats = self.calibration.site(&norm.site)?;
                let means = (0..scale.len()).map(|c| stats.mean(c) / scale[c]).collect();
                (Input::Norm(Rc::clone(norm)), scale, Some(means))
            }
            Value::Attention(qkv, attention, windows) => {
                let scale = self.balanced(attention, &rows)?;
                let bytes = self.emit_attention(qkv, attention, windows, &scale)?;
                let (scale, means) = (bytes.scale.clone(), bytes.means.clone());
                (Input::Bytes(Rc::new(bytes)), scale, means)
            }
            Value::Activated(hidden, activation_site, activation) => {
                let bytes = self.emit_activation(hidden, activation_site, *activation, &rows)?;
                let (scale, means) = (bytes.scale.clone(), bytes.means.clone());
                (Input::Bytes(Rc::new(bytes)), scale, means)
            }
            Value::Bytes(bytes) => {
                if let Some((gain, shift)) = &bytes.affine {
                    rows.fold(gain, shift);
                }
                let (scale, means) = (bytes.scale.clone(), bytes.means.clone());
                (Input::Bytes(Rc::clone(bytes)), scale, means)
            }
            _ => return out_of_order(site),
        };
        let merged = matches!(x, Value::Norm(norm) if norm.merge.is_some());
        let linear = Linear {
            site: site.to_owned(),
            input,
            rows,
            scale,
            means,
        };
        if !merged {
            return Ok(Value::Linear(Rc::new(linear)));
        }
        let stream = self.start();
        let rows = self.quantized(&linear)?;
        let scale = self.stream_scale(stream, &rows.unit);
        let tensor = self.emit(&linear, &rows, &scale, Epilogue::Int16, None)?;
        Ok(Value::Residual { tensor, stream })
    }

    fn window_attention(&mut self, site: &str, qkv: &Value, windows: &Windows) -> Result<Value> {
        match qkv {
            Value::Linear(linear) => Ok(Value::Attention(
                Rc::clone(linear),
                site.to_owned(),
                *windows,
            )),
            _ => out_of_order(site),
        }
    }

    fn activation(&mut self, site: &str, x: &Value, activation: Activation) -> Result<Value> {
        match x {
            Value::Linear(linear) => Ok(Value::Activated(
                Rc::clone(linear),
                site.to_owned(),
                activation,
            )),
            _ => out_of_order(site),
        }
    }

    fn add(&mut self, site: &str, x: &Value, branch: &Value) -> Result<Value> {
        let (Value::Residual { tensor, stream }, Value::Linear(linear)) = (x, branch) else {
            return out_of_order(site);
        };
        let (tensor, stream) = (*tensor, *stream);
        let rows = self.quantized(linear)?;
        let scale = self.stream_scale(stream, &rows.unit);
        let epilogue = Epilogue::Residual { residual: tensor };
        self.emit(linear, &rows, &scale, epilogue, Some(tensor))?;
        Ok(Value::Residual { tensor, stream })
    }

    fn patch_merge(&mut self, site: &str, x: &Value, map: [usize; 2]) -> Result<Value> {
        match *x {
            Value::Residual { tensor, stream } => Ok(Value::Merged {
                tensor,
                stream,
                map,
            }),
            _ => out_of_order(site),
        }
    }

    fn mean_pool(&mut self, site: &str, x: &Value) -> Result<Value> {
        let Value::Norm(norm) = x else {
            return out_of_order(site);
        };
        self.emit_pool(site, norm)
    }
}

impl Lowering<'_> {
    /// Scales of the int8 input `site` of `rows`, by channel.
    pub(super) fn balanced(&self, site: &str, rows: &Rows) -> Result<Vec<f64>> {
        let ranges = self.calibration.ranges(site, self.options.range)?;
        let stats = self.calibration.site(site)?;
        let squares: Vec<f64> = (0..ranges.len()).map(|c| stats.mean_square(c)).collect();
        Ok(balance(&ranges, &squares, &rows.weight))
    }

    /// Scales of stream `stream` by channel; notes it if products of `units` need it coarser.
    fn stream_scale(&mut self, stream: usize, units: &[f64]) -> Vec<f64> {
        let scales = &self.scales[stream];
        let scale: Vec<f64> = (0..units.len()).map(|c| scales.scale(c)).collect();
        let excess = units
            .iter()
            .zip(&scale)
            .map(|(unit, scale)| unit * FACTOR_MARGIN / scale);
        let excess = excess.fold(1.0, f64::max);
        if excess > 1.0 {
            self.coarsen(stream, excess * 1.01);
            return scale.iter().map(|scale| scale * excess).collect();
        }
        scale
    }
}
