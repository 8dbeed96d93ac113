//! The one error type of the library.

use std::path::{Path, PathBuf};

/// What went wrong, as a sentence that says what was expected and what was found.
///
/// The variants name the subject, so that a caller can tell bad input from a missing device.
///
/// # Examples
///
/// ```
/// use intformer::{Error, plan::IntModel};
///
/// let error = IntModel::load("no/such/model.safetensors").unwrap_err();
/// assert!(matches!(error, Error::Io { .. }));
///
/// // Bytes that are no model: the sentence says what they are and what to do.
/// let error = IntModel::from_bytes(b"PK\x03\x04 a checkpoint of torch.save").unwrap_err();
/// assert!(matches!(error, Error::ModelFile(_)));
/// let sentence = error.to_string();
/// assert!(sentence.contains("intformer quantize makes a model of a checkpoint"));
///
/// // Neither has to do with the machine, so another executor would not help.
/// assert!(!error.is_device());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A configuration that no model can have.
    #[error("model configuration: {0}")]
    Config(String),
    /// A float checkpoint that cannot be read.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
    /// A compressed model file that cannot be read.
    #[error("model file: {0}")]
    ModelFile(String),
    /// A compressed model file of a format that came after this library.
    #[error(
        "model file: expected format version {supported}, found {found}: a newer intformer wrote this file"
    )]
    NewerFormat {
        /// The newest version that this library reads.
        supported: u32,
        /// The file's version.
        found: u32,
    },
    /// A model that cannot be made integer-only.
    #[error("quantization: {0}")]
    Quantize(String),
    /// An image that cannot be read or does not fit the model.
    #[error("image: {0}")]
    Image(String),
    /// A text that does not fit the model.
    #[error("text: {0}")]
    Text(String),
    /// A run for which a program has no plan, or that does not go on from the one before.
    #[error("run: {0}")]
    Run(String),
    /// A data set that cannot be made or read.
    #[error("data: {0}")]
    Data(String),
    /// Training that cannot start or go on.
    #[error("training: {0}")]
    Training(String),
    /// A model that cannot be pruned as asked.
    #[error("pruning: {0}")]
    Prune(String),
    /// An executor that cannot run here.
    #[error("device: {0}")]
    Device(String),
    /// A machine without an adapter as it was asked for.
    #[error("device: {0}")]
    NoAdapter(String),
    /// More memory than the device has or allows.
    #[error("device: {0}")]
    OutOfMemory(String),
    /// A device that was there and is no more; another may be opened.
    #[error("device: {0}")]
    DeviceLost(String),
}

impl Error {
    /// Whether an executor cannot run here, or no longer, whatever the input.
    pub fn is_device(&self) -> bool {
        matches!(
            self,
            Self::Device(_) | Self::NoAdapter(_) | Self::OutOfMemory(_) | Self::DeviceLost(_)
        )
    }

    /// Whether one file is to blame, so that others may do: it is damaged, gone or closed. What else a
    /// system may answer (no more open files, a failing disk) concerns all.
    pub fn is_file(&self) -> bool {
        use std::io::ErrorKind::{IsADirectory, NotFound, PermissionDenied};
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), NotFound | PermissionDenied | IsADirectory)
            }
            other => matches!(other, Self::Image(_)),
        }
    }

    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_path_buf(),
            source,
        }
    }
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
