//! The parameters of a model as burn tensors.

use std::collections::BTreeMap;

use burn::{
    Tensor,
    module::{Module, Param, ParamId},
    optim::GradientsParams,
    tensor::{Device, TensorData},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::host;
use crate::{
    Error, FloatModel, HostTensor, Params, Result,
    architecture::{Config, census},
};

/// Standard deviation of new weights, cut off at two deviations (arXiv 2103.14030).
const INIT_STD: f32 = 0.02;

/// Parameters by canonical name, in a shape that burn's optimizers walk over.
///
/// The identifiers of the parameters are their places in the census, so that a saved optimizer
/// state finds its parameters again.
#[derive(Module, Debug)]
pub struct Parameters {
    weights: Vec<Param<Tensor<2>>>,
    tables: Vec<Param<Tensor<2>>>,
    vectors: Vec<Param<Tensor<1>>>,
    #[module(skip)]
    names: BTreeMap<String, Slot>,
    #[module(skip)]
    shapes: Vec<(String, Vec<usize>)>,
}

/// Where a parameter is.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Weight(usize),
    Table(usize),
    Vector(usize),
}

impl Parameters {
    /// The parameters of `model` on `device`.
    ///
    /// # Errors
    /// If the parameters are not those of the configuration.
    pub fn of(model: &FloatModel, device: &Device) -> Result<Self> {
        Self::new(census(&model.config)?.params, &model.params, device)
    }

    /// The parameters `params`, which have the names and shapes `shapes`, on `device`.
    ///
    /// # Errors
    /// If they do not.
    pub fn new(
        shapes: Vec<(String, Vec<usize>)>,
        params: &Params,
        device: &Device,
    ) -> Result<Self> {
        params.check(&shapes)?;
        let mut parameters = Self {
            weights: Vec::new(),
            tables: Vec::new(),
            vectors: Vec::new(),
            names: BTreeMap::new(),
            shapes: Vec::new(),
        };
        let learns = device.is_autodiff();
        for (place, (name, shape)) in shapes.iter().enumerate() {
            let data = params.get(name)?.data.clone();
            // Zero is burn's mark of a parameter without an identifier.
            let id = ParamId::from(place as u64 + 1);
            let slot = match shape.as_slice() {
                &[length] => {
                    let tensor = Tensor::from_data(TensorData::new(data, [length]), device);
                    parameters
                        .vectors
                        .push(Param::initialized(id, tensor.set_require_grad(learns)));
                    Slot::Vector(parameters.vectors.len() - 1)
                }
                [rows, columns @ ..] => {
                    let shape = [*rows, columns.iter().product()];
                    let tensor = Tensor::from_data(TensorData::new(data, shape), device);
                    let param = Param::initialized(id, tensor.set_require_grad(learns));
                    if is_table(name) {
                        parameters.tables.push(param);
                        Slot::Table(parameters.tables.len() - 1)
                    } else {
                        parameters.weights.push(param);
                        Slot::Weight(parameters.weights.len() - 1)
                    }
                }
                [] => {
                    return Err(Error::Checkpoint(format!(
                        "the tensor {name} should have at least one extent, found none"
                    )));
                }
            };
            parameters.names.insert(name.clone(), slot);
        }
        parameters.shapes = shapes;
        Ok(parameters)
    }

