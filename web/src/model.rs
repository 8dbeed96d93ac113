//! A model file that was read and checked.

use std::sync::Arc;

use intformer::architecture::census;
use intformer::picture::prepare_rgba;
use intformer::plan::{Checked, IntModel, Look, Program, Typical};
use intformer::{Error, ImageShape, Preprocessing, Result, likeliest};
use serde_json::json;
use wasm_bindgen::prelude::*;

use crate::error::thrown;

/// A compressed model: its description, and its plan ready to run.
#[wasm_bindgen]
pub struct Model {
    pub(crate) program: Arc<Program>,
    image: ImageShape,
    preprocessing: Preprocessing,
    typical: Option<Typical>,
    labels: Vec<String>,
    logit_scale: f64,
    info: String,
}

#[wasm_bindgen]
impl Model {
    /// Reads and checks the bytes of a model file.
    ///
    /// Throws an error of the kind `model-file` or `newer-format`.
    pub fn read(bytes: &[u8]) -> Result<Model, JsValue> {
        let checked = IntModel::read(bytes).map_err(thrown)?;
        Self::new(checked, bytes.len()).map_err(thrown)
    }

    /// The description as JSON, for the package's `ModelInfo`.
    pub fn info(&self) -> String {
        self.info.clone()
    }

    /// The pixels that the model takes, from `width * height` pixels of red, green, blue and
    /// straight alpha.
    ///
    /// Throws an error of the kind `image`.
    pub fn fit(&self, rgba: &[u8], width: usize, height: usize) -> Result<Vec<u8>, JsValue> {
        let pixels = prepare_rgba(rgba, height, width, &self.image, &self.preprocessing);
        Ok(pixels.map_err(thrown)?.data)
    }

    /// What there is to say of an image, as JSON: the `top` likeliest `classes`, `spread`, `typicality`,
    /// `hint`.
    ///
    /// Takes the pixels of [`Model::fit`] and the logits.
    pub fn answer(&self, pixels: &[u8], logits: &[i32], top: usize) -> String {
        let scores: Vec<f64> = logits
            .iter()
            .map(|&logit| f64::from(logit) * self.logit_scale)
            .collect();
        let classes = likeliest(&scores, top).into_iter().map(|likely| {
            let index = likely.class;
            let label = self.labels.get(index).cloned();
            json!({
                "index": index,
                "label": label.unwrap_or_else(|| index.to_string()),
                "score": likely.logit,
                "probability": likely.probability,
            })
        });
        let classes: Vec<_> = classes.collect();
        let look = Look::of(pixels, self.image.channels, logits, self.typical.as_ref());
        let hint = look.hint();
        let hint = hint.map(|hint| json!({ "kind": hint.word(), "message": hint.sentence() }));
        json!({
            "classes": classes,
            "spread": look.spread,
            "typicality": look.typicality,
            "hint": hint,
        })
        .to_string()
    }
}

impl Model {
    fn new(checked: Checked, file_bytes: usize) -> Result<Self> {
        let Checked {
            model,
            program,
            digest,
            format,
        } = checked;
        if model.config.classes() == 0 {
            return Err(Error::ModelFile(
                "expected a model with classes, found one without a head, which gives features"
                    .to_owned(),
            ));
        }
        let census = census(&model.config)?;
        let image = model.config.image();
        let info = json!({
            "digest": digest,
            "architecture": model.config.architecture(),
            "activation": model.config.activation().to_string(),
            "imageSize": image.size(),
            "channels": image.channels,
            "classes": model.config.classes(),
            "labels": model.labels,
            "logitScale": model.logit_scale,
            "parameters": census.elements(),
            "macs": census.total_macs(),
            "dispatches": program.steps.len(),
            "weightBytes": 4 * program.weights.len(),
            "arenaBytes": 4 * program.arena_words,
            "fileBytes": file_bytes,
            "formatVersion": format,
            "provenance": model.provenance,
        });
        Ok(Self {
            program: Arc::new(program),
            image,
            preprocessing: model.preprocessing,
            typical: model.typical,
            labels: model.labels,
            logit_scale: model.logit_scale,
            info: info.to_string(),
        })
    }
}
