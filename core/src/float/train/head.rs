//! A trained model with a head for other classes.

use crate::{
    Error, FloatModel, Resize, Result,
    architecture::{Config, census},
    float::{Device, Parameters},
    graph::OutputKind,
};

/// `model` for the classes `labels`, to be trained from there: with its head if it has these very classes, in
/// whichever order, and else with a new one, drawn by `seed`. An encoder of texts without classes gets a head on the
/// first token or the mean, as it pools; one of tokens' classes gets one on the first token.
///
/// # Errors
/// [`Error::Training`] if there are less than two labels or two are alike; if the model is not valid.
///
/// # Examples
///
/// ```
/// use intformer::{checkpoint, float::train::with_labels};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = checkpoint::load("models/glyphs-float.safetensors")?;
/// assert_eq!(with_labels(&model, &model.labels, 0)?, model);
///
/// let labels = ["circle", "square", "star"].map(str::to_owned);
/// let shapes = with_labels(&model, &labels, 0)?;
/// assert_eq!((shapes.config.classes(), &shapes.labels[..]), (3, &labels[..]));
/// assert_ne!(shapes.params.get("head.fc.weight")?, model.params.get("head.fc.weight")?);
/// assert_eq!(shapes.params.get("norm.weight")?, model.params.get("norm.weight")?);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn with_labels(model: &FloatModel, labels: &[String], seed: u64) -> Result<FloatModel> {
    model.validate()?;
    if labels.len() < 2 {
        return Err(Error::Training(format!(
            "expected at least two classes, found {}",
            labels.len()
        )));
    }
    let sorted = |labels: &[String]| {
        let mut sorted = labels.to_vec();
        sorted.sort_unstable();
        sorted
    };
    let known = sorted(labels);
    if let Some(pair) = known.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::Training(format!(
            "expected classes of different names, found {:?} twice",
            pair[0]
        )));
    }
    let whole = model.config.output_kind() == OutputKind::Logits;
    if whole && sorted(&model.labels) == known {
        return Ok(model.clone());
    }
    let mut config = model.config.clone();
    config.set_classes(labels.len());
    with_head(model, config, labels, seed)
}

/// `model` with `config`, which differs in its head, and a new one by `seed` for `labels`.
fn with_head(
    model: &FloatModel,
    config: Config,
    labels: &[String],
    seed: u64,
) -> Result<FloatModel> {
    let mut new = FloatModel {
        config,
        labels: labels.to_vec(),
        class_order: None,
        ..model.clone()
    };
    let fresh = Parameters::init(&new.config, seed, &Device::flex())?.to_params();
    let last = new.config.head_sites();
    new.params.0.clear();
    for (name, shape) in census(&new.config)?.params {
        let site = name.rsplit_once('.').map_or(&*name, |(site, _)| site);
        let old = model.params.0.get(&name).filter(|_| !last.contains(&site));
        // What comes before the head is the model's; a dense layer of the head may be new as well.
        let tensor = match old.filter(|tensor| tensor.shape == shape) {
            Some(tensor) => tensor.clone(),
            None => fresh.get(&name)?.clone(),
        };
        new.params.0.insert(name, tensor);
    }
    new.validate()?;
    Ok(new)
}

/// `model` with a head that gives a class of `labels` to each token of its last map ([`Config::cells`]): with its own, if it gives them
/// these classes in this order, else with a new one by `seed`. It takes whole images, as masks are of those.
///
/// # Errors
/// If the model takes no images, is not valid, or there are less than two labels.
///
/// # Examples
///
/// ```
/// use intformer::{checkpoint, float::train::dense_with_labels};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = checkpoint::load("models/glyphs-float.safetensors")?;
/// let labels = ["paper", "plate"].map(str::to_owned);
/// let dense = dense_with_labels(&model, &labels, 0)?;
/// let cells = dense.config.cells().expect("a dense model");
/// assert_eq!((cells.map, cells.size), ([4, 4], [32, 32]));
/// assert_eq!(dense.params.get("norm.weight")?, model.params.get("norm.weight")?);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn dense_with_labels(model: &FloatModel, labels: &[String], seed: u64) -> Result<FloatModel> {
    model.validate()?;
    let mut model = model.clone();
    model.preprocessing.resize = Resize::Squash;
    if model.config.cells().is_some() && model.labels == labels {
        return Ok(model);
    }
    // A ViT that answers by the mean of its patches normalizes that, where a dense one normalizes each.
    for part in ["weight", "bias"] {
        if let Some(last) = model.params.0.remove(&format!("fc_norm.{part}")) {
            model.params.0.insert(format!("norm.{part}"), last);
        }
    }
    let mut config = model.config.clone();
    config.set_dense()?;
    config.set_classes(labels.len());
    with_head(&model, config, labels, seed)
}
