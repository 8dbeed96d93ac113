//! Float tensors on the host, by name: what checkpoints hold and what the quantizer reads.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// A row-major f32 tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// Elements; as many as the product of `shape`.
    pub data: Vec<f32>,
}

impl HostTensor {
    /// A tensor of `shape` over `data`.
    ///
    /// # Panics
    /// If `data` does not hold the product of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Self {
        let shape = shape.into();
        assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape, data }
    }
}

/// Parameters by canonical name (the names timm >= 0.9 uses for Swin).
///
/// # Examples
///
/// A class that is never to be named gets a bias that no logit makes up for:
///
/// ```
/// use intformer::{
///     architecture::{SwinConfig, census},
///     quant::float_model,
/// };
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     embed_dim: 8,
/// #     depths: vec![1],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 3,
/// #     ..SwinConfig::tiny()
/// # };
/// let mut model = float_model(&config, 0)?;
/// model.params.get_mut("head.fc.bias")?.data[2] = -1e3;
///
/// // Names and shapes are still those of the configuration.
/// model.params.check(&census(&config)?.params)?;
/// assert_eq!(model.params.get("head.fc.weight")?.shape, [3, 8]);
///
/// let error = model.params.get("head.weight").unwrap_err().to_string();
/// assert!(error.contains("the tensor head.weight is missing"));
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(pub BTreeMap<String, HostTensor>);

impl Params {
    /// The parameter `name`, or an error that names it.
    pub fn get(&self, name: &str) -> Result<&HostTensor> {
        self.0
            .get(name)
            .ok_or_else(|| Error::Checkpoint(format!("the tensor {name} is missing")))
    }

    /// The parameter `name` to change, or an error that names it.
    pub fn get_mut(&mut self, name: &str) -> Result<&mut HostTensor> {
        self.0
            .get_mut(name)
            .ok_or_else(|| Error::Checkpoint(format!("the tensor {name} is missing")))
    }

    /// The parameter `name`, if the model has it.
    pub fn find(&self, name: &str) -> Option<&HostTensor> {
        self.0.get(name)
    }

    /// Elements of all parameters.
    pub fn elements(&self) -> usize {
        self.0.values().map(|tensor| tensor.data.len()).sum()
    }

    /// Checks that exactly the tensors of `expected` are present, with their shapes and finite.
    ///
    /// # Errors
    /// Names the first tensor that is missing, superfluous, of another shape, or not finite.
    pub fn check(&self, expected: &[(String, Vec<usize>)]) -> Result<()> {
        for (name, shape) in expected {
            let found = self.get(name)?;
            if &found.shape != shape {
                return Err(Error::Checkpoint(format!(
                    "the tensor {name} should have shape {shape:?}, found {:?}",
                    found.shape
                )));
            }
            if let Some(at) = found.data.iter().position(|value| !value.is_finite()) {
                return Err(Error::Checkpoint(format!(
                    "the tensor {name} should be finite, found {} at element {at}",
                    found.data[at]
                )));
            }
        }
        let known: std::collections::BTreeSet<_> = expected.iter().map(|(name, _)| name).collect();
        match self.0.keys().find(|name| !known.contains(name)) {
            Some(name) => Err(Error::Checkpoint(format!(
                "the tensor {name} belongs to no layer of this configuration"
            ))),
            None => Ok(()),
        }
    }
}
