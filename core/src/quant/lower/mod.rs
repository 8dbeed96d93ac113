//! Lowering: a calibrated model becomes an integer plan, layer by layer of its graph.
//!
//! Values are lazy: a product is emitted when it is known what takes it up, so that bias,
//! requantization, activation, residual addition and normalization become parts of it.

mod activation;
mod attention;
mod embedding;
mod emit;
mod heads;
mod layers;
mod norm;
mod table;
mod tap;
#[cfg(all(test, feature = "float"))]
mod tests;
mod value;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::{
    Calibration, QuantizeOptions,
    rows::{IntRows, Rows},
    scales::FACTOR_MARGIN,
};
use crate::{
    Error, FloatModel, Params, Preprocessing, Result,
    graph::{Graph, Layer, Stream, Streams},
    plan::{
        Axis, Epilogue, Format, IntModel, IntWeights, MAX_EXPONENT, Operation, OutputKind, Plan,
        Port, Provenance, Step, Tensor, TensorId, operation, pad16,
    },
};
use emit::in_order;
pub(super) use tap::Tap;
use value::{Bytes, Input, Linear, StreamScales, Value, Wide};

/// Room that the residual keeps above what calibration saw.
const HEADROOM: f64 = 1.25;

/// Lowers `model` with the ranges of `calibration`.
///
/// `source` says where the `images` calibration images came from; it is kept in the file.
///
/// # Errors
/// [`Error::Quantize`] if calibration did not reach all of the model or was not as `options` need it
/// ([`Calibration::ranges`]), or an accumulator might overflow; then the layer is named.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "float")]
/// # fn main() -> intformer::Result<()> {
/// use std::sync::Arc;
///
/// use intformer::{
///     Pixels,
///     architecture::SwinConfig,
///     float,
///     quant::{QuantizeOptions, float_model, quantize},
///     runtime::{Batch, Cpu, Executor},
/// };
///
/// let config = SwinConfig {
///     image_size: [16, 16],
///     embed_dim: 16,
///     depths: vec![1, 1],
///     heads: vec![1, 2],
///     window_size: 2,
///     classes: 4,
///     ..SwinConfig::tiny()
/// };
/// // In place of a trained model: random weights.
/// let float_model = float_model(&config, 1)?;
/// let image = |seed: usize| {
///     let bytes = (0..16 * 16 * 3).map(|at| (at * at + seed * at) as u8);
///     Pixels::new(16, 16, 3, bytes.collect())
/// };
/// let images = (0..8).map(image).collect::<intformer::Result<Vec<_>>>()?;
///
/// let calibration = float::calibrate(&float_model, &images, |_| ())?;
/// let (options, count) = (QuantizeOptions::default(), images.len());
/// let model = quantize(&float_model, &calibration, &options, "patterns", count)?;
///
/// // The integers are close to what the float model says.
/// let mut cpu = Cpu::new(Arc::new(model.program()?));
/// let integers = cpu.run(&Batch::images(&images[0].data, 1))?.into_first();
/// let floats = &float::logits(&float_model, &images[..1])?[0];
/// for (&integer, &float) in integers.iter().zip(floats) {
///     let error = f64::from(integer) * model.logit_scale - f64::from(float);
///     assert!(error.abs() < 0.1);
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "float"))]
/// # fn main() {}
/// ```
pub fn quantize(
    model: &FloatModel,
    calibration: &Calibration,
    options: &QuantizeOptions,
    source: &str,
    images: usize,
) -> Result<IntModel> {
    tapped(model, calibration, options, source, images).map(|(model, _)| model)
}

/// As [`quantize()`], with what the integers of its steps stand for.
pub(super) fn tapped(
    model: &FloatModel,
    calibration: &Calibration,
    options: &QuantizeOptions,
    source: &str,
    images: usize,
) -> Result<(IntModel, Vec<Tap>)> {
    model.validate()?;
    let float = Float {
        graph: &model.config.graph(),
        params: &model.params,
        preprocessing: &model.preprocessing,
        calibration,
    };
    let lowered = lower(float, options)?;
    let &[logit_scale] = lowered.scales.as_slice() else {
        return Err(Error::Quantize(format!(
            "expected a model of one output, found {}",
            lowered.scales.len()
        )));
    };
    let int_model = IntModel {
        // The plan says how maps are cut: the file need not name a library that does it alike.
        config: model.config.clone().plainest(),
        preprocessing: model.preprocessing.clone(),
        tokenization: model.tokenization.clone(),
        labels: model.labels.clone(),
        class_order: model.class_order,
        provenance: Provenance {
            calibration: source.to_owned(),
            images,
            options: format!("{options:?}"),
        },
        typical: None,
        logit_scale,
        plan: lowered.plan,
        plans: BTreeMap::new(),
        weights: lowered.weights,
    };
    int_model
        .program()
        .map_err(|e| Error::Quantize(e.to_string()))?;
    Ok((int_model, lowered.taps))
}

