//! `intformer eval`: how often a model is right.

use std::{collections::BTreeMap, path::PathBuf, slice};

use anyhow::{Context, Result, bail};
use clap::Args;
use intformer::{
    data::{
        Columns, Dataset, Findings, FolderDataset, GlyphSplit, ImageFolder, Skipped, Split,
        TextTable,
        classes::{ClassFolder, FolderOrder, Matching, Reason, Rule, match_classes},
        parts, unread,
    },
    graph::OutputKind,
    runtime::Token,
};
use rayon::prelude::*;
use serde_json::json;

use crate::{
    answer::Answer,
    cli::{Globals, count, within},
    command::{
        classes::{ClassArguments, Said},
        data::{GlyphArguments, Part},
        passed_over,
    },
    executor::{self, Choice, Runner, threads},
    inputs::Inputs,
    model::Model,
    reading::Reading,
    texts::{self, Column},
};

/// Images or texts that are read and run together.
const CHUNK: usize = 64;

/// Counts how often a model's first, and first five, classes hold the true one.
///
/// Files that cannot be read are passed over, counted and named; only images that were read count.
/// The JSON says so as well (skipped, left_out, empty, without_class), which part of the folder was
/// read, and what matched its classes to the model's (matched: file, names, alike-names, wordnet-ids,
/// numbers, string-order or natural-order). docs/datasets.md has the rule.
///
/// Example: intformer eval models/glyphs.safetensors --glyphs 5000
///
/// Example: intformer eval swin-t.safetensors --data imagenet/val --limit 5000
///
/// Example: intformer eval swin-t.safetensors --data photos --classes photos.json
///
/// Of a model of texts, --data takes a table, .csv, .tsv, .jsonl or .parquet, whose columns --column and --label-column
/// have the texts and their classes.
///
/// Example: intformer eval questions.safetensors --data test.csv --column question --label-column kind
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    examples: Examples,
    #[command(flatten)]
    column: Column,
    /// What runs the model.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
    /// Threads of the executors reference and cpu, at most; all cores by default.
    #[arg(long, value_parser = within(1..=1024))]
    threads: Option<usize>,
}

/// What to evaluate on.
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
    split: Option<Part>,
    #[command(flatten)]
    pub rendering: GlyphArguments,
    /// The column of a table that has the class: its name or its number.
    #[arg(long, default_value = "label")]
    label_column: String,
    /// Takes so many images or texts, spread evenly over all.
    #[arg(long, value_parser = count())]
    limit: Option<usize>,
    /// Ends at the first file that cannot be read, in place of passing it over.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    classes: ClassArguments,
}

/// Images or texts that were found, and the model's class of each of theirs.
pub struct Found {
    data: Data,
    matching: Matching,
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

/// How often a model was right.
pub struct Score {
    /// Images or texts seen.
    pub seen: usize,
    /// Which of both, in a word.
    pub kind: &'static str,
    /// What was passed over.
    pub findings: Findings,
    top1: usize,
    top5: usize,
}

impl Score {
    /// The share of the images whose class came first.
    pub fn top1(&self) -> f64 {
        self.top1 as f64 / self.seen as f64
    }

    /// The share of the images whose class was among the first five.
    pub fn top5(&self) -> f64 {
        self.top5 as f64 / self.seen as f64
    }
}

impl Options {
    /// Evaluates.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        model.classifier()?;
        let threads = threads::count(self.threads, rayon::current_num_threads())?;
        // Before the executor is opened: a wrong folder is a quick answer.
        let data = self.examples.open(&model, &self.column, globals)?;
        let mut runner = executor::one(&model, self.executor, threads, globals)?;
        threads::check(slice::from_ref(&runner), self.threads, &[])?;
        data.announce(globals);
        let score = self.examples.score(&data, &model, &mut runner, globals)?;

