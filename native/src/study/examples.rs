//! Examples of a data set, held in memory.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use intformer::{
    FloatModel, Tokenization,
    architecture::InputShape,
    data::{
        Columns, Dataset, Examples, GlyphOptions, GlyphSet, GlyphSplit, ImageFolder, ImageSet,
        Split, TextSet, TextTable,
    },
    runtime::Token,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    data::{drawn, in_memory},
    html::Text,
    picture,
    sets::SetName,
};
use crate::{cli::Globals, digest::hex, inputs::Inputs, texts};

/// Which examples are read.
pub struct Wanted<'a> {
    /// The data set.
    pub set: SetName,
    /// What the model is called, which they are read for.
    pub model: &'a str,
    /// How many to train on and to test with, at most.
    pub counts: [usize; 2],
    /// Tokens after which texts are cut.
    pub tokens: Option<usize>,
    /// Classes of [`SetName::Glyphs`].
    pub glyphs: Vec<String>,
}

/// Examples to train on and to test with.
pub struct Data {
    /// To train on.
    pub train: Set,
    /// To test with.
    pub test: Set,
    /// The texts to train on and to test with, if they are texts.
    pub texts: [Vec<String>; 2],
}

/// Examples of a kind.
pub enum Set {
    Images(ImageSet),
    Texts(TextSet),
}

impl Set {
    /// As a training takes them.
    pub fn examples(&self) -> Examples<'_> {
        match self {
            Self::Images(images) => images.into(),
            Self::Texts(texts) => texts.into(),
        }
    }

    /// The class of each.
    pub fn classes(&self) -> &[usize] {
        match self {
            Self::Images(images) => images.classes(),
            Self::Texts(texts) => texts.classes(),
        }
    }

    /// Those at `indices`, as models take them.
    pub fn inputs(&self, indices: impl Iterator<Item = usize>) -> Inputs {
        match self {
            Self::Images(images) => {
                Inputs::Images(indices.map(|at| images.items()[at].clone()).collect())
            }
            Self::Texts(texts) => {
                Inputs::Texts(indices.map(|at| texts.items()[at].clone()).collect())
            }
        }
    }

    /// Some of them, with classes of their own.
    pub fn of(&self, indices: &[usize], classes: &[usize]) -> Result<Self> {
        let labels = self.examples().labels().to_vec();
        let classes = indices.iter().map(|&index| classes[index]).collect();
        Ok(match self {
            Self::Images(images) => {
                let items = indices.iter().map(|&index| images.items()[index].clone());
                Self::Images(ImageSet::new(items.collect(), classes, labels)?)
            }
            Self::Texts(texts) => {
                let items = indices.iter().map(|&index| texts.items()[index].clone());
                Self::Texts(TextSet::new(items.collect(), classes, labels)?)
            }
        })
    }

    /// The same examples with other classes.
    pub fn with_classes(self, classes: Vec<usize>, labels: &[String]) -> Result<Self> {
        let labels = labels.to_vec();
        Ok(match self {
            Self::Images(images) => {
                Self::Images(ImageSet::new(images.items().to_vec(), classes, labels)?)
            }
            Self::Texts(texts) => {
                Self::Texts(TextSet::new(texts.items().to_vec(), classes, labels)?)
            }
        })
    }

    fn digest(&self, hasher: &mut Sha256) {
        match self {
            Self::Images(images) => images.items().iter().for_each(|image| {
                hasher.update(&image.data);
            }),
            Self::Texts(texts) => texts.items().iter().for_each(|text| {
                text.iter()
                    .for_each(|token| hasher.update(token.id.to_le_bytes()));
                hasher.update(u32::MAX.to_le_bytes());
            }),
        }
        for class in self.classes() {
            hasher.update((*class as u64).to_le_bytes());
        }
        self.examples()
            .labels()
            .iter()
            .for_each(|label| hasher.update(label));
    }
}

impl Data {
    /// Reads the examples that are `wanted`, of a folder of `assets`, as `model` takes them.
    pub fn read(
        wanted: Wanted,
        assets: &Path,
        model: &FloatModel,
        globals: &Globals,
    ) -> Result<Self> {
        let (set, counts) = (wanted.set, wanted.counts);
        let folder = assets.join(set.folder());
        match (set, model.config.input()) {
            (SetName::Glyphs, InputShape::Image(shape)) => {
                Self::glyphs(shape.size(), counts, wanted.glyphs)
            }
            (SetName::FashionMnist, InputShape::Image(_)) => Self::images(&folder, counts, model),
            (SetName::Trec | SetName::RottenTomatoes | SetName::R8, InputShape::Text(_)) => {
                Self::of_tables(&folder, counts, wanted.tokens, model, globals)
            }
            (set, _) => bail!(
                "expected a model of {}, found {}",
                if set.takes_images() {
                    "images"
                } else {
                    "texts"
                },
                wanted.model
            ),
        }
    }

