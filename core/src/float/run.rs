//! Float models on pixels and on texts: logits and calibration.

use burn::tensor::Device;

use super::{Attention, Feed, Forward, Parameters, host};
use crate::{
    Error, FloatModel, ImageShape, Pixels, Preprocessing, Result,
    architecture::InputShape,
    graph::Graph,
    input::Token,
    quant::{Calibration, Observer},
};

/// Items that run through a model at once.
const BATCH: usize = 32;

/// Tokens of texts that run through a model at once, if there is more than one text.
const BATCH_TOKENS: usize = 4096;

/// What a float model is shown.
///
/// # Examples
///
/// ```
/// use intformer::{Pixels, float::Samples, runtime::Token};
///
/// let images = vec![Pixels::new(8, 8, 1, vec![0; 64])?];
/// assert_eq!(Samples::from(&images).len(), 1);
///
/// let token = |id| Token { id, segment: 0 };
/// let texts = [vec![token(101), token(2748), token(102)], vec![token(101), token(102)]];
/// assert_eq!(Samples::from(&texts[..]).len(), 2);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// Images.
    Images(&'a [Pixels]),
    /// The tokens of texts.
    Texts(&'a [Vec<Token>]),
}

impl<'a> From<&'a [Pixels]> for Samples<'a> {
    fn from(images: &'a [Pixels]) -> Self {
        Self::Images(images)
    }
}

impl<'a, const N: usize> From<&'a [Pixels; N]> for Samples<'a> {
    fn from(images: &'a [Pixels; N]) -> Self {
        Self::Images(images)
    }
}

impl<'a> From<&'a Vec<Pixels>> for Samples<'a> {
    fn from(images: &'a Vec<Pixels>) -> Self {
        Self::Images(images)
    }
}

impl<'a> From<&'a [Vec<Token>]> for Samples<'a> {
    fn from(texts: &'a [Vec<Token>]) -> Self {
        Self::Texts(texts)
    }
}

impl<'a> From<&'a Vec<Vec<Token>>> for Samples<'a> {
    fn from(texts: &'a Vec<Vec<Token>>) -> Self {
        Self::Texts(texts)
    }
}

impl Samples<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(images) => images.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a model of `input` takes of the items `batch`.
    ///
    /// # Errors
    /// If they do not fit it.
    pub(crate) fn feed(
        &self,
        batch: &[usize],
        input: &InputShape,
        preprocessing: &Preprocessing,
        device: &Device,
    ) -> Result<Feed> {
        match (self, input) {
            (Self::Images(images), InputShape::Image(shape)) => {
                let images = batch.iter().map(|&at| &images[at]);
                let values = normalized(shape, preprocessing, images)?;
                Ok(Feed::images(values, shape, device))
            }
            (Self::Texts(texts), InputShape::Text(limits)) => {
                for &at in batch {
                    limits.check(at, &texts[at])?;
                }
                let texts: Vec<_> = batch.iter().map(|&at| &texts[at]).collect();
                Ok(Feed::texts(&texts, device))
            }
            (Self::Images(_), _) => Err(Error::Image("expected texts, found images".to_owned())),
            (Self::Texts(_), _) => Err(Error::Text("expected images, found texts".to_owned())),
        }
    }

    /// Their places in batches: texts of one length, so that nothing is padded.
    fn batches(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let length = |at: usize| match self {
            Self::Images(_) => 0,
            Self::Texts(texts) => texts[at].len(),
        };
        order.sort_by_key(|&at| length(at));
        let alike = order.chunk_by(|&a, &b| length(a) == length(b));
        let parts = alike.flat_map(|alike| {
            let most = BATCH_TOKENS / length(alike[0]).max(1);
            alike.chunks(most.clamp(1, BATCH))
        });
        parts.map(<[usize]>::to_vec).collect()
    }
}

/// A float model ready to run on the CPU.
pub struct FloatRunner {
    input: InputShape,
    preprocessing: Preprocessing,
    graph: Graph,
    parameters: Parameters,
    attention: Attention,
    device: Device,
}

impl FloatRunner {
    /// Takes over the parameters of `model`.
    ///
    /// # Errors
    /// If the model is not valid.
    pub fn new(model: &FloatModel) -> Result<Self> {
        model.validate()?;
        let device = Device::flex();
        Ok(Self {
            input: model.config.input(),
            preprocessing: model.preprocessing.clone(),
            graph: model.config.graph(),
            parameters: Parameters::of(model, &device)?,
            attention: Attention::new(&device),
            device,
        })
    }

