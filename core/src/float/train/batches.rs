//! Batches, made ahead of the training by other threads.

use std::{collections::HashMap, ops::Range, sync::mpsc::SyncSender};

use rand::{Rng, RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};
use rayon::prelude::*;

use super::TrainOptions;
use crate::{
    Error, ImageShape, Result,
    data::{Dataset, Examples, Scene},
    dense,
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
    /// Probabilities `[count, classes]`; of scenes `[count * cells, classes]`, 0 of all in a cell without a class.
    pub targets: Vec<f32>,
    /// The true classes, before smoothing and mixing; of a cell that of most of its pixels, if any has one.
    pub classes: Vec<Option<usize>>,
    /// Their places in the data.
    pub indices: Vec<usize>,
}

impl Batch {
    /// How many classes are known: of the examples, or of their cells.
    pub fn known(&self) -> usize {
        self.classes.iter().flatten().count()
    }
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
        Examples::Images(_) | Examples::Scenes(_) => {
            order.chunks(options.batch).map(<[_]>::to_vec).collect()
        }
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
            .and_then(|batch| mixed(options, batch, epoch, place));
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
        Examples::Scenes(scenes) => {
            let (scenes, _) = read(scenes, epoch, indices)?;
            return of_scenes(options, scenes, indices, smoothing);
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
        classes: classes.into_iter().map(Some).collect(),
        indices: indices.to_vec(),
    })
}

/// A batch of scenes: the target of a cell are the shares of the classes in its pixels, so that its cross-entropy is the mean of
/// theirs.
fn of_scenes(
    options: &TrainOptions,
    scenes: Vec<Scene>,
    indices: &[usize],
    smoothing: f32,
) -> Result<Batch> {
    let config = &options.config;
    let cells = config.cells().ok_or_else(|| {
        Error::Training("expected a dense model for scenes, found another".to_owned())
    })?;
    let classes = config.classes();
    let (pixels, masks): (Vec<_>, Vec<_>) = scenes
        .into_iter()
        .map(|scene| (scene.image, scene.mask))
        .unzip();
    let images = normalized(&config.image()?, &options.preprocessing, &pixels)?;
    let (mut targets, mut likeliest) = (Vec::new(), Vec::new());
    for mask in &masks {
        for shares in cells.shares(mask, classes)? {
            let most = dense::most(&shares);
            likeliest.push(most);
            let smooth = |share: f32| match most {
                Some(_) => smoothing / classes as f32 + (1.0 - smoothing) * share,
                None => 0.0,
            };
            targets.extend(shares.into_iter().map(smooth));
        }
    }
    Ok(Batch {
        items: Items::Images(images),
        targets,
        classes: likeliest,
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

/// Mixes each image with the one at the mirrored place of its batch, as mixup or CutMix do.
fn mixed(options: &TrainOptions, mut batch: Batch, epoch: u64, place: usize) -> Result<Batch> {
    let Items::Images(images) = &mut batch.items else {
        return Ok(batch);
    };
    let random = &mut random(options.seed, Purpose::Mix, epoch, place as u64);
    let cuts = match [options.mixup, options.cutmix].map(|alpha| alpha > 0.0) {
        [false, false] => return Ok(batch),
        [mixup, cutmix] => cutmix && (!mixup || random.random::<bool>()),
    };
    let alpha = if cuts { options.cutmix } else { options.mixup };
    // A distribution of an alpha that is too small for one is none of mixing.
    let Ok(beta) = Beta::new(alpha, alpha) else {
        return Ok(batch);
    };
    let share = beta.sample(random);
    let count = batch.classes.len();
    let share = match cuts {
        false => {
            *images = mix(images, count, share as f32);
            share
        }
        true => {
            let shape = options.config.image()?;
            let window = rectangle(shape.size(), share, random);
            *images = patched(images, &shape, &window);
            let [rows, columns] = &window;
            1.0 - (rows.len() * columns.len()) as f64 / shape.pixels() as f64
        }
    };
    batch.targets = mix(&batch.targets, count, share as f32);
    Ok(batch)
}

fn mix(values: &[f32], count: usize, share: f32) -> Vec<f32> {
    let row = values.len() / count;
    let mirrored = values.chunks(row).rev().flatten();
    let pairs = values.iter().zip(mirrored);
    pairs.map(|(a, b)| share * a + (1.0 - share) * b).collect()
}

/// Rows and columns around any pixel of an image of `size`, cut off at its edges, that would leave `share` of it.
fn rectangle(size: [usize; 2], share: f64, random: &mut impl Rng) -> [Range<usize>; 2] {
    let side = (1.0 - share).sqrt();
    size.map(|length| {
        let half = (length as f64 * side) as usize / 2;
        let middle = random.random_range(0..length);
        middle.saturating_sub(half)..(middle + half).min(length)
    })
}

/// `images` with a window of each from the one at the mirrored place.
fn patched(images: &[f32], shape: &ImageShape, [rows, columns]: &[Range<usize>; 2]) -> Vec<f32> {
    let mut mixed = images.to_vec();
    let sources = images.chunks_exact(shape.bytes()).rev();
    for (image, source) in mixed.chunks_exact_mut(shape.bytes()).zip(sources) {
        for row in rows.clone() {
            let [start, end] = [columns.start, columns.end]
                .map(|column| (row * shape.width + column) * shape.channels);
            image[start..end].copy_from_slice(&source[start..end]);
        }
    }
    mixed
}

fn random(seed: u64, purpose: Purpose, epoch: u64, place: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    let words = [seed, purpose as u64, epoch, place];
    for (slot, word) in bytes.chunks_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rectangle_leaves_about_the_share_unless_an_edge_cuts_it(
            height in 1usize..80, width in 1usize..80, share in 0.0f64..=1.0, seed: u64,
        ) {
            let [rows, columns] = rectangle([height, width], share, &mut random(seed, Purpose::Mix, 0, 0));
            prop_assert!(rows.end <= height && columns.end <= width);
            let cut = (rows.len() * columns.len()) as f64 / (height * width) as f64;
            prop_assert!(cut <= 1.0 - share + 1e-9);
        }
    }

    #[test]
    fn a_window_is_that_of_the_image_at_the_mirrored_place() {
        let shape = ImageShape::new(2, 3, 1);
        let images: Vec<f32> = (0..18u8).map(f32::from).collect();
        let found = patched(&images, &shape, &[1..2, 1..3]);
        assert_eq!(found[..6], [0.0, 1.0, 2.0, 3.0, 16.0, 17.0]);
        // The middle of three is its own mirror image.
        assert_eq!(found[6..12], images[6..12]);
        assert_eq!(found[12..], [12.0, 13.0, 14.0, 15.0, 4.0, 5.0]);
    }
}
