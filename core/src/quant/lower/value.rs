//! What a tensor of the float model is while it is lowered.

use std::rc::Rc;

use crate::{
    graph::{Activation, Heads, Windows},
    plan::TensorId,
    quant::rows::Rows,
};

/// Scales of a residual stream: channel `c` is `unit * 2^exponent[c]` times its int16.
pub(super) struct StreamScales {
    pub(super) unit: f64,
    pub(super) exponents: Vec<u8>,
}

impl StreamScales {
    pub(super) fn scale(&self, c: usize) -> f64 {
        self.unit * f64::from(1u32 << self.exponents[c])
    }

    /// Whether all channels have one scale.
    pub(super) fn is_flat(&self) -> bool {
        self.exponents.iter().all(|&exponent| exponent == 0)
    }
}

/// A tensor of the float model, as far as it is lowered.
pub(super) enum Value {
    /// The image's bytes.
    Pixels(TensorId),
    /// The tokens of a text.
    Tokens(TensorId),
    /// Emitted as int16.
    Wide(Rc<Wide>),
    /// A product that starts a stream: emitted as int16; others may read it as it is.
    Started(Rc<Linear>, Rc<Wide>),
    /// The 2x2 cells of a map.
    Merged(Rc<Wide>, [usize; 2]),
    /// A normalization, not emitted as int8; and its int16 form, if it is a residual.
    Norm(Rc<Norm>, Option<Rc<Wide>>),
    /// A matrix product, not emitted.
    Linear(Rc<Linear>),
    /// Attention inside windows over a product, neither emitted.
    WindowAttention(Rc<Linear>, String, Windows),
    /// Attention over a product, neither emitted, and how many tokens an item has at most.
    Attention(Rc<Linear>, String, (Heads, usize)),
    /// An activation of a product, neither emitted.
    Activated(Rc<Linear>, String, Activation),
    /// int8 with a scale for each channel.
    Bytes(Rc<Bytes>),
}

/// An int16 tensor. Who still may read it holds a reference.
pub(super) struct Wide {
    pub(super) tensor: TensorId,
    pub(super) scales: Rc<StreamScales>,
}

pub(super) struct Norm {
    pub(super) site: String,
    pub(super) x: Rc<Wide>,
    pub(super) merge: Option<[usize; 2]>,
    pub(super) eps: f64,
    pub(super) gain: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

pub(super) struct Linear {
    pub(super) site: String,
    pub(super) input: Input,
    pub(super) rows: Rows,
    /// Scale of each logical input channel.
    pub(super) scale: Vec<f64>,
    /// Mean integer input, if known.
    pub(super) means: Option<Vec<f64>>,
    /// Where calibration saw how the inputs vary together, if it did.
    pub(super) seen: Option<String>,
}

pub(super) enum Input {
    Bytes(Rc<Bytes>),
    Norm(Rc<Norm>),
}

pub(super) struct Bytes {
    pub(super) tensor: TensorId,
    /// The logical channel of each byte of a row; padding has none.
    pub(super) columns: Vec<Option<usize>>,
    pub(super) scale: Vec<f64>,
    pub(super) means: Option<Vec<f64>>,
    /// Gain and shift that are still to be applied.
    pub(super) affine: Option<(Vec<f64>, Vec<f64>)>,
}

impl Norm {
    /// Exponents of the channels that it sees.
    pub(super) fn exponents(&self) -> Vec<u8> {
        let parts = if self.merge.is_some() { 4 } else { 1 };
        self.x.scales.exponents.repeat(parts)
    }

    /// round(channels * eps / unit^2).
    pub(super) fn epsilon(&self) -> u32 {
        let unit = self.x.scales.unit;
        (self.gain.len() as f64 * self.eps / (unit * unit))
            .round()
            .min(f64::from(i32::MAX)) as u32
    }
}

impl Bytes {
    /// As the input of a product, with its scale and its means.
    pub(super) fn into_input(self) -> (Input, Vec<f64>, Option<Vec<f64>>) {
        let (scale, means) = (self.scale.clone(), self.means.clone());
        (Input::Bytes(Rc::new(self)), scale, means)
    }
}
