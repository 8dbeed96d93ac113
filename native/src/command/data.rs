//! `intformer data`: data sets made on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use intformer::{
    Error,
    data::{Dataset, GlyphOptions, GlyphSet, GlyphSplit, SceneSet, Split, glyphs::Counts},
};
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, count, within},
};

/// Makes data sets from what is on this machine.
///
/// Example: intformer data glyphs --out glyphs --train 20000 --val 2000 --test 5000
///
/// Example: intformer data scenes --out scenes
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// Which data set.
    #[command(subcommand)]
    what: What,
}

/// The data sets.
#[derive(Subcommand)]
enum What {
    /// Images of letters and digits, rendered from the installed fonts.
    ///
    /// The families of the fonts are split, so that no test image is of a font seen in training.
    /// The same fonts and options give the same files.
    ///
    /// Example: intformer data glyphs --out glyphs --train 20000 --val 2000 --test 5000
    #[command(verbatim_doc_comment)]
    Glyphs(Glyphs),
    /// Images of several letters and digits with masks: a class for each pixel.
    ///
    /// Each is a piece of paper with some plates on it, on which a letter or digit stands; the class of a pixel is that of
    /// its plate, or paper. The fonts are split as for `data glyphs`.
    ///
    /// Example: intformer data scenes --out scenes --train 4000 --val 500 --test 1000
    #[command(verbatim_doc_comment)]
    Scenes(Scenes),
}

/// Options of `intformer data scenes`.
#[derive(Args)]
struct Scenes {
    /// The folder to make: classes.txt, and train, val and test with images and masks.
    #[arg(long, short)]
    out: PathBuf,
    /// Images for training.
    #[arg(long, default_value_t = 4000, value_parser = count())]
    train: usize,
    /// Images for validation.
    #[arg(long, default_value_t = 500, value_parser = count())]
    val: usize,
    /// Images for the test.
    #[arg(long, default_value_t = 1000, value_parser = count())]
    test: usize,
    /// Side of the images in pixels.
    #[arg(long, default_value_t = 64, value_parser = within(12..=4096))]
    side: usize,
    /// Side of a plate in pixels.
    #[arg(long, default_value_t = 24, value_parser = within(12..=256))]
    plate: usize,
    /// Seed of the images and of the split of the fonts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The classes beside paper, separated by commas, each the letters or digits that share it; by default the digits.
    #[arg(long, value_delimiter = ',')]
    characters: Vec<String>,
    /// Folders of fonts, in place of the system's.
    #[arg(long)]
    fonts: Vec<PathBuf>,
}

/// Options of `intformer data glyphs`.
#[derive(Args)]
struct Glyphs {
    /// The folder to make: train, val and test, with a sub-folder for each class.
    #[arg(long, short)]
    out: PathBuf,
    /// Images for training.
    #[arg(long, default_value_t = 20_000, value_parser = count())]
    train: usize,
    /// Images for validation.
    #[arg(long, default_value_t = 2_000, value_parser = count())]
    val: usize,
    /// Images for the test.
    #[arg(long, default_value_t = 5_000, value_parser = count())]
    test: usize,
    #[command(flatten)]
    rendering: GlyphArguments,
}

/// How glyphs are rendered.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Glyphs")]
pub struct GlyphArguments {
    /// Side of the images in pixels.
    #[arg(long, default_value_t = 32, value_parser = within(12..=256))]
    pub size: usize,
    /// Seed of the images and of the split of the fonts.
    #[arg(long, default_value_t = 0)]
    glyph_seed: u64,
    /// The classes, separated by commas, each the letters or digits that share it (0O,1I,2); by
    /// default digits and capital letters with 0 and O, 1 and I merged.
    #[arg(long, value_delimiter = ',')]
    characters: Vec<String>,
    /// Folders of fonts, in place of the system's.
    #[arg(long)]
    fonts: Vec<PathBuf>,
}

/// A part of a data set, or a share of the font families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// For training.
    Train,
    /// For choosing between models.
    Val,
    /// For the figures that are told.
    Test,
}

