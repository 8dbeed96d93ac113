//! Models of either kind, told apart by their files.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use intformer::{
    Preprocessing, Tokenization,
    architecture::Config,
    data::classes::ModelClasses,
    plan::{IntModel, Program},
    quant::{QuantizeOptions, invented},
};

use crate::{cli::Globals, reading::Reading};

/// A compressed model, and its plan made ready to run, once for all executors.
pub struct Compressed {
    pub model: IntModel,
    pub program: Arc<Program>,
    /// The digest that its file states, if it is of one.
    pub digest: Option<String>,
}

impl Compressed {
    /// Makes the plan of `model` ready to run.
    ///
    /// # Errors
    /// If the model is not within the integer contract.
    pub fn new(model: IntModel) -> intformer::Result<Self> {
        Ok(Self {
            program: Arc::new(model.program()?),
            digest: None,
            model,
        })
    }

    /// Reads a compressed model's file, and adjusts it as asked for.
    fn open(path: &Path, reading: &Reading) -> intformer::Result<Self> {
        let checked = IntModel::open(path)?;
        let mut model = checked.model;
        reading.adjust(&mut model.preprocessing);
        Ok(Self {
            model,
            program: Arc::new(checked.program),
            digest: Some(checked.digest),
        })
    }
}

/// A model that this build can run.
pub enum Model {
    /// An integer-only model.
    Compressed(Box<Compressed>),
    /// A float model.
    #[cfg(feature = "float")]
    Float(Box<intformer::FloatModel>),
}

/// The configuration that the name of a published size stands for, for models with random weights;
/// `None` for what may be a model's place.
///
/// # Errors
/// If it looks like such a name, but is none.
pub fn named(name: &str) -> Result<Option<Config>> {
    let family = name.split_once('-').map(|(family, _)| family);
    let mut families = Config::names().filter_map(|known| known.split_once('-'));
    let alike = families.any(|(known, _)| Some(known) == family);
    match Config::named(name) {
        None if alike && !name.contains('/') && !Path::new(name).exists() => {
            let names: Vec<_> = Config::names().collect();
            anyhow::bail!("expected {} or a model, found {name}", names.join(", "))
        }
        found => Ok(found),
    }
}

impl Model {
    /// A compressed model with random weights: of use to compare executors and their speed alone.
    ///
    /// # Errors
    /// If there is no model of this configuration.
    pub fn invented(config: &Config) -> Result<Self> {
        let model = invented(config, 0, &QuantizeOptions::default())?;
        Self::of(model)
    }

    /// A compressed model.
    ///
    /// # Errors
    /// If it is not within the integer contract.
    pub fn of(model: IntModel) -> Result<Self> {
        Ok(Self::Compressed(Box::new(Compressed::new(model)?)))
    }

    /// Reads the model at `source`: a compressed model's file, or a checkpoint if this build reads
    /// them. Says what was noticed on the way.
    ///
    /// # Errors
    /// If it is neither.
    pub fn load(source: &str, reading: &Reading, globals: &Globals) -> Result<Self> {
        let (model, notes) = Self::noting(source, reading)?;
        globals.notes(&notes);
        Ok(model)
    }

    /// Reads the model at `source`, with what was noticed on the way.
    ///
    /// # Errors
    /// If it is neither a compressed model nor a checkpoint that this build reads.
    #[cfg(feature = "float")]
    pub fn noting(source: &str, reading: &Reading) -> Result<(Self, Vec<String>)> {
        let path = Path::new(source);
        if is_compressed(path)? {
            reading.refuse("a compressed model")?;
            let model = Compressed::open(path, reading)?;
            return Ok((Self::Compressed(Box::new(model)), Vec::new()));
        }
        let loaded = reading.noting(source)?;
        Ok((Self::Float(Box::new(loaded.model)), loaded.notes))
    }

