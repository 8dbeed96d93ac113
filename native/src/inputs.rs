//! What a model is run on: images or texts.

use std::ops::Range;

use anyhow::Result;
use intformer::{
    Pixels,
    architecture::{Config, InputShape},
    plan::TokenLimits,
    runtime::{Batch, Token},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::images;

/// The most tokens of texts that are made up at once.
const MAX_TOKENS: usize = 1 << 24;

/// Images, or the tokens of texts.
pub enum Inputs {
    /// Images.
    Images(Vec<Pixels>),
    /// The tokens of each text.
    Texts(Vec<Vec<Token>>),
}

impl Inputs {
    /// Random images or texts for a model of `config`; texts of `tokens` tokens each, if it takes as many.
    ///
    /// # Errors
    /// If they are too many to be held at once, or the model takes no texts so long.
    pub fn random(config: &Config, count: usize, tokens: usize, seed: u64) -> Result<Self> {
        match config.input() {
            InputShape::Text(limits) => {
                // So many that their sum is checked are not made.
                let count = count.min(MAX_TOKENS + 1);
                Self::texts(limits, &vec![tokens; count], seed)
            }
            _ => images::random(&config.image()?, count, seed).map(Self::Images),
        }
    }

    /// Texts of so many random tokens each, the same from the same seed.
    ///
    /// # Errors
    /// If they are too many to be held at once, or the model takes no texts so long.
    pub fn texts(limits: TokenLimits, lengths: &[usize], seed: u64) -> Result<Self> {
        let most = limits.positions as usize;
        if let Some(length) = lengths.iter().find(|length| !(1..=most).contains(*length)) {
            anyhow::bail!(
                "expected texts of 1 to {most} tokens, which the model takes, found {length}"
            );
        }
        let all = lengths
            .iter()
            .try_fold(0usize, |all, &length| all.checked_add(length));
        if all.is_none_or(|all| all > MAX_TOKENS) {
            anyhow::bail!(
                "expected at most {MAX_TOKENS} tokens together, found more in {} texts",
                lengths.len()
            );
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut token = || Token {
            id: rng.next_u32() % limits.vocabulary,
            segment: rng.next_u32() % limits.segments,
        };
        let texts = lengths
            .iter()
            .map(|&length| (0..length).map(|_| token()).collect());
        Ok(Self::Texts(texts.collect()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(images) => images.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Tokens of all texts.
    pub fn tokens(&self) -> Option<usize> {
        match self {
            Self::Images(_) => None,
            Self::Texts(texts) => Some(texts.iter().map(Vec::len).sum()),
        }
    }

    /// So many of them, or all if there are fewer, spread evenly over them.
    #[cfg(feature = "float")]
    pub fn spread(&self, count: usize) -> Self {
        let count = count.min(self.len());
        let places = (0..count).map(|at| at * self.len() / count);
        match self {
            Self::Images(images) => Self::Images(places.map(|at| images[at].clone()).collect()),
            Self::Texts(texts) => Self::Texts(places.map(|at| texts[at].clone()).collect()),
        }
    }

    /// All of them.
    pub fn items(&self) -> Items<'_> {
        self.some(0..self.len())
    }

    /// Some of them.
    pub fn some(&self, part: Range<usize>) -> Items<'_> {
        match self {
            Self::Images(images) => Items::images(&images[part]),
            Self::Texts(texts) => Items::texts(&texts[part]),
        }
    }
}

/// Items as executors take them, one after the other in memory, so that no run has to copy them.
pub struct Items<'a>(Kind<'a>);

enum Kind<'a> {
    Images {
        pixels: &'a [Pixels],
        bytes: Vec<u8>,
    },
    Texts {
        #[cfg_attr(
            not(feature = "float"),
            expect(dead_code, reason = "float models take them")
        )]
        lines: &'a [Vec<Token>],
        tokens: Vec<Token>,
        starts: Vec<usize>,
    },
}

impl<'a> Items<'a> {
    /// Copies images.
    pub fn images(pixels: &'a [Pixels]) -> Self {
        let parts: Vec<_> = pixels.iter().map(|image| image.data.as_slice()).collect();
        let bytes = parts.concat();
        Self(Kind::Images { pixels, bytes })
    }

    /// Copies texts.
    pub fn texts(lines: &'a [Vec<Token>]) -> Self {
        let mut starts = vec![0];
        starts.extend(lines.iter().scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        }));
        let tokens = lines.concat();
        Self(Kind::Texts {
            lines,
            tokens,
            starts,
        })
    }

    /// How many there are.
    #[cfg(feature = "float")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Images { pixels, .. } => pixels.len(),
            Kind::Texts { starts, .. } => starts.len() - 1,
        }
    }

    /// As float models take them.
    #[cfg(feature = "float")]
    pub fn samples(&self) -> intformer::float::Samples<'a> {
        match self.0 {
            Kind::Images { pixels, .. } => pixels.into(),
            Kind::Texts { lines, .. } => lines.into(),
        }
    }

    /// All of them.
    pub fn batch(&self) -> Batch<'_> {
        match &self.0 {
            Kind::Images { pixels, bytes } => Batch::images(bytes, pixels.len()),
            Kind::Texts { tokens, starts, .. } => Batch::texts(tokens, starts),
        }
    }
}
