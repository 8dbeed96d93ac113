//! Labelled images or texts, each with its class of a model.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{
    data::{
        Columns, Dataset, Findings, FolderDataset, GlyphSplit, ImageFolder, Skipped, TextTable,
        classes::{ClassFolder, FolderOrder, Matching, Reason, Rule, match_classes},
        parts,
    },
    graph::OutputKind,
    runtime::Token,
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::{
    cli::{Globals, count},
    command::{
        classes::{ClassArguments, Said},
        data::{GlyphArguments, Part},
        passed_over,
    },
    inputs::Inputs,
    model::Model,
    texts::{self, Column},
};

/// Labelled images or texts on the command line.
#[derive(Args)]
pub struct Examples {
    /// A table of texts; or a folder of images with a sub-folder for each class, or one that holds such folders as parts:
    /// of train, val and test it reads val, or else test. Classes are matched to the model's by name,
    /// by WordNet id, or by order if that is known; of a table, numbers are those of classes if they are no names.
    #[arg(
        long,
        value_name = "DIR | TABLE",
        required_unless_present = "glyphs",
        conflicts_with = "glyphs"
    )]
    data: Option<PathBuf>,
    /// Renders so many images of letters and digits from fonts that training never sees.
    #[arg(long, value_name = "N", value_parser = count())]
    glyphs: Option<usize>,
    /// The part of --data to read, or the share of the fonts that --glyphs renders from (by default
    /// test).
    #[arg(long, value_enum)]
    pub split: Option<Part>,
    /// The column of a table that has the class: its name or its number.
    #[arg(long, default_value = "label")]
    label_column: String,
    /// Takes so many images or texts, spread evenly over all.
    #[arg(long, value_parser = count())]
    pub limit: Option<usize>,
    /// Ends at the first file that cannot be read, in place of passing it over.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub rendering: GlyphArguments,
    #[command(flatten)]
    classes: ClassArguments,
}

/// What is taken where the command line does not say.
pub struct Taken {
    /// The parts of a folder, the first that it has; of glyphs the last.
    pub parts: &'static [Part],
    /// How many.
    pub count: Option<usize>,
    /// Draws them, in place of spreading them evenly.
    pub seed: Option<u64>,
}

impl Taken {
    /// All there is to evaluate on.
    pub const EVALUATION: Self = Self {
        parts: &[Part::Val, Part::Test],
        count: None,
        seed: None,
    };
}

/// Images or texts that were found, and the model's class of each of theirs.
pub struct Found {
    data: Data,
    matching: Matching,
    /// Places of those that are taken.
    places: Vec<usize>,
    /// The part of a folder that holds parts.
    part: Option<String>,
}

/// A data set.
enum Data {
    Folder(Box<FolderDataset>),
    Glyphs(GlyphSplit),
    /// The tokens of texts, and which of the names of classes is that of each.
    Texts(Vec<Vec<Token>>, Vec<usize>),
}

impl Data {
    /// What examples of it are called.
    fn kind(&self) -> &'static str {
        match self {
            Self::Folder(_) | Self::Glyphs(_) => "images",
            Self::Texts(..) => "texts",
        }
    }

    /// Those of `indices` that can be read, and the class of each; what cannot is added to `skipped`, unless it is to
    /// be `strict`.
    fn read(
        &self,
        indices: &[usize],
        strict: bool,
        skipped: &mut Vec<Skipped>,
    ) -> Result<(Inputs, Vec<usize>)> {
        let (images, path): (&dyn Dataset, &dyn Fn(usize) -> PathBuf) = match self {
            Self::Folder(data) => (&**data, &|index| {
                let path = data.folder().path(index);
                path.map_or_else(PathBuf::new, Into::into)
            }),
            Self::Glyphs(glyphs) => (glyphs, &|_| PathBuf::new()),
            Self::Texts(texts, classes) => {
                let texts = indices.iter().map(|&index| texts[index].clone());
                let classes = indices.iter().map(|&index| classes[index]);
                return Ok((Inputs::Texts(texts.collect()), classes.collect()));
            }
        };
        let read = indices.par_iter().map(|&index| images.get(0, index));
        let read: Vec<_> = read.collect();
        let read = indices.iter().map(|&index| path(index)).zip(read);
        let read = passed_over::apart(read, strict, skipped)?;
        let (images, classes) = read.into_iter().unzip();
        Ok((Inputs::Images(images), classes))
    }
}