    /// What the model puts out for each item: logits or features, of a text perhaps for each of its tokens.
    ///
    /// # Errors
    /// If an item does not fit the model.
    pub fn logits<'a>(&mut self, samples: impl Into<Samples<'a>>) -> Result<Vec<Vec<f32>>> {
        let samples = samples.into();
        let mut logits = vec![Vec::new(); samples.len()];
        for batch in samples.batches() {
            let feed = self.feed(samples, &batch)?;
            let forward = Forward::new(&self.parameters, &mut self.attention);
            let out = host(forward.run(&self.graph, feed)?.swap_remove(0));
            let each = out.len() / batch.len();
            for (&at, out) in batch.iter().zip(out.chunks(each.max(1))) {
                logits[at] = out.to_vec();
            }
        }
        Ok(logits)
    }

    /// Shows `observer` every operation's output for `samples`, in batches of at most 32; of texts in such of those of
    /// one length. Says after each how many items were in it.
    ///
    /// # Errors
    /// If an item does not fit the model.
    pub fn observe<'a>(
        &mut self,
        samples: impl Into<Samples<'a>>,
        observer: &mut dyn Observer,
        mut seen: impl FnMut(usize),
    ) -> Result<()> {
        let samples = samples.into();
        for batch in samples.batches() {
            let feed = self.feed(samples, &batch)?;
            let forward = Forward::new(&self.parameters, &mut self.attention).observed(observer);
            forward.run(&self.graph, feed)?;
            seen(batch.len());
        }
        Ok(())
    }

    /// What the model takes of the items `batch`.
    fn feed(&self, samples: Samples, batch: &[usize]) -> Result<Feed> {
        samples.feed(batch, &self.input, &self.preprocessing, &self.device)
    }
}

/// What `model` puts out for each item, as [`FloatRunner::logits`].
///
/// # Errors
/// If the model is not valid or an item does not fit it.
pub fn logits<'a>(model: &FloatModel, samples: impl Into<Samples<'a>>) -> Result<Vec<Vec<f32>>> {
    FloatRunner::new(model)?.logits(samples)
}

/// Shows `observer` the output of every operation of `model` for all `batches`: under the
/// operation's site, as `[.., channels]`. The patches of the image are not shown; a layer
/// normalization is shown before gain and shift under its site and after them under `{site}.out`.
///
/// # Errors
/// If the model is not valid or an image does not fit it.
///
/// # Examples
///
/// Which block's MLP sees the largest values?
///
/// ```
/// use intformer::{
///     Pixels, float,
///     architecture::SwinConfig,
///     quant::{Observer, float_model},
/// };
///
/// #[derive(Default)]
/// struct Largest(Vec<(String, f32)>);
///
/// impl Observer for Largest {
///     fn observe(&mut self, site: &str, _channels: usize, values: &[f32]) {
///         if site.ends_with("mlp.act") {
///             let magnitudes = values.iter().map(|value| value.abs());
///             let largest = magnitudes.fold(0.0, f32::max);
///             self.0.push((site.to_owned(), largest));
///         }
///     }
/// }
///
/// # let config = SwinConfig {
/// #     image_size: [8, 8],
/// #     in_channels: 1,
/// #     embed_dim: 8,
/// #     depths: vec![2],
/// #     heads: vec![1],
/// #     window_size: 2,
/// #     classes: 2,
/// #     ..SwinConfig::tiny()
/// # };
/// let model = float_model(&config, 0)?;
/// let batch = vec![Pixels::new(8, 8, 1, (0..64).collect())?];
/// let mut largest = Largest::default();
/// float::observe(&model, [batch].into_iter(), &mut largest)?;
///
/// let (site, value) = &largest.0[1];
/// assert_eq!(site, "layers.0.blocks.1.mlp.act");
/// assert!(*value > 0.0);
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn observe(
    model: &FloatModel,
    batches: impl Iterator<Item = Vec<Pixels>>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut runner = FloatRunner::new(model)?;
    batches
        .filter(|batch| !batch.is_empty())
        .try_for_each(|batch| runner.observe(&batch, observer, |_| ()))
}

/// What `model` shows of all `samples`, for [`quantize`](crate::quant::quantize()): ranges and
/// covariances in a first pass, histograms in a second. `seen` is told how many items more are done, of two times all.
///
/// # Errors
/// If the model is not valid or an item does not fit it.
pub fn calibrate<'a>(
    model: &FloatModel,
    samples: impl Into<Samples<'a>>,
    mut seen: impl FnMut(usize),
) -> Result<Calibration> {
    let samples = samples.into();
    let mut runner = FloatRunner::new(model)?;
    let mut calibration = Calibration::new();
    calibration.watch(&runner.graph);
    for pass in 0..2 {
        if pass == 1 {
            calibration.begin_histograms();
        }
        runner.observe(samples, &mut calibration, &mut seen)?;
    }
    Ok(calibration)
}

/// Pixels as the model's input `[batch, height * width, channels]`: `(value / 255 - mean) / std`.
pub(super) fn normalized<'a>(
    image: &ImageShape,
    preprocessing: &Preprocessing,
    batch: impl IntoIterator<Item = &'a Pixels>,
) -> Result<Vec<f32>> {
    let channels = image.channels;
    let tables: Vec<[f32; 256]> = preprocessing
        .mean
        .iter()
        .zip(&preprocessing.std)
        .map(|(mean, std)| std::array::from_fn(|byte| ((byte as f64 / 255.0 - mean) / std) as f32))
        .collect();
    let mut values = Vec::new();
    for pixels in batch {
        pixels.check(image)?;
        let bytes = pixels.data.iter().enumerate();
        values.extend(bytes.map(|(at, &byte)| tables[at % channels][byte as usize]));
    }
    Ok(values)
}
