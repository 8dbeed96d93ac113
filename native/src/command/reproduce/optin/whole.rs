//! The model of a task, before anything is cut out of it.

use std::{ops::ControlFlow, path::Path};

use anyhow::{Context, Result, bail};
use intformer::{
    FloatModel,
    architecture::{Activation, Config, PerBlock, SwinConfig},
    checkpoint,
    float::train::{Origin, RateOf, TrainEvent, TrainOptions, train_from, with_labels},
};

use super::{
    results::{Settings, Whole},
    study::{Study, tokens},
    tasks::{Start, Task},
    test_set::{answered_by, float_answers, made_integer},
};
use crate::{
    cli::Globals,
    digest::sha256,
    reading::Reading,
    study::{
        examples::{Data, Wanted},
        folder::Folder,
    },
};

/// The file of the model.
const MODEL: &str = "whole-float.safetensors";
/// The file of the model made integer-only.
pub const INTEGER: &str = "whole.safetensors";
/// The file of what it answers.
pub const RESULT: &str = "whole.json";

/// Examples of a step of its training.
const BATCH: usize = 32;

impl Study {
    /// Reads model and data, and opens the folder, which is new or holds a study of the same settings.
    pub fn open(
        mut settings: Settings,
        assets: &Path,
        out: &Path,
        globals: &Globals,
    ) -> Result<Self> {
        let task = settings.task;
        let model = Reading::of_size(task.side()).float(&settings.from, globals);
        let model = model.context(match task {
            Task::Vit => {
                "the ViT: `cargo xtask assets vit-focus` and tests/assets/vit_focus.py make it; --vit names another"
            }
            Task::Reactions => {
                "the encoder of reactions: `cargo xtask assets reactions` and tests/assets/reactions.py make it; \
                 --reactions names another"
            }
            task if task.takes_images() => {
                "the model of images: name another with --images-from, or run where it is"
            }
            _ => "the encoder: `cargo xtask assets` downloads it; --encoder names another",
        })?;
        if model.config.cells().is_some() {
            bail!(
                "expected a model with classes of whole items, found the dense {}",
                settings.from
            );
        }
        let counts = [settings.examples, settings.test_examples];
        let data = match task.set() {
            Some(set) => {
                let wanted = Wanted {
                    set,
                    model: &settings.from,
                    counts,
                    tokens: settings.tokens,
                    glyphs: model.labels.clone(),
                };
                Data::read(wanted, assets, &model, globals)?
            }
            None => {
                let folder = Path::new(&settings.from);
                let data = Data::of_tables(folder, counts, settings.tokens, &model, globals)?;
                answered(data, &model)?
            }
        };
        if task.start() == Start::AsItIs && data.train.examples().labels() != model.labels {
            bail!(
                "expected a model with the classes of {}, found another",
                task.title()
            );
        }
        let sides = serde_json::to_vec(&(&model.config, &model.preprocessing))?;
        let origin = Origin {
            params: Some(&model.params),
            tokenization: model.tokenization.as_ref(),
            ..Origin::default()
        };
        let [examples, test_examples] = [&data.train, &data.test].map(|set| set.examples().len());
        settings = Settings {
            from_digest: sha256([origin.digest().as_bytes(), &sides].concat()),
            data_digest: data.digest(),
            examples,
            test_examples,
            frozen: task.frozen(model.config.blocks().len()),
            ..settings
        };
        Ok(Self {
            folder: Folder::open(&out.join(task.name()), &settings)?,
            settings,
            model,
            data,
        })
    }

    /// The model that training begins with.
    fn first(&self) -> Result<FloatModel> {
        let labels = self.data.train.examples().labels();
        match self.settings.task.start() {
            Start::AsItIs | Start::Answers => Ok(self.model.clone()),
            Start::Further => Ok(with_labels(&self.model, labels, 0)?),
            Start::Nothing => {
                let shape = self.model.config.image()?;
                let config = SwinConfig {
                    image_size: shape.size(),
                    in_channels: shape.channels,
                    embed_dim: 16,
                    depths: vec![1, 1],
                    heads: vec![1, 1],
                    window_size: 4,
                    mlp_ratio: 1.0,
                    classes: labels.len(),
                    activation: PerBlock::All(Activation::Relu),
                    ..SwinConfig::tiny()
                };
                Ok(FloatModel {
                    config: Config::from(config),
                    ..self.model.clone()
                })
            }
        }
    }

