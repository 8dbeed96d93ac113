//! A model file that was read and checked.

use std::sync::Arc;

use intformer::architecture::{Census, InputShape};
use intformer::dense::Cells;
use intformer::picture::prepare_rgba;
use intformer::plan::{Checked, Counts, IntModel, Look, OutputKind, Program, Typical};
use intformer::{Error, ImageShape, Preprocessing, Result, Tokenization, likeliest};
use serde_json::json;
use wasm_bindgen::prelude::*;

use crate::error::thrown;

/// A compressed model: its description, and its plan ready to run.
#[wasm_bindgen]
pub struct Model {
    pub(crate) program: Arc<Program>,
    input: InputShape,
    preprocessing: Preprocessing,
    tokenization: Option<Tokenization>,
    typical: Option<Typical>,
    cells: Option<Cells>,
    classes: usize,
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

    /// The `tokenizer.json` of a model of texts; empty if it has none.
    pub fn tokenizer(&self) -> Vec<u8> {
        let json = self.tokenization.as_ref().map(|found| found.json.clone());
        json.unwrap_or_default()
    }

    /// The pixels that the model takes, from `width * height` pixels of red, green, blue and
    /// straight alpha.
    ///
    /// Throws an error of the kind `image`.
    pub fn fit(&self, rgba: &[u8], width: usize, height: usize) -> Result<Vec<u8>, JsValue> {
        let image = self.image().map_err(thrown)?;
        let pixels = prepare_rgba(rgba, height, width, &image, &self.preprocessing);
        Ok(pixels.map_err(thrown)?.data)
    }

    /// The `top` likeliest classes by the logits of an item, likeliest first: of each its number, its
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

    /// The class of each pixel of an image by the logits of its cells, row by row, at the size that the model takes.
    ///
    /// Throws an error of the kind `image` if the model gives none.
    pub fn mask(&self, logits: &[i32]) -> Result<Vec<u16>, JsValue> {
        let cells = self.cells.ok_or_else(|| {
            thrown(Error::Image(
                "expected a model with classes of pixels, found one without".to_owned(),
            ))
        })?;
        cells.classes(logits, self.classes).map_err(thrown)
    }

    /// What there is to say of an image beside its classes, as JSON: `spread`, `typicality`, `hint`.
    ///
    /// Takes the pixels of [`Model::fit`] and the logits.
    ///
    /// Throws an error of the kind `image`.
    pub fn look(&self, pixels: &[u8], logits: &[i32]) -> Result<String, JsValue> {
        let channels = self.image().map_err(thrown)?.channels;
        let look = Look::of(pixels, channels, logits, self.typical.as_ref());
        let hint = look.hint();
        let hint = hint.map(|hint| json!({ "kind": hint.word(), "message": hint.sentence() }));
        let json = json!({ "spread": look.spread, "typicality": look.typicality, "hint": hint });
        Ok(json.to_string())
    }
}

impl Model {
    fn image(&self) -> Result<ImageShape> {
        match self.input {
            InputShape::Image(image) => Ok(image),
            _ => Err(Error::Image(
                "expected a model that takes images, found one that takes texts".to_owned(),
            )),
        }
    }

    fn new(checked: Checked, file_bytes: usize) -> Result<Self> {
        let Checked {
            model,
            program,
            digest,
            format,
        } = checked;
        let input = model.config.input();
        let output = model.config.output_kind();
        // What the package has a call for.
        let (input_name, output_name, image, largest) = match (input, output) {
            (InputShape::Image(image), OutputKind::Logits) => {
                ("image", "classes", Some(image), Counts::of_items(1))
            }
            (InputShape::Image(image), OutputKind::MapLogits) => {
                ("image", "mask", Some(image), Counts::of_items(1))
            }
            (InputShape::Text(limits), OutputKind::Logits | OutputKind::Pooled) => {
                let output = match output {
                    OutputKind::Logits => "classes",
                    _ => "embedding",
                };
                let tokens = limits.positions as usize;
                ("text", output, None, Counts { items: 1, tokens })
            }
            _ => {
                return Err(Error::ModelFile(
                    "expected a model with classes or one that embeds texts, found one that gives features of \
                     images or classes of tokens"
                        .to_owned(),
                ));
            }
        };
        let census = Census::of(&model.config.graph());
        let info = json!({
            "digest": digest,
            "architecture": model.config.architecture(),
            "activation": model.config.activation().to_string(),
            "input": input_name,
            "output": output_name,
            "imageSize": image.map(|image| image.size()),
            "channels": image.map(|image| image.channels),
            "tokens": model.tokenization.as_ref().map(|found| found.limit),
            "outputs": model.config.outputs(),
            "classes": model.config.classes(),
            "labels": model.labels,
            "logitScale": model.logit_scale,
            "parameters": census.elements(),
            "macs": census.total_macs(),
            "dispatches": program.main().steps().len(),
            "weightBytes": 4 * program.weights().len(),
            "arenaBytes": 4 * program.room(largest).words(),
            "fileBytes": file_bytes,
            "formatVersion": format,
            "provenance": model.provenance,
        });
        Ok(Self {
            program: Arc::new(program),
            input,
            preprocessing: model.preprocessing,
            tokenization: model.tokenization,
            typical: model.typical,
            cells: model.config.cells(),
            classes: model.config.classes(),
            logit_scale: model.logit_scale,
            info: info.to_string(),
        })
    }
}