    /// New parameters: weights and bias tables from a normal distribution of deviation 0.02 cut
    /// off at two deviations, gains 1, everything else 0. The same `seed` gives the same values.
    ///
    /// # Errors
    /// If `config` is not valid.
    pub fn init(config: &Config, seed: u64, device: &Device) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || loop {
            let value: f32 = StandardNormal.sample(&mut random);
            if value.abs() <= 2.0 {
                return INIT_STD * value;
            }
        };
        let shapes = census(config)?.params;
        let mut params = Params::default();
        for (name, shape) in &shapes {
            let count = shape.iter().product();
            let data = match shape.len() {
                1 if name.ends_with(".weight") => vec![1.0; count],
                1 => vec![0.0; count],
                _ => (0..count).map(|_| normal()).collect(),
            };
            params
                .0
                .insert(name.clone(), HostTensor::new(shape.clone(), data));
        }
        Self::new(shapes, &params, device)
    }

    /// The parameters on the host, in their canonical shapes.
    pub fn to_params(&self) -> Params {
        let tensors = self.shapes.iter().map(|(name, shape)| {
            let data = match self.names[name] {
                Slot::Weight(index) => host(self.weights[index].val()),
                Slot::Table(index) => host(self.tables[index].val()),
                Slot::Vector(index) => host(self.vectors[index].val()),
            };
            (name.clone(), HostTensor::new(shape.clone(), data))
        });
        Params(tensors.collect())
    }

    /// The canonical names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The identifiers of the parameters whose names are `wanted`.
    pub(super) fn ids(&self, wanted: impl Fn(&str) -> bool) -> Vec<ParamId> {
        let named = self.names.iter().filter(|(name, _)| wanted(name));
        let id = |(_, slot): (&String, &Slot)| match *slot {
            Slot::Weight(index) => self.weights[index].id,
            Slot::Table(index) => self.tables[index].id,
            Slot::Vector(index) => self.vectors[index].id,
        };
        named.map(id).collect()
    }

    /// The same, but those whose names are `frozen` do not learn.
    pub(crate) fn frozen(mut self, frozen: impl Fn(&str) -> bool) -> Self {
        let ids = self.ids(frozen);
        let frozen = |id: ParamId| ids.contains(&id);
        let matrices = self.weights.iter_mut().chain(&mut self.tables);
        for param in matrices.filter(|param| frozen(param.id)) {
            *param = param.clone().set_require_grad(false);
        }
        for param in self.vectors.iter_mut().filter(|param| frozen(param.id)) {
            *param = param.clone().set_require_grad(false);
        }
        self
    }

    /// Identifiers of the weights of linear layers, which alone decay in training.
    pub(super) fn weight_ids(&self) -> Vec<ParamId> {
        self.weights.iter().map(|param| param.id).collect()
    }

    /// The norm of all gradients together.
    pub(super) fn gradient_norm(&self, gradients: &GradientsParams) -> f64 {
        let squares = |values: Vec<f32>| values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        let matrices = self.weights.iter().chain(&self.tables);
        let matrices = matrices.filter_map(|param| gradients.get::<2>(param.id).map(host));
        let vectors = self.vectors.iter();
        let vectors = vectors.filter_map(|param| gradients.get::<1>(param.id).map(host));
        matrices.chain(vectors).map(squares).sum::<f64>().sqrt()
    }

    /// Multiplies every gradient by `factor`.
    pub(super) fn scale_gradients(&self, gradients: &mut GradientsParams, factor: f64) {
        for param in self.weights.iter().chain(&self.tables) {
            if let Some(gradient) = gradients.remove::<2>(param.id) {
                gradients.register(param.id, gradient.mul_scalar(factor));
            }
        }
        for param in &self.vectors {
            if let Some(gradient) = gradients.remove::<1>(param.id) {
                gradients.register(param.id, gradient.mul_scalar(factor));
            }
        }
    }

    /// A matrix or table, `[outputs, inputs]`.
    pub(crate) fn matrix(&self, name: &str) -> Result<Tensor<2>> {
        match self.names.get(name) {
            Some(&Slot::Weight(index)) => Ok(self.weights[index].val()),
            Some(&Slot::Table(index)) => Ok(self.tables[index].val()),
            _ => Err(missing(name)),
        }
    }

    pub(super) fn vector(&self, name: &str) -> Result<Tensor<1>> {
        match self.names.get(name) {
            Some(&Slot::Vector(index)) => Ok(self.vectors[index].val()),
            _ => Err(missing(name)),
        }
    }
}

fn is_table(name: &str) -> bool {
    name.ends_with("relative_position_bias_table")
}

fn missing(name: &str) -> Error {
    Error::Checkpoint(format!("the tensor {name} is missing"))
}