impl Found {
    /// Places of the images or texts that are taken, for [`Found::read`].
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// What they are called.
    pub fn kind(&self) -> &'static str {
        self.data.kind()
    }

    /// What was passed over when they were listed.
    pub fn findings(&self) -> Findings {
        match &self.data {
            Data::Folder(data) => data.folder().findings().clone(),
            Data::Glyphs(_) | Data::Texts(..) => Findings::default(),
        }
    }

    /// What decided the classes, and the part of a folder that holds parts.
    pub fn told(&self) -> (&Rule, Option<&str>) {
        (&self.matching.rule, self.part.as_deref())
    }

    /// Those at `places` that can be read, and the model's class of each; what cannot is added to `skipped`, unless it
    /// is to be `strict`.
    pub fn read(
        &self,
        places: &[usize],
        strict: bool,
        skipped: &mut Vec<Skipped>,
    ) -> Result<(Inputs, Vec<usize>)> {
        let (inputs, truths) = self.data.read(places, strict, skipped)?;
        let class = |truth: usize| {
            let class = self.matching.classes.get(truth).copied().flatten();
            class.context("expected examples of known classes, found another")
        };
        let classes = truths.into_iter().map(class).collect::<Result<_>>()?;
        Ok((inputs, classes))
    }

    /// Says which part of a folder is read, and what decided the classes.
    pub fn announce(&self, globals: &Globals) {
        match self.data {
            Data::Folder(_) => {
                if let Some(part) = &self.part {
                    globals.note(&format!("images of the part {part}"));
                }
                globals.note(&format!("classes {}", self.matching.rule.words()));
            }
            Data::Texts(..) => globals.note(&format!("classes {}", self.matching.rule.words())),
            Data::Glyphs(_) => {}
        }
    }
}

impl Examples {
    /// The data set, and which classes of `model` its own are.
    pub fn open(
        &self,
        model: &Model,
        column: &Column,
        taken: &Taken,
        globals: &Globals,
    ) -> Result<Found> {
        let said = self.classes.read()?;
        if model.config().cells().is_some() {
            bail!(
                "expected a model with classes of whole items, found one with classes of parts of images, which takes \
                 --masks"
            );
        }
        if model.config().output_kind() != OutputKind::Logits {
            bail!(
                "expected a model with classes of whole items, found one with classes of tokens or without classes"
            );
        }
        if model.config().text().is_ok() {
            return self.table(model, column, taken, &said, globals);
        }
        match (&self.data, self.glyphs) {
            (Some(file), _) if file.is_file() => bail!(
                "expected a folder of images, as the model takes images, found the file {}",
                file.display()
            ),
            (Some(folder), _) => {
                let wanted = match self.split {
                    Some(split) => vec![split.split()],
                    None => taken.parts.iter().map(|part| part.split()).collect(),
                };
                let part = parts::find(folder, &wanted)?;
                if self.split.is_some() && part.name.is_none() {
                    bail!(
                        "expected parts such as train and val in {} for --split, found none",
                        folder.display()
                    );
                }
                let folder = ImageFolder::open(&part.path)?;
                passed_over::check(folder.findings(), self.strict)?;
                let matching = folder.matched(&model.classes(), &said.wish())?;
                let preprocessing = model.preprocessing().clone();
                let data = folder.dataset(model.config().image()?, preprocessing);
                Ok(Found {
                    places: self.places(data.len(), taken)?,
                    data: Data::Folder(Box::new(data)),
                    matching,
                    part: part.name,
                })
            }
            (None, Some(count)) => {
                let usual = taken.parts.last().copied().unwrap_or(Part::Test);
                let split = self.split.unwrap_or(usual);
                let [split] = self.rendering.splits([(split, count)])?;
                let classes = split.labels().iter();
                let classes: Vec<_> = classes
                    .map(|name| ClassFolder { name, empty: false })
                    .collect();
                Ok(Found {
                    matching: match_classes(&classes, &model.classes(), &said.wish())?,
                    places: self.places(split.len(), taken)?,
                    data: Data::Glyphs(split),
                    part: None,
                })
            }
            (None, None) => bail!("expected --data or --glyphs"),
        }
    }

