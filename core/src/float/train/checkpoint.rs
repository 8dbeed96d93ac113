//! The state of a training run in one file.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::{Answers, EpochReport, TrainOptions};
use crate::{Error, HostTensor, Params, Result};

/// Version of the file.
const VERSION: u32 = 5;

/// Name of the tensor of answers.
const ANSWERS: &str = "answers";

/// Where a run stands, next to the tensors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Version of the file.
    version: u32,
    /// The run's options.
    pub options: TrainOptions,
    /// Names of the classes.
    pub labels: Vec<String>,
    /// Examples of the training data.
    pub examples: usize,
    /// Digest of what the run began with.
    pub origin: String,
    /// Steps done.
    pub step: usize,
    /// Sum of the losses of the steps done of an unfinished epoch.
    pub loss_sum: f64,
    /// Finished epochs.
    pub history: Vec<EpochReport>,
}

/// Which version of the file it is.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// All that a run needs to go on.
pub struct Checkpoint {
    /// Where the run stands.
    pub progress: Progress,
    /// Parameters now.
    pub params: Params,
    /// Parameters of the epoch with the best validation, if one is finished.
    pub best: Option<Params>,
    /// The optimizer's state, as burn writes it.
    pub optimizer: Vec<u8>,
    /// The answers so far, if they are recorded.
    pub answers: Option<Answers>,
}

impl Progress {
    /// The start of a run.
    pub fn new(options: &TrainOptions, labels: &[String], examples: usize, origin: String) -> Self {
        Self {
            version: VERSION,
            options: options.clone(),
            labels: labels.to_vec(),
            examples,
            origin,
            step: 0,
            loss_sum: 0.0,
            history: Vec::new(),
        }
    }
}

/// The checkpoint of a run in folder `out`.
pub fn path(out: &Path) -> PathBuf {
    out.join("checkpoint.safetensors")
}

impl Checkpoint {
    /// Writes the file at `path`: a kill leaves the old one or the new one, whole.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let sets = [("model", Some(&self.params)), ("best", self.best.as_ref())];
        let mut tensors = Vec::new();
        for (prefix, params) in sets {
            for (name, tensor) in params.iter().flat_map(|params| &params.0) {
                let view = view(
                    Dtype::F32,
                    &tensor.shape,
                    bytemuck::cast_slice(&tensor.data),
                )?;
                tensors.push((format!("{prefix}/{name}"), view));
            }
        }
        let answers = self.answers.as_ref().map(Answers::to_tensor);
        if let Some(tensor) = &answers {
            let bytes = bytemuck::cast_slice(&tensor.data);
            tensors.push((ANSWERS.to_owned(), view(Dtype::F32, &tensor.shape, bytes)?));
        }
        let length = [self.optimizer.len()];
        let optimizer = view(Dtype::U8, &length, &self.optimizer)?;
        tensors.push(("optimizer".to_owned(), optimizer));
        let progress = serde_json::to_string(&self.progress).map_err(|e| fail(path, e))?;
        let metadata = HashMap::from([("training".to_owned(), progress)]);
        let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|e| fail(path, e))?;

        crate::file::replace(path, &bytes)
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not a checkpoint of this version.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| fail(path, e))?;
        let progress = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get("training"))
            .ok_or_else(|| fail(path, "expected the state of a training run, found none"))?;
        // A version may change any other key, so it is read first.
        let Version { version } = serde_json::from_str(progress).map_err(|e| fail(path, e))?;
        if version != VERSION {
            return Err(fail(
                path,
                format!("expected a state of version {VERSION}, found version {version}"),
            ));
        }
        let progress: Progress = serde_json::from_str(progress).map_err(|e| fail(path, e))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fail(path, e))?;
        let mut sets: BTreeMap<String, Params> = BTreeMap::new();
        let (mut optimizer, mut answers) = (None, None);
        for (name, tensor) in file.iter() {
            let floats = || {
                let (words, _) = tensor.data().as_chunks();
                let data = words.iter().copied().map(f32::from_le_bytes).collect();
                HostTensor::new(tensor.shape(), data)
            };
            match name.split_once('/') {
                Some((prefix, name)) if tensor.dtype() == Dtype::F32 => {
                    let params = sets.entry(prefix.to_owned()).or_default();
                    params.0.insert(name.to_owned(), floats());
                }
                None if name == ANSWERS && tensor.dtype() == Dtype::F32 => {
                    let read = Answers::from_tensor(&floats());
                    answers = Some(read.ok_or_else(|| {
                        fail(
                            path,
                            format!("expected answers, found {:?}", tensor.shape()),
                        )
                    })?);
                }
                None if name == "optimizer" => optimizer = Some(tensor.data().to_vec()),
                _ => return Err(fail(path, format!("the tensor {name} is not expected"))),
            }
        }
        let missing = |what| fail(path, format!("expected {what}, found none"));
        Ok(Self {
            progress,
            params: sets.remove("model").ok_or_else(|| missing("parameters"))?,
            best: sets.remove("best"),
            optimizer: optimizer.ok_or_else(|| missing("an optimizer state"))?,
            answers,
        })
    }
}

fn view<'a>(dtype: Dtype, shape: &[usize], data: &'a [u8]) -> Result<TensorView<'a>> {
    TensorView::new(dtype, shape.to_vec(), data)
        .map_err(|e| Error::Training(format!("checkpoint: {e}")))
}

fn fail(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::Training(format!("checkpoint {}: {what}", path.display()))
}
