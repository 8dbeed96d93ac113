//! Images of letters and digits, rendered from the fonts of the machine.
//!
//! Families that look alike or share a root name form a group, and a group lies in one split, so
//! that no test image is of a design seen in training. All else follows from the seed and the
//! fonts.

mod draw;
mod fonts;
mod options;
mod write;

use std::sync::Arc;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use options::GlyphOptions;
pub(super) use write::png;
pub use write::{Counts, Manifest};

use crate::{Error, Pixels, Result, data::Dataset};
use fonts::Group;

/// A share of the families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For training; the only split whose images are new in every epoch.
    Train,
    /// For choosing between models.
    #[serde(rename = "val")]
    Validation,
    /// For the figures that are told.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The name of the split's folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "val",
            Self::Test => "test",
        }
    }
}

/// The outlines of all usable faces, split by family.
pub struct GlyphSet {
    options: GlyphOptions,
    /// Groups of each split.
    splits: [Vec<Group>; 3],
    /// The class, and the range of its characters, of each class.
    starts: Vec<usize>,
}

impl std::fmt::Debug for GlyphSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GlyphSet")
            .field("options", &self.options)
            .field("families", &Split::ALL.map(|split| self.families(split)))
            .finish()
    }
}

impl GlyphSet {
    /// Finds the fonts that `options` ask for and splits them.
    ///
    /// # Errors
    /// If an option is out of range, a font folder is missing, or there are fewer than three
    /// different designs with all the characters.
    pub fn discover(options: GlyphOptions) -> Result<Self> {
        options.validate()?;
        let groups = fonts::discover(&options)?;
        if groups.len() < Split::ALL.len() {
            return Err(Error::Data(format!(
                "expected fonts of at least 3 designs with all {} characters, found {}; install font packages or name a folder of fonts",
                options.characters().len(),
                groups.len()
            )));
        }
        let splits = split(groups, &options);
        let starts = options
            .classes
            .iter()
            .scan(0, |next, class| {
                let start = *next;
                *next += class.chars().count();
                Some(start)
            })
            .collect();
        Ok(Self {
            options,
            splits,
            starts,
        })
    }

    /// What the set was made from.
    pub fn options(&self) -> &GlyphOptions {
        &self.options
    }

    /// Names of the classes.
    pub fn labels(&self) -> &[String] {
        &self.options.classes
    }

    /// Names of the families of `split`, group by group.
    pub fn families(&self, split: Split) -> Vec<&str> {
        self.groups(split).concat()
    }

    /// Names of the families of `split`, those of one design together.
    pub fn groups(&self, split: Split) -> Vec<Vec<&str>> {
        self.splits[split as usize]
            .iter()
            .map(|group| group.names().collect())
            .collect()
    }

    /// The image at `index` of `split` and its class; classes take turns.
    ///
    /// Design, family and face are drawn with equal chances in this order. A pure function of the
    /// options, the fonts and the arguments; the epoch counts in [`Split::Train`] alone.
    pub fn render(&self, split: Split, index: u64, epoch: u64) -> (Pixels, usize) {
        let epoch = match split {
            Split::Train => epoch,
            Split::Validation | Split::Test => 0,
        };
        let mut seed = [0; 32];
        for (bytes, number) in
            seed.chunks_exact_mut(8)
                .zip([self.options.seed, split as u64, epoch, index])
        {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        let rng = &mut ChaCha8Rng::from_seed(seed);
        let class = (index % self.starts.len() as u64) as usize;
        let letters = self.options.classes[class].chars().count();
        let character = self.starts[class] + draw::below(rng, letters);
        let groups = &self.splits[split as usize];
        let families = &groups[draw::below(rng, groups.len())].families;
        let faces = &families[draw::below(rng, families.len())].faces;
        let face = &faces[draw::below(rng, faces.len())];
        let side = self.options.size;
        let pixels = Pixels {
            height: side,
            width: side,
            channels: 1,
            data: draw::draw(&face.outlines[character], face.capital, &self.options, rng),
        };
        (pixels, class)
    }
}

/// `len` images of a split of a [`GlyphSet`], each rendered when it is read.
#[derive(Clone, Debug)]
pub struct GlyphSplit {
    set: Arc<GlyphSet>,
    split: Split,
    len: usize,
}

impl GlyphSplit {
    /// The first `len` images of `split`.
    pub fn new(set: Arc<GlyphSet>, split: Split, len: usize) -> Self {
        Self { set, split, len }
    }
}

impl Dataset for GlyphSplit {
    fn len(&self) -> usize {
        self.len
    }

    fn labels(&self) -> &[String] {
        self.set.labels()
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)> {
        if index >= self.len {
            return Err(Error::Data(format!(
                "expected an index below {}, found {index}",
                self.len
            )));
        }
        Ok(self.set.render(self.split, index as u64, epoch))
    }
}

/// Sends each group to a split by a hash of its name, so that more fonts move no other family.
fn split(groups: Vec<Group>, options: &GlyphOptions) -> [Vec<Group>; 3] {
    let mut drawn: Vec<(u64, Group)> = groups
        .into_iter()
        .map(|group| {
            let mut hash = Sha256::new();
            hash.update(options.seed.to_le_bytes());
            hash.update(group.name.as_bytes());
            let mut head = [0; 8];
            head.copy_from_slice(&hash.finalize()[..8]);
            (u64::from_le_bytes(head), group)
        })
        .collect();
    drawn.sort_by_key(|(hash, _)| *hash);
    let share = |percent: u32| (u128::from(percent) << 64) / 100;
    let test = share(options.test_percent);
    let validation = test + share(options.validation_percent);
    // The least hashes are the test's; with few fonts each split takes one at least.
    let last = drawn.len();
    let below = |most: u128| {
        drawn
            .iter()
            .filter(|(hash, _)| u128::from(*hash) < most)
            .count()
    };
    let first = below(test).clamp(1, last - 2);
    let second = below(validation).clamp(first + 1, last - 1);
    let mut splits = [const { Vec::new() }; 3];
    for (index, (_, group)) in drawn.into_iter().enumerate() {
        let split = match index {
            _ if index < first => Split::Test,
            _ if index < second => Split::Validation,
            _ => Split::Train,
        };
        splits[split as usize].push(group);
    }
    splits
}