    /// A table of texts with their classes.
    fn table(
        &self,
        model: &Model,
        column: &Column,
        taken: &Taken,
        said: &Said,
        globals: &Globals,
    ) -> Result<Found> {
        let Some(path) = self.data.as_ref().filter(|path| !path.is_dir()) else {
            bail!(
                "expected a table of texts for --data (.csv, .tsv, .jsonl or .parquet), as the model takes texts, \
                 found images"
            );
        };
        if self.split.is_some() {
            bail!("expected no --split, as a table of texts has no parts, found one");
        }
        let columns = Columns {
            text: &column.column,
            class: Some(&self.label_column),
        };
        let table = TextTable::open(path, columns)?;
        let names = table.names();
        let folders: Vec<_> = names
            .iter()
            .map(|&name| ClassFolder { name, empty: false })
            .collect();
        let mut wish = said.wish();
        let numbered = names.iter().all(|name| name.parse::<usize>().is_ok());
        if wish.file.is_none() && wish.order.is_none() && numbered {
            wish.order = Some(FolderOrder::Number);
        }
        let matching = match_classes(&folders, &model.classes(), &wish).with_context(|| {
            let column = &self.label_column;
            format!("{}: the classes in the column {column:?}", path.display())
        })?;
        // Folders have a trainer that sorts them; names in a table have none.
        if matches!(matching.rule, Rule::Order(_, reason) if reason != Reason::Wish) {
            bail!(
                "{}: expected the names or the numbers of the model's classes in the column {:?}, found others: \
                 --classes FILE says which class each is",
                path.display(),
                self.label_column
            );
        }
        let places: BTreeMap<&str, usize> = names.iter().copied().zip(0..).collect();
        // Only those that are asked for are made tokens of.
        let indices = self.places(table.texts.len(), taken)?;
        let classes = indices.iter().map(|&at| table.classes[at].as_str());
        let classes: Vec<usize> = classes
            .filter_map(|name| places.get(name).copied())
            .collect();
        let texts = indices.iter().map(|&at| table.texts[at].clone()).collect();
        let tokens = texts::tokens(&texts::encode(
            &texts::tokenizer_of(model)?,
            texts,
            globals,
        )?);
        Ok(Found {
            places: (0..tokens.len()).collect(),
            data: Data::Texts(tokens, classes),
            matching,
            part: None,
        })
    }

    /// The places of those to take of `length`.
    fn places(&self, length: usize, taken: &Taken) -> Result<Vec<usize>> {
        let count = self.limit.or(taken.count).unwrap_or(length).min(length);
        if count == 0 {
            bail!("expected images or texts with their classes, found none");
        }
        let Some(seed) = taken.seed else {
            return Ok((0..count).map(|at| at * length / count).collect());
        };
        let mut places: Vec<usize> = (0..length).collect();
        let (drawn, _) = places.partial_shuffle(&mut ChaCha8Rng::seed_from_u64(seed), count);
        let mut drawn = drawn.to_vec();
        drawn.sort_unstable();
        Ok(drawn)
    }
}
