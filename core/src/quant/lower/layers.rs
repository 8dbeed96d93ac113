//! What each layer lowers to.

use std::rc::Rc;

use intformer_shaders::arithmetic::requantize;

use super::{
    HEADROOM, Lowering,
    emit::in_order,
    out_of_order,
    value::{Bytes, Input, Linear, Norm, StreamScales, Value, Wide},
};
use crate::{
    Result,
    graph::{Axis, Layer, Node, NodeId, Pooling},
    plan::{Epilogue, Format, InputKind, Port, TensorId, operation, pad16},
    quant::{
        rows::{IntRows, Rows},
        scales::{FACTOR_MARGIN, balance, multiplier},
    },
};

impl Lowering<'_> {
    /// Lowers node `id` of the graph, whose inputs are lowered.
    pub(super) fn layer(&mut self, id: NodeId, inputs: &[&Value]) -> Result<Value> {
        let node = &self.float.graph.nodes()[id];
        let site = node.site.as_str();
        match (&node.layer, inputs) {
            (&Layer::Pixels { .. }, []) => {
                let bytes = node.tokens * node.channels;
                let image = self.tensor(site.to_owned(), Format::Uint8, (Axis::Item, 1), bytes);
                self.plan.inputs.push(Port {
                    kind: InputKind::Pixels,
                    tensor: image,
                });
                Ok(Value::Pixels(image))
            }
            (&Layer::Tokens(limits), []) => Ok(self.tokens(site, limits)),
            (&Layer::Embedding(_), [Value::Tokens(tokens)]) => self.embedding(id, *tokens),
            (&Layer::PatchEmbed { grid, patch }, [Value::Pixels(image)]) => {
                let linear = self.patch_embed(id, *image, grid, patch)?;
                self.product(id, linear)
            }
            (&Layer::LayerNorm { eps }, [x]) => self.layer_norm(id, x, eps),
            (&Layer::Linear { bias }, [x]) => {
                let linear = self.linear(site, x, bias)?;
                self.product(id, linear)
            }
            (&Layer::WindowAttention(windows), [Value::Linear(qkv)]) => Ok(Value::WindowAttention(
                Rc::clone(qkv),
                site.to_owned(),
                windows,
            )),
            (&Layer::Attention(heads), [Value::Linear(qkv)]) => {
                let reach = (heads, node.tokens);
                Ok(Value::Attention(Rc::clone(qkv), site.to_owned(), reach))
            }
            (&Layer::Positions { prefix }, [Value::Linear(patches)]) => {
                self.positions(id, patches, prefix)
            }
            (&Layer::Pick { token }, [x]) => {
                let x = self.wide(site, x, 0.0)?;
                self.select(node, &x, &[token])
            }
            (Layer::Select { tokens }, [x]) => {
                let x = self.wide(site, x, 0.0)?;
                self.select(node, &x, tokens)
            }
            (&Layer::Pool { pooling, first }, [x]) => {
                let x = self.wide(site, x, 0.0)?;
                Ok(self.pool(node, &x, pooling, first))
            }
            (&Layer::Activation(activation), [Value::Linear(hidden)]) => Ok(Value::Activated(
                Rc::clone(hidden),
                site.to_owned(),
                activation,
            )),
            (
                &Layer::Add,
                [
                    Value::Wide(x) | Value::Started(_, x) | Value::Norm(_, Some(x)),
                    Value::Linear(branch),
                ],
            ) => self.add(id, x, branch),
            (&Layer::PatchMerge { map }, [x]) => {
                // A normalization of four rows side by side reads them.
                let x = self.wide(site, x, 4.0 * self.largest_eps())?;
                Ok(Value::Merged(x, map))
            }
            (&Layer::MeanPool, [Value::Norm(norm, _)]) => self.emit_pool(site, norm),
            _ => out_of_order(site),
        }
    }

    fn patch_embed(
        &mut self,
        id: NodeId,
        image: usize,
        grid: [usize; 2],
        patch: usize,
    ) -> Result<Linear> {
        let graph = self.float.graph;
        let node = &graph.nodes()[id];
        let site = &node.site;
        // Of tokens that come before them, the product is that of zeros.
        let prefix = match graph.readers(id) {
            &[reader] => match graph.nodes()[reader].layer {
                Layer::Positions { prefix } => prefix,
                _ => 0,
            },
            _ => 0,
        };
        let mut rows = self.rows(site, true)?;
        let in_channels = self.float.preprocessing.mean.len();
        let cols = in_channels * patch * patch;
        let patches = self.tensor(
            "patches".to_owned(),
            Format::Int8,
            (Axis::Item, prefix + node.tokens),
            cols,
        );
        let gather = operation::PatchGather {
            input: image,
            output: patches,
            grid,
            patch,
            channels: in_channels,
            prefix,
        };
        self.step("patches", gather);

        // Weights come as (channel, y, x), bytes as (y, x, channel): byte = pixel - 128, and the
        // real input is (pixel / 255 - mean) / std.
        let columns: Vec<Option<usize>> = (0..pad16(cols))
            .map(|byte| {
                let (place, channel) = (byte / in_channels, byte % in_channels);
                (byte < cols).then_some(channel * patch * patch + place)
            })
            .collect();
        let per_channel = patch * patch;
        let pre = self.float.preprocessing;
        let gain: Vec<f64> = (0..cols)
            .map(|k| 1.0 / (255.0 * pre.std[k / per_channel]))
            .collect();
        let shift: Vec<f64> = (0..cols)
            .map(|k| (128.0 / 255.0 - pre.mean[k / per_channel]) / pre.std[k / per_channel])
            .collect();
        rows.fold(&gain, &shift);
        let bytes = Bytes {
            tensor: patches,
            columns,
            scale: vec![1.0; cols],
            means: None,
            affine: None,
        };
        Ok(Linear {
            site: site.clone(),
            input: Input::Bytes(Rc::new(bytes)),
            rows,
            scale: vec![1.0; cols],
            means: None,
            seen: None,
        })
    }

    /// Emits a vector for each place, and the product `patches`, which is added to them: what starts a stream.
    fn positions(&mut self, id: NodeId, patches: &Linear, prefix: usize) -> Result<Value> {
        let node = &self.float.graph.nodes()[id];
        let Some(stream) = self.streams.written_by(id) else {
            return out_of_order(&node.site);
        };
        let rows = self.quantized(patches)?;
        let scale = self.stream_scale(stream, &rows.unit);
        let first = match prefix {
            0 => Vec::new(),
            _ => self.floats(&format!("{}.prefix.weight", node.site))?,
        };
        let places = self.floats(&format!("{}.position.weight", node.site))?;
        // The product of zeros, which is its bias, is in the row of a learned token, too.
        let of_zeros = (0..scale.len()).map(|c| {
            let factor = multiplier(rows.unit[c] / scale[c], 30);
            factor.map_or(0, |(m, t)| requantize(rows.bias[c], m.into(), t.into()))
        });
        let of_zeros: Vec<f64> = of_zeros.map(f64::from).collect();
        let channels = scale.len();
        let mut table = vec![0; node.tokens * pad16(channels)];
        for (token, row) in table.chunks_mut(pad16(channels)).enumerate() {
            let learned = first.chunks(channels).take(prefix).nth(token);
            for c in 0..channels {
                let place = places[token * channels + c];
                let value = match learned {
                    Some(learned) => ((learned[c] + place) / scale[c]).round() - of_zeros[c],
                    None => (place / scale[c]).round(),
                };
                if value.abs() > 32767.0 {
                    self.coarsen(stream, c, scale[c] * value.abs() / 32767.0 * 1.01);
                }
                row[c] = value as i16;
            }
        }
        let shape = [node.tokens, pad16(channels)];
        self.weights
            .insert(format!("{}.rows", node.site), &shape, &table);
        let lines = (Axis::Item, node.tokens);
        let tensor = self.tensor(node.site.clone(), Format::Int16, lines, channels);
        let repeat = operation::RepeatRows {
            output: tensor,
            weights: node.site.clone(),
        };
        self.step(&node.site, repeat);
        let epilogue = Epilogue::Residual { residual: tensor };
        self.emit(patches, &rows, &scale, epilogue, Some(tensor))?;
        self.tap(&node.site, tensor, in_order(scale.len()), scale);
        let scales = Rc::clone(&self.scales[stream]);
        Ok(Value::Wide(Rc::new(Wide { tensor, scales })))
    }

    /// Emits some tokens of `x`; of items with any number of tokens the first.
    fn select(&mut self, node: &Node, x: &Wide, tokens: &[usize]) -> Result<Value> {
        let index = self.spans(x.tensor);
        if index.is_some() && tokens != [0] {
            return out_of_order(&node.site);
        }
        let lines = (Axis::Item, tokens.len());
        let tensor = self.tensor(node.site.clone(), Format::Int16, lines, node.channels);
        let pick = operation::GatherRows {
            input: x.tensor,
            index,
            tokens: match index {
                None => tokens.to_vec(),
                Some(_) => Vec::new(),
            },
            output: tensor,
        };
        self.step(&node.site, pick);
        self.tap_wide(&node.site, tensor, &x.scales);
        let scales = Rc::clone(&x.scales);
        Ok(Value::Wide(Rc::new(Wide { tensor, scales })))
    }

    /// Emits one row of those of `x`.
    fn pool(&mut self, node: &Node, x: &Wide, pooling: Pooling, first: usize) -> Value {
        let lines = (Axis::Item, 1);
        let output = self.tensor(node.site.clone(), Format::Int16, lines, node.channels);
        let pool = operation::PoolRows {
            input: x.tensor,
            spans: self.spans(x.tensor),
            first,
            pooling,
            output,
        };
        self.step(&node.site, pool);
        self.tap_wide(&node.site, output, &x.scales);
        let scales = Rc::clone(&x.scales);
        let tensor = output;
        Value::Wide(Rc::new(Wide { tensor, scales }))
    }

    /// What tells the rows of each item in `tensor`, if items have any number of them.
    fn spans(&self, tensor: TensorId) -> Option<TensorId> {
        let items = self.items.filter(|_| self.lines(tensor).0 == Axis::Token);
        items.map(|items| items.spans)
    }

    /// A product: emitted if it starts a residual stream.
    fn product(&mut self, id: NodeId, linear: Linear) -> Result<Value> {
        let Some(stream) = self.streams.written_by(id) else {
            return Ok(Value::Linear(Rc::new(linear)));
        };
        let rows = self.quantized(&linear)?;
        let scale = self.stream_scale(stream, &rows.unit);
        let tensor = self.emit(&linear, &rows, &scale, Epilogue::Int16, None)?;
        self.tap(&linear.site, tensor, in_order(scale.len()), scale);
        let scales = Rc::clone(&self.scales[stream]);
        let wide = Rc::new(Wide { tensor, scales });
        Ok(Value::Started(Rc::new(linear), wide))
    }

    /// Emits a product that another reads as it is, int8, for the `next` rows: without a normalization between them.
    fn bare(&mut self, linear: &Linear, next: &Rows) -> Result<Bytes> {
        let rows = self.quantized(linear)?;
        let scale = self.byte_scales(&linear.site, &rows, next)?;
        let epilogue = Epilogue::Int8 { relu: false };
        let tensor = self.emit(linear, &rows, &scale, epilogue, None)?;
        let columns = in_order(scale.len());
        self.tap(&linear.site, tensor, columns, scale.clone());
        let stats = self.calibration.site(&linear.site)?;
        let means = scale.iter().enumerate();
        Ok(Bytes {
            tensor,
            columns: in_order(scale.len()),
            means: Some(means.map(|(c, scale)| stats.mean(c) / scale).collect()),
            scale,
            affine: None,
        })
    }

    /// `x` as int16, for what is at `site`: as it is emitted, or else emitted with one unit, which a normalization with `eps`
    /// may read.
    fn wide(&mut self, site: &str, x: &Value, eps: f64) -> Result<Rc<Wide>> {
        match x {
            Value::Wide(x) | Value::Started(_, x) | Value::Norm(_, Some(x)) => Ok(Rc::clone(x)),
            Value::Norm(norm, None) => self.emit_flat_norm(norm, eps),
            Value::Linear(linear) => self.normalized(linear, eps),
            _ => out_of_order(site),
        }
    }

    /// Emits a product that a normalization with `eps` reads, or that is pooled, as int16 of one unit.
    fn normalized(&mut self, linear: &Linear, eps: f64) -> Result<Rc<Wide>> {
        let rows = self.quantized(linear)?;
        let stats = self.calibration.site(&linear.site)?;
        let channels = rows.unit.len();
        let range = (0..channels).map(|c| stats.largest(c)).fold(0.0, f64::max);
        let finest = rows.unit.iter().copied().fold(0.0, f64::max) * FACTOR_MARGIN;
        let floor = finest_unit(channels, eps);
        let unit = (range * HEADROOM / 32767.0).max(finest).max(floor);
        let tensor = self.emit(linear, &rows, &vec![unit; channels], Epilogue::Int16, None)?;
        let exponents = vec![0; channels];
        let scales = Rc::new(StreamScales { unit, exponents });
        self.tap_wide(&linear.site, tensor, &scales);
        Ok(Rc::new(Wide { tensor, scales }))
    }

    fn layer_norm(&mut self, id: NodeId, x: &Value, eps: f64) -> Result<Value> {
        let site = self.float.graph.nodes()[id].site.clone();
        let (x, merge) = match x {
            Value::Merged(x, map) => (Rc::clone(x), Some(*map)),
            x => (self.wide(&site, x, eps)?, None),
        };
        let norm = Norm {
            gain: self.floats(&format!("{site}.weight"))?,
            shift: self.floats(&format!("{site}.bias"))?,
            site,
            x,
            merge,
            eps,
        };
        let stream = self.streams.written_by(id);
        let wide = stream.map(|stream| self.emit_wide_norm(&norm, stream));
        Ok(Value::Norm(Rc::new(norm), wide))
    }

    fn linear(&mut self, site: &str, x: &Value, bias: bool) -> Result<Linear> {
        let mut rows = self.rows(site, bias)?;
        let mut seen = None;
        let (input, scale, means) = match x {
            Value::Norm(norm, _) => {
                rows.fold(&norm.gain, &norm.shift);
                let scale = self.balanced(&norm.site, &rows)?;
                let stats = self.calibration.site(&norm.site)?;
                let means = (0..scale.len()).map(|c| stats.mean(c) / scale[c]).collect();
                seen = Some(&norm.site);
                (Input::Norm(Rc::clone(norm)), scale, Some(means))
            }
            Value::WindowAttention(qkv, attention, windows) => {
                seen = Some(attention);
                let scale = self.balanced(attention, &rows)?;
                let bytes = self.emit_window_attention(qkv, attention, windows, &scale)?;
                self.tap_bytes(attention, &bytes);
                bytes.into_input()
            }
            Value::Attention(qkv, attention, reach) => {
                seen = Some(attention);
                let scale = self.balanced(attention, &rows)?;
                let bytes = self.emit_attention(qkv, attention, *reach, &scale)?;
                self.tap_bytes(attention, &bytes);
                bytes.into_input()
            }
            Value::Activated(hidden, activation_site, activation) => {
                seen = Some(activation_site);
                let bytes = self.emit_activation(hidden, activation_site, *activation, &rows)?;
                self.tap_bytes(activation_site, &bytes);
                if let Some((gain, shift)) = &bytes.affine {
                    rows.fold(gain, shift);
                }
                bytes.into_input()
            }
            Value::Linear(before) | Value::Started(before, _) => {
                self.bare(before, &rows)?.into_input()
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
        Ok(Linear {
            site: site.to_owned(),
            input,
            rows,
            scale,
            means,
            seen: seen.cloned(),
        })
    }

    /// Emits the product `branch` with the addition to `x`: in place, if nothing else will read `x`.
    fn add(&mut self, id: NodeId, x: &Rc<Wide>, branch: &Linear) -> Result<Value> {
        let Some(stream) = self.streams.written_by(id) else {
            return out_of_order(&self.float.graph.nodes()[id].site);
        };
        let rows = self.quantized(branch)?;
        let scale = self.stream_scale(stream, &rows.unit);
        let epilogue = Epilogue::Residual { residual: x.tensor };
        let read = self.float.graph.nodes()[id].inputs[0];
        let last = self.float.graph.readers(read).last() == Some(&id);
        let output = (last && Rc::strong_count(x) == 1).then_some(x.tensor);
        let tensor = self.emit(branch, &rows, &scale, epilogue, output)?;
        let site = &self.float.graph.nodes()[id].site;
        self.tap(site, tensor, in_order(scale.len()), scale);
        let scales = Rc::clone(&self.scales[stream]);
        Ok(Value::Wide(Rc::new(Wide { tensor, scales })))
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

    /// Scales of int8 outputs of `rows`, seen at `site` and read by `next`: no finer than a requantization allows.
    pub(super) fn byte_scales(&self, site: &str, rows: &IntRows, next: &Rows) -> Result<Vec<f64>> {
        let balanced = self.balanced(site, next)?.into_iter();
        let finest = rows.unit.iter().map(|unit| unit * FACTOR_MARGIN);
        Ok(balanced
            .zip(finest)
            .map(|(scale, finest)| scale.max(finest))
            .collect())
    }

    /// Scales of stream `stream` by channel; notes where products of `units` need coarser ones.
    fn stream_scale(&mut self, stream: usize, units: &[f64]) -> Vec<f64> {
        let scales = Rc::clone(&self.scales[stream]);
        let scale = |(c, unit): (usize, &f64)| {
            let finest = unit * FACTOR_MARGIN;
            let scale = scales.scale(c);
            if finest > scale {
                self.coarsen(stream, c, finest * 1.01);
            }
            scale.max(finest)
        };
        units.iter().enumerate().map(scale).collect()
    }
}

/// The finest unit of rows that a normalization with `eps` reads: its constant must fit 30 bits.
pub(super) fn finest_unit(channels: usize, eps: f64) -> f64 {
    (channels as f64 * eps / f64::from(1 << 30)).sqrt()
}
