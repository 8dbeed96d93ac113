//! The blocks of a model, and what each of them chooses for itself.

use std::{
    fmt::{self, Display, Formatter},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

/// A block of a model: attention and an MLP with their residual connections.
///
/// # Examples
///
/// ```
/// use intformer::architecture::{Config, SwinConfig};
///
/// // Two blocks in the first stage, so the fourth is the second of the second stage.
/// let config = Config::from(SwinConfig::tiny());
/// let block = config.blocks()[3];
/// assert_eq!((block.stage, block.block), (1, 1));
/// assert_eq!(config.site(block), "layers.1.blocks.1");
/// assert_eq!(config.activation_site(block), "layers.1.blocks.1.mlp.act");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Block {
    /// The stage, from 0; an architecture without stages has one.
    pub stage: usize,
    /// The place in the stage, from 0.
    pub block: usize,
}

impl Block {
    /// The blocks of a model with `depths` blocks in its stages, first to last.
    pub(super) fn all(depths: &[usize]) -> Vec<Self> {
        let stages = depths.iter().enumerate();
        stages
            .flat_map(|(stage, &depth)| (0..depth).map(move |block| Self { stage, block }))
            .collect()
    }
}

/// How wide a block is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widths {
    /// Attention heads; a block without any has no attention.
    pub heads: usize,
    /// Channels of one head.
    pub head_dim: usize,
    /// Hidden channels of the MLP; a block without any has no MLP.
    pub hidden: usize,
}

impl Widths {
    /// Those of block `block` of an architecture without stages: its own, or heads that share `channels`.
    ///
    /// # Panics
    /// If there are no heads.
    pub(super) fn of(
        own: &Option<PerBlock<Self>>,
        block: usize,
        [channels, heads, hidden]: [usize; 3],
    ) -> Self {
        match own {
            Some(widths) => widths.get(0, block),
            None => Self {
                heads,
                head_dim: channels / heads,
                hidden,
            },
        }
    }
}

/// One value for all blocks, or one for each block of each stage.
///
/// # Examples
///
/// A model of two stages with ReLU in its last block:
///
/// ```
/// use intformer::architecture::{Activation, PerBlock};
///
/// let depths = [2, 2];
/// let gelu = PerBlock::All(Activation::Gelu);
/// let mixed = gelu.with(&depths, 1, 1, Activation::Relu);
/// assert_eq!(mixed.to_string(), "gelu,gelu;gelu,relu");
/// assert_eq!(mixed.get(1, 1), Activation::Relu);
/// assert_eq!(mixed.uniform(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PerBlock<T> {
    /// The same everywhere.
    All(T),
    /// By stage, then by block.
    Each(Vec<Vec<T>>),
}

/// A list is one for each block, anything else one for all.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerBlock<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values(PhantomData))
    }
}

struct Values<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
    type Value = PerBlock<T>;

    fn expecting(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("a value for all blocks, or for each stage one for each block")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(PerBlock::All)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(PerBlock::All)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(PerBlock::All)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(values)).map(PerBlock::Each)
    }
}

impl<T: Copy + PartialEq> PerBlock<T> {
    /// The value of block `block` of stage `stage`.
    ///
    /// # Panics
    /// If the values do not fit the model ([`PerBlock::fits`]).
    pub fn get(&self, stage: usize, block: usize) -> T {
        match self {
            Self::All(value) => *value,
            Self::Each(stages) => stages[stage][block],
        }
    }

    /// The value that all blocks share.
    pub fn uniform(&self) -> Option<T> {
        let mut values = match self {
            Self::All(value) => return Some(*value),
            Self::Each(stages) => stages.iter().flatten(),
        };
        let first = *values.next()?;
        values.all(|value| *value == first).then_some(first)
    }

    /// The value `of(stage, block)` in each block of a model with `depths` blocks in its stages.
    pub fn each(depths: &[usize], of: impl Fn(usize, usize) -> T) -> Self {
        let stages = depths.iter().enumerate();
        let each = Self::Each(
            stages
                .map(|(stage, &depth)| (0..depth).map(|block| of(stage, block)).collect())
                .collect(),
        );
        each.uniform().map_or(each, Self::All)
    }

    /// The same with `value` in one block of a model with `depths` blocks in its stages.
    pub fn with(&self, depths: &[usize], stage: usize, block: usize, value: T) -> Self {
        Self::each(depths, |s, b| match (s, b) == (stage, block) {
            true => value,
            false => self.get(s, b),
        })
    }

    /// Whether there is a value for each block of a model with `depths` blocks in its stages.
    pub fn fits(&self, depths: &[usize]) -> bool {
        match self {
            Self::All(_) => true,
            Self::Each(stages) => stages.iter().map(Vec::len).eq(depths.iter().copied()),
        }
    }
}

/// `relu`, or `gelu,relu;relu,relu` for two stages of two blocks.
impl<T: Display> Display for PerBlock<T> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let stages = match self {
            Self::All(value) => return value.fmt(f),
            Self::Each(stages) => stages,
        };
        for (s, blocks) in stages.iter().enumerate() {
            for (b, value) in blocks.iter().enumerate() {
                let before = match (s, b) {
                    (0, 0) => "",
                    (_, 0) => ";",
                    _ => ",",
                };
                write!(f, "{before}{value}")?;
            }
        }
        Ok(())
    }
}

/// What files leave out: true in all blocks.
pub(super) fn everywhere() -> PerBlock<bool> {
    PerBlock::All(true)
}

pub(super) fn is_everywhere(values: &PerBlock<bool>) -> bool {
    values.uniform() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_change_one_by_one_until_all_are_alike() {
        let depths = [1, 2];
        let mut values = PerBlock::All(1);
        values = values.with(&depths, 1, 0, 2);
        assert_eq!(values, PerBlock::Each(vec![vec![1], vec![2, 1]]));
        assert_eq!(values.to_string(), "1;2,1");
        assert_eq!(values.uniform(), None);
        assert!(values.fits(&depths) && !values.fits(&[2, 1]) && !values.fits(&[1]));
        values = values.with(&depths, 0, 0, 2).with(&depths, 1, 1, 2);
        assert_eq!(values, PerBlock::All(2));
        assert!(values.fits(&[7]));
    }

    #[test]
    fn one_value_is_written_as_itself() {
        let text = |values: &PerBlock<bool>| serde_json::to_string(values).unwrap();
        let mixed = PerBlock::Each(vec![vec![true, false]]);
        assert_eq!(text(&PerBlock::All(true)), "true");
        assert_eq!(text(&mixed), "[[true,false]]");
        let read: PerBlock<bool> = serde_json::from_str("[[true,false]]").unwrap();
        assert_eq!(read, mixed);
    }
}
