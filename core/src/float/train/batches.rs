//! Batches, made ahead of the training by other threads.

use std::{collections::HashMap, sync::mpsc::SyncSender};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};
use rayon::prelude::*;

use super::TrainOptions;
use crate::{
    Error, Result,
    data::{Dataset, Examples},
    float::run::normalized,
    input::Token,
};

/// Batches that may wait for the training.
pub const AHEAD: usize = 3;

/// Batches among which texts are sorted by length, so that few tokens fill up.
const SORTED: usize = 32;

/// Examples and what the model should say about them.
pub struct Batch {
    /// What the model takes.
    pub items: Items,
    /// Probabilities `[count, classes]`.
    pub targets: Vec<f32>,
    /// The true classes, before smoothing and mixing.
    pub classes: Vec<usize>,
    /// Their places in the data.
    pub indices: Vec<usize>,
}

/// The examples of a batch without their classes.
pub enum Items {
    /// Normalized images `[count, height * width, channels]`.
    Images(Vec<f32>),
    /// The tokens of texts.
    Texts(Vec<Vec<Token>>),
}

/// What the random choices are for, so that no two draw from the same stream.
#[derive(Clone, Copy)]
enum Purpose {
    Order = 1,
    Mix = 2,
    Batches = 3,
}

/// Makes the batches of epoch `epoch` from batch `first` on and hands them over in order, until
/// the receiver is gone. Order, smoothing and mixing depend on the seed, the epoch and the place
/// alone.
pub fn produce(
    options: &TrainOptions,
    data: Examples,
    epoch: u64,
    first: usize,
    sender: &SyncSender<Result<Batch>>,
) {
    let epoch = options.first_epoch + epoch;
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.shuffle(&mut random(options.seed, Purpose::Order, epoch, 0));
    order.truncate(options.examples(data.len()));
    let batches = match data {
        Examples::Images(_) => order.chunks(options.batch).map(<[_]>::to_vec).collect(),
        Examples::Texts(texts) => match alike(options, texts, epoch, order) {
            Ok(batches) => batches,
            Err(error) => {
                // Nobody is left to hear of it if the receiver is gone.
                let _ = sender.send(Err(error));
                return;
            }
        },
    };
    for (place, indices) in batches.iter().enumerate().skip(first) {
        let batch = load(options, data, epoch, indices, options.label_smoothing)
            .map(|batch| mixed(options, batch, epoch, place));
        let failed = batch.is_err();
        if sender.send(batch).is_err() || failed {
            return;
        }
    }
}

/// `order` in batches of texts of similar lengths, in an order that does not depend on them.
fn alike(
    options: &TrainOptions,
    texts: &dyn Dataset<Vec<Token>>,
    epoch: u64,
    mut order: Vec<usize>,
) -> Result<Vec<Vec<usize>>> {
    let length = |&index: &usize| Ok((index, texts.get(epoch, index)?.0.len()));
    let lengths: HashMap<usize, usize> = order.iter().map(length).collect::<Result<_>>()?;
    for some in order.chunks_mut(SORTED * options.batch) {
        some.sort_by_key(|index| lengths[index]);
    }
    let batches = order.chunks(options.batch).map(<[_]>::to_vec);
    let mut batches: Vec<_> = batches.collect();
    batches.shuffle(&mut random(options.seed, Purpose::Batches, epoch, 0));
    Ok(batches)
}

/// Makes the batches of a data set in its own order, without smoothing or mixing.
pub fn produce_plain(options: &TrainOptions, data: Examples, sender: &SyncSender<Result<Batch>>) {
    let order: Vec<usize> = (0..data.len()).collect();
    for indices in order.chunks(options.batch) {
        let batch = load(options, data, 0, indices, 0.0);
        let failed = batch.is_err();
        if sender.send(batch).is_err() || failed {
            return;
        }
    }
}

fn load(
    options: &TrainOptions,
    data: Examples,
    epoch: u64,
    indices: &[usize],
    smoothing: f32,
) -> Result<Batch> {
    let (items, classes) = match data {
        Examples::Images(images) => {
            let (pixels, classes) = read(images, epoch, indices)?;
            let images = normalized(&options.config.image()?, &options.preprocessing, &pixels)?;
            (Items::Images(images), classes)
        }
        Examples::Texts(texts) => {
            let (texts, classes) = read(texts, epoch, indices)?;
            let limits = options.config.text()?;
            for (text, &index) in texts.iter().zip(indices) {
                limits.check(index, text)?;
            }
            (Items::Texts(texts), classes)
        }
    };
    let count = options.config.classes();
    let mut targets = vec![smoothing / count as f32; classes.len() * count];
    for (row, &class) in targets.chunks_mut(count).zip(&classes) {
        let Some(target) = row.get_mut(class) else {
            return Err(Error::Training(format!(
                "expected classes below {count}, found {class}"
            )));
        };
        *target += 1.0 - smoothing;
    }
    Ok(Batch {
        items,
        targets,
        classes,
        indices: indices.to_vec(),
    })
}

/// Examples and their classes, read side by side.
fn read<T: Send>(
    data: &dyn Dataset<T>,
    epoch: u64,
    indices: &[usize],
) -> Result<(Vec<T>, Vec<usize>)> {
    let read = indices.par_iter().map(|&index| data.get(epoch, index));
    let read: Vec<_> = read.collect::<Result<_>>()?;
    Ok(read.into_iter().unzip())
}

/// Mixes each image with the one at the mirrored place of its batch (arXiv 1710.09412).
fn mixed(options: &TrainOptions, mut batch: Batch, epoch: u64, place: usize) -> Batch {
    if options.mixup > 0.0
        && let Items::Images(images) = &batch.items
        && let Ok(beta) = Beta::new(options.mixup, options.mixup)
    {
        let random = &mut random(options.seed, Purpose::Mix, epoch, place as u64);
        let share = beta.sample(random) as f32;
        let count = batch.classes.len();
        batch.items = Items::Images(mix(images, count, share));
        batch.targets = mix(&batch.targets, count, share);
    }
    batch
}

fn mix(values: &[f32], count: usize, share: f32) -> Vec<f32> {
    let row = values.len() / count;
    let mirrored = values.chunks(row).rev().flatten();
    let pairs = values.iter().zip(mirrored);
    pairs.map(|(a, b)| share * a + (1.0 - share) * b).collect()
}

fn random(seed: u64, purpose: Purpose, epoch: u64, place: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    let words = [seed, purpose as u64, epoch, place];
    for (slot, word) in bytes.chunks_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}