        let (n, kind) = (score.seen, score.kind);
        let text = format!(
            "{n} {kind} on {}: top-1 {:.2} %, top-5 {:.2} %\n{}",
            runner.name,
            100.0 * score.top1(),
            100.0 * score.top5(),
            passed_over::text(&score.findings)
        );
        let json = json!({
            "n": n, "top1": score.top1(), "top5": score.top5(), "executor": runner.name,
            "matched": data.matching.rule, "part": data.part,
        });
        let json = passed_over::told(json, &score.findings);
        Answer::new(text, &json)
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::Folder(folder) => folder.len(),
            Self::Glyphs(glyphs) => glyphs.len(),
            Self::Texts(texts, _) => texts.len(),
        }
    }

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
    /// Counts how often `model` is right on `found`, which [`Examples::open`] gave, on `runner`.
    pub fn score(
        &self,
        found: &Found,
        model: &Model,
        runner: &mut Runner,
        globals: &Globals,
    ) -> Result<Score> {
        let Found { data, matching, .. } = found;
        let mut findings = match data {
            Data::Folder(data) => data.folder().findings().clone(),
            Data::Glyphs(_) | Data::Texts(..) => Findings::default(),
        };
        let indices = self.indices(data.len())?;
        let bar = globals.bar("evaluating", indices.len());
        let (mut top1, mut top5, mut seen) = (0, 0, 0);
        for chunk in indices.chunks(CHUNK) {
            let (inputs, truths) = data.read(chunk, self.strict, &mut findings.skipped)?;
            bar.inc(chunk.len() as u64);
            if truths.is_empty() {
                continue;
            }
            let logits = runner.logits(&inputs.items())?;
            seen += truths.len();
            let logits = runner.real(&logits);
            for (row, truth) in logits.chunks(model.config().classes()).zip(truths) {
                let class = matching.classes.get(truth).copied().flatten();
                let class = class.context("expected examples of known classes, found another")?;
                let place = place(row, class);
                top1 += usize::from(place < 1);
                top5 += usize::from(place < 5);
            }
        }
        bar.finish_and_clear();
        if seen == 0 {
            return Err(unread(&findings.skipped).into());
        }
        Ok(Score {
            seen,
            kind: data.kind(),
            findings,
            top1,
            top5,
        })
    }

    /// The data set, and which classes of `model` its own are.
    pub fn open(&self, model: &Model, column: &Column, globals: &Globals) -> Result<Found> {
        let said = self.classes.read()?;
        if model.config().output_kind() != OutputKind::Logits {
            bail!(
                "expected a model with classes of whole items, found one with classes of tokens or without classes"
            );
        }
        if model.config().text().is_ok() {
            return self.table(model, column, &said, globals);
        }
        match (&self.data, self.glyphs) {
            (Some(file), _) if file.is_file() => bail!(
                "expected a folder of images, as the model takes images, found the file {}",
                file.display()
            ),
            (Some(folder), _) => {
                let wanted = match self.split {
                    Some(split) => vec![split.split()],
                    None => vec![Split::Validation, Split::Test],
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
                    data: Data::Folder(Box::new(data)),
                    matching,
                    part: part.name,
                })
            }
            (None, Some(count)) => {
                let split = self.split.unwrap_or(Part::Test);
                let [split] = self.rendering.splits([(split, count)])?;
                let classes = split.labels().iter();
                let classes: Vec<_> = classes
                    .map(|name| ClassFolder { name, empty: false })
                    .collect();
                Ok(Found {
                    matching: match_classes(&classes, &model.classes(), &said.wish())?,
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
        let indices = self.indices(table.texts.len())?;
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
            data: Data::Texts(tokens, classes),
            matching,
            part: None,
        })
    }

    /// Those to take of `length`.
    fn indices(&self, length: usize) -> Result<Vec<usize>> {
        let count = self.limit.unwrap_or(length).min(length);
        if count == 0 {
            bail!("expected something to evaluate on, found nothing");
        }
        Ok((0..count).map(|at| at * length / count).collect())
    }
}

/// How many classes come before `class`: larger logits, and equal ones of lower classes.
fn place(logits: &[f64], class: usize) -> usize {
    let truth = logits[class];
    let before =
        |&(other, &logit): &(usize, &f64)| logit > truth || (logit == truth && other < class);
    logits.iter().enumerate().filter(before).count()
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn ties_go_to_the_lower_class() {
        let logits = [1.0, 3.0, 3.0, 2.0];
        let places: Vec<_> = (0..4).map(|class| place(&logits, class)).collect();
        assert_eq!(places, [3, 0, 1, 2]);
    }
}
