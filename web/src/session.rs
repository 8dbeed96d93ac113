//! A model on an executor.

use std::sync::Arc;

use intformer::plan::Program;
use intformer::runtime::wgpu::{Options, Wgpu};
use intformer::runtime::{Cpu, Executor};
use intformer::{Error, Result};
use wasm_bindgen::prelude::*;
use web_time::Duration;

use crate::error::thrown;
use crate::model::Model;

/// A model on an executor: WebGPU, or WASM on the CPU.
#[wasm_bindgen]
pub struct Session {
    program: Arc<Program>,
    engine: Engine,
    largest_batch: usize,
}

enum Engine {
    Wasm(Box<Cpu>),
    WebGpu(Box<Wgpu>),
}

#[wasm_bindgen]
impl Session {
    /// A session on the CPU, which every browser has.
    pub fn wasm(model: &Model) -> Session {
        let engine = Engine::Wasm(Box::new(Cpu::new(model.program.clone())));
        Self::new(model, engine)
    }

    /// A session on WebGPU that measures kernels for `probe_milliseconds` for each batch size; 0
    /// takes the likely ones.
    ///
    /// Throws an error of the kind `no-webgpu`, `device` or `out-of-memory`.
    pub async fn webgpu(model: &Model, probe_milliseconds: u32) -> Result<Session, JsValue> {
        let options = Options {
            probe: Duration::from_millis(probe_milliseconds.into()),
            ..Options::default()
        };
        let wgpu = Wgpu::new(model.program.clone(), options).await;
        let engine = Engine::WebGpu(Box::new(wgpu.map_err(thrown)?));
        Ok(Self::new(model, engine))
    }

    /// Allocates, chooses kernels and compiles for batches of `batch` images, so that the first
    /// run is as quick as later ones.
    ///
    /// Throws an error of the kind `device`, `device-lost` or `out-of-memory`.
    pub async fn prepare(&mut self, batch: usize) -> Result<(), JsValue> {
        let done = match &mut self.engine {
            Engine::Wasm(cpu) => cpu.prepare(batch),
            Engine::WebGpu(wgpu) => wgpu.prepare(batch).await,
        };
        self.settle(done).await?;
        self.largest_batch = self.largest_batch.max(batch);
        Ok(())
    }

    /// The logits `[batch, classes]` of `batch` images, each with the pixels of
    /// [`Model::fit`].
    ///
    /// Throws an error of the kind `image`, `device`, `device-lost` or `out-of-memory`.
    pub async fn run(&mut self, pixels: &[u8], batch: usize) -> Result<Vec<i32>, JsValue> {
        let logits = match &mut self.engine {
            Engine::Wasm(cpu) => cpu.run(pixels, batch),
            Engine::WebGpu(wgpu) => wgpu.run_async(pixels, batch).await,
        };
        let logits = self.settle(logits).await?;
        self.largest_batch = self.largest_batch.max(batch);
        Ok(logits)
    }

    /// What it runs on, in a line.
    pub fn adapter(&self) -> String {
        match &self.engine {
            Engine::Wasm(cpu) => cpu.describe(),
            Engine::WebGpu(wgpu) => wgpu.adapter(),
        }
    }

    /// The kernels chosen so far, in a line.
    pub fn kernels(&self) -> String {
        match &self.engine {
            Engine::Wasm(cpu) => cpu.describe(),
            Engine::WebGpu(wgpu) => wgpu.summary(),
        }
    }

    /// Bytes of weights and arena.
    pub fn memory(&self) -> f64 {
        let words = self.program.weights.len() + self.program.arena_words * self.largest_batch;
        4.0 * words as f64
    }
}

impl Session {
    fn new(model: &Model, engine: Engine) -> Self {
        Self {
            program: model.program.clone(),
            engine,
            largest_batch: 0,
        }
    }

    /// The value, or what to throw. A browser tells that the device is lost a little after the
    /// calls that fail because of it.
    async fn settle<T>(&self, result: Result<T>) -> Result<T, JsValue> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if let (Engine::WebGpu(wgpu), Error::Device(_)) = (&self.engine, &error) {
            crate::pause::pause(Duration::from_millis(50)).await;
            if let Err(lost @ Error::DeviceLost(_)) = wgpu.gpu().check() {
                return Err(thrown(lost));
            }
        }
        Err(thrown(error))
    }
}