/// A float model as far as its integers follow from it.
#[derive(Clone, Copy)]
struct Float<'a> {
    graph: &'a Graph,
    params: &'a Params,
    preprocessing: &'a Preprocessing,
    calibration: &'a Calibration,
}

/// What a graph becomes.
struct Lowered {
    plan: Plan,
    weights: IntWeights,
    /// The real value of one of the integers of each output.
    scales: Vec<f64>,
    taps: Vec<Tap>,
}

fn lower(float: Float, options: &QuantizeOptions) -> Result<Lowered> {
    let streams = Streams::of(float.graph);
    let streams_of = streams.all().iter();
    let mut least: Vec<_> = streams_of
        .map(|stream| vec![0.0; stream.channels])
        .collect();
    // Channels of a stream may turn out too fine for what is added to them: then once more, coarser.
    let rounded = RefCell::default();
    for _ in 0..16 {
        let mut lowering = Lowering::new(float, options, &streams, &least, &rounded)?;
        let outputs = float.graph.walk(|id, inputs| lowering.layer(id, inputs))?;
        let kinds = float.graph.outputs().iter().map(|&(kind, _)| kind);
        let mut scales = Vec::with_capacity(outputs.len());
        for (kind, value) in kinds.zip(outputs) {
            scales.push(lowering.output(kind, value)?);
        }
        if lowering.wanted == least {
            let Lowering {
                plan,
                weights,
                taps,
                ..
            } = lowering;
            return Ok(Lowered {
                plan,
                weights,
                scales,
                taps,
            });
        }
        least = lowering.wanted;
    }
    Err(Error::Quantize(
        "expected residual scales that suit all branches, found none".to_owned(),
    ))
}

/// A product that was rounded, and what it was rounded for.
struct Rounded {
    scale: Vec<f64>,
    bias: Vec<f64>,
    rows: IntRows,
}

struct Lowering<'a> {
    float: Float<'a>,
    /// By site, also of earlier attempts.
    rounded: &'a RefCell<BTreeMap<String, Rounded>>,
    calibration: &'a Calibration,
    options: &'a QuantizeOptions,
    streams: &'a Streams,
    scales: Vec<Rc<StreamScales>>,
    /// The least that the next attempt needs as scales of each stream, by channel.
    wanted: Vec<Vec<f64>>,
    plan: Plan,
    /// The inputs of a plan that takes texts.
    items: Option<operation::Items>,
    weights: IntWeights,
    taps: Vec<Tap>,
}

/// What rows are counted by, and how many there are for each.
type Lines = (Axis, usize);

fn out_of_order<T>(site: &str) -> Result<T> {
    Err(Error::Quantize(format!(
        "{site}: no integer form of this order of operations is known"
    )))
}

/// The product that puts out `bytes`, gain and shift applied, as they are: what a model without a
/// head ends with.
fn identity(bytes: Rc<Bytes>) -> Linear {
    let count = bytes.scale.len();
    let row = |at: usize| (0..count).map(|c| f64::from(u8::from(c == at))).collect();
    let mut rows = Rows {
        weight: (0..count).map(row).collect(),
        bias: vec![0.0; count],
    };
    if let Some((gain, shift)) = &bytes.affine {
        rows.fold(gain, shift);
    }
    Linear {
        site: "features".to_owned(),
        rows,
        scale: bytes.scale.clone(),
        means: None,
        seen: None,
        input: Input::Bytes(bytes),
    }
}

impl<'a> Lowering<'a> {
    fn new(
        float: Float<'a>,
        options: &'a QuantizeOptions,
        streams: &'a Streams,
        least: &[Vec<f64>],
        rounded: &'a RefCell<BTreeMap<String, Rounded>>,
    ) -> Result<Self> {
        let mut lowering = Self {
            float,
            rounded,
            calibration: float.calibration,
            options,
            streams,
            scales: Vec::new(),
            wanted: least.to_vec(),
            plan: Plan::default(),
            items: None,
            weights: IntWeights::default(),
            taps: Vec::new(),
        };
        for (at, (stream, least)) in streams.all().iter().zip(least).enumerate() {
            // What is put out has one scale.
            let mut outputs = float.graph.outputs().iter();
            let put_out = outputs.any(|&(_, id)| streams.written_by(id) == Some(at));
            let exponents = options.residual_exponents && !put_out;
            let scales = lowering.stream_scales(stream, exponents, least)?;
            lowering.scales.push(Rc::new(scales));
        }
        Ok(lowering)
    }

    /// Scales of `stream`, of which channels have at least `least`.
    fn stream_scales(
        &self,
        stream: &Stream,
        exponents: bool,
        least: &[f64],
    ) -> Result<StreamScales> {
        let mut ranges: Vec<f64> = least.iter().map(|least| 32767.0 * least).collect();
        for site in &stream.sites {
            let stats = self.calibration.site(site)?;
            for (c, range) in ranges.iter_mut().enumerate() {
                *range = range.max(stats.largest(c) * HEADROOM);
            }
        }
        Ok(self.scales_of(&ranges, exponents))
    }

