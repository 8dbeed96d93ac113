//! The images that the figures are told on, and what models say of them.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use intformer::{
    FloatModel, Pixels,
    architecture::Block,
    data::Dataset,
    float::{self, FloatRunner},
    plan::IntModel,
    quant::{Observer, QuantizeOptions, quantize},
    runtime::{Batch, Cpu, Executor},
};
use rayon::prelude::*;

use super::results::{BlockHistogram, Confusion, Example, Pair, Score};
use crate::{largest::largest, study::picture};

/// Images that run through the CPU executor at once.
const BATCH: usize = 8;

/// Bins of a histogram.
const BINS: usize = 48;

/// Images that histograms are taken over.
const SEEN: usize = 256;

/// Examples that are kept.
const EXAMPLES: usize = 24;

/// The images of the test with their classes, those of the calibration, and the teacher's answers.
pub struct TestSet {
    pub classes: Vec<String>,
    images: Vec<Pixels>,
    truths: Vec<usize>,
    calibration: Vec<Pixels>,
    teacher: Vec<usize>,
}

/// What a model says of the test images.
struct Answers {
    named: Vec<usize>,
    digest: String,
}

impl TestSet {
    /// Reads all images.
    pub fn new(
        test: &dyn Dataset,
        calibration: &dyn Dataset,
        teacher: &FloatModel,
    ) -> Result<Self> {
        let read = |data: &dyn Dataset| -> Result<Vec<(Pixels, usize)>> {
            let images = (0..data.len()).into_par_iter().map(|at| data.get(0, at));
            Ok(images.collect::<intformer::Result<_>>()?)
        };
        let (images, truths): (Vec<_>, Vec<_>) = read(test)?.into_iter().unzip();
        let calibration = read(calibration)?.into_iter().map(|(image, _)| image);
        let mut set = Self {
            classes: test.labels().to_vec(),
            images,
            truths,
            calibration: calibration.collect(),
            teacher: Vec::new(),
        };
        set.teacher = set.float(teacher)?;
        Ok(set)
    }

    fn float(&self, model: &FloatModel) -> Result<Vec<usize>> {
        let logits = FloatRunner::new(model)?.logits(&self.images)?;
        Ok(logits.iter().map(|row| largest(row)).collect())
    }

    fn integer(&self, model: &IntModel) -> Result<Answers> {
        let mut cpu = Cpu::new(Arc::new(model.program()?));
        let mut logits = Vec::new();
        for batch in self.images.chunks(BATCH) {
            let bytes: Vec<u8> = batch
                .iter()
                .flat_map(|image| &image.data)
                .copied()
                .collect();
            let batch = Batch::images(&bytes, batch.len());
            logits.extend(cpu.run(&batch)?.into_first());
        }
        let rows = logits.chunks(model.config.classes());
        Ok(Answers {
            named: rows.map(largest).collect(),
            digest: intformer::digest(&logits),
        })
    }

    fn score(&self, named: &[usize]) -> Score {
        let share = |truth: &[usize]| {
            let right = named.iter().zip(truth).filter(|(a, b)| a == b).count();
            right as f64 / named.len() as f64
        };
        Score {
            top1: share(&self.truths),
            agreement: share(&self.teacher),
        }
    }

    /// The teacher's score as it is.
    pub fn teacher(&self) -> Score {
        self.score(&self.teacher)
    }

    /// `model` made integer-only.
    pub fn quantized(&self, model: &FloatModel, options: &QuantizeOptions) -> Result<IntModel> {
        let images = &self.calibration;
        let calibration = float::calibrate(model, images, |_| ())?;
        let source = "images to train on";
        Ok(quantize(
            model,
            &calibration,
            options,
            source,
            images.len(),
        )?)
    }

    /// The score of `model` made integer-only.
    pub fn integer_score(&self, model: &FloatModel, options: &QuantizeOptions) -> Result<Score> {
        let answers = self.integer(&self.quantized(model, options)?)?;
        Ok(self.score(&answers.named))
    }

    /// The scores of `model` as it is and integer-only, and the digest of the latter's logits.
    pub fn pair(&self, model: &FloatModel) -> Result<(Pair, String)> {
        let answers = self.integer(&self.quantized(model, &QuantizeOptions::default())?)?;
        let pair = Pair {
            float: self.score(&self.float(model)?),
            integer: self.score(&answers.named),
        };
        Ok((pair, answers.digest))
    }

