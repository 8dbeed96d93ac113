//! One executor of the library, and images in parts that it takes.

use std::{ops::Range, time::Duration};

#[cfg(feature = "cuda")]
use intformer::runtime::cuda::Cuda;
use intformer::runtime::{Cpu, Executor, Reference, wgpu::Wgpu};
use intformer_shaders::Cost;

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
    pub fn times(
        &mut self,
        bytes: &[u8],
        count: usize,
    ) -> intformer::Result<Vec<(String, Duration)>> {
        let named = |times: Vec<(&str, Duration)>| {
            let times = times.into_iter();
            times
                .map(|(kernel, time)| (kernel.to_owned(), time))
                .collect()
        };
        Ok(match self {
            Self::Reference(reference) => named(reference.times(bytes, count)?),
            Self::Cpu(cpu) => named(cpu.times(bytes, count)?),
            Self::Wgpu(wgpu) => {
                let times = wgpu.times(bytes, count)?.into_iter();
                times.map(|step| (step.shader.label(), step.time)).collect()
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => {
                let times = cuda.times(bytes, count)?.into_iter();
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
pub fn parts(images: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = images.len().div_ceil(most.max(1)).max(1);
    let each = images.len().div_ceil(count).max(1);
    let end = images.end;
    images
        .step_by(each)
        .map(move |start| start..(start + each).min(end))
}

/// `images` shared among `workers` as evenly as can be: a part for each, or for each image if those
/// are fewer.
pub fn shares(images: usize, workers: usize) -> Vec<Range<usize>> {
    let count = workers.min(images);
    let start = |at| at * images / count;
    (0..count).map(|at| start(at)..start(at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_gets_a_share() {
        for (images, workers) in (0..40).flat_map(|images| (1..40).map(move |n| (images, n))) {
            let shares = shares(images, workers);
            assert_eq!(shares.len(), images.min(workers));
            let all: Vec<usize> = shares.iter().cloned().flatten().collect();
            assert!(all.into_iter().eq(0..images));
            let sizes = || shares.iter().map(Range::len);
            assert!(sizes().max() <= sizes().min().map(|least| least + 1));
            assert_ne!(sizes().min(), Some(0));
        }
    }

    #[test]
    fn parts_are_small_enough_and_of_nearly_equal_size() {
        let sizes = |most| {
            let parts: Vec<_> = parts(3..67, most).collect();
            assert_eq!((parts[0].start, parts[parts.len() - 1].end), (3, 67));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            parts.iter().map(Range::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(64), [64]);
        assert_eq!(sizes(1000), [64]);
        assert_eq!(sizes(60), [32, 32]);
        assert_eq!(sizes(10), [10, 10, 10, 10, 10, 10, 4]);
        assert_eq!(sizes(0).len(), 64);
        assert_eq!(super::parts(3..3, 8).count(), 0);
    }
}