impl Part {
    /// As the library calls it.
    pub fn split(self) -> Split {
        match self {
            Self::Train => Split::Train,
            Self::Val => Split::Validation,
            Self::Test => Split::Test,
        }
    }
}

impl GlyphArguments {
    /// The fonts, split.
    pub fn set(&self) -> Result<GlyphSet> {
        let mut options = GlyphOptions {
            size: self.size,
            seed: self.glyph_seed,
            roots: self.fonts.clone(),
            ..GlyphOptions::default()
        };
        if !self.characters.is_empty() {
            options.classes = self.characters.clone();
            options.classes.sort_unstable();
        }
        Ok(GlyphSet::discover(options)?)
    }

    /// The first images of some splits, as many as each asks for.
    pub fn splits<const N: usize>(&self, parts: [(Part, usize); N]) -> Result<[GlyphSplit; N]> {
        let set = Arc::new(self.set()?);
        Ok(parts.map(|(part, count)| GlyphSplit::new(Arc::clone(&set), part.split(), count)))
    }
}

impl Options {
    /// Makes the data set.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        match &self.what {
            What::Glyphs(options) => options.run(globals),
            What::Scenes(options) => options.run(globals),
        }
    }
}

impl Glyphs {
    fn run(&self, globals: &Globals) -> Result<Answer> {
        let set = self.rendering.set()?;
        let counts = Counts {
            train: self.train,
            validation: self.val,
            test: self.test,
        };
        let bar = globals.bar("rendering", self.train + self.val + self.test);
        let manifest = whole_folder(&self.out, |folder| {
            Ok(set.write(folder, counts, |_| bar.inc(1))?)
        })?;
        bar.finish_and_clear();
        let text = format!(
            "{}: {} images of {} families for training, {} of {} for validation, {} of {} for the test\n",
            self.out.display(),
            counts.train,
            manifest.train.len(),
            counts.validation,
            manifest.validation.len(),
            counts.test,
            manifest.test.len()
        );
        Answer::new(text, &manifest)
    }
}

impl Scenes {
    fn run(&self, globals: &Globals) -> Result<Answer> {
        let mut classes = self.characters.clone();
        if classes.is_empty() {
            classes = ('0'..='9').map(String::from).collect();
        }
        let set = Arc::new(GlyphSet::discover(GlyphOptions {
            size: self.plate,
            classes,
            seed: self.seed,
            roots: self.fonts.clone(),
            ..GlyphOptions::default()
        })?);
        let counts = [self.train, self.val, self.test];
        let parts = Split::ALL.into_iter().zip(counts);
        let sets = parts.map(|(split, count)| {
            let set = SceneSet::new(Arc::clone(&set), split, self.side, count)?;
            Ok((split, set))
        });
        let sets: Vec<_> = sets.collect::<Result<_>>()?;
        let bar = globals.bar("rendering", counts.iter().sum());
        whole_folder(&self.out, |folder| {
            for (split, set) in &sets {
                set.write(folder, *split, |_| bar.inc(1))?;
            }
            Ok(())
        })?;
        bar.finish_and_clear();
        let [train, val, test] = counts;
        let text = format!(
            "{}: {train} images with masks for training, {val} for validation, {test} for the test\n",
            self.out.display()
        );
        let labels = sets[0].1.labels();
        let json =
            json!({ "out": self.out, "classes": labels, "train": train, "val": val, "test": test });
        Answer::new(text, &json)
    }
}

/// Lets `make` fill a folder that appears under the name `out` once it is whole.
fn whole_folder<T>(out: &Path, make: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let taken = fs::read_dir(out).is_ok_and(|mut files| files.next().is_some());
    if taken || out.is_file() {
        return Err(Error::Data(
            "expected no such folder or an empty one, found files".to_owned(),
        ))
        .with_context(|| out.display().to_string());
    }
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fail = |error| Error::io(out, error);
    let temporary = tempfile::Builder::new()
        .prefix(".glyphs")
        .tempdir_in(parent)
        .map_err(fail)?;
    let folder = temporary.path().join("whole");
    let made = make(&folder)?;
    fs::rename(&folder, out).map_err(fail)?;
    Ok(made)
}
