//! A model on an executor: two classes with the same methods.

use intformer::plan::Counts;
use intformer::runtime::wgpu::{Options, Wgpu};
use intformer::runtime::{Batch, Cpu, Executor, Token};
use intformer::{Error, Result};
use wasm_bindgen::prelude::*;
use web_time::Duration;

use crate::error::thrown;
use crate::model::Model;

/// A model on the CPU, by WebAssembly, which every browser has.
///
/// Nothing here is asynchronous: what stops the module, such as a failed allocation, is thrown to
/// the caller, where a promise would never settle.
#[wasm_bindgen]
pub struct CpuSession(Cpu);

#[wasm_bindgen]
impl CpuSession {
    /// A session on the CPU.
    pub fn open(model: &Model) -> CpuSession {
        Self(Cpu::new(model.program.clone()))
    }

    /// Makes room for batches of so many items, and so many tokens of texts in all.
    ///
    /// Throws an error of the kind `out-of-memory`.
    pub fn prepare(&mut self, items: usize, tokens: usize) -> Result<(), JsValue> {
        self.0.prepare(Counts { items, tokens }).map_err(thrown)
    }

    /// The logits `[batch, classes]` of `batch` images, each with the pixels of
    /// [`Model::fit`].
    ///
    /// Throws an error of the kind `image` or `out-of-memory`.
    pub fn run(&mut self, pixels: &[u8], batch: usize) -> Result<Vec<i32>, JsValue> {
        let outputs = self.0.run(&Batch::images(pixels, batch));
        Ok(outputs.map_err(thrown)?.into_first())
    }

    /// What the model puts out for texts, one after the other: `segments` for each of the `ids` of tokens, and
    /// `starts` for each text and the end.
    ///
    /// Throws an error of the kind `text` or `out-of-memory`.
    pub fn run_texts(
        &mut self,
        ids: &[u32],
        segments: &[u32],
        starts: &[u32],
    ) -> Result<Vec<i32>, JsValue> {
        let (tokens, starts) = texts(ids, segments, starts);
        let outputs = self.0.run(&Batch::texts(&tokens, &starts));
        Ok(outputs.map_err(thrown)?.into_first())
    }

    /// What it runs on, in a line.
    pub fn adapter(&self) -> String {
        self.0.describe()
    }

    /// Bytes of weights, arena and working rows.
    pub fn memory(&self) -> f64 {
        self.0.memory() as f64
    }
}

/// Tokens and starts as a batch has them.
fn texts(ids: &[u32], segments: &[u32], starts: &[u32]) -> (Vec<Token>, Vec<usize>) {
    let tokens = ids.iter().zip(segments);
    let tokens = tokens.map(|(&id, &segment)| Token { id, segment });
    let starts = starts.iter().map(|&start| start as usize);
    (tokens.collect(), starts.collect())
}

/// A model on WebGPU.
#[wasm_bindgen]
pub struct GpuSession(Wgpu);

#[wasm_bindgen]
impl GpuSession {
    /// A session that measures kernels for `probe_milliseconds` for each batch size; 0 takes the
    /// likely ones.
    ///
    /// Throws an error of the kind `no-webgpu`, `device` or `out-of-memory`.
    pub async fn open(model: &Model, probe_milliseconds: u32) -> Result<GpuSession, JsValue> {
        let options = Options {
            probe: Duration::from_millis(probe_milliseconds.into()),
            ..Options::default()
        };
        let wgpu = Wgpu::new(model.program.clone(), options).await;
        wgpu.map(Self).map_err(thrown)
    }

    /// Allocates, chooses kernels and compiles for batches of so many items, and so many tokens of texts in all, so
    /// that the first run is as quick as later ones.
    ///
    /// Throws an error of the kind `device`, `device-lost` or `out-of-memory`.
    pub async fn prepare(&mut self, items: usize, tokens: usize) -> Result<(), JsValue> {
        let done = self.0.prepare_async(Counts { items, tokens }).await;
        self.settle(done).await
    }

    /// The logits `[batch, classes]` of `batch` images, each with the pixels of
    /// [`Model::fit`].
    ///
    /// Throws an error of the kind `image`, `device`, `device-lost` or `out-of-memory`.
    pub async fn run(&mut self, pixels: &[u8], batch: usize) -> Result<Vec<i32>, JsValue> {
        let outputs = self.0.run_async(&Batch::images(pixels, batch)).await;
        Ok(self.settle(outputs).await?.into_first())
    }

    /// What the model puts out for texts, as [`CpuSession::run_texts`].
    ///
    /// Throws an error of the kind `text`, `device`, `device-lost` or `out-of-memory`.
    pub async fn run_texts(
        &mut self,
        ids: &[u32],
        segments: &[u32],
        starts: &[u32],
    ) -> Result<Vec<i32>, JsValue> {
        let (tokens, starts) = texts(ids, segments, starts);
        let outputs = self.0.run_async(&Batch::texts(&tokens, &starts)).await;
        Ok(self.settle(outputs).await?.into_first())
    }

    /// What it runs on, in a line.
    pub fn adapter(&self) -> String {
        self.0.adapter()
    }

    /// Bytes of weights, arenas and read-backs on the device.
    pub fn memory(&self) -> f64 {
        self.0.memory() as f64
    }
}

impl GpuSession {
    /// The value, or what to throw. A browser tells that the device is lost a little after the
    /// calls that fail because of it.
    async fn settle<T>(&self, result: Result<T>) -> Result<T, JsValue> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if let Error::Device(_) = error {
            crate::pause::pause(Duration::from_millis(50)).await;
            if let Err(lost @ Error::DeviceLost(_)) = self.0.gpu().check() {
                return Err(thrown(lost));
            }
        }
        Err(thrown(error))
    }
}
