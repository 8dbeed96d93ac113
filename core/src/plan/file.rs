//! The compressed model: a `.safetensors` file of integer tensors with the plan in its metadata.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use safetensors::{SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Epilogue, InputKind, IntTensor, IntWeights, MAIN, Plan, Program, ProgramPort, Typical,
    header::{
        Header, KEY, Metadata, Stored, TOKENIZER, Texts, Version, as_stored, digest, dtype,
        int_type, json, stored,
    },
    mistaken,
    wire::{read_further, write_further},
};
use crate::{
    ClassOrder, Error, Preprocessing, Result, Tokenization,
    architecture::{Config, InputShape},
    float_model::prepared,
    input::is_default,
};

/// The format version that this library writes, and the newest it reads.
///
/// 1: the first; 2: activation by block, `i_gelu`, `shift_gelu`; 3: windows that do not divide the
/// map, other filters than bicubic, other decoding, the order of classes; 4: plans that take tokens, put
/// out several things or keep state, several plans, second tables, other architectures than Swin. Each is read as it was. A
/// model is written as the lowest from 2 on that can say it, so that older readers take it.
pub const FORMAT: u32 = 4;
/// The largest real value of one of the integers of a logit.
const MAX_LOGIT_SCALE: f64 = 1e100;
/// Bytes that a model file may have: 1 GiB.
const MAX_FILE: u64 = 1 << 30;

/// How a compressed model came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Where the calibration images came from; `random` means: for latency work alone.
    pub calibration: String,
    /// Calibration images.
    pub images: usize,
    /// The quantizer's options, for the reader.
    pub options: String,
}

/// An integer-only model.
///
/// # Examples
///
/// What a file says of itself:
///
/// ```
/// use intformer::plan::IntModel;
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = IntModel::load("models/glyphs.safetensors")?;
/// assert_eq!(model.config.image()?.to_string(), "32x32x1");
/// assert_eq!(model.labels[..3], ["0O", "1I", "2"]);
/// assert_eq!(model.provenance.images, 512);
///
/// // What it computes: 28 steps, and about a byte for each parameter of the float model.
/// assert_eq!(model.plan.steps.len(), 28);
/// assert_eq!(model.plan.steps[3].name, "layers.0.blocks.0.attn.qkv");
/// assert_eq!(model.weights.bytes(), 571_236);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IntModel {
    /// Hyper-parameters of the float model it was made from.
    pub config: Config,
    /// From image file to pixels; [`Preprocessing::none`] if the model takes texts.
    pub preprocessing: Preprocessing,
    /// From text to tokens, if the model takes texts and a tokenizer came with it.
    pub tokenization: Option<Tokenization>,
    /// Names of the classes; as many as [`Config::classes`], or none.
    pub labels: Vec<String>,
    /// How the trainer numbers folders of classes, if that is known and there are no labels.
    pub class_order: Option<ClassOrder>,
    /// How it was made.
    pub provenance: Provenance,
    /// What it answered to its calibration images; `None` if those were not measured.
    pub typical: Option<Typical>,
    /// Real logits are the integer ones times this; for display alone.
    pub logit_scale: f64,
    /// What is computed.
    pub plan: Plan,
    /// What else can be, by name: further plans over the same weights, which share its arena and state.
    pub plans: BTreeMap<String, Plan>,
    /// With which weights.
    pub weights: IntWeights,
}

/// A model file that was read and checked.
pub struct Checked {
    /// The model.
    pub model: IntModel,
    /// Its plan ready to run.
    pub program: Program,
    /// The digest that the file states and its content has.
    pub digest: String,
    /// The format version that the file states.
    pub format: u32,
}

