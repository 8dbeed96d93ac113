//! Waiting for the device, natively.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use intformer_shaders::{Dispatch, Shader};

use super::{Gpu, Options, Wgpu};
use crate::{
    Error, Result,
    plan::{Counts, Entry, Program},
    runtime::{Batch, Executor, Outputs, StepTime},
};

/// Drives `future` to its end, letting the device work whenever the future waits.
fn wait<T>(device: &wgpu::Device, future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let mut failure = None;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        // The future has seen the device's last answers by now and still waits.
        if let Some(error) = failure {
            return Err(Error::Device(format!(
                "the device stopped answering: {error}"
            )));
        }
        failure = device.poll(wgpu::PollType::wait_indefinitely()).err();
    }
}

/// Drives a future that waits for no device of ours.
fn drive<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::yield_now();
    }
}

impl Gpu {
    /// [`Gpu::open`], waited for.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_blocking(options: &Options) -> Result<Self> {
        drive(Self::open(options))
    }

    /// [`Gpu::run_once`], waited for.
    ///
    /// # Errors
    /// As [`Gpu::run_once`].
    pub fn run_once_blocking(
        &self,
        shader: &Shader,
        dispatch: &Dispatch,
        weights: &[u32],
        arena: &[u32],
    ) -> Result<Vec<u32>> {
        wait(
            &self.device,
            self.run_once(shader, dispatch, weights, arena),
        )
    }
}

impl Wgpu {
    /// [`Wgpu::new`], waited for.
    ///
    /// # Errors
    /// As [`Wgpu::new`].
    pub fn new_blocking(program: Arc<Program>, options: Options) -> Result<Self> {
        drive(Self::new(program, options))
    }
}

impl Executor for Wgpu {
    fn name(&self) -> &'static str {
        "wgpu"
    }

    fn describe(&self) -> String {
        self.summary()
    }

    fn program(&self) -> &Arc<Program> {
        &self.program
    }

    fn max_batch(&self) -> Counts {
        self.most()
    }

    /// As many as the read-back has room for.
    fn max_traced(&self) -> Counts {
        let traced =
            |entry: &Entry| -> usize { entry.steps.iter().map(|step| step.output.words).sum() };
        let words = self.program.entries.iter().map(traced).max().unwrap_or(0);
        let fitting = (self.gpu.most_bytes(false) / (4 * words.max(1)) as u64) as usize;
        let Counts { items, tokens } = self.max_batch();
        Counts {
            items: items.min(fitting),
            tokens: tokens.min(fitting),
        }
    }

    fn prepare(&mut self, counts: Counts) -> Result<()> {
        wait(&self.gpu.device.clone(), self.prepare_async(counts))
    }

    fn run(&mut self, batch: &Batch) -> Result<Outputs> {
        wait(&self.gpu.device.clone(), self.run_async(batch))
    }

    fn forget(&mut self) -> Result<()> {
        Self::forget(self)
    }

    fn trace(&mut self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        wait(&self.gpu.device.clone(), self.trace_async(batch))
    }

    fn times(&mut self, batch: &Batch) -> Result<Vec<StepTime>> {
        wait(&self.gpu.device.clone(), self.times_async(batch))
    }
}
