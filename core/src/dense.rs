//! Dense prediction: from a class for each cell of a map to one for each pixel.
//!
//! A dense model ([`Config::cells`](crate::architecture::Config::cells)) puts out logits for each cell of its last map of
//! tokens. Between the middles of cells they are interpolated, as in Segmenter's linear decoder (arXiv 2105.05633): in
//! integers exactly, so that the classes of pixels have the same bits wherever they are told.
//!
//! ```
//! use intformer::dense::Cells;
//!
//! // Two cells side by side of an image of 2 x 8 pixels, and two classes.
//! let cells = Cells { first: 0, map: [1, 2], side: 4, size: [2, 8] };
//! let classes = cells.classes(&[4, 0, 0, 4], 2)?;
//! assert_eq!(classes[..8], [0, 0, 0, 0, 1, 1, 1, 1]);
//!
//! // The second is surer of itself, and wins a pixel more.
//! let classes = cells.classes(&[4, 0, 0, 10], 2)?;
//! assert_eq!(classes[..8], [0, 0, 0, 1, 1, 1, 1, 1]);
//! # Ok::<(), intformer::Error>(())
//! ```

use std::ops::{Add, Mul};

use crate::{Error, Result};

/// The class of a pixel that has none: it counts for nothing.
pub const IGNORED: u16 = u16::MAX;

/// The most classes of a dense model: [`IGNORED`] is none of them.
pub const MAX_CLASSES: usize = IGNORED as usize;

/// The class with the largest of `shares`, of equal ones the first; none if all are 0.
#[cfg(feature = "float")]
pub(crate) fn most(shares: &[f32]) -> Option<usize> {
    let better = |&a: &usize, &b: &usize| shares[a].total_cmp(&shares[b]).then(b.cmp(&a));
    let most = (0..shares.len()).max_by(better)?;
    (shares[most] > 0.0).then_some(most)
}

/// The cells that a dense model gives logits for, and the pixels that they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// Rows of logits before those of the cells: of learned tokens, which are no cells.
    pub first: usize,
    /// Cells down and across.
    pub map: [usize; 2],
    /// Pixels of a side of a cell; the last ones may reach beyond the image.
    pub side: usize,
    /// Height and width of the image in pixels.
    pub size: [usize; 2],
}

/// A logit: an integer one, or one of a float model.
pub trait Logit: Copy {
    /// What sums of products of it with whole numbers are counted in, without loss of an integer.
    type Wide: Copy + PartialOrd + Add<Output = Self::Wide> + Mul<Output = Self::Wide>;
    /// The logit as such a number.
    fn wide(self) -> Self::Wide;
    /// A weight as such a number.
    fn weight(weight: u32) -> Self::Wide;
}

impl Logit for i32 {
    type Wide = i64;
    fn wide(self) -> i64 {
        self.into()
    }
    fn weight(weight: u32) -> i64 {
        weight.into()
    }
}

impl Logit for f32 {
    type Wide = f64;
    fn wide(self) -> f64 {
        self.into()
    }
    fn weight(weight: u32) -> f64 {
        weight.into()
    }
}

/// The two cells whose middles a pixel lies between, and their weights.
struct Between([usize; 2], [u32; 2]);

impl Between {
    /// Of each of `pixels` pixels over `cells` cells of `side` pixels; beyond the first and the last middle the cell itself. A
    /// pixel's middle is at (2 p + 1) / 2 s - 1 / 2 cells, so weights are multiples of 1 / 2 s.
    fn all(cells: usize, side: usize, pixels: usize) -> Vec<Self> {
        let of = |pixel: usize| {
            let at = (2 * pixel + 1).saturating_sub(side);
            let (low, along) = (at / (2 * side), at % (2 * side));
            let high = (low + 1).min(cells - 1);
            Self(
                [low.min(cells - 1), high],
                [(2 * side - along) as u32, along as u32],
            )
        };
        (0..pixels).map(of).collect()
    }
}

