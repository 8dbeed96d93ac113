//! The images or texts that a model is pruned by.

use std::path::Path;

use anyhow::{Result, bail};
use intformer::{
    FloatModel,
    data::{Dataset, Findings, unread},
    graph::OutputKind,
    method::prune::Items,
};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

use super::{Options, outcome::answers};
use crate::{
    cli::Globals,
    command::{data::Part, dense, labelled::Taken, shown::Sources},
    inputs::Inputs,
    largest::largest,
    model::Model,
};

impl Options {
    /// Labelled images or texts, with the class of each.
    pub(super) fn labelled(
        &self,
        model: &FloatModel,
        globals: &Globals,
    ) -> Result<(Inputs, Vec<usize>, Findings)> {
        let taken = Taken {
            parts: &[Part::Train],
            count: Some(self.method.items()),
            seed: Some(self.details.seed),
        };
        let found = self.examples.open(
            &Model::Float(Box::new(model.clone())),
            &self.column,
            &taken,
            globals,
        )?;
        found.announce(globals);
        let mut findings = found.findings();
        let strict = self.examples.strict;
        let (inputs, classes) = found.read(found.places(), strict, &mut findings.skipped)?;
        if classes.is_empty() {
            return Err(unread(&findings.skipped).into());
        }
        Ok((inputs, classes, findings))
    }

    /// Images with masks, with the classes of their cells.
    pub(super) fn masked(
        &self,
        model: &FloatModel,
        folder: &Path,
        globals: &Globals,
    ) -> Result<(Inputs, Vec<usize>, Findings)> {
        let part = self.examples.split.unwrap_or(Part::Train);
        let float = Model::Float(Box::new(model.clone()));
        let data = dense::open(&float, folder, &[part.split()], globals)?;
        let cells = dense::cells(&float)?;
        let count = self.examples.limit.unwrap_or(self.method.items());
        let mut random = ChaCha8Rng::seed_from_u64(self.details.seed);
        let mut places = index::sample(&mut random, data.len(), count.min(data.len())).into_vec();
        places.sort_unstable();
        let (mut images, mut classes) = (Vec::new(), Vec::new());
        for place in places {
            let (scene, _) = data.get(0, place)?;
            let shares = cells.shares(&scene.mask, data.labels().len())?;
            classes.extend(shares.iter().map(|shares| match largest(shares) {
                class if shares[class] > 0.0 => class,
                _ => Items::NO_CLASS,
            }));
            images.push(scene.image);
        }
        Ok((Inputs::Images(images), classes, Findings::default()))
    }

    /// Images or texts without classes, with the model's answers.
    pub(super) fn answered(
        &self,
        model: &FloatModel,
        globals: &Globals,
    ) -> Result<(Inputs, Vec<usize>, Findings)> {
        if ![OutputKind::Logits, OutputKind::MapLogits].contains(&model.config.output_kind()) {
            bail!(
                "expected a model with classes of whole items or of cells, found one with classes of tokens or without \
                 classes"
            );
        }
        let sources = Sources {
            option: "--unlabelled",
            sources: &self.unlabelled,
            column: &self.column,
            rendering: &self.examples.rendering,
            strict: self.examples.strict,
        };
        let count = self.examples.limit.unwrap_or(self.method.items());
        let shown = sources.read(model, count, self.details.seed)?;
        if shown.random {
            bail!(
                "expected images or texts that a model may see for --unlabelled, found random ones"
            );
        }
        for part in &shown.parts {
            globals.note(&format!("images of the part {part}"));
        }
        let answers = answers(model, shown.inputs.items().samples())?;
        Ok((shown.inputs, answers, shown.findings))
    }
}