    /// Scales for int16 values of `ranges`, by channel if they may have `exponents`.
    fn scales_of(&self, ranges: &[f64], exponents: bool) -> StreamScales {
        let most = if exponents { MAX_EXPONENT } else { 0 };
        let largest = ranges.iter().copied().fold(0.0, f64::max);
        // The constant of a normalization over four gathered rows must fit 30 bits.
        let eps = self.largest_eps();
        let floor = (4.0 * ranges.len() as f64 * eps / f64::from(1 << 30)).sqrt();
        let unit = (largest / 32767.0 / f64::from(1u32 << most))
            .max(floor)
            .max(1e-30);
        let exponents = ranges
            .iter()
            .map(|range| {
                let fits = |&a: &u8| *range <= 32767.0 * unit * f64::from(1u32 << a);
                (0..most).find(fits).unwrap_or(most)
            })
            .collect();
        StreamScales { unit, exponents }
    }

    /// The largest that a normalization adds to a variance.
    fn largest_eps(&self) -> f64 {
        let nodes = self.float.graph.nodes().iter();
        let eps = nodes.filter_map(|node| match node.layer {
            Layer::LayerNorm { eps } => Some(eps),
            _ => None,
        });
        eps.fold(0.0, f64::max)
    }

    fn floats(&self, name: &str) -> Result<Vec<f64>> {
        let values = self.float.params.get(name)?.data.iter();
        Ok(values.copied().map(f64::from).collect())
    }

    /// A name for weights of `site` that are not there yet: a layer whose readers each need it in scales
    /// of their own is there once for each of them.
    fn fresh(&self, site: &str) -> String {
        let taken = |name: &String| self.weights.0.contains_key(&format!("{name}.multiplier"));
        let others = (2..).map(|count| format!("{site}.{count}"));
        let mut names = std::iter::once(site.to_owned()).chain(others);
        names
            .find(|name| !taken(name))
            .expect("there is no end of names")
    }

    fn rows(&self, site: &str, bias: bool) -> Result<Rows> {
        let weight = self.float.params.get(&format!("{site}.weight"))?;
        let outputs = weight.shape[0];
        let row = |row: &[f32]| row.iter().copied().map(f64::from).collect();
        Ok(Rows {
            weight: weight
                .data
                .chunks(weight.data.len() / outputs)
                .map(row)
                .collect(),
            bias: match bias {
                true => self.floats(&format!("{site}.bias"))?,
                false => vec![0.0; outputs],
            },
        })
    }

    fn tensor(&mut self, name: String, format: Format, lines: Lines, cols: usize) -> TensorId {
        self.padded(name, format, lines, cols, pad16(cols))
    }

    /// The rows of a tensor.
    fn lines(&self, tensor: TensorId) -> Lines {
        let tensor = &self.plan.tensors[tensor];
        (tensor.axis, tensor.rows)
    }

    fn padded(
        &mut self,
        name: String,
        format: Format,
        (axis, rows): Lines,
        cols: usize,
        padded: usize,
    ) -> TensorId {
        let stride = padded / format.per_word();
        self.plan.tensors.push(Tensor {
            name,
            format,
            axis,
            rows,
            cols,
            stride,
            state: false,
        });
        self.plan.tensors.len() - 1
    }

    fn step(&mut self, name: &str, operation: impl Into<Operation>) {
        self.plan.steps.push(Step {
            name: name.to_owned(),
            operation: operation.into(),
        });
    }

    /// Notes that channel `c` of a stream must have a scale of at least `least`.
    fn coarsen(&mut self, stream: usize, c: usize, least: f64) {
        let wanted = &mut self.wanted[stream][c];
        *wanted = wanted.max(least);
    }

    /// Emits an output of the model; returns its scale.
    fn output(&mut self, kind: OutputKind, value: Value) -> Result<f64> {
        let linear = match value {
            Value::Linear(linear) => linear,
            Value::Bytes(bytes) => Rc::new(identity(bytes)),
            Value::Norm(norm, _) => {
                let wide = self.emit_flat_norm(&norm, 0.0)?;
                return Ok(self.wide_output(kind, &wide));
            }
            Value::Wide(wide) if wide.scales.is_flat() => {
                return Ok(self.wide_output(kind, &wide));
            }
            _ => return out_of_order("the output"),
        };
        let rows = self.quantized(&linear)?;
        let unit = rows.unit.iter().copied().fold(0.0, f64::max) * FACTOR_MARGIN;
        let scale = vec![unit; rows.unit.len()];
        let tensor = self.emit(&linear, &rows, &scale, Epilogue::Int32, None)?;
        let columns = in_order(scale.len());
        self.tap(linear.site.clone(), tensor, columns, scale);
        self.plan.outputs.push(Port { kind, tensor });
        Ok(unit)
    }

    /// An output that is int16 as it stands; returns its scale.
    fn wide_output(&mut self, kind: OutputKind, wide: &Wide) -> f64 {
        let tensor = wide.tensor;
        self.plan.outputs.push(Port { kind, tensor });
        wide.scales.unit
    }
}