    /// What the integer-only `student` mixes up, and images on which it and the teacher differ.
    pub fn mistakes(&self, student: &FloatModel) -> Result<(Vec<Confusion>, Vec<Example>)> {
        let model = self.quantized(student, &QuantizeOptions::default())?;
        let named = self.integer(&model)?.named;
        let mut pairs: BTreeMap<(usize, usize), [usize; 2]> = BTreeMap::new();
        let mut examples = Vec::new();
        for (at, &truth) in self.truths.iter().enumerate() {
            let (student, teacher) = (named[at], self.teacher[at]);
            for (who, answer) in [student, teacher].into_iter().enumerate() {
                if answer != truth {
                    pairs.entry((truth, answer)).or_default()[who] += 1;
                }
            }
            if student != teacher && examples.len() < EXAMPLES {
                let label = |class: usize| self.classes[class].clone();
                examples.push(Example {
                    truth: label(truth),
                    teacher: label(teacher),
                    student: label(student),
                    side: self.images[at].height,
                    png: picture::png(&self.images[at])?,
                });
            }
        }
        let mut confusions: Vec<_> = pairs
            .into_iter()
            .filter(|(_, [student, _])| *student > 0)
            .map(|((truth, named), [student, teacher])| Confusion {
                truth: self.classes[truth].clone(),
                named: self.classes[named].clone(),
                student,
                teacher,
            })
            .collect();
        confusions.sort_by_key(|pair| std::cmp::Reverse(pair.student));
        confusions.truncate(20);
        Ok((confusions, examples))
    }

    /// What the activations of the two models put out.
    pub fn histograms(
        &self,
        teacher: &FloatModel,
        student: &FloatModel,
    ) -> Result<Vec<BlockHistogram>> {
        let images = &self.images[..SEEN.min(self.images.len())];
        let blocks = teacher.config.blocks();
        let see = |model: &FloatModel| -> Result<Activations> {
            let sites = blocks
                .iter()
                .map(|&block| (teacher.config.activation_site(block), Vec::new()));
            let mut seen = Activations(sites.collect());
            let mut runner = FloatRunner::new(model)?;
            for batch in images.chunks(32) {
                runner.observe(batch, &mut seen, |_| ())?;
            }
            Ok(seen)
        };
        let (config, teacher, student) = (&teacher.config, see(teacher)?, see(student)?);
        let histogram = |&block: &Block| {
            let site = config.activation_site(block);
            histogram(config.site(block), &teacher.0[&site], &student.0[&site])
        };
        Ok(blocks.iter().map(histogram).collect())
    }
}

/// The values at some sites.
struct Activations(BTreeMap<String, Vec<f32>>);

impl Observer for Activations {
    fn observe(&mut self, site: &str, _: usize, values: &[f32]) {
        if let Some(kept) = self.0.get_mut(site) {
            kept.extend(values);
        }
    }
}

fn histogram(block: String, teacher: &[f32], student: &[f32]) -> BlockHistogram {
    let all = || teacher.iter().chain(student).copied();
    let low = f64::from(all().fold(0.0, f32::min));
    let high = f64::from(all().fold(0.0, f32::max)).max(low + 1e-6);
    let shares = |values: &[f32]| {
        let mut bins = vec![0usize; BINS];
        for &value in values {
            let place = (f64::from(value) - low) / (high - low) * BINS as f64;
            bins[(place as usize).min(BINS - 1)] += 1;
        }
        let share = |count: usize| count as f64 / values.len().max(1) as f64;
        bins.into_iter().map(share).collect()
    };
    let zeros = student.iter().filter(|&&value| value == 0.0).count();
    BlockHistogram {
        block,
        low,
        high,
        teacher: shares(teacher),
        student: shares(student),
        zeros: zeros as f64 / student.len().max(1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_all_values_and_zeros_are_counted() {
        let found = histogram("b".to_owned(), &[-0.1, 0.4], &[0.0, 0.0, 1.1]);
        assert!((found.low, found.high) == (f64::from(-0.1f32), f64::from(1.1f32)));
        for shares in [&found.teacher, &found.student] {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        assert_eq!(found.student[BINS - 1], 1.0 / 3.0);
        assert_eq!(found.zeros, 2.0 / 3.0);
        assert_eq!(histogram("b".to_owned(), &[], &[]).zeros, 0.0);
    }
}
