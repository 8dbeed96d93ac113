//! Images or texts without classes, as the command line names them.

use std::path::Path;

use anyhow::{Result, bail};
use intformer::{
    FloatModel, Pixels, Tokenizer,
    data::{Dataset, Findings, ImageFiles, MaskFolder, Split, parts, unread},
    picture,
};
use rayon::prelude::*;

use crate::{
    command::{
        data::{GlyphArguments, Part},
        passed_over,
    },
    images,
    inputs::Inputs,
    texts::Column,
};

/// What was read.
pub struct Shown {
    /// The images or texts.
    pub inputs: Inputs,
    /// Whether some of them are noise.
    pub random: bool,
    /// What to say of them in a file.
    pub source: String,
    /// The parts of folders that hold parts.
    pub parts: Vec<String>,
    /// What was passed over.
    pub findings: Findings,
}

/// Where they are.
pub struct Sources<'a> {
    /// The option that names them.
    pub option: &'static str,
    /// Folders of images, images, lists of images, glyphs:N or random:N; or files of texts, or random:N.
    pub sources: &'a [String],
    /// The column of tables of texts.
    pub column: &'a Column,
    /// How glyphs are rendered.
    pub rendering: &'a GlyphArguments,
    /// Whether a file that cannot be read is an error, in place of being passed over.
    pub strict: bool,
}

/// Tokens of a random text.
const RANDOM_TOKENS: usize = 64;

impl Sources<'_> {
    /// For `model`, at most `limit` of files, spread evenly over them; random ones by `seed`.
    ///
    /// # Errors
    /// If there are none that the model takes.
    pub fn read(&self, model: &FloatModel, limit: usize, seed: u64) -> Result<Shown> {
        let made = |inputs, random, source: &str| Shown {
            inputs,
            random,
            source: source.to_owned(),
            parts: Vec::new(),
            findings: Findings::default(),
        };
        if let [source] = self.sources {
            if let Some(count) = source.strip_prefix("random:") {
                let tokens = RANDOM_TOKENS.min(
                    model
                        .config
                        .text()
                        .map_or(1, |limits| limits.positions as usize),
                );
                let inputs = Inputs::random(&model.config, number(count)?, tokens, seed)?;
                let source = match inputs {
                    Inputs::Images(_) => "random images: for work on speed alone",
                    Inputs::Texts(_) => "random tokens: for work on speed alone",
                };
                return Ok(made(inputs, true, source));
            }
            if let Some(count) = source.strip_prefix("glyphs:") {
                let count = number(count)?;
                let [split] = self.rendering.splits([(Part::Train, count)])?;
                images::bound(&model.config.image()?, count)?;
                let read = (0..count).into_par_iter().map(|at| Ok(split.get(0, at)?.0));
                let images: Vec<Pixels> = read.collect::<Result<_>>()?;
                let inputs = Inputs::Images(images);
                return Ok(made(inputs, false, "glyphs of the training fonts"));
            }
        }
        if model.config.text().is_ok() {
            let inputs = self.texts(model, limit)?;
            return Ok(made(inputs, false, "files of texts"));
        }
        self.files(model, limit)
    }

    /// The tokens of at most `limit` texts of the files, spread evenly over them.
    fn texts(&self, model: &FloatModel, limit: usize) -> Result<Inputs> {
        let limits = model.config.text()?;
        let Some(tokenization) = &model.tokenization else {
            bail!(
                "expected a model with its tokenizer, found one without: {} random:N takes none",
                self.option
            );
        };
        let tokenizer = Tokenizer::new(tokenization, limits)?;
        let mut lines = Vec::new();
        for source in self.sources {
            lines.extend(self.column.read(source)?.texts);
        }
        let count = limit.min(lines.len());
        let encode = |at: usize| Ok(tokenizer.encode(&lines[at * lines.len() / count])?.tokens);
        let tokens = (0..count).into_par_iter().map(encode);
        Ok(Inputs::Texts(tokens.collect::<Result<_>>()?))
    }

    fn files(&self, model: &FloatModel, limit: usize) -> Result<Shown> {
        let (mut sources, mut names) = (Vec::new(), Vec::new());
        let mut folders = false;
        for source in self.sources {
            let made = source.starts_with("random:") || source.starts_with("glyphs:");
            if made && !Path::new(source).exists() {
                bail!(
                    "expected {source} alone for {}, found other images beside it",
                    self.option
                );
            }
            if !Path::new(source).is_dir() {
                sources.push(source.clone());
                continue;
            }
            folders = true;
            let part = parts::find(source, &[Split::Train, Split::Validation, Split::Test])?;
            // Masks are no images.
            let path = MaskFolder::images_of(&part.path).unwrap_or(part.path);
            let Some(path) = path.to_str() else {
                bail!("expected a path in UTF-8, found {}", path.display());
            };
            sources.push(path.to_owned());
            names.extend(part.name);
        }
        let ImageFiles {
            paths,
            mut findings,
        } = ImageFiles::open(&sources)?;
        passed_over::check(&findings, self.strict)?;
        let length = paths.len();
        let count = limit.min(length);
        let shape = model.config.image()?;
        images::bound(&shape, count)?;
        let read = (0..count).into_par_iter().map(|at| {
            let path = &paths[at * length / count];
            let pixels = picture::load(path, &shape, &model.preprocessing);
            (path.clone(), pixels)
        });
        let read: Vec<_> = read.collect();
        let images = passed_over::apart(read, self.strict, &mut findings.skipped)?;
        if images.is_empty() {
            return Err(unread(&findings.skipped).into());
        }
        let source = match folders {
            true => "a folder of images",
            false => "image files",
        };
        Ok(Shown {
            inputs: Inputs::Images(images),
            random: false,
            source: source.to_owned(),
            parts: names,
            findings,
        })
    }
}

fn number(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(number) if (1..=10_000_000).contains(&number) => Ok(number),
        _ => bail!("expected a number of images from 1 to 10000000, found {text:?}"),
    }
}
