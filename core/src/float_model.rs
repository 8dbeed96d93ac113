//! A trained float model on the host: what import and training produce and the quantizer reads.

use crate::{
    ClassOrder, Error, Params, Preprocessing, Result, Tokenization,
    architecture::{Config, InputShape, census},
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
///     tokenization: None,
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
    /// From image file to pixels; [`Preprocessing::none`] if the model takes texts.
    pub preprocessing: Preprocessing,
    /// From text to tokens, if the model takes texts and a tokenizer was found.
    pub tokenization: Option<Tokenization>,
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
        prepared(
            &self.config,
            &self.preprocessing,
            self.tokenization.as_ref(),
        )?;
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

/// Checks that what makes the input of a model of `config` makes what it takes.
///
/// # Errors
/// The first thing that does not fit.
pub(crate) fn prepared(
    config: &Config,
    preprocessing: &Preprocessing,
    tokenization: Option<&Tokenization>,
) -> Result<()> {
    match (config.input(), tokenization) {
        (InputShape::Image(image), None) => preprocessing.validate(&image),
        (InputShape::Text(limits), tokenization) if preprocessing.is_none() => {
            tokenization.map_or(Ok(()), |found| found.validate(limits))
        }
        (takes, _) => Err(Error::Config(format!(
            "expected what makes the input of a model that takes {takes:?}, found what makes another"
        ))),
    }
}
