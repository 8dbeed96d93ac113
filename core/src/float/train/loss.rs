//! What a model is trained towards: labels, and a teacher's logits and features.

use burn::{
    Tensor,
    tensor::{
        Device, TensorData,
        activation::{log_softmax, softmax},
    },
};
use serde::{Deserialize, Serialize};

use super::batches::{Batch, Items};
use crate::{
    FloatModel, Result,
    architecture::Config,
    float::{Attention, Feed, Forward, Parameters},
    graph::Graph,
};

/// How a student learns from its teacher.
///
/// The loss of a batch is
/// `labels * CE + logits * T^2 * KL(softmax(t / T) || softmax(s / T)) + features * mean_b F_b`,
/// with the teacher's logits t and the student's s (arXiv 1503.02531); `F_b` is the mean squared
/// difference of the outputs of block b over the mean square of the teacher's.
///
/// # Examples
///
/// From the teacher alone, without labels:
///
/// ```
/// use intformer::float::train::Distillation;
///
/// let unlabelled = Distillation {
///     labels: 0.0,
///     ..Distillation::default()
/// };
/// assert!(unlabelled.is_sound());
///
/// let nothing = Distillation {
///     logits: 0.0,
///     features: 0.0,
///     ..unlabelled
/// };
/// assert!(!nothing.is_sound());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distillation {
    /// Temperature T, above 0.
    pub temperature: f64,
    /// Weight of the cross-entropy with the labels.
    pub labels: f64,
    /// Weight of the divergence from the teacher's logits.
    pub logits: f64,
    /// Weight of the differences between the blocks' outputs.
    pub features: f64,
}

impl Default for Distillation {
    fn default() -> Self {
        Self {
            temperature: 3.0,
            labels: 1.0,
            logits: 1.0,
            features: 1.0,
        }
    }
}

impl Distillation {
    /// Whether the numbers make sense: a positive temperature, weights of 0 or more, not all 0.
    pub fn is_sound(&self) -> bool {
        let weights = [self.labels, self.logits, self.features];
        self.temperature.is_finite()
            && self.temperature > 0.0
            && weights.iter().all(|w| w.is_finite() && *w >= 0.0)
            && weights.iter().sum::<f64>() > 0.0
    }
}

/// A model with what its forward pass needs.
pub struct Network {
    pub config: Config,
    pub parameters: Parameters,
    graph: Graph,
    attention: Attention,
    device: Device,
}

/// What a model says of a batch.
pub struct Output {
    /// `[count, classes]`, of a dense model `[count * cells, classes]`.
    pub logits: Tensor<2>,
    /// The output of each block, first to last, if asked for.
    pub features: Vec<Tensor<3>>,
}

impl Network {
    pub fn new(config: Config, parameters: Parameters, device: &Device) -> Self {
        Self {
            graph: config.graph(),
            config,
            parameters,
            attention: Attention::new(device),
            device: device.clone(),
        }
    }

    /// The forward pass.
    pub fn run(&mut self, batch: &Batch, features: bool) -> Result<Output> {
        let config = &self.config;
        let count = batch.indices.len();
        let feed = match &batch.items {
            Items::Images(values) => Feed::images(values.clone(), &config.image()?, &self.device),
            Items::Texts(texts) => Feed::texts(texts, &self.device),
        };
        let mut tapped = Vec::new();
        let mut forward = Forward::new(&self.parameters, &mut self.attention);
        if features {
            let blocks = config.blocks().into_iter();
            let sites = blocks.map(|block| config.output_site(block));
            forward = forward.tapped(sites.collect(), &mut tapped);
        }
        let logits = forward.run(&self.graph, feed)?.swap_remove(0);
        let classes = config.classes();
        let logits = match config.cells() {
            None => logits.reshape([count, classes]),
            // Rows of learned tokens are of no cell.
            Some(cells) => {
                let rows = cells.rows();
                let logits = logits.reshape([count, rows, classes]);
                let logits = logits.slice([0..count, cells.first..rows]);
                logits.reshape([count * (rows - cells.first), classes])
            }
        };
        Ok(Output {
            logits,
            features: tapped,
        })
    }
}

/// A teacher on a device that keeps no gradients.
pub struct Teacher {
    network: Network,
    how: Distillation,
}

impl Teacher {
    /// `device` is the student's.
    pub fn new(model: &FloatModel, how: Distillation, device: &Device) -> Result<Self> {
        let device = device.clone().inner();
        let parameters = Parameters::of(model, &device)?;
        Ok(Self {
            network: Network::new(model.config.clone(), parameters, &device),
            how,
        })
    }

    /// Whether the student's features are compared.
    pub fn wants_features(&self) -> bool {
        self.how.features > 0.0
    }

