//! Measuring the variants on the adapter, within a time limit, and keeping the fastest.

use std::collections::{HashMap, hash_map::Entry};

use intformer_shaders::{Dispatch, Shader};
use web_time::{Duration, Instant};

use super::choice::{candidates, contenders};
use super::gpu::Gpu;
use crate::{Error, Result, order::largest_first};

/// Work measured at most on a software adapter, where a whole layer may take a second.
const SOFTWARE_WORK: u64 = 1 << 21;

/// A variant chosen for a class of dispatches.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The shape, for people.
    pub shape: String,
    /// The variant.
    pub shader: &'static Shader,
    /// Measured time of each variant tried, of a part of the work on software adapters; empty if
    /// there was nothing to choose or no time left.
    pub measured: Vec<(&'static Shader, Duration)>,
}

/// The choices so far.
#[derive(Default)]
pub(super) struct Choices {
    chosen: HashMap<Dispatch, Chosen>,
}

impl Choices {
    /// The choices, in a stable order.
    pub fn chosen(&self) -> Vec<&Chosen> {
        let mut all: Vec<_> = self.chosen.values().collect();
        all.sort_by_key(|chosen| (chosen.shader.kernel, chosen.shape.clone()));
        all
    }

    /// The variant for each of `dispatches`, measured on `weights` and `arena` (whose content is
    /// lost) for at most about `limit`.
    pub async fn choose(
        &mut self,
        gpu: &Gpu,
        dispatches: &[Dispatch],
        weights: &wgpu::Buffer,
        arena: &wgpu::Buffer,
        limit: Duration,
    ) -> Result<Vec<&'static Shader>> {
        let start = Instant::now();
        let software = gpu.is_software();
        // The most costly classes first, should the time run out.
        let work = dispatches.iter().map(Dispatch::work);
        let mut shaders = vec![None; dispatches.len()];
        for at in largest_first(work) {
            let dispatch = &dispatches[at];
            let sample = if software {
                dispatch.sample().shrunk(SOFTWARE_WORK)
            } else {
                dispatch.sample()
            };
            let entry = self.chosen.entry(sample.class());
            let chosen = if let Entry::Occupied(known) = entry {
                known.into_mut()
            } else {
                let mut chosen = likeliest(gpu, dispatch)?;
                let others: Vec<_> = contenders(dispatch, gpu.kind())
                    .into_iter()
                    .filter(|shader| gpu.supports(shader))
                    .collect();
                if others.len() > 1 {
                    for shader in others {
                        if start.elapsed() >= limit {
                            break;
                        }
                        let pipeline = gpu.pipeline(shader).await?;
                        let time = measure(gpu, &pipeline, shader, &sample, weights, arena).await?;
                        chosen.measured.push((shader, time));
                    }
                }
                if let Some(&(shader, _)) = chosen.measured.iter().min_by_key(|(_, time)| *time) {
                    chosen.shader = shader;
                }
                entry.or_insert(chosen)
            };
            shaders[at] = Some(chosen.shader);
        }
        Ok(shaders.into_iter().flatten().collect())
    }
}

/// The variant to take without measuring.
fn likeliest(gpu: &Gpu, dispatch: &Dispatch) -> Result<Chosen> {
    let shader = candidates(dispatch, gpu.kind())
        .into_iter()
        .find(|shader| gpu.supports(shader) && shader.workgroups(dispatch).is_some());
    let shader = shader.ok_or_else(|| {
        Error::Device(format!(
            "no variant of {} takes the shape {}",
            dispatch.name(),
            dispatch.shape()
        ))
    })?;
    Ok(Chosen {
        shape: dispatch.shape(),
        shader,
        measured: Vec::new(),
    })
}

/// The time of one dispatch, after a warm-up, averaged over as many as fit a millisecond.
async fn measure(
    gpu: &Gpu,
    pipeline: &wgpu::ComputePipeline,
    shader: &Shader,
    dispatch: &Dispatch,
    weights: &wgpu::Buffer,
    arena: &wgpu::Buffer,
) -> Result<Duration> {
    let blocks = gpu.blocks(std::slice::from_ref(dispatch)).await?;
    let group = gpu.bind(weights, arena, &blocks);
    let Some([x, y]) = shader.workgroups(dispatch) else {
        return Ok(Duration::MAX);
    };
    let run = async |repeats: u32| {
        let start = Instant::now();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &group, &[0]);
            for _ in 0..repeats {
                pass.dispatch_workgroups(x, y, 1);
            }
        }
        gpu.queue.submit([encoder.finish()]);
        gpu.finished().await;
        start.elapsed()
    };
    run(1).await;
    gpu.check()?;
    let first = run(1).await;
    let repeats = Duration::from_millis(1).as_nanos() / first.as_nanos().max(1);
    let repeats = (repeats as u32).clamp(1, 32);
    // The smallest of a few: other programs only ever add to the time.
    let mut least = first;
    for _ in 0..2 {
        least = least.min(run(repeats).await / repeats);
    }
    gpu.check()?;
    Ok(least)
}
