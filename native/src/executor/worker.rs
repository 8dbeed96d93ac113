//! One executor of the library, and images in parts that it takes.

use std::time::Duration;

#[cfg(feature = "cuda")]
use intformer::runtime::cuda::Cuda;
use intformer::{
    Pixels,
    runtime::{Cpu, Executor, Reference, wgpu::Wgpu},
};
use intformer_shaders::Cost;

use crate::images;

/// An executor.
pub enum Worker {
    Reference(Reference),
    Cpu(Box<Cpu>),
    Wgpu(Box<Wgpu>),
    #[cfg(feature = "cuda")]
    Cuda(Box<Cuda>),
}

/// Images that the reference executor takes at once: more take memory and save no time.
const REFERENCE_BATCH: usize = 64;

/// The same for the CPU executor.
const CPU_BATCH: usize = 8;

impl Worker {
    /// As the library sees it.
    pub fn executor(&mut self) -> &mut dyn Executor {
        match self {
            Self::Reference(reference) => reference,
            Self::Cpu(cpu) => &mut **cpu,
            Self::Wgpu(wgpu) => &mut **wgpu,
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => &mut **cuda,
        }
    }

    /// The most images to run at once.
    pub fn most(&self) -> usize {
        match self {
            Self::Reference(_) => REFERENCE_BATCH,
            Self::Cpu(_) => CPU_BATCH,
            Self::Wgpu(wgpu) => wgpu.max_batch(),
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => cuda.max_batch(),
        }
    }

    /// The most images to trace at once.
    pub fn most_traced(&self) -> usize {
        match self {
            Self::Reference(_) => REFERENCE_BATCH,
            Self::Cpu(_) => CPU_BATCH,
            Self::Wgpu(wgpu) => wgpu.max_traced(),
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => cuda.max_batch(),
        }
    }

    /// The kernel or shader of each step with its time.
    pub fn times(&mut self, images: &[Pixels]) -> intformer::Result<Vec<(String, Duration)>> {
        let bytes = images::concat(images);
        let count = images.len();
        let named = |times: Vec<(&str, Duration)>| {
            let times = times.into_iter();
            times
                .map(|(kernel, time)| (kernel.to_owned(), time))
                .collect()
        };
        Ok(match self {
            Self::Reference(reference) => named(reference.times(&bytes, count)?),
            Self::Cpu(cpu) => named(cpu.times(&bytes, count)?),
            Self::Wgpu(wgpu) => {
                let times = wgpu.times(&bytes, count)?.into_iter();
                times.map(|step| (step.shader.label(), step.time)).collect()
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => {
                let times = cuda.times(&bytes, count)?.into_iter();
                times.map(|step| (step.kernels, step.time)).collect()
            }
        })
    }
}

/// What one step of a plan did.
pub struct StepTime {
    /// The kernel or shader.
    pub op: String,
    /// How long it took.
    pub time: Duration,
    /// What it had to do at least.
    pub cost: Cost,
}

/// `images` in parts of nearly equal size and at most `most` images. If not one image fits, that
/// is for the executor to say.
pub fn parts(images: &[Pixels], most: usize) -> impl Iterator<Item = &[Pixels]> {
    let count = images.len().div_ceil(most.max(1)).max(1);
    images.chunks(images.len().div_ceil(count).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_small_enough_and_of_nearly_equal_size() {
        let images = vec![Pixels::new(1, 1, 1, vec![0]).unwrap(); 64];
        let sizes = |most| {
            parts(&images, most)
                .map(<[Pixels]>::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(64), [64]);
        assert_eq!(sizes(1000), [64]);
        assert_eq!(sizes(60), [32, 32]);
        assert_eq!(sizes(10), [10, 10, 10, 10, 10, 10, 4]);
        assert_eq!(sizes(0).len(), 64);
    }
}