    /// Trains the model, or goes on with that.
    fn train(&self, globals: &Globals) -> Result<FloatModel> {
        let settings = &self.settings;
        let first = self.first()?;
        if let Start::AsItIs | Start::Answers = settings.task.start() {
            return Ok(first);
        }
        let state = Path::new("training");
        let frozen = settings.frozen.iter().map(|of| RateOf {
            of: of.clone(),
            factor: 0.0,
        });
        let options = TrainOptions {
            epochs: settings.epochs,
            last: true,
            batch: BATCH,
            learning_rate: settings.rate,
            weight_decay: 0.01,
            warmup: 0.1,
            clip: 1.0,
            label_smoothing: 0.0,
            rates: frozen.collect(),
            resume: true,
            ..TrainOptions::new(
                first.config.clone(),
                first.preprocessing.clone(),
                self.folder.make(state)?,
            )
        };
        let from_nothing = settings.task.start() == Start::Nothing;
        let origin = Origin {
            params: Some(&first.params).filter(|_| !from_nothing),
            tokenization: first.tokenization.as_ref(),
            ..Origin::default()
        };
        let [train, test] = [&self.data.train, &self.data.test].map(|set| set.examples());
        let bar = globals.bar(
            "training",
            settings.epochs * settings.examples.div_ceil(BATCH),
        );
        let mut ui = |event: &TrainEvent<'_>| {
            if let TrainEvent::Step { .. } = event {
                bar.inc(1);
            }
            ControlFlow::Continue(())
        };
        let trained = train_from(&options, &origin, train, test, &mut ui);
        bar.finish_and_clear();
        Ok(trained?.model)
    }
}

/// `data` with the answers of `model` as the classes.
fn answered(data: Data, model: &FloatModel) -> Result<Data> {
    let [train, test] = [&data.train, &data.test].map(|set| answered_by(model, set));
    Ok(Data {
        train: data.train.with_classes(train?, &model.labels)?,
        test: data.test.with_classes(test?, &model.labels)?,
        ..data
    })
}

/// The model of the study's task, which is made if it is not there, and what it answers.
pub fn whole(study: &Study, globals: &Globals) -> Result<(FloatModel, Whole)> {
    let file = study.folder.path(MODEL);
    let model = match file.exists() {
        true => checkpoint::load(&file)?,
        false => {
            let model = study.train(globals)?;
            checkpoint::save(&model, &file)?;
            study.folder.remove("training")?;
            model
        }
    };
    if let Some(whole) = study.folder.read(RESULT)? {
        return Ok((model, whole));
    }
    let (integer_model, integer) = made_integer(&model, &study.data, globals)?;
    integer_model.save(study.folder.path(INTEGER))?;
    let graph = model.config.graph();
    let whole = Whole {
        score: float_answers(&model, &study.data)?.score,
        integer,
        macs: graph.macs_with(tokens(&study.data.test).unwrap_or(1)),
        parameters: model.params.elements(),
    };
    study.folder.write_json(RESULT, &whole)?;
    Ok((model, whole))
}

/// Epochs of a task's training.
pub fn epochs(task: Task, quick: bool) -> usize {
    match (task.start(), quick) {
        (Start::AsItIs | Start::Answers, _) => 0,
        (_, true) => 1,
        (Start::Further, false) => 3,
        (Start::Nothing, false) => 12,
    }
}

/// Examples that are read of a task by default: to train on, and to test with.
pub fn counts(task: Task, quick: bool) -> [usize; 2] {
    match (quick, task.takes_images()) {
        (true, _) => [192, 96],
        (false, true) => [10_000, 2000],
        (false, false) => [4000, 1000],
    }
}
