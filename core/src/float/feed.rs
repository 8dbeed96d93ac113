//! What a forward pass starts from.

use burn::{
    Tensor,
    tensor::{Device, Int, TensorData},
};

use crate::{ImageShape, input::Token};

/// What is added to the score of a token that only fills up a text: its weight is exactly 0.
const FILLER: f32 = -1e30;

/// Items of a batch.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Feed {
    /// `[batch, height * width, channels]`, normalized.
    Images(Tensor<3>),
    /// `[batch, tokens]` each; shorter texts are filled up.
    Texts {
        /// Ids of the tokens.
        ids: Tensor<2, Int>,
        /// Their segments.
        segments: Tensor<2, Int>,
        /// Which tokens fill up, if any do.
        filled: Option<Filled>,
    },
}

/// Which tokens of the texts of a batch are their own.
pub struct Filled {
    /// `[batch, 1, 1, tokens]`: 0 for a token of the text, [`FILLER`] for another.
    pub(super) scores: Tensor<4>,
    /// `[batch, tokens, 1]`: 1 for a token of the text, 0 for another.
    pub(super) own: Tensor<3>,
}

impl From<Tensor<3>> for Feed {
    fn from(images: Tensor<3>) -> Self {
        Self::Images(images)
    }
}

impl Feed {
    /// Which tokens fill up, if any do.
    pub(super) fn filled(&self) -> Option<&Filled> {
        match self {
            Self::Texts { filled, .. } => filled.as_ref(),
            Self::Images(_) => None,
        }
    }

    /// Images of `shape`, whose normalized `values` are one image after another.
    pub fn images(values: Vec<f32>, shape: &ImageShape, device: &Device) -> Self {
        let image = shape.pixels() * shape.channels;
        let extents = [values.len() / image, shape.pixels(), shape.channels];
        Tensor::<3>::from_data(TensorData::new(values, extents), device).into()
    }

    /// The tokens of texts. Where lengths differ, a model gives for each what it gives for it alone, up to rounding.
    pub fn texts<T: AsRef<[Token]>>(texts: &[T], device: &Device) -> Self {
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_ref().len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let extents = [texts.len(), longest];
        let indices = |of: fn(&Token) -> u32| {
            let values = texts.iter().flat_map(|text| {
                let tokens = text.as_ref().iter().map(|token| i64::from(of(token)));
                tokens.chain(std::iter::repeat(0)).take(longest)
            });
            Tensor::from_data(TensorData::new(values.collect(), extents), device)
        };
        let each = |own: f32, filler: f32| -> Vec<f32> {
            let places = lengths.iter().flat_map(|&length| {
                let value = move |at| if at < length { own } else { filler };
                (0..longest).map(value)
            });
            places.collect()
        };
        let filled = lengths.iter().any(|&length| length < longest).then(|| {
            let scores = TensorData::new(each(0.0, FILLER), [texts.len(), 1, 1, longest]);
            let own = TensorData::new(each(1.0, 0.0), [texts.len(), longest, 1]);
            Filled {
                scores: Tensor::from_data(scores, device),
                own: Tensor::from_data(own, device),
            }
        });
        Self::Texts {
            ids: indices(|token| token.id),
            segments: indices(|token| token.segment),
            filled,
        }
    }
}

impl Filled {
    /// That of the same texts so many times, one after the other.
    pub(super) fn repeated(&self, times: usize) -> Self {
        Self {
            scores: self.scores.clone().repeat_dim(0, times),
            own: self.own.clone().repeat_dim(0, times),
        }
    }

    /// The mean of the texts' own tokens from `first` on: `[batch, tokens, channels]` to `[batch, 1, channels]`.
    pub(super) fn mean(&self, x: Tensor<3>, first: usize) -> Tensor<3> {
        let own = self.own.clone().narrow(1, first, x.dims()[1]);
        (x * own.clone()).sum_dim(1) / own.sum_dim(1)
    }

    /// The same with the largest of each channel.
    pub(super) fn max(&self, x: Tensor<3>, first: usize) -> Tensor<3> {
        let own = self.own.clone().narrow(1, first, x.dims()[1]);
        (x + own.sub_scalar(1.0).mul_scalar(-FILLER)).max_dim(1)
    }
}