    /// Reads the compressed model at `source`; nothing is noticed on the way.
    ///
    /// # Errors
    /// If it is none.
    #[cfg(not(feature = "float"))]
    pub fn noting(source: &str, reading: &Reading) -> Result<(Self, Vec<String>)> {
        let model = Compressed::open(Path::new(source), reading)?;
        Ok((Self::Compressed(Box::new(model)), Vec::new()))
    }

    /// Checks that the model has classes.
    ///
    /// # Errors
    /// If it has no head.
    pub fn classifier(&self) -> Result<()> {
        if self.config().classes() == 0 {
            anyhow::bail!(
                "expected a model with classes, found one without a head: `intformer logits` or `embed` gives its features"
            );
        }
        if self.config().classes() == 1 {
            anyhow::bail!(
                "expected a model with classes, found one that gives a single number: `intformer logits` gives it"
            );
        }
        Ok(())
    }

    /// The integer-only model.
    ///
    /// # Errors
    /// If it is a float model.
    pub fn compressed(&self) -> Result<&IntModel> {
        match self {
            Self::Compressed(compressed) => Ok(&compressed.model),
            #[cfg(feature = "float")]
            Self::Float(_) => anyhow::bail!("expected a compressed model, found a float model"),
        }
    }

    /// Hyper-parameters.
    pub fn config(&self) -> &Config {
        match self {
            Self::Compressed(compressed) => &compressed.model.config,
            #[cfg(feature = "float")]
            Self::Float(model) => &model.config,
        }
    }

    /// From image file to pixels.
    pub fn preprocessing(&self) -> &Preprocessing {
        match self {
            Self::Compressed(compressed) => &compressed.model.preprocessing,
            #[cfg(feature = "float")]
            Self::Float(model) => &model.preprocessing,
        }
    }

    /// From text to tokens, if it takes texts and has a tokenizer.
    pub fn tokenization(&self) -> Option<&Tokenization> {
        match self {
            Self::Compressed(compressed) => compressed.model.tokenization.as_ref(),
            #[cfg(feature = "float")]
            Self::Float(model) => model.tokenization.as_ref(),
        }
    }

    /// The real value of one of the integers that it puts out; 1 for a float model.
    pub fn scale(&self) -> f64 {
        match self {
            Self::Compressed(compressed) => compressed.model.logit_scale,
            #[cfg(feature = "float")]
            Self::Float(_) => 1.0,
        }
    }

    /// Names of the classes, or none.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Compressed(compressed) => &compressed.model.labels,
            #[cfg(feature = "float")]
            Self::Float(model) => &model.labels,
        }
    }

    /// What is known of its classes.
    pub fn classes(&self) -> ModelClasses<'_> {
        ModelClasses {
            count: self.config().classes(),
            labels: self.labels(),
            order: match self {
                Self::Compressed(compressed) => compressed.model.class_order,
                #[cfg(feature = "float")]
                Self::Float(model) => model.class_order,
            },
        }
    }

    /// The name of class `class`, its number if it has none.
    pub fn label(&self, class: usize) -> String {
        let name = self.labels().get(class);
        name.cloned().unwrap_or_else(|| class.to_string())
    }
}

/// The metadata key that every compressed model has.
#[cfg(feature = "float")]
const KEY: &[u8] = b"\"intformer\":";
/// A file's header is looked at up to this many bytes.
#[cfg(feature = "float")]
const MAX_HEADER: u64 = 64 << 20;

/// Whether the file at `path` says of itself that it is a compressed model.
#[cfg(feature = "float")]
pub fn is_compressed(path: &Path) -> Result<bool> {
    use std::{fs::File, io::Read};

    if !path.is_file() {
        return Ok(false);
    }
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let mut length = [0; 8];
        file.by_ref().take(8).read_exact(&mut length)?;
        let mut header = Vec::new();
        let length = u64::from_le_bytes(length).min(MAX_HEADER);
        file.take(length).read_to_end(&mut header)?;
        Ok(header)
    };
    match read() {
        Ok(header) => Ok(header.windows(KEY.len()).any(|window| window == KEY)),
        // Too short for any model; the checkpoint reader says so.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(intformer::Error::io(path, error).into()),
    }
}