    fn glyphs(size: [usize; 2], [train, test]: [usize; 2], classes: Vec<String>) -> Result<Self> {
        let options = GlyphOptions {
            size: size[0],
            classes,
            ..GlyphOptions::default()
        };
        let set = Arc::new(GlyphSet::discover(options)?);
        let part = |split, count| -> Result<Set> {
            let data = GlyphSplit::new(Arc::clone(&set), split, count);
            Ok(Set::Images(in_memory(&data, (0..count).collect())?))
        };
        Ok(Self {
            train: part(Split::Train, train)?,
            test: part(Split::Test, test)?,
            texts: Default::default(),
        })
    }

    fn images(folder: &Path, counts: [usize; 2], model: &FloatModel) -> Result<Self> {
        let shape = model.config.image()?;
        let mut labels = Vec::new();
        let mut sets = Vec::new();
        for (name, count) in ["train", "test"].into_iter().zip(counts) {
            let path = folder.join(name);
            let mut images = ImageFolder::open(&path).with_context(|| missing(&path))?;
            if labels.is_empty() {
                labels = images.labels().to_vec();
            } else {
                images = images.with_labels(&labels)?;
            }
            let data = images.dataset(shape, model.preprocessing.clone());
            let indices = drawn(data.len(), count, path.display())?;
            sets.push(Set::Images(in_memory(&data, indices)?));
        }
        Self::of_sets(sets, Default::default())
    }

    /// Reads `train.csv` and `test.csv` of `folder`, with texts and labels, at most `counts` of them, as `model` takes them,
    /// each cut after `limit` tokens.
    pub fn of_tables(
        folder: &Path,
        counts: [usize; 2],
        limit: Option<usize>,
        model: &FloatModel,
        globals: &Globals,
    ) -> Result<Self> {
        let limits = model.config.text()?;
        let tokenization = model.tokenization.clone().map(|tokenization| Tokenization {
            limit: limit.map_or(tokenization.limit, |limit| tokenization.limit.min(limit)),
            ..tokenization
        });
        let tokenizer = texts::tokenizer(limits, tokenization.as_ref())?;
        let mut labels: Vec<String> = Vec::new();
        let mut sets = Vec::new();
        let mut shown = <[Vec<String>; 2]>::default();
        for (at, name) in ["train.csv", "test.csv"].into_iter().enumerate() {
            let path = folder.join(name);
            let columns = Columns {
                text: "text",
                class: Some("label"),
            };
            let table = TextTable::open(&path, columns).with_context(|| missing(&path))?;
            if labels.is_empty() {
                labels = table.names().into_iter().map(str::to_owned).collect();
            }
            let classes = table.places_of(&labels)?;
            let indices = drawn(table.texts.len(), counts[at], path.display())?;
            let some: Vec<_> = indices.iter().map(|&at| table.texts[at].clone()).collect();
            let classes = indices.iter().map(|&at| classes[at]).collect();
            shown[at].clone_from(&some);
            let tokens: Vec<Vec<Token>> = texts::tokens(&texts::encode(&tokenizer, some, globals)?);
            sets.push(Set::Texts(TextSet::new(tokens, classes, labels.clone())?));
        }
        Self::of_sets(sets, shown)
    }

    fn of_sets(sets: Vec<Set>, texts: [Vec<String>; 2]) -> Result<Self> {
        match <[Set; 2]>::try_from(sets) {
            Ok([train, test]) => Ok(Self { train, test, texts }),
            Err(_) => bail!("expected examples to train on and to test with"),
        }
    }

    /// A digest of all examples.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        self.train.digest(&mut hasher);
        self.test.digest(&mut hasher);
        hex(&hasher.finalize())
    }

    /// What an example is: `index` of those to train on, or to `test` with.
    pub fn shown(&self, test: bool, index: usize) -> Result<Shown> {
        let at = usize::from(test);
        Ok(match [&self.train, &self.test][at] {
            Set::Texts(_) => Shown::Text(self.texts[at][index].clone()),
            Set::Images(images) => {
                let image = &images.items()[index];
                Shown::Image {
                    side: image.height,
                    png: picture::png(image)?,
                }
            }
        })
    }
}

/// What an example is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// The text.
    Text(String),
    /// The image: a PNG file in base64.
    Image {
        /// Its height in pixels.
        side: usize,
        /// The file.
        png: String,
    },
}

impl Shown {
    /// As HTML; an image is of `class`.
    pub fn html(&self, class: &str) -> String {
        match self {
            Self::Text(text) => format!("<blockquote>{}</blockquote>", Text(&beginning(text))),
            Self::Image { side, png } => {
                // Three pixels for one, but no images that fill the page.
                let side = side.saturating_mul(3).clamp(48, 192);
                format!(
                    "<img src=\"data:image/png;base64,{}\" width=\"{side}\" height=\"{side}\" alt=\"An image of the \
                     class {}\">",
                    Text(png),
                    Text(class)
                )
            }
        }
    }
}

/// As much of a text as is shown.
fn beginning(text: &str) -> String {
    const SHOWN: usize = 160;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn missing(path: &Path) -> String {
    format!(
        "{}: `cargo xtask assets` downloads it; --assets names another folder",
        path.display()
    )
}