impl Cells {
    /// Rows of logits of an image.
    pub fn rows(&self) -> usize {
        self.first + self.map[0] * self.map[1]
    }

    /// For each cell the share of each class in those of its pixels that have one, of which `mask` has the classes; 0 of all in a
    /// cell without such.
    ///
    /// # Errors
    /// [`Error::Data`] if there is not a class for each pixel, or one is none.
    pub fn shares(&self, mask: &[u16], classes: usize) -> Result<Vec<Vec<f32>>> {
        let [height, width] = self.size;
        let known = mask.iter().copied().filter(|&class| class != IGNORED);
        let most = known.max().map_or(0, usize::from);
        if mask.len() != height * width || most >= classes {
            return Err(Error::Data(format!(
                "expected a class below {classes} for each of {height} x {width} pixels, found {} of up to {most}",
                mask.len()
            )));
        }
        let [down, across] = self.map;
        let mut found = Vec::with_capacity(down * across);
        for row in 0..down {
            for column in 0..across {
                let mut counts = vec![0u32; classes];
                let span = |at: usize, most: usize| {
                    (at * self.side).min(most)..((at + 1) * self.side).min(most)
                };
                let columns = span(column, width);
                for y in span(row, height) {
                    for &class in &mask[y * width..][columns.clone()] {
                        if class != IGNORED {
                            counts[usize::from(class)] += 1;
                        }
                    }
                }
                let all = counts.iter().sum::<u32>().max(1) as f32;
                found.push(counts.iter().map(|&count| count as f32 / all).collect());
            }
        }
        Ok(found)
    }

    /// The class with the largest interpolated logit at each pixel, row by row; of equal ones the first. `logits` are those of
    /// an image, `[rows, classes]`. Sums have at most 31 + 2 * 13 bits for images of up to 4096 pixels a side.
    ///
    /// # Errors
    /// [`Error::Run`] if they are not as many, or sides are 0 or above 4096.
    pub fn classes<L: Logit>(&self, logits: &[L], classes: usize) -> Result<Vec<u16>> {
        let sound = |extent: &usize| (1..=4096).contains(extent);
        let sides = self.map.iter().chain(&self.size).chain([&self.side]);
        let whole = sides.into_iter().all(sound)
            && self.first <= 4096
            && (1..=MAX_CLASSES).contains(&classes)
            && [0, 1]
                .iter()
                .all(|&axis| self.map[axis] * self.side >= self.size[axis]);
        if !whole || self.rows().checked_mul(classes) != Some(logits.len()) {
            return Err(Error::Run(format!(
                "expected logits of {classes} classes for each of {self:?}, found {}",
                logits.len()
            )));
        }
        let cells = &logits[self.first * classes..];
        let [down, across] =
            [0, 1].map(|axis| Between::all(self.map[axis], self.side, self.size[axis]));
        let mut found = Vec::with_capacity(down.len() * across.len());
        for Between(rows, of_rows) in &down {
            for Between(columns, of_columns) in &across {
                let mut corners = [(0, L::weight(0)); 4];
                for (corner, slot) in corners.iter_mut().enumerate() {
                    let (row, column) = (corner / 2, corner % 2);
                    let cell = rows[row] * self.map[1] + columns[column];
                    let weight = L::weight(of_rows[row]) * L::weight(of_columns[column]);
                    *slot = (cell * classes, weight);
                }
                let at = |class: usize| {
                    let terms = corners.map(|(start, weight)| cells[start + class].wide() * weight);
                    terms[0] + terms[1] + terms[2] + terms[3]
                };
                let mut best = (0, at(0));
                for class in 1..classes {
                    let value = at(class);
                    if value > best.1 {
                        best = (class, value);
                    }
                }
                found.push(best.0 as u16);
            }
        }
        Ok(found)
    }
}

/// How well predicted classes of pixels fit the true ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlap {
    /// For each class its pixels: true and predicted, true, predicted.
    counts: Vec<[u64; 3]>,
}