    /// The loss of a student whose cross-entropy is `labels`.
    pub fn loss(&mut self, batch: &Batch, student: Output, labels: Tensor<1>) -> Result<Tensor<1>> {
        let how = self.how;
        let teacher = self.network.run(batch, self.wants_features())?;
        let mut loss = labels.mul_scalar(how.labels);
        if how.logits > 0.0 {
            let soft = divergence(teacher.logits, student.logits, how.temperature);
            loss = loss + soft.mul_scalar(how.logits);
        }
        let blocks = teacher.features.len() as f64;
        for (teacher, student) in teacher.features.into_iter().zip(student.features) {
            let size = teacher.clone().square().mean();
            let far = (student - Tensor::from_inner(teacher)).square().mean();
            let far = far / Tensor::from_inner(size.clamp_min(1e-12));
            loss = loss + far.mul_scalar(how.features / blocks);
        }
        Ok(loss)
    }
}

/// `T^2 * KL(softmax(teacher / T) || softmax(student / T))`, the mean over the batch.
fn divergence(teacher: Tensor<2>, student: Tensor<2>, temperature: f64) -> Tensor<1> {
    let count = teacher.dims()[0] as f64;
    let teacher = teacher.div_scalar(temperature);
    let target = Tensor::from_inner(softmax(teacher.clone(), 1));
    let teacher = Tensor::from_inner(log_softmax(teacher, 1));
    let student = log_softmax(student.div_scalar(temperature), 1);
    (target * (teacher - student))
        .sum()
        .mul_scalar(temperature * temperature / count)
}

/// Mean cross-entropy `-sum(target * log(softmax(logits)))` of those of a batch whose class is known.
pub fn cross_entropy(logits: Tensor<2>, batch: &Batch, device: &Device) -> Tensor<1> {
    let shape = logits.dims();
    let targets = Tensor::from_data(TensorData::new(batch.targets.clone(), shape), device);
    (log_softmax(logits, 1) * targets)
        .sum()
        .mul_scalar(-1.0 / batch.known().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::{host, tests::small};

    /// A batch of two images of noise.
    fn batch(config: &Config) -> Batch {
        let images = (0..2 * config.image().unwrap().bytes()).map(|at| ((at * at) as f32).sin());
        let mut targets = vec![0.0; 2 * config.classes()];
        targets[0] = 1.0;
        targets[config.classes() + 1] = 1.0;
        Batch {
            items: Items::Images(images.collect()),
            targets,
            classes: vec![Some(0), Some(1)],
            indices: vec![0, 1],
        }
    }

    #[test]
    fn features_count_by_their_size_and_a_copy_loses_nothing() {
        let model = small();
        let device = Device::flex().autodiff();
        let batch = batch(&model.config);
        let how = Distillation {
            labels: 0.0,
            logits: 1.0,
            features: 3.0,
            temperature: 2.0,
        };
        let mut teacher = Teacher::new(&model, how, &device).unwrap();
        let parameters = Parameters::of(&model, &device).unwrap();
        let mut student = Network::new(model.config.clone(), parameters, &device);
        let mut loss = |output: Output| {
            let labels = cross_entropy(output.logits.clone(), &batch, &device);
            host(teacher.loss(&batch, output, labels).unwrap())[0]
        };
        let output = student.run(&batch, true).unwrap();
        assert_eq!(output.features.len(), model.config.blocks().len());
        assert!(loss(output).abs() < 1e-6);

        let mut output = student.run(&batch, true).unwrap();
        let mean_square = |x: &Tensor<3>| host(x.clone().square().mean())[0];
        let sizes: Vec<f32> = output.features.iter().map(mean_square).collect();
        let shares = sizes.iter().map(|size| 0.25 / size);
        let expected = 3.0 * shares.sum::<f32>() / sizes.len() as f32;
        output.features = output
            .features
            .into_iter()
            .map(|x| x.add_scalar(0.5))
            .collect();
        let found = loss(output);
        assert!(
            (found - expected).abs() < 1e-4 * expected,
            "{found} {expected}"
        );
    }

    #[test]
    fn a_divergence_is_that_of_the_definition() {
        let device = Device::flex().autodiff();
        let logits = |values: [f32; 6], device: &Device| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), [2, 3]), device)
        };
        let (t, s) = (
            [2.0, -1.0, 0.5, 0.0, 3.0, 1.0],
            [1.0, 0.0, 0.0, -2.0, 2.0, 4.0],
        );
        let inner = device.clone().inner();
        let found = divergence(logits(t, &inner), logits(s, &device), 2.0);

        let soft = |row: &[f32]| -> Vec<f64> {
            let e: Vec<f64> = row.iter().map(|&v| (f64::from(v) / 2.0).exp()).collect();
            let sum: f64 = e.iter().sum();
            e.iter().map(|v| v / sum).collect()
        };
        let rows = t.chunks(3).zip(s.chunks(3));
        let expected: f64 = rows
            .flat_map(|(t, s)| soft(t).into_iter().zip(soft(s)))
            .map(|(p, q)| p * (p / q).ln())
            .sum();
        let expected = 4.0 * expected / 2.0;
        let found = f64::from(host(found)[0]);
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}
