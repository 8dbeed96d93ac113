//! A trained float model on the host: what import and training produce and the quantizer reads.

use crate::{
    ClassOrder, Params, Preprocessing, Result,
    architecture::{Config, census},
};

/// A float model with all that is needed to run it on an image file.
///
/// `checkpoint::load` reads one and `float::train` makes one; its parts may also come from elsewhere.
///
/// # Examples
///
/// ```
/// use intformer::{
///     FloatModel, HostTensor, Params, Preprocessing, Resize,
///     architecture::{SwinConfig, census},
/// };
///
/// let config = SwinConfig {
///     image_size: [8, 8],
///     in_channels: 1,
///     embed_dim: 8,
///     depths: vec![1],
///     heads: vec![1],
///     window_size: 2,
///     classes: 2,
///     ..SwinConfig::tiny()
/// };
/// // The census says which tensors there are; these are all of zeros.
/// let tensors = census(&config)?.params.into_iter().map(|(name, shape)| {
///     let count = shape.iter().product();
///     (name, HostTensor::new(shape, vec![0.0; count]))
/// });
/// let mut model = FloatModel {
///     params: Params(tensors.collect()),
///     preprocessing: Preprocessing::new(Resize::Squash, vec![0.5], vec![0.5]),
///     labels: vec!["cat".into(), "dog".into()],
///     class_order: None,
///     config: config.into(),
/// };
/// model.validate()?;
///
/// model.labels.push("fox".into());
/// let error = model.validate().unwrap_err().to_string();
/// assert_eq!(error, "checkpoint: expected 2 class names, found 3");
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FloatModel {
    /// Hyper-parameters.
    pub config: Config,
    /// Parameters by canonical name.
    pub params: Params,
    /// From image file to pixels.
    pub preprocessing: Preprocessing,
    /// Names of the classes; as many as [`Config::classes`], or none.
    pub labels: Vec<String>,
    /// How the trainer numbers folders of classes, if that is known and there are no labels.
    pub class_order: Option<ClassOrder>,
}

impl FloatModel {
    /// Checks configuration, parameters, preprocessing and labels against each other.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn validate(&self) -> Result<()> {
        use crate::Error::Checkpoint;
        self.params.check(&census(&self.config)?.params)?;
        self.preprocessing.validate(&self.config.image())?;
        let classes = self.config.classes();
        if !self.labels.is_empty() && self.labels.len() != classes {
            return Err(Checkpoint(format!(
                "expected {classes} class names, found {}",
                self.labels.len()
            )));
        }
        Ok(())
    }
}