impl IntModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::Io`], or as [`IntModel::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::open(path)?.model)
    }

    /// [`IntModel::load`] with what checking it brought to light.
    ///
    /// # Errors
    /// As [`IntModel::load`].
    pub fn open(path: impl AsRef<Path>) -> Result<Checked> {
        let path = path.as_ref();
        let size = fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
        if size > MAX_FILE {
            return Err(Error::ModelFile(format!(
                "expected at most {MAX_FILE} bytes, found {size}"
            )));
        }
        Self::read(&fs::read(path).map_err(|e| Error::io(path, e))?)
    }

    /// Reads the bytes of a model file and checks all that a program relies on.
    ///
    /// # Errors
    /// [`Error::NewerFormat`], or [`Error::ModelFile`] for anything malformed, truncated, with a
    /// wrong digest, or outside the integer contract.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self::read(bytes)?.model)
    }

    /// [`IntModel::from_bytes`] with what checking it brought to light.
    ///
    /// # Errors
    /// As [`IntModel::from_bytes`].
    ///
    /// # Examples
    ///
    /// A model that came over the network is run only if it is the one that was meant:
    ///
    /// ```
    /// use intformer::plan::IntModel;
    ///
    /// # std::env::set_current_dir("..")?;
    /// let bytes = std::fs::read("models/glyphs.safetensors")?;
    /// let read = IntModel::read(&bytes)?;
    /// let meant = "104fdd709fd06608004cb89b7cf3ed3386b740161a43dae76d7e181347dd5928";
    /// assert_eq!(read.digest, meant);
    /// let program = read.program;
    /// assert_eq!(program.main().inputs()[0].elements(), 32 * 32);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Checked> {
        let other = || {
            let found = mistaken::what(bytes);
            Error::ModelFile(format!(
                "expected a model that `intformer quantize` wrote, found {found}"
            ))
        };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|_| other())?;
        let metadata = metadata.metadata().as_ref();
        let text = metadata.and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(other)?;
        let Version { format } = json(KEY, text)?;
        if !(1..=FORMAT).contains(&format) {
            return Err(match format > FORMAT {
                true => Error::NewerFormat {
                    supported: FORMAT,
                    found: format,
                },
                false => Error::ModelFile(format!(
                    "expected a format version from 1 to {FORMAT}, found {format}"
                )),
            });
        }
        let Metadata {
            digest: expected,
            model,
            plan,
            plans,
            typical,
            ..
        } = json(KEY, text)?;
        typical.as_ref().map_or(Ok(()), Typical::validate)?;

        let mut weights = IntWeights::default();
        for (name, view) in SafeTensors::deserialize(bytes)
            .map_err(|_| other())?
            .tensors()
        {
            let tensor = IntTensor {
                kind: int_type(&name, view.dtype())?,
                shape: view.shape().to_vec(),
                bytes: view.data().to_vec(),
            };
            weights.0.insert(name, tensor);
        }
        let texts = Texts { model, plan, plans };
        let found = digest(&texts, stored(&weights));
        if expected != found {
            return Err(Error::ModelFile(format!(
                "expected the digest {expected}, found {found}: the file is damaged"
            )));
        }

        let header: Header = json("intformer.model", texts.model.get())?;
        header.config.validate()?;
        let mut plan: Plan = json("intformer.plan", texts.plan.get())?;
        let plans = texts.plans.as_ref();
        let plans = plans.map(|plans| read_further(plans.get()));
        if plan.is_plain() {
            let kind = header.config.output_kind();
            plan.outputs
                .iter_mut()
                .for_each(|output| output.kind = kind);
        }
        let logit_scale = match header.logit_scale.parse::<f64>() {
            // Every logit is a finite number.
            Ok(scale) if scale > 0.0 && scale <= MAX_LOGIT_SCALE => scale,
            _ => {
                return Err(Error::ModelFile(format!(
                    "expected a positive logit scale, found {:?}",
                    header.logit_scale
                )));
            }
        };
        let tokenization = header.tokenization(&mut weights)?;
        let model = Self {
            config: header.config,
            preprocessing: header.preprocessing,
            tokenization,
            labels: header.labels,
            class_order: header.class_order,
            provenance: header.provenance,
            typical,
            logit_scale,
            plan,
            plans: plans.transpose()?.unwrap_or_default(),
            weights,
        };
        let program = model.check()?;
        Ok(Checked {
            model,
            program,
            digest: found,
            format,
        })
    }

    /// Whether all but the configuration, which is valid, fits it.
    fn check(&self) -> Result<Program> {
        prepared(
            &self.config,
            &self.preprocessing,
            self.tokenization.as_ref(),
        )?;
        let program = self.program()?;
        let main = program.main();
        let takes = match self.config.input() {
            InputShape::Image(image) => {
                let first = main.inputs.first().filter(|_| main.inputs.len() == 1);
                let found = first.filter(|port| port.kind == InputKind::Pixels);
                found.map_or(0, ProgramPort::elements) == image.bytes()
            }
            InputShape::Text(limits) => {
                let tokens = main
                    .inputs
                    .iter()
                    .filter(|port| port.kind != InputKind::Spans);
                let kinds: Vec<InputKind> = tokens.map(|port| port.kind).collect();
                kinds == [InputKind::Tokens(limits)]
            }
        };
        let kind = self.config.output_kind();
        let output = main.outputs.iter().find(|port| port.kind == kind);
        let rows = self.config.cells().map_or(1, |cells| cells.rows());
        let wanted = rows.checked_mul(self.config.outputs());
        let outputs = [
            wanted.unwrap_or(usize::MAX),
            output.map_or(0, ProgramPort::elements),
        ];
        if !takes || outputs[0] != outputs[1] {
            return Err(Error::ModelFile(format!(
                "expected a plan that takes {:?} and puts out {} numbers, found one that takes {:?} and puts out {}",
                self.config.input(),
                outputs[0],
                main.inputs.iter().map(|port| port.kind).collect::<Vec<_>>(),
                outputs[1]
            )));
        }
        // What an image gives would depend on those before it.
        if main.has_state() {
            return Err(Error::ModelFile(
                "expected a main plan that keeps no state, found one that does".to_owned(),
            ));
        }
        if !self.labels.is_empty() && self.labels.len() != self.config.classes() {
            return Err(Error::ModelFile(format!(
                "expected {} class names, found {}",
                self.config.classes(),
                self.labels.len()
            )));
        }
        Ok(program)
    }

    /// The plans ready to run, the main one first.
    ///
    /// # Errors
    /// As [`Program::new`]; a model that was loaded has been checked.
    pub fn program(&self) -> Result<Program> {
        let main = std::iter::once((MAIN, &self.plan));
        let named = self.plans.iter().map(|(name, plan)| (name.as_str(), plan));
        Program::of(main.chain(named), &self.weights)
    }

    /// The bytes of the model file.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if the tensors cannot be serialized.
    ///
    /// # Examples
    ///
    /// ```
    /// use intformer::plan::IntModel;
    ///
    /// # std::env::set_current_dir("..").expect("the repository");
    /// let model = IntModel::load("models/glyphs.safetensors")?;
    /// let mut bytes = model.to_bytes()?;
    /// assert_eq!(IntModel::from_bytes(&bytes)?, model);
    ///
    /// // One bit of one weight is enough to be noticed.
    /// *bytes.last_mut().expect("a file") ^= 1;
    /// let error = IntModel::from_bytes(&bytes).unwrap_err();
    /// assert!(error.to_string().ends_with("the file is damaged"));
    /// # Ok::<(), intformer::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let fail = |e: &dyn std::fmt::Display| Error::ModelFile(e.to_string());
        let texts = self.texts()?;
        let metadata = Metadata {
            format: self.format(),
            digest: digest(&texts, self.tensors()),
            model: texts.model,
            plan: texts.plan,
            plans: texts.plans,
            typical: self.typical.clone(),
        };
        let metadata = serde_json::to_string(&metadata).map_err(|e| fail(&e))?;
        let views = self
            .tensors()
            .map(|(name, kind, shape, bytes)| {
                TensorView::new(dtype(kind), shape, bytes)
                    .map(|view| (name, view))
                    .map_err(|e| fail(&e))
            })
            .collect::<Result<BTreeMap<_, _>>>()?;
        // One entry alone: the order of several would differ from run to run.
        let metadata = HashMap::from([(KEY.to_owned(), metadata)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| fail(&e))
    }

    /// The lowest format version that can say this.
    fn format(&self) -> u32 {
        let pre = &self.preprocessing;
        let preprocessed = match is_default(&pre.filter) && is_default(&pre.decoding) {
            true => 2,
            false => 3,
        };
        let ordered = if self.class_order.is_some() { 3 } else { 2 };
        let steps = &self.plan.steps;
        let split = |epilogue: &Epilogue| epilogue.split().is_some();
        let splits = steps
            .iter()
            .any(|step| step.operation.epilogue().is_some_and(split));
        let planned = match self.plan.is_plain() && self.plans.is_empty() && !splits {
            true => 2,
            false => 4,
        };
        let parts = [self.config.format(), preprocessed, ordered, planned];
        parts.into_iter().max().unwrap_or(FORMAT)
    }

    /// The digest that the file of [`IntModel::to_bytes`] states: of all but the format version and [`IntModel::typical`].
    ///
    /// # Errors
    /// As [`IntModel::to_bytes`].
    pub fn digest(&self) -> Result<String> {
        Ok(digest(&self.texts()?, self.tensors()))
    }

    /// The tensors as they stand in the file, in the order of their names.
    fn tensors(&self) -> impl Iterator<Item = Stored<'_>> {
        let weights = &self.weights;
        let before = weights.0.range(..TOKENIZER.to_owned());
        let after = weights.0.range(TOKENIZER.to_owned()..);
        let tokenizer = self.tokenization.iter().map(|found| found.stored());
        let [before, after] = [before, after].map(|part| part.map(as_stored));
        before.chain(tokenizer).chain(after)
    }

    /// The header and the plans as they stand in the file.
    fn texts(&self) -> Result<Texts> {
        let header = Header {
            config: self.config.clone(),
            preprocessing: self.preprocessing.clone(),
            tokens: self.tokenization.as_ref().map(|found| found.limit),
            labels: self.labels.clone(),
            class_order: self.class_order,
            provenance: self.provenance.clone(),
            logit_scale: format!("{:?}", self.logit_scale),
        };
        let raw = |text: serde_json::Result<String>| {
            text.and_then(RawValue::from_string)
                .map_err(|e| Error::ModelFile(e.to_string()))
        };
        let plans = (!self.plans.is_empty()).then(|| write_further(&self.plans));
        Ok(Texts {
            model: raw(serde_json::to_string(&header))?,
            plan: raw(serde_json::to_string(&self.plan))?,
            plans: plans.map(|plans| raw(Ok(plans?))).transpose()?,
        })
    }

    /// Writes the model file under a temporary name and renames it.
    ///
    /// # Errors
    /// [`Error::Io`], or as [`IntModel::to_bytes`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::file::replace(path.as_ref(), &self.to_bytes()?)
    }
}
