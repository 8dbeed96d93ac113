//! A model file that was read and checked.

use std::sync::Arc;

use intformer::architecture::Census;
use intformer::picture::prepare_rgba;
use intformer::plan::{Checked, Counts, IntModel, Look, Program, Typical};
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

    /// The `top` likeliest classes by the logits of an image, likeliest first: of each its number, its
    /// logit as a real number, and its probability.
    pub fn likeliest(&self, logits: &[i32], top: usize) -> Vec<f64> {
        let real = |&logit: &i32| f64::from(logit) * self.logit_scale;
        let logits: Vec<f64> = logits.iter().map(real).collect();
        let mut found = Vec::new();
        for likely in likeliest(&logits, top) {
            found.extend_from_slice(&[likely.class as f64, likely.logit, likely.probability]);
        }
        found
    }

    /// What there is to say of an image beside its classes, as JSON: `spread`, `typicality`, `hint`.
    ///
    /// Takes the pixels of [`Model::fit`] and the logits.
    pub fn look(&self, pixels: &[u8], logits: &[i32]) -> String {
        let look = Look::of(pixels, self.image.channels, logits, self.typical.as_ref());
        let hint = look.hint();
        let hint = hint.map(|hint| json!({ "kind": hint.word(), "message": hint.sentence() }));
        json!({ "spread": look.spread, "typicality": look.typicality, "hint": hint }).to_string()
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
        let census = Census::of(&model.config.graph());
        let image = model.config.image()?;
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
            "dispatches": program.main().steps().len(),
            "weightBytes": 4 * program.weights().len(),
            "arenaBytes": 4 * program.room(Counts::of_items(1)).words(),
            "fileBytes": file_bytes,
            "formatVersion": format,
            "provenance": model.provenance,
        });
        Ok(Self {
            program: Arc::new(program),
            image,
            preprocessing: model.preprocessing,
            typical: model.typical,
            logit_scale: model.logit_scale,
            info: info.to_string(),
        })
    }
}