impl Overlap {
    /// Of no pixels, for so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            counts: vec![[0; 3]; classes],
        }
    }

    /// Counts the pixels of an image whose true class is known.
    ///
    /// # Errors
    /// [`Error::Run`] if there are not as many of both, or a class is none.
    pub fn add(&mut self, truth: &[u16], found: &[u16]) -> Result<()> {
        let classes = self.counts.len();
        let known = truth.iter().filter(|&&class| class != IGNORED);
        let most = known.chain(found).copied().max();
        if truth.len() != found.len() || most.is_some_and(|class| usize::from(class) >= classes) {
            return Err(Error::Run(format!(
                "expected as many pixels of {classes} classes, found {} and {}, of classes up to {most:?}",
                truth.len(),
                found.len()
            )));
        }
        let pairs = truth.iter().zip(found);
        for (&truth, &found) in pairs.filter(|(truth, _)| **truth != IGNORED) {
            self.counts[usize::from(truth)][0] += u64::from(truth == found);
            self.counts[usize::from(truth)][1] += 1;
            self.counts[usize::from(found)][2] += 1;
        }
        Ok(())
    }

    /// Pixels whose true class is known.
    pub fn pixels(&self) -> u64 {
        self.counts.iter().map(|counts| counts[1]).sum()
    }

    /// The share of those whose class is right; no number if there are none.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = self.counts.iter().map(|counts| counts[0]).sum();
        right as f64 / self.pixels() as f64
    }

    /// The intersection over the union of each class; none of one that is neither true nor predicted anywhere.
    pub fn by_class(&self) -> Vec<Option<f64>> {
        let share = |&[both, truth, found]: &[u64; 3]| {
            let either = truth + found - both;
            (either > 0).then(|| both as f64 / either as f64)
        };
        self.counts.iter().map(share).collect()
    }

    /// The mean intersection over union of the classes that there are; no number if there are none.
    pub fn mean(&self) -> f64 {
        let known: Vec<f64> = self.by_class().into_iter().flatten().collect();
        known.iter().sum::<f64>() / known.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bilinear interpolation as it is defined, in floats.
    fn plain(cells: &Cells, logits: &[i32], classes: usize, [y, x]: [usize; 2]) -> Vec<f64> {
        let place = |pixel: usize, axis: usize| {
            let at = ((pixel as f64 + 0.5) / cells.side as f64 - 0.5).max(0.0);
            let low = (at.floor() as usize).min(cells.map[axis] - 1);
            (low, (low + 1).min(cells.map[axis] - 1), at - at.floor())
        };
        let ((top, bottom, v), (left, right, u)) = (place(y, 0), place(x, 1));
        let at = |row: usize, column: usize, class: usize| {
            f64::from(logits[(cells.first + row * cells.map[1] + column) * classes + class])
        };
        (0..classes)
            .map(|class| {
                let upper = at(top, left, class) * (1.0 - u) + at(top, right, class) * u;
                let lower = at(bottom, left, class) * (1.0 - u) + at(bottom, right, class) * u;
                upper * (1.0 - v) + lower * v
            })
            .collect()
    }

    proptest! {
        #[test]
        fn each_pixel_has_the_class_of_the_largest_interpolated_logit(
            map in [1usize..5, 1usize..5], side in 1usize..7, cut in [0usize..7, 0usize..7], first in 0usize..3,
            classes in 1usize..5, seed: u64,
        ) {
            // The last cells reach beyond the image.
            let size = [0, 1].map(|axis| map[axis] * side - cut[axis] % side);
            let cells = Cells { first, map, side, size };
            let mut state = seed;
            let logits: Vec<i32> = (0..cells.rows() * classes).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 40) as i32 - (1 << 23)
            }).collect();
            let found = cells.classes(&logits, classes).unwrap();
            prop_assert_eq!(found.len(), size[0] * size[1]);
            for (at, &class) in found.iter().enumerate() {
                let values = plain(&cells, &logits, classes, [at / size[1], at % size[1]]);
                let best = values.iter().copied().fold(f64::MIN, f64::max);
                prop_assert!(values[usize::from(class)] > best - 1e-6 * (1.0 + best.abs()));
            }
            // A float model's logits of the same values give the same.
            let floats: Vec<f32> = logits.iter().map(|&logit| logit as f32).collect();
            prop_assert_eq!(cells.classes(&floats, classes).unwrap(), found);
        }
    }

    #[test]
    fn extreme_logits_do_not_overflow() {
        let cells = Cells {
            first: 0,
            map: [1, 2],
            side: 2048,
            size: [2048, 4096],
        };
        let found = cells.classes(&[i32::MIN, i32::MAX, i32::MAX, i32::MIN], 2);
        let found = found.unwrap();
        assert_eq!((found[0], found[4095]), (1, 0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cells = Cells {
            first: 1,
            map: [2, 2],
            side: 4,
            size: [8, 8],
        };
        let short = Cells { side: 3, ..cells };
        assert!(short.classes(&[0; 10], 2).is_err());
        assert!(cells.classes(&[0; 9], 2).is_err());
        assert!(cells.classes(&[0; 10], 2).is_ok());
        assert!(cells.classes::<i32>(&[], 0).is_err());
        let empty = Cells {
            map: [0, 2],
            ..cells
        };
        assert!(empty.classes(&[0; 2], 2).is_err());
    }

    #[test]
    fn a_cell_has_the_shares_of_its_pixels() {
        let cells = Cells {
            first: 1,
            map: [1, 2],
            side: 2,
            size: [2, 4],
        };
        let shares = cells.shares(&[0, 1, 1, 1, 0, 0, 2, 1], 3).unwrap();
        assert_eq!(shares, [vec![0.75, 0.25, 0.0], vec![0.0, 0.75, 0.25]]);
        let shares = cells.shares(&[0, IGNORED, IGNORED, IGNORED, 1, 1, IGNORED, IGNORED], 3);
        assert_eq!(
            shares.unwrap(),
            [vec![1.0 / 3.0, 2.0 / 3.0, 0.0], vec![0.0; 3]]
        );
        // A cell that reaches beyond the image has the pixels that there are.
        let cut = Cells {
            size: [2, 3],
            ..cells
        };
        let shares = cut.shares(&[0, 1, 1, 0, 0, 2], 3).unwrap();
        assert_eq!(shares, [vec![0.75, 0.25, 0.0], vec![0.0, 0.5, 0.5]]);
        assert!(cells.shares(&[0; 7], 3).is_err());
        assert!(cells.shares(&[3; 8], 3).is_err());
    }

    #[cfg(feature = "float")]
    #[test]
    fn a_cell_without_classes_has_none() {
        assert_eq!(most(&[0.0, 0.5, 0.5]), Some(1));
        assert_eq!(most(&[0.0; 3]), None);
    }

    #[test]
    fn overlaps_are_counted_by_class() {
        let mut overlap = Overlap::new(4);
        overlap.add(&[0, 0, 1, 2], &[0, 1, 1, 1]).unwrap();
        assert_eq!(overlap.accuracy(), 0.5);
        assert_eq!(
            overlap.by_class(),
            [Some(0.5), Some(1.0 / 3.0), Some(0.0), None]
        );
        assert!((overlap.mean() - (0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
        overlap.add(&[IGNORED], &[3]).unwrap();
        assert_eq!(overlap.by_class()[3], None);
        assert!(overlap.add(&[0], &[0, 1]).is_err());
        assert!(overlap.add(&[4], &[0]).is_err());
        // What is predicted is a class, also where the truth is not known.
        assert!(overlap.add(&[0], &[IGNORED]).is_err());
        assert!(overlap.add(&[IGNORED], &[IGNORED]).is_err());
        assert_eq!((overlap.pixels(), Overlap::new(4).pixels()), (4, 0));
    }
}
