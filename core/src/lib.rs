//! Take a trained transformer, make it smaller and integer-only with published methods, and run
//! the result with the same bits on every runtime.
//!
//! # Running a compressed model
//!
//! A compressed model is one file: integer weights and a [`plan`], the list of operations over them.
//! Its program runs on any of the executors of [`runtime`]. [`picture`] makes pixels of an image file.
//! (Paths in these examples are those of the repository.)
//!
//! ```
//! use std::{cmp::Reverse, sync::Arc};
//!
//! use intformer::{
//!     picture,
//!     plan::IntModel,
//!     runtime::{Batch, Cpu, Executor},
//! };
//!
//! # #[cfg(feature = "image")]
//! # fn main() -> intformer::Result<()> {
//! # std::env::set_current_dir("..").expect("the repository");
//! let model = IntModel::load("models/glyphs.safetensors")?;
//! let mut cpu = Cpu::new(Arc::new(model.program()?));
//!
//! let image = picture::load("models/samples/7.png", &model.config.image()?, &model.preprocessing)?;
//! let logits = cpu.run(&Batch::images(&image.data, 1))?.into_first();
//!
//! // The five likeliest classes; logits are integers, in units of `logit_scale`.
//! let mut classes: Vec<usize> = (0..logits.len()).collect();
//! classes.sort_by_key(|&class| Reverse(logits[class]));
//! for &class in &classes[..5] {
//!     let logit = f64::from(logits[class]) * model.logit_scale;
//!     println!("{:3} {logit:6.2}", model.labels[class]);
//! }
//! assert_eq!(model.labels[classes[0]], "7");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "image"))]
//! # fn main() {}
//! ```
//!
//! # Making one
//!
//! With the feature `float`: `checkpoint` reads what another library trained, `float` shows it some
//! images like those that it will see, and [`quant`] makes integers of both.
//!
//! ```
//! # #[cfg(feature = "float")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # std::env::set_current_dir("..")?;
//! use intformer::{
//!     checkpoint, float, picture,
//!     quant::{QuantizeOptions, quantize},
//! };
//!
//! let float_model = checkpoint::load("models/glyphs-float.safetensors")?;
//! let images = ["4", "7", "A", "B", "Q", "Z"]
//!     .map(|name| format!("models/samples/{name}.png"))
//!     .iter()
//!     .map(|file| picture::load(file, &float_model.config.image()?, &float_model.preprocessing))
//!     .collect::<Result<Vec<_>, _>>()?;
//!
//! let calibration = float::calibrate(&float_model, &images, |_| ())?;
//! let (options, count) = (QuantizeOptions::default(), images.len());
//! let model = quantize(&float_model, &calibration, &options, "samples", count)?;
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("glyphs.safetensors");
//! model.save(&file)?;
//! let before = std::fs::metadata("models/glyphs-float.safetensors")?.len();
//! assert!(3 * std::fs::metadata(&file)?.len() < before);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "float"))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `wgpu` (default) | the executor on GPUs, natively and in browsers |
//! | `cuda` | the executor on NVIDIA cards; the driver is loaded at run time |
//! | `image`, `webp`, `formats` (default) | image files: PNG and JPEG; WebP; BMP, GIF, TIFF, PNM |
//! | `data` | data sets: image folders, glyphs, tables of texts |
//! | `import` | checkpoints |
//! | `tokenizer` | tokens of texts |
//! | `hub` | checkpoints by their id on the Hugging Face hub |
//! | `float` | float models over burn: training, calibration, the methods; with `import` and `data` |
//! | `comparison` | what is not integer-only, to measure against |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod architecture;
#[cfg(feature = "import")]
pub mod checkpoint;
mod cholesky;
mod class_order;
#[cfg(feature = "data")]
pub mod data;
pub mod dense;
mod digest;
mod error;
mod file;
#[cfg(feature = "float")]
pub mod float;
mod float_model;
pub mod graph;
mod input;
mod likeliest;
#[cfg(feature = "data")]
pub mod method;
mod order;
pub mod plan;
pub mod quant;
#[cfg(feature = "data")]
mod rescale;
pub mod runtime;
mod tensor;

/// Pages of `docs/` whose examples are run with the others.
#[cfg(all(doctest, feature = "cuda"))]
#[doc = include_str!("../../docs/cuda.md")]
mod pages {}

pub use class_order::ClassOrder;
pub use digest::digest;
pub(crate) use digest::hex;
pub use error::{Error, Result};
pub use float_model::FloatModel;
pub use input::{
    Decoding, Filter, ImageShape, Pixels, Preprocessing, Resize, Tokenization, picture,
};
#[cfg(feature = "tokenizer")]
pub use input::{Encoded, Tokenizer};
pub use likeliest::{Likely, likeliest};
#[cfg(feature = "data")]
pub use rescale::rescale;
pub use tensor::{HostTensor, Params};

/// The example of the README, which is compiled.
#[cfg(all(doctest, feature = "image"))]
#[doc = include_str!("../README.md")]
struct Readme;
