//! Models of either kind, told apart by their files.

use std::{fs::File, io::Read, path::Path};

use anyhow::Result;
use intformer::{Error, Preprocessing, model::SwinConfig, plan::IntModel};

/// A model file's header is looked at up to this many bytes.
const MAX_HEADER: u64 = 64 << 20;

/// A model that this build can run.
pub enum Model {
    /// An integer-only model.
    Compressed(Box<IntModel>),
    /// A float model.
    #[cfg(feature = "float")]
    Float(Box<intformer::FloatModel>),
}

impl Model {
    /// Reads the model at `source`: a compressed model's file, or a checkpoint if this build reads
    /// them.
    ///
    /// # Errors
    /// If it is neither.
    pub fn load(source: &str) -> Result<Self> {
        let path = Path::new(source);
        if cfg!(not(feature = "float")) || is_compressed(path)? {
            return Ok(Self::Compressed(Box::new(IntModel::load(path)?)));
        }
        Self::load_float(source)
    }

    #[cfg(feature = "float")]
    fn load_float(source: &str) -> Result<Self> {
        Ok(Self::Float(Box::new(intformer::checkpoint::load(source)?)))
    }

    #[cfg(not(feature = "float"))]
    fn load_float(_: &str) -> Result<Self> {
        unreachable!("a build without float reads compressed models alone")
    }

    /// Hyper-parameters.
    pub fn config(&self) -> &SwinConfig {
        match self {
            Self::Compressed(model) => &model.config,
            #[cfg(feature = "float")]
            Self::Float(model) => &model.config,
        }
    }

    /// From image file to pixels.
    pub fn preprocessing(&self) -> &Preprocessing {
        match self {
            Self::Compressed(model) => &model.preprocessing,
            #[cfg(feature = "float")]
            Self::Float(model) => &model.preprocessing,
        }
    }

    /// Names of the classes, or none.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Compressed(model) => &model.labels,
            #[cfg(feature = "float")]
            Self::Float(model) => &model.labels,
        }
    }

    /// The name of class `class`, its number if it has none.
    pub fn label(&self, class: usize) -> String {
        let name = self.labels().get(class);
        name.cloned().unwrap_or_else(|| class.to_string())
    }
}

/// Whether the file at `path` says of itself that it is a compressed model.
fn is_compressed(path: &Path) -> Result<bool> {
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
        Ok(header) => Ok(header
            .windows(KEY.len())
            .any(|window| window == KEY.as_bytes())),
        // Too short for any model; the checkpoint reader says so.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::io(path, error).into()),
    }
}

/// The metadata key that every compressed model has.
const KEY: &str = "\"intformer.plan\"";
